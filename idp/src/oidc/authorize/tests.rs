mod beyond;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::account::Profile;
use crate::domain::interaction::{ClaimsAsked, Refusal};
use crate::domain::oidc_options::OidcOptions;
use crate::domain::relying_party::{ClientAuthentication, Environment, IdTokenAlgorithm, ReleasePolicy};
use crate::domain::token_options::TokenOptions;

const ISSUER: &str = "https://guichet.example";
const CALLBACK: &str = "https://ent.example/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A confidential client of the ENT, changed as the test needs it.
pub fn client(change: impl FnOnce(&mut OidcParty)) -> RelyingParty {
    let mut party = OidcParty {
        redirect_uris: vec![CALLBACK.to_owned(), "https://ent.example/cb?tenant=1".to_owned()],
        client_authentication: ClientAuthentication::ClientSecretBasic { secret_hash: String::new() },
        pkce_required: true,
        id_token_algorithm: IdTokenAlgorithm::Rs256,
        scopes: ["openid", "profile", "ect.scope.cnx"].map(str::to_owned).into(),
        sector: "ent.example".to_owned(),
        backchannel_logout_uri: None,
        keys: None,
        options: OidcOptions::default(),
        tokens: TokenOptions::default(),
    };
    change(&mut party);
    RelyingParty {
        id: PartyId("ent-exemple".to_owned()),
        name: "ENT Exemple".to_owned(),
        environment: Environment::Production,
        is_suspended: false,
        start: None,
        policy: ReleasePolicy { attributes: BTreeSet::new(), profiles: BTreeSet::new(), in_charge: false },
        protocol: Protocol::Oidc(party),
    }
}

