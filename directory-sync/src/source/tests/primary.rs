//! What is different in primary schools, and how a delivery says that it is of one.

use super::*;
use crate::model::Stage;

const NAMED: &str = "ENT1D-ENT99_Complet_20260915_Eleve_0000.xml";

fn pupil_1d(key: &str, attributes: &[(&str, &str)]) -> String {
    let usual = [
        ("ENTPersonJointure", key),
        ("ENTPersonDateNaissance", "21/06/2018"),
        ("ENTPersonNom", "OLIVERO"),
        ("ENTPersonPrenom", "Loïc"),
    ];
    request("add", Category::Students, key, &[usual.as_slice(), attributes].concat())
}

fn stage_of(files: &[(&str, &str)]) -> Result<Stage> {
    hear_files(files).map(|heard| heard.delivery().source.stage)
}

#[test]
fn a_name_then_a_comment_then_the_records_tell_the_stage() {
    let unnamed = "ENT_0350001X_Complet_20260915_Eleve_0000.xml";
    let (first, second) = (file(&pupil_1d("1", &[])), file(&pupil(1, "A")));
    let (primary, secondary) = (Stage::Primary, Stage::Secondary);
    assert_eq!(stage_of(&[(unnamed, &first)]).unwrap(), primary);
    assert_eq!(stage_of(&[(unnamed, &second)]).unwrap(), secondary);
    let says = |text: &str, degree: &str| {
        text.replacen("<addRequest>", &format!("<!-- degre=\"{degree}\" -->\n<addRequest>"), 1)
    };
    assert_eq!(stage_of(&[(unnamed, &says(&second, "1D"))]).unwrap(), primary);
    assert_eq!(stage_of(&[(NAMED, &second)]).unwrap(), primary);
    let heard = hear_files(&[(NAMED, &says(&first, "2D"))]).unwrap();
    assert_eq!((heard.delivery().source.stage, heard.warned("degree")), (primary, 1));
    let zip = hear_archive("ENT1DVA.20260915.zip", &zipped(&[(unnamed, first.as_bytes())])).unwrap();
    assert_eq!(zip.delivery().source.stage, primary);
    let hinted = folder(&[(unnamed, second.as_bytes())]);
    let hints = Hints { stage: Some(primary), ..Hints::default() };
    let heard = hear_with(hinted.path(), hints).unwrap();
    assert_eq!((heard.sources[0].stage, heard.student(0).0.id.to_string().as_str()), (primary, "14-1d-1"));
}

#[test]
fn files_of_two_stages_are_refused_whole() {
    let (first, second) = (file(&pupil_1d("1", &[])), file(&pupil(1, "A")));
    let unnamed = |slice| format!("ENT_Complet_20260915_Eleve_000{slice}.xml");
    for files in [
        [(NAMED, first.as_str()), ("ENT2DVA_Complet_20260915_Eleve_0001.xml", second.as_str())],
        [(&unnamed(1), &first), (&unnamed(2), &second)],
        [(NAMED, &first), (&unnamed(2), &second)],
    ] {
        let why = hear_files(&files).unwrap_err();
        assert!(matches!(why, Error::Mixed { .. }) && why.to_string().contains("1D and 2D"), "{why}");
    }
}

#[test]
fn what_comes_before_the_stage_is_known_is_held_back_and_not_lost() {
    let gone = file(&request("delete", Category::Students, "9", &[]));
    let first = file(&pupil_1d("1", &[]));
    let (one, two) = ("A_Delta_20260915_Eleve_0000.xml", "B_Delta_20260915_Eleve_0001.xml");
    let heard = hear_files(&[(one, &gone), (two, &first)]).unwrap();
    assert_eq!((heard.departures.len(), heard.records.len(), heard.sources[0].stage), (1, 1, Stage::Primary));
    assert!(matches!(hear_files(&[(one, &gone)]), Err(Error::Stage)));
    let hints = Hints { stage: Some(Stage::Primary), ..Hints::default() };
    let hinted = folder(&[(one, gone.as_bytes())]);
    assert_eq!(hear_with(hinted.path(), hints).unwrap().departures.len(), 1);
    let many: String = (0..10_001).map(|key| request("delete", Category::Students, &key.to_string(), &[])).collect();
    assert!(matches!(hear_files(&[(one, &file(&many)), (two, &first)]), Err(Error::Stage)));
    let empty = hear_files(&[("ENT_Complet_20260915_Eleve_0000.xml", &file(""))]).unwrap();
    assert_eq!((empty.sources[0].stage, empty.warned("stage")), (Stage::Secondary, 1));
}

