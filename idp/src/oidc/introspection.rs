//! What is said of a token to whoever may ask (RFC 7662).

use serde_json::{Map, Value, json};

use super::access_token::Presented;
use super::answer::Answer;
use crate::domain::holder::Holder;
use crate::domain::relying_party::{OidcParty, PartyId};

/// A client asks about its own tokens, a resource about those that are for it.
pub fn may_ask(id: &PartyId, client: &OidcParty, token: &Presented) -> bool {
    token.client == *id || token.audience.iter().any(|resource| client.tokens.serves.contains(resource))
}

/// Everything that is no token, none of this asker's, or over: one answer, which says nothing else (RFC 7662 2.2).
pub fn inactive() -> Answer {
    Answer::private(200, &json!({"active": false}))
}

pub fn access_token(token: &Presented, issuer: &str) -> Answer {
    let mut said = Map::new();
    let mut say = |name: &str, value: Value| said.insert(name.to_owned(), value);
    say("active", json!(true));
    say("iss", json!(issuer));
    say("sub", json!(token.subject));
    say("aud", json!(token.audience));
    say("client_id", json!(token.client));
    say("scope", json!(token.scopes.join(" ")));
    say("token_type", json!(Holder::token_type(token.holder.as_ref())));
    say("jti", json!(token.id));
    say("iat", json!(token.issued_at.unix_timestamp()));
    say("exp", json!(token.expires_at.unix_timestamp()));
    if let Some(holder) = &token.holder {
        say("cnf", json!(holder));
    }
    Answer::private(200, &said)
}

pub fn refresh_token(client: &PartyId, issuer: &str, expires_at: time::OffsetDateTime) -> Answer {
    let said = json!({
        "active": true, "iss": issuer, "client_id": client, "token_type": "refresh_token",
        "exp": expires_at.unix_timestamp(),
    });
    Answer::private(200, &said)
}
