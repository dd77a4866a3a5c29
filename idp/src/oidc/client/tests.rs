use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::domain::client_keys::JwsAlgorithm;
use crate::domain::relying_party::ClientAuthentication;
use crate::oidc::call;
use crate::oidc::jws::tests::ec_jwk;

mod certificates;

const SECRET: &str = "c2VjcmV0LW9mLTI1Ni1yYW5kb20tYml0cy1mb3ItdGVzdHM";

fn id() -> PartyId {
    PartyId("ent-exemple".to_owned())
}

/// A small good registration with the members of `changes` laid over it.
fn with(changes: &Value) -> Value {
    let mut metadata = json!({"client_name": "ENT Exemple", "redirect_uris": ["https://ent.example/cb"]});
    metadata.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    metadata
}

fn registered(changes: &Value) -> Result<Registration, Error> {
    read(with(changes).to_string().as_bytes(), Environment::Production, MutualTls::Off)
}

/// The field a refusal names.
fn refused(changes: &Value) -> String {
    match registered(changes) {
        Err(Error::Field { field, why }) => {
            assert!(!why.is_empty());
            field
        }
        other => panic!("{changes} was not refused: {other:?}"),
    }
}

#[test]
fn a_small_registration_gets_the_defaults_of_the_standard() {
    let registration = registered(&json!({})).unwrap();
    assert_eq!(registration.name.as_deref(), Some("ENT Exemple"));
    assert_eq!(
        registration.party(&id(), SECRET),
        OidcParty {
            redirect_uris: vec!["https://ent.example/cb".to_owned()],
            client_authentication: ClientAuthentication::ClientSecretBasic { secret_hash: call::secret_hash(SECRET) },
            pkce_required: true,
            id_token_algorithm: IdTokenAlgorithm::Rs256,
            scopes: ["openid", "profile"].map(str::to_owned).into(),
            sector: "ent.example".to_owned(),
            backchannel_logout_uri: None,
            keys: None,
            options: OidcOptions::default(),
            tokens: TokenOptions::default(),
        }
    );
}

#[test]
fn everything_the_file_may_say_is_taken_over() {
    let registration = registered(&json!({
        "client_id": "ent-1", "token_endpoint_auth_method": "client_secret_post",
        "id_token_signed_response_alg": "ES256", "scope": "profile ect.scope.cnx", "require_pkce": false,
        "client_uri": "https://ent.example/", "initiate_login_uri": "https://ent.example/login",
        "redirect_uris": ["https://ent.example/cb", "https://www.ent.example/cb", "https://ent.example/cb"],
        "sector_identifier_uri": "https://ent.example/sector.json",
        "response_types": ["code"], "grant_types": ["authorization_code", "refresh_token"],
        "subject_type": "pairwise", "contacts": ["technique@ent.example"], "logo_uri": null,
    }))
    .unwrap();
    assert_eq!(registration.id, Some(PartyId("ent-1".to_owned())));
    assert_eq!(registration.start.as_deref(), Some("https://ent.example/"));
    let party = registration.party(&id(), SECRET);
    assert_eq!(party.redirect_uris.len(), 2);
    assert!(!party.pkce_required);
    assert_eq!(party.id_token_algorithm, IdTokenAlgorithm::Es256);
    assert_eq!(party.scopes, ["openid", "profile", "ect.scope.cnx"].map(str::to_owned).into());
    assert!(matches!(party.client_authentication, ClientAuthentication::ClientSecretPost { .. }));
}

#[test]
fn op_21_the_response_shows_the_secret_and_what_was_replaced() {
    let registration = registered(&json!({
        "scope": "openid profile email offline_access", "grant_types": ["authorization_code", "refresh_token"],
    }))
    .unwrap();
    insta::assert_json_snapshot!(registration.response(&id(), SECRET, datetime!(2026-09-01 08:00 UTC)));
    let public = registered(&json!({"token_endpoint_auth_method": "none"})).unwrap();
    assert!(!public.has_secret());
    let response = public.response(&id(), SECRET, datetime!(2026-09-01 08:00 UTC));
    assert_eq!(response.get("client_secret"), None);
    assert_eq!(public.party(&id(), SECRET).client_authentication, ClientAuthentication::None);
}

