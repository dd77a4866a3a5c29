//! What a client learns of a sign-in at the token endpoint: the ID token and the answer around it.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::authorize::context_class;
use super::sha256;
use super::signing::{Error, SigningKey};
use crate::domain::account::Profile;
use crate::domain::relying_party::{IdTokenAlgorithm, PartyId};
use crate::domain::session::SessionId;
use crate::keys::OidcKeys;

/// As long as the access token beside it.
pub const LIFE: Duration = Duration::seconds(600);

/// One sign-in, as one client may know it.
pub struct IdToken<'a> {
    /// The public address of the service, without a slash at its end.
    pub issuer: &'a str,
    pub client: &'a PartyId,
    /// Pairwise (OP-11).
    pub subject: &'a str,
    pub profile: Profile,
    /// When the password was proved, not when this answer is given (OP-12).
    pub authenticated_at: OffsetDateTime,
    /// `nonce` of the request, returned unchanged (OP-04).
    pub nonce: Option<&'a str>,
    /// As this client knows it.
    pub session: &'a SessionId,
    /// Claims of the person that the client asked to find here (Core 5.5).
    pub told: &'a Map<String, Value>,
}

/// OpenID Connect Core 2; `sid` is from Front-Channel Logout 3.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    /// A string for the one audience: clients exist that compare it with their name and know no arrays.
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'static str>,
    amr: [&'static str; 1],
    at_hash: String,
    sid: &'a str,
    /// Names of its own: none of those above is one of a person's.
    #[serde(flatten)]
    told: &'a Map<String, Value>,
}

impl IdToken<'_> {
    /// The token in its compact form, bound to the access token given with it.
    pub fn sign(
        &self,
        access_token: &str,
        algorithm: IdTokenAlgorithm,
        keys: &OidcKeys,
        now: OffsetDateTime,
    ) -> Result<String, Error> {
        let claims = Claims {
            iss: self.issuer,
            sub: self.subject,
            aud: &self.client.0,
            exp: (now + LIFE).unix_timestamp(),
            iat: now.unix_timestamp(),
            auth_time: self.authenticated_at.unix_timestamp(),
            nonce: self.nonce,
            acr: context_class(self.profile),
            amr: ["pwd"],
            at_hash: token_hash(access_token),
            sid: self.session.as_str(),
            told: self.told,
        };
        SigningKey::of(keys, algorithm)?.sign_claims("JWT", &claims)
    }
}

