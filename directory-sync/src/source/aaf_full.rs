//! The complete delivery of the secondary schools (AAF 2D *Complet*, domain notes `aaf.md`): what its attributes mean.
//!
//! A record that cannot be understood is rejected with its reason and the rest goes on; what is merely odd is counted
//! as a warning, since official files are odd every day and an import that stops helps no family. Attributes that are
//! not known are counted and left aside: each version of the format brings some.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Read;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};

use time::Date;

use super::envelope::{Envelope, Item, Raw};
use super::fields::Reason;
use super::file_name::{self, FileName};
use super::relation::{self, Evidence};
use super::{Error, Result, phone};
use crate::incoming::{
    Category, Delivery, Incoming, Kind, Mef, Origin, Progress, Record, Reject, Source, Told, Warnings,
};
use crate::model::{
    Academy, Enrolment, Guardian, Mail, Phone, School, SchoolId, Staff, StaffFunction, Stage, Student, Uai,
};
use crate::model::{PersonId, SourceKey};

/// Comments that say what a delivery is.
const COMMENTS: [&str; 5] = ["versionAF", "versionSDET", "codeAcademieExport", "degre", "dateGenerationExport"];
/// More names of unknown attributes than a format could gain.
const UNKNOWN_NAMES: usize = 200;

pub(super) struct Reader<'a> {
    academy: Academy,
    progress: &'a Progress,
    sink: &'a mut dyn FnMut(Incoming) -> bool,
    files: usize,
    slices: BTreeMap<Category, BTreeSet<u32>>,
    dates: BTreeSet<Date>,
    archive_dates: BTreeSet<Date>,
    comments: BTreeMap<String, String>,
    evidence: Evidence,
    unknown: BTreeMap<String, u64>,
    warnings: Warnings,
}

impl<'a> Reader<'a> {
    pub(super) fn new(academy: Academy, progress: &'a Progress, sink: &'a mut dyn FnMut(Incoming) -> bool) -> Self {
        Self {
            academy,
            progress,
            sink,
            files: 0,
            slices: BTreeMap::new(),
            dates: BTreeSet::new(),
            archive_dates: BTreeSet::new(),
            comments: BTreeMap::new(),
            evidence: Evidence::default(),
            unknown: BTreeMap::new(),
            warnings: Warnings::default(),
        }
    }

    /// How many files of a delivery were read so far.
    pub(super) const fn files(&self) -> usize {
        self.files
    }

    /// Reads one file, if its name is one of a delivery; `archive` is the name of what holds it.
    pub(super) fn file(&mut self, name: &str, archive: &str, bytes: &mut dyn Read) -> Result<()> {
        let Some(known) = FileName::parse(name) else {
            if name.to_ascii_lowercase().contains(".xml") && !name.starts_with("._") {
                self.warnings.add("file_not_read", || format!("{name} is not named as a file of a delivery"));
            }
            return Ok(());
        };
        let file = || name.to_owned();
        if file_name::is_delta(name) || file_name::is_delta(archive) {
            return Err(Error::Delta { file: file() });
        }
        if file_name::stage(name).or_else(|| file_name::stage(archive)) == Some(Stage::Primary) {
            return Err(Error::Primary { file: file() });
        }
        self.files += 1;
        let source = Source { academy: self.academy, stage: Stage::Secondary, private: false };
        if self.files == 1 && !(self.sink)(Incoming::Source(source)) {
            return Err(Error::Stopped);
        }
        if !self.slices.entry(known.category).or_default().insert(known.slice) {
            self.warnings
                .add("several_sets", || "several files have one category and number: read as one set".to_owned());
        }
        self.dates.extend(file_name::date(name));
        self.archive_dates.extend(file_name::date(archive));
        let origin = Origin { file: Arc::from(name), line: 0, slice: known.slice };
        self.items(known.category, &origin, bytes)
    }

    fn items(&mut self, category: Category, origin: &Origin, bytes: &mut dyn Read) -> Result<()> {
        let file = || origin.file.to_string();
        let refused =
            |fault: super::envelope::Fault| Error::File { file: file(), line: fault.line, reason: fault.reason };
        let mut envelope = Envelope::new(bytes).map_err(refused)?;
        while let Some(item) = envelope.next().map_err(refused)? {
            let raw = match item {
                Item::Change => return Err(Error::Delta { file: file() }),
                Item::Comment(text) => {
                    self.comment(&text);
                    if self.comments.get("degre").is_some_and(|degree| degree.starts_with('1')) {
                        return Err(Error::Primary { file: file() });
                    }
                    continue;
                }
                Item::Add(raw) => raw,
            };
            if !raw.has("sn") && raw.has("ENTPersonNom") {
                return Err(Error::Primary { file: file() });
            }
            let incoming = match self.record(category, &raw) {
                Ok(Some(record)) => {
                    let mut told = Told::default();
                    for (name, values) in &raw.attributes {
                        told.add(name, values);
                    }
                    Incoming::Record(Box::new(record), told, Origin { line: raw.line, ..origin.clone() })
                }
                Ok(None) => Incoming::Ignored(category),
                Err(reason) => {
                    let key = raw.id.as_deref().and_then(|id| id.parse::<SourceKey>().ok()).map(|key| key.to_string());
                    Incoming::Rejected(Reject { category, file: file(), line: raw.line, key, reason })
                }
            };
            self.progress.records.fetch_add(1, Ordering::Relaxed);
            if !(self.sink)(incoming) {
                return Err(Error::Stopped);
            }
        }
        Ok(())
    }