#[test]
fn a_class_has_five_fields_and_goes_by_its_label() {
    let classes = "8$11$ORDINAIRE$73196$Classe 5 CM1 CM2|8$11$ORDINAIRE$73197$|8$73198|8$11$ORDINAIRE$73199$A $ B";
    let heard = hear_files(&[(NAMED, &file(&pupil_1d("1", &[("ENTPersonClasses", classes)])))]).unwrap();
    let divisions: Vec<_> = heard.student(0).0.enrolments.iter().map(|e| e.division.as_str()).collect();
    assert_eq!(divisions, ["Classe 5 CM1 CM2", "73197", "A $ B"]);
    assert_eq!(heard.warned("class"), 1);
}

#[test]
fn a_level_is_a_code_before_its_label() {
    let level = |text| {
        let heard = hear_files(&[(NAMED, &file(&pupil_1d("1", &[("ENTEleveNiveau", text)])))]).unwrap();
        (heard.student(0).0.level.clone(), heard.warned("level"))
    };
    assert_eq!(level("1123$CE2"), (Some("1123".to_owned()), 0));
    assert_eq!(level("1123"), (Some("1123".to_owned()), 0));
    assert_eq!(level("CE2"), (None, 1));
    assert_eq!(level(""), (None, 0));
}

#[test]
fn a_teacher_of_several_schools_is_known_to_each() {
    let teacher = request(
        "add",
        Category::Staff,
        "3",
        &[
            ("ENTPersonJointure", "3"),
            ("ENTPersonNom", "TANGUY"),
            ("ENTPersonPrenom", "Maud"),
            ("ENTPersonStructRattach", "544|545|546"),
            ("ENTPersonFonctions", "545$ENS$ENSEIGNEMENT$G0000$X"),
            ("ENTEnsFonctionDir", "545"),
        ],
    );
    let heard = hear_files(&[("ENT1D_Complet_20260915_PersEducNat_0000.xml", &file(&teacher))]).unwrap();
    let staff = heard.staff(0);
    assert_eq!(staff.school.as_ref().unwrap().to_string(), "14-1d-544");
    let functions: Vec<_> = staff.functions.iter().map(|f| (f.school.key().as_str(), f.code.as_str())).collect();
    assert_eq!(functions, [("545", "ENS"), ("545", "DIR"), ("546", "-")]);
}

#[test]
fn a_change_in_a_primary_school_is_told_under_the_common_names() {
    let change = request(
        "modify",
        Category::Guardians,
        "8",
        &[("ENTPersonMail", ""), ("ENTPersRelEleveTelMobile", "0639980010"), ("ENTPersonNom", "N")],
    );
    let heard = hear_files(&[("ENT_Delta_20260915_PersRelEleve_0000.xml", &file(&change))]).unwrap();
    let told: Vec<_> = heard.changes[0].replaced.iter().map(|(name, values)| (name, values.len())).collect();
    assert_eq!(told, [("mail", 0), ("mobile", 1), ("sn", 1)]);
    assert_eq!(heard.sources[0].stage, Stage::Primary);
}

#[test]
fn im_03_im_05_a_hostile_or_cut_file_of_a_primary_school_is_refused() {
    let good = pupil_1d("1", &[("ENTEleveAutoriteParentale", "8$10")]);
    for doctype in ["<!DOCTYPE ficAlimMENESR [<!ENTITY a \"a\">]>", "<!DOCTYPE x>"] {
        assert!(matches!(hear_files(&[(NAMED, &pupils("", doctype, &good))]), Err(Error::File { .. })));
    }
    let lie = pupils("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>", DOCTYPE, &good);
    assert!(matches!(hear_files(&[(NAMED, &lie)]), Err(Error::File { .. })));
    let whole = file(&good);
    for at in (0..whole.trim_end().len()).filter(|at| whole.is_char_boundary(*at)) {
        assert!(matches!(hear_files(&[(NAMED, &whole[..at])]), Err(Error::File { .. })), "cut at {at}");
    }
    let missing = hear_files(&[(NAMED, &file(&good.replace("ENTPersonNom\"", "ENTPersonX\"")))]).unwrap();
    assert!(missing.rejects[0].reason.contains("ENTPersonNom is missing"), "{:?}", missing.rejects);
}
