//! `guichet rp token`: what lets an organization register its clients by itself (RFC 7591 3).

use std::fmt::Write as _;
use std::io::Write;

use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};

use super::show::plain;
use super::{Around, EnvironmentName, Failure, ReleaseSet, attribute, attributes, profile};
use crate::chance::Token;
use crate::domain::account::Profile;
use crate::domain::release::Attribute;
use crate::domain::relying_party::{Environment, ReleasePolicy};
use crate::store::RegistrationToken;

#[cfg(test)]
mod tests;

/// Initial access tokens, for clients that register by themselves
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make one and show it, once
    #[command(
        after_help = "Examples:\n  guichet rp token new --organization 'Région Exemple' --expires 30d --as 'C. Dupont'\n  \
                            guichet rp token new --organization 'Éditeur' --expires 2026-12-31 --environment test --uses 5 --json"
    )]
    New(Box<New>),
    /// List those that are left
    List {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Take one back; what was registered with it stays
    Revoke {
        /// As `list` shows it
        id: String,
    },
}

#[derive(Debug, Args)]
pub struct New {
    /// Who answers for the clients
    #[arg(long, value_name = "NAME")]
    organization: String,
    /// What they do with what they learn, where they do not say so themselves
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// Until when: days or hours from now (30d, 12h), or the last day (2026-12-31)
    #[arg(long, value_name = "WHEN", value_parser = end)]
    expires: End,
    /// How many clients
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    uses: u16,
    /// Clients for production wait until two persons approve them; test clients are open at once
    #[arg(long, value_enum, default_value = "production")]
    environment: EnvironmentName,
    /// Attributes that the clients may learn, by name; least by default
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = attribute, conflicts_with = "release_set")]
    release: Option<Vec<Attribute>>,
    /// What ENTs, or other services, usually need
    #[arg(long, value_enum)]
    release_set: Option<ReleaseSet>,
    /// Who may sign in there
    #[arg(long, value_name = "PROFILES", value_delimiter = ',', value_parser = profile,
          default_value = "guardian,student")]
    profiles: Vec<Profile>,
    /// Who gives it; kept with it
    #[arg(long = "as", visible_alias = "by", value_name = "NAME", default_value = "")]
    by: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy)]
enum End {
    After(Duration),
    On(Date),
}

fn end(text: &str) -> Result<End, String> {
    const WRONG: &str = "expected days or hours like 30d or 12h, or a day like 2026-12-31";
    if let Ok(day) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return Ok(End::On(day));
    }
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(WRONG)?;
    let number: u16 = number.parse().map_err(|_| WRONG)?;
    match unit {
        "d" => Ok(End::After(Duration::days(number.into()))),
        "h" => Ok(End::After(Duration::hours(number.into()))),
        _ => Err(WRONG.to_owned()),
    }
}

impl End {
    fn from(self, now: OffsetDateTime) -> OffsetDateTime {
        match self {
            Self::After(time) => now + time,
            Self::On(day) => day.next_day().unwrap_or(day).midnight().assume_utc(),
        }
    }
}

pub async fn run(
    command: Command,
    around: &Around<'_>,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> Result<(), Failure> {
    match command {
        Command::New(new) => make(&new, around, out, notes).await,
        Command::List { json } => list(json, around, out).await,
        Command::Revoke { id } => revoke(&id, around).await,
    }
}

async fn make(new: &New, around: &Around<'_>, out: &mut impl Write, notes: &mut impl Write) -> Result<(), Failure> {
    if new.organization.trim().is_empty() {
        return Err(Failure::WrongUse("--organization: who answers for the clients?".to_owned()));
    }
    let expires_at = new.expires.from(around.now);
    if expires_at <= around.now {
        return Err(Failure::WrongUse("--expires is past".to_owned()));
    }
    let secret = Token::fresh();
    let token = RegistrationToken {
        hash: secret.hash(),
        organization: plain(new.organization.trim()),
        purpose: new.purpose.as_deref().map(plain),
        environment: new.environment.into(),
        policy: ReleasePolicy {
            attributes: attributes(new.release.as_deref(), new.release_set),
            profiles: new.profiles.iter().copied().collect(),
            in_charge: false,
        },
        issued_by: plain(&new.by),
        uses_left: new.uses.into(),
        created_at: around.now,
        expires_at,
    };
    around.store.add_registration_token(&token).await?;
    if new.json {
        let mut shown = document(&token);
        if let Value::Object(shown) = &mut shown {
            shown.insert("token".to_owned(), json!(secret.text().as_str()));
        }
        writeln!(out, "{shown}")?;
    } else {
        writeln!(out, "{}", secret.text().as_str())?;
    }
    writeln!(notes, "Keep the token: only its hash is stored, and it is not shown again.")?;
    Ok(())
}

/// Eight digits of the hash: enough to name one among a few.
fn id(token: &RegistrationToken) -> String {
    HEXLOWER.encode(token.hash.get(..4).unwrap_or_default())
}

fn document(token: &RegistrationToken) -> Value {
    json!({
        "id": id(token),
        "organization": token.organization,
        "purpose": token.purpose,
        "environment": token.environment,
        "release": token.policy.attributes,
        "issued_by": token.issued_by,
        "uses_left": token.uses_left,
        "expires_at": token.expires_at.format(&Rfc3339).ok(),
    })
}

async fn list(is_json: bool, around: &Around<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let tokens = around.store.registration_tokens().await?;
    let left: Vec<&RegistrationToken> =
        tokens.iter().filter(|token| token.uses_left > 0 && token.expires_at > around.now).collect();
    let shown = if is_json {
        left.into_iter().map(document).collect::<Value>().to_string() + "\n"
    } else {
        let mut lines = String::new();
        for token in left {
            let environment = match token.environment {
                Environment::Test => "test",
                Environment::Production => "production",
            };
            let (id, organization, end) = (id(token), plain(&token.organization), token.expires_at.date());
            let _ =
                writeln!(lines, "{id}  {environment:<10}  until {end}  uses left {}  {organization}", token.uses_left);
        }
        lines
    };
    out.write_all(shown.as_bytes())?;
    Ok(())
}

async fn revoke(asked: &str, around: &Around<'_>) -> Result<(), Failure> {
    let tokens = around.store.registration_tokens().await?;
    let known = tokens.iter().find(|token| id(token) == asked && token.uses_left > 0);
    let unknown = || Failure::Refused(format!("no token is called {}; see `guichet rp token list`", plain(asked)));
    let token = known.ok_or_else(unknown)?;
    if around.store.revoke_registration_token(&token.hash).await? { Ok(()) } else { Err(unknown()) }
}
