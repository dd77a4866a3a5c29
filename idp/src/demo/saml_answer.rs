//! Reading a SAML Response as a careful service provider does: verify, keep the verified part, then look at it.

use samael::crypto::{AllowedSignatureAlgorithm, CertificateDer, Crypto, CryptoProvider, ReduceMode};
use samael::metadata::{EntityDescriptor, HTTP_REDIRECT_BINDING};
use samael::schema::{Assertion, Response};
use time::OffsetDateTime;

use super::Refusal;
use super::claims::Attribute;

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// Clocks of two sites differ a little.
const SKEW_SECONDS: i64 = 60;

/// What the provider's metadata tells us.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Provider {
    pub(super) entity_id: String,
    pub(super) sign_on: String,
    certificates: Vec<CertificateDer>,
}

impl Provider {
    pub(super) fn read(metadata: &str) -> Result<Self, Refusal> {
        let wrong = |what: &str| Refusal::Unreachable(format!("métadonnées : {what}"));
        refuse_doctype(metadata)?;
        let descriptor: EntityDescriptor = metadata.parse().map_err(|_| wrong("illisibles"))?;
        let entity_id = descriptor.entity_id.ok_or_else(|| wrong("sans entityID"))?;
        let role = descriptor.idp_sso_descriptors.and_then(|roles| roles.into_iter().next());
        let role = role.ok_or_else(|| wrong("sans IDPSSODescriptor"))?;
        let sign_on = role
            .single_sign_on_services
            .into_iter()
            .find(|service| service.binding == HTTP_REDIRECT_BINDING)
            .ok_or_else(|| wrong("sans SingleSignOnService HTTP-Redirect"))?
            .location;
        let certificates = role
            .key_descriptors
            .into_iter()
            .filter(|key| key.key_use.as_deref() != Some("encryption"))
            .filter_map(|key| key.key_info.x509_data)
            .flat_map(|data| data.certificates)
            .map(|text| text.split_ascii_whitespace().collect::<String>())
            .filter_map(|text| data_encoding::BASE64.decode(text.as_bytes()).ok())
            .map(CertificateDer::from)
            .collect();
        Ok(Self { entity_id, sign_on, certificates })
    }
}

/// A Response whose signature was made by the provider; its content is what was signed and nothing else.
#[derive(Debug)]
pub(super) struct Verified(Response);

pub(super) fn verify(xml: &str, provider: &Provider) -> Result<Verified, Refusal> {
    refuse_doctype(xml)?;
    let signed = Crypto::reduce_xml_to_signed_with_allowed_algorithms(
        xml,
        &provider.certificates,
        ReduceMode::PreDigest,
        Some(&[AllowedSignatureAlgorithm::RsaSha256, AllowedSignatureAlgorithm::EcdsaSha256]),
    )
    .map_err(|_| Refusal::Invalid("signature".to_owned()))?;
    let response =
        signed.parse().map_err(|_| Refusal::Invalid("la partie signée n'est pas une Response".to_owned()))?;
    Ok(Verified(response))
}

fn refuse_doctype(xml: &str) -> Result<(), Refusal> {
    if xml.contains("<!DOCTYPE") {
        return Err(Refusal::Invalid("déclaration DOCTYPE".to_owned()));
    }
    Ok(())
}

/// Who we are, for checks that depend on it.
pub(super) struct Expected<'a> {
    pub(super) entity_id: &'a str,
    pub(super) consumer: &'a str,
    pub(super) provider: &'a Provider,
    pub(super) now: OffsetDateTime,
}

/// What a valid Response says.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) assertion_id: String,
    pub(super) name_id: String,
    pub(super) attributes: Vec<Attribute>,
}

impl Verified {
    /// The request this answers; `None` where nobody asked (IdP-initiated).
    pub(super) fn in_response_to(&self) -> Option<&str> {
        self.0.in_response_to.as_deref()
    }

