use data_encoding::BASE64;
use proptest::prelude::*;
use serde_json::json;

use super::super::authorize::tests::client;
use super::super::jws::tests::sign;
use super::*;
use crate::domain::client_certificate::CertifiedName;
use crate::domain::token_options::SecurityProfile;

const ID: &str = "ent-exemple";
const SECRET: &str = "a secret:with+odd%characters";

fn party(client_authentication: ClientAuthentication) -> RelyingParty {
    client(|party: &mut OidcParty| party.client_authentication = client_authentication)
}

fn by_basic() -> ClientAuthentication {
    ClientAuthentication::ClientSecretBasic { secret_hash: secret_hash(SECRET) }
}

fn by_post() -> ClientAuthentication {
    ClientAuthentication::ClientSecretPost { secret_hash: secret_hash(SECRET) }
}

fn by_key() -> ClientAuthentication {
    ClientAuthentication::PrivateKeyJwt { algorithm: None, for_token_endpoint: false }
}

fn body(extra: &[(&str, &str)]) -> Vec<u8> {
    serde_urlencoded::to_string(extra).unwrap().into_bytes()
}

fn basic_header(id: &str, secret: &str) -> String {
    let encode = |text: &str| serde_urlencoded::to_string([("", text)]).unwrap()[1..].to_owned();
    format!("Basic {}", BASE64.encode(format!("{}:{}", encode(id), encode(secret)).as_bytes()))
}

fn by_certificate() -> [ClientAuthentication; 2] {
    let name = CertifiedName::SanDns("ent.example".to_owned());
    [ClientAuthentication::TlsClientAuth { name }, ClientAuthentication::SelfSignedTlsClientAuth]
}

#[test]
fn op_07_a_client_with_a_certificate_says_its_name_and_nothing_more() {
    let named = Call::read(None, &body(&[("client_id", ID)])).unwrap();
    let header = basic_header(ID, SECRET);
    let others = [
        Call::read(Some(&header), &body(&[])).unwrap(),
        Call::read(None, &body(&[("client_id", ID), ("client_secret", SECRET)])).unwrap(),
        Call::read(None, &body(&[("client_assertion_type", JWT_BEARER), ("client_assertion", &asserted())])).unwrap(),
    ];
    for method in by_certificate() {
        let registered = party(method);
        assert_eq!(named.check(&registered).unwrap().1, Proof::Certificate, "which is still to be proven");
        for other in &others {
            assert!(other.check(&registered).is_err());
        }
    }
}

/// Whether the client is who it says, as far as it says it by itself.
fn authenticate(call: &Call, party: &RelyingParty) -> Result<(), Error> {
    call.check(party).map(drop)
}

fn asserted() -> String {
    sign(&json!({"alg": "ES256"}), &json!({"iss": ID, "sub": ID}))
}

#[test]
fn op_07_a_client_authenticates_by_its_registered_method_and_no_other() {
    let header = basic_header(ID, SECRET);
    let presented = [
        Call::read(None, &body(&[("client_id", ID)])).unwrap(),
        Call::read(Some(&header), &body(&[])).unwrap(),
        Call::read(None, &body(&[("client_id", ID), ("client_secret", SECRET)])).unwrap(),
        Call::read(None, &body(&[("client_assertion_type", JWT_BEARER), ("client_assertion", &asserted())])).unwrap(),
    ];
    let registered = [ClientAuthentication::None, by_basic(), by_post(), by_key()];
    for (p, request) in presented.iter().enumerate() {
        for (r, method) in registered.iter().enumerate() {
            assert_eq!(authenticate(request, &party(method.clone())).is_ok(), p == r, "{p} {r}");
        }
    }
}

#[test]
fn op_07_two_methods_in_one_request_are_refused() {
    let header = basic_header(ID, SECRET);
    let assertion = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let two = Err(Error::InvalidRequest("two client authentications"));
    let parse = |header: Option<&str>, extra: &[(&str, &str)]| Call::read(header, &body(extra)).map(drop);
    assert_eq!(parse(Some(&header), &[("client_secret", SECRET)]), two);
    assert_eq!(parse(Some(&header), &[("client_id", ID), ("client_secret", SECRET)]), two);
    assert_eq!(parse(Some(&header), &[assertion]), two);
    assert_eq!(parse(None, &[("client_id", ID), ("client_secret", SECRET), assertion]), two);
    assert_eq!(parse(None, &[("client_id", ID), assertion]), Err(Error::InvalidClient { by_header: false }));
    assert_eq!(parse(Some("Bearer x"), &[assertion]), two);
}

#[test]
fn op_07_the_method_that_a_client_came_by_has_the_name_that_registrations_give_it() {
    let text = asserted();
    let assertion = [("client_assertion_type", JWT_BEARER), ("client_assertion", &*text)];
    let came_by = |header: Option<&str>, more: &[(&str, &str)]| {
        let fields = [&[("client_id", ID)][..], more].concat();
        Call::read(header, &body(&fields)).unwrap().method()
    };
    assert_eq!(came_by(Some(&basic_header(ID, SECRET)), &[]), by_basic().name());
    assert_eq!(came_by(None, &[("client_secret", SECRET)]), by_post().name());
    assert_eq!(came_by(None, &assertion), "private_key_jwt");
    assert_eq!(came_by(None, &[]), ClientAuthentication::None.name());
}

