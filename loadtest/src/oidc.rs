//! The OpenID Connect client of the load test: every ID token's signature is verified, since that costs little.

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use hyper::header::{self, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use crate::accounts::OidcParty;
use crate::client::Visitor;
use crate::failure::Failure;
use crate::{chance, clock};

pub const KEYS: &str = "/idp/profile/oidc/jwks";
const AUTHORIZE: &str = "/idp/profile/oidc/authorize";
const TOKEN: &str = "/idp/profile/oidc/token";
const USERINFO: &str = "/idp/profile/oidc/userinfo";

pub struct Client {
    id: String,
    redirect_uri: String,
    issuer: String,
    authorization: HeaderValue,
    keys: Vec<Key>,
}

struct Key {
    id: String,
    algorithm: &'static str,
    public: Public,
}

enum Public {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The point, uncompressed.
    P256(Vec<u8>),
}

pub struct Prepared {
    pub path: String,
    state: String,
    nonce: String,
    verifier: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    exp: i64,
    nonce: String,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
}

impl Client {
    pub fn new(party: OidcParty, origin: &str, keys: &str) -> Result<Self> {
        let set: KeySet = serde_json::from_str(keys).with_context(|| format!("the keys at {KEYS} cannot be read"))?;
        let keys = set.keys.iter().filter_map(read_key).collect();
        // RFC 6749 2.3.1: both parts are form-encoded before they are joined.
        let encode = |text: &str| {
            serde_urlencoded::to_string([("", text)]).unwrap_or_default().trim_start_matches('=').to_owned()
        };
        let pair = format!("{}:{}", encode(&party.client_id), encode(&party.client_secret));
        Ok(Self {
            authorization: format!("Basic {}", BASE64.encode(pair.as_bytes())).parse()?,
            id: party.client_id,
            redirect_uri: party.redirect_uri,
            issuer: origin.to_owned(),
            keys,
        })
    }

    pub fn prepare(&self) -> Result<Prepared> {
        let (state, nonce, verifier) = (chance::hex::<16>(), chance::hex::<16>(), chance::hex::<32>());
        let challenge = BASE64URL_NOPAD.encode(digest(&SHA256, verifier.as_bytes()).as_ref());
        let query = serde_urlencoded::to_string([
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", "openid profile"),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ])?;
        Ok(Prepared { path: format!("{AUTHORIZE}?{query}"), state, nonce, verifier })
    }

    /// From the redirect to us: the code, the tokens, the person. `back` is our server's connection to the provider.
    pub async fn finish(&self, location: &str, request: &Prepared, back: &mut Visitor) -> Result<(), Failure> {
        let code = self.code(location, request)?;
        let bought = self.tokens(&code, request, back).await?;
        self.userinfo(&bought, back).await
    }

    /// The subject and the access token.
    pub async fn tokens(
        &self,
        code: &str,
        request: &Prepared,
        back: &mut Visitor,
    ) -> Result<(String, String), Failure> {
        let form = serde_urlencoded::to_string([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &request.verifier),
        ])
        .unwrap_or_default();
        let answer = back.post(TOKEN, form, &[(header::AUTHORIZATION, self.authorization.clone())]).await?;
        check_status("token", answer.status)?;
        let tokens: Tokens = serde_json::from_slice(&answer.body)
            .map_err(|_| Failure::Answer("the token response is not as expected"))?;
        Ok((self.subject(&tokens.id_token, request)?, tokens.access_token))
    }

    pub async fn userinfo(
        &self,
        (subject, access_token): &(String, String),
        back: &mut Visitor,
    ) -> Result<(), Failure> {
        let bearer = HeaderValue::try_from(format!("Bearer {access_token}"))
            .map_err(|_| Failure::Answer("an unusable access token"))?;
        let answer = back.get_with(USERINFO, &[(HeaderName::from_static("authorization"), bearer)]).await?;
        check_status("userinfo", answer.status)?;
        let person: UserInfo =
            serde_json::from_slice(&answer.body).map_err(|_| Failure::Answer("userinfo is not as expected"))?;
        if person.sub != *subject {
            return Err(Failure::Answer("userinfo speaks of another person"));
        }
        Ok(())
    }

    pub fn code(&self, location: &str, request: &Prepared) -> Result<String, Failure> {
        let (address, query) = location.split_once('?').ok_or(Failure::Answer("a redirect without parameters"))?;
        if address != self.redirect_uri {
            return Err(Failure::Answer("redirected to another address"));
        }
        let fields: Vec<(String, String)> =
            serde_urlencoded::from_str(query).map_err(|_| Failure::Answer("a redirect that cannot be read"))?;
        let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
        if field("state") != Some(request.state.as_str()) {
            return Err(Failure::Answer("another state"));
        }
        if field("iss") != Some(self.issuer.as_str()) {
            return Err(Failure::Answer("another issuer"));
        }
        field("code").map(str::to_owned).ok_or(Failure::Answer("an error instead of a code"))
    }

    fn subject(&self, token: &str, request: &Prepared) -> Result<String, Failure> {
        const UNREADABLE: Failure = Failure::Answer("an ID token that cannot be read");
        let (signed, signature) = token.rsplit_once('.').ok_or(UNREADABLE)?;
        let (head, payload) = signed.split_once('.').ok_or(UNREADABLE)?;
        let head: Header = read_part(head).ok_or(UNREADABLE)?;
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| UNREADABLE)?;
        let key = self.keys.iter().find(|key| key.id == head.kid && head.alg == key.algorithm);
        let key = key.ok_or(Failure::Answer("an ID token signed with an unknown key"))?;
        if !key.public.has_signed(signed.as_bytes(), &signature) {
            return Err(Failure::Answer("an ID token with a wrong signature"));
        }
        let claims: Claims = read_part(payload).ok_or(UNREADABLE)?;
        let is_for_us = claims.aud == self.id.as_str() || claims.aud == Value::from(vec![self.id.as_str()]);
        let is_good = is_for_us && claims.iss == self.issuer && claims.nonce == request.nonce;
        if !is_good || claims.exp <= clock::now().unix_timestamp() {
            return Err(Failure::Answer("an ID token for another request"));
        }
        Ok(claims.sub)
    }
}

fn check_status(step: &'static str, status: u16) -> Result<(), Failure> {
    match status {
        200 => Ok(()),
        503 => Err(Failure::Shed),
        status => Err(Failure::Status { step, status }),
    }
}

fn read_part<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok()
}

fn read_key(key: &Value) -> Option<Key> {
    let number = |name: &str| BASE64URL_NOPAD.decode(key.get(name)?.as_str()?.as_bytes()).ok();
    let (algorithm, public) = match key.get("kty")?.as_str()? {
        "RSA" => ("RS256", Public::Rsa { modulus: number("n")?, exponent: number("e")? }),
        _ => ("ES256", Public::P256([vec![4], number("x")?, number("y")?].concat())),
    };
    Some(Key { id: key.get("kid")?.as_str()?.to_owned(), algorithm, public })
}

impl Public {
    fn has_signed(&self, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Rsa { modulus, exponent } => {
                PublicKeyComponents { n: modulus, e: exponent }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
            }
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature),
        };
        verified.is_ok()
    }
}
