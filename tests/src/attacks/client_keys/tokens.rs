//! Tokens that open what they are not for, and strangers who bring one.

use directory::sample::Shape;
use serde_json::json;

use super::{INTROSPECT, Keyed, OFFLINE, REVOKE, TOKEN, USERINFO, signed_in, text, userinfo};
use crate::attacks::{exchange_fields, raw};
use crate::harness::House;

#[tokio::test]
async fn op_09_an_id_token_a_code_and_a_refresh_token_open_nothing() {
    let house = House::one().await;
    let client = Keyed::at(&house, &json!({})).await;
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &parent).await;
    let code = client.code(&house, &mut visitor, OFFLINE).await;
    let (_, told) = client.exchange(&house, &code).await;
    let access = text(&told, "access_token");
    for other in [text(&told, "id_token"), text(&told, "refresh_token"), &code] {
        assert_eq!(userinfo(&house, "Bearer", other, None).await, 401);
        assert_eq!(client.refresh(&house, other).await.0 == 200, other == text(&told, "refresh_token"));
    }
    assert_eq!(client.refresh(&house, access).await.1["error"], json!("invalid_grant"));
    let (status, _) = client.call(&house, INTROSPECT, text(&told, "id_token"), &[("token", "x")]).await;
    assert_eq!(status, 401, "an ID token is no assertion");
    let in_query = raw().get(format!("{}?access_token={access}", house.at_path(USERINFO))).send().await.unwrap();
    assert_eq!(in_query.status().as_u16(), 401, "OP-10");
}

#[tokio::test]
async fn a_stranger_learns_nothing_of_a_token_and_cannot_end_it() {
    let house = House::one().await;
    let api = json!({"serves_resources": ["https://api.ent.example/"]});
    let (client, stranger) = (Keyed::at(&house, &json!({})).await, Keyed::at(&house, &api).await);
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &parent).await;
    let code = client.code(&house, &mut visitor, OFFLINE).await;
    let (_, told) = client.exchange(&house, &code).await;
    for token in ["access_token", "refresh_token"] {
        let token = text(&told, token);
        let assertion = stranger.assertion(&house, &json!({}));
        let (status, said) = stranger.call(&house, INTROSPECT, &assertion, &[("token", token)]).await;
        assert_eq!((status, said), (200, json!({"active": false})));
        let assertion = stranger.assertion(&house, &json!({}));
        assert_eq!(stranger.call(&house, REVOKE, &assertion, &[("token", token)]).await.0, 200);
    }
    assert_eq!(userinfo(&house, "Bearer", text(&told, "access_token"), None).await, 200);
    assert_eq!(client.refresh(&house, text(&told, "refresh_token")).await.0, 200);
}

#[tokio::test]
async fn a_resource_asks_about_the_tokens_that_are_for_it() {
    let house = House::one().await;
    let members = json!({"resources": ["https://api.ent.example/"]});
    let api = json!({"serves_resources": ["https://api.ent.example/"]});
    let (client, resource) = (Keyed::at(&house, &members).await, Keyed::at(&house, &api).await);
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &parent).await;
    let code = client.code(&house, &mut visitor, "openid").await;
    let fields = [exchange_fields(&code).as_slice(), &[("resource", "https://api.ent.example/")]].concat();
    let (_, told) = client.call(&house, TOKEN, &client.assertion(&house, &json!({})), &fields).await;
    let token = text(&told, "access_token");
    assert_eq!(userinfo(&house, "Bearer", token, None).await, 401, "it is for the resource alone");
    let assertion = resource.assertion(&house, &json!({}));
    let (_, said) = resource.call(&house, INTROSPECT, &assertion, &[("token", token)]).await;
    assert_eq!((&said["active"], &said["aud"]), (&json!(true), &json!(["https://api.ent.example/"])));

    let code = client.code(&house, &mut visitor, "openid").await;
    let fields = [exchange_fields(&code).as_slice(), &[("resource", "https://other.example/")]].concat();
    let (status, told) = client.call(&house, TOKEN, &client.assertion(&house, &json!({})), &fields).await;
    assert_eq!((status, &told["error"]), (400, &json!("invalid_target")));
}
