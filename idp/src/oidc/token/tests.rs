use proptest::prelude::*;
use time::Duration;
use time::macros::datetime;

use super::super::authorize::tests::client;
use super::*;
use crate::domain::relying_party::OidcParty;

const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);
const ID: &str = "ent-exemple";
const SECRET: &str = "a secret:with+odd%characters";
const CALLBACK: &str = "https://ent.example/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn party(client_authentication: ClientAuthentication) -> RelyingParty {
    client(|party: &mut OidcParty| party.client_authentication = client_authentication)
}

fn by_basic() -> ClientAuthentication {
    ClientAuthentication::ClientSecretBasic { secret_hash: secret_hash(SECRET) }
}

fn by_post() -> ClientAuthentication {
    ClientAuthentication::ClientSecretPost { secret_hash: secret_hash(SECRET) }
}

fn body(extra: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = vec![("grant_type", "authorization_code"), ("code", "the-code"), ("redirect_uri", CALLBACK)];
    fields.extend_from_slice(extra);
    serde_urlencoded::to_string(fields).unwrap().into_bytes()
}

fn basic_header(id: &str, secret: &str) -> String {
    let encode = |text: &str| serde_urlencoded::to_string([("", text)]).unwrap()[1..].to_owned();
    format!("Basic {}", BASE64.encode(format!("{}:{}", encode(id), encode(secret)).as_bytes()))
}

fn request(extra: &[(&str, &str)]) -> Request {
    Request::parse(None, &body(&[&[("client_id", ID)], extra].concat())).unwrap()
}

fn grant<'a>(party: &'a PartyId, code_challenge: Option<&'a str>) -> Grant<'a> {
    Grant { party, redirect_uri: CALLBACK, code_challenge, expires_at: NOW + Duration::seconds(60) }
}

/// Whether a code given to `ID` for a minute from `NOW` is good.
fn check_at(code_challenge: Option<&str>, request: &Request, now: OffsetDateTime) -> Result<(), Error> {
    check(&grant(&PartyId(ID.to_owned()), code_challenge), request, now)
}

#[test]
fn op_07_a_client_authenticates_by_its_registered_method_and_no_other() {
    let header = basic_header(ID, SECRET);
    let presented = [
        Request::parse(None, &body(&[("client_id", ID)])).unwrap(),
        Request::parse(Some(&header), &body(&[])).unwrap(),
        Request::parse(None, &body(&[("client_id", ID), ("client_secret", SECRET)])).unwrap(),
    ];
    let registered = [ClientAuthentication::None, by_basic(), by_post()];
    for (p, request) in presented.iter().enumerate() {
        for (r, method) in registered.iter().enumerate() {
            assert_eq!(request.caller.authenticate(&party(method.clone())).is_ok(), p == r, "{p} {r}");
        }
    }
}

#[test]
fn op_07_two_methods_in_one_request_are_refused() {
    let header = basic_header(ID, SECRET);
    let assertion = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let two = Err(Error::InvalidRequest("two client authentications"));
    let parse = |header: Option<&str>, extra: &[(&str, &str)]| Request::parse(header, &body(extra)).map(drop);
    assert_eq!(parse(Some(&header), &[("client_secret", SECRET)]), two);
    assert_eq!(parse(Some(&header), &[("client_id", ID), ("client_secret", SECRET)]), two);
    assert_eq!(parse(Some(&header), &[assertion]), two);
    assert_eq!(parse(None, &[("client_id", ID), ("client_secret", SECRET), assertion]), two);
    assert_eq!(parse(None, &[("client_id", ID), assertion]), Err(Error::InvalidClient { by_header: false }));
}

#[test]
fn an_identifier_repeated_in_the_body_is_no_second_method() {
    let header = basic_header(ID, SECRET);
    let request = Request::parse(Some(&header), &body(&[("client_id", ID)])).unwrap();
    assert_eq!(request.caller.authenticate(&party(by_basic())), Ok(()));
    assert!(Request::parse(Some(&header), &body(&[("client_id", "another")])).is_err());
}

#[test]
fn op_06_a_wrong_or_empty_secret_never_equals() {
    for secret in ["", " ", "wrong", &SECRET[1..], &secret_hash(SECRET)] {
        let by_header = Request::parse(Some(&basic_header(ID, secret)), &body(&[])).unwrap();
        assert_eq!(by_header.caller.authenticate(&party(by_basic())), Err(Error::InvalidClient { by_header: true }));
        let posted = Request::parse(None, &body(&[("client_id", ID), ("client_secret", secret)])).unwrap();
        assert_eq!(posted.caller.authenticate(&party(by_post())), Err(Error::InvalidClient { by_header: false }));
    }
    let empty = ClientAuthentication::ClientSecretBasic { secret_hash: secret_hash("") };
    let request = Request::parse(Some(&basic_header(ID, "")), &body(&[])).unwrap();
    assert!(request.caller.authenticate(&party(empty)).is_err());
}

#[test]
fn the_secret_of_one_client_is_not_another_s_and_a_suspended_client_has_none() {
    let request = Request::parse(Some(&basic_header("another", SECRET)), &body(&[])).unwrap();
    assert!(request.caller.authenticate(&party(by_basic())).is_err());
    let request = Request::parse(Some(&basic_header(ID, SECRET)), &body(&[])).unwrap();
    let mut suspended = party(by_basic());
    suspended.is_suspended = true;
    assert!(request.caller.authenticate(&suspended).is_err());
}

