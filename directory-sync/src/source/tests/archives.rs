//! What lies around the files: wrappings that are the same, and those that are refused whole.

use super::super::archive::{Budget, each_file};
use super::*;

#[test]
fn one_delivery_is_the_same_in_every_wrapping() {
    let file = pupils("", DOCTYPE, &pupil(1, "OLIVERO"));
    let entries = [(PUPILS, file.as_bytes()), ("ficAlimMENESR.dtd", b"<!ELEMENT x ANY>".as_slice())];
    let tar = tarred(&entries);
    for (name, bytes) in
        [("a.zip", zipped(&entries)), ("a.tar", tar.clone()), ("a.tar.gz", gzipped(&tar)), ("a.tgz", gzipped(&tar))]
    {
        assert_eq!(hear_archive(name, &bytes).unwrap().records.len(), 1, "{name}");
    }
    assert_eq!(hear_archive(PUPILS, file.as_bytes()).unwrap().records.len(), 1);
    assert!(matches!(hear_archive("a.rar", b"Rar!"), Err(Error::Archive { .. })));
    assert!(matches!(hear(Path::new("/nonexistent/a.zip")), Err(Error::Unreadable { .. })));
    assert!(matches!(hear(folder(&[("readme.txt", b"x")]).path()), Err(Error::Empty { .. })));
}

#[test]
fn im_01_hostile_names_are_refused_whole() {
    let file = pupils("", DOCTYPE, &pupil(1, "OLIVERO"));
    let good = (PUPILS, file.as_bytes());
    for name in [
        "../x_Eleve_0001.xml",
        "a/../../x_Eleve_0001.xml",
        "/tmp/x_Eleve_0001.xml",
        "C:\\x.xml",
        "..\\x.xml",
        "inner.zip",
    ] {
        let entries = [good, (name, file.as_bytes())];
        assert!(matches!(hear_archive("a.zip", &zipped(&entries)), Err(Error::Archive { .. })), "zip {name}");
        assert!(matches!(hear_archive("a.tar", &tarred(&entries)), Err(Error::Archive { .. })), "tar {name}");
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("x_Eleve_0001.xml", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let linked = zip.finish().unwrap().into_inner();
    assert!(reason(hear_archive("a.zip", &linked)).contains("link"));
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "x_Eleve_0001.xml", "/etc/passwd").unwrap();
    assert!(reason(hear_archive("a.tar", &tar.into_inner().unwrap())).contains("link"));
    let folder = folder(&[good]);
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("x_Eleve_0001.xml")).unwrap();
    assert!(reason(hear(folder.path())).contains("link"));
}

#[test]
fn im_01_a_bomb_is_stopped_by_number_by_size_and_by_ratio() {
    let small = || Budget { files: 3, each: 50_000, total: 80_000, ratio: 20, ratio_from: 10_000 };
    let drain = |name: &str, bytes: &[u8]| {
        let folder = folder(&[(name, bytes)]);
        let visit = &mut |_: &str, file: &mut dyn std::io::Read| {
            let mut seen = Vec::new();
            let read = file.read_to_end(&mut seen);
            read.map(drop).map_err(|e| Error::Archive { archive: String::new(), reason: e.to_string() })
        };
        each_file(&folder.path().join(name), &mut small(), &Progress::default(), visit).map_err(|e| e.to_string())
    };
    let noise =
        |length: u32| (0..length).map(|i| u8::try_from((i * i % 251) ^ (i / 97 % 251)).unwrap()).collect::<Vec<u8>>();
    let four = noise(100);
    let four: Vec<_> = ["a", "b", "c", "d"].into_iter().map(|name| (name, four.as_slice())).collect();
    let large = noise(60_000);
    let flat = vec![b'a'; 40_000];
    let half = noise(45_000);
    for (entries, why) in [
        (four.as_slice(), "too many"),
        (&[("a", large.as_slice())], "too large"),
        (&[("a", flat.as_slice())], "inflates"),
        (&[("a", half.as_slice()), ("b", half.as_slice())], "delivery is larger"),
    ] {
        assert!(drain("a.zip", &zipped(entries)).unwrap_err().contains(why), "zip: {why}");
        assert!(drain("a.tgz", &gzipped(&tarred(entries))).unwrap_err().contains(why), "tgz: {why}");
    }
}

#[test]
fn im_01_a_file_too_large_by_its_own_account_is_refused_before_any_is_read() {
    let (small, large) = (vec![b'a'; 100], vec![b'b'; 60_000]);
    let entries = [("a.xml", small.as_slice()), ("b.xml", large.as_slice())];
    let folder = folder(&[("a.zip", &zipped(&entries))]);
    let unpacked = super::folder(&entries);
    for path in [folder.path().join("a.zip"), unpacked.path().to_owned()] {
        let mut budget = Budget { each: 50_000, ..Budget::default() };
        let visit = &mut |name: &str, _: &mut dyn std::io::Read| panic!("{name} was opened");
        let told = each_file(&path, &mut budget, &Progress::default(), visit).unwrap_err().to_string();
        assert!(told.contains("b.xml in it is too large"), "{told}");
    }
}

#[test]
fn im_05_a_cut_or_damaged_archive_is_refused() {
    let file = pupils("", DOCTYPE, &(1..40).map(|key| pupil(key, "OLIVERO")).collect::<String>());
    let entries = [(PUPILS, file.as_bytes()), ("x_EtabEducNat_0000.xml", b"<ficAlimMENESR/>".as_slice())];
    let tar = tarred(&entries);
    for (name, bytes) in [("a.zip", zipped(&entries)), ("a.tar", tar.clone()), ("a.tgz", gzipped(&tar))] {
        assert!(hear_archive(name, &bytes).is_ok(), "{name}");
        // The last 512 bytes of a tar are the second of its two end marks.
        let end = if name == "a.tar" { bytes.len() - 1024 } else { bytes.len() };
        for at in (0..end).step_by(end / 60) {
            assert!(hear_archive(name, &bytes[..at]).is_err(), "{name} cut at {at}");
        }
    }
    let mut damaged = zipped(&entries);
    let middle = 60 + damaged.len() / 4;
    damaged[middle] ^= 0x55;
    assert!(hear_archive("a.zip", &damaged).is_err());
}
