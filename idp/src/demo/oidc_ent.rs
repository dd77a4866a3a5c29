//! The portal that speaks OpenID Connect: code flow with PKCE S256, `state`, `nonce` and the `iss` of RFC 9207.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Router};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdToken, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl,
    Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, SubjectIdentifier,
    TokenResponse as _, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use url::Url;

use super::browsers::Browsers;
use super::claims::{Attribute, Person, Raw};
use super::fetch::Http;
use super::page::{Pages, Site, go};
use super::{Error, Now, Refusal, at};

const SITE: Site = Site { name: "ENT Port-Blanc", look: "port-blanc", protocol: "OpenID Connect" };
const SCOPES: [&str; 3] = ["openid", "profile", "ect.scope.cnx"];
/// How long discovery and keys are believed before they are read again.
const DISCOVERY_KEPT: Duration = Duration::minutes(1);

/// The document to register this ENT with (RFC 7591), before it has a `client_id`.
pub fn client_document(base_url: &Url) -> String {
    let document = json!({
        "client_name": SITE.name,
        "client_uri": at(base_url, "/"),
        "redirect_uris": [at(base_url, "/oidc/retour")],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "RS256",
        "subject_type": "pairwise",
        "scope": SCOPES.join(" "),
    });
    format!("{document:#}\n")
}

pub struct Settings {
    /// Where this ENT is served, without a path.
    pub base_url: Url,
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    /// The only authority to trust for the identity provider's TLS; `None` for the system's.
    pub ca: Option<PathBuf>,
    pub now: Now,
}

pub struct Ent {
    client_id: String,
    client_secret: String,
    issuer: IssuerUrl,
    redirect_uri: RedirectUrl,
    home: String,
    provider_origin: String,
    http: Http,
    pages: Pages,
    now: Now,
    browsers: Browsers<Pending>,
    provider: Mutex<Option<(CoreProviderMetadata, OffsetDateTime)>>,
}

/// What must be known when the browser comes back; kept under its `state`.
struct Pending {
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// Every claim of userinfo that the standard does not name.
#[derive(Debug, Serialize, Deserialize)]
struct Extra(BTreeMap<String, Value>);

impl AdditionalClaims for Extra {}

impl Ent {
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let address = |source| Error::Address { text: settings.issuer.clone(), source };
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(address)?;
        let provider_origin = issuer.url().origin().ascii_serialization();
        Ok(Self {
            client_id: settings.client_id,
            client_secret: settings.client_secret,
            issuer,
            redirect_uri: RedirectUrl::new(at(&settings.base_url, "/oidc/retour")).map_err(address)?,
            home: at(&settings.base_url, "/"),
            http: Http::new(settings.ca.as_deref())?,
            pages: Pages::new(SITE, &provider_origin)?,
            provider_origin,
            now: settings.now,
            browsers: Browsers::new("__Host-ent-port-blanc", "Lax"),
            provider: Mutex::default(),
        })
    }

