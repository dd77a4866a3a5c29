//! The house itself: the real service on a real socket with TLS, over sample families imported from real archives, with
//! a clock that the test holds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use directory::import::{Import, import};
use directory::incoming::Progress;
use directory::model::{PersonId, Stage};
use directory::sample::{Dialect, Household, People, Plan, Sample, Shape};
use directory::testing::{self, Throwaway};
use idp::accounts::Accounts;
use idp::clock::Clock;
use idp::config::{Config, MutualTls, Outbound};
use idp::domain::account::Profile;
use idp::domain::password::Password;
use idp::domain::release::Attribute;
use idp::domain::relying_party::{Environment, PartyId, Protocol, ReleasePolicy, RelyingParty};
use idp::serve::{self, Running};
use idp::store::{Added, Recorded};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::party::{OidcParty, SamlParty};
use super::{authority, real_time};

/// What people of the tests choose as their own.
pub const PASSWORD: &str = "lanterne-bocage-tilleul";

/// Someone with an account.
#[derive(Debug, Clone)]
pub struct Somebody {
    pub login: String,
    pub password: String,
    pub person: PersonId,
}

pub struct House {
    /// `https://localhost:port`, without a slash at its end.
    pub url: String,
    pub clock: Clock,
    pub sample: Sample,
    config: Config,
    running: Option<Running>,
    // Dropped last: the service's files and database.
    folder: TempDir,
    place: Throwaway,
}

/// A further node of a house: another address of the same service, over the same data and keys.
pub struct Node {
    /// `https://localhost:port`; what it tells others is the address of the house.
    pub url: String,
    running: Running,
}

impl Node {
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

impl House {
    /// One house on each database at hand.
    pub async fn each() -> Vec<Self> {
        let mut houses = Vec::new();
        for place in testing::places().await {
            houses.push(Self::at(place).await);
        }
        houses
    }

    /// A house on SQLite, for what does not depend on the store.
    pub async fn one() -> Self {
        Self::at(testing::folder()).await
    }

