//! The userinfo endpoint: the token it takes and the claims it gives (educonnect section 3).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::scopes;
use super::signing::{self, SigningKey};
use crate::domain::release::{Attribute, Released};
use crate::domain::relying_party::{IdTokenAlgorithm, PartyId};
use crate::keys::OidcKeys;

/// An access token of ours is a JWT of less than a kilobyte; far longer is not one.
const MAX_TOKEN: usize = 4096;

/// RFC 6750 3.1, RFC 9449 7.1. Of a token that is unknown, expired or revoked nothing more is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("no access token in the Authorization header")]
    NoToken,
    #[error("invalid_request")]
    InvalidRequest,
    #[error("invalid_token")]
    InvalidToken,
    #[error("insufficient_scope")]
    InsufficientScope,
    #[error("invalid_dpop_proof")]
    InvalidProof,
    /// RFC 9449 9: again, with the nonce in the header beside it.
    #[error("use_dpop_nonce")]
    UseNonce,
}

impl Error {
    pub fn answer(self) -> Answer {
        let (status, code) = match self {
            // Who shows no token is told the way only (RFC 6750 3.1).
            Self::NoToken => (401, None),
            Self::InvalidRequest => (400, Some("invalid_request")),
            Self::InvalidToken => (401, Some("invalid_token")),
            Self::InsufficientScope => (403, Some("insufficient_scope")),
            Self::InvalidProof => (401, Some("invalid_dpop_proof")),
            Self::UseNonce => (401, Some("use_dpop_nonce")),
        };
        let error = code.map(|code| format!(r#", error="{code}""#)).unwrap_or_default();
        let challenge = format!(r#"Bearer realm="userinfo"{error}, DPoP algs="RS256 PS256 ES256"{error}"#);
        let body = code.map_or_else(|| json!({}), |code| json!({"error": code}));
        Answer::private(status, &body).with("www-authenticate", challenge)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Bearer,
    Dpop,
}

/// A token as it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown<'a> {
    pub scheme: Scheme,
    pub token: &'a str,
}

/// The token of `Authorization: Bearer …` or `DPoP …`; in a query or a body it is not looked for (OP-10).
pub fn shown(authorization: Option<&str>) -> Result<Shown<'_>, Error> {
    let header = authorization.ok_or(Error::NoToken)?;
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    let scheme = match scheme {
        bearer if bearer.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
        dpop if dpop.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
        _ => return Err(Error::NoToken),
    };
    let token = token.trim_matches(' ');
    let is_b64token = (1..=MAX_TOKEN).contains(&token.len())
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    if is_b64token { Ok(Shown { scheme, token }) } else { Err(Error::InvalidRequest) }
}

/// The same, where only a bearer token serves.
pub fn bearer(authorization: Option<&str>) -> Result<&str, Error> {
    match shown(authorization)? {
        Shown { scheme: Scheme::Bearer, token } => Ok(token),
        Shown { scheme: Scheme::Dpop, .. } => Err(Error::NoToken),
    }
}

/// What a client may be told of a person: by the scopes it was granted, and by name (OpenID Connect Core 5.4, 5.5).
#[derive(Clone, Copy)]
pub struct Opened<'a> {
    pub scopes: &'a [String],
    pub asked: &'a BTreeSet<String>,
}

impl Opened<'_> {
    /// Whether an attribute is told, where the policy grants it.
    pub fn opens(&self, attribute: Attribute) -> bool {
        self.by_scope(attribute) || self.asked.contains(claim(attribute))
    }

    fn by_scope(&self, attribute: Attribute) -> bool {
        self.scopes.iter().any(|scope| opens(scope, attribute))
    }

    fn opens_origin(&self) -> bool {
        self.scopes.iter().any(|scope| scope == scopes::CONNECTION) || self.asked.contains(ORIGIN)
    }
}

/// Where the sign-in came from, beside the attributes.
const ORIGIN: &str = "FrEduOrigAuth";

fn opens(scope: &str, attribute: Attribute) -> bool {
    if is_name(attribute) { scope == scopes::PROFILE } else { scopes::opens_attributes(scope) }
}

/// Whether one of these scopes could open a claim of this name.
pub(super) fn may_open(name: &str, registered: &BTreeSet<String>) -> bool {
    if name == ORIGIN {
        return registered.contains(scopes::CONNECTION);
    }
    let attribute = Attribute::ALL.into_iter().find(|attribute| claim(*attribute) == name);
    attribute.is_some_and(|attribute| registered.iter().any(|scope| opens(scope, attribute)))
}

