//! `loadtest cost`: what one answer costs the server, step by step, at a rate that leaves the machine mostly idle or as
//! fast as it can. The steps of one flow are played one after the other for all flows, so that the processor time of each
//! is told apart.

mod table;
mod yardstick;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::json;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::accounts::OidcParty;
use crate::client::Visitor;
use crate::failure::Failure;
use crate::flow::{Departure, Person};
use crate::load::Players;
use crate::machine::{Demo, House, free_port};
use crate::oidc::{self, Client, Prepared};
use crate::options::{self, Engine, Protocol};
use crate::processor::Spent;
use crate::run::{players, read, spent};
use crate::saml::ServiceProvider;

/// What the processor counts in is ten milliseconds: fewer answers than this say little.
const LEAST: usize = 200;

#[derive(Serialize)]
pub struct Report {
    pub command: String,
    pub processor: String,
    pub cores: usize,
    pub signature_ms: Yardstick,
    pub versions: Vec<String>,
    pub engines: Vec<Costs>,
}

/// A raw RSA-2048 signature, the measure of a machine: milliseconds, before anything else ran and after all.
#[derive(Serialize)]
pub struct Yardstick {
    pub before: f64,
    pub after: f64,
}

#[derive(Serialize)]
pub struct Costs {
    pub database: Engine,
    pub steps: Vec<Step>,
}

/// One kind of answer, given `answers` times.
#[derive(Debug, Serialize)]
pub struct Step {
    pub name: &'static str,
    pub answers: usize,
    pub seconds: f64,
    pub guichet: Spent,
    pub postgres: Spent,
}

pub async fn cost(options: options::CostOptions) -> Result<()> {
    let flows = (options.rate * options.duration.as_secs_f64()).round();
    if flows < f64::from(u32::try_from(LEAST)?) {
        bail!("{} a second for {:?} are fewer than {LEAST} answers", options.rate, options.duration);
    }
    std::fs::create_dir_all(&options.report).with_context(|| format!("making {}", options.report.display()))?;
    let mut report = Report {
        command: command(&options),
        processor: crate::machine::processor(),
        cores: std::thread::available_parallelism()?.get(),
        signature_ms: Yardstick { before: yardstick::signature_ms()?, after: 0.0 },
        versions: Vec::new(),
        engines: Vec::new(),
    };
    for engine in &options.database {
        eprintln!("{engine:?}: starting");
        let house = House::open(*engine)?;
        report.versions.extend(house.version());
        let demo = Demo::start(&options.guichet, options.families, &house.data, &house.log()).await?;
        let steps = on_engine(&options, &house, &demo).await.with_context(|| format!("measuring {engine:?}"));
        demo.stop().await?;
        report.engines.push(Costs { database: *engine, steps: steps? });
    }
    report.signature_ms.after = yardstick::signature_ms()?;
    save(&options.report, "report.json", serde_json::to_string_pretty(&report)? + "\n")?;
    save(&options.report, "report.md", table::text(&report)?)?;
    println!("{}", options.report.join("report.md").display());
    Ok(())
}

