use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding,
};

use super::super::trust::{Key, Weakness};
use super::*;

const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";
const SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#sha384";
const SHA512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";

fn with_keys(keys: &[TestKey]) -> RelyingParty {
    party_with(saml_party(true, keys))
}

#[test]
fn si_07_each_accepted_algorithm_verifies_in_a_posted_request() {
    let cases = [
        (PARTY_KEY, "rsa-sha256", SHA256),
        (PARTY_KEY, "rsa-sha384", SHA384),
        (PARTY_KEY, "rsa-sha512", SHA512),
        (PARTY_KEY, "rsa-sha512", SHA256),
        (PARTY_KEY, "rsa-sha256", SHA512),
        (P256, "ecdsa-sha256", SHA256),
        (P384, "ecdsa-sha384", SHA384),
        (P384, "ecdsa-sha512", SHA256),
    ];
    for (key, method, digest) in cases {
        let xml = draft().signed_as(key, &format!("{MORE}{method}"), digest);
        assert!(judge(&xml, &with_keys(&[key])).is_ok(), "{method} {digest}");
    }
}

#[test]
fn si_07_weak_algorithms_are_refused_in_a_posted_request() {
    let sha1 = "http://www.w3.org/2000/09/xmldsig#sha1";
    let signed = [
        ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", SHA256),
        (RSA_SHA256, sha1),
        (RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#md5"),
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-md5", SHA256),
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha224", SHA256),
    ];
    let mut drafts = Vec::new();
    for (method, digest) in signed {
        let good = draft().signed(PARTY_KEY);
        let xml = good.replace(
            &format!("<ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"/>"),
            &format!("<ds:SignatureMethod Algorithm=\"{method}\"/>"),
        );
        drafts.push(xml.replace(
            &format!("<ds:DigestMethod Algorithm=\"{SHA256}\"/>"),
            &format!("<ds:DigestMethod Algorithm=\"{digest}\"/>"),
        ));
    }
    // Properly made with SHA-1, as old libraries still do.
    drafts.push(draft().signed_as(PARTY_KEY, "http://www.w3.org/2000/09/xmldsig#rsa-sha1", sha1));
    for method in ["hmac-sha256", "hmac-sha1", "none", ""] {
        drafts.push(draft().signed(PARTY_KEY).replace(RSA_SHA256, &format!("{MORE}{method}")));
    }
    for xml in drafts {
        assert_eq!(judge(&xml, &party(true)), local(Reason::Algorithm), "{xml}");
    }
    let truncated = draft().signed(PARTY_KEY).replace(
        &format!("<ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"/>"),
        &format!(
            "<ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"><ds:HMACOutputLength>8</ds:HMACOutputLength>\
             </ds:SignatureMethod>"
        ),
    );
    assert_eq!(judge(&truncated, &party(true)), local(Reason::SignatureShape));
}

#[test]
fn si_07_a_short_rsa_key_vouches_for_nothing() {
    let party = with_keys(&[SHORT_KEY]);
    assert_eq!(judge(&draft().signed(SHORT_KEY), &party), local(Reason::Signature));
    // The same list of keys serves the Redirect binding.
    assert!(Key::registered(&[SHORT_KEY.certificate().to_owned()]).is_empty());
    assert_eq!(Key::from_certificate(&SHORT_KEY.der()).err(), Some(Weakness::ShortRsa(1024)));
}

fn rsa(encoding: &'static dyn RsaEncoding) -> impl Fn(&[u8]) -> Vec<u8> {
    move |octets| {
        let pair = KeyPair::from_pkcs8(PARTY_KEY.private).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), octets, &mut signature).unwrap();
        signature
    }
}

fn ecdsa(key: TestKey, algorithm: &'static EcdsaSigningAlgorithm) -> impl Fn(&[u8]) -> Vec<u8> {
    move |octets| {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, key.private).unwrap();
        pair.sign(&SystemRandom::new(), octets).unwrap().as_ref().to_vec()
    }
}