/// What is opened of what the policy released. `origin` is the value of `FrEduOrigAuth`, if any is sent.
///
/// `ÉduConnect` sends a guardian the three pupil claims empty; here a claim without a value is left out, since OpenID
/// Connect Core 5.3.2 asks for that and an empty INE is easily taken for one.
pub fn claims(released: &[Released], opened: Opened<'_>, origin: Option<&str>) -> Map<String, Value> {
    let mut claims = Map::new();
    for Released { attribute, values } in released {
        if opened.opens(*attribute) {
            claims.extend(value(*attribute, values).map(|value| (claim(*attribute).to_owned(), value)));
        }
    }
    if let Some(origin) = origin.filter(|_| opened.opens_origin()) {
        claims.insert(ORIGIN.to_owned(), origin.into());
    }
    claims
}

/// The endpoint's success. The subject is put in last, so that nothing released could stand in its place.
pub fn answer(subject: &str, mut claims: Map<String, Value>) -> Answer {
    claims.insert("sub".to_owned(), subject.into());
    Answer::private(200, &claims)
}

/// The same as a JWT, for a client that registered `userinfo_signed_response_alg` (Core 5.3.2).
pub fn signed_answer(
    subject: &str,
    mut claims: Map<String, Value>,
    (issuer, client): (&str, &PartyId),
    algorithm: IdTokenAlgorithm,
    keys: &OidcKeys,
) -> Result<Answer, signing::Error> {
    for (name, value) in [("sub", subject), ("iss", issuer), ("aud", &client.0)] {
        claims.insert(name.to_owned(), value.into());
    }
    Ok(Answer::private_jwt(SigningKey::of(keys, algorithm)?.sign_claims("JWT", &claims)?))
}

/// The name of an attribute as a claim: that of the standard where it has one.
pub(super) const fn claim(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::FamilyName => "family_name",
        Attribute::GivenName => "given_name",
        other => other.friendly_name(),
    }
}

const fn is_name(attribute: Attribute) -> bool {
    matches!(attribute, Attribute::FamilyName | Attribute::GivenName)
}