async fn on_engine(options: &options::CostOptions, house: &House, demo: &Demo) -> Result<Vec<Step>> {
    let printed = demo.cast()?;
    let target = printed.issuer.parse().context("the server's issuer is not an address")?;
    let players = players(printed, &target, None, Protocol::Both).await?;
    let client = Arc::new(es256_client(options, house, &players).await?);
    players.open_sessions(options.sessions).await?;
    let stage = Meter { players: Arc::clone(&players), groups: vec![vec![demo.pid], house.pids()], options };
    let mut steps = Vec::new();
    let prepared = |_| Ok::<_, anyhow::Error>(Arc::new(client.prepare()?));

    if options.together.is_none() {
        stage.measure("nothing", vec![(); stage.flows()], &mut steps, |_, ()| async { Ok(()) }).await?;
    }

    let provider = players.stage.saml.as_ref().context("the demo has no SAML party")?;
    let requests = (0..stage.flows()).map(|_| provider.prepare()).collect::<Result<Vec<_>>>()?;
    let forms = stage.measure("SAML: answer on an open session", requests, &mut steps, saml_answer).await?;
    checked(provider, &forms, 2)?;
    sign(options, house, provider, "assertion").await?;
    let requests = (0..stage.flows()).map(|_| provider.prepare()).collect::<Result<Vec<_>>>()?;
    let forms = stage.measure("SAML: the same with one signature", requests, &mut steps, saml_answer).await?;
    checked(provider, &forms, 1)?;

    let requests = (0..stage.flows()).map(prepared).collect::<Result<Vec<_>>>()?;
    let ask = |players, request| authorize(Arc::clone(&client), players, request);
    let codes = stage.measure("authorize, on an open session", requests, &mut steps, ask).await?;
    let back = |players: &Arc<Players>| Visitor::new(Arc::clone(&players.stage.site));
    let lines = Arc::new(Mutex::new(vec![back(&players)]));
    let buy = |players: Arc<Players>, (code, request)| {
        token(Arc::clone(&client), Arc::clone(&lines), back(&players), (code, request))
    };
    let tokens = stage.measure("token, ES256", codes, &mut steps, buy).await?;
    let look =
        |players: Arc<Players>, bought| userinfo(Arc::clone(&client), Arc::clone(&lines), back(&players), bought);
    stage.measure("userinfo", tokens, &mut steps, look).await?;
    Ok(steps)
}

type Answers = Vec<(crate::form::Form, crate::saml::Prepared)>;

fn checked(provider: &ServiceProvider, answers: &Answers, signatures: usize) -> Result<()> {
    for (form, request) in answers {
        provider.check(form, request)?;
        if crate::saml::signatures(form) != signatures {
            bail!("an answer carries {} signatures, not {signatures}", crate::saml::signatures(form));
        }
    }
    Ok(())
}

