//! The keys of this house: a folder of sealed files, made on the first start and read once; signing keys also in a token.
//!
//! Each purpose has its own key (KM-01): what leaks or must be replaced in one place says nothing in another. Never in
//! here: the database, and any key that is not this house's own. Files over a key store in the database, because a copy
//! of the database must not be able to sign; signatures by AWS-LC, which is constant-time (KM-03).
//!
//! Files are numbered (`saml-1.key.pem`) so that a next and a retired key can stand beside the current one. Where each
//! stands is in the database, with its public half: nodes share that and have a folder each, so they agree on what is
//! published and what signs without a word between them, and one that lacks a file knows it. Which key signs for whom is
//! asked in `signing`.

mod certificate;
mod der;
mod folder;
mod ring;
mod signing;
mod token;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::constant_time;

pub use certificate::Certificate;
pub use ring::{Private, Ring};
pub use signing::{EcKey, EcPublic, PublicKey, RsaKey, RsaPublic, RsaSize, SigningFailed, SymmetricKey};
pub use token::TokenError;

use crate::config;
use crate::domain::signing_key::KeyName;

use folder::{Folder, Sealed};

/// Everything the house seals or derives with. Shared by reference between threads.
pub struct Keys {
    /// Derives what a relying party calls a person.
    pub pairwise: SymmetricKey,
    /// Seals anti-forgery tokens to their session.
    pub csrf: SymmetricKey,
    /// Hashes what is too short to be hashed bare: codes sent by telephone.
    pub codes: SymmetricKey,
    /// Goes into every password hash.
    pub pepper: SymmetricKey,
}

/// A key that signs SAML, and the certificate it is published in.
pub struct Certified<K> {
    pub signing: K,
    pub certificate: Certificate,
}

/// For every party.
pub type SamlKeys = Certified<RsaKey>;
/// For parties registered with ECDSA.
pub type SamlEcKeys = Certified<EcKey>;

/// What signs ID tokens now, and all that clients may have to verify one with.
#[derive(Default)]
pub struct OidcKeys {
    /// Mandatory to offer (OpenID Connect Core 15.1). Nothing while this node lacks it.
    pub rs256: Option<Arc<RsaKey>>,
    /// Thirteen times cheaper, where the relying party asks for it.
    pub es256: Option<Arc<EcKey>>,
    /// Next, current, and former ones until what they signed has ended (OP-20).
    pub published: Vec<PublicKey>,
}

/// What keys are made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The public host, for the certificate's subject.
    pub host: String,
    pub rsa: RsaSize,
    /// Where new signing keys are made; else in the folder.
    pub pkcs11: Option<config::Pkcs11>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {deed} {path}")]
    Io { deed: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{path} can be read by others (mode {mode:04o}): its keys must be taken for known; if they are not, `chmod 600 {path}`"
    )]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{path} can be changed by others (mode {mode:04o}): `chmod 700 {path}`")]
    Open { path: PathBuf, mode: u32 },
    #[error("{path} is not {expected}")]
    Malformed { path: PathBuf, expected: &'static str },
    #[error("{certificate} is not the certificate of {key}")]
    Strangers { certificate: PathBuf, key: PathBuf },
    #[error("{path} is another key than the {name} of the other nodes: copy theirs here")]
    Other { path: PathBuf, name: KeyName },
    #[error("{path} is missing here: copy it from the node where {name} was made, as it is, sealed")]
    Missing { path: PathBuf, name: KeyName },
    #[error("{0} is in a PKCS#11 token and [keys] pkcs11 names none")]
    NoToken(KeyName),
    #[error("{0} is not in the PKCS#11 token")]
    NotInToken(KeyName),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the public half of {0} in the database is none of this purpose")]
    Public(KeyName),
    #[error("cannot make a key for {path}")]
    Generation { path: PathBuf },
    #[error("cannot make a certificate for the host {host}")]
    Certificate { host: String, source: rcgen::Error },
}

impl Keys {
    /// Reads the folder, making what is missing. Processes that start together on one folder end with the same keys.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let folder = Folder::open(folder)?;
        Ok(Self {
            pairwise: symmetric(&folder, "pairwise-1.key")?,
            csrf: symmetric(&folder, "csrf-1.key")?,
            codes: symmetric(&folder, "codes-1.key")?,
            pepper: symmetric(&folder, "pepper-1.key")?,
        })
    }
}

impl Keys {
    /// The anti-forgery tag of one browser's forms (LS-09).
    pub fn csrf_tag(&self, browser: &[u8; 32]) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.csrf.hmac_sha256(browser))
    }

    /// Compares in constant time.
    pub fn is_csrf_tag(&self, browser: &[u8; 32], tag: &str) -> bool {
        constant_time::verify_slices_are_equal(self.csrf_tag(browser).as_bytes(), tag.as_bytes()).is_ok()
    }
}

impl Keys {
    /// The seal in a party's own metadata address: who reads there is that party, or was told by it. Derived with a key
    /// of its own below that of the forms, so that neither tag is ever the other.
    pub fn reader_tag(&self, party: &str) -> String {
        let key = SymmetricKey::from_bytes(
            self.csrf.hmac_sha256(b"the metadata addresses of relying parties, and nothing else"),
        );
        data_encoding::BASE64URL_NOPAD.encode(&key.hmac_sha256(party.as_bytes()))
    }

    /// Compares in constant time.
    pub fn is_reader_tag(&self, party: &str, tag: &str) -> bool {
        constant_time::verify_slices_are_equal(self.reader_tag(party).as_bytes(), tag.as_bytes()).is_ok()
    }
}

impl Keys {
    /// What clients put into their proofs for a span of time; the same on every node, and nobody's to foresee.
    pub fn proof_nonce(&self, span: i64) -> String {
        let key = SymmetricKey::from_bytes(self.csrf.hmac_sha256(b"the nonces of DPoP proofs, and nothing else"));
        let tag = key.hmac_sha256(&span.to_be_bytes());
        data_encoding::BASE64URL_NOPAD.encode(&tag)
    }
}

fn symmetric(folder: &Folder, name: &str) -> Result<SymmetricKey, Error> {
    let text = folder.read_or_make(name, Sealed::Yes, || Ok(SymmetricKey::fresh().to_text()))?;
    SymmetricKey::read(&text).ok_or_else(|| folder.malformed(name, "a key of 32 bytes in base64"))
}

#[cfg(test)]
mod tests;
