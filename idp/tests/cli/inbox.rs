//! The standing service: an inbox, deliveries applied in order, those that cannot be set aside with their reports.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use directory::testing;
use serde_json::{Value, json};

use super::guichet::Guichet;
use super::people::{changed, cut, later, people, write};

const ONCE: [&str; 8] = ["directory", "watch", "--once", "--inbox", "inbox", "--settle", "0s", "--json"];

fn outcomes(ended: &Value) -> Vec<&str> {
    ended.as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect()
}

fn report(folder: &Path) -> Value {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut reports = entries.filter(|path| path.to_str().unwrap().ends_with(".report.json"));
    let report = std::fs::read_to_string(reports.next().unwrap()).unwrap();
    assert!(reports.next().is_none());
    serde_json::from_str(&report).unwrap()
}

#[tokio::test]
async fn deliveries_are_applied_in_order_and_others_set_aside_with_their_reports() {
    for place in testing::places().await {
        let guichet = Guichet::over(&place);
        let whole = people(40);
        let inbox = guichet.path("inbox/14");
        write(&later(&changed(&whole), 1), &inbox);
        write(&whole, &inbox);
        std::fs::write(inbox.join("ENT2D_Complet_20261001.zip.part"), "half").unwrap();
        let ended = guichet.run(&ONCE);
        assert_eq!((ended.code, outcomes(&ended.json())), (0, vec!["applied", "applied"]), "{ended:?}");
        assert_eq!(ended.json()[1]["run"], json!(2));
        assert_eq!(std::fs::read_dir(inbox.join("done")).unwrap().count(), 4);

        // A cut archive fails, an older one too, a short one is held.
        let old = write(&whole, &inbox);
        let bytes = std::fs::read(&old).unwrap();
        std::fs::write(inbox.join("ENT2D_Complet_20260917.zip"), &bytes[..bytes.len() / 2]).unwrap();
        write(&later(&cut(&whole), 3), &inbox);
        let ended = guichet.run(&ONCE);
        assert_eq!((ended.code, outcomes(&ended.json())), (1, vec!["failed", "failed", "held"]), "{ended:?}");
        let held = report(&inbox.join("held"));
        assert_eq!((&held["outcome"], &held["report"]["held"]), (&json!("held"), &json!(true)));
        assert_eq!(std::fs::read_dir(inbox.join("failed")).unwrap().count(), 4);
        for line in ended.told.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert!(line["fields"]["message"].is_string(), "{line}");
        }
        let names = whole.guardians.iter().map(|adult| adult.names.family.as_str()).filter(|name| name.len() > 4);
        assert!(names.into_iter().all(|name| !ended.told.contains(name)), "{ended:?}");
        assert!(inbox.join("ENT2D_Complet_20261001.zip.part").exists());
        let again = guichet.run(&ONCE);
        assert_eq!((again.code, again.json()), (0, json!([])));
    }
}

#[test]
fn deltas_wait_behind_what_failed_and_a_complete_delivery_does_not() {
    let guichet = Guichet::new();
    let whole = people(20);
    let inbox = guichet.path("inbox/14");
    std::fs::create_dir_all(&inbox).unwrap();
    std::fs::write(inbox.join("ENT2D_Complet_20260914.zip"), "no zip").unwrap();
    std::fs::write(inbox.join("ENT2D_Delta_20260914.zip"), "not read").unwrap();
    write(&whole, &inbox);
    let ended = guichet.run(&ONCE);
    assert_eq!(outcomes(&ended.json()), ["failed", "waiting", "applied"], "{ended:?}");
    assert!(inbox.join("ENT2D_Delta_20260914.zip").exists());
    assert_eq!(report(&inbox.join("failed"))["outcome"], "failed");
}

#[test]
fn im_08_deltas_wait_in_later_rounds_too_until_the_one_before_them_has_come() {
    let guichet = Guichet::new();
    let inbox = guichet.path("inbox/14");
    let first = people(20);
    let (second, third) = (first.next(5, 1), first.next(5, 1).next(5, 2));
    write(&first, &inbox);
    assert_eq!(outcomes(&guichet.run(&ONCE).json()), ["applied"]);
    let good = second.write_delta(&first, &guichet.path("aside")).unwrap();
    let arrived = inbox.join(good.file_name().unwrap());
    std::fs::write(&arrived, "no zip").unwrap();
    third.write_delta(&second, &inbox).unwrap();
    assert_eq!(outcomes(&guichet.run(&ONCE).json()), ["failed", "waiting"]);
    assert_eq!(outcomes(&guichet.run(&ONCE).json()), ["waiting"]);
    std::fs::copy(&good, &arrived).unwrap();
    assert_eq!(outcomes(&guichet.run(&ONCE).json()), ["applied", "applied"]);
}

#[test]
fn what_is_wrong_with_the_words_is_said() {
    let guichet = Guichet::new();
    guichet.run(&["directory", "watch", "--once"]).assert_refused(2, &["--inbox", "directory.inbox"]);
    guichet.run(&["directory", "watch", "--once", "--inbox", "absent"]).assert_refused(1, &["absent"]);
    guichet.run(&["directory", "watch", "--inbox", "absent", "--every", "5"]).assert_refused(2, &["--every"]);
    guichet
        .write("guichet.toml", "[service]\npublic_address = 'https://a.example'\n[directory]\nevery = '5 minutes'\n");
    let watch = ["directory", "watch", "--config", "guichet.toml"];
    guichet.run(&watch).assert_refused(3, &["every"]);
}

#[test]
fn the_service_says_where_it_is_and_what_it_did_and_ends_when_told() {
    let guichet = Guichet::new();
    write(&people(20), &guichet.path("inbox/14"));
    assert_eq!(guichet.run(&ONCE).code, 0);
    guichet.write(
        "guichet.toml",
        "[service]\npublic_address = 'https://a.example'\n[directory]\ninbox = 'inbox'\nmetrics = '127.0.0.1:0'\n",
    );
    let running = guichet.start(&["directory", "watch", "--config", "guichet.toml"]);
    assert!(running.first.contains("watching inbox every 5m"), "{}", running.first);
    let address = running.first.trim().rsplit(' ').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("guichet_import_last_success_age_seconds{source=\"14-2d\"}"), "{answer}");
    assert!(answer.contains("guichet_import_queue_length 0"), "{answer}");
    assert_eq!(running.stop(), (Some(0), String::new()));
}
