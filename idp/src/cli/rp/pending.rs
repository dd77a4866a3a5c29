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

pub async fn list(is_json: bool, around: &Around<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let waiting = parties::waiting(around.store).await?;
    let shown = if is_json {
        waiting.iter().map(document).collect::<Value>().to_string() + "\n"
    } else {
        waiting.iter().map(difference).collect()
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
