//! A relying party's metadata, read for registration: what we act on is kept, what could harm is refused in words that
//! tell its author what to change (SI-21).
//!
//! A file given by an operator is believed because of who gave it: its own signature is neither needed nor checked here.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::{Host, Url};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::encryption;
use crate::domain::relying_party::{
    AssertionConsumer, Environment, LogoutService, NameIdFormat, PartyId, SamlBinding, SamlParty,
};
use crate::domain::saml_options::SamlOptions;
use crate::saml::lexis;
use crate::saml::names::{self, DSIG, METADATA, METADATA_UI, PROTOCOL, XML};
use crate::saml::tree::{self, Element, Fault};
use crate::saml::trust::{Key, Weakness};

/// What a file says of a relying party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    pub entity_id: PartyId,
    /// For families, as the file names it; `None` where it names nothing.
    pub name: Option<String>,
    pub saml: SamlParty,
    pub warnings: Vec<Warning>,
}

/// What the operator should know of a party that is taken all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    ExpiredCertificate {
        serves: &'static str,
        since: OffsetDateTime,
    },
    OtherBinding {
        location: String,
        binding: String,
    },
    /// `EncryptionMethod` names CBC only.
    CbcOnly,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExpiredCertificate { serves, since } => {
                write!(
                    f,
                    "the certificate for {serves} has been expired since {}; its key is used all the same",
                    since.date()
                )
            }
            Self::CbcOnly => f.write_str(
                "the party names only CBC for encryption, which is broken: assertions are encrypted with AES-256-GCM; \
                 if it cannot read them, set encrypt=never",
            ),
            Self::OtherBinding { location, binding } => {
                write!(
                    f,
                    "the AssertionConsumerService {location} is left out: its binding is {binding}, answers go by HTTP-POST"
                )
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetadataRefused {
    #[error("the file is not UTF-8 text")]
    Encoding,
    #[error("{0}")]
    Xml(Fault),
    #[error("the root element is {0}, not an EntityDescriptor or EntitiesDescriptor of SAML 2.0 metadata")]
    NotMetadata(String),
    #[error("{0} is the metadata of an identity provider; the service provider's own metadata is needed")]
    IdentityProvider(String),
    #[error("no service provider of SAML 2.0 is described in the file")]
    NoServiceProvider,
    #[error("the file describes {} service providers, name the one to add: {}", .0.len(), .0.join(", "))]
    Several(Vec<String>),
    #[error("the file describes no service provider {0}")]
    NotInFile(String),
    #[error("the entityID must be 1 to 1024 characters without white space")]
    EntityId,
    #[error("{0}: the metadata ended on {1} (validUntil); ask for a current file")]
    Expired(String, OffsetDateTime),
    #[error("{0}: {1}")]
    Unfit(String, Unfit),
}

/// What is wrong with one service provider.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unfit {
    #[error("validUntil \"{0}\" is not a date and time such as 2030-01-31T00:00:00Z")]
    ValidUntil(String),
    #[error("{attribute} of {element} is \"{value}\", not a value of its type")]
    Value { element: String, attribute: &'static str, value: String },
    #[error("there is no AssertionConsumerService with the HTTP-POST binding")]
    NoConsumer,
    #[error("the AssertionConsumerService {0} must be an https address without user, fragment or HTML")]
    Consumer(String),
    #[error("the SingleLogoutService {0} must be an https address without user, fragment or HTML")]
    Logout(String),
    #[error("two AssertionConsumerService have the index {0}")]
    Index(u16),
    #[error("a KeyDescriptor holds no X509Certificate")]
    NoCertificate,
    #[error("an X509Certificate is not a certificate in base64")]
    Certificate,
    #[error("a certificate has an RSA key of {0} bits; 2048 is the least")]
    ShortKey(usize),
    #[error("a certificate has a key that is neither RSA nor on the curves P-256 and P-384")]
    Key,
    #[error("AuthnRequestsSigned is true, but there is no certificate for signing")]
    NothingToVerifyWith,
}

/// Reads a file. `entity_id` chooses among several service providers.
pub fn read(
    bytes: &[u8],
    entity_id: Option<&str>,
    environment: Environment,
    now: OffsetDateTime,
) -> Result<Read, MetadataRefused> {
    let text = std::str::from_utf8(bytes).map_err(|_| MetadataRefused::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = tree::read(text, tree::METADATA).map_err(MetadataRefused::Xml)?;
    described(&choose(&root, entity_id)?, environment, now)
}

/// One service provider of a document.
pub(super) fn described(
    chosen: &Chosen,
    environment: Environment,
    now: OffsetDateTime,
) -> Result<Read, MetadataRefused> {
    let unfit = |unfit| MetadataRefused::Unfit(chosen.entity_id.to_owned(), unfit);
    if !(1..=1024).contains(&chosen.entity_id.len())
        || chosen.entity_id.chars().any(|c| lexis::is_space(c) || c.is_control())
    {
        return Err(MetadataRefused::EntityId);
    }
    let valid_until = valid_until(chosen).map_err(unfit)?;
    if let Some(end) = valid_until.filter(|end| *end <= now) {
        return Err(MetadataRefused::Expired(chosen.entity_id.to_owned(), end));
    }
    let mut warnings = Vec::new();
    let saml = Provider { descriptor: chosen.descriptor, environment, now, warnings: &mut warnings };
    let saml = saml.read(valid_until).map_err(unfit)?;
    let name = name(chosen.entity, chosen.descriptor);
    Ok(Read { entity_id: PartyId(chosen.entity_id.to_owned()), name, saml, warnings })
}

/// One service provider, with everything around it.
pub(super) struct Chosen<'a> {
    pub(super) entity_id: &'a str,
    /// The EntityDescriptor and those above it.
    line: Vec<&'a Element>,
    entity: &'a Element,
    descriptor: &'a Element,
}

fn choose<'a>(root: &'a Element, entity_id: Option<&str>) -> Result<Chosen<'a>, MetadataRefused> {
    if !root.is(METADATA, "EntityDescriptor") && !root.is(METADATA, "EntitiesDescriptor") {
        return Err(MetadataRefused::NotMetadata(root.name.clone()));
    }
    let mut found = providers(root);
    if let Some(wanted) = entity_id {
        let named = found.into_iter().find(|chosen| chosen.entity_id == wanted);
        return named.ok_or_else(|| MetadataRefused::NotInFile(wanted.to_owned()));
    }
    if found.len() > 1 {
        let names = found.iter().take(10).map(|chosen| chosen.entity_id.to_owned()).collect();
        return Err(MetadataRefused::Several(names));
    }
    found.pop().ok_or_else(|| {
        let elements = root.descendants();
        let mut entities = elements.iter().filter(|element| element.is(METADATA, "EntityDescriptor"));
        let provider = entities.find(|entity| entity.all(METADATA, "IDPSSODescriptor").next().is_some());
        match provider.and_then(|entity| entity.attribute("entityID")) {
            Some(entity_id) => MetadataRefused::IdentityProvider(entity_id.to_owned()),
            None => MetadataRefused::NoServiceProvider,
        }
    })
}

