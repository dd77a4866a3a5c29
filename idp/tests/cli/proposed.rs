//! Records that may be one human: listed, joined, parted.

use directory::model::Stage;
use directory::sample::{Dialect, Plan};
use serde_json::{Value, json};

use super::guichet::Guichet;
use super::people::{FIRST, write};

/// Two academies; the parent who has a child in each gave his mobile to one of them only, and has the account of one
/// unless `in_both`.
fn imported(guichet: &Guichet, in_both: bool) {
    let (academy, stage) = ("14".parse().unwrap(), Stage::Secondary);
    let plan = Plan { families: 20, seed: 7, academy, stage, date: FIRST, dialect: Dialect::Current };
    for mut people in plan.sample().deliveries {
        if people.academy != academy {
            people.guardians.iter_mut().for_each(|guardian| guardian.mobiles.clear());
        }
        let code = people.academy.to_string();
        let archive = write(&people, &guichet.path(&code));
        guichet.json(&["directory", "import", &archive, "--academy", &code, "--json"]);
        if in_both || people.academy == academy {
            guichet.json(&["account", "open", "--json"]);
        }
    }
}

fn proposals(guichet: &Guichet, more: &[&str]) -> Vec<Value> {
    guichet.json(&[&["directory", "proposals", "--json"], more].concat()).as_array().unwrap().clone()
}

#[test]
fn one_human_of_two_academies_is_listed_joined_and_parted() {
    let guichet = Guichet::new();
    assert_eq!(proposals(&guichet, &[]), Vec::<Value>::new());
    guichet.run(&["directory", "proposals", "join", "1"]).assert_refused(1, &["nothing was imported"]);
    imported(&guichet, false);
    let open = proposals(&guichet, &[]);
    let [proposal] = &open[..] else { panic!("{open:?}") };
    assert_eq!((&proposal["outcome"], &proposal["rule"]), (&json!("open"), &json!("grouping-in-part")));
    // In the order of their texts: academy 10 is before 14.
    let [id, other, one] = ["id", "one", "other"].map(|name| {
        let value = &proposal[name];
        value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
    });
    let told = guichet.run(&["directory", "proposals"]);
    for words in [&*one, &other, "same     given name", "missing", "mobile"] {
        assert!(told.out.contains(words), "{words:?} is not in {told:?}");
    }
    assert!(!told.out.contains('@') && !told.out.contains("+33"), "values are nobody's business here: {told:?}");

    let people = |person: &str| guichet.json(&["account", "show", "--person", person, "--json"])["people"].clone();
    let has_no_account =
        || guichet.run(&["account", "show", "--person", &other]).told.contains("no account goes by that");
    assert_eq!((people(&one), has_no_account()), (json!([&one]), true));
    let joined = guichet.json(&["directory", "proposals", "join", &id, "--by", "Camille", "--json"]);
    assert_eq!(joined["outcome"], "joined");
    assert_eq!((people(&one), people(&other)), (json!([&one, &other]), json!([&one, &other])));
    assert_eq!(proposals(&guichet, &[]), Vec::<Value>::new());
    let all = proposals(&guichet, &["--all"]);
    assert_eq!((&all[0]["outcome"], &all[0]["decided_by"]), (&json!("joined"), &json!("Camille")));

    assert_eq!(guichet.run(&["directory", "proposals", "part", &id, "--by", "Dominique"]).code, 0);
    assert_eq!((people(&one), has_no_account()), (json!([&one]), true));
    assert_eq!(proposals(&guichet, &["--all"])[0]["outcome"], "parted");
    guichet.run(&["directory", "proposals", "join", "99"]).assert_refused(1, &["no proposal 99"]);
    guichet.run(&["directory", "proposals", "part"]).assert_refused(2, &["ID"]);
}

#[test]
fn two_accounts_of_one_human_stay_two_and_are_told() {
    let guichet = Guichet::new();
    imported(&guichet, true);
    let proposal = proposals(&guichet, &[]).swap_remove(0);
    let id = proposal["id"].to_string();
    let joined = guichet.run(&["directory", "proposals", "join", &id]);
    assert!(joined.code == 0 && joined.told.contains("one human has two accounts (1 times)"), "{joined:?}");
    let person = proposal["one"].as_str().unwrap();
    assert_eq!(guichet.json(&["account", "show", "--person", person, "--json"])["people"], json!([person]));
}
