//! `loadtest run`: one load, one report.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use url::Url;

use crate::accounts::Cast;
use crate::client::{Site, Visitor};
use crate::failure::Failure;
use crate::flow::{Sessions, Stage};
use crate::hash;
use crate::load::{Plan, Players, offer};
use crate::oidc::{self, Client};
use crate::options::{Mix, Protocol, Run};
use crate::processor::{self, Spent};
use crate::report::{self, Report, Settings};
use crate::saml::{self, ServiceProvider};
use crate::statistics::Totals;

pub async fn run(options: Run) -> Result<()> {
    if matches!(options.mix, Mix::Peak | Mix::Day) {
        bail!("--mix peak and --mix day are not available yet: use --mix password or --mix sso");
    }
    let cast = Cast::read(&options.accounts)?;
    let players = players(cast, &options.target, options.ca.as_deref(), options.protocol).await?;
    std::fs::create_dir_all(&options.report).with_context(|| format!("making {}", options.report.display()))?;
    let bare = hash::measure(options.hash)?;
    if options.mix == Mix::Sso {
        players.open_sessions(options.sessions).await?;
    }
    let plan = Plan {
        rate: options.rate,
        duration: options.duration,
        mix: options.mix,
        protocol: options.protocol,
        arrivals: options.arrivals,
        timeout: options.timeout,
        outstanding: options.outstanding,
    };
    let measured = measured(&players, &plan, std::slice::from_ref(&options.server_pid)).await?;
    let settings = Settings::new(&options, &players);
    let report = Report::new(settings, measured, bare, !options.server_pid.is_empty());
    report::write(&options.report, &report)?;
    println!("{}", report.summary());
    println!("{}", options.report.join("report.html").display());
    Ok(())
}

/// Reads what a relying party must know of the provider.
pub async fn players(cast: Cast, target: &Url, ca: Option<&Path>, protocol: Protocol) -> Result<Arc<Players>> {
    let ca = ca.map(Path::to_path_buf).or(cast.ca_file);
    let site = Arc::new(Site::reach(target, ca.as_deref()).await?);
    let mut reader = Visitor::new(Arc::clone(&site));
    let (mut provider, mut client) = (None, None);
    if protocol != Protocol::Oidc {
        let party = cast.saml.context("the accounts file has no `saml` relying party")?;
        let metadata = read(&mut reader, saml::METADATA).await?;
        provider = Some(ServiceProvider::new(party, &site.origin, &metadata)?);
    }
    if protocol != Protocol::Saml {
        let party = cast.oidc.context("the accounts file has no `oidc` relying party")?;
        let keys = read(&mut reader, oidc::KEYS).await?;
        client = Some(Client::new(party, &site.origin, &keys)?);
    }
    let stage = Stage::new(site, provider, client);
    Ok(Arc::new(Players { stage, accounts: cast.accounts, sessions: Sessions::default() }))
}

pub async fn read(reader: &mut Visitor, path: &'static str) -> Result<String> {
    let answer = reader.get(path).await.with_context(|| format!("reading {path}"))?;
    if answer.status != 200 {
        return Err(Failure::Status { step: path, status: answer.status }.into());
    }
    String::from_utf8(answer.body.to_vec()).with_context(|| format!("reading {path}"))
}

/// One load with the processor time that it took.
pub struct Measured {
    pub totals: Totals,
    /// One for each group of processes that was asked for.
    pub server: Vec<Spent>,
    pub own: Spent,
    pub signatures_good: usize,
    pub signatures_bad: usize,
}

pub async fn measured(players: &Arc<Players>, plan: &Plan, groups: &[Vec<u32>]) -> Result<Measured> {
    let before = spent(groups)?;
    let own = processor::own()?;
    let samples = offer(players, plan).await?;
    let own = processor::own()?.since(own);
    let server = spent(groups)?.into_iter().zip(before).map(|(after, before)| after.since(before)).collect();
    let (signatures_good, signatures_bad) = players.stage.saml.as_ref().map_or((0, 0), ServiceProvider::verify_samples);
    Ok(Measured { totals: Totals::of(&samples, plan.duration), server, own, signatures_good, signatures_bad })
}

/// The processor time of each group of processes so far.
pub fn spent(groups: &[Vec<u32>]) -> Result<Vec<Spent>> {
    let group =
        |pids: &Vec<u32>| pids.iter().try_fold(Spent::default(), |sum, pid| Ok(sum.plus(processor::tree(*pid)?)));
    groups.iter().map(group).collect()
}
