//! OpenID Connect towards openid-client, a library of another language: what it accepts, what it learns.

use directory::model::PersonId;
use directory::sample::Shape;
use idp::domain::relying_party::PartyId;
use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use std::time::Duration;

use crate::harness::{House, OidcParty, Visitor, authority, ent_policy, open_policy};

/// Everything a client may ask for.
const SCOPE: &str = "scope=openid+profile+ect.scope.cnx";

/// A client that this house knows by this method, and that trusts it.
async fn welcome(house: &House, method: &str) -> Option<(OidcParty, PartyId)> {
    let mut party = OidcParty::start().await?;
    let document = json!({
        "client_name": "ENT d'essai", "redirect_uris": [party.redirect_uri], "client_uri": format!("{}/", party.url),
        "scope": "openid profile ect.scope.cnx", "token_endpoint_auth_method": method,
    });
    let (id, secret) = house.welcome_client(&document, open_policy()).await;
    party.trust(&house.url, &id.0, &secret, method).await.unwrap();
    Some((party, id))
}

/// Signs a person in at a party, for all it may ask, and gives what it learnt.
async fn learnt(house: &House, party: &OidcParty, person: &PersonId) -> Value {
    let somebody = house.active(person).await;
    let mut visitor = Visitor::new();
    visitor.open(&format!("{}/?{SCOPE}", party.url)).await;
    visitor.sign_in(&somebody).await;
    visitor.page().answer()
}

/// The `error` with which a visitor has come back to the party.
fn error_brought(visitor: &Visitor, party: &OidcParty) -> String {
    let url = &visitor.page().url;
    assert!(url.as_str().starts_with(&party.redirect_uri), "{url}: {}", visitor.page().text());
    url.query_pairs().find(|(name, _)| name == "error").map(|(_, error)| error.into_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_client_gets_the_same_subject_from_both_endpoints_by_either_authentication() {
    let house = House::one().await;
    let parent = house.household(Shape::TwoParents).adults[0][0].clone();
    let mut known_as = Vec::new();
    for method in ["client_secret_basic", "client_secret_post"] {
        let Some((party, id)) = welcome(&house, method).await else { return };
        // The library itself compares state, nonce, iss, aud, signature and the subjects.
        let first = learnt(&house, &party, &parent).await;
        let again = learnt(&house, &party, &parent).await;
        for answer in [&first, &again] {
            let (claims, userinfo) = (&answer["claims"], &answer["userinfo"]);
            assert_eq!(claims["sub"], userinfo["sub"], "{method}");
            assert_eq!((&claims["iss"], &claims["aud"]), (&json!(house.url), &json!(id.0)), "{method}");
            assert_eq!(answer["callback"]["iss"], json!(house.url), "RFC 9207");
            assert!(claims["nonce"].is_string() && claims["auth_time"].is_number(), "{claims}");
            assert_eq!(claims["acr"], json!("responsable"));
        }
        assert_eq!(first["claims"]["sub"], again["claims"]["sub"], "{method}: the same person at each sign-in");
        known_as.push(first["claims"]["sub"].clone());
    }
    assert_ne!(known_as[0], known_as[1], "each client knows the person under an identifier of its own");
}

#[tokio::test]
async fn a_parent_and_a_pupil_are_told_as_over_saml() {
    for house in House::each().await {
        let Some((party, _)) = welcome(&house, "client_secret_basic").await else { return };
        let household = house.household(Shape::TwoAcademies);
        let records = household.adults.iter().find(|records| records.len() == 2).unwrap();
        let parent = learnt(&house, &party, &records[0]).await["userinfo"].take();
        let count = |claim: &str| parent[claim].as_array().unwrap().len();
        assert_eq!((count("FrEduVecteur"), count("FrEduCtRefId")), (household.students.len(), 2), "{parent}");
        assert_eq!(parent["FrEduCtPersonAffiliation"], json!(["resp2d"]));
        assert!(parent.get("FrEduCtEleveINE").is_none(), "a claim without a value is left out");

        let id = &household.students[0];
        let mut students = house.sample.deliveries.iter().flat_map(|people| &people.students);
        let student = students.find(|student| student.id == *id).unwrap();
        let pupil = learnt(&house, &party, id).await["userinfo"].take();
        assert_eq!(pupil["family_name"], json!(student.names.family));
        assert_eq!(pupil["given_name"], json!(student.names.given));
        assert_eq!(pupil["FrEduCtEleveINE"], json!(student.ine));
        assert_eq!(pupil["FrEduCtPersonAffiliation"], json!(["eleve2d"]));
        assert_eq!(pupil["FrEduVecteur"].as_array().unwrap().len(), 1);
        assert_eq!(pupil["FrEduOrigAuth"], json!("ECT"));
    }
}

#[tokio::test]
async fn a_client_learns_no_more_than_its_scopes_and_its_policy_open() {
    // PR-01.
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = OidcParty::start().await else { return };
    let (id, secret) = house.welcome_oidc(&party, ent_policy()).await;
    party.trust(&house.url, &id.0, &secret, "client_secret_basic").await.unwrap();
    for (scope, told) in [
        ("openid", vec!["sub"]),
        ("openid+profile", vec!["family_name", "given_name", "sub"]),
        ("openid+profile+address+ect.scope.other", vec!["family_name", "given_name", "sub"]),
    ] {
        let mut visitor = Visitor::new();
        visitor.open(&format!("{}/?scope={scope}", party.url)).await;
        visitor.sign_in(&parent).await;
        let userinfo = visitor.page().answer()["userinfo"].take();
        let mut claims: Vec<_> = userinfo.as_object().unwrap().keys().map(String::as_str).collect();
        claims.sort_unstable();
        assert_eq!(claims, told, "{scope}");
    }
}

#[tokio::test]
async fn prompt_none_shows_no_page() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some((party, _)) = welcome(&house, "client_secret_basic").await else { return };
    let mut visitor = Visitor::new();
    let passive = format!("{}/?prompt=none", party.url);
    visitor.open(&passive).await;
    assert_eq!(error_brought(&visitor, &party), "login_required");

    visitor.open(&party.url).await;
    visitor.sign_in(&parent).await;
    let signed_in = visitor.page().answer();
    visitor.open(&passive).await;
    assert_eq!(visitor.page().answer()["claims"]["sub"], signed_in["claims"]["sub"]);

    // A younger proof than there is, and no page to get it by.
    house.later(Duration::from_secs(30));
    visitor.open(&format!("{passive}&max_age=10")).await;
    assert_eq!(error_brought(&visitor, &party), "login_required");
}

#[tokio::test]
async fn prompt_login_and_an_exceeded_max_age_ask_the_password_again() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some((party, _)) = welcome(&house, "client_secret_basic").await else { return };
    let mut visitor = Visitor::new();
    visitor.open(&party.url).await;
    visitor.sign_in(&parent).await;
    let mut proved = visitor.page().answer()["claims"]["auth_time"].as_i64().unwrap();

    visitor.open(&format!("{}/?max_age=3600", party.url)).await;
    assert_eq!(visitor.page().answer()["claims"]["auth_time"], json!(proved), "young enough");

    for asked in ["prompt=login", "max_age=5"] {
        house.later(Duration::from_secs(10));
        visitor.open(&format!("{}/?{asked}", party.url)).await;
        assert_eq!(visitor.page().h1(), "Confirmer que c'est vous", "{asked}");
        visitor.fill_in("Mot de passe", &parent.password);
        visitor.press("Continuer").await;
        let now = visitor.page().answer()["claims"]["auth_time"].as_i64().unwrap();
        assert_eq!(now - proved, 10, "{asked}");
        proved = now;
    }
}

