//! The token endpoint (RFC 6749 3.2). Never behind the hashing threads: a sign-in already done gets its tokens (OV-02).

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::clients::{self, Known, Refused};
use super::oidc::written;
use super::{NO_BROWSER, farewells, logout};
use crate::chance::{self, Token};
use crate::domain::holder::Holder;
use crate::domain::logout::Participant;
use crate::domain::release;
use crate::oidc::access_token::{AccessToken, GrantKey};
use crate::oidc::id_token::IdToken;
use crate::oidc::token::{self, Exchange, Given, Grant, Refresh, Request};
use crate::oidc::userinfo::Opened;
use crate::oidc::{Answer, paths, scopes, userinfo};
use crate::store::{Event, Granted, Hash, NewRefreshToken, Outcome, Rotated, Spent};
use crate::web::caller::Caller;
use crate::web::error::Error;
use crate::web::state::App;

/// OP-08: of a family of refresh tokens, from the first on.
const FAMILY_LIFE: Duration = Duration::days(30);

pub async fn token(State(app): State<App>, caller: Caller, body: Bytes) -> Result<Response, Refused> {
    let known = clients::known(&app, &caller, &body).await?;
    let client = known.client()?;
    let request = Request::read(&known.call, client)?;
    // Said before anything is spent: a mistyped parameter costs neither a code nor a family of tokens.
    token::audience(known.call.get("resource"), &[], client, app.config.origin())?;
    let holder = clients::holder(&app, &caller, client, paths::TOKEN).await?;
    let issue = Issue { app: &app, known: &known, holder, now: app.clock.now() };
    let answer = match request {
        Request::Exchange(exchange) => issue.exchange(&exchange).await?,
        Request::Refresh(refresh) => issue.refresh(&refresh).await?,
    };
    Ok(written(answer))
}

struct Issue<'a> {
    app: &'a App,
    known: &'a Known,
    holder: Option<Holder>,
    now: OffsetDateTime,
}

