use std::io::Write as _;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::NamedTempFile;
use time::macros::datetime;

use super::*;

/// In the middle of the life of what is made here.
const NOW: i64 = 1_790_000_000;

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}

fn issued(by: &Issuer<'_, KeyPair>, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.not_before = datetime!(2026-01-01 0:00 UTC);
    params.not_after = datetime!(2027-01-01 0:00 UTC);
    change(&mut params);
    params.signed_by(&KeyPair::generate().unwrap(), by).unwrap().der().to_vec()
}

fn believed(pem: &str) -> Authorities {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    Authorities::read(Some(file.path())).unwrap()
}

fn at(moment: time::OffsetDateTime) -> u64 {
    moment.unix_timestamp().try_into().unwrap()
}

#[test]
fn an_authority_vouches_in_the_time_of_the_certificate_only() {
    let (pem, issuer) = authority("An authority");
    let authorities = believed(&pem);
    let chain = [issued(&issuer, |_| ())];
    assert_eq!(authorities.certify(&chain, at(datetime!(2026-06-01 0:00 UTC))), Ok(()));
    for outside in [datetime!(2025-12-31 23:59 UTC), datetime!(2027-01-02 0:00 UTC)] {
        assert!(matches!(authorities.certify(&chain, at(outside)), Err(NotCertified::Chain(_))), "{outside}");
    }
}

#[test]
fn nobody_else_vouches_for_a_certificate() {
    let (pem, ours) = authority("An authority");
    // Of the same name, so that only the signature tells them apart.
    let (_, other) = authority("An authority");
    let now = NOW.try_into().unwrap();
    let authorities = believed(&pem);
    assert!(authorities.certify(&[issued(&other, |_| ())], now).is_err());
    let alone = KeyPair::generate().unwrap();
    let itself = CertificateParams::default().self_signed(&alone).unwrap().der().to_vec();
    assert!(authorities.certify(&[itself], now).is_err());
    assert!(authorities.certify(&[], now).is_err());
    assert!(authorities.certify(&[b"no certificate".to_vec()], now).is_err());
    let of_a_server = issued(&ours, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert!(authorities.certify(&[of_a_server], now).is_err(), "it is for a server");
    let of_a_client = issued(&ours, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    assert_eq!(authorities.certify(&[of_a_client], now), Ok(()));
}

#[test]
fn certificates_between_lead_up_to_the_authority() {
    let (pem, root) = authority("A root");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Between");
    let key = KeyPair::generate().unwrap();
    let between = params.signed_by(&key, &root).unwrap().der().to_vec();
    let leaf = issued(&Issuer::new(params, key), |_| ());
    let (authorities, now) = (believed(&pem), NOW.try_into().unwrap());
    assert_eq!(authorities.certify(&[leaf.clone(), between], now), Ok(()));
    assert!(authorities.certify(&[leaf], now).is_err());
}

#[test]
fn without_a_file_nobody_vouches_and_a_wrong_one_is_named() {
    let none = Authorities::read(None).unwrap();
    let (_, issuer) = authority("An authority");
    assert_eq!(none.certify(&[issued(&issuer, |_| ())], 1), Err(NotCertified::NoAuthorities));
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(b"no PEM").unwrap();
    for path in [file.path(), Path::new("/nowhere/ca.pem")] {
        let error = Authorities::read(Some(path)).map(drop).unwrap_err().to_string();
        assert!(error.contains("client_ca_file") && error.contains(path.to_str().unwrap()), "{error}");
    }
}
