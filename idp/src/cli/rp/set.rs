//! `guichet rp set`: how one SAML party wants its answers.

use std::io::Write;

use clap::Args;

use super::show::{document, lines, plain};
use super::{Around, Failure, find};
use crate::domain::release::Attribute;
use crate::domain::relying_party::{Protocol, RelyingParty, SamlParty};
use crate::domain::saml_options::Signature;
use crate::domain::signing_key::{Purpose, State};
use crate::store::{Event, Outcome};

#[derive(Debug, Args)]
pub struct Set {
    /// entityID
    id: String,
    /// encrypt=auto|never|required, sign=both|response|assertion, signature=rsa-sha256|ecdsa-sha256,
    /// name-format=uri|basic|unspecified, name-id=persistent|transient, clock-margin=SECONDS, session=MINUTES,
    /// attribute.NAME=OTHER-NAME; `usual` as a value takes it back
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = pair)]
    settings: Vec<(String, String)>,
    /// Check everything and store nothing
    #[arg(long)]
    dry_run: bool,
    /// The whole registration as JSON
    #[arg(long)]
    json: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub async fn run(set: &Set, around: &Around<'_>, out: &mut impl Write, notes: &mut impl Write) -> Result<(), Failure> {
    let before = find(around.store, &set.id).await?;
    let after = changed(&before, &set.settings)?;
    if wants_ecdsa(&after) && !wants_ecdsa(&before) && !has_ecdsa(around).await? {
        // Every answer to the party would fail.
        return Err(Failure::Refused(
            "this house has no active key for ECDSA: `guichet keys new saml-es256`, then `keys activate`; nothing was \
             changed"
                .to_owned(),
        ));
    }
    if set.dry_run {
        writeln!(notes, "Nothing was stored (--dry-run).")?;
    } else if !around.store.change_party(&before, &after, around.now).await? {
        let id = plain(&set.id);
        return Err(Failure::Refused(format!("{id} was changed by somebody else meanwhile; nothing was stored")));
    } else {
        let event = Event {
            at: around.now,
            event: "party-set",
            outcome: Outcome::Done,
            account: None,
            party: Some(&after.id),
            address: None,
            reference: "",
        };
        around.store.record(&event).await?;
    }
    let document = document(&after);
    let options = document.get("options").cloned().unwrap_or_default();
    let shown = if set.json { document.to_string() + "\n" } else { lines(&options) };
    out.write_all(shown.as_bytes())?;
    Ok(())
}

fn wants_ecdsa(party: &RelyingParty) -> bool {
    matches!(&party.protocol, Protocol::Saml(saml) if saml.options.signature == Signature::EcdsaSha256)
}

async fn has_ecdsa(around: &Around<'_>) -> Result<bool, Failure> {
    let register = around.store.key_register().await?;
    Ok(register.in_state(Purpose::SamlEs256, State::Active).next().is_some())
}

fn changed(before: &RelyingParty, settings: &[(String, String)]) -> Result<RelyingParty, Failure> {
    let mut after = before.clone();
    let Protocol::Saml(saml) = &mut after.protocol else {
        return Err(Failure::Refused("these options are for SAML parties; this one speaks OpenID Connect".to_owned()));
    };
    for (key, value) in settings {
        let wrong = |why: String| Failure::WrongUse(format!("{}={}: {why}", plain(key), plain(value)));
        match key.strip_prefix("attribute.") {
            Some(attribute) => rename(saml, attribute, value).map_err(wrong)?,
            None => saml.options.set(key, value).map_err(|error| wrong(error.to_string()))?,
        }
    }
    Ok(after)
}

fn rename(saml: &mut SamlParty, attribute: &str, name: &str) -> Result<(), String> {
    let attribute = super::attribute(attribute)?;
    if name == "usual" {
        saml.attribute_names.remove(&attribute);
        return Ok(());
    }
    if name.is_empty() || name.len() > 256 || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("a name has 1 to 256 characters and no white space".to_owned());
    }
    let sent =
        |other: Attribute| saml.attribute_names.get(&other).map_or(crate::saml::response::name(other), String::as_str);
    if let Some(other) = Attribute::ALL.into_iter().find(|other| *other != attribute && sent(*other) == name) {
        return Err(format!("{} goes out under that name already", other.friendly_name()));
    }
    saml.attribute_names.insert(attribute, name.to_owned());
    Ok(())
}
