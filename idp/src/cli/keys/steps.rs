//! The steps of a rotation: what it does is said first, asked, then done.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;

use super::super::directory::plain;
use super::{House, Move, New, One, Replace, described};
use crate::domain::relying_party::PartyId;
use crate::domain::signing_key::{KeyName, Objection, Place, Purpose, minute};
use crate::signing::{self, Urgency};

/// How many parties are named before the rest is counted.
const NAMED: usize = 20;

pub async fn new(mut house: House, wanted: &New) -> anyhow::Result<ExitCode> {
    let name = house.register.next(wanted.purpose)?;
    let place = wanted.place(&house.ring);
    if wanted.manner.dry_run {
        let where_to = if place == Place::Token { "in the token" } else { "in the keys folder" };
        eprintln!("{name} would be made {where_to}");
        return wanted.manner.goes_on("").map(|ended| ended.err().unwrap_or(ExitCode::SUCCESS));
    }
    let made = signing::make(&house.store, &house.ring, (name, place), wanted.hold, house.now).await?;
    house.reread().await?;
    wanted.manner.tell(&house, name)?;
    eprintln!("{} is made{}", described(&made), if wanted.hold { "" } else { " and published" });
    if place == Place::Folder {
        eprintln!("every node needs {name}.key.pem in its keys folder, mode 600, before `guichet keys activate`");
    }
    if wanted.hold {
        eprintln!("next: copy it, then `guichet keys publish {name}`");
    } else if let Some(at) = made.published_at {
        eprintln!("next: `guichet keys activate {name}`, from {} on", minute(at + house.publish));
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn publish(mut house: House, wanted: &One) -> anyhow::Result<ExitCode> {
    house.register.may_publish(wanted.key)?;
    eprintln!("{} would be published in our metadata or key set", wanted.key);
    if let Err(code) = wanted.manner.goes_on(&format!("publish {}?", wanted.key))? {
        return Ok(code);
    }
    signing::publish(&house.store, &house.register, wanted.key, house.now).await?;
    house.reread().await?;
    wanted.manner.tell(&house, wanted.key)?;
    eprintln!("{} is published; `guichet keys activate` from {} on", wanted.key, minute(house.now + house.publish));
    Ok(ExitCode::SUCCESS)
}

pub async fn activate(mut house: House, wanted: &One) -> anyhow::Result<ExitCode> {
    let key = wanted.key;
    let breaks = signing::may_activate(&house.register, key, house.publish, wanted.urgency(), house.now)?;
    if let Err(error) = house.ring.take(house.register.key(key)?) {
        bail!("this node could not sign with {key}: {error}");
    }
    if let Some(Objection::TooEarly { from, .. }) = breaks {
        let from = minute(from);
        if key.purpose.is_saml() {
            eprintln!(
                "before {from}, parties that you move to {key} may hold metadata without it, and refuse our answers"
            );
        } else {
            eprintln!(
                "before {from}, clients that keep our key set and do not ask again refuse ID tokens signed with {key}"
            );
        }
    }
    if key.purpose.is_saml() {
        eprintln!("each relying party is answered with {key} when it has proved that it accepts it, and not before");
    } else {
        eprintln!("every ID token is signed with {key} from then on");
    }
    if let Err(code) = wanted.manner.goes_on(&format!("sign with {key}?"))? {
        return Ok(code);
    }
    signing::activate(&house.store, key, house.now).await?;
    house.reread().await?;
    wanted.manner.tell(&house, key)?;
    eprintln!("{key} is active; running nodes take it up within seconds");
    name_laggards(&house, key);
    Ok(ExitCode::SUCCESS)
}

fn name_laggards(house: &House, key: KeyName) {
    let behind = house.laggards(key.purpose);
    if !behind.is_empty() {
        eprintln!("{} relying parties still get the key before it:", behind.len());
        name(&behind);
        eprintln!(
            "next: `guichet keys list` says who is left; `guichet keys move PARTY` where you know that it is ready"
        );
    }
}

fn name(parties: &[&PartyId]) {
    for party in parties.iter().take(NAMED) {
        eprintln!("  {}", plain(&party.0));
    }
    if let Some(more) = parties.len().checked_sub(NAMED).filter(|more| *more > 0) {
        eprintln!("  and {more} more");
    }
}

pub async fn move_parties(mut house: House, wanted: &Move) -> anyhow::Result<ExitCode> {
    let Some(key) = house.register.current(wanted.purpose).map(|current| current.name) else {
        bail!("there is no active key for {}", wanted.purpose.code());
    };
    if !wanted.purpose.is_saml() {
        bail!("every OpenID Connect client gets {key} already: there the newest key signs for all");
    }
    let behind: Vec<PartyId> = house.laggards(wanted.purpose).into_iter().cloned().collect();
    let parties = if wanted.all { behind } else { chosen(&house, wanted)? };
    let parties: Vec<&PartyId> = parties.iter().collect();
    if parties.is_empty() {
        eprintln!("every relying party gets {key} already");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "{} relying parties are answered with {key} from then on; one that does not accept it refuses:",
        parties.len()
    );
    name(&parties);
    if let Err(code) = wanted.manner.goes_on(&format!("answer them with {key}?"))? {
        return Ok(code);
    }
    let moved = signing::accept(&house.store, &parties, key, house.now).await?;
    house.reread().await?;
    if wanted.manner.json {
        let told = json!({ "key": key.to_string(), "parties": parties, "laggards": house.laggards(wanted.purpose) });
        writeln!(io::stdout(), "{told}")?;
    }
    eprintln!("{moved} relying parties were moved to {key}; {} are left", house.laggards(wanted.purpose).len());
    Ok(ExitCode::SUCCESS)
}

fn chosen(house: &House, wanted: &Move) -> anyhow::Result<Vec<PartyId>> {
    let known = house.parties_of(wanted.purpose);
    let mut chosen = Vec::new();
    for id in &wanted.parties {
        match known.iter().find(|party| party.0 == *id) {
            Some(party) => chosen.push((*party).clone()),
            None => bail!("no SAML relying party that may be answered has the identifier {}", plain(id)),
        }
    }
    Ok(chosen)
}

pub async fn retire(mut house: House, wanted: &One) -> anyhow::Result<ExitCode> {
    let key = wanted.key;
    let parties = house.parties_of(key.purpose);
    let breaks = match signing::may_retire(&house.register, key, &parties, wanted.urgency(), house.now) {
        Err(objection @ Objection::InUse { .. }) => {
            name(&answered_with(&house, key));
            return Err(objection.into());
        }
        checked => checked?,
    };
    if breaks.is_some() {
        eprintln!(
            "these are still answered with {key}, and refuse our answers until they have read our metadata again:"
        );
        name(&answered_with(&house, key));
    }
    match (wanted.urgent, key.purpose.is_saml()) {
        (true, _) => eprintln!("{key} is withdrawn: published no more from then on, so what it signed is refused"),
        (false, true) => eprintln!("{key} goes out of our metadata"),
        (false, false) => eprintln!("{key} stays in the key set until what it signed has ended"),
    }
    if let Err(code) = wanted.manner.goes_on(&format!("retire {key} for good?"))? {
        return Ok(code);
    }
    signing::retire(&house.store, key, wanted.urgency(), house.now).await?;
    house.reread().await?;
    wanted.manner.tell(&house, key)?;
    eprintln!("{key} is retired; its private half may be destroyed on every node");
    Ok(ExitCode::SUCCESS)
}

fn answered_with(house: &House, key: KeyName) -> Vec<&PartyId> {
    let parties = house.parties_of(key.purpose).into_iter();
    parties.filter(|party| house.register.is_answered_with(party, key, house.now)).collect()
}

/// The urgent rotation, in one command. A key that was published already is better than a fresh one: parties have it.
pub async fn replace(mut house: House, wanted: &Replace) -> anyhow::Result<ExitCode> {
    let purpose = wanted.purpose;
    let (next, is_ready) = match house.register.next(purpose) {
        Ok(next) => (next, false),
        Err(Objection::Waiting { waiting }) => (waiting, true),
        Err(objection) => return Err(objection.into()),
    };
    let old: Vec<KeyName> = active(&house, purpose);
    if old.is_empty() {
        bail!(
            "no key for {} is active: there is nothing to replace, `guichet keys new` makes the first",
            purpose.code()
        );
    }
    let told: Vec<String> = old.iter().map(ToString::to_string).collect();
    let (made, ended) = (if is_ready { "" } else { "made, " }, told.join(", "));
    eprintln!("{next} is {made}published and active at once; withdrawn, never to be believed again: {ended}");
    if purpose.is_saml() {
        let parties = house.parties_of(purpose);
        eprintln!("{} relying parties refuse our answers until they have read our metadata again:", parties.len());
        name(&parties);
    } else {
        eprintln!("clients that keep our key set and do not ask again refuse ID tokens for as long as they keep it");
    }
    if let Err(code) = wanted.manner.goes_on(&format!("replace {ended} by {next}?"))? {
        return Ok(code);
    }
    if !is_ready {
        signing::make(&house.store, &house.ring, (next, house.ring.place()), false, house.now).await?;
        house.reread().await?;
    } else if house.register.may_publish(next).is_ok() {
        signing::publish(&house.store, &house.register, next, house.now).await?;
    }
    if let Err(error) = house.ring.take(house.register.key(next)?) {
        bail!("this node could not sign with {next}: {error}; {ended} stays as it was");
    }
    signing::activate(&house.store, next, house.now).await?;
    for key in old {
        signing::retire(&house.store, key, Urgency::Urgent, house.now).await?;
    }
    house.reread().await?;
    wanted.manner.tell(&house, next)?;
    let entry = house.register.key(next)?;
    eprintln!("{} signs; running nodes take it up within seconds", described(entry));
    if entry.place == Place::Folder {
        eprintln!("next: copy {next}.key.pem to every other node now, mode 600: without it a node answers nobody");
    }
    if purpose.is_saml() {
        eprintln!("next: have every relying party read our metadata again");
    }
    Ok(ExitCode::SUCCESS)
}

fn active(house: &House, purpose: Purpose) -> Vec<KeyName> {
    use crate::domain::signing_key::State::Active;
    house.register.in_state(purpose, Active).map(|entry| entry.name).collect()
}
