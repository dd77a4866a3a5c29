//! What lies around the code flow, towards openid-client: pushed and signed requests, claims by name, userinfo as a
//! JWT, who is meant and who must not be joined.

use std::time::Duration;

use directory::sample::Shape;
use serde_json::{Value, json};

use crate::attacks::{REDIRECT_URI, Registered, raw};
use crate::harness::{FlowsParty, House, Somebody, Visitor, open_policy};

async fn arrive(visitor: &mut Visitor, party: &FlowsParty, query: &str, who: &Somebody) -> Value {
    visitor.open(&format!("{}?{query}", party.at("/"))).await;
    if visitor.is_asked_to_sign_in() {
        visitor.sign_in(who).await;
    }
    visitor.page().answer()
}

fn encoded(value: &Value) -> String {
    url::form_urlencoded::byte_serialize(value.to_string().as_bytes()).collect()
}

#[tokio::test]
async fn op_13_a_pushed_request_signs_in_and_is_spent_once() {
    for house in House::each().await {
        let who = house.guardian(Shape::TwoParents).await;
        let pushes = json!({ "require_pushed_authorization_requests": true });
        let Some((party, _)) = FlowsParty::welcomed(&house, open_policy(), pushes).await else { return };
        let mut visitor = Visitor::new();
        let answer = arrive(&mut visitor, &party, "way=par&max_age=600", &who).await;
        assert!(answer["claims"]["sub"].is_string());
        visitor.open(&format!("{}?way=par", party.at("/"))).await;
        let sent = visitor.hops.iter().find(|hop| hop.url.path() == "/idp/profile/oidc/authorize").unwrap().url.clone();
        assert_eq!(sent.query_pairs().count(), 2, "client_id and the reference: {sent}");
        let mut thief = Visitor::new();
        thief.open(sent.as_str()).await;
        assert_eq!((thief.status().as_u16(), thief.hops.len()), (400, 1), "spent");
        // The same client, without pushing.
        visitor.open(&party.at("/")).await;
        assert_eq!(party.error_brought(&visitor), "invalid_request");
    }
}

/// Pushes a request as the client of `Registered`; the status and what is answered.
async fn push(house: &House, client: &Registered, changed: &[(&str, &str)]) -> (u16, Value) {
    let asked = url::Url::parse(&client.request(house, changed)).unwrap();
    let fields: Vec<(String, String)> =
        asked.query_pairs().into_owned().filter(|(_, value)| !value.is_empty()).collect();
    let (name, value) = client.authorization();
    let request = raw().post(house.at_path("/idp/profile/oidc/par")).header(name, value).form(&fields);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn op_13_a_reference_is_its_clients_for_a_minute_and_wins_over_what_is_beside_it() {
    let house = House::one().await;
    let (client, other) = (Registered::at(&house).await, Registered::at(&house).await);
    let (status, told) = push(&house, &client, &[]).await;
    assert_eq!((status, &told["expires_in"]), (201, &json!(60)));
    let reference = told["request_uri"].as_str().unwrap().to_owned();
    let at = |id: &str, more: &str| {
        let reference: String = url::form_urlencoded::byte_serialize(reference.as_bytes()).collect();
        house.at_path(&format!("/idp/profile/oidc/authorize?client_id={id}&request_uri={reference}{more}"))
    };
    let bring = async |address: String| raw().get(address).send().await.unwrap();
    let stolen = bring(at(&other.id.0, "")).await;
    assert_eq!((stolen.status().as_u16(), stolen.headers().get("location")), (400, None), "another client's");
    // It is still good for its own, and nothing beside it counts.
    let own = bring(at(&client.id.0, "&redirect_uri=https://evil.example/&scope=email&state=other&prompt=none")).await;
    assert_eq!(own.status().as_u16(), 303);
    assert!(own.headers()["location"].to_str().unwrap().starts_with("/resume/"));

    let (_, told) = push(&house, &client, &[]).await;
    let reference = told["request_uri"].as_str().unwrap().to_owned();
    house.later(Duration::from_mins(1));
    let old = house.at_path(&format!("/idp/profile/oidc/authorize?client_id={}&request_uri={reference}", client.id.0));
    assert_eq!(bring(old).await.status().as_u16(), 400, "a minute old");
}

#[tokio::test]
async fn op_13_what_the_browser_would_be_refused_the_client_is_refused_when_it_pushes() {
    let house = House::one().await;
    let client = Registered::at(&house).await;
    for (changed, code) in [
        (("redirect_uri", "https://evil.example/"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "profile"), "invalid_scope"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("request_uri", "https://evil.example/object"), "invalid_request"),
        (("request", "a.b.c"), "invalid_request_object"),
        (("resource", "https://api.example/"), "invalid_target"),
        (("id_token_hint", "a.b.c"), "invalid_request"),
    ] {
        let (status, told) = push(&house, &client, &[changed]).await;
        assert_eq!((status, &told["error"]), (400, &json!(code)), "{changed:?}");
    }
    let endpoint = house.at_path("/idp/profile/oidc/par");
    for (authorization, status) in [(None, 401), (Some("Basic eDp5"), 401)] {
        let mut request = raw().post(&endpoint).form(&[("client_id", client.id.0.as_str())]);
        if let Some(header) = authorization {
            request = request.header("authorization", header);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), if authorization.is_some() { 400 } else { status }, "{authorization:?}");
        assert!(answer.headers()["cache-control"].to_str().unwrap().contains("no-store"));
    }
    assert_eq!(raw().get(&endpoint).send().await.unwrap().status().as_u16(), 405);
}