    /// `versionAF="AAF-VE2407"` and its like; the first file that says a thing is believed.
    fn comment(&mut self, text: &str) {
        let Some((name, value)) = text.split_once('=') else { return };
        let value = value.trim().trim_matches('"');
        if COMMENTS.contains(&name.trim()) && value.len() <= 100 && !value.chars().any(char::is_control) {
            self.comments.entry(name.trim().to_owned()).or_insert_with(|| value.to_owned());
        }
    }

    fn record(&mut self, category: Category, raw: &Raw) -> std::result::Result<Option<Record>, Reason> {
        if let Some(fault) = &raw.fault {
            return Err(fault.clone());
        }
        let (attribute, word) = category.in_record();
        match raw.operational.as_slice() {
            [(name, value)] if name == attribute && value == word => {}
            [] => return Err(format!("{attribute} is missing")),
            _ => return Err(format!("it is not of the category of its file, {word}")),
        }
        for (name, _) in &raw.attributes {
            if !is_known(category, name) && (self.unknown.len() < UNKNOWN_NAMES || self.unknown.contains_key(name)) {
                *self.unknown.entry(name.clone()).or_default() += 1;
            }
        }
        match category {
            Category::Schools => self.school(raw).map(Record::School).map(Some),
            Category::Mefs => mef(raw).map(Record::Mef).map(Some),
            Category::Subjects => Ok(None),
            Category::Guardians => self.guardian(raw).map(Record::Guardian).map(Some),
            Category::Students => {
                let student = self.student(raw)?;
                let relations = relation::read(raw, &mut self.evidence, &mut self.warnings)?;
                Ok(Some(Record::Student(student, relations)))
            }
            Category::Staff => self.staff(raw).map(Record::Staff).map(Some),
        }
    }

    fn warn(&mut self, code: &'static str, words: &str) {
        self.warnings.add(code, || words.to_owned());
    }

    const fn person_id(&self, key: SourceKey) -> PersonId {
        PersonId::new(self.academy, Stage::Secondary, key)
    }

    const fn school_id(&self, key: SourceKey) -> SchoolId {
        SchoolId::new(self.academy, Stage::Secondary, key)
    }

    /// The school of a value `<school key>` or `<school key>$...`.
    fn school_of(&mut self, attribute: &str, text: &str) -> Option<SchoolId> {
        let key = text.split('$').next().unwrap_or_default().trim().parse().ok();
        if key.is_none() {
            self.warnings.add("school_key", || format!("{attribute} names a school by something that is not a key"));
        }
        key.map(|key| self.school_id(key))
    }

    fn school(&mut self, raw: &Raw) -> std::result::Result<School, Reason> {
        let key = raw.key("ENTStructureJointure")?;
        let told = raw.text("ENTStructureUAI")?.or(raw.text("ENTEtablissementUAI")?);
        let uai = told.as_deref().and_then(|text| Uai::as_delivered(text).ok());
        match &uai {
            None => self.warn("uai_shape", "a school has no UAI of 7 digits and a letter"),
            Some(uai) if !uai.has_valid_letter() => {
                self.warnings.add("uai_letter", || format!("the letter of {uai} does not fit its number"));
            }
            Some(_) => {}
        }
        let name = match raw.text("ENTStructureNomCourant")? {
            Some(name) => readable(&name),
            None => told.unwrap_or_else(|| key.to_string()),
        };
        Ok(School { id: self.school_id(key), uai, name, kind: raw.text("ENTStructureTypeStruct")? })
    }

    fn mail(&mut self, raw: &Raw) -> Option<Mail> {
        let mail = raw.all("mail").find_map(|text| text.parse().ok());
        if mail.is_none() && raw.all("mail").next().is_some() {
            self.warn("mail", "an e-mail address is malformed and left out");
        }
        mail
    }