/// The left half of SHA-256, which is the hash of both algorithms (OpenID Connect Core 3.1.3.6).
fn token_hash(token: &str) -> String {
    let hash = sha256(token.as_bytes());
    BASE64URL_NOPAD.encode(hash.as_ref().get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier};
    use openidconnect::{AccessToken, AccessTokenHash, ClientId, IssuerUrl, Nonce};
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::super::signing::jws;
    use super::super::signing::tests::{key_set, keys};
    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);
    const ISSUER: &str = "https://guichet.example";
    const BOTH: [IdTokenAlgorithm; 2] = [IdTokenAlgorithm::Rs256, IdTokenAlgorithm::Es256];

    fn signed<'a>(algorithm: IdTokenAlgorithm, keys: &OidcKeys, change: impl FnOnce(&mut IdToken<'a>)) -> String {
        static CLIENT: LazyLock<PartyId> = LazyLock::new(|| PartyId("ent-exemple".to_owned()));
        static SESSION: LazyLock<SessionId> = LazyLock::new(|| SessionId::from_random([7; 16]));
        static TOLD: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        let mut token: IdToken<'a> = IdToken {
            issuer: ISSUER,
            client: &CLIENT,
            subject: "PAIRWISE2SUBJECT3FOR4THIS5CLIENT",
            profile: Profile::Student,
            authenticated_at: NOW - Duration::minutes(5),
            nonce: Some("n-0S6_WzA2Mj"),
            session: &SESSION,
            told: &TOLD,
        };
        change(&mut token);
        token.sign("access", algorithm, keys, NOW).unwrap()
    }

    fn part(token: &str, index: usize) -> Value {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
    }

    /// What a client that uses the crate makes of a token, at the time it was issued.
    fn verified(
        token: &str,
        keys: &OidcKeys,
        algorithm: IdTokenAlgorithm,
        client: &str,
        nonce: &str,
    ) -> Result<(), String> {
        let claims: CoreIdTokenClaims = serde_json::from_value(part(token, 1)).unwrap();
        let issued_at = claims.issue_time();
        let issuer = IssuerUrl::new(ISSUER.to_owned()).unwrap();
        let verifier = CoreIdTokenVerifier::new_public_client(ClientId::new(client.to_owned()), issuer, key_set(keys))
            .set_allowed_algs([jws(algorithm)])
            .set_time_fn(move || issued_at);
        let token: CoreIdToken = token.parse().map_err(|error| format!("{error}"))?;
        let nonce = Nonce::new(nonce.to_owned());
        let claims = token.claims(&verifier, &nonce).map_err(|error| format!("{error}"))?;
        let key = token.signing_key(&verifier).map_err(|error| format!("{error}"))?;
        let access = AccessToken::new("access".to_owned());
        let hash = AccessTokenHash::from_token(&access, &jws(algorithm), key).map_err(|error| format!("{error}"))?;
        if claims.access_token_hash() == Some(&hash) { Ok(()) } else { Err("at_hash".to_owned()) }
    }

    #[test]
    fn a_client_library_accepts_the_id_token_for_its_own_client_and_nonce_only() {
        let keys = keys();
        for algorithm in BOTH {
            let token = signed(algorithm, &keys, |_| {});
            let verify = |client, nonce| verified(&token, &keys, algorithm, client, nonce);
            assert_eq!(verify("ent-exemple", "n-0S6_WzA2Mj"), Ok(()));
            assert!(verify("ent-autre", "n-0S6_WzA2Mj").is_err());
            assert!(verify("ent-exemple", "another").is_err());
        }
    }

    #[test]
    fn op_09_a_token_is_not_accepted_under_another_algorithm_nor_once_changed() {
        let keys = keys();
        let token = signed(IdTokenAlgorithm::Es256, &keys, |_| {});
        assert!(verified(&token, &keys, IdTokenAlgorithm::Rs256, "ent-exemple", "n-0S6_WzA2Mj").is_err());
        let other = signed(IdTokenAlgorithm::Es256, &keys, |token| token.subject = "SOMEONE2ELSE");
        let claims = other.split('.').nth(1).unwrap();
        let mut parts: Vec<&str> = token.split('.').collect();
        parts[1] = claims;
        assert!(verified(&parts.join("."), &keys, IdTokenAlgorithm::Es256, "ent-exemple", "n-0S6_WzA2Mj").is_err());
    }

    #[test]
    fn the_header_names_the_algorithm_and_a_published_key() {
        let keys = keys();
        for algorithm in BOTH {
            let header = part(&signed(algorithm, &keys, |_| {}), 0);
            assert_eq!(header["alg"], super::super::signing::name(algorithm));
            let published = serde_json::to_value(key_set(&keys)).unwrap();
            let named = |key: &&Value| key["kid"] == header["kid"];
            let key = published["keys"].as_array().unwrap().iter().find(named).unwrap();
            assert_eq!(key["alg"], header["alg"]);
        }
    }

    #[test]
    fn the_claims_say_what_was_done() {
        let claims = part(&signed(IdTokenAlgorithm::Rs256, &keys(), |_| {}), 1);
        insta::assert_json_snapshot!(claims);
    }

    #[test]
    fn op_12_the_time_of_the_proof_is_not_the_time_of_the_answer() {
        let keys = keys();
        let proof = NOW - Duration::hours(3);
        let token = signed(IdTokenAlgorithm::Es256, &keys, |token| token.authenticated_at = proof);
        assert_eq!(part(&token, 1)["auth_time"], proof.unix_timestamp());
        assert_eq!(part(&token, 1)["iat"], NOW.unix_timestamp());
    }

    #[test]
    fn op_12_the_context_class_is_that_of_the_person_and_absent_where_there_is_none() {
        let keys = keys();
        let acr = |profile| {
            let token = signed(IdTokenAlgorithm::Es256, &keys, |token| token.profile = profile);
            part(&token, 1).get("acr").cloned()
        };
        assert_eq!(acr(Profile::Student), Some("eleve".into()));
        assert_eq!(acr(Profile::Guardian), Some("responsable".into()));
        assert_eq!(acr(Profile::Staff), None);
    }

    #[test]
    fn without_a_nonce_in_the_request_there_is_none_in_the_token() {
        let token = signed(IdTokenAlgorithm::Es256, &keys(), |token| token.nonce = None);
        assert_eq!(part(&token, 1).get("nonce"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn op_04_any_nonce_comes_back_unchanged(nonce in "\\PC{1,60}") {
            let keys = keys();
            let token = signed(IdTokenAlgorithm::Es256, &keys, |token| token.nonce = Some(&nonce));
            prop_assert_eq!(verified(&token, &keys, IdTokenAlgorithm::Es256, "ent-exemple", &nonce), Ok(()));
        }
    }
}
