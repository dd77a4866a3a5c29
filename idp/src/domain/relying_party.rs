//! Who asks for a sign-in, and what it may learn.
//!
//! A relying party is stored as one document: these types are its shape. Certificates are DER in base64, as metadata
//! carries them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::account::Profile;
use super::client_certificate::CertifiedName;
use super::client_keys::{ClientKeys, JwsAlgorithm};
use super::oidc_options::OidcOptions;
use super::release::Attribute;
use super::saml_options::SamlOptions;
use super::token_options::{SecurityProfile, TokenOptions};

/// A SAML `entityID` or an OpenID Connect `client_id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartyId(pub String);

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelyingParty {
    pub id: PartyId,
    /// The name shown to families: `<ENT>`.
    pub name: String,
    pub environment: Environment,
    /// Suspended parties get nothing (SI-14).
    pub is_suspended: bool,
    /// Where a person starts from; also where a request that has become too old leads (journeys P1).
    pub start: Option<String>,
    pub policy: ReleasePolicy,
    pub protocol: Protocol,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// `http://` and loopback addresses are accepted.
    Test,
    Production,
}

/// What a party may learn. Nothing is released that is not named here (SO-04, PR-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasePolicy {
    pub attributes: BTreeSet<Attribute>,
    /// Who may sign in there at all.
    pub profiles: BTreeSet<Profile>,
    /// Whether a *personne en charge* (level 2) counts as a guardian here (educonnect section 7.3).
    pub in_charge: bool,
}

impl Default for ReleasePolicy {
    /// Least by default: the pairwise identifier, the kind of person and the address for signing out.
    fn default() -> Self {
        Self {
            attributes: BTreeSet::from([Attribute::PersonAffiliation, Attribute::ReturnUrl]),
            profiles: BTreeSet::from([Profile::Guardian, Profile::Student]),
            in_charge: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Saml(SamlParty),
    Oidc(OidcParty),
}

/// What SAML metadata says of a service provider, as far as we act on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamlParty {
    /// In document order; never empty. Only HTTP-POST ones are kept.
    pub assertion_consumers: Vec<AssertionConsumer>,
    /// Signing certificates, DER in base64; a key without `use` signs (SI-06).
    pub signing_certificates: Vec<String>,
    /// Encryption certificates, DER in base64.
    pub encryption_certificates: Vec<String>,
    /// `AuthnRequestsSigned`: an unsigned request is then refused (SI-09).
    pub requests_signed: bool,
    /// Persistent unless the metadata's only known format is transient.
    pub name_id_format: NameIdFormat,
    /// `validUntil` of the metadata; past it the party is off (SI-14).
    #[serde(with = "time::serde::rfc3339::option")]
    pub valid_until: Option<OffsetDateTime>,
    /// Names sent instead of the usual `Name` of an attribute, for parties that match on others.
    #[serde(default)]
    pub attribute_names: std::collections::BTreeMap<Attribute, String>,
    /// `WantAssertionsSigned`: the Assertion carries a signature whatever the options say (SO-01).
    #[serde(default)]
    pub wants_signed_assertions: bool,
    /// What the metadata's `EncryptionMethod` elements ask for.
    #[serde(default)]
    pub encryption: EncryptionMethods,
    #[serde(default)]
    pub options: SamlOptions,
    /// Where it is told of a sign-out, in document order; empty for a party without single logout.
    #[serde(default)]
    pub logout_services: Vec<LogoutService>,
}

/// How assertions are encrypted for a party, of the methods that we know (SO-03).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncryptionMethods {
    pub content: ContentCipher,
    pub key: KeyTransport,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentCipher {
    #[default]
    #[serde(rename = "aes256-gcm")]
    Aes256Gcm,
    #[serde(rename = "aes128-gcm")]
    Aes128Gcm,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyTransport {
    /// `rsa-oaep-mgf1p`, which every library knows: SHA-1 serves as a mask here, where its collisions do no harm.
    #[default]
    #[serde(rename = "rsa-oaep-sha1")]
    OaepSha1,
    /// `rsa-oaep` of XML Encryption 1.1 with SHA-256 for digest and mask.
    #[serde(rename = "rsa-oaep-sha256")]
    OaepSha256,
}

/// An address to which answers may be posted (HTTP-POST binding).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertionConsumer {
    pub location: String,
    pub index: u16,
    pub is_default: bool,
}

/// A `SingleLogoutService`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogoutService {
    pub binding: SamlBinding,
    pub location: String,
    /// Where answers go, where not to `location` (SAML Metadata 2.2.2).
    pub response_location: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SamlBinding {
    Redirect,
    Post,
}

impl SamlParty {
    /// For a request that asks for none (SO-04).
    pub fn usual_name_id(&self) -> NameIdFormat {
        self.options.name_id.unwrap_or(self.name_id_format)
    }

    /// Where the party is told of a sign-out: by Redirect rather, since a form needs a script or a click.
    pub fn logout_service(&self) -> Option<&LogoutService> {
        let by_redirect = self.logout_services.iter().find(|service| service.binding == SamlBinding::Redirect);
        by_redirect.or_else(|| self.logout_services.first())
    }

