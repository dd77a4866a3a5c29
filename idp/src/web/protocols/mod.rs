//! The doors of relying parties: a request comes in, becomes an interaction, and its answer leaves.
//!
//! The two protocols part again here, and only here; what lies between is `families`.

mod about;
pub mod authorize;
mod bearer;
mod certificates;
pub mod clients;
pub mod farewells;
pub mod logout;
pub mod oidc;
pub mod register;
pub mod rp_logout;
pub mod saml;
pub mod token;
pub mod tokens_given;
pub mod towards;

use axum::http::StatusCode;
use axum::response::Response;
use time::Duration;

use super::error::{self, Error};
use super::families::{UnderWay, live_account};
use super::page::{Carries, NotOpen, Profile as Shown, Reason, Send, SendField};
use super::paths;
use super::shield;
use super::state::App;
use super::visitor::Visitor;
use crate::chance;
use crate::domain::account::Profile;
use crate::domain::identity::Identity;
use crate::domain::interaction::{
    Asked, Interaction, InteractionId, OidcReply, Outgoing, Refusal, ReplyTo, Step, next_step,
};
use crate::domain::logout::Participant;
use crate::domain::relying_party::{PartyId, RelyingParty};
use crate::domain::session::Session;
use crate::saml::response::Status;
use crate::store::{Event, Hash, Kept, NewGrant, Outcome, Trace};

/// A request that arrived by a cross-site POST, without our cookies, belongs to the first browser that opens it within
/// this time.
pub const UNCLAIMED_LIFE: Duration = Duration::minutes(1);
/// Stands for no browser yet: no token hashes to it.
pub const NO_BROWSER: Hash = [0; 32];

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// A link or a redirect: our cookies came with it.
    Get,
    /// A form of another site: `SameSite=Lax` cookies stay at home until the browser follows our redirect.
    CrossSitePost,
}

pub fn fresh_interaction_id() -> InteractionId {
    let random: [u8; 16] = chance::bytes();
    InteractionId(data_encoding::BASE64URL_NOPAD.encode(&random))
}

/// Keeps a checked request and sends the browser through the one door, or past it where the open session of this
/// browser answers without a page. A request ID is taken once (SI-12).
async fn begin(
    app: &App,
    mut visitor: Visitor,
    party: &RelyingParty,
    (asked, reply_to): (Asked, ReplyTo),
    arrival: Arrival,
) -> Result<Response, Error> {
    let mut interaction = Interaction {
        id: fresh_interaction_id(),
        party: Some(party.id.clone()),
        asked,
        reply_to,
        created_at: app.clock.now(),
        answered_at: None,
        signed_in: None,
        confirmed: false,
        consented: false,
    };
    let ready = match arrival {
        Arrival::Get => ready(app, &visitor, &interaction, party).await?,
        Arrival::CrossSitePost => None,
    };
    let browser = match arrival {
        Arrival::Get => visitor.known_browser(),
        Arrival::CrossSitePost => NO_BROWSER,
    };
    let (kept, outgoing) = match ready {
        Some((session, Written { outgoing, grant })) => {
            interaction.answered_at = Some(interaction.created_at);
            let event = answered(app, &visitor, party, &session);
            let partaker = partaker(app, &interaction, party, &session);
            let partaker = partaker.as_ref().map(|partaker| (&session.id, partaker));
            let trace = Trace { event: &event, partaker, grant: grant.as_ref() };
            let kept = if leaves_nothing_behind(&interaction.reply_to, &outgoing) {
                app.store.leave(trace).await?;
                Kept::New
            } else {
                app.store.keep_answered(&interaction, &browser, trace).await?
            };
            (kept, Some(outgoing))
        }
        None => (app.store.keep_interaction(&interaction, &browser).await?, None),
    };
    let door = paths::resume(&interaction.id);
    match (kept, outgoing) {
        (Kept::New, None) => Ok(visitor.go(&door)),
        (Kept::New, Some(outgoing)) => {
            visitor.prefer(&interaction.asked.languages);
            visitor.at(door);
            Ok(send(visitor, party, outgoing, Carries::Answer))
        }
        (Kept::Again(id), _) => Ok(visitor.go(&paths::resume(&id))),
        (Kept::Replayed, _) => {
            note(app, &visitor, "replayed", Some(&party.id)).await?;
            Ok(error::refuse(visitor, Some(party), StatusCode::BAD_REQUEST, Reason::RefusedRequest))
        }
    }
}

