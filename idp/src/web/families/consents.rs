//! `/compte/portails`: what a person agreed that each portal is told, and taking it back (journeys P7).

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Deserialize;

use super::consent::word;
use super::{live_session, not_ours, resume};
use crate::domain::account::Profile;
use crate::domain::release::Attribute;
use crate::domain::relying_party::PartyId;
use crate::oidc::scopes;
use crate::store::{Consented, Event, Outcome};
use crate::web::error::Error;
use crate::web::form::Form;
use crate::web::page::{Consents, Given, Told};
use crate::web::paths;
use crate::web::state::App;
use crate::web::visitor::Visitor;

/// Said in the address of the page after something was taken back, so that reading it again does nothing again.
const DONE: &str = "fait";

#[derive(Deserialize)]
pub struct TakeBack {
    /// The party's identifier.
    #[serde(default)]
    portail: String,
    #[serde(default)]
    csrf: String,
}

pub async fn show(State(app): State<App>, mut visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let Some(session) = live_session(&app, &visitor).await? else { return Ok(visitor.go(paths::SIGN_IN)) };
    let mut given = Vec::new();
    for consented in app.store.consents(&session.account).await? {
        // A portal that is no longer known here has nothing to be told.
        let Some(party) = app.parties.find(&consented.party).await? else { continue };
        let told = in_words(&consented, session.profile);
        given.push(Given { party: consented.party.0, portal: party.name.clone(), told });
    }
    let page = Consents {
        action: paths::CONSENTS.to_owned(),
        csrf: visitor.csrf(),
        name: resume::short_name(&app, &session).await?,
        given,
        done: query.as_deref() == Some(DONE),
        back: paths::SIGN_IN.to_owned(),
    };
    let shell = visitor.shell(None);
    Ok(visitor.show(&page, &shell))
}

/// As the question was asked, each once.
fn in_words(consented: &Consented, profile: Profile) -> Vec<Told> {
    let attributes = consented.told.iter().filter_map(|name| Attribute::from_friendly_name(name));
    let mut told: Vec<Told> = attributes.filter_map(|attribute| word(attribute, profile)).collect();
    told.extend(consented.told.contains(scopes::OFFLINE).then_some(Told::Offline));
    told.sort_unstable();
    told.dedup();
    told
}

pub async fn take_back(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<TakeBack>,
) -> Result<Response, Error> {
    if !visitor.is_ours(&form.csrf) {
        return Ok(not_ours(visitor, None));
    }
    let Some(session) = live_session(&app, &visitor).await? else { return Ok(visitor.go(paths::SIGN_IN)) };
    let party = PartyId(form.portail);
    let event = Event {
        at: app.clock.now(),
        event: "consent-taken-back",
        outcome: Outcome::Done,
        account: Some(&session.account),
        party: Some(&party),
        address: None,
        reference: &visitor.reference,
    };
    let is_done = app.store.take_back(&session.account, &party, &event).await?;
    if is_done { Ok(visitor.go(&format!("{}?{DONE}", paths::CONSENTS))) } else { Ok(visitor.go(paths::CONSENTS)) }
}