/// Every service provider of a document.
pub(super) fn providers(root: &Element) -> Vec<Chosen<'_>> {
    let mut found = Vec::new();
    gather(root, &mut Vec::new(), &mut found);
    found
}

/// Every service provider under `element`, through nested groups.
fn gather<'a>(element: &'a Element, above: &mut Vec<&'a Element>, found: &mut Vec<Chosen<'a>>) {
    above.push(element);
    if element.is(METADATA, "EntitiesDescriptor") {
        for child in &element.children {
            gather(child, above, found);
        }
    } else if element.is(METADATA, "EntityDescriptor") {
        let speaks_saml2 = |descriptor: &&Element| {
            let protocols = descriptor.attribute("protocolSupportEnumeration").unwrap_or_default();
            protocols.split(lexis::is_space).any(|protocol| protocol == PROTOCOL)
        };
        let descriptor = element.all(METADATA, "SPSSODescriptor").find(speaks_saml2);
        if let (Some(descriptor), Some(entity_id)) = (descriptor, element.attribute("entityID")) {
            found.push(Chosen { entity_id, line: above.clone(), entity: element, descriptor });
        }
    }
    above.pop();
}

/// The earliest end among the descriptor and what holds it.
fn valid_until(chosen: &Chosen) -> Result<Option<OffsetDateTime>, Unfit> {
    let mut earliest = None;
    for element in chosen.line.iter().chain([&chosen.descriptor]) {
        let Some(text) = element.attribute("validUntil") else { continue };
        let end = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| Unfit::ValidUntil(text.to_owned()))?;
        earliest = Some(earliest.map_or(end, |known: OffsetDateTime| known.min(end)));
    }
    Ok(earliest)
}

