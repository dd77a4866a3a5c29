use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::guichet::Guichet;

/// The status line of a page fetched as simply as can be.
fn status(address: &str, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

/// The same for a form that is posted.
fn post(address: &str, path: &str, body: &str) -> String {
    let length = body.len();
    let headers = "Host: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded";
    ask(address, &format!("POST {path} HTTP/1.1\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{body}"))
}

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[test]
fn serve_says_one_line_when_ready_and_ends_well_when_told() {
    let guichet = Guichet::new();
    guichet.write(
        "guichet.toml",
        "[service]\npublic_address = 'http://localhost:8080'\n[listen]\nmain = '127.0.0.1:0'\n[data]\nplace = 'data'\n",
    );
    let running = guichet.start(&["serve", "--config", "guichet.toml"]);
    let line = running.first.clone();
    assert!(line.starts_with("guichet ") && line.contains("ready: http://localhost:8080"), "{line}");
    assert!(line.contains("languages fr"), "{line}");
    let address = line.split("listening on ").nth(1).unwrap().split(',').next().unwrap();
    assert_eq!(status(address, "/connexion").split(' ').nth(1), Some("200"));
    assert_eq!(running.stop(), (Some(0), String::new()));
}

#[test]
fn demo_prints_its_line_of_json_and_takes_its_folder_away() {
    let guichet = Guichet::new();
    let running = guichet.start(&["demo", "--json", "--families", "20", "--listen", "127.0.0.1:0"]);
    let line: Value = serde_json::from_str(&running.first).unwrap();
    let issuer = line["issuer"].as_str().unwrap();
    for (member, path) in [("metadata_url", "/idp/"), ("discovery_url", "/.well-known/openid-configuration")] {
        let address = line[member].as_str().unwrap();
        assert!(address.starts_with(issuer) && address.contains(path), "{address}");
        let host = issuer.strip_prefix("http://").unwrap();
        assert_eq!(status(host, address.strip_prefix(issuer).unwrap()), "HTTP/1.1 200 OK");
    }
    assert!(line["entity_id"].is_string() && line["outbox_url"].is_string() && line["ca_file"].is_null());
    let parties = line["relying_parties"].as_array().unwrap();
    assert_eq!(parties.len(), 2);
    for party in parties {
        assert!(["kind", "name", "start_url", "id"].iter().all(|member| party[member].is_string()), "{party}");
    }
    let accounts = line["accounts"].as_array().unwrap();
    assert!(accounts.len() > 40);
    for account in accounts {
        assert!(["login", "profile", "state"].iter().all(|member| account[member].is_string()), "{account}");
        assert!(account["people"].as_array().is_some_and(|people| !people.is_empty()), "{account}");
    }
    assert_eq!(guichet.temporary().len(), 1);
    assert_eq!(running.stop(), (Some(0), String::new()));
    assert_eq!(guichet.temporary().len(), 0, "nothing of the demo stays");
}

#[test]
fn op_16_the_demo_asks_servers_of_this_machine() {
    let guichet = Guichet::new();
    let running = guichet.start(&["demo", "--json", "--families", "20", "--listen", "127.0.0.1:0", "--data", "data"]);
    let line: Value = serde_json::from_str(&running.first).unwrap();
    let host = line["issuer"].as_str().unwrap().strip_prefix("http://").unwrap();

    let keys = TcpListener::bind("127.0.0.1:0").unwrap();
    let document = json!({
        "client_name": "ENT d'essai", "redirect_uris": ["http://127.0.0.1:8000/retour"],
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": format!("https://{}/jwks", keys.local_addr().unwrap()),
    });
    guichet.write("client.json", &document.to_string());
    let words = ["rp", "add", "--oidc", "client.json", "--environment", "test", "--data", "data", "--json"];
    let client = guichet.json(&words);
    let (heard, asked) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = keys.accept().unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        heard.send(first).unwrap();
    });
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let id = &client["client_id"];
    let claims = json!({ "iss": id, "sub": id, "aud": line["issuer"], "jti": "1", "exp": 4_102_444_800_i64 });
    let assertion = format!("{}.{}.{}", part(json!({ "alg": "ES256", "kid": "1" })), part(claims), "A".repeat(86));
    let body = format!(
        "grant_type=authorization_code&code=1&client_assertion={assertion}\
         &client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    assert_eq!(post(host, "/idp/profile/oidc/token", &body), "HTTP/1.1 401 Unauthorized");
    assert_eq!(asked.try_recv(), Ok([0x16]), "a TLS handshake began (RFC 8446 5.1)");
}
