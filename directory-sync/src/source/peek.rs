//! What the names say of a delivery, before it is read: enough to put deliveries in order.

use std::path::Path;

use time::Date;

use super::{Error, archive, file_name};
use crate::incoming::{Kind, Progress};
use crate::model::Stage;

/// What is known from names only; the reader, which looks at the content too, has the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glimpse {
    pub date: Option<Date>,
    pub kind: Kind,
    pub stage: Option<Stage>,
}

/// Looks at the name of an archive or folder, and at the names in it up to the first file of a delivery. What cannot
/// be opened tells its own name: reading it will say what is wrong.
#[must_use]
pub fn peek(path: &Path) -> Glimpse {
    let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut inside = None;
    let (mut budget, progress) = (archive::Budget::default(), Progress::default());
    let _stopped_at_the_first = archive::each_file(path, &mut budget, &progress, &mut |name, _| {
        if file_name::FileName::parse(name).is_none() {
            return Ok(());
        }
        inside = Some(name.to_owned());
        Err(Error::Stopped)
    });
    let inside = inside.as_deref().unwrap_or_default();
    let kind = file_name::kind(inside).or_else(|| file_name::archive_kind(&own));
    Glimpse {
        date: file_name::date(inside).or_else(|| file_name::archive_date(&own)),
        kind: kind.unwrap_or(Kind::Complete),
        stage: file_name::stage(inside).or_else(|| file_name::stage(&own)),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_delivery_is_dated_by_the_names_in_it_then_by_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let named = |name: &str, file: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join(file), "not read").unwrap();
            peek(&path)
        };
        let inside = named("ENT2DVA-ENT16_Complet_20260901", "ENT2DVA-ENT16_Delta_20260916_Eleve_0000.xml");
        assert_eq!((inside.date, inside.kind), (Some(date!(2026 - 09 - 16)), Kind::Delta));
        assert_eq!(inside.stage, Some(Stage::Secondary));
        let own = named("ENT1D.20260902", "readme.txt");
        let (day, primary) = (date!(2026 - 09 - 02), Stage::Primary);
        assert_eq!(own, Glimpse { date: Some(day), kind: Kind::Complete, stage: Some(primary) });
        let broken = folder.path().join("ENT_Delta_20260903.zip");
        std::fs::write(&broken, "no zip").unwrap();
        assert_eq!((peek(&broken).date, peek(&broken).kind), (Some(date!(2026 - 09 - 03)), Kind::Delta));
    }
}
