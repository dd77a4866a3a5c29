//! Made-up people as a real archive: a zip of AAF files, in slices, in either dialect.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use time::Date;
use time::macros::format_description;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Dialect, People};
use crate::incoming::Category;
use crate::model::{Guardian, Guardianship, Mail, Names, ParentalAuthority, School, Staff, Student};

/// Records in one file, so that a delivery of some size has slices.
const SLICE: usize = 1_000;

impl People {
    /// Writes the archive of this delivery into `folder` and says its path.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let day = day(self.date, "");
        let kind = if self.dialect == Dialect::Of2013 { "ENTTSSERVICES" } else { "ENT2DVA-ENT99" };
        let path = folder.join(format!("{kind}_Complet_{day}_A{:02}.zip", self.academy.number()));
        let mut zip = ZipWriter::new(io::BufWriter::new(File::create(&path)?));
        let mut put = |category: Category, records: &mut dyn Iterator<Item = Xml>| -> io::Result<()> {
            let mut records = records.peekable();
            let mut slice = 0;
            while records.peek().is_some() || slice == 0 {
                let name = format!("{kind}_Complet_{day}_{}_{slice:04}.xml", category.in_file_name());
                zip.start_file(name, SimpleFileOptions::default().last_modified_time(zip::DateTime::default()))?;
                let mut text = self.head();
                records.by_ref().take(SLICE).for_each(|record| text.push_str(&record.0));
                text.push_str("</ficAlimMENESR>\n");
                zip.write_all(&self.encoded(&text))?;
                slice += 1;
            }
            Ok(())
        };
        let mut ties = self.guardianships.as_slice();
        let mut theirs = |student: &Student| {
            let count = ties.iter().take_while(|tie| tie.student == student.id).count();
            let (now, rest) = ties.split_at(count);
            ties = rest;
            now
        };
        put(Category::Schools, &mut self.schools.iter().map(|school| self.school(school)))?;
        put(Category::Mefs, &mut self.mefs.iter().map(|mef| self.mef(mef.code.as_str(), mef.level.as_deref())))?;
        put(Category::Subjects, &mut std::iter::once(self.subject()))?;
        put(Category::Guardians, &mut self.guardians.iter().map(|guardian| self.guardian(guardian)))?;
        put(Category::Students, &mut self.students.iter().map(|student| self.student(student, theirs(student))))?;
        put(Category::Staff, &mut self.staff.iter().map(|person| self.staff_member(person)))?;
        zip.finish()?.flush()?;
        Ok(path)
    }

    fn head(&self) -> String {
        let (encoding, version) = match self.dialect {
            Dialect::Current => ("UTF-8", "AAF-VE2407"),
            Dialect::Of2013 => ("ISO-8859-1", "AAF-VE1301"),
        };
        let mut head = format!(
            "<?xml version=\"1.0\" encoding=\"{encoding}\"?>\n<!DOCTYPE ficAlimMENESR SYSTEM \"ficAlimMENESR.dtd\">\n\
             <ficAlimMENESR>\n<!-- versionAF=\"{version}\" -->\n"
        );
        if self.dialect == Dialect::Current {
            let comments = [
                ("versionSDET", "Annexe 4bis version 6.4".to_owned()),
                ("codeAcademieExport", self.academy.to_string()),
                ("degre", "2D".to_owned()),
                ("dateGenerationExport", french_day(self.date)),
            ];
            for (name, value) in comments {
                head.push_str("<!-- ");
                head.push_str(name);
                head.push_str("=\"");
                head.push_str(&value);
                head.push_str("\" -->\n");
            }
        }
        head
    }

    /// ISO-8859-1 has no `œ`: what it lacks is written by number.
    fn encoded(&self, text: &str) -> Vec<u8> {
        if self.dialect == Dialect::Current {
            return text.as_bytes().to_vec();
        }
        let mut bytes = Vec::with_capacity(text.len());
        for letter in text.chars() {
            match u8::try_from(u32::from(letter)) {
                Ok(byte) => bytes.push(byte),
                Err(_) => bytes.extend_from_slice(format!("&#{};", u32::from(letter)).as_bytes()),
            }
        }
        bytes
    }

    fn school(&self, school: &School) -> Xml {
        let uai = school.uai.as_ref().map(ToString::to_string).unwrap_or_default();
        let (name, town) = school.name.split_once(", ").unwrap_or((&school.name, ""));
        let (kind, name) = name.split_once(' ').unwrap_or(("", name));
        Xml::open(Category::Schools, school.id.key().as_str(), "ENTStructureJointure")
            .attr("ENTStructureUAI", [&*uai])
            .attr("ENTEtablissementUAI", [&*uai])
            .attr("ENTStructureNomCourant", [&*format!("{kind}${name}${town}")])
            .attr("ENTStructureTypeStruct", school.kind.as_deref())
            .attr("ENTEtablissementContrat", ["PU"])
            .attr("postOfficeBox", [])
            .attr("l", [town])
            .attr("ENTServAcCodeAcademie", [&*format!("{:03}", self.academy.number())])
            .close()
    }

    fn mef(&self, code: &str, level: Option<&str>) -> Xml {
        let stat = level.map(|level| format!("{level}0010001"));
        let label = if self.dialect == Dialect::Current { "NIVEAU" } else { "NIVEAU ANCIEN" };
        Xml::open(Category::Mefs, code, "ENTMefJointure")
            .attr("ENTLibelleMef", [label])
            .attr("ENTMEFRattach", [code])
            .attr("ENTMEFSTAT11", stat.as_deref())
            .close()
    }

    fn subject(&self) -> Xml {
        let label = if self.dialect == Dialect::Current { "ANGLAIS LV1" } else { "ANGLAIS" };
        Xml::open(Category::Subjects, "030201", "ENTMatJointure").attr("ENTLibelleMatiere", [label]).close()
    }

    fn guardian(&self, guardian: &Guardian) -> Xml {
        let xml = Xml::open(Category::Guardians, guardian.id.key().as_str(), "ENTPersonJointure")
            .attr("ENTPersonDateNaissance", [])
            .names(&guardian.names)
            .attr("homePhone", ["+33 2 61 91 00 99"])
            .attr("telephoneNumber", [])
            .attr("ENTPersonAdresse", ["1 rue des Exemples$$$"])
            .attr("ENTPersonCodePostal", ["99000"])
            .attr("ENTPersonPays", ["FRANCE"]);
        if self.dialect == Dialect::Of2013 {
            return xml.close();
        }
        let written: Vec<String> = guardian.mobiles.iter().map(|phone| spaced(phone.as_str())).collect();
        // Of those who have none, half show a land line in its place, as happens.
        let land_line = written.is_empty() && guardian.id.key().as_str().ends_with(['1', '3', '5', '7', '9']);
        xml.attr("mobile", written.iter().map(String::as_str).chain(land_line.then_some("+33 2 61 91 00 99")))
            .attr("ENTPersonMobileSMS", written.first().map(String::as_str))
            .attr("mail", guardian.mail.as_ref().map(Mail::as_str))
            .close()
    }

    fn student(&self, student: &Student, ties: &[Guardianship]) -> Xml {
        let school = student.school.as_ref().map(|school| school.key().as_str());
        let classes: Vec<String> =
            student.enrolments.iter().map(|e| format!("{}${}", e.school.key(), e.division)).collect();
        let composite = self.composite(ties);
        let mut xml = Xml::open(Category::Students, student.id.key().as_str(), "ENTPersonJointure")
            .attr("ENTEleveStructRattachId", student.school_number.as_deref())
            .attr("ENTPersonDateNaissance", [&*french_day(student.birth_date)])
            .names(&student.names)
            .attr("ENTPersonAutresPrenoms", [&*student.names.given, "Camille"]);
        if self.dialect == Dialect::Current {
            xml = xml.attr("ENTEleveINE", student.ine.as_deref());
        } else {
            let of = |wanted: &dyn Fn(&&Guardianship) -> bool| -> Vec<&str> {
                ties.iter().filter(wanted).map(|tie| tie.guardian.key().as_str()).collect()
            };
            xml = xml
                .attr("ENTEleveParents", of(&|tie| matches!(tie.link, 10 | 20)))
                .attr("ENTElevePere", of(&|tie| tie.link == 20))
                .attr("ENTEleveMere", of(&|tie| tie.link == 10))
                .attr("ENTEleveAutoriteParentale", of(&|tie| tie.authority == ParentalAuthority::Legal));
        }
        xml.attr("ENTElevePersRelEleve", composite.iter().map(String::as_str))
            .attr("ENTEleveBoursier", ["N"])
            .attr("ENTEleveRegime", ["DEMI-PENSIONNAIRE DANS L'ETABLISSEMENT"])
            .attr("ENTEleveStatutEleve", ["SCOLAIRE"])
            .attr("ENTEleveMEF", student.mef.as_deref())
            .attr("ENTPersonStructRattach", school)
            .attr("ENTEleveClasses", classes.iter().map(String::as_str))
            .attr("ENTEleveGroupes", [])
            .close()
    }

    fn composite(&self, ties: &[Guardianship]) -> Vec<String> {
        let mut legal = 0;
        ties.iter()
            .map(|tie| {
                let is_legal = tie.authority == ParentalAuthority::Legal;
                legal += u8::from(is_legal);
                let (link, level) = match self.dialect {
                    Dialect::Current => (tie.link, tie.authority.level()),
                    Dialect::Of2013 => (old_link(tie.link), if is_legal { legal } else { 0 }),
                };
                format!("{}${link}${}${level}$1$0", tie.guardian.key(), u8::from(is_legal && legal == 1))
            })
            .collect()
    }

    fn staff_member(&self, staff: &Staff) -> Xml {
        let school = staff.school.as_ref().map(|school| school.key().as_str());
        let functions: Vec<String> =
            staff.functions.iter().map(|f| format!("{}${}$FONCTION$L0100$POSTE", f.school.key(), f.code)).collect();
        let teaches = staff.functions.iter().any(|function| function.code == "ENS");
        let birth = staff.birth_date.map(french_day);
        let xml = Xml::open(Category::Staff, staff.id.key().as_str(), "ENTPersonJointure")
            .attr("ENTPersonDateNaissance", birth.as_deref())
            .names(&staff.names)
            .attr("mail", staff.mail.as_ref().map(Mail::as_str))
            .attr("ENTPersonStructRattach", school)
            .attr("ENTPersonFonctions", functions.iter().map(String::as_str))
            .attr("PersEducNatPresenceDevantEleves", [if teaches { "O" } else { "N" }]);
        if self.dialect == Dialect::Current {
            xml.attr("ENTPersonCategorieEnseignant", []).close()
        } else {
            xml.close()
        }
    }
}

