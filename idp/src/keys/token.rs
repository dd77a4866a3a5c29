//! Keys that never leave a PKCS#11 token: a hardware security module, or SoftHSM.
//!
//! `cryptoki` (of the Parsec project) over a binding of our own, since this crate forbids `unsafe`; and over an
//! OpenSSL engine, which would be a second provider of cryptography. What is signed is hashed here: a token gets 32
//! bytes, whatever it knows of hashes.
//!
//! A call of a token blocks, for milliseconds where it is across a network: the thread's other tasks move elsewhere
//! meanwhile. Sessions are lent from a small pool; one that fails takes all with it, since a token that was restarted
//! has forgotten them, and the call is made once more on a fresh one.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::signing::{EcPublic, PublicKey, RsaPublic, RsaSize, SigningFailed};
use super::{der, folder};
use crate::chance;
use crate::config;

#[cfg(test)]
mod tests;

/// `DigestInfo` of a SHA-256 up to the hash itself (RFC 8017 9.2).
const SHA256_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// Why a token is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("loading the PKCS#11 module {}", module.display())]
    Module { module: PathBuf, source: Error },
    #[error("the PKCS#11 module has no token with the label {0}")]
    NoToken(String),
    #[error("{} holds no PIN", .0.display())]
    NoPin(PathBuf),
    #[error("{deed} in the token {label}")]
    Call { deed: &'static str, label: String, source: Error },
    #[error("the token {label} made a key that is none of ours")]
    Malformed { label: String },
}

/// One token, open for as long as the process runs.
#[derive(Clone)]
pub struct Token(Arc<Inner>);

struct Inner {
    context: Pkcs11,
    label: String,
    pin: AuthPin,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Open>,
    lent: usize,
}

/// A session and the private keys found with it, by identifier.
struct Open {
    session: Session,
    found: HashMap<Vec<u8>, ObjectHandle>,
}

/// A private key in a token.
pub struct TokenKey {
    token: Token,
    /// `CKA_ID`, drawn when the key was made.
    id: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Rsa(RsaSize),
    P256,
}

impl Token {
    /// Sessions at once. Tokens allow few, and none signs faster with more.
    const SESSIONS: usize = 8;

    pub fn open(settings: &config::Pkcs11) -> Result<Self, super::Error> {
        let module = || settings.module.clone();
        let context =
            Pkcs11::new(&settings.module).map_err(|source| TokenError::Module { module: module(), source })?;
        match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Another of this process was here before.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(source) => return Err(TokenError::Module { module: module(), source }.into()),
        }
        let text = folder::read_sealed(&settings.pin_file)?;
        let pin = text.lines().next().unwrap_or_default().trim();
        if pin.is_empty() {
            return Err(TokenError::NoPin(settings.pin_file.clone()).into());
        }
        let token = Self(Arc::new(Inner {
            context,
            label: settings.token_label.clone(),
            pin: AuthPin::from(pin.to_owned()),
            pool: Mutex::default(),
            returned: Condvar::new(),
        }));
        // A wrong label or PIN is told at the start, not at the first sign-in.
        token.call("opening a session", |_| Ok(()))?;
        Ok(token)
    }

    fn session(&self) -> Result<Open, TokenError> {
        let Inner { context, label, pin, .. } = &*self.0;
        let failed = |source| TokenError::Call { deed: "opening a session", label: label.clone(), source };
        let is_ours = |slot: &_| context.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == label);
        let slots = context.get_slots_with_token().map_err(failed)?;
        let slot = slots.into_iter().find(is_ours).ok_or_else(|| TokenError::NoToken(label.clone()))?;
        let session = context.open_rw_session(slot).map_err(failed)?;
        match session.login(UserType::User, Some(pin)) {
            // All sessions of a process share one login.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(Open { session, found: HashMap::new() }),
            Err(source) => Err(failed(source)),
        }
    }

    fn call<R>(
        &self,
        deed: &'static str,
        mut work: impl FnMut(&mut Open) -> Result<R, Error>,
    ) -> Result<R, TokenError> {
        apart(|| {
            let done = self.attempt(deed, &mut work);
            let mut pool = self.pool();
            pool.lent -= 1;
            let done = done.map(|(done, open)| {
                pool.idle.push(open);
                done
            });
            drop(pool);
            self.0.returned.notify_one();
            done
        })
    }

    /// The work on a lent session; where that fails, on a fresh one.
    fn attempt<R>(
        &self,
        deed: &'static str,
        work: &mut impl FnMut(&mut Open) -> Result<R, Error>,
    ) -> Result<(R, Open), TokenError> {
        if let Some(mut open) = self.lend() {
            if let Ok(done) = work(&mut open) {
                return Ok((done, open));
            }
            drop(open);
            self.pool().idle.clear();
        }
        let mut fresh = self.session()?;
        let failed = |source| TokenError::Call { deed, label: self.0.label.clone(), source };
        let done = work(&mut fresh).map_err(failed)?;
        Ok((done, fresh))
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.0.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place; nothing where a session is to be opened for it.
    fn lend(&self) -> Option<Open> {
        let pool = self.pool();
        let mut pool = self
            .0
            .returned
            .wait_while(pool, |pool| pool.lent >= Self::SESSIONS)
            .unwrap_or_else(PoisonError::into_inner);
        pool.lent += 1;
        pool.idle.pop()
    }

    /// Makes a key pair under this label; the private half can be neither read nor copied out.
    pub(super) fn make(&self, label: &str, kind: Kind) -> Result<PublicKey, TokenError> {
        let id: [u8; 16] = chance::bytes();
        let named = [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(id.to_vec())];
        let mut public = named.to_vec();
        public.extend([Attribute::Private(false), Attribute::Verify(true)]);
        let mut private = named.to_vec();
        private.extend([
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
        ]);
        let mechanism = match kind {
            Kind::Rsa(size) => {
                let bits: std::ffi::c_ulong = match size {
                    RsaSize::Bits2048 => 2_048,
                    RsaSize::Bits3072 => 3_072,
                };
                public.push(Attribute::ModulusBits(bits.into()));
                public.push(Attribute::PublicExponent(vec![1, 0, 1]));
                Mechanism::RsaPkcsKeyPairGen
            }
            Kind::P256 => {
                public.push(Attribute::EcParams(der::CURVE.to_vec()));
                Mechanism::EccKeyPairGen
            }
        };
        let made = self.call("making a key", |open| {
            let (made, _) = open.session.generate_key_pair(&mechanism, &public, &private)?;
            read(&open.session, made)
        })?;
        made.ok_or_else(|| TokenError::Malformed { label: self.0.label.clone() })
    }

    /// The private half of this public key, looked for under this label; nothing where the token does not have it.
    pub(super) fn find(&self, label: &str, public: &PublicKey) -> Result<Option<TokenKey>, TokenError> {
        let wanted = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Label(label.into())];
        let id = self.call("looking for a key", |open| {
            for object in open.session.find_objects(&wanted)? {
                if read(&open.session, object)?.as_ref() == Some(public) {
                    let attributes = open.session.get_attributes(object, &[AttributeType::Id])?;
                    let id = attributes.into_iter().find_map(|attribute| match attribute {
                        Attribute::Id(id) => Some(id),
                        _ => None,
                    });
                    return Ok(id);
                }
            }
            Ok(None)
        })?;
        let Some(id) = id else { return Ok(None) };
        let has = self.call("looking for a key", |open| Ok(private(open, &id)?.is_some()))?;
        Ok(has.then(|| TokenKey { token: self.clone(), id }))
    }
}

