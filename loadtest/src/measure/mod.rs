//! `loadtest measure`: what this machine sustains, on both databases, with everything that it starts stopped again.

mod search;
mod table;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::hash::{self, Cost};
use crate::machine::{Demo, House, processor};
use crate::options::{Engine, Measure, Mix, Protocol};
use crate::run::players;
use search::{Case, Found, Search};

const SESSIONS: usize = 200;
/// For starting servers, opening sessions and writing the report.
const STARTING: Duration = Duration::from_secs(40);

#[derive(Serialize)]
pub struct Measurement {
    pub command: String,
    pub processor: String,
    pub cores: usize,
    pub versions: Vec<String>,
    pub cost: Cost,
    pub is_signing: bool,
    pub found: Vec<Found>,
}

pub async fn measure(options: Measure) -> Result<()> {
    let until = Instant::now() + options.budget.saturating_sub(STARTING);
    std::fs::create_dir_all(&options.report).with_context(|| format!("making {}", options.report.display()))?;
    let mut measurement = Measurement {
        command: command(&options),
        processor: processor(),
        cores: std::thread::available_parallelism()?.get(),
        versions: Vec::new(),
        cost: options.hash,
        is_signing: false,
        found: Vec::new(),
    };
    for (at, engine) in options.database.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(options.database.len() - at)?;
        on_engine(&options, *engine, Instant::now() + share, &mut measurement).await?;
        // Written after each database, so that an interrupted measurement is not lost.
        save(&options, &measurement)?;
    }
    println!("{}", options.report.join("report.md").display());
    Ok(())
}

async fn on_engine(options: &Measure, engine: Engine, until: Instant, measurement: &mut Measurement) -> Result<()> {
    let house = House::open(engine)?;
    measurement.versions.extend(house.version());
    let demo = Demo::start(&options.guichet, options.families, &house.data, &house.log()).await?;
    let groups = [vec![demo.pid], house.pids()];
    let rows = [
        (Mix::Password, Protocol::Saml),
        (Mix::Password, Protocol::Oidc),
        (Mix::Sso, Protocol::Saml),
        (Mix::Sso, Protocol::Oidc),
    ];
    for (at, (mix, protocol)) in rows.into_iter().enumerate() {
        let case = Case { database: engine, mix, protocol };
        let printed = demo.cast()?;
        let target = printed.issuer.parse().context("the server's issuer is not an address")?;
        let players = players(printed, &target, None, protocol).await?;
        measurement.is_signing |= players.stage.saml.as_ref().is_some_and(crate::saml::ServiceProvider::is_signing);
        let bare = hash::measure(options.hash)?;
        if mix == Mix::Sso {
            players.open_sessions(SESSIONS).await?;
        }
        let share = until.saturating_duration_since(Instant::now()) / u32::try_from(rows.len() - at)?;
        let search = Search {
            players: &players,
            case,
            groups: groups.clone(),
            begin: options.rate,
            duration: options.duration,
            until: Instant::now() + share,
        };
        let found = search.run(bare).await.with_context(|| format!("measuring {case:?}"))?;
        eprintln!("{case:?}: {:?}", found.tried);
        measurement.found.push(found);
    }
    demo.stop().await
}

fn save(options: &Measure, measurement: &Measurement) -> Result<()> {
    let save = |name: &str, text: String| {
        let path = options.report.join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    };
    save("report.json", serde_json::to_string_pretty(measurement)? + "\n")?;
    save("report.md", table::text(measurement)?)
}

/// The command as somebody else would type it, without this machine's folders.
fn command(options: &Measure) -> String {
    let databases: Vec<&str> = options
        .database
        .iter()
        .map(|engine| match engine {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        })
        .collect();
    format!(
        "loadtest measure --guichet target/release/guichet --report DIR --families {} --duration {}s --budget {}s --hash \
         m={},t={} --database {}",
        options.families,
        options.duration.as_secs(),
        options.budget.as_secs(),
        options.hash.memory_kib,
        options.hash.passes,
        databases.join(","),
    )
}
