//! Deliveries of made-up people, whole or without some of them, and all that the directory knows.

use std::fmt::Write as _;
use std::path::Path;

use directory::db::Place;
use directory::model::{PersonId, Stage};
use directory::reader::Directory;
use directory::sample::{Dialect, People, Plan};
use time::Date;
use time::macros::date;

pub const FIRST: Date = date!(2026 - 09 - 15);

pub fn people(families: u32) -> People {
    let (academy, stage) = ("14".parse().unwrap(), Stage::Secondary);
    let plan = Plan { families, seed: 7, academy, stage, date: FIRST, dialect: Dialect::Current };
    plan.sample().deliveries.swap_remove(0)
}

/// The same, some days later.
pub fn later(people: &People, days: i64) -> People {
    People { date: people.date + time::Duration::days(days), ..people.clone() }
}

/// A delivery cut short: without half of the adults.
pub fn cut(people: &People) -> People {
    let mut cut = people.clone();
    cut.guardians.truncate(people.guardians.len() / 2);
    cut
}

/// Somebody has another name.
pub fn changed(people: &People) -> People {
    let mut changed = people.clone();
    changed.guardians[0].names.family = "NOUVELLE".to_owned();
    changed
}

/// Writes a delivery into a folder; gives the archive's name.
pub fn write(people: &People, folder: &Path) -> String {
    std::fs::create_dir_all(folder).unwrap();
    people.write(folder).unwrap().display().to_string()
}

/// All that a reader can see, page by page.
pub async fn everything(place: &Place) -> String {
    let Some(directory) = Directory::open_if_made(place, 1).await.unwrap() else { return String::new() };
    let (mut text, mut after): (String, Option<PersonId>) = (String::new(), None);
    loop {
        let page = directory.page(None, after.as_ref(), 500).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.person.id().clone());
        write!(text, "{page:?}").unwrap();
    }
    write!(text, "{:?}", directory.population().await.unwrap()).unwrap();
    text
}
