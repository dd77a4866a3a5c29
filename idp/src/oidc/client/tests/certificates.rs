//! Clients that come with a certificate (RFC 8705).

use data_encoding::BASE64;

use super::*;
use crate::domain::client_certificate::CertifiedName;

fn here(changes: &Value, mutual_tls: MutualTls) -> Result<Registration, Error> {
    read(with(changes).to_string().as_bytes(), Environment::Production, mutual_tls)
}

fn refused_here(changes: &Value, mutual_tls: MutualTls) -> String {
    match here(changes, mutual_tls) {
        Err(Error::Field { field, why }) if !why.is_empty() => field,
        other => panic!("{changes} was not refused: {other:?}"),
    }
}

/// The public key of a client with its certificate.
fn certified_key() -> Value {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let mut jwk = ec_jwk();
    jwk["x5c"] = json!([BASE64.encode(certificate.der())]);
    jwk
}

#[test]
fn the_name_in_the_certificate_is_one_of_five() {
    for (member, text, name) in [
        ("subject_dn", "CN=ent.exemple,C=FR", CertifiedName::SubjectDn("CN=ent.exemple,C=FR".to_owned())),
        ("san_dns", "ent.example", CertifiedName::SanDns("ent.example".to_owned())),
        ("san_uri", "urn:ent", CertifiedName::SanUri("urn:ent".to_owned())),
        ("san_ip", "192.0.2.7", CertifiedName::SanIp("192.0.2.7".parse().unwrap())),
        ("san_email", "t@ent.example", CertifiedName::SanEmail("t@ent.example".to_owned())),
    ] {
        let member = format!("tls_client_auth_{member}");
        let registration =
            here(&json!({"token_endpoint_auth_method": "tls_client_auth", &member: text}), MutualTls::WithAuthorities);
        let registration = registration.unwrap();
        let party = registration.party(&id(), SECRET);
        assert_eq!(party.client_authentication, ClientAuthentication::TlsClientAuth { name });
        assert_eq!(serde_json::from_value::<OidcParty>(json!(party)).unwrap(), party, "as it is stored");
        let told = registration.response(&id(), SECRET, datetime!(2026-09-01 08:00 UTC));
        assert_eq!((&told["token_endpoint_auth_method"], &told[&member]), (&json!("tls_client_auth"), &json!(text)));
        assert_eq!(told.get("client_secret"), None);
    }
    let method = |members: &Value| {
        let mut all = json!({"token_endpoint_auth_method": "tls_client_auth"});
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        refused_here(&all, MutualTls::WithAuthorities)
    };
    assert_eq!(method(&json!({})), "tls_client_auth_subject_dn");
    assert_eq!(method(&json!({"tls_client_auth_subject_dn": ""})), "tls_client_auth_subject_dn");
    assert_eq!(method(&json!({"tls_client_auth_subject_dn": "ent.exemple"})), "tls_client_auth_subject_dn");
    assert_eq!(method(&json!({"tls_client_auth_san_ip": "192.0.2"})), "tls_client_auth_san_ip");
    assert_eq!(method(&json!({"tls_client_auth_san_dns": ""})), "tls_client_auth_san_dns");
    let two = json!({"tls_client_auth_san_dns": "ent.example", "tls_client_auth_san_uri": "urn:ent"});
    assert_eq!(method(&two), "tls_client_auth_san_uri");
}

#[test]
fn a_certificate_of_its_own_is_in_the_client_s_keys() {
    let method = "self_signed_tls_client_auth";
    let by_value = json!({"token_endpoint_auth_method": method, "jwks": {"keys": [certified_key()]}});
    let by_address = json!({"token_endpoint_auth_method": method, "jwks_uri": "https://ent.example/jwks"});
    for members in [by_value, by_address] {
        for taken in [MutualTls::WithoutAuthorities, MutualTls::WithAuthorities] {
            let party = here(&members, taken).unwrap().party(&id(), SECRET);
            assert_eq!(party.client_authentication, ClientAuthentication::SelfSignedTlsClientAuth);
        }
    }
    for keys in [json!(null), json!({"keys": [ec_jwk()]})] {
        let members = json!({"token_endpoint_auth_method": method, "jwks": keys});
        assert_eq!(refused_here(&members, MutualTls::WithAuthorities), "jwks");
    }
}

#[test]
fn what_the_settings_do_not_open_is_not_registered() {
    let by_authority = json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example"});
    let own = json!({"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": {"keys": [certified_key()]}});
    let bound = json!({"tls_client_certificate_bound_access_tokens": true});
    for off in [MutualTls::Off, MutualTls::WithoutAuthorities] {
        assert_eq!(refused_here(&by_authority, off), "token_endpoint_auth_method");
    }
    assert_eq!(refused_here(&own, MutualTls::Off), "token_endpoint_auth_method");
    assert_eq!(refused_here(&bound, MutualTls::Off), "tls_client_certificate_bound_access_tokens");
    assert!(here(&json!({"tls_client_certificate_bound_access_tokens": false}), MutualTls::Off).is_ok());
}

#[test]
fn tokens_are_bound_to_a_certificate_or_to_a_key_never_to_both() {
    const BOUND: &str = "tls_client_certificate_bound_access_tokens";
    let registration = here(&json!({BOUND: true}), MutualTls::WithoutAuthorities).unwrap();
    assert!(registration.party(&id(), SECRET).tokens.certificate_bound);
    assert_eq!(registration.response(&id(), SECRET, datetime!(2026-09-01 08:00 UTC))[BOUND], true);
    let both = json!({BOUND: true, "dpop_bound_access_tokens": true});
    assert_eq!(refused_here(&both, MutualTls::WithAuthorities), BOUND);
}

#[test]
fn the_fapi_profile_takes_certificates_for_the_client_and_for_its_tokens() {
    let fapi = |members: Value| {
        let mut all = json!({
            "security_profile": "fapi2", "id_token_signed_response_alg": "ES256",
            "tls_client_certificate_bound_access_tokens": true,
        });
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        here(&all, MutualTls::WithAuthorities)
    };
    for members in [
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "ent.example"}),
        json!({"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": {"keys": [certified_key()]}}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [ec_jwk()]}}),
    ] {
        assert!(fapi(members.clone()).unwrap().party(&id(), SECRET).is_fapi(), "{members}");
    }
    let unbound = json!({
        "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "ent.example",
        "tls_client_certificate_bound_access_tokens": false,
    });
    assert!(fapi(unbound).is_err());
    assert!(fapi(json!({"token_endpoint_auth_method": "client_secret_basic"})).is_err());
}