/// A good request, with some parameters replaced, added (`Some`) or left out (`None`).
fn query(changes: &[(&str, Option<&str>)]) -> String {
    let mut fields = vec![
        ("client_id", "ent-exemple"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "xyz"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        fields.extend(value.map(|value| (*name, value)));
    }
    serde_urlencoded::to_string(fields).unwrap()
}

fn read_by(party: &RelyingParty, raw: &str) -> Result<(Asked, OidcReply), Refused> {
    read(&Parameters::parse(raw).unwrap(), party, ISSUER)
}

fn read_with(changes: &[(&str, Option<&str>)]) -> Result<(Asked, OidcReply), Refused> {
    read_by(&client(|_| ()), &query(changes))
}

/// The `error` sent to the registered address; fails if it went anywhere else or nowhere.
fn error_sent(result: Result<(Asked, OidcReply), Refused>) -> String {
    let Err(Refused::Reply(Outgoing::Redirect(address))) = result else {
        panic!("no error was sent: {result:?}");
    };
    let (target, query) = address.split_once('?').unwrap();
    assert_eq!(target, CALLBACK);
    let fields: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    assert!(fields.contains(&("iss".to_owned(), ISSUER.to_owned())));
    fields.into_iter().find(|(name, _)| name == "error").unwrap().1
}

#[test]
fn a_good_request_is_understood() {
    let (asked, reply) = read_with(&[]).unwrap();
    assert_eq!(asked, Asked::default());
    assert_eq!(
        reply,
        OidcReply {
            redirect_uri: CALLBACK.to_owned(),
            response_mode: ResponseMode::Query,
            state: Some("xyz".to_owned()),
            nonce: Some("n-1".to_owned()),
            scopes: vec!["openid".to_owned(), "profile".to_owned()],
            code_challenge: Some(CHALLENGE.to_owned()),
            resources: Vec::new(),
            dpop_jkt: None,
            claims: ClaimsAsked::default(),
        }
    );
}

#[test]
fn op_01_no_variant_of_a_registered_address_is_one() {
    for variant in [
        "https://ENT.example/cb",
        "HTTPS://ent.example/cb",
        "http://ent.example/cb",
        "https://ent.example/CB",
        "https://ent.example/cb/",
        "https://ent.example/cb//",
        "https://ent.example/./cb",
        "https://ent.example/x/../cb",
        "https://ent.example/%63b",
        "https://ent.example/%2e/cb",
        "https://ent.example/cb%2f",
        "https://ent.example:443/cb",
        "https://ent.example:8443/cb",
        "https://ent.example./cb",
        "https://x@ent.example/cb",
        "https://ent.example@evil.example/cb",
        "https://ent.example.evil.example/cb",
        "https://evil.example/cb",
        "https:\\\\ent.example\\cb",
        "https://ent.example\\@evil.example/cb",
        "https://ent.example/cb?x=1",
        "https://ent.example/cb?",
        "https://ent.example/cb#",
        "https://ent.example/cb#x",
        "https://еnt.example/cb",
        "https://xn--nt-9kb.example/cb",
        "https://ent.example/cb\t",
        "\thttps://ent.example/cb",
        " https://ent.example/cb",
        "https://ent.example/cb ",
        "https://ent.example/c\tb",
        "https://ent.example/cb\r\nLocation: https://evil.example",
        "https://ent.example/cb\0",
        "https://ent.example/cb?tenant=2",
        "https://ent.example/cb?tenant=1&tenant=1",
        "//ent.example/cb",
        "/cb",
        "javascript:alert(1)",
    ] {
        let refused = read_with(&[("redirect_uri", Some(variant))]);
        assert_eq!(refused, Err(Refused::Local(Reason::UnregisteredRedirectUri)), "{variant:?}");
    }
    assert_eq!(read_with(&[("redirect_uri", None)]), Err(Refused::Local(Reason::NoRedirectUri)));
    assert_eq!(read_with(&[("redirect_uri", Some(""))]), Err(Refused::Local(Reason::NoRedirectUri)));
}

#[test]
fn op_01_the_address_comes_before_anything_else_that_is_wrong() {
    let everything_wrong = [
        ("redirect_uri", Some("https://evil.example/cb")),
        ("response_type", Some("token")),
        ("scope", None),
        ("request", Some("x")),
        ("prompt", Some("none login")),
    ];
    assert_eq!(read_with(&everything_wrong), Err(Refused::Local(Reason::UnregisteredRedirectUri)));
}

#[test]
fn op_01_a_repeated_client_or_address_is_answered_by_a_page() {
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", query(&[]));
    assert_eq!(read_by(&client(|_| ()), &twice), Err(Refused::Local(Reason::NoRedirectUri)));
    let parameters = Parameters::parse(&format!("{}&client_id=other", query(&[]))).unwrap();
    assert_eq!(parameters.client_id(), Err(Reason::ClientId));
}

#[test]
fn a_client_that_is_another_a_suspended_or_a_saml_one_gets_a_page() {
    assert_eq!(read_with(&[("client_id", Some("another"))]), Err(Refused::Local(Reason::UnknownClient)));
    let mut suspended = client(|_| ());
    suspended.is_suspended = true;
    assert_eq!(read_by(&suspended, &query(&[])), Err(Refused::Local(Reason::SuspendedClient)));
    for id in ["", "a\nb", "é", "\0", &"a".repeat(256)] {
        let parameters = Parameters::parse(&query(&[("client_id", Some(id))])).unwrap();
        assert_eq!(parameters.client_id(), Err(Reason::ClientId), "{id:?}");
    }
}

#[test]
fn op_02_only_the_code_flow_in_query_or_form_post() {
    for response_type in ["token", "id_token", "code id_token", "code token", "none", "CODE", "code "] {
        let error = error_sent(read_with(&[("response_type", Some(response_type))]));
        assert_eq!(error, "unsupported_response_type", "{response_type}");
    }
    assert_eq!(error_sent(read_with(&[("response_type", None)])), "invalid_request");
    for mode in ["fragment", "form_post.jwt", "web_message", "QUERY"] {
        assert_eq!(error_sent(read_with(&[("response_mode", Some(mode))])), "invalid_request", "{mode}");
    }
    let (_, reply) = read_with(&[("response_mode", Some("query"))]).unwrap();
    assert_eq!(reply.response_mode, ResponseMode::Query);
    let (_, reply) = read_with(&[("response_mode", Some("form_post"))]).unwrap();
    assert_eq!(reply.response_mode, ResponseMode::FormPost);
}

#[test]
fn op_13_op_14_an_unsigned_object_is_refused_and_a_foreign_one_never_fetched() {
    let request_uri = read_with(&[("request_uri", Some("https://evil.example/object"))]);
    assert_eq!(error_sent(request_uri), "request_uri_not_supported");
    assert_eq!(error_sent(read_with(&[("request", Some("a.b.c"))])), "invalid_request_object");
    assert_eq!(error_sent(read_with(&[("registration", Some("{}"))])), "registration_not_supported");
}

#[test]
fn op_03_a_challenge_with_s256_is_required_and_plain_refused() {
    let without = [("code_challenge", None), ("code_challenge_method", None)];
    assert_eq!(error_sent(read_with(&without)), "invalid_request");
    for (challenge, method) in [
        (Some(CHALLENGE), Some("plain")),
        (Some(CHALLENGE), None),
        (Some(CHALLENGE), Some("s256")),
        (None, Some("S256")),
        (Some("short"), Some("S256")),
        (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="), Some("S256")),
        (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"), Some("S256")),
    ] {
        let changes = [("code_challenge", challenge), ("code_challenge_method", method)];
        assert_eq!(error_sent(read_with(&changes)), "invalid_request", "{challenge:?} {method:?}");
        // An exemption is from sending a challenge, not from sending a good one.
        let exempt = client(|party| party.pkce_required = false);
        assert_eq!(error_sent(read_by(&exempt, &query(&changes))), "invalid_request", "{challenge:?} {method:?}");
    }
}

#[test]
fn op_03_an_exempted_client_owes_a_nonce_and_a_public_client_is_never_exempt() {
    let without = [("code_challenge", None), ("code_challenge_method", None)];
    let no_nonce = [("code_challenge", None), ("code_challenge_method", None), ("nonce", None)];
    let exempt = client(|party| party.pkce_required = false);
    let (_, reply) = read_by(&exempt, &query(&without)).unwrap();
    assert_eq!(reply.code_challenge, None);
    assert_eq!(error_sent(read_by(&exempt, &query(&no_nonce))), "invalid_request");
    let public = client(|party| {
        party.pkce_required = false;
        party.client_authentication = ClientAuthentication::None;
    });
    assert_eq!(error_sent(read_by(&public, &query(&without))), "invalid_request");
    // With a challenge, no nonce is needed (RFC 9700 2.1.1).
    assert!(read_with(&[("nonce", None)]).is_ok());
}

#[test]
fn op_04_state_and_issuer_come_back_on_both_outcomes_and_in_both_modes() {
    let state = "ü /&=+\"<script>";
    let (_, mut reply) = read_with(&[("state", Some(state))]).unwrap();
    for outgoing in [answer(&reply, "c0de", ISSUER), refuse(&reply, Error::AccessDenied, ISSUER)] {
        let Outgoing::Redirect(address) = outgoing else { panic!("a redirect was asked") };
        assert!(address.is_ascii() && !address.contains(['<', '"', ' ']));
        let fields: Vec<(String, String)> = serde_urlencoded::from_str(address.split_once('?').unwrap().1).unwrap();
        assert!(fields.contains(&("state".to_owned(), state.to_owned())));
        assert!(fields.contains(&("iss".to_owned(), ISSUER.to_owned())));
    }
    reply.response_mode = ResponseMode::FormPost;
    let fields = |outgoing| match outgoing {
        Outgoing::Form { action, fields } if action == CALLBACK => fields,
        other => panic!("a form was asked: {other:?}"),
    };
    let success = fields(answer(&reply, "c0de", ISSUER));
    assert_eq!(success, [("code", "c0de".to_owned()), ("state", state.to_owned()), ("iss", ISSUER.to_owned())]);
    let failure = fields(refuse(&reply, Error::LoginRequired, ISSUER));
    assert!(
        failure.contains(&("error", "login_required".to_owned())) && failure.contains(&("state", state.to_owned()))
    );
}

#[test]
fn op_04_what_would_be_echoed_is_bounded_and_printable() {
    assert!(read_with(&[("state", Some(&"s".repeat(1024))), ("nonce", Some(&"n".repeat(512)))]).is_ok());
    for (name, value) in [
        ("state", "s".repeat(1025)),
        ("state", "a\r\nb".to_owned()),
        ("state", "\0".to_owned()),
        ("nonce", "n".repeat(513)),
        ("nonce", "\0".to_owned()),
    ] {
        let result = read_with(&[(name, Some(&value))]);
        if let (Err(Refused::Reply(Outgoing::Redirect(address))), "state") = (&result, name) {
            assert!(!address.contains("state="));
        }
        assert_eq!(error_sent(result), "invalid_request", "{name}");
    }
}

#[test]
fn the_registered_query_is_kept_before_the_answer() {
    let (_, reply) = read_with(&[("redirect_uri", Some("https://ent.example/cb?tenant=1")), ("state", None)]).unwrap();
    assert_eq!(
        answer(&reply, "c0de", ISSUER),
        Outgoing::Redirect("https://ent.example/cb?tenant=1&code=c0de&iss=https%3A%2F%2Fguichet.example".to_owned())
    );
}

#[test]
fn an_error_tells_the_developer_and_repeats_nothing() {
    let Err(Refused::Reply(Outgoing::Redirect(address))) = read_with(&[("response_type", Some("<b>token</b>"))]) else {
        panic!("an error goes to the client");
    };
    insta::assert_snapshot!(address);
}

#[test]
fn op_12_prompt_and_max_age_become_what_is_asked() {
    let asked = |prompt| read_with(&[("prompt", Some(prompt))]).unwrap().0;
    assert!(asked("none").passive);
    assert!(asked("login").fresh);
    assert!(asked("select_account").choose && !asked("select_account").fresh);
    assert_eq!(asked("consent"), Asked { consent: true, ..Asked::default() });
    assert!(asked("login select_account").fresh && asked("login select_account").choose);
    for both in ["none login", "login none", "none consent", "none unknown", "none none"] {
        assert_eq!(error_sent(read_with(&[("prompt", Some(both))])), "invalid_request", "{both}");
    }
    let max_age = |age| read_with(&[("max_age", Some(age))]).map(|(asked, _)| asked.max_age);
    assert_eq!(max_age("0"), Ok(Some(0)));
    let is_fresh = |age| read_with(&[("max_age", Some(age))]).unwrap().0.fresh;
    assert_eq!([is_fresh("0"), is_fresh("1")], [true, false], "Core 3.1.2.1: no age is prompt=login");
    assert_eq!(max_age("3600"), Ok(Some(3600)));
    assert_eq!(max_age("99999999999999"), Ok(Some(u32::MAX)));
    for age in ["-1", "1.5", "x", "+1", " 1", "1e3"] {
        assert_eq!(error_sent(read_with(&[("max_age", Some(age))])), "invalid_request", "{age}");
    }
}

#[test]
fn hints_open_the_right_page_and_never_refuse() {
    let asked = |name, value: &str| read_with(&[(name, Some(value))]).unwrap().0;
    assert_eq!(asked("acr_values", "eleve").view, Some(Profile::Student));
    assert_eq!(asked("acr_values", "urn:x responsable eleve").view, Some(Profile::Guardian));
    assert_eq!(asked("acr_values", "urn:mace:incommon:iap:silver").view, None);
    assert_eq!(asked("ui_locales", "fr-CA en <b> x").languages, ["fr-CA", "en"]);
    assert_eq!(asked("login_hint", "c.exemple12").login_hint.as_deref(), Some("c.exemple12"));
    assert_eq!(asked("login_hint", &"a".repeat(129)).login_hint, None);
    assert_eq!(asked("claims", "{}"), Asked::default());
}

#[test]
fn scopes_that_are_not_registered_are_left_out_and_openid_is_needed() {
    let scopes = |scope| read_with(&[("scope", Some(scope))]).unwrap().1.scopes;
    assert_eq!(scopes("openid profile email"), ["openid", "profile"]);
    assert_eq!(scopes("ect.scope.cnx openid openid  ect.scope.stage"), ["ect.scope.cnx", "openid"]);
    for scope in [None, Some("profile"), Some("OPENID"), Some("openid,profile")] {
        assert_eq!(error_sent(read_with(&[("scope", scope)])), "invalid_scope", "{scope:?}");
    }
}

#[test]
fn op_17_a_repeated_parameter_is_refused_and_an_unknown_one_ignored() {
    for name in ["state", "nonce", "scope", "prompt", "unknown"] {
        let raw = format!("{}&{name}=a&{name}=a", query(&[(name, None)]));
        assert_eq!(error_sent(read_by(&client(|_| ()), &raw)), "invalid_request", "{name}");
    }
    assert!(read_with(&[("unknown", Some("x"))]).is_ok());
}

#[test]
fn every_refusal_of_the_domain_has_its_code() {
    let code = |refusal| Error::from(refusal).code();
    assert_eq!(code(Refusal::NoPassive), "login_required");
    assert_eq!(code(Refusal::InteractionRequired), "interaction_required");
    assert_eq!(code(Refusal::NotOpenTo(Profile::Student)), "access_denied");
    assert_eq!(code(Refusal::SomeoneElse), "login_required");
    assert_eq!(code(Refusal::Unmet), "unmet_authentication_requirements");
    assert_eq!(code(Refusal::ConsentRequired), "consent_required");
    assert_eq!(code(Refusal::Declined), "access_denied");
}

proptest! {
    #[test]
    fn any_query_is_read_or_refused(raw in "\\PC{0,300}") {
        if let Ok(parameters) = Parameters::parse(&raw) {
            let _ = read(&parameters, &client(|_| ()), ISSUER);
        }
    }

    #[test]
    fn op_01_no_other_address_is_ever_answered(address in "(https://ent\\.example/cb\\PC{1,20}|\\PC{1,60})") {
        prop_assume!(address != CALLBACK && address != "https://ent.example/cb?tenant=1");
        let refused = read_with(&[("redirect_uri", Some(&address))]);
        prop_assert!(matches!(refused, Err(Refused::Local(_))));
    }

    #[test]
    fn op_17_any_values_are_read_or_refused(name in "(state|nonce|scope|prompt|max_age|acr_values|ui_locales|response_mode|code_challenge)", value in "\\PC{0,80}") {
        match read_with(&[(&name, Some(&value))]) {
            Ok((_, reply)) => prop_assert_eq!(reply.redirect_uri, CALLBACK),
            Err(Refused::Reply(Outgoing::Redirect(address))) => prop_assert!(address.starts_with(CALLBACK)),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn a_token_s_resource_and_key_are_kept_with_the_code() {
    let key = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let party = client(|party| party.tokens.resources = ["https://api.ent.example/".to_owned()].into());
    let raw = query(&[("resource", Some("https://api.ent.example/")), ("dpop_jkt", Some(key))]);
    let (_, reply) = read_by(&party, &raw).unwrap();
    assert_eq!(
        (&reply.resources[..], reply.dpop_jkt.as_deref()),
        (&["https://api.ent.example/".to_owned()][..], Some(key))
    );
    let error = |name, value| match read_by(&party, &query(&[(name, Some(value))])) {
        Err(Refused::Reply(Outgoing::Redirect(address))) => address,
        other => panic!("{other:?}"),
    };
    assert!(error("resource", "https://other.example/").contains("error=invalid_target"));
    assert!(error("dpop_jkt", "short").contains("error=invalid_request"));
}