#[test]
fn op_21_a_bad_registration_names_its_field() {
    for (changes, field) in [
        (json!({"redirect_uris": null}), "redirect_uris"),
        (json!({"redirect_uris": []}), "redirect_uris"),
        (json!({"redirect_uris": "https://ent.example/cb"}), "redirect_uris"),
        (json!({"redirect_uris": [1]}), "redirect_uris"),
        (json!({"redirect_uris": ["https://*.ent.example/cb"]}), "redirect_uris"),
        (json!({"redirect_uris": ["https://ent.example/cb", "https://ent.example/cb#x"]}), "redirect_uris"),
        (json!({"redirect_uris": ["http://ent.example/cb"]}), "redirect_uris"),
        (json!({"redirect_uris": ["fr.exemple.app:/cb"]}), "redirect_uris"),
        (json!({"redirect_uris": ["javascript:alert(1)"], "token_endpoint_auth_method": "none"}), "redirect_uris"),
        (json!({"redirect_uris": vec!["https://ent.example/cb"; 33]}), "redirect_uris"),
        (json!({"redirect_uris": ["https://a.example/", "https://b.example/"]}), "sector_identifier_uri"),
        (json!({"sector_identifier_uri": "http://ent.example/"}), "sector_identifier_uri"),
        (json!({"token_endpoint_auth_method": "client_secret_jwt"}), "token_endpoint_auth_method"),
        (json!({"token_endpoint_auth_method": 1}), "token_endpoint_auth_method"),
        (json!({"id_token_signed_response_alg": "none"}), "id_token_signed_response_alg"),
        (json!({"id_token_signed_response_alg": "HS256"}), "id_token_signed_response_alg"),
        (json!({"require_pkce": false, "token_endpoint_auth_method": "none"}), "require_pkce"),
        (json!({"require_pkce": "no"}), "require_pkce"),
        (json!({"response_types": ["id_token"]}), "response_types"),
        (json!({"grant_types": ["implicit"]}), "grant_types"),
        (json!({"subject_type": "public"}), "subject_type"),
        (json!({"client_secret": "chosen"}), "client_secret"),
        (json!({"client_id": "a b"}), "client_id"),
        (json!({"client_name": "a\nb"}), "client_name"),
        (json!({"client_name": "a".repeat(101)}), "client_name"),
        (json!({"client_uri": "ent.example"}), "client_uri"),
        (json!({"initiate_login_uri": "http://ent.example/"}), "initiate_login_uri"),
        (json!({"scope": ["openid"]}), "scope"),
        (json!({"scope": "a\"b"}), "scope"),
        (json!({"default_max_age": "60"}), "default_max_age"),
        (json!({"userinfo_signed_response_alg": "HS256"}), "userinfo_signed_response_alg"),
        (json!({"request_object_signing_alg": "none"}), "request_object_signing_alg"),
        (json!({"require_pushed_authorization_requests": "yes"}), "require_pushed_authorization_requests"),
        (json!({"require_signed_request_object": 1}), "require_signed_request_object"),
        (json!({"consent_required": "no"}), "consent_required"),
        (json!({"post_logout_redirect_uris": ["https://*.ent.example/"]}), "post_logout_redirect_uris"),
        (json!({"post_logout_redirect_uris": ["http://ent.example/"]}), "post_logout_redirect_uris"),
        (json!({"post_logout_redirect_uris": vec!["https://ent.example/"; 33]}), "post_logout_redirect_uris"),
        (json!({"frontchannel_logout_uri": "https://other.example/out"}), "frontchannel_logout_uri"),
        (json!({"frontchannel_logout_uri": "https://localhost/out"}), "frontchannel_logout_uri"),
        (json!({"frontchannel_logout_session_required": "no"}), "frontchannel_logout_session_required"),
        (json!({"dpop_bound_access_tokens": "yes"}), "dpop_bound_access_tokens"),
        (json!({"tls_client_certificate_bound_access_tokens": true}), "tls_client_certificate_bound_access_tokens"),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), "jwks"),
        (json!({"resources": ["api"]}), "resources"),
        (json!({"resources": ["https://api.ent.example/#a"]}), "resources"),
        (json!({"serves_resources": "https://api.ent.example/"}), "serves_resources"),
        (json!({"security_profile": "fapi1"}), "security_profile"),
    ] {
        assert_eq!(refused(&changes), field, "{changes}");
    }
    assert!(registered(&json!({"userinfo_signed_response_alg": "none", "dpop_bound_access_tokens": false})).is_ok());
}

