//! What this service exchanges with others by itself: how it reaches them, and how metadata is taken and given.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// How other servers are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// Plain `http`, this machine and private networks may be asked: a test bench's, never a production's.
    pub allow_private: bool,
    /// Authorities in PEM that are believed beside those of the system.
    pub extra_ca_file: Option<PathBuf>,
}

/// Metadata: what is taken of others, and what is said of this house besides its addresses and keys.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metadata {
    /// The largest file of a federation, in MiB; one of a single party ends at 5.
    pub federation_mib: u32,
    /// One or two sentences about this service, by language: `{ fr = "…", en = "…" }`.
    pub description: BTreeMap<String, String>,
    /// What may follow the `@` of scoped attributes that are sent: `academie.example`.
    pub scopes: Vec<String>,
    /// The name of whoever runs this service; needs `organization_url`.
    pub organization: Option<String>,
    pub organization_url: Option<String>,
    /// Mail addresses of those who help other operators, and who hear of incidents.
    pub technical_contact: Option<String>,
    pub support_contact: Option<String>,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            federation_mib: 64,
            description: BTreeMap::new(),
            scopes: Vec::new(),
            organization: None,
            organization_url: None,
            technical_contact: None,
            support_contact: None,
        }
    }
}

impl Metadata {
    pub fn federation_bytes(&self) -> usize {
        usize::try_from(self.federation_mib).unwrap_or(usize::MAX).saturating_mul(1024 * 1024)
    }

    /// All that is wrong, each with its key and what is expected.
    pub fn problems(&self) -> Vec<&'static str> {
        let mut problems = Vec::new();
        let mut say = |wrong: bool, what| {
            if wrong {
                problems.push(what);
            }
        };
        say(!(1..=1024).contains(&self.federation_mib), "metadata.federation_mib: expected 1 to 1024");
        say(
            self.organization.is_some() != self.organization_url.is_some(),
            "metadata.organization and metadata.organization_url: expected both or neither",
        );
        let is_web = |text: &String| url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        say(
            self.organization_url.as_ref().is_some_and(|url| !is_web(url)),
            "metadata.organization_url: expected an address of the web",
        );
        let is_mail = |text: &String| text.contains('@') && !text.contains([':', ' ', '<']);
        let contacts = [&self.technical_contact, &self.support_contact];
        say(
            contacts.into_iter().flatten().any(|contact| !is_mail(contact)),
            "metadata.technical_contact and support_contact: expected a mail address, without `mailto:`",
        );
        let is_domain =
            |text: &String| text.contains('.') && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
        say(
            self.scopes.iter().any(|scope| !is_domain(scope)),
            "metadata.scopes: expected domains, like academie.example",
        );
        let is_language = |text: &String| text.len() == 2 && text.bytes().all(|b| b.is_ascii_lowercase());
        say(
            self.description.keys().any(|language| !is_language(language)),
            "metadata.description: expected languages as fr and en",
        );
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> usize {
        toml::from_str::<Metadata>(text).unwrap().problems().len()
    }

    #[test]
    fn what_metadata_says_is_checked_before_anybody_reads_it() {
        let all = "scopes = ['academie.example']\norganization = 'Académie'\norganization_url = 'https://a.example/'\n\
                   technical_contact = 'aide@a.example'\ndescription = { fr = 'Pour les familles' }";
        assert_eq!((problems(""), problems(all)), (0, 0));
        for wrong in [
            "federation_mib = 0",
            "organization = 'A'",
            "organization = 'A'\norganization_url = 'javascript:alert(1)'",
            "technical_contact = 'mailto:aide@a.example'",
            "support_contact = 'aide'",
            "scopes = ['@a.example']",
            "description = { french = 'x' }",
        ] {
            assert_eq!(problems(wrong), 1, "{wrong}");
        }
    }
}
