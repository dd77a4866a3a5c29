//! What clients configure themselves from: the provider's metadata and its public keys. It says what is done and nothing
//! else (OP-20).

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::url::ParseError;
use openidconnect::{
    AdditionalProviderMetadata, AuthUrl, AuthenticationContextClass, IssuerUrl, JsonWebKeySetUrl, LanguageTag,
    ProviderMetadata, RegistrationUrl, ResponseTypes, Scope, TokenUrl, UserInfoUrl,
};
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::authorize::context_class;
use super::signing::{jws, published};
use super::userinfo::claim;
use super::{paths, scopes};
use crate::domain::account::Profile;
use crate::domain::client_certificate::MutualTls;
use crate::domain::client_keys::JwsAlgorithm;
use crate::domain::release::Attribute;
use crate::domain::relying_party::IdTokenAlgorithm;
use crate::keys::OidcKeys;

type Metadata = ProviderMetadata<
    Additional,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What later specifications added to the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Additional {
    /// RFC 8414.
    #[serde(rename = "code_challenge_methods_supported")]
    code_challenge_methods: Vec<String>,
    /// RFC 9207.
    #[serde(rename = "authorization_response_iss_parameter_supported")]
    issuer_in_response: bool,
    /// Initiating User Registration via OpenID Connect 5.
    #[serde(rename = "prompt_values_supported")]
    prompt_values: Vec<String>,
    /// Back-Channel Logout 2.1.
    #[serde(rename = "backchannel_logout_supported")]
    backchannel_logout: bool,
    #[serde(rename = "backchannel_logout_session_supported")]
    backchannel_logout_session: bool,
    #[serde(flatten)]
    authorization: Authorization,
    #[serde(flatten)]
    tokens: Tokens,
}

/// Of the endpoints for tokens (RFC 8414 2) and what tokens are bound to (RFC 9449 5.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tokens {
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: Vec<CoreClientAuthMethod>,
    introspection_endpoint_auth_signing_alg_values_supported: Vec<String>,
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: Vec<CoreClientAuthMethod>,
    revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
    dpop_signing_alg_values_supported: Vec<String>,
    /// RFC 8705 3.3.
    #[serde(rename = "tls_client_certificate_bound_access_tokens")]
    certificate_bound: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtls_endpoint_aliases: Option<Aliases>,
}

/// The same endpoints where a certificate is asked for (RFC 8705 5).
#[expect(clippy::struct_field_names, reason = "the members of a published document")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Aliases {
    token_endpoint: String,
    userinfo_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    pushed_authorization_request_endpoint: String,
}

impl Aliases {
    fn at(origin: &str) -> Self {
        let at = |path: &str| format!("{origin}{path}");
        Self {
            token_endpoint: at(paths::TOKEN),
            userinfo_endpoint: at(paths::USERINFO),
            introspection_endpoint: at(paths::INTROSPECT),
            revocation_endpoint: at(paths::REVOKE),
            pushed_authorization_request_endpoint: at(paths::PUSHED),
        }
    }
}

impl Tokens {
    fn at(issuer: &str, mutual_tls: Option<(&str, MutualTls)>) -> Self {
        let algorithms = || JwsAlgorithm::ALL.map(|algorithm| algorithm.name().to_owned()).to_vec();
        let methods = auth_methods(mutual_tls.map_or(MutualTls::Off, |(_, taken)| taken));
        let confidential = methods.iter().filter(|method| **method != CoreClientAuthMethod::None).cloned().collect();
        Self {
            introspection_endpoint: format!("{issuer}{}", paths::INTROSPECT),
            introspection_endpoint_auth_methods_supported: confidential,
            introspection_endpoint_auth_signing_alg_values_supported: algorithms(),
            revocation_endpoint: format!("{issuer}{}", paths::REVOKE),
            revocation_endpoint_auth_methods_supported: methods,
            revocation_endpoint_auth_signing_alg_values_supported: algorithms(),
            dpop_signing_alg_values_supported: algorithms(),
            certificate_bound: mutual_tls.is_some(),
            mtls_endpoint_aliases: mutual_tls.map(|(origin, _)| Aliases::at(origin)),
        }
    }
}

