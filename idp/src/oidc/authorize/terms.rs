//! What a code will be bound to: scopes, PKCE, resources, the key of the client.

use data_encoding::BASE64URL_NOPAD;
use url::Url;

use super::Error;
use crate::domain::relying_party::{ClientAuthentication, OidcParty};
use crate::oidc::form::Form;
use crate::oidc::scopes;

const MAX_RESOURCES: usize = 8;

pub struct Terms {
    pub code_challenge: Option<String>,
    pub resources: Vec<String>,
    pub dpop_jkt: Option<String>,
}

pub fn check(form: &Form, client: &OidcParty) -> Result<Terms, Error> {
    Ok(Terms { code_challenge: pkce(form, client)?, resources: resources(form, client)?, dpop_jkt: dpop_jkt(form)? })
}

/// Those asked for and registered; the rest is ignored (OpenID Connect Core 3.1.2.1).
pub fn granted_scopes(form: &Form, client: &OidcParty) -> Vec<String> {
    let mut granted: Vec<String> = Vec::new();
    for scope in form.get("scope").unwrap_or_default().split(' ') {
        let is_granted = scope == scopes::OPENID || client.scopes.contains(scope);
        if is_granted && !granted.iter().any(|known| known == scope) {
            granted.push(scope.to_owned());
        }
    }
    granted
}

/// OP-03. A challenge without a method means `plain` (RFC 7636 4.3), which is refused like any other method.
fn pkce(form: &Form, client: &OidcParty) -> Result<Option<String>, Error> {
    let is_public = client.client_authentication == ClientAuthentication::None;
    match (form.get("code_challenge"), form.get("code_challenge_method")) {
        (Some(challenge), Some("S256")) => {
            if is_sha256(challenge) {
                Ok(Some(challenge.to_owned()))
            } else {
                Err(Error::InvalidRequest("code_challenge is not a SHA-256 in base64url without padding"))
            }
        }
        (Some(_), _) => Err(Error::InvalidRequest("code_challenge_method must be S256")),
        (None, Some(_)) => Err(Error::InvalidRequest("code_challenge_method is given without code_challenge")),
        (None, None) if is_public || client.pkce_required => {
            Err(Error::InvalidRequest("code_challenge with the method S256 is required of this client"))
        }
        (None, None) if form.get("nonce").is_none() => {
            Err(Error::InvalidRequest("nonce is required of a client that sends no code_challenge"))
        }
        (None, None) => Ok(None),
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 43 && BASE64URL_NOPAD.decode(text.as_bytes()).is_ok_and(|digest| digest.len() == 32)
}

/// RFC 8707 2: absolute addresses without fragment, of those that the client is registered for.
fn resources(form: &Form, client: &OidcParty) -> Result<Vec<String>, Error> {
    let mut resources: Vec<String> = Vec::new();
    for resource in form.all("resource") {
        let is_absolute = Url::parse(resource).is_ok_and(|url| url.fragment().is_none());
        if !is_absolute || !client.tokens.resources.contains(resource) || resources.len() == MAX_RESOURCES {
            return Err(Error::InvalidTarget);
        }
        if !resources.iter().any(|known| known == resource) {
            resources.push(resource.to_owned());
        }
    }
    Ok(resources)
}

/// RFC 9449 10: the thumbprint of a key (RFC 7638).
fn dpop_jkt(form: &Form) -> Result<Option<String>, Error> {
    match form.get("dpop_jkt") {
        Some(thumbprint) if is_sha256(thumbprint) => Ok(Some(thumbprint.to_owned())),
        Some(_) => Err(Error::InvalidRequest("dpop_jkt is not a SHA-256 in base64url without padding")),
        None => Ok(None),
    }
}
