//! Whatever a merger does, undoing it gives what stood before.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A directory of few keys, so that all that can coincide does. What a person is follows from the key, or hardly any
/// two could become one.
#[derive(Debug, Clone)]
struct Drawn {
    people: Vec<DrawnPerson>,
    schools: Vec<(u16, bool, u8)>,
    mapping: Vec<DrawnLine>,
    proposals: Vec<(usize, usize, bool)>,
}

#[derive(Debug, Clone)]
struct DrawnPerson {
    academy: u16,
    is_primary: bool,
    key: u8,
    school: u8,
    guardians: [u8; 2],
    has_left: bool,
}

#[derive(Debug, Clone)]
struct DrawnLine {
    academy: u16,
    is_primary: bool,
    key: u8,
    to_key: u8,
    is_school: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let academy = || prop::sample::select(vec![5_u16, 21, 70, 7]);
    let person = (academy(), any::<bool>(), 0..9_u8, 0..4_u8, [0..9_u8, 0..9_u8], any::<bool>()).prop_map(
        |(academy, is_primary, key, school, guardians, has_left)| DrawnPerson {
            academy,
            is_primary,
            key,
            school,
            guardians,
            has_left,
        },
    );
    let line = (prop::sample::select(vec![5_u16, 21]), any::<bool>(), 0..9_u8, 0..4_u8, any::<bool>()).prop_map(
        |(academy, is_primary, key, thirds, is_school)| {
            let (key, to_key) = if is_school { (key % 4, thirds) } else { (key, key % 3 + 3 * thirds) };
            DrawnLine { academy, is_primary, key, to_key, is_school }
        },
    );
    (
        prop::collection::vec(person, 8..40),
        prop::collection::vec((academy(), any::<bool>(), 0..4_u8), 0..12),
        prop::collection::vec(line, 0..6),
        prop::collection::vec((0..40_usize, 0..40_usize, any::<bool>()), 0..8),
    )
        .prop_map(|(people, schools, mapping, proposals)| Drawn { people, schools, mapping, proposals })
}

const fn stage(is_primary: bool) -> &'static str {
    if is_primary { "1d" } else { "2d" }
}

impl Drawn {
    async fn put(&self, db: &Db) {
        let mut ids = Vec::new();
        for (academy, is_primary, key) in &self.schools {
            school(db, &format!("{academy}-{}-{key}", stage(*is_primary))).await;
        }
        for person in &self.people {
            let of = |key: u8| format!("{}-{}-{key}", person.academy, stage(person.is_primary));
            let (id, at) = (of(person.key), of(person.school));
            if ids.contains(&id) {
                continue;
            }
            match person.key % 3 {
                0 => {
                    let guardians: BTreeSet<String> = person.guardians.map(of).into();
                    let guardians: Vec<&str> = guardians.iter().map(String::as_str).collect();
                    pupil(db, &id, "Maëlle", &at, &guardians).await;
                }
                1 => adult(db, &id, "Solène").await,
                _ => {
                    adult(db, &id, "Irène").await;
                    put(db, &format!("UPDATE persons SET kind = 'staff', school = '{at}' WHERE id = '{id}'")).await;
                    put(db, &format!("INSERT INTO staff_functions VALUES ('{id}', 0, '{at}', 'ENS')")).await;
                }
            }
            if person.has_left {
                put(db, &format!("UPDATE persons SET left_at = '2026-09-15' WHERE id = '{id}'")).await;
            }
            ids.push(id);
        }
        for (number, (one, other, is_decided)) in self.proposals.iter().enumerate() {
            let (Some(one), Some(other)) = (ids.get(*one), ids.get(*other)) else { continue };
            let (one, other) = (one.min(other), one.max(other));
            if one == other {
                continue;
            }
            let by = if *is_decided { "'m.durand'" } else { "NULL" };
            put(
                db,
                &format!(
                    "INSERT INTO proposals (id, run, one, other, rule, evidence, outcome, decided_by) VALUES \
                              ({number}, 1, '{one}', '{other}', 'ine', '', 'parted', {by}) ON CONFLICT DO NOTHING"
                ),
            )
            .await;
        }
    }

    fn order(&self) -> Merge {
        let line = |line: &DrawnLine| {
            let id = format!("{}-{}-{}", line.academy, stage(line.is_primary), line.key);
            let from =
                if line.is_school { Former::School(id.parse().unwrap()) } else { Former::Person(id.parse().unwrap()) };
            Mapped { from, to_key: line.to_key.to_string().parse().unwrap() }
        };
        Merge { mapping: self.mapping.iter().map(line).collect(), ..order(&[5, 21], 70, &[]) }
    }
}

async fn count(db: &Db, sql: &str) -> u64 {
    let sql = AssertSqlSafe(sql.to_owned());
    let count: i64 = on!(db, c => sqlx::query_scalar(sql).fetch_one(c).await).unwrap();
    u64::try_from(count).unwrap()
}

async fn a_merger_and_its_undoing_change_nothing(drawn: &Drawn) {
    for place in testing::places().await {
        let db = writer::open(&place).await.unwrap();
        drawn.put(&db).await;
        let before = everything(&db).await;
        let persons = count(&db, "SELECT COUNT(*) FROM persons").await;
        let schools = count(&db, "SELECT COUNT(*) FROM schools").await;
        let outcome = merge(&place, &drawn.order()).await;
        let Ok(merged) = outcome else {
            assert!(
                matches!(outcome, Err(Error::MappedTwice(_) | Error::MappedAcross(_) | Error::Empty(_))),
                "{outcome:?}"
            );
            assert_eq!(everything(&db).await, before);
            continue;
        };
        let now = count(&db, "SELECT COUNT(*) FROM persons").await + count(&db, "SELECT COUNT(*) FROM schools").await;
        assert_eq!(now + merged.united, persons + schools);
        for (table, column) in [
            ("persons", "id"),
            ("persons", "school"),
            ("persons", "source"),
            ("schools", "id"),
            ("schools", "source"),
            ("enrolments", "person"),
            ("enrolments", "school"),
            ("staff_functions", "person"),
            ("staff_functions", "school"),
            ("contacts", "person"),
            ("guardianships", "student"),
            ("guardianships", "guardian"),
            ("proposals", "one"),
            ("proposals", "other"),
        ] {
            let absorbed = format!("SELECT COUNT(*) FROM {table} WHERE {column} LIKE '5-%' OR {column} LIKE '21-%'");
            assert_eq!(count(&db, &absorbed).await, 0, "{table}.{column}");
        }
        assert_eq!(count(&db, "SELECT COUNT(*) FROM proposals WHERE one >= other").await, 0);
        unmerge(&place, merged.run.unwrap(), "Camille", NOW).await.unwrap();
        assert_eq!(everything(&db).await, before);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn aaf_pitfall_03_a_merger_then_its_undoing_is_what_stood_before(drawn in drawn()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(a_merger_and_its_undoing_change_nothing(&drawn));
    }
}
