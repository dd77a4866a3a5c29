//! A record as rows of the temporary tables.

use time::Date;

use super::batch::{Batch, Value};
use super::digest::digest;
use super::moves::{CONTACTS, ENROLMENTS, FUNCTIONS, GUARDIANSHIPS};
use super::staging::NEW;
use crate::db::{Conn, Result};
use crate::incoming::{Mef, Print, Record, Relation};
use crate::model::{Guardian, Names, PersonId, School, SchoolId, Staff, Student, spelling};

/// Rows on their way to the temporary tables.
pub(super) struct Batches {
    pub(super) seen: Batch,
    schools: Batch,
    mefs: Batch,
    persons: Batch,
    guardianships: Batch,
    enrolments: Batch,
    functions: Batch,
    contacts: Batch,
    pub(super) spared: Batch,
    pub(super) reprinted: Batch,
}

/// What is common to the rows of a record.
pub(super) struct Head {
    pub(super) record: i64,
    pub(super) category: i64,
    pub(super) state: i64,
    pub(super) id: String,
    pub(super) digest: String,
    pub(super) told: String,
    pub(super) print: Option<Print>,
    /// The attributes that are told otherwise.
    pub(super) differs: String,
    /// In which respects a person is another one: see `moves`.
    pub(super) moves: i64,
}

impl Head {
    /// Whether the rows of one kind that hang on the person are, or may be, others than the known ones.
    fn is_other(&self, bit: i64) -> Value {
        Value::Number(i64::from(self.state == NEW || self.moves & bit != 0))
    }

    fn values(self) -> [Value; 8] {
        [
            self.record.into(),
            self.category.into(),
            self.state.into(),
            self.id.into(),
            self.digest.into(),
            self.told.into(),
            self.print.as_deref().unwrap_or_default().into(),
            self.differs.into(),
        ]
    }
}

/// The identifier under which a record is stored.
pub(super) fn id(source: &str, record: &Record) -> String {
    match record {
        Record::School(school) => school.id.to_string(),
        Record::Mef(mef) => mef_id(source, mef.code.as_str()),
        Record::Guardian(guardian) => guardian.id.to_string(),
        Record::Student(student, _) => student.id.to_string(),
        Record::Staff(staff) => staff.id.to_string(),
    }
}

pub(super) fn mef_id(source: &str, code: &str) -> String {
    format!("{source}-{code}")
}

/// Whether the record would be another one with the meaning that field 4 had before 2020.
pub(super) fn hangs_on_levels(record: &Record) -> bool {
    let Record::Student(_, relations) = record else { return false };
    relations.iter().any(|relation| relation.authority != relation.authority_before_2020)
}

impl Batches {
    pub(super) const fn new() -> Self {
        Self {
            seen: Batch::new("seen", 6),
            schools: Batch::new("staged_schools", 11),
            mefs: Batch::new("staged_mefs", 9),
            persons: Batch::new("staged_persons", 23),
            guardianships: Batch::new("staged_guardianships", 7),
            enrolments: Batch::new("staged_enrolments", 6),
            functions: Batch::new("staged_functions", 6),
            contacts: Batch::new("staged_contacts", 5),
            spared: Batch::new("spared", 2),
            reprinted: Batch::new("reprinted", 4),
        }
    }

    pub(super) async fn flush(&mut self, conn: &mut Conn) -> Result<()> {
        let Self { seen, schools, mefs, persons, guardianships, enrolments, functions, contacts, spared, reprinted } =
            self;
        for batch in [seen, schools, mefs, persons, guardianships, enrolments, functions, contacts, spared, reprinted] {
            batch.flush(conn).await?;
        }
        Ok(())
    }

    pub(super) async fn add(&mut self, head: Head, record: Record, conn: &mut Conn) -> Result<()> {
        match record {
            Record::School(school) => self.add_school(head, school, conn).await,
            Record::Mef(mef) => self.add_mef(head, mef, conn).await,
            Record::Guardian(guardian) => self.add_guardian(head, guardian, conn).await,
            Record::Student(student, relations) => self.add_student(head, student, relations, conn).await,
            Record::Staff(staff) => self.add_staff(head, staff, conn).await,
        }
    }

    async fn add_school(&mut self, head: Head, school: School, conn: &mut Conn) -> Result<()> {
        let [record, category, state, id, digest, told, print, differs] = head.values();
        let uai = school.uai.map(|uai| uai.to_string());
        let row = [
            record,
            category,
            state,
            id,
            digest,
            told,
            print,
            differs,
            uai.into(),
            school.name.into(),
            school.kind.into(),
        ];
        self.schools.push(row, conn).await
    }

