//! The records of a delivery, beside the known ones, in tables that end with the transaction.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::Row;
use time::Date;

use super::batch::{Batch, Value};
use super::digest::Digest;
use super::tables::{INDEXES, STAGED, TABLES};
use crate::db::{self, Db, Result, Tx};
use crate::incoming::{Category, Mef, Origin, Record, Reject, Relation};
use crate::model::{Guardian, Names, PersonId, School, SchoolId, Staff, Student};
use crate::on;

/// The importers' turn among what may be locked in a PostgreSQL database: "guichet", then 1.
const TURN: i64 = 0x6775_6963_6865_7401;

/// One import under way. Dropped, it leaves no trace.
pub struct Staging {
    pub(super) tx: Tx,
    /// `<academy>-<stage>`.
    pub(super) source: String,
    batches: Batches,
    files: Vec<Arc<str>>,
    file_numbers: HashMap<Arc<str>, i64>,
    record: i64,
}

struct Batches {
    schools: Batch,
    mefs: Batch,
    persons: Batch,
    guardianships: Batch,
    enrolments: Batch,
    functions: Batch,
    contacts: Batch,
    rejects: Batch,
}

impl Staging {
    /// Begins an import of `source`; nothing while another import is under way, on whatever node.
    pub async fn begin(db: &Db, source: &str) -> Result<Option<Self>> {
        let Some(mut tx) = db::begin_turn(db, TURN).await? else { return Ok(None) };
        for table in TABLES {
            on!(&mut tx, c => sqlx::query(*table).execute(&mut **c).await.map(drop))?;
        }
        let batches = Batches {
            schools: Batch::new("staged_schools", 9),
            mefs: Batch::new("staged_mefs", 7),
            persons: Batch::new("staged_persons", 18),
            guardianships: Batch::new("staged_guardianships", 5),
            enrolments: Batch::new("staged_enrolments", 4),
            functions: Batch::new("staged_functions", 4),
            contacts: Batch::new("staged_contacts", 3),
            rejects: Batch::new("staged_rejects", 3),
        };
        let files = HashMap::new();
        let source = source.to_owned();
        Ok(Some(Self { tx, source, batches, files: Vec::new(), file_numbers: files, record: 0 }))
    }

    /// Adds a good record.
    pub async fn add(&mut self, record: Record, origin: &Origin) -> Result<()> {
        self.record += 1;
        let place = [
            Value::Number(self.record),
            // Which of two records with one key is the second does not hang on the order of the files.
            Value::Number(((record.category() as i64) << 32) | i64::from(origin.slice)),
            Value::Number(self.file_number(&origin.file)),
            Value::Number(i64::try_from(origin.line).unwrap_or(i64::MAX)),
        ];
        match record {
            Record::School(school) => self.add_school(place, school).await,
            Record::Mef(mef) => self.add_mef(place, mef).await,
            Record::Guardian(guardian) => self.add_guardian(place, guardian).await,
            Record::Student(student, relations) => self.add_student(place, student, relations).await,
            Record::Staff(staff) => self.add_staff(place, staff).await,
        }
    }

    /// Remembers the key of a rejected record, whose person stays as known.
    pub async fn add_rejected(&mut self, category: Category, key: &str) -> Result<()> {
        self.record += 1;
        let id = if category == Category::Mefs { mef_id(&self.source, key) } else { format!("{}-{key}", self.source) };
        let row = [Value::Number(self.record), kind(category).into(), id.into()];
        self.batches.rejects.push(row, &mut self.tx).await
    }

    /// All records are here: sends what waits, settles what field 4 means, and gives the records whose key came twice.
    pub async fn complete(&mut self, before_2020: bool) -> Result<()> {
        let Batches { schools, mefs, persons, guardianships, enrolments, functions, contacts, rejects } =
            &mut self.batches;
        for batch in [schools, mefs, persons, guardianships, enrolments, functions, contacts, rejects] {
            batch.flush(&mut self.tx).await?;
        }
        if before_2020 {
            for update in [
                "UPDATE staged_guardianships SET authority = authority_before_2020",
                "UPDATE staged_persons SET digest = digest_before_2020 WHERE digest_before_2020 IS NOT NULL",
            ] {
                self.run(update).await?;
            }
        }
        for index in INDEXES {
            self.run(index).await?;
        }
        Ok(())
    }