    fn guardian(&mut self, raw: &Raw) -> std::result::Result<Guardian, Reason> {
        let id = self.person_id(raw.key("ENTPersonJointure")?);
        let mut mobiles: Vec<Phone> = Vec::new();
        for text in raw.all("ENTPersonMobileSMS").chain(raw.all("mobile")) {
            match phone::mobile(text) {
                Some(phone) if mobiles.contains(&phone) => {}
                Some(phone) => mobiles.push(phone),
                None => self.warn("mobile", "a mobile number cannot receive texts and is left out"),
            }
        }
        // Always empty in what was seen: a wrong one must not cost a parent.
        let birth_date = raw.date("ENTPersonDateNaissance").ok().flatten();
        Ok(Guardian { id, names: raw.names()?, birth_date, mobiles, mail: self.mail(raw) })
    }

    fn student(&mut self, raw: &Raw) -> std::result::Result<Student, Reason> {
        let id = self.person_id(raw.key("ENTPersonJointure")?);
        let birth_date = raw.date("ENTPersonDateNaissance")?.ok_or("ENTPersonDateNaissance is missing")?;
        let school = raw.text("ENTPersonStructRattach")?;
        let mut enrolments: Vec<Enrolment> = Vec::new();
        for value in raw.all("ENTEleveClasses") {
            let Some((_, division)) = value.split_once('$').filter(|(_, code)| !code.trim().is_empty()) else {
                self.warn("class", "ENTEleveClasses has a value without a class");
                continue;
            };
            let Some(school) = self.school_of("ENTEleveClasses", value) else { continue };
            let enrolment = Enrolment { school, division: division.trim().to_owned() };
            if !enrolments.contains(&enrolment) {
                enrolments.push(enrolment);
            }
        }
        Ok(Student {
            id,
            names: raw.names()?,
            birth_date,
            ine: raw.text("ENTEleveINE")?,
            school_number: raw.text("ENTEleveStructRattachId")?,
            mef: raw.text("ENTEleveMEF")?,
            // Of the MEF's record, which may come later or not at all.
            level: None,
            school: school.and_then(|text| self.school_of("ENTPersonStructRattach", &text)),
            enrolments,
        })
    }

    fn staff(&mut self, raw: &Raw) -> std::result::Result<Staff, Reason> {
        let id = self.person_id(raw.key("ENTPersonJointure")?);
        let told = raw.all("ENTPersonFonctions").filter_map(|value| Some((value, value.split('$').nth(1)?.trim())));
        let head = raw.all("ENTEnsFonctionDir").map(|value| (value, "DIR"));
        let mut functions: Vec<StaffFunction> = Vec::new();
        for (value, code) in told.chain(head).filter(|(_, code)| !matches!(*code, "" | "-")) {
            let Some(school) = self.school_of("ENTPersonFonctions", value) else { continue };
            let function = StaffFunction { school, code: code.to_owned() };
            if !functions.contains(&function) {
                functions.push(function);
            }
        }
        let attached = raw.text("ENTPersonStructRattach")?;
        let attached = attached.and_then(|text| self.school_of("ENTPersonStructRattach", &text));
        Ok(Staff {
            id,
            names: raw.names()?,
            birth_date: raw.date("ENTPersonDateNaissance")?,
            mail: self.mail(raw),
            school: attached.or_else(|| functions.first().map(|function| function.school.clone())),
            functions,
        })
    }

    /// Every file was whole: says what the delivery is.
    pub(super) fn finish(mut self, today: Date) -> Result<()> {
        let generated = self.comments.get("dateGenerationExport").and_then(|text| {
            let mut parts = text.split('/');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            file_name::calendar(year, month, day)
        });
        if self.dates.len() > 1 {
            self.warnings.add("dates", || "the files bear several dates: the latest is taken".to_owned());
        }
        let named = self.dates.last().or(self.archive_dates.last()).copied().or(generated);
        if named.is_none() {
            self.warnings.add("no_date", || "no file name says the delivery's date: today is taken".to_owned());
        }
        for (category, slices) in &self.slices {
            let (first, last) = (slices.first().copied().unwrap_or(0), slices.last().copied().unwrap_or(0));
            let missing = u64::from(last) + 1 - u64::from(first.min(1)) - slices.len() as u64;
            let word = category.in_file_name();
            self.warnings.add_many("slices", missing, || format!("numbers are missing among the files of {word}"));
        }
        let says = self.comments.get("codeAcademieExport").and_then(|code| code.parse::<Academy>().ok());
        if let Some(says) = says.filter(|says| *says != self.academy) {
            let words = format!("the files say academy {says}, the import {}", self.academy);
            self.warnings.add("academy", || words);
        }
        let version = self.comments.get("versionAF").and_then(|text| text.rsplit("VE").next()?.parse().ok());
        let delivery = Delivery {
            source: Source { academy: self.academy, stage: Stage::Secondary, private: false },
            kind: Kind::Complete,
            fingerprint: String::new(),
            date: named.unwrap_or(today),
            categories: self.slices.keys().copied().collect(),
            before_2020: relation::is_before_2020(version, named, self.evidence),
            comments: self.comments,
            unknown_attributes: self.unknown,
            warnings: self.warnings,
        };
        if (self.sink)(Incoming::Complete(Box::new(delivery))) { Ok(()) } else { Err(Error::Stopped) }
    }
}

