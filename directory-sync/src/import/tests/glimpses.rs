//! Records that are known to the letter are passed over, and nothing else is. On both databases.

use super::*;
use crate::db::{self, Access, Db, Place};
use crate::reconcile::Report;
use crate::source::Levels;

/// Of whom the text in which they were read is kept, by identifier.
async fn prints(place: &Place) -> Vec<(String, String)> {
    const PRINTS: &str = "SELECT id, print FROM persons ORDER BY id";
    let db = db::open(place, "directory", Access::Read, 1).await.unwrap();
    match &db {
        Db::Sqlite(c) => sqlx::query_as(PRINTS).fetch_all(c).await.unwrap(),
        Db::Postgres(c) => sqlx::query_as(PRINTS).fetch_all(c).await.unwrap(),
    }
}

/// How many persons have another print than before.
fn others(before: &[(String, String)], after: &[(String, String)]) -> usize {
    assert_eq!(before.len(), after.len());
    before.iter().zip(after).filter(|(before, after)| before != after).count()
}

/// A warning of the reader, which only those who are read can give.
fn warned(report: &Report, code: &str) -> u64 {
    report.warnings.iter().find(|warning| warning.code == code).map_or(0, |warning| warning.count)
}

const MOBILE: &str = "<attr name=\"mobile\"><value>+33 6 39 98 00 10</value></attr>";

#[tokio::test]
async fn who_is_known_to_the_letter_is_not_read_again() {
    for place in testing::places().await {
        let example = Example::new().with("PersRelEleve", MOBILE, "<attr name=\"mobile\"><value>17</value></attr>");
        let first = example.bring(&place).await.unwrap();
        assert!(prints(&place).await.iter().all(|(_, print)| print.len() == 22), "128 bits in base64");
        let again = example.clone().dated("20260916").bring(&place).await.unwrap();
        assert!(warned(&first, "mobile") > 0 && warned(&again, "mobile") == 0, "{again:?}");
        assert_eq!((again.total.read, again.total.unchanged, again.total.ignored), (first.total.read, 8, 1));
        assert_eq!((again.total.left, again.held), (0, false), "passed over, they are here");
        assert_balanced(&again);
    }
}

#[tokio::test]
async fn one_letter_more_and_the_record_is_read() {
    for place in testing::places().await {
        Example::new().bring(&place).await.unwrap();
        let (before, whole) = (prints(&place).await, everything(&place).await);
        // Said in other words, and then no longer news.
        let other = Example::new().with("PersRelEleve", MOBILE, &MOBILE.replace("\"><", "\" ><")).dated("20260916");
        let report = other.bring(&place).await.unwrap();
        assert_eq!((report.total.changed, report.total.unchanged), (0, 8), "{report:?}");
        let after = prints(&place).await;
        assert_eq!((others(&before, &after), everything(&place).await), (1, whole));
        // Said otherwise.
        let changed = other.with("PersRelEleve", "6 39 98 00 10", "6 39 98 00 19").dated("20260917");
        assert_eq!(changed.bring(&place).await.map(|report| report.total.changed).unwrap(), 1);
        assert_eq!(others(&after, &prints(&place).await), 1);
    }
}

#[tokio::test]
async fn the_same_text_read_another_way_is_another_record() {
    for place in testing::places().await {
        let example = Example::new().with("Eleve", "7200002$20$0$1$0$0", "7200002$20$0$0$0$0");
        example.bring(&place).await.unwrap();
        assert_eq!(known(&place, "7200003").await.children[0].authority, ParentalAuthority::InCharge);
        let folder = example.dated("20260916").folder();
        let mut order = Import::new(vec![folder.path().to_owned()], "14".parse().unwrap(), NOW);
        order.reading.levels = Some(Levels::Before2020);
        let report = import(&place, order, Arc::default(), &mut |_| {}).await.unwrap();
        assert_eq!(report.by_category[&Category::Students].changed, 1, "{report:?}");
        assert_eq!(known(&place, "7200003").await.children[0].authority, ParentalAuthority::Legal);
    }
}

#[tokio::test]
async fn of_two_records_with_one_key_the_text_of_the_rejected_one_is_not_kept() {
    for place in testing::places().await {
        let mut example = Example::new();
        example.bring(&place).await.unwrap();
        let before = prints(&place).await;
        let twin = example.record("PersRelEleve", "7200001").replace("\"><", "\" ><");
        let double = example.clone().more("PersRelEleve", &twin).dated("20260916").bring(&place).await.unwrap();
        assert_eq!((double.total.rejected, double.total.unchanged), (1, 8), "{double:?}");
        assert_eq!(prints(&place).await, before);
    }
}

#[tokio::test]
async fn what_an_undo_puts_back_is_known_by_the_text_it_was_read_in() {
    for place in testing::places().await {
        let example = Example::new().with("PersRelEleve", MOBILE, "<attr name=\"mobile\"><value>17</value></attr>");
        example.bring(&place).await.unwrap();
        let (before, whole) = (prints(&place).await, everything(&place).await);
        let changed = example.clone().with("PersRelEleve", "OLIVERO", "OLIVIER").dated("20260916");
        let report = changed.bring(&place).await.unwrap();
        undo(&place, report.run.unwrap(), "an operator", NOW).await.unwrap();
        assert_eq!((prints(&place).await, everything(&place).await), (before, whole));
        let again = example.dated("20260917").bring(&place).await.unwrap();
        assert_eq!((again.total.unchanged, warned(&again, "mobile")), (8, 0), "{again:?}");
    }
}