    /// Takes out up to a thousand records whose key another, earlier one has. Call it until it gives none.
    pub async fn take_repeated(&mut self, table: super::Table) -> Result<Vec<Reject>> {
        let name = table.staged();
        let kind = if table == super::Table::Persons { "kind" } else { "NULL" };
        let select = format!(
            "SELECT s.record, s.file, s.line, s.id, {kind} FROM {name} s WHERE EXISTS (SELECT 1 FROM {name} e \
             WHERE e.id = s.id AND (e.priority < s.priority OR (e.priority = s.priority AND e.record < s.record))) \
             ORDER BY s.record LIMIT 1000"
        );
        let rows: Vec<(i64, i64, i64, String, Option<String>)> = on!(&mut self.tx, c => {
            let rows = sqlx::query(sqlx::AssertSqlSafe(select)).fetch_all(&mut **c).await?;
            rows.iter()
                .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?)))
                .collect::<std::result::Result<_, sqlx::Error>>()
        })?;
        let mut rejects = Vec::with_capacity(rows.len());
        for (record, file, line, id, kind) in rows {
            let delete = sqlx::AssertSqlSafe(format!("DELETE FROM {name} WHERE record = $1"));
            on!(&mut self.tx, c => sqlx::query(delete).bind(record).execute(&mut **c).await.map(drop))?;
            let file = usize::try_from(file).ok().and_then(|number| self.files.get(number));
            rejects.push(Reject {
                category: table.category(kind.as_deref()),
                file: file.map(ToString::to_string).unwrap_or_default(),
                line: u64::try_from(line).unwrap_or(0),
                key: id.splitn(3, '-').nth(2).map(str::to_owned),
                reason: "another record of the delivery has the same key".to_owned(),
            });
        }
        Ok(rejects)
    }

    pub(super) async fn run(&mut self, sql: &'static str) -> Result<u64> {
        Ok(on!(&mut self.tx, c => sqlx::query(sql).execute(&mut **c).await.map(|done| done.rows_affected()))?)
    }

    /// Ends the import and makes what was written durable.
    pub(super) async fn end(mut self) -> Result<()> {
        for table in STAGED {
            let drop_table = sqlx::AssertSqlSafe(format!("DROP TABLE {table}"));
            on!(&mut self.tx, c => sqlx::query(drop_table).execute(&mut **c).await.map(drop))?;
        }
        db::commit(self.tx).await
    }

    fn file_number(&mut self, file: &Arc<str>) -> i64 {
        if let Some(number) = self.file_numbers.get(file) {
            return *number;
        }
        let number = i64::try_from(self.files.len()).unwrap_or(i64::MAX);
        self.files.push(file.clone());
        self.file_numbers.insert(file.clone(), number);
        number
    }

    async fn add_school(&mut self, place: [Value; 4], school: School) -> Result<()> {
        let id = school.id.to_string();
        let uai = school.uai.map(|uai| uai.to_string());
        let digest = Digest::default().text(uai.as_deref()).text(Some(&school.name)).text(school.kind.as_deref()).end();
        let [record, priority, file, line] = place;
        let fields = [id.into(), digest.into(), uai.into(), school.name.into(), school.kind.into()];
        let [id, digest, uai, name, kind] = fields;
        self.batches.schools.push([record, priority, file, line, id, digest, uai, name, kind], &mut self.tx).await
    }

    async fn add_mef(&mut self, place: [Value; 4], mef: Mef) -> Result<()> {
        let digest = Digest::default().text(mef.level.as_deref()).end();
        let [record, priority, file, line] = place;
        let id = mef_id(&self.source, mef.code.as_str());
        let row = [record, priority, file, line, id.into(), digest.into(), mef.level.into()];
        self.batches.mefs.push(row, &mut self.tx).await
    }

    async fn add_guardian(&mut self, place: [Value; 4], guardian: Guardian) -> Result<()> {
        let record = self.record;
        let mut digest = Digest::default();
        for (position, mobile) in (0..).zip(&guardian.mobiles) {
            digest = digest.text(Some(mobile.as_str()));
            let row = [record.into(), Value::Number(position), mobile.as_str().into()];
            self.batches.contacts.push(row, &mut self.tx).await?;
        }
        let row = Person {
            birth_date: guardian.birth_date,
            mail: guardian.mail.map(|mail| mail.as_str().to_owned()),
            ..Person::new("guardian", &guardian.id, guardian.names)
        };
        self.add_person(place, row, digest, None).await
    }

    async fn add_student(&mut self, place: [Value; 4], student: Student, relations: Vec<Relation>) -> Result<()> {
        let record = self.record;
        let (mut digest, mut digest_before) = (Digest::default(), Digest::default());
        for (position, enrolment) in (0..).zip(&student.enrolments) {
            let school = enrolment.school.to_string();
            for digest in [&mut digest, &mut digest_before] {
                digest.feed(Some(&school));
                digest.feed(Some(&enrolment.division));
            }
            let row = [record.into(), Value::Number(position), school.into(), enrolment.division.as_str().into()];
            self.batches.enrolments.push(row, &mut self.tx).await?;
        }
        let mut differs = false;
        for relation in relations {
            let guardian = PersonId::new(student.id.academy(), student.id.stage(), relation.guardian).to_string();
            let now = relation.authority.level();
            let before = relation.authority_before_2020.level();
            differs |= now != before;
            for (digest, level) in [(&mut digest, now), (&mut digest_before, before)] {
                digest.feed(Some(&guardian));
                digest.feed(Some(&format!("{} {level}", relation.link)));
            }
            let row = [
                record.into(),
                guardian.into(),
                Value::Number(relation.link.into()),
                Value::Number(now.into()),
                Value::Number(before.into()),
            ];
            self.batches.guardianships.push(row, &mut self.tx).await?;
        }
        let row = Person {
            birth_date: Some(student.birth_date),
            ine: student.ine,
            school_number: student.school_number,
            mef: student.mef,
            school: student.school.as_ref().map(SchoolId::to_string),
            ..Person::new("student", &student.id, student.names)
        };
        self.add_person(place, row, digest, differs.then_some(digest_before)).await
    }

    async fn add_staff(&mut self, place: [Value; 4], staff: Staff) -> Result<()> {
        let record = self.record;
        let mut digest = Digest::default();
        for (position, function) in (0..).zip(&staff.functions) {
            let school = function.school.to_string();
            digest = digest.text(Some(&school)).text(Some(&function.code));
            let row = [record.into(), Value::Number(position), school.into(), function.code.as_str().into()];
            self.batches.functions.push(row, &mut self.tx).await?;
        }
        let row = Person {
            birth_date: staff.birth_date,
            school: staff.school.as_ref().map(SchoolId::to_string),
            mail: staff.mail.map(|mail| mail.as_str().to_owned()),
            ..Person::new("staff", &staff.id, staff.names)
        };
        self.add_person(place, row, digest, None).await
    }

    async fn add_person(
        &mut self,
        place: [Value; 4],
        row: Person,
        digest: Digest,
        before: Option<Digest>,
    ) -> Result<()> {
        let [record, priority, file, line] = place;
        let before = before.map(|digest| row.digest(digest));
        let digest = row.digest(digest);
        let row = [
            record,
            priority,
            file,
            line,
            row.id.into(),
            digest.into(),
            before.into(),
            row.kind.into(),
            row.names.family.into(),
            row.names.given.into(),
            row.names.birth.into(),
            row.names.title.into(),
            row.birth_date.into(),
            row.ine.into(),
            row.school_number.into(),
            row.mef.into(),
            row.school.into(),
            row.mail.into(),
        ];
        self.batches.persons.push(row, &mut self.tx).await
    }
}

