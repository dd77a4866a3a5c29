//! How an ENT's server reaches the identity provider: never following a redirect, trusting one authority if given.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use super::{Error, Refusal};

pub(crate) struct Http(reqwest::Client);

impl Http {
    pub(crate) fn new(authority: Option<&Path>) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(10));
        if let Some(path) = authority {
            let pem = std::fs::read(path).map_err(|source| Error::Authority { path: path.to_path_buf(), source })?;
            builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem)?);
        }
        Ok(Self(builder.build()?))
    }

    pub(crate) async fn text(&self, address: &str) -> Result<String, Refusal> {
        let unreachable = |error: reqwest::Error| Refusal::Unreachable(error.to_string());
        let response = self.0.get(address).send().await.map_err(unreachable)?;
        let response = response.error_for_status().map_err(unreachable)?;
        response.text().await.map_err(unreachable)
    }
}

type Answering<'c> = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send + 'c>>;

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = reqwest::Error;
    type Future = Answering<'c>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let request = self.0.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut answer = HttpResponse::new(response.bytes().await?.to_vec());
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            Ok(answer)
        })
    }
}