/// One for each endpoint that a client calls itself.
fn auth_methods(mutual_tls: MutualTls) -> Vec<CoreClientAuthMethod> {
    let certified: &[&str] = match mutual_tls {
        MutualTls::Off => &[],
        MutualTls::WithoutAuthorities => &["self_signed_tls_client_auth"],
        MutualTls::WithAuthorities => &["tls_client_auth", "self_signed_tls_client_auth"],
    };
    let certified = certified.iter().map(|name| CoreClientAuthMethod::Extension((*name).to_owned()));
    let others = [
        CoreClientAuthMethod::PrivateKeyJwt,
        CoreClientAuthMethod::ClientSecretBasic,
        CoreClientAuthMethod::ClientSecretPost,
        CoreClientAuthMethod::None,
    ];
    others.into_iter().chain(certified).collect()
}

impl AdditionalProviderMetadata for Additional {}

/// How an authorization may be asked for, and ended.
#[expect(clippy::struct_excessive_bools, reason = "the members of a published document")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Authorization {
    /// RFC 9126 5.
    pushed_authorization_request_endpoint: String,
    require_pushed_authorization_requests: bool,
    /// RFC 9101 10.5, Discovery 3.
    require_signed_request_object: bool,
    request_object_signing_alg_values_supported: Vec<String>,
    /// RP-Initiated Logout 2.1.
    end_session_endpoint: String,
    /// Front-Channel Logout 3.
    frontchannel_logout_supported: bool,
    frontchannel_logout_session_supported: bool,
}

fn authorization(at: &impl Fn(&str) -> String) -> Authorization {
    Authorization {
        pushed_authorization_request_endpoint: at(paths::PUSHED),
        // Of each client by itself.
        require_pushed_authorization_requests: false,
        require_signed_request_object: false,
        request_object_signing_alg_values_supported: JwsAlgorithm::ALL.map(|one| one.name().to_owned()).to_vec(),
        end_session_endpoint: at(paths::LOGOUT),
        frontchannel_logout_supported: true,
        frontchannel_logout_session_supported: true,
    }
}

/// `/.well-known/openid-configuration`. The issuer is the public address without a slash at its end; the languages are
/// those of the pages. With mutual TLS, the address where it is done and which certificates are taken.
pub fn document(issuer: &str, languages: &[&str], mutual_tls: Option<(&str, MutualTls)>) -> Result<Answer, ParseError> {
    let at = |path: &str| format!("{issuer}{path}");
    let taken = mutual_tls.map_or(MutualTls::Off, |(_, taken)| taken);
    let metadata = Metadata::new(
        IssuerUrl::new(issuer.to_owned())?,
        AuthUrl::new(at(paths::AUTHORIZE))?,
        JsonWebKeySetUrl::new(at(paths::JWKS))?,
        vec![ResponseTypes::new(vec![CoreResponseType::Code])],
        vec![CoreSubjectIdentifierType::Pairwise],
        vec![jws(IdTokenAlgorithm::Rs256), jws(IdTokenAlgorithm::Es256)],
        Additional {
            code_challenge_methods: vec!["S256".to_owned()],
            issuer_in_response: true,
            prompt_values: ["none", "login", "consent", "select_account"].map(str::to_owned).to_vec(),
            backchannel_logout: true,
            backchannel_logout_session: true,
            authorization: authorization(&at),
            tokens: Tokens::at(issuer, mutual_tls),
        },
    )
    .set_token_endpoint(Some(TokenUrl::new(at(paths::TOKEN))?))
    .set_registration_endpoint(Some(RegistrationUrl::new(at(paths::REGISTER))?))
    .set_userinfo_endpoint(Some(UserInfoUrl::new(at(paths::USERINFO))?))
    .set_response_modes_supported(Some(vec![CoreResponseMode::Query, CoreResponseMode::FormPost]))
    .set_grant_types_supported(Some(vec![CoreGrantType::AuthorizationCode, CoreGrantType::RefreshToken]))
    .set_token_endpoint_auth_methods_supported(Some(auth_methods(taken)))
    .set_token_endpoint_auth_signing_alg_values_supported(Some(vec![
        CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        CoreJwsSigningAlgorithm::RsaSsaPssSha256,
        CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    ]))
    .set_scopes_supported(Some(scopes_supported()))
    .set_claims_supported(Some(claims_supported()))
    .set_claim_types_supported(Some(vec![CoreClaimType::Normal]))
    .set_acr_values_supported(Some(acr_values_supported()))
    .set_ui_locales_supported(Some(languages.iter().map(|tag| LanguageTag::new((*tag).to_owned())).collect()))
    .set_claims_parameter_supported(Some(true))
    .set_request_parameter_supported(Some(true))
    .set_display_values_supported(Some(vec![CoreAuthDisplay::Page, CoreAuthDisplay::Popup, CoreAuthDisplay::Touch]))
    .set_userinfo_signing_alg_values_supported(Some(vec![jws(IdTokenAlgorithm::Rs256), jws(IdTokenAlgorithm::Es256)]))
    // Left out, it would mean yes. References of our own are another thing (RFC 9126 5).
    .set_request_uri_parameter_supported(Some(false));
    Ok(Answer::public(&metadata))
}

