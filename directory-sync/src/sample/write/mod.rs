//! Made-up people as a real archive: a zip of AAF files, in slices, in either dialect, of either stage; everyone
//! (`write`) or what changed since the day before (`write_delta`).

mod primary;
mod secondary;
mod xml;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use time::Date;
use time::macros::format_description;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Dialect, People};
use crate::incoming::Category;
use crate::model::{Guardian, Guardianship, School, SourceKey, Staff, Stage, Student};
use xml::Written;

/// Records in one file, so that a delivery of some size has slices.
const SLICE: usize = 1_000;
/// In the files of a category that has more than a hundred of the small ones: whole academies are delivered in tens of
/// slices, not in hundreds, and every slice has a head to be read.
const LARGE_SLICE: usize = 10_000;

impl People {
    /// Writes the archive of this delivery into `folder` and says its path.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        let mut archive = Archive::create(self, "Complet", folder)?;
        let schools = self.schools.iter().map(|school| self.of_school(school).add());
        archive.put(Category::Schools, self.schools.len(), schools)?;
        if self.stage == Stage::Secondary {
            let mefs = self.mefs.iter().map(|mef| secondary::mef(mef, self.dialect).add());
            archive.put(Category::Mefs, self.mefs.len(), mefs)?;
            archive.put(Category::Subjects, 1, std::iter::once(secondary::subject(self.dialect).add()))?;
        }
        let guardians = self.guardians.iter().map(|guardian| self.of_guardian(guardian).add());
        archive.put(Category::Guardians, self.guardians.len(), guardians)?;
        let students = self.students_with_ties().map(|student| self.of_student(student).add());
        archive.put(Category::Students, self.students.len(), students)?;
        let staff = self.staff.iter().map(|person| self.of_staff(person).add());
        archive.put(Category::Staff, self.staff.len(), staff)?;
        archive.finish()
    }

    /// Writes into `folder` what changed since `before`, an earlier day of the same source: new records whole, of
    /// known ones the attributes that changed with all their values, and the keys of those that are gone.
    pub fn write_delta(&self, before: &Self, folder: &Path) -> io::Result<PathBuf> {
        let mut archive = Archive::create(self, "Delta", folder)?;
        let (was, is) = (&before.schools, &self.schools);
        archive.put_changes(Category::Schools, was, is, |s| s.id.key(), |school| self.of_school(school))?;
        if self.stage == Stage::Secondary {
            let (was, is) = (&before.mefs, &self.mefs);
            archive.put_changes(Category::Mefs, was, is, |m| &m.code, |mef| secondary::mef(mef, self.dialect))?;
        }
        let (was, is) = (&before.guardians, &self.guardians);
        archive.put_changes(Category::Guardians, was, is, |g| g.id.key(), |guardian| self.of_guardian(guardian))?;
        let (was, is) = (before.students_with_ties(), self.students_with_ties());
        archive.put_changes(Category::Students, was, is, |(s, _)| s.id.key(), |student| self.of_student(student))?;
        let (was, is) = (&before.staff, &self.staff);
        archive.put_changes(Category::Staff, was, is, |s| s.id.key(), |person| self.of_staff(person))?;
        archive.finish()
    }

    /// The students with what ties them to adults, which stands in the same order.
    fn students_with_ties(&self) -> impl Iterator<Item = (&Student, &[Guardianship])> {
        let mut ties = self.guardianships.as_slice();
        self.students.iter().map(move |student| {
            let count = ties.iter().take_while(|tie| tie.student == student.id).count();
            let (now, rest) = ties.split_at(count);
            ties = rest;
            (student, now)
        })
    }

    fn of_school(&self, school: &School) -> Written {
        match self.stage {
            Stage::Primary => primary::school(school),
            Stage::Secondary => secondary::school(school),
        }
    }

    fn of_guardian(&self, guardian: &Guardian) -> Written {
        match self.stage {
            Stage::Primary => primary::guardian(guardian, self.dialect),
            Stage::Secondary => secondary::guardian(guardian, self.dialect),
        }
    }

    fn of_student(&self, (student, ties): (&Student, &[Guardianship])) -> Written {
        match self.stage {
            Stage::Primary => primary::student(student, ties, self.dialect),
            Stage::Secondary => secondary::student(student, ties, self.dialect),
        }
    }

    fn of_staff(&self, staff: &Staff) -> Written {
        match self.stage {
            Stage::Primary => primary::staff(staff),
            Stage::Secondary => secondary::staff(staff, self.dialect),
        }
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
                ("degre", self.stage.code().to_uppercase()),
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
}