#[tokio::test]
async fn op_13_a_foreign_reference_is_never_fetched() {
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let foreign = format!("https://{}/object.jwt", listener.local_addr().unwrap());
    let address = client.request(&house, &[("request_uri", &foreign), ("response_mode", "query")]);
    let answer = raw().get(address).send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(REDIRECT_URI) && location.contains("error=request_uri_not_supported"), "{location}");
    let heard = std::pin::pin!(listener.accept());
    assert!(futures_poll(heard), "the listener sees nothing");
}

/// Whether nothing has come yet.
fn futures_poll<T>(mut future: std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    future.as_mut().poll(&mut context).is_pending()
}

#[tokio::test]
async fn op_17_every_parameter_given_twice_is_refused_but_the_one_that_may_be() {
    let house = House::one().await;
    let client = Registered::at(&house).await;
    for name in ["state", "scope", "claims", "prompt", "acr_values", "display", "unknown", "id_token_hint"] {
        let address = client.request(&house, &[(name, "a"), ("response_mode", "query")]) + &format!("&{name}=a");
        let answer = raw().get(address).send().await.unwrap();
        assert!(answer.headers()["location"].to_str().unwrap().contains("error=invalid_request"), "{name}");
    }
}

#[tokio::test]
async fn a_long_request_is_taken_by_form() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let client = Registered::at(&house).await;
    let asked = url::Url::parse(&client.request(&house, &[])).unwrap();
    let long = "x".repeat(40_000);
    let mut fields: Vec<(String, String)> = asked.query_pairs().into_owned().collect();
    fields.push(("unknown".to_owned(), long));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut visitor = Visitor::new();
    visitor.post_from("https://ent.example.org/", &house.at_path("/idp/profile/oidc/authorize"), &fields).await;
    visitor.sign_in(&who).await;
    assert_eq!(visitor.page().submission("Continuer vers ENT d'essai").action.as_str(), REDIRECT_URI);
}

#[tokio::test]
async fn claims_asked_by_name_are_told_where_they_were_asked_and_no_others() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let Some((party, _)) = FlowsParty::welcomed(&house, open_policy(), json!({})).await else { return };
    let claims = encoded(&json!({
        "id_token": { "family_name": { "essential": true }, "FrEduCtPersonAffiliation": null },
        "userinfo": { "given_name": null, "email": { "essential": true } },
    }));
    let answer = arrive(&mut Visitor::new(), &party, &format!("scope=openid&claims={claims}"), &who).await;
    let (claims, userinfo) = (&answer["claims"], &answer["userinfo"]);
    assert!(claims["family_name"].is_string() && claims["FrEduCtPersonAffiliation"].is_array(), "{claims}");
    assert!(claims.get("given_name").is_none());
    let mut told: Vec<&String> = userinfo.as_object().unwrap().keys().collect();
    told.sort();
    assert_eq!(told, ["given_name", "sub"]);
}

