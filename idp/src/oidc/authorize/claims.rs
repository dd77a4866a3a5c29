//! The `claims` parameter (OpenID Connect Core 5.5): claims asked for by name. It never opens more than the client's scopes
//! could; the release policy still has the last word.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Error;
use crate::domain::interaction::ClaimsAsked;
use crate::domain::relying_party::OidcParty;
use crate::oidc::userinfo;

const MAX_LENGTH: usize = 8 * 1024;
const MAX_VALUES: usize = 16;

#[derive(Default)]
pub struct Claims {
    pub names: ClaimsAsked,
    /// The person who must be the one, as the client knows them.
    pub subject: Option<String>,
    pub acr: Option<AcrAsked>,
}

pub struct AcrAsked {
    pub is_essential: bool,
    pub values: Vec<String>,
}

pub fn read(text: Option<&str>, client: &OidcParty) -> Result<Claims, Error> {
    const NOT_CLAIMS: Error = Error::InvalidRequest("claims is not a JSON object of claims, or longer than 8 KiB");
    let Some(text) = text else { return Ok(Claims::default()) };
    if text.len() > MAX_LENGTH {
        return Err(NOT_CLAIMS);
    }
    let Ok(Value::Object(asked)) = serde_json::from_str(text) else { return Err(NOT_CLAIMS) };
    let members = |place: &str| match asked.get(place) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(NOT_CLAIMS),
    };
    let (id_token, userinfo) = (members("id_token")?, members("userinfo")?);
    Ok(Claims {
        names: ClaimsAsked { id_token: names(id_token, client), userinfo: names(userinfo, client) },
        subject: subject(id_token, userinfo)?,
        acr: id_token.and_then(|members| members.get("acr")).map(acr),
    })
}

/// Claims of a person that a registered scope could open; the others are left out, as voluntary ones may be.
fn names(members: Option<&Map<String, Value>>, client: &OidcParty) -> BTreeSet<String> {
    let asked = members.into_iter().flat_map(Map::keys);
    asked.filter(|name| userinfo::may_open(name, &client.scopes)).cloned().collect()
}

/// Core 5.5.1: `sub` with a value asks for that person and no other.
fn subject(
    id_token: Option<&Map<String, Value>>,
    userinfo: Option<&Map<String, Value>>,
) -> Result<Option<String>, Error> {
    let mut subject = None;
    for asked in [id_token, userinfo].into_iter().flatten().filter_map(|members| members.get("sub")) {
        let values = values(asked);
        let [value] = values.as_slice() else { continue };
        if subject.replace(value.clone()).is_some_and(|other| other != *value) {
            return Err(Error::InvalidRequest("claims asks for two persons at once"));
        }
    }
    Ok(subject)
}

fn acr(asked: &Value) -> AcrAsked {
    AcrAsked { is_essential: asked.get("essential") == Some(&Value::Bool(true)), values: values(asked) }
}

/// `value`, or `values`.
fn values(asked: &Value) -> Vec<String> {
    let several = asked.get("values").and_then(Value::as_array).into_iter().flatten();
    let all = asked.get("value").into_iter().chain(several);
    all.filter_map(Value::as_str).take(MAX_VALUES).map(str::to_owned).collect()
}
