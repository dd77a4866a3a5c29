//! Where metadata of relying parties is read again and again, and what in it may change without a person.
//!
//! The rule: what could send answers elsewhere, let someone else speak for the party, or weaken what protects a person
//! waits for a click (journeys R3); the rest is the party's own business and is applied. A copy is applied whole or held
//! whole: half a copy is one that nobody signed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::relying_party::{Environment, PartyId, Protocol, ReleasePolicy, RelyingParty, SamlParty};

/// An address of metadata, with what an operator decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub address: String,
    pub trust: Trust,
    /// A federation's file of many entities, larger than a party's own.
    pub is_federation: bool,
    /// The parties to take; all of them where none is named.
    pub only: BTreeSet<PartyId>,
    /// For parties that are new in it.
    pub environment: Environment,
    pub policy: ReleasePolicy,
}

/// Why what is read there is believed (SI-20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// The whole document is signed by the key of one of these certificates, DER in base64.
    Signed(Vec<String>),
    /// TLS brings it unsigned, and the party's signing certificate has this SHA-256, upper-case hex.
    Key(String),
}

/// What the last good copy said of its own age: an older one is not taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    #[serde(with = "time::serde::rfc3339")]
    pub valid_until: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub created: Option<OffsetDateTime>,
}

impl Mark {
    /// Whether a copy with this mark is older than the one before it.
    pub fn is_before(&self, last: &Self) -> bool {
        match (self.created, last.created) {
            (Some(ours), Some(theirs)) if ours != theirs => ours < theirs,
            _ => self.valid_until < last.valid_until,
        }
    }
}

/// What a copy says of one party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub name: Option<String>,
    pub saml: SamlParty,
}

/// One member of a party's metadata that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// As it is stored: `assertion_consumers`.
    pub member: String,
    pub gone: Vec<Value>,
    pub come: Vec<Value>,
    pub is_dangerous: bool,
}

/// What differs, but for the end of validity, which every copy moves.
pub fn differences(before: &SamlParty, after: &SamlParty) -> Vec<Difference> {
    let (Ok(Value::Object(before)), Ok(Value::Object(after))) =
        (serde_json::to_value(before), serde_json::to_value(after))
    else {
        return Vec::new();
    };
    let members: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = members.into_iter().filter(|member| *member != "valid_until");
    let told = differing.filter_map(|member| {
        let (was, is) = (items(before.get(member)), items(after.get(member)));
        let gone: Vec<Value> = was.iter().filter(|item| !is.contains(item)).cloned().collect();
        let come: Vec<Value> = is.iter().filter(|item| !was.contains(item)).cloned().collect();
        let is_dangerous = is_dangerous(member, (&was, &is), &come);
        (was != is).then(|| Difference { member: member.clone(), gone, come, is_dangerous })
    });
    told.collect()
}

fn items(value: Option<&Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(other) => vec![other.clone()],
    }
}

/// A member that this list does not know is dangerous.
fn is_dangerous(member: &str, (was, is): (&[Value], &[Value]), come: &[Value]) -> bool {
    match member {
        // Whoever holds a new key speaks for the party. One that goes may have been stolen: it goes today.
        // A logout address names a person to whoever reads there; one that goes sends nothing elsewhere.
        "signing_certificates" | "logout_services" => !come.is_empty(),
        // A party may change who reads what is sent to its own address, but not send it bare again.
        "encryption_certificates" => is.is_empty(),
        // Where answers go. To have fewer addresses, or another default among the known ones, sends nothing elsewhere.
        "assertion_consumers" => {
            let location = |item: &Value| item.get("location").cloned();
            come.iter().any(|new| !was.iter().any(|known| location(known) == location(new)))
        }
        "requests_signed" => is != [Value::Bool(true)],
        // Among methods that are all safe, and one signature more or less beside that of the Response.
        "encryption" | "wants_signed_assertions" => false,
        _ => true,
    }
}

impl SamlParty {
    /// This party as its metadata says now: what is not named here is the operator's own and stays.
    #[must_use]
    pub fn renewed_by(&self, read: &Self) -> Self {
        let read = read.clone();
        Self {
            assertion_consumers: read.assertion_consumers,
            signing_certificates: read.signing_certificates,
            encryption_certificates: read.encryption_certificates,
            requests_signed: read.requests_signed,
            name_id_format: read.name_id_format,
            valid_until: read.valid_until,
            wants_signed_assertions: read.wants_signed_assertions,
            encryption: read.encryption,
            logout_services: read.logout_services,
            ..self.clone()
        }
    }
}

impl Proposal {
    /// The party with what the copy says of it; `None` where it does not speak SAML.
    pub fn applied(&self, party: &RelyingParty, keeps_name: bool) -> Option<RelyingParty> {
        let Protocol::Saml(saml) = &party.protocol else { return None };
        let mut applied = party.clone();
        applied.protocol = Protocol::Saml(saml.renewed_by(&self.saml));
        if let (Some(name), false) = (&self.name, keeps_name) {
            applied.name.clone_from(name);
        }
        Some(applied)
    }

