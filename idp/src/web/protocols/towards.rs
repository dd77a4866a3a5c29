//! What is known of a session's person towards the party that asks: the ground of `next_step`, gathered only where the
//! request stands on it.

use std::collections::BTreeSet;

use crate::domain::interaction::{Interaction, OidcReply, ReplyTo, Towards};
use crate::domain::release::Attribute;
use crate::domain::relying_party::{OidcParty, Protocol, RelyingParty};
use crate::domain::session::Session;
use crate::oidc::scopes;
use crate::oidc::userinfo::Opened;
use crate::web::error::Error;
use crate::web::state::App;

pub async fn towards(
    app: &App,
    interaction: &Interaction,
    party: Option<&RelyingParty>,
    session: Option<&Session>,
) -> Result<Towards, Error> {
    let (Some(party), Some(session)) = (party, session) else { return Ok(Towards::default()) };
    let (Protocol::Oidc(client), ReplyTo::Oidc(reply)) = (&party.protocol, &interaction.reply_to) else {
        return Ok(Towards::default());
    };
    let is_named = interaction.asked.subject.is_some();
    let subject = is_named.then(|| app.terms.pairwise.subject(&session.account, party.sector()));
    if !must_agree(client, reply) {
        return Ok(Towards { subject, ..Towards::default() });
    }
    let agreed = app.store.consent(&session.account, &party.id).await?;
    Ok(Towards { subject, to_be_told: Some(to_be_told(party, reply)), agreed })
}

fn must_agree(client: &OidcParty, reply: &OidcReply) -> bool {
    client.options.consent_required || is_offline(reply)
}

/// The party may come back while the person is away (Core 11).
fn is_offline(reply: &OidcReply) -> bool {
    reply.scopes.iter().any(|scope| scope == scopes::OFFLINE)
}

/// What a person agrees to, by name: the attributes that scopes and claims open of what the policy grants.
pub fn to_be_told(party: &RelyingParty, reply: &OidcReply) -> BTreeSet<String> {
    let opened = opened(party, reply).map(|attribute| attribute.friendly_name().to_owned());
    let offline = is_offline(reply).then(|| scopes::OFFLINE.to_owned());
    opened.chain(offline).collect()
}

pub fn opened(party: &RelyingParty, reply: &OidcReply) -> impl Iterator<Item = Attribute> {
    let is_opened = |attribute: &Attribute| {
        let by = |asked| Opened { scopes: &reply.scopes, asked }.opens(*attribute);
        by(&reply.claims.userinfo) || by(&reply.claims.id_token)
    };
    party.policy.attributes.iter().copied().filter(is_opened)
}
