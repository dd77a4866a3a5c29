//! The addresses of interface.md section 3, each written once.

use crate::domain::interaction::InteractionId;
use crate::domain::logout::LogoutId;

pub const SAML_METADATA: &str = "/idp/shibboleth";
pub const SAML_METADATA_TOO: &str = "/idp/profile/SAML2/metadata";
pub const SAML_REDIRECT: &str = "/idp/profile/SAML2/Redirect/SSO";
pub const SAML_POST: &str = "/idp/profile/SAML2/POST/SSO";
pub const SAML_UNSOLICITED: &str = "/idp/profile/SAML2/Unsolicited/SSO";
pub const SAML_LOGOUT_REDIRECT: &str = "/idp/profile/SAML2/Redirect/SLO";
pub const SAML_LOGOUT_POST: &str = "/idp/profile/SAML2/POST/SLO";
pub const LOGOUT: &str = "/idp/profile/Logout";

// Discovery names these, so they are written there.
pub use crate::oidc::paths::{
    AUTHORIZE, DISCOVERY, INTROSPECT, JWKS, LOGOUT as END_SESSION, PUSHED, REGISTER, REVOKE, TOKEN, USERINFO,
};

pub const HOME: &str = "/";
pub const SIGN_IN: &str = "/connexion";
pub const SIGN_OUT: &str = "/deconnexion";
pub const FIRST_TIME: &str = "/premiere-connexion";
pub const FORGOTTEN: &str = "/oubli";
/// What a person agreed to.
pub const CONSENTS: &str = "/compte/portails";
pub const HELP: &str = "/aide";
pub const PRIVACY: &str = "/donnees-personnelles";

/// A sign-out under way.
pub fn logout(id: &LogoutId) -> String {
    format!("{SIGN_OUT}/{}", id.0)
}

/// What tells one party of a sign-out.
pub fn farewell(id: &LogoutId, farewell: &str) -> String {
    format!("{SIGN_OUT}/{}/{farewell}", id.0)
}

/// Back to the party that asked for the sign-out.
pub fn logout_reply(id: &LogoutId) -> String {
    format!("{SIGN_OUT}/{}/retour", id.0)
}

pub fn resume(id: &InteractionId) -> String {
    format!("/resume/{}", id.0)
}

pub fn sign_in(id: &InteractionId) -> String {
    format!("{SIGN_IN}/{}", id.0)
}

/// Whose session is open: "Continuer", or "Ce n'est pas moi".
pub fn confirm(id: &InteractionId) -> String {
    format!("{SIGN_IN}/{}/continuer", id.0)
}

/// What a portal will be told: yes, or no.
pub fn consent(id: &InteractionId) -> String {
    format!("/accord/{}", id.0)
}

pub fn birth_date(id: &InteractionId) -> String {
    format!("{FIRST_TIME}/{}/naissance", id.0)
}

pub fn password(id: &InteractionId) -> String {
    format!("{FIRST_TIME}/{}/mot-de-passe", id.0)
}
