//! What a portal will be told, and the person's yes or no to it. Asked where the portal's registration says so, where it may
//! come back without the person, or where it asks for it; remembered until it wishes to know more.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::{UnderWay, live_session, not_ours, resume};
use crate::domain::account::Profile;
use crate::domain::interaction::{InteractionId, OidcReply, Refusal, ReplyTo};
use crate::domain::release::Attribute;
use crate::domain::relying_party::RelyingParty;
use crate::domain::session::Session;
use crate::oidc::scopes;
use crate::store::{Event, Outcome};
use crate::web::error::Error;
use crate::web::form::Form;
use crate::web::page::{Consent, Told};
use crate::web::protocols::towards::{opened, to_be_told};
use crate::web::state::App;
use crate::web::visitor::Visitor;
use crate::web::{paths, protocols};

#[derive(Deserialize)]
pub struct Decision {
    #[serde(default)]
    choix: String,
    #[serde(default)]
    csrf: String,
}

pub async fn ask(app: &App, mut visitor: Visitor, under_way: &UnderWay, session: &Session) -> Result<Response, Error> {
    let (Some(party), Some(reply)) = asked(under_way) else { return Ok(visitor.go(paths::SIGN_IN)) };
    let id = &under_way.interaction.id;
    visitor.at(paths::resume(id));
    let page = Consent {
        action: paths::consent(id),
        csrf: visitor.csrf(),
        portal: party.name.clone(),
        name: resume::short_name(app, session).await?,
        told: told(party, reply, session.profile),
    };
    let shell = visitor.shell(Some(party));
    Ok(under_way.lead(visitor.show(&page, &shell)))
}

fn asked(under_way: &UnderWay) -> (Option<&RelyingParty>, Option<&OidcReply>) {
    let reply = match &under_way.interaction.reply_to {
        ReplyTo::Oidc(reply) => Some(reply),
        ReplyTo::Saml(_) | ReplyTo::Here => None,
    };
    (under_way.party(), reply)
}

/// In the words of the page, each once.
fn told(party: &RelyingParty, reply: &OidcReply, profile: Profile) -> Vec<Told> {
    let mut told: Vec<Told> = opened(party, reply).filter_map(|attribute| word(attribute, profile)).collect();
    told.extend(reply.scopes.iter().any(|scope| scope == scopes::OFFLINE).then_some(Told::Offline));
    told.sort_unstable();
    told.dedup();
    told
}

pub const fn word(attribute: Attribute, profile: Profile) -> Option<Told> {
    let is_student = matches!(profile, Profile::Student);
    match attribute {
        Attribute::FamilyName | Attribute::GivenName | Attribute::Title => Some(Told::Names),
        Attribute::PersonAffiliation => Some(Told::Kind),
        Attribute::EduVector | Attribute::StudentSchool | Attribute::StudentLevel if is_student => Some(Told::School),
        Attribute::EduVector => Some(Told::Children),
        Attribute::StudentNumber if is_student => Some(Told::Number),
        Attribute::BirthDate if is_student => Some(Told::Birth),
        Attribute::DirectoryReference | Attribute::OpaqueId => Some(Told::Reference),
        Attribute::StudentNumberHash if is_student => Some(Told::Reference),
        Attribute::ConnectionDate => Some(Told::Moment),
        // Not sent of anybody else; or not about the person.
        Attribute::StudentSchool
        | Attribute::StudentLevel
        | Attribute::StudentNumber
        | Attribute::StudentNumberHash
        | Attribute::BirthDate
        | Attribute::ReturnUrl => None,
    }
}

pub async fn decide(
    State(app): State<App>,
    mut visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<Decision>,
) -> Result<Response, Error> {
    let id = InteractionId(id);
    let under_way = UnderWay::find(&app, &id, &mut visitor).await?;
    if !visitor.is_ours(&form.csrf) {
        return Ok(not_ours(visitor, under_way.as_ref().and_then(UnderWay::party)));
    }
    let door = paths::resume(&id);
    let (Some(under_way), Some(session)) = (under_way, live_session(&app, &visitor).await?) else {
        return Ok(visitor.go(&door));
    };
    let (Some(party), Some(reply)) = asked(&under_way) else { return Ok(visitor.go(&door)) };
    let accepts = form.choix == "accepter";
    let event = Event {
        at: app.clock.now(),
        event: "consent",
        outcome: if accepts { Outcome::Done } else { Outcome::Refused("declined") },
        account: Some(&session.account),
        party: Some(&party.id),
        address: None,
        reference: &visitor.reference,
    };
    if !accepts {
        app.store.record(&event).await?;
        return protocols::refuse(&app, visitor, &under_way, Refusal::Declined);
    }
    let Some(browser) = visitor.browser() else { return Ok(visitor.go(&door)) };
    app.store.agree((&id, &browser), (&session.account, &party.id), &to_be_told(party, reply), &event).await?;
    Ok(visitor.go(&door))
}