#[test]
fn every_option_is_taken_over_and_told_back() {
    let changes = json!({
        "post_logout_redirect_uris": ["https://ent.example/bye"], "frontchannel_logout_uri": "https://ent.example/out",
        "frontchannel_logout_session_required": true, "require_pushed_authorization_requests": true,
        "require_signed_request_object": true, "request_object_signing_alg": "PS256",
        "userinfo_signed_response_alg": "ES256", "consent_required": true, "resources": ["https://api.example/"],
        "default_max_age": 3600,
    });
    let registration = registered(&changes).unwrap();
    let options = registration.party(&id(), SECRET).options;
    assert!(options.pushed_requests_required && options.signed_requests_required && options.consent_required);
    assert_eq!(options.userinfo_algorithm, Some(IdTokenAlgorithm::Es256));
    assert_eq!(options.default_max_age, Some(3600));
    let response = registration.response(&id(), SECRET, datetime!(2026-09-01 08:00 UTC));
    for (member, value) in changes.as_object().unwrap() {
        assert_eq!(response.get(member), Some(value), "{member}");
    }
}

#[test]
fn op_11_a_sector_has_to_name_every_address_of_the_client() {
    let changes = json!({
        "redirect_uris": ["https://ent.example/cb", "https://autre.example/cb"],
        "sector_identifier_uri": "https://region.example/ents.json",
    });
    let registration = registered(&changes).unwrap();
    assert_eq!(registration.party(&id(), SECRET).sector, "region.example");
    let check = |document: Value| registration.check_sector(document.to_string().as_bytes());
    assert_eq!(check(json!(["https://autre.example/cb", "https://ent.example/cb", "https://x.example/"])), Ok(()));
    for document in
        [json!(["https://ent.example/cb"]), json!([]), json!({}), json!([1]), json!("https://ent.example/cb")]
    {
        assert!(check(document.clone()).is_err(), "{document}");
    }
}

#[test]
fn a_file_that_is_no_metadata_says_where_it_stops() {
    let read = |text: &str| read(text.as_bytes(), Environment::Test, MutualTls::Off);
    assert_eq!(read("{\n  \"client_name\": }"), Err(Error::NotJson { line: 2, column: 18 }));
    assert_eq!(read("[]"), Err(Error::NotAnObject));
}

#[test]
fn a_refusal_reads_as_a_sentence() {
    let message = |changes: Value| registered(&changes).unwrap_err().to_string();
    assert_eq!(
        message(json!({"redirect_uris": ["https://ENT.example/cb"]})),
        "redirect_uris: https://ENT.example/cb is not written as browsers send it: write https://ent.example/cb"
    );
    let long = message(json!({"redirect_uris": [format!("https://ent.example/{}\n", "a".repeat(3000))]}));
    assert!(long.len() < 300 && !long.contains('\n'));
}

#[test]
fn op_11_clients_on_one_machine_or_with_a_scheme_of_their_own_share_no_sector() {
    let test = |changes: Value| read(with(&changes).to_string().as_bytes(), Environment::Test, MutualTls::Off).unwrap();
    let local = test(json!({"redirect_uris": ["http://localhost:3000/cb", "http://127.0.0.1:3000/cb"]}));
    assert_eq!(local.party(&id(), SECRET).sector, "ent-exemple");
    let app = registered(&json!({"redirect_uris": ["fr.exemple.app:/cb"], "token_endpoint_auth_method": "none"}));
    assert_eq!(app.unwrap().party(&id(), SECRET).sector, "ent-exemple");
    let both = test(json!({"redirect_uris": ["http://localhost:3000/cb", "https://ent.example/cb"]}));
    assert_eq!(both.party(&id(), SECRET).sector, "ent.example");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, Environment::Test, MutualTls::Off);
    }

    #[test]
    fn any_text_in_any_member_is_read_or_refused(
        member in "(redirect_uris|client_id|client_name|client_uri|initiate_login_uri|scope|sector_identifier_uri|subject_type)",
        text in "\\PC{0,80}",
        in_list in any::<bool>(),
    ) {
        let value = if in_list { json!([text]) } else { json!(text) };
        if let Ok(registration) = registered(&json!({member: value})) {
            let _ = registration.response(&id(), SECRET, datetime!(2026-09-01 08:00 UTC));
        }
    }
}

