//! Metadata both ways: ours before judges that share no code with us, theirs from a real https server (journeys R3, R5).

use std::collections::BTreeSet;
use std::future::IntoFuture as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use data_encoding::BASE64;
use idp::config::{Config, Outbound};
use idp::domain::relying_party::{Environment, PartyId, ReleasePolicy};
use idp::parties::{Approval, Asked, Believed, Registry, Report, approve, waiting};
use idp::saml::metadata::certificate;
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::AsyncWriteExt as _;

use crate::harness::tls::{Identity, signing_pair};
use crate::harness::{House, Judge, Signed, Visitor, authority, ent_policy, program};

const PARTY: &str = "https://ent.example/saml";
const CONSUMER: &str = "https://ent.example/saml/acs";
const DAY: Duration = Duration::from_hours(24);

async fn house_that_asks(mut house: House) -> House {
    house.ask_this_machine().await;
    house
}

fn ask_this_machine(config: &mut Config, ca: &NamedTempFile) {
    config.outbound = Outbound { allow_private: true, extra_ca_file: Some(ca.path().to_owned()) };
}

fn ca() -> NamedTempFile {
    written(&authority().ca_pem)
}

fn written(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn registry(house: &House, ca: &NamedTempFile) -> Registry {
    let mut config = Config::default();
    ask_this_machine(&mut config, ca);
    Registry {
        store: house.accounts().store.clone(),
        outbound: idp::outbound::Outbound::new(&config.outbound, house.clock.clone()).unwrap(),
        federation_bytes: config.metadata.federation_bytes(),
    }
}

/// What is served at an https address of this machine; a status instead where there is nothing.
#[derive(Clone)]
struct Served {
    address: String,
    document: Arc<Mutex<Option<String>>>,
    asked: Arc<tokio::sync::Semaphore>,
}

impl Served {
    fn start() -> Self {
        let document: Arc<Mutex<Option<String>>> = Arc::default();
        let asked = Arc::new(tokio::sync::Semaphore::new(0));
        let (answer, count) = (document.clone(), asked.clone());
        let router = Router::new().route(
            "/metadata",
            get(move || {
                count.add_permits(1);
                std::future::ready(answer.lock().unwrap().clone().ok_or(StatusCode::NOT_FOUND))
            }),
        );
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = format!("https://127.0.0.1:{}/metadata", socket.local_addr().unwrap().port());
        let tls = authority().server.clone();
        tokio::spawn(async move {
            let config = RustlsConfig::from_pem(tls.cert.into(), tls.key.into()).await.unwrap();
            axum_server::from_tcp_rustls(socket, config).unwrap().serve(router.into_make_service()).into_future().await
        });
        Self { address, document, asked }
    }

    fn gives(&self, document: Option<String>) {
        *self.document.lock().unwrap() = document;
    }
}

/// DER in base64 of a certificate in PEM.
fn dense(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

/// A service provider's metadata, signed by xmlsec1: nothing of it passed through code of ours. `None` without xmlsec1.
fn signed(key: &Identity, consumer: &str, until: OffsetDateTime) -> Option<String> {
    let xmlsec1 = program::on_path("xmlsec1")?;
    let dsig = "http://www.w3.org/2000/09/xmldsig#";
    let document = format!(
        "<md:EntityDescriptor xmlns:md='urn:oasis:names:tc:SAML:2.0:metadata' ID='_m' entityID='{PARTY}' validUntil='{}'>\
         <ds:Signature xmlns:ds='{dsig}'><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm='http://www.w3.org/2001/10/xml-exc-c14n#'/>\
         <ds:SignatureMethod Algorithm='http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'/>\
         <ds:Reference URI='#_m'><ds:Transforms><ds:Transform Algorithm='{dsig}enveloped-signature'/>\
         <ds:Transform Algorithm='http://www.w3.org/2001/10/xml-exc-c14n#'/></ds:Transforms>\
         <ds:DigestMethod Algorithm='http://www.w3.org/2001/04/xmlenc#sha256'/><ds:DigestValue/></ds:Reference>\
         </ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>\
         <md:SPSSODescriptor protocolSupportEnumeration='urn:oasis:names:tc:SAML:2.0:protocol'>\
         <md:KeyDescriptor use='signing'><ds:KeyInfo xmlns:ds='{dsig}'><ds:X509Data>\
         <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
         <md:AssertionConsumerService Binding='urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST' Location='{consumer}' \
         index='0'/></md:SPSSODescriptor></md:EntityDescriptor>",
        until.format(&Rfc3339).unwrap(),
        certificate = dense(&key.cert),
    );
    let (document, key) = (written(&document), written(&key.key));
    let mut command = Command::new(xmlsec1);
    command.args(["--sign", "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor"]);
    let told = command.arg("--privkey-pem").arg(key.path()).arg(document.path()).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    Some(String::from_utf8(told.stdout).unwrap())
}

fn asked(served: &Served, key: &Identity) -> Asked {
    Asked {
        address: served.address.clone(),
        believed: Believed::Fingerprint(certificate::fingerprint(&dense(&key.cert)).unwrap()),
        is_federation: false,
        only: BTreeSet::new(),
        environment: Environment::Production,
        policy: ent_policy(),
    }
}

/// Registers the party, as `guichet rp add --metadata ADDRESS --fingerprint …` does.
async fn introduce(house: &House, registry: &Registry, asked: Asked) {
    let now = house.clock.now();
    let (source, taken) = registry.look(asked, now).await.unwrap();
    let party = idp::domain::relying_party::RelyingParty {
        id: taken.parties[0].entity_id.clone(),
        name: "ENT d'essai".to_owned(),
        environment: source.environment,
        is_suspended: false,
        start: None,
        policy: ReleasePolicy::default(),
        protocol: idp::domain::relying_party::Protocol::Saml(taken.parties[0].saml.clone()),
    };
    registry.introduce(&party, (&source, &taken), false, now).await.unwrap();
}

async fn refresh(house: &House, registry: &Registry) -> Result<Report, String> {
    let mut all = registry.refresh(house.clock.now(), |_| true).await.unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0).outcome
}

/// Begins at the portal's link for people who are not signed in.
async fn begin(house: &House, visitor: &mut Visitor) {
    visitor.open(&house.at_path(&format!("/idp/profile/SAML2/Unsolicited/SSO?providerId={PARTY}"))).await;
}

/// Where the answer in front of this person goes.
fn goes_to(visitor: &Visitor) -> String {
    let page = visitor.page();
    page.submission(&page.buttons()[0]).action.to_string()
}

fn party() -> PartyId {
    PartyId(PARTY.to_owned())
}

#[tokio::test]
async fn si_20_r3_a_party_lives_by_its_address_and_ends_with_its_last_good_copy() {
    let (ca, key) = (ca(), signing_pair("ent"));
    for house in House::each().await {
        let mut house = house_that_asks(house).await;
        let (served, registry) = (Served::start(), registry(&house, &ca));
        let began = house.clock.now();
        let until = |days: u32| began + DAY * days;
        let Some(first) = signed(&key, CONSUMER, until(10)) else { return };
        served.gives(Some(first));
        introduce(&house, &registry, asked(&served, &key)).await;

        let parent = house.guardian(directory::sample::Shape::TwoParents).await;
        let mut visitor = Visitor::new();
        begin(&house, &mut visitor).await;
        visitor.sign_in(&parent).await;
        assert_eq!(goes_to(&visitor), CONSUMER);

        // Moved: held until somebody says yes.
        served.gives(signed(&key, "https://ent.example/moved", until(12)));
        assert_eq!(refresh(&house, &registry).await.unwrap().held, [party()]);
        let store = house.accounts().store.clone();
        assert_eq!(waiting(&store).await.unwrap().len(), 1);
        begin(&house, &mut visitor).await;
        assert_eq!(goes_to(&visitor), CONSUMER);
        let yes = approve(&store, &party(), None, "N. Rousseau", began).await.unwrap();
        assert!(matches!(yes, Approval::Applied(_)));
        // A restart forgets the party as it was remembered.
        house.restart().await;
        begin(&house, &mut visitor).await;
        assert_eq!(goes_to(&visitor), "https://ent.example/moved");

        // Gone: the last good copy serves to its own end, then nobody is sent there any more (SI-14).
        served.gives(None);
        assert!(refresh(&house, &registry).await.unwrap_err().contains("404"));
        house.later(Duration::from_secs(12 * 86_400 - 1));
        let mut late = Visitor::new();
        begin(&house, &mut late).await;
        assert!(late.is_asked_to_sign_in());
        house.later(Duration::from_secs(1));
        begin(&house, &mut late).await;
        assert_eq!(late.status().as_u16(), 400);
    }
}

#[tokio::test]
async fn r3_the_service_reads_metadata_again_by_itself() {
    let (ca, key) = (ca(), signing_pair("ent"));
    for house in House::each().await {
        let mut house = house_that_asks(house).await;
        let (served, registry) = (Served::start(), registry(&house, &ca));
        let began = house.clock.now();
        let Some(first) = signed(&key, CONSUMER, began + DAY * 10) else { return };
        served.gives(Some(first));
        introduce(&house, &registry, asked(&served, &key)).await;
        served.gives(signed(&key, CONSUMER, began + DAY * 11));
        house.later(DAY);
        let store = house.accounts().store.clone();
        house.restart().await;
        let renewed = async {
            while store.sources().await.unwrap()[0].good_at != Some(began + DAY) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), renewed).await.expect("the service reads the source that is due");
        let stored = store.party(&party()).await.unwrap().unwrap();
        assert!(stored.is_open(began + DAY * 10) && !stored.is_open(began + DAY * 11));
        let times = served.asked.available_permits();
        assert_eq!(times, 2, "once to be introduced, once when it was due");
    }
}

