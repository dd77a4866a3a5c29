//! The keys of a client in its registration: `jwks` or `jwks_uri`, never both (RFC 7591 2).

use super::{Error, Members, refuse, refuse_address};
use crate::domain::client_keys::ClientKeys;
use crate::domain::relying_party::Environment;
use crate::oidc::jwk;
use crate::oidc::redirect_uri::check_page;

impl Members {
    pub(super) fn keys(&self, environment: Environment) -> Result<Option<ClientKeys>, Error> {
        const VALUE: &str = "jwks";
        const ADDRESS: &str = "jwks_uri";
        match (self.get(VALUE), self.text(ADDRESS)?) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => refuse(VALUE, "cannot be given beside jwks_uri: leave one of them out"),
            (Some(set), None) => match jwk::read(set) {
                Ok(set) => Ok(Some(ClientKeys::Jwks(set))),
                Err(why) => refuse(VALUE, why.to_string()),
            },
            (None, Some(text)) => {
                let url = check_page(text, environment).or_else(|why| refuse_address(ADDRESS, text, &why))?;
                // In a test of this machine too: whoever answers in its place would be the client.
                if url.scheme() == "https" {
                    Ok(Some(ClientKeys::JwksUri(text.to_owned())))
                } else {
                    refuse(ADDRESS, "must begin with https://")
                }
            }
        }
    }
}
