//! Runs, one after the other: the turn, the order, the brake and who lets through, undo. On both databases.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use time::Duration;
use time::macros::date;

use crate::db::{Access, Db};
use crate::import::example::{Example, NOW, everything};
use crate::import::*;
use crate::incoming::{Category, Kind};
use crate::model::Stage;
use crate::reader::Directory;
use crate::sample::{Dialect, People, Plan};
use crate::testing;

/// Every row of every table of the directory but those that only remember runs, in the order of its text.
pub(in crate::import) async fn rows(place: &Place) -> BTreeMap<&'static str, Vec<String>> {
    const TABLES: [(&str, &str); 7] = [
        ("schools", "id, source, uai, name, kind, digest, left_at, told, run"),
        ("mefs", "id, source, level, digest, left_at, told, run"),
        (
            "persons",
            "id, source, kind, family, given, birth, title, birth_date, ine, school_number, mef, school, mail, digest, \
             left_at, level, folded, told, run",
        ),
        ("guardianships", "student, guardian, link, authority"),
        ("enrolments", "person, position, school, division"),
        ("staff_functions", "person, position, school, code"),
        ("contacts", "person, position, mobile"),
    ];
    let db = crate::db::open(place, "directory", Access::Read, 1).await.unwrap();
    let mut all = BTreeMap::new();
    for (table, columns) in TABLES {
        let columns: Vec<String> =
            columns.split(", ").map(|name| format!("COALESCE(CAST({name} AS TEXT), '-')")).collect();
        let sql = format!("SELECT {} AS whole FROM {table} ORDER BY 1", columns.join(" || '|' || "));
        let mut rows: Vec<String> = match &db {
            Db::Sqlite(c) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(c).await.unwrap(),
            Db::Postgres(c) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(c).await.unwrap(),
        };
        rows.sort();
        all.insert(table, rows);
    }
    all
}

fn people(families: u32) -> People {
    let (academy, stage) = ("14".parse().unwrap(), Stage::Secondary);
    let plan = Plan { families, seed: 9, academy, stage, date: date!(2026 - 09 - 15), dialect: Dialect::Current };
    plan.sample().deliveries.swap_remove(0)
}

/// A tenth fewer adults, a day later.
fn cut(people: &People) -> People {
    let mut cut = people.clone();
    cut.guardians.truncate(people.guardians.len() / 10 * 9);
    cut.date = date!(2026 - 09 - 16);
    cut
}

async fn deliver(place: &Place, people: &People, change: impl FnOnce(&mut Import)) -> Result<Report, Error> {
    let folder = tempfile::tempdir().unwrap();
    let mut order = Import::new(vec![people.write(folder.path()).unwrap()], people.academy, NOW);
    order.by = "Camille".to_owned();
    change(&mut order);
    import(place, order, Arc::default(), &mut |_| {}).await
}

#[tokio::test]
async fn undo_puts_back_exactly_what_stood_before() {
    for place in testing::places().await {
        let before = people(40);
        deliver(&place, &before, |_| {}).await.unwrap();
        let stood = (rows(&place).await, everything(&place).await);
        let mut after = before.clone();
        after.date = date!(2026 - 09 - 16);
        // One leaves, one comes, one marries, one moves, one school is renamed.
        let gone = after.students.pop().unwrap();
        after.guardianships.retain(|tie| tie.student != gone.id);
        let mut new = after.guardians[0].clone();
        new.id = "14-2d-7299999".parse().unwrap();
        after.guardians.push(new);
        after.guardians[1].names.family = "NOUVELLE".to_owned();
        after.students[0].enrolments[0].division = "6Z".to_owned();
        after.schools[0].name = "CLG NEUF, PORT-BLANC".to_owned();
        let report = deliver(&place, &after, |order| order.limits.source_percent = 50).await.unwrap();
        assert_eq!((report.total.added, report.total.changed, report.total.left), (1, 3, 1), "{report:?}");
        assert_ne!(rows(&place).await, stood.0);
        let undone = undo(&place, report.run.unwrap(), "Camille", NOW).await.unwrap();
        assert_eq!((undone.restored, undone.removed), (4, 1));
        assert_eq!((rows(&place).await, everything(&place).await), stood);
        let twice = undo(&place, report.run.unwrap(), "Camille", NOW).await.unwrap_err();
        assert!(twice.to_string().contains("undone"), "{twice}");
        let older = undo(&place, 1, "Camille", NOW).await.unwrap_err();
        assert!(older.to_string().contains("no trace"), "{older}");
        // The same delivery may come again.
        let again = deliver(&place, &after, |order| order.limits.source_percent = 50).await.unwrap();
        assert_eq!((again.total.added, again.total.changed, again.total.left), (1, 3, 1));
        let undone = undo(&place, again.run.unwrap(), "Camille", NOW).await.unwrap();
        assert_eq!((undone.restored, rows(&place).await), (4, stood.0));
    }
}

