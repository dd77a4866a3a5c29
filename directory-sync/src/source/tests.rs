//! What is refused whole, and what costs one record.

use std::io::{Cursor, Write};
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;
use time::macros::date;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::archive::{Budget, each_file};
use super::*;
use crate::incoming::{Category, Delivery, Record, Reject};
use crate::model::{Names, Person};

const PUPILS: &str = "ENT2DVA-ENT99_Complet_20260915_Eleve_0000.xml";
const DOCTYPE: &str = "<!DOCTYPE ficAlimMENESR SYSTEM \"ficAlimMENESR.dtd\">";

#[derive(Debug, Default)]
struct Heard {
    records: Vec<Record>,
    rejects: Vec<Reject>,
    delivery: Option<Delivery>,
}

impl Heard {
    fn names(&self) -> Vec<Names> {
        let person = |record: &Record| match record {
            Record::Student(student, _) => Some(Person::Student(student.clone())),
            Record::Guardian(guardian) => Some(Person::Guardian(guardian.clone())),
            Record::Staff(staff) => Some(Person::Staff(staff.clone())),
            Record::School(_) | Record::Mef(_) => None,
        };
        self.records.iter().filter_map(person).map(|person| person.names().clone()).collect()
    }
}

fn hear(path: &Path) -> Result<Heard> {
    let mut heard = Heard::default();
    let reading = Reading {
        paths: vec![path.to_owned()],
        academy: "14".parse().unwrap(),
        hints: Hints::default(),
        today: date!(2026 - 09 - 20),
    };
    read(&reading, &Progress::default(), &mut |incoming| {
        match incoming {
            Incoming::Record(record, ..) => heard.records.push(*record),
            Incoming::Rejected(reject) => heard.rejects.push(reject),
            Incoming::Source(_) | Incoming::Ignored(_) | Incoming::Change(..) | Incoming::Departure { .. } => {}
            Incoming::Complete(delivery) => heard.delivery = Some(*delivery),
        }
        true
    })?;
    assert!(heard.delivery.is_some());
    Ok(heard)
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

#[test]
fn im_03_the_one_doctype_is_accepted_and_every_other_refused() {
    let one = pupil(1, "OLIVERO");
    for good in [DOCTYPE, "", "<!DOCTYPE ficAlimMENESR\n SYSTEM 'ficAlimMENESR.dtd' >"] {
        assert_eq!(hear_file(pupils("", good, &one).as_bytes()).unwrap().records.len(), 1, "{good}");
    }
    let laughs = "<!DOCTYPE ficAlimMENESR [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    for hostile in [
        laughs,
        "<!DOCTYPE ficAlimMENESR SYSTEM \"ficAlimMENESR.dtd\" [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
        "<!DOCTYPE ficAlimMENESR SYSTEM \"ficAlimMENESR.dtd\" [<!ENTITY % x SYSTEM \"http://example.org/x\"> %x;]>",
        "<!DOCTYPE ficAlimMENESR SYSTEM \"http://example.org/ficAlimMENESR.dtd\">",
        "<!DOCTYPE ficAlimMENESR PUBLIC \"-//X\" \"ficAlimMENESR.dtd\">",
        "<!DOCTYPE other SYSTEM \"ficAlimMENESR.dtd\">",
        "<!DOCTYPE ficAlimMENESR SYSTEM \"../ficAlimMENESR.dtd\">",
    ] {
        let why = reason(hear_file(pupils("", hostile, &one).as_bytes()));
        assert!(why.contains("document type") && why.contains(PUPILS), "{hostile}: {why}");
    }
    let twice = pupils("", &format!("{DOCTYPE}{DOCTYPE}"), &one);
    assert!(hear_file(twice.as_bytes()).is_err());
    let inside = pupils("", "", &format!("{one}{DOCTYPE}"));
    assert!(hear_file(inside.as_bytes()).is_err());
}

