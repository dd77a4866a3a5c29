//! What our metadata says for people and for those who filter by it: names, pages, logo, scopes, attributes, who runs it
//! (SAML V2.0 metadata extensions for login and discovery user interface; SAML Metadata 2.3.2, 2.4.3).

use crate::saml::canonical::Writer;
use crate::saml::names::{self, ALGORITHMS, ASSERTION, ECDSA_SHA256, METADATA_SCOPE, METADATA_UI, RSA_SHA256, SHA256};

/// Everything here is optional; texts by language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    pub descriptions: Vec<(String, String)>,
    pub logo: Option<Logo>,
    /// Addresses of pages.
    pub information: Option<String>,
    pub privacy: Option<String>,
    /// What may follow the `@` of scoped attributes.
    pub scopes: Vec<String>,
    /// Attributes that can be had: FriendlyName and Name.
    pub attributes: Vec<(&'static str, String)>,
    /// Name and address of whoever runs the service.
    pub organization: Option<(String, String)>,
    /// `contactType` and mail address.
    pub contacts: Vec<(&'static str, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    pub address: String,
    pub width: u32,
    pub height: u32,
}

/// `Extensions` of the role.
pub(super) fn extensions(out: &mut Writer, names: &[(&str, &str)], about: &About) {
    let is_shown = !names.is_empty()
        || !about.descriptions.is_empty()
        || about.logo.is_some()
        || about.information.is_some()
        || about.privacy.is_some();
    out.open("md:Extensions", &[]);
    algorithms(out);
    for scope in &about.scopes {
        out.leaf("shibmd:Scope", &[("xmlns:shibmd", METADATA_SCOPE), ("regexp", "false")], scope);
    }
    if is_shown {
        shown(out, names, about);
    }
    out.close("md:Extensions");
}

/// What we sign with, and verify (SAML V2.0 Metadata Profile for Algorithm Support 2.3): mod_shib signs what it posts with
/// SHA-1, which is refused here (SI-07), unless it reads this.
fn algorithms(out: &mut Writer) {
    out.empty("alg:DigestMethod", &[("xmlns:alg", ALGORITHMS), ("Algorithm", SHA256)]);
    for algorithm in [RSA_SHA256, ECDSA_SHA256] {
        out.empty("alg:SigningMethod", &[("xmlns:alg", ALGORITHMS), ("Algorithm", algorithm)]);
    }
}

fn shown(out: &mut Writer, names: &[(&str, &str)], about: &About) {
    out.open("mdui:UIInfo", &[("xmlns:mdui", METADATA_UI)]);
    for (language, name) in names {
        out.leaf("mdui:DisplayName", &[("xml:lang", language)], name);
    }
    for (language, text) in &about.descriptions {
        out.leaf("mdui:Description", &[("xml:lang", language)], text);
    }
    if let Some(Logo { address, width, height }) = &about.logo {
        out.leaf("mdui:Logo", &[("height", &height.to_string()), ("width", &width.to_string())], address);
    }
    // One address for all: the page chooses the language of its reader.
    for (element, address) in
        [("mdui:InformationURL", &about.information), ("mdui:PrivacyStatementURL", &about.privacy)]
    {
        for (language, _) in names {
            if let Some(address) = address {
                out.leaf(element, &[("xml:lang", language)], address);
            }
        }
    }
    out.close("mdui:UIInfo");
}

/// The last children of the role.
pub(super) fn attributes(out: &mut Writer, about: &About) {
    for (friendly_name, name) in &about.attributes {
        let format = names::name_format(name);
        let attributes = [
            ("xmlns:saml", ASSERTION),
            ("FriendlyName", friendly_name),
            ("Name", name.as_str()),
            ("NameFormat", format),
        ];
        out.empty("saml:Attribute", &attributes);
    }
}

/// The last children of the entity.
pub(super) fn operator(out: &mut Writer, names: &[(&str, &str)], about: &About) {
    if let Some((name, address)) = &about.organization {
        out.open("md:Organization", &[]);
        for (element, text) in
            [("md:OrganizationName", name), ("md:OrganizationDisplayName", name), ("md:OrganizationURL", address)]
        {
            for (language, _) in names {
                out.leaf(element, &[("xml:lang", language)], text);
            }
        }
        out.close("md:Organization");
    }
    for (kind, mail) in &about.contacts {
        out.open("md:ContactPerson", &[("contactType", kind)]);
        out.leaf("md:EmailAddress", &[], &format!("mailto:{mail}"));
        out.close("md:ContactPerson");
    }
}