#[tokio::test]
async fn im_12_an_import_that_makes_way_leaves_what_one_at_full_speed_leaves() {
    // More than one piece of each table, and changes in several of them.
    let first = people(1_700);
    let mut second = first.next(400, 3);
    second.date = date!(2026 - 09 - 16);
    for (slow, fast) in testing::places().await.into_iter().zip(testing::places().await) {
        for (place, share) in [(&slow, 90), (&fast, 100)] {
            for people in [&first, &second] {
                let report = deliver(place, people, |order| order.share = share).await.unwrap();
                assert!(!report.held, "{:?}", report.reasons);
            }
        }
        let (slow, fast) = (rows(&slow).await, rows(&fast).await);
        assert!(slow["persons"].len() > 4_096, "{}", slow["persons"].len());
        assert!(slow == fast, "what the two leave differs");
    }
}

#[tokio::test]
async fn the_first_delivery_of_a_source_can_be_undone() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let undone = undo(&place, 1, "Camille", NOW).await.unwrap();
        assert_eq!((undone.restored, undone.removed), (0, 8));
        assert!(rows(&place).await.values().all(Vec::is_empty));
        let unknown = undo(&place, 7, "Camille", NOW).await.unwrap_err();
        assert!(unknown.to_string().contains("no run 7"), "{unknown}");
    }
}

#[tokio::test]
async fn only_the_last_run_of_a_source_can_be_undone() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let next = Example::new().with("PersRelEleve", "naim.brahimi@", "n.brahimi@").dated("20260916");
        next.bring(&place).await.unwrap();
        let first = undo(&place, 1, "Camille", NOW).await.unwrap_err();
        assert!(first.to_string().contains("run 2 came after"), "{first}");
    }
}

#[tokio::test]
async fn im_09_a_held_delivery_is_let_through_by_a_second_person_only() {
    for place in testing::places().await {
        let whole = people(120);
        deliver(&place, &whole, |_| {}).await.unwrap();
        let before = rows(&place).await;
        let cut = cut(&whole);
        let held = deliver(&place, &cut, |_| {}).await.unwrap();
        assert!(held.held && held.run == Some(2), "{held:?}");
        let approve = |by: &'static str, run| {
            move |order: &mut Import| {
                order.by = by.to_owned();
                order.approve = Some(run);
            }
        };
        for (by, run, words) in [
            ("camille ", 2, "second person"),
            ("", 2, "second person"),
            ("Dominique", 1, "not held"),
            ("Dominique", 9, "no such run"),
        ] {
            let refused = deliver(&place, &cut, approve(by, run)).await.unwrap_err();
            assert!(refused.to_string().contains(words), "{refused}");
        }
        let mut other = cut.clone();
        other.guardians.pop();
        let refused = deliver(&place, &other, approve("Dominique", 2)).await.unwrap_err();
        assert!(refused.to_string().contains("other files"), "{refused}");
        assert_eq!(rows(&place).await, before);
        let applied = deliver(&place, &cut, approve("Dominique", 2)).await.unwrap();
        assert_eq!((applied.held, applied.approves, applied.total.left), (false, Some(2), held.total.left));
        assert_eq!((&*applied.asked_by, applied.approved_by.as_deref()), ("Camille", Some("Dominique")));
        let undone = undo(&place, applied.run.unwrap(), "Camille", NOW).await.unwrap();
        assert_eq!((undone.restored, rows(&place).await), (held.total.left, before));
    }
}

#[tokio::test]
async fn im_09_pupils_who_would_lose_their_adults_hold_the_delivery() {
    for place in testing::places().await {
        let whole = people(120);
        deliver(&place, &whole, |_| {}).await.unwrap();
        let before = rows(&place).await;
        let mut alone = whole.clone();
        alone.date = date!(2026 - 09 - 16);
        let some: Vec<_> = alone.students.iter().take(20).map(|student| student.id.clone()).collect();
        alone.guardianships.retain(|tie| !some.contains(&tie.student));
        let held = deliver(&place, &alone, |_| {}).await.unwrap();
        assert!(held.held && held.total.left == 0 && held.reasons[0].contains("lose all their adults"), "{held:?}");
        assert_eq!(rows(&place).await, before);
    }
}

#[tokio::test]
async fn an_approval_is_of_what_was_looked_at() {
    for place in testing::places().await {
        let whole = people(120);
        deliver(&place, &whole, |_| {}).await.unwrap();
        let cut = cut(&whole);
        deliver(&place, &cut, |_| {}).await.unwrap();
        let mut between = whole.clone();
        between.date = date!(2026 - 09 - 16);
        between.guardians[0].names.family = "AUTRE".to_owned();
        deliver(&place, &between, |_| {}).await.unwrap();
        let moved = deliver(&place, &cut, |order| {
            order.by = "Dominique".to_owned();
            order.approve = Some(2);
        });
        let moved = moved.await.unwrap_err();
        assert!(moved.to_string().contains("applied since"), "{moved}");
    }
}

