//! Changes and departures, and how a delivery says that it holds them.

use super::*;

const COMPLETE: &str = "ENT2DVA-ENT99_Complet_20260915_Eleve_0000.xml";
const DELTA: &str = "ENT2DVA-ENT99_Delta_20260916_Eleve_0000.xml";
const UNNAMED: &str = "ENT2DVA-ENT99_20260916_Eleve_0001.xml";

fn modify(key: &str, attributes: &[(&str, &str)]) -> String {
    request("modify", Category::Students, key, attributes)
}

fn delete(key: &str) -> String {
    request("delete", Category::Students, key, &[])
}

fn kind(files: &[(&str, &str)]) -> std::result::Result<Kind, String> {
    hear_files(files).map(|heard| heard.delivery().kind).map_err(|error| error.to_string())
}

#[test]
fn a_file_then_an_archive_then_what_they_hold_tell_the_kind() {
    let (add, gone) = (file(&pupil(1, "A")), file(&delete("2")));
    assert_eq!(kind(&[(COMPLETE, &add)]), Ok(Kind::Complete));
    assert_eq!(kind(&[(DELTA, &add)]), Ok(Kind::Delta));
    assert_eq!(kind(&[(UNNAMED, &gone)]), Ok(Kind::Delta));
    assert_eq!(kind(&[(UNNAMED, &add)]), Ok(Kind::Complete));
    assert_eq!(kind(&[(DELTA, &gone), (UNNAMED, &gone)]), Ok(Kind::Delta));
    let unsaid = hear_files(&[(UNNAMED, &add)]).unwrap();
    assert_eq!(unsaid.warned("kind"), 1);
    for (archive, name, expected) in [
        ("ENT2DVA.20260916_Delta.zip", UNNAMED, Kind::Delta),
        ("ENT2DVA.20260916.zip", UNNAMED, Kind::Complete),
        ("ENT2DVA.20260916_Delta.zip", COMPLETE, Kind::Complete),
    ] {
        let heard = hear_archive(archive, &zipped(&[(name, add.as_bytes())])).unwrap();
        assert_eq!(heard.delivery().kind, expected, "{archive} {name}");
    }
}

#[test]
fn a_complete_delivery_with_changes_is_refused_whole() {
    let (add, gone) = (file(&pupil(1, "A")), file(&delete("2")));
    let changed = file(&format!("{}{}", pupil(1, "A"), modify("2", &[("sn", "B")])));
    let second = "ENT2DVA-ENT99_Complet_20260915_Eleve_0002.xml";
    for files in [
        [(COMPLETE, add.as_str()), (second, &gone)],
        [(COMPLETE, &add), (second, &changed)],
        [(COMPLETE, &add), (DELTA, &gone)],
        [(COMPLETE, &add), (DELTA, &add)],
        [(COMPLETE, &add), (UNNAMED, &gone)],
        // Here the changes come first.
        [("A_20260915_Eleve_0000.xml", &gone), (COMPLETE, &add)],
    ] {
        let why = kind(&files).unwrap_err();
        assert!(why.contains("nothing was applied") && why.contains(".xml"), "{why}");
    }
}

#[test]
fn a_change_says_the_attributes_replaced_and_those_cleared() {
    let records = [
        modify("1", &[("sn", "B"), ("ENTEleveClasses", ""), ("ENTEleveClasses", "4101$3C|4101$3D")]),
        modify("2", &[("ENTEleveMEF", ""), ("ENTPersonJointure", "2")]),
        modify("3", &[("ENTEleveRegime", "EXTERNE LIBRE"), ("mail", "a@b.fr")]),
        modify("4", &[("ENTNouveau", "x"), ("sn", "D")]),
    ];
    let heard = hear_files(&[(DELTA, &file(&records.concat()))]).unwrap();
    let told: Vec<(&str, Vec<(&str, usize)>)> = heard
        .changes
        .iter()
        .map(|change| (change.key.as_str(), change.replaced.iter().map(|(name, v)| (name, v.len())).collect()))
        .collect();
    let expected =
        [("1", vec![("ENTEleveClasses", 2), ("sn", 1)]), ("2", vec![("ENTEleveMEF", 0)]), ("4", vec![("sn", 1)])];
    assert_eq!(told, expected);
    assert_eq!(heard.ignored, [Category::Students]);
    assert_eq!(heard.delivery().unknown_attributes.get("ENTNouveau"), Some(&1));
    assert_eq!(heard.delivery().unknown_attributes.len(), 1);
}

