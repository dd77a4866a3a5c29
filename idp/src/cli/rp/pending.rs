//! `guichet rp pending`, `approve` and `reject`: what changed dangerously, and a person's yes or no to it (journeys R3).

use std::fmt::Write as _;
use std::io::Write;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::show::plain;
use super::{Around, Failure};
use crate::domain::relying_party::{PartyId, Protocol, SamlParty};
use crate::domain::source::Difference;
use crate::parties::{self, Approval, Rejection, Waiting};
use crate::saml::metadata::certificate;
use crate::store::{SelfRegistered, Yes};

#[derive(Debug, clap::Args)]
pub struct Answer {
    /// entityID
    party: String,
    /// Who says so; kept in the journal
    #[arg(long = "as", visible_alias = "by", value_name = "NAME")]
    by: String,
    /// The change that was looked at, as `pending` shows it: not a newer one
    #[arg(long, value_name = "ID")]
    change: Option<String>,
}

impl Answer {
    fn of(&self) -> PartyId {
        PartyId(self.party.clone())
    }

    /// Under which name it goes into the journal.
    fn by(&self) -> Result<String, Failure> {
        if self.by.trim().is_empty() {
            return Err(Failure::WrongUse("--as: who says so?".to_owned()));
        }
        Ok(plain(&self.by))
    }

    fn nothing(&self) -> Failure {
        let party = plain(&self.party);
        Failure::Refused(format!("nothing waits for {party}, or not that change; see `guichet rp pending`"))
    }
}

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

pub async fn approve(answer: &Answer, around: &Around<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let (by, party) = (answer.by()?, plain(&answer.party));
    let refused = |why: String| Err(Failure::Refused(why));
    match around.store.approve_registration(&answer.of(), &by, around.now).await? {
        Yes::First => return Ok(writeln!(out, "{party}: one yes; a second person has to say it too")?),
        Yes::Applied => return Ok(writeln!(out, "{party}: open as it stands now")?),
        Yes::SamePerson => {
            return refused(format!("{by} has said yes to {party} already; a second person has to"));
        }
        // It did not register by itself, or nothing of it waits.
        Yes::Nothing => {}
    }
    match parties::approve(around.store, &answer.of(), answer.change.as_deref(), &by, around.now).await? {
        Approval::Applied(waiting) => Ok(out.write_all(difference(&waiting).as_bytes())?),
        Approval::Nothing => Err(answer.nothing()),
        Approval::Ended(end) => {
            refused(format!("that copy ended on {}; `guichet rp refresh` brings another", end.date()))
        }
        Approval::Changed => refused(format!("{party} was changed in the same moment; look again")),
    }
}

pub async fn reject(
    answer: &Answer,
    around: &Around<'_>,
    (out, notes): (&mut impl Write, &mut impl Write),
) -> Result<(), Failure> {
    let by = answer.by()?;
    match parties::reject(around.store, &answer.of(), answer.change.as_deref(), &by, around.now).await? {
        Rejection::Nothing => Err(answer.nothing()),
        Rejection::Noted(waiting) => {
            out.write_all(difference(&waiting).as_bytes())?;
            if let Protocol::Saml(SamlParty { valid_until: Some(end), .. }) = &waiting.party.protocol {
                let (party, end) = (plain(&answer.party), end.date());
                writeln!(notes, "{party} stays as it is; the copy that is believed ends on {end}.")?;
            }
            Ok(())
        }
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
        "rejected_at": held.rejected_at.and_then(|at| at.format(&Rfc3339).ok()),
        "differences": differences.collect::<Value>(),
    })
}

/// `-` what goes, `+` what comes; `!` before a member that made it wait.
fn difference(waiting: &Waiting) -> String {
    let Waiting { held, party, differences } = waiting;
    let rejected = held.rejected_at.map(|at| format!(", rejected on {}", at.date())).unwrap_or_default();
    let (id, name, since) = (plain(&party.id.0), plain(&party.name), held.found_at.date());
    let mut shown = format!("{id}  {name}  change {}, since {since}{rejected}\n", held.id);
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
