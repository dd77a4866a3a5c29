//! `guichet keys`: what signs, and its rotation (journeys O4).
//!
//! *To publish -> published -> active -> retired*: planned, each step waits until it breaks nothing; `--urgent` says
//! what it breaks and goes on.

mod list;
mod steps;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use directory::db::Place as Data;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::directory::agreed;
use super::{WhereFrom, prepare};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::relying_party::{PartyId, RelyingParty};
use crate::domain::signing_key::{Entry, KeyName, Place, Purpose, Register};
use crate::keys::Ring;
use crate::serve::{open_keys, open_ring};
use crate::signing::{Urgency, establish};
use crate::store::Store;
use crate::web::paths;

const WRONG_USE: u8 = 2;

#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    OnKeys(OnKeys),
    /// A relying party's own address of our metadata: that it reads there proves that it accepts the keys in it
    Address {
        /// entityID
        party: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum OnKeys {
    /// Every key, its state and dates, and the relying parties that do not have the newest yet
    List {
        /// Those that are retired, too
        #[arg(long)]
        all: bool,
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Make the next key of a purpose, and publish it beside the one that signs
    #[command(after_help = "Examples:\n  guichet keys new saml --config guichet.toml\n  \
                            guichet keys new oidc-rs256 --hold   # published later, when every node has the file\n\n\
                            A rotation: `new`, wait a day, `activate`, wait until `list` names nobody, `retire` the old one.")]
    New(New),
    /// Publish a key that `new --hold` made
    Publish(One),
    /// Sign with a published key: for all OpenID Connect clients, and for each SAML party that has proved to accept it
    #[command(after_help = "Example:\n  guichet keys activate saml-2 --config guichet.toml")]
    Activate(One),
    /// Answer these SAML parties with the newest key from now on, since you know that they accept it
    #[command(after_help = "Examples:\n  guichet keys move https://ent.example/saml\n  guichet keys move --all --yes")]
    Move(Move),
    /// End a key: it signs no more, and is published no more once what it signed has ended
    #[command(after_help = "Examples:\n  guichet keys retire saml-1\n  \
                            guichet keys retire saml-1 --urgent   # somebody else may have it")]
    Retire(One),
    /// The day somebody else may have a key: make another, sign with it and withdraw the old one, all at once
    #[command(after_help = "Example:\n  guichet keys replace saml --config guichet.toml")]
    Replace(Replace),
}

/// How every change is asked for.
#[derive(Debug, Args)]
struct Manner {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct New {
    /// saml, saml-es256, oidc-rs256 or oidc-es256
    purpose: Purpose,
    /// Do not publish it yet: first copy its file to every node, then `keys publish`
    #[arg(long)]
    hold: bool,
    /// Where its private half is (the token where the settings name one, else the folder)
    #[arg(long, value_enum, name = "place")]
    place: Option<PlaceName>,
    #[command(flatten)]
    manner: Manner,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PlaceName {
    Folder,
    Token,
}

#[derive(Debug, Args)]
pub struct One {
    /// The key, like saml-2
    key: KeyName,
    /// Do not wait: say what breaks, and go on
    #[arg(long)]
    urgent: bool,
    #[command(flatten)]
    manner: Manner,
}

#[derive(Debug, Args)]
pub struct Move {
    /// entityIDs
    #[arg(required_unless_present = "all", value_name = "PARTY")]
    parties: Vec<String>,
    /// Every one that does not get it yet
    #[arg(long, conflicts_with = "parties")]
    all: bool,
    /// Of which purpose
    #[arg(long, default_value = "saml")]
    purpose: Purpose,
    #[command(flatten)]
    manner: Manner,
}

#[derive(Debug, Args)]
pub struct Replace {
    /// saml, saml-es256, oidc-rs256 or oidc-es256
    purpose: Purpose,
    #[command(flatten)]
    manner: Manner,
}

/// What a deed works on.
struct House {
    store: Store,
    ring: Arc<Ring>,
    register: Register,
    parties: Vec<RelyingParty>,
    /// How long a key is published before it signs.
    publish: Duration,
    now: OffsetDateTime,
}

pub async fn run(command: Command, from: &WhereFrom) -> anyhow::Result<ExitCode> {
    let config = from.settings_with_keys()?;
    let command = match command {
        Command::Address { party, json } => return address(&config, &party, json).await,
        Command::OnKeys(command) => command,
    };
    let house = House::open(&config).await?;
    match command {
        OnKeys::List { all, json } => list::run(&house, all, json),
        OnKeys::New(new) => steps::new(house, &new).await,
        OnKeys::Publish(one) => steps::publish(house, &one).await,
        OnKeys::Activate(one) => steps::activate(house, &one).await,
        OnKeys::Move(wanted) => steps::move_parties(house, &wanted).await,
        OnKeys::Retire(one) => steps::retire(house, &one).await,
        OnKeys::Replace(wanted) => steps::replace(house, &wanted).await,
    }
}

impl House {
    async fn open(config: &Config) -> anyhow::Result<Self> {
        let Ok(place) = config.data.place.parse::<Data>();
        prepare(&place).await?;
        let store = Store::open(&place, 1).await?;
        let now = Clock::system().now();
        // As the first `serve` would: what comes next stands beside what signs today.
        let ring = establish(&store, open_ring(config)?, now).await?;
        let (register, parties) = (store.key_register().await?, store.parties().await?);
        let publish = config.keys.publish.0.try_into().context("reading keys.publish")?;
        Ok(Self { store, ring, register, parties, publish, now })
    }

    async fn reread(&mut self) -> anyhow::Result<()> {
        self.register = self.store.key_register().await?;
        Ok(())
    }

    fn parties_of(&self, purpose: Purpose) -> Vec<&PartyId> {
        crate::signing::parties_of(&self.parties, purpose, self.now)
    }

    fn laggards(&self, purpose: Purpose) -> Vec<&PartyId> {
        self.register.laggards(purpose, &self.parties_of(purpose), self.now)
    }
}

impl New {
    fn place(&self, ring: &Ring) -> Place {
        match self.place {
            Some(PlaceName::Folder) => Place::Folder,
            Some(PlaceName::Token) => Place::Token,
            None => ring.place(),
        }
    }
}

impl One {
    const fn urgency(&self) -> Urgency {
        if self.urgent { Urgency::Urgent } else { Urgency::Planned }
    }
}

impl Manner {
    /// Whether to go on: asked for, or agreed to at the terminal. What is said of the change is said already.
    fn goes_on(&self, question: &str) -> anyhow::Result<Result<(), ExitCode>> {
        if self.dry_run {
            eprintln!("nothing was changed (--dry-run)");
            return Ok(Err(ExitCode::SUCCESS));
        }
        if self.yes {
            return Ok(Ok(()));
        }
        match agreed(question)? {
            Some(true) => Ok(Ok(())),
            Some(false) => anyhow::bail!("nothing was changed"),
            None => {
                eprintln!("guichet: nobody can be asked here: say --yes to go on");
                Ok(Err(ExitCode::from(WRONG_USE)))
            }
        }
    }

    /// The key after the change, on standard output for scripts.
    fn tell(&self, house: &House, name: KeyName) -> anyhow::Result<()> {
        if self.json {
            writeln!(io::stdout(), "{}", list::row(house, house.register.key(name)?))?;
        }
        Ok(())
    }
}

/// How a key is named to people, with where it is.
fn described(entry: &Entry) -> String {
    match entry.place {
        Place::Folder => format!("{0} ({0}.key.pem in the keys folder)", entry.name),
        Place::Token => format!("{} (in the token)", entry.name),
    }
}

async fn address(config: &Config, party: &str, as_json: bool) -> anyhow::Result<ExitCode> {
    let keys = open_keys(config)?;
    let Ok(place) = config.data.place.parse::<Data>();
    let id = PartyId(party.to_owned());
    if Store::open(&place, 1).await?.party(&id).await?.is_none() {
        anyhow::bail!("no relying party has the identifier {}", super::directory::plain(party));
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("providerId", party)
        .append_pair("reader", &keys.reader_tag(party))
        .finish();
    let address = format!("{}{}?{query}", config.origin(), paths::SAML_METADATA_TOO);
    let told: Value = json!({ "party": party, "metadata": address });
    if as_json {
        writeln!(io::stdout(), "{told}")?;
    } else {
        writeln!(io::stdout(), "{address}")?;
    }
    if config.origin().is_empty() {
        eprintln!("the settings say no service.public_address: put it in front");
    }
    Ok(ExitCode::SUCCESS)
}
