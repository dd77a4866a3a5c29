//! How a message arrives: HTTP-Redirect and HTTP-POST (SAML Bindings 3.4, 3.5), and the unsolicited address.

use std::io::Read;

use flate2::bufread::DeflateDecoder;
use time::OffsetDateTime;

use super::names;
use super::reason::Reason;
use super::tree::MESSAGE;

/// SI-01.
const QUERY_MAX: usize = 16 * 1024;
const BODY_MAX: usize = 256 * 1024;
/// SI-16.
const RELAY_STATE_MAX: usize = 1024;

/// A message as it came: nothing in it is to be believed, and nothing in it can be read but by `request` and `logout`.
#[derive(Debug, Clone)]
pub struct Received {
    pub(super) xml: String,
    pub(super) relay_state: Option<String>,
    pub(super) carriage: Carriage,
}

#[derive(Debug, Clone)]
pub(super) enum Carriage {
    /// A signature is inside the message.
    Post,
    /// A signature is beside the message.
    Redirect(Option<Detached>),
}

/// The signature of the Redirect binding.
#[derive(Debug, Clone)]
pub(super) struct Detached {
    /// What was signed, as the octets were received (SI-08).
    pub octets: String,
    pub algorithm: String,
    pub signature: Vec<u8>,
}

/// The parameters of the unsolicited address, under the names that ENTs have in their settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsolicited {
    pub(super) provider: String,
    pub(super) consumer: Option<String>,
    pub(super) target: Option<String>,
    pub(super) time: Option<OffsetDateTime>,
}

/// What arrives at a single logout address.
#[derive(Debug, Clone)]
pub enum Message {
    Request(Received),
    Response(Received),
}

const REQUEST: &str = "SAMLRequest";
const RESPONSE: &str = "SAMLResponse";

/// A request of the Redirect binding, from the query as received.
pub fn redirect(raw_query: &str) -> Result<Received, Reason> {
    let query = Parameters::read(raw_query, QUERY_MAX)?;
    if query.value(RESPONSE)?.is_some() {
        return Err(Reason::Parameters);
    }
    redirected(&query, REQUEST)
}

/// A request or an answer of the Redirect binding; never both (SI-08).
pub fn logout_by_redirect(raw_query: &str) -> Result<Message, Reason> {
    let query = Parameters::read(raw_query, QUERY_MAX)?;
    match (query.value(REQUEST)?, query.value(RESPONSE)?) {
        (Some(_), None) => redirected(&query, REQUEST).map(Message::Request),
        (None, Some(_)) => redirected(&query, RESPONSE).map(Message::Response),
        (Some(_), Some(_)) | (None, None) => Err(Reason::Parameters),
    }
}

fn redirected(query: &Parameters, name: &str) -> Result<Received, Reason> {
    let encoding = query.value("SAMLEncoding")?;
    if encoding.is_some_and(|encoding| encoding != names::DEFLATE) {
        return Err(Reason::Encoding);
    }
    let message = query.value(name)?.ok_or(Reason::Parameters)?;
    let detached = match (query.value("Signature")?, query.value("SigAlg")?) {
        (None, None) => None,
        (Some(signature), Some(algorithm)) => {
            // Bindings 3.4.4.1: in this order, whatever the order in the address.
            let signed = [name, "RelayState", "SigAlg"].into_iter().filter_map(|name| query.raw(name));
            let octets = signed.collect::<Vec<_>>().join("&");
            Some(Detached { octets, algorithm, signature: base64(&signature)? })
        }
        _ => return Err(Reason::Parameters),
    };
    Ok(Received {
        xml: inflate(&base64(&message)?)?,
        relay_state: query.relay_state("RelayState")?,
        carriage: Carriage::Redirect(detached),
    })
}

/// A request of the POST binding, from a body of `application/x-www-form-urlencoded`.
pub fn post(body: &[u8]) -> Result<Received, Reason> {
    let form = form(body)?;
    if form.value(RESPONSE)?.is_some() {
        return Err(Reason::Parameters);
    }
    posted(&form, REQUEST)
}

/// A request or an answer of the POST binding; never both.
pub fn logout_by_post(body: &[u8]) -> Result<Message, Reason> {
    let form = form(body)?;
    match (form.value(REQUEST)?, form.value(RESPONSE)?) {
        (Some(_), None) => posted(&form, REQUEST).map(Message::Request),
        (None, Some(_)) => posted(&form, RESPONSE).map(Message::Response),
        (Some(_), Some(_)) | (None, None) => Err(Reason::Parameters),
    }
}