    /// SAML Profiles 4.1.4.3, and Core for times and audience.
    pub(super) fn read(self, expected: &Expected<'_>) -> Result<Answer, Refusal> {
        let response = self.0;
        let status = response.status.as_ref().and_then(|status| status.status_code.value.as_deref());
        if status != Some(SUCCESS) {
            return Err(Refusal::Declined(status.unwrap_or("sans statut").to_owned()));
        }
        check(response.version == "2.0", "Version")?;
        check(response.destination.as_deref() == Some(expected.consumer), "Destination")?;
        let issuer = response.issuer.as_ref().and_then(|issuer| issuer.value.as_deref());
        check(issuer == Some(expected.provider.entity_id.as_str()), "Issuer de la réponse")?;
        let assertion = response.assertion.ok_or_else(|| Refusal::Invalid("aucune assertion".to_owned()))?;
        check(
            assertion.issuer.value.as_deref() == Some(expected.provider.entity_id.as_str()),
            "Issuer de l'assertion",
        )?;
        check_conditions(&assertion, expected)?;
        check_subject(&assertion, response.in_response_to.as_deref(), expected)?;
        let session = assertion.authn_statements.as_ref().and_then(|statements| statements.first());
        check(session.is_some_and(|statement| statement.session_index.is_some()), "SessionIndex")?;
        let name_id = assertion.subject.as_ref().and_then(|subject| subject.name_id.as_ref());
        let name_id = name_id.map(|name_id| name_id.value.clone()).unwrap_or_default();
        check(!name_id.trim().is_empty(), "NameID")?;
        Ok(Answer { assertion_id: assertion.id.clone(), name_id, attributes: attributes(assertion) })
    }
}

fn check_conditions(assertion: &Assertion, expected: &Expected<'_>) -> Result<(), Refusal> {
    let now = expected.now.unix_timestamp();
    let conditions = assertion.conditions.as_ref().ok_or_else(|| Refusal::Invalid("Conditions absentes".to_owned()))?;
    let starts = conditions.not_before.map(|time| time.timestamp());
    check(starts.is_some_and(|start| start <= now + SKEW_SECONDS), "Conditions NotBefore")?;
    let ends = conditions.not_on_or_after.map(|time| time.timestamp());
    check(ends.is_some_and(|end| now < end + SKEW_SECONDS), "Conditions NotOnOrAfter")?;
    let audiences = conditions.audience_restrictions.iter().flatten().flat_map(|restriction| &restriction.audience);
    check(audiences.into_iter().any(|audience| audience == expected.entity_id), "Audience")
}

fn check_subject(assertion: &Assertion, request: Option<&str>, expected: &Expected<'_>) -> Result<(), Refusal> {
    let now = expected.now.unix_timestamp();
    let confirmations = assertion.subject.iter().flat_map(|subject| subject.subject_confirmations.iter().flatten());
    let confirmed = confirmations
        .filter(|confirmation| confirmation.method.as_deref() == Some(BEARER))
        .filter_map(|confirmation| confirmation.subject_confirmation_data.as_ref())
        .any(|data| {
            data.recipient.as_deref() == Some(expected.consumer)
                && data.in_response_to.as_deref() == request
                && data.not_before.is_none()
                && data.not_on_or_after.is_some_and(|end| now < end.timestamp() + SKEW_SECONDS)
        });
    check(confirmed, "SubjectConfirmation")
}

fn check(holds: bool, what: &str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal::Invalid(what.to_owned())) }
}

fn attributes(assertion: Assertion) -> Vec<Attribute> {
    assertion
        .attribute_statements
        .into_iter()
        .flatten()
        .flat_map(|statement| statement.attributes)
        .filter_map(|attribute| {
            let name = attribute.friendly_name.or(attribute.name)?;
            Some((name, attribute.values.into_iter().filter_map(|value| value.value).collect()))
        })
        .collect()
}
