//! What operators do with runs: look, approve, undo (interface.md section 2, IM-08, IM-09).

use directory::testing;
use serde_json::json;

use super::guichet::{Ended, Guichet};
use super::people::{changed, cut, everything, later, people, write};

fn import(guichet: &Guichet, path: &str, more: &[&str]) -> Ended {
    guichet.run(&[&["directory", "import", path, "--academy", "14", "--json"], more].concat())
}

#[tokio::test]
async fn a_held_delivery_is_let_through_by_another_person_and_can_be_undone() {
    for place in testing::places().await {
        let guichet = Guichet::over(&place);
        let whole = people(40);
        let first = write(&whole, &guichet.path("first"));
        assert_eq!(import(&guichet, &first, &["--by", "Camille"]).code, 0);
        let before = everything(&place).await;
        let short = write(&later(&cut(&whole), 1), &guichet.path("it's short"));
        let held = import(&guichet, &short, &["--by", "Camille"]);
        let report = held.json();
        assert_eq!((held.code, &report["held"], &report["run"]), (1, &json!(true), &json!(2)), "{held:?}");
        assert!(!report["reasons"].as_array().unwrap().is_empty());
        // The very command that a second person types.
        let quoted = short.replace('\'', r"'\''");
        let told = format!("guichet directory import '{quoted}' --academy 14");
        assert!(held.told.contains(&told) && held.told.contains("--approve 2 --by NAME"), "{}", held.told);
        assert_eq!(everything(&place).await, before);

        import(&guichet, &short, &["--approve", "2"]).assert_refused(2, &["--by", "second person"]);
        import(&guichet, &short, &["--approve", "2", "--by", "camille"]).assert_refused(1, &["second person"]);
        let other = import(&guichet, &first, &["--approve", "2", "--by", "Dominique"]);
        assert_eq!(other.code, 1, "{other:?}");
        assert!(other.told.contains("run 2 cannot be approved"), "{other:?}");
        let dry = import(&guichet, &short, &["--approve", "2", "--by", "Dominique", "--dry-run"]);
        assert_eq!((dry.code, everything(&place).await == before), (0, true));
        let approved = import(&guichet, &short, &["--approve", "2", "--by", "Dominique"]);
        let report = approved.json();
        assert_eq!((approved.code, &report["approved_by"]), (0, &json!("Dominique")), "{approved:?}");
        assert_ne!(everything(&place).await, before);

        let history = guichet.json(&["directory", "history", "--json"]);
        let outcomes: Vec<_> = history.as_array().unwrap().iter().map(|run| run["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["applied", "held", "applied"]);
        guichet.run(&["directory", "undo", "1", "--yes"]).assert_refused(1, &["3"]);
        guichet.run(&["directory", "undo", "9", "--yes"]).assert_refused(1, &["no run 9"]);
        guichet.run(&["directory", "undo", "3"]).assert_refused(2, &["--yes"]);
        assert_eq!(guichet.run(&["directory", "undo", "3", "--dry-run"]).code, 0);
        let undone = guichet.json(&["directory", "undo", "3", "--yes", "--by", "Dominique", "--json"]);
        assert_eq!((&undone["run"], &undone["source"]), (&json!(3), &json!("14-2d")));
        assert_eq!(everything(&place).await, before);
        assert_eq!(guichet.json(&["directory", "show", "3", "--json"])["outcome"], "undone");
    }
}

#[test]
fn the_report_has_what_scripts_rely_on() {
    let guichet = Guichet::new();
    let whole = people(20);
    let first = write(&whole, &guichet.path("first"));
    import(&guichet, &first, &[]);
    let second = write(&later(&changed(&whole), 1), &guichet.path("second"));
    let report = import(&guichet, &second, &["--by", "Camille"]).json();
    for member in ["run", "academy", "read", "added", "changed", "unchanged", "left", "rejected"] {
        assert!(report[member].is_u64(), "{member} of {report}");
    }
    assert_eq!(
        (&report["stage"], &report["kind"], &report["date"]),
        (&json!("2d"), &json!("complete"), &json!("2026-09-16"))
    );
    assert!(report["held"].is_boolean() && report["reasons"].is_array() && report["seconds"].is_number());
    assert_eq!((&report["changed"], &report["asked_by"]), (&json!(1), &json!("Camille")));
    assert_eq!(report["by_attribute"], json!({"PersRelEleve": {"sn": 1}}));

    let shown = guichet.run(&["directory", "show", "2"]);
    for words in ["PersRelEleve", "changed attributes", "examples", "total"] {
        assert!(shown.out.contains(words), "{words:?} is not in {shown:?}");
    }
    assert!(!shown.out.contains("NOUVELLE"), "a name is nobody's business here");
    let mut stored = guichet.json(&["directory", "show", "2", "--json"])["report"].clone();
    // Kept a moment before the end.
    stored["seconds"] = report["seconds"].clone();
    assert_eq!(stored, report);
    guichet.run(&["directory", "show", "7"]).assert_refused(1, &["no run 7"]);
    let again = import(&guichet, &second, &[]);
    assert_eq!((again.code, &again.json()["already_applied"]), (0, &json!(true)), "{again:?}");
    let older = import(&guichet, &first, &[]);
    older.assert_refused(1, &["2026-09-15", "nothing was applied"]);
}

#[test]
fn rejected_records_end_in_a_file_that_is_named() {
    let guichet = Guichet::new();
    let delivery = guichet.path("delivery");
    std::fs::create_dir(&delivery).unwrap();
    let record = |key: &str, more: &str| {
        format!(
            "<addRequest><operationalAttributes><attr name=\"categoriePersonne\"><value>PersRelEleve</value></attr>\
            </operationalAttributes><identifier><id>{key}</id></identifier><attributes>{more}</attributes></addRequest>\n"
        )
    };
    let named = "<attr name=\"sn\"><value>DUPONT</value></attr><attr name=\"givenName\"><value>Jo</value></attr>";
    let file = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE ficAlimMENESR SYSTEM \"ficAlimMENESR.dtd\">\n\
         <ficAlimMENESR>\n{}{}</ficAlimMENESR>\n",
        record("1", named),
        record("2", "")
    );
    std::fs::write(delivery.join("ENT2D_Complet_20260915_PersRelEleve_0000.xml"), file).unwrap();
    let ended = import(&guichet, "delivery", &[]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.told.contains("rejets.csv"), "{ended:?}");
    let listed = std::fs::read_to_string(guichet.path("rejets.csv")).unwrap();
    assert!(listed.starts_with("file,line,key,reason\n") && listed.contains(",2,"), "{listed}");
    let run = ended.json()["run"].to_string();
    assert_eq!(guichet.run(&["directory", "show", &run, "--rejects", "again.csv"]).code, 0);
    assert_eq!(std::fs::read_to_string(guichet.path("again.csv")).unwrap(), listed);
}

#[tokio::test]
async fn a_place_without_an_import_says_so() {
    for place in testing::places().await {
        let guichet = Guichet::over(&place);
        let status = guichet.run(&["directory", "status"]);
        assert_eq!((status.code, &*status.out), (0, ""));
        assert!(status.told.contains("nothing was imported"), "{status:?}");
        assert_eq!(guichet.json(&["directory", "status", "--json"]), json!([]));
        assert_eq!(guichet.json(&["directory", "history", "--json"]), json!([]));
        guichet.run(&["directory", "show", "1"]).assert_refused(1, &["nothing was imported"]);
        guichet.run(&["directory", "undo", "1", "--yes"]).assert_refused(1, &["nothing was imported"]);
    }
}