fn form(body: &[u8]) -> Result<Parameters<'_>, Reason> {
    if body.len() > BODY_MAX {
        return Err(Reason::TooLarge);
    }
    let body = std::str::from_utf8(body).map_err(|_| Reason::Parameters)?;
    Parameters::read(body, BODY_MAX)
}

fn posted(form: &Parameters, name: &str) -> Result<Received, Reason> {
    // `Signature` is HTTP-POST-SimpleSign: a present signature is checked or the message refused (SI-09).
    for name in ["Signature", "SigAlg"] {
        if form.value(name)?.is_some() {
            return Err(Reason::Parameters);
        }
    }
    let message = base64(&form.value(name)?.ok_or(Reason::Parameters)?)?;
    if message.len() > MESSAGE.bytes {
        return Err(Reason::TooLarge);
    }
    Ok(Received { xml: text(message)?, relay_state: form.relay_state("RelayState")?, carriage: Carriage::Post })
}

/// The parameters of `/idp/profile/SAML2/Unsolicited/SSO`.
pub fn unsolicited(raw_query: &str) -> Result<Unsolicited, Reason> {
    let query = Parameters::read(raw_query, QUERY_MAX)?;
    Ok(Unsolicited {
        provider: query.value("providerId")?.ok_or(Reason::Parameters)?,
        consumer: query.value("shire")?,
        target: query.relay_state("target")?,
        time: query.value("time")?.as_deref().map(epoch).transpose()?,
    })
}

/// Seconds since 1970, as Shibboleth reads its `time`.
fn epoch(text: &str) -> Result<OffsetDateTime, Reason> {
    let seconds = text.parse().map_err(|_| Reason::Parameters)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| Reason::Parameters)
}

/// Names and values as received, so that a signature can be checked over the very octets.
struct Parameters<'a>(Vec<(&'a str, &'a str, &'a str)>);

impl<'a> Parameters<'a> {
    fn read(raw: &'a str, max: usize) -> Result<Self, Reason> {
        if raw.len() > max {
            return Err(Reason::TooLarge);
        }
        let mut found: Vec<(&str, &str, &str)> = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // SI-08: another reader of the same query would take an escaped name for the plain one.
            if name.contains(['%', '+']) || found.iter().any(|(known, ..)| *known == name) {
                return Err(Reason::Parameters);
            }
            if found.len() >= 64 {
                return Err(Reason::TooLarge);
            }
            found.push((name, value, pair));
        }
        Ok(Self(found))
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, ..)| *known == name).map(|(_, _, pair)| *pair)
    }

    fn value(&self, name: &str) -> Result<Option<String>, Reason> {
        self.0.iter().find(|(known, ..)| *known == name).map(|(_, value, _)| decode(value)).transpose()
    }

    fn relay_state(&self, name: &str) -> Result<Option<String>, Reason> {
        match self.value(name)? {
            Some(state) if state.len() > RELAY_STATE_MAX => Err(Reason::TooLarge),
            state => Ok(state.filter(|state| !state.is_empty())),
        }
    }
}

/// `application/x-www-form-urlencoded`, both cases of the escapes; a broken escape is refused, not passed through.
fn decode(raw: &str) -> Result<String, Reason> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match (rest.next().and_then(hex), rest.next().and_then(hex)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(Reason::Parameters),
            },
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| Reason::Parameters)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Base64 as MIME writes it: line breaks are met in the POST binding.
fn base64(text: &str) -> Result<Vec<u8>, Reason> {
    let dense: String = text.chars().filter(|c| !matches!(c, '\r' | '\n' | ' ' | '\t')).collect();
    data_encoding::BASE64.decode(dense.as_bytes()).map_err(|_| Reason::Encoding)
}

/// Stops at the limit while inflating (SI-01).
fn inflate(deflated: &[u8]) -> Result<String, Reason> {
    let mut decoder = DeflateDecoder::new(deflated);
    let mut inflated = Vec::with_capacity(4 * 1024);
    let limit = MESSAGE.bytes as u64;
    decoder.by_ref().take(limit + 1).read_to_end(&mut inflated).map_err(|_| Reason::Encoding)?;
    if inflated.len() as u64 > limit {
        return Err(Reason::TooLarge);
    }
    if decoder.total_in() != deflated.len() as u64 {
        return Err(Reason::Encoding);
    }
    text(inflated)
}

fn text(bytes: Vec<u8>) -> Result<String, Reason> {
    let text = String::from_utf8(bytes).map_err(|_| Reason::Encoding)?;
    // The byte order mark is no part of the document, and libxml2 need not see it.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
