//! Whether a signature was made by a registered key over the message that will be read.

use aws_lc_rs::signature::{self as algorithms, UnparsedPublicKey, VerificationAlgorithm};
use samael::crypto::{AllowedSignatureAlgorithm as Allowed, CertificateDer, Crypto, CryptoProvider, ReduceMode};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey as KnownKey;

use super::binding::Detached;
use super::lexis;
use super::names::{DSIG, ENVELOPED, EXCLUSIVE_C14N};
use super::reason::Reason;
use super::tree::{self, Element, MESSAGE};

/// SI-07: the whole list; what is not in it does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcdsaSha256,
    EcdsaSha384,
    EcdsaSha512,
}

impl Method {
    fn from_uri(uri: &str) -> Option<Self> {
        match uri.strip_prefix("http://www.w3.org/2001/04/xmldsig-more#")? {
            "rsa-sha256" => Some(Self::RsaSha256),
            "rsa-sha384" => Some(Self::RsaSha384),
            "rsa-sha512" => Some(Self::RsaSha512),
            "ecdsa-sha256" => Some(Self::EcdsaSha256),
            "ecdsa-sha384" => Some(Self::EcdsaSha384),
            "ecdsa-sha512" => Some(Self::EcdsaSha512),
            _ => None,
        }
    }

    const fn for_samael(self) -> Allowed {
        match self {
            Self::RsaSha256 => Allowed::RsaSha256,
            Self::RsaSha384 => Allowed::RsaSha384,
            Self::RsaSha512 => Allowed::RsaSha512,
            Self::EcdsaSha256 => Allowed::EcdsaSha256,
            Self::EcdsaSha384 => Allowed::EcdsaSha384,
            Self::EcdsaSha512 => Allowed::EcdsaSha512,
        }
    }

    /// How aws-lc-rs checks this method with a key of that kind.
    fn algorithm(self, curve: Curve) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (curve, self) {
            (Curve::Rsa, Self::RsaSha256) => &algorithms::RSA_PKCS1_2048_8192_SHA256,
            (Curve::Rsa, Self::RsaSha384) => &algorithms::RSA_PKCS1_2048_8192_SHA384,
            (Curve::Rsa, Self::RsaSha512) => &algorithms::RSA_PKCS1_2048_8192_SHA512,
            (Curve::P256, Self::EcdsaSha256) => &algorithms::ECDSA_P256_SHA256_ASN1,
            (Curve::P256, Self::EcdsaSha384) => &algorithms::ECDSA_P256_SHA384_ASN1,
            (Curve::P256, Self::EcdsaSha512) => &algorithms::ECDSA_P256_SHA512_ASN1,
            (Curve::P384, Self::EcdsaSha256) => &algorithms::ECDSA_P384_SHA256_ASN1,
            (Curve::P384, Self::EcdsaSha384) => &algorithms::ECDSA_P384_SHA384_ASN1,
            (Curve::P384, Self::EcdsaSha512) => &algorithms::ECDSA_P384_SHA512_ASN1,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    Rsa,
    P256,
    P384,
}

/// A key of registered metadata that is strong enough to be believed.
pub struct Key {
    curve: Curve,
    public: Vec<u8>,
    certificate: Vec<u8>,
}

/// Why a certificate is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    NotACertificate,
    /// Bits of the modulus.
    ShortRsa(usize),
    Algorithm,
}

impl Key {
    /// From a certificate, DER. Its dates do not count here: metadata says which keys are good (SAML metadata
    /// interoperability profile 2.6.1), and a certificate is but their envelope.
    pub fn from_certificate(der: &[u8]) -> Result<Self, Weakness> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| Weakness::NotACertificate)?;
        if !rest.is_empty() {
            return Err(Weakness::NotACertificate);
        }
        let info = certificate.public_key();
        let curve = match info.parsed().map_err(|_| Weakness::NotACertificate)? {
            KnownKey::RSA(rsa) => match bits(rsa.modulus) {
                short @ ..2048 => return Err(Weakness::ShortRsa(short)),
                _ => Curve::Rsa,
            },
            KnownKey::EC(_) if has_curve(info, "1.2.840.10045.3.1.7") => Curve::P256,
            KnownKey::EC(_) if has_curve(info, "1.3.132.0.34") => Curve::P384,
            _ => return Err(Weakness::Algorithm),
        };
        Ok(Self { curve, public: info.subject_public_key.data.to_vec(), certificate: der.to_vec() })
    }

    /// The usable ones among certificates in base64.
    pub fn registered(certificates: &[String]) -> Vec<Self> {
        let der = certificates.iter().filter_map(|text| data_encoding::BASE64.decode(text.as_bytes()).ok());
        der.filter_map(|der| Self::from_certificate(&der).ok()).collect()
    }
}

