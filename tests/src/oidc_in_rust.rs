//! OpenID Connect towards a client over the crate `openidconnect`: code, refresh, introspection, revocation.

use data_encoding::BASE64URL_NOPAD;
use directory::sample::Shape;
use openidconnect::core::{CoreClient, CoreProviderMetadata, CoreRevocableToken};
use openidconnect::{
    AccessToken, AuthorizationCode, ClientId, ClientSecret, HttpRequest, HttpResponse, IntrospectionUrl, IssuerUrl,
    Nonce, OAuth2TokenResponse as _, PkceCodeVerifier, RedirectUrl, RevocationUrl, TokenIntrospectionResponse as _,
    TokenResponse as _,
};
use serde_json::json;
use url::form_urlencoded::Serializer;

use crate::attacks::raw;
use crate::harness::{House, Visitor, open_policy};

const REDIRECT_URI: &str = "https://ent.example.org/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0";

async fn http(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let request = raw().request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut answer = HttpResponse::new(response.bytes().await?.to_vec());
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    Ok(answer)
}

/// A code for a parent who signs in now.
async fn code(house: &House, client: &str) -> String {
    let challenge = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, VERIFIER.as_bytes());
    let query = Serializer::new(String::new())
        .extend_pairs([
            ("client_id", client),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("response_mode", "form_post"),
            ("scope", "openid offline_access"),
            ("nonce", "n1"),
            ("code_challenge", &BASE64URL_NOPAD.encode(challenge.as_ref())),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = Visitor::new();
    visitor.open(&house.at_path(&format!("/idp/profile/oidc/authorize?{query}"))).await;
    visitor.sign_in(&parent).await;
    visitor.agree_where_asked().await;
    let form = visitor.page().submission("Continuer vers ENT d'essai");
    form.fields.into_iter().find(|(name, _)| name == "code").unwrap().1
}

#[tokio::test]
async fn a_client_in_rust_exchanges_refreshes_asks_and_takes_back() {
    let house = House::one().await;
    let document = json!({
        "redirect_uris": [REDIRECT_URI], "client_uri": "https://ent.example.org/", "scope": "openid offline_access",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let (id, secret) = house.welcome_client(&document, open_policy()).await;
    let issuer = IssuerUrl::new(house.url.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &http).await.unwrap();
    let at = |path: &str| house.at_path(&format!("/idp/profile/oidc/{path}"));
    let (id, secret) = (ClientId::new(id.0), ClientSecret::new(secret));
    let client = CoreClient::from_provider_metadata(metadata, id.clone(), Some(secret))
        .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.to_owned()).unwrap())
        .set_introspection_url(IntrospectionUrl::new(at("introspect")).unwrap())
        .set_revocation_url(RevocationUrl::new(at("revoke")).unwrap());

    let code = AuthorizationCode::new(code(&house, id.as_str()).await);
    let verifier = PkceCodeVerifier::new(VERIFIER.to_owned());
    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier).request_async(&http).await.unwrap();
    let claims = tokens.id_token().unwrap().claims(&client.id_token_verifier(), &Nonce::new("n1".to_owned())).unwrap();
    let subject = claims.subject().clone();

    let refresh = tokens.refresh_token().unwrap();
    let next = client.exchange_refresh_token(refresh).unwrap().request_async(&http).await.unwrap();
    assert_ne!(next.refresh_token().unwrap().secret(), refresh.secret());
    let is_active = async |token: &AccessToken| {
        let said = client.introspect(token).request_async(&http).await.unwrap();
        (said.active(), said.sub().map(str::to_owned), said.client_id().cloned())
    };
    let known = (true, Some(subject.to_string()), Some(id.clone()));
    assert_eq!(is_active(next.access_token()).await, known);

    let token = CoreRevocableToken::from(next.refresh_token().unwrap().clone());
    client.revoke_token(token).unwrap().request_async(&http).await.unwrap();
    assert_eq!(is_active(next.access_token()).await, (false, None, None));
}