    async fn at(place: Throwaway) -> Self {
        let _already = rustls_provider();
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::held(real_time());
        let sample = deliver(&place, folder.path(), &clock).await;
        let mut config = settings(&place, folder.path());
        let running = serve::start(config.clone(), clock.clone()).await.unwrap();
        // The address is known once a port is drawn: the house is opened again under it.
        config.listen.main = running.address;
        config.service.public_address = format!("https://localhost:{}", running.address.port());
        running.app.accounts.open_all(clock.now(), |_| {}).await.unwrap();
        running.stop().await;
        let running = serve::start(config.clone(), clock.clone()).await.unwrap();
        let url = config.service.public_address.clone();
        Self { url, clock, sample, config, running: Some(running), folder, place }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn accounts(&self) -> &Accounts {
        &self.running().app.accounts
    }

    /// As an operator's commands read it.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where the private listener is.
    pub fn private(&self) -> std::net::SocketAddr {
        self.running().private.unwrap()
    }

    /// The end and a new start of the service, on the same address, keys and data.
    pub async fn restart(&mut self) {
        self.running.take().unwrap().stop().await;
        self.running = Some(serve::start(self.config.clone(), self.clock.clone()).await.unwrap());
    }

    /// The same with other settings, as an operator changes them.
    pub async fn restart_with(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.restart().await;
    }

    /// From now on it asks servers of this machine, and believes the authority of the tests.
    pub async fn ask_this_machine(&mut self) {
        let ca = self.folder.path().join("ca.pem");
        std::fs::write(&ca, &authority().ca_pem).unwrap();
        self.restart_with(|config| config.outbound = Outbound { allow_private: true, extra_ca_file: Some(ca) }).await;
    }

    /// From now on clients may come with certificates: their own, and those of this authority where one is named. Gives
    /// the address that they call.
    pub async fn open_mutual_tls(&mut self, authority: Option<&str>) -> String {
        let client_ca_file = authority.map(|pem| {
            let file = self.folder.path().join("clients-ca.pem");
            std::fs::write(&file, pem).unwrap();
            file
        });
        let address = "127.0.0.1:0".parse().unwrap();
        let own = MutualTls { address, public_address: None, certificate: None, key: None, client_ca_file };
        self.restart_with(|config| config.listen.mutual_tls = Some(own.clone())).await;
        // As with the main address: known once a port is drawn.
        let address = self.running().mutual_tls.unwrap();
        self.restart_with(|config| config.listen.mutual_tls = Some(MutualTls { address, ..own })).await;
        self.config.mutual_tls_origin().unwrap()
    }

    /// A second node, which shares nothing with the first but the database, the keys, the settings and the time.
    pub async fn another_node(&self) -> Node {
        let mut config = self.config.clone();
        config.listen.main.set_port(0);
        config.listen.private = None;
        let running = serve::start(config, self.clock.clone()).await.unwrap();
        Node { url: format!("https://localhost:{}", running.address.port()), running }
    }

    pub fn later(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn at_path(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// A sample family of this kind.
    pub fn household(&self, shape: Shape) -> &Household {
        self.sample.households.iter().find(|household| household.shape == shape).unwrap()
    }

    /// A further delivery of an academy.
    pub async fn deliver(&self, people: &People) {
        take_in(&self.place, self.folder.path(), people, self.clock.now()).await;
    }

    async fn recorded(&self, person: &PersonId) -> Recorded {
        self.accounts().store.account_of(person).await.unwrap().unwrap()
    }

    /// The account of a directory record, with `PASSWORD` as its own password.
    pub async fn active(&self, person: &PersonId) -> Somebody {
        let recorded = self.recorded(person).await;
        let hash = self.accounts().hashing.hash(Password::typed(PASSWORD)).await.unwrap();
        let account = std::slice::from_ref(&recorded.account.id);
        self.accounts().store.activate_all(account, &hash, self.clock.now()).await.unwrap();
        Somebody { login: recorded.login.as_str().to_owned(), password: PASSWORD.to_owned(), person: person.clone() }
    }

    /// The same with a letter: a provisional password.
    pub async fn with_letter(&self, person: &PersonId) -> Somebody {
        let recorded = self.recorded(person).await;
        let provisional = self.accounts().reset(&recorded, self.clock.now()).await.unwrap();
        Somebody {
            login: recorded.login.as_str().to_owned(),
            password: provisional.password.text().to_owned(),
            person: person.clone(),
        }
    }

    /// An active guardian of the first family of this shape.
    pub async fn guardian(&self, shape: Shape) -> Somebody {
        let person = self.household(shape).adults[0][0].clone();
        self.active(&person).await
    }

    /// An active pupil of the first family of this shape.
    pub async fn student(&self, shape: Shape) -> Somebody {
        let person = self.household(shape).students[0].clone();
        self.active(&person).await
    }

    /// Registers a SAML party from its own metadata, as `guichet rp add` does, and has it trust ours.
    pub async fn welcome_saml(&self, party: &SamlParty, policy: ReleasePolicy) -> PartyId {
        let now = self.clock.now();
        let read = idp::saml::metadata::read(party.metadata.as_bytes(), None, Environment::Test, now).unwrap();
        let registered = RelyingParty {
            id: read.entity_id.clone(),
            name: "ENT d'essai".to_owned(),
            environment: Environment::Test,
            is_suspended: false,
            start: Some(format!("{}/", party.url)),
            policy,
            protocol: Protocol::Saml(read.saml),
        };
        self.register(&registered).await;
        read.entity_id
    }

    /// Registers an OpenID Connect client with this redirect URI and gives its identifier and secret.
    pub async fn welcome_oidc(&self, party: &OidcParty, policy: ReleasePolicy) -> (PartyId, String) {
        let document = serde_json::json!({
            "client_name": "ENT d'essai", "redirect_uris": [party.redirect_uri], "client_uri": format!("{}/", party.url),
            "scope": "openid profile ect.scope.cnx", "backchannel_logout_uri": party.backchannel_logout_uri,
        });
        self.welcome_client(&document, policy).await
    }

    /// Registers any RFC 7591 document.
    pub async fn welcome_client(&self, document: &serde_json::Value, policy: ReleasePolicy) -> (PartyId, String) {
        let mutual_tls = idp::parties::clients::mutual_tls(&self.config.listen);
        let document = document.to_string();
        let read = idp::oidc::client::read(document.as_bytes(), Environment::Test, mutual_tls).unwrap();
        let id = PartyId(format!("client-{}", data_encoding::HEXLOWER.encode(&idp::chance::bytes::<4>())));
        let secret = idp::chance::Token::fresh().text().to_string();
        let registered = RelyingParty {
            id: id.clone(),
            name: "ENT d'essai".to_owned(),
            environment: Environment::Test,
            is_suspended: false,
            start: read.start.clone(),
            policy,
            protocol: Protocol::Oidc(read.party(&id, &secret)),
        };
        self.register(&registered).await;
        (id, secret)
    }

    pub async fn register(&self, party: &RelyingParty) {
        let added = self.accounts().store.add_party(party, self.clock.now()).await.unwrap();
        assert_eq!(added, Added::New);
    }

    /// Options of a SAML party, as `guichet rp set` sets them.
    pub async fn set(&self, id: &PartyId, options: &[(&str, &str)]) {
        let store = &self.accounts().store;
        let before = store.party(id).await.unwrap().unwrap();
        let mut after = before.clone();
        let Protocol::Saml(saml) = &mut after.protocol else { panic!("a SAML party") };
        for (key, value) in options {
            saml.options.set(key, value).unwrap();
        }
        assert!(store.change_party(&before, &after, self.clock.now()).await.unwrap());
    }

    /// The name of a party that families are shown.
    pub async fn call(&self, id: &str, name: &str) {
        let store = &self.accounts().store;
        let before = store.party(&PartyId(id.to_owned())).await.unwrap().unwrap();
        let after = RelyingParty { name: name.to_owned(), ..before.clone() };
        assert!(store.change_party(&before, &after, self.clock.now()).await.unwrap());
    }

    /// Our SAML metadata, as a party reads it.
    pub async fn metadata(&self) -> String {
        let ca = reqwest::Certificate::from_pem(authority().ca_pem.as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
        client.get(self.at_path("/idp/shibboleth")).send().await.unwrap().text().await.unwrap()
    }
}

/// What an ENT is granted.
pub fn ent_policy() -> ReleasePolicy {
    let mut policy = ReleasePolicy::default();
    policy.attributes.extend(Attribute::FOR_ENTS);
    policy
}

/// Everything there is, for everyone.
pub fn open_policy() -> ReleasePolicy {
    ReleasePolicy {
        attributes: BTreeSet::from(Attribute::ALL),
        profiles: BTreeSet::from([Profile::Guardian, Profile::Student]),
        in_charge: true,
    }
}

/// Imports one academy's archive, as `guichet directory import` does.
async fn take_in(place: &Throwaway, folder: &std::path::Path, people: &People, now: OffsetDateTime) {
    let archive = people.write(folder).unwrap();
    let order = Import::new(vec![archive], people.academy, now);
    let report = import(place, order, Arc::new(Progress::default()), &mut |_| {}).await.unwrap();
    assert!(!report.held, "{:?}", report.reasons);
}

async fn deliver(place: &Throwaway, folder: &std::path::Path, clock: &Clock) -> Sample {
    let now = clock.now();
    let plan = Plan {
        families: 24,
        seed: 7,
        academy: "14".parse().unwrap(),
        stage: Stage::Secondary,
        date: now.date(),
        dialect: Dialect::Current,
    };
    let sample = plan.sample();
    for people in &sample.deliveries {
        take_in(place, folder, people, now).await;
    }
    sample
}

fn settings(place: &Throwaway, folder: &std::path::Path) -> Config {
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key.pem"));
    std::fs::write(&certificate, &authority().server.cert).unwrap();
    std::fs::write(&key, &authority().server.key).unwrap();
    let mut config = Config::default();
    config.service.public_address = "https://localhost".to_owned();
    config.service.is_test = true;
    config.listen.main = "127.0.0.1:0".parse().unwrap();
    config.listen.private = Some("127.0.0.1:0".parse().unwrap());
    config.listen.tls_certificate = Some(certificate);
    config.listen.tls_key = Some(key);
    config.data.place = match &**place {
        directory::db::Place::Folder(folder) => folder.display().to_string(),
        directory::db::Place::Postgres(address) => address.clone(),
    };
    config.data.connections = 4;
    config.keys.folder = Some(folder.join("keys"));
    config.password.memory_kib = 7_168;
    config.password.passes = 5;
    config
}

fn rustls_provider() -> bool {
    rustls::crypto::aws_lc_rs::default_provider().install_default().is_ok()
}