#[test]
fn im_04_letters_survive_every_encoding() {
    let family = "LŒUVRE-ÉTÉ À 5 €";
    let utf8 = pupils("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", DOCTYPE, &pupil(1, family));
    let undeclared = pupils("", DOCTYPE, &pupil(1, family));
    let marked = format!("\u{FEFF}{utf8}");
    let latin9: Vec<u8> = utf8
        .replace("UTF-8", "ISO-8859-15")
        .chars()
        .map(|letter| match letter {
            'Œ' => 0xBC,
            '€' => 0xA4,
            other => u8::try_from(u32::from(other)).unwrap(),
        })
        .collect();
    for bytes in [utf8.as_bytes(), undeclared.as_bytes(), marked.as_bytes(), &latin9] {
        assert_eq!(hear_file(bytes).unwrap().names()[0].family, family);
    }
    let lie = utf8.replace("UTF-8", "ISO-8859-15");
    assert!(reason(hear_file(lie.as_bytes())).contains("UTF-8, not the ISO-8859"));
}

#[test]
fn named_and_split_letters_are_one_name() {
    let records = pupil(1, "L&apos;H&ocirc;tel &amp; d&#39;&Eacute;t&#xE9;<![CDATA[ & fils]]>");
    let heard = hear_file(pupils("", DOCTYPE, &records).as_bytes()).unwrap();
    assert_eq!(heard.names()[0].family, "L'Hôtel & d'Été & fils");
}

#[test]
fn im_10_a_bad_record_costs_itself_and_says_where_it_is() {
    let records = [
        pupil(1, "BON"),
        pupil(2, "&inconnue;"),
        pupil(3, "A").replace("02/11/2012", "31/02/2012"),
        pupil(4, "A").replace("02/11/2012", ""),
        pupil(5, "A").replace("<id>5</id>", "<id>6</id>"),
        pupil(7, "A").replace("<id>7</id>", "<id/>"),
        pupil(8, "A").replace("categoriePersonne\"><value>Eleve", "categoriePersonne\"><value>PersEducNat"),
        pupil(9, ""),
        pupil(10, "A\u{1}"),
        pupil(11, &"A".repeat(70_000)),
        pupil(12, "A").replace("attributes>", "other>"),
        pupil(13, "A").replace("<attr name=\"sn\">", "<attr>"),
        pupil(14, "BON"),
    ];
    let heard = hear_file(pupils("", DOCTYPE, &records.concat()).as_bytes()).unwrap();
    assert_eq!(heard.names().iter().filter(|names| names.family == "BON").count(), 2);
    assert_eq!((heard.records.len(), heard.rejects.len()), (2, 11));
    let told: Vec<(Option<&str>, u64)> = heard.rejects.iter().map(|r| (r.key.as_deref(), r.line)).collect();
    assert_eq!(told[0], (Some("2"), 13));
    assert_eq!(told[4].0, None);
    assert!(heard.rejects.iter().all(|reject| reject.file == PUPILS && reject.category == Category::Students));
    assert!(heard.rejects[1].reason.contains("ENTPersonDateNaissance"));
    assert!(heard.rejects[1..].iter().all(|reject| !reject.reason.contains("31/02")));
}

#[test]
fn unknown_attributes_are_counted_and_left_aside() {
    let more = pupil(1, "A")
        .replace("<attr name=\"sn\">", "<attr name=\"ENTNouveau\"><value>x</value></attr><attr name=\"sn\">");
    let heard = hear_file(pupils("", DOCTYPE, &format!("{more}{}", more.replace(">1<", ">2<"))).as_bytes()).unwrap();
    let delivery = heard.delivery.unwrap();
    assert_eq!(delivery.unknown_attributes.get("ENTNouveau"), Some(&2));
    assert_eq!(heard.records.len(), 2);
}

#[test]
fn a_file_that_is_cut_or_ill_formed_is_refused() {
    let whole = pupils("", DOCTYPE, &pupil(1, "OLIVERO"));
    let end = whole.trim_end().len();
    for at in 0..end {
        if whole.is_char_boundary(at) {
            assert!(hear_file(&whole.as_bytes()[..at]).is_err(), "cut at {at}");
        }
    }
    for (what, wrong) in [
        ("a stray ampersand", whole.replace("OLIVERO", "A & B")),
        ("crossed tags", whole.replace("</attributes>\n</addRequest>", "</addRequest>\n</attributes>")),
        ("another root", whole.replace("ficAlimMENESR>", "other>")),
        ("text between records", whole.replace("<addRequest>", "text <addRequest>")),
        ("an unknown request", whole.replace("addRequest", "fooRequest")),
        ("a second root", format!("{whole}<ficAlimMENESR></ficAlimMENESR>")),
        ("depth", whole.replace("OLIVERO", &"<a>".repeat(40))),
    ] {
        assert!(matches!(hear_file(wrong.as_bytes()), Err(Error::File { .. })), "{what}");
    }
}

