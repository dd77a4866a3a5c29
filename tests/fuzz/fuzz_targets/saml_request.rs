//! Any bytes as an AuthnRequest, over both bindings, and as an unsolicited start. What is taken is what the party
//! registered: an answer goes to no other address, and nothing is taken that its key did not sign.
//!
//! The first byte says how the rest travels, so that a plain request is a good seed: `0` XML posted, `1` XML redirected,
//! `2` the body of a form, `3` a query, `4` a query of an unsolicited start.
#![no_main]

use std::io::Write as _;
use std::sync::LazyLock;

use data_encoding::BASE64;
use idp::domain::relying_party::{
    AssertionConsumer, Environment, NameIdFormat, PartyId, Protocol, ReleasePolicy, RelyingParty, SamlParty,
};
use idp::saml::Reason;
use idp::saml::binding::{self, Received};
use idp::saml::request::{self, Here};
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2027-01-04 08:00:00 UTC);
const HERE: Here = Here {
    entity_id: "https://idp.example/idp",
    endpoint: "https://idp.example/idp/profile/SAML2/POST/SSO",
};
const CONSUMER: &str = "https://ent.example/saml/acs";

fn party(requests_signed: bool) -> RelyingParty {
    let certificate = include_str!("../../../idp/src/saml/testdata/for-tests-only-party.cert.b64");
    let consumer = AssertionConsumer { location: CONSUMER.to_owned(), index: 1, is_default: true };
    RelyingParty {
        id: PartyId("https://ent.example/saml".to_owned()),
        name: "ENT".to_owned(),
        environment: Environment::Production,
        is_suspended: false,
        start: None,
        policy: ReleasePolicy::default(),
        protocol: Protocol::Saml(SamlParty {
            assertion_consumers: vec![consumer],
            signing_certificates: vec![certificate.trim_end().to_owned()],
            encryption_certificates: Vec::new(),
            requests_signed,
            name_id_format: NameIdFormat::Persistent,
            valid_until: None,
            attribute_names: Default::default(),
            wants_signed_assertions: false,
            encryption: Default::default(),
            options: Default::default(),
            logout_services: Vec::new(),
        }),
    }
}

static PARTIES: LazyLock<[RelyingParty; 2]> = LazyLock::new(|| [party(false), party(true)]);

fn escaped(base64: &str) -> String {
    base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

fn received(how: u8, bytes: &[u8]) -> Result<Received, Reason> {
    match how {
        b'1' => {
            let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            let deflated = deflate.write_all(bytes).and_then(|()| deflate.finish()).expect("memory takes it");
            binding::redirect(&format!("SAMLRequest={}", escaped(&BASE64.encode(&deflated))))
        }
        b'2' => binding::post(bytes),
        b'3' => binding::redirect(&String::from_utf8_lossy(bytes)),
        _ => binding::post(format!("SAMLRequest={}", escaped(&BASE64.encode(bytes))).as_bytes()),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let [open, strict] = &*PARTIES;
    if *how == b'4' {
        let Ok(asked) = binding::unsolicited(&String::from_utf8_lossy(bytes)) else { return };
        if let Ok(reply) = asked.verify(open, NOW) {
            assert_eq!(reply.consumer, CONSUMER);
        }
        return;
    }
    let read = || received(*how, bytes).and_then(request::read);
    let Ok(unverified) = read() else { return };
    let judged = unverified.verify(open, HERE, NOW);
    match &judged {
        Ok(request) => assert_eq!(request.reply.consumer, CONSUMER),
        Err(request::Refused::Reply { reply, .. }) => assert_eq!(reply.consumer, CONSUMER),
        Err(request::Refused::Local(_)) => {}
    }
    // Whoever insists on signatures takes nothing that the other would not have.
    let again = read().expect("what was read once").verify(strict, HERE, NOW);
    assert!(again.is_err() || judged.is_ok());
});
