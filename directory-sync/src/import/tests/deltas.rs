//! Deltas: what they change, what they need, in which order. On both databases.

use proptest::prelude::*;
use time::macros::date;

use super::runs::rows;
use crate::import::example::{Example, NOW, bring, everything, known};
use crate::import::*;
use crate::incoming::{Category, Kind};
use crate::model::{ParentalAuthority, Person, PersonId, Stage};
use crate::reader::Directory;
use crate::sample::{Dialect, People, Plan};
use crate::testing;
use crate::writer::moves::{
    COMPARED, CONTACTS, ENROLMENTS, EVIDENCE, FUNCTIONS, GUARDIANSHIPS, MAIL, ORPHANED, SCHOOL,
};

/// A delta of one day: bodies by category.
async fn delta(place: &Place, day: &str, files: &[(&str, &str)]) -> Result<Report, Error> {
    let folder = tempfile::tempdir().unwrap();
    for (category, body) in files {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE ficAlimMENESR SYSTEM \
                    \"ficAlimMENESR.dtd\">\n<ficAlimMENESR>\n<!-- versionAF=\"AAF-VE2407\" -->\n";
        let name = format!("ENT2DVA-ENT99_Delta_{day}_{category}_0000.xml");
        std::fs::write(folder.path().join(name), format!("{head}{body}</ficAlimMENESR>\n")).unwrap();
    }
    let order = Import::new(vec![folder.path().to_owned()], "14".parse().unwrap(), NOW);
    let limits = Limits { source_percent: 100, school_percent: 100, ..Limits::default() };
    import(place, Import { limits, ..order }, Arc::default(), &mut |_| {}).await
}

fn modify(category: &str, key: &str, changes: &[(&str, &[&str])]) -> String {
    let values = |values: &[&str]| match values {
        [] => "<value/>".to_owned(),
        some => format!("<value>{}</value>", some.join("</value><value>")),
    };
    let each = |(name, all): &(&str, &[&str])| {
        format!("<modification name=\"{name}\" operation=\"replace\">{}</modification>", values(all))
    };
    format!(
        "<modifyRequest><operationalAttributes><attr name=\"categoriePersonne\"><value>{category}</value></attr>\
         </operationalAttributes><identifier><id>{key}</id></identifier><modifications>{}</modifications></modifyRequest>",
        changes.iter().map(each).collect::<String>()
    )
}

fn remove(category: &str, key: &str) -> String {
    format!(
        "<deleteRequest><operationalAttributes><attr name=\"categoriePersonne\"><value>{category}</value></attr>\
         </operationalAttributes><identifier><id>{key}</id></identifier></deleteRequest>"
    )
}

/// The example of section 8.6: step-father gone, father's first mobile, one pupil left.
#[tokio::test]
async fn the_delta_of_the_format_s_notes_changes_what_it_says() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let relations = ["7200001$10$1$1$1$1", "7200002$20$0$1$1$0"];
        let mobile: &[&str] = &["+32 470 00 00 02"];
        let files = [
            (
                "Eleve",
                modify("Eleve", "7100001", &[("ENTElevePersRelEleve", &relations), ("ENTEleveGroupes", &[])])
                    + &remove("Eleve", "7100002"),
            ),
            (
                "PersRelEleve",
                modify("PersRelEleve", "7200002", &[("mobile", mobile), ("ENTPersonMobileSMS", mobile)])
                    + &remove("PersRelEleve", "7200003"),
            ),
        ];
        let files: Vec<_> = files.iter().map(|(category, body)| (*category, &**body)).collect();
        let report = delta(&place, "20260916", &files).await.unwrap();
        assert_eq!((report.kind, report.total.read, report.total.changed, report.total.left), (Kind::Delta, 4, 2, 2));
        let father = known(&place, "7200002").await;
        assert!(matches!(&father.person, Person::Guardian(g) if g.mobiles[0].as_str() == "+32470000002"));
        assert_eq!(father.children[0].authority, ParentalAuthority::Legal);
        // Named by nobody any more, and gone themselves: suspended, not destroyed.
        let partner = known(&place, "7200003").await;
        assert_eq!((partner.left_at, partner.children.len()), (Some(date!(2026 - 09 - 16)), 0));
        assert_eq!(known(&place, "7200001").await.children.len(), 1);
        // What the delta did not say stands.
        assert_eq!(known(&place, "7100001").await.person.names().given, "Maëlle");
    }
}