    async fn add_mef(&mut self, head: Head, mef: Mef, conn: &mut Conn) -> Result<()> {
        let [record, category, state, id, digest, told, print, differs] = head.values();
        let row = [record, category, state, id, digest, told, print, differs, mef.level.into()];
        self.mefs.push(row, conn).await
    }

    async fn add_guardian(&mut self, head: Head, guardian: Guardian, conn: &mut Conn) -> Result<()> {
        for (position, mobile) in (0_i64..).zip(&guardian.mobiles) {
            let row = [
                head.record.into(),
                head.id.as_str().into(),
                position.into(),
                mobile.as_str().into(),
                head.is_other(CONTACTS),
            ];
            self.contacts.push(row, conn).await?;
        }
        let person = Person {
            birth_date: guardian.birth_date,
            mail: guardian.mail.map(|mail| mail.as_str().to_owned()),
            ..Person::new("guardian", guardian.names)
        };
        self.add_person(head, person, None, conn).await
    }

    async fn add_student(
        &mut self,
        head: Head,
        student: Student,
        relations: Vec<Relation>,
        conn: &mut Conn,
    ) -> Result<()> {
        for (position, enrolment) in (0_i64..).zip(&student.enrolments) {
            let school = enrolment.school.to_string();
            let division = enrolment.division.as_str().into();
            let row = [
                head.record.into(),
                head.id.as_str().into(),
                position.into(),
                school.into(),
                division,
                head.is_other(ENROLMENTS),
            ];
            self.enrolments.push(row, conn).await?;
        }
        let mut differs = false;
        for relation in relations {
            let guardian = PersonId::new(student.id.academy(), student.id.stage(), relation.guardian).to_string();
            let (now, before) = (relation.authority.level(), relation.authority_before_2020.level());
            differs |= now != before;
            let row = [
                head.record.into(),
                head.id.as_str().into(),
                guardian.into(),
                Value::Number(relation.link.into()),
                Value::Number(now.into()),
                Value::Number(before.into()),
                head.is_other(GUARDIANSHIPS),
            ];
            self.guardianships.push(row, conn).await?;
        }
        let before = differs.then(|| digest(&head.told, true));
        let person = Person {
            birth_date: Some(student.birth_date),
            ine: student.ine,
            school_number: student.school_number,
            mef: student.mef,
            level: student.level,
            school: student.school.as_ref().map(SchoolId::to_string),
            ..Person::new("student", student.names)
        };
        self.add_person(head, person, before, conn).await
    }

    async fn add_staff(&mut self, head: Head, staff: Staff, conn: &mut Conn) -> Result<()> {
        for (position, function) in (0_i64..).zip(&staff.functions) {
            let school = function.school.to_string();
            let code = function.code.as_str().into();
            let row = [
                head.record.into(),
                head.id.as_str().into(),
                position.into(),
                school.into(),
                code,
                head.is_other(FUNCTIONS),
            ];
            self.functions.push(row, conn).await?;
        }
        let person = Person {
            birth_date: staff.birth_date,
            school: staff.school.as_ref().map(SchoolId::to_string),
            mail: staff.mail.map(|mail| mail.as_str().to_owned()),
            ..Person::new("staff", staff.names)
        };
        self.add_person(head, person, None, conn).await
    }

    async fn add_person(&mut self, head: Head, row: Person, older: Option<String>, conn: &mut Conn) -> Result<()> {
        let moves = head.moves;
        let [record, category, state, id, digest, told, print, differs] = head.values();
        let folded = spelling::plain(&row.names.given);
        let row = [
            record,
            category,
            state,
            id,
            digest,
            told,
            print,
            differs,
            Value::Number(moves),
            older.into(),
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
            row.level.into(),
            folded.into(),
        ];
        self.persons.push(row, conn).await
    }
}

/// The row of a person, whoever it is.
struct Person {
    kind: &'static str,
    names: Names,
    birth_date: Option<Date>,
    ine: Option<String>,
    school_number: Option<String>,
    mef: Option<String>,
    level: Option<String>,
    school: Option<String>,
    mail: Option<String>,
}

impl Person {
    const fn new(kind: &'static str, names: Names) -> Self {
        let (ine, school_number, mef, level, school, mail) = (None, None, None, None, None, None);
        Self { kind, names, birth_date: None, ine, school_number, mef, level, school, mail }
    }
}
