//! The portal that speaks SAML 2.0: signed requests over HTTP-Redirect, answers over HTTP-POST, unsolicited ones too.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use rcgen::SigningKey as _;
use serde::Deserialize;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::browsers::Browsers;
use super::claims::{Attribute, Person, Raw};
use super::fetch::Http;
use super::page::{Pages, Site, go};
use super::saml_answer::{Answer, Expected, Provider, Verified, verify};
use super::{Error, Now, Refusal, at, random_id};

const SITE: Site = Site { name: "ENT Les Grands Pins", look: "grands-pins", protocol: "SAML 2.0" };
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
/// How long metadata is believed before it is read again.
const METADATA_KEPT: Duration = Duration::minutes(1);
/// An assertion is refused a second time for as long as it could be good.
const ASSERTION_KEPT: Duration = Duration::minutes(15);

pub struct Settings {
    /// Where this ENT is served, without a path.
    pub base_url: Url,
    pub idp_metadata_url: Url,
    /// The only authority to trust for the identity provider's TLS; `None` for the system's.
    pub ca: Option<PathBuf>,
    pub now: Now,
}

pub struct Ent {
    entity_id: String,
    consumer: String,
    home: String,
    provider_origin: String,
    metadata_url: String,
    key: rcgen::KeyPair,
    certificate: String,
    http: Http,
    pages: Pages,
    now: Now,
    /// What is remembered of a request is the `RelayState` that must come back with its answer.
    browsers: Browsers<String>,
    provider: Mutex<Option<(Arc<Provider>, OffsetDateTime)>>,
    assertions: Mutex<HashMap<String, OffsetDateTime>>,
}

impl Ent {
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)?;
        let mut parameters = rcgen::CertificateParams::default();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, SITE.name);
        let certificate = data_encoding::BASE64.encode(parameters.self_signed(&key)?.der());
        let provider_origin = settings.idp_metadata_url.origin().ascii_serialization();
        Ok(Self {
            entity_id: at(&settings.base_url, "/saml/metadata"),
            consumer: at(&settings.base_url, "/saml/acs"),
            home: at(&settings.base_url, "/"),
            metadata_url: settings.idp_metadata_url.to_string(),
            key,
            certificate,
            http: Http::new(settings.ca.as_deref())?,
            pages: Pages::new(SITE, &provider_origin)?,
            provider_origin,
            now: settings.now,
            browsers: Browsers::new("__Host-ent-grands-pins", "None"),
            provider: Mutex::default(),
            assertions: Mutex::default(),
        })
    }

    pub fn name(&self) -> &'static str {
        SITE.name
    }

    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// The AssertionConsumerService.
    pub fn acs_url(&self) -> &str {
        &self.consumer
    }

    /// The key that signs requests, PKCS#8 in base64: made for this run, so that a load test can stand in for this ENT.
    pub fn signing_key(&self) -> String {
        data_encoding::BASE64.encode(self.key.serialized_der())
    }

    /// Where a person starts from.
    pub fn start_url(&self) -> &str {
        &self.home
    }

    /// The document to register this ENT with (SAML Metadata 2.4.4).
    pub fn metadata(&self) -> String {
        let (entity_id, consumer) = (xml(&self.entity_id), xml(&self.consumer));
        let (name, home, certificate) = (xml(SITE.name), xml(&self.home), &self.certificate);
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}">
  <md:SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:Extensions>
      <mdui:UIInfo xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui">
        <mdui:DisplayName xml:lang="fr">{name}</mdui:DisplayName>
        <mdui:InformationURL xml:lang="fr">{home}</mdui:InformationURL>
      </mdui:UIInfo>
    </md:Extensions>
    <md:KeyDescriptor use="signing">
      <ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
        <ds:X509Data>
          <ds:X509Certificate>{certificate}</ds:X509Certificate>
        </ds:X509Data>
      </ds:KeyInfo>
    </md:KeyDescriptor>
    <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>
    <md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{consumer}" index="0" isDefault="true"/>
  </md:SPSSODescriptor>
  <md:Organization>
    <md:OrganizationName xml:lang="fr">{name}</md:OrganizationName>
    <md:OrganizationDisplayName xml:lang="fr">{name}</md:OrganizationDisplayName>
    <md:OrganizationURL xml:lang="fr">{home}</md:OrganizationURL>
  </md:Organization>
