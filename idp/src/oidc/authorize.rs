//! The authorization endpoint: a client's request read and checked, and the answer it gets through the browser.
//!
//! The order of the checks is a rule (OP-01): until the redirect URI is proven registered, nothing is sent anywhere.

use data_encoding::BASE64URL_NOPAD;
use url::form_urlencoded;

use super::form::{Form, Unreadable, is_visible_ascii};
use super::{dpop, scopes};
use crate::domain::account::Profile;
use crate::domain::interaction::{Asked, OidcReply, Outgoing, Refusal, ResponseMode};
use crate::domain::relying_party::{ClientAuthentication, OidcParty, PartyId, Protocol, RelyingParty};

#[cfg(test)]
pub(super) mod tests;

const MAX_STATE: usize = 1024;
const MAX_NONCE: usize = 512;
const MAX_LOGIN_HINT: usize = 128;
const MAX_CLIENT_ID: usize = 255;
const MAX_LANGUAGES: usize = 8;

/// Why a request gets a page of ours and no redirect (OP-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("client_id is missing, repeated or not an identifier")]
    ClientId,
    #[error("the client is not registered for OpenID Connect")]
    UnknownClient,
    #[error("the client is suspended")]
    SuspendedClient,
    #[error("redirect_uri is missing or repeated")]
    NoRedirectUri,
    #[error("redirect_uri is not one of the client's registered addresses, character for character")]
    UnregisteredRedirectUri,
}

/// A request that does not lead to a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Said on a page of ours: there is no address to trust.
    Local(Reason),
    /// Said to the client, at its verified address.
    Reply(Outgoing),
}

/// The `error` a client receives (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    InvalidRequest(&'static str),
    UnsupportedResponseType,
    InvalidScope,
    InvalidTarget,
    RequestNotSupported,
    RequestUriNotSupported,
    RegistrationNotSupported,
    LoginRequired,
    InteractionRequired,
    AccessDenied,
    ServerError,
    TemporarilyUnavailable,
}

impl Error {
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// For the client's developer. Fixed text: nothing of the request is repeated (OP-17).
    const fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(why) => why,
            Self::UnsupportedResponseType => "only response_type=code is supported",
            Self::InvalidScope => "scope must contain openid",
            Self::InvalidTarget => "resource is not one that the client is registered for",
            Self::RequestNotSupported => "request objects are not supported",
            Self::RequestUriNotSupported => "request_uri is not supported",
            Self::RegistrationNotSupported => "the registration parameter is not supported",
            Self::LoginRequired => "the person must sign in and prompt=none forbids it",
            Self::InteractionRequired => "the person must answer a question and prompt=none forbids it",
            Self::AccessDenied => "this service is not open to the person who signed in",
            Self::ServerError => "the request could not be answered",
            Self::TemporarilyUnavailable => "too busy to answer now",
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoPassive => Self::LoginRequired,
            Refusal::InteractionRequired => Self::InteractionRequired,
            Refusal::NotOpenTo(_) => Self::AccessDenied,
        }
    }
}

/// An authorization request as it came, in a query or a form.
pub struct Parameters(Form);

impl Parameters {
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        Ok(Self(Form::parse(raw.as_bytes())?))
    }

    /// Whose registration `read` needs.
    pub fn client_id(&self) -> Result<PartyId, Reason> {
        let id = self.0.get("client_id").filter(|id| id.len() <= MAX_CLIENT_ID && is_visible_ascii(id));
        id.map(|id| PartyId(id.to_owned())).ok_or(Reason::ClientId)
    }
}

