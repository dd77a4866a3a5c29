//! `guichet rp test`: what works and what does not, with the fix, found by what sign-on itself uses (journeys R3).

use std::io::{Read as _, Write};
use std::path::Path;

use clap::Args;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::show::plain;
use super::{Around, Failure, MAX_FILE, find, read_file};
use crate::domain::relying_party::{Protocol, RelyingParty};
use crate::domain::verdict::{Grade, Verdict};
use crate::oidc;
use crate::saml::pasted::{self, Pasted};
use crate::saml::request::Here;
use crate::saml::{self, advice};
use crate::store::Noted;
use crate::web::paths;

#[derive(Debug, Args)]
pub struct Test {
    /// entityID or client_id
    id: String,
    /// A request as it was sent: an address, a file, or - for standard input (an address, a query, XML or base64)
    #[arg(long, value_name = "FILE|URL|-")]
    request: Option<String>,
    /// Judge as if it were this moment, such as 2030-01-31T08:00:00Z: a request is good for five minutes only
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<OffsetDateTime>,
    /// How many recorded requests of the party to show
    #[arg(long, default_value_t = 10)]
    last: u16,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

fn moment(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "expected a time such as 2030-01-31T08:00:00Z".to_owned())
}

pub async fn run(test: &Test, around: &Around<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let party = find(around.store, &test.id).await?;
    let now = test.at.unwrap_or(around.now);
    let registration = match &party.protocol {
        Protocol::Saml(saml) => advice::of_party(&party, saml, now),
        Protocol::Oidc(client) => oidc::advice::of_party(&party, client),
    };
    let request = match &test.request {
        None => None,
        Some(place) => Some(of_request(&pasted_text(place)?, &party, around, now)),
    };
    let recent = around.store.recent_of(&party.id, test.last).await?;
    let all = || registration.iter().chain(request.iter().flatten());
    let refused = all().filter(|verdict| verdict.grade == Grade::Refused).count();
    if test.json {
        let recent: Vec<_> = recent.iter().map(recorded).collect();
        let answer = json!({
            "party": party.id, "refused": refused, "registration": registration, "request": request, "recent": recent,
        });
        writeln!(out, "{answer}")?;
    } else {
        writeln!(out, "Registration")?;
        write_all(out, &registration)?;
        if let Some(request) = &request {
            writeln!(out, "Request")?;
            write_all(out, request)?;
        }
        if !recent.is_empty() {
            writeln!(out, "Recorded, latest first")?;
            for noted in &recent {
                let Noted { at, event, outcome, reference } = noted;
                writeln!(
                    out,
                    "  {}  {event:<10}  {outcome:<20}  {reference}",
                    at.format(&Rfc3339).unwrap_or_default()
                )?;
            }
        }
    }
    match refused {
        0 => Ok(()),
        count => Err(Failure::Refused(format!("{}: {count} refused", plain(&party.id.0)))),
    }
}

fn write_all(out: &mut impl Write, verdicts: &[Verdict]) -> Result<(), Failure> {
    for verdict in verdicts {
        writeln!(out, "  {:<8}{:<24}{}", verdict.grade.word(), verdict.about, plain(&verdict.found))?;
        if let Some(fix) = &verdict.fix {
            writeln!(out, "{:34}-> {}", "", plain(fix))?;
        }
    }
    Ok(())
}

fn recorded(noted: &Noted) -> serde_json::Value {
    json!({
        "at": noted.at.format(&Rfc3339).ok(), "event": noted.event, "outcome": noted.outcome,
        "reference": noted.reference,
    })
}

fn pasted_text(place: &str) -> Result<String, Failure> {
    if place.starts_with("https://") || place.starts_with("http://") {
        return Ok(place.to_owned());
    }
    let bytes = if place == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().take(MAX_FILE).read_to_end(&mut bytes)?;
        bytes
    } else {
        read_file(Path::new(place))?
    };
    String::from_utf8(bytes).map_err(|_| Failure::Refused("the request is not UTF-8 text".to_owned()))
}

fn of_request(text: &str, party: &RelyingParty, around: &Around<'_>, now: OffsetDateTime) -> Vec<Verdict> {
    let origin = around.config.origin();
    let Protocol::Saml(_) = &party.protocol else {
        let query = text.trim();
        let query = query.split_once('?').map_or(query, |(_, query)| query);
        return oidc::advice::of_request(query.split('#').next().unwrap_or_default(), party, origin);
    };
    let (received, path) = match pasted::read(text) {
        Err(reason) => return vec![advice::of_reason("message", reason)],
        Ok(Pasted::Unsolicited(link)) => return vec![advice::of_unsolicited(&link.verify(party, now))],
        Ok(Pasted::Redirect(received)) => (received, paths::SAML_REDIRECT),
        Ok(Pasted::Post(received)) => (received, paths::SAML_POST),
    };
    let (entity_id, endpoint) = (around.config.entity_id(), format!("{origin}{path}"));
    let mut verdicts = vec![Verdict::good("message", format!("an AuthnRequest for {endpoint}"))];
    let here = Here { entity_id: &entity_id, endpoint: &endpoint };
    match saml::request::read(received).and_then(|unverified| unverified.examine(party, here, now)) {
        Ok(found) => verdicts.extend(advice::of_request(&found)),
        Err(reason) => verdicts = vec![advice::of_reason("message", reason)],
    }
    verdicts
}