    pub fn name(&self) -> &'static str {
        SITE.name
    }

    /// Where a person starts from.
    pub fn start_url(&self) -> &str {
        &self.home
    }

    pub fn redirect_uri(&self) -> &str {
        self.redirect_uri.as_str()
    }

    pub fn router(self) -> Router {
        Router::new()
            .route("/", get(home))
            .route("/connexion", get(sign_in))
            .route("/deconnexion", post(sign_out))
            .route("/oidc/retour", get(receive))
            .with_state(Arc::new(self))
    }

    /// The provider as its discovery says; read again when it is old, or when `fresh` is asked.
    async fn provider(&self, fresh: bool) -> Result<CoreProviderMetadata, Refusal> {
        let now = (self.now)();
        let known = self.provider.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((provider, _)) = known.filter(|(_, read)| !fresh && now - *read < DISCOVERY_KEPT) {
            return Ok(provider);
        }
        let provider = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http)
            .await
            .map_err(|error| Refusal::Unreachable(error.to_string()))?;
        *self.provider.lock().unwrap_or_else(PoisonError::into_inner) = Some((provider.clone(), now));
        Ok(provider)
    }

    fn secret(&self) -> ClientSecret {
        ClientSecret::new(self.client_secret.clone())
    }

    async fn authorize_url(&self) -> Result<(Url, CsrfToken, Pending), Refusal> {
        let provider = self.provider(false).await?;
        let client =
            CoreClient::from_provider_metadata(provider, ClientId::new(self.client_id.clone()), Some(self.secret()))
                .set_redirect_uri(self.redirect_uri.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (address, state, nonce) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(SCOPES.iter().skip(1).map(|scope| Scope::new((*scope).to_owned())))
            .set_pkce_challenge(challenge)
            .url();
        Ok((address, state, Pending { nonce, verifier }))
    }

    async fn accept(&self, headers: &HeaderMap, received: &Received) -> Result<Person, Refusal> {
        let pending = received.state.as_deref().and_then(|state| self.browsers.take(headers, state));
        let pending = pending.ok_or(Refusal::Unexpected)?;
        // RFC 9207: an answer of another provider, mixed up with this sign-in, goes no further.
        if received.iss.as_deref() != Some(self.issuer.as_str()) {
            return Err(Refusal::Invalid("iss".to_owned()));
        }
        if let Some(error) = &received.error {
            let description = received.error_description.as_deref().unwrap_or_default();
            return Err(Refusal::Declined(format!("{error} {description}").trim_end().to_owned()));
        }
        let code = received.code.clone().ok_or_else(|| Refusal::Invalid("code absent".to_owned()))?;
        let provider = self.provider(false).await?;
        let client = CoreClient::from_provider_metadata(
            provider.clone(),
            ClientId::new(self.client_id.clone()),
            Some(self.secret()),
        )
        .set_redirect_uri(self.redirect_uri.clone());
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| Refusal::Unreachable(error.to_string()))?
            .set_pkce_verifier(pending.verifier)
            .request_async(&self.http)
            .await
            .map_err(|error| Refusal::Unreachable(format!("jeton : {error}")))?;
        let id_token = tokens.id_token().ok_or_else(|| Refusal::Invalid("id_token absent".to_owned()))?;
        let verified = self.subject(provider, id_token, tokens.access_token(), &pending.nonce);
        let subject = if let Ok(subject) = verified {
            subject
        } else {
            // The provider may have begun to sign with a key published since the last reading.
            let fresh = self.provider(true).await?;
            self.subject(fresh, id_token, tokens.access_token(), &pending.nonce)?
        };
        let userinfo: UserInfoClaims<Extra, CoreGenderClaim> = client
            .user_info(tokens.access_token().clone(), Some(subject.clone()))
            .map_err(|error| Refusal::Unreachable(error.to_string()))?
            .request_async(&self.http)
            .await
            .map_err(|error| Refusal::Unreachable(format!("userinfo : {error}")))?;
        let userinfo = serde_json::to_value(&userinfo).map_err(|error| Refusal::Invalid(error.to_string()))?;
        Ok(self.person(&subject, &id_token.to_string(), &userinfo))
    }

    /// The subject of an ID token, once everything about the token is verified.
    fn subject(
        &self,
        provider: CoreProviderMetadata,
        id_token: &CoreIdToken,
        access_token: &AccessToken,
        nonce: &Nonce,
    ) -> Result<SubjectIdentifier, Refusal> {
        let client =
            CoreClient::from_provider_metadata(provider, ClientId::new(self.client_id.clone()), Some(self.secret()));
        let verifier = client.id_token_verifier().set_allowed_algs([
            CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        ]);
        let claims =
            id_token.claims(&verifier, nonce).map_err(|error| Refusal::Invalid(format!("id_token : {error}")))?;
        if let Some(expected) = claims.access_token_hash() {
            let invalid = |what: &dyn std::fmt::Display| Refusal::Invalid(format!("at_hash : {what}"));
            let algorithm = id_token.signing_alg().map_err(|error| invalid(&error))?;
            let key = id_token.signing_key(&verifier).map_err(|error| invalid(&error))?;
            let actual = AccessTokenHash::from_token(access_token, algorithm, key).map_err(|error| invalid(&error))?;
            if actual != *expected {
                return Err(invalid(&"un autre jeton"));
            }
        }
        Ok(claims.subject().clone())
    }

    fn person(&self, subject: &SubjectIdentifier, id_token: &str, userinfo: &Value) -> Person {
        let claims = payload(id_token).unwrap_or(Value::Null);
        let attributes = attributes(userinfo);
        let raw = vec![
            Raw { title: "Contenu du jeton d'identité", text: format!("{claims:#}") },
            Raw { title: "Réponse de userinfo", text: format!("{userinfo:#}") },
        ];
        Person::read(subject.as_str(), &attributes, raw, format!("{}/deconnexion", self.provider_origin))
    }
}