#[tokio::test]
async fn im_07_who_was_silent_for_too_long_is_overtaken_and_writes_nothing() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let before = everything(&place).await;
        let paused = reconcile::take_turn(&place, "paused", NOW).await.unwrap();
        // Not before its lease has ended, not even a second before.
        let early = reconcile::take_turn(&place, "next", NOW + Duration::seconds(59)).await.unwrap_err();
        assert!(
            matches!(&early, reconcile::Error::Busy { holder } if holder.starts_with("paused, process")),
            "{early}"
        );
        let next = reconcile::take_turn(&place, "next", NOW + Duration::seconds(61)).await.unwrap();
        assert!(!paused.renew(NOW + Duration::seconds(61)).await.unwrap());
        let db = writer::open(&place).await.unwrap();
        let late = reconcile::undo(&db, &paused, 1, NOW).await.unwrap_err();
        assert!(late.to_string().contains("took the turn"), "{late}");
        assert_eq!(everything(&place).await, before);
        // The paused one still has its lock, the next one only its lease: a third one waits all the same.
        drop(paused);
        let third = reconcile::take_turn(&place, "third", NOW + Duration::seconds(62)).await.unwrap_err();
        assert!(third.to_string().contains("next, process"), "{third}");
        next.end(NOW + Duration::seconds(62)).await.unwrap();
        assert!(reconcile::take_turn(&place, "third", NOW + Duration::seconds(62)).await.is_ok());
    }
}

#[tokio::test]
async fn the_difference_is_told_by_school_and_attribute_with_examples() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let next = Example::new()
            .with(
                "Eleve",
                "<value>4101$3C</value></attr>\n<attr name=\"ENTEleveGroupes",
                "<value>4101$3D</value></attr>\n<attr name=\"ENTEleveGroupes",
            )
            .with("PersRelEleve", "naim.brahimi@example.org", "n.brahimi@example.org")
            .dated("20260916");
        let report = next.bring(&place).await.unwrap();
        assert_eq!(report.kind, Kind::Complete);
        assert_eq!(report.by_attribute[&Category::Students], BTreeMap::from([("ENTEleveClasses", 1)]));
        assert_eq!(report.by_attribute[&Category::Guardians], BTreeMap::from([("mail", 1)]));
        assert_eq!(report.by_school.len(), 1);
        assert_eq!((&*report.by_school[0].school, report.by_school[0].changed), ("0359901A", 1));
        let text = serde_json::to_string(&report).unwrap();
        // A class says little of a person; an address would say who it is.
        assert!(text.contains(r#""before":["4101$3C"],"after":["4101$3D"]"#), "{text}");
        assert!(text.contains(r#"{"name":"mail"}"#) && !text.contains("brahimi"), "{text}");
    }
}

#[tokio::test]
async fn a_run_says_who_asked_and_keeps_what_it_rejected() {
    for place in testing::places().await {
        let bad = Example::new().with("Eleve", "02/11/2012", "02/13/2012");
        let report = bad.bring(&place).await.unwrap();
        let directory = Directory::open(&place, 1).await.unwrap();
        let run = directory.run(report.run.unwrap()).await.unwrap().unwrap();
        assert_eq!((run.id, &*run.outcome, run.kind.as_deref()), (1, "applied", Some("complete")));
        let rejects = directory.rejects(1).await.unwrap();
        assert_eq!(rejects.len(), 1);
        let told = &report.rejects[0];
        assert_eq!((rejects[0].line.cast_unsigned(), &*rejects[0].reason), (told.line, &*told.reason));
        assert_eq!(rejects[0].key.as_deref(), Some("7100001"));
        assert!(directory.run(9).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn whom_a_run_rejected_and_whom_its_report_names_is_forgotten_after_a_year() {
    for place in testing::places().await {
        let people = people(5);
        let bad = Example::new().with("Eleve", "02/11/2012", "02/13/2012");
        bad.bring(&place).await.unwrap();
        let kept = async || {
            let directory = Directory::open(&place, 1).await.unwrap();
            let report: serde_json::Value =
                serde_json::from_str(&directory.run(1).await.unwrap().unwrap().report).unwrap();
            let listed = |member: &str| report[member].as_array().unwrap().len();
            assert_eq!((&report["added"], &report["rejected"]), (&7.into(), &1.into()));
            (directory.rejects(1).await.unwrap().len(), listed("rejects"), listed("examples") + listed("by_school") > 0)
        };
        deliver(&place, &people, |order| order.now = NOW + Duration::days(365)).await.unwrap();
        assert_eq!(kept().await, (1, 1, true));
        let mut next = people.clone();
        next.date = date!(2026 - 09 - 16);
        deliver(&place, &next, |order| order.now = NOW + Duration::days(366)).await.unwrap();
        assert_eq!(kept().await, (0, 0, false));
    }
}