impl Issue<'_> {
    /// Code for tokens, once.
    async fn exchange(&self, exchange: &Exchange<'_>) -> Result<Answer, Refused> {
        let client = self.known.client()?;
        let code = Token::read(exchange.code).ok_or(token::Error::InvalidGrant)?.hash();
        let refresh = client.tokens.refresh.then(Token::fresh);
        let kept = refresh.as_ref().map(|token| NewRefreshToken {
            hash: token.hash(),
            // A confidential client proves itself again each time (RFC 9449 5).
            holder: self.holder.clone().filter(|_| !client.client_authentication.is_confidential()),
            expires_at: self.now + FAMILY_LIFE,
        });
        let granted = match self.app.store.spend_code(&code, kept.as_ref(), self.now).await? {
            Spent::Now(granted) => granted,
            Spent::Replayed(granted) => {
                self.end_at_party(&granted).await?;
                return Err(token::Error::InvalidGrant.into());
            }
            Spent::Unknown => return Err(token::Error::InvalidGrant.into()),
        };
        let terms = Grant { party: &granted.party, terms: &granted.terms, expires_at: granted.expires_at };
        token::check(&terms, exchange, &self.known.party.id, self.holder.as_ref(), self.now)?;
        let scopes = &granted.terms.scopes;
        let access_token = self.access_token(&granted, &code, scopes, exchange.resource)?;
        let told = self.told(&granted).await?;
        let id_token = self.id_token(&granted, &access_token, &told)?;
        let refresh_token = refresh.filter(|_| granted.offline).map(|token| token.text());
        Ok(Given::new(&access_token, self.holder.as_ref(), scopes)
            .with_id_token(&id_token)
            .with_refresh_token(refresh_token.as_ref().map(|text| text.as_str()))
            .answer())
    }

    /// A code came twice: somebody else may have begun the session that it began at the party (OP-05).
    async fn end_at_party(&self, granted: &Granted) -> Result<(), Refused> {
        let app = self.app;
        let Some(party) = app.parties.find(&granted.party).await? else { return Ok(()) };
        let participant = Participant {
            party: granted.party.clone(),
            subject: app.terms.pairwise.subject(&granted.account, party.sector()),
            session: app.terms.pairwise.session_name(&granted.session, &granted.party),
            name_id_format: None,
        };
        let told = logout::fresh(app, vec![participant], (None, None, None)).await?;
        let event = Event {
            at: self.now,
            event: "code-replayed",
            outcome: Outcome::Refused("replayed"),
            account: Some(&granted.account),
            party: Some(&granted.party),
            address: None,
            reference: "",
        };
        app.store.begin_logout(&told, &NO_BROWSER, &[], &event).await?;
        farewells::carry_soon(app);
        Ok(())
    }

    /// A refresh token for an access token and the next refresh token (OP-08).
    async fn refresh(&self, refresh: &Refresh<'_>) -> Result<Answer, Refused> {
        let token = Token::read(refresh.token).ok_or(token::Error::InvalidGrant)?.hash();
        self.check_asked(refresh, &token).await?;
        let next = Token::fresh();
        let by = (&self.known.party.id, self.holder.as_ref());
        let (grant, granted) = match self.app.store.rotate(&token, by, &next.hash(), self.now).await? {
            Rotated::Now { grant, granted } => (grant, granted),
            Rotated::Reused => {
                tracing::warn!(party = %self.known.party.id, "a refresh token was used twice: its family ended");
                return Err(token::Error::InvalidGrant.into());
            }
            Rotated::Unknown => return Err(token::Error::InvalidGrant.into()),
        };
        let scopes = refresh.narrowed(&granted.terms.scopes)?;
        let access_token = self.access_token(&granted, &grant, &scopes, refresh.resource)?;
        let next = next.text();
        let given = Given::new(&access_token, self.holder.as_ref(), &scopes).with_refresh_token(Some(&next));
        if !scopes.iter().any(|scope| scope == scopes::OPENID) {
            return Ok(given.answer());
        }
        // OpenID Connect Core 12.2: of the same sign-in, `auth_time` and nonce as they were.
        let told = self.told(&granted).await?;
        let id_token = self.id_token(&granted, &access_token, &told)?;
        Ok(given.with_id_token(&id_token).answer())
    }

    /// Asking for too much costs nobody the token: who tried again with it would count as a thief of it (OP-08).
    async fn check_asked(&self, refresh: &Refresh<'_>, token: &Hash) -> Result<(), Refused> {
        let store = &self.app.store;
        let Some(good) = store.refreshable(token, self.now).await? else { return Ok(()) };
        if good.party != self.known.party.id {
            return Ok(());
        }
        let Some(opened) = store.opened(&good.grant).await? else { return Ok(()) };
        refresh.narrowed(&opened.terms.scopes)?;
        let issuer = self.app.config.origin();
        token::audience(refresh.resource, &opened.terms.resources, self.known.client()?, issuer)?;
        Ok(())
    }

    fn access_token(
        &self,
        granted: &Granted,
        grant: &GrantKey,
        scopes: &[String],
        resource: Option<&str>,
    ) -> Result<String, Refused> {
        let (app, party) = (self.app, &self.known.party);
        let issuer = app.config.origin();
        let audience = token::audience(resource, &granted.terms.resources, self.known.client()?, issuer)?;
        let token = AccessToken {
            issuer,
            client: &party.id,
            subject: &app.terms.pairwise.subject(&granted.account, party.sector()),
            profile: granted.profile,
            authenticated_at: granted.authenticated_at,
            scopes,
            audience: &audience,
            holder: self.holder.as_ref(),
            grant,
            id: chance::bytes(),
        };
        let signed = token.sign(app.signing.now().oidc(), self.now);
        Ok(signed.map_err(|error| Error::Signing(error.to_string()))?)
    }

    /// What the client asked to find in its ID token (OpenID Connect Core 5.5); a person who is in the directory no more
    /// has none.
    async fn told(&self, granted: &Granted) -> Result<Map<String, Value>, Refused> {
        let asked = &granted.terms.claims.id_token;
        if asked.is_empty() {
            return Ok(Map::new());
        }
        let (app, party) = (self.app, &self.known.party);
        let gone = || Refused::from(token::Error::InvalidGrant);
        let recorded = app.store.account(&granted.account).await?.ok_or_else(gone)?;
        let identity = app.accounts.identity(&recorded.account).await.map_err(Error::from)?.ok_or_else(gone)?;
        let released = release::for_party(&identity, party, granted.authenticated_at, &app.terms);
        Ok(userinfo::claims(&released, Opened { scopes: &[], asked }, Some("ECT")))
    }

    fn id_token(&self, granted: &Granted, access_token: &str, told: &Map<String, Value>) -> Result<String, Refused> {
        let (app, party) = (self.app, &self.known.party);
        let token = IdToken {
            issuer: app.config.origin(),
            client: &party.id,
            subject: &app.terms.pairwise.subject(&granted.account, party.sector()),
            profile: granted.profile,
            authenticated_at: granted.authenticated_at,
            nonce: granted.terms.nonce.as_deref(),
            session: &app.terms.pairwise.session_name(&granted.session, &party.id),
            told,
        };
        let algorithm = self.known.client()?.id_token_algorithm;
        let signed = token.sign(access_token, algorithm, app.signing.now().oidc(), self.now);
        Ok(signed.map_err(|error| Error::Signing(error.to_string()))?)
    }
}
