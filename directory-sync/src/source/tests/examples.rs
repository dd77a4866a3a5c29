//! The examples of the format's notes (AAF sections 8.6 to 8.9), which are the seeds of the fuzz target too.

use super::*;
use crate::model::ParentalAuthority;

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/fuzz/corpus/file/", $name, ".xml"))
    };
}

fn values(change: &Change) -> Vec<(&'static str, Vec<&str>)> {
    change.replaced.iter().map(|(name, values)| (name, values.iter().map(String::as_str).collect())).collect()
}

#[test]
fn the_delta_of_section_8_6_is_two_changes_and_two_departures() {
    let heard = hear_files(&[
        ("ENT2DVA-ENT99_Delta_20260916_Eleve_0000.xml", example!("2d-delta-students")),
        ("ENT2DVA-ENT99_Delta_20260916_PersRelEleve_0000.xml", example!("2d-delta-guardians")),
    ])
    .unwrap();
    assert_eq!((heard.delivery().kind, heard.delivery().date), (Kind::Delta, date!(2026 - 09 - 16)));
    assert_eq!(heard.delivery().source.to_string(), "14-2d");
    let keys: Vec<_> = heard.changes.iter().map(|change| (change.category, change.key.as_str())).collect();
    assert_eq!(keys, [(Category::Students, "7100001"), (Category::Guardians, "7200002")]);
    // ENTEleveGroupes, emptied, is not kept.
    let relations = vec!["7200001$10$1$1$1$1", "7200002$20$0$1$1$0"];
    assert_eq!(values(&heard.changes[0]), [("ENTElevePersRelEleve", relations)]);
    let number = vec!["+32 470 00 00 02"];
    assert_eq!(values(&heard.changes[1]), [("ENTPersonMobileSMS", number.clone()), ("mobile", number)]);
    let left: Vec<_> = heard.departures.iter().map(|(category, key)| (*category, key.as_str())).collect();
    assert_eq!(left, [(Category::Students, "7100002"), (Category::Guardians, "7200003")]);
    assert!(heard.rejects.is_empty() && heard.records.is_empty() && heard.delivery().unknown_attributes.is_empty());
}

#[test]
fn the_primary_schools_of_sections_8_7_to_8_9_are_read() {
    let heard = hear_files(&[
        ("ENT1D-ENT99_Complet_20260915_Eleve_0000.xml", example!("1d-students")),
        ("ENT1D-ENT99_Complet_20260915_PersRelEleve_0000.xml", example!("1d-guardians")),
        ("ENT1D-ENT99_Complet_20260915_PersEducNat_0000.xml", example!("1d-staff")),
        ("ENT1D-ENT99_Complet_20260915_EtabEducNat_0000.xml", example!("1d-schools")),
    ])
    .unwrap();
    let delivery = heard.delivery();
    assert_eq!((delivery.source.to_string().as_str(), delivery.kind), ("14-1d", Kind::Complete));
    assert!(delivery.unknown_attributes.is_empty() && heard.rejects.is_empty(), "{heard:?}");
    let (pupil, relations) = heard.student(0);
    assert_eq!(pupil.id.to_string(), "14-1d-8100001");
    assert_eq!((pupil.names.family.as_str(), pupil.names.given.as_str()), ("OLIVERO", "Loïc"));
    assert_eq!((pupil.names.title.as_deref(), pupil.ine.as_deref()), (Some("M."), Some("990000003ZZ")));
    assert_eq!((pupil.level.as_deref(), pupil.mef.as_deref()), (Some("1123"), None));
    assert_eq!(pupil.school.as_ref().unwrap().to_string(), "14-1d-544");
    let class = &pupil.enrolments[0];
    assert_eq!((class.school.to_string().as_str(), class.division.as_str()), ("14-1d-544", "CE2 de Mme TANGUY"));
    let ties: Vec<_> = relations.iter().map(|r| (r.guardian.as_str(), r.link, r.authority)).collect();
    assert_eq!(ties, [("8200001", 10, ParentalAuthority::Legal), ("8200002", 20, ParentalAuthority::Legal)]);
    assert!(relations.iter().all(|relation| relation.authority_before_2020 == ParentalAuthority::Legal));
    let mother = heard.guardian(0);
    assert_eq!((mother.names.family.as_str(), mother.names.birth.as_deref()), ("KERMADEC OLIVERO", Some("KERMADEC")));
    assert_eq!(mother.mobiles[0].as_str(), "+33639980010");
    assert_eq!(mother.mail.as_ref().unwrap().as_str(), "solene.olivero@example.org");
    let teacher = heard.staff(0);
    let codes: Vec<_> = teacher.functions.iter().map(|function| function.code.as_str()).collect();
    assert_eq!((codes.as_slice(), teacher.birth_date), (["ENS", "DIR"].as_slice(), Some(date!(1984 - 02 - 03))));
    let school = heard.school(0);
    assert_eq!((school.uai.as_ref().unwrap().as_str(), school.id.to_string().as_str()), ("0359902B", "14-1d-544"));
    assert_eq!(
        (school.name.as_str(), school.kind.as_deref()),
        ("E.E.PU LES HIRONDELLES, PORT-BLANC", Some("ECOLE ELEMENTAIRE"))
    );
}

#[test]
fn every_seed_is_a_delivery_without_a_reject() {
    for (seed, category, requests) in [
        (example!("2d-schools"), "EtabEducNat", 1),
        (example!("2d-mefs"), "MefEducNat", 1),
        (example!("2d-subjects"), "MatiereEducNat", 1),
        (example!("2d-guardians"), "PersRelEleve", 3),
        (example!("2d-students"), "Eleve", 2),
        (example!("2d-staff"), "PersEducNat", 1),
        (example!("1d-delta-guardians"), "PersRelEleve", 3),
    ] {
        let heard = hear_files(&[(&format!("ENT_20260915_{category}_0000.xml"), seed)]).unwrap();
        let all = [&heard.records.len(), &heard.changes.len(), &heard.departures.len(), &heard.ignored.len()];
        assert_eq!((all.into_iter().sum::<usize>(), heard.rejects.len()), (requests, 0), "{category}");
    }
}
