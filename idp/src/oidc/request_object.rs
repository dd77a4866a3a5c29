//! Request objects by value (RFC 9101, OP-14): the parameters of a request, signed by the client. What is inside counts and
//! nothing else does. The signature is `jws`'s to verify; none is ever fetched.

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::authorize::Error;
use super::form::Form;
use super::jws::Verified;
use crate::domain::client_keys::JwsAlgorithm;
use crate::domain::relying_party::{OidcParty, PartyId};

/// What two clocks may differ by.
const SKEW: Duration = Duration::minutes(1);
/// RFC 9101 10.8. Clients of OpenID Connect Core 6.1, which is older, say `JWT` or nothing.
const KIND: &str = "oauth-authz-req+jwt";
/// Members that are about the object and no parameters (RFC 7519 4.1).
const ABOUT: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// Said where no key of the client has signed it.
pub const NOT_SIGNED: Error = Error::InvalidRequestObject("the request object is not signed by a key of this client");

/// What the client may sign with: the registered one, if there is one.
pub fn algorithms(client: &OidcParty) -> Vec<JwsAlgorithm> {
    client.options.request_object_algorithm.map_or_else(|| client.allowed_algorithms().to_vec(), |one| vec![one])
}

fn refused<T>(why: &'static str) -> Result<T, Error> {
    Err(Error::InvalidRequestObject(why))
}

/// The parameters inside an object that the client has signed.
pub fn read(
    object: Verified,
    (id, client): (&PartyId, &OidcParty),
    issuer: &str,
    now: OffsetDateTime,
) -> Result<Form, Error> {
    check_kind(&object, client)?;
    if object.text("iss") != Some(&id.0) {
        return refused("iss must be the client_id");
    }
    if !object.audience().contains(&issuer) {
        return refused("aud must be the issuer of this service");
    }
    if object.time("exp").is_none_or(|end| now >= end + SKEW) {
        return refused("exp is missing or past");
    }
    if object.claims.contains_key("nbf") && object.time("nbf").is_none_or(|from| from > now + SKEW) {
        return refused("nbf is not reached");
    }
    parameters(object.claims, id)
}

/// No other JWT of the client passes for one: others say what they are, or, as its proofs of itself do, have a subject.
fn check_kind(object: &Verified, client: &OidcParty) -> Result<(), Error> {
    let kind = object.kind.as_deref().unwrap_or("JWT");
    if kind.strip_prefix("application/").unwrap_or(kind).eq_ignore_ascii_case(KIND) {
        return Ok(());
    }
    if client.is_fapi() || !kind.eq_ignore_ascii_case("JWT") {
        return refused("typ must be oauth-authz-req+jwt");
    }
    if object.claims.contains_key("sub") { refused("a request has no sub") } else { Ok(()) }
}

