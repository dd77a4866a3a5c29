use proptest::prelude::*;
use rcgen::{CertificateParams, CustomExtension, DnType, DnValue, KeyPair, SanType};
use time::macros::datetime;

use super::*;
use crate::domain::client_keys::ClientKeys;
use crate::oidc::jws::tests::{ec_jwk, set};

fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = datetime!(2026-01-01 0:00 UTC);
    params.not_after = datetime!(2027-01-01 0:00 UTC);
    change(&mut params);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

fn of_an_ent() -> Vec<u8> {
    certificate(|params| {
        params.distinguished_name.push(DnType::CountryName, "FR");
        params.distinguished_name.push(DnType::OrganizationName, "Région Exemple, service \"ENT\"");
        params.distinguished_name.push(DnType::CommonName, "ent.exemple");
        params.subject_alt_names = vec![
            SanType::DnsName("api.ent.example".try_into().unwrap()),
            SanType::URI("urn:ent:exemple".try_into().unwrap()),
            SanType::IpAddress("192.0.2.7".parse().unwrap()),
            SanType::IpAddress("2001:db8::7".parse().unwrap()),
            SanType::Rfc822Name("technique@ent.example".try_into().unwrap()),
        ];
    })
}

fn subject(text: &str) -> CertifiedName {
    CertifiedName::SubjectDn(text.to_owned())
}

#[test]
fn a_subject_is_compared_part_by_part() {
    let der = of_an_ent();
    for same in [
        r#"CN=ent.exemple,O=Région Exemple\, service \"ENT\",C=FR"#,
        r"cn=ent.exemple, o=R\C3\A9gion Exemple\2c service \22ENT\22 , c=FR",
        r"2.5.4.3=ent.exemple,2.5.4.10=Région Exemple\, service \22ENT\22,C=FR",
        r"CN=#0c0b656e742e6578656d706c65,O=Région Exemple\, service \22ENT\22,C=FR",
    ] {
        assert_eq!(check_name(&der, &subject(same)), Ok(()), "{same}");
    }
    for other in [
        "CN=ent.exemple",
        r"C=FR,O=Région Exemple\, service \22ENT\22,CN=ent.exemple",
        r"CN=ENT.exemple,O=Région Exemple\, service \22ENT\22,C=FR",
        r"CN=ent.exemple,O=Région Exemple\, service \22ENT\22,C=FR,DC=example",
        r"CN=ent.exemple+O=Région Exemple\, service \22ENT\22,C=FR",
        r"OU=ent.exemple,O=Région Exemple\, service \22ENT\22,C=FR",
        r"CN=#130b656e742e6578656d706c65,O=Région Exemple\, service \22ENT\22,C=FR",
    ] {
        assert_eq!(check_name(&der, &subject(other)), Err(Refused::Name), "{other}");
    }
}

#[test]
fn what_is_no_name_or_a_name_of_nothing_is_nobody_s() {
    let nameless = certificate(|_| ());
    for text in [
        "",
        " ",
        ",",
        "CN=",
        "CN",
        "=x",
        "XY=a",
        "CN=a,",
        "CN=a+",
        "CN=a;O=b",
        "CN=a\"",
        "CN=a\\",
        "CN=a\\zz",
        "CN=#",
        "CN=#zz",
        "CN=a<b",
        "1.2.x=a",
        &format!("CN={}", "a".repeat(1100)),
    ] {
        assert_eq!(DistinguishedName::parse(text), None, "{text:?}");
        assert_eq!(check_name(&nameless, &subject(text)), Err(Refused::Name), "{text:?}");
    }
}

#[test]
fn a_space_counts_inside_and_where_it_is_escaped() {
    let der = certificate(|params| {
        params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String(" a b ".to_owned()));
    });
    assert_eq!(check_name(&der, &subject(r"CN=\ a b\ ")), Ok(()));
    assert_eq!(check_name(&der, &subject(r"CN= a b ")), Err(Refused::Name));
}