    /// Where its own LogoutRequest is answered: over the binding it came by, else over any it has.
    pub fn logout_answer(&self, came_by: SamlBinding) -> Option<(SamlBinding, &str)> {
        let same = self.logout_services.iter().find(|service| service.binding == came_by);
        let service = same.or_else(|| self.logout_service())?;
        Some((service.binding, service.response_location.as_deref().unwrap_or(&service.location)))
    }

    /// The address for a request that names none: the default one, else the first (SAML Metadata 2.2.3).
    pub fn default_consumer(&self) -> Option<&AssertionConsumer> {
        self.assertion_consumers.iter().find(|acs| acs.is_default).or_else(|| self.assertion_consumers.first())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameIdFormat {
    Persistent,
    Transient,
}

impl NameIdFormat {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Persistent => "persistent",
            Self::Transient => "transient",
        }
    }
}

/// What a client's registration says (RFC 7591), as far as we act on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcParty {
    /// Exact strings (OP-01); never empty.
    pub redirect_uris: Vec<String>,
    pub client_authentication: ClientAuthentication,
    /// OP-03: required unless the registration exempts a confidential client.
    pub pkce_required: bool,
    pub id_token_algorithm: IdTokenAlgorithm,
    /// Scopes the client may ask for; `openid` is always one of them.
    pub scopes: BTreeSet<String>,
    /// The host that stands for the client in pairwise subjects (OpenID Connect Core 8.1).
    pub sector: String,
    /// `backchannel_logout_uri`: where this service tells it of a sign-out (OP-16).
    #[serde(default)]
    pub backchannel_logout_uri: Option<String>,
    /// `jwks` or `jwks_uri`: what it signs with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<ClientKeys>,
    #[serde(default)]
    pub options: OidcOptions,
    #[serde(default)]
    pub tokens: TokenOptions,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// A public client; PKCE is then required.
    None,
    ClientSecretBasic {
        /// SHA-256 of the secret, lower-case hex: secrets are drawn by us with 256 bits, so a fast hash is enough.
        secret_hash: String,
    },
    ClientSecretPost {
        secret_hash: String,
    },
    PrivateKeyJwt {
        /// `token_endpoint_auth_signing_alg`: the only one, where the client said one.
        algorithm: Option<JwsAlgorithm>,
        /// OP-06: it may name the token endpoint as audience, as older clients do.
        for_token_endpoint: bool,
    },
    /// A certificate of an authority of the settings, with this name in it (RFC 8705 2.1).
    TlsClientAuth {
        name: CertifiedName,
    },
    /// A certificate of its own key set (RFC 8705 2.2).
    SelfSignedTlsClientAuth,
}

impl ClientAuthentication {
    /// `token_endpoint_auth_method`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic { .. } => "client_secret_basic",
            Self::ClientSecretPost { .. } => "client_secret_post",
            Self::PrivateKeyJwt { .. } => "private_key_jwt",
            Self::TlsClientAuth { .. } => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
        }
    }

    /// The hash of the secret, where the method has one.
    pub const fn secret_hash(&self) -> Option<&String> {
        match self {
            Self::ClientSecretBasic { secret_hash } | Self::ClientSecretPost { secret_hash } => Some(secret_hash),
            Self::None | Self::PrivateKeyJwt { .. } | Self::TlsClientAuth { .. } | Self::SelfSignedTlsClientAuth => {
                None
            }
        }
    }

    pub const fn is_confidential(&self) -> bool {
        !matches!(self, Self::None)
    }
}

impl OidcParty {
    /// FAPI 2.0 Security Profile: nothing less than it asks is taken from this client.
    pub fn is_fapi(&self) -> bool {
        self.tokens.security_profile == Some(SecurityProfile::Fapi2)
    }

    /// What it may sign with.
    pub fn allowed_algorithms(&self) -> &'static [JwsAlgorithm] {
        if self.is_fapi() { &JwsAlgorithm::FAPI } else { &JwsAlgorithm::ALL }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdTokenAlgorithm {
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "ES256")]
    Es256,
}

impl RelyingParty {
    /// What stands for this party in pairwise identifiers: the entityID, or the client's sector.
    pub fn sector(&self) -> &str {
        match &self.protocol {
            Protocol::Saml(_) => &self.id.0,
            Protocol::Oidc(party) => &party.sector,
        }
    }

    pub const fn oidc(&self) -> Option<&OidcParty> {
        match &self.protocol {
            Protocol::Oidc(party) => Some(party),
            Protocol::Saml(_) => None,
        }
    }

    /// Whether the party may be answered now (SI-14).
    pub fn is_open(&self, now: OffsetDateTime) -> bool {
        let is_current = match &self.protocol {
            Protocol::Saml(party) => party.valid_until.is_none_or(|end| now < end),
            Protocol::Oidc(_) => true,
        };
        !self.is_suspended && is_current
    }
}