/// The claims of a token that has been verified already, to be shown as they are.
fn payload(token: &str) -> Option<Value> {
    let part = token.split('.').nth(1)?;
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok()
}

/// Claims with a text or a list of texts, without `sub`, which is shown apart.
fn attributes(userinfo: &Value) -> Vec<Attribute> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(claim) => Some(claim.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let claims = userinfo.as_object().into_iter().flatten().filter(|(name, _)| *name != "sub");
    claims
        .map(|(name, value)| match value {
            Value::Array(values) => (name.clone(), values.iter().filter_map(text).collect()),
            one => (name.clone(), text(one).into_iter().collect()),
        })
        .filter(|(_, values): &Attribute| !values.is_empty())
        .collect()
}

#[derive(Deserialize)]
struct Received {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

#[derive(Deserialize)]
struct SignOut {
    jeton: String,
}

async fn home(State(ent): State<Arc<Ent>>, headers: HeaderMap) -> Response {
    ent.pages.home(ent.browsers.signed_in(&headers).as_ref())
}

async fn sign_in(State(ent): State<Arc<Ent>>, headers: HeaderMap) -> Response {
    if ent.browsers.signed_in(&headers).is_some() {
        return go("/", None);
    }
    match ent.authorize_url().await {
        Ok((address, state, pending)) => {
            go(address.as_str(), Some(ent.browsers.begin(&headers, state.secret(), pending, (ent.now)())))
        }
        Err(refusal) => ent.pages.refusal(&refusal),
    }
}

async fn receive(State(ent): State<Arc<Ent>>, headers: HeaderMap, Query(received): Query<Received>) -> Response {
    match ent.accept(&headers, &received).await {
        Ok(person) => go("/", Some(ent.browsers.sign_in(&headers, person, (ent.now)()))),
        // Back button or reload: the person is signed in already, so they are shown where they are.
        Err(Refusal::Unexpected) if ent.browsers.signed_in(&headers).is_some() => go("/", None),
        Err(refusal) => ent.pages.refusal(&refusal),
    }
}

async fn sign_out(State(ent): State<Arc<Ent>>, headers: HeaderMap, Form(form): Form<SignOut>) -> Response {
    ent.browsers.sign_out(&headers, &form.jeton);
    go("/", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_texts_become_attributes_and_the_subject_does_not() {
        let userinfo = json!({"sub": "S", "given_name": "Lina", "FrEduCtPersonAffiliation": ["eleve2d"], "x": null});
        let expected: [Attribute; 2] = [
            ("FrEduCtPersonAffiliation".to_owned(), vec!["eleve2d".to_owned()]),
            ("given_name".to_owned(), vec!["Lina".to_owned()]),
        ];
        assert_eq!(attributes(&userinfo), expected);
    }

    #[test]
    fn the_client_document_names_its_one_return_address() {
        let document: Value =
            serde_json::from_str(&client_document(&"http://localhost:8082".parse().unwrap())).unwrap();
        assert_eq!(document["redirect_uris"], json!(["http://localhost:8082/oidc/retour"]));
    }
}
