//! What a client says of its tokens, and whether that is as much as its security profile asks.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use url::Url;

use super::authentication::{Method, OFF};
use super::{Error, Members, refuse};
use crate::domain::client_certificate::MutualTls;
use crate::domain::client_keys::JwsAlgorithm;
use crate::domain::relying_party::IdTokenAlgorithm;
use crate::domain::token_options::{SecurityProfile, TokenOptions};

const CERTIFICATE_BOUND: &str = "tls_client_certificate_bound_access_tokens";
const MAX_RESOURCES: usize = 32;
const MAX_RESOURCE: usize = 512;

impl Members {
    pub(super) fn tokens(&self, mutual_tls: MutualTls) -> Result<TokenOptions, Error> {
        let tokens = TokenOptions {
            refresh: self.list("grant_types")?.is_some_and(|types| types.contains(&"refresh_token")),
            dpop_bound: self.flag("dpop_bound_access_tokens")?,
            certificate_bound: self.flag(CERTIFICATE_BOUND)?,
            resources: self.resources("resources")?,
            serves: self.resources("serves_resources")?,
            security_profile: self.security_profile()?,
        };
        if tokens.certificate_bound && !mutual_tls.is_on() {
            return refuse(CERTIFICATE_BOUND, OFF);
        }
        if tokens.certificate_bound && tokens.dpop_bound {
            return refuse(CERTIFICATE_BOUND, "cannot be true beside dpop_bound_access_tokens: a token has one holder");
        }
        Ok(tokens)
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => refuse(name, "must be true or false"),
        }
    }

    /// Absolute addresses without fragment (RFC 8707 2), compared as text afterwards.
    fn resources(&self, name: &str) -> Result<BTreeSet<String>, Error> {
        let texts = self.list(name)?.unwrap_or_default();
        let is_resource = |text: &&str| text.len() <= MAX_RESOURCE && !text.contains('#') && Url::parse(text).is_ok();
        if texts.len() > MAX_RESOURCES || !texts.iter().all(is_resource) {
            return refuse(name, "must hold at most 32 absolute addresses without fragment (#)");
        }
        Ok(texts.into_iter().map(str::to_owned).collect())
    }

    fn security_profile(&self) -> Result<Option<SecurityProfile>, Error> {
        const FIELD: &str = "security_profile";
        match self.text(FIELD)? {
            None => Ok(None),
            Some("fapi2") => Ok(Some(SecurityProfile::Fapi2)),
            Some(_) => refuse(FIELD, "must be fapi2"),
        }
    }
}

/// FAPI 2.0 Security Profile 5.3.2 and 5.4, as far as a registration can fall short of it.
pub(super) fn check(
    tokens: &TokenOptions,
    method: &Method,
    (algorithm, pkce_required): (IdTokenAlgorithm, bool),
) -> Result<(), Error> {
    if tokens.security_profile != Some(SecurityProfile::Fapi2) {
        return Ok(());
    }
    match method {
        Method::PrivateKeyJwt { algorithm: Some(asserted), .. } if !JwsAlgorithm::FAPI.contains(asserted) => {
            return refuse("token_endpoint_auth_signing_alg", "must be PS256 or ES256 with security_profile fapi2");
        }
        Method::PrivateKeyJwt { .. } | Method::TlsClientAuth(_) | Method::SelfSignedTlsClientAuth => {}
        Method::None | Method::Basic | Method::Post => {
            return refuse(
                "token_endpoint_auth_method",
                "must be private_key_jwt, tls_client_auth or self_signed_tls_client_auth with security_profile fapi2",
            );
        }
    }
    if !tokens.dpop_bound && !tokens.certificate_bound {
        return refuse(
            "dpop_bound_access_tokens",
            "must be true with security_profile fapi2, or tls_client_certificate_bound_access_tokens",
        );
    }
    if algorithm != IdTokenAlgorithm::Es256 {
        return refuse("id_token_signed_response_alg", "must be ES256 with security_profile fapi2");
    }
    if !pkce_required {
        return refuse("require_pkce", "cannot be false with security_profile fapi2");
    }
    Ok(())
}

/// What is told of them (RFC 7591 3.2.1).
pub(super) fn told(tokens: &TokenOptions, method: &Method, response: &mut Map<String, Value>) {
    let mut say = |name: &str, value: Value| response.insert(name.to_owned(), value);
    let refresh = tokens.refresh.then_some("refresh_token");
    say("grant_types", ["authorization_code"].into_iter().chain(refresh).collect());
    if let Method::PrivateKeyJwt { algorithm, for_token_endpoint } = method {
        if let Some(algorithm) = algorithm {
            say("token_endpoint_auth_signing_alg", json!(algorithm));
        }
        say("token_endpoint_auth_audience", json!(if *for_token_endpoint { "token_endpoint" } else { "issuer" }));
    }
    if let Method::TlsClientAuth(name) = method {
        say(name.member(), json!(name.text()));
    }
    if tokens.dpop_bound {
        say("dpop_bound_access_tokens", json!(true));
    }
    if tokens.certificate_bound {
        say(CERTIFICATE_BOUND, json!(true));
    }
    for (name, resources) in [("resources", &tokens.resources), ("serves_resources", &tokens.serves)] {
        if !resources.is_empty() {
            say(name, json!(resources));
        }
    }
    if let Some(profile) = tokens.security_profile {
        say("security_profile", json!(profile));
    }
}
