//! Refresh tokens that come twice, too late or from another (OP-08).

use std::time::Duration;

use directory::sample::Shape;
use serde_json::json;

use super::{Keyed, OFFLINE, signed_in, text, userinfo};
use crate::harness::House;

#[tokio::test]
async fn op_08_reuse_of_a_refresh_token_ends_the_family_and_everything_with_it() {
    for house in House::each().await {
        let client = Keyed::at(&house, &json!({})).await;
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &client, &parent).await;
        let code = client.code(&house, &mut visitor, OFFLINE).await;
        let (_, first) = client.exchange(&house, &code).await;
        let (status, second) = client.refresh(&house, text(&first, "refresh_token")).await;
        assert_eq!(status, 200);
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        assert_eq!(userinfo(&house, "Bearer", text(&second, "access_token"), None).await, 200);

        let (status, told) = client.refresh(&house, text(&first, "refresh_token")).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")));
        assert_eq!(client.refresh(&house, text(&second, "refresh_token")).await.0, 400);
        assert_eq!(userinfo(&house, "Bearer", text(&second, "access_token"), None).await, 401);
    }
}

#[tokio::test]
async fn op_08_a_refresh_token_ends_with_the_password_and_its_absolute_life_and_is_no_one_else_s() {
    for house in House::each().await {
        let (client, other) = (Keyed::at(&house, &json!({})).await, Keyed::at(&house, &json!({})).await);
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &client, &parent).await;
        let mut tokens = Vec::new();
        for _ in 0..2 {
            let code = client.code(&house, &mut visitor, OFFLINE).await;
            tokens.push(text(&client.exchange(&house, &code).await.1, "refresh_token").to_owned());
        }
        assert_eq!(other.refresh(&house, &tokens[0]).await.1["error"], json!("invalid_grant"));
        let (status, next) = client.refresh(&house, &tokens[0]).await;
        assert_eq!(status, 200, "another's try spends nothing");

        house.with_letter(&parent.person).await;
        assert_eq!(client.refresh(&house, text(&next, "refresh_token")).await.0, 400, "its password was reset");
        house.later(Duration::from_hours(30 * 24));
        assert_eq!(client.refresh(&house, &tokens[1]).await.0, 400);
    }
}

#[tokio::test]
async fn op_05_a_replayed_code_takes_back_the_refresh_token_too() {
    for house in House::each().await {
        let client = Keyed::at(&house, &json!({})).await;
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &client, &parent).await;
        let code = client.code(&house, &mut visitor, OFFLINE).await;
        let (_, told) = client.exchange(&house, &code).await;
        assert_eq!(client.exchange(&house, &code).await.1["error"], json!("invalid_grant"));
        assert_eq!(client.refresh(&house, text(&told, "refresh_token")).await.0, 400);
        assert_eq!(userinfo(&house, "Bearer", text(&told, "access_token"), None).await, 401);
    }
}