#[tokio::test]
async fn si_20_without_the_setting_of_tests_this_machine_is_not_asked() {
    let (ca, key) = (ca(), signing_pair("ent"));
    let house = House::one().await;
    let served = Served::start();
    served.gives(Some("<x/>".to_owned()));
    let guarded = Outbound { allow_private: false, extra_ca_file: Some(ca.path().to_owned()) };
    let outbound = idp::outbound::Outbound::new(&guarded, house.clock.clone()).unwrap();
    let registry = Registry { outbound, ..registry(&house, &ca) };
    let refused = registry.look(asked(&served, &key), house.clock.now()).await.unwrap_err();
    assert!(refused.to_string().contains("private network"), "{refused}");
    assert_eq!(served.asked.available_permits(), 0);
}

async fn page(house: &House, path: &str) -> (String, String) {
    let ca = reqwest::Certificate::from_pem(authority().ca_pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
    let answer = client.get(house.at_path(path)).send().await.unwrap().error_for_status().unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, answer.text().await.unwrap())
}

/// What the schemas of OASIS say of it; `None` where they are not installed.
async fn judged_by_schema(xml: &str) -> Option<Result<(), String>> {
    let mut command = program::python("schema-python.py")?;
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it is installed");
    child.stdin.take().unwrap().write_all(xml.as_bytes()).await.unwrap();
    let told = child.wait_with_output().await.unwrap();
    Some(if told.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&told.stderr).into_owned()) })
}