/// Whether an answered request need not be kept: no page of ours shows the answer again, and no identifier of the
/// request could come a second time (that is SAML's, SI-12).
const fn leaves_nothing_behind(reply_to: &ReplyTo, outgoing: &Outgoing) -> bool {
    matches!((reply_to, outgoing), (ReplyTo::Oidc(_), Outgoing::Redirect(_)))
}

/// The answer that leaves at once: about the open session of this browser, where the one rule asks for nothing more.
/// Everything else, each refusal too, is said at the one door. Written before it is kept: no lock of the store is held
/// while a key signs.
async fn ready(
    app: &App,
    visitor: &Visitor,
    interaction: &Interaction,
    party: &RelyingParty,
) -> Result<Option<(Session, Written)>, Error> {
    if !visitor.keeps_cookies() {
        return Ok(None);
    }
    let Some((session, recorded)) = live_account(app, visitor).await? else { return Ok(None) };
    if !is_meant(app, interaction, party, &session) {
        return Ok(None);
    }
    let towards = towards::towards(app, interaction, Some(party), Some(&session)).await?;
    match next_step(interaction, Some(party), Some(&session), &towards, interaction.created_at) {
        Step::Answer => {}
        Step::SignIn
        | Step::Reauthenticate
        | Step::ConfirmAccount
        | Step::ConfirmBirthDate
        | Step::ChangePassword
        | Step::Consent
        | Step::Refuse(_) => return Ok(None),
    }
    let written = match &interaction.reply_to {
        // A code tells nothing of the person: what it opens is asked for when it is used.
        ReplyTo::Oidc(reply) if app.accounts.is_anyone(&recorded.account).await? => code(app, party, reply, &session),
        ReplyTo::Oidc(_) => return Ok(None),
        ReplyTo::Saml(_) | ReplyTo::Here => {
            let Some(identity) = app.accounts.identity(&recorded.account).await? else { return Ok(None) };
            written(app, interaction, party, (&session, &identity))?
        }
    };
    Ok(Some((session, written)))
}

