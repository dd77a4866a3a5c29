//! The keys of this house: a folder of sealed files, made on the first start and read once.
//!
//! Each purpose has its own key (KM-01): what leaks or must be replaced in one place says nothing in another. Never in
//! here: the database, and any key that is not this house's own. Files over a key store in the database, because a copy
//! of the database must not be able to sign; signatures by AWS-LC, which is constant-time (KM-03).
//!
//! Files are numbered (`saml-1.key.pem`) so that a next and a retired key can stand beside the current one.

mod certificate;
mod folder;
mod signing;

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::constant_time;
use time::OffsetDateTime;

pub use certificate::Certificate;
pub use signing::{EcKey, RsaKey, RsaSize, SigningFailed, SymmetricKey};

use folder::{Folder, Sealed};

/// Everything the house signs, seals or derives with. Shared by reference between threads.
pub struct Keys {
    pub saml: SamlKeys,
    pub oidc: OidcKeys,
    /// Derives what a relying party calls a person.
    pub pairwise: SymmetricKey,
    /// Seals anti-forgery tokens to their session.
    pub csrf: SymmetricKey,
    /// Hashes what is too short to be hashed bare: codes sent by telephone.
    pub codes: SymmetricKey,
    /// Goes into every password hash.
    pub pepper: SymmetricKey,
}

pub struct SamlKeys {
    pub signing: RsaKey,
    pub certificate: Certificate,
}

pub struct OidcKeys {
    /// Mandatory to offer (OpenID Connect Core 15.1).
    pub rs256: RsaKey,
    /// Thirteen times cheaper, where the relying party asks for it.
    pub es256: EcKey,
}

/// What keys are made with, where there are none yet.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The public host, for the certificate's subject.
    pub host: String,
    pub rsa: RsaSize,
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
    #[error("cannot make a key for {path}")]
    Generation { path: PathBuf },
    #[error("cannot make a certificate for the host {host}")]
    Certificate { host: String, source: rcgen::Error },
}

impl Keys {
    /// Reads the folder, making what is missing. Processes that start together on one folder end with the same keys.
    pub fn open(folder: &Path, settings: &Settings, now: OffsetDateTime) -> Result<Self, Error> {
        let folder = Folder::open(folder)?;
        Ok(Self {
            saml: SamlKeys::open(&folder, settings, now)?,
            oidc: OidcKeys {
                rs256: rsa(&folder, "oidc-rs256-1.key.pem", settings.rsa)?,
                es256: ec(&folder, "oidc-es256-1.key.pem")?,
            },
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

impl SamlKeys {
    const KEY: &str = "saml-1.key.pem";
    const CERTIFICATE: &str = "saml-1.crt.pem";

    fn open(folder: &Folder, settings: &Settings, now: OffsetDateTime) -> Result<Self, Error> {
        let signing = rsa(folder, Self::KEY, settings.rsa)?;
        let pem = folder.read_or_make(Self::CERTIFICATE, Sealed::No, || {
            let source = |source| Error::Certificate { host: settings.host.clone(), source };
            Certificate::self_signed(&signing, &settings.host, now).map(|made| made.to_pem()).map_err(source)
        })?;
        let certificate =
            Certificate::read(&pem).ok_or_else(|| folder.malformed(Self::CERTIFICATE, "a certificate in PEM"))?;
        if !certificate.is_of(&signing) {
            let (certificate, key) = (folder.path(Self::CERTIFICATE), folder.path(Self::KEY));
            return Err(Error::Strangers { certificate, key });
        }
        Ok(Self { signing, certificate })
    }
}

const PRIVATE_KEY: &str = "PRIVATE KEY";

fn rsa(folder: &Folder, name: &str, size: RsaSize) -> Result<RsaKey, Error> {
    let pem = folder.read_or_make(name, Sealed::Yes, || {
        let made = signing::generate_rsa(size).map_err(|_| Error::Generation { path: folder.path(name) })?;
        Ok(folder::pem(PRIVATE_KEY, &made))
    })?;
    let read = folder::from_pem(PRIVATE_KEY, &pem).and_then(|der| RsaKey::from_pkcs8(&der));
    read.ok_or_else(|| folder.malformed(name, "an RSA private key of 2048 bits or more in PKCS#8 PEM"))
}

fn ec(folder: &Folder, name: &str) -> Result<EcKey, Error> {
    let pem = folder.read_or_make(name, Sealed::Yes, || {
        let made = signing::generate_ec().map_err(|_| Error::Generation { path: folder.path(name) })?;
        Ok(folder::pem(PRIVATE_KEY, &made))
    })?;
    let read = folder::from_pem(PRIVATE_KEY, &pem).and_then(|der| EcKey::from_pkcs8(&der));
    read.ok_or_else(|| folder.malformed(name, "a P-256 private key in PKCS#8 PEM"))
}

fn symmetric(folder: &Folder, name: &str) -> Result<SymmetricKey, Error> {
    let text = folder.read_or_make(name, Sealed::Yes, || Ok(SymmetricKey::fresh().to_text()))?;
    SymmetricKey::read(&text).ok_or_else(|| folder.malformed(name, "a key of 32 bytes in base64"))
}

#[cfg(test)]
mod tests;