#[tokio::test]
async fn r5_our_metadata_says_who_we_are_and_is_valid_by_the_schemas() {
    let mut house = House::one().await;
    house
        .restart_with(|config| {
            let said = &mut config.metadata;
            said.description.insert("fr".to_owned(), "Pour les familles & les élèves".to_owned());
            said.scopes.push("academie.example".to_owned());
            said.organization = Some("Académie d'essai".to_owned());
            said.organization_url = Some("https://academie.example/".to_owned());
            said.technical_contact = Some("aide@academie.example".to_owned());
            said.support_contact = Some("appui@academie.example".to_owned());
        })
        .await;
    let (kind, xml) = page(&house, "/idp/shibboleth").await;
    assert_eq!(kind, "application/samlmetadata+xml");
    for told in [
        "Pour les familles &amp; les élèves",
        ">academie.example</shibmd:Scope>",
        "FriendlyName=\"FrEduCtId\"",
        "FriendlyName=\"FrEduVecteur\"",
        "/donnees-personnelles</mdui:PrivacyStatementURL>",
        "mailto:aide@academie.example",
        "bindings:HTTP-POST\" Location",
        "bindings:HTTP-Redirect\" Location",
    ] {
        assert!(xml.contains(told), "{told} is not in {xml}");
    }
    // The pages and the logo that it names are there.
    for (before, after) in [("<mdui:Logo height=\"32\" width=\"32\">", "</mdui:Logo>"), (">", "</mdui:InformationURL>")]
    {
        let (head, _) = xml.split_once(after).unwrap();
        let address = head.rsplit_once(before).unwrap().1;
        let path = address.strip_prefix(&house.url).unwrap();
        page(&house, path).await;
    }
    let (kind, same) = page(&house, &format!("/idp/profile/SAML2/metadata?providerId={PARTY}")).await;
    assert_eq!(kind, "application/samlmetadata+xml");
    let lasting = |xml: &str| xml.split_once("<md:IDPSSODescriptor").unwrap().1.to_owned();
    assert_eq!(lasting(&same), lasting(&xml));

    if let Some(judge) = Judge::find() {
        let (_, rest) = xml.split_once("X509Certificate>").unwrap();
        let base64 = rest.split('<').next().unwrap();
        BASE64.decode(base64.as_bytes()).unwrap();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
        judge.verify(&xml, &pem, Signed::Metadata).unwrap();
        let changed = xml.replace("/POST/SSO", "/POST/SSo");
        assert!(judge.verify(&changed, &pem, Signed::Metadata).is_err());
    }
    if let Some(judged) = judged_by_schema(&xml).await {
        judged.unwrap();
        let misplaced = xml.replace("md:NameIDFormat>", "md:Misplaced>");
        assert!(judged_by_schema(&misplaced).await.unwrap().is_err(), "the judge can say no");
        let logo = xml.replace("height=\"32\" ", "");
        assert!(judged_by_schema(&logo).await.unwrap().is_err(), "of user interface, too");
    }
}
