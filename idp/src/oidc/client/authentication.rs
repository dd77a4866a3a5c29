//! How a client says that it will prove who it is, at every endpoint that it calls (OP-06, OP-07).

use super::{Error, Members, refuse};
use crate::domain::client_keys::{ClientKeys, JwsAlgorithm};
use crate::domain::relying_party::ClientAuthentication;
use crate::oidc::call::secret_hash;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    None,
    Basic,
    Post,
    PrivateKeyJwt { algorithm: Option<JwsAlgorithm>, for_token_endpoint: bool },
}

impl Method {
    pub(super) const fn has_secret(self) -> bool {
        matches!(self, Self::Basic | Self::Post)
    }

    /// The secret counts where the method has one.
    pub(super) fn with(self, secret: &str) -> ClientAuthentication {
        let secret_hash = || secret_hash(secret);
        match self {
            Self::None => ClientAuthentication::None,
            Self::Basic => ClientAuthentication::ClientSecretBasic { secret_hash: secret_hash() },
            Self::Post => ClientAuthentication::ClientSecretPost { secret_hash: secret_hash() },
            Self::PrivateKeyJwt { algorithm, for_token_endpoint } => {
                ClientAuthentication::PrivateKeyJwt { algorithm, for_token_endpoint }
            }
        }
    }
}

impl Members {
    pub(super) fn method(&self, keys: Option<&ClientKeys>) -> Result<Method, Error> {
        const FIELD: &str = "token_endpoint_auth_method";
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
            Some(_) => refuse(FIELD, "must be client_secret_basic, client_secret_post, private_key_jwt or none"),
        }
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
