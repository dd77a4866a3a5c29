//! The authorization endpoint: a client's request read and checked, and the answer it gets through the browser.
//!
//! The order of the checks is a rule (OP-01): until the redirect URI is proven registered, nothing is sent anywhere.

mod asked;
mod claims;
mod error;
mod terms;
#[cfg(test)]
pub(super) mod tests;

use url::form_urlencoded;

use super::form::{Form, Unreadable, is_visible_ascii};
use super::{par, request_object, scopes};
use crate::domain::interaction::{Asked, OidcReply, Outgoing, ResponseMode};
use crate::domain::relying_party::{OidcParty, PartyId, Protocol, RelyingParty};

pub use asked::context_class;
pub(super) use asked::languages;
pub use error::Error;

const MAX_STATE: usize = 1024;
const MAX_NONCE: usize = 512;
const MAX_CLIENT_ID: usize = 255;

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
    #[error("the request object is not one that the client signed for this service, now")]
    RequestObject,
}

/// A request that does not lead to a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Said on a page of ours: there is no address to trust.
    Local(Reason),
    /// Said to the client, at its verified address.
    Reply(Outgoing),
}

/// The same before it is written: what the pushed authorization endpoint answers by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    Local(Reason),
    Reply(Box<OidcReply>, Error),
}

/// An authorization request as it came: in a query or a form, pushed before, or in a signed object.
pub struct Parameters {
    form: Form,
    is_pushed: bool,
    is_signed: bool,
}

impl Parameters {
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        Ok(Self { form: Form::parse(raw.as_bytes())?, is_pushed: false, is_signed: false })
    }

    /// What the client brings to the pushed authorization endpoint. How it says who it is is no part of the request.
    pub(super) fn pushed_now(mut form: Form) -> Self {
        for secret in ["client_secret", "client_assertion", "client_assertion_type"] {
            form.remove(secret);
        }
        Self { form, is_pushed: true, is_signed: false }
    }

    /// What it pushed before, checked then.
    pub fn pushed_before(stored: &str) -> Result<Self, Reason> {
        Ok(Self { form: Form::parse(stored.as_bytes())?, is_pushed: true, is_signed: true })
    }

    /// What is inside a signed object, and nothing of what is outside (RFC 9101 5).
    #[must_use]
    pub fn signed(self, inside: Form) -> Self {
        Self { form: inside, is_signed: true, ..self }
    }

    /// Whose registration `read` needs.
    pub fn client_id(&self) -> Result<PartyId, Reason> {
        let id = self.form.get("client_id").filter(|id| id.len() <= MAX_CLIENT_ID && is_visible_ascii(id));
        id.map(|id| PartyId(id.to_owned())).ok_or(Reason::ClientId)
    }

    /// The reference to a request that was pushed.
    pub fn reference(&self) -> Option<&str> {
        self.form.get("request_uri").and_then(par::reference)
    }

    /// A request object by value.
    pub fn request(&self) -> Option<&str> {
        self.form.get("request")
    }

    pub fn id_token_hint(&self) -> Option<&str> {
        self.form.get("id_token_hint")
    }

    /// The same, for this key alone to spend the code (RFC 9449 10.1); `None` where the request names another.
    pub fn bound_to(mut self, key: &str) -> Option<Self> {
        if let Some(other) = self.form.get("dpop_jkt") {
            return (other == key).then_some(self);
        }
        self.form.add("dpop_jkt".to_owned(), key.to_owned());
        Some(self)
    }

    /// As they are kept until the browser comes.
    pub fn encoded(&self) -> String {
        self.form.encoded()
    }
}

/// What the request asks and where its answer goes; or why there is no sign-in.
pub fn read(parameters: &Parameters, party: &RelyingParty, issuer: &str) -> Result<(Asked, OidcReply), Refused> {
    check(parameters, party).map_err(|denied| denied.written(issuer))
}

impl Denied {
    pub fn written(self, issuer: &str) -> Refused {
        match self {
            Self::Local(reason) => Refused::Local(reason),
            Self::Reply(reply, error) => Refused::Reply(refuse(&reply, error, issuer)),
        }
    }
}