#[tokio::test]
async fn aaf_pitfall_11_an_empty_value_clears_a_mobile_and_never_a_name() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let body = modify("PersRelEleve", "7200001", &[("mobile", &[]), ("ENTPersonMobileSMS", &[]), ("sn", &[])]);
        let report = delta(&place, "20260916", &[("PersRelEleve", &body)]).await.unwrap();
        assert_eq!(report.total.changed, 1, "{report:?}");
        assert!(report.warnings.iter().any(|warning| warning.code == "empty_value"));
        let mother = known(&place, "7200001").await;
        assert!(matches!(&mother.person, Person::Guardian(g) if g.mobiles.is_empty() && g.names.family == "OLIVERO"));
    }
}

#[tokio::test]
async fn aaf_pitfall_12_a_delta_may_name_whom_it_does_not_hold() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let relation: &[&str] = &["7200001$10$1$1$1$1", "7209999$20$0$1$0$0"];
        let body = modify("Eleve", "7100001", &[("ENTElevePersRelEleve", relation)])
            + &modify("Eleve", "7109999", &[("ENTEleveClasses", &["4101$3D"])])
            + &remove("Eleve", "7109998");
        let report = delta(&place, "20260916", &[("Eleve", &body)]).await.unwrap();
        // The mother is known from before; the second adult, and two pupils, wait for the next complete delivery.
        let students = report.by_category[&Category::Students];
        assert_eq!((students.read, students.changed, students.ignored, students.left), (3, 1, 2, 0));
        let codes: Vec<_> = report.warnings.iter().map(|warning| (warning.code, warning.count)).collect();
        assert!(codes.contains(&("adult_unknown", 1)) && codes.contains(&("change_of_unknown", 1)), "{codes:?}");
        assert_eq!(known(&place, "7200001").await.children.len(), 2);
    }
}

#[tokio::test]
async fn a_change_of_someone_known_as_another_kind_is_rejected() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let before = everything(&place).await;
        let body = modify("Eleve", "7200001", &[("ENTEleveClasses", &["4101$3D"])]);
        let report = delta(&place, "20260916", &[("Eleve", &body)]).await.unwrap();
        assert_eq!((report.total.rejected, report.total.changed), (1, 0));
        assert!(report.rejects[0].reason.contains("PersRelEleve"), "{report:?}");
        let dismissed = delta(&place, "20260916", &[("Eleve", &remove("Eleve", "7200001"))]).await.unwrap();
        assert_eq!((dismissed.total.left, dismissed.total.ignored), (0, 1));
        assert_eq!(everything(&place).await, before);
    }
}

#[tokio::test]
async fn im_08_a_delta_needs_what_came_before_it() {
    for place in testing::places().await {
        let body = remove("Eleve", "7100002");
        let first = delta(&place, "20260916", &[("Eleve", &body)]).await.unwrap_err();
        assert!(matches!(first, Error::Reconcile(reconcile::Error::NoComplete { .. })), "{first}");
        Example::new().bring(&place).await.unwrap();
        let gap = delta(&place, "20260919", &[("Eleve", &body)]).await.unwrap_err();
        assert!(matches!(gap, Error::Reconcile(reconcile::Error::Gap { .. })), "{gap}");
        let older = delta(&place, "20260914", &[("Eleve", &body)]).await.unwrap_err();
        assert!(matches!(older, Error::Reconcile(reconcile::Error::Older { .. })), "{older}");
        let next = delta(&place, "20260918", &[("Eleve", &body)]).await.unwrap();
        assert_eq!((next.total.left, next.already_applied), (1, false));
        let again = delta(&place, "20260918", &[("Eleve", &body)]).await.unwrap();
        assert_eq!((again.total.left, again.total.ignored, again.already_applied), (0, 1, true));
        // It takes nothing from the undo of the first time.
        undo(&place, next.run.unwrap(), "Camille", NOW).await.unwrap();
    }
}

#[tokio::test]
async fn a_delta_can_be_undone() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let before = rows(&place).await;
        let body = modify("Eleve", "7100001", &[("ENTEleveClasses", &["4101$3D"])]) + &remove("Eleve", "7100002");
        let report = delta(&place, "20260916", &[("Eleve", &body)]).await.unwrap();
        assert_ne!(rows(&place).await, before);
        undo(&place, report.run.unwrap(), "Camille", NOW).await.unwrap();
        assert_eq!(rows(&place).await, before);
    }
}

fn people(dialect: Dialect, families: u32, seed: u64) -> People {
    let (academy, stage) = ("14".parse().unwrap(), Stage::Secondary);
    Plan { families, seed, academy, stage, date: date!(2026 - 09 - 15), dialect }.sample().deliveries.swap_remove(0)
}

/// What the present people are, whoever said so and when.
async fn present(place: &Place) -> Vec<String> {
    let directory = Directory::open(place, 1).await.unwrap();
    let page = directory.page(None, None, 10_000).await.unwrap();
    page.iter().map(|known| format!("{known:?}")).collect()
}

