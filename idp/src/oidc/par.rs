//! Pushed authorization requests (RFC 9126): a client brings its request itself, authenticated, and sends the browser with
//! a reference that is good for it alone, once, for a minute (OP-13). No reference of anybody else is ever followed.

use serde_json::json;
use time::Duration;

use super::answer::Answer;
use super::authorize::{self, Denied, Parameters, Reason};
use super::form::Form;
use crate::domain::relying_party::PartyId;

/// A browser is sent on at once.
pub const LIFE: Duration = Duration::seconds(60);
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// The request that a client brings; which client, it has proved already. `None` where it cannot be read, or names another
/// request (RFC 9126 2.1).
pub fn read(body: &[u8], client: &PartyId) -> Option<Parameters> {
    let mut form = Form::parse(body).ok()?;
    if form.names("request_uri") {
        return None;
    }
    if !form.names("client_id") {
        form.add("client_id".to_owned(), client.0.clone());
    }
    Some(Parameters::pushed_now(form))
}

/// The secret part of a reference of ours.
pub fn reference(request_uri: &str) -> Option<&str> {
    request_uri.strip_prefix(PREFIX)
}

/// RFC 9126 2.2.
pub fn answer(reference: &str) -> Answer {
    Answer::private(201, &json!({ "request_uri": format!("{PREFIX}{reference}"), "expires_in": LIFE.whole_seconds() }))
}

/// RFC 9126 2.3: the errors of the token endpoint, with the codes of the authorization endpoint among them.
pub fn refuse(denied: &Denied) -> Answer {
    let (code, description) = match denied {
        Denied::Local(reason @ Reason::RequestObject) => ("invalid_request_object", reason.to_string()),
        Denied::Local(reason) => ("invalid_request", reason.to_string()),
        Denied::Reply(_, error) => (error.code(), error.description().to_owned()),
    };
    Answer::private(400, &json!({ "error": code, "error_description": description }))
}

/// A request that cannot be read, or that names another one.
pub fn malformed(why: &'static str) -> Answer {
    let error = authorize::Error::InvalidRequest(why);
    Answer::private(400, &json!({ "error": error.code(), "error_description": error.description() }))
}
