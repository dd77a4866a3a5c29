use time::Duration;
use time::macros::datetime;

use super::super::authorize::tests::client;
use super::*;
use crate::domain::interaction::{ClaimsAsked, ResponseMode};
use crate::domain::relying_party::Protocol;

const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);
const ID: &str = "ent-exemple";
const ISSUER: &str = "https://guichet.example";
const CALLBACK: &str = "https://ent.example/cb";
const API: &str = "https://api.ent.example/";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn registered(change: impl FnOnce(&mut OidcParty)) -> OidcParty {
    let Protocol::Oidc(client) = client(change).protocol else { unreachable!("it is a client") };
    client
}

fn call(fields: &[(&str, &str)]) -> Call {
    let fields = [&[("client_id", ID)], fields].concat();
    Call::read(None, serde_urlencoded::to_string(fields).unwrap().as_bytes()).unwrap()
}

fn exchange(extra: &[(&str, &str)]) -> Call {
    let fields = [("grant_type", "authorization_code"), ("code", "the-code"), ("redirect_uri", CALLBACK)];
    call(&[&fields, extra].concat())
}

fn terms(code_challenge: Option<&str>) -> OidcReply {
    OidcReply {
        redirect_uri: CALLBACK.to_owned(),
        response_mode: ResponseMode::Query,
        state: None,
        nonce: None,
        scopes: Vec::new(),
        code_challenge: code_challenge.map(str::to_owned),
        resources: Vec::new(),
        dpop_jkt: None,
        claims: ClaimsAsked::default(),
    }
}

/// Whether a code given to `ID` for a minute from `NOW` is good.
fn check_at(code_challenge: Option<&str>, call: &Call, now: OffsetDateTime) -> Result<(), Error> {
    check_of(&terms(code_challenge), call, None, now)
}

fn check_of(terms: &OidcReply, call: &Call, holder: Option<&Holder>, now: OffsetDateTime) -> Result<(), Error> {
    let id = PartyId(ID.to_owned());
    let Request::Exchange(exchange) = Request::read(call, &registered(|_| ())).unwrap() else { panic!("no exchange") };
    check(&Grant { party: &id, terms, expires_at: NOW + Duration::seconds(60) }, &exchange, &id, holder, now)
}

#[test]
fn only_codes_and_for_clients_registered_so_refresh_tokens_are_exchanged() {
    let (plain, refreshing) = (registered(|_| ()), registered(|client| client.tokens.refresh = true));
    for grant_type in ["password", "client_credentials", "Authorization_code"] {
        let call = call(&[("grant_type", grant_type), ("code", "c"), ("redirect_uri", "r")]);
        assert_eq!(Request::read(&call, &refreshing).err(), Some(Error::UnsupportedGrantType), "{grant_type}");
    }
    let refresh = call(&[("grant_type", "refresh_token"), ("refresh_token", "r")]);
    assert!(matches!(Request::read(&refresh, &refreshing), Ok(Request::Refresh(_))));
    assert_eq!(Request::read(&refresh, &plain).err(), Some(Error::UnauthorizedClient));
    for fields in [
        vec![("code", "c"), ("redirect_uri", "r")],
        vec![("grant_type", "authorization_code"), ("redirect_uri", "r")],
        vec![("grant_type", "authorization_code"), ("code", "c")],
        vec![("grant_type", "authorization_code"), ("code", ""), ("redirect_uri", "r")],
        vec![("grant_type", "authorization_code"), ("code", "\0"), ("redirect_uri", "r")],
        vec![("grant_type", "refresh_token"), ("code", "c")],
    ] {
        let call = call(&fields);
        assert!(matches!(Request::read(&call, &refreshing), Err(Error::InvalidRequest(_))), "{fields:?}");
    }
}

#[test]
fn op_03_a_verifier_has_43_to_128_unreserved_characters() {
    let parse = |verifier: &str| Request::read(&exchange(&[("code_verifier", verifier)]), &registered(|_| ())).is_ok();
    assert!(parse(&"a".repeat(43)) && parse(&"~".repeat(128)) && parse(VERIFIER));
    assert!(!parse(&"a".repeat(42)) && !parse(&"a".repeat(129)));
    assert!(!parse(&"é".repeat(43)) && !parse(&"a+".repeat(30)));
}

#[test]
fn op_03_the_verifier_must_match_the_challenge_and_neither_comes_without_the_other() {
    let with_verifier = exchange(&[("code_verifier", VERIFIER)]);
    let without = exchange(&[]);
    let wrong = exchange(&[("code_verifier", &"a".repeat(43))]);
    assert_eq!(check_at(Some(CHALLENGE), &with_verifier, NOW), Ok(()));
    assert_eq!(check_at(None, &without, NOW), Ok(()));
    assert_eq!(check_at(Some(CHALLENGE), &wrong, NOW), Err(Error::InvalidGrant));
    assert_eq!(check_at(Some(CHALLENGE), &without, NOW), Err(Error::InvalidGrant));
    assert_eq!(check_at(None, &with_verifier, NOW), Err(Error::InvalidGrant));
    // `plain`: the challenge given back as it was.
    let plain = exchange(&[("code_verifier", CHALLENGE)]);
    assert_eq!(check_at(Some(CHALLENGE), &plain, NOW), Err(Error::InvalidGrant));
}

