//! A small HTTP/1.1 client. It shares its two cores with the server under test, so it does what a browser does on the
//! wire and nothing more: no pool, no resolver, no redirect or cookie policy beyond what the flows need.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::failure::Failure;

/// Where requests go.
pub struct Site {
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    host: HeaderValue,
    /// Scheme, host and port, without a slash at the end.
    pub origin: String,
}

pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: Bytes,
}

impl Site {
    pub async fn reach(target: &Url, ca: Option<&Path>) -> Result<Self> {
        let host = target.host_str().context("the target has no host")?;
        let port = target.port_or_known_default().context("the target has no port")?;
        let tls = match (target.scheme(), ca) {
            ("http", _) => None,
            ("https", Some(ca)) => Some((connector(ca)?, ServerName::try_from(host.to_owned())?)),
            ("https", None) => bail!("an https target needs --ca with the certificate authority to trust"),
            (scheme, _) => bail!("the target's scheme is {scheme}, not http or https"),
        };
        let origin = target.origin().ascii_serialization();
        let authority = origin.split_once("://").map_or("", |(_, authority)| authority).to_owned();
        // `localhost` may name an address on which nobody listens.
        for address in tokio::net::lookup_host((host, port)).await.with_context(|| format!("resolving {host}"))? {
            if TcpStream::connect(address).await.is_ok() {
                return Ok(Self { address, tls, host: authority.parse()?, origin });
            }
        }
        bail!("nobody answers at {origin}")
    }
}

fn connector(ca: &Path) -> Result<TlsConnector> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).with_context(|| format!("reading {}", ca.display()))? {
        roots.add(certificate.with_context(|| format!("reading {}", ca.display()))?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Each connection stands for a browser that arrives: it has no ticket from an earlier visit.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// One connection with one set of cookies: a browser's tab, or a relying party's server.
pub struct Visitor {
    site: Arc<Site>,
    line: Option<SendRequest<Full<Bytes>>>,
    cookies: Vec<(String, String)>,
    /// Requests sent since the last `take_requests`.
    requests: u32,
}

impl Visitor {
    pub fn new(site: Arc<Site>) -> Self {
        Self { site, line: None, cookies: Vec::new(), requests: 0 }
    }

    pub fn take_requests(&mut self) -> u32 {
        std::mem::take(&mut self.requests)
    }

    pub async fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, None, &[]).await
    }

    /// `extra` are headers beside those of a form.
    pub async fn post(
        &mut self,
        path: &str,
        body: String,
        extra: &[(header::HeaderName, HeaderValue)],
    ) -> Result<Answer, Failure> {
        self.send(Method::POST, path, Some(body), extra).await
    }

    pub async fn get_with(
        &mut self,
        path: &str,
        extra: &[(header::HeaderName, HeaderValue)],
    ) -> Result<Answer, Failure> {
        self.send(Method::GET, path, None, extra).await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        form: Option<String>,
        extra: &[(header::HeaderName, HeaderValue)],
    ) -> Result<Answer, Failure> {
        let kept = self.line.take().filter(|line| !line.is_closed());
        let is_safe = method == Method::GET;
        let request = self.request(method, path, form, extra)?;
        self.requests += 1;
        let (line, response) = match kept {
            // RFC 9110 9.2.2: a server may close a rested connection just as it is used again; a browser asks once more.
            Some(line) => match asked(line, request.clone()).await {
                (_, Err(_)) if is_safe => asked(self.connect().await?, request).await,
                answered => answered,
            },
            None => asked(self.connect().await?, request).await,
        };
        let response = response?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| Failure::Broken)?.to_bytes();
        self.line = Some(line);
        self.keep_cookies(&parts.headers);
        let location = parts.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let is_packed = parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
        let body = if is_packed { unpack(&body)? } else { body };
        Ok(Answer { status: parts.status.as_u16(), location, body })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        form: Option<String>,
        extra: &[(header::HeaderName, HeaderValue)],
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut builder = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.site.host)
            .header(header::USER_AGENT, "Mozilla/5.0 (loadtest)")
            .header(header::ACCEPT_ENCODING, "gzip");
        if !self.cookies.is_empty() {
            let line: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            builder = builder.header(header::COOKIE, line.join("; "));
        }
        if form.is_some() {
            builder = builder.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in extra {
            builder = builder.header(name, value);
        }
        builder.body(Full::new(Bytes::from(form.unwrap_or_default()))).map_err(|_| Failure::Page("an unusable address"))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let stream = TcpStream::connect(self.site.address).await.map_err(|_| Failure::Connect)?;
        stream.set_nodelay(true).map_err(|_| Failure::Connect)?;
        match &self.site.tls {
            None => speak(stream).await,
            Some((connector, name)) => {
                speak(connector.connect(name.clone(), stream).await.map_err(|_| Failure::Connect)?).await
            }
        }
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let mut parts = line.split(';');
            let Some((name, value)) = parts.next().and_then(|pair| pair.trim().split_once('=')) else { continue };
            self.cookies.retain(|(known, _)| known != name);
            let is_deleted = parts.any(|part| part.trim().eq_ignore_ascii_case("max-age=0"));
            if !is_deleted && !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

type Line = SendRequest<Full<Bytes>>;

async fn asked(mut line: Line, request: Request<Full<Bytes>>) -> (Line, Result<Response<Incoming>, Failure>) {
    let response = async {
        line.ready().await.map_err(|_| Failure::Broken)?;
        line.send_request(request).await.map_err(|_| Failure::Broken)
    };
    let response = response.await;
    (line, response)
}

async fn speak<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, Failure>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Connect)?;
    tokio::spawn(connection);
    Ok(sender)
}

fn unpack(body: &[u8]) -> Result<Bytes, Failure> {
    let mut plain = Vec::with_capacity(body.len() * 4);
    flate2::read::GzDecoder::new(body).read_to_end(&mut plain).map_err(|_| Failure::Broken)?;
    Ok(plain.into())
}