fn mef(raw: &Raw) -> std::result::Result<Mef, Reason> {
    let code = raw.key("ENTMefJointure")?;
    let level = raw.text("ENTMEFSTAT11")?.and_then(|stat| stat.get(..4).map(str::to_owned));
    Ok(Mef { code, level })
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

fn is_known(category: Category, name: &str) -> bool {
    static KNOWN: LazyLock<BTreeMap<Category, HashSet<&str>>> = LazyLock::new(|| {
        let words = |category| match category {
            Category::Schools => SCHOOLS,
            Category::Mefs => "ENTMefJointure ENTLibelleMef ENTMEFRattach ENTMEFSTAT11 ENTNivFormation ENTFiliere",
            Category::Subjects => "ENTMatJointure ENTLibelleMatiere ENTMatiereRattach",
            Category::Guardians => GUARDIANS,
            Category::Students => STUDENTS,
            Category::Staff => STAFF,
        };
        Category::ALL.into_iter().map(|category| (category, words(category).split(' ').collect())).collect()
    });
    KNOWN.get(&category).is_some_and(|words| words.contains(name))
}

const SCHOOLS: &str = "ENTStructureJointure ENTStructureUAI ENTEtablissementUAI ENTStructureSIREN ENTStructureNomCourant \
    ENTStructureTypeStruct ENTStructureCodeTypeStruct ENTEtablissementMinistereTutelle \
    ENTEtablissementCodeMinistereTutelle ENTEtablissementContrat postOfficeBox street postalCode l telephoneNumber \
    facsimileTelephoneNumber ENTStructureMailSI ENTEtablissementStructRattachFctl ENTEtablissementBassin \
    ENTServAcAcademie ENTServAcCodeAcademie ENTStructureClasses ENTStructureGroupes";
const GUARDIANS: &str = "ENTPersonJointure ENTPersonDateNaissance ENTPersonNomPatro sn givenName ENTPersonAutresPrenoms \
    personalTitle homePhone telephoneNumber mobile ENTPersonMobileSMS mail ENTPersonAdresse ENTPersonCodePostal \
    ENTPersonVille ENTPersonPays ENTPersonAdresseDiffusion ENTAuxPersRelEleveEleve";
const STUDENTS: &str = "ENTPersonJointure ENTEleveINE ENTEleveStructRattachId ENTEleveStructureRattachIdMEN \
    ENTPersonDateNaissance ENTPersonNomPatro sn givenName ENTPersonAutresPrenoms personalTitle ENTElevePersRelEleve \
    ENTEleveParents ENTElevePere ENTEleveMere ENTEleveAutoriteParentale ENTElevePersRelEleve1 ENTElevePersRelEleve2 \
    ENTEleveQualitePersRelEleve1 ENTEleveQualitePersRelEleve2 ENTEleveBoursier ENTEleveRegime ENTEleveTransport \
    ENTEleveStatutEleve ENTPersonAdresse ENTPersonCodePostal ENTPersonVille ENTPersonPays ENTEleveAdresseRel mail \
    homePhone ENTEleveMEF ENTEleveLibelleMEF ENTEleveNivFormation ENTEleveFiliere ENTEleveCodeEnseignements \
    ENTEleveEnseignements ENTPersonStructRattach ENTEleveDateEntreeStructRattach ENTEleveDateSortieStructRattach \
    ENTEleveClasses ENTEleveGroupes ENTEleveDateEntreeClasses ENTEleveDateSortieClasses \
    ENTEleveEnseignementsEtablissementsAccueil";
const STAFF: &str = "ENTPersonJointure ENTPersonDateNaissance ENTPersonNomPatro sn givenName ENTPersonAutresPrenoms \
    personalTitle mail ENTPersonStructRattach ENTPersonFonctions PersEducNatPresenceDevantEleves \
    ENTPersonCategorieEnseignant ENTEnsFonctionDir ENTAuxEnsCategoDiscipline ENTAuxEnsDisciplinesPoste ENTAuxEnsMEF \
    ENTAuxEnsMatiereEnseignEtab ENTAuxEnsClasses ENTAuxEnsGroupes ENTAuxEnsClassesMatieres ENTAuxEnsGroupesMatieres \
    ENTAuxEnsClassesPrincipal ENTPersonSTSId";
