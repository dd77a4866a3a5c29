//! A client's certificate as it came over TLS (RFC 8705), and whether it is the one that was registered.
//!
//! Never in here: whether an authority vouches for it, which is asked of `mutual_tls`.

use std::net::IpAddr;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::sha256;
use crate::domain::client_certificate::CertifiedName;
use crate::domain::client_keys::KeySet;

mod distinguished_name;

pub use distinguished_name::DistinguishedName;

#[cfg(test)]
mod tests;

/// For the journal of operators: a client learns no more than `invalid_client`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it is no certificate")]
    Form,
    #[error("it has ended or not begun")]
    Time,
    #[error("it does not bear the registered name")]
    Name,
    #[error("it is none of those in the registered key set")]
    Unknown,
}

/// `x5t#S256` (RFC 8705 3.1): of the certificate, whoever issued it.
pub fn thumbprint(der: &[u8]) -> String {
    BASE64URL_NOPAD.encode(sha256(der).as_ref())
}

/// Whether the certificate bears the name that was registered (RFC 8705 2.1). Names are compared as they are written:
/// one that an authority spells otherwise is another.
pub fn check_name(der: &[u8], name: &CertifiedName) -> Result<(), Refused> {
    let certificate = read(der)?;
    let others = || {
        let found = certificate.subject_alternative_name().ok().flatten();
        found.into_iter().flat_map(|extension| extension.value.general_names.iter())
    };
    let is_borne = match name {
        CertifiedName::SubjectDn(text) => {
            DistinguishedName::parse(text).is_some_and(|name| name.is_of(certificate.subject()))
        }
        CertifiedName::SanDns(host) => {
            others().any(|name| matches!(name, GeneralName::DNSName(other) if other.eq_ignore_ascii_case(host)))
        }
        CertifiedName::SanUri(uri) => others().any(|name| matches!(name, GeneralName::URI(other) if other == uri)),
        CertifiedName::SanIp(address) => {
            others().any(|name| matches!(name, GeneralName::IPAddress(other) if is_address(other, *address)))
        }
        CertifiedName::SanEmail(mail) => {
            others().any(|name| matches!(name, GeneralName::RFC822Name(other) if other == mail))
        }
    };
    if is_borne { Ok(()) } else { Err(Refused::Name) }
}

/// Whether the certificate is one of those that the client registered itself (RFC 8705 2.2), in its own time: nobody else
/// says that it has ended.
pub fn check_registered(der: &[u8], set: &KeySet, now: OffsetDateTime) -> Result<(), Refused> {
    let is_it = |text: &String| BASE64.decode(text.as_bytes()).is_ok_and(|registered| registered == der);
    if !set.keys.iter().any(|key| key.x5c.first().is_some_and(is_it)) {
        return Err(Refused::Unknown);
    }
    let validity = read(der)?.validity().clone();
    let is_current = validity.not_before.to_datetime() <= now && now <= validity.not_after.to_datetime();
    if is_current { Ok(()) } else { Err(Refused::Time) }
}

/// Whether a set holds a certificate at all.
pub fn is_in(set: &KeySet) -> bool {
    let der = set.keys.iter().filter_map(|key| BASE64.decode(key.x5c.first()?.as_bytes()).ok());
    der.into_iter().any(|der| read(&der).is_ok())
}

fn read(der: &[u8]) -> Result<X509Certificate<'_>, Refused> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(Refused::Form),
    }
}

/// In network order (RFC 5280 4.2.1.6); an IPv4 address is not its own form in IPv6.
fn is_address(bytes: &[u8], address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => bytes == address.octets(),
        IpAddr::V6(address) => bytes == address.octets(),
    }
}