/// A page here and nothing to anyone else (SI-14, SO-08, OP-01).
async fn refuse_here(
    app: &App,
    visitor: Visitor,
    party: Option<&RelyingParty>,
    (reason, code): (Reason, &'static str),
) -> Result<Response, Error> {
    tracing::info!(reference = visitor.reference, reason = code, "a request of a relying party was refused");
    note(app, &visitor, code, party.map(|party| &party.id)).await?;
    Ok(error::refuse(visitor, party, StatusCode::BAD_REQUEST, reason))
}

async fn note(app: &App, visitor: &Visitor, code: &'static str, party: Option<&PartyId>) -> Result<(), Error> {
    let event = Event {
        at: app.clock.now(),
        event: "request",
        outcome: Outcome::Refused(code),
        account: None,
        party,
        address: Some(visitor.address.to_string()),
        reference: &visitor.reference,
    };
    Ok(app.store.record(&event).await?)
}

/// The identity, as far as the party may learn it, on its way.
pub async fn answer(
    app: &App,
    visitor: Visitor,
    under_way: &UnderWay,
    party: &RelyingParty,
    (session, identity): (&Session, &Identity),
) -> Result<Response, Error> {
    if let (ReplyTo::Saml(reply), false) =
        (&under_way.interaction.reply_to, is_meant(app, &under_way.interaction, party, session))
    {
        let status = Status::UnknownPrincipal;
        note(app, &visitor, status.code(), Some(&party.id)).await?;
        return Ok(send(visitor, party, saml::refuse(app, party, reply, status)?, Carries::Refusal));
    }
    let Written { outgoing, grant } = written(app, &under_way.interaction, party, (session, identity))?;
    let event = answered(app, &visitor, party, session);
    let partaker = partaker(app, &under_way.interaction, party, session);
    let partaker = partaker.as_ref().map(|partaker| (&session.id, partaker));
    let trace = Trace { event: &event, partaker, grant: grant.as_ref() };
    app.store.note_answered(&under_way.interaction.id, trace).await?;
    Ok(send(visitor, party, outgoing, Carries::Answer))
}

/// The names by which the party knows the person and the session from this answer on.
fn partaker(app: &App, interaction: &Interaction, party: &RelyingParty, session: &Session) -> Option<Participant> {
    match &interaction.reply_to {
        ReplyTo::Saml(reply) => Some(saml::partaker(app, party, reply, session)),
        ReplyTo::Oidc(_) => Some(oidc::partaker(app, party, session)),
        ReplyTo::Here => None,
    }
}

/// Whether the answer may be about the person of this session.
fn is_meant(app: &App, interaction: &Interaction, party: &RelyingParty, session: &Session) -> bool {
    match &interaction.reply_to {
        ReplyTo::Saml(reply) => saml::is_meant(app, party, reply, session),
        ReplyTo::Oidc(_) | ReplyTo::Here => true,
    }
}

/// An answer about to leave, and what its code will open, where it is one.
struct Written {
    outgoing: Outgoing,
    grant: Option<NewGrant>,
}

fn written(
    app: &App,
    interaction: &Interaction,
    party: &RelyingParty,
    (session, identity): (&Session, &Identity),
) -> Result<Written, Error> {
    match &interaction.reply_to {
        ReplyTo::Saml(reply) => {
            saml::answer(app, party, reply, session, identity).map(|outgoing| Written { outgoing, grant: None })
        }
        ReplyTo::Oidc(reply) => Ok(code(app, party, reply, session)),
        ReplyTo::Here => Ok(Written { outgoing: Outgoing::Redirect(paths::SIGN_IN.to_owned()), grant: None }),
    }
}

fn code(app: &App, party: &RelyingParty, reply: &OidcReply, session: &Session) -> Written {
    let (outgoing, grant) = oidc::answer(app, party, reply, session);
    Written { outgoing, grant: Some(grant) }
}

/// The journal's line of an answer.
fn answered<'a>(app: &App, visitor: &'a Visitor, party: &'a RelyingParty, session: &'a Session) -> Event<'a> {
    Event {
        at: app.clock.now(),
        event: "answer",
        outcome: Outcome::Done,
        account: Some(&session.account),
        party: Some(&party.id),
        address: None,
        reference: &visitor.reference,
    }
}

/// Tells the party why it gets nobody; where a person is in front of us and can act, they are told first.
pub fn refuse(app: &App, visitor: Visitor, under_way: &UnderWay, refusal: Refusal) -> Result<Response, Error> {
    let Some(party) = under_way.party() else { return Ok(visitor.go(paths::SIGN_IN)) };
    if let (Refusal::NotOpenTo(profile), false) = (refusal, under_way.interaction.asked.passive) {
        let profile = match profile {
            Profile::Guardian => Shown::Guardian,
            Profile::Student => Shown::Student,
            Profile::Staff => Shown::Staff,
        };
        let mut shell = visitor.shell(Some(party));
        shell.reference = Some(visitor.reference.clone());
        return Ok(visitor.show(&NotOpen { portal: party.name.clone(), profile }, &shell));
    }
    let outgoing = match &under_way.interaction.reply_to {
        ReplyTo::Saml(reply) => saml::refuse(app, party, reply, refusal.into())?,
        ReplyTo::Oidc(reply) => oidc::refuse(app, reply, refusal),
        ReplyTo::Here => Outgoing::Redirect(paths::SIGN_IN.to_owned()),
    };
    Ok(send(visitor, party, outgoing, Carries::Refusal))
}

/// An answer or a request of ours, on its way through the browser.
pub fn send(visitor: Visitor, party: &RelyingParty, outgoing: Outgoing, carries: Carries) -> Response {
    match outgoing {
        Outgoing::Redirect(address) => visitor.go(&address),
        Outgoing::Form { action, fields } => {
            let fields = fields.into_iter().map(|(name, value)| SendField { name: name.to_owned(), value }).collect();
            let towards = shield::towards(Some(&action));
            let shell = visitor.shell(Some(party));
            let mut response = visitor.show(&Send { action, fields, carries }, &shell);
            response.extensions_mut().insert(towards);
            response.extensions_mut().insert(shield::OfFixedLength);
            response
        }
    }
}
