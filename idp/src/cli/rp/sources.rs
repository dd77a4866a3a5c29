//! `guichet rp source` and `guichet rp refresh`: addresses from which metadata is read again and again.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::show::plain;
use super::{Around, EnvironmentName, Failure, ReleaseSet, attribute, read_file};
use crate::domain::release::Attribute;
use crate::domain::relying_party::{PartyId, ReleasePolicy};
use crate::domain::source::Trust;
use crate::parties::{Asked, Believed, Error, NoCopy, Refreshed, Report};
use crate::saml::metadata::certificate;
use crate::store::{Added, KnownSource};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take the service providers of a federation, or some of them, from its signed metadata
    #[command(after_help = "Example:\n  guichet rp source add https://federation.example/metadata.xml \
                            --certificate federation.pem --release-set service")]
    Add(Box<Add>),
    /// List every source with its last good copy
    List {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Read a source no more; its parties stay until the end of their last copy
    Remove {
        /// The address, as `list` shows it
        address: String,
    },
}

#[derive(Debug, Args)]
pub struct Add {
    /// An https address
    address: String,
    #[command(flatten)]
    pin: Pin,
    /// A service provider to take, instead of all; may be repeated
    #[arg(long, value_name = "ID")]
    entity_id: Vec<String>,
    /// `test` accepts http:// and addresses of this machine
    #[arg(long, value_enum, default_value = "production")]
    environment: EnvironmentName,
    /// Attributes that each of them may learn; least by default
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = attribute, conflicts_with = "release_set")]
    release: Option<Vec<Attribute>>,
    /// What ENTs, or other services, usually need
    #[arg(long, value_enum)]
    release_set: Option<ReleaseSet>,
    /// Check everything and store nothing
    #[arg(long)]
    dry_run: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Why a signed document is believed.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Pin {
    /// The certificate whose key signs the metadata, PEM or DER
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// The SHA-256 of that certificate, where the metadata carries it
    #[arg(long, value_name = "SHA256", value_parser = sha256)]
    fingerprint: Option<String>,
}

impl Pin {
    pub fn believed(&self) -> Result<Option<Believed>, Failure> {
        if let Some(file) = &self.certificate {
            let unfit = || Failure::Refused(format!("{}: not a certificate with a strong key", file.display()));
            return Ok(Some(Believed::Certificate(certificate::read(&read_file(file)?).ok_or_else(unfit)?)));
        }
        Ok(self.fingerprint.clone().map(Believed::Fingerprint))
    }
}

/// With colons or spaces as tools print them, in either case.
pub fn sha256(text: &str) -> Result<String, String> {
    let hex: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>().to_uppercase();
    let is_hash = hex.len() == 64 && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hash {
        Ok(hex)
    } else {
        Err("expected 64 hexadecimal digits, as `openssl x509 -fingerprint -sha256`".to_owned())
    }
}

pub async fn run(command: Command, around: &Around<'_>, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::Add(wanted) => {
            let (address, report) = add(&wanted, around).await?;
            let shown = if wanted.json { told(&address, &report).to_string() + "\n" } else { lines(&address, &report) };
            out.write_all(shown.as_bytes())?;
        }
        Command::List { json } => {
            let sources = around.store.sources().await?;
            let shown = if json {
                sources.iter().map(summary).collect::<Value>().to_string() + "\n"
            } else {
                sources.iter().map(line).collect()
            };
            out.write_all(shown.as_bytes())?;
        }
        Command::Remove { address } => {
            if !around.store.remove_source(&address).await? {
                return Err(Failure::Refused(format!("no source has the address {}", plain(&address))));
            }
        }
    }
    Ok(())
}

async fn add(wanted: &Add, around: &Around<'_>) -> Result<(String, Report), Failure> {
    let missing = || {
        Failure::WrongUse("--certificate FILE or --fingerprint SHA256 is missing: metadata of a federation is believed by its signature".to_owned())
    };
    let asked = Asked {
        address: wanted.address.clone(),
        believed: wanted.pin.believed()?.ok_or_else(missing)?,
        is_federation: true,
        only: wanted.entity_id.iter().cloned().map(PartyId).collect(),
        environment: wanted.environment.into(),
        policy: ReleasePolicy {
            attributes: super::attributes(wanted.release.as_deref(), wanted.release_set),
            ..ReleasePolicy::default()
        },
    };
    let registry = around.registry()?;
    let (source, taken) = registry.look(asked, around.now).await.map_err(|why| refused(&wanted.address, &why))?;
    if wanted.dry_run {
        let added = taken.parties.iter().map(|party| party.entity_id.clone()).collect();
        return Ok((source.address, Report { added, unfit: taken.unfit, ..Report::default() }));
    }
    if around.store.add_source(&source, around.now).await? == Added::AlreadyThere {
        return Err(Failure::Refused(format!("{} is a source already; nothing was changed", plain(&source.address))));
    }
    let report = registry.apply(&source, &taken, around.now).await.map_err(Failure::from)?;
    Ok((source.address, report))
}

