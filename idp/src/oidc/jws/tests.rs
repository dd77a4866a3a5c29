use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

use super::*;

const RSA: &[u8] = include_bytes!("../testdata/rs256.pk8");
const EC: &[u8] = include_bytes!("../testdata/es256.pk8");

fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn rsa() -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(RSA).unwrap()
}

fn ec() -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, EC).unwrap()
}

/// The public half of the key that `sign` uses for ES256.
pub fn ec_jwk() -> Value {
    let point = ec().public_key().as_ref().to_vec();
    json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
}

/// The same for RS256 and PS256.
pub fn rsa_jwk() -> Value {
    let pair = rsa();
    let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
    let numbers = [n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero()].map(encode);
    json!({"kty": "RSA", "n": numbers[0], "e": numbers[1]})
}

fn with(mut jwk: Value, members: &Value) -> Value {
    jwk.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    jwk
}

pub fn set(keys: &[Value]) -> KeySet {
    jwk::read(&json!({ "keys": keys })).unwrap()
}

/// A JWS by the keys of `testdata`, its header's `alg` among the members of `header`.
pub fn sign(header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let (random, message) = (SystemRandom::new(), signed.as_bytes());
    let by_rsa = |scheme| {
        let pair = rsa();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(scheme, &random, message, &mut signature).unwrap();
        signature
    };
    let signature = match header["alg"].as_str().unwrap() {
        "ES256" => ec().sign(&random, message).unwrap().as_ref().to_vec(),
        "PS256" => by_rsa(&RSA_PSS_SHA256),
        _ => by_rsa(&RSA_PKCS1_SHA256),
    };
    format!("{signed}.{}", encode(&signature))
}

fn verified(token: &str, keys: &KeySet) -> Result<Verified, Error> {
    Unverified::parse(token)?.verify(keys, &JwsAlgorithm::ALL)
}

