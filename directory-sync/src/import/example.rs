//! What the tests of an import share: the complete example of the format's notes, changed as a test wants it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use super::{Error, Import, import};
use crate::db::Place;
use crate::model::{Known, PersonId};
use crate::reader::Directory;
use crate::reconcile::Report;

pub(super) const NOW: OffsetDateTime = datetime!(2026-09-20 03:00 UTC);

pub(super) async fn bring(place: &Place, paths: &[&Path], academy: &str) -> Result<Report, Error> {
    let paths = paths.iter().map(|path| path.to_path_buf()).collect();
    let order = Import::new(paths, academy.parse().unwrap(), NOW);
    import(place, order, Arc::default(), &mut |_| {}).await
}

/// The complete example of the format's notes, as it may be changed by a test.
#[derive(Clone)]
pub(super) struct Example(pub(super) BTreeMap<&'static str, String>);

macro_rules! example {
    ($($category:literal),*) => {
        Example(BTreeMap::from([$((
            concat!("ENT2DVA-ENT99_Complet_20260915_", $category, "_0000.xml"),
            include_str!(concat!("examples/ENT2DVA-ENT99_Complet_20260915_", $category, "_0000.xml")).to_owned(),
        )),*]))
    };
}

impl Example {
    pub(super) fn new() -> Self {
        example!("EtabEducNat", "MefEducNat", "MatiereEducNat", "PersRelEleve", "Eleve", "PersEducNat")
    }

    pub(super) fn file(&mut self, category: &str) -> &mut String {
        let named = format!("_{category}_");
        self.0.iter_mut().find(|(name, _)| name.contains(&named)).unwrap().1
    }

    pub(super) fn with(mut self, category: &str, from: &str, to: &str) -> Self {
        let file = self.file(category);
        assert!(file.contains(from), "{from}");
        *file = file.replace(from, to);
        self
    }

    pub(super) fn without(mut self, category: &str) -> Self {
        let named = format!("_{category}_");
        self.0.retain(|name, _| !name.contains(&named));
        self
    }

    pub(super) fn record(&mut self, category: &str, key: &str) -> String {
        let file = self.file(category);
        let at = file.find(&format!("<id>{key}</id>")).unwrap();
        let from = file[..at].rfind("<addRequest>").unwrap();
        let to = at + file[at..].find("</addRequest>").unwrap() + "</addRequest>".len();
        file[from..to].to_owned()
    }

    pub(super) fn more(mut self, category: &str, record: &str) -> Self {
        let file = self.file(category);
        *file = file.replace("</ficAlimMENESR>", &format!("{record}</ficAlimMENESR>"));
        self
    }

    pub(super) fn dated(self, day: &str) -> Self {
        let rename = |(name, text): (&'static str, String)| (&*name.replace("20260915", day).leak(), text);
        Self(self.0.into_iter().map(rename).collect())
    }

    pub(super) fn folder(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in &self.0 {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    pub(super) async fn bring(&self, place: &Place) -> Result<Report, Error> {
        bring(place, &[self.folder().path()], "14").await
    }
}

pub(super) async fn known(place: &Place, key: &str) -> Known {
    let directory = Directory::open(place, 1).await.unwrap();
    let id: PersonId = format!("14-2d-{key}").parse().unwrap();
    directory.known(&[id]).await.unwrap().pop().unwrap()
}

/// All that a reader can see.
pub(super) async fn everything(place: &Place) -> String {
    let directory = Directory::open(place, 1).await.unwrap();
    format!("{:?} {:?}", directory.page(None, None, 10_000).await.unwrap(), directory.population().await.unwrap())
}

pub(super) fn assert_balanced(report: &Report) {
    for counts in report.by_category.values().chain([&report.total]) {
        let sum = counts.added + counts.changed + counts.unchanged + counts.rejected + counts.ignored;
        assert_eq!(counts.read, sum, "{report:?}");
    }
}
