//! What a request may ask beyond a plain sign-in: pushed and signed requests, resources, claims by name.

use super::*;

#[test]
fn op_13_a_client_that_must_push_is_held_to_it_and_one_that_must_sign_too() {
    let pushing = client(|party| party.options.pushed_requests_required = true);
    assert_eq!(error_sent(read_by(&pushing, &query(&[]))), "invalid_request");
    let pushed = Parameters::pushed_before(&query(&[])).unwrap();
    assert!(read(&pushed, &pushing, ISSUER).is_ok());
    let signing = client(|party| party.options.signed_requests_required = true);
    assert_eq!(error_sent(read_by(&signing, &query(&[]))), "invalid_request");
    let plain = par::read(query(&[]).as_bytes(), &signing.id).unwrap();
    assert!(matches!(check(&plain, &signing), Err(Denied::Reply(_, Error::InvalidRequest(_)))));
}

#[test]
fn op_13_what_is_pushed_holds_no_secret_and_no_other_reference() {
    let id = PartyId("ent-exemple".to_owned());
    let body = query(&[("client_secret", Some("s")), ("client_assertion", Some("a")), ("client_id", None)]);
    let pushed = par::read(body.as_bytes(), &id).unwrap();
    assert_eq!(pushed.client_id().as_ref(), Ok(&id));
    assert!(!pushed.encoded().contains("client_secret") && !pushed.encoded().contains("assertion"));
    for other in ["urn:ietf:params:oauth:request_uri:x", "https://evil.example/object", ""] {
        assert!(par::read(query(&[("request_uri", Some(other))]).as_bytes(), &id).is_none(), "{other}");
    }
}

#[test]
fn a_resource_is_one_of_those_registered() {
    let party = client(|party| party.tokens.resources = ["https://api.example/".to_owned()].into());
    let read = |raw: &str| read_by(&party, raw).map(|(_, reply)| reply.resources);
    let twice = query(&[("resource", Some("https://api.example/"))]) + "&resource=https%3A%2F%2Fapi.example%2F";
    assert_eq!(read(&twice).unwrap(), ["https://api.example/"]);
    for other in ["https://api.example", "https://evil.example/", "https://api.example/#x", "api"] {
        let result = read_by(&party, &query(&[("resource", Some(other))]));
        assert_eq!(error_sent(result), "invalid_target", "{other}");
    }
    assert_eq!(error_sent(read_with(&[("resource", Some("https://api.example/"))])), "invalid_target");
}

#[test]
fn a_key_to_bind_the_code_to_is_kept() {
    let jkt = |text| read_with(&[("dpop_jkt", Some(text))]);
    assert_eq!(jkt(CHALLENGE).unwrap().1.dpop_jkt.as_deref(), Some(CHALLENGE));
    assert_eq!(error_sent(jkt("short")), "invalid_request");
}

#[test]
fn claims_by_name_are_those_that_a_registered_scope_could_open() {
    let claims = |text: &str| read_with(&[("claims", Some(text))]);
    let (asked, reply) = claims(
        r#"{"userinfo":{"given_name":{"essential":true},"FrEduVecteur":null,"nickname":null,"address":{}},
            "id_token":{"family_name":null,"auth_time":{"essential":true}},"other":1}"#,
    )
    .unwrap();
    assert_eq!(asked, Asked::default());
    assert_eq!(reply.claims.userinfo, ["FrEduVecteur", "given_name"].map(str::to_owned).into());
    assert_eq!(reply.claims.id_token, ["family_name".to_owned()].into());
    let narrow = client(|party| party.scopes = ["openid".to_owned()].into());
    let narrow = read_by(&narrow, &query(&[("claims", Some(r#"{"userinfo":{"given_name":null}}"#))])).unwrap();
    assert_eq!(narrow.1.claims, ClaimsAsked::default());
    for broken in ["", "x", "[]", "1", r#"{"userinfo":1}"#, r#"{"id_token":[]}"#, &"1".repeat(9000)] {
        let outcome = claims(broken);
        if broken.is_empty() {
            assert!(outcome.is_ok(), "one left out");
        } else {
            assert_eq!(error_sent(outcome), "invalid_request", "{broken}");
        }
    }
}

#[test]
fn an_essential_acr_is_insisted_on_and_another_one_is_a_hint() {
    let acr = |asked: &str| {
        let claims = format!(r#"{{"id_token":{{"acr":{asked}}}}}"#);
        read_with(&[("claims", Some(&claims)), ("acr_values", Some("responsable"))]).map(|(asked, _)| asked)
    };
    let essential = acr(r#"{"essential":true,"values":["urn:x","eleve"]}"#).unwrap();
    assert_eq!((essential.profiles, essential.view), (vec![Profile::Student], Some(Profile::Student)));
    assert_eq!(acr(r#"{"essential":true}"#).unwrap().profiles, [Profile::Student, Profile::Guardian]);
    let voluntary = acr(r#"{"value":"eleve"}"#).unwrap();
    assert_eq!((voluntary.profiles, voluntary.view), (Vec::new(), Some(Profile::Student)));
    assert_eq!(acr("null").unwrap().view, Some(Profile::Guardian));
    let claims = r#"{"id_token":{"acr":{"essential":true,"values":["urn:mace:incommon:iap:silver"]}}}"#;
    assert_eq!(error_sent(read_with(&[("claims", Some(claims))])), "unmet_authentication_requirements");
}

#[test]
fn sub_with_a_value_asks_for_one_person() {
    let subject = |claims: &str| read_with(&[("claims", Some(claims))]);
    let one = subject(r#"{"id_token":{"sub":{"value":"A"}},"userinfo":{"sub":{"value":"A"}}}"#).unwrap().0;
    assert_eq!(one.subject.as_deref(), Some("A"));
    assert_eq!(subject(r#"{"id_token":{"sub":null}}"#).unwrap().0.subject, None);
    let two = subject(r#"{"id_token":{"sub":{"value":"A"}},"userinfo":{"sub":{"value":"B"}}}"#);
    assert_eq!(error_sent(two), "invalid_request");
}

#[test]
fn a_registered_greatest_age_counts_where_the_request_says_none() {
    let party = client(|party| party.options.default_max_age = Some(600));
    let age = |changes: &[(&str, Option<&str>)]| read_by(&party, &query(changes)).unwrap().0.max_age;
    assert_eq!((age(&[]), age(&[("max_age", Some("5"))])), (Some(600), Some(5)));
}