#[test]
fn im_02_a_text_without_end_is_refused_before_it_fills_the_memory() {
    let endless = pupils("", DOCTYPE, &pupil(1, &"A".repeat(400_000)));
    assert!(reason(hear_file(endless.as_bytes())).contains("256 KiB"));
    let comment = pupils("", DOCTYPE, &format!("<!--{}-->", "c".repeat(400_000)));
    assert!(hear_file(comment.as_bytes()).is_err());
    let many = pupil(1, "A").replace(
        "<attr name=\"sn\">",
        &format!("<attr name=\"x\">{}</attr><attr name=\"sn\">", "<value>y</value>".repeat(100_000)),
    );
    assert_eq!(hear_file(pupils("", DOCTYPE, &many).as_bytes()).unwrap().rejects.len(), 1);
}

#[test]
fn changes_only_and_primary_schools_are_refused_with_a_word_for_it() {
    let whole = pupils("", DOCTYPE, &pupil(1, "OLIVERO"));
    let named = |name: &str| reason(hear(folder(&[(name, whole.as_bytes())]).path()));
    assert!(named("ENT2DVA-ENT99_Delta_20260916_Eleve_0000.xml").contains("delta"));
    assert!(named("ENT1D-ENT99_Complet_20260916_Eleve_0000.xml").contains("1D"));
    let deletes = whole.replace("addRequest", "deleteRequest");
    assert!(matches!(hear_file(deletes.as_bytes()), Err(Error::Delta { .. })));
    let first = whole.replace("\"sn\"", "\"ENTPersonNom\"").replace("givenName", "ENTPersonPrenom");
    assert!(matches!(hear_file(first.as_bytes()), Err(Error::Primary { .. })));
    let degree = whole.replace("<addRequest>", "<!-- degre=\"1D\" -->\n<addRequest>");
    assert!(matches!(hear_file(degree.as_bytes()), Err(Error::Primary { .. })));
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

#[test]
fn one_delivery_is_the_same_in_every_wrapping() {
    let file = pupils("", DOCTYPE, &pupil(1, "OLIVERO"));
    let entries = [(PUPILS, file.as_bytes()), ("ficAlimMENESR.dtd", b"<!ELEMENT x ANY>".as_slice())];
    let tar = tarred(&entries);
    for (name, bytes) in
        [("a.zip", zipped(&entries)), ("a.tar", tar.clone()), ("a.tar.gz", gzipped(&tar)), ("a.tgz", gzipped(&tar))]
    {
        assert_eq!(hear_archive(name, &bytes).unwrap().records.len(), 1, "{name}");
    }
    assert_eq!(hear_archive(PUPILS, file.as_bytes()).unwrap().records.len(), 1);
    assert!(matches!(hear_archive("a.rar", b"Rar!"), Err(Error::Archive { .. })));
    assert!(matches!(hear(Path::new("/nonexistent/a.zip")), Err(Error::Unreadable { .. })));
    assert!(matches!(hear(folder(&[("readme.txt", b"x")]).path()), Err(Error::Empty { .. })));
}

#[test]
fn im_01_hostile_names_are_refused_whole() {
    let file = pupils("", DOCTYPE, &pupil(1, "OLIVERO"));
    let good = (PUPILS, file.as_bytes());
    for name in [
        "../x_Eleve_0001.xml",
        "a/../../x_Eleve_0001.xml",
        "/tmp/x_Eleve_0001.xml",
        "C:\\x.xml",
        "..\\x.xml",
        "inner.zip",
    ] {
        let entries = [good, (name, file.as_bytes())];
        assert!(matches!(hear_archive("a.zip", &zipped(&entries)), Err(Error::Archive { .. })), "zip {name}");
        assert!(matches!(hear_archive("a.tar", &tarred(&entries)), Err(Error::Archive { .. })), "tar {name}");
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("x_Eleve_0001.xml", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let linked = zip.finish().unwrap().into_inner();
    assert!(reason(hear_archive("a.zip", &linked)).contains("link"));
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "x_Eleve_0001.xml", "/etc/passwd").unwrap();
    assert!(reason(hear_archive("a.tar", &tar.into_inner().unwrap())).contains("link"));
    let folder = folder(&[good]);
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("x_Eleve_0001.xml")).unwrap();
    assert!(reason(hear(folder.path())).contains("link"));
}

#[test]
fn im_01_a_bomb_is_stopped_by_number_by_size_and_by_ratio() {
    let small = || Budget { files: 3, each: 50_000, total: 80_000, ratio: 20, ratio_from: 10_000 };
    let drain = |name: &str, bytes: &[u8]| {
        let folder = folder(&[(name, bytes)]);
        let visit = &mut |_: &str, file: &mut dyn std::io::Read| {
            let mut seen = Vec::new();
            let read = file.read_to_end(&mut seen);
            read.map(drop).map_err(|e| Error::Archive { archive: String::new(), reason: e.to_string() })
        };
        each_file(&folder.path().join(name), &mut small(), &Progress::default(), visit).map_err(|e| e.to_string())
    };
    let noise =
        |length: u32| (0..length).map(|i| u8::try_from((i * i % 251) ^ (i / 97 % 251)).unwrap()).collect::<Vec<u8>>();
    let four = noise(100);
    let four: Vec<_> = ["a", "b", "c", "d"].into_iter().map(|name| (name, four.as_slice())).collect();
    let large = noise(60_000);
    let flat = vec![b'a'; 40_000];
    let half = noise(45_000);
    for (entries, why) in [
        (four.as_slice(), "too many"),
        (&[("a", large.as_slice())], "larger"),
        (&[("a", flat.as_slice())], "inflates"),
        (&[("a", half.as_slice()), ("b", half.as_slice())], "delivery is larger"),
    ] {
        assert!(drain("a.zip", &zipped(entries)).unwrap_err().contains(why), "zip: {why}");
        let told = drain("a.tgz", &gzipped(&tarred(entries))).unwrap_err();
        assert!(told.contains(why) || told.contains("too large"), "tgz: {why}: {told}");
    }
}

#[test]
fn im_05_a_cut_or_damaged_archive_is_refused() {
    let file = pupils("", DOCTYPE, &(1..40).map(|key| pupil(key, "OLIVERO")).collect::<String>());
    let entries = [(PUPILS, file.as_bytes()), ("x_EtabEducNat_0000.xml", b"<ficAlimMENESR/>".as_slice())];
    let tar = tarred(&entries);
    for (name, bytes) in [("a.zip", zipped(&entries)), ("a.tar", tar.clone()), ("a.tgz", gzipped(&tar))] {
        assert!(hear_archive(name, &bytes).is_ok(), "{name}");
        // The last 512 bytes of a tar are the second of its two end marks.
        let end = if name == "a.tar" { bytes.len() - 1024 } else { bytes.len() };
        for at in (0..end).step_by(end / 60) {
            assert!(hear_archive(name, &bytes[..at]).is_err(), "{name} cut at {at}");
        }
    }
    let mut damaged = zipped(&entries);
    let middle = 60 + damaged.len() / 4;
    damaged[middle] ^= 0x55;
    assert!(hear_archive("a.zip", &damaged).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn no_bytes_make_the_reader_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut in any::<prop::sample::Index>(), keep: bool) {
        let records: String = (1..4).map(|key| pupil(key, "L&apos;H&ocirc;te &#233; $|")).collect();
        let relation = "<attr name=\"ENTElevePersRelEleve\"><value>7$10$1$1$1$1</value><value/></attr></attributes>";
        let text = pupils("<?xml version=\"1.0\" encoding=\"ISO-8859-15\"?>", DOCTYPE, &records.replace("</attributes>", relation));
        let mut bytes = text.into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !keep {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = hear_file(&bytes);
        let _ = hear_archive("a.zip", &bytes);
        let _ = hear_archive("a.tar", &bytes);
    }
}
