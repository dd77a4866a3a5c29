use serde_json::{Value, json};

use super::guichet::Guichet;

#[test]
fn accounts_are_opened_once_shown_and_given_a_letter() {
    let guichet = Guichet::new();
    guichet.import();
    let first = guichet.json(&["account", "open", "--json"]);
    assert!(first["opened"].as_u64().unwrap() > 40 && first["passed_over"].as_u64().unwrap() > 0, "{first}");
    let again = guichet.json(&["account", "open", "--json"]);
    assert_eq!((&again["opened"], &again["joined"]), (&json!(0), &json!(0)));

    let show = || guichet.json(&["account", "show", "--person", "14-2d-7100001", "--json"]);
    let dormant = show();
    assert_eq!((&dormant["state"], &dormant["provisional_until"]), (&json!("to-activate"), &Value::Null));
    assert_eq!((&dormant["profile"], &dormant["people"]), (&json!("student"), &json!(["14-2d-7100001"])));
    let login = dormant["login"].as_str().unwrap();

    let dry = guichet.run(&["account", "reset", login, "--dry-run"]);
    assert_eq!((dry.code, show()), (0, dormant.clone()));
    let letter = guichet.run(&["account", "reset", login, "--json"]);
    let password = letter.json()["provisional_password"].as_str().unwrap().to_owned();
    assert_eq!((letter.code, password.len()), (0, 14));
    assert!(!letter.told.contains(&password), "the password goes to standard output only");
    assert_eq!(show()["provisional_until"], letter.json()["until"]);
    assert!(!guichet.run(&["account", "show", login]).out.contains(&password));

    assert_eq!(guichet.run(&["account", "unlock", login]).code, 0);
    assert_eq!(show()["waits_until"], Value::Null);
}

#[test]
fn an_account_that_is_not_there_is_said_so() {
    let guichet = Guichet::new();
    for deed in ["show", "reset", "unlock"] {
        guichet.run(&["account", deed, "n.personne99"]).assert_refused(1, &["no account goes by that"]);
        guichet.run(&["account", deed]).assert_refused(2, &["LOGIN"]);
    }
}
