//! Whole imports, on both databases.

mod deltas;
mod glimpses;
mod outages;
mod runs;

use std::path::{Path, PathBuf};

use time::macros::date;

use crate::import::example::{Example, NOW, assert_balanced, bring, everything, known};
use crate::import::*;
use crate::incoming::Category;
use crate::model::{Known, ParentalAuthority, Person, PersonId, Phone, Stage};
use crate::reader::Directory;
use crate::sample::{Dialect, Plan};
use crate::testing;

/// Deliveries that this project did not write; they are not part of it.
fn fixtures() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/domain/fixtures");
    if !folder.is_dir() {
        eprintln!("the deliveries of others are absent ({}): not tested", folder.display());
        return None;
    }
    Some(folder)
}

/// The requests in the files of a folder, counted without our reader.
fn requests(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    files
        .filter(|path| path.extension().is_some_and(|e| e == "xml"))
        .map(|p| text(p).matches("<addRequest>").count() as u64)
        .sum()
}

#[tokio::test]
async fn deliveries_of_others_import_with_the_counts_of_their_files() {
    let Some(fixtures) = fixtures() else { return };
    for place in testing::places().await {
        for (folder, academy) in [("2d-minimal-2020", "9"), ("2d-staff-2024/before", "16")] {
            let folder = fixtures.join(folder);
            let report = bring(&place, &[&folder], academy).await.unwrap();
            assert_eq!((report.total.read, report.total.added), (requests(&folder), requests(&folder)), "{report:?}");
            let again = bring(&place, &[&folder], academy).await.unwrap();
            assert_eq!(again.total.unchanged, again.total.read);
            assert_balanced(&again);
        }
        let pupil = Directory::open(&place, 1).await.unwrap().known(&["9-2d-2000000".parse().unwrap()]).await.unwrap();
        assert!(matches!(&pupil[0].person, Person::Student(s) if s.names.given == "Prenom" && s.enrolments.len() == 1));
        let after = fixtures.join("2d-staff-2024/after");
        let report = bring(&place, &[&after], "16").await.unwrap();
        let staff = report.by_category[&Category::Staff];
        assert_eq!((staff.read, staff.left, report.held), (requests(&after), 0, false));
        assert!(staff.added > 0 && staff.unchanged < 3, "{report:?}");
        assert!(report.warnings.iter().any(|warning| warning.code == "academy"));
        assert_balanced(&report);
    }
}

/// The same human with nothing that hangs on them or on their children.
fn bare(mut whole: Known) -> Known {
    match &mut whole.person {
        Person::Student(student) => student.enrolments.clear(),
        Person::Guardian(guardian) => guardian.mobiles.clear(),
        Person::Staff(staff) => staff.functions.clear(),
    }
    whole.children.iter_mut().for_each(|child| child.student.enrolments.clear());
    whole
}