#[test]
fn an_alternative_name_is_one_of_its_own_kind() {
    let der = of_an_ent();
    let names = [
        CertifiedName::SanDns("API.ent.example".to_owned()),
        CertifiedName::SanUri("urn:ent:exemple".to_owned()),
        CertifiedName::SanIp("192.0.2.7".parse().unwrap()),
        CertifiedName::SanIp("2001:db8:0::7".parse().unwrap()),
        CertifiedName::SanEmail("technique@ent.example".to_owned()),
    ];
    for name in names {
        assert_eq!(check_name(&der, &name), Ok(()), "{name:?}");
        assert_eq!(check_name(&certificate(|_| ()), &name), Err(Refused::Name), "{name:?}");
    }
    for other in [
        CertifiedName::SanDns("ent.example".to_owned()),
        CertifiedName::SanDns("ent.exemple".to_owned()),
        CertifiedName::SanDns("urn:ent:exemple".to_owned()),
        CertifiedName::SanUri("urn:ENT:exemple".to_owned()),
        CertifiedName::SanUri("api.ent.example".to_owned()),
        CertifiedName::SanIp("192.0.2.8".parse().unwrap()),
        CertifiedName::SanIp("::ffff:192.0.2.7".parse().unwrap()),
        CertifiedName::SanEmail("Technique@ent.example".to_owned()),
    ] {
        assert_eq!(check_name(&der, &other), Err(Refused::Name), "{other:?}");
    }
}

#[test]
fn a_wildcard_in_a_certificate_is_a_name_like_another() {
    let der = certificate(|params| {
        params.subject_alt_names = vec![SanType::DnsName("*.ent.example".try_into().unwrap())];
    });
    assert_eq!(check_name(&der, &CertifiedName::SanDns("api.ent.example".to_owned())), Err(Refused::Name));
}

#[test]
fn a_registered_certificate_is_taken_byte_by_byte_and_in_its_own_time() {
    let (own, renewed) = (of_an_ent(), of_an_ent());
    let mut key = ec_jwk();
    key["x5c"] = serde_json::json!([BASE64.encode(&own), BASE64.encode(&renewed)]);
    let registered = set(&[ec_jwk(), key]);
    let now = datetime!(2026-06-01 0:00 UTC);
    assert_eq!(check_registered(&own, &registered, now), Ok(()));
    assert_eq!(check_registered(&renewed, &registered, now), Err(Refused::Unknown), "what leads up to it is not it");
    for outside in [datetime!(2025-12-31 23:59 UTC), datetime!(2027-01-01 0:01 UTC)] {
        assert_eq!(check_registered(&own, &registered, outside), Err(Refused::Time));
    }
    assert!(is_in(&registered) && !is_in(&set(&[ec_jwk()])));
    let stored = serde_json::to_string(&ClientKeys::Jwks(registered.clone())).unwrap();
    assert_eq!(serde_json::from_str::<ClientKeys>(&stored).unwrap(), ClientKeys::Jwks(registered));
}

#[test]
fn the_thumbprint_is_that_of_the_whole_certificate() {
    assert_eq!(thumbprint(b""), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    assert_ne!(thumbprint(&of_an_ent()), thumbprint(&of_an_ent()));
}

#[test]
fn alternative_names_that_cannot_be_read_are_none() {
    let broken = CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![0x30, 0x05, 0x82, 0x7f]);
    let der = certificate(|params| params.custom_extensions = vec![broken]);
    assert!(check_name(&der, &CertifiedName::SanDns("ent.example".to_owned())).is_err());
}

proptest! {
    #[test]
    fn any_bytes_and_any_name_are_read_or_refused(der in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
        let _ = check_name(&der, &subject(&text));
        let _ = check_name(&der, &CertifiedName::SanDns(text));
    }

    #[test]
    fn any_text_is_a_value_once_it_is_escaped(text in "\\PC{1,40}") {
        let escaped = text.bytes().fold(String::new(), |escaped, byte| format!("{escaped}\\{byte:02x}"));
        let der = certificate(|params| params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String(text)));
        prop_assert_eq!(check_name(&der, &subject(&format!("CN={escaped}"))), Ok(()));
    }
}
