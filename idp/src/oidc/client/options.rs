//! The members of a registration beyond the plainest code flow.

use serde_json::{Map, Value, json};
use url::Url;

use super::{Error, MAX_REDIRECT_URIS, Members, refuse, refuse_address};
use crate::domain::client_keys::JwsAlgorithm;
use crate::domain::oidc_options::OidcOptions;
use crate::domain::relying_party::{Environment, IdTokenAlgorithm};
use crate::oidc::redirect_uri::{check_page, check_redirect};
use crate::oidc::signing;

/// An extension, like `require_pkce`.
const CONSENT: &str = "consent_required";

pub(super) fn read(members: &Members, environment: Environment, is_public: bool) -> Result<OidcOptions, Error> {
    Ok(OidcOptions {
        post_logout_redirect_uris: post_logout_redirect_uris(members, environment, is_public)?,
        frontchannel_logout_uri: frontchannel_logout_uri(members, environment)?,
        pushed_requests_required: members.flag("require_pushed_authorization_requests")?,
        signed_requests_required: members.flag("require_signed_request_object")?,
        request_object_algorithm: request_object_algorithm(members)?,
        userinfo_algorithm: userinfo_algorithm(members)?,
        consent_required: members.flag(CONSENT)?,
        default_max_age: default_max_age(members)?,
    })
}

/// What the client is told of them: what it would else have to guess, and what it asked for.
pub(super) fn say(options: &OidcOptions, response: &mut Map<String, Value>) {
    let mut say = |name: &str, value: Value| drop(response.insert(name.to_owned(), value));
    if !options.post_logout_redirect_uris.is_empty() {
        say("post_logout_redirect_uris", json!(options.post_logout_redirect_uris));
    }
    if let Some(address) = &options.frontchannel_logout_uri {
        say("frontchannel_logout_uri", json!(address));
        // Every frame names the session, whether or not the client insists on it.
        say("frontchannel_logout_session_required", json!(true));
    }
    if let Some(algorithm) = &options.request_object_algorithm {
        say("request_object_signing_alg", json!(algorithm.name()));
    }
    if let Some(algorithm) = options.userinfo_algorithm {
        say("userinfo_signed_response_alg", json!(signing::name(algorithm)));
    }
    if let Some(age) = options.default_max_age {
        say("default_max_age", json!(age));
    }
    for (name, flag) in [
        ("require_pushed_authorization_requests", options.pushed_requests_required),
        ("require_signed_request_object", options.signed_requests_required),
        (CONSENT, options.consent_required),
    ] {
        if flag {
            say(name, json!(true));
        }
    }
}

fn post_logout_redirect_uris(
    members: &Members,
    environment: Environment,
    is_public: bool,
) -> Result<Vec<String>, Error> {
    const FIELD: &str = "post_logout_redirect_uris";
    let texts = members.list(FIELD)?.unwrap_or_default();
    if texts.len() > MAX_REDIRECT_URIS {
        return refuse(FIELD, "holds more than 32 addresses");
    }
    let mut known: Vec<String> = Vec::new();
    for text in texts {
        check_redirect(text, environment, is_public).or_else(|why| refuse_address(FIELD, text, &why))?;
        if !known.iter().any(|other| other == text) {
            known.push(text.to_owned());
        }
    }
    Ok(known)
}

/// Front-Channel Logout 2: on a host of the client's own redirect URIs, as its scheme and port.
fn frontchannel_logout_uri(members: &Members, environment: Environment) -> Result<Option<String>, Error> {
    const FIELD: &str = "frontchannel_logout_uri";
    members.flag("frontchannel_logout_session_required")?;
    let Some(text) = members.text(FIELD)? else { return Ok(None) };
    let url = check_page(text, environment).or_else(|why| refuse_address(FIELD, text, &why))?;
    let redirects = members.list("redirect_uris")?.unwrap_or_default();
    let is_own = |other: &str| Url::parse(other).is_ok_and(|other| other.origin() == url.origin());
    if redirects.into_iter().any(is_own) {
        Ok(Some(text.to_owned()))
    } else {
        refuse(FIELD, "must have the scheme, host and port of one of redirect_uris")
    }
}

fn request_object_algorithm(members: &Members) -> Result<Option<JwsAlgorithm>, Error> {
    const FIELD: &str = "request_object_signing_alg";
    let Some(name) = members.text(FIELD)? else { return Ok(None) };
    match JwsAlgorithm::from_name(name) {
        Some(algorithm) => Ok(Some(algorithm)),
        None => refuse(FIELD, "must be RS256, PS256 or ES256"),
    }
}

/// Left out, or `none`: as plain JSON.
fn userinfo_algorithm(members: &Members) -> Result<Option<IdTokenAlgorithm>, Error> {
    const FIELD: &str = "userinfo_signed_response_alg";
    match members.text(FIELD)? {
        None | Some("none") => Ok(None),
        Some("RS256") => Ok(Some(IdTokenAlgorithm::Rs256)),
        Some("ES256") => Ok(Some(IdTokenAlgorithm::Es256)),
        Some(_) => refuse(FIELD, "must be RS256 or ES256"),
    }
}

fn default_max_age(members: &Members) -> Result<Option<u32>, Error> {
    const FIELD: &str = "default_max_age";
    match members.get(FIELD) {
        None => Ok(None),
        Some(age) => match age.as_u64().and_then(|age| u32::try_from(age).ok()) {
            Some(age) => Ok(Some(age)),
            None => refuse(FIELD, "must be a number of seconds"),
        },
    }
}
