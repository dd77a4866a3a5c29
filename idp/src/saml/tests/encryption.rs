//! Encrypted assertions, opened by xmlsec1 and in process.

use std::process::Command;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};

use super::super::encryption::check;
use super::super::names::{ASSERTION, XENC};
use super::super::response::{Status, Unwritten};
use super::super::tree::{self, Element, MESSAGE};
use super::answers::{released, reply, try_answer, verify_with_xmlsec1, xml_of};
use super::*;
use crate::domain::relying_party::{ContentCipher, KeyTransport};
use crate::domain::saml_options::{Encrypt, Sign};

fn publishing(keys: &[TestKey]) -> SamlParty {
    let encryption_certificates = keys.iter().map(|key| key.certificate().to_owned()).collect();
    SamlParty { encryption_certificates, ..saml_party(false, &[]) }
}

fn written(saml: &SamlParty) -> String {
    xml_of(&try_answer(&reply(), &released(), saml, &IDP_KEY).unwrap())
}

/// xmlsec1 opens what its own library can; `None` where the tool is missing, which CI does not forgive.
fn opened_by_xmlsec1(xml: &str, key: TestKey) -> Option<Result<String, String>> {
    let folder = tempfile::tempdir().unwrap();
    let (message, private) = (folder.path().join("sealed.xml"), folder.path().join("key.pem"));
    std::fs::write(&message, xml).unwrap();
    let base64 = BASE64.encode(key.private);
    std::fs::write(&private, format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n")).unwrap();
    let run = Command::new("xmlsec1").arg("--decrypt").arg("--privkey-pem").args([&private, &message]).output();
    let Ok(output) = run else {
        assert!(std::env::var_os("CI").is_none(), "xmlsec1 is needed in CI");
        eprintln!("xmlsec1 is not installed: nothing was opened with it");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(said) })
}

/// What `CipherValue` right below the one element of this name holds.
fn octets(root: &Element, name: &str) -> Vec<u8> {
    let all = root.descendants();
    let holder = all.iter().find(|element| element.is(XENC, name)).unwrap();
    let data = holder.only(XENC, "CipherData").unwrap().unwrap();
    BASE64.decode(data.only(XENC, "CipherValue").unwrap().unwrap().value().unwrap().as_bytes()).unwrap()
}

fn opened_in_process(xml: &str, methods: EncryptionMethods) -> String {
    let root = tree::read(xml, MESSAGE).unwrap();
    let private = PrivateDecryptingKey::from_pkcs8(PARTY_KEY.private).unwrap();
    let private = OaepPrivateDecryptingKey::new(private).unwrap();
    let oaep = match methods.key {
        KeyTransport::OaepSha1 => &OAEP_SHA1_MGF1SHA1,
        KeyTransport::OaepSha256 => &OAEP_SHA256_MGF1SHA256,
    };
    let cipher = match methods.content {
        ContentCipher::Aes256Gcm => &AES_256_GCM,
        ContentCipher::Aes128Gcm => &AES_128_GCM,
    };
    let mut key = vec![0; private.min_output_size()];
    let key = private.decrypt(oaep, &octets(&root, "EncryptedKey"), &mut key, None).unwrap().to_vec();
    let mut sealed = octets(&root, "EncryptedData");
    let mut content = sealed.split_off(12);
    let nonce = Nonce::try_assume_unique_for_key(&sealed).unwrap();
    let opened = LessSafeKey::new(UnboundKey::new(cipher, &key).unwrap())
        .open_in_place(nonce, Aad::empty(), &mut content)
        .unwrap();
    String::from_utf8(opened.to_vec()).unwrap()
}

#[test]
fn so_03_a_party_with_a_key_gets_an_assertion_that_xmlsec1_opens_and_finds_signed() {
    let xml = written(&publishing(&[PARTY_KEY]));
    assert!(!xml.contains("LEFEVRE") && !xml.contains("<saml2:Assertion"), "nothing is told in clear");
    verify_with_xmlsec1("sealed", &xml, &["Response"]);
    let Some(opened) = opened_by_xmlsec1(&xml, PARTY_KEY) else { return };
    let opened = opened.unwrap();
    let root = tree::read(opened.trim_start_matches("<?xml version=\"1.0\"?>\n"), MESSAGE).unwrap();
    let around = root.only(ASSERTION, "EncryptedAssertion").unwrap().unwrap();
    assert!(around.only(ASSERTION, "Assertion").unwrap().is_some());
    assert!(opened.contains("2|LEFEVRE|Anne|1001|0750655E"));
    verify_with_xmlsec1("opened", &opened, &["Assertion"]);
    assert!(opened_by_xmlsec1(&xml, STRANGER).unwrap().is_err(), "another key opens nothing");
}