#[test]
fn the_keys_of_a_client_are_given_by_value_or_by_address() {
    let set = json!({"keys": [ec_jwk()]});
    let party = registered(&json!({"jwks": set})).unwrap().party(&id(), SECRET);
    assert!(matches!(party.keys, Some(ClientKeys::Jwks(set)) if set.keys.len() == 1));
    let registration = registered(&json!({"jwks_uri": "https://ent.example/jwks"})).unwrap();
    let address = ClientKeys::JwksUri("https://ent.example/jwks".to_owned());
    assert_eq!(registration.party(&id(), SECRET).keys, Some(address));
    let told = registration.response(&id(), SECRET, datetime!(2026-09-01 08:00 UTC));
    assert_eq!(told["jwks_uri"], "https://ent.example/jwks");

    assert_eq!(refused(&json!({"jwks": set, "jwks_uri": "https://ent.example/jwks"})), "jwks");
    assert_eq!(refused(&json!({"jwks": {"keys": []}})), "jwks");
    for address in ["http://ent.example/jwks", "https://127.0.0.1/jwks", "https://ent.example/jwks#1", "jwks"] {
        assert_eq!(refused(&json!({"jwks_uri": address})), "jwks_uri");
    }
    let local = with(&json!({"jwks_uri": "http://localhost/jwks"})).to_string();
    assert!(
        read(local.as_bytes(), Environment::Test, MutualTls::Off).is_err(),
        "whoever answers there would be the client"
    );
}

#[test]
fn what_a_client_says_of_its_tokens_is_kept_and_told() {
    let registration = registered(&json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [ec_jwk()]},
        "token_endpoint_auth_signing_alg": "ES256", "token_endpoint_auth_audience": "token_endpoint",
        "grant_types": ["authorization_code", "refresh_token"], "dpop_bound_access_tokens": true,
        "resources": ["https://api.ent.example/"], "serves_resources": ["https://ent.example/api"],
    }))
    .unwrap();
    assert!(!registration.has_secret());
    let party = registration.party(&id(), SECRET);
    let by_key = ClientAuthentication::PrivateKeyJwt { algorithm: Some(JwsAlgorithm::Es256), for_token_endpoint: true };
    assert_eq!(party.client_authentication, by_key);
    assert!(party.tokens.refresh && party.tokens.dpop_bound && !party.is_fapi());
    assert_eq!(serde_json::from_value::<OidcParty>(json!(party)).unwrap(), party, "as it is stored");
    insta::assert_json_snapshot!(registration.response(&id(), SECRET, datetime!(2026-09-01 08:00 UTC)));
}

#[test]
fn the_fapi_profile_takes_nothing_less_than_it_asks() {
    let good = json!({
        "security_profile": "fapi2", "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [ec_jwk()]},
        "dpop_bound_access_tokens": true, "id_token_signed_response_alg": "ES256",
    });
    let party = registered(&good).unwrap().party(&id(), SECRET);
    assert!(party.is_fapi());
    assert_eq!(party.allowed_algorithms(), [JwsAlgorithm::Ps256, JwsAlgorithm::Es256]);
    for (name, value) in [
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("token_endpoint_auth_signing_alg", json!("RS256")),
        ("dpop_bound_access_tokens", json!(false)),
        ("id_token_signed_response_alg", json!("RS256")),
        ("require_pkce", json!(false)),
    ] {
        let mut short = good.clone();
        short[name] = value;
        assert_eq!(refused(&short), name);
    }
}
