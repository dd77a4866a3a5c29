//! Status codes and pages of what went wrong: the only place that knows them.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::page::{Busy, Problem, Reason};
use super::visitor::Visitor;
use crate::chance;
use crate::domain::relying_party::RelyingParty;

/// What a handler cannot mend. Logged once, here, with the reference that the page shows.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    #[error(transparent)]
    Accounts(#[from] crate::accounts::Error),
    #[error("writing a page: {0}")]
    Page(minijinja::Error),
    #[error("signing an answer: {0}")]
    Signing(String),
    #[error("registering a client: {0}")]
    Registration(String),
}

impl Error {
    /// The page for a visitor: a reference, no detail.
    pub fn shown_to(self, visitor: Visitor, party: Option<&RelyingParty>) -> Response {
        tracing::error!(reference = visitor.reference, error = %self, "a request failed");
        refuse(visitor, party, StatusCode::INTERNAL_SERVER_ERROR, Reason::Internal)
    }
}

impl IntoResponse for Error {
    /// Where there is no visitor to write for: machines, and pages that could not be written.
    fn into_response(self) -> Response {
        tracing::error!(error = %self, "a request failed");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// A page that says why not, with its reference and a way on.
pub fn refuse(visitor: Visitor, party: Option<&RelyingParty>, status: StatusCode, reason: Reason) -> Response {
    let mut shell = visitor.shell(party);
    shell.reference = Some(visitor.reference.clone());
    let mut response = visitor.show(&Problem::new(reason, None), &shell);
    if response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    response
}

/// 503: come back in a few seconds, each visitor at a moment of their own (RL-06).
pub fn busy(visitor: Visitor, party: Option<&RelyingParty>, retry_after: Duration, retry: String) -> Response {
    let jitter = chance::below(4);
    let seconds = u32::try_from(retry_after.as_secs()).unwrap_or(60).clamp(1, 60) + jitter;
    let mut shell = visitor.shell(party);
    shell.reference = Some(visitor.reference.clone());
    let mut response = visitor.show(&Busy { seconds, retry }, &shell);
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response.headers_mut().insert(header::REFRESH, HeaderValue::from(seconds));
    response
}