/// What the request asks and where its answer goes; or why there is no sign-in.
pub fn read(parameters: &Parameters, party: &RelyingParty, issuer: &str) -> Result<(Asked, OidcReply), Refused> {
    let Protocol::Oidc(client) = &party.protocol else {
        return Err(Refused::Local(Reason::UnknownClient));
    };
    if parameters.client_id().map_err(Refused::Local)? != party.id {
        return Err(Refused::Local(Reason::UnknownClient));
    }
    if party.is_suspended {
        return Err(Refused::Local(Reason::SuspendedClient));
    }
    let form = &parameters.0;
    let redirect_uri = form.get("redirect_uri").ok_or(Refused::Local(Reason::NoRedirectUri))?;
    if !client.redirect_uris.iter().any(|registered| registered == redirect_uri) {
        return Err(Refused::Local(Reason::UnregisteredRedirectUri));
    }
    // From here on there is somewhere to answer. State and mode are read first, so that every answer has them.
    let mut reply = OidcReply {
        redirect_uri: redirect_uri.to_owned(),
        response_mode: match form.get("response_mode") {
            Some("form_post") => ResponseMode::FormPost,
            _ => ResponseMode::Query,
        },
        state: form.get("state").filter(|state| is_echoed(state, MAX_STATE)).map(str::to_owned),
        nonce: form.get("nonce").filter(|nonce| is_echoed(nonce, MAX_NONCE)).map(str::to_owned),
        scopes: granted_scopes(form, client),
        code_challenge: None,
        resources: form.get("resource").map(str::to_owned).into_iter().collect(),
        dpop_jkt: form.get("dpop_jkt").map(str::to_owned),
    };
    let answers = check(form)
        .and_then(|()| check_tokens(form, client))
        .and_then(|()| check_pkce(form, client))
        .and_then(|challenge| asked(form).map(|asked| (challenge, asked)));
    match answers {
        Ok((code_challenge, asked)) => {
            reply.code_challenge = code_challenge;
            Ok((asked, reply))
        }
        Err(error) => Err(Refused::Reply(refuse(&reply, error, issuer))),
    }
}

/// The code, brought to the client (RFC 6749 4.1.2, RFC 9207).
pub fn answer(reply: &OidcReply, code: &str, issuer: &str) -> Outgoing {
    send(reply, vec![("code", code.to_owned())], issuer)
}

/// An error, brought to the client.
pub fn refuse(reply: &OidcReply, error: Error, issuer: &str) -> Outgoing {
    let fields = vec![("error", error.code().to_owned()), ("error_description", error.description().to_owned())];
    send(reply, fields, issuer)
}