#[test]
fn so_03_what_is_sealed_is_the_assertion_that_would_have_been_sent() {
    let clear = written(&saml_party(false, &[]));
    let start = clear.find("<saml2:Assertion").unwrap();
    let end = clear.find("</saml2p:Response>").unwrap();
    let mut saml = publishing(&[PARTY_KEY]);
    for content in [ContentCipher::Aes256Gcm, ContentCipher::Aes128Gcm] {
        for key in [KeyTransport::OaepSha1, KeyTransport::OaepSha256] {
            saml.encryption = EncryptionMethods { content, key };
            assert_eq!(opened_in_process(&written(&saml), saml.encryption), clear[start..end]);
        }
    }
}

#[test]
fn so_03_never_cbc_and_never_pkcs1_v1_5() {
    let mut saml = publishing(&[PARTY_KEY]);
    let algorithms = |saml: &SamlParty| -> Vec<String> {
        let root = tree::read(&written(saml), MESSAGE).unwrap();
        let all = root.descendants();
        let methods = all.iter().filter(|element| element.is(XENC, "EncryptionMethod"));
        methods.map(|method| method.attribute("Algorithm").unwrap().to_owned()).collect()
    };
    let usual = ["http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"];
    assert_eq!(algorithms(&saml), usual);
    saml.encryption = EncryptionMethods { content: ContentCipher::Aes128Gcm, key: KeyTransport::OaepSha256 };
    let other = ["http://www.w3.org/2009/xmlenc11#aes128-gcm", "http://www.w3.org/2009/xmlenc11#rsa-oaep"];
    assert_eq!(algorithms(&saml), other);
}

#[test]
fn so_03_the_switch_decides_where_there_is_a_choice() {
    let is_sealed = |saml: &SamlParty| written(saml).contains("EncryptedAssertion");
    let with = |keys: &[TestKey], encrypt: &str| {
        let mut saml = publishing(keys);
        saml.options.set("encrypt", encrypt).unwrap();
        saml
    };
    assert!(is_sealed(&with(&[PARTY_KEY], "auto")) && is_sealed(&with(&[PARTY_KEY], "required")));
    assert!(!is_sealed(&with(&[PARTY_KEY], "never")) && !is_sealed(&with(&[], "auto")));
    // A key of another kind is passed over.
    assert!(is_sealed(&with(&[P256, PARTY_KEY], "required")) && !is_sealed(&with(&[P256], "auto")));
    for keys in [&[][..], &[P256]] {
        let saml = with(keys, "required");
        assert_eq!(saml.options.encrypt, Encrypt::Required);
        assert_eq!(check(&saml), Err(Status::NoEncryptionKey));
        let refused = try_answer(&reply(), &released(), &saml, &IDP_KEY);
        assert_eq!(refused, Err(Unwritten::NoEncryptionKey), "and nothing leaves in clear");
    }
}

#[test]
fn so_03_a_party_that_may_not_be_told_in_clear_hears_so_before_anybody_signs_in() {
    let mut saml = saml_party(false, &[PARTY_KEY]);
    saml.options.encrypt = Encrypt::Required;
    let party = party_with(saml);
    let Err(Refused::Reply { reply, status }) = judge(&draft().xml(), &party) else { panic!("not refused") };
    assert_eq!((reply.consumer.as_str(), status), (CONSUMER, Status::NoEncryptionKey));
    let query = format!("providerId={}", escape(PARTY, false));
    let asked = binding::unsolicited(&query).unwrap();
    let Err(Refused::Reply { status, .. }) = asked.verify(&party, NOW) else { panic!("not refused") };
    assert_eq!(status, Status::NoEncryptionKey);
}

#[test]
fn so_01_each_signature_can_be_left_out_but_not_the_one_that_the_metadata_wants() {
    let signed = |sign: Sign, wants: bool, keys: &[TestKey]| {
        let mut saml = publishing(keys);
        saml.options.sign = sign;
        saml.wants_signed_assertions = wants;
        let xml = written(&saml);
        let inside = match keys {
            [] => xml.clone(),
            _ => opened_in_process(&xml, saml.encryption),
        };
        let root = tree::read(&xml, MESSAGE).unwrap();
        let outside = root.children.iter().any(|child| child.name == "Signature");
        let assertion = inside.split_once("<saml2:Assertion").unwrap().1;
        (outside, assertion.contains("<ds:Signature "))
    };
    for keys in [&[][..], &[PARTY_KEY]] {
        assert_eq!(signed(Sign::Both, false, keys), (true, true));
        assert_eq!(signed(Sign::Response, false, keys), (true, false));
        assert_eq!(signed(Sign::Response, true, keys), (true, true));
        assert_eq!(signed(Sign::Assertion, false, keys), (false, true));
    }
    let mut saml = saml_party(false, &[]);
    saml.options.sign = Sign::Assertion;
    verify_with_xmlsec1("inside only", &written(&saml), &["Assertion"]);
    saml.options.sign = Sign::Response;
    verify_with_xmlsec1("outside only", &written(&saml), &["Response"]);
}