pub fn check(parameters: &Parameters, party: &RelyingParty) -> Result<(Asked, OidcReply), Denied> {
    let (client, mut reply) = address(parameters, party).map_err(Denied::Local)?;
    let form = &parameters.form;
    let answers = check_carriage(parameters, client)
        .and_then(|()| check_form(form))
        .and_then(|()| terms::check(form, client))
        .and_then(|terms| asked::asked(form, client).map(|(asked, claims)| (terms, asked, claims)));
    match answers {
        Ok((terms, asked, claims)) => {
            reply.code_challenge = terms.code_challenge;
            reply.resources = terms.resources;
            reply.dpop_jkt = terms.dpop_jkt;
            reply.claims = claims;
            Ok((asked, reply))
        }
        Err(error) => Err(Denied::Reply(Box::new(reply), error)),
    }
}

/// A request that is refused before its parameters count, such as one whose object is not the client's.
pub fn deny(parameters: &Parameters, party: &RelyingParty, error: Error) -> Denied {
    match address(parameters, party) {
        Ok((_, reply)) => Denied::Reply(Box::new(reply), error),
        // A request that is all inside names no address that could be trusted.
        Err(Reason::NoRedirectUri) => Denied::Local(Reason::RequestObject),
        Err(reason) => Denied::Local(reason),
    }
}

/// Where an answer may go. State and mode are read with it, so that every answer has them.
fn address<'a>(parameters: &Parameters, party: &'a RelyingParty) -> Result<(&'a OidcParty, OidcReply), Reason> {
    let Protocol::Oidc(client) = &party.protocol else {
        return Err(Reason::UnknownClient);
    };
    if parameters.client_id()? != party.id {
        return Err(Reason::UnknownClient);
    }
    if party.is_suspended {
        return Err(Reason::SuspendedClient);
    }
    let form = &parameters.form;
    let redirect_uri = form.get("redirect_uri").ok_or(Reason::NoRedirectUri)?;
    if !client.redirect_uris.iter().any(|registered| registered == redirect_uri) {
        return Err(Reason::UnregisteredRedirectUri);
    }
    let reply = OidcReply {
        redirect_uri: redirect_uri.to_owned(),
        response_mode: match form.get("response_mode") {
            Some("form_post") => ResponseMode::FormPost,
            _ => ResponseMode::Query,
        },
        state: form.get("state").filter(|state| is_echoed(state, MAX_STATE)).map(str::to_owned),
        nonce: form.get("nonce").filter(|nonce| is_echoed(nonce, MAX_NONCE)).map(str::to_owned),
        scopes: terms::granted_scopes(form, client),
        code_challenge: None,
        resources: Vec::new(),
        dpop_jkt: None,
        claims: crate::domain::interaction::ClaimsAsked::default(),
    };
    Ok((client, reply))
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
pub(super) fn with_query(address: &str, fields: &[(&'static str, String)]) -> String {
    let separator = match address.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    format!("{address}{separator}{query}")
}

/// What comes back to the client as it was sent must be short and printable.
pub(super) fn is_echoed(text: &str, length: usize) -> bool {
    text.len() <= length && !text.chars().any(char::is_control)
}

/// Whether the request came by the way that the client is held to.
fn check_carriage(parameters: &Parameters, client: &OidcParty) -> Result<(), Error> {
    if parameters.form.has_repetition() {
        return Err(Error::InvalidRequest("a parameter is repeated"));
    }
    if parameters.form.get("request_uri").is_some() {
        return Err(Error::RequestUriNotSupported);
    }
    if (client.options.pushed_requests_required || client.is_fapi()) && !parameters.is_pushed {
        return Err(Error::InvalidRequest("this client must push its requests (RFC 9126)"));
    }
    if parameters.request().is_some() {
        return Err(request_object::NOT_SIGNED);
    }
    if client.options.signed_requests_required && !parameters.is_signed {
        return Err(Error::InvalidRequest("this client must sign its requests (RFC 9101)"));
    }
    Ok(())
}

/// The form of the request, whatever is asked in it.
fn check_form(form: &Form) -> Result<(), Error> {
    if form.get("state").is_some_and(|state| !is_echoed(state, MAX_STATE)) {
        return Err(Error::InvalidRequest("state is longer than 1024 bytes or not printable"));
    }
    if form.get("nonce").is_some_and(|nonce| !is_echoed(nonce, MAX_NONCE)) {
        return Err(Error::InvalidRequest("nonce is longer than 512 bytes or not printable"));
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