#[tokio::test]
async fn people_are_named_as_they_are_known_but_for_classes_functions_and_numbers() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let directory = Directory::open(&place, 1).await.unwrap();
        let whole = directory.page(None, None, 100).await.unwrap();
        let ids: Vec<PersonId> = whole.iter().map(|known| known.person.id().clone()).collect();
        let named = directory.named(&ids).await.unwrap();
        assert_ne!(named, whole);
        assert_eq!(named, whole.into_iter().map(bare).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_example_of_the_format_is_known_as_it_says() {
    for place in testing::places().await {
        let report = Example::new().bring(&place).await.unwrap();
        assert_balanced(&report);
        assert_eq!((report.total.read, report.total.added, report.total.ignored), (9, 8, 1), "{report:?}");
        let codes: Vec<_> = report.warnings.iter().map(|warning| (warning.code, warning.count)).collect();
        // 7200004, the own responsible of the adult pupil, is not in the example's adults.
        assert!(codes.contains(&("adult_unknown", 1)), "{codes:?}");
        let mother = known(&place, "7200001").await;
        let Person::Guardian(guardian) = &mother.person else { panic!("{mother:?}") };
        assert_eq!((&*guardian.names.family, guardian.names.birth.as_deref()), ("OLIVERO", Some("KERMADEC")));
        assert_eq!(guardian.mobiles.iter().map(Phone::as_str).collect::<Vec<_>>(), ["+33639980010"]);
        let ties: Vec<_> = mother.children.iter().map(|c| (&*c.student.names.given, c.link, c.authority)).collect();
        let legal = ParentalAuthority::Legal;
        assert_eq!(ties, [("Maëlle", 10, legal), ("Anouk", 10, ParentalAuthority::Contact)]);
        assert_eq!(mother.children[0].school.as_ref().unwrap().name, "CLG DES GRANDS PINS, PORT-BLANC");
        assert_eq!(mother.children[0].student.level.as_deref(), Some("2116"));
        assert_eq!(known(&place, "7200003").await.children[0].authority, ParentalAuthority::InCharge);
        let head = known(&place, "7300001").await;
        assert!(
            matches!(&head.person, Person::Staff(s) if s.functions[0].code == "DIR" && s.birth_date == Some(date!(1979-05-19)))
        );
        let directory = Directory::open(&place, 1).await.unwrap();
        let school = directory.school_by_uai(&crate::model::Uai::as_delivered("0359901A").unwrap()).await.unwrap();
        assert_eq!(school.len(), 1);
        let there = directory.page(Some(&school[0].id), None, 100).await.unwrap();
        assert_eq!(there.len(), 6);
        let after = directory.page(None, Some(there[3].person.id()), 1).await.unwrap();
        assert_eq!(after[0].person, there[4].person);
    }
}

#[tokio::test]
async fn im_08_the_same_delivery_again_changes_nothing_and_an_older_one_is_refused() {
    for place in testing::places().await {
        let example = Example::new();
        example.bring(&place).await.unwrap();
        let before = everything(&place).await;
        let again = example.bring(&place).await.unwrap();
        assert_eq!((again.total.unchanged, again.total.added + again.total.changed + again.total.left), (8, 0));
        let error = example.clone().dated("20260914").bring(&place).await.unwrap_err();
        assert!(matches!(error, Error::Reconcile(reconcile::Error::Older { .. })), "{error}");
        assert_eq!(everything(&place).await, before);
        let runs = Directory::open(&place, 1).await.unwrap().runs(10).await.unwrap();
        assert_eq!((again.run, again.already_applied), (Some(2), true));
        assert_eq!(runs.iter().map(|run| &*run.outcome).collect::<Vec<_>>(), ["repeated", "applied"]);
        assert!(runs[0].report.contains("\"unchanged\":8") && runs[0].date == date!(2026 - 09 - 15));
    }
}

#[tokio::test]
async fn what_changed_is_written_and_what_did_not_is_not() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let less = "7200001$10$1$1$1$1</value><value>7200002$20$0$1$1$0</value><value>7200003$90$0$2$1$0";
        let next = Example::new()
            .with("Eleve", "7200001$10$1$1$1$1</value><value>7200002$20$0$1$0$0</value><value>7200003$90$0$2$1$0", less)
            .with("Eleve", "7200003$90$0$2$1$0", "7200003$90$0$0$1$0")
            .with("PersRelEleve", "naim.brahimi@example.org", "n.brahimi@example.org")
            .dated("20260916");
        let report = next.bring(&place).await.unwrap();
        assert_eq!((report.total.changed, report.total.unchanged, report.total.added), (2, 6, 0), "{report:?}");
        let partner = known(&place, "7200003").await;
        assert_eq!(partner.children[0].authority, ParentalAuthority::Contact);
        assert!(
            matches!(&partner.person, Person::Guardian(g) if g.mail.as_ref().unwrap().as_str() == "n.brahimi@example.org")
        );
    }
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_changes_nothing() {
    for place in testing::places().await {
        let folder = Example::new().folder();
        let order =
            |dry_run| Import { dry_run, ..Import::new(vec![folder.path().to_owned()], "14".parse().unwrap(), NOW) };
        let dry = import(&place, order(true), Arc::default(), &mut |_| {}).await.unwrap();
        assert_eq!(dry.run, None);
        assert!(Directory::open(&place, 1).await.unwrap().runs(1).await.unwrap().is_empty());
        assert!(Directory::open(&place, 1).await.unwrap().page(None, None, 10).await.unwrap().is_empty());
        let real = import(&place, order(false), Arc::default(), &mut |_| {}).await.unwrap();
        assert_eq!((dry.total, dry.by_category), (real.total, real.by_category));
    }
}

#[tokio::test]
async fn im_10_bad_records_are_told_and_lose_nobody() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let twice = Example::new().record("PersRelEleve", "7200002").replace("Tomas", "Autre");
        let next = Example::new()
            // Wrong now, but known: she has not left.
            .with("Eleve", "02/11/2012", "02/13/2012")
            .more("PersRelEleve", &twice)
            .more("PersEducNat", &twice.replace("PersRelEleve", "PersEducNat"))
            .dated("20260916");
        let mut told = Vec::new();
        let folder = next.folder();
        let order = Import::new(vec![folder.path().to_owned()], "14".parse().unwrap(), NOW);
        let report = import(&place, order, Arc::default(), &mut |reject| told.push(reject.clone())).await.unwrap();
        assert_balanced(&report);
        assert_eq!((report.total.rejected, report.total.left, report.held), (3, 0, false), "{report:?}");
        assert_eq!(told, report.rejects);
        assert!(told.iter().all(|reject| reject.line > 8 && reject.file.ends_with("_0000.xml")), "{told:?}");
        let same_key = |category| told.iter().any(|r| r.category == category && r.reason.contains("same key"));
        assert!(same_key(Category::Guardians) && same_key(Category::Staff));
        assert_eq!(known(&place, "7100001").await.left_at, None);
        assert!(matches!(&known(&place, "7200002").await.person, Person::Guardian(g) if g.names.given == "Tomas"));
    }
}

