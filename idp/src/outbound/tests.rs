//! Against real listeners on this machine, which only a test instance may ask.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{any, get};
use axum_server::tls_rustls::RustlsConfig;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use time::macros::datetime;

use super::*;

const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 1_000, redirects: Redirects::Refused };
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What each look-up finds; the last for ever after.
pub struct HeldNames {
    found: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl HeldNames {
    fn finding(found: &[&[&str]]) -> Arc<Self> {
        let parsed = found.iter().map(|some| some.iter().map(|text| text.parse().unwrap()).collect());
        Arc::new(Self { found: Mutex::new(parsed.collect()), asked: AtomicUsize::new(0) })
    }

    pub fn look_up(&self, _name: &str) -> Vec<IpAddr> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut found = self.found.lock().unwrap();
        if found.len() > 1 { found.pop_front().unwrap() } else { found[0].clone() }
    }
}

fn clock() -> Clock {
    Clock::held(datetime!(2026-09-01 08:00 UTC))
}

fn guarded(names: Names) -> Outbound {
    Outbound::over(&config::Outbound::default(), clock(), names).unwrap()
}

fn of_tests(names: Names) -> Outbound {
    let settings = config::Outbound { allow_private: true, extra_ca_file: None };
    Outbound::over(&settings, clock(), names).unwrap()
}

/// Serves on a port of its own and counts what is asked.
fn serve(router: Router) -> (u16, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let router = router.layer(axum::middleware::map_request(move |request: axum::extract::Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(request)
    }));
    let socket = TcpListener::bind((LOCAL, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let socket = tokio::net::TcpListener::from_std(socket).unwrap();
        axum::serve(socket, router).await
    });
    (port, count)
}

fn hello() -> Router {
    Router::new().route("/", any(|body: Bytes| async move { format!("heard {}", String::from_utf8_lossy(&body)) }))
}

#[tokio::test]
async fn si_20_only_https_is_asked_and_nothing_private() {
    let (port, count) = serve(hello());
    let outbound = guarded(Names::System);
    for address in ["ftp://ent.example/", "/metadata", "https://", "javascript:alert(1)", "https://a:b@ent.example/"] {
        assert_eq!(outbound.get(address, &LIMITS).await.unwrap_err(), Failure::Address, "{address}");
    }
    let plain = format!("http://127.0.0.1:{port}/");
    assert_eq!(outbound.get(&plain, &LIMITS).await.unwrap_err(), Failure::Address);
    for host in ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "0x7f.1", "2130706433", "[::ffff:10.0.0.1]"] {
        let address = format!("https://{host}:{port}/");
        let failure = outbound.get(&address, &LIMITS).await.unwrap_err();
        assert!(matches!(failure, Failure::Private(_)), "{address}: {failure}");
        let failure = outbound.post_form(&address, &[("logout_token", "x")], &LIMITS).await.unwrap_err();
        assert!(matches!(failure, Failure::Private(_)), "{address}: {failure}");
    }
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn op_16_a_name_that_leads_inside_is_refused_after_dns() {
    for found in [&["10.0.0.1"][..], &["1.1.1.1", "127.0.0.1"], &["fd00:ec2::254"], &["::ffff:192.168.0.1"]] {
        let names = HeldNames::finding(&[found]);
        let failure = guarded(Names::Held(names)).get("https://ent.example/", &LIMITS).await.unwrap_err();
        assert_eq!(failure, Failure::Private("ent.example".to_owned()), "{found:?}");
    }
}