fn send(reply: &OidcReply, mut fields: Vec<(&'static str, String)>, issuer: &str) -> Outgoing {
    fields.extend(reply.state.clone().map(|state| ("state", state)));
    fields.push(("iss", issuer.to_owned()));
    match reply.response_mode {
        ResponseMode::FormPost => Outgoing::Form { action: reply.redirect_uri.clone(), fields },
        ResponseMode::Query => Outgoing::Redirect(with_query(&reply.redirect_uri, &fields)),
    }
}

/// The registered address, untouched, and after it the parameters; its own query stays (RFC 6749 3.1.2).
fn with_query(address: &str, fields: &[(&'static str, String)]) -> String {
    let separator = match address.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    format!("{address}{separator}{query}")
}

/// What comes back to the client as it was sent must be short and printable.
fn is_echoed(text: &str, length: usize) -> bool {
    text.len() <= length && !text.chars().any(char::is_control)
}

/// Those asked for and registered; the rest is ignored (OpenID Connect Core 3.1.2.1).
fn granted_scopes(form: &Form, client: &OidcParty) -> Vec<String> {
    let mut granted: Vec<String> = Vec::new();
    for scope in form.get("scope").unwrap_or_default().split(' ') {
        let is_granted = scope == scopes::OPENID || client.scopes.contains(scope);
        if is_granted && !granted.iter().any(|known| known == scope) {
            granted.push(scope.to_owned());
        }
    }
    granted
}

/// The form of the request, whatever is asked in it.
fn check(form: &Form) -> Result<(), Error> {
    if form.has_repetition() {
        return Err(Error::InvalidRequest("a parameter is repeated"));
    }
    if form.get("state").is_some_and(|state| !is_echoed(state, MAX_STATE)) {
        return Err(Error::InvalidRequest("state is longer than 1024 bytes or not printable"));
    }
    if form.get("nonce").is_some_and(|nonce| !is_echoed(nonce, MAX_NONCE)) {
        return Err(Error::InvalidRequest("nonce is longer than 512 bytes or not printable"));
    }
    if form.get("request").is_some() {
        return Err(Error::RequestNotSupported);
    }
    if form.get("request_uri").is_some() {
        return Err(Error::RequestUriNotSupported);
    }
    if form.get("registration").is_some() {
        return Err(Error::RegistrationNotSupported);
    }
    match form.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(Error::UnsupportedResponseType),
        None => return Err(Error::InvalidRequest("response_type is missing")),
    }
    if !matches!(form.get("response_mode"), None | Some("query" | "form_post")) {
        return Err(Error::InvalidRequest("response_mode must be query or form_post"));
    }
    if !form.get("scope").unwrap_or_default().split(' ').any(|scope| scope == scopes::OPENID) {
        return Err(Error::InvalidScope);
    }
    Ok(())
}

/// What the tokens will be for and bound to (RFC 8707 2.1, RFC 9449 10).
fn check_tokens(form: &Form, client: &OidcParty) -> Result<(), Error> {
    if form.get("resource").is_some_and(|resource| !client.tokens.resources.contains(resource)) {
        return Err(Error::InvalidTarget);
    }
    if form.get("dpop_jkt").is_some_and(|thumbprint| !dpop::is_thumbprint(thumbprint)) {
        return Err(Error::InvalidRequest("dpop_jkt is not a SHA-256 in base64url without padding"));
    }
    Ok(())
}

/// OP-03. A challenge without a method means `plain` (RFC 7636 4.3), which is refused like any other method.
fn check_pkce(form: &Form, client: &OidcParty) -> Result<Option<String>, Error> {
    let is_public = client.client_authentication == ClientAuthentication::None;
    match (form.get("code_challenge"), form.get("code_challenge_method")) {
        (Some(challenge), Some("S256")) => {
            let is_sha256 = challenge.len() == 43
                && BASE64URL_NOPAD.decode(challenge.as_bytes()).is_ok_and(|digest| digest.len() == 32);
            if is_sha256 {
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

fn asked(form: &Form) -> Result<Asked, Error> {
    let prompts: Vec<&str> = form.get("prompt").unwrap_or_default().split(' ').filter(|p| !p.is_empty()).collect();
    let passive = prompts.contains(&"none");
    if passive && prompts.len() > 1 {
        return Err(Error::InvalidRequest("prompt=none stands alone"));
    }
    let max_age = match form.get("max_age") {
        None => None,
        Some(age) if age.bytes().all(|byte| byte.is_ascii_digit()) => Some(age.parse().unwrap_or(u32::MAX)),
        Some(_) => return Err(Error::InvalidRequest("max_age is not a number of seconds")),
    };
    Ok(Asked {
        fresh: prompts.contains(&"login"),
        passive,
        choose: prompts.contains(&"select_account"),
        max_age,
        view: form.get("acr_values").unwrap_or_default().split(' ').find_map(view),
        languages: languages(form.get("ui_locales").unwrap_or_default()),
        login_hint: form.get("login_hint").filter(|hint| is_echoed(hint, MAX_LOGIN_HINT)).map(str::to_owned),
    })
}

/// `acr_values` as `ÉduConnect` reads them: which kind of person the page is opened for.
fn view(acr: &str) -> Option<Profile> {
    [Profile::Student, Profile::Guardian].into_iter().find(|profile| context_class(*profile) == Some(acr))
}

/// The `acr` that is true of a sign-in by this kind of person.
pub const fn context_class(profile: Profile) -> Option<&'static str> {
    match profile {
        Profile::Student => Some("eleve"),
        Profile::Guardian => Some("responsable"),
        Profile::Staff => None,
    }
}

/// Language tags in order of preference; what is not one is left out, since `ui_locales` never refuses a request.
fn languages(text: &str) -> Vec<String> {
    let is_tag = |tag: &&str| {
        (2..=35).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.split(' ').filter(is_tag).take(MAX_LANGUAGES).map(str::to_owned).collect()
}