pub fn refused(address: &str, why: &NoCopy) -> Failure {
    Failure::Refused(format!("{}: {}", plain(address), plain(&why.to_string())))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => Self::Store(error),
            other @ (Error::Thread(_) | Error::Proposal { .. }) => Self::Refused(other.to_string()),
        }
    }
}

/// `guichet rp refresh`: now, whatever the hour. Fails where one source did.
pub async fn refresh(
    address: Option<&str>,
    is_json: bool,
    around: &Around<'_>,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let registry = around.registry()?;
    let is_chosen = |known: &KnownSource| address.is_none_or(|address| address == known.source.address);
    let all = registry.refresh(around.now, is_chosen).await.map_err(Failure::from)?;
    if let (Some(address), []) = (address, all.as_slice()) {
        return Err(Failure::Refused(format!("{} is no source, or another node is reading it", plain(address))));
    }
    let shown = if is_json {
        all.iter().map(outcome).collect::<Value>().to_string() + "\n"
    } else {
        all.iter().map(outcome_line).collect()
    };
    out.write_all(shown.as_bytes())?;
    match all.iter().filter(|refreshed| refreshed.outcome.is_err()).count() {
        0 => Ok(()),
        failed => Err(Failure::Refused(format!(
            "{failed} of {} sources were not renewed; their last good copies stay",
            all.len()
        ))),
    }
}

fn outcome(refreshed: &Refreshed) -> Value {
    match &refreshed.outcome {
        Ok(report) => told(&refreshed.address, report),
        Err(failure) => json!({ "source": refreshed.address, "failure": failure }),
    }
}

fn outcome_line(refreshed: &Refreshed) -> String {
    match &refreshed.outcome {
        Ok(report) => lines(&refreshed.address, report),
        Err(failure) => format!("{}: not renewed: {}\n", plain(&refreshed.address), plain(failure)),
    }
}

fn told(address: &str, report: &Report) -> Value {
    json!({
        "source": address,
        "added": report.added,
        "changed": report.changed,
        "held": report.held,
        "rejected": report.rejected,
        "unchanged": report.unchanged,
        "missing": report.missing,
        "unfit": report.unfit.iter().map(|(id, why)| json!({ "id": id, "why": why })).collect::<Value>(),
    })
}

fn lines(address: &str, report: &Report) -> String {
    let Report { added, changed, held, rejected, unchanged, missing, unfit } = report;
    let mut shown = format!(
        "{}: {} added, {} changed, {} held, {} rejected, {unchanged} unchanged, {} missing, {} unfit\n",
        plain(address),
        added.len(),
        changed.len(),
        held.len(),
        rejected.len(),
        missing.len(),
        unfit.len()
    );
    for party in held {
        let _ = writeln!(shown, "  held     {}: see `guichet rp pending`", plain(&party.0));
    }
    for (party, why) in unfit.iter().take(10) {
        let _ = writeln!(shown, "  unfit    {}: {}", plain(party), plain(why));
    }
    shown
}

fn date(at: Option<OffsetDateTime>) -> Option<String> {
    at.and_then(|at| at.format(&Rfc3339).ok())
}

fn summary(known: &KnownSource) -> Value {
    let believed = match &known.source.trust {
        Trust::Signed(pins) => {
            json!({ "signed_by_sha256": pins.iter().filter_map(|pin| certificate::fingerprint(pin)).collect::<Vec<_>>() })
        }
        Trust::Key(sha256) => json!({ "key_sha256": sha256 }),
    };
    json!({
        "address": known.source.address,
        "federation": known.source.is_federation,
        "only": known.source.only,
        "believed": believed,
        "environment": known.source.environment,
        "good_at": date(known.good_at),
        "valid_until": date(known.mark.map(|mark| mark.valid_until)),
        "due_at": date(Some(known.due_at)),
        "failure": known.failure,
    })
}

fn line(known: &KnownSource) -> String {
    let end =
        known.mark.map_or_else(|| "no copy yet".to_owned(), |mark| format!("good until {}", mark.valid_until.date()));
    let failure = known.failure.as_ref().map(|failure| format!("  FAILING: {}", plain(failure))).unwrap_or_default();
    format!("{}  {end}{failure}\n", plain(&known.source.address))
}

#[cfg(test)]
mod tests;