/// A claim keeps its shape whatever the number of its values: clients read it into a string or into an array.
fn value(attribute: Attribute, values: &[String]) -> Option<Value> {
    let first = values.first()?;
    Some(match attribute {
        Attribute::PersonAffiliation | Attribute::EduVector | Attribute::DirectoryReference => json!(values),
        Attribute::FamilyName
        | Attribute::GivenName
        | Attribute::Title
        | Attribute::ReturnUrl
        | Attribute::ConnectionDate
        | Attribute::OpaqueId
        | Attribute::StudentNumber
        | Attribute::StudentNumberHash
        | Attribute::BirthDate
        | Attribute::StudentSchool
        | Attribute::StudentLevel => json!(first),
    })
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use proptest::prelude::*;

    use super::super::signing::tests::keys;
    use super::*;

    fn released(values: &[(Attribute, &[&str])]) -> Vec<Released> {
        let one = |(attribute, values): &(Attribute, &[&str])| Released {
            attribute: *attribute,
            values: values.iter().map(ToString::to_string).collect(),
        };
        values.iter().map(one).collect()
    }

    fn student() -> Vec<Released> {
        released(&[
            (Attribute::FamilyName, &["Exemple"]),
            (Attribute::GivenName, &["Zoé"]),
            (Attribute::ConnectionDate, &["2026-09-01 08:00:00.000"]),
            (Attribute::PersonAffiliation, &["eleve2d"]),
            (Attribute::DirectoryReference, &["{AAF}13|x|1001"]),
            (Attribute::EduVector, &["4|||1001|0130001A"]),
            (Attribute::StudentNumber, &["000000000AA"]),
            (Attribute::StudentSchool, &["0130001A", "0130002B"]),
            (Attribute::StudentLevel, &["2212"]),
        ])
    }

    fn scopes(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn told(released: &[Released], granted: &str, asked: &[&str], origin: Option<&str>) -> Value {
        let asked = asked.iter().map(ToString::to_string).collect();
        let opened = Opened { scopes: &scopes(granted), asked: &asked };
        answer("SUB", claims(released, opened, origin)).value()
    }

    fn names(claims: &Value) -> Vec<&str> {
        claims.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn a_pupil_s_claims_have_the_names_and_shapes_ents_read() {
        insta::assert_json_snapshot!(told(&student(), "openid profile ect.scope.cnx", &[], Some("ECT")));
    }

    #[test]
    fn each_scope_opens_its_claims_only() {
        let given = |text| told(&student(), text, &[], Some("ECT"));
        assert_eq!(names(&given("openid")), ["sub"]);
        assert_eq!(names(&given("openid profile")), ["family_name", "given_name", "sub"]);
        let service = given("openid ect.scope.stage");
        assert_eq!((service.get("family_name"), service.get("FrEduOrigAuth")), (None, None));
        assert_eq!(service["FrEduCtEleveNiveau"], "2212");
        assert_eq!(names(&given("openid ect.scope. ect.scop")), ["sub"]);
        assert_eq!(told(&student(), "openid ect.scope.cnx", &[], None).get("FrEduOrigAuth"), None);
    }

    #[test]
    fn a_claim_asked_for_by_name_is_told_beside_those_of_the_scopes() {
        let given = told(&student(), "openid", &["family_name", "FrEduCtEleveNiveau", "nickname"], Some("ECT"));
        assert_eq!(names(&given), ["FrEduCtEleveNiveau", "family_name", "sub"]);
        let registered = |text: &str| scopes(text).into_iter().collect::<BTreeSet<_>>();
        for (name, scope, may) in [
            ("given_name", "openid profile", true),
            ("given_name", "openid ect.scope.cnx", false),
            ("FrEduVecteur", "openid ect.scope.stage", true),
            ("FrEduOrigAuth", "openid ect.scope.stage", false),
            ("FrEduOrigAuth", "openid ect.scope.cnx", true),
            ("nickname", "openid profile ect.scope.cnx", false),
        ] {
            assert_eq!(may_open(name, &registered(scope)), may, "{name} by {scope}");
        }
    }

    #[test]
    fn a_guardian_has_no_pupil_claims_at_all() {
        let guardian = released(&[
            (Attribute::PersonAffiliation, &["resp1d", "resp2d"]),
            (Attribute::EduVector, &["1|Exemple|Paul|1|0130001A", "2|Exemple|Paul|2|0130002B"]),
        ]);
        let claims = told(&guardian, "openid profile ect.scope.cnx", &[], None);
        assert_eq!(
            claims,
            json!({
                "sub": "SUB",
                "FrEduCtPersonAffiliation": ["resp1d", "resp2d"],
                "FrEduVecteur": ["1|Exemple|Paul|1|0130001A", "2|Exemple|Paul|2|0130002B"],
            })
        );
    }

    #[test]
    fn op_10_a_token_is_taken_from_a_bearer_header_only() {
        let bearer = |token| Ok(Shown { scheme: Scheme::Bearer, token });
        assert_eq!(shown(Some("Bearer abc-._~+/=")), bearer("abc-._~+/="));
        assert_eq!(shown(Some("bearer abc")), bearer("abc"));
        assert_eq!(shown(Some("DPoP abc")), Ok(Shown { scheme: Scheme::Dpop, token: "abc" }));
        assert_eq!(shown(None), Err(Error::NoToken));
        assert_eq!(shown(Some("Basic abc")), Err(Error::NoToken));
        for header in
            ["Bearer", "Bearer ", "Bearer a b", "Bearer é", "Bearer a\0", &format!("Bearer {}", "a".repeat(4097))]
        {
            assert_eq!(shown(Some(header)), Err(Error::InvalidRequest), "{header:?}");
        }
    }

    #[test]
    fn a_refusal_says_how_to_ask_and_is_kept_by_nobody() {
        for (error, status, challenge) in [
            (Error::NoToken, 401, r#"Bearer realm="userinfo", DPoP algs="RS256 PS256 ES256""#),
            (
                Error::InvalidRequest,
                400,
                r#"Bearer realm="userinfo", error="invalid_request", DPoP algs="RS256 PS256 ES256", error="invalid_request""#,
            ),
            (
                Error::InvalidToken,
                401,
                r#"Bearer realm="userinfo", error="invalid_token", DPoP algs="RS256 PS256 ES256", error="invalid_token""#,
            ),
        ] {
            let answer = error.answer();
            assert_eq!((answer.status, answer.header("www-authenticate")), (status, Some(challenge)));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
        assert_eq!(answer("SUB", Map::new()).header("cache-control"), Some("no-store"));
    }

    #[test]
    fn a_signed_answer_says_who_speaks_of_whom_to_whom() {
        let keys = keys();
        let client = PartyId("ent-exemple".to_owned());
        for algorithm in [IdTokenAlgorithm::Rs256, IdTokenAlgorithm::Es256] {
            let claims = Map::from_iter([("iss".to_owned(), json!("evil")), ("given_name".to_owned(), json!("Zoé"))]);
            let told = ("https://guichet.example", &client);
            let answer = signed_answer("SUB", claims, told, algorithm, &keys).unwrap();
            assert_eq!(answer.header("content-type"), Some("application/jwt"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let claims = answer.body.split('.').nth(1).unwrap();
            let claims: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap();
            let all = json!({
                "sub": "SUB", "iss": "https://guichet.example", "aud": "ent-exemple", "given_name": "Zoé",
            });
            assert_eq!(claims, all);
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(header in "\\PC{0,80}") {
            let _ = shown(Some(&header));
            let _ = shown(Some(&format!("Bearer {header}")));
        }
    }
}
