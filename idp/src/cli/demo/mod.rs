//! `guichet demo`: everything on one machine, in one command: sample families imported from real archives, accounts in
//! every state, the service, two portals that are strangers to it.
//!
//! Nothing is kept: the place is empty and temporary unless `--data` names another. The passwords are printed, so this
//! is for trying and for tests; a service for families is `guichet serve`.

mod cast;
mod portals;
mod tls;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use directory::db::Place;
use directory::import::{Import, import};
use directory::incoming::Progress;
use directory::model::Stage;
use directory::sample::{Dialect, Plan};
use serde_json::json;

use self::cast::Cast;
use self::portals::Portals;
use self::tls::Certificates;
use super::{WhereFrom, log, prepare, serve::Stop};
use crate::clock::Clock;
use crate::config::Config;
use crate::serve::{Running, open_accounts, open_keys, start};
use crate::web::paths;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  guichet demo\n  guichet demo --tls --json --listen 127.0.0.1:0")]
pub struct Demo {
    /// Where the service listens; the portals take the ports after it, or free ones
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Speak TLS, with a certificate authority made for this run
    #[arg(long)]
    tls: bool,
    /// How many sample families
    #[arg(long, value_name = "N", default_value_t = 300)]
    families: u32,
    /// Print one line of JSON when ready
    #[arg(long)]
    json: bool,
}

/// Academy of the sample families; some of them have a child in a neighbouring one.
const ACADEMY: &str = "14";

pub async fn run(demo: Demo, from: &WhereFrom) -> anyhow::Result<ExitCode> {
    log();
    let temporary = tempfile::Builder::new().prefix("guichet-demo-").tempdir().context("making a temporary folder")?;
    let place = from.data.clone().unwrap_or_else(|| temporary.path().join("data").display().to_string());
    let certificates = if demo.tls { Some(Certificates::make(temporary.path())?) } else { None };
    let clock = Clock::system();
    let mut config = settings(&demo, &place, temporary.path());
    config.outbound.extra_ca_file = certificates.as_ref().map(|made| made.authority.clone());

    eprintln!("demo: importing {} sample families", demo.families);
    let Ok(parsed) = place.parse::<Place>();
    prepare(&parsed).await?;
    deliver(&demo, &parsed, temporary.path(), &clock).await?;

    eprintln!("demo: opening accounts");
    let keys = open_keys(&config)?;
    let accounts = open_accounts(&config, &clock, &keys).await?;
    if accounts.open_all(clock.now(), |_| {}).await?.opened == 0 {
        bail!("{parsed} is not empty; the demo needs a place of its own");
    }
    let cast = Cast::prepare(&accounts, &clock).await?;

    let scheme = if demo.tls { "https" } else { "http" };
    let listener = portals::listen(demo.listen)?;
    config.service.public_address = format!("{scheme}://localhost:{}", listener.port());
    config.listen.main = listener;
    if let Some(certificates) = &certificates {
        config.listen.tls_certificate = Some(certificates.certificate.clone());
        config.listen.tls_key = Some(certificates.key.clone());
    }
    let portals = Portals::register(&accounts, &config, certificates.as_ref(), &clock).await?;
    let public = config.service.public_address.clone();
    let entity_id = config.entity_id();
    let running = start(config, clock).await?;
    // From here on a signal ends the demo by its own door; before, it ends at once.
    let mut stop = Stop::listen()?;
    announce(&demo, &public, &entity_id, (&portals, &cast, certificates.as_ref()))?;
    stop.asked().await;
    end(running, portals, temporary).await;
    Ok(ExitCode::SUCCESS)
}

fn settings(demo: &Demo, place: &str, folder: &Path) -> Config {
    let mut config = Config::default();
    place.clone_into(&mut config.data.place);
    config.keys.folder = Some(folder.join("keys"));
    "Guichet (démonstration)".clone_into(&mut config.service.name);
    config.service.is_test = true;
    // Whoever tries a portal of their own has it on this machine, and it is told of a sign-out too.
    config.outbound.allow_private = true;
    config.listen.main = demo.listen;
    config
}

/// Writes the deliveries of the sample families and reads them as any other: nothing reaches the database by another
/// door.
async fn deliver(demo: &Demo, place: &Place, folder: &Path, clock: &Clock) -> anyhow::Result<()> {
    let now = clock.now();
    let plan = Plan {
        families: demo.families,
        seed: 1,
        academy: ACADEMY.parse()?,
        stage: Stage::Secondary,
        date: now.date(),
        dialect: Dialect::Current,
    };
    for people in plan.sample().deliveries {
        let archive = people.write(&folder.join("deliveries")).context("writing a sample delivery")?;
        let order = Import::new(vec![archive], people.academy, now);
        let report = import(place, order, Arc::new(Progress::default()), &mut |_| {}).await?;
        if report.held {
            bail!("the sample delivery was held: {}", report.reasons.join("; "));
        }
    }
    Ok(())
}

/// What a person, or a program, needs to begin.
fn announce(
    demo: &Demo,
    public: &str,
    entity_id: &str,
    (portals, cast, certificates): (&Portals, &Cast, Option<&Certificates>),
) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if demo.json {
        let line = json!({
            "issuer": public,
            "entity_id": entity_id,
            "metadata_url": format!("{public}{}", paths::SAML_METADATA),
            "discovery_url": format!("{public}{}", paths::DISCOVERY),
            "outbox_url": portals.outbox_url,
            "ca_file": certificates.map(|made| made.authority.clone()),
            "relying_parties": portals.described(),
            "accounts": cast.described(),
        });
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "\nGuichet is ready: open {public} and choose a portal.\n")?;
        for (name, protocol, address) in portals.addresses() {
            writeln!(out, "  {name:<22} {protocol:<15} {address}")?;
        }
        writeln!(out, "  {:<22} {:<15} {}\n", "Messages sent", "", portals.outbox_url)?;
        for (who, login, password) in cast.introduced() {
            writeln!(out, "  {who:<34} {login:<26} {password}")?;
        }
        writeln!(out, "\n  {} accounts in all; --json lists them. Ctrl-C ends the demo.", cast.size())?;
    }
    out.flush()?;
    Ok(())
}

async fn end(running: Running, portals: Portals, temporary: tempfile::TempDir) {
    portals.stop();
    running.stop().await;
    let folder: PathBuf = temporary.path().to_owned();
    if let Err(error) = temporary.close() {
        eprintln!("demo: {} could not be removed: {error}", folder.display());
    }
}
