//! Which room may name which: the table of directions. Changing it is a change of architecture, argued in its commit.
//!
//! It is kept by reading the sources, not by crates: inside one crate nothing else says no. Tests may stand on whatever
//! they need, so what is below `#[cfg(test)]` and in files of tests is not read.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A room, the rooms of its own crate that it may name, and the rooms of `directory` (for those of `idp`).
struct Room {
    name: &'static str,
    may: &'static [&'static str],
    of_directory: &'static [&'static str],
}

const fn room(name: &'static str, may: &'static [&'static str], of_directory: &'static [&'static str]) -> Room {
    Room { name, may, of_directory }
}

const DIRECTORY: &[Room] = &[
    room("model", &[], &[]),
    room("db", &[], &[]),
    room("testing", &["db"], &[]),
    room("incoming", &["model"], &[]),
    room("human", &["model"], &[]),
    room("reader", &["model", "db"], &[]),
    room("writer", &["model", "db", "incoming", "human"], &[]),
    room("source", &["model", "incoming"], &[]),
    room("sample", &["model", "incoming"], &[]),
    room("reconcile", &["model", "db", "incoming", "reader", "writer"], &[]),
    room("import", &["model", "db", "incoming", "writer", "source", "reconcile"], &[]),
];

const READ: &[&str] = &["model", "db", "reader"];
const BELOW_THE_DEEDS: &[&str] = &["config", "clock", "chance", "domain", "keys", "text", "theme", "outbound", "store"];
const BELOW_THE_DEEDS_OF_PARTIES: &[&str] =
    &["config", "clock", "chance", "domain", "keys", "outbound", "store", "saml", "oidc"];
const BELOW_THE_WEB: &[&str] = &[
    "config",
    "clock",
    "chance",
    "domain",
    "keys",
    "text",
    "theme",
    "outbound",
    "mutual_tls",
    "store",
    "signing",
    "saml",
    "oidc",
    "accounts",
    "parties",
];
const BELOW_THE_SERVER: &[&str] = &[
    "config",
    "clock",
    "chance",
    "domain",
    "keys",
    "text",
    "theme",
    "outbound",
    "mutual_tls",
    "store",
    "signing",
    "saml",
    "oidc",
    "accounts",
    "parties",
    "web",
    "jobs",
];

const IDP: &[Room] = &[
    room("config", &[], &[]),
    room("clock", &[], &[]),
    room("chance", &[], &[]),
    room("domain", &[], &["model"]),
    // The states of keys and how they are named are rules; the folder and the token follow them.
    room("keys", &["config", "chance", "domain"], &[]),
    room("text", &["config"], &[]),
    room("theme", &["config"], &[]),
    // The only way out: whoever asks another server by itself passes its guard.
    room("outbound", &["config", "clock"], &[]),
    // What TLS shows of a caller, and which authorities vouch for it: files of the settings, and nothing of a client.
    room("mutual_tls", &[], &[]),
    room("store", &["domain"], &["model", "db"]),
    // Which key signs for whom: states of the store over keys of the folder. Beside the deeds, which never sign.
    room("signing", &["clock", "domain", "keys", "store"], &[]),
    room("saml", &["domain", "keys"], &[]),
    room("oidc", &["domain", "keys"], &[]),
    room("accounts", BELOW_THE_DEEDS, READ),
    room("parties", BELOW_THE_DEEDS_OF_PARTIES, &[]),
    room("web", BELOW_THE_WEB, READ),
    room("jobs", BELOW_THE_WEB, READ),
    room("serve", BELOW_THE_SERVER, READ),
    // Relying parties that happen to be in our binary: they know the public protocol only.
    room("demo", &[], &[]),
];

/// Crates of others that only some rooms of `idp` or `directory` may name. `cli` may name the web's: it runs the demo.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("sqlx", &["directory::db", "directory::reader", "directory::writer", "directory::testing", "idp::store"]),
    ("axum", &["idp::web", "idp::serve", "idp::cli", "idp::demo"]),
    ("axum_server", &["idp::serve", "idp::cli"]),
    ("samael", &["idp::saml", "idp::demo"]),
    ("openidconnect", &["idp::oidc", "idp::demo"]),
    ("minijinja", &["idp::web", "idp::theme", "idp::text", "idp::demo"]),
    ("quick_xml", &["directory::source", "directory::sample", "idp::saml", "idp::demo"]),
    ("reqwest", &["idp::outbound", "idp::demo"]),
    ("governor", &["idp::accounts"]),
    ("cryptoki", &["idp::keys"]),
    ("clap", &["idp::cli"]),
    ("anyhow", &["idp::cli"]),
];

/// Rooms that are pure: what they say depends on their arguments only.
const PURE: &[&str] =
    &["idp::domain", "idp::saml", "idp::oidc", "directory::model", "directory::incoming", "directory::human"];

/// One name written in a source.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    line: usize,
    /// `crate`, or a crate of others.
    of: String,
    /// The first name below it.
    what: String,
}

