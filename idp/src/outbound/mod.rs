//! What this service itself asks of other servers: metadata and keys of relying parties, words to them that a session is
//! over.
//!
//! Every address comes from someone else, so none is trusted to be where it says (SI-20, OP-16): https only, the
//! addresses of its name are checked and those very addresses are connected to, no redirect leaves the host, and an
//! answer is bounded in time and size while it arrives. Never in here: what an answer means.
//!
//! reqwest over our own client on hyper: it is in the tree already and asks a resolver of ours for every name, which is
//! the whole of the pinning. No proxy is used: behind one the addresses would be checked by nobody.

mod address;
mod flight;
mod names;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method, RequestBuilder, Response};
use url::{Host, Url};

use crate::clock::Clock;
use crate::config;
use flight::Flights;
use names::{Checked, Names};

/// How far an answer may go.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the whole: name, connection, redirects, the last byte.
    pub time: Duration,
    /// Of the body.
    pub bytes: usize,
    pub redirects: Redirects,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    Refused,
    /// At most three, each to the scheme, host and port that was asked.
    SameOrigin,
}

const REDIRECTS: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: Vec<u8>,
}

/// Why there is no answer. The text names the host at most: a query may hold what is nobody's business.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("the address is not an https address")]
    Address,
    #[error("{0} is an address of a private network or of this machine")]
    Private(String),
    #[error("{0} does not answer: {1}")]
    Unreachable(String, String),
    #[error("{0} did not answer within {1:?}")]
    TooSlow(String, Duration),
    #[error("{0} answers with more than {1} bytes")]
    TooLarge(String, usize),
    #[error("{0} answers compressed, which was not asked for")]
    Compressed(String),
    #[error("{0} answers with a redirect that is not followed")]
    Redirect(String),
    #[error("{0} answers with the status {1}")]
    Status(String, u16),
    #[error("this machine cannot speak TLS to others: {0}")]
    Unready(String),
}

#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("reading outbound.extra_ca_file {}: {problem}", path.display())]
    Authority { path: PathBuf, problem: String },
}

/// Cheap to clone; clones share connections and what is remembered of failures.
#[derive(Clone)]
pub struct Outbound(Arc<Parts>);

struct Parts {
    /// An installation without any authority of the system asks nothing of others until it has one.
    client: Result<Client, String>,
    allow_private: bool,
    flights: Flights,
}

impl Outbound {
    pub fn new(settings: &config::Outbound, clock: Clock) -> Result<Self, Unusable> {
        Self::over(settings, clock, Names::System)
    }

    fn over(settings: &config::Outbound, clock: Clock, names: Names) -> Result<Self, Unusable> {
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .https_only(!settings.allow_private)
            .user_agent(concat!("guichet/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .pool_idle_timeout(Duration::from_secs(30))
            .dns_resolver(Arc::new(Checked { names, allow_private: settings.allow_private }));
        if let Some(path) = &settings.extra_ca_file {
            let wrong = |problem: String| Unusable::Authority { path: path.clone(), problem };
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let read = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
            builder = builder.tls_certs_merge(read);
        }
        let client = builder.build().map_err(|error| innermost(&error));
        Ok(Self(Arc::new(Parts { client, allow_private: settings.allow_private, flights: Flights::new(clock) })))
    }

    /// An answer that is not 200 is a failure.
    pub async fn get(&self, address: &str, limits: &Limits) -> Result<Answer, Failure> {
        let answer = self.send(Method::GET, address, None, limits).await?;
        if answer.status == 200 { Ok(answer) } else { Err(Failure::Status(host(address), answer.status)) }
    }

    /// The same, one at a time for an address: who asks meanwhile gets the same answer. A failure is remembered for a
    /// minute, so that a dead or hostile host costs one attempt (FT-10).
    pub async fn get_once(&self, address: &str, limits: &Limits) -> Result<Arc<Answer>, Failure> {
        self.0.flights.one(address, self.get(address, limits)).await
    }

    /// Any status but a redirect is an answer.
    pub async fn post_form(&self, address: &str, fields: &[(&str, &str)], limits: &Limits) -> Result<Answer, Failure> {
        // Nobody else's redirect is worth a second POST.
        let limits = Limits { redirects: Redirects::Refused, ..*limits };
        self.send(Method::POST, address, Some(fields), &limits).await
    }

    async fn send(
        &self,
        method: Method,
        address: &str,
        fields: Option<&[(&str, &str)]>,
        limits: &Limits,
    ) -> Result<Answer, Failure> {
        let client = self.0.client.as_ref().map_err(|problem| Failure::Unready(problem.clone()))?;
        let whole = async {
            let mut url = self.checked(address)?;
            for _ in 0..=REDIRECTS {
                let mut request = client.request(method.clone(), url.clone());
                if let Some(fields) = fields {
                    request = request.form(fields);
                }
                let response = answered(request, &url).await?;
                if !response.status().is_redirection() {
                    return taken(response, &url, limits.bytes).await;
                }
                url = redirected(&response, &url, limits.redirects)?;
            }
            Err(Failure::Redirect(name(&url)))
        };
        let in_time = tokio::time::timeout(limits.time, whole).await;
        in_time.unwrap_or_else(|_| Err(Failure::TooSlow(host(address), limits.time)))
    }

    /// What an address says of itself; names are checked when they are resolved.
    fn checked(&self, address: &str) -> Result<Url, Failure> {
        let url = Url::parse(address).map_err(|_| Failure::Address)?;
        let has_scheme = url.scheme() == "https" || (url.scheme() == "http" && self.0.allow_private);
        if !has_scheme || !url.has_host() || !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::Address);
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) | None => None,
        };
        // No resolver is asked for these.
        match literal {
            Some(literal) if !self.0.allow_private && !address::is_public(literal) => Err(Failure::Private(name(&url))),
            Some(_) | None => Ok(url),
        }
    }
}

async fn answered(request: RequestBuilder, url: &Url) -> Result<Response, Failure> {
    request.send().await.map_err(|error| {
        if names::is_private(&error) {
            Failure::Private(name(url))
        } else {
            Failure::Unreachable(name(url), innermost(&error))
        }
    })
}

/// Reads the body, counting: what a header announces is believed only when it is too much.
async fn taken(mut response: Response, url: &Url, most: usize) -> Result<Answer, Failure> {
    let header =
        |name| response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    // What is compressed may be small on the way and large here.
    if header(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Failure::Compressed(name(url)));
    }
    let content_type = header(CONTENT_TYPE);
    let too_large = || Failure::TooLarge(name(url), most);
    if response.content_length().is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(Answer { status: response.status().as_u16(), content_type, body }),
            Ok(Some(chunk)) if body.len() + chunk.len() > most => return Err(too_large()),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(error) => return Err(Failure::Unreachable(name(url), innermost(&error))),
        }
    }
}

fn redirected(response: &Response, from: &Url, redirects: Redirects) -> Result<Url, Failure> {
    let refused = || Failure::Redirect(name(from));
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let to = location.and_then(|location| from.join(location).ok()).ok_or_else(refused)?;
    let is_followed = redirects == Redirects::SameOrigin && to.origin() == from.origin() && to.username().is_empty();
    if is_followed { Ok(to) } else { Err(refused()) }
}

fn name(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn host(address: &str) -> String {
    Url::parse(address).map_or_else(|_| String::new(), |url| name(&url))
}

/// The last cause, which is the one that says something: those around it repeat the address.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
