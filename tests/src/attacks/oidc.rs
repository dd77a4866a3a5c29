//! Stolen and replayed codes, forged redirect addresses, tokens in the wrong place.

use std::sync::Arc;
use std::time::Duration;

use directory::sample::Shape;
use serde_json::json;
use tokio::task::JoinSet;

use super::{REDIRECT_URI, Registered, raw, signed_in};
use crate::harness::{House, Visitor};

async fn userinfo(house: &House, token: &str) -> u16 {
    let request = raw().get(house.at_path("/idp/profile/oidc/userinfo")).bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn no_variant_of_a_registered_address_is_sent_anything() {
    // OP-01.
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let variants = [
        "https://evil.example/callback",
        "http://ent.example.org/callback",
        "HTTPS://ent.example.org/callback",
        "https://ENT.example.org/callback",
        "https://ent.example.org/Callback",
        "https://ent.example.org/callback/",
        "https://ent.example.org/callback/../callback",
        "https://ent.example.org/./callback",
        "https://ent.example.org/%63allback",
        "https://ent.example.org/callback%2e",
        "https://ent.example.org/%2e%2e/callback",
        "https://ent.example.org:443/callback",
        "https://ent.example.org:8443/callback",
        "https://evil.example@ent.example.org/callback",
        "https://ent.example.org@evil.example/callback",
        "https://ent.example.org/callback?next=https://evil.example",
        "https://ent.example.org/callback#evil",
        "https://ent.example.org\\@evil.example/callback",
        "https://ent.example.org./callback",
        "https://ent.example.org/callback\t",
        " https://ent.example.org/callback",
        "https://ent.example.org.evil.example/callback",
        "https://еnt.example.org/callback",
        "javascript:alert(1)//",
        "",
    ];
    for variant in variants {
        let answer = raw().get(client.request(&house, &[("redirect_uri", variant)])).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None), "{variant:?}");
        assert!(!answer.text().await.unwrap().contains("//evil"), "{variant:?}: no way there");
    }
    for query in ["", "&redirect_uri=https://evil.example/"] {
        let address = client.request(&house, &[("client_id", "nobody")]) + query;
        let answer = raw().get(address).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None), "{query}");
    }
    let twice = client.request(&house, &[]) + "&redirect_uri=https://evil.example/";
    let answer = raw().get(twice).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None), "given twice");
}

#[tokio::test]
async fn fifty_exchanges_of_one_code_at_once_give_one_answer() {
    // OP-05.
    for house in House::each().await {
        let client = Arc::new(Registered::at(&house).await);
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &client, &parent).await;
        let code = client.code(&house, &mut visitor).await;
        let house = Arc::new(house);
        let mut exchanges = JoinSet::new();
        for _ in 0..50 {
            let (client, house, code) = (Arc::clone(&client), Arc::clone(&house), code.clone());
            exchanges.spawn(async move { client.exchange(&house, &[("code", &code)]).await });
        }
        let answers = exchanges.join_all().await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(status, _)| *status == 200);
        let other = lost.iter().find(|(status, _)| *status != 400);
        assert_eq!(won.len(), 1, "{other:?}");
        assert!(lost.iter().all(|(status, told)| *status == 400 && told["error"] == json!("invalid_grant")));
        // The forty-nine others were replays.
        assert_eq!(userinfo(&house, won[0].1["access_token"].as_str().unwrap()).await, 401);
    }
}

#[tokio::test]
async fn a_replayed_code_takes_back_what_it_bought() {
    // OP-05.
    for house in House::each().await {
        let client = Registered::at(&house).await;
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &client, &parent).await;
        let [first, second] = [client.code(&house, &mut visitor).await, client.code(&house, &mut visitor).await];
        let mut tokens = Vec::new();
        for code in [&first, &second] {
            let (status, told) = client.exchange(&house, &[("code", code)]).await;
            assert_eq!(status, 200, "{}", told["error"]);
            tokens.push(told["access_token"].as_str().unwrap().to_owned());
            assert_eq!(userinfo(&house, tokens.last().unwrap()).await, 200);
        }
        let (status, told) = client.exchange(&house, &[("code", &first)]).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")));
        assert_eq!(userinfo(&house, &tokens[0]).await, 401);
        assert_eq!(userinfo(&house, &tokens[1]).await, 200, "the other code was not replayed");
    }
}

