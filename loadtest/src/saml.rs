//! The SAML service provider of the load test: writes requests before the clock starts, looks at every answer, and
//! verifies the signatures of a sample once the clock has stopped, because both cost the cores that are measured.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use data_encoding::BASE64;
use samael::crypto::{AllowedSignatureAlgorithm, CertificateDer, Crypto, CryptoProvider as _, ReduceMode};
use time::format_description::well_known::Rfc3339;

use crate::accounts::SamlParty;
use crate::failure::Failure;
use crate::form::Form;
use crate::{chance, clock};

pub const METADATA: &str = "/idp/shibboleth";
const SIGN_ON: &str = "/idp/profile/SAML2/Redirect/SSO";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
/// One answer in so many is kept for verification, up to a number that takes a second to verify.
const SAMPLE_EVERY: u64 = 25;
const SAMPLES: usize = 400;

pub struct ServiceProvider {
    entity_id: String,
    acs_url: String,
    key: Option<KeyPair>,
    destination: String,
    certificates: Vec<CertificateDer>,
    answers: AtomicU64,
    samples: Mutex<Vec<String>>,
}

/// A request ready to be sent: nothing of it is computed while the clock runs.
pub struct Prepared {
    pub path: String,
    id: String,
    relay_state: String,
}

impl ServiceProvider {
    pub fn new(party: SamlParty, origin: &str, metadata: &str) -> Result<Self> {
        let key = match party.signing_key {
            None => None,
            Some(text) => {
                let der = BASE64.decode(text.as_bytes()).context("`signing_key` is not base64")?;
                Some(KeyPair::from_pkcs8(&der).context("`signing_key` is not an RSA key in PKCS#8")?)
            }
        };
        let certificates = certificates(metadata)?;
        Ok(Self {
            entity_id: party.entity_id,
            acs_url: party.acs_url,
            key,
            destination: format!("{origin}{SIGN_ON}"),
            certificates,
            answers: AtomicU64::new(0),
            samples: Mutex::default(),
        })
    }

    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    pub fn is_signing(&self) -> bool {
        self.key.is_some()
    }

    /// SAML Bindings 3.4.4.1.
    pub fn prepare(&self) -> Result<Prepared> {
        let id = format!("_{}", chance::hex::<16>());
        let relay_state = chance::hex::<8>();
        let xml = format!(
            r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="{id}" Version="2.0" IssueInstant="{}" Destination="{}" AssertionConsumerServiceURL="{}" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">{}</saml:Issuer></samlp:AuthnRequest>"#,
            clock::now().format(&Rfc3339)?,
            escape(&self.destination),
            escape(&self.acs_url),
            escape(&self.entity_id),
        );
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        deflate.write_all(xml.as_bytes())?;
        let request = BASE64.encode(&deflate.finish()?);
        let mut query = serde_urlencoded::to_string([("SAMLRequest", &request), ("RelayState", &relay_state)])?;
        if let Some(key) = &self.key {
            query.push('&');
            query.push_str(&serde_urlencoded::to_string([("SigAlg", RSA_SHA256)])?);
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), query.as_bytes(), &mut signature)?;
            query.push('&');
            query.push_str(&serde_urlencoded::to_string([("Signature", BASE64.encode(&signature))])?);
        }
        Ok(Prepared { path: format!("{SIGN_ON}?{query}"), id, relay_state })
    }

    /// Checks that the posted answer is a success, for this request, for us.
    pub fn check(&self, form: &Form, request: &Prepared) -> Result<(), Failure> {
        if form.action != self.acs_url {
            return Err(Failure::Answer("posted to another address"));
        }
        if form.value("RelayState") != Some(request.relay_state.as_str()) {
            return Err(Failure::Answer("another RelayState"));
        }
        let encoded = form.value("SAMLResponse").unwrap_or_default();
        let xml = BASE64.decode(encoded.as_bytes()).ok().and_then(|xml| String::from_utf8(xml).ok());
        let xml = xml.ok_or(Failure::Answer("not a document in base64"))?;
        if !xml.contains("urn:oasis:names:tc:SAML:2.0:status:Success") {
            return Err(Failure::Answer("not a success"));
        }
        if !xml.contains(&format!("InResponseTo=\"{}\"", request.id)) {
            return Err(Failure::Answer("for another request"));
        }
        if !xml.contains(&format!("Audience>{}</", escape(&self.entity_id))) {
            return Err(Failure::Answer("for another service provider"));
        }
        if self.answers.fetch_add(1, Ordering::Relaxed).is_multiple_of(SAMPLE_EVERY) {
            let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
            if samples.len() < SAMPLES {
                samples.push(xml);
            }
        }
        Ok(())
    }

    /// Verifies the sample: how many were good, how many were not.
    pub fn verify_samples(&self) -> (usize, usize) {
        let samples = std::mem::take(&mut *self.samples.lock().unwrap_or_else(PoisonError::into_inner));
        let good = samples.iter().filter(|xml| self.is_signed(xml)).count();
        (good, samples.len() - good)
    }

    fn is_signed(&self, xml: &str) -> bool {
        let allowed = [AllowedSignatureAlgorithm::RsaSha256, AllowedSignatureAlgorithm::EcdsaSha256];
        Crypto::reduce_xml_to_signed_with_allowed_algorithms(
            xml,
            &self.certificates,
            ReduceMode::PreDigest,
            Some(&allowed),
        )
        .is_ok_and(|signed| signed.contains(":Response") && signed.contains(":Assertion"))
    }
}

/// How many signatures an answer carries; those of an encrypted Assertion are not seen.
pub fn signatures(form: &Form) -> usize {
    let xml = BASE64.decode(form.value("SAMLResponse").unwrap_or_default().as_bytes()).unwrap_or_default();
    String::from_utf8_lossy(&xml).matches("SignatureValue>").count() / 2
}

fn certificates(metadata: &str) -> Result<Vec<CertificateDer>> {
    let descriptor: samael::metadata::EntityDescriptor = metadata
        .parse()
        .map_err(|_| anyhow::anyhow!("the metadata of the identity provider, at {METADATA}, cannot be read"))?;
    let roles = descriptor.idp_sso_descriptors.unwrap_or_default();
    let texts = roles
        .into_iter()
        .flat_map(|role| role.key_descriptors)
        .filter_map(|key| key.key_info.x509_data)
        .flat_map(|data| data.certificates);
    let certificates: Vec<CertificateDer> = texts
        .map(|text| text.split_ascii_whitespace().collect::<String>())
        .filter_map(|text| BASE64.decode(text.as_bytes()).ok())
        .map(CertificateDer::from)
        .collect();
    if certificates.is_empty() {
        bail!("the metadata of the identity provider has no certificate");
    }
    Ok(certificates)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
