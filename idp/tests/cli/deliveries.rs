use std::path::Path;

use serde_json::json;

use super::guichet::Guichet;

#[test]
fn a_delivery_is_imported_and_imported_again_changes_nothing() {
    let guichet = Guichet::new();
    let first = guichet.import();
    for (member, expected) in [
        ("run", json!(1)),
        ("academy", json!(14)),
        ("stage", json!("2d")),
        ("kind", json!("complete")),
        ("changed", json!(0)),
        ("left", json!(0)),
        ("rejected", json!(0)),
        ("held", json!(false)),
        ("reasons", json!([])),
    ] {
        assert_eq!(first[member], expected, "{member}");
    }
    let added = first["added"].as_u64().unwrap();
    assert!(added > 60 && first["seconds"].is_number() && first["date"].is_string());
    let again = guichet.import();
    assert_eq!((&again["added"], &again["changed"], &again["unchanged"]), (&json!(0), &json!(0), &json!(added)));

    let status = guichet.json(&["directory", "status", "--json"]);
    let present: u64 = status.as_array().unwrap().iter().map(|row| row["present"].as_u64().unwrap()).sum();
    assert!(present > 50 && present < added, "people, without schools and trainings");
    let runs = guichet.json(&["directory", "history", "--json"]);
    let outcomes: Vec<_> = runs.as_array().unwrap().iter().map(|run| run["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["repeated", "applied"]);
}

#[test]
fn a_dry_run_gives_the_report_and_leaves_nothing() {
    let guichet = Guichet::new();
    let archive = guichet.samples().remove(0);
    let words = ["directory", "import", &archive, "--academy", "14", "--json", "--dry-run"];
    assert!(guichet.json(&words)["added"].as_u64().unwrap() > 60);
    assert_eq!(guichet.json(&["directory", "status", "--json"]), json!([]));
}

#[test]
fn im_02_a_broken_archive_is_named_and_nothing_of_it_stays() {
    let guichet = Guichet::new();
    let archive = guichet.samples().remove(0);
    let whole = std::fs::read(guichet.path(&archive)).unwrap();
    for (name, bytes) in [("cut.zip", &whole[..whole.len() / 2]), ("empty.zip", &[]), ("text.tar.gz", b"no archive")] {
        std::fs::write(guichet.path(name), bytes).unwrap();
        let ended = guichet.run(&["directory", "import", name, "--academy", "14", "--json"]);
        ended.assert_refused(1, &[name, "nothing was applied"]);
        assert_eq!(guichet.json(&["directory", "status", "--json"]), json!([]));
    }
    guichet.run(&["directory", "import", "absent.zip", "--academy", "14"]).assert_refused(1, &["absent.zip"]);
    guichet.run(&["directory", "import", "cut.zip"]).assert_refused(2, &["--academy"]);
    guichet.run(&["directory", "import", "cut.zip", "--academy", "x"]).assert_refused(2, &["academy"]);
}

/// Deliveries that this project did not write; they are not part of it.
#[test]
fn deliveries_of_others_are_imported() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/domain/fixtures");
    if !fixtures.is_dir() {
        eprintln!("the deliveries of others are absent ({}): not tested", fixtures.display());
        return;
    }
    let guichet = Guichet::new();
    for (folder, academy, read) in [("2d-minimal-2020", 9, 2), ("2d-staff-2024/before", 16, 3)] {
        let folder = fixtures.join(folder);
        let words = ["directory", "import", folder.to_str().unwrap(), "--academy", &academy.to_string(), "--json"];
        let report = guichet.json(&words);
        assert_eq!(
            (&report["academy"], &report["read"], &report["added"]),
            (&json!(academy), &json!(read), &json!(read))
        );
    }
}

#[test]
fn samples_are_written_of_both_stages_of_an_academy_and_of_the_days_that_follow() {
    let guichet = Guichet::new();
    let sample = |words: &[&str]| {
        let all =
            [&["directory", "sample", "--seed", "7", "--academy", "14", "--out", "days", "--json"], words].concat();
        let rows = guichet.json(&[&all[..], &["--date", "2026-09-15"]].concat());
        let row = |row: &serde_json::Value| {
            assert!(guichet.path(row["path"].as_str().unwrap()).is_file());
            format!("{} {} {}", row["academy"], row["kind"].as_str().unwrap(), row["date"].as_str().unwrap())
        };
        rows.as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let days = ["14 complete 2026-09-15", "14 delta 2026-09-16", "14 delta 2026-09-17"];
    assert_eq!(sample(&["--families", "30", "--stage", "1d", "--deltas", "2"])[..3], days);
    assert_eq!(sample(&["--persons", "3000", "--dialect", "2013", "--deltas", "2"]), days);
    guichet
        .run(&["directory", "sample", "--seed", "7", "--academy", "14", "--out", "x"])
        .assert_refused(2, &["--families"]);
}