#[tokio::test]
async fn an_essential_acr_is_met_or_the_client_is_told_that_it_is_not() {
    let house = House::one().await;
    let (parent, pupil) = (house.guardian(Shape::TwoParents).await, house.student(Shape::TwoParents).await);
    let Some((party, _)) = FlowsParty::welcomed(&house, open_policy(), json!({})).await else { return };
    let insists = |class: &str| encoded(&json!({ "id_token": { "acr": { "essential": true, "values": [class] } } }));
    let mut visitor = Visitor::new();
    visitor.open(&format!("{}?claims={}", party.at("/"), insists("eleve"))).await;
    visitor.sign_in(&parent).await;
    assert_eq!(party.error_brought(&visitor), "unmet_authentication_requirements");
    // Somebody else may sign in there.
    visitor.open(&format!("{}?claims={}", party.at("/"), insists("eleve"))).await;
    visitor.sign_in(&pupil).await;
    assert_eq!(visitor.page().answer()["claims"]["acr"], json!("eleve"));
    visitor.open(&format!("{}?prompt=none&claims={}", party.at("/"), insists("responsable"))).await;
    assert_eq!(party.error_brought(&visitor), "unmet_authentication_requirements");
    visitor.open(&format!("{}?claims={}", party.at("/"), insists("urn:x"))).await;
    assert_eq!(party.error_brought(&visitor), "unmet_authentication_requirements");
}

#[tokio::test]
async fn an_id_token_hint_means_one_person() {
    let house = House::one().await;
    let (parent, pupil) = (house.guardian(Shape::TwoParents).await, house.student(Shape::TwoParents).await);
    let Some((party, _)) = FlowsParty::welcomed(&house, open_policy(), json!({})).await else { return };
    let mut visitor = Visitor::new();
    arrive(&mut visitor, &party, "", &parent).await;
    let hint = visitor.page().pre("id_token");
    let mut other = Visitor::new();
    arrive(&mut other, &party, "", &pupil).await;
    other.open(&format!("{}?prompt=none&id_token_hint={hint}", party.at("/"))).await;
    assert_eq!(party.error_brought(&other), "login_required");
    // With a page allowed, the one who is meant may sign in; whoever else does is not sent on.
    other.open(&format!("{}?id_token_hint={hint}", party.at("/"))).await;
    other.sign_in(&pupil).await;
    assert_eq!(party.error_brought(&other), "login_required");
    other.open(&format!("{}?id_token_hint={hint}", party.at("/"))).await;
    other.sign_in(&parent).await;
    assert!(other.page().answer()["claims"]["sub"].is_string());
    // Expired long ago, it still says who; changed, it is refused.
    house.later(Duration::from_hours(2));
    visitor.open(&format!("{}?id_token_hint={hint}x", party.at("/"))).await;
    assert_eq!(party.error_brought(&visitor), "invalid_request");
}

