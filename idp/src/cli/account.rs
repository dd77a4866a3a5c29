//! `guichet account`: open accounts from the directory, show one, give a provisional password, end a wait.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use directory::db::Place;
use directory::model::PersonId;
use serde_json::json;

use super::{WhereFrom, prepare};
use crate::accounts::Accounts;
use crate::clock::Clock;
use crate::domain::account::AccountState;
use crate::domain::throttle::{self, Failures, Verdict};
use crate::serve::{open_accounts, open_keys};
use crate::store::Recorded;

#[derive(Subcommand)]
pub enum Command {
    /// Open an account for each person of the directory who may sign in and has none
    #[command(after_help = "Example:\n  guichet account open --data ./guichet-data")]
    Open {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show an account: its state and its directory records
    #[command(
        after_help = "Examples:\n  guichet account show c.exemple12\n  guichet account show --person 14-2d-7100001"
    )]
    Show(Which),
    /// Give a provisional password, printed once; the one before and every session end
    #[command(after_help = "Example:\n  guichet account reset c.exemple12")]
    Reset(Which),
    /// Forget the failures that make the owner wait
    Unlock(Which),
}

/// One account.
#[derive(clap::Args)]
pub struct Which {
    /// Its login
    #[arg(required_unless_present = "person")]
    login: Option<String>,
    /// Or a directory record it stands for
    #[arg(long, value_name = "ID", conflicts_with = "login")]
    person: Option<PersonId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(command: Command, from: &WhereFrom) -> anyhow::Result<ExitCode> {
    let config = from.settings_with_keys()?;
    let clock = Clock::system();
    let Ok(place) = config.data.place.parse::<Place>();
    prepare(&place).await?;
    let keys = open_keys(&config)?;
    let accounts = open_accounts(&config, &clock, &keys).await?;
    match command {
        Command::Open { json } => open(&accounts, &clock, json).await?,
        Command::Show(which) => show(&accounts, &clock, &which).await?,
        Command::Reset(which) => reset(&accounts, &clock, &which).await?,
        Command::Unlock(which) => {
            let recorded = find(&accounts, &which).await?;
            if !which.dry_run {
                accounts.unlock(&recorded).await?;
            }
            eprintln!("{}: no wait any more", recorded.login.as_str());
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(accounts: &Accounts, which: &Which) -> anyhow::Result<Recorded> {
    let found = match (&which.login, &which.person) {
        (Some(login), _) => {
            let login = login.parse().context("reading the login")?;
            accounts.store.account_by_login(&login).await?
        }
        (None, Some(person)) => accounts.store.account_of(person).await?,
        (None, None) => bail!("which account? Say its login, or --person ID"),
    };
    found.context("no account goes by that; `guichet account open` opens accounts for people who have none")
}

async fn open(accounts: &Accounts, clock: &Clock, json: bool) -> anyhow::Result<()> {
    let every = if io::stderr().is_terminal() { 5_000 } else { 50_000 };
    let mut said = 0;
    let opened = accounts
        .open_all(clock.now(), |read| {
            if read / every != said {
                said = read / every;
                eprintln!("{read} people read");
            }
        })
        .await?;
    if json {
        let report = json!({
            "opened": opened.opened, "joined": opened.joined, "known": opened.known, "passed_over": opened.passed_over,
        });
        writeln!(io::stdout(), "{report}")?;
    } else {
        writeln!(
            io::stdout(),
            "opened {}\njoined to an account of the same person {}\nhad one already {}\ndo not sign in here {}",
            opened.opened,
            opened.joined,
            opened.known,
            opened.passed_over
        )?;
    }
    Ok(())
}

async fn show(accounts: &Accounts, clock: &Clock, which: &Which) -> anyhow::Result<()> {
    let recorded = find(accounts, which).await?;
    let key = crate::accounts::login_key(recorded.login.as_str());
    let (count, last_at) = accounts.store.failures(&key).await?;
    let failures = last_at.map(|last_at| Failures { count, last_at });
    let waits_until = match throttle::verdict(failures, clock.now()) {
        Verdict::Allowed => None,
        Verdict::Wait { until } => Some(until),
    };
    let state = state(&recorded);
    let people: Vec<String> = recorded.account.people.iter().map(ToString::to_string).collect();
    let mut out = io::stdout();
    if which.json {
        let account = json!({
            "login": recorded.login.as_str(),
            "profile": recorded.account.profile,
            "state": state,
            "people": people,
            "provisional_until": recorded.provisional_until.map(time::OffsetDateTime::unix_timestamp),
            "waits_until": waits_until.map(time::OffsetDateTime::unix_timestamp),
        });
        writeln!(out, "{account}")?;
        return Ok(());
    }
    writeln!(out, "login    {}", recorded.login.as_str())?;
    writeln!(out, "profile  {}", recorded.account.profile.code())?;
    writeln!(out, "state    {state}")?;
    if let Some(until) = recorded.provisional_until {
        writeln!(out, "provisional password good until {}", until.date())?;
    }
    if let Some(until) = waits_until {
        writeln!(out, "waits until {until} after {count} failures")?;
    }
    for person in people {
        writeln!(out, "person   {person}")?;
    }
    Ok(())
}

pub(super) fn state(recorded: &Recorded) -> &'static str {
    match (recorded.account.state, &recorded.password) {
        (AccountState::Active, _) => "active",
        (AccountState::Closed { .. }, _) => "closed",
        (AccountState::Departed { .. }, _) => "departed",
        (AccountState::ToActivate, Some(_)) => "letter",
        (AccountState::ToActivate, None) => "to-activate",
    }
}

async fn reset(accounts: &Accounts, clock: &Clock, which: &Which) -> anyhow::Result<()> {
    let recorded = find(accounts, which).await?;
    if let AccountState::Closed { since } = recorded.account.state {
        bail!("the account {} is closed since {}; nothing was changed", recorded.login.as_str(), since.date());
    }
    if let AccountState::Departed { since } = recorded.account.state {
        let login = recorded.login.as_str();
        bail!("everyone of the account {login} left the directory on {since}; nothing was changed");
    }
    if which.dry_run {
        eprintln!("{} would get a provisional password; its sessions would end", recorded.login.as_str());
        return Ok(());
    }
    let provisional = accounts.reset(&recorded, clock.now()).await?;
    let mut out = io::stdout();
    if which.json {
        let given = json!({
            "login": recorded.login.as_str(),
            "provisional_password": provisional.password.text(),
            "until": provisional.until.unix_timestamp(),
        });
        writeln!(out, "{given}")?;
    } else {
        writeln!(out, "{}", provisional.password.text())?;
    }
    eprintln!(
        "{}: provisional password good until {}, shown this once; every session of the account has ended",
        recorded.login.as_str(),
        provisional.until.date()
    );
    Ok(())
}
