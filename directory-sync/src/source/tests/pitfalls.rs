//! The pitfalls of AAF section 7 that the reader decides, one test each; 1, 3, 5 and 6 are of those that know people.

use super::*;
use crate::model::{Academy, ParentalAuthority};

fn guardian(key: &str, attributes: &[(&str, &str)]) -> String {
    let usual = [("ENTPersonJointure", key), ("sn", "OLIVERO"), ("givenName", "Solène")];
    let kept = usual.iter().filter(|(name, _)| attributes.iter().all(|(other, _)| other != name));
    let all: Vec<_> = kept.chain(attributes).copied().collect();
    request("add", Category::Guardians, key, &all)
}

const ADULTS: &str = "ENT2DVA-ENT99_Complet_20260915_PersRelEleve_0000.xml";

fn adults(records: &[String]) -> Heard {
    hear_files(&[(ADULTS, &file(&records.concat()))]).unwrap()
}

#[test]
fn aaf_pitfall_02_three_spellings_of_an_academy_are_one() {
    for (code, warnings) in [("14", 0), ("014", 0), ("13", 1), ("013", 1), ("REN", 0)] {
        let comment = format!("<!-- codeAcademieExport=\"{code}\" -->\n{}", pupil(1, "A"));
        assert_eq!(hear_files(&[(PUPILS, &file(&comment))]).unwrap().warned("academy"), warnings, "{code}");
    }
    assert_eq!("01".parse::<Academy>().unwrap(), "1".parse().unwrap());
}

#[test]
fn aaf_pitfall_04_private_schools_keys_do_not_collide() {
    let pupil = pupil_with(
        "1",
        &[
            ("ENTElevePersRelEleve", "7$10$1$1$1$1"),
            ("ENTPersonStructRattach", "4101"),
            ("ENTEleveClasses", "4101$3C"),
            ("ENTEleveMEF", "10310019110"),
        ],
    );
    let school =
        request("add", Category::Schools, "4101", &[("ENTStructureJointure", "4101"), ("ENTStructureUAI", "0359901A")]);
    let mef = request(
        "add",
        Category::Mefs,
        "10310019110",
        &[("ENTMefJointure", "10310019110"), ("ENTMEFSTAT11", "21160010019")],
    );
    let complete = folder(&[
        (PUPILS, file(&format!("{pupil}{}", pupil_with("9", &[("ENTPersonDateNaissance", "x")]))).as_bytes()),
        ("ENT2DVA_Complet_20260915_EtabEducNat_0000.xml", file(&school).as_bytes()),
        ("ENT2DVA_Complet_20260915_MefEducNat_0000.xml", file(&mef).as_bytes()),
    ]);
    let hints = Hints { private: true, ..Hints::default() };
    let heard = hear_with(complete.path(), hints).unwrap();
    assert!(heard.sources[0].private && heard.delivery().source.private);
    let (student, relations) = heard.student(0);
    assert_eq!((student.id.to_string().as_str(), relations[0].guardian.as_str()), ("14-2d-P1", "P7"));
    assert_eq!(student.school.as_ref().unwrap(), &heard.school(0).id);
    assert_eq!((heard.school(0).id.key().as_str(), student.enrolments[0].school.key().as_str()), ("P4101", "P4101"));
    // Codes of trainings are national.
    assert!(
        heard
            .records
            .iter()
            .any(|r| matches!(r, Record::Mef(mef) if mef.code.as_str() == student.mef.as_deref().unwrap()))
    );
    assert_eq!(heard.told[0].all("ENTPersonStructRattach").collect::<Vec<_>>(), ["4101"]);
    let changes = format!(
        "{}{}{}",
        request("modify", Category::Students, "1", &[("sn", "B")]),
        request("delete", Category::Students, "2", &[]),
        request("modify", Category::Students, "3", &[("sn", "&x;")])
    );
    let delta = folder(&[("ENT2DVA_Delta_20260916_Eleve_0000.xml", file(&changes).as_bytes())]);
    let heard = hear_with(delta.path(), hints).unwrap();
    assert_eq!((heard.changes[0].key.as_str(), heard.departures[0].1.as_str()), ("P1", "P2"));
    assert_eq!(heard.rejects[0].key.as_deref(), Some("P3"));
    let again = interpret(heard.sources[0], Category::Students, &"P1".parse().unwrap(), &Told::default());
    assert!(again.is_err());
}

