//! How a party wants what is encrypted to it, by its metadata.

use crate::domain::relying_party::{ContentCipher, EncryptionMethods, KeyTransport};
use crate::saml::names::{self, DSIG, METADATA, XENC11};
use crate::saml::tree::Element;

/// SAML Metadata 2.4.1.1: what the first key for encryption is wanted with, as far as we know it; for the rest, and
/// for one that names nothing or only what is broken, our own choice. Beside it, whether only what is broken was named.
pub(super) fn wanted(descriptor: &Element) -> (EncryptionMethods, bool) {
    let mut keys = descriptor.all(METADATA, "KeyDescriptor");
    let key = keys.find(|key| key.attribute("use").is_none_or(|used| used == "encryption"));
    let methods: Vec<&Element> = key.into_iter().flat_map(|key| key.all(METADATA, "EncryptionMethod")).collect();
    let algorithms: Vec<&str> = methods.iter().filter_map(|method| method.attribute("Algorithm")).collect();
    let content = match algorithms.iter().find(|known| [names::AES256_GCM, names::AES128_GCM].contains(*known)) {
        Some(&names::AES128_GCM) => ContentCipher::Aes128Gcm,
        _ => ContentCipher::Aes256Gcm,
    };
    let is_broken = |algorithm: &&str| algorithm.starts_with(names::XENC) && algorithm.ends_with("-cbc");
    let is_broken = algorithms.iter().any(is_broken) && !algorithms.iter().any(|known| known.ends_with("-gcm"));
    let is_sha256 = |method: &&&Element| {
        let digests = method.all(DSIG, "DigestMethod").filter_map(|digest| digest.attribute("Algorithm"));
        let masks = method.all(XENC11, "MGF").filter_map(|mask| mask.attribute("Algorithm"));
        method.attribute("Algorithm") == Some(names::RSA_OAEP)
            && digests.eq([names::SHA256])
            && masks.eq([names::MGF1_SHA256])
    };
    let is_usual = algorithms.contains(&names::RSA_OAEP_MGF1P);
    let asks_sha256 = !is_usual && methods.iter().any(|method| is_sha256(&method));
    let key = if asks_sha256 { KeyTransport::OaepSha256 } else { KeyTransport::OaepSha1 };
    (EncryptionMethods { content, key }, is_broken)
}