/// Has the portal's answers signed as an operator chooses: the Assertion alone, or with the Response around it.
async fn sign(options: &options::CostOptions, house: &House, provider: &ServiceProvider, what: &str) -> Result<()> {
    /// The service looks at a party's registration again after three seconds.
    const SEEN: Duration = Duration::from_secs(4);

    let setting = format!("sign={what}");
    let words = ["rp", "set", provider.entity_id(), &setting, "--data", &house.data];
    let output = Command::new(&options.guichet).args(words).output().await.context("choosing what is signed")?;
    if !output.status.success() {
        bail!("choosing what is signed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    tokio::time::sleep(SEEN).await;
    Ok(())
}

/// A party of our own, registered as an operator does, since the demo's signs with RS256.
async fn es256_client(options: &options::CostOptions, house: &House, players: &Players) -> Result<Client> {
    let redirect_uri = format!("http://localhost:{}/retour", free_port()?);
    let document = json!({
        "client_name": "Mesure",
        "redirect_uris": [redirect_uri],
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "ES256",
        "scope": "openid profile",
    });
    let file = house.folder().join("client.json");
    std::fs::write(&file, document.to_string()).context("writing the client's metadata")?;
    let output = Command::new(&options.guichet)
        .args([
            "rp",
            "add",
            "--environment",
            "test",
            "--release-set",
            "service",
            "--json",
            "--data",
            &house.data,
            "--oidc",
        ])
        .arg(&file)
        .output()
        .await
        .context("registering a client")?;
    if !output.status.success() {
        bail!("registering a client: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).context("what `rp add` printed")?;
    let text = |name: &str| told.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let party = OidcParty {
        client_id: text("client_id").context("`rp add` printed no client_id")?,
        client_secret: text("client_secret").context("`rp add` printed no client_secret")?,
        redirect_uri,
    };
    let keys = read(&mut Visitor::new(Arc::clone(&players.stage.site)), oidc::KEYS).await?;
    Client::new(party, &players.stage.site.origin, &keys)
}

type Lines = Arc<Mutex<Vec<Visitor>>>;
type Bought = (String, String);

async fn saml_answer(
    players: Arc<Players>,
    request: crate::saml::Prepared,
) -> Result<(crate::form::Form, crate::saml::Prepared), Failure> {
    match depart(&players, &request.path).await? {
        Departure::Post(form) => Ok((form, request)),
        Departure::Redirect(_) => Err(Failure::Answer("a redirect instead of a form")),
    }
}

async fn authorize(
    client: Arc<Client>,
    players: Arc<Players>,
    request: Arc<Prepared>,
) -> Result<(String, Arc<Prepared>), Failure> {
    match depart(&players, &request.path).await? {
        Departure::Redirect(location) => Ok((client.code(&location, &request)?, request)),
        Departure::Post(_) => Err(Failure::Answer("a form instead of a redirect")),
    }
}

async fn depart(players: &Players, path: &str) -> Result<Departure, Failure> {
    let mut visitor = players.sessions.borrow().ok_or(Failure::Crowded)?;
    let departure = players.stage.through(&mut visitor, path, Person::SignedIn).await;
    players.sessions.give_back(visitor);
    departure
}

async fn token(
    client: Arc<Client>,
    lines: Lines,
    fresh: Visitor,
    (code, request): (String, Arc<Prepared>),
) -> Result<Bought, Failure> {
    let mut line = taken(&lines, fresh);
    let bought = client.tokens(&code, &request, &mut line).await;
    given_back(&lines, line);
    bought
}

async fn userinfo(client: Arc<Client>, lines: Lines, fresh: Visitor, bought: Bought) -> Result<(), Failure> {
    let mut line = taken(&lines, fresh);
    let seen = client.userinfo(&bought, &mut line).await;
    given_back(&lines, line);
    seen
}

fn taken(lines: &Lines, fresh: Visitor) -> Visitor {
    lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop().unwrap_or(fresh)
}

fn given_back(lines: &Lines, line: Visitor) {
    lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line);
}

struct Meter<'a> {
    players: Arc<Players>,
    groups: Vec<Vec<u32>>,
    options: &'a options::CostOptions,
}

impl Meter<'_> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of answers")]
    fn flows(&self) -> usize {
        (self.options.rate * self.options.duration.as_secs_f64()).round() as usize
    }

    /// Gives each item its answer, at the rate or so many at once; a single failure ends the measurement.
    async fn measure<T, U, F>(
        &self,
        name: &'static str,
        items: Vec<T>,
        steps: &mut Vec<Step>,
        answer: impl Fn(Arc<Players>, T) -> F,
    ) -> Result<Vec<U>>
    where
        U: Send + 'static,
        F: Future<Output = Result<U, Failure>> + Send + 'static,
    {
        eprintln!("  {name}");
        let (answers, began) = (items.len(), Instant::now());
        let before = spent(&self.groups)?;
        let mut clock = interval(Duration::from_secs_f64(1.0 / self.options.rate));
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut under_way, mut results) = (JoinSet::new(), Vec::with_capacity(answers));
        for item in items {
            match self.options.together {
                Some(together) if under_way.len() < together => {}
                Some(_) => results.extend(under_way.join_next().await.transpose()?),
                None => drop(clock.tick().await),
            }
            under_way.spawn(answer(Arc::clone(&self.players), item));
        }
        results.extend(under_way.join_all().await);
        let after = spent(&self.groups)?;
        let mut each = after.into_iter().zip(before).map(|(after, before)| after.since(before));
        let (guichet, postgres) = (each.next().unwrap_or_default(), each.next().unwrap_or_default());
        let seconds = crate::statistics::round(began.elapsed().as_secs_f64(), 1);
        steps.push(Step { name, answers, seconds, guichet, postgres });
        results.into_iter().collect::<Result<_, _>>().with_context(|| format!("playing {name:?}"))
    }
}

fn save(folder: &Path, name: &str, text: String) -> Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

/// The command as somebody else would type it.
fn command(options: &options::CostOptions) -> String {
    let together = options.together.map(|together| format!(" --together {together}")).unwrap_or_default();
    format!(
        "loadtest cost --guichet target/release/guichet --report DIR --rate {} --duration {}s --families {}{together}",
        options.rate,
        options.duration.as_secs(),
        options.families,
    )
}