async fn days(dialect: Dialect, families: u32, seed: u64, changes: u32) {
    let folder = tempfile::tempdir().unwrap();
    let mut days = vec![people(dialect, families, seed)];
    for day in 1..=3 {
        let next = days.last().unwrap().next(changes, seed.wrapping_add(day));
        days.push(next);
    }
    let last = days.last().unwrap();
    let complete = last.write(folder.path()).unwrap();
    for place in testing::places().await {
        bring(&place, &[&days[0].write(folder.path()).unwrap()], "14").await.unwrap();
        for pair in days.windows(2) {
            let path = pair[1].write_delta(&pair[0], folder.path()).unwrap();
            let mut order = Import::new(vec![path], "14".parse().unwrap(), NOW);
            order.limits = Limits { source_percent: 100, school_percent: 100, ..Limits::default() };
            let report = import(&place, order, Arc::default(), &mut |_| {}).await.unwrap();
            assert_eq!((report.kind, report.total.rejected), (Kind::Delta, 0), "{report:?}");
        }
        let by_deltas = present(&place).await;
        let total = bring(&place, &[&complete], "14").await.unwrap().total;
        assert_eq!((total.added, total.changed, total.left), (0, 0, 0), "{total:?}");
        for fresh in testing::places().await {
            bring(&fresh, &[&complete], "14").await.unwrap();
            assert_eq!(present(&fresh).await, by_deltas);
        }
    }
}

#[tokio::test]
async fn a_complete_delivery_is_the_one_before_and_its_deltas_in_the_dialect_of_2013() {
    days(Dialect::Of2013, 60, 4, 40).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]
    #[test]
    fn a_complete_delivery_is_the_one_before_and_its_deltas(families in 20_u32..80, seed: u64, changes in 1_u32..60) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(days(Dialect::Current, families, seed, changes));
    }
}

/// Every order of a complete delivery and two deltas: what is applied is in the order of days, and stands as if the
/// others had never come.
#[tokio::test]
async fn im_08_in_whatever_order_deliveries_come_none_goes_back_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = people(Dialect::Current, 20, 3);
    let (second, third) = (first.next(15, 1), first.next(15, 1).next(15, 2));
    let paths = [
        first.write(folder.path()).unwrap(),
        second.write_delta(&first, folder.path()).unwrap(),
        third.write_delta(&second, folder.path()).unwrap(),
    ];
    let give = async |place: &Place, day: usize| {
        let mut order = Import::new(vec![paths[day].clone()], "14".parse().unwrap(), NOW);
        order.limits = Limits { source_percent: 100, school_percent: 100, ..Limits::default() };
        import(place, order, Arc::default(), &mut |_| {}).await
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for place in testing::places().await {
            let mut applied = Vec::new();
            for day in order {
                if give(&place, day).await.is_ok() {
                    applied.push(day);
                }
            }
            assert!(applied.first() == Some(&0) && applied.is_sorted(), "{order:?} {applied:?}");
            for fresh in testing::places().await {
                for day in &applied {
                    give(&fresh, *day).await.unwrap();
                }
                assert_eq!(present(&fresh).await, present(&place).await, "{order:?}");
            }
        }
    }
}

#[tokio::test]
async fn aaf_pitfall_01_keys_of_two_academies_stages_and_private_schools_never_meet() {
    for place in testing::places().await {
        let example = Example::new();
        example.bring(&place).await.unwrap();
        let folder = example.folder();
        bring(&place, &[folder.path()], "10").await.unwrap();
        let mut private = Import::new(vec![folder.path().to_owned()], "14".parse().unwrap(), NOW);
        private.reading.private = true;
        import(&place, private, Arc::default(), &mut |_| {}).await.unwrap();
        let directory = Directory::open(&place, 1).await.unwrap();
        let ids: Vec<PersonId> =
            ["14-2d-7200001", "10-2d-7200001", "14-2d-P7200001"].iter().map(|id| id.parse().unwrap()).collect();
        let known = directory.known(&ids).await.unwrap();
        assert_eq!(known.len(), 3);
        assert!(known.iter().zip(&ids).all(|(known, id)| known.children.iter().all(|child| {
            child.student.id.academy() == id.academy()
                && child.student.id.key().as_str().starts_with('P') == id.key().as_str().starts_with('P')
        })));
        assert!(known.iter().all(|known| known.children.len() == 2));
    }
}

/// In which respects the last delta says that a person is another one.
async fn respects(place: &Place, key: &str) -> Vec<i64> {
    let db = crate::db::open(place, "directory", crate::db::Access::Read, 1).await.unwrap();
    let (sql, id) = ("SELECT moves FROM former_persons WHERE id = $1", format!("14-2d-{key}"));
    crate::on!(&db, c => sqlx::query_scalar(sql).bind(id).fetch_all(c).await).unwrap()
}

