//! What the tests of the reader share: files and archives made up, and what is heard of them.

mod archives;
mod delivery;
mod delta;
mod examples;
mod files;
mod glimpses;
mod pitfalls;
mod primary;
mod properties;

use std::io::{Cursor, Write};
use std::path::Path;

use tempfile::TempDir;
use time::macros::date;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::incoming::{Category, Change, Delivery, Kind, Record, Reject, Source, Told};
use crate::model::{Guardian, Names, Person, School, SourceKey, Staff, Student};

const PUPILS: &str = "ENT2DVA-ENT99_Complet_20260915_Eleve_0000.xml";
const DOCTYPE: &str = "<!DOCTYPE ficAlimMENESR SYSTEM \"ficAlimMENESR.dtd\">";

#[derive(Debug, Default)]
struct Heard {
    sources: Vec<Source>,
    records: Vec<Record>,
    told: Vec<Told>,
    changes: Vec<Change>,
    departures: Vec<(Category, SourceKey)>,
    ignored: Vec<Category>,
    rejects: Vec<Reject>,
    delivery: Option<Delivery>,
}

impl Heard {
    fn take(&mut self, incoming: Incoming) {
        assert!(matches!(incoming, Incoming::Source(_)) || self.sources.len() == 1, "before its source: {incoming:?}");
        assert!(self.delivery.is_none(), "after the end: {incoming:?}");
        match incoming {
            Incoming::Source(source) => self.sources.push(source),
            Incoming::Levels { .. } => {}
            Incoming::Record(record, told, _) => {
                self.records.push(*record);
                self.told.push(told);
            }
            Incoming::Change(change, _) => self.changes.push(*change),
            Incoming::Departure { category, key, .. } => self.departures.push((category, key)),
            Incoming::Ignored(category) => self.ignored.push(category),
            Incoming::Rejected(reject) => self.rejects.push(reject),
            Incoming::Glimpses(..) => unreachable!("nobody asked for questions"),
            Incoming::Complete(delivery) => self.delivery = Some(*delivery),
        }
    }

    fn names(&self) -> Vec<Names> {
        let person = |record: &Record| match record {
            Record::Student(student, _) => Some(Person::Student(student.clone())),
            Record::Guardian(guardian) => Some(Person::Guardian(guardian.clone())),
            Record::Staff(staff) => Some(Person::Staff(staff.clone())),
            Record::School(_) | Record::Mef(_) => None,
        };
        self.records.iter().filter_map(person).map(|person| person.names().clone()).collect()
    }

    fn delivery(&self) -> &Delivery {
        self.delivery.as_ref().unwrap()
    }

    fn student(&self, at: usize) -> (&Student, &[crate::incoming::Relation]) {
        let students = self.records.iter().filter_map(|record| match record {
            Record::Student(student, relations) => Some((student, relations.as_slice())),
            _ => None,
        });
        students.into_iter().nth(at).unwrap()
    }

    fn guardian(&self, at: usize) -> &Guardian {
        let all = self.records.iter().filter_map(|r| if let Record::Guardian(g) = r { Some(g) } else { None });
        all.into_iter().nth(at).unwrap()
    }

    fn staff(&self, at: usize) -> &Staff {
        let all = self.records.iter().filter_map(|r| if let Record::Staff(s) = r { Some(s) } else { None });
        all.into_iter().nth(at).unwrap()
    }

    fn school(&self, at: usize) -> &School {
        let all = self.records.iter().filter_map(|r| if let Record::School(s) = r { Some(s) } else { None });
        all.into_iter().nth(at).unwrap()
    }

    fn warned(&self, code: &str) -> u64 {
        self.delivery().warnings.iter().find(|(known, ..)| *known == code).map_or(0, |(.., count)| count)
    }
}

fn reading(paths: Vec<PathBuf>, hints: Hints) -> Reading {
    Reading { paths, academy: "14".parse().unwrap(), hints, today: date!(2026 - 09 - 20), asks: false }
}

fn hear_with(path: &Path, hints: Hints) -> Result<Heard> {
    let mut heard = Heard::default();
    read(&reading(vec![path.to_owned()], hints), &Progress::default(), &mut |incoming| {
        heard.take(incoming);
        true
    })?;
    assert!(heard.delivery.is_some());
    Ok(heard)
}

fn hear(path: &Path) -> Result<Heard> {
    hear_with(path, Hints::default())
}

/// Some files as one delivery.
fn hear_files(files: &[(&str, &str)]) -> Result<Heard> {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    hear(folder(&files).path())
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// One file of pupils, alone in its folder.
fn hear_file(bytes: &[u8]) -> Result<Heard> {
    hear(folder(&[(PUPILS, bytes)]).path())
}

fn pupil(key: u32, family: &str) -> String {
    format!(
        "<addRequest>\n<operationalAttributes><attr name=\"categoriePersonne\"><value>Eleve</value></attr>\
         </operationalAttributes>\n<identifier><id>{key}</id></identifier>\n<attributes>\n\
         <attr name=\"ENTPersonJointure\"><value>{key}</value></attr>\n\
         <attr name=\"ENTPersonDateNaissance\"><value>02/11/2012</value></attr>\n\
         <attr name=\"sn\"><value>{family}</value></attr>\n<attr name=\"givenName\"><value>Lou</value></attr>\n\
         </attributes>\n</addRequest>\n"
    )
}

fn pupils(declaration: &str, doctype: &str, records: &str) -> String {
    format!("{declaration}{doctype}\n<ficAlimMENESR>\n{records}</ficAlimMENESR>\n")
}

fn reason(heard: Result<Heard>) -> String {
    heard.unwrap_err().to_string()
}

/// A request of any kind: attributes each with their values between `|`.
fn request(kind: &str, category: Category, key: &str, attributes: &[(&str, &str)]) -> String {
    let (operational, word) = category.in_record();
    let each = |tag: &str, rest: &str| {
        let one = |(name, text): &(&str, &str)| {
            let values = text.replace('|', "</value><value>");
            format!("<{tag} name=\"{name}\"{rest}><value>{values}</value></{tag}>\n")
        };
        attributes.iter().map(one).collect::<Vec<String>>().concat()
    };
    let inside = match kind {
        "add" => format!("<attributes>\n{}</attributes>\n", each("attr", "")),
        "modify" => format!("<modifications>\n{}</modifications>\n", each("modification", " operation=\"replace\"")),
        _ => String::new(),
    };
    format!(
        "<{kind}Request>\n<operationalAttributes><attr name=\"{operational}\"><value>{word}</value></attr>\
         </operationalAttributes>\n<identifier><id>{key}</id></identifier>\n{inside}</{kind}Request>\n"
    )
}

/// A pupil added, with more attributes.
fn pupil_with(key: &str, attributes: &[(&str, &str)]) -> String {
    let usual = [("ENTPersonJointure", key), ("ENTPersonDateNaissance", "02/11/2012"), ("sn", "A"), ("givenName", "B")];
    request("add", Category::Students, key, &[usual.as_slice(), attributes].concat())
}

fn file(records: &str) -> String {
    pupils("", DOCTYPE, records)
}

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn tarred(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        // By hand: the writer refuses names that the reader must refuse too.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn hear_archive(name: &str, bytes: &[u8]) -> Result<Heard> {
    let folder = folder(&[(name, bytes)]);
    hear(&folder.path().join(name))
}
