//! A client's real server of keys, which each test changes.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::json;
use time::macros::datetime;

use super::*;
use crate::config;
use crate::oidc::jws::tests::{ec_jwk, rsa_jwk, set, sign};

struct Bench {
    sets: ClientKeySets,
    clock: Clock,
    keys: ClientKeys,
    served: Arc<Mutex<Result<String, u16>>>,
    asked: Arc<AtomicUsize>,
}

impl Bench {
    fn new() -> Self {
        let served = Arc::new(Mutex::new(Err(404)));
        let asked = Arc::new(AtomicUsize::new(0));
        let clock = Clock::held(datetime!(2026-09-01 08:00 UTC));
        let settings = config::Outbound { allow_private: true, extra_ca_file: None };
        let outbound = Outbound::new(&settings, clock.clone()).unwrap();
        let keys = ClientKeys::JwksUri(serve(served.clone(), asked.clone()));
        Self { sets: ClientKeySets::new(outbound, clock.clone()), clock, keys, served, asked }
    }

    fn serves(&self, keys: &[Value]) {
        *self.served.lock().unwrap() = Ok(json!({ "keys": keys }).to_string());
    }

    async fn verify(&self, header: &Value) -> Result<(), NotVerified> {
        let token = sign(header, &json!({"iss": "me"}));
        let jws = Unverified::parse(&token).unwrap();
        self.sets.verify(Some(&self.keys), &jws, &JwsAlgorithm::ALL).await.map(drop)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn serve(served: Arc<Mutex<Result<String, u16>>>, asked: Arc<AtomicUsize>) -> String {
    let answer = move || {
        asked.fetch_add(1, Ordering::Relaxed);
        std::future::ready(served.lock().unwrap().clone().map_err(|status| StatusCode::from_u16(status).unwrap()))
    };
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = format!("http://{}/jwks", socket.local_addr().unwrap());
    tokio::spawn(async move {
        let socket = tokio::net::TcpListener::from_std(socket).unwrap();
        axum::serve(socket, Router::new().route("/jwks", get(answer))).await
    });
    address
}

fn es256() -> Value {
    json!({"alg": "ES256"})
}

#[tokio::test]
async fn ft_10_keys_of_an_address_are_asked_once_an_hour() {
    let bench = Bench::new();
    bench.serves(&[ec_jwk()]);
    for _ in 0..3 {
        assert_eq!(bench.verify(&es256()).await, Ok(()));
    }
    assert_eq!(bench.asked(), 1);
    bench.clock.advance(FRESH);
    assert_eq!(bench.verify(&es256()).await, Ok(()));
    assert_eq!(bench.asked(), 2);
}

#[tokio::test]
async fn ft_10_an_unknown_key_is_looked_for_at_once_and_then_once_a_minute() {
    let bench = Bench::new();
    bench.serves(&[rsa_jwk()]);
    assert_eq!(bench.verify(&json!({"alg": "RS256"})).await, Ok(()));
    bench.clock.advance(AGAIN);
    bench.serves(&[rsa_jwk(), ec_jwk()]);
    assert_eq!(bench.verify(&es256()).await, Ok(()), "the client has a new key");
    assert_eq!(bench.asked(), 2);
    bench.serves(&[rsa_jwk()]);
    bench.clock.advance(FRESH);
    for _ in 0..5 {
        assert_eq!(bench.verify(&es256()).await, Err(jws::Error::UnknownKey.into()));
    }
    assert_eq!(bench.asked(), 3, "who signs with no key at all costs the client nothing");
    bench.clock.advance(AGAIN);
    assert_eq!(bench.verify(&es256()).await, Err(jws::Error::UnknownKey.into()));
    assert_eq!(bench.asked(), 4);
}

#[tokio::test]
async fn ft_10_a_dead_host_is_asked_once_a_minute_and_what_was_read_goes_on_for_a_day() {
    let bench = Bench::new();
    for _ in 0..3 {
        assert!(matches!(bench.verify(&es256()).await, Err(NotVerified::Fetch(_))));
    }
    assert_eq!(bench.asked(), 1);
    bench.serves(&[ec_jwk()]);
    bench.clock.advance(AGAIN);
    assert_eq!(bench.verify(&es256()).await, Ok(()));

    *bench.served.lock().unwrap() = Err(500);
    bench.clock.advance(FRESH);
    assert_eq!(bench.verify(&es256()).await, Ok(()));
    bench.clock.advance(LAST_RESORT);
    assert!(matches!(bench.verify(&es256()).await, Err(NotVerified::Fetch(_))));
}

#[tokio::test]
async fn ft_10_a_host_that_answers_with_something_else_is_asked_once_a_minute_too() {
    let bench = Bench::new();
    *bench.served.lock().unwrap() = Ok("<html>".to_owned());
    for _ in 0..3 {
        assert_eq!(bench.verify(&es256()).await, Err(Unusable::NotASet.into()));
    }
    assert_eq!(bench.asked(), 1);
}

#[tokio::test]
async fn ft_10_many_at_once_ask_once() {
    let bench = Arc::new(Bench::new());
    bench.serves(&[ec_jwk()]);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let bench = bench.clone();
        tasks.spawn(async move { bench.verify(&es256()).await });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert!(bench.asked() <= 2, "who came while it was asked got the same answer");
}

#[tokio::test]
async fn keys_in_the_registration_need_nobody_and_without_any_nothing_is_verified() {
    let bench = Bench::new();
    let token = sign(&es256(), &json!({}));
    let jws = Unverified::parse(&token).unwrap();
    let by_value = ClientKeys::Jwks(set(&[ec_jwk()]));
    assert!(bench.sets.verify(Some(&by_value), &jws, &JwsAlgorithm::ALL).await.is_ok());
    assert_eq!(bench.sets.verify(None, &jws, &JwsAlgorithm::ALL).await, Err(NotVerified::NoKeys));
    assert_eq!(bench.asked(), 0);
}

#[tokio::test]
async fn a_certificate_that_is_new_at_the_address_is_looked_for_like_a_key() {
    let bench = Bench::new();
    let certificate = || {
        let pair = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::default().self_signed(&pair).unwrap().der().to_vec()
    };
    let (old, new) = (certificate(), certificate());
    let key = |der: &[u8]| {
        let mut key = ec_jwk();
        key["x5c"] = json!([data_encoding::BASE64.encode(der)]);
        key
    };
    let holds = async |der: &[u8]| bench.sets.holds_certificate(Some(&bench.keys), der, bench.clock.now()).await;
    let unknown = Err(NotVerified::Certificate(certificate::Refused::Unknown));
    bench.serves(&[key(&old)]);
    assert_eq!(holds(&old).await, Ok(()));
    assert_eq!(holds(&new).await, unknown);
    bench.serves(&[key(&new)]);
    bench.clock.advance(AGAIN);
    assert_eq!(holds(&new).await, Ok(()));
    assert_eq!(holds(&old).await, unknown, "it was taken back");
    assert_eq!(bench.asked(), 2);
    assert_eq!(bench.sets.holds_certificate(None, &new, bench.clock.now()).await, Err(NotVerified::NoKeys));
}
