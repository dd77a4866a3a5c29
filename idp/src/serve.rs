//! The service: everything is opened, checked and built here, once, then requests are served until told to stop.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum_server::Handle;
use axum_server::tls::TlsInfo;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use directory::db::Place;
use directory::reader::Directory;

use crate::accounts::hashing::{self, Hashing};
use crate::accounts::throttle::{Addresses, Allowance, ClientFailures};
use crate::accounts::{Accounts, UnderWay};
use crate::clock::Clock;
use crate::config::{Config, Engine};
use crate::domain::password::Cost;
use crate::domain::release::{Attribute, PairwiseKey, Terms};
use crate::domain::session::Lifetimes;
use crate::jobs;
use crate::keys::{self, Keys, Ring, RsaSize};
use crate::mutual_tls::{self, Authorities};
use crate::oidc::id_token;
use crate::outbound::{self, Outbound};
use crate::parties::Registry;
use crate::parties::client_keys::ClientKeySets;
use crate::signing::{self, Signing};
use crate::store::{self, Store};
use crate::web::caller::OverMutualTls;
use crate::web::page::{LoadError, Pages};
use crate::web::protocols::farewells;
use crate::web::state::{App, Parties, Parts};
use crate::web::{health, router};

/// Why the service does not start; each names what to look at.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("opening the directory of people: {0}; has a delivery been imported?")]
    Directory(#[from] directory::reader::Error),
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error(transparent)]
    Signing(#[from] signing::Error),
    #[error(transparent)]
    Hashing(#[from] hashing::StartError),
    #[error(transparent)]
    Pages(#[from] LoadError),
    #[error(
        "saml.attribute_names.{0}: expected the FriendlyName of an attribute, as `guichet rp add --help` lists them"
    )]
    AttributeName(String),
    #[error(transparent)]
    Outbound(#[from] outbound::Unusable),
    #[error("listening on {address} ({key}): {source}")]
    Listen { address: SocketAddr, key: &'static str, source: io::Error },
    #[error("reading the TLS certificate {} and key {}: {source}", certificate.display(), key.display())]
    Tls { certificate: PathBuf, key: PathBuf, source: io::Error },
    #[error(transparent)]
    MutualTls(#[from] mutual_tls::Unusable),
}

/// What `accounts` needs, and no more: commands use it without the web.
pub async fn open_accounts(config: &Config, clock: &Clock, keys: &Keys) -> Result<Accounts, StartError> {
    // Text to Place cannot fail: what is no PostgreSQL address is a folder.
    let Ok(place) = config.data.place.parse::<Place>();
    let store = Store::open(&place, config.data.connections).await?;
    let directory = Directory::open(&place, config.data.connections).await?;
    let password = &config.password;
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let hashing = Hashing::start(hashing::Settings {
        cost: Cost { memory_kib: password.memory_kib, passes: password.passes, lanes: password.lanes },
        permits: NonZeroUsize::new(password.permits).unwrap_or(cores),
        queue: NonZeroUsize::new(password.queue).unwrap_or(NonZeroUsize::MIN),
        engine: match password.engine {
            Engine::Fast => hashing::Engine::Fast,
            Engine::Reference => hashing::Engine::Reference,
        },
        pepper: Some(keys.pepper.clone()),
    })?;
    Ok(Accounts {
        store,
        directory,
        hashing,
        addresses: Arc::new(Addresses::new(Allowance::default(), clock)),
        under_way: UnderWay::default(),
        lifetimes: Lifetimes {
            idle: time::Duration::minutes(config.sessions.idle_minutes.into()),
            total: time::Duration::minutes(config.sessions.total_minutes.into()),
        },
        service_name: config.service.name.clone(),
    })
}

/// Opens the secrets of this installation, made on the first start.
pub fn open_keys(config: &Config) -> Result<Keys, StartError> {
    Ok(Keys::open(&config.keys_folder())?)
}

/// Opens the signing keys that this node has.
pub fn open_ring(config: &Config) -> Result<Ring, StartError> {
    let host = url::Url::parse(&config.service.public_address)
        .ok()
        .and_then(|address| address.host_str().map(ToOwned::to_owned))
        .unwrap_or_else(|| "localhost".to_owned());
    let settings = keys::Settings { host, rsa: RsaSize::Bits2048, pkcs11: config.keys.pkcs11.clone() };
    Ok(Ring::open(&config.keys_folder(), settings)?)
}

/// A service that answers.
pub struct Running {
    /// Where it listens; the port is drawn where the settings say 0.
    pub address: SocketAddr,
    pub private: Option<SocketAddr>,
    /// Where clients come with a certificate.
    pub mutual_tls: Option<SocketAddr>,
    pub app: App,
    handles: Vec<Handle<SocketAddr>>,
    tasks: Vec<tokio::task::JoinHandle<io::Result<()>>>,
    jobs: tokio::task::JoinHandle<()>,
    signing: tokio::task::JoinHandle<()>,
}

/// What clients' clocks may be behind ours, when they check an ID token's end.
const CLOCKS_DIFFER: time::Duration = time::Duration::minutes(5);

/// How long requests under way may take to finish after SIGTERM (FT-06).
const FINISH: Duration = Duration::from_secs(25);

impl Running {
    /// Stops accepting, lets requests under way finish, then returns.
    pub async fn stop(self) {
        self.jobs.abort();
        self.signing.abort();
        for handle in &self.handles {
            handle.graceful_shutdown(Some(FINISH));
        }
        for task in self.tasks {
            // A listener that failed has said so when it did.
            let _ended = task.await;
        }
    }
}

/// Opens and checks everything, then answers requests until stopped.
pub async fn start(config: Config, clock: Clock) -> Result<Running, StartError> {
    let keys = open_keys(&config)?;
    let accounts = open_accounts(&config, &clock, &keys).await?;
    let ring = open_ring(&config)?;
    let signing = Signing::open(accounts.store.clone(), ring, id_token::LIFE + CLOCKS_DIFFER, clock.now()).await?;
    let pages =
        Pages::load(config.service.theme.as_deref(), config.service.languages.as_deref(), &config.service.name)?;
    let terms = Terms {
        pairwise: PairwiseKey::new(keys.pairwise.as_bytes()),
        return_url: format!("{}{}", config.service.public_address, crate::web::paths::LOGOUT),
        reference_middle: config.saml.reference_middle.clone(),
    };
    let outbound = Outbound::new(&config.outbound, clock.clone())?;
    let authorities = config.listen.mutual_tls.as_ref().and_then(|own| own.client_ca_file.as_deref());
    let authorities = Authorities::read(authorities)?;
    let app = App::new(Parts {
        client_keys: ClientKeySets::new(outbound.clone(), clock.clone()),
        client_failures: Arc::new(ClientFailures::new(&clock)),
        outbound,
        authorities,
        attribute_names: attribute_names(&config)?,
        entity_id: config.entity_id(),
        parties: Parties::new(accounts.store.clone()),
        store: accounts.store.clone(),
        clock,
        accounts,
        keys,
        signing,
        terms,
        pages,
        config,
    });
    listen(app).await
}

/// Where metadata of relying parties is kept and read again.
pub fn registry(app: &App) -> Registry {
    Registry {
        store: app.store.clone(),
        outbound: app.outbound.clone(),
        federation_bytes: app.config.metadata.federation_bytes(),
    }
}

fn attribute_names(config: &Config) -> Result<BTreeMap<Attribute, String>, StartError> {
    let named = config.saml.attribute_names.iter().map(|(friendly, name)| {
        let attribute = Attribute::from_friendly_name(friendly);
        attribute.map(|attribute| (attribute, name.clone())).ok_or_else(|| StartError::AttributeName(friendly.clone()))
    });
    named.collect()
}

async fn listen(app: App) -> Result<Running, StartError> {
    let settings = app.config.listen.clone();
    let (mut handles, mut tasks) = (Vec::new(), Vec::new());

    let main = bind(settings.main, "listen.main")?;
    let service = router::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let handle = Handle::new();
    let address = main.local_addr().unwrap_or(settings.main);
    // Without TCP_NODELAY a small answer waits for the client's delayed acknowledgement: 40 ms on a new connection.
    let plain = axum_server::from_tcp(main)
        .map_err(listening(address))?
        .acceptor(axum_server::accept::NoDelayAcceptor::new())
        .handle(handle.clone());
    let server = if let (Some(certificate), Some(key)) = (settings.tls_certificate.clone(), settings.tls_key.clone()) {
        let tls = RustlsConfig::from_pem_file(&certificate, &key).await;
        let tls = tls.map_err(|source| StartError::Tls { certificate, key, source })?;
        let mut server = plain.map(|no_delay| RustlsAcceptor::new(tls).acceptor(no_delay));
        limit(server.http_builder());
        tokio::spawn(server.serve(service))
    } else {
        let mut server = plain;
        limit(server.http_builder());
        tokio::spawn(server.serve(service))
    };
    handles.push(handle);
    tasks.push(server);

    let mut mutual_tls = None;
    if let (Some(own), Some((certificate, key))) = (&settings.mutual_tls, settings.mutual_tls_files()) {
        let tls = crate::mutual_tls::server(certificate, key)?;
        let listener = bind(own.address, "listen.mutual_tls.address")?;
        mutual_tls = listener.local_addr().ok();
        let handle = Handle::new();
        tasks.push(over_mutual_tls(&app, listener, tls, handle.clone()).map_err(listening(own.address))?);
        handles.push(handle);
    }

    let mut private = None;
    if let Some(asked) = settings.private {
        let listener = bind(asked, "listen.private")?;
        private = listener.local_addr().ok();
        let handle = Handle::new();
        let server = axum_server::from_tcp(listener).map_err(listening(asked))?.handle(handle.clone());
        tasks.push(tokio::spawn(server.serve(health::router(app.clone()).into_make_service())));
        handles.push(handle);
    }
    let grace = time::Duration::days(app.config.directory.grace_days.into());
    let minutely = jobs::run(app.accounts.clone(), app.client_failures.clone(), app.clock.clone(), grace);
    let refreshing = jobs::metadata::run(registry(&app), app.clock.clone());
    let farewells = farewells::run(app.clone());
    let jobs = tokio::spawn(async {
        tokio::join!(minutely, refreshing, farewells);
    });
    let signing = tokio::spawn(app.signing.clone().follow(app.clock.clone()));
    Ok(Running { address, private, mutual_tls, app, handles, tasks, jobs, signing })
}

/// Serves what clients call with a certificate; each request carries what the connection was opened with.
fn over_mutual_tls(
    app: &App,
    listener: std::net::TcpListener,
    tls: rustls::ServerConfig,
    handle: Handle<SocketAddr>,
) -> io::Result<tokio::task::JoinHandle<io::Result<()>>> {
    let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(Arc::new(tls)));
    let acceptor = acceptor.acceptor(axum_server::accept::NoDelayAcceptor::new());
    let mut server = axum_server::from_tcp(listener)?.acceptor(acceptor).handle(handle);
    limit(server.http_builder());
    let router = router::mutual_tls(app.clone()).layer(axum::middleware::map_request(carry_certificates));
    Ok(tokio::spawn(server.serve(router.into_make_service_with_connect_info::<SocketAddr>())))
}

async fn carry_certificates(mut request: Request) -> Request {
    let shown = request.extensions().get::<Arc<TlsInfo>>().map(|tls| tls.peer_certificates.clone());
    request.extensions_mut().insert(OverMutualTls(Arc::new(shown.unwrap_or_default())));
    request
}

fn listening(address: SocketAddr) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::Listen { address, key: "listen", source }
}

fn bind(address: SocketAddr, key: &'static str) -> Result<std::net::TcpListener, StartError> {
    let wrong = |source| StartError::Listen { address, key, source };
    let listener = std::net::TcpListener::bind(address).map_err(wrong)?;
    listener.set_nonblocking(true).map_err(wrong)?;
    Ok(listener)
}

/// HT-03: headers of 16 KiB, read within 5 s; 100 streams of HTTP/2 on a connection.
fn limit(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder
        .http1()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(Duration::from_secs(5))
        .max_buf_size(16 * 1024)
        .keep_alive(true);
    builder
        .http2()
        .timer(hyper_util::rt::TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(16 * 1024)
        .keep_alive_interval(Some(Duration::from_secs(30)));
}
