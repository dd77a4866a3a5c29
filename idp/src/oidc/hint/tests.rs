use serde_json::{Map, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::super::id_token::IdToken;
use super::super::logout_token::LogoutToken;
use super::super::signing::SigningKey;
use super::super::signing::tests::keys;
use super::*;
use crate::domain::account::Profile;
use crate::domain::logout::Participant;
use crate::domain::relying_party::IdTokenAlgorithm;

const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);
const ISSUER: &str = "https://guichet.example";

fn hint() -> Hint {
    Hint {
        client: PartyId("ent-exemple".to_owned()),
        subject: "SUBJECT".to_owned(),
        session: SessionId::from_random([7; 16]),
    }
}

fn token(algorithm: IdTokenAlgorithm) -> String {
    let Hint { client, subject, session } = hint();
    let token = IdToken {
        issuer: ISSUER,
        client: &client,
        subject: &subject,
        profile: Profile::Guardian,
        authenticated_at: NOW - Duration::days(300),
        nonce: None,
        session: &session,
        told: &Map::new(),
    };
    token.sign("access", algorithm, &keys(), NOW - Duration::days(300)).unwrap()
}

#[test]
fn op_15_an_id_token_of_ours_says_whom_it_means_long_after_its_end() {
    for algorithm in [IdTokenAlgorithm::Rs256, IdTokenAlgorithm::Es256] {
        assert_eq!(read(&token(algorithm), &keys().published, ISSUER), Some(hint()));
    }
}

#[test]
fn op_15_a_changed_a_foreign_and_an_unsigned_token_mean_nobody() {
    let keys = keys();
    let good = token(IdTokenAlgorithm::Es256);
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { panic!("three parts") };
    let other = token(IdTokenAlgorithm::Rs256);
    let other = other.split('.').next().unwrap();
    let none = BASE64URL_NOPAD.encode(br#"{"alg":"none","kid":"","typ":"JWT"}"#);
    let changed = BASE64URL_NOPAD.encode(
        &String::from_utf8(BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap())
            .unwrap()
            .replace("SUBJECT", "ANOTHER")
            .into_bytes(),
    );
    for token in [
        format!("{header}.{changed}.{signature}"),
        format!("{other}.{claims}.{signature}"),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{good}.{signature}"),
        "..".to_owned(),
        String::new(),
        "a".repeat(9000),
    ] {
        assert_eq!(read(&token, &keys.published, ISSUER), None, "{token}");
    }
    assert_eq!(read(&good, &keys.published, "https://other.example"), None);
    assert_eq!(read(&good, &[], ISSUER), None);
}

#[test]
fn op_09_no_other_token_of_ours_passes_for_an_id_token() {
    let keys = keys();
    let participant =
        Participant { party: hint().client, subject: hint().subject, session: hint().session, name_id_format: None };
    let logout = LogoutToken { issuer: ISSUER, participant: &participant, id: [9; 16] };
    let logout = logout.sign(IdTokenAlgorithm::Es256, &keys, NOW).unwrap();
    assert_eq!(read(&logout, &keys.published, ISSUER), None);
    let userinfo = json!({ "iss": ISSUER, "sub": "SUBJECT", "aud": "ent-exemple", "sid": "_1" });
    let key = SigningKey::of(&keys, IdTokenAlgorithm::Es256).unwrap();
    let userinfo = key.sign_claims("JWT", &userinfo).unwrap();
    assert_eq!(read(&userinfo, &keys.published, ISSUER), None);
}
