//! Access tokens as JWT (RFC 9068): a resource reads one by itself; whether it still counts is asked of the grant that it
//! names. Always signed with ES256, whatever the client's ID tokens are, since nobody but us and resources verifies one.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::authorize::context_class;
use super::signing::{Error, SigningKey};
use super::{jws, paths};
use crate::domain::account::Profile;
use crate::domain::holder::Holder;
use crate::domain::relying_party::{IdTokenAlgorithm, PartyId};
use crate::keys::{OidcKeys, PublicKey};

#[cfg(test)]
mod tests;

/// OP-10.
pub const LIFE: Duration = Duration::minutes(10);
const KIND: &str = "at+jwt";
const MAX_LENGTH: usize = 4096;

/// Says which grant a token is of: the hash of the code that bought it.
pub type GrantKey = [u8; 32];

/// A token about to be given.
pub struct AccessToken<'a> {
    /// The public address of the service, without a slash at its end.
    pub issuer: &'a str,
    pub client: &'a PartyId,
    /// Pairwise (OP-11).
    pub subject: &'a str,
    pub profile: Profile,
    pub authenticated_at: OffsetDateTime,
    pub scopes: &'a [String],
    /// The resources it is for; never empty.
    pub audience: &'a [String],
    pub holder: Option<&'a Holder>,
    pub grant: &'a GrantKey,
    /// New for each token.
    pub id: [u8; 8],
}

/// RFC 9068 2.2.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    client_id: String,
    scope: String,
    jti: String,
    iat: i64,
    exp: i64,
    auth_time: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cnf: Option<Holder>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// A token that came back, signed by us and not yet at its end. Whether its grant still stands is asked of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    pub grant: GrantKey,
    pub client: PartyId,
    pub subject: String,
    pub scopes: Vec<String>,
    pub audience: Vec<String>,
    pub holder: Option<Holder>,
    pub id: String,
    pub issued_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

impl AccessToken<'_> {
    pub fn sign(&self, keys: &OidcKeys, now: OffsetDateTime) -> Result<String, Error> {
        let claims = Claims {
            iss: self.issuer.to_owned(),
            sub: self.subject.to_owned(),
            aud: match self.audience {
                [one] => Audience::One(one.clone()),
                several => Audience::Several(several.to_vec()),
            },
            client_id: self.client.0.clone(),
            scope: self.scopes.join(" "),
            jti: BASE64URL_NOPAD.encode(&[self.grant.as_slice(), &self.id].concat()),
            iat: now.unix_timestamp(),
            exp: (now + LIFE).unix_timestamp(),
            auth_time: self.authenticated_at.unix_timestamp(),
            acr: context_class(self.profile).map(str::to_owned),
            cnf: self.holder.cloned(),
        };
        SigningKey::of(keys, IdTokenAlgorithm::Es256)?.sign_claims(KIND, &claims)
    }
}

/// Where a token counts that was asked for no resource in particular.
pub fn userinfo(issuer: &str) -> String {
    format!("{issuer}{}", paths::USERINFO)
}

/// `None` for whatever is no access token of ours, of now: an ID token and a logout token have another `typ` (OP-09).
pub fn read(text: &str, keys: &OidcKeys, issuer: &str, now: OffsetDateTime) -> Option<Presented> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let (signed, signature) = text.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header = jws::object(header).ok()?;
    let said = |name: &str| header.get(name).and_then(serde_json::Value::as_str);
    if said("typ") != Some(KIND) || said("alg") != Some("ES256") || header.contains_key("crit") {
        return None;
    }
    let kid = said("kid")?;
    let ours = keys.published.iter().find_map(|key| match key {
        PublicKey::Ec(key) if key.kid == kid => Some([&[4], key.x.as_slice(), &key.y].concat()),
        PublicKey::Ec(_) | PublicKey::Rsa(_) => None,
    })?;
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, ours).verify(signed.as_bytes(), &signature).ok()?;
    let claims: Claims = serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?).ok()?;
    let date = |seconds| OffsetDateTime::from_unix_timestamp(seconds).ok();
    let (issued_at, expires_at) = (date(claims.iat)?, date(claims.exp)?);
    let grant = BASE64URL_NOPAD.decode(claims.jti.as_bytes()).ok()?.get(..32)?.try_into().ok()?;
    (claims.iss == issuer && now < expires_at).then(|| Presented {
        grant,
        client: PartyId(claims.client_id),
        subject: claims.sub,
        scopes: claims.scope.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
        audience: match claims.aud {
            Audience::One(one) => vec![one],
            Audience::Several(several) => several,
        },
        holder: claims.cnf,
        id: claims.jti,
        issued_at,
        expires_at,
    })
}
