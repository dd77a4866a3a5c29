use serde_json::json;

use super::super::jws::tests::{ec_jwk, rsa_jwk};
use super::*;

fn with(mut key: Value, name: &str, value: Value) -> Value {
    key.as_object_mut().unwrap().insert(name.to_owned(), value);
    key
}

#[test]
fn keys_of_another_kind_size_or_use_are_passed_over() {
    let small = BASE64URL_NOPAD.encode(&[0xc5; 255]);
    // A modulus is as long as its first byte that is not zero.
    let padded = BASE64URL_NOPAD.encode(&[&[0; 8], [0xc5; 255].as_slice()].concat());
    for unusable in [
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
        json!({"kty": "EC", "crv": "P-384", "x": "", "y": ""}),
        json!({"kty": "RSA", "n": small, "e": "AQAB"}),
        json!({"kty": "RSA", "n": padded, "e": "AQAB"}),
        json!({"kty": "RSA", "e": "AQAB"}),
        json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}),
        json!({}),
        with(ec_jwk(), "use", json!("enc")),
        with(ec_jwk(), "alg", json!("RS256")),
        with(rsa_jwk(), "alg", json!("RSA-OAEP")),
    ] {
        assert_eq!(read(&json!({"keys": [unusable]})), Err(Unusable::Nothing), "{unusable}");
        assert_eq!(read(&json!({"keys": [unusable, ec_jwk()]})).unwrap().keys.len(), 1, "{unusable}");
    }
}

#[test]
fn a_private_key_is_refused_however_many_public_ones_there_are() {
    for member in ["d", "k", "p", "q"] {
        let set = json!({"keys": [rsa_jwk(), with(ec_jwk(), member, json!("AAAA"))]});
        assert_eq!(read(&set), Err(Unusable::Private), "{member}");
    }
}

#[test]
fn what_is_no_set_is_refused() {
    for set in [json!([]), json!({}), json!({"keys": {}}), json!({"keys": ["a"]}), ec_jwk()] {
        assert_eq!(read(&set), Err(Unusable::NotASet), "{set}");
    }
    assert_eq!(read(&json!({"keys": vec![ec_jwk(); MAX_KEYS + 1]})), Err(Unusable::TooMany));
}

#[test]
fn a_set_is_stored_as_it_is_published() {
    let set = json!({"keys": [
        with(with(ec_jwk(), "kid", json!("1")), "alg", json!("ES256")),
        with(rsa_jwk(), "x5c", json!(["MIIB"])),
    ]});
    let read = read(&set).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), set);
    assert_eq!(serde_json::from_value::<KeySet>(set).unwrap(), read);
}

#[test]
fn the_thumbprint_is_that_of_rfc_7638() {
    // RFC 7638 3.1.
    let key = json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
    let key = one(key.as_object().unwrap()).unwrap();
    assert_eq!(thumbprint(&key), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}