/// An archive being written, slice after slice.
struct Archive {
    path: PathBuf,
    zip: ZipWriter<BufWriter<File>>,
    /// What the names of its files begin with.
    front: String,
    head: String,
    dialect: Dialect,
}

impl Archive {
    fn create(people: &People, kind: &str, folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let export = match (people.stage, people.dialect) {
            (Stage::Secondary, Dialect::Current) => "ENT2DVA-ENT99",
            (Stage::Secondary, Dialect::Of2013) => "ENTTSSERVICES",
            (Stage::Primary, Dialect::Current) => "ENT1DVA-ENT99",
            (Stage::Primary, Dialect::Of2013) => "ENT1D",
        };
        let front = format!("{export}_{kind}_{}", day(people.date));
        let path = folder.join(format!("{front}_A{:02}.zip", people.academy.number()));
        let zip = ZipWriter::new(BufWriter::new(File::create(&path)?));
        Ok(Self { path, zip, front, head: people.head(), dialect: people.dialect })
    }

    fn put(&mut self, category: Category, count: usize, records: impl Iterator<Item = String>) -> io::Result<()> {
        let most = if count > 100 * SLICE { LARGE_SLICE } else { SLICE };
        let mut records = records.peekable();
        let mut slice = 0;
        while records.peek().is_some() || slice == 0 {
            let name = format!("{}_{}_{slice:04}.xml", self.front, category.in_file_name());
            let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
            self.zip.start_file(name, options)?;
            let mut text = self.head.clone();
            records.by_ref().take(most).for_each(|record| text.push_str(&record));
            text.push_str("</ficAlimMENESR>\n");
            self.zip.write_all(&encoded(text, self.dialect))?;
            slice += 1;
        }
        Ok(())
    }

    /// Only what differs is written out to be compared: a day changes little of an academy.
    fn put_changes<'a, T: Copy + PartialEq + 'a>(
        &mut self,
        category: Category,
        before: impl IntoIterator<Item = T>,
        after: impl IntoIterator<Item = T>,
        key: fn(T) -> &'a SourceKey,
        written: impl Fn(T) -> Written,
    ) -> io::Result<()> {
        let before: Vec<T> = before.into_iter().collect();
        let known: HashMap<&SourceKey, T> = before.iter().map(|one| (key(*one), *one)).collect();
        let mut here = HashSet::with_capacity(known.len());
        let mut requests = Vec::new();
        for one in after {
            here.insert(key(one));
            match known.get(key(one)) {
                None => requests.push(written(one).add()),
                Some(was) if *was == one => {}
                Some(was) => requests.extend(written(one).modify(&written(*was))),
            }
        }
        let gone = before.iter().filter(|one| !here.contains(key(**one)));
        requests.extend(gone.map(|one| written(*one).delete()));
        self.put(category, requests.len(), requests.into_iter())
    }

    fn finish(self) -> io::Result<PathBuf> {
        self.zip.finish()?.flush()?;
        Ok(self.path)
    }
}

/// ISO-8859-1 has no `œ`: what it lacks is written by number.
fn encoded(text: String, dialect: Dialect) -> Vec<u8> {
    if dialect == Dialect::Current {
        return text.into_bytes();
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

fn day(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), u8::from(date.month()), date.day())
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
