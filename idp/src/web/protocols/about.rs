//! What our SAML metadata says of this house, from its settings, its theme and its pages.

use crate::domain::release::Attribute;
use crate::saml::metadata::{About, Logo};
use crate::saml::response;
use crate::web::paths;
use crate::web::state::App;

pub fn about(app: &App) -> About {
    let at = |path: &str| format!("{}{path}", app.config.origin());
    let said = &app.config.metadata;
    let description = said.description.iter().map(|(language, text)| (language.clone(), text.clone()));
    let attributes = Attribute::ALL.into_iter().map(|attribute| {
        let named = app.attribute_names.get(&attribute).cloned();
        (attribute.friendly_name(), named.unwrap_or_else(|| response::name(attribute).to_owned()))
    });
    let contacts = [("technical", &said.technical_contact), ("support", &said.support_contact)];
    About {
        descriptions: description.collect(),
        logo: app.pages.logo().map(|(path, width, height)| Logo { address: at(&path), width, height }),
        information: Some(at(paths::HELP)),
        privacy: Some(at(paths::PRIVACY)),
        scopes: said.scopes.clone(),
        attributes: attributes.collect(),
        organization: said.organization.clone().zip(said.organization_url.clone()),
        contacts: contacts.into_iter().filter_map(|(kind, mail)| Some((kind, mail.clone()?))).collect(),
    }
}
