//! TLS that asks the other side for a certificate too (RFC 8705).
//!
//! The handshake proves that the caller has the certificate's key, and nothing else: a self-signed certificate is as good
//! as any there. Whose it is, and whether an authority vouches for it, is asked of each request, by the clock of that
//! request: a connection may outlive a certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme};

#[cfg(test)]
mod tests;

/// Which file of the settings does not serve.
#[derive(Debug, thiserror::Error)]
#[error("reading {key} {}: {problem}", path.display())]
pub struct Unusable {
    key: &'static str,
    path: PathBuf,
    problem: String,
}

impl Unusable {
    fn of(key: &'static str, path: &Path) -> impl Fn(&dyn std::fmt::Display) -> Self {
        move |problem| Self { key, path: path.to_owned(), problem: problem.to_string() }
    }
}

/// Why no authority vouches for a certificate; for the journal of operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCertified {
    #[error("the settings name no authority (listen.mutual_tls.client_ca_file)")]
    NoAuthorities,
    #[error("no authority of the settings vouches for the certificate: {0}")]
    Chain(String),
}

/// Whose certificates `tls_client_auth` takes.
pub struct Authorities(Option<Arc<dyn ClientCertVerifier>>);

impl Authorities {
    /// From a file of PEM; without one there are none.
    pub fn read(file: Option<&Path>) -> Result<Self, Unusable> {
        let Some(path) = file else { return Ok(Self(None)) };
        let unusable = Unusable::of("listen.mutual_tls.client_ca_file", path);
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))? {
            let certificate = certificate.map_err(|error| unusable(&error))?;
            roots.add(certificate).map_err(|error| unusable(&error))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        Ok(Self(Some(verifier.map_err(|error| unusable(&error))?)))
    }

    /// Whether one of them vouches, at this time, for the first of these certificates; the others lead up to it.
    pub fn certify(&self, chain: &[Vec<u8>], seconds: u64) -> Result<(), NotCertified> {
        let verifier = self.0.as_ref().ok_or(NotCertified::NoAuthorities)?;
        let chain: Vec<CertificateDer<'_>> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let (leaf, between) = chain.split_first().ok_or_else(|| NotCertified::Chain("there is none".to_owned()))?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let outcome = verifier.verify_client_cert(leaf, between, now);
        outcome.map(drop).map_err(|error| NotCertified::Chain(error.to_string()))
    }
}

/// What the listener speaks, from two files of PEM.
pub fn server(certificate: &Path, key: &Path) -> Result<ServerConfig, Unusable> {
    let unusable = Unusable::of("the certificate of listen.mutual_tls", certificate);
    let chain = CertificateDer::pem_file_iter(certificate).map_err(|error| unusable(&error))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|error| unusable(&error))?;
    let own =
        PrivateKeyDer::from_pem_file(key).map_err(|error| Unusable::of("the key of listen.mutual_tls", key)(&error))?;
    let provider = provider();
    let asked = Arc::new(AnyCertificate(provider.signature_verification_algorithms));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_client_cert_verifier(asked)
        .with_single_cert(chain, own)
        .map_err(|error| unusable(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Asks for a certificate and takes any whose key signs the handshake; a caller may have none.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // None: a client sends what it has.
        &[]
    }

    fn verify_client_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