#[test]
fn what_was_told_with_a_change_is_what_a_complete_delivery_would_tell() {
    let before =
        hear_files(&[(COMPLETE, &file(&pupil_with("1", &[("ENTElevePersRelEleve", "7$10$1$1$1$1")])))]).unwrap();
    let change = modify("1", &[("ENTElevePersRelEleve", "7$10$1$1$1$1|8$20$0$1$1$0"), ("ENTEleveMEF", "10310019110")]);
    let delta = hear_files(&[(DELTA, &file(&change))]).unwrap();
    let whole = [("ENTElevePersRelEleve", "7$10$1$1$1$1|8$20$0$1$1$0"), ("ENTEleveMEF", "10310019110")];
    let after = hear_files(&[(COMPLETE, &file(&pupil_with("1", &whole)))]).unwrap();
    let (told, passed_over) = before.told[0].clone().replaced_by(&delta.changes[0].replaced);
    assert_eq!((&told, passed_over), (&after.told[0], 0));
    let key = "1".parse().unwrap();
    let again = interpret(delta.sources[0], Category::Students, &key, &told).unwrap();
    assert_eq!(again.record, after.records[0]);
}

#[test]
fn im_10_a_bad_change_costs_itself() {
    let good = modify("1", &[("sn", "B")]);
    let records = [
        good.clone(),
        good.replace("\"replace\"", "\"add\""),
        good.replace(" operation=\"replace\"", ""),
        good.replace("modification name=\"sn\"", "modification"),
        good.replace("modifications>", "attributes>"),
        good.replace("<id>1</id>", "<id></id>"),
        good.replace("<id>1</id>", "<id>a b</id>"),
        good.replace(">Eleve<", ">PersEducNat<"),
        modify("2", &[("ENTPersonJointure", "3"), ("sn", "B")]),
        modify("3", &[("sn", "&inconnue;")]),
        modify("4", &[("sn", &"x".repeat(70_000))]),
        modify("5", &[("ENTEleveClasses", &["4101$3C"; 1_001].join("|"))]),
        delete("").clone(),
        delete("6").replace("</deleteRequest>", "<attributes></attributes></deleteRequest>"),
        pupil(7, "A").replace("attributes>", "modifications>"),
        delete("8"),
    ];
    let heard = hear_files(&[(DELTA, &file(&records.concat()))]).unwrap();
    assert_eq!((heard.changes.len(), heard.departures.len(), heard.rejects.len()), (1, 1, 14), "{:?}", heard.rejects);
    assert!(heard.rejects[0].reason.contains("replace") && heard.rejects[0].key.as_deref() == Some("1"));
    assert!(heard.rejects.iter().all(|reject| !reject.reason.contains("inconnue") && reject.line > 2));
}

#[test]
fn trainings_leave_and_subjects_are_counted() {
    let name = |word: &str| format!("ENT2DVA_Delta_20260916_{word}_0000.xml");
    let mefs = file(&request("delete", Category::Mefs, "10310019110", &[]));
    let subjects = file(&request("delete", Category::Subjects, "030201", &[]));
    let heard = hear_files(&[(&name("MefEducNat"), &mefs), (&name("MatiereEducNat"), &subjects)]).unwrap();
    assert_eq!((heard.departures.len(), heard.departures[0].0), (1, Category::Mefs));
    assert_eq!(heard.ignored, [Category::Subjects]);
}

#[test]
fn im_03_im_04_a_hostile_delta_is_refused_like_any_file() {
    let good = modify("1", &[("sn", "É")]);
    let hostile = "<!DOCTYPE ficAlimMENESR [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    let external = "<!DOCTYPE ficAlimMENESR SYSTEM \"ficAlimMENESR.dtd\" [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    for wrong in [
        pupils("", hostile, &good),
        pupils("", external, &good),
        pupils("", "<!DOCTYPE other SYSTEM \"ficAlimMENESR.dtd\">", &good),
        pupils("<?xml version=\"1.0\" encoding=\"ISO-8859-15\"?>", DOCTYPE, &good),
        pupils("<?xml version=\"1.0\" encoding=\"UTF-16\"?>", DOCTYPE, &good),
        pupils("", DOCTYPE, &good.replace("modifications", "modifications x=<")),
        pupils("", DOCTYPE, &good.replace('É', &"É".repeat(200_000))),
    ] {
        assert!(matches!(hear_files(&[(DELTA, &wrong)]), Err(Error::File { .. })), "{}", &wrong[..200]);
    }
    let whole = file(&format!("{good}{}", delete("2")));
    for at in 0..whole.trim_end().len() {
        if whole.is_char_boundary(at) {
            assert!(matches!(hear_files(&[(DELTA, &whole[..at])]), Err(Error::File { .. })), "cut at {at}");
        }
    }
}
