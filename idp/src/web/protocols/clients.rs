//! Who calls an endpoint without pages: the client authenticated, and the key that its tokens are bound to. Every such
//! endpoint begins here.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::certificates;
use super::oidc::written;
use crate::domain::holder::Holder;
use crate::domain::relying_party::{ClientAuthentication, OidcParty, PartyId, RelyingParty};
use crate::oidc::assertion::{self, Audience};
use crate::oidc::call::{Call, Proof};
use crate::oidc::dpop::{self, Nonces, Target};
use crate::oidc::jws::Unverified;
use crate::oidc::{paths, token};
use crate::store::{self, Event, Outcome};
use crate::web::caller::Caller;
use crate::web::error::Error;
use crate::web::state::App;

/// Why a client does not get what it called for.
pub enum Refused {
    /// What it is told.
    Told(token::Error),
    /// The nonce to try again with.
    Nonce(String),
    Broken(Error),
}

impl From<token::Error> for Refused {
    fn from(error: token::Error) -> Self {
        Self::Told(error)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Told(error) => written(error.answer()),
            Self::Nonce(nonce) => with_nonce(written(token::Error::UseNonce.answer()), &nonce),
            Self::Broken(error) => error.into_response(),
        }
    }
}

/// A client that is who it says, with its call.
pub struct Known {
    pub party: Arc<RelyingParty>,
    pub call: Call,
}

impl Known {
    pub fn client(&self) -> Result<&OidcParty, token::Error> {
        self.party.oidc().ok_or(self.call.refuse_client())
    }
}

/// Reads the call and has the client prove who it is (OP-06, OP-07). Failures are counted by client and address, so that
/// a guess is slow and nobody is locked out elsewhere (section 9).
pub async fn known(app: &App, caller: &Caller, body: &[u8]) -> Result<Known, Refused> {
    let call = Call::read(caller.authorization(), body)?;
    let failures = &app.client_failures;
    if let Err(wait) = failures.check(call.client_id(), caller.address) {
        return Err(token::Error::TooManyFailures { retry_after: wait.retry_after.as_secs() }.into());
    }
    let party = app.parties.find(call.client_id()).await?;
    let Some(party) = party.filter(|party| party.is_open(app.clock.now())) else {
        failures.count(call.client_id(), caller.address);
        return Err(call.refuse_client().into());
    };
    match prove(app, caller, &call, &party).await {
        Ok(()) => Ok(Known { party, call }),
        Err(Refused::Told(error)) => {
            failures.count(call.client_id(), caller.address);
            note_failure(app, &party.id).await?;
            Err(error.into())
        }
        Err(other) => Err(other),
    }
}

async fn prove(app: &App, caller: &Caller, call: &Call, party: &RelyingParty) -> Result<(), Refused> {
    // The one who is to mend it reads our journal or asks an operator; a stranger is told nothing.
    let (client, proof) = call.check(party).inspect_err(|_| {
        let registered = party.oidc().map_or("none", |client| client.client_authentication.name());
        let why = "another secret, or another method than the registered one";
        let came_by = call.method();
        tracing::info!(party = %party.id, came_by, registered, why, "a client's proof of itself was refused");
    })?;
    let refused = |why: &dyn std::fmt::Display| {
        tracing::info!(party = %party.id, %why, "a client's proof of itself was refused");
        Refused::Told(call.refuse_client())
    };
    let (text, allowed) = match proof {
        Proof::Given => return Ok(()),
        Proof::Certificate => {
            return certificates::check(app, caller, client).await.map_err(|why| refused(&why));
        }
        Proof::Assertion { text, allowed } => (text, allowed),
    };
    let jws = Unverified::parse(text).map_err(|why| refused(&why))?;
    let verified = app.client_keys.verify(client.keys.as_ref(), &jws, &allowed).await;
    let verified = verified.map_err(|why| refused(&why))?;
    let or_token_endpoint =
        matches!(client.client_authentication, ClientAuthentication::PrivateKeyJwt { for_token_endpoint: true, .. });
    let audience = Audience { issuer: app.config.origin(), or_token_endpoint };
    let once = assertion::check(&verified, &party.id, audience, app.clock.now()).map_err(|why| refused(&why))?;
    if app.store.spend_once(&once.hash, once.expires_at).await? {
        Ok(())
    } else {
        Err(refused(&"its jti was used before"))
    }
}

