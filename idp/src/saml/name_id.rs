//! The identifier by which a party names a person (SAML Core 2.2.3).

use crate::domain::interaction::RequestedSubject;
use crate::domain::relying_party::{NameIdFormat, PartyId};

use super::names;
use super::tree::Element;

/// As a party wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameId {
    pub value: String,
    format: Option<String>,
    name_qualifier: Option<String>,
    sp_name_qualifier: Option<String>,
}

impl NameId {
    pub(super) fn read(element: &Element) -> Option<Self> {
        let attribute = |name| element.attribute(name).map(ToOwned::to_owned);
        Some(Self {
            value: element.value()?.to_owned(),
            format: attribute("Format"),
            name_qualifier: attribute("NameQualifier"),
            sp_name_qualifier: attribute("SPNameQualifier"),
        })
    }

    /// Whether this is the identifier that we gave that party; what it leaves out is not held against it (Core 3.3.4).
    pub fn is_ours(&self, entity_id: &str, party: &PartyId, format: NameIdFormat) -> bool {
        let is_left_out = |text: &str| text.is_empty() || names::UNSPECIFIED.contains(&text);
        let agrees =
            |said: &Option<String>, ours: &str| said.as_deref().is_none_or(|said| said == ours || is_left_out(said));
        agrees(&self.format, uri(format))
            && agrees(&self.name_qualifier, entity_id)
            && agrees(&self.sp_name_qualifier, &party.0)
    }

    /// The person it means; without a format of its own, in the format of the answer.
    pub(super) fn meant(self, answered: NameIdFormat) -> RequestedSubject {
        let format = match self.format.as_deref() {
            Some(names::PERSISTENT) => NameIdFormat::Persistent,
            Some(names::TRANSIENT) => NameIdFormat::Transient,
            _ => answered,
        };
        RequestedSubject { format, value: self.value }
    }
}

pub const fn uri(format: NameIdFormat) -> &'static str {
    match format {
        NameIdFormat::Persistent => names::PERSISTENT,
        NameIdFormat::Transient => names::TRANSIENT,
    }
}
