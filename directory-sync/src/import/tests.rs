use std::path::{Path, PathBuf};

use time::macros::datetime;

use super::*;
use crate::incoming::Category;
use crate::model::Person;
use crate::reader::Directory;
use crate::testing;

const NOW: OffsetDateTime = datetime!(2026-09-20 03:00 UTC);

async fn bring(place: &Place, paths: &[&Path], academy: &str) -> Result<Report, Error> {
    let paths = paths.iter().map(|path| path.to_path_buf()).collect();
    let order = Import { paths, academy: academy.parse().unwrap(), dry_run: false, now: NOW };
    import(place, order, Arc::default(), &mut |_| {}).await
}

/// Deliveries that this project did not write; they are not part of it.
fn fixtures() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/domain/fixtures");
    if !folder.is_dir() {
        eprintln!("the deliveries of others are absent ({}): not tested", folder.display());
        return None;
    }
    Some(folder)
}

#[tokio::test]
async fn a_small_delivery_of_others_imports_with_the_counts_of_its_files() {
    let Some(fixtures) = fixtures() else { return };
    for place in testing::places().await {
        let report = bring(&place, &[&fixtures.join("2d-minimal-2020")], "9").await.unwrap();
        assert_eq!((report.total.read, report.total.added, report.total.rejected), (2, 2, 0), "{report:?}");
        let directory = Directory::open(&place, 2).await.unwrap();
        let known = directory.known(&["9-2d-2000000".parse().unwrap()]).await.unwrap();
        let [pupil] = known.as_slice() else { panic!("{known:?}") };
        let Person::Student(student) = &pupil.person else { panic!("{pupil:?}") };
        assert_eq!((student.names.family.as_str(), student.names.given.as_str()), ("NOM", "Prenom"));
        assert_eq!(student.enrolments.len(), 1);
        let again = bring(&place, &[&fixtures.join("2d-minimal-2020")], "9").await.unwrap();
        assert_eq!((again.total.unchanged, again.total.added, again.total.changed, again.total.left), (2, 0, 0, 0));
    }
}

#[tokio::test]
async fn two_staff_deliveries_of_others_differ_as_their_files_do() {
    let Some(fixtures) = fixtures() else { return };
    let fixtures = fixtures.join("2d-staff-2024");
    for place in testing::places().await {
        let before = bring(&place, &[&fixtures.join("before")], "16").await.unwrap();
        assert_eq!((before.total.read, before.total.added), (3, 3), "{before:?}");
        assert!(before.warnings.iter().any(|warning| warning.code == "academy"), "{before:?}");
        let after = bring(&place, &[&fixtures.join("after")], "16").await.unwrap();
        println!("{}", serde_json::to_string_pretty(&after).unwrap());
        let staff = after.by_category[&Category::Staff];
        assert_eq!((staff.read, staff.left, after.held), (3, 0, false));
        assert_eq!(staff.added + staff.changed + staff.unchanged, 3);
    }
}