/// A source without its tests, its comments blanked so that lines keep their numbers.
fn product(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_inline_test =
            line.trim() == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.trim_end().ends_with('{'));
        if is_inline_test && !line.starts_with(' ') {
            break;
        }
        kept.push_str(line.split("//").next().unwrap_or_default());
        kept.push('\n');
    }
    kept
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The names at the first level of `{a, b::{c, d}, self}` or of `a::b`.
fn first_names(text: &str) -> Vec<String> {
    let Some(inside) = text.strip_prefix('{') else {
        return vec![text.chars().take_while(|c| is_word(*c)).collect()];
    };
    let (mut names, mut name, mut depth, mut is_first) = (Vec::new(), String::new(), 0, true);
    for c in inside.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(std::mem::take(&mut name));
                is_first = true;
            }
            c if is_word(c) && depth == 0 && is_first => name.push(c),
            ':' | ' ' if !name.is_empty() => is_first = false,
            _ => {}
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty() && name != "self");
    names
}

/// All that a source names by `crate::`, by `super::` out of its room, and by the names of other crates.
fn named(source: &str, module: &[String], crates: &[&str]) -> Vec<Named> {
    let text = product(source);
    let mut found = Vec::new();
    for of in ["crate", "super"].iter().chain(crates) {
        let pattern = format!("{of}::");
        for (at, _) in text.match_indices(&pattern) {
            let before = text[..at].chars().next_back();
            let after = &text[at + pattern.len()..];
            if before.is_some_and(|c| is_word(c) || c == ':') && !text[..at].ends_with(" ::") {
                continue;
            }
            let line = text[..at].matches('\n').count() + 1;
            let mut rest = after;
            if *of == "super" {
                let mut ups = 1;
                while let Some(further) = rest.strip_prefix("super::") {
                    (rest, ups) = (further, ups + 1);
                }
                if ups < module.len() {
                    continue; // Still inside the room.
                }
            }
            let of = if *of == "super" { "crate" } else { of };
            found.extend(first_names(rest).into_iter().map(|what| Named { line, of: of.to_owned(), what }));
        }
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if name != "tests" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !["tests.rs", "example.rs", "lib.rs", "main.rs"].contains(&&*name)
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// `accounts/hashing/mod.rs` is `[accounts, hashing]`.
fn module(below: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        below.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// What breaks the table in one file, each with its line.
fn faults(the_crate: &str, rooms: &[Room], file: &Path, below: &Path, source: &str) -> String {
    let module = module(below);
    let own = module.first().unwrap();
    let place = format!("{the_crate}::{own}");
    let mut crates: Vec<&str> = OUTSIDE.iter().map(|(name, _)| *name).collect();
    crates.push("directory");
    let mut faults = String::new();
    let mut say =
        |line: usize, what: &str| writeln!(faults, "{}:{line}: {place} names {what}", file.display()).unwrap();
    let table = rooms.iter().find(|room| room.name == own);
    if table.is_none() && own != "cli" {
        say(1, "nothing yet: the table does not know this room");
    }
    for Named { line, of, what } in named(source, &module, &crates) {
        let is_allowed = match (&*of, table) {
            (_, None) if of == "crate" || of == "directory" => true,
            // The macro over the two drivers stands at the root.
            ("crate", Some(room)) => {
                let what = if what == "on" { "db" } else { &what };
                what == own || room.may.contains(&what) || what == "crate"
            }
            ("directory", Some(room)) => room.of_directory.contains(&&*what) || the_crate == "directory",
            (of, _) => OUTSIDE.iter().all(|(name, rooms)| *name != of || rooms.contains(&&*place)),
        };
        if !is_allowed {
            say(line, &format!("{of}::{what}"));
        }
    }
    if PURE.contains(&&*place) {
        for (number, line) in product(source).lines().enumerate() {
            if line.contains("async fn") || line.contains(".await") || line.contains("std::fs") {
                say(number + 1, "something that waits or reads files, but is pure");
            }
        }
    }
    faults
}

#[test]
fn no_room_names_what_stands_above_or_beside_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut all = String::new();
    let mut read = 0;
    for (the_crate, folder, rooms) in [("directory", "directory-sync/src", DIRECTORY), ("idp", "idp/src", IDP)] {
        let folder = root.join(folder);
        for file in sources(&folder) {
            let source = std::fs::read_to_string(&file).unwrap();
            let below = file.strip_prefix(&folder).unwrap();
            all += &faults(the_crate, rooms, file.strip_prefix(root).unwrap(), below, &source);
            read += 1;
        }
    }
    assert!(read > 100, "only {read} sources were found");
    assert!(all.is_empty(), "the table of directions (see tests/src/layers.rs) is broken:\n{all}");
}

fn fault(path: &str, source: &str) -> String {
    faults("idp", IDP, Path::new(path), Path::new(path), source)
}

#[test]
fn a_breach_is_told_with_its_file_and_line() {
    assert_eq!(fault("store/x.rs", "\nuse crate::web::page;\n"), "store/x.rs:2: idp::store names crate::web\n");
    assert_eq!(fault("domain/x.rs", "fn a() { sqlx::query(\"\") }"), "domain/x.rs:1: idp::domain names sqlx::query\n");
    let grouped = "use crate::{\n    domain::{account, web},\n    web,\n};\n";
    assert_eq!(fault("store/x.rs", grouped), "store/x.rs:1: idp::store names crate::web\n");
    assert_eq!(fault("saml/mod.rs", "use super::oidc::x;"), "saml/mod.rs:1: idp::saml names crate::oidc\n");
    assert_eq!(fault("accounts/a/b.rs", "use super::super::super::web::x;").lines().count(), 1);
    assert_eq!(fault("accounts/x.rs", "use directory::writer;").lines().count(), 1);
    assert_eq!(fault("oidc/x.rs", "async fn a() {}").lines().count(), 1);
    assert_eq!(fault("demo/x.rs", "use crate::domain::x;").lines().count(), 1);
    assert_eq!(fault("newroom/x.rs", "").lines().count(), 1);
}

#[test]
fn what_the_table_allows_is_no_breach() {
    for (path, source) in [
        ("store/x.rs", "use crate::domain::x;\nuse directory::{db, model::PersonId};\nuse super::web;\nsqlx::query();"),
        ("saml/a/b.rs", "use super::super::lexis; // crate::web\n#[cfg(test)]\nmod tests {\n    use crate::web;\n}\n"),
        ("accounts/x.rs", "use directory::reader::Directory;\nuse crate::{chance, store::{self, web}};"),
        ("cli/x.rs", "use ::directory::writer;\nuse crate::web::x;\nuse anyhow::Context;"),
        ("web/x.rs", "use axum::Router;\nuse tower::x::axum::y;"),
    ] {
        assert_eq!(fault(path, source), "");
    }
}
