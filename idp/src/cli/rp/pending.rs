//! `guichet rp pending` and `guichet rp approve`: what changed dangerously, and a person's yes to it (journeys R3).

use std::fmt::Write as _;
use std::io::Write;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::show::plain;
use super::{Around, Failure};
use crate::domain::relying_party::PartyId;
use crate::domain::source::Difference;
use crate::parties::{self, Approval, Waiting};
use crate::saml::metadata::certificate;
use crate::store::{SelfRegistered, Yes};

pub async fn list(is_json: bool, around: &Around<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let waiting = parties::waiting(around.store).await?;
    let clients = around.store.held_registrations().await?;
    let shown = if is_json {
        waiting.iter().map(document).chain(clients.iter().map(registration)).collect::<Value>().to_string() + "\n"
    } else {
        waiting.iter().map(difference).chain(clients.iter().map(client)).collect()
    };
    out.write_all(shown.as_bytes())?;
    Ok(())
}

pub async fn approve(
    (party, change): (&str, Option<&str>),
    by: &str,
    around: &Around<'_>,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if by.trim().is_empty() {
        return Err(Failure::WrongUse("--as: who says yes?".to_owned()));
    }
    let id = PartyId(party.to_owned());
    let refused = |why: String| Err(Failure::Refused(why));
    match around.store.approve_registration(&id, &plain(by), around.now).await? {
        Yes::First => return Ok(writeln!(out, "{}: one yes; a second person has to say it too", plain(party))?),
        Yes::Applied => return Ok(writeln!(out, "{}: open as it stands now", plain(party))?),
        Yes::SamePerson => {
            return refused(format!("{} has said yes to {} already; a second person has to", plain(by), plain(party)));
        }
        // It did not register by itself, or nothing of it waits.
        Yes::Nothing => {}
    }
    match parties::approve(around.store, &id, change, &plain(by), around.now).await? {
        Approval::Applied(waiting) => Ok(out.write_all(difference(&waiting).as_bytes())?),
        Approval::Nothing => {
            refused(format!("nothing waits for {}, or not that change; see `guichet rp pending`", plain(party)))
        }
        Approval::Ended(end) => {
            refused(format!("that copy ended on {}; `guichet rp refresh` brings another", end.date()))
        }
        Approval::Changed => refused(format!("{} was changed in the same moment; look again", plain(party))),
    }
}

/// A client that registered by itself, as it is to be.
fn registration(client: &SelfRegistered) -> Value {
    let metadata = client.held.as_ref().and_then(|held| serde_json::from_str::<Value>(&held.metadata).ok());
    json!({
        "party": client.party,
        "name": client.held.as_ref().map(|held| held.party.name.as_str()),
        "organization": client.organization,
        "purpose": client.purpose,
        "first_yes": client.first_yes,
        "found_at": client.registered_at.format(&Rfc3339).ok(),
        "metadata": metadata,
    })
}

fn client(client: &SelfRegistered) -> String {
    let Some(held) = &client.held else { return String::new() };
    let (id, name, organization) = (plain(&client.party.0), plain(&held.party.name), plain(&client.organization));
    let mut shown = format!("{id}  {name}  client of {organization}, since {}\n", client.registered_at.date());
    let _ = writeln!(shown, "  purpose: {}", plain(&client.purpose));
    if let Some(first) = &client.first_yes {
        let _ = writeln!(shown, "  yes of {}; a second person has to say it too", plain(first));
    }
    let metadata: serde_json::Map<String, Value> = serde_json::from_str(&held.metadata).unwrap_or_default();
    for (member, value) in &metadata {
        let _ = writeln!(shown, "    + {member} {}", plain(&value.to_string()));
    }
    shown
}

fn document(waiting: &Waiting) -> Value {
    let Waiting { held, party, differences } = waiting;
    let differences = differences.iter().map(|difference| {
        json!({
            "member": difference.member,
            "dangerous": difference.is_dangerous,
            "gone": difference.gone.iter().map(|item| told(difference, item)).collect::<Vec<_>>(),
            "come": difference.come.iter().map(|item| told(difference, item)).collect::<Vec<_>>(),
        })
    });
    json!({
        "party": party.id,
        "name": party.name,
        "change": held.id,
        "found_at": held.found_at.format(&Rfc3339).ok(),
        "differences": differences.collect::<Value>(),
    })
}

/// `-` what goes, `+` what comes; `!` before a member that made it wait.
fn difference(waiting: &Waiting) -> String {
    let Waiting { held, party, differences } = waiting;
    let mut shown =
        format!("{}  {}  change {}, since {}\n", plain(&party.id.0), plain(&party.name), held.id, held.found_at.date());
    for difference in differences {
        let mark = if difference.is_dangerous { '!' } else { ' ' };
        let _ = writeln!(shown, "{mark} {}", plain(&difference.member));
        for (sign, items) in [('-', &difference.gone), ('+', &difference.come)] {
            for item in items {
                let _ = writeln!(shown, "    {sign} {}", plain(&told(difference, item)));
            }
        }
    }
    shown
}

/// A certificate by its fingerprint: what two people compare over the telephone.
fn told(difference: &Difference, item: &Value) -> String {
    match item {
        Value::String(text) if difference.member.ends_with("certificates") => {
            certificate::fingerprint(text).map_or_else(|| text.clone(), |print| format!("sha256 {print}"))
        }
        Value::String(text) => text.clone(),
        Value::Object(members) if members.contains_key("location") => {
            let location = members.get("location").and_then(Value::as_str).unwrap_or_default();
            let index = members.get("index").map(|index| format!(" (index {index})")).unwrap_or_default();
            format!("{location}{index}")
        }
        other => other.to_string(),
    }
}