</md:EntityDescriptor>
"#
        )
    }

    pub fn router(self) -> Router {
        Router::new()
            .route("/", get(home))
            .route("/connexion", get(sign_in))
            .route("/deconnexion", post(sign_out))
            .route("/saml/metadata", get(metadata))
            .route("/saml/acs", post(receive))
            .with_state(Arc::new(self))
    }

    /// The provider as its metadata says; read again when it is old, or when `fresh` is asked.
    async fn provider(&self, fresh: bool) -> Result<Arc<Provider>, Refusal> {
        let now = (self.now)();
        let known = self.provider.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((provider, _)) = known.filter(|(_, read)| !fresh && now - *read < METADATA_KEPT) {
            return Ok(provider);
        }
        let provider = Arc::new(Provider::read(&self.http.text(&self.metadata_url).await?)?);
        *self.provider.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&provider), now));
        Ok(provider)
    }

    /// The signed address that carries the request (SAML Bindings 3.4.4.1).
    fn request_url(&self, id: &str, relay_state: &str, provider: &Provider) -> Result<String, Refusal> {
        let failed = |what: &str| Refusal::Unreachable(format!("demande : {what}"));
        let instant = (self.now)().format(&Rfc3339).map_err(|_| failed("date"))?;
        let request = format!(
            r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="{id}" Version="2.0" IssueInstant="{instant}" Destination="{}" AssertionConsumerServiceURL="{}" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">{}</saml:Issuer><samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" AllowCreate="true"/></samlp:AuthnRequest>"#,
            xml(&provider.sign_on),
            xml(&self.consumer),
            xml(&self.entity_id),
        );
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        let deflated = deflate.write_all(request.as_bytes()).and_then(|()| deflate.finish());
        let encoded = data_encoding::BASE64.encode(&deflated.map_err(|_| failed("compression"))?);
        let fields = [("SAMLRequest", encoded.as_str()), ("RelayState", relay_state), ("SigAlg", RSA_SHA256)];
        let query = serde_urlencoded::to_string(fields).map_err(|_| failed("codage"))?;
        let signature = self.key.sign(query.as_bytes()).map_err(|_| failed("signature"))?;
        let signature = serde_urlencoded::to_string([("Signature", data_encoding::BASE64.encode(&signature))])
            .map_err(|_| failed("codage"))?;
        let separator = if provider.sign_on.contains('?') { '&' } else { '?' };
        Ok(format!("{}{separator}{query}&{signature}", provider.sign_on))
    }

    /// Verification is half a millisecond of C code: not on a thread that serves others. The provider may have changed
    /// its key since its metadata was read, so a signature gets a second look with fresh metadata.
    async fn verified(&self, document: &str) -> Result<(Verified, Arc<Provider>), Refusal> {
        let mut provider = self.provider(false).await?;
        let mut verified = verify_aside(document.to_owned(), Arc::clone(&provider)).await;
        if verified.is_err() {
            let fresh = self.provider(true).await?;
            if fresh != provider {
                provider = fresh;
                verified = verify_aside(document.to_owned(), Arc::clone(&provider)).await;
            }
        }
        Ok((verified?, provider))
    }

    async fn accept(&self, headers: &HeaderMap, form: &Received) -> Result<Person, Refusal> {
        let document = decode(&form.saml_response)?;
        let (verified, provider) = self.verified(&document).await?;
        if let Some(request) = verified.in_response_to() {
            let relay_state = self.browsers.take(headers, request).ok_or(Refusal::Unexpected)?;
            if form.relay_state.as_deref() != Some(relay_state.as_str()) {
                return Err(Refusal::Invalid("RelayState".to_owned()));
            }
        }
        let now = (self.now)();
        let (entity_id, consumer) = (self.entity_id.as_str(), self.consumer.as_str());
        let answer = verified.read(&Expected { entity_id, consumer, provider: &provider, now })?;
        self.accept_once(&answer, now)?;
        let raw = vec![Raw { title: "Response SAML", text: document }];
        let sign_out_url = self.sign_out_url(&answer.attributes);
        Ok(Person::read(&answer.name_id, &answer.attributes, raw, sign_out_url))
    }

    /// An unsolicited assertion is tied to no browser, so it must not be good twice (SAML Profiles 4.1.4.5).
    fn accept_once(&self, answer: &Answer, now: OffsetDateTime) -> Result<(), Refusal> {
        let mut seen = self.assertions.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, at| now - *at < ASSERTION_KEPT);
        match seen.insert(answer.assertion_id.clone(), now) {
            None => Ok(()),
            Some(_) => Err(Refusal::Unexpected),
        }
    }

    /// The provider says in `FrEduUrlRetour` where to sign out; an address elsewhere than at the provider is not used.
    fn sign_out_url(&self, attributes: &[Attribute]) -> String {
        let said = attributes.iter().find(|(name, _)| name == "FrEduUrlRetour").and_then(|(_, values)| values.first());
        said.and_then(|text| text.parse::<Url>().ok())
            .filter(|url| url.origin().ascii_serialization() == self.provider_origin)
            .map_or_else(|| format!("{}/deconnexion", self.provider_origin), String::from)
    }
}

async fn verify_aside(document: String, provider: Arc<Provider>) -> Result<Verified, Refusal> {
    tokio::task::spawn_blocking(move || verify(&document, &provider))
        .await
        .map_err(|_| Refusal::Invalid("vérification interrompue".to_owned()))?
}

fn decode(encoded: &str) -> Result<String, Refusal> {
    let compact: String = encoded.split_ascii_whitespace().collect();
    let bytes = data_encoding::BASE64.decode(compact.as_bytes()).map_err(|_| Refusal::Invalid("base64".to_owned()))?;
    String::from_utf8(bytes).map_err(|_| Refusal::Invalid("UTF-8".to_owned()))
}

