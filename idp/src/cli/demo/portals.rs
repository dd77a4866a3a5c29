//! The two portals and the outbox, each on its own port; registered as any party would be.

use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, bail};
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use serde_json::{Value, json};
use url::Url;

use super::tls::Certificates;
use crate::accounts::Accounts;
use crate::chance::Token;
use crate::clock::Clock;
use crate::config::Config;
use crate::demo::{Now, oidc_ent, outbox, saml_ent};
use crate::domain::client_certificate::MutualTls;
use crate::domain::release::Attribute;
use crate::domain::relying_party::{Environment, PartyId, Protocol, ReleasePolicy, RelyingParty};
use crate::oidc::client;
use crate::saml::metadata;
use crate::store::Added;
use crate::web::paths;

pub struct Portals {
    pub outbox_url: String,
    saml: Value,
    oidc: Value,
    handles: Vec<Handle<SocketAddr>>,
}

/// The address to listen on, its port drawn where it is 0.
pub fn listen(asked: SocketAddr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(asked)
        .with_context(|| format!("listening on {asked}: is it in use? Choose another with --listen"))?;
    Ok(listener.local_addr()?)
}

/// The port after the service's, or a free one.
fn beside(main: SocketAddr, offset: u16) -> anyhow::Result<TcpListener> {
    let mut wished = main;
    wished.set_port(main.port().saturating_add(offset));
    let free = SocketAddr::new(main.ip(), 0);
    let listener = TcpListener::bind(wished).or_else(|_| TcpListener::bind(free)).context("listening for a portal")?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Portals {
    pub async fn register(
        accounts: &Accounts,
        config: &Config,
        certificates: Option<&Certificates>,
        clock: &Clock,
    ) -> anyhow::Result<Self> {
        let mut sites = Sites { certificates, main: config.listen.main, handles: Vec::new() };
        let now: Now = {
            let clock = clock.clone();
            std::sync::Arc::new(move || clock.now())
        };
        let saml = saml(accounts, config, clock, (&mut sites, now.clone())).await?;
        let oidc = oidc(accounts, config, clock, (&mut sites, now)).await?;
        let (outbox_url, listener) = sites.place(3)?;
        sites.serve(listener, outbox::router()).await?;
        Ok(Self { outbox_url: outbox_url.to_string(), saml, oidc, handles: sites.handles })
    }

    pub fn described(&self) -> [&Value; 2] {
        [&self.saml, &self.oidc]
    }

    /// Name, protocol and address of each.
    pub fn addresses(&self) -> [(&str, &str, &str); 2] {
        [
            (str_of(&self.saml, "name"), "SAML 2.0", str_of(&self.saml, "start_url")),
            (str_of(&self.oidc, "name"), "OpenID Connect", str_of(&self.oidc, "start_url")),
        ]
    }

    pub fn stop(self) {
        for handle in self.handles {
            handle.shutdown();
        }
    }
}

fn str_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What a demo ENT may learn: what an ENT gets, and the civility.
fn policy() -> ReleasePolicy {
    let mut policy = ReleasePolicy::default();
    policy.attributes.extend(Attribute::FOR_ENTS);
    policy.attributes.insert(Attribute::Title);
    policy
}

async fn saml(
    accounts: &Accounts,
    config: &Config,
    clock: &Clock,
    (sites, now): (&mut Sites<'_>, Now),
) -> anyhow::Result<Value> {
    let (base_url, listener) = sites.place(1)?;
    let idp_metadata_url = Url::parse(&format!("{}{}", config.service.public_address, paths::SAML_METADATA))?;
    let ca = sites.certificates.map(|made| made.authority.clone());
    let ent = saml_ent::Ent::new(saml_ent::Settings { base_url, idp_metadata_url, ca, now })?;
    let read = metadata::read(ent.metadata().as_bytes(), None, Environment::Test, clock.now())?;
    let party = RelyingParty {
        id: read.entity_id,
        name: ent.name().to_owned(),
        environment: Environment::Test,
        is_suspended: false,
        start: Some(ent.start_url().to_owned()),
        policy: policy(),
        protocol: Protocol::Saml(read.saml),
    };
    add(accounts, clock, &party).await?;
    let described = json!({
        "kind": "saml",
        "name": ent.name(),
        "start_url": ent.start_url(),
        "id": ent.entity_id(),
        "acs_url": ent.acs_url(),
        "signing_key": ent.signing_key(),
    });
    sites.serve(listener, ent.router()).await?;
    Ok(described)
}

async fn oidc(
    accounts: &Accounts,
    config: &Config,
    clock: &Clock,
    (sites, now): (&mut Sites<'_>, Now),
) -> anyhow::Result<Value> {
    let (base_url, listener) = sites.place(2)?;
    let registration =
        client::read(oidc_ent::client_document(&base_url).as_bytes(), Environment::Test, MutualTls::Off)?;
    let id = PartyId("ent-port-blanc".to_owned());
    let secret = Token::fresh().text();
    let settings = oidc_ent::Settings {
        base_url,
        issuer: config.service.public_address.clone(),
        client_id: id.0.clone(),
        client_secret: secret.to_string(),
        ca: sites.certificates.map(|made| made.authority.clone()),
        now,
    };
    let ent = oidc_ent::Ent::new(settings)?;
    let party = RelyingParty {
        name: ent.name().to_owned(),
        environment: Environment::Test,
        is_suspended: false,
        start: Some(ent.start_url().to_owned()),
        policy: policy(),
        protocol: Protocol::Oidc(registration.party(&id, &secret)),
        id,
    };
    add(accounts, clock, &party).await?;
    let described = json!({
        "kind": "oidc",
        "name": ent.name(),
        "start_url": ent.start_url(),
        "id": party.id.0,
        "client_id": party.id.0,
        "client_secret": *secret,
        "redirect_uri": ent.redirect_uri(),
    });
    sites.serve(listener, ent.router()).await?;
    Ok(described)
}

async fn add(accounts: &Accounts, clock: &Clock, party: &RelyingParty) -> anyhow::Result<()> {
    match accounts.store.add_party(party, clock.now()).await? {
        Added::New => Ok(()),
        Added::AlreadyThere => {
            bail!("the relying party {} is registered already; the demo needs an empty place", party.id)
        }
    }
}

/// Sites of other people, each on a port of this machine.
struct Sites<'a> {
    certificates: Option<&'a Certificates>,
    main: SocketAddr,
    handles: Vec<Handle<SocketAddr>>,
}

impl Sites<'_> {
    fn place(&self, offset: u16) -> anyhow::Result<(Url, TcpListener)> {
        let listener = beside(self.main, offset)?;
        let scheme = if self.certificates.is_some() { "https" } else { "http" };
        let address = Url::parse(&format!("{scheme}://localhost:{}/", listener.local_addr()?.port()))?;
        Ok((address, listener))
    }

    async fn serve(&mut self, listener: TcpListener, site: Router) -> anyhow::Result<()> {
        let handle = Handle::new();
        self.handles.push(handle.clone());
        let service = site.into_make_service();
        if let Some(made) = self.certificates {
            let tls = RustlsConfig::from_pem_file(&made.certificate, &made.key).await?;
            let server = axum_server::from_tcp_rustls(listener, tls)?.handle(handle);
            tokio::spawn(server.serve(service));
        } else {
            let server = axum_server::from_tcp(listener)?.handle(handle);
            tokio::spawn(server.serve(service));
        }
        Ok(())
    }
}
