use serde_json::{Value, json};
use time::macros::datetime;

use super::super::signing::tests::keys;
use super::*;
use crate::domain::session::SessionId;
use crate::oidc::id_token::IdToken;
use crate::oidc::logout_token::LogoutToken;

const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);
const ISSUER: &str = "https://guichet.example";

fn signed(keys: &OidcKeys, holder: Option<&Holder>, audience: &[&str]) -> String {
    let token = AccessToken {
        issuer: ISSUER,
        client: &PartyId("ent-exemple".to_owned()),
        subject: "PAIRWISE2SUBJECT3FOR4THIS5CLIENT",
        profile: Profile::Student,
        authenticated_at: NOW - Duration::minutes(5),
        scopes: &["openid".to_owned(), "profile".to_owned()],
        audience: &audience.iter().map(ToString::to_string).collect::<Vec<_>>(),
        holder,
        grant: &[7; 32],
        id: [9; 8],
    };
    token.sign(keys, NOW).unwrap()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

fn own() -> String {
    userinfo(ISSUER)
}

#[test]
fn op_09_the_token_is_rfc_9068_by_a_published_key_and_says_its_type() {
    let keys = keys();
    let token = signed(&keys, None, &[&own()]);
    let header = part(&token, 0);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    assert_eq!(header["kid"], keys.es256.as_ref().unwrap().kid());
    insta::assert_json_snapshot!(part(&token, 1));
}

#[test]
fn what_was_given_is_read_until_its_second() {
    let keys = keys();
    let holder = Holder::Dpop("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned());
    let token = signed(&keys, Some(&holder), &["https://a.example/", "https://b.example/"]);
    let read = read(&token, &keys, ISSUER, NOW + LIFE - Duration::SECOND).unwrap();
    assert_eq!((read.grant, &read.client.0[..]), ([7; 32], "ent-exemple"));
    assert_eq!(read.audience, ["https://a.example/", "https://b.example/"]);
    assert_eq!((read.scopes.join(" "), read.holder), ("openid profile".to_owned(), Some(holder)));
    assert_eq!((read.issued_at, read.expires_at), (NOW, NOW + LIFE));
    assert_eq!(super::read(&token, &keys, ISSUER, NOW + LIFE), None);
    assert_eq!(super::read(&token, &keys, "https://another.example", NOW), None);
}

#[test]
fn op_09_no_other_token_of_ours_is_taken_for_an_access_token() {
    let keys = keys();
    let client = PartyId("ent-exemple".to_owned());
    let session = SessionId::from_random([7; 16]);
    let id_token = IdToken {
        issuer: ISSUER,
        client: &client,
        subject: "SUB",
        profile: Profile::Student,
        authenticated_at: NOW,
        nonce: None,
        session: &session,
        told: &serde_json::Map::new(),
    };
    let participant = crate::domain::logout::Participant {
        party: client.clone(),
        subject: "SUB".to_owned(),
        session: session.clone(),
        name_id_format: None,
    };
    let logout = LogoutToken { issuer: ISSUER, participant: &participant, id: [9; 16] };
    for algorithm in [IdTokenAlgorithm::Es256, IdTokenAlgorithm::Rs256] {
        let token = id_token.sign("access", algorithm, &keys, NOW).unwrap();
        assert_eq!(read(&token, &keys, ISSUER, NOW), None);
        assert_eq!(read(&logout.sign(algorithm, &keys, NOW).unwrap(), &keys, ISSUER, NOW), None);
    }
}

#[test]
fn a_changed_token_opens_nothing() {
    let keys = keys();
    let token = signed(&keys, None, &[&own()]);
    let [header, claims, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let mut changed = part(&token, 1);
    changed["scope"] = json!("openid profile ect.scope.cnx");
    let changed = BASE64URL_NOPAD.encode(changed.to_string().as_bytes());
    let none = BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"at+jwt"}"#);
    for forged in [
        format!("{header}.{changed}.{signature}"),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{signature}="),
        String::new(),
        "a".repeat(MAX_LENGTH + 1),
    ] {
        assert_eq!(read(&forged, &keys, ISSUER, NOW), None, "{forged}");
    }
    assert_eq!(read(&token, &OidcKeys::default(), ISSUER, NOW), None, "a key that is not published any more");
}
