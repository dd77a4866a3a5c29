//! What a delivery is as a whole: its fingerprint, its day, the words of the operator.

use super::*;

const OTHERS: &str = "ENT2DVA-ENT99_Complet_20260915_Eleve_0001.xml";

fn fingerprint(heard: Result<Heard>) -> String {
    heard.unwrap().delivery().fingerprint.clone()
}

#[test]
fn im_08_a_delivery_is_known_again_in_any_order_and_wrapping() {
    let (one, two) = (file(&pupil(1, "A")), file(&pupil(2, "B")));
    let entries = [(PUPILS, one.as_bytes()), (OTHERS, two.as_bytes()), ("ficAlimMENESR.dtd", b"x".as_slice())];
    let turned: Vec<(&str, &[u8])> = entries.iter().rev().copied().collect();
    let known = fingerprint(hear(folder(&entries).path()));
    assert!(known.len() == 64 && known.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()), "{known}");
    for entries in [entries.as_slice(), &turned] {
        let tar = tarred(entries);
        for (name, bytes) in [("a.zip", zipped(entries)), ("a.tgz", gzipped(&tar)), ("a.tar", tar)] {
            assert_eq!(fingerprint(hear_archive(name, &bytes)), known, "{name}");
        }
    }
    let inside = zipped(&[("x/ENT2DVA-ENT99_Complet_20260915_Eleve_0001.xml", two.as_bytes()), entries[0]]);
    assert_eq!(fingerprint(hear_archive("b.zip", &inside)), known);
    // Two archives, one delivery.
    let parts = folder(&[("a.zip", &zipped(&entries[1..2])), ("b.zip", &zipped(&entries[..1]))]);
    let mut both = Heard::default();
    let paths = ["a.zip", "b.zip"].map(|name| parts.path().join(name)).to_vec();
    read(&reading(paths, Hints::default()), &Progress::default(), &mut |incoming| {
        both.take(incoming);
        true
    })
    .unwrap();
    assert_eq!(both.delivery().fingerprint, known);
    for other in [
        folder(&[(PUPILS, one.as_bytes())]),
        folder(&[(PUPILS, two.as_bytes()), (OTHERS, one.as_bytes())]),
        folder(&[(PUPILS, one.as_bytes()), (OTHERS, one.as_bytes())]),
        folder(&[(PUPILS, one.as_bytes()), (OTHERS, two.replace("Lou", "Lo ").as_bytes())]),
    ] {
        assert_ne!(fingerprint(hear(other.path())), known);
    }
}

#[test]
fn the_operator_has_the_last_word() {
    let relations = [("ENTElevePersRelEleve", "7$10$1$1$1$1|8$20$0$2$1$0")];
    let files = folder(&[(PUPILS, file(&pupil_with("1", &relations)).as_bytes())]);
    let heard = |hints| hear_with(files.path(), hints).unwrap();
    let plain = heard(Hints::default());
    assert_eq!((plain.delivery().before_2020, plain.delivery().date), (false, date!(2026 - 09 - 15)));
    let hints = Hints { levels: Some(Levels::Before2020), date: Some(date!(2019 - 03 - 01)), ..Hints::default() };
    let told = heard(hints);
    assert_eq!((told.delivery().before_2020, told.delivery().date), (true, date!(2019 - 03 - 01)));
    let old = folder(&[("ENT_Complet_20130117_Eleve_0000.xml", file(&pupil_with("1", &relations)).as_bytes())]);
    assert!(hear(old.path()).unwrap().delivery().before_2020);
    let hints = Hints { levels: Some(Levels::Since2020), ..Hints::default() };
    assert!(!hear_with(old.path(), hints).unwrap().delivery().before_2020);
}

#[test]
fn a_day_is_of_the_files_then_the_archive_then_a_comment_then_today() {
    let bare = "ENT_Complet_Eleve_0000.xml";
    let text = file(&pupil(1, "A"));
    let generated = text.replacen("<addRequest>", "<!-- dateGenerationExport=\"14/09/2026\" -->\n<addRequest>", 1);
    let of = |archive: &str, name: &str, text: &str| {
        let heard = hear_archive(archive, &zipped(&[(name, text.as_bytes())])).unwrap();
        (heard.delivery().date, heard.warned("no_date"))
    };
    assert_eq!(of("ENT2DVA.20260913.zip", PUPILS, &generated), (date!(2026 - 09 - 15), 0));
    assert_eq!(of("ENT2DVA.20260913Rennes.zip", bare, &generated), (date!(2026 - 09 - 13), 0));
    assert_eq!(of("a.zip", bare, &generated), (date!(2026 - 09 - 14), 0));
    assert_eq!(of("a.zip", bare, &text), (date!(2026 - 09 - 20), 1));
}

#[test]
fn im_10_a_record_that_no_person_can_have_is_rejected() {
    let own = pupil_with("1", &[("ENTElevePersRelEleve", "7$10$1$1$1$1|1$70$0$1$1$0")]);
    let own_before = pupil_with("2", &[("ENTEleveAutoriteParentale", "2")]);
    let relations: Vec<String> = (0..1_001).map(|key| format!("{key}$90$0$0$1$0")).collect();
    let crowd = pupil_with("3", &[("ENTElevePersRelEleve", &relations.join("|"))]);
    let good = pupil_with("4", &[("ENTElevePersRelEleve", "7$70$1$1$1$1")]);
    let marks = pupil_with("5", &[("ENTElevePersRelEleve", "7$10$1$1$1$1\u{1f}")]);
    let heard = hear_files(&[(PUPILS, &file(&[own, own_before, crowd, good, marks].concat()))]).unwrap();
    // Who names themselves keep their record, without that relation.
    assert_eq!((heard.records.len(), heard.warned("self_parent")), (3, 2));
    let why: Vec<&str> = heard.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    assert!(why[0].contains("more than 1000 values") && why[1].contains("control character"), "{why:?}");
}

#[test]
fn of_nobody_is_more_kept_than_is_read() {
    let told = [
        ("mail", "pupil@example.org"),
        ("homePhone", "0299000010"),
        ("ENTPersonAdresse", "1 rue"),
        ("ENTEleveMEF", ""),
    ];
    let heard = hear_files(&[(PUPILS, &file(&pupil_with("1", &told)))]).unwrap();
    let names: Vec<&str> = heard.told[0].iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["ENTPersonDateNaissance", "givenName", "sn"]);
}
