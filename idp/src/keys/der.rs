//! The few shapes of DER (X.690) that public keys and signatures need: a token gives numbers, readers want structures.

/// `1.2.840.113549.1.1.1`, with its NULL (RFC 8017 A.1).
const RSA: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// `id-ecPublicKey` on `prime256v1` (RFC 5480 2.1.1).
const P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07,
];
/// `prime256v1` alone, as PKCS#11 names a curve.
pub(super) const CURVE: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let significant = length.iter().position(|byte| *byte != 0).unwrap_or(length.len());
    let length = length.get(significant..).unwrap_or_default();
    match length {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            // At most eight octets of length.
            out.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A number without sign, big endian.
fn integer(number: &[u8]) -> Vec<u8> {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let number = number.get(start..).unwrap_or_default();
    let is_high = number.first().is_none_or(|byte| *byte >= 0x80);
    let padded = if is_high { [&[0], number].concat() } else { number.to_vec() };
    wrap(INTEGER, &padded)
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = wrap(BIT_STRING, &[&[0], key].concat());
    wrap(SEQUENCE, &[algorithm, &bits].concat())
}

/// `RSAPublicKey` (RFC 8017 A.1.1).
pub(super) fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    wrap(SEQUENCE, &[integer(modulus), integer(exponent)].concat())
}

pub(super) fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    spki(RSA, &rsa_public_key(modulus, exponent))
}

/// The point uncompressed (SEC 1 2.3.3).
pub(super) fn p256_spki(point: &[u8; 65]) -> Vec<u8> {
    spki(P256, point)
}

/// `ECDSA-Sig-Value` (RFC 3279 2.2.3) of the two numbers side by side, as certificates want it.
pub(super) fn ecdsa_signature(fixed: &[u8]) -> Vec<u8> {
    let (r, s) = fixed.split_at(fixed.len() / 2);
    wrap(SEQUENCE, &[integer(r), integer(s)].concat())
}

/// The content of an OCTET STRING shorter than 128 octets: `CKA_EC_POINT`. Some tokens leave the wrapping out.
pub(super) fn octets(der: &[u8]) -> &[u8] {
    match der {
        [OCTET_STRING, length, content @ ..] if usize::from(*length) == content.len() => content,
        bare => bare,
    }
}