/// The example as a complete delivery in which that attribute has those values.
fn example_with(category: &str, key: &str, attribute: &str, values: &[&str]) -> Example {
    let record = Example::new().record(category, key);
    let (start, end) = (format!("<attr name=\"{attribute}\">"), "</attr>");
    let from = record.find(&start);
    let to = from.map_or(0, |from| from + record[from..].find(end).unwrap() + end.len());
    let values = if values.is_empty() { String::new() } else { values.join("</value><value>") };
    let said = format!("{start}<value>{values}</value></attr>");
    let last = record.find("</attributes>").unwrap();
    let (from, to) = from.map_or((last, last), |from| (from, to));
    Example::new().with(category, &record, &format!("{}{said}{}", &record[..from], &record[to..]))
}

#[tokio::test]
async fn of_an_adult_whom_nobody_knows_is_told_when_a_relation_names_them_and_not_at_every_change_of_the_pupil() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let warned = |report: Report| report.warnings.iter().filter(|warning| warning.code == "adult_unknown").count();
        for (day, attribute, value, expected) in [
            ("20260916", "ENTElevePersRelEleve", "7299999$10$1$1$1$1", 1),
            ("20260917", "ENTEleveClasses", "4101$3D", 0),
            ("20260918", "ENTElevePersRelEleve", "7299999$20$1$1$1$1", 1),
        ] {
            let body = modify("Eleve", "7100001", &[(attribute, &[value])]);
            let report = delta(&place, day, &[("Eleve", &body)]).await.unwrap();
            assert_eq!((report.total.changed, report.held, warned(report)), (1, false, expected), "{day}");
        }
    }
}

/// One attribute each, and the respects in which it makes of a person another one.
#[tokio::test]
async fn who_changes_in_one_respect_is_written_in_that_one_and_put_back_exactly() {
    let changes: [(&str, &str, &str, &[&str], i64); 18] = [
        ("PersRelEleve", "7200001", "sn", &["MARTINO"], COMPARED),
        ("PersRelEleve", "7200001", "givenName", &["Soline"], EVIDENCE | COMPARED),
        ("PersRelEleve", "7200001", "ENTPersonDateNaissance", &["01/02/1980"], EVIDENCE),
        ("PersRelEleve", "7200001", "mail", &["s.olivero@example.org"], MAIL),
        ("PersRelEleve", "7200001", "mobile", &["+33 6 39 98 00 13"], CONTACTS),
        ("PersRelEleve", "7200001", "personalTitle", &["M."], 0),
        ("Eleve", "7100001", "sn", &["MARTINO"], COMPARED),
        ("Eleve", "7100001", "ENTPersonDateNaissance", &["03/11/2012"], EVIDENCE),
        ("Eleve", "7100001", "ENTEleveINE", &["990000009ZZ"], EVIDENCE),
        ("Eleve", "7100001", "ENTEleveStructRattachId", &["990109"], COMPARED),
        ("Eleve", "7100001", "ENTPersonStructRattach", &["4102"], SCHOOL),
        ("Eleve", "7100001", "ENTEleveClasses", &["4101$3D"], ENROLMENTS),
        ("Eleve", "7100001", "ENTElevePersRelEleve", &["7200001$10$1$1$1$1"], GUARDIANSHIPS),
        ("Eleve", "7100001", "ENTElevePersRelEleve", &[], GUARDIANSHIPS | ORPHANED),
        ("PersEducNat", "7300001", "givenName", &["Irina"], EVIDENCE | COMPARED),
        ("PersEducNat", "7300001", "mail", &["i.vasseur@ac-example.fr"], MAIL),
        ("PersEducNat", "7300001", "ENTPersonStructRattach", &["4102"], SCHOOL),
        ("PersEducNat", "7300001", "ENTPersonFonctions", &["4101$ADF$ADJOINT$D0012$ADJOINT"], FUNCTIONS),
    ];
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let before = rows(&place).await;
        for (category, key, attribute, values, expected) in changes {
            let body = modify(category, key, &[(attribute, values)]);
            let report = delta(&place, "20260916", &[(category, &body)]).await.unwrap();
            assert_eq!((report.total.changed, report.total.rejected), (1, 0), "{category} {attribute} {report:?}");
            assert_eq!(respects(&place, key).await, [expected], "{category} {attribute}");
            let complete = testing::folder();
            example_with(category, key, attribute, values).bring(&complete).await.unwrap();
            assert_eq!(present(&place).await, present(&complete).await, "{category} {attribute}");
            undo(&place, report.run.unwrap(), "Camille", NOW).await.unwrap();
            assert_eq!(rows(&place).await, before, "{category} {attribute}");
        }
    }
}