#[test]
fn an_authorization_header_that_is_not_basic_is_refused() {
    let no_colon = format!("Basic {}", BASE64.encode(b"ent-exemple"));
    let broken_escape = format!("Basic {}", BASE64.encode(b"ent%zz:secret"));
    let control = format!("Basic {}", BASE64.encode(b"ent\0:secret"));
    let nobody = format!("Basic {}", BASE64.encode(b":secret"));
    for header in ["", "Basic", "Basic !!", "Bearer abc", &no_colon, &broken_escape, &control, &nobody] {
        let refused = Request::parse(Some(header), &body(&[])).map(drop);
        assert_eq!(refused, Err(Error::InvalidClient { by_header: true }), "{header}");
    }
}

#[test]
fn only_authorization_codes_are_exchanged() {
    let parse = |body: &str| Request::parse(None, format!("client_id=x&{body}").as_bytes()).map(drop);
    for grant_type in ["refresh_token", "password", "client_credentials", "Authorization_code"] {
        let body = format!("grant_type={grant_type}&code=c&redirect_uri=r");
        assert_eq!(parse(&body), Err(Error::UnsupportedGrantType), "{grant_type}");
    }
    for body in [
        "code=c&redirect_uri=r",
        "grant_type=authorization_code&redirect_uri=r",
        "grant_type=authorization_code&code=c",
        "grant_type=authorization_code&code=&redirect_uri=r",
        "grant_type=authorization_code&code=a&code=a&redirect_uri=r",
        "grant_type=authorization_code&code=%00&redirect_uri=r",
        "grant_type=authorization_code&code=%F",
    ] {
        assert!(matches!(parse(body), Err(Error::InvalidRequest(_))), "{body}");
    }
}

#[test]
fn op_03_a_verifier_has_43_to_128_unreserved_characters() {
    let parse = |verifier: &str| Request::parse(None, &body(&[("client_id", ID), ("code_verifier", verifier)])).is_ok();
    assert!(parse(&"a".repeat(43)) && parse(&"~".repeat(128)) && parse(VERIFIER));
    assert!(!parse(&"a".repeat(42)) && !parse(&"a".repeat(129)));
    assert!(!parse(&"é".repeat(43)) && !parse(&"a+".repeat(30)));
}

#[test]
fn op_03_the_verifier_must_match_the_challenge_and_neither_comes_without_the_other() {
    let with_verifier = request(&[("code_verifier", VERIFIER)]);
    let without = request(&[]);
    let wrong = request(&[("code_verifier", &"a".repeat(43))]);
    assert_eq!(check_at(Some(CHALLENGE), &with_verifier, NOW), Ok(()));
    assert_eq!(check_at(None, &without, NOW), Ok(()));
    assert_eq!(check_at(Some(CHALLENGE), &wrong, NOW), Err(Error::InvalidGrant));
    assert_eq!(check_at(Some(CHALLENGE), &without, NOW), Err(Error::InvalidGrant));
    assert_eq!(check_at(None, &with_verifier, NOW), Err(Error::InvalidGrant));
    // `plain`: the challenge given back as it was.
    let plain = request(&[("code_verifier", CHALLENGE)]);
    assert_eq!(check_at(Some(CHALLENGE), &plain, NOW), Err(Error::InvalidGrant));
}

#[test]
fn op_05_a_code_is_good_for_its_client_its_address_and_its_minute() {
    let request = request(&[]);
    assert_eq!(check_at(None, &request, NOW + Duration::seconds(59)), Ok(()));
    assert_eq!(check_at(None, &request, NOW + Duration::seconds(60)), Err(Error::InvalidGrant));
    let (id, another) = (PartyId(ID.to_owned()), PartyId("another".to_owned()));
    assert_eq!(check(&grant(&another, None), &request, NOW), Err(Error::InvalidGrant));
    let other_address = Grant { redirect_uri: "https://ent.example/cb/", ..grant(&id, None) };
    assert_eq!(check(&other_address, &request, NOW), Err(Error::InvalidGrant));
}

#[test]
fn errors_are_rfc_6749_json_that_nobody_keeps() {
    let invalid_client = Error::InvalidClient { by_header: true }.answer();
    assert_eq!(invalid_client.status, 401);
    assert!(invalid_client.header("www-authenticate").unwrap().starts_with("Basic "));
    let posted = Error::InvalidClient { by_header: false }.answer();
    assert_eq!((posted.status, posted.header("www-authenticate")), (401, None));
    let all = [Error::InvalidGrant, Error::UnsupportedGrantType, Error::InvalidRequest("why"), Error::ServerError];
    for error in all.into_iter().chain([Error::InvalidClient { by_header: true }]) {
        let answer = error.answer();
        assert_eq!(answer.value()["error"], error.code());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    assert_eq!(Error::InvalidGrant.answer().status, 400);
}

#[test]
fn a_request_does_not_show_its_secrets() {
    assert_eq!(format!("{:?}", request(&[])), "token::Request(..)");
}

proptest! {
    #[test]
    fn any_request_is_read_or_refused(header in proptest::option::of("\\PC{0,60}"), body in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(request) = Request::parse(header.as_deref(), &body) {
            let _ = request.caller.authenticate(&party(by_basic()));
        }
    }

    #[test]
    fn any_basic_pair_comes_back(id in "[ -~]{1,40}", secret in "[ -~]{0,40}") {
        prop_assert_eq!(basic(&basic_header(&id, &secret)), Some((id, secret)));
    }
}