#[tokio::test]
async fn a_request_without_pkce_comes_back_refused() {
    // OP-03.
    let house = House::one().await;
    let Some((party, _)) = welcome(&house, "client_secret_basic").await else { return };
    let mut visitor = Visitor::new();
    visitor.open(&format!("{}/?without=pkce", party.url)).await;
    assert_eq!(error_brought(&visitor, &party), "invalid_request");
}

#[tokio::test]
async fn acr_values_open_the_page_for_pupils_or_parents() {
    let house = House::one().await;
    let pupil = house.student(Shape::TwoParents).await;
    let Some((party, _)) = welcome(&house, "client_secret_basic").await else { return };
    for (asked, hint) in [
        ("", "Par exemple c.exemple12."),
        ("?acr_values=responsable", "Par exemple c.exemple12."),
        ("?acr_values=eleve", "Par exemple l.exemple34. Il est écrit sur le courrier donné par votre établissement."),
    ] {
        let mut visitor = Visitor::new();
        visitor.open(&format!("{}/{asked}", party.url)).await;
        assert_eq!(visitor.page().described("Identifiant"), hint, "{asked}");
        // Whatever was asked, the answer says who signed in.
        visitor.sign_in(&pupil).await;
        assert_eq!(visitor.page().answer()["claims"]["acr"], json!("eleve"), "{asked}");
    }
}

#[tokio::test]
async fn discovery_and_keys_may_be_kept_by_caches_and_say_nothing_untrue() {
    // OP-20.
    let house = House::one().await;
    let ca = Certificate::from_pem(authority().ca_pem.as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([ca]).build().unwrap();
    let mut documents = Vec::new();
    for path in ["/.well-known/openid-configuration", "/idp/profile/oidc/jwks"] {
        let answer = client.get(house.at_path(path)).send().await.unwrap();
        let kept = answer.headers()["cache-control"].to_str().unwrap().to_owned();
        assert!(kept.contains("max-age=") && !kept.contains("no-store"), "{path}: {kept}");
        documents.push(serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap());
    }
    let [told, keys] = documents.as_slice() else { unreachable!("two were asked for") };
    assert_eq!(told["issuer"], json!(house.url));
    assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(told["subject_types_supported"], json!(["pairwise"]));
    for endpoint in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        let address = told[endpoint].as_str().unwrap();
        let status = client.get(address).send().await.unwrap().status();
        assert!(address.starts_with(&house.url) && status != 404, "{endpoint}: {status}");
    }
    for key in keys["keys"].as_array().unwrap() {
        assert!(["d", "p", "q", "k"].iter().all(|private| key.get(private).is_none()), "a private part is published");
    }
}
