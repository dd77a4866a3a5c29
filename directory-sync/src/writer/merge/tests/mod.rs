//! On both databases, with records put there by hand. Everyone is made up.

mod drawn;

use std::fmt::Write as _;

use time::macros::datetime;

use super::*;
use crate::db::Db;
use crate::reader::{Directory, IdentityChangeKind};
use crate::writer::writing;
use crate::{testing, writer};

const NOW: OffsetDateTime = datetime!(2026-12-01 03:00 UTC);

fn academy(number: u16) -> Academy {
    number.to_string().parse().unwrap()
}

fn order(from: &[u16], into: u16, mapping: &[(&str, &str)]) -> Merge {
    let mapping = mapping
        .iter()
        .map(|(from, to_key)| Mapped { from: Former::Person(from.parse().unwrap()), to_key: to_key.parse().unwrap() });
    Merge {
        from: from.iter().copied().map(academy).collect(),
        into: academy(into),
        mapping: mapping.collect(),
        dry_run: false,
        by: "m.durand".to_owned(),
        now: NOW,
    }
}

async fn put(db: &Db, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    on!(db, c => sqlx::query(sql).execute(c).await.map(drop)).unwrap();
}

/// `14-2d` of `14-2d-7100001`.
fn source(id: &str) -> &str {
    id.rsplit_once('-').unwrap().0
}

async fn school(db: &Db, id: &str) {
    let source = source(id);
    put(db, &format!("INSERT INTO schools (id, source, uai, name, digest) VALUES ('{id}', '{source}', '0359901A', 'CLG', 'd') ON CONFLICT DO NOTHING")).await;
}

async fn pupil(db: &Db, id: &str, given: &str, school: &str, guardians: &[&str]) {
    let source = source(id);
    put(
        db,
        &format!(
            "INSERT INTO persons (id, source, kind, family, given, birth_date, mef, school, digest, told, folded, run) \
             VALUES ('{id}', '{source}', 'student', 'OLIVERO', '{given}', '2012-11-02', '10310019110', '{school}', 'd', \
             'told', '', 1)"
        ),
    )
    .await;
    put(db, &format!("INSERT INTO enrolments VALUES ('{id}', 0, '{school}', '3C')")).await;
    for guardian in guardians {
        put(db, &format!("INSERT INTO guardianships VALUES ('{id}', '{guardian}', 10, 1)")).await;
    }
}

async fn adult(db: &Db, id: &str, given: &str) {
    let source = source(id);
    put(
        db,
        &format!(
            "INSERT INTO persons (id, source, kind, family, given, digest, told, run) VALUES ('{id}', '{source}', \
             'guardian', 'OLIVERO', '{given}', 'd', 'told', 1)"
        ),
    )
    .await;
    put(db, &format!("INSERT INTO contacts VALUES ('{id}', 0, '+33639980010')")).await;
}

/// Every row of every table, but for the two journals that only grow.
async fn everything(db: &Db) -> String {
    let sqlite = "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND \
                  t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '_sqlx%' AND t.name <> 'turns' ORDER BY 1, 2";
    let postgres = "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = \
                    'directory' AND table_name NOT LIKE '_sqlx%' AND table_name <> 'turns' ORDER BY 1, 2";
    let columns: Vec<(String, String)> = match db {
        Db::Sqlite(pool) => sqlx::query_as(sqlite).fetch_all(pool).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_as(postgres).fetch_all(pool).await.unwrap(),
    };
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column) in columns {
        tables.entry(table).or_default().push(format!("COALESCE(CAST({column} AS TEXT), '~')"));
    }
    let mut all = String::new();
    for (table, columns) in tables {
        if table == "runs" || table == "identity_changes" {
            continue;
        }
        let sql = AssertSqlSafe(format!("SELECT {} FROM {table} ORDER BY 1", columns.join(" || '|' || ")));
        let rows: Vec<String> = on!(db, c => sqlx::query_scalar(sql).fetch_all(c).await).unwrap();
        writeln!(all, "{table}: {rows:#?}").unwrap();
    }
    all
}

async fn known(place: &Place, ids: &[&str]) -> Vec<String> {
    let ids: Vec<PersonId> = ids.iter().map(|id| id.parse().unwrap()).collect();
    let directory = Directory::open(place, 1).await.unwrap();
    let known = directory.named(&ids).await.unwrap();
    let [all, backwards] = [ids.clone(), ids.iter().rev().cloned().collect()];
    let groups: Vec<&[PersonId]> = vec![&all, &[], &backwards];
    let mut together = directory.named_of_each(&groups).await.unwrap();
    assert_eq!((together.len(), &together[0], together[1].len()), (3, &known, 0));
    assert_eq!(together.pop().unwrap(), directory.named(&backwards).await.unwrap());
    known.iter().map(|known| format!("{} {}", known.person.id(), known.person.names().given)).collect()
}