    /// What it would change, apart from a name.
    pub fn differences(&self, party: &RelyingParty) -> Vec<Difference> {
        match &party.protocol {
            Protocol::Saml(saml) => differences(saml, &saml.renewed_by(&self.saml)),
            Protocol::Oidc(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use time::macros::datetime;

    use super::*;
    use crate::domain::release::Attribute;
    use crate::domain::relying_party::{AssertionConsumer, EncryptionMethods, NameIdFormat};
    use crate::domain::saml_options::SamlOptions;

    fn consumer(location: &str, index: u16) -> AssertionConsumer {
        AssertionConsumer { location: location.to_owned(), index, is_default: index == 0 }
    }

    fn party() -> SamlParty {
        SamlParty {
            assertion_consumers: vec![consumer("https://ent.example/acs", 0), consumer("https://ent.example/acs2", 1)],
            signing_certificates: vec!["A".to_owned(), "B".to_owned()],
            encryption_certificates: vec!["A".to_owned()],
            requests_signed: true,
            name_id_format: NameIdFormat::Persistent,
            valid_until: Some(datetime!(2026-09-20 00:00 UTC)),
            attribute_names: BTreeMap::new(),
            wants_signed_assertions: false,
            encryption: EncryptionMethods::default(),
            options: SamlOptions::default(),
            logout_services: Vec::new(),
        }
    }

    /// The members that differ after `change`, and whether one is dangerous.
    fn after(change: impl FnOnce(&mut SamlParty)) -> (Vec<String>, bool) {
        let mut changed = party();
        change(&mut changed);
        let found = differences(&party(), &changed);
        let is_dangerous = found.iter().any(|difference| difference.is_dangerous);
        (found.into_iter().map(|difference| difference.member).collect(), is_dangerous)
    }

    #[test]
    fn r3_what_could_send_a_person_elsewhere_waits() {
        for (member, (found, is_dangerous)) in [
            ("assertion_consumers", after(|p| p.assertion_consumers.push(consumer("https://evil.example/acs", 2)))),
            ("assertion_consumers", after(|p| p.assertion_consumers[0].location.push('x'))),
            ("signing_certificates", after(|p| p.signing_certificates.push("C".to_owned()))),
            ("signing_certificates", after(|p| p.signing_certificates = vec!["C".to_owned()])),
            ("encryption_certificates", after(|p| p.encryption_certificates.clear())),
            ("requests_signed", after(|p| p.requests_signed = false)),
            ("name_id_format", after(|p| p.name_id_format = NameIdFormat::Transient)),
        ] {
            assert_eq!((found, is_dangerous), (vec![member.to_owned()], true), "{member}");
        }
    }

    #[test]
    fn r3_what_is_the_partys_own_business_does_not() {
        for (member, (found, is_dangerous)) in [
            ("assertion_consumers", after(|p| drop(p.assertion_consumers.pop()))),
            ("assertion_consumers", after(|p| p.assertion_consumers[1].is_default = true)),
            ("signing_certificates", after(|p| drop(p.signing_certificates.pop()))),
            ("encryption_certificates", after(|p| p.encryption_certificates = vec!["C".to_owned()])),
        ] {
            assert_eq!((found, is_dangerous), (vec![member.to_owned()], false), "{member}");
        }
        assert_eq!(after(|p| p.valid_until = None), (vec![], false));
    }

    #[test]
    fn what_the_operator_set_is_not_changed_by_metadata() {
        let mut stored = party();
        stored.attribute_names.insert(Attribute::FamilyName, "nom".to_owned());
        let mut read = party();
        read.signing_certificates = vec!["C".to_owned()];
        let renewed = stored.renewed_by(&read);
        assert_eq!(renewed.signing_certificates, ["C"]);
        assert_eq!(renewed.attribute_names, stored.attribute_names);
    }

    #[test]
    fn si_20_an_older_copy_is_known_by_its_creation_else_by_its_end() {
        let mark = |created, valid_until| Mark { valid_until, created };
        let (early, late) = (datetime!(2026-09-01 00:00 UTC), datetime!(2026-09-02 00:00 UTC));
        assert!(mark(None, early).is_before(&mark(None, late)));
        assert!(mark(Some(early), late).is_before(&mark(Some(late), early)));
        assert!(!mark(Some(late), early).is_before(&mark(Some(early), late)));
        assert!(!mark(None, late).is_before(&mark(None, late)));
        assert!(mark(Some(late), early).is_before(&mark(Some(late), late)));
        assert!(mark(None, early).is_before(&mark(Some(late), late)), "leaving out the creation is no way round");
    }
}
