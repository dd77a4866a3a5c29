use super::guichet::Guichet;

/// Nobody listens on port 1.
const NOWHERE: &str = "postgres://guichet:secret@127.0.0.1:1/guichet";

#[test]
fn config_check_says_all_that_is_wrong_at_once() {
    let guichet = Guichet::new();
    guichet.write(
        "guichet.toml",
        "[service]\npublic_address = 'http://a.example/x'\nname = ' '\n[password]\nlanes = 9\n\
         [sessions]\nidle_minutes = 0\n[listen]\ntls_key = 'a.key'\n",
    );
    let all = ["public_address", "service.name", "password.lanes", "sessions", "tls_certificate", "guichet.toml"];
    for command in [&["config", "check"][..], &["serve"]] {
        guichet.run(&[command, &["--config", "guichet.toml"]].concat()).assert_refused(3, &all);
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let guichet = Guichet::new();
    guichet.write("guichet.toml", "[service]\npublic_adress = 'https://a.example'\n");
    let told = ["guichet.toml", "line 2", "public_adress", "public_address"];
    guichet.run(&["config", "check", "--config", "guichet.toml"]).assert_refused(3, &told);
    guichet.run(&["config", "check", "--config", "absent.toml"]).assert_refused(3, &["absent.toml"]);
    guichet.run(&["config", "check"]).assert_refused(2, &["--config"]);
    guichet.run(&["serve"]).assert_refused(3, &["public_address"]);
}

#[test]
fn right_settings_are_right_with_every_page() {
    let guichet = Guichet::new();
    guichet.write("guichet.toml", "[service]\npublic_address = 'https://guichet.example'\n");
    let ended = guichet.run(&["config", "check", "--config", "guichet.toml"]);
    assert_eq!((ended.code, &*ended.out), (0, ""), "{ended:?}");
}

#[test]
fn a_database_that_cannot_be_reached_is_named_without_its_password() {
    let guichet = Guichet::new();
    let settings = format!(
        "[service]\npublic_address = 'http://localhost:1'\n[data]\nplace = '{NOWHERE}'\n[keys]\nfolder = 'keys'\n"
    );
    guichet.write("guichet.toml", &settings);
    guichet.write("absent.zip", "");
    for words in [
        &["serve"][..],
        &["db", "migrate"],
        &["directory", "status"],
        &["directory", "import", "absent.zip", "--academy", "14"],
        &["account", "open"],
        &["rp", "list"],
    ] {
        let ended = guichet.run(&[words, &["--config", "guichet.toml"]].concat());
        ended.assert_refused(5, &["127.0.0.1"]);
        assert!(!ended.told.contains("secret"), "{ended:?}");
    }
}

#[test]
fn the_databases_are_made_by_one_command_that_can_be_repeated() {
    let guichet = Guichet::new();
    for _ in 0..2 {
        assert_eq!(guichet.run(&["db", "migrate", "--data", "there"]).code, 0);
    }
    assert!(guichet.path("there/idp.sqlite").is_file() && guichet.path("there/directory.sqlite").is_file());
}