struct Provider<'a> {
    descriptor: &'a Element,
    environment: Environment,
    now: OffsetDateTime,
    warnings: &'a mut Vec<Warning>,
}

impl Provider<'_> {
    fn read(mut self, valid_until: Option<OffsetDateTime>) -> Result<SamlParty, Unfit> {
        let requests_signed = boolean(self.descriptor, "AuthnRequestsSigned")?.unwrap_or(false);
        let signing_certificates = self.certificates("signing")?;
        if requests_signed && signing_certificates.is_empty() {
            return Err(Unfit::NothingToVerifyWith);
        }
        Ok(SamlParty {
            assertion_consumers: self.consumers()?,
            signing_certificates,
            encryption_certificates: self.certificates("encryption")?,
            requests_signed,
            name_id_format: self.name_id_format(),
            valid_until,
            attribute_names: BTreeMap::new(),
            wants_signed_assertions: boolean(self.descriptor, "WantAssertionsSigned")?.unwrap_or(false),
            encryption: {
                let (methods, is_broken) = encryption::wanted(self.descriptor);
                if is_broken {
                    self.warnings.push(Warning::CbcOnly);
                }
                methods
            },
            options: SamlOptions::default(),
            logout_services: self.logout_services()?,
        })
    }

    fn consumers(&mut self) -> Result<Vec<AssertionConsumer>, Unfit> {
        let mut consumers: Vec<AssertionConsumer> = Vec::new();
        for element in self.descriptor.all(METADATA, "AssertionConsumerService") {
            let location = element.attribute("Location").unwrap_or_default().to_owned();
            let binding = element.attribute("Binding").unwrap_or_default();
            // Whatever its binding: a file that holds such an address is not to be trusted with the others.
            if !is_fit_address(&location, self.environment) {
                return Err(Unfit::Consumer(location));
            }
            if binding != names::POST {
                self.warnings.push(Warning::OtherBinding { location, binding: binding.to_owned() });
                continue;
            }
            let text = element.attribute("index").unwrap_or_default();
            let index = text.parse().map_err(|_| value(element, "index", text))?;
            if consumers.iter().any(|known| known.index == index) {
                return Err(Unfit::Index(index));
            }
            let is_default = boolean(element, "isDefault")?.unwrap_or(false);
            consumers.push(AssertionConsumer { location, index, is_default });
        }
        if consumers.is_empty() { Err(Unfit::NoConsumer) } else { Ok(consumers) }
    }

    /// Where the party is told of a sign-out. Other bindings than ours are SOAP and Artifact, which nobody misses here.
    fn logout_services(&self) -> Result<Vec<LogoutService>, Unfit> {
        let mut services: Vec<LogoutService> = Vec::new();
        for element in self.descriptor.all(METADATA, "SingleLogoutService") {
            let binding = match element.attribute("Binding") {
                Some(names::REDIRECT) => SamlBinding::Redirect,
                Some(names::POST) => SamlBinding::Post,
                Some(_) | None => continue,
            };
            let location = element.attribute("Location").unwrap_or_default().to_owned();
            let response_location = element.attribute("ResponseLocation").map(ToOwned::to_owned);
            for address in [&location].into_iter().chain(&response_location) {
                if !is_fit_address(address, self.environment) {
                    return Err(Unfit::Logout(address.clone()));
                }
            }
            services.push(LogoutService { binding, location, response_location });
        }
        Ok(services)
    }

    /// The certificates for one use; a key without `use` serves for both (SI-06).
    fn certificates(&mut self, serves: &'static str) -> Result<Vec<String>, Unfit> {
        let mut found = Vec::new();
        let keys = self.descriptor.all(METADATA, "KeyDescriptor");
        for key in keys.filter(|key| key.attribute("use").is_none_or(|used| used == serves)) {
            let info = key.all(DSIG, "KeyInfo").flat_map(|info| info.all(DSIG, "X509Data"));
            let certificate = info.flat_map(|data| data.all(DSIG, "X509Certificate")).next();
            let text = certificate.and_then(Element::value).ok_or(Unfit::NoCertificate)?;
            let dense: String = text.chars().filter(|c| !lexis::is_space(*c)).collect();
            let der = data_encoding::BASE64.decode(dense.as_bytes()).map_err(|_| Unfit::Certificate)?;
            Key::from_certificate(&der).map_err(|weakness| match weakness {
                Weakness::NotACertificate => Unfit::Certificate,
                Weakness::ShortRsa(bits) => Unfit::ShortKey(bits),
                Weakness::Algorithm => Unfit::Key,
            })?;
            self.warn_of_age(&der, serves);
            found.push(data_encoding::BASE64.encode(&der));
        }
        Ok(found)
    }

    fn warn_of_age(&mut self, der: &[u8], serves: &'static str) {
        let end = X509Certificate::from_der(der).ok().map(|(_, known)| known.validity().not_after.to_datetime());
        if let Some(since) = end.filter(|end| *end <= self.now) {
            self.warnings.push(Warning::ExpiredCertificate { serves, since });
        }
    }

    fn name_id_format(&self) -> NameIdFormat {
        let named: Vec<_> = self.descriptor.all(METADATA, "NameIDFormat").filter_map(Element::value).collect();
        match (named.contains(&names::PERSISTENT), named.contains(&names::TRANSIENT)) {
            (false, true) => NameIdFormat::Transient,
            (true, _) | (false, false) => NameIdFormat::Persistent,
        }
    }
}