const fn old_link(link: u8) -> u8 {
    match link {
        20 => 1,
        10 => 2,
        50 => 3,
        39 => 4,
        51 => 5,
        70 => 7,
        _ => 6,
    }
}

fn day(date: Date, between: &str) -> String {
    format!("{:04}{between}{:02}{between}{:02}", date.year(), u8::from(date.month()), date.day())
}

fn french_day(date: Date) -> String {
    date.format(format_description!("[day]/[month]/[year]")).unwrap_or_default()
}

/// `+33639980010` as forms have it: `+33 6 39 98 00 10`.
fn spaced(phone: &str) -> String {
    let mut text = phone.get(..3).unwrap_or_default().to_owned();
    for (at, digit) in phone.chars().skip(3).enumerate() {
        if at % 2 == 1 || at == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// One record being written.
struct Xml(String);

impl Xml {
    fn open(category: Category, key: &str, key_attribute: &str) -> Self {
        let (attribute, word) = category.in_record();
        let xml = format!(
            "<addRequest>\n<operationalAttributes><attr name=\"{attribute}\"><value>{word}</value></attr>\
             </operationalAttributes>\n<identifier><id>{key}</id></identifier>\n<attributes>\n"
        );
        Self(xml).attr(key_attribute, [key])
    }

    fn attr<'a>(mut self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.push_str("<attr name=\"");
        self.0.push_str(name);
        self.0.push_str("\">");
        let before = self.0.len();
        for value in values {
            let escaped = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&apos;");
            self.0.push_str("<value>");
            self.0.push_str(&escaped);
            self.0.push_str("</value>");
        }
        if self.0.len() == before {
            self.0.push_str("<value/>");
        }
        self.0.push_str("</attr>\n");
        self
    }

    fn names(self, names: &Names) -> Self {
        self.attr("ENTPersonNomPatro", names.birth.as_deref())
            .attr("sn", [&*names.family])
            .attr("givenName", [&*names.given])
            .attr("personalTitle", names.title.as_deref())
    }

    fn close(mut self) -> Self {
        self.0.push_str("</attributes>\n</addRequest>\n");
        self
    }
}
