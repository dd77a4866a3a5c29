//! The signing keys this node has: made, found again by the public half that the database keeps, and refused where the
//! two are no pair.

use std::path::Path;
use std::sync::Arc;

use time::OffsetDateTime;

use super::certificate::Certifiable;
use super::folder::{self, Folder, Sealed};
use super::signing::{self, EcKey, PublicKey, RsaKey};
use super::token::{Kind, Token, TokenKey};
use super::{Certificate, Certified, Error, SamlEcKeys, SamlKeys, Settings};
use crate::domain::signing_key::{Entry, KeyName, Place, Purpose};

const PRIVATE_KEY: &str = "PRIVATE KEY";

pub struct Ring {
    folder: Folder,
    pub(super) token: Option<Token>,
    settings: Settings,
}

/// One key, ready to sign.
#[derive(Clone)]
pub enum Private {
    Saml(Arc<SamlKeys>),
    SamlEc(Arc<SamlEcKeys>),
    Rs256(Arc<RsaKey>),
    Es256(Arc<EcKey>),
}

impl Ring {
    pub fn open(folder: &Path, settings: Settings) -> Result<Self, Error> {
        let token = settings.pkcs11.as_ref().map(Token::open).transpose()?;
        Ok(Self { folder: Folder::open(folder)?, token, settings })
    }

    /// Where a new key is made unless said otherwise.
    pub const fn place(&self) -> Place {
        if self.token.is_some() { Place::Token } else { Place::Folder }
    }

    /// Makes a key and gives its public half. A file of that name that is there already is taken for it: somebody
    /// brought it, or was interrupted.
    pub fn make(&self, name: KeyName, place: Place, now: OffsetDateTime) -> Result<Vec<u8>, Error> {
        match (name.purpose, place) {
            (Purpose::Saml | Purpose::OidcRs256, Place::Folder) => {
                let key =
                    self.rsa(name, |file| self.folder.read_or_make(file, Sealed::Yes, || self.fresh_rsa(file)))?;
                self.public_half(name, &key, now)
            }
            (Purpose::SamlEs256 | Purpose::OidcEs256, Place::Folder) => {
                let key = self.ec(name, |file| self.folder.read_or_make(file, Sealed::Yes, || self.fresh_ec(file)))?;
                self.public_half(name, &key, now)
            }
            (Purpose::Saml | Purpose::OidcRs256, Place::Token) => {
                let public = self.token(name)?.make(&name.to_string(), Kind::Rsa(self.settings.rsa))?;
                self.certified_in_token(name, &public, now)
            }
            (Purpose::SamlEs256 | Purpose::OidcEs256, Place::Token) => {
                let public = self.token(name)?.make(&name.to_string(), Kind::P256)?;
                self.certified_in_token(name, &public, now)
            }
        }
    }

    fn certified_in_token(&self, name: KeyName, public: &PublicKey, now: OffsetDateTime) -> Result<Vec<u8>, Error> {
        if !name.purpose.is_saml() {
            return Ok(public.spki_der());
        }
        let key = self.in_token(name, public)?;
        let made = match public.clone() {
            PublicKey::Rsa(public) => self.certificate(&RsaKey::in_token(key, public), now)?,
            PublicKey::Ec(public) => self.certificate(&EcKey::in_token(key, public), now)?,
        };
        Ok(made.der().to_vec())
    }

    fn public_half(&self, name: KeyName, key: &impl Certifiable, now: OffsetDateTime) -> Result<Vec<u8>, Error> {
        if !name.purpose.is_saml() {
            return Ok(key.spki().to_vec());
        }
        let file = format!("{name}.crt.pem");
        let pem =
            self.folder.read_or_make(&file, Sealed::No, || self.certificate(key, now).map(|made| made.to_pem()))?;
        let certificate =
            Certificate::read(&pem).ok_or_else(|| self.folder.malformed(&file, "a certificate in PEM"))?;
        if certificate.is_of(key) {
            return Ok(certificate.der().to_vec());
        }
        Err(Error::Strangers { certificate: self.folder.path(&file), key: self.folder.path(&key_file(name)) })
    }

    fn certificate(&self, key: &impl Certifiable, now: OffsetDateTime) -> Result<Certificate, Error> {
        let host = &self.settings.host;
        Certificate::self_signed(key, host, now).map_err(|source| Error::Certificate { host: host.clone(), source })
    }

