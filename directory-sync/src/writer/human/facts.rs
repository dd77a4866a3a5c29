//! What is compared of the records of a page of pairs, in three queries a page.

use std::collections::{BTreeSet, HashMap};

use time::Date;

use crate::db::{Result, Tx};
use crate::human::{Facts, Kind};
use crate::model::Names;
use crate::on;

/// Pairs judged at a time: memory does not grow with the directory.
pub(super) const PAGE: i64 = 1_000;

/// The pairs of a page, and their records by identifier.
pub(super) struct Page {
    pub(super) pairs: Vec<(String, String)>,
    pub(super) records: HashMap<String, Record>,
}

pub(super) struct Record {
    pub(super) facts: Facts,
    /// The run that wrote it.
    pub(super) run: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    source: String,
    kind: String,
    family: String,
    given: String,
    birth: Option<String>,
    title: Option<String>,
    birth_date: Option<Date>,
    ine: Option<String>,
    uai: Option<String>,
    school_number: Option<String>,
    mail: Option<String>,
    left_at: Option<Date>,
    run: i64,
}

macro_rules! who {
    () => {
        "WITH who AS (SELECT one AS id FROM pairs WHERE number > $1 AND number <= $2 UNION SELECT other FROM pairs WHERE \
         number > $1 AND number <= $2) "
    };
}
/// A mail or a mobile that more than six records share is left out, as it was in the search.
const RECORDS: &str = concat!(
    who!(),
    "SELECT p.id, p.source, p.kind, p.family, p.given, p.birth, p.title, p.birth_date, p.ine, s.uai, p.school_number, \
     CASE WHEN (SELECT COUNT(*) FROM (SELECT 1 AS one FROM persons n WHERE n.mail = p.mail LIMIT 7) few) <= 6 THEN p.mail \
     END AS mail, p.left_at, p.run FROM who w JOIN persons p ON p.id = w.id LEFT JOIN schools s ON s.id = p.school"
);
const TRAITS: &str = concat!(
    who!(),
    "SELECT w.id, 'mobile', c.mobile, 0 FROM who w JOIN contacts c ON c.person = w.id WHERE (SELECT COUNT(*) FROM \
     (SELECT 1 AS one FROM contacts n WHERE n.mobile = c.mobile LIMIT 7) few) <= 6 UNION ALL SELECT w.id, 'pupil', \
     g.student, g.link FROM who w JOIN guardianships g ON g.guardian = w.id"
);
/// Those who are not alone with their evidence: see `Facts::is_alone`.
const CROWDED: &str = concat!(
    who!(),
    "SELECT p.id FROM who w JOIN persons p ON p.id = w.id JOIN persons o ON o.ine = p.ine WHERE p.kind = 'student' AND \
     o.kind = 'student' GROUP BY p.id HAVING SUM(CASE WHEN o.source = p.source AND o.left_at IS NULL THEN 1 ELSE 0 END) > \
     1 OR SUM(CASE WHEN o.birth_date <> p.birth_date OR o.folded <> p.folded THEN 1 ELSE 0 END) > 0 \
     UNION SELECT p.id FROM who w JOIN persons p ON p.id = w.id JOIN persons o ON o.mail = p.mail AND o.folded = p.folded \
     AND o.source = p.source WHERE p.kind = 'guardian' AND o.kind = 'guardian' AND o.left_at IS NULL AND (SELECT COUNT(*) \
     FROM (SELECT 1 AS one FROM persons n WHERE n.mail = p.mail LIMIT 7) few) <= 6 GROUP BY p.id HAVING COUNT(*) > 1 \
     UNION SELECT p.id FROM who w JOIN persons p ON p.id = w.id JOIN contacts c ON c.person = p.id JOIN contacts d ON \
     d.mobile = c.mobile JOIN persons o ON o.id = d.person AND o.folded = p.folded AND o.source = p.source WHERE p.kind = \
     'guardian' AND o.kind = 'guardian' AND o.left_at IS NULL AND (SELECT COUNT(*) FROM (SELECT 1 AS one FROM contacts n \
     WHERE n.mobile = c.mobile LIMIT 7) few) <= 6 GROUP BY p.id HAVING COUNT(DISTINCT o.id) > 1"
);

/// The link of an adult pupil to themselves (AAF section 5.1).
const SELF: i64 = 70;

/// The pairs after the one numbered `after`, with their records.
pub(super) async fn page(tx: &mut Tx, after: i64) -> Result<Page> {
    const PAIRS: &str = "SELECT one, other FROM pairs WHERE number > $1 AND number <= $2 ORDER BY number";
    let until = after + PAGE;
    let pairs = on!(&mut *tx, c => sqlx::query_as(PAIRS).bind(after).bind(until).fetch_all(&mut **c).await)?;
    let rows: Vec<Row> = on!(&mut *tx, c => sqlx::query_as(RECORDS).bind(after).bind(until).fetch_all(&mut **c).await)?;
    let mut records: HashMap<String, Record> = rows.into_iter().map(|row| (row.id.clone(), row.record())).collect();
    let traits: Vec<(String, String, String, i64)> =
        on!(&mut *tx, c => sqlx::query_as(TRAITS).bind(after).bind(until).fetch_all(&mut **c).await)?;
    for (id, what, word, link) in traits {
        let Some(Record { facts, .. }) = records.get_mut(&id) else { continue };
        if what == "mobile" {
            facts.mobiles.insert(word);
        } else {
            facts.is_own_responsible |= link == SELF;
            facts.pupils.insert(word);
        }
    }
    let crowded: Vec<String> =
        on!(&mut *tx, c => sqlx::query_scalar(CROWDED).bind(after).bind(until).fetch_all(&mut **c).await)?;
    for id in crowded {
        if let Some(record) = records.get_mut(&id) {
            record.facts.is_alone = false;
        }
    }
    Ok(Page { pairs, records })
}

impl Row {
    fn record(self) -> Record {
        let facts = Facts {
            kind: match self.kind.as_str() {
                "student" => Kind::Student,
                "guardian" => Kind::Guardian,
                _ => Kind::Staff,
            },
            source: self.source,
            is_present: self.left_at.is_none(),
            is_alone: true,
            names: Names { family: self.family, given: self.given, birth: self.birth, title: self.title },
            birth_date: self.birth_date,
            ine: self.ine,
            uai: self.uai,
            school_number: self.school_number,
            mail: self.mail,
            mobiles: BTreeSet::new(),
            pupils: BTreeSet::new(),
            is_own_responsible: false,
        };
        Record { facts, run: self.run }
    }
}
