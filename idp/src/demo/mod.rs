//! Two portals (ENT) to try Guichet with: one speaks SAML, one OpenID Connect, each a site on its own port.
//!
//! They are strangers who happen to live in this binary, so that `guichet demo` is one command: they know Guichet by
//! its metadata or discovery address only and import no other room. What works for them works for a real ENT. Never
//! here: a short cut to the store, to our keys or to our types; `samael` and `openidconnect` are used as a service
//! provider and as a client, verifying what is received and reading the verified part only.
//! Their words are in their own templates, outside the text of Guichet, because they are somebody else's site.

mod browsers;
mod claims;
mod fetch;
pub mod oidc_ent;
pub mod outbox;
mod page;
mod saml_answer;
pub mod saml_ent;

use std::path::PathBuf;
use std::sync::Arc;

use time::OffsetDateTime;

/// Where an ENT takes the time from.
pub type Now = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// Why an ENT could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("reading the address {text} of a demo ENT: {source}")]
    Address { text: String, source: url::ParseError },
    #[error("reading the certificate authority {}: {source}", path.display())]
    Authority { path: PathBuf, source: std::io::Error },
    #[error("preparing the HTTP client of a demo ENT: {0}")]
    Http(#[from] reqwest::Error),
    #[error("making the signing key of a demo ENT: {0}")]
    Key(#[from] rcgen::Error),
    #[error("reading the pages of a demo ENT: {0}")]
    Page(#[from] minijinja::Error),
}

/// Why an answer signs nobody in. The text is shown on the ENT's page, to whoever sets up a service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("le fournisseur d'identité ne répond pas comme prévu ({0})")]
    Unreachable(String),
    #[error("le fournisseur d'identité a répondu : {0}")]
    Declined(String),
    #[error("la réponse n'est pas valable : {0}")]
    Invalid(String),
    /// Well made, but nobody here is waiting for it: replayed, from another browser, or too late.
    #[error("cette réponse a déjà servi, ou n'a pas été demandée depuis ce navigateur")]
    Unexpected,
}

/// 160 random bits in lower-case hex.
pub(crate) fn random_id() -> String {
    let mut bytes = [0_u8; 20];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => data_encoding::HEXLOWER.encode(&bytes),
        // A machine without randomness cannot speak TLS either; the process ends rather than hand out known values.
        Err(_) => std::process::abort(),
    }
}

/// The address of `path` on the site at `base`.
fn at(base: &url::Url, path: &str) -> String {
    format!("{}{path}", base.as_str().trim_end_matches('/'))
}
