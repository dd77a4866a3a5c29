//! A request as somebody copied it: from the address bar, from a log, from a tool. It ends in `binding` like any other.

use std::borrow::Cow;

use url::Url;
use url::form_urlencoded::byte_serialize;

use super::binding::{self, Received, Unsolicited};
use super::reason::Reason;

/// What was pasted, and over which binding it would have come.
#[derive(Debug, Clone)]
pub enum Pasted {
    Redirect(Received),
    Post(Received),
    Unsolicited(Unsolicited),
}

/// Takes an address, a query, the body of a form, XML, or either binding's base64.
pub fn read(text: &str) -> Result<Pasted, Reason> {
    let text = text.trim();
    if text.starts_with("http://") || text.starts_with("https://") {
        let url = Url::parse(text).map_err(|_| Reason::Parameters)?;
        // The query as it stands in the text: parsing would change its octets, and with them the signature.
        let query = text.split_once('?').map_or("", |(_, rest)| rest.split('#').next().unwrap_or_default());
        let is_link = url.query_pairs().any(|(name, _)| name == "providerId");
        return if is_link { binding::unsolicited(query).map(Pasted::Unsolicited) } else { parameters(query) };
    }
    if text.starts_with('<') {
        let body = body(&data_encoding::BASE64.encode(text.as_bytes()));
        return binding::post(body.as_bytes()).map(Pasted::Post);
    }
    if text.contains("providerId=") {
        return binding::unsolicited(text).map(Pasted::Unsolicited);
    }
    if text.contains("SAMLRequest=") {
        return parameters(text);
    }
    // Copied out of a query with its escapes, or out of a form without.
    let message: Cow<str> =
        if text.contains('%') { text.into() } else { byte_serialize(text.as_bytes()).collect::<String>().into() };
    parameters(&format!("SAMLRequest={message}"))
}

fn body(message: &str) -> String {
    format!("SAMLRequest={}", byte_serialize(message.as_bytes()).collect::<String>())
}

/// The two bindings use the same names: what does not inflate came by POST.
fn parameters(text: &str) -> Result<Pasted, Reason> {
    match binding::redirect(text) {
        Ok(received) => Ok(Pasted::Redirect(received)),
        Err(reason) => binding::post(text.as_bytes()).map(Pasted::Post).map_err(|_| reason),
    }
}