/// Two academies that have a pupil and an adult of one key, and a third one already there.
async fn two_academies(place: &Place) {
    let db = writer::open(place).await.unwrap();
    for (academy, pupil_name, adult_name) in [(5, "Maëlle", "Solène"), (21, "Anouk", "Tomas")] {
        let id = |key: &str| format!("{academy}-2d-{key}");
        school(&db, &id("41")).await;
        put(
            &db,
            &format!(
                "INSERT INTO mefs (id, source, level, digest) VALUES ('{}', '{academy}-2d', '2116', 'd')",
                id("10310019110")
            ),
        )
        .await;
        pupil(&db, &id("100"), pupil_name, &id("41"), &[&id("200"), &id("201")]).await;
        adult(&db, &id("200"), adult_name).await;
    }
    pupil(&db, "5-2d-101", "Inès", "5-2d-42", &["5-2d-201"]).await;
    school(&db, "5-2d-42").await;
    adult(&db, "5-1d-300", "Solène").await;
    put(&db, "UPDATE persons SET source = '5-1d-private' WHERE id = '5-1d-300'").await;
    adult(&db, "70-2d-500", "Naïm").await;
    pupil(&db, "50-2d-100", "Loïc", "50-2d-41", &["50-2d-200"]).await;
    put(
        &db,
        "INSERT INTO proposals (id, run, one, other, rule, evidence, outcome) VALUES (1, 1, '21-2d-200', '5-2d-200', \
              'grouping-in-part', '', 'open')",
    )
    .await;
}

#[tokio::test]
async fn aaf_pitfall_03_academies_are_merged_and_keys_that_collide_are_kept_apart() {
    for place in testing::places().await {
        two_academies(&place).await;
        let before = everything(&writer::open(&place).await.unwrap()).await;
        let order = order(&[5, 21], 70, &[]);
        let foreseen = merge(&place, &Merge { dry_run: true, ..order.clone() }).await.unwrap();
        assert_eq!(everything(&writer::open(&place).await.unwrap()).await, before, "a dry run changes nothing");
        let merged = merge(&place, &order).await.unwrap();
        assert_eq!(merged, Merged { run: Some(1), dry_run: false, ..foreseen });
        let counts = |source: &str| merged.by_source[source].clone();
        assert_eq!(
            counts("5-2d"),
            BTreeMap::from([("EtabEducNat", 2), ("MefEducNat", 1), ("Eleve", 2), ("PersRelEleve", 1)])
        );
        assert_eq!(counts("5-1d-private"), BTreeMap::from([("PersRelEleve", 1)]));
        assert_eq!((merged.collisions, merged.united, merged.mapped), (6, 0, 0), "{merged:?}");
        let example = Renamed { former: "21-2d-100".to_owned(), current: "70-2d-21.100".to_owned() };
        assert!(merged.examples.contains(&example), "{merged:?}");
        // Asked for under the former names, in the order asked; whom it does not concern is as before.
        let asked = ["5-2d-101", "21-2d-100", "50-2d-100", "5-1d-300", "70-2d-500", "5-2d-999"];
        let found = ["70-2d-101 Inès", "70-2d-21.100 Anouk", "50-2d-100 Loïc", "70-1d-300 Solène", "70-2d-500 Naïm"];
        assert_eq!(known(&place, &asked).await, found);
        let mother = Directory::open(&place, 1).await.unwrap().known(&["5-2d-200".parse().unwrap()]).await.unwrap();
        assert_eq!(mother[0].person.id().to_string(), "70-2d-5.200");
        let child = &mother[0].children[0];
        assert_eq!(child.student.id.to_string(), "70-2d-5.100");
        assert_eq!(child.school.as_ref().unwrap().id.to_string(), "70-2d-5.41");
        assert_eq!(child.student.level.as_deref(), Some("2116"));
        let proposals = Directory::open(&place, 1).await.unwrap().proposals(true, 10).await.unwrap();
        assert_eq!((proposals[0].one.to_string(), proposals[0].id), ("70-2d-21.200".to_owned(), 1));
        unmerge(&place, 1, "Camille", NOW).await.unwrap();
        assert_eq!(everything(&writer::open(&place).await.unwrap()).await, before);
        // Accounts that had followed find the way back.
        assert_eq!(known(&place, &["70-2d-101", "70-2d-21.100"]).await, ["5-2d-101 Inès", "21-2d-100 Anouk"]);
        assert!(matches!(unmerge(&place, 1, "Camille", NOW).await, Err(Error::NotAMerger(1))));
    }
}

