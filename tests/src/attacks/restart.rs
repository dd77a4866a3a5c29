//! A new start of the service in the middle of things: nobody types anything twice.

use directory::sample::Shape;

use super::{Registered, code_on};
use crate::harness::{House, Visitor};

#[tokio::test]
async fn a_restart_loses_neither_form_nor_session_nor_code() {
    for mut house in House::each().await {
        let client = Registered::at(&house).await;
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = Visitor::new();
        visitor.open(&client.request(&house, &[])).await;
        visitor.fill_in("Identifiant", &parent.login);
        visitor.fill_in("Mot de passe", &parent.password);

        house.restart().await;
        visitor.press("Se connecter").await;
        let code = code_on(&visitor);

        house.restart().await;
        let (status, told) = client.exchange(&house, &[("code", &code)]).await;
        assert_eq!(status, 200, "{}", told["error"]);
        // The session is still open.
        client.code(&house, &mut visitor).await;
        house.restart().await;
        let answer = super::raw().get(house.at_path("/idp/profile/oidc/userinfo"));
        let answer = answer.bearer_auth(told["access_token"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }
}
