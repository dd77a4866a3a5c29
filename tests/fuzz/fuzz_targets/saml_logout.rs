//! Any bytes at the single logout addresses, over both bindings: as a request or as an answer. What is taken was signed by
//! the party's key: a party without that key would have been refused, and an answer goes to no address but its own.
//!
//! The first byte says how the rest travels, so that a plain message is a good seed: `0` XML posted as a request, `1` XML
//! redirected as one, `2` the body of a form, `3` a query, `4` XML posted as an answer, `5` XML redirected as one.
#![no_main]

use std::io::Write as _;
use std::sync::LazyLock;

use data_encoding::BASE64;
use idp::domain::relying_party::{
    Environment, LogoutService, NameIdFormat, PartyId, Protocol, ReleasePolicy, RelyingParty, SamlBinding, SamlParty,
};
use idp::saml::Reason;
use idp::saml::binding::{self, Message};
use idp::saml::logout::{self, Refused, Unverified};
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2027-01-04 08:00:00 UTC);
const ENDPOINT: &str = "https://idp.example/idp/profile/SAML2/POST/SLO";
const SERVICE: &str = "https://ent.example/saml/slo";

fn party(certificate: &str) -> RelyingParty {
    let service =
        LogoutService { binding: SamlBinding::Redirect, location: SERVICE.to_owned(), response_location: None };
    RelyingParty {
        id: PartyId("https://ent.example/saml".to_owned()),
        name: "ENT".to_owned(),
        environment: Environment::Production,
        is_suspended: false,
        start: None,
        policy: ReleasePolicy::default(),
        protocol: Protocol::Saml(SamlParty {
            assertion_consumers: Vec::new(),
            signing_certificates: vec![certificate.trim_end().to_owned()],
            encryption_certificates: Vec::new(),
            requests_signed: false,
            name_id_format: NameIdFormat::Persistent,
            valid_until: None,
            attribute_names: Default::default(),
            wants_signed_assertions: false,
            encryption: Default::default(),
            options: Default::default(),
            logout_services: vec![service],
        }),
    }
}

/// The party, and one that took its name.
static PARTIES: LazyLock<[RelyingParty; 2]> = LazyLock::new(|| {
    [
        party(include_str!("../../../idp/src/saml/testdata/for-tests-only-party.cert.b64")),
        party(include_str!("../../../idp/src/saml/testdata/for-tests-only-stranger.cert.b64")),
    ]
});

fn escaped(base64: &str) -> String {
    base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

fn posted(name: &str, bytes: &[u8]) -> Result<Message, Reason> {
    binding::logout_by_post(format!("{name}={}", escaped(&BASE64.encode(bytes))).as_bytes())
}

fn redirected(name: &str, bytes: &[u8]) -> Result<Message, Reason> {
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    let deflated = deflate.write_all(bytes).and_then(|()| deflate.finish()).expect("memory takes it");
    binding::logout_by_redirect(&format!("{name}={}", escaped(&BASE64.encode(&deflated))))
}

fn received(how: u8, bytes: &[u8]) -> Result<Message, Reason> {
    match how {
        b'1' => redirected("SAMLRequest", bytes),
        b'2' => binding::logout_by_post(bytes),
        b'3' => binding::logout_by_redirect(&String::from_utf8_lossy(bytes)),
        b'4' => posted("SAMLResponse", bytes),
        b'5' => redirected("SAMLResponse", bytes),
        _ => posted("SAMLRequest", bytes),
    }
}

/// Whether this party is believed to have sent it.
fn is_believed(message: Unverified, party: &RelyingParty) -> bool {
    match message {
        Unverified::Request(request) => match request.verify(party, (ENDPOINT, SamlBinding::Post), NOW) {
            Ok(request) => {
                assert!(request.reply.is_none_or(|reply| reply.location == SERVICE));
                assert!(request.sessions.len() <= 64);
                true
            }
            Err(Refused::Reply { reply, .. }) => {
                assert_eq!(reply.location, SERVICE);
                true
            }
            Err(Refused::Local(_)) => false,
        },
        Unverified::Answer(answer) => answer.verify(party, ENDPOINT, NOW).is_ok(),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let read = || received(*how, bytes).and_then(logout::read);
    let Ok(message) = read() else { return };
    let [party, stranger] = &*PARTIES;
    let is_believed_of = |party| is_believed(read().expect("what was read once"), party);
    if is_believed(message, party) {
        // With RSA no message verifies under two keys.
        assert!(!is_believed_of(stranger), "nobody else's signature was needed");
    }
});
