//! Clients that register by themselves (RFC 7591, RFC 7592) and what operators have to say about it (OP-21).

use std::time::Duration;

use directory::sample::Shape;
use idp::domain::relying_party::{Environment, PartyId};
use idp::store::Yes;
use serde_json::{Value, json};

use crate::attacks::raw;
use crate::conformance::dynamic::{initial_token, register};
use crate::harness::{FlowsParty, House, Visitor, self_signed};

const DOCUMENT: &str = r#"{"client_name":"ENT Exemple","redirect_uris":["https://ent.example.org/callback"],
    "scope":"openid profile","purpose":"Le cahier de textes","contacts":["technique@ent.example.org"]}"#;

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

async fn managed(method: &str, told: &Value, body: Option<&Value>) -> (u16, Value) {
    let address = told["registration_client_uri"].as_str().unwrap();
    let token = told["registration_access_token"].as_str().unwrap();
    let mut request = raw().request(method.parse().unwrap(), address).bearer_auth(token);
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_client_library_registers_itself_and_signs_somebody_in() {
    for house in House::each().await {
        let who = house.guardian(Shape::TwoParents).await;
        let Some(mut party) = FlowsParty::start().await else { return };
        let token = initial_token(&house, Environment::Test, 1).await;
        let metadata = json!({ "client_name": "ENT d'essai", "scope": "openid profile", "purpose": "Essais" });
        let line = json!({ "do": "register", "issuer": house.url, "token": token, "metadata": metadata });
        let told = party.ask(line).await.unwrap()["client"].take();
        assert!(told["client_secret"].is_string() && told["registration_access_token"].is_string());
        assert_eq!(told["client_secret_expires_at"], json!(0));
        let mut visitor = Visitor::new();
        visitor.open(&party.at("/")).await;
        visitor.sign_in(&who).await;
        assert_eq!(visitor.page().answer()["claims"]["aud"], told["client_id"], "a test client is open at once");

        let read = party.ask(json!({ "do": "manage", "method": "GET" })).await.unwrap();
        assert_eq!((&read["status"], &read["body"]["client_id"]), (&json!(200), &told["client_id"]));
        assert!(read["body"].get("client_secret").is_none(), "shown once");
        let change = json!({ "client_name": "ENT renommé" });
        let changed = party.ask(json!({ "do": "manage", "method": "PUT", "change": change })).await.unwrap();
        assert_eq!((&changed["status"], &changed["body"]["client_name"]), (&json!(200), &json!("ENT renommé")));
        let gone = party.ask(json!({ "do": "manage", "method": "DELETE" })).await.unwrap();
        assert_eq!(gone["status"], json!(204));
        let after = party.ask(json!({ "do": "manage", "method": "GET" })).await.unwrap();
        assert_eq!(after["status"], json!(401));
        assert!(
            house
                .accounts()
                .store
                .party(&PartyId(told["client_id"].as_str().unwrap().to_owned()))
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn op_21_a_token_registers_so_many_clients_until_its_end() {
    for house in House::each().await {
        let token = initial_token(&house, Environment::Test, 2).await;
        // What is refused costs no use.
        let (status, told) = register(&house, &token, &json!({ "redirect_uris": ["https://*.example.org/"] })).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_redirect_uri")));
        let house = std::sync::Arc::new(house);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let (house, token) = (house.clone(), token.clone());
            tasks.spawn(async move { register(&house, &token, &document()).await.0 });
        }
        let mut statuses = tasks.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 201, 401, 401, 401, 401]);
        let other = initial_token(&house, Environment::Test, 2).await;
        house.later(Duration::from_hours(25));
        assert_eq!(register(&house, &other, &document()).await.0, 401, "ended");
    }
}

#[tokio::test]
async fn op_21_without_a_token_nobody_registers() {
    let house = House::one().await;
    let endpoint = house.at_path("/idp/profile/oidc/register");
    for header in
        [None, Some("Bearer x"), Some("Basic eDp5"), Some("Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    {
        let mut request = raw().post(&endpoint).body(DOCUMENT);
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{header:?}");
        assert!(answer.headers().contains_key("www-authenticate"));
    }
}

#[tokio::test]
async fn op_21_a_bad_document_is_refused_with_its_member() {
    let house = House::one().await;
    let token = initial_token(&house, Environment::Production, 1).await;
    for (change, code, named) in [
        (json!({ "redirect_uris": ["http://ent.example.org/"] }), "invalid_redirect_uri", "redirect_uris"),
        (json!({ "redirect_uris": ["https://127.0.0.1/"] }), "invalid_redirect_uri", "redirect_uris"),
        (json!({ "redirect_uris": ["https://localhost/"] }), "invalid_redirect_uri", "redirect_uris"),
        (json!({ "redirect_uris": ["https://10.1.2.3/"] }), "invalid_redirect_uri", "redirect_uris"),
        (json!({ "redirect_uris": ["https://*.example.org/"] }), "invalid_redirect_uri", "redirect_uris"),
        (json!({ "redirect_uris": [] }), "invalid_redirect_uri", "redirect_uris"),
        (json!({ "post_logout_redirect_uris": ["https://192.168.1.1/"] }), "invalid_client_metadata", "post_logout"),
        (json!({ "purpose": "" }), "invalid_client_metadata", "purpose"),
        (json!({ "purpose": null }), "invalid_client_metadata", "purpose"),
        (json!({ "client_name": null }), "invalid_client_metadata", "client_name"),
        (json!({ "client_secret": "mine" }), "invalid_client_metadata", "client_secret"),
        (json!({ "subject_type": "public" }), "invalid_client_metadata", "subject_type"),
        (json!({ "sector_identifier_uri": "https://127.0.0.1/s.json" }), "invalid_client_metadata", "sector"),
    ] {
        let mut whole = document();
        whole.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, told) = register(&house, &token, &whole).await;
        assert_eq!((status, &told["error"]), (400, &json!(code)), "{change}");
        assert!(told["error_description"].as_str().unwrap().contains(named), "{told}");
    }
    let chosen = register(
        &house,
        &token,
        &json!({ "client_id": "mine", "client_name": "x", "purpose": "p",
        "redirect_uris": ["https://ent.example.org/"] }),
    )
    .await;
    assert_eq!(chosen.0, 201);
    assert_ne!(chosen.1["client_id"], json!("mine"), "the identifier is ours to choose");
}

#[tokio::test]
async fn op_21_a_client_for_production_waits_for_two_persons_and_so_does_each_change() {
    for house in House::each().await {
        let token = initial_token(&house, Environment::Production, 1).await;
        let (status, told) = register(&house, &token, &document()).await;
        assert_eq!(status, 201);
        let id = PartyId(told["client_id"].as_str().unwrap().to_owned());
        let store = &house.accounts().store;
        let is_open = async || !store.party(&id).await.unwrap().unwrap().is_suspended;
        let say_yes = async |by| store.approve_registration(&id, by, house.clock.now()).await.unwrap();
        assert!(!is_open().await);
        let waiting = store.held_registrations().await.unwrap();
        assert_eq!(
            (waiting[0].organization.as_str(), waiting[0].purpose.as_str()),
            ("Région Exemple", "Le cahier de textes")
        );
        assert_eq!(say_yes("A. Martin").await, Yes::First);
        assert_eq!(say_yes(" a. martin ").await, Yes::SamePerson);
        assert!(!is_open().await);
        assert_eq!(say_yes("B. Petit").await, Yes::Applied);
        assert!(is_open().await);
        assert_eq!(say_yes("C. Blanc").await, Yes::Nothing);

        let mut change = document();
        change["client_id"] = json!(id.0);
        change["redirect_uris"] = json!(["https://ent.example.org/other"]);
        let (status, _) = managed("PUT", &told, Some(&change)).await;
        assert_eq!(status, 200);
        let (_, read) = managed("GET", &told, None).await;
        assert_eq!(read["redirect_uris"], json!(["https://ent.example.org/callback"]), "as it stands until then");
        assert!(is_open().await, "the good one goes on");
        assert_eq!((say_yes("A. Martin").await, say_yes("B. Petit").await), (Yes::First, Yes::Applied));
        let (_, read) = managed("GET", &told, None).await;
        assert_eq!(read["redirect_uris"], json!(["https://ent.example.org/other"]));
        assert!(store.held_registrations().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_secret_is_rotated_and_the_old_one_opens_nothing() {
    let house = House::one().await;
    let token = initial_token(&house, Environment::Test, 1).await;
    let (_, told) = register(&house, &token, &document()).await;
    let proves = async |secret: &Value| {
        let request = raw().post(house.at_path("/idp/profile/oidc/token"));
        let request = request.basic_auth(told["client_id"].as_str().unwrap(), secret.as_str());
        let fields =
            [("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", "https://ent.example.org/callback")];
        request.form(&fields).send().await.unwrap().status().as_u16() != 401
    };
    assert!(proves(&told["client_secret"]).await);
    let mut change = document();
    change["client_id"] = told["client_id"].clone();
    let (_, kept) = managed("PUT", &told, Some(&change)).await;
    assert!(kept.get("client_secret").is_none(), "nothing was asked");
    change["rotate_client_secret"] = json!(true);
    change["client_secret"] = told["client_secret"].clone();
    let (status, turned) = managed("PUT", &told, Some(&change)).await;
    assert_eq!(status, 200);
    assert!(proves(&turned["client_secret"]).await && !proves(&told["client_secret"]).await);
    // One that is none of ours.
    change["client_secret"] = json!("chosen");
    assert_eq!(managed("PUT", &told, Some(&change)).await.0, 400);
    change["client_secret"] = Value::Null;
    change["client_id"] = json!("another");
    assert_eq!(managed("PUT", &told, Some(&change)).await.0, 400);
}

#[tokio::test]
async fn a_registration_token_opens_its_own_client_only() {
    let house = House::one().await;
    let token = initial_token(&house, Environment::Test, 2).await;
    let (_, one) = register(&house, &token, &document()).await;
    let (_, other) = register(&house, &token, &document()).await;
    let mut crossed = one.clone();
    crossed["registration_client_uri"] = other["registration_client_uri"].clone();
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(managed(method, &crossed, Some(&document())).await.0, 401, "{method}");
    }
    assert_eq!(managed("GET", &one, None).await.0, 200);
    assert_eq!(managed("GET", &other, None).await.0, 200);
}

#[tokio::test]
async fn a_client_registers_the_certificate_that_it_comes_with() {
    let mut house = House::one().await;
    let mut document = document();
    document["token_endpoint_auth_method"] = json!("self_signed_tls_client_auth");
    document["tls_client_certificate_bound_access_tokens"] = json!(true);
    let own = self_signed("ent.example.org", house.clock.now() + Duration::from_hours(1));
    document["jwks"] = json!({"keys": [own.jwk()]});
    let token = initial_token(&house, Environment::Test, 2).await;
    let (status, told) = register(&house, &token, &document).await;
    assert_eq!((status, &told["error"]), (400, &json!("invalid_client_metadata")), "nowhere to come with it");
    house.open_mutual_tls(None).await;
    let (status, told) = register(&house, &token, &document).await;
    assert_eq!((status, told.get("client_secret")), (201, None), "{told}");
    assert_eq!(told["jwks"]["keys"][0]["x5c"], json!([own.x5c()]));
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], json!(true));
}
