//! Records that are cut out whole and asked about before they are read.

use std::collections::BTreeSet;

use super::*;
use crate::incoming::{Glimpse, Print, Recognised};

/// What comes of a file where the prints of `known` are known: what was read, what was asked, with their prints.
fn hear_asked(text: &str, known: &BTreeSet<Print>) -> (Heard, Vec<Glimpse>, Vec<Print>) {
    let folder = folder(&[(PUPILS, text.as_bytes())]);
    let asking = Reading { asks: true, ..reading(vec![folder.path().to_owned()], Hints::default()) };
    let (mut heard, mut asked, mut read_with) = (Heard::default(), Vec::new(), Vec::new());
    read(&asking, &Progress::default(), &mut |incoming| {
        match incoming {
            Incoming::Glimpses(glimpses, answer) => {
                let print = |glimpse: &Glimpse| glimpse.origin.print.clone().unwrap();
                let each = glimpses.iter().map(|glimpse| known.contains(&print(glimpse))).collect();
                answer.send(if known.is_empty() { Recognised::Never } else { Recognised::Each(each) }).unwrap();
                asked.extend(glimpses);
            }
            Incoming::Record(record, told, origin) => {
                read_with.extend(origin.print.clone());
                heard.take(Incoming::Record(record, told, origin));
            }
            other => heard.take(other),
        }
        true
    })
    .unwrap();
    (heard, asked, read_with)
}

const VERSION: &str = "<!-- versionAF=\"AAF-VE2407\" -->\n";

fn all(count: u32) -> String {
    file(&(VERSION.to_owned() + &(0..count).map(|key| pupil(key, "A")).collect::<String>()))
}

#[test]
fn who_is_known_is_not_read_and_who_is_not_is() {
    let (heard, asked, prints) = hear_asked(&all(1_300), &BTreeSet::new());
    assert_eq!((heard.records.len(), prints.len()), (1_300, 1_300), "nobody is known: all are read");
    assert_eq!(asked.len(), 512, "and nobody is asked about twice");
    let known: BTreeSet<Print> = prints.iter().filter(|print| ***print != *prints[700]).cloned().collect();
    let (heard, asked, _) = hear_asked(&all(1_300), &known);
    assert_eq!((heard.names().len(), asked.len()), (1, 1_300));
    assert_eq!(heard.student(0).0.id.to_string(), "14-2d-700");
    assert_eq!(asked[700].origin.line, 4 + 700 * 10, "the line where it begins");
}

#[test]
fn a_print_is_of_one_text_read_one_way() {
    let of = |text: &str| hear_asked(text, &BTreeSet::new()).2;
    let plain = of(&all(1));
    assert_eq!(plain, of(&all(1)));
    assert_ne!(plain, of(&all(1).replace("<value>A", "<value>A ")), "another letter, even one of no weight");
    assert_ne!(plain, of(&all(1).replace("VE2407", "VE1101")), "another meaning of field 4");
    assert!(of(&all(1).replace(VERSION, "")).is_empty(), "the meaning of field 4 is not known yet");
}

#[test]
fn what_is_not_plain_is_read_as_before() {
    let records = |text: &str| hear_file(text.as_bytes()).unwrap().records;
    let plain = file(&pupil(1, "DUPONT"));
    for (from, to) in [
        ("<attributes>", "<!-- </addRequest> --><attributes>"),
        ("DUPONT", "<![CDATA[DUPONT]]>"),
        ("<attributes>", "<?x </addRequest> ?><attributes>"),
        ("</addRequest>", "</addRequest >"),
        ("<addRequest>", "<addRequest\n>"),
    ] {
        let other = plain.replace(from, to);
        assert_eq!(records(&other), records(&plain), "{to}");
        if to.contains('!') || to.contains('?') || to.contains(" >") {
            let (_, asked, prints) =
                hear_asked(&other.replace("<ficAlimMENESR>\n", &format!("<ficAlimMENESR>{VERSION}")), &BTreeSet::new());
            assert_eq!((asked.len(), prints.len()), (0, 0), "{to}");
        }
    }
    let nested = plain.replace("<attributes>", "<addRequest></addRequest><attributes>");
    assert_eq!(hear_file(nested.as_bytes()).unwrap().rejects.len(), 1, "a record with another inside is rejected");
    let cut = plain.replace("</addRequest>\n</ficAlimMENESR>\n", "</addRequest>");
    assert!(reason(hear_file(cut.as_bytes())).contains("cut off"));
    let crossed = plain.replace("</attributes>", "");
    assert!(reason(hear_file(crossed.as_bytes())).contains("not well-formed"));
    let quoted = plain.replace("name=\"sn\"", "name=\"</addRequest>\"");
    assert!(reason(hear_file(quoted.as_bytes())).contains("not well-formed"));
}

#[test]
fn a_record_cut_by_a_buffer_is_read_whole() {
    let values = "<value>06 39 98 00 10</value>".repeat(900);
    for white in [0, 60_000, 65_000, 66_000] {
        let many = pupil(2, "B")
            .replace("<attr name=\"sn\">", &format!("<attr name=\"mail\">{values}</attr><attr name=\"sn\">"));
        let records = [pupil(1, "A"), " ".repeat(white), many, pupil(3, "C")].concat();
        let heard = hear_file(file(&records).as_bytes()).unwrap();
        let families: Vec<_> = heard.names().into_iter().map(|names| names.family).collect();
        assert_eq!(families, ["A", "B", "C"], "{white}");
    }
}
