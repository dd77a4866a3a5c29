//! Mergers of academies, and what an account has of them.

use directory::testing;
use serde_json::{Value, json};

use super::guichet::Guichet;
use super::people::everything;

const MERGE: [&str; 6] = ["directory", "merge", "--from", "caen,21", "--into", "normandie"];

/// Families of Caen and of Rouen, whose keys are the same, imported.
fn two_academies(guichet: &Guichet) {
    for academy in ["5", "21"] {
        let words =
            ["directory", "sample", "--families", "20", "--seed", academy, "--academy", academy, "--out", academy];
        let written = guichet.json(&[&words[..], &["--json"]].concat());
        let archive = written[0]["path"].as_str().unwrap();
        guichet.json(&["directory", "import", archive, "--academy", academy, "--json"]);
    }
}

fn merge(guichet: &Guichet, more: &[&str]) -> Value {
    guichet.json(&[&MERGE[..], more, &["--json"]].concat())
}

/// The people of an account, as an operator finds them.
fn people(guichet: &Guichet, login: &str) -> Value {
    guichet.json(&["account", "show", login, "--json"])["people"].clone()
}

#[tokio::test]
async fn a_merger_is_tried_done_shown_and_taken_back() {
    for place in testing::places().await {
        let guichet = Guichet::over(&place);
        guichet.run(&[&MERGE[..], &["--yes"]].concat()).assert_refused(1, &["nothing was imported"]);
        two_academies(&guichet);
        let before = everything(&place).await;
        guichet.run(&MERGE).assert_refused(2, &["--yes"]);
        let dry = merge(&guichet, &["--dry-run"]);
        assert_eq!(
            (&dry["run"], &dry["source"], everything(&place).await == before),
            (&Value::Null, &json!("5+21>70"), true)
        );
        let table = guichet.run(&[&MERGE[..], &["--dry-run"]].concat());
        for words in ["5-2d", "21-2d", "Eleve", "kept apart", "21-2d-7100001 -> 70-2d-21.7100001"] {
            assert!(table.out.contains(words), "{words:?} is not in {table:?}");
        }

        let merged = merge(&guichet, &["--yes", "--by", "Camille"]);
        assert_eq!((&merged["run"], &merged["by_source"]), (&json!(3), &dry["by_source"]));
        assert!(merged["collisions"].as_u64().unwrap() > 0, "{merged}");
        let shown = guichet.run(&["directory", "show", "3"]);
        assert!(shown.out.contains("kept apart") && shown.told.contains("merged as run 3"), "{shown:?}");
        let history = guichet.run(&["directory", "history"]);
        let line = history.out.lines().nth(1).unwrap();
        assert!(["5+21>70", "merge", "applied", "Camille"].iter().all(|word| line.contains(word)), "{history:?}");

        guichet.run(&["directory", "undo", "3"]).assert_refused(2, &["--yes"]);
        let dry = guichet.run(&["directory", "undo", "3", "--dry-run"]);
        assert!(dry.code == 0 && dry.out.contains("kept apart"), "{dry:?}");
        let undone = guichet.json(&["directory", "undo", "3", "--yes", "--by", "Dominique", "--json"]);
        assert_eq!((&undone["run"], &undone["source"]), (&json!(3), &json!("5+21>70")));
        assert_eq!(everything(&place).await, before);
        assert_eq!(guichet.json(&["directory", "show", "3", "--json"])["outcome"], "undone");
    }
}

#[test]
fn an_account_keeps_its_login_through_a_merger_and_its_undo() {
    let guichet = Guichet::new();
    two_academies(&guichet);
    guichet.json(&["account", "open", "--json"]);
    let login = |person: &str| {
        guichet.json(&["account", "show", "--person", person, "--json"])["login"].as_str().unwrap().to_owned()
    };
    let (caen, rouen) = (login("5-2d-7100001"), login("21-2d-7100001"));
    assert_ne!(caen, rouen);
    guichet.write("keys.csv", "kind;former;key\nperson;5-2d-7100001;900001\n");
    merge(&guichet, &["--mapping", "keys.csv", "--yes"]);
    assert_eq!(people(&guichet, &caen), json!(["70-2d-900001"]));
    assert_eq!(login("70-2d-900001"), caen);
    let rouen_is = people(&guichet, &rouen);
    assert!(rouen_is[0].as_str().unwrap().starts_with("70-2d-"), "{rouen_is}");
    // Nobody is new.
    assert_eq!(guichet.json(&["account", "open", "--json"])["opened"], 0);
    guichet.json(&["directory", "undo", "3", "--yes", "--json"]);
    assert_eq!((people(&guichet, &caen), login("5-2d-7100001")), (json!(["5-2d-7100001"]), caen));
    assert_eq!(people(&guichet, &rouen), json!(["21-2d-7100001"]));
}

#[test]
fn what_cannot_be_merged_is_said_and_nothing_is() {
    let guichet = Guichet::new();
    two_academies(&guichet);
    guichet.write("bad.csv", "kind,former,key\nperson,5-2d-7100001,900001\nfamily,5-2d-7100002,900002\nschool,x,1\n");
    let refused = |more: &[&str], code: i32, words: &[&str]| {
        guichet.run(&[&["directory", "merge"], more, &["--yes"]].concat()).assert_refused(code, words);
    };
    refused(&["--from", "5", "--into", "70", "--mapping", "bad.csv"], 1, &["bad.csv", "line 3", "line 4"]);
    refused(&["--from", "5", "--into", "70", "--mapping", "none.csv"], 1, &["none.csv"]);
    refused(&["--from", "5,70", "--into", "normandie"], 1, &["into itself"]);
    refused(&["--from", "5,16", "--into", "70"], 1, &["16"]);
    refused(&["--from", "atlantide", "--into", "70"], 2, &["--from"]);
    assert_eq!(guichet.json(&["directory", "history", "--json"]).as_array().unwrap().len(), 2);
    guichet.write("keys.csv", "kind,former,key\nperson,5-2d-999,1\n");
    let in_part = guichet.run(&["directory", "merge", "--from", "5", "--into", "70", "--mapping", "keys.csv", "--yes"]);
    assert!(in_part.code == 4 && in_part.told.contains("5-2d-999"), "{in_part:?}");
}