#[test]
fn an_identifier_repeated_in_the_body_is_no_second_method() {
    let header = basic_header(ID, SECRET);
    let request = Call::read(Some(&header), &body(&[("client_id", ID)])).unwrap();
    assert_eq!(authenticate(&request, &party(by_basic())), Ok(()));
    assert!(Call::read(Some(&header), &body(&[("client_id", "another")])).is_err());
}

#[test]
fn op_06_a_wrong_or_empty_secret_never_equals() {
    for secret in ["", " ", "wrong", &SECRET[1..], &secret_hash(SECRET)] {
        let by_header = Call::read(Some(&basic_header(ID, secret)), &body(&[])).unwrap();
        assert_eq!(authenticate(&by_header, &party(by_basic())), Err(Error::InvalidClient { by_header: true }));
        let posted = Call::read(None, &body(&[("client_id", ID), ("client_secret", secret)])).unwrap();
        assert_eq!(authenticate(&posted, &party(by_post())), Err(Error::InvalidClient { by_header: false }));
    }
    let empty = ClientAuthentication::ClientSecretBasic { secret_hash: secret_hash("") };
    let request = Call::read(Some(&basic_header(ID, "")), &body(&[])).unwrap();
    assert!(authenticate(&request, &party(empty)).is_err());
}

#[test]
fn the_secret_of_one_client_is_not_another_s_and_a_suspended_client_has_none() {
    let request = Call::read(Some(&basic_header("another", SECRET)), &body(&[])).unwrap();
    assert!(authenticate(&request, &party(by_basic())).is_err());
    let request = Call::read(Some(&basic_header(ID, SECRET)), &body(&[])).unwrap();
    let mut suspended = party(by_basic());
    suspended.is_suspended = true;
    assert!(authenticate(&request, &suspended).is_err());
}

#[test]
fn an_authorization_header_that_is_not_basic_is_refused() {
    let no_colon = format!("Basic {}", BASE64.encode(b"ent-exemple"));
    let broken_escape = format!("Basic {}", BASE64.encode(b"ent%zz:secret"));
    let control = format!("Basic {}", BASE64.encode(b"ent\0:secret"));
    let nobody = format!("Basic {}", BASE64.encode(b":secret"));
    for header in ["", "Basic", "Basic !!", "Bearer abc", &no_colon, &broken_escape, &control, &nobody] {
        let refused = Call::read(Some(header), &body(&[])).map(drop);
        assert_eq!(refused, Err(Error::InvalidClient { by_header: true }), "{header}");
    }
}

#[test]
fn op_06_an_assertion_must_name_the_client_of_the_request() {
    let (kind, text) = (("client_assertion_type", JWT_BEARER), asserted());
    let read = |extra: &[(&str, &str)]| Call::read(None, &body(extra)).map(|call| call.client_id().0.clone());
    let refused = Err(Error::InvalidClient { by_header: false });
    assert_eq!(read(&[kind, ("client_assertion", &text)]), Ok(ID.to_owned()));
    assert_eq!(read(&[kind, ("client_assertion", &text), ("client_id", ID)]), Ok(ID.to_owned()));
    assert_eq!(read(&[kind, ("client_assertion", &text), ("client_id", "another")]), refused);
    assert_eq!(read(&[("client_assertion", &text), ("client_id", ID)]), refused);
    let saml = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer");
    assert_eq!(read(&[saml, ("client_assertion", &text)]), refused);
    let nobody = sign(&json!({"alg": "ES256"}), &json!({"sub": ID}));
    assert_eq!(read(&[kind, ("client_assertion", &nobody)]), refused);
}

#[test]
fn op_06_the_algorithms_are_those_of_the_registration() {
    let text = asserted();
    let call = Call::read(None, &body(&[("client_assertion_type", JWT_BEARER), ("client_assertion", &text)])).unwrap();
    let allowed = |algorithm, security_profile| {
        let registered = client(|party| {
            party.client_authentication = ClientAuthentication::PrivateKeyJwt { algorithm, for_token_endpoint: false };
            party.tokens.security_profile = security_profile;
        });
        let (_, proof) = call.check(&registered).unwrap();
        let Proof::Assertion { allowed, .. } = proof else { panic!("nothing is proven yet") };
        allowed
    };
    assert_eq!(allowed(None, None), JwsAlgorithm::ALL);
    assert_eq!(allowed(Some(JwsAlgorithm::Es256), None), [JwsAlgorithm::Es256]);
    assert_eq!(allowed(None, Some(SecurityProfile::Fapi2)), JwsAlgorithm::FAPI);
}

#[test]
fn a_call_does_not_show_its_secrets() {
    assert_eq!(format!("{:?}", Call::read(None, &body(&[("client_id", ID)])).unwrap()), "Call(..)");
}

proptest! {
    #[test]
    fn any_request_is_read_or_refused(header in proptest::option::of("\\PC{0,60}"), body in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(call) = Call::read(header.as_deref(), &body) {
            let _ = call.check(&party(by_basic()));
        }
    }

    #[test]
    fn any_basic_pair_comes_back(id in "[ -~]{1,40}", secret in "[ -~]{0,40}") {
        prop_assert_eq!(basic(&basic_header(&id, &secret)), Some((id, secret)));
    }
}