#[test]
fn op_05_a_code_is_good_for_its_client_its_address_and_its_minute() {
    let call = exchange(&[]);
    assert_eq!(check_at(None, &call, NOW + Duration::seconds(59)), Ok(()));
    assert_eq!(check_at(None, &call, NOW + Duration::seconds(60)), Err(Error::InvalidGrant));
    let client = registered(|_| ());
    let Ok(Request::Exchange(exchange)) = Request::read(&call, &client) else { panic!("no exchange") };
    let (id, another) = (PartyId(ID.to_owned()), PartyId("another".to_owned()));
    let (terms, expires_at) = (terms(None), NOW + Duration::seconds(60));
    let grant = Grant { party: &another, terms: &terms, expires_at };
    assert_eq!(check(&grant, &exchange, &id, None, NOW), Err(Error::InvalidGrant));
    let elsewhere = OidcReply { redirect_uri: "https://ent.example/cb/".to_owned(), ..terms.clone() };
    let grant = Grant { party: &id, terms: &elsewhere, expires_at };
    assert_eq!(check(&grant, &exchange, &id, None, NOW), Err(Error::InvalidGrant));
}

/// RFC 9449 10.
#[test]
fn a_code_asked_for_with_a_key_is_spent_with_that_key_only() {
    let bound = OidcReply { dpop_jkt: Some("key".to_owned()), ..terms(None) };
    let by = |holder: Option<&Holder>| check_of(&bound, &exchange(&[]), holder, NOW);
    assert_eq!(by(Some(&Holder::Dpop("key".to_owned()))), Ok(()));
    assert_eq!(by(Some(&Holder::Dpop("another".to_owned()))), Err(Error::InvalidGrant));
    assert_eq!(by(Some(&Holder::Certificate("key".to_owned()))), Err(Error::InvalidGrant));
    assert_eq!(by(None), Err(Error::InvalidGrant));
}

/// RFC 8707 2.
#[test]
fn a_token_is_for_what_was_asked_granted_and_registered() {
    let client =
        registered(|client| client.tokens.resources = [API.to_owned(), "https://b.example/".to_owned()].into());
    let own = access_token::userinfo(ISSUER);
    let of = |resource, granted: &[&str]| {
        audience(resource, &granted.iter().map(ToString::to_string).collect::<Vec<_>>(), &client, ISSUER)
    };
    assert_eq!(of(None, &[]), Ok(vec![own.clone()]));
    assert_eq!(of(None, &[API]), Ok(vec![API.to_owned()]));
    assert_eq!(of(Some(API), &[]), Ok(vec![API.to_owned()]));
    assert_eq!(of(Some(API), &[API, "https://b.example/"]), Ok(vec![API.to_owned()]));
    assert_eq!(of(Some(&own), &[API]), Ok(vec![own.clone()]));
    for (asked, granted) in [("https://b.example/", vec![API]), ("https://c.example/", vec![]), ("", vec![])] {
        assert_eq!(of(Some(asked), &granted), Err(Error::InvalidTarget), "{asked}");
    }
}

/// RFC 6749 6.
#[test]
fn op_08_a_refresh_asks_for_what_was_granted_or_less() {
    let granted = ["openid", "profile"].map(str::to_owned);
    let asking = |scope| Refresh { token: "t", scope, resource: None }.narrowed(&granted);
    assert_eq!(asking(None), Ok(granted.to_vec()));
    assert_eq!(asking(Some("openid")), Ok(vec!["openid".to_owned()]));
    assert_eq!(asking(Some("openid ect.scope.cnx")), Err(Error::InvalidScope));
    assert_eq!(asking(Some(" ")), Err(Error::InvalidScope));
}

#[test]
fn op_19_the_answer_is_kept_by_nobody_and_says_how_the_token_is_shown() {
    let scopes = ["openid".to_owned(), "ect.scope.cnx".to_owned()];
    let answer = Given::new("access", None, &scopes).with_id_token("a.b.c").answer();
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    assert_eq!(
        answer.value(),
        json!({
            "access_token": "access", "token_type": "Bearer", "expires_in": 600,
            "id_token": "a.b.c", "scope": "openid ect.scope.cnx",
        })
    );
    let holder = Holder::Dpop("key".to_owned());
    let bound = Given::new("access", Some(&holder), &scopes).with_refresh_token(Some("next")).answer().value();
    assert_eq!((&bound["token_type"], &bound["refresh_token"]), (&json!("DPoP"), &json!("next")));
}

#[test]
fn errors_are_rfc_6749_json_that_nobody_keeps() {
    let invalid_client = Error::InvalidClient { by_header: true }.answer();
    assert_eq!(invalid_client.status, 401);
    assert!(invalid_client.header("www-authenticate").unwrap().starts_with("Basic "));
    let posted = Error::InvalidClient { by_header: false }.answer();
    assert_eq!((posted.status, posted.header("www-authenticate")), (401, None));
    let all = [
        Error::InvalidGrant,
        Error::UnsupportedGrantType,
        Error::InvalidScope,
        Error::InvalidTarget,
        Error::InvalidRequest("why"),
        Error::ServerError,
    ];
    for error in all.into_iter().chain([Error::InvalidClient { by_header: true }]) {
        let answer = error.answer();
        assert_eq!(answer.value()["error"], error.code());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    assert_eq!(Error::InvalidGrant.answer().status, 400);
    let slow = Error::TooManyFailures { retry_after: 6 }.answer();
    assert_eq!((slow.status, slow.header("retry-after")), (429, Some("6")));
}

#[test]
fn a_request_does_not_show_its_secrets() {
    let call = exchange(&[]);
    let request = Request::read(&call, &registered(|_| ())).unwrap();
    assert_eq!(format!("{request:?}"), "Exchange(Exchange(..))");
}