/// Leading zeros do not make a number longer.
fn bits(number: &[u8]) -> usize {
    let digits = number.iter().skip_while(|digit| **digit == 0);
    let first = digits.clone().next().map_or(0, |digit| digit.leading_zeros() as usize);
    digits.count() * 8 - first
}

fn has_curve(info: &x509_parser::x509::SubjectPublicKeyInfo, oid: &str) -> bool {
    let parameters = info.algorithm.parameters.as_ref();
    parameters.and_then(|parameters| parameters.as_oid().ok()).is_some_and(|curve| curve.to_id_string() == oid)
}

/// Checks the signature of the Redirect binding with each registered key (SI-06, SI-08).
pub fn check_detached(detached: &Detached, keys: &[Key]) -> Result<(), Reason> {
    let method = Method::from_uri(&detached.algorithm).ok_or(Reason::Algorithm)?;
    let is_good = keys.iter().any(|key| {
        let Some(algorithm) = method.algorithm(key.curve) else { return false };
        let verify = |signature: &[u8]| {
            UnparsedPublicKey::new(algorithm, &key.public).verify(detached.octets.as_bytes(), signature).is_ok()
        };
        // XML signatures write ECDSA as two numbers side by side; some senders leave the ASN.1 of their library.
        verify(&detached.signature) || (key.curve != Curve::Rsa && verify(&asn1(&detached.signature)))
    });
    if is_good { Ok(()) } else { Err(Reason::Signature) }
}

/// Two numbers of equal length as the ASN.1 sequence that aws-lc-rs reads for every hash.
fn asn1(pair: &[u8]) -> Vec<u8> {
    let (r, s) = pair.split_at(pair.len() / 2);
    let mut inside = Vec::with_capacity(pair.len() + 8);
    for number in [r, s] {
        let digits: Vec<u8> = number.iter().copied().skip_while(|digit| *digit == 0).collect();
        let sign = digits.first().is_none_or(|first| *first >= 0x80);
        inside.push(2);
        inside.extend(u8::try_from(digits.len() + usize::from(sign)));
        inside.extend(sign.then_some(0));
        inside.extend(digits);
    }
    // Both numbers are 48 bytes at most, so every length fits in one byte; anything longer is no signature.
    let mut sequence = vec![0x30];
    sequence.extend(u8::try_from(inside.len()).ok().filter(|length| *length < 0x80));
    sequence.extend(inside);
    sequence
}