/// The public keys (RFC 7517).
pub fn jwks(keys: &OidcKeys) -> Answer {
    Answer::public(&published(keys))
}

fn scopes_supported() -> Vec<Scope> {
    [scopes::OPENID, scopes::PROFILE, scopes::CONNECTION, scopes::OFFLINE]
        .map(|scope| Scope::new(scope.to_owned()))
        .to_vec()
}

fn acr_values_supported() -> Vec<AuthenticationContextClass> {
    let classes = [Profile::Student, Profile::Guardian, Profile::Staff].into_iter().filter_map(context_class);
    classes.map(|class| AuthenticationContextClass::new(class.to_owned())).collect()
}

fn claims_supported() -> Vec<CoreClaimName> {
    let of_the_token = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];
    let of_the_person = Attribute::ALL.into_iter().map(claim).chain(["FrEduOrigAuth"]);
    of_the_token.into_iter().chain(of_the_person).map(|name| CoreClaimName::new(name.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use openidconnect::core::{CoreJsonWebKeySet, CoreProviderMetadata};

    use super::super::signing::tests::keys;
    use super::*;

    #[test]
    fn the_document_says_what_is_done() {
        let answer = document("https://guichet.example", &["fr", "en"], None).unwrap();
        insta::assert_json_snapshot!(answer.value());
    }

    #[test]
    fn mutual_tls_is_told_as_far_as_it_is_done() {
        let told = |taken| {
            let at = Some(("https://mtls.guichet.example", taken));
            document("https://guichet.example", &["fr"], at).unwrap().value()
        };
        let (registered, all) = (told(MutualTls::WithoutAuthorities), told(MutualTls::WithAuthorities));
        for document in [&registered, &all] {
            assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
            let aliases = document["mtls_endpoint_aliases"].as_object().unwrap();
            assert_eq!(aliases.len(), 5);
            for (name, alias) in aliases {
                let main = document[name].as_str().unwrap();
                assert_eq!(alias.as_str().unwrap(), main.replace("https://", "https://mtls."), "{name}");
            }
        }
        for endpoint in ["token", "introspection", "revocation"] {
            let methods =
                |of: &serde_json::Value| of[format!("{endpoint}_endpoint_auth_methods_supported")].to_string();
            assert!(methods(&all).contains("\"tls_client_auth\",\"self_signed_tls_client_auth\""));
            assert!(!methods(&registered).contains("\"tls_client_auth\""));
            assert!(methods(&registered).contains("\"self_signed_tls_client_auth\""));
        }
    }

    #[test]
    fn a_client_library_reads_the_document_and_the_keys() {
        let answer = document("https://guichet.example", &["fr"], None).unwrap();
        let metadata: CoreProviderMetadata = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(metadata.issuer().as_str(), "https://guichet.example");
        let keys: CoreJsonWebKeySet = serde_json::from_str(&jwks(&keys()).body).unwrap();
        assert_eq!(keys.keys().len(), 2);
    }

    #[test]
    fn op_20_both_documents_are_cacheable_and_hold_public_members_only() {
        let answer = jwks(&keys());
        insta::assert_json_snapshot!(answer.value());
        for key in answer.value()["keys"].as_array().unwrap() {
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert_eq!(key.get(private), None);
            }
        }
        for answer in [answer, document("https://guichet.example", &[], None).unwrap()] {
            assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
        }
    }

    #[test]
    fn an_address_that_is_none_gives_no_document() {
        assert!(document("guichet.example", &[], None).is_err());
    }
}