#[tokio::test]
async fn a_code_buys_nothing_for_anyone_else_or_under_other_terms() {
    // OP-03, OP-05, OP-07.
    let house = House::one().await;
    let (client, other) = (Registered::at(&house).await, Registered::at(&house).await);
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &parent).await;

    let wrong_verifier = "another-verifier-of-at-least-forty-three-characters";
    let wrong_terms: [(&str, &str); 3] =
        [("code_verifier", wrong_verifier), ("code_verifier", ""), ("redirect_uri", "https://ent.example.org/other")];
    for (name, value) in wrong_terms {
        let code = client.code(&house, &mut visitor).await;
        let (status, told) = client.exchange(&house, &[("code", &code), (name, value)]).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")), "{name}={value}");
        let (status, _) = client.exchange(&house, &[("code", &code)]).await;
        assert_eq!(status, 400, "a code tried under wrong terms has leaked");
    }

    let code = client.code(&house, &mut visitor).await;
    let (status, told) = other.exchange(&house, &[("code", &code)]).await;
    assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")), "another client's");

    let code = client.code(&house, &mut visitor).await;
    let guess = Registered { id: client.id.clone(), secret: other.secret };
    let (status, told) = guess.exchange(&house, &[("code", &code)]).await;
    assert_eq!((status, &told["error"]), (401, &json!("invalid_client")), "another's secret");

    let code = client.code(&house, &mut visitor).await;
    house.later(Duration::from_mins(1));
    let (status, told) = client.exchange(&house, &[("code", &code)]).await;
    assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")), "a minute old");
}

#[tokio::test]
async fn an_access_token_counts_in_its_header_only_and_for_ten_minutes() {
    // OP-10.
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &parent).await;
    let code = client.code(&house, &mut visitor).await;
    let (_, told) = client.exchange(&house, &[("code", &code)]).await;
    let token = told["access_token"].as_str().unwrap();
    let endpoint = house.at_path("/idp/profile/oidc/userinfo");
    let in_query = raw().get(format!("{endpoint}?access_token={token}")).send().await.unwrap();
    let in_body = raw().post(&endpoint).form(&[("access_token", token)]).send().await.unwrap();
    let as_session = raw().get(&endpoint).header("cookie", format!("__Host-guichet-session={token}")).send().await;
    for answer in [in_query, in_body, as_session.unwrap()] {
        assert_eq!(answer.status().as_u16(), 401);
        assert!(!answer.text().await.unwrap().contains("sub"));
    }
    // LS-07: neither the code nor the session's secret is an access token.
    assert_eq!(userinfo(&house, &code).await, 401);
    assert_eq!(userinfo(&house, &visitor.cookie("__Host-guichet-session").unwrap().value).await, 401);
    assert_eq!(userinfo(&house, token).await, 200);
    house.later(Duration::from_mins(10));
    assert_eq!(userinfo(&house, token).await, 401);
}

#[tokio::test]
async fn what_a_request_says_never_becomes_markup_of_ours() {
    // OP-17.
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let parent = house.guardian(Shape::TwoParents).await;
    let payload = "\"><script>alert(1)</script>";
    let mut visitor = Visitor::new();
    visitor.open(&client.request(&house, &[("state", payload), ("login_hint", payload)])).await;
    assert_eq!(visitor.page().value("Identifiant"), payload);
    assert!(!visitor.page().source.contains("<script>alert"));
    visitor.sign_in(&parent).await;
    assert!(!visitor.page().source.contains("<script>alert"));
    let form = visitor.page().submission("Continuer vers ENT d'essai");
    assert_eq!(form.action.as_str(), REDIRECT_URI);
    assert!(form.fields.contains(&("state".to_owned(), payload.to_owned())), "it comes back as it was sent");
}