/// The method of the one signature over the whole message; `None` for an unsigned one (SI-05).
pub fn enveloped(root: &Element) -> Result<Option<Method>, Reason> {
    let signatures = root.descendants().into_iter().filter(|element| element.is(DSIG, "Signature")).count();
    if signatures == 0 {
        return Ok(None);
    }
    let signature = root.only(DSIG, "Signature").ok().flatten().ok_or(Reason::SignatureShape)?;
    let id = root.attribute("ID").ok_or(Reason::SignatureShape)?;
    if signatures != 1 {
        return Err(Reason::SignatureShape);
    }
    let (info, value) = match children(signature).as_slice() {
        [info, value] if names_are(&[info, value], &["SignedInfo", "SignatureValue"]) => (*info, *value),
        [info, value, key] if names_are(&[info, value, key], &["SignedInfo", "SignatureValue", "KeyInfo"]) => {
            (*info, *value)
        }
        _ => return Err(Reason::SignatureShape),
    };
    let [c14n, method, reference] = exactly(info, ["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
    let [transforms, digest, digest_value] = exactly(reference, ["Transforms", "DigestMethod", "DigestValue"])?;
    let [first, second] = exactly(transforms, ["Transform", "Transform"])?;
    let covers_root = reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')) == Some(id);
    let is_plain = is_c14n(c14n)
        && is_c14n(second)
        && first.attribute("Algorithm") == Some(ENVELOPED)
        && [first, method, digest].iter().all(|element| element.children.is_empty());
    if !covers_root || !is_plain || octets(value) == 0 {
        return Err(Reason::SignatureShape);
    }
    let length = digest.attribute("Algorithm").and_then(digest_length).ok_or(Reason::Algorithm)?;
    if octets(digest_value) != length {
        return Err(Reason::SignatureShape);
    }
    method.attribute("Algorithm").and_then(Method::from_uri).map(Some).ok_or(Reason::Algorithm)
}

/// SI-07: SHA-2 only.
fn digest_length(uri: &str) -> Option<usize> {
    match uri {
        "http://www.w3.org/2001/04/xmlenc#sha256" => Some(32),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Some(48),
        "http://www.w3.org/2001/04/xmlenc#sha512" => Some(64),
        _ => None,
    }
}

/// How many octets an element holds in base64, broken into lines or not; none where it holds something else.
fn octets(element: &Element) -> usize {
    let dense: String = element.value().unwrap_or_default().chars().filter(|c| !lexis::is_space(*c)).collect();
    data_encoding::BASE64.decode(dense.as_bytes()).map_or(0, |octets| octets.len())
}

/// Exclusive, without comments; the list of prefixes that OpenSAML adds changes no meaning.
fn is_c14n(element: &Element) -> bool {
    element.attribute("Algorithm") == Some(EXCLUSIVE_C14N)
        && element.children.len() <= 1
        && element.children.iter().all(|child| child.is(EXCLUSIVE_C14N, "InclusiveNamespaces"))
}

fn children(element: &Element) -> Vec<&Element> {
    element.children.iter().collect()
}

fn names_are(elements: &[&Element], names: &[&str]) -> bool {
    elements.len() == names.len() && elements.iter().zip(names).all(|(element, name)| element.is(DSIG, name))
}

fn exactly<'a, const N: usize>(parent: &'a Element, names: [&str; N]) -> Result<[&'a Element; N], Reason> {
    let found = children(parent);
    if !names_are(&found, &names) {
        return Err(Reason::SignatureShape);
    }
    found.try_into().map_err(|_| Reason::SignatureShape)
}

/// Verifies the enveloped signature and returns what it covers, read from the very octets that were digested (SI-04).
pub fn verified(xml: &str, received: &Element, method: Method, keys: &[Key]) -> Result<Element, Reason> {
    let signed = tree::read(&reduced(xml, method, keys)?, MESSAGE)?;
    let mut unsigned = received.clone();
    unsigned.children.retain(|child| !child.is(DSIG, "Signature"));
    if signed.says_same_as(&unsigned) { Ok(signed) } else { Err(Reason::SignatureShape) }
}

/// The octets that the signature covers. Only for a text whose shape `enveloped` has checked, and to be compared with it.
pub fn reduced(xml: &str, method: Method, keys: &[Key]) -> Result<String, Reason> {
    // The digest may be of another SHA-2 than the signature; samael derives both lists from one.
    let allowed = [method.for_samael(), Allowed::RsaSha256, Allowed::RsaSha384, Allowed::RsaSha512];
    // One key at a time: xmlsec gives up on a key of the wrong kind instead of trying the next.
    keys.iter()
        .filter(|key| method.algorithm(key.curve).is_some())
        .find_map(|key| {
            let certificate = [CertificateDer::from(key.certificate.clone())];
            let mode = ReduceMode::PreDigest;
            Crypto::reduce_xml_to_signed_with_allowed_algorithms(xml, &certificate, mode, Some(&allowed)).ok()
        })
        .ok_or(Reason::Signature)
}
