//! One signed Response against the bare signatures in it. Ratios between the lines matter, seconds are the machine's.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start has nothing to measure")]

use std::collections::BTreeMap;
use std::hint::black_box;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use criterion::{Criterion, criterion_group, criterion_main};
use idp::domain::account::{AccountId, Profile};
use idp::domain::interaction::{AuthnContext, SamlReply};
use idp::domain::release::{Attribute, Released};
use idp::domain::relying_party::{AssertionConsumer, EncryptionMethods, NameIdFormat, PartyId, SamlParty};
use idp::domain::saml_options::{SamlOptions, Sign};
use idp::domain::session::{Session, SessionId};
use idp::saml::encryption::Seal;
use idp::saml::response::{Answer, Drawn, write};
use idp::saml::signing::{SigningKey, Unsigned};
use time::macros::datetime;

struct Key {
    pair: KeyPair,
    /// As long as a certificate of such a key.
    certificate: String,
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unsigned> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map(|()| signature).map_err(|_| Unsigned)
    }

    fn certificate(&self) -> &str {
        &self.certificate
    }
}

fn released() -> Vec<Released> {
    let values = [
        (Attribute::FamilyName, vec!["Lefèvre d'Ormesson"]),
        (Attribute::GivenName, vec!["Anne-Sophie"]),
        (Attribute::ReturnUrl, vec!["https://idp.example/idp/profile/Logout"]),
        (Attribute::PersonAffiliation, vec!["resp1d", "resp2d"]),
        (Attribute::DirectoryReference, vec!["{AAF}1|PersRelEleve|1234567", "{AAF}6|PersRelEleve|7654321"]),
        (Attribute::EduVector, vec!["2|LEFEVRE|Anne|1001|0750655E", "2|LEFEVRE|Anne|1002|0750655E"]),
    ];
    let owned = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect();
    values.into_iter().map(|(attribute, values)| Released { attribute, values: owned(values) }).collect()
}

fn sign(c: &mut Criterion) {
    let key = Key { pair: KeyPair::generate(KeySize::Rsa2048).unwrap(), certificate: "A".repeat(1_068) };
    let now = datetime!(2027-01-04 08:00:00 UTC);
    let consumer = "https://ent.example/saml/acs".to_owned();
    let party = PartyId("https://ent.example/saml".to_owned());
    let saml = SamlParty {
        assertion_consumers: vec![AssertionConsumer { location: consumer.clone(), index: 0, is_default: true }],
        signing_certificates: Vec::new(),
        encryption_certificates: Vec::new(),
        requests_signed: false,
        name_id_format: NameIdFormat::Persistent,
        valid_until: None,
        attribute_names: BTreeMap::new(),
        wants_signed_assertions: false,
        encryption: EncryptionMethods::default(),
        options: SamlOptions::default(),
        logout_services: Vec::new(),
    };
    let reply = SamlReply {
        request_id: Some("_0123456789abcdef0123456789abcdef".to_owned()),
        consumer,
        relay_state: Some("/accueil".to_owned()),
        name_id_format: NameIdFormat::Persistent,
        authn_context: AuthnContext::default(),
        subject: None,
    };
    let session = Session {
        id: SessionId::from_random([1; 16]),
        account: AccountId::from_random([2; 16]),
        profile: Profile::Guardian,
        authenticated_at: now,
        seen_at: now,
        expires_at: now,
        pending: None,
        on_shared_device: false,
    };
    let released = released();
    let answer = |saml| Answer {
        entity_id: "https://idp.example/idp",
        party: &party,
        saml,
        reply: &reply,
        name_id: "MZXW6YTBOI5DCMRTGQ2TMNZYHE2DKNRX",
        session: &session,
        released: &released,
        now,
    };
    let once = with(&saml, |party| party.options.sign = Sign::Response);
    let sealed = with(&saml, |party| party.encryption_certificates = vec![certificate()]);
    let mut group = c.benchmark_group("saml answer");
    let message = [0; 512];
    group.bench_function("one bare RSA-2048 signature", |b| b.iter(|| key.sign(black_box(&message)).unwrap()));
    group.bench_function("Response alone signed", |b| {
        b.iter(|| write(black_box(&answer(&once)), drawn(), &key).unwrap());
    });
    group.bench_function("two bare RSA-2048 signatures", |b| {
        b.iter(|| (key.sign(black_box(&message)).unwrap(), key.sign(black_box(&message)).unwrap()));
    });
    group.bench_function("Response and Assertion, both signed", |b| {
        b.iter(|| write(black_box(&answer(&saml)), drawn(), &key).unwrap());
    });
    group.bench_function("both signed, the Assertion encrypted", |b| {
        b.iter(|| write(black_box(&answer(&sealed)), drawn(), &key).unwrap());
    });
    group.finish();
}

const fn drawn() -> Drawn {
    Drawn { response: [3; 16], assertion: [4; 16], seal: Seal { key: [5; 32], nonce: [6; 12] } }
}

fn with(saml: &SamlParty, change: impl FnOnce(&mut SamlParty)) -> SamlParty {
    let mut changed = saml.clone();
    change(&mut changed);
    changed
}

/// Of RSA-2048, for encryption.
fn certificate() -> String {
    include_str!("../src/saml/testdata/for-tests-only-party.cert.b64").trim_end().to_owned()
}

criterion_group!(benches, sign);
criterion_main!(benches);