    /// The private half of a key that the database knows.
    pub fn take(&self, entry: &Entry) -> Result<Private, Error> {
        let name = entry.name;
        let unknown = || Error::Public(name);
        match name.purpose {
            Purpose::Saml => {
                let certificate = Certificate::from_der(&entry.public).ok_or_else(unknown)?;
                let signing = self.take_rsa(entry, &certificate.public_key().ok_or_else(unknown)?)?;
                Ok(Private::Saml(Arc::new(Certified { signing, certificate })))
            }
            Purpose::SamlEs256 => {
                let certificate = Certificate::from_der(&entry.public).ok_or_else(unknown)?;
                let signing = self.take_ec(entry, &certificate.public_key().ok_or_else(unknown)?)?;
                Ok(Private::SamlEc(Arc::new(Certified { signing, certificate })))
            }
            Purpose::OidcRs256 => {
                let public = PublicKey::from_spki(&entry.public).ok_or_else(unknown)?;
                self.take_rsa(entry, &public).map(|key| Private::Rs256(Arc::new(key)))
            }
            Purpose::OidcEs256 => {
                let public = PublicKey::from_spki(&entry.public).ok_or_else(unknown)?;
                self.take_ec(entry, &public).map(|key| Private::Es256(Arc::new(key)))
            }
        }
    }

    fn take_rsa(&self, entry: &Entry, public: &PublicKey) -> Result<RsaKey, Error> {
        let PublicKey::Rsa(numbers) = public else { return Err(Error::Public(entry.name)) };
        match entry.place {
            Place::Token => Ok(RsaKey::in_token(self.in_token(entry.name, public)?, numbers.clone())),
            Place::Folder => {
                let key = self.rsa(entry.name, |file| self.existing(file, entry.name))?;
                if key.public() == *public { Ok(key) } else { Err(self.other(entry.name)) }
            }
        }
    }

    fn take_ec(&self, entry: &Entry, public: &PublicKey) -> Result<EcKey, Error> {
        let PublicKey::Ec(numbers) = public else { return Err(Error::Public(entry.name)) };
        match entry.place {
            Place::Token => Ok(EcKey::in_token(self.in_token(entry.name, public)?, numbers.clone())),
            Place::Folder => {
                let key = self.ec(entry.name, |file| self.existing(file, entry.name))?;
                if key.public() == *public { Ok(key) } else { Err(self.other(entry.name)) }
            }
        }
    }

    fn other(&self, name: KeyName) -> Error {
        Error::Other { path: self.folder.path(&key_file(name)), name }
    }

    fn token(&self, name: KeyName) -> Result<&Token, Error> {
        self.token.as_ref().ok_or(Error::NoToken(name))
    }

    fn in_token(&self, name: KeyName, public: &PublicKey) -> Result<TokenKey, Error> {
        self.token(name)?.find(&name.to_string(), public)?.ok_or(Error::NotInToken(name))
    }

    fn existing(&self, file: &str, name: KeyName) -> Result<folder::Text, Error> {
        let missing = || Error::Missing { path: self.folder.path(file), name };
        self.folder.read(file, Sealed::Yes)?.ok_or_else(missing)
    }

    fn rsa(&self, name: KeyName, text: impl FnOnce(&str) -> Result<folder::Text, Error>) -> Result<RsaKey, Error> {
        let file = key_file(name);
        let read = folder::from_pem(PRIVATE_KEY, &text(&file)?).and_then(|der| RsaKey::from_pkcs8(&der));
        read.ok_or_else(|| self.folder.malformed(&file, "an RSA private key of 2048 bits or more in PKCS#8 PEM"))
    }

    fn ec(&self, name: KeyName, text: impl FnOnce(&str) -> Result<folder::Text, Error>) -> Result<EcKey, Error> {
        let file = key_file(name);
        let read = folder::from_pem(PRIVATE_KEY, &text(&file)?).and_then(|der| EcKey::from_pkcs8(&der));
        read.ok_or_else(|| self.folder.malformed(&file, "a P-256 private key in PKCS#8 PEM"))
    }

    fn fresh_rsa(&self, file: &str) -> Result<folder::Text, Error> {
        let made = signing::generate_rsa(self.settings.rsa);
        let made = made.map_err(|_| Error::Generation { path: self.folder.path(file) })?;
        Ok(folder::pem(PRIVATE_KEY, &made))
    }

    fn fresh_ec(&self, file: &str) -> Result<folder::Text, Error> {
        let made = signing::generate_ec().map_err(|_| Error::Generation { path: self.folder.path(file) })?;
        Ok(folder::pem(PRIVATE_KEY, &made))
    }
}

fn key_file(name: KeyName) -> String {
    format!("{name}.key.pem")
}