#[test]
fn each_algorithm_is_verified_by_its_kind_of_key_only() {
    let (rsa, ec) = (set(&[rsa_jwk()]), set(&[ec_jwk()]));
    for (alg, own, other) in [("RS256", &rsa, &ec), ("PS256", &rsa, &ec), ("ES256", &ec, &rsa)] {
        let token = sign(&json!({"alg": alg, "typ": "JWT"}), &json!({"iss": "me"}));
        let read = verified(&token, own).unwrap();
        assert_eq!((read.text("iss"), read.kind.as_deref()), (Some("me"), Some("JWT")), "{alg}");
        assert_eq!(read.algorithm.name(), alg);
        assert_eq!(verified(&token, other), Err(Error::UnknownKey), "{alg}");
        let changed = format!(
            "{}.{}",
            encode(format!(r#"{{"alg":"{alg}"}}"#).as_bytes()),
            &token[token.find('.').unwrap() + 1..]
        );
        assert_eq!(verified(&changed, own), Err(Error::Signature), "{alg}");
    }
}

#[test]
fn op_06_an_algorithm_that_is_not_registered_for_the_client_is_refused() {
    let token = sign(&json!({"alg": "RS256"}), &json!({}));
    let read = Unverified::parse(&token).unwrap();
    assert_eq!(read.verify(&set(&[rsa_jwk()]), &JwsAlgorithm::FAPI), Err(Error::Algorithm));
    for alg in ["none", "HS256", "RS512", "ES384", "EdDSA", "rs256", ""] {
        let token = sign(&json!({"alg": alg}), &json!({}));
        assert_eq!(Unverified::parse(&token).err(), Some(Error::Algorithm), "{alg}");
    }
}

/// The public key as a secret of HMAC: the oldest trick.
#[test]
fn op_09_a_public_key_is_never_taken_for_a_secret() {
    let signed = format!("{}.{}", encode(br#"{"alg":"HS256"}"#), encode(b"{}"));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, rsa_jwk().to_string().as_bytes());
    let token = format!("{signed}.{}", encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes()).as_ref()));
    assert_eq!(Unverified::parse(&token).err(), Some(Error::Algorithm));
}

#[test]
fn op_06_keys_in_the_header_are_not_looked_at() {
    let stranger = set(&[rsa_jwk()]);
    for header in [
        json!({"alg": "ES256", "jwk": ec_jwk()}),
        json!({"alg": "ES256", "jku": "https://evil.example/jwks"}),
        json!({"alg": "ES256", "x5u": "https://evil.example/cert.pem"}),
        json!({"alg": "ES256", "x5c": ["MIIB"]}),
    ] {
        assert_eq!(verified(&sign(&header, &json!({})), &stranger), Err(Error::UnknownKey), "{header}");
        assert!(verified(&sign(&header, &json!({})), &set(&[ec_jwk()])).is_ok(), "nor do they harm: {header}");
    }
}

#[test]
fn a_critical_header_is_refused_whatever_it_names() {
    for crit in [json!(["exp"]), json!([]), json!("b64"), Value::Null] {
        let token = sign(&json!({"alg": "ES256", "crit": crit}), &json!({}));
        assert_eq!(Unverified::parse(&token).err(), Some(Error::Critical));
    }
}

#[test]
fn the_kid_chooses_among_keys_and_without_one_all_of_the_kind_are_tried() {
    let other = json!({"kty": "EC", "crv": "P-256",
        "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"});
    let keys = set(&[with(other.clone(), &json!({"kid": "a"})), with(ec_jwk(), &json!({"kid": "b"})), rsa_jwk()]);
    let by = |header: &Value| verified(&sign(header, &json!({})), &keys).map(drop);
    assert_eq!(by(&json!({"alg": "ES256", "kid": "b"})), Ok(()));
    assert_eq!(by(&json!({"alg": "ES256"})), Ok(()));
    assert_eq!(by(&json!({"alg": "ES256", "kid": "a"})), Err(Error::Signature));
    assert_eq!(by(&json!({"alg": "ES256", "kid": "c"})), Err(Error::UnknownKey));
    assert_eq!(by(&json!({"alg": "RS256", "kid": "c"})), Ok(()), "a key without a name may be meant by any");
    assert_eq!(verified(&sign(&json!({"alg": "ES256"}), &json!({})), &set(&[other])), Err(Error::Signature));
}

#[test]
fn a_key_kept_for_one_algorithm_is_used_with_no_other() {
    let keys = set(&[with(rsa_jwk(), &json!({"alg": "PS256"}))]);
    assert!(verified(&sign(&json!({"alg": "PS256"}), &json!({})), &keys).is_ok());
    assert_eq!(verified(&sign(&json!({"alg": "RS256"}), &json!({})), &keys), Err(Error::UnknownKey));
}

#[test]
fn times_and_audiences_are_read_in_the_forms_that_jwt_allows() {
    let claims = json!({"exp": 1_788_249_600, "iat": 1_788_249_600.9, "nbf": "soon", "aud": ["a", "b"]});
    let read = verified(&sign(&json!({"alg": "ES256"}), &claims), &set(&[ec_jwk()])).unwrap();
    let date = datetime!(2026-09-01 08:00 UTC);
    assert_eq!((read.time("exp"), read.time("iat"), read.time("nbf")), (Some(date), Some(date), None));
    assert_eq!(read.audience(), ["a", "b"]);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[A-Za-z0-9_.-]{0,200}") {
        if let Ok(read) = Unverified::parse(&text) {
            let _ = read.verify(&set(&[ec_jwk()]), &JwsAlgorithm::ALL);
        }
    }

    #[test]
    fn a_changed_byte_is_seen(place in 0_usize..200, by in 1_u8..=255) {
        let token = sign(&json!({"alg": "ES256"}), &json!({"iss": "me", "sub": "me"}));
        let mut bytes = token.clone().into_bytes();
        let place = place % bytes.len();
        bytes[place] = bytes[place].wrapping_add(by);
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(verified(&changed, &set(&[ec_jwk()])).is_err());
        }
    }
}