#[test]
fn aaf_pitfall_07_a_number_that_cannot_receive_a_text_is_left_out() {
    let heard = adults(&[
        guardian("1", &[("mobile", "+33 2 99 00 00 10|06.39.98.00.10"), ("ENTPersonMobileSMS", "+33 06 39 98 00 10")]),
        guardian("2", &[("mobile", "voir mère"), ("ENTPersonMobileSMS", "+32 470 00 00 02")]),
    ]);
    let numbers = |at: usize| heard.guardian(at).mobiles.iter().map(|p| p.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!((numbers(0), numbers(1)), (vec!["+33639980010".to_owned()], vec!["+32470000002".to_owned()]));
    assert_eq!(heard.warned("mobile"), 2);
    // The original is kept beside it.
    assert_eq!(heard.told[0].all("mobile").count(), 2);
}

#[test]
fn aaf_pitfall_08_a_malformed_address_is_none() {
    let heard = adults(&[
        guardian("1", &[("mail", "pas d'adresse")]),
        guardian("2", &[("mail", "")]),
        guardian("3", &[("mail", "x|solène@Exemple.FR")]),
    ]);
    let mails: Vec<_> = (0..3).map(|at| heard.guardian(at).mail.as_ref().map(|m| m.as_str().to_owned())).collect();
    assert_eq!(mails, [None, None, Some("solène@exemple.fr".to_owned())]);
    assert_eq!(heard.warned("mail"), 1);
}

#[test]
fn aaf_pitfall_09_names_are_kept_letter_for_letter() {
    let heard = adults(&[guardian("1", &[("sn", "D&apos;AVRIL"), ("givenName", "No&euml;lle-Zo&#233;")])]);
    assert_eq!((&*heard.names()[0].family, &*heard.names()[0].given), ("D'AVRIL", "Noëlle-Zoé"));
}

#[test]
fn aaf_pitfall_10_unknown_attributes_are_ignored_and_counted() {
    let many: Vec<(String, &str)> = (0..300).map(|at| (format!("ENTNouveau{at}"), "x")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let heard = adults(&[guardian("1", &many), guardian("2", &many[..1])]);
    assert_eq!(heard.records.len(), 2);
    let unknown = &heard.delivery().unknown_attributes;
    assert_eq!((unknown.len(), unknown.get("ENTNouveau0")), (200, Some(&2)));
}

#[test]
fn aaf_pitfall_11_an_empty_value_is_none_when_added_and_clears_when_it_replaces() {
    let added = adults(&[guardian("1", &[("mobile", ""), ("mail", "|a@b.fr")])]);
    assert!(!added.told[0].has("mobile") && added.told[0].has("mail"));
    let change = request("modify", Category::Guardians, "1", &[("mobile", ""), ("sn", ""), ("ENTPersonVille", "")]);
    let heard = hear_files(&[("ENT2DVA_Delta_20260916_PersRelEleve_0000.xml", &file(&change))]).unwrap();
    let replaced = &heard.changes[0].replaced;
    assert_eq!(replaced.iter().map(|(name, v)| (name, v.len())).collect::<Vec<_>>(), [("mobile", 0), ("sn", 0)]);
    let told = added.told[0].clone().replaced_by(replaced);
    assert_eq!((told.0.has("sn"), told.1), (true, 1));
}

#[test]
fn aaf_pitfall_12_what_refers_to_nobody_is_read() {
    let heard = hear_files(&[(
        PUPILS,
        &file(&pupil_with(
            "1",
            &[
                ("ENTElevePersRelEleve", "404$99$1$1$1$1"),
                ("ENTPersonStructRattach", "405"),
                ("ENTEleveMEF", "inconnu"),
                ("ENTEleveClasses", "a b$3C|406$3D"),
            ],
        )),
    )])
    .unwrap();
    let (student, relations) = heard.student(0);
    assert_eq!((relations[0].guardian.as_str(), relations[0].link), ("404", 90));
    assert_eq!((student.mef.as_deref(), student.enrolments.len()), (Some("inconnu"), 1));
    assert_eq!((heard.warned("link_code"), heard.warned("school_key")), (1, 1));
}

#[test]
fn aaf_pitfall_13_records_come_while_the_file_is_read() {
    let head = file("").replace("</ficAlimMENESR>", "");
    let mut endless = head.as_bytes().chain(Forever { record: pupil(1, "A").into_bytes(), at: 0 });
    let mut count = 0;
    let read = read_file(PUPILS, &mut endless, &reading(Vec::new(), Hints::default()), &mut |_| {
        count += 1;
        count < 5_000
    });
    assert!(matches!(read, Err(Error::Stopped)) && count == 5_000);
}

/// One record after the other, without end.
struct Forever {
    record: Vec<u8>,
    at: usize,
}

impl Read for Forever {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let left = &self.record[self.at..];
        let length = left.len().min(buf.len());
        buf[..length].copy_from_slice(&left[..length]);
        self.at = (self.at + length) % self.record.len();
        Ok(length)
    }
}

#[test]
fn aaf_pitfall_14_a_bad_record_loses_itself_and_a_cut_file_the_delivery() {
    let records = format!("{}{}{}", pupil(1, "A"), pupil(2, ""), pupil(3, "C"));
    let heard = hear_files(&[(PUPILS, &file(&records))]).unwrap();
    assert_eq!((heard.records.len(), heard.rejects.len()), (2, 1));
    let whole = file(&records);
    let cut = &whole[..whole.len() - 20];
    let others = "ENT2DVA-ENT99_Complet_20260915_Eleve_0001.xml";
    assert!(matches!(hear_files(&[(PUPILS, &whole), (others, cut)]), Err(Error::File { .. })));
}

#[test]
fn aaf_pitfall_15_technical_structures_are_structures() {
    let zone =
        [("ENTStructureJointure", "9"), ("ENTStructureUAI", "0350000X"), ("ENTStructureTypeStruct", "SANS OBJET")];
    let name = "ENT2DVA_Complet_20260915_EtabEducNat_0000.xml";
    let heard = hear_files(&[(name, &file(&request("add", Category::Schools, "9", &zone)))]).unwrap();
    assert_eq!((heard.school(0).name.as_str(), heard.school(0).kind.as_deref()), ("0350000X", Some("SANS OBJET")));
}

#[test]
fn aaf_pitfall_16_an_adult_pupil_is_its_own_responsible_under_another_key() {
    let pupil = pupil_with("7100002", &[("ENTElevePersRelEleve", "7200004$70$1$1$1$0")]);
    let heard = hear_files(&[(PUPILS, &file(&pupil)), (ADULTS, &file(&guardian("7200004", &[("sn", "A")])))]).unwrap();
    let relation = &heard.student(0).1[0];
    assert_eq!((relation.link, relation.authority), (70, ParentalAuthority::Legal));
    assert_eq!(relation.guardian, *heard.guardian(0).id.key());
}
