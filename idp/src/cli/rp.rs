//! `guichet rp`: relying parties from the command line (interface.md section 2).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::domain::account::Profile;
use crate::domain::release::Attribute;
use crate::domain::relying_party::{Environment, PartyId, Protocol, ReleasePolicy, RelyingParty};
use crate::domain::source::Source;
use crate::saml::metadata::{self, Taken};
use crate::store::{self, Added, Event, Introduced, Outcome};

mod client;
mod fetched;
mod pending;
mod set;
mod show;
mod sources;
mod test;
mod token;
mod warn;

#[cfg(test)]
mod tests;

pub use fetched::Around;
use fetched::{check_start, fetch_metadata, find, is_address};
use show::{document, lines, plain, summary, table};

/// Far above any honest metadata (SI-20).
const MAX_FILE: u64 = 5 * 1024 * 1024;

/// Why a command ended early. But for `Output`, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    WrongUse(String),
    #[error("{0}")]
    Refused(String),
    #[error("reading {}: {source}", file.display())]
    File { file: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("writing the answer: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// The exit codes of journeys section 6.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::File { .. } | Self::Output(_) => 1,
            Self::WrongUse(_) => 2,
            Self::Store(_) => 5,
        }
    }
}

/// Relying parties: who may ask for a sign-in, and what each may learn
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register a relying party from the file it sent
    #[command(after_help = "Examples:\n  guichet rp add --metadata ent.xml --release-set ent\n  \
                            guichet rp add --oidc client.json --environment test --release sn,givenName --json")]
    Add(Box<Add>),
    /// List every relying party
    List {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Addresses from which metadata is read each day
    #[command(subcommand)]
    Source(sources::Command),
    /// Read metadata again now, from one address or from all
    Refresh {
        /// The address, as `source list` shows it
        address: Option<String>,
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show the dangerous changes that wait for a person, and those that one rejected
    Pending {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Apply what waits for a relying party; a client that registered by itself is open after two persons' yes
    Approve(pending::Answer),
    /// Leave a relying party as it is: what waits for it is not asked about again
    Reject(pending::Answer),
    /// What lets an organization register its clients by itself
    #[command(subcommand)]
    Token(token::Command),
    /// Show one relying party
    Show {
        /// entityID or client_id
        id: String,
        /// The whole registration as JSON; of a secret only that there is one
        #[arg(long)]
        json: bool,
    },
    /// Change how one SAML party gets its answers
    #[command(after_help = "Examples:\n  guichet rp set https://ent.example/saml encrypt=required\n  \
                            guichet rp set https://ent.example/saml attribute.sn=nom name-format=basic --dry-run")]
    Set(set::Set),
    /// Say what works and what does not for one party, and for a request it sent; exit 1 where something is refused
    #[command(after_help = "Examples:\n  guichet rp test https://ent.example/saml\n  \
                            guichet rp test https://ent.example/saml --request 'https://…/SSO?SAMLRequest=…'\n  \
                            guichet rp test https://ent.example/saml --request - --json < request.xml")]
    Test(test::Test),
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("file").required(true).args(["metadata", "oidc"])))]
pub struct Add {
    /// SAML 2.0 metadata of a service provider: a file, or an https address that is then read again each day
    #[arg(long, value_name = "FILE|URL")]
    metadata: Option<String>,
    #[command(flatten)]
    pin: sources::Pin,
    /// The SHA-256 of the party's own signing certificate, where its address gives metadata without a signature
    #[arg(long, value_name = "SHA256", value_parser = sources::sha256, conflicts_with_all = ["certificate", "fingerprint"])]
    key_fingerprint: Option<String>,
    /// OpenID Connect client metadata in JSON (RFC 7591). token_endpoint_auth_method: client_secret_basic,
    /// client_secret_post, private_key_jwt (with jwks or jwks_uri) or none. grant_types with refresh_token and scope
    /// with offline_access for refresh tokens; dpop_bound_access_tokens; resources, serves_resources; security_profile
    /// fapi2
    #[arg(long, value_name = "FILE")]
    oidc: Option<PathBuf>,
    /// Which service provider, where the metadata describes several
    #[arg(long, value_name = "ID", requires = "metadata")]
    entity_id: Option<String>,
    /// `test` accepts http:// and addresses of this machine
    #[arg(long, value_enum, default_value = "production")]
    environment: EnvironmentName,
    /// The name shown to families, instead of the file's
    #[arg(long)]
    name: Option<String>,
    /// Where a person starts from, instead of the file's address
    #[arg(long, value_name = "URL")]
    start: Option<String>,
    /// Attributes it may learn, by name (sn,givenName,FrEduCtRefId…); least by default
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = attribute, conflicts_with = "release_set")]
    release: Option<Vec<Attribute>>,
    /// What ENTs, or other services, usually need
    #[arg(long, value_enum)]
    release_set: Option<ReleaseSet>,
    /// Who may sign in there
    #[arg(long, value_name = "PROFILES", value_delimiter = ',', value_parser = profile,
          default_value = "guardian,student")]
    profiles: Vec<Profile>,
    /// A person in charge of a child (level 2) counts as a guardian there
    #[arg(long)]
    in_charge: bool,
    /// Check everything and store nothing
    #[arg(long)]
    dry_run: bool,
    /// One JSON object; for a client, the members of RFC 7591 3.2.1
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EnvironmentName {
    Test,
    Production,
}

