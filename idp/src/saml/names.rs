//! Identifiers of the standards, letter by letter.

use crate::domain::interaction::AuthnContext;

pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub const METADATA_UI: &str = "urn:oasis:names:tc:SAML:metadata:ui";
pub const ALGORITHMS: &str = "urn:oasis:names:tc:SAML:metadata:algsupport";
/// SAML V2.0 Asynchronous Single Logout Profile Extension 1.0.
pub const ASYNC_LOGOUT: &str = "urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo";
pub const METADATA_RPI: &str = "urn:oasis:names:tc:SAML:metadata:rpi";
pub const METADATA_SCOPE: &str = "urn:mace:shibboleth:metadata:1.0";
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";

pub const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
pub const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
pub const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

pub const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
pub const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
pub const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";

pub const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
pub const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
/// Both spellings are met; they leave the choice to us.
pub const UNSPECIFIED: [&str; 2] =
    ["urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "urn:oasis:names:tc:SAML:2.0:nameid-format:unspecified"];

pub const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
pub const REQUESTER: &str = "urn:oasis:names:tc:SAML:2.0:status:Requester";
pub const RESPONDER: &str = "urn:oasis:names:tc:SAML:2.0:status:Responder";
pub const PARTIAL_LOGOUT: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";
pub const UNKNOWN_PRINCIPAL: &str = "urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal";
pub const REQUEST_UNSUPPORTED: &str = "urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported";

pub const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
pub const PASSWORD_PROTECTED_TRANSPORT: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
pub const UNSPECIFIED_CONTEXT: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";

/// The class that says it.
pub const fn authn_context_class(context: AuthnContext) -> &'static str {
    match context {
        AuthnContext::PasswordProtectedTransport => PASSWORD_PROTECTED_TRANSPORT,
        AuthnContext::Password => PASSWORD,
        AuthnContext::Unspecified => UNSPECIFIED_CONTEXT,
    }
}

/// What a class says of us; `None` for one that is not true of us or not known.
pub fn authn_context(class: &str) -> Option<AuthnContext> {
    [AuthnContext::PasswordProtectedTransport, AuthnContext::Password, AuthnContext::Unspecified]
        .into_iter()
        .find(|context| authn_context_class(*context) == class)
}

pub const NAME_FORMAT_URI: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";
pub const NAME_FORMAT_BASIC: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";
pub const NAME_FORMAT_UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified";

pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
pub const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
pub const ENCRYPTED_ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
pub const AES256_GCM: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
pub const AES128_GCM: &str = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
pub const RSA_OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
pub const RSA_OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
pub const MGF1_SHA256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
pub const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";

/// An absolute URI, or a word (SAML Core 8.2).
pub fn name_format(name: &str) -> &'static str {
    if name.contains(':') { NAME_FORMAT_URI } else { NAME_FORMAT_BASIC }
}