#[tokio::test]
async fn aaf_pitfall_03_the_mapping_gives_keys_and_makes_one_of_two() {
    for place in testing::places().await {
        two_academies(&place).await;
        let before = everything(&writer::open(&place).await.unwrap()).await;
        // The adults of key 200 are two humans; the pupil of 21 goes under a key of its own; the adult of the private
        // school is the one who is there already.
        let mapping = [("21-2d-100", "900"), ("5-2d-200", "500"), ("5-2d-777", "1"), ("21-2d-777", "2")];
        let merged = merge(&place, &order(&[5, 21], 70, &mapping)).await.unwrap();
        assert_eq!((merged.mapped, merged.united, merged.unknown_lines), (2, 1, 2), "{merged:?}");
        assert_eq!(merged.unknown, ["21-2d-777", "5-2d-777"]);
        assert_eq!(
            known(&place, &["5-2d-100", "21-2d-100", "21-2d-200"]).await,
            ["70-2d-100 Maëlle", "70-2d-900 Anouk", "70-2d-200 Tomas"]
        );
        assert_eq!(known(&place, &["5-2d-200", "70-2d-500"]).await, ["70-2d-500 Naïm"], "once, though asked twice");
        unmerge(&place, 1, "Camille", NOW).await.unwrap();
        assert_eq!(everything(&writer::open(&place).await.unwrap()).await, before);
        let changes = Directory::open(&place, 1).await.unwrap().identity_changes(0, 100).await.unwrap();
        let last = changes.last().unwrap();
        assert_eq!((last.kind, &*last.former.to_string()), (IdentityChangeKind::Parted, "5-2d-200"));
    }
}

#[tokio::test]
async fn a_merger_that_cannot_be_named_is_refused_whole() {
    for place in testing::places().await {
        two_academies(&place).await;
        let before = everything(&writer::open(&place).await.unwrap()).await;
        for (order, text) in [
            (order(&[5, 70], 70, &[]), "the academy 70 would be merged into itself"),
            (order(&[5, 6], 70, &[]), "nothing is known of the academy 6"),
            (order(&[5], 70, &[("5-2d-100", "1"), ("5-2d-100", "2")]), "the mapping gives 5-2d-100 two keys"),
            (
                order(&[5], 70, &[("5-2d-100", "500")]),
                "the mapping makes one record of a pupil, an adult or a member of staff: 70-2d-500",
            ),
        ] {
            assert_eq!(merge(&place, &order).await.unwrap_err().to_string(), text);
        }
        let long = "x".repeat(39);
        let db = writer::open(&place).await.unwrap();
        adult(&db, &format!("5-2d-{long}"), "Solène").await;
        adult(&db, &format!("21-2d-{long}"), "Tomas").await;
        drop(db);
        assert!(matches!(merge(&place, &order(&[5, 21], 70, &[])).await, Err(Error::Unnameable(_))));
        let db = writer::open(&place).await.unwrap();
        put(&db, &format!("DELETE FROM persons WHERE id LIKE '%{long}'")).await;
        put(&db, "DELETE FROM contacts WHERE person LIKE '%xx'").await;
        assert_eq!(everything(&db).await, before);
    }
}

#[tokio::test]
async fn a_merger_is_undone_until_a_later_run_touches_its_academies() {
    for place in testing::places().await {
        two_academies(&place).await;
        assert_eq!(merge(&place, &order(&[5, 21], 70, &[])).await.unwrap().run, Some(1));
        assert_eq!(merge(&place, &order(&[70], 71, &[])).await.unwrap().run, Some(2));
        assert_eq!(known(&place, &["5-2d-101", "70-2d-500"]).await, ["71-2d-101 Inès", "71-2d-500 Naïm"]);
        assert!(matches!(unmerge(&place, 1, "Camille", NOW).await, Err(Error::Later { run: 1, later: 2 })));
        unmerge(&place, 2, "Camille", NOW).await.unwrap();
        let db = writer::open(&place).await.unwrap();
        let run = |id: u32, source: &str, outcome: &str| {
            format!(
                "INSERT INTO runs (id, source, outcome, delivery_date, started_at, report) VALUES ({id}, '{source}', \
                 '{outcome}', '2026-12-02', '2026-12-02 03:00:00', '{{}}')"
            )
        };
        put(&db, &run(3, "50-2d", "applied")).await;
        put(&db, &run(4, "70-2d", "held")).await;
        put(&db, &run(5, "70-2d-private", "applied")).await;
        let mut tx = writing(&db).await;
        assert_eq!(merged_into_in(&mut tx, academy(21)).await.unwrap(), Some(academy(70)));
        assert_eq!(merged_into_in(&mut tx, academy(50)).await.unwrap(), None);
        assert_eq!(merged_since_in(&mut tx, "5-2d", 0).await.unwrap(), Some(1));
        assert_eq!(merged_since_in(&mut tx, "5-2d", 1).await.unwrap(), None);
        drop(tx);
        drop(db);
        assert!(matches!(unmerge(&place, 1, "Camille", NOW).await, Err(Error::Later { run: 1, later: 5 })));
        let db = writer::open(&place).await.unwrap();
        put(&db, "UPDATE runs SET outcome = 'undone' WHERE id = 5").await;
        let mut tx = writing(&db).await;
        forget_in(&mut tx, "50-2d").await.unwrap();
        forget_in(&mut tx, "70-1d").await.unwrap();
        db::commit_kept(&mut tx).await.unwrap();
        drop(db);
        assert!(matches!(unmerge(&place, 1, "Camille", NOW).await, Err(Error::Forgotten(1))));
    }
}
