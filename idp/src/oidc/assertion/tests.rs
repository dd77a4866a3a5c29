use serde_json::{Value, json};
use time::macros::datetime;

use super::super::jws::Unverified;
use super::super::jws::tests::{ec_jwk, set, sign};
use super::*;
use crate::domain::client_keys::JwsAlgorithm;

const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);
const ISSUER: &str = "https://guichet.example";

fn good() -> Value {
    json!({"iss": "ent", "sub": "ent", "aud": ISSUER, "jti": "1", "exp": NOW.unix_timestamp() + 60})
}

fn with(changes: &Value) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn checked(header: &Value, claims: &Value, or_token_endpoint: bool) -> Result<Once, Refused> {
    let token = sign(header, claims);
    let read = Unverified::parse(&token).unwrap().verify(&set(&[ec_jwk()]), &JwsAlgorithm::ALL).unwrap();
    check(&read, &PartyId("ent".to_owned()), Audience { issuer: ISSUER, or_token_endpoint }, NOW)
}

fn refused(changes: &Value) -> Refused {
    checked(&json!({"alg": "ES256"}), &with(changes), false).unwrap_err()
}

#[test]
fn op_06_an_assertion_is_the_client_s_for_us_for_five_minutes_and_once() {
    let header = json!({"alg": "ES256"});
    let once = checked(&header, &good(), false).unwrap();
    assert_eq!(once.expires_at, NOW + Duration::minutes(1));
    assert_eq!(checked(&header, &good(), false), Ok(once), "the same to spend");
    assert_ne!(checked(&header, &with(&json!({"jti": "2"})), false).unwrap().hash, once.hash);
    for typ in ["JWT", "jwt", "client-authentication+jwt"] {
        assert!(checked(&json!({"alg": "ES256", "typ": typ}), &good(), false).is_ok(), "{typ}");
    }
}

#[test]
fn op_06_whoever_it_is_from_must_be_the_client_in_both_claims() {
    for changes in [json!({"iss": "another"}), json!({"sub": "another"}), json!({"sub": null}), json!({"iss": 1})] {
        assert_eq!(refused(&changes), Refused::Issuer, "{changes}");
    }
}

#[test]
fn op_06_the_audience_is_the_issuer_as_one_text() {
    let endpoint = format!("{ISSUER}/idp/profile/oidc/token");
    for aud in [
        json!([ISSUER]),
        json!([ISSUER, "https://another.example"]),
        json!("https://another.example"),
        json!(format!("{ISSUER}/")),
        json!(endpoint),
        Value::Null,
    ] {
        assert_eq!(refused(&json!({"aud": aud})), Refused::Audience, "{aud}");
    }
    let registered_so = |aud: Value| checked(&json!({"alg": "ES256"}), &with(&json!({"aud": aud})), true);
    assert!(registered_so(json!(endpoint)).is_ok() && registered_so(json!(ISSUER)).is_ok());
    assert_eq!(registered_so(json!([endpoint])), Err(Refused::Audience));
    assert_eq!(registered_so(json!(format!("{endpoint}/"))), Err(Refused::Audience));
}

#[test]
fn op_06_it_ends_within_five_minutes_and_has_not_ended() {
    let at = |seconds: i64| json!({"exp": NOW.unix_timestamp() + seconds});
    for seconds in [-60, 0, 301, 3600] {
        assert_eq!(refused(&at(seconds)), Refused::Expiry, "{seconds}");
    }
    for exp in [Value::Null, json!("soon"), json!(1e30)] {
        assert_eq!(refused(&json!({"exp": exp})), Refused::Expiry, "{exp}");
    }
    assert!(checked(&json!({"alg": "ES256"}), &with(&at(300)), false).is_ok());
}

#[test]
fn an_assertion_of_the_future_is_refused_and_a_clock_may_be_a_minute_ahead() {
    for claim in ["iat", "nbf"] {
        assert_eq!(refused(&json!({claim: NOW.unix_timestamp() + 61})), Refused::Future);
        assert_eq!(refused(&json!({claim: "now"})), Refused::Future);
        let ahead = with(&json!({claim: NOW.unix_timestamp() + 60}));
        assert!(checked(&json!({"alg": "ES256"}), &ahead, false).is_ok());
    }
}

#[test]
fn op_06_without_an_identifier_it_could_be_used_twice() {
    for jti in [Value::Null, json!(""), json!(7), json!("x".repeat(257))] {
        assert_eq!(refused(&json!({"jti": jti})), Refused::Id, "{jti}");
    }
}

#[test]
fn op_09_another_kind_of_token_is_no_assertion() {
    for typ in ["at+jwt", "logout+jwt", "dpop+jwt", "oauth-authz-req+jwt", ""] {
        let header = json!({"alg": "ES256", "typ": typ});
        assert_eq!(checked(&header, &good(), false), Err(Refused::Kind), "{typ}");
    }
}

#[test]
fn what_one_client_spends_another_can_still_use() {
    let at = NOW + Duration::minutes(1);
    let one = Once::new("client-assertion", "a", "1", at);
    for other in [
        Once::new("client-assertion", "b", "1", at),
        Once::new("dpop", "a", "1", at),
        Once::new("client-assertion", "a", "2", at),
    ] {
        assert_ne!(one.hash, other.hash);
    }
}