/// SI-21. Addresses are compared and sent letter by letter, so this one stays as it is written.
fn is_fit_address(location: &str, environment: Environment) -> bool {
    let is_plain = location.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\'' | '\\' | '`'));
    let Ok(url) = Url::parse(location) else { return false };
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let has_scheme = match url.scheme() {
        "https" => true,
        "http" => environment == Environment::Test && is_loopback,
        _ => false,
    };
    // Browsers read `https:/x` and `https:///x` as `https://x`.
    let after_scheme = location.split_once("://").map_or("", |(_, rest)| rest);
    let has_host = !after_scheme.is_empty() && !after_scheme.starts_with('/');
    let has_user = !url.username().is_empty() || url.password().is_some();
    is_plain && has_scheme && has_host && !has_user && url.fragment().is_none()
}

fn boolean(element: &Element, attribute: &'static str) -> Result<Option<bool>, Unfit> {
    match element.attribute(attribute).map(|text| text.trim_matches(lexis::is_space)) {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(text) => Err(value(element, attribute, text)),
    }
}

fn value(element: &Element, attribute: &'static str, value: &str) -> Unfit {
    Unfit::Value { element: element.name.clone(), attribute, value: value.to_owned() }
}

/// The name in French, else in English, else in the first language, from the place meant for people down.
fn name(entity: &Element, descriptor: &Element) -> Option<String> {
    let extensions = [descriptor, entity].into_iter().flat_map(|element| element.all(METADATA, "Extensions"));
    let shown = extensions.flat_map(|extensions| extensions.all(METADATA_UI, "UIInfo"));
    let shown = shown.flat_map(|info| info.all(METADATA_UI, "DisplayName")).collect();
    let organizations = || [descriptor, entity].into_iter().flat_map(|element| element.all(METADATA, "Organization"));
    let displayed = organizations().flat_map(|known| known.all(METADATA, "OrganizationDisplayName")).collect();
    let services = descriptor.all(METADATA, "AttributeConsumingService");
    let services = services.flat_map(|service| service.all(METADATA, "ServiceName")).collect();
    let places: [Vec<&Element>; 3] = [shown, displayed, services];
    places.iter().find_map(|place| in_best_language(place))
}

fn in_best_language(names: &[&Element]) -> Option<String> {
    let in_language = |language: &str| {
        let is_in = |name: &&&Element| {
            let tag = name.attribute_of(XML, "lang").unwrap_or_default();
            tag.split('-').next().is_some_and(|primary| primary.eq_ignore_ascii_case(language))
        };
        names.iter().find(is_in)
    };
    let best = in_language("fr").or_else(|| in_language("en")).or_else(|| names.first())?;
    best.value().map(|name| name.split_whitespace().collect::<Vec<_>>().join(" "))
}