#[test]
fn si_07_each_accepted_algorithm_verifies_on_the_redirect_binding() {
    let unsigned = query(&draft().xml(), Some("state"));
    let all = with_keys(&[P384, STRANGER, P256, PARTY_KEY]);
    let judge = |method: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        judge_query(&signed_query(&unsigned, &format!("{MORE}{method}"), false, sign), &all)
    };
    assert!(judge("rsa-sha256", &by_party).is_ok());
    assert!(judge("rsa-sha384", &rsa(&RSA_PKCS1_SHA384)).is_ok());
    assert!(judge("rsa-sha512", &rsa(&RSA_PKCS1_SHA512)).is_ok());
    assert!(judge("ecdsa-sha256", &ecdsa(P256, &ECDSA_P256_SHA256_ASN1_SIGNING)).is_ok());
    // Fifty of them, so that numbers with leading zeros and with a high first bit are met.
    for _ in 0..50 {
        assert!(judge("ecdsa-sha256", &ecdsa(P256, &ECDSA_P256_SHA256_FIXED_SIGNING)).is_ok());
        assert!(judge("ecdsa-sha384", &ecdsa(P384, &ECDSA_P384_SHA384_FIXED_SIGNING)).is_ok());
    }
    assert_eq!(judge("rsa-sha384", &by_party), local(Reason::Signature));
    assert_eq!(judge("ecdsa-sha256", &by_party), local(Reason::Signature));
    assert_eq!(judge("ecdsa-sha256", &|_| Vec::new()), local(Reason::Signature));
    assert_eq!(judge("ecdsa-sha256", &|_| vec![0; 64]), local(Reason::Signature));
    assert_eq!(judge("rsa-sha256", &|_| Vec::new()), local(Reason::Signature));
}

#[test]
fn si_07_weak_algorithms_are_refused_on_the_redirect_binding() {
    let unsigned = query(&draft().xml(), None);
    let named =
        ["http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#dsa-sha1", "none", ""];
    let more = ["hmac-sha256", "rsa-md5", "rsa-sha224", "rsa-sha256 "].map(|name| format!("{MORE}{name}"));
    for method in named.into_iter().chain(more.iter().map(String::as_str)) {
        let query = signed_query(&unsigned, method, false, by_party);
        assert_eq!(judge_query(&query, &party(true)), local(Reason::Algorithm), "{method}");
    }
}

#[test]
fn si_06_every_registered_key_is_tried_and_no_other() {
    let xml = draft().signed(PARTY_KEY);
    assert!(judge(&xml, &with_keys(&[P256, STRANGER, PARTY_KEY])).is_ok());
    assert_eq!(judge(&xml, &with_keys(&[P256, STRANGER])), local(Reason::Signature));
    assert_eq!(judge(&xml, &with_keys(&[])), local(Reason::Signature));
    let query = signed_query(&query(&draft().xml(), None), RSA_SHA256, false, by_party);
    assert_eq!(judge_query(&query, &with_keys(&[STRANGER])), local(Reason::Signature));
}

#[test]
fn si_06_a_key_inside_the_message_is_ignored() {
    let info = format!(
        "</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
         </ds:KeyInfo></ds:Signature>",
        STRANGER.certificate()
    );
    let with_info = template("_request-1", RSA_SHA256, SHA256).replace("</ds:SignatureValue></ds:Signature>", &info);
    let xml = sign(&draft().xml_with(&with_info), STRANGER);
    assert_eq!(judge(&xml, &party(true)), local(Reason::Signature));
    // The right key passes with the wrong certificate beside it, for nobody looks there.
    assert!(judge(&sign(&draft().xml_with(&with_info), PARTY_KEY), &party(true)).is_ok());
}

