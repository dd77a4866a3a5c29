//! `guichet keys list`: each key on a line, and who is behind.

use std::io::{self, Write};
use std::process::ExitCode;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXUPPER;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::directory::plain;
use super::House;
use crate::domain::relying_party::PartyId;
use crate::domain::signing_key::{CERTIFICATE_WARNING, Entry, How, Place, Purpose, State, minute};
use crate::keys::Certificate;

pub fn run(house: &House, all: bool, as_json: bool) -> anyhow::Result<ExitCode> {
    let shown = house.register.keys().iter().filter(|entry| all || entry.state() != State::Retired);
    let mut out = io::stdout().lock();
    if as_json {
        let rows: Value = shown.map(|entry| row(house, entry)).collect();
        writeln!(out, "{rows}")?;
    } else {
        for entry in shown {
            writeln!(out, "{}", line(house, entry))?;
        }
    }
    for purpose in Purpose::ALL {
        let behind = house.laggards(purpose);
        if let (Some(current), false) = (house.register.current(purpose), behind.is_empty()) {
            eprintln!(
                "{} relying parties have not proved that they accept {}: `guichet keys move` where you know it",
                behind.len(),
                current.name
            );
        }
    }
    for entry in house.register.keys() {
        if let Some(end) = near_end(house, entry) {
            eprintln!(
                "{}: its certificate ends on {}; `guichet keys new {}` begins a rotation",
                entry.name,
                end.date(),
                entry.name.purpose.code()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

const fn word(state: State) -> &'static str {
    match state {
        State::ToPublish => "to publish",
        State::Published => "published",
        State::Active => "active",
        State::Retired => "retired",
    }
}

const fn place(entry: &Entry) -> &'static str {
    match entry.place {
        Place::Folder => "folder",
        Place::Token => "token",
    }
}

fn instant(at: Option<OffsetDateTime>) -> Option<String> {
    at.and_then(|at| at.format(&Rfc3339).ok())
}

/// Since when the key is what it is.
fn since(entry: &Entry) -> OffsetDateTime {
    let steps = [entry.retired_at, entry.activated_at, entry.published_at];
    steps.into_iter().flatten().next().unwrap_or(entry.made_at)
}

/// As `openssl x509 -fingerprint -sha256` gives it for a certificate, without colons.
fn fingerprint(entry: &Entry) -> String {
    HEXUPPER.encode(digest(&SHA256, &entry.public).as_ref())
}

/// Of a key that goes out in a certificate.
fn certificate_end(entry: &Entry) -> Option<OffsetDateTime> {
    entry.name.purpose.is_saml().then(|| Certificate::from_der(&entry.public)).flatten()?.ends_at()
}

/// The same where it is near enough to make another key for.
fn near_end(house: &House, entry: &Entry) -> Option<OffsetDateTime> {
    certificate_end(entry).filter(|end| entry.state() != State::Retired && *end - house.now <= CERTIFICATE_WARNING)
}

/// The parties behind, if this is the key they are behind of.
fn behind<'a>(house: &'a House, entry: &Entry) -> Vec<&'a PartyId> {
    let purpose = entry.name.purpose;
    let is_current = house.register.current(purpose).is_some_and(|current| current.name == entry.name);
    if is_current { house.laggards(purpose) } else { Vec::new() }
}

/// How many parties are answered with it; nothing is told of OpenID Connect, where all are.
fn answered(house: &House, entry: &Entry) -> Option<usize> {
    let is_answered = |party: &&&PartyId| house.register.is_answered_with(party, entry.name, house.now);
    entry.name.purpose.is_saml().then(|| house.parties_of(entry.name.purpose).iter().filter(is_answered).count())
}

pub fn row(house: &House, entry: &Entry) -> Value {
    let early = (entry.state() == State::Published).then(|| entry.published_at.map(|at| at + house.publish)).flatten();
    let laggards = behind(house, entry).into_iter().map(|party| {
        let read = read_at(house, entry, party);
        json!({
            "party": party,
            "since": instant(Some(since(entry))),
            "read_at": instant(read.map(|(at, _)| at)),
            "moves_at": instant(read.map(|(_, moves)| moves)),
        })
    });
    json!({
        "name": entry.name.to_string(),
        "purpose": entry.name.purpose.code(),
        "state": word(entry.state()),
        "place": place(entry),
        "is_here": house.ring.take(entry).is_ok(),
        "sha256": fingerprint(entry),
        "certificate_ends_at": instant(certificate_end(entry)),
        "made_at": instant(Some(entry.made_at)),
        "published_at": instant(entry.published_at),
        "may_be_active_from": instant(early),
        "activated_at": instant(entry.activated_at),
        "retired_at": instant(entry.retired_at),
        "is_withdrawn": entry.is_withdrawn,
        "parties": answered(house, entry),
        "laggards": laggards.collect::<Value>(),
    })
}

/// When a party read the key in our metadata, and from when that counts.
fn read_at(house: &House, entry: &Entry, party: &PartyId) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let mut proofs = house.register.acceptances(party, entry.name);
    proofs.find(|proof| proof.how == How::Metadata).map(|proof| (proof.at, proof.counts_from()))
}

fn line(house: &House, entry: &Entry) -> String {
    let (name, state) = (entry.name.to_string(), word(entry.state()));
    let mut parts = vec![format!("{name:<14}{state:<12}since {}  {:<7}", minute(since(entry)), place(entry))];
    if let (State::Published, Some(at)) = (entry.state(), entry.published_at) {
        parts.push(format!("  may be active from {}", minute(at + house.publish)));
    }
    if let (State::Active, Some(count)) = (entry.state(), answered(house, entry)) {
        parts.push(format!("  answers {count} relying parties"));
    }
    if let Some(end) = near_end(house, entry) {
        parts.push(format!("  CERTIFICATE ENDS {}", end.date()));
    }
    if entry.is_withdrawn {
        parts.push("  withdrawn".to_owned());
    }
    if let (false, Err(error)) = (entry.state() == State::Retired, house.ring.take(entry)) {
        parts.push(format!("\n    not on this node: {error}"));
    }
    for party in behind(house, entry) {
        parts.push(format!("\n    waits for {} since {}", plain(&party.0), minute(since(entry))));
        if let Some((read, moves)) = read_at(house, entry, party) {
            parts.push(format!(", which read our metadata {} and moves {}", minute(read), minute(moves)));
        }
    }
    parts.concat()
}