impl From<EnvironmentName> for Environment {
    fn from(name: EnvironmentName) -> Self {
        match name {
            EnvironmentName::Test => Self::Test,
            EnvironmentName::Production => Self::Production,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ReleaseSet {
    Ent,
    Service,
}

fn attribute(name: &str) -> Result<Attribute, String> {
    Attribute::from_friendly_name(name).ok_or_else(|| {
        let known: Vec<&str> = Attribute::ALL.into_iter().map(Attribute::friendly_name).collect();
        format!("there is no such attribute; known are {}", known.join(", "))
    })
}

fn profile(name: &str) -> Result<Profile, String> {
    name.parse().map_err(|error| format!("{error}"))
}

/// Data goes to `out`, everything else to `notes`.
pub async fn run(
    command: Command,
    around: &Around<'_>,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> Result<(), Failure> {
    let (store, now) = (around.store, around.now);
    match command {
        Command::Set(set) => set::run(&set, around, out, notes).await?,
        Command::Test(test) => test::run(&test, around, out).await?,
        Command::Source(command) => sources::run(command, around, out).await?,
        Command::Refresh { address, json } => sources::refresh(address.as_deref(), json, around, out).await?,
        Command::Token(command) => token::run(command, around, out, notes).await?,
        Command::Pending { json } => pending::list(json, around, out).await?,
        Command::Approve(answer) => pending::approve(&answer, around, out).await?,
        Command::Reject(answer) => pending::reject(&answer, around, (out, notes)).await?,
        Command::Add(add) => {
            let answer = register(&add, around, notes).await?;
            let shown = if add.json { answer.to_string() + "\n" } else { lines(&answer) };
            out.write_all(shown.as_bytes())?;
        }
        Command::List { json } => {
            let parties = store.parties().await?;
            let shown = if json {
                parties.iter().map(summary).collect::<Value>().to_string() + "\n"
            } else {
                table(&parties, now)
            };
            out.write_all(shown.as_bytes())?;
            warn::warn(store, now, notes).await?;
        }
        Command::Show { id, json } => {
            let document = document(&find(store, &id).await?);
            let shown = if json { document.to_string() + "\n" } else { lines(&document) };
            out.write_all(shown.as_bytes())?;
        }
    }
    Ok(())
}

/// A party as its file describes it, with what its owner is told once.
struct Read {
    id: PartyId,
    name: Option<String>,
    start: Option<String>,
    protocol: Protocol,
    told: Value,
    /// Where it came from an address that is read again.
    copy: Option<(Source, Taken)>,
}

async fn register(add: &Add, around: &Around<'_>, notes: &mut impl Write) -> Result<Value, Failure> {
    let (store, now) = (around.store, around.now);
    let environment = add.environment.into();
    let read = match (&add.metadata, &add.oidc) {
        (Some(place), _) if is_address(place) => fetch_metadata(place, add, around, notes).await?,
        (Some(file), _) => read_metadata(Path::new(file), add.entity_id.as_deref(), environment, now, notes)?,
        (None, Some(file)) => client::read(file, environment, around).await?,
        (None, None) => return Err(Failure::WrongUse("--metadata FILE or --oidc FILE is missing".to_owned())),
    };
    let name = add.name.clone().or(read.name).filter(|name| !name.trim().is_empty()).ok_or_else(|| {
        Failure::WrongUse("--name is missing: the file does not say what families should read".to_owned())
    })?;
    if let Some(start) = &add.start {
        check_start(start, environment)?;
    }
    let party = RelyingParty {
        id: read.id,
        name: plain(&name),
        environment,
        is_suspended: false,
        start: add.start.clone().or(read.start),
        policy: policy(add),
        protocol: read.protocol,
    };
    let mut answer = summary(&party);
    if let (Value::Object(answer), Value::Object(told)) = (&mut answer, read.told) {
        answer.extend(told);
    }
    if add.dry_run {
        if let Value::Object(answer) = &mut answer {
            answer.retain(|member, _| !member.starts_with("client_secret"));
        }
        let taken = store.party(&party.id).await?.is_some();
        if taken {
            return Err(already_there(&party.id));
        }
        writeln!(notes, "Nothing was stored (--dry-run).")?;
        return Ok(answer);
    }
    if let Some((source, taken)) = &read.copy {
        let registry = around.registry()?;
        return match registry.introduce(&party, (source, taken), add.name.is_some(), now).await? {
            Introduced::New => Ok(answer),
            Introduced::PartyThere => Err(already_there(&party.id)),
            Introduced::SourceThere => Err(Failure::Refused(format!(
                "{} is a source already, believed for another reason; nothing was changed",
                plain(&source.address)
            ))),
        };
    }
    match store.add_party(&party, now).await? {
        Added::AlreadyThere => Err(already_there(&party.id)),
        Added::New => {
            store.record(&added(&party.id, now)).await?;
            if answer.get("client_secret").is_some() {
                writeln!(notes, "Keep the secret: only its hash is stored, and it is not shown again.")?;
            }
            Ok(answer)
        }
    }
}

fn already_there(id: &PartyId) -> Failure {
    Failure::Refused(format!("a relying party is already registered as {}; nothing was changed", plain(&id.0)))
}

fn added(id: &PartyId, at: OffsetDateTime) -> Event<'_> {
    Event {
        at,
        event: "party-added",
        outcome: Outcome::Done,
        account: None,
        party: Some(id),
        address: None,
        reference: "",
    }
}

fn read_file(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |source| Failure::File { file: file.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(file).and_then(|opened| opened.take(MAX_FILE + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Failure::Refused(format!("{}: longer than 5 MiB", file.display())));
    }
    Ok(bytes)
}

fn read_metadata(
    file: &Path,
    entity_id: Option<&str>,
    environment: Environment,
    now: OffsetDateTime,
    notes: &mut impl Write,
) -> Result<Read, Failure> {
    let refused = |why| Failure::Refused(format!("{}: {why}", file.display()));
    let read = metadata::read(&read_file(file)?, entity_id, environment, now).map_err(refused)?;
    for warning in &read.warnings {
        writeln!(notes, "{}: {}", file.display(), plain(&warning.to_string()))?;
    }
    Ok(described(read, None))
}

fn described(read: metadata::Read, copy: Option<(Source, Taken)>) -> Read {
    let protocol = Protocol::Saml(read.saml);
    Read { id: read.entity_id, name: read.name, start: None, protocol, told: json!({}), copy }
}

fn policy(add: &Add) -> ReleasePolicy {
    ReleasePolicy {
        attributes: attributes(add.release.as_deref(), add.release_set),
        profiles: add.profiles.iter().copied().collect(),
        in_charge: add.in_charge,
    }
}

/// What is named, else what a set holds, else the least.
fn attributes(named: Option<&[Attribute]>, set: Option<ReleaseSet>) -> BTreeSet<Attribute> {
    match (named, set) {
        (Some(named), _) => named.iter().copied().collect(),
        (None, Some(ReleaseSet::Ent)) => Attribute::FOR_ENTS.into(),
        (None, Some(ReleaseSet::Service)) => Attribute::FOR_SERVICES.into(),
        (None, None) => ReleasePolicy::default().attributes,
    }
}