#[tokio::test]
async fn only_a_category_that_is_delivered_can_lose_people() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let staff_only =
            Example::new().without("Eleve").without("PersRelEleve").without("EtabEducNat").dated("20260916");
        let report = staff_only.bring(&place).await.unwrap();
        assert_eq!((report.total.left, report.held, report.total.unchanged), (0, false, 2), "{report:?}");
    }
}

fn plan(families: u32) -> Plan {
    let (academy, stage) = ("14".parse().unwrap(), Stage::Secondary);
    Plan { families, seed: 5, academy, stage, date: date!(2026 - 09 - 15), dialect: Dialect::Current }
}

#[tokio::test]
async fn who_left_is_kept_with_the_day_and_may_come_back() {
    for place in testing::places().await {
        let mut people = plan(60).sample().deliveries.swap_remove(0);
        let folder = tempfile::tempdir().unwrap();
        let all = people.write(folder.path()).unwrap();
        bring(&place, &[&all], "14").await.unwrap();
        let gone = people.students.pop().unwrap();
        let ties = people.guardianships.len();
        people.guardianships.retain(|tie| tie.student != gone.id);
        assert!(people.guardianships.len() < ties);
        people.date = date!(2026 - 09 - 16);
        let report = bring(&place, &[&people.write(folder.path()).unwrap()], "14").await.unwrap();
        assert_eq!((report.total.left, report.held), (1, false), "{report:?}");
        let directory = Directory::open(&place, 1).await.unwrap();
        let known = directory.known(std::slice::from_ref(&gone.id)).await.unwrap();
        assert_eq!(known[0].left_at, Some(date!(2026 - 09 - 16)));
        let page = directory.page(None, None, 10_000).await.unwrap();
        assert!(page.iter().all(|k| *k.person.id() != gone.id && k.children.iter().all(|c| c.student.id != gone.id)));
        people.students.push(gone.clone());
        people.date = date!(2026 - 09 - 17);
        let back = bring(&place, &[&people.write(folder.path()).unwrap()], "14").await.unwrap();
        assert_eq!((back.total.changed, back.total.added), (1, 0), "{back:?}");
        assert_eq!(directory.known(std::slice::from_ref(&gone.id)).await.unwrap()[0].left_at, None);
    }
}

#[tokio::test]
async fn im_09_mass_departures_hold_the_delivery() {
    for place in testing::places().await {
        let mut people = plan(120).sample().deliveries.swap_remove(0);
        let folder = tempfile::tempdir().unwrap();
        bring(&place, &[&people.write(folder.path()).unwrap()], "14").await.unwrap();
        let before = everything(&place).await;
        people.date = date!(2026 - 09 - 16);
        let whole = people.clone();
        people.guardians.truncate(people.guardians.len() - people.guardians.len() / 10);
        let held = bring(&place, &[&people.write(folder.path()).unwrap()], "14").await.unwrap();
        assert!(held.held && held.reasons[0].contains("2 %"), "{held:?}");
        assert_eq!(everything(&place).await, before);
        // A school's pupils, few among all.
        let mut one_school = whole.clone();
        let school = one_school.schools[1].id.clone();
        let theirs = one_school.staff.iter().filter(|s| s.school.as_ref() == Some(&school)).count();
        let pupils = one_school.students.iter().filter(|s| s.school.as_ref() == Some(&school)).count();
        let mut quota = (theirs + pupils) / 10 + 1;
        one_school.students.retain(|s| {
            let goes = s.school.as_ref() == Some(&school) && quota > 0;
            quota -= usize::from(goes);
            !goes
        });
        one_school.guardianships.retain(|tie| one_school.students.iter().any(|s| s.id == tie.student));
        let held = bring(&place, &[&one_school.write(folder.path()).unwrap()], "14").await.unwrap();
        assert!(held.held && held.reasons.iter().any(|reason| reason.contains("10 %")), "{held:?}");
        assert_eq!(everything(&place).await, before);
        let runs = Directory::open(&place, 1).await.unwrap().runs(9).await.unwrap();
        assert_eq!(runs.iter().map(|run| &*run.outcome).collect::<Vec<_>>(), ["held", "held", "applied"]);
        let fine = bring(&place, &[&whole.write(folder.path()).unwrap()], "14").await.unwrap();
        assert!(!fine.held);
    }
}