#[tokio::test]
async fn userinfo_comes_as_a_jwt_to_whoever_registered_it() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    for algorithm in ["RS256", "ES256"] {
        let signed = json!({ "userinfo_signed_response_alg": algorithm });
        let Some((party, id)) = FlowsParty::welcomed(&house, open_policy(), signed).await else { return };
        let mut visitor = Visitor::new();
        // The library verifies it by a published key, its iss, aud and sub.
        let answer = arrive(&mut visitor, &party, "", &who).await;
        assert_eq!(answer["userinfo"]["aud"], json!(id.0), "{algorithm}");
        assert_eq!(answer["userinfo"]["sub"], answer["claims"]["sub"]);
        let token = visitor.page().pre("access_token");
        let told = raw().get(house.at_path("/idp/profile/oidc/userinfo")).bearer_auth(token).send().await.unwrap();
        assert_eq!(told.headers()["content-type"], "application/jwt");
        assert_eq!(told.headers()["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn op_11_two_clients_cannot_join_a_person_and_two_of_one_sector_can() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let mut known_as = Vec::new();
    let sector = "https://region.example/ents.json";
    for metadata in
        [json!({}), json!({}), json!({ "sector_identifier_uri": sector }), json!({ "sector_identifier_uri": sector })]
    {
        let Some((party, _)) = FlowsParty::welcomed(&house, open_policy(), metadata).await else { return };
        let answer = arrive(&mut Visitor::new(), &party, "scope=openid+ect.scope.cnx", &who).await;
        known_as.push((answer["claims"]["sub"].clone(), answer["userinfo"]["FrEduCtId"].clone()));
    }
    let [one, other, first, second] = known_as.as_slice() else { panic!("four") };
    for (left, right) in [(one, other), (one, first), (other, first)] {
        assert_ne!(left.0, right.0, "sub");
        assert_ne!(left.1, right.1, "FrEduCtId");
    }
    assert_eq!(first, second, "the same sector knows the same person");
}

#[tokio::test]
async fn op_14_a_signed_request_signs_in_alone_or_pushed_and_nothing_outside_overrides_it() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = FlowsParty::start().await else { return };
    let keys = party.ask(json!({ "do": "keys" })).await.unwrap();
    let signs = json!({
        "jwks": keys, "require_signed_request_object": true, "request_object_signing_alg": "ES256",
    });
    let id = party.join(&house, open_policy(), signs).await;
    let mut visitor = Visitor::new();
    for way in ["jar", "jar-par"] {
        let answer = arrive(&mut visitor, &party, &format!("way={way}&max_age=600"), &who).await;
        assert!(answer["claims"]["sub"].is_string(), "{way}");
    }
    visitor.open(&party.at("/")).await;
    assert_eq!(party.error_brought(&visitor), "invalid_request", "unsigned");

    visitor.open(&format!("{}?way=jar", party.at("/"))).await;
    let sent = visitor.hops.iter().find(|hop| hop.url.path() == "/idp/profile/oidc/authorize").unwrap().url.clone();
    let object = sent.query_pairs().find(|(name, _)| name == "request").unwrap().1.into_owned();
    let outside = "&redirect_uri=https://evil.example/&prompt=none&scope=email&response_type=token&state=other";
    let answer = raw().get(format!("{sent}{outside}")).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 303);
    assert!(answer.headers()["location"].to_str().unwrap().starts_with("/resume/"), "what is inside counts");

    let (signed, signature) = object.rsplit_once('.').unwrap();
    let (_, claims) = signed.split_once('.').unwrap();
    let none = data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"oauth-authz-req+jwt"}"#);
    let back: String = url::form_urlencoded::byte_serialize(party.redirect_uri.as_bytes()).collect();
    for forged in [format!("{none}.{claims}."), format!("{signed}."), format!("{signed}.{signature}AA")] {
        let address = format!("/idp/profile/oidc/authorize?client_id={}&redirect_uri={back}&request={forged}", id.0);
        let answer = raw().get(house.at_path(&address)).send().await.unwrap();
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(location.starts_with(&party.redirect_uri) && location.contains("error=invalid_request_object"));
    }
    // Without an address outside there is nowhere to answer; another client's name opens nothing.
    let answer = raw().get(house.at_path(&format!("/idp/profile/oidc/authorize?client_id={}&request=a.b.c", id.0)));
    assert_eq!(answer.send().await.unwrap().status().as_u16(), 400);
    let other = Registered::at(&house).await;
    let stolen = raw().get(other.request(&house, &[("request", &object), ("response_mode", "query")]));
    let stolen = stolen.send().await.unwrap().headers()["location"].to_str().unwrap().to_owned();
    assert!(stolen.starts_with(REDIRECT_URI) && stolen.contains("error=invalid_request_object"), "{stolen}");
    house.later(Duration::from_mins(10));
    assert_eq!(raw().get(sent.as_str()).send().await.unwrap().status().as_u16(), 400, "its exp is past");
}
