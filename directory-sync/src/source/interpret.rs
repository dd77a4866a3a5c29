//! What told attributes mean: the one place where they become a record.
//!
//! A record read from a file and one put together from what was told before and a delta's changes go through here, so
//! that a complete delivery and its deltas cannot come to different people. A record that cannot be understood is
//! refused with its reason; what is merely odd is counted, since official files are odd every day.

use super::fields::{Fields, Reason, key_of};
use super::phone;
use super::relation::{self, Evidence};
use crate::incoming::{Category, Mef, Record, Relation, Source, Told, Warnings};
use crate::model::{
    Enrolment, Guardian, Mail, PersonId, Phone, School, SchoolId, SourceKey, Staff, StaffFunction, Stage, Student, Uai,
};

/// More values than an honest attribute has, and few enough to compare each with each.
const MANY: usize = 1_000;

/// A record, and what was seen on the way.
#[derive(Debug, Clone)]
pub struct Interpreted {
    pub record: Record,
    pub warnings: Warnings,
    /// Of which meaning the record's relations speak.
    pub(super) evidence: Evidence,
}

/// Reads what was told of a record. `key` is its key in the directory: of a private source, with its `P`.
pub fn interpret(source: Source, category: Category, key: &SourceKey, told: &Told) -> Result<Interpreted, Reason> {
    few(told)?;
    let fields = Fields { source, told };
    let mut reading = Reading { fields, warnings: Warnings::default(), evidence: Evidence::default() };
    let record = match category {
        Category::Schools => Record::School(reading.school(key)?),
        Category::Mefs => Record::Mef(mef(fields, key)?),
        Category::Subjects => return Err("subjects are counted, not kept".to_owned()),
        Category::Guardians => Record::Guardian(reading.guardian(key)?),
        Category::Students => {
            let student = reading.student(key)?;
            let mut relations = relation::read(fields, &mut reading.evidence, &mut reading.warnings)?;
            // IM-10, at the price of the relation and not of the pupil: real files hold such lines.
            let (all, own) = (relations.len(), |relation: &Relation| relation.guardian == *key);
            relations.retain(|relation| !own(relation));
            reading.warnings.add_many("self_parent", (all - relations.len()) as u64, || {
                "a pupil that names itself, under its own key, as its adult: the relation is left out".to_owned()
            });
            Record::Student(student, relations)
        }
        Category::Staff => Record::Staff(reading.staff(key)?),
    };
    Ok(Interpreted { record, warnings: reading.warnings, evidence: reading.evidence })
}

/// Refuses an attribute with more values than any person can have.
pub(super) fn few(told: &Told) -> Result<(), Reason> {
    match told.iter().find(|(_, values)| values.len() > MANY) {
        Some((name, _)) => Err(format!("{name} has more than {MANY} values")),
        None => Ok(()),
    }
}

struct Reading<'a> {
    fields: Fields<'a>,
    warnings: Warnings,
    evidence: Evidence,
}

