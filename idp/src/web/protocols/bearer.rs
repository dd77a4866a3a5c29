//! An access token that comes back to an endpoint of ours, and what it opens.

use super::certificates;
use super::clients::{self, NotProven};
use crate::domain::holder::Holder;
use crate::oidc::access_token::{self, Presented};
use crate::oidc::{paths, scopes, userinfo};
use crate::store::{self, Opened};
use crate::web::caller::Caller;
use crate::web::state::App;

/// Good for userinfo, shown by whom it is bound to, and of a grant that stands; or what its bearer is told.
pub async fn at_userinfo(
    app: &App,
    caller: &Caller,
) -> Result<Result<(Presented, Opened), userinfo::Error>, store::Error> {
    let shown = match userinfo::shown(caller.authorization()) {
        Ok(shown) => shown,
        Err(error) => return Ok(Err(error)),
    };
    let issuer = app.config.origin();
    let read = access_token::read(shown.token, app.signing.now().oidc(), issuer, app.clock.now());
    let is_for_us = |token: &Presented| token.audience.contains(&access_token::userinfo(issuer));
    let Some(token) = read.filter(is_for_us) else { return Ok(Err(userinfo::Error::InvalidToken)) };
    if !token.scopes.iter().any(|scope| scope == scopes::OPENID) {
        return Ok(Err(userinfo::Error::InsufficientScope));
    }
    let address = caller.called(&app.config, paths::USERINFO);
    let is_held = match (&token.holder, shown.scheme) {
        (Some(Holder::Dpop(key)), userinfo::Scheme::Dpop) => {
            let party = app.parties.find(&token.client).await?;
            let Some(client) = party.as_ref().and_then(|party| party.oidc()) else {
                return Ok(Err(userinfo::Error::InvalidToken));
            };
            match clients::proven(app, caller, (&address, Some(shown.token)), client).await? {
                Ok(proven) => proven.as_ref() == Some(key),
                Err(NotProven::Wrong(_)) => return Ok(Err(userinfo::Error::InvalidProof)),
                Err(NotProven::Nonce) => return Ok(Err(userinfo::Error::UseNonce)),
            }
        }
        (Some(Holder::Certificate(thumbprint)), userinfo::Scheme::Bearer) => certificates::has(caller, thumbprint),
        (None, userinfo::Scheme::Bearer) => true,
        // RFC 9449 7.2: neither passes for the other.
        (Some(Holder::Dpop(_)), userinfo::Scheme::Bearer)
        | (Some(Holder::Certificate(_)) | None, userinfo::Scheme::Dpop) => false,
    };
    if !is_held {
        return Ok(Err(userinfo::Error::InvalidToken));
    }
    let opened = app.store.opened(&token.grant).await?.filter(|opened| opened.party == token.client);
    Ok(opened.map(|opened| (token, opened)).ok_or(userinfo::Error::InvalidToken))
}