fn parameters(claims: Map<String, Value>, client: &PartyId) -> Result<Form, Error> {
    let mut form = Form::default();
    for (name, value) in claims.into_iter().filter(|(name, _)| !ABOUT.contains(&name.as_str())) {
        match value {
            Value::Null => {}
            Value::String(text) => form.add(name, text),
            Value::Array(several) if name == "resource" => {
                for one in several {
                    let Value::String(one) = one else { return refused("resource must hold texts") };
                    form.add(name.clone(), one);
                }
            }
            // `max_age` is a number and `claims` an object there (Core 6.1).
            other => form.add(name, other.to_string()),
        }
    }
    if form.names("request") || form.names("request_uri") {
        return refused("the request object holds another request");
    }
    match form.get("client_id") {
        None if !form.names("client_id") => form.add("client_id".to_owned(), client.0.clone()),
        Some(inside) if inside == client.0 => {}
        _ => return refused("client_id inside is another than outside"),
    }
    Ok(form)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::super::authorize::tests::client;
    use super::*;
    use crate::domain::relying_party::Protocol;
    use crate::domain::token_options::SecurityProfile;

    const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);
    const ISSUER: &str = "https://guichet.example";

    fn object(kind: Option<&str>, change: &Value) -> Verified {
        let mut claims = json!({
            "iss": "ent-exemple", "aud": ISSUER, "exp": NOW.unix_timestamp() + 60, "client_id": "ent-exemple",
            "scope": "openid", "max_age": 60, "claims": { "userinfo": { "given_name": null } },
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| *value != "(gone)");
        let claims = claims.as_object().unwrap().clone();
        Verified { kind: kind.map(str::to_owned), algorithm: JwsAlgorithm::Es256, claims }
    }

    fn read_with(kind: Option<&str>, change: &Value) -> Result<Form, Error> {
        read_from(None, kind, change)
    }

    fn read_from(profile: Option<SecurityProfile>, kind: Option<&str>, change: &Value) -> Result<Form, Error> {
        let party = client(|party| party.tokens.security_profile = profile);
        let Protocol::Oidc(client) = party.protocol else { panic!("a client") };
        read(object(kind, change), (&PartyId("ent-exemple".to_owned()), &client), ISSUER, NOW)
    }

    #[test]
    fn op_14_what_is_inside_becomes_the_request() {
        let form = read_with(Some(KIND), &json!({ "resource": ["a", "b"] })).unwrap_or_default();
        assert_eq!((form.get("scope"), form.get("max_age")), (Some("openid"), Some("60")));
        assert_eq!(form.get("claims"), Some(r#"{"userinfo":{"given_name":null}}"#));
        assert_eq!(form.all("resource").count(), 2);
        assert!(!form.names("iss") && !form.names("exp"));
        assert!(read_with(Some("application/oauth-authz-req+JWT"), &json!({ "aud": ["x", ISSUER] })).is_ok());
    }

    #[test]
    fn op_14_an_object_of_another_kind_party_time_or_place_is_refused() {
        for kind in ["at+jwt", "logout+jwt", "dpop+jwt", "client-authentication+jwt", ""] {
            assert!(read_with(Some(kind), &json!({})).is_err(), "{kind}");
        }
        for change in [
            json!({ "iss": "another" }),
            json!({ "iss": "(gone)" }),
            json!({ "aud": "https://other.example" }),
            json!({ "aud": [] }),
            json!({ "aud": "(gone)" }),
            json!({ "exp": NOW.unix_timestamp() - 60 }),
            json!({ "exp": "(gone)" }),
            json!({ "exp": "later" }),
            json!({ "nbf": NOW.unix_timestamp() + 61 }),
            json!({ "nbf": "soon" }),
            json!({ "client_id": "another" }),
            json!({ "client_id": "" }),
            json!({ "request": "a.b.c" }),
            json!({ "request_uri": "https://evil.example/" }),
            json!({ "resource": [1] }),
        ] {
            assert!(read_with(Some(KIND), &change).is_err(), "{change}");
        }
    }

    #[test]
    fn op_14_an_object_that_does_not_say_what_it_is_is_taken_where_it_can_be_nothing_else() {
        for kind in [None, Some("JWT"), Some("jwt")] {
            assert!(read_with(kind, &json!({})).is_ok(), "{kind:?}");
            assert!(read_with(kind, &json!({ "sub": "ent-exemple" })).is_err(), "{kind:?}: what proves a client");
            assert!(read_from(Some(SecurityProfile::Fapi2), kind, &json!({})).is_err(), "{kind:?}");
        }
        assert!(read_from(Some(SecurityProfile::Fapi2), Some(KIND), &json!({})).is_ok());
    }

    #[test]
    fn op_14_a_registered_algorithm_is_the_only_one() {
        let algorithms = |algorithm| {
            let party = client(|party| party.options.request_object_algorithm = algorithm);
            let Protocol::Oidc(client) = party.protocol else { panic!("a client") };
            algorithms(&client)
        };
        assert_eq!(algorithms(Some(JwsAlgorithm::Ps256)), [JwsAlgorithm::Ps256]);
        assert_eq!(algorithms(None), JwsAlgorithm::ALL);
    }
}