impl Reading<'_> {
    fn warn(&mut self, code: &'static str, words: &str) {
        self.warnings.add(code, || words.to_owned());
    }

    fn person_id(&self, key: &SourceKey) -> PersonId {
        PersonId::new(self.fields.source.academy, self.fields.source.stage, key.clone())
    }

    fn school_id(&self, key: SourceKey) -> SchoolId {
        SchoolId::new(self.fields.source.academy, self.fields.source.stage, key)
    }

    /// The school of a value `<school key>` or `<school key>$...`.
    fn school_of(&mut self, attribute: &str, text: &str) -> Option<SchoolId> {
        let text = text.split('$').next().unwrap_or_default().trim();
        let key = key_of(self.fields.source, text).ok().filter(|_| !text.is_empty());
        if key.is_none() {
            self.warnings.add("school_key", || format!("{attribute} names a school by something that is not a key"));
        }
        key.map(|key| self.school_id(key))
    }

    fn school(&mut self, key: &SourceKey) -> Result<School, Reason> {
        let told = self.fields.text("ENTStructureUAI")?.or(self.fields.text("ENTEtablissementUAI")?);
        let uai = told.as_deref().and_then(|text| Uai::as_delivered(text).ok());
        match &uai {
            None => self.warn("uai_shape", "a school has no UAI of 7 digits and a letter"),
            Some(uai) if !uai.has_valid_letter() => {
                self.warnings.add("uai_letter", || format!("the letter of {uai} does not fit its number"));
            }
            Some(_) => {}
        }
        let name = match self.fields.text("ENTStructureNomCourant")? {
            Some(name) => readable(&name),
            None => told.unwrap_or_else(|| key.to_string()),
        };
        Ok(School { id: self.school_id(key.clone()), uai, name, kind: self.fields.text("ENTStructureTypeStruct")? })
    }

    fn mail(&mut self) -> Option<Mail> {
        let mail = self.fields.all("mail").find_map(|text| text.parse().ok());
        if mail.is_none() && self.fields.all("mail").next().is_some() {
            self.warn("mail", "an e-mail address is malformed and left out");
        }
        mail
    }

    fn guardian(&mut self, key: &SourceKey) -> Result<Guardian, Reason> {
        let mut mobiles: Vec<Phone> = Vec::new();
        for text in self.fields.all("ENTPersonMobileSMS").chain(self.fields.all("mobile")) {
            match phone::mobile(text) {
                Some(phone) if mobiles.contains(&phone) => {}
                Some(phone) => mobiles.push(phone),
                None => self.warn("mobile", "a mobile number cannot receive texts and is left out"),
            }
        }
        // Always empty in what was seen: a wrong one must not cost a parent.
        let birth_date = self.fields.date("ENTPersonDateNaissance").ok().flatten();
        Ok(Guardian { id: self.person_id(key), names: self.fields.names()?, birth_date, mobiles, mail: self.mail() })
    }

    fn student(&mut self, key: &SourceKey) -> Result<Student, Reason> {
        let birth_date = self.fields.date("ENTPersonDateNaissance")?.ok_or("ENTPersonDateNaissance is missing")?;
        let school = self.fields.text("ENTPersonStructRattach")?;
        Ok(Student {
            id: self.person_id(key),
            names: self.fields.names()?,
            birth_date,
            ine: self.fields.text("ENTEleveINE")?,
            school_number: self.fields.text("ENTEleveStructRattachId")?,
            mef: self.fields.text("ENTEleveMEF")?,
            level: self.level()?,
            school: school.and_then(|text| self.school_of("ENTPersonStructRattach", &text)),
            enrolments: self.enrolments(),
        })
    }

    /// In primary schools `<MEFSTAT4>$<label>`; in the others it is of the MEF's record, which may come later or not
    /// at all.
    fn level(&mut self) -> Result<Option<String>, Reason> {
        if self.fields.source.stage == Stage::Secondary {
            return Ok(None);
        }
        let Some(told) = self.fields.text("ENTEleveNiveau")? else { return Ok(None) };
        let code = told.split('$').next().unwrap_or_default().trim();
        if code.len() == 4 && code.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Ok(Some(code.to_owned()));
        }
        self.warn("level", "ENTEleveNiveau does not begin with a code of four letters or digits and is left out");
        Ok(None)
    }

    fn enrolments(&mut self) -> Vec<Enrolment> {
        let (attribute, division): (_, fn(&str) -> Option<&str>) = match self.fields.source.stage {
            Stage::Primary => ("ENTPersonClasses", primary_class),
            Stage::Secondary => ("ENTEleveClasses", |value| value.split_once('$').map(|(_, code)| code.trim())),
        };
        let mut enrolments: Vec<Enrolment> = Vec::new();
        for value in self.fields.all(attribute) {
            let Some(division) = division(value).filter(|division| !division.is_empty()) else {
                self.warnings.add("class", || format!("{attribute} has a value without a class"));
                continue;
            };
            let Some(school) = self.school_of(attribute, value) else { continue };
            let enrolment = Enrolment { school, division: division.to_owned() };
            if !enrolments.contains(&enrolment) {
                enrolments.push(enrolment);
            }
        }
        enrolments
    }

    fn staff(&mut self, key: &SourceKey) -> Result<Staff, Reason> {
        let told = self.fields.all("ENTPersonFonctions");
        let told = told.filter_map(|value| Some(("ENTPersonFonctions", value, value.split('$').nth(1)?.trim())));
        let head = self.fields.all("ENTEnsFonctionDir").map(|value| ("ENTEnsFonctionDir", value, "DIR"));
        let mut functions: Vec<StaffFunction> = Vec::new();
        for (attribute, value, code) in told.chain(head).filter(|(.., code)| !matches!(*code, "" | "-")) {
            let Some(school) = self.school_of(attribute, value) else { continue };
            let function = StaffFunction { school, code: code.to_owned() };
            if !functions.contains(&function) {
                functions.push(function);
            }
        }
        let mut attached = None;
        for value in self.fields.all("ENTPersonStructRattach") {
            let Some(school) = self.school_of("ENTPersonStructRattach", value) else { continue };
            if attached.is_none() {
                attached = Some(school);
            } else if attached.as_ref() != Some(&school) && functions.iter().all(|function| function.school != school) {
                // Someone of several schools (1D): each must find them among its own.
                functions.push(StaffFunction { school, code: "-".to_owned() });
            }
        }
        Ok(Staff {
            id: self.person_id(key),
            names: self.fields.names()?,
            birth_date: self.fields.date("ENTPersonDateNaissance")?,
            mail: self.mail(),
            school: attached.or_else(|| functions.first().map(|function| function.school.clone())),
            functions,
        })
    }
}

fn mef(fields: Fields<'_>, key: &SourceKey) -> Result<Mef, Reason> {
    let level = fields.text("ENTMEFSTAT11")?.and_then(|stat| stat.get(..4).map(str::to_owned));
    Ok(Mef { code: key.clone(), level })
}

/// `<school>$<type>$<type's label>$<class>$<label>`: the label is what a class of a primary school goes by; the number
/// where there is none.
fn primary_class(value: &str) -> Option<&str> {
    let fields: Vec<&str> = value.splitn(5, '$').map(str::trim).collect();
    match fields.as_slice() {
        [_, _, _, number, ""] => Some(number),
        [_, _, _, _, label] => Some(label),
        _ => None,
    }
}

/// `CLG$DES GRANDS PINS$PORT-BLANC` as a person would say it; older files end their free text in `-ac-<ACADEMIE>`.
fn readable(name: &str) -> String {
    let free = name.rsplit_once("-ac-").map_or(name, |(free, _)| free);
    let parts: Vec<&str> = free.split('$').map(str::trim).filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [kind, name, town] if name.starts_with(kind) => format!("{name}, {town}"),
        [kind, name, town] => format!("{kind} {name}, {town}"),
        _ => parts.join(" "),
    }
}