/// The row of a person, whoever it is.
struct Person {
    kind: &'static str,
    id: String,
    names: Names,
    birth_date: Option<Date>,
    ine: Option<String>,
    school_number: Option<String>,
    mef: Option<String>,
    school: Option<String>,
    mail: Option<String>,
}

impl Person {
    fn new(kind: &'static str, id: &PersonId, names: Names) -> Self {
        let (ine, school_number, mef, school, mail) = (None, None, None, None, None);
        Self { kind, id: id.to_string(), names, birth_date: None, ine, school_number, mef, school, mail }
    }

    /// What is stored of the person, after what is stored of it in other tables.
    fn digest(&self, others: Digest) -> String {
        let day = self.birth_date.map(|day| day.to_string());
        let texts = [
            Some(self.kind),
            Some(&self.names.family),
            Some(&self.names.given),
            self.names.birth.as_deref(),
            self.names.title.as_deref(),
            day.as_deref(),
            self.ine.as_deref(),
            self.school_number.as_deref(),
            self.mef.as_deref(),
            self.school.as_deref(),
            self.mail.as_deref(),
        ];
        texts.into_iter().fold(others, Digest::text).end()
    }
}

fn mef_id(source: &str, code: &str) -> String {
    format!("{source}-{code}")
}

/// The word for a category in `persons.kind` and among the rejects.
pub(super) const fn kind(category: Category) -> &'static str {
    match category {
        Category::Schools => "school",
        Category::Mefs => "mef",
        Category::Subjects => "subject",
        Category::Guardians => "guardian",
        Category::Students => "student",
        Category::Staff => "staff",
    }
}
