//! How a client says that it will prove who it is, at every endpoint that it calls (OP-06, OP-07).

use super::{Error, Members, refuse};
use crate::domain::client_certificate::{CertifiedName, MutualTls};
use crate::domain::client_keys::{ClientKeys, JwsAlgorithm};
use crate::domain::relying_party::ClientAuthentication;
use crate::oidc::call::secret_hash;
use crate::oidc::certificate::{self, DistinguishedName};

const FIELD: &str = "token_endpoint_auth_method";
/// Where the settings open no listener for certificates.
pub(super) const OFF: &str = "needs mutual TLS, which this service does not do";
const MAX_CERTIFIED_NAME: usize = 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Method {
    None,
    Basic,
    Post,
    PrivateKeyJwt { algorithm: Option<JwsAlgorithm>, for_token_endpoint: bool },
    TlsClientAuth(CertifiedName),
    SelfSignedTlsClientAuth,
}

impl Method {
    pub(super) const fn has_secret(&self) -> bool {
        matches!(self, Self::Basic | Self::Post)
    }

    /// The secret counts where the method has one.
    pub(super) fn with(&self, secret: &str) -> ClientAuthentication {
        let secret_hash = || secret_hash(secret);
        match self {
            Self::None => ClientAuthentication::None,
            Self::Basic => ClientAuthentication::ClientSecretBasic { secret_hash: secret_hash() },
            Self::Post => ClientAuthentication::ClientSecretPost { secret_hash: secret_hash() },
            Self::PrivateKeyJwt { algorithm, for_token_endpoint } => {
                ClientAuthentication::PrivateKeyJwt { algorithm: *algorithm, for_token_endpoint: *for_token_endpoint }
            }
            Self::TlsClientAuth(name) => ClientAuthentication::TlsClientAuth { name: name.clone() },
            Self::SelfSignedTlsClientAuth => ClientAuthentication::SelfSignedTlsClientAuth,
        }
    }
}

impl Members {
    pub(super) fn method(&self, keys: Option<&ClientKeys>, mutual_tls: MutualTls) -> Result<Method, Error> {
        match self.text(FIELD)? {
            // RFC 7591 2: the default.
            None | Some("client_secret_basic") => Ok(Method::Basic),
            Some("client_secret_post") => Ok(Method::Post),
            Some("none") => Ok(Method::None),
            Some("private_key_jwt") if keys.is_none() => {
                refuse("jwks", "is needed, or jwks_uri: the public keys of a client with private_key_jwt")
            }
            Some("private_key_jwt") => Ok(Method::PrivateKeyJwt {
                algorithm: self.assertion_algorithm()?,
                for_token_endpoint: self.is_for_token_endpoint()?,
            }),
            Some("tls_client_auth") => match mutual_tls {
                MutualTls::WithAuthorities => Ok(Method::TlsClientAuth(self.certified_name()?)),
                MutualTls::WithoutAuthorities => refuse(
                    FIELD,
                    "cannot be tls_client_auth: this service knows no authority of client certificates; register the \
                     certificate itself, with self_signed_tls_client_auth",
                ),
                MutualTls::Off => refuse(FIELD, OFF),
            },
            Some("self_signed_tls_client_auth") => match (mutual_tls.is_on(), keys) {
                (false, _) => refuse(FIELD, OFF),
                (true, Some(ClientKeys::JwksUri(_))) => Ok(Method::SelfSignedTlsClientAuth),
                (true, Some(ClientKeys::Jwks(set))) if certificate::is_in(set) => Ok(Method::SelfSignedTlsClientAuth),
                (true, Some(ClientKeys::Jwks(_)) | None) => {
                    refuse("jwks", "is needed, or jwks_uri: with the client's certificate as x5c of its key")
                }
            },
            Some(_) => refuse(
                FIELD,
                "must be client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, \
                 self_signed_tls_client_auth or none",
            ),
        }
    }

    /// Exactly one of the five members (RFC 8705 2.1.2).
    fn certified_name(&self) -> Result<CertifiedName, Error> {
        const SUBJECT: &str = "tls_client_auth_subject_dn";
        type Read = fn(&str) -> Option<CertifiedName>;
        let is_distinguished = |text: &str| {
            DistinguishedName::parse(text)?;
            Some(CertifiedName::SubjectDn(text.to_owned()))
        };
        let kinds: [(&str, Read); 5] = [
            (SUBJECT, is_distinguished),
            ("tls_client_auth_san_dns", |text| Some(CertifiedName::SanDns(text.to_owned()))),
            ("tls_client_auth_san_uri", |text| Some(CertifiedName::SanUri(text.to_owned()))),
            ("tls_client_auth_san_ip", |text| text.parse().ok().map(CertifiedName::SanIp)),
            ("tls_client_auth_san_email", |text| Some(CertifiedName::SanEmail(text.to_owned()))),
        ];
        let mut found = None;
        for (member, read) in kinds {
            let Some(text) = self.text(member)? else { continue };
            if found.is_some() {
                return refuse(
                    member,
                    "cannot be given beside another member of tls_client_auth: leave one of them out",
                );
            }
            let is_plain = !text.is_empty() && text.len() <= MAX_CERTIFIED_NAME && !text.chars().any(char::is_control);
            let name = is_plain.then(|| read(text)).flatten();
            match name {
                Some(name) => found = Some(name),
                None => {
                    return refuse(member, "is not written as RFC 8705 2.1.2 asks: a name as CN=…,O=… or an address");
                }
            }
        }
        found.map_or_else(
            || refuse(SUBJECT, "is needed, or a tls_client_auth_san_… member: the name in the client's certificate"),
            Ok,
        )
    }

    fn assertion_algorithm(&self) -> Result<Option<JwsAlgorithm>, Error> {
        const FIELD: &str = "token_endpoint_auth_signing_alg";
        match self.text(FIELD)?.map(JwsAlgorithm::from_name) {
            None => Ok(None),
            Some(Some(algorithm)) => Ok(Some(algorithm)),
            Some(None) => refuse(FIELD, "must be RS256, PS256 or ES256"),
        }
    }

    /// An extension: the exception of OP-06.
    fn is_for_token_endpoint(&self) -> Result<bool, Error> {
        const FIELD: &str = "token_endpoint_auth_audience";
        match self.text(FIELD)? {
            None | Some("issuer") => Ok(false),
            Some("token_endpoint") => Ok(true),
            Some(_) => refuse(FIELD, "must be issuer or token_endpoint"),
        }
    }
}