#[tokio::test]
async fn op_16_what_was_checked_is_what_is_connected_to() {
    let (port, count) = serve(hello());
    // A second look-up would find nobody.
    let names = HeldNames::finding(&[&["127.0.0.1"], &["192.0.2.1"]]);
    let outbound = of_tests(Names::Held(names.clone()));
    let answer = outbound.get(&format!("http://ent.example:{port}/"), &LIMITS).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"heard "[..]));
    assert_eq!((names.asked.load(Ordering::Relaxed), count.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test]
async fn a_form_is_posted_and_any_answer_told() {
    let refusing = Router::new().route("/no", any(|| async { (axum::http::StatusCode::BAD_REQUEST, "no") }));
    let (port, _) = serve(hello().merge(refusing));
    let outbound = of_tests(Names::System);
    let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let fields = [("logout_token", "a b&c")];
    let answer = outbound.post_form(&at("/"), &fields, &LIMITS).await.unwrap();
    assert_eq!(answer.body, b"heard logout_token=a+b%26c");
    assert_eq!(outbound.post_form(&at("/no"), &fields, &LIMITS).await.unwrap().status, 400);
    assert_eq!(outbound.get(&at("/no"), &LIMITS).await.unwrap_err(), Failure::Status("127.0.0.1".to_owned(), 400));
}

#[tokio::test]
async fn op_16_redirects_are_not_followed_or_stay_on_the_host() {
    let (other, asked) = serve(hello());
    let moved = Redirect::temporary("/");
    let away = Redirect::temporary(&format!("http://127.0.0.1:{other}/"));
    let router = hello()
        .route("/moved", any(move || async move { moved.into_response() }))
        .route("/away", any(move || async move { away.into_response() }))
        .route("/round", any(|| async { Redirect::temporary("/round") }));
    let (port, _) = serve(router);
    let outbound = of_tests(Names::System);
    let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let same = Limits { redirects: Redirects::SameOrigin, ..LIMITS };
    let refused = Failure::Redirect("127.0.0.1".to_owned());
    assert_eq!(outbound.get(&at("/moved"), &LIMITS).await.unwrap_err(), refused);
    assert_eq!(outbound.get(&at("/moved"), &same).await.unwrap().status, 200);
    assert_eq!(outbound.get(&at("/away"), &same).await.unwrap_err(), refused);
    assert_eq!(outbound.get(&at("/round"), &same).await.unwrap_err(), refused);
    assert_eq!(outbound.post_form(&at("/moved"), &[], &same).await.unwrap_err(), refused);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn ft_10_an_answer_is_bounded_in_size_and_time() {
    let endless = || async {
        let bytes = futures_util::stream::repeat(Ok::<_, std::fmt::Error>(Bytes::from_static(&[b'a'; 100])));
        Body::from_stream(bytes)
    };
    let router = Router::new()
        .route("/announced", get(|| async { "a".repeat(1_001) }))
        .route("/just", get(|| async { "a".repeat(1_000) }))
        .route("/endless", get(endless))
        .route("/packed", get(|| async { ([(header::CONTENT_ENCODING, "gzip")], "a") }))
        .route("/silent", get(std::future::pending::<String>));
    let (port, _) = serve(router);
    let outbound = of_tests(Names::System);
    let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let host = || "127.0.0.1".to_owned();
    assert_eq!(outbound.get(&at("/just"), &LIMITS).await.unwrap().body.len(), 1_000);
    for large in ["/announced", "/endless"] {
        assert_eq!(outbound.get(&at(large), &LIMITS).await.unwrap_err(), Failure::TooLarge(host(), 1_000), "{large}");
    }
    assert_eq!(outbound.get(&at("/packed"), &LIMITS).await.unwrap_err(), Failure::Compressed(host()));
    let brief = Limits { time: Duration::from_millis(50), ..LIMITS };
    assert_eq!(outbound.get(&at("/silent"), &brief).await.unwrap_err(), Failure::TooSlow(host(), brief.time));
}

#[tokio::test]
async fn ft_10_one_asks_for_all_and_a_failure_rests_for_a_minute() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    let slow = move || {
        let held = held.clone();
        async move {
            held.acquire().await.unwrap().forget();
            "keys"
        }
    };
    let (port, count) = serve(Router::new().route("/slow", get(slow)));
    let clock = clock();
    let settings = config::Outbound { allow_private: true, extra_ca_file: None };
    let outbound = Outbound::over(&settings, clock.clone(), Names::System).unwrap();
    let at = |path: &str| format!("http://127.0.0.1:{port}{path}");

    let slow = at("/slow");
    let both = tokio::join!(outbound.get_once(&slow, &LIMITS), outbound.get_once(&slow, &LIMITS), async {
        // Both have asked by now: `join!` polls in order.
        gate.add_permits(1);
    });
    assert_eq!(both.0.unwrap().body, both.1.unwrap().body);
    assert_eq!(count.load(Ordering::Relaxed), 1);
    gate.add_permits(1);
    outbound.get_once(&slow, &LIMITS).await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 2, "a success is not remembered");

    let gone = at("/gone");
    for (after, requests) in [(0, 3), (0, 3), (59, 3), (1, 4)] {
        clock.advance(Duration::from_secs(after));
        let failure = outbound.get_once(&gone, &LIMITS).await.unwrap_err();
        assert_eq!(failure, Failure::Status("127.0.0.1".to_owned(), 404));
        assert_eq!(count.load(Ordering::Relaxed), requests);
    }
}

#[tokio::test]
async fn tls_is_believed_by_the_authorities_of_the_settings() {
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
    let authority = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["ent.example".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let socket = TcpListener::bind((LOCAL, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = format!("https://ent.example:{}/", socket.local_addr().unwrap().port());
    let tls = RustlsConfig::from_pem(leaf.pem().into(), key.serialize_pem().into()).await.unwrap();
    let server = axum_server::from_tcp_rustls(socket, tls).unwrap();
    tokio::spawn(server.serve(hello().into_make_service()));

    let names = || Names::Held(HeldNames::finding(&[&["127.0.0.1"]]));
    let mut settings = config::Outbound { allow_private: true, extra_ca_file: Some(file) };
    let outbound = Outbound::over(&settings, clock(), names()).unwrap();
    assert_eq!(outbound.get(&address, &LIMITS).await.unwrap().status, 200);
    let other = address.replace("ent.example", "other.example");
    let failure = outbound.get(&other, &LIMITS).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable(..)), "{failure}");
    let stranger = of_tests(names());
    assert!(stranger.get(&address, &LIMITS).await.is_err());

    settings.extra_ca_file = Some(folder.path().join("missing.pem"));
    assert!(Outbound::new(&settings, clock()).is_err());
}
