//! How a relying party is shown: as JSON for scripts, as lines for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, HEXUPPER};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::relying_party::{ClientAuthentication, Environment, Protocol, RelyingParty};

/// One party in a list.
pub fn summary(party: &RelyingParty) -> Value {
    let (kind, pkce) = match &party.protocol {
        Protocol::Saml(_) => ("saml", None),
        // OP-03: an exemption is shown to operators.
        Protocol::Oidc(client) => ("oidc", Some(client.pkce_required)),
    };
    let mut summary = json!({
        "id": party.id,
        "name": party.name,
        "kind": kind,
        "environment": party.environment,
        "suspended": party.is_suspended,
        "start": party.start,
        "release": party.policy.attributes,
        "profiles": party.policy.profiles,
        "in_charge": party.policy.in_charge,
    });
    if let (Value::Object(summary), Some(pkce)) = (&mut summary, pkce) {
        summary.insert("require_pkce".to_owned(), pkce.into());
    }
    summary
}

/// One party as it is stored; of a secret, only that there is one.
pub fn document(party: &RelyingParty) -> Value {
    let mut document = summary(party);
    let detail = match &party.protocol {
        Protocol::Saml(saml) => json!({
            "assertion_consumers": saml.assertion_consumers,
            "requests_signed": saml.requests_signed,
            "name_id_format": saml.name_id_format,
            "signing_certificates_sha256": fingerprints(&saml.signing_certificates),
            "encryption_certificates_sha256": fingerprints(&saml.encryption_certificates),
            "wants_signed_assertions": saml.wants_signed_assertions,
            "encryption": saml.encryption,
            "attribute_names": saml.attribute_names,
            "options": saml.options.values().into_iter().collect::<BTreeMap<_, _>>(),
            "logout_services": saml.logout_services,
            "valid_until": saml.valid_until.and_then(|end| end.format(&Rfc3339).ok()),
        }),
        Protocol::Oidc(client) => json!({
            "redirect_uris": client.redirect_uris,
            "token_endpoint_auth_method": client.client_authentication.name(),
            "tls_client_auth": match &client.client_authentication {
                ClientAuthentication::TlsClientAuth { name } => Some(name),
                _ => None,
            },
            "tokens": client.tokens,
            "id_token_signed_response_alg": client.id_token_algorithm,
            "scopes": client.scopes,
            "sector": client.sector,
            "backchannel_logout_uri": client.backchannel_logout_uri,
            "options": client.options,
        }),
    };
    if let (Value::Object(document), Value::Object(detail)) = (&mut document, detail) {
        document.extend(detail);
    }
    document
}

/// As `openssl x509 -fingerprint -sha256` gives them, without colons: what two people compare over the telephone.
fn fingerprints(certificates: &[String]) -> Vec<String> {
    let der = certificates.iter().filter_map(|text| BASE64.decode(text.as_bytes()).ok());
    der.map(|der| HEXUPPER.encode(digest(&SHA256, &der).as_ref())).collect()
}

/// `member  value`, one a line, for people.
pub fn lines(value: &Value) -> String {
    let mut shown = String::new();
    let members = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    for (member, value) in members {
        let text = match value {
            Value::String(text) => plain(text),
            Value::Array(values) if values.iter().all(Value::is_string) => {
                values.iter().filter_map(Value::as_str).map(plain).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        // Writing to a String does not fail.
        let _ = writeln!(shown, "{member:<30}{text}");
    }
    shown
}

pub fn table(parties: &[RelyingParty], now: OffsetDateTime) -> String {
    let mut shown = String::new();
    for party in parties {
        let (kind, note) = match &party.protocol {
            Protocol::Saml(_) => ("saml", ""),
            Protocol::Oidc(client) if !client.pkce_required => ("oidc", "  PKCE not required"),
            Protocol::Oidc(_) => ("oidc", ""),
        };
        let environment = match party.environment {
            Environment::Test => "test",
            Environment::Production => "production",
        };
        let state = match (party.is_suspended, party.is_open(now)) {
            (true, _) => "suspended",
            (false, true) => "open",
            // Its metadata has ended (SI-20).
            (false, false) => "expired",
        };
        let (id, name) = (plain(&party.id.0), plain(&party.name));
        let _ = writeln!(shown, "{kind}  {environment:<10}  {state:<9}  {id}  {name}{note}");
    }
    shown
}

/// Text from outside on one line of a terminal.
pub fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}