/// Runs what blocks, so that a thread of the server lends its other tasks to another one meanwhile.
fn apart<R>(work: impl FnOnce() -> R) -> R {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

fn private(open: &mut Open, id: &[u8]) -> Result<Option<ObjectHandle>, Error> {
    if let Some(handle) = open.found.get(id) {
        return Ok(Some(*handle));
    }
    let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(id.to_vec())];
    let found = open.session.find_objects(&wanted)?.into_iter().next();
    if let Some(handle) = found {
        open.found.insert(id.to_vec(), handle);
    }
    Ok(found)
}

/// The numbers of a public object; nothing where they are not of a kind of ours.
fn read(session: &Session, object: ObjectHandle) -> Result<Option<PublicKey>, Error> {
    let kind = session.get_attributes(object, &[AttributeType::KeyType])?;
    let wanted: &[AttributeType] = match kind.first() {
        Some(Attribute::KeyType(KeyType::RSA)) => &[AttributeType::Modulus, AttributeType::PublicExponent],
        Some(Attribute::KeyType(KeyType::EC)) => &[AttributeType::EcPoint],
        _ => return Ok(None),
    };
    let read = session.get_attributes(object, wanted)?;
    Ok(match read.as_slice() {
        [Attribute::Modulus(n), Attribute::PublicExponent(e)]
        | [Attribute::PublicExponent(e), Attribute::Modulus(n)] => RsaPublic::new(n, e).map(PublicKey::Rsa),
        [Attribute::EcPoint(point)] => EcPublic::new(der::octets(point)).map(PublicKey::Ec),
        _ => None,
    })
}

impl TokenKey {
    pub(super) fn sign_rsa_sha256(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let hash = digest(&SHA256, message);
        self.sign(&Mechanism::RsaPkcs, &[&SHA256_INFO[..], hash.as_ref()].concat())
    }

    pub(super) fn sign_es256(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        self.sign(&Mechanism::Ecdsa, digest(&SHA256, message).as_ref())
    }

    fn sign(&self, mechanism: &Mechanism, hashed: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let signed = self.token.call("signing", |open| match private(open, &self.id)? {
            Some(key) => open.session.sign(mechanism, key, hashed),
            None => Err(Error::Pkcs11(RvError::KeyHandleInvalid, cryptoki::context::Function::Sign)),
        });
        signed.map_err(|error| {
            // The caller tells of the signature only, so what the token said is told here.
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "the token did not sign");
            SigningFailed
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.0.label)
    }
}
