//! What a client is told when a session is over (OpenID Connect Back-Channel Logout 2.4).

use serde::Serialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::signing::{Error, SigningKey};
use crate::domain::logout::Participant;
use crate::domain::relying_party::IdTokenAlgorithm;
use crate::keys::OidcKeys;

/// Section 4: two minutes at most.
const LIFE: Duration = Duration::minutes(2);
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The end of one session, for the one client that knows it under these names.
pub struct LogoutToken<'a> {
    pub issuer: &'a str,
    pub participant: &'a Participant,
    /// 128 random bits: `jti`, new for each try.
    pub id: [u8; 16],
}

/// There is no `nonce`: with one it could pass for an ID token.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    events: Value,
    sid: &'a str,
}

impl LogoutToken<'_> {
    /// The token, for the form field `logout_token` (section 2.5).
    pub fn sign(&self, algorithm: IdTokenAlgorithm, keys: &OidcKeys, now: OffsetDateTime) -> Result<String, Error> {
        let claims = Claims {
            iss: self.issuer,
            sub: &self.participant.subject,
            aud: &self.participant.party.0,
            iat: now.unix_timestamp(),
            exp: (now + LIFE).unix_timestamp(),
            jti: data_encoding::HEXLOWER.encode(&self.id),
            events: json!({ EVENT: {} }),
            sid: self.participant.session.as_str(),
        };
        SigningKey::of(keys, algorithm)?.sign_claims("logout+jwt", &claims)
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use openidconnect::core::CoreIdToken;
    use openidconnect::{JsonWebKey, JsonWebKeyId};
    use time::macros::datetime;

    use super::super::signing::jws;
    use super::super::signing::tests::{key_set, keys};
    use super::*;
    use crate::domain::relying_party::PartyId;
    use crate::domain::session::SessionId;

    const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);

    fn token(algorithm: IdTokenAlgorithm, keys: &OidcKeys) -> String {
        let participant = Participant {
            party: PartyId("ent-exemple".to_owned()),
            subject: "PAIRWISE2SUBJECT3FOR4THIS5CLIENT".to_owned(),
            session: SessionId::from_random([7; 16]),
            name_id_format: None,
        };
        let token = LogoutToken { issuer: "https://guichet.example", participant: &participant, id: [9; 16] };
        token.sign(algorithm, keys, NOW).unwrap()
    }

    fn part(token: &str, index: usize) -> Value {
        serde_json::from_slice(&BASE64URL_NOPAD.decode(token.split('.').nth(index).unwrap().as_bytes()).unwrap())
            .unwrap()
    }

    #[test]
    fn op_16_the_token_names_one_session_of_one_person_for_two_minutes() {
        insta::assert_json_snapshot!(part(&token(IdTokenAlgorithm::Es256, &keys()), 1));
    }

    #[test]
    fn op_09_it_says_what_it_is_and_is_signed_by_a_published_key() {
        let keys = keys();
        for algorithm in [IdTokenAlgorithm::Rs256, IdTokenAlgorithm::Es256] {
            let token = token(algorithm, &keys);
            let header = part(&token, 0);
            assert_eq!(header["typ"], "logout+jwt");
            let kid = JsonWebKeyId::new(header["kid"].as_str().unwrap().to_owned());
            let published = key_set(&keys);
            let key = published.keys().iter().find(|key| key.key_id() == Some(&kid)).unwrap();
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
            key.verify_signature(&jws(algorithm), signed.as_bytes(), &signature).unwrap();
        }
    }

    #[test]
    fn op_09_it_does_not_pass_for_an_id_token() {
        let keys = keys();
        let claims = part(&token(IdTokenAlgorithm::Es256, &keys), 1);
        assert!(claims.get("nonce").is_none() && claims["events"].is_object());
        // The library reads the claims of an ID token from it at best, and finds neither nonce nor type.
        assert!(token(IdTokenAlgorithm::Es256, &keys).parse::<CoreIdToken>().is_ok());
    }
}