fn xml(text: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(text)
}

#[derive(Deserialize)]
struct Received {
    #[serde(rename = "SAMLResponse")]
    saml_response: String,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

#[derive(Deserialize)]
struct SignOut {
    jeton: String,
}

async fn home(State(ent): State<Arc<Ent>>, headers: HeaderMap) -> Response {
    ent.pages.home(ent.browsers.signed_in(&headers).as_ref())
}

async fn metadata(State(ent): State<Arc<Ent>>) -> Response {
    ([(header::CONTENT_TYPE, "application/samlmetadata+xml")], ent.metadata()).into_response()
}

async fn sign_in(State(ent): State<Arc<Ent>>, headers: HeaderMap) -> Response {
    if ent.browsers.signed_in(&headers).is_some() {
        return go("/", None);
    }
    let (id, relay_state) = (format!("_{}", random_id()), random_id());
    let address = match ent.provider(false).await {
        Ok(provider) => ent.request_url(&id, &relay_state, &provider),
        Err(refusal) => Err(refusal),
    };
    match address {
        Ok(address) => go(&address, Some(ent.browsers.begin(&headers, &id, relay_state, (ent.now)()))),
        Err(refusal) => ent.pages.refusal(&refusal),
    }
}

async fn receive(State(ent): State<Arc<Ent>>, headers: HeaderMap, Form(form): Form<Received>) -> Response {
    match ent.accept(&headers, &form).await {
        Ok(person) => go("/", Some(ent.browsers.sign_in(&headers, person, (ent.now)()))),
        // Back button or reload: the person is signed in already, so they are shown where they are.
        Err(Refusal::Unexpected) if ent.browsers.signed_in(&headers).is_some() => go("/", None),
        Err(refusal) => ent.pages.refusal(&refusal),
    }
}

async fn sign_out(State(ent): State<Arc<Ent>>, headers: HeaderMap, Form(form): Form<SignOut>) -> Response {
    ent.browsers.sign_out(&headers, &form.jeton);
    go("/", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ent() -> Ent {
        Ent::new(Settings {
            base_url: "http://localhost:8081".parse().unwrap(),
            idp_metadata_url: "http://localhost:8080/idp/shibboleth".parse().unwrap(),
            ca: None,
            now: Arc::new(|| OffsetDateTime::UNIX_EPOCH),
        })
        .unwrap()
    }

    #[test]
    fn the_metadata_is_read_by_a_saml_library() {
        let ent = ent();
        let read: samael::metadata::EntityDescriptor = ent.metadata().parse().unwrap();
        assert_eq!(read.entity_id.as_deref(), Some("http://localhost:8081/saml/metadata"));
        let role = read.sp_sso_descriptors.unwrap().remove(0);
        assert_eq!(role.assertion_consumer_services[0].location, ent.acs_url());
        assert_eq!(role.authn_requests_signed, Some(true));
    }

    #[test]
    fn the_request_is_signed_over_the_octets_that_are_sent() {
        let ent = ent();
        let metadata = r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="idp"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="http://localhost:8080/sso"/></IDPSSODescriptor></EntityDescriptor>"#;
        let provider = Provider::read(metadata).unwrap();
        let address = ent.request_url("_1", "state", &provider).unwrap();
        let (query, signature) = address.split_once('?').unwrap().1.rsplit_once("&Signature=").unwrap();
        let signature: Vec<(String, String)> = serde_urlencoded::from_str(&format!("s={signature}")).unwrap();
        let signature = data_encoding::BASE64.decode(signature[0].1.as_bytes()).unwrap();
        let key = rcgen::PublicKeyData::der_bytes(&ent.key).to_vec();
        aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256, key)
            .verify(query.as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn an_unsigned_response_signs_nobody_in() {
        let metadata = r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="idp"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="http://localhost:8080/sso"/></IDPSSODescriptor></EntityDescriptor>"#;
        let provider = Provider::read(metadata).unwrap();
        let response = r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r" Version="2.0" IssueInstant="1970-01-01T00:00:00Z"/>"#;
        assert!(matches!(verify(response, &provider), Err(Refusal::Invalid(_))));
        assert!(matches!(verify("<!DOCTYPE x><x/>", &provider), Err(Refusal::Invalid(_))));
    }

    #[test]
    fn signing_out_never_leads_elsewhere_than_to_the_provider() {
        let ent = ent();
        let said = |url: &str| vec![("FrEduUrlRetour".to_owned(), vec![url.to_owned()])];
        assert_eq!(ent.sign_out_url(&said("https://evil.test/")), "http://localhost:8080/deconnexion");
        assert_eq!(ent.sign_out_url(&said("javascript:alert(1)")), "http://localhost:8080/deconnexion");
        assert_eq!(ent.sign_out_url(&said("http://localhost:8080/fin")), "http://localhost:8080/fin");
    }
}