#[test]
fn si_05_each_deviation_of_the_signature_is_refused() {
    let enveloped = format!("<ds:Transform Algorithm=\"{ENVELOPED}\"/>");
    let c14n = format!("<ds:Transform Algorithm=\"{EXCLUSIVE_C14N}\"/>");
    let of = |uri: &str, transforms: &str| {
        sign(&draft().xml_with(&template_with(uri, RSA_SHA256, SHA256, transforms)), PARTY_KEY)
    };
    let good = of("#_request-1", &format!("{enveloped}{c14n}"));
    assert!(judge(&good, &party(true)).is_ok());
    let xpath = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>1</ds:XPath></ds:Transform>";
    let with_comments = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#WithComments\"/>";
    let inclusive = "<ds:Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>";
    let signed = [
        // The whole document instead of the root's ID.
        of("", &format!("{enveloped}{c14n}")),
        of("#_request-1", &enveloped),
        of("#_request-1", &format!("{enveloped}{with_comments}")),
        of("#_request-1", &format!("{enveloped}{inclusive}")),
        of("#_request-1", &format!("{enveloped}{xpath}{c14n}")),
        of("#xpointer(id('_request-1'))", &format!("{enveloped}{c14n}")),
    ];
    let signature = &good[good.find("<ds:Signature").unwrap()..good.find("</samlp:").unwrap()];
    let reference = &good[good.find("<ds:Reference").unwrap()..good.find("</ds:SignedInfo>").unwrap()];
    let bent = [
        good.replace(signature, &format!("<samlp:Extensions>{signature}</samlp:Extensions>")),
        good.replace(signature, &format!("{signature}{signature}")),
        good.replace(reference, &format!("{reference}{reference}")),
        good.replace(reference, ""),
        good.replace("</ds:Signature>", "<ds:Object/></ds:Signature>"),
        good.replace("<ds:SignatureValue>", "<ds:SignatureValue>!"),
        good.replace("<ds:DigestValue>", "<ds:DigestValue>AAAA"),
        good.replace(EXCLUSIVE_C14N, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
        good.replace(" ID=\"_request-1\"", ""),
    ];
    for xml in signed.iter().chain(&bent) {
        assert_eq!(judge(xml, &party(true)), local(Reason::SignatureShape), "{xml}");
    }
}

#[test]
fn si_05_the_prefix_list_of_opensaml_is_accepted() {
    let c14n = format!(
        "<ds:Transform Algorithm=\"{ENVELOPED}\"/><ds:Transform Algorithm=\"{EXCLUSIVE_C14N}\">\
         <ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE_C14N}\" PrefixList=\"xs\"/></ds:Transform>"
    );
    let xml = sign(&draft().xml_with(&template_with("#_request-1", RSA_SHA256, SHA256, &c14n)), PARTY_KEY);
    assert!(judge(&xml, &party(true)).is_ok());
}

#[test]
fn si_04_a_changed_byte_breaks_the_signature() {
    let xml = draft().with("AssertionConsumerServiceURL", CONSUMER).signed(PARTY_KEY);
    assert!(judge(&xml, &party(true)).is_ok());
    let forged = xml.replace(CONSUMER, SECOND_CONSUMER);
    assert_eq!(judge(&forged, &party(true)), local(Reason::Signature));
    assert_eq!(judge(&forged, &party(false)), local(Reason::Signature));
}

#[test]
fn si_09_signed_or_not_and_required_or_not() {
    let signed_post = draft().signed(PARTY_KEY);
    let unsigned_post = draft().xml();
    let unsigned_query = query(&unsigned_post, None);
    let signed_query = signed_query(&unsigned_query, RSA_SHA256, false, by_party);
    for required in [false, true] {
        assert!(judge(&signed_post, &party(required)).is_ok());
        assert!(judge_query(&signed_query, &party(required)).is_ok());
    }
    assert!(judge(&unsigned_post, &party(false)).is_ok());
    assert!(judge_query(&unsigned_query, &party(false)).is_ok());
    assert_eq!(judge(&unsigned_post, &party(true)), local(Reason::Unsigned));
    assert_eq!(judge_query(&unsigned_query, &party(true)), local(Reason::Unsigned));
    // Not required, present and wrong: refused all the same.
    assert_eq!(judge(&draft().signed(STRANGER), &party(false)), local(Reason::Signature));
    let forged = super::signed_query(&unsigned_query, RSA_SHA256, false, |octets| STRANGER.sign(octets).unwrap());
    assert_eq!(judge_query(&forged, &party(false)), local(Reason::Signature));
}

#[test]
fn a_signature_inside_a_redirected_message_is_refused() {
    let query = query(&draft().signed(PARTY_KEY), None);
    assert_eq!(judge_query(&query, &party(true)), local(Reason::SignatureShape));
}
