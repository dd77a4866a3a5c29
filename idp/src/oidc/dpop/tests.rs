use proptest::prelude::*;
use serde_json::{Value, json};
use time::macros::datetime;

use super::super::jws::tests::{ec_jwk, rsa_jwk, sign};
use super::*;

const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);
const TOKEN: &str = "https://guichet.example/idp/profile/oidc/token";

fn header() -> Value {
    json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": ec_jwk()})
}

fn claims() -> Value {
    json!({"jti": "1", "htm": "POST", "htu": TOKEN, "iat": NOW.unix_timestamp()})
}

fn with(mut object: Value, changes: &Value) -> Value {
    object.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    object.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    object
}

fn at(access_token: Option<&str>) -> Target<'_> {
    Target { method: "POST", address: TOKEN, access_token, nonces: Nonces { good: &[], are_required: false } }
}

#[test]
fn a_proof_holds_a_nonce_of_ours_or_none_where_none_is_required() {
    let good = ["current".to_owned(), "before".to_owned()];
    let checked = |nonce: Value, are_required| {
        let proof = sign(&header(), &with(claims(), &json!({"nonce": nonce})));
        let nonces = Nonces { good: &good, are_required };
        check(&proof, Target { nonces, ..at(None) }, NOW).map(drop)
    };
    for are_required in [false, true] {
        for nonce in ["current", "before"] {
            assert_eq!(checked(json!(nonce), are_required), Ok(()));
        }
        for wrong in [json!("other"), json!(""), json!(1), json!(["current"])] {
            assert_eq!(checked(wrong.clone(), are_required), Err(Refused::Nonce), "{wrong}");
        }
    }
    assert_eq!(checked(Value::Null, false), Ok(()));
    assert_eq!(checked(Value::Null, true), Err(Refused::Nonce));
}

#[test]
fn a_nonce_counts_for_as_long_again_as_it_is_given_out_and_on_a_node_that_is_behind() {
    let given = spans(NOW)[0];
    for (seconds, counts) in [(-120, true), (0, true), (300, true), (599, true), (600, false), (-301, false)] {
        assert_eq!(spans(NOW + Duration::seconds(seconds)).contains(&given), counts, "{seconds}");
    }
}

fn checked(header: &Value, claims: &Value) -> Result<Proof, Refused> {
    check(&sign(header, claims), at(None), NOW)
}

#[test]
fn a_proof_says_whose_key_it_is_and_spends_its_identifier() {
    let proof = checked(&header(), &claims()).unwrap();
    assert_eq!(proof.thumbprint.len(), 43);
    assert_eq!(proof.thumbprint.len(), 43, "a SHA-256 in base64url");
    assert_ne!(checked(&header(), &with(claims(), &json!({"jti": "2"}))).unwrap().once.hash, proof.once.hash);
    assert!(proof.once.expires_at > NOW + WINDOW, "kept as long as the proof would be taken");
    for alg in ["RS256", "PS256"] {
        let header = json!({"typ": "dpop+jwt", "alg": alg, "jwk": rsa_jwk()});
        assert_ne!(checked(&header, &claims()).unwrap().thumbprint, proof.thumbprint);
    }
}

#[test]
fn a_proof_without_its_type_or_a_public_key_is_none() {
    for changes in [
        json!({"typ": null}),
        json!({"typ": "JWT"}),
        json!({"jwk": null}),
        json!({"jwk": with(ec_jwk(), &json!({"d": "AAAA"}))}),
        json!({"jwk": "https://evil.example/"}),
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"crit": ["b64"]}),
    ] {
        assert_eq!(checked(&with(header(), &changes), &claims()), Err(Refused::Form), "{changes}");
    }
    assert_eq!(checked(&with(header(), &json!({"jwk": rsa_jwk()})), &claims()), Err(Refused::Signature));
    assert_eq!(check("", at(None), NOW), Err(Refused::Form));
}

#[test]
fn a_proof_is_for_one_method_and_one_address() {
    for changes in [
        json!({"htm": "GET"}),
        json!({"htm": "post"}),
        json!({"htm": null}),
        json!({"htu": null}),
        json!({"htu": "https://guichet.example/idp/profile/oidc/userinfo"}),
        json!({"htu": "https://evil.example/idp/profile/oidc/token"}),
        json!({"htu": "http://guichet.example/idp/profile/oidc/token"}),
        json!({"htu": "/idp/profile/oidc/token"}),
    ] {
        assert_eq!(checked(&header(), &with(claims(), &changes)), Err(Refused::Target), "{changes}");
    }
    for same in ["https://GUICHET.example:443/idp/profile/oidc/token", &format!("{TOKEN}?a=1#b")] {
        assert!(checked(&header(), &with(claims(), &json!({"htu": same}))).is_ok(), "{same}");
    }
}

#[test]
fn a_proof_counts_for_a_minute_either_way() {
    for (seconds, is_good) in [(-61, false), (-60, true), (60, true), (61, false)] {
        let changed = with(claims(), &json!({"iat": NOW.unix_timestamp() + seconds}));
        assert_eq!(checked(&header(), &changed).is_ok(), is_good, "{seconds}");
    }
    assert_eq!(checked(&header(), &with(claims(), &json!({"iat": null}))), Err(Refused::Time));
    for jti in [Value::Null, json!(""), json!("x".repeat(257))] {
        assert_eq!(checked(&header(), &with(claims(), &json!({"jti": jti}))), Err(Refused::Id));
    }
}

#[test]
fn beside_a_token_it_names_that_token() {
    let hash = BASE64URL_NOPAD.encode(sha256(b"the-token").as_ref());
    let token = sign(&header(), &with(claims(), &json!({"ath": hash})));
    assert!(check(&token, at(Some("the-token")), NOW).is_ok());
    assert_eq!(check(&token, at(Some("another")), NOW), Err(Refused::Token));
    assert_eq!(check(&sign(&header(), &claims()), at(Some("the-token")), NOW), Err(Refused::Token));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[A-Za-z0-9_.-]{0,200}", htu in "\\PC{0,60}") {
        let _ = check(&text, at(None), NOW);
        let _ = checked(&header(), &with(claims(), &json!({"htu": htu})));
    }
}