#[tokio::test]
async fn field_4_has_the_meaning_of_its_time() {
    for place in testing::places().await {
        let old = Example::new()
            .with("Eleve", "7200002$20$0$1$0$0", "7200002$20$0$2$0$0")
            .with("Eleve", "<value>7200003$90$0$2$1$0</value>", "")
            .with("Eleve", "AAF-VE2407", "AAF-VE1301");
        let mut old = old;
        for text in old.0.values_mut() {
            *text = text.replace("AAF-VE2407", "AAF-VE1301");
        }
        old.bring(&place).await.unwrap();
        assert_eq!(known(&place, "7200002").await.children[0].authority, ParentalAuthority::Legal);
        let mut new = old.clone().dated("20260916");
        for text in new.0.values_mut() {
            *text = text.replace("AAF-VE1301", "AAF-VE2407");
        }
        let report = new.bring(&place).await.unwrap();
        assert_eq!((report.total.changed, report.total.unchanged), (1, 7), "{report:?}");
        assert_eq!(known(&place, "7200002").await.children[0].authority, ParentalAuthority::InCharge);
    }
}

#[tokio::test]
async fn im_05_a_delivery_cut_anywhere_leaves_the_directory_unchanged() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let before = everything(&place).await;
        let mut people = plan(40).sample().deliveries.swap_remove(0);
        people.date = date!(2026 - 09 - 16);
        let folder = tempfile::tempdir().unwrap();
        let path = people.write(folder.path()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(bytes.len() / 100) {
            std::fs::write(&path, &bytes[..at]).unwrap();
            assert!(bring(&place, &[&path], "14").await.is_err(), "cut at {at} of {}", bytes.len());
        }
        let example = Example::new().dated("20260916");
        let whole = example.clone().0.remove("ENT2DVA-ENT99_Complet_20260916_Eleve_0000.xml").unwrap();
        for at in (0..whole.trim_end().len()).step_by(whole.len() / 20) {
            let mut cut = example.clone();
            let at = (at..whole.len()).find(|at| whole.is_char_boundary(*at)).unwrap();
            *cut.file("Eleve") = whole[..at].to_owned();
            assert!(matches!(cut.bring(&place).await, Err(Error::Source(_))), "cut at {at}");
        }
        assert_eq!(everything(&place).await, before);
    }
}

#[tokio::test]
async fn im_06_an_import_stopped_at_any_moment_leaves_old_or_new() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let old = everything(&place).await;
        let next = Example::new().with("PersRelEleve", "Solène", "Soizic").dated("20260916");
        let folder = next.folder();
        for polls in [1_u32, 2, 5, 10, 20, 40, 80, 120, 160, 200] {
            let paths = [folder.path()];
            let mut importing = Box::pin(bring(&place, &paths, "14"));
            let mut left = polls;
            // Dropped after so many steps, wherever it is then.
            std::future::poll_fn(|context| {
                left -= 1;
                if importing.as_mut().poll(context).is_ready() || left == 0 {
                    return std::task::Poll::Ready(());
                }
                std::task::Poll::Pending
            })
            .await;
            drop(importing);
            let now = everything(&place).await;
            assert!(now == old || (now.contains("Soizic") && !now.contains("Solène")), "after {polls} steps");
        }
        // Nobody holds a turn that an import dropped.
        let report = next.bring(&place).await.unwrap();
        assert!(report.run.is_some());
    }
}

#[tokio::test]
async fn im_07_one_importer_at_a_time() {
    for place in testing::places().await {
        crate::writer::open(&place).await.unwrap();
        let holder = crate::reconcile::take_turn(&place, "Camille", NOW).await.unwrap();
        let error = Example::new().bring(&place).await.unwrap_err();
        assert!(error.to_string().contains("another import is under way"), "{error}");
        assert!(error.to_string().contains("Camille"), "{error}");
        drop(holder);
        assert!(Example::new().bring(&place).await.is_ok());
    }
}

#[tokio::test]
async fn the_reader_cannot_write() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let db = crate::db::open(&place, "directory", crate::db::Access::Read, 1).await.unwrap();
        let wrote = crate::on!(&db, c => sqlx::query("DELETE FROM persons").execute(c).await.map(drop));
        assert!(wrote.is_err());
    }
}

#[tokio::test]
async fn people_are_given_in_the_order_asked_and_strangers_left_out() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let directory = Directory::open(&place, 2).await.unwrap();
        directory.ping().await.unwrap();
        let ids = ["14-2d-7300001", "14-2d-1", "14-2d-7100002", "10-2d-7100001", "14-2d-7200001"];
        let ids: Vec<PersonId> = ids.iter().map(|id| id.parse().unwrap()).collect();
        let known = directory.known(&ids).await.unwrap();
        assert_eq!(known.iter().map(|k| k.person.id()).collect::<Vec<_>>(), [&ids[0], &ids[2], &ids[4]]);
        assert!(directory.known(&[]).await.unwrap().is_empty());
    }
}
