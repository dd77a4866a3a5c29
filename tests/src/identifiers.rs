//! What must never be met twice: identifiers of messages (SO-05, SO-09).

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::process::Command;

const EACH: usize = 340_000;
const MARK: &str = "drawn ";

/// No claim of its own: one of the processes below.
#[test]
#[ignore = "run by so_09_three_processes_draw_no_identifier_twice"]
fn a_process_draws_identifiers() {
    let mut out = io::stdout().lock();
    for _ in 0..EACH {
        writeln!(out, "{MARK}{}", idp::saml::signing::id(idp::chance::bytes())).unwrap();
    }
}

#[test]
fn so_09_three_processes_draw_no_identifier_twice() {
    let draw = || {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", "identifiers::a_process_draws_identifiers", "--ignored", "--nocapture"]);
        process.stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..3).map(|_| draw()).collect();
    let mut seen = HashSet::new();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success());
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let Some(id) = line.split_once(MARK).map(|(_, id)| id) else { continue };
            assert!(id.len() == 33 && id.starts_with('_'), "{id}");
            assert!(seen.insert(id.to_owned()), "{id} was drawn twice");
        }
    }
    assert_eq!(seen.len(), 3 * EACH);
}
