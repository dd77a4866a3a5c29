//! Two nodes over one database and the same keys, behind one public address: what a client brings to one counts on the
//! other, and what is good once is good once on both together.

use directory::sample::Shape;
use idp::domain::relying_party::Environment;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::attacks::{Registered, exchange_fields, raw, signed_in};
use crate::conformance::dynamic::initial_token;
use crate::harness::{House, Visitor};

const PUSHED: &str = "/idp/profile/oidc/par";
const REGISTER: &str = "/idp/profile/oidc/register";

/// Pushes the client's right request to this node; the reference to it.
async fn push(house: &House, node: &str, client: &Registered) -> String {
    let request = client.request(house, &[]);
    let (name, value) = client.authorization();
    let form = raw().post(format!("{node}{PUSHED}")).header(name, value);
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let answer = form.body(request.split_once('?').unwrap().1.to_owned()).send().await.unwrap();
    let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    told["request_uri"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// What a browser gets at this node for a reference: whether it goes on to the client.
async fn goes_on(mut visitor: Visitor, node: &str, (client, reference): (&str, &str)) -> bool {
    visitor.open(&format!("{node}/idp/profile/oidc/authorize?client_id={client}&request_uri={reference}")).await;
    visitor.status().as_u16() == 200 && visitor.page().buttons().contains(&"Continuer vers ENT d'essai".to_owned())
}

#[tokio::test]
async fn op_13_a_request_pushed_to_one_node_is_spent_once_on_both() {
    for house in House::each().await {
        let other = house.another_node().await;
        let client = Registered::at(&house).await;
        let parent = house.guardian(Shape::TwoParents).await;
        let visitor = signed_in(&house, &client, &parent).await;
        let nodes = [house.url.clone(), other.url.clone()];
        for (here, there) in [(0, 1), (1, 0)] {
            let reference = push(&house, &nodes[here], &client).await;
            let asked = (client.id.0.as_str(), reference.as_str());
            assert!(goes_on(visitor.beside(), &nodes[there], asked).await, "pushed here, spent there");
            assert!(!goes_on(visitor.beside(), &nodes[here], asked).await, "and spent here too");
        }
        for _ in 0..3 {
            let reference = push(&house, &nodes[0], &client).await;
            let mut browsers = JoinSet::new();
            for number in 0..8 {
                let (visitor, node) = (visitor.beside(), nodes[number % 2].clone());
                let (id, reference) = (client.id.0.clone(), reference.clone());
                browsers.spawn(async move { goes_on(visitor, &node, (&id, &reference)).await });
            }
            let gone: Vec<bool> = browsers.join_all().await;
            assert_eq!(gone.iter().filter(|goes_on| **goes_on).count(), 1, "{gone:?}");
        }
        other.stop().await;
    }
}

#[tokio::test]
async fn op_05_of_exchanges_of_one_code_at_two_nodes_one_gets_the_tokens() {
    for house in House::each().await {
        let other = house.another_node().await;
        let client = Registered::at(&house).await;
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &client, &parent).await;
        let code = client.code(&house, &mut visitor).await;
        let mut exchanges = JoinSet::new();
        for number in 0..8 {
            let node = [&house.url, &other.url][number % 2].clone();
            let code = code.clone();
            let (name, value) = client.authorization();
            exchanges.spawn(async move {
                let request = raw().post(format!("{node}/idp/profile/oidc/token")).header(name, value);
                request.form(&exchange_fields(&code)).send().await.unwrap().status().as_u16()
            });
        }
        let statuses = exchanges.join_all().await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        other.stop().await;
    }
}

async fn told(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.header("content-type", "application/json").send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

#[tokio::test]
async fn op_21_a_client_registers_at_one_node_and_is_known_and_managed_at_the_other() {
    for house in House::each().await {
        let other = house.another_node().await;
        let token = initial_token(&house, Environment::Test, 3).await;
        let document = json!({
            "client_name": "ENT d'essai", "redirect_uris": [crate::attacks::REDIRECT_URI], "purpose": "Essais",
        });
        let mut registrations = JoinSet::new();
        for number in 0..8 {
            let node = [&house.url, &other.url][number % 2].clone();
            let (token, body) = (token.clone(), document.to_string());
            registrations.spawn(async move {
                told(raw().post(format!("{node}{REGISTER}")).bearer_auth(token).body(body)).await
            });
        }
        let all = registrations.join_all().await;
        let (registered, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(|(status, _)| *status == 201);
        assert_eq!((registered.len(), refused.len()), (3, 5), "a token is good for so many on both together");
        assert!(refused.iter().all(|(status, _)| *status == 401));

        for (_, client) in &registered {
            let id = client["client_id"].as_str().unwrap();
            let token = client["registration_access_token"].as_str().unwrap();
            let at = |node: &str| format!("{node}{REGISTER}/{id}");
            for node in [&house.url, &other.url] {
                assert_eq!(told(raw().get(at(node)).bearer_auth(token)).await.0, 200);
                let mut visitor = Visitor::new();
                let redirect = crate::attacks::REDIRECT_URI;
                let query = format!("client_id={id}&redirect_uri={redirect}&response_type=code&scope=openid");
                visitor.open(&format!("{node}/idp/profile/oidc/authorize?{query}&response_mode=form_post")).await;
                assert!(
                    visitor.page().buttons().contains(&"Continuer vers ENT d'essai".to_owned()),
                    "told what is wrong at its own address"
                );
            }
            let mut change = document.clone();
            change["client_id"] = json!(id);
            change["client_name"] = json!("ENT renommé");
            let changed = told(raw().put(at(&other.url)).bearer_auth(token).body(change.to_string())).await;
            assert_eq!((changed.0, &changed.1["client_name"]), (200, &json!("ENT renommé")));
            let read = told(raw().get(at(&house.url)).bearer_auth(token)).await;
            assert_eq!(read.1["client_name"], json!("ENT renommé"), "changed there, read here");
            assert_eq!(told(raw().delete(at(&house.url)).bearer_auth(token)).await.0, 204);
            assert_eq!(told(raw().get(at(&other.url)).bearer_auth(token)).await.0, 401, "removed here, gone there");
        }
        other.stop().await;
    }
}
