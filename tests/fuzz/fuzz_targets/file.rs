//! Any bytes as one file of a delivery. What comes out of it holds together: a record is what its stored telling says
//! again, and a source is named before anything else.
#![no_main]

use directory::incoming::{Category, Incoming, Told};
use directory::source::{Hints, Reading, interpret, read_file};
use libfuzzer_sys::fuzz_target;
use time::macros::date;

/// The category that the first record names, so that a plain file is a good seed.
fn category(bytes: &[u8]) -> Category {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]);
    let named = |category: &Category| head.contains(&format!("<value>{}</value>", category.in_record().1));
    Category::ALL.into_iter().find(named).unwrap_or(Category::Students)
}

fuzz_target!(|bytes: &[u8]| {
    // The kind and the rest are of the length's choosing: a name, or only what the file holds, tells them.
    let kind = ["", "_Complet", "_Delta", ""][bytes.len() % 4];
    let name = format!("ENT{kind}_20260915_{}_0000.xml", category(bytes).in_file_name());
    let hints = Hints { private: bytes.len() % 5 == 0, ..Hints::default() };
    let Ok(academy) = "14".parse() else { return };
    let reading = Reading { paths: Vec::new(), academy, hints, today: date!(2026 - 09 - 20), asks: false };
    let mut source = None;
    let _ = read_file(&name, &mut &*bytes, &reading, &mut |incoming| {
        match incoming {
            Incoming::Source(told) => source = Some(told),
            Incoming::Record(record, told, _) => {
                assert_eq!(Told::from_stored(&told.to_stored()), told);
                let source = source.expect("a source before the records");
                let key = directory_key(&record);
                let again = interpret(source, record.category(), &key, &told).expect("what was read once");
                assert_eq!(again.record, *record);
            }
            Incoming::Change(change, _) => {
                let source = source.expect("a source before the changes");
                let _ = interpret(source, change.category, &change.key, &change.replaced);
            }
            _ => assert!(source.is_some()),
        }
        true
    });
});

fn directory_key(record: &directory::incoming::Record) -> directory::model::SourceKey {
    use directory::incoming::Record;
    match record {
        Record::School(school) => school.id.key().clone(),
        Record::Mef(mef) => mef.code.clone(),
        Record::Guardian(guardian) => guardian.id.key().clone(),
        Record::Student(student, _) => student.id.key().clone(),
        Record::Staff(staff) => staff.id.key().clone(),
    }
}