async fn note_failure(app: &App, party: &PartyId) -> Result<(), Error> {
    let event = Event {
        at: app.clock.now(),
        event: "client-authentication",
        outcome: Outcome::Refused("failed"),
        account: None,
        party: Some(party),
        address: None,
        reference: "",
    };
    Ok(app.store.record(&event).await?)
}

/// The key that the tokens of this request are bound to, proven and spent; none for a client that may have bearer tokens
/// and shows none.
pub async fn holder(app: &App, caller: &Caller, client: &OidcParty, path: &str) -> Result<Option<Holder>, Refused> {
    if client.tokens.certificate_bound {
        return Ok(Some(certificates::holder(caller)?));
    }
    let address = caller.called(&app.config, path);
    match proven(app, caller, (&address, None), client).await? {
        Ok(None) if client.tokens.dpop_bound => {
            Err(token::Error::InvalidProof("a DPoP proof is required of this client").into())
        }
        Ok(thumbprint) => Ok(thumbprint.map(Holder::Dpop)),
        Err(why) => Err(not_proven(app, why)),
    }
}

/// The key that a code is to be bound to from the beginning, where the client proves one as it pushes its request
/// (RFC 9449 10.1).
pub async fn pushed_holder(app: &App, caller: &Caller, client: &OidcParty) -> Result<Option<String>, Refused> {
    if client.tokens.certificate_bound {
        certificates::check_no_proof(caller)?;
    }
    let address = caller.called(&app.config, paths::PUSHED);
    proven(app, caller, (&address, None), client).await?.map_err(|why| not_proven(app, why))
}

/// Why a DPoP proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotProven {
    /// In words for the client's developer.
    Wrong(&'static str),
    /// A nonce is missing in it, or an old one is there.
    Nonce,
}

fn not_proven(app: &App, why: NotProven) -> Refused {
    match why {
        NotProven::Wrong(why) => token::Error::InvalidProof(why).into(),
        NotProven::Nonce => Refused::Nonce(nonce(app)),
    }
}

/// What proofs are to hold now.
pub fn nonce(app: &App) -> String {
    let [now, ..] = dpop::spans(app.clock.now());
    app.keys.proof_nonce(now)
}

/// RFC 9449 8.
pub fn with_nonce(mut response: Response, nonce: &str) -> Response {
    if let Ok(nonce) = HeaderValue::from_str(nonce) {
        response.headers_mut().insert(HeaderName::from_static("dpop-nonce"), nonce);
    }
    response
}

/// The thumbprint of the key that a DPoP proof was made with, if there is one; or what is wrong with the proof. Of a client
/// of the FAPI profile it must hold a nonce of ours.
pub async fn proven(
    app: &App,
    caller: &Caller,
    (address, access_token): (&str, Option<&str>),
    client: &OidcParty,
) -> Result<Result<Option<String>, NotProven>, store::Error> {
    let text = match caller.proofs() {
        [] => return Ok(Ok(None)),
        [one] => one,
        [_, ..] => return Ok(Err(NotProven::Wrong("the DPoP header is repeated"))),
    };
    let now = app.clock.now();
    let good = dpop::spans(now).map(|span| app.keys.proof_nonce(span));
    let nonces = Nonces { good: &good, are_required: client.is_fapi() };
    let target = Target { method: caller.method.as_str(), address, access_token, nonces };
    let proof = match dpop::check(text, target, now) {
        Ok(proof) => proof,
        Err(dpop::Refused::Nonce) => return Ok(Err(NotProven::Nonce)),
        Err(why) => return Ok(Err(NotProven::Wrong(why.description()))),
    };
    let is_new = app.store.spend_once(&proof.once.hash, proof.once.expires_at).await?;
    Ok(if is_new { Ok(Some(proof.thumbprint)) } else { Err(NotProven::Wrong("the DPoP proof was used before")) })
}
