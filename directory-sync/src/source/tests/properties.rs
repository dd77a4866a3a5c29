//! Whatever the bytes, and in whatever order.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn no_bytes_make_the_reader_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut in any::<prop::sample::Index>(), keep: bool) {
        let records: String = (1..4).map(|key| pupil(key, "L&apos;H&ocirc;te &#233; $|")).collect();
        let relation = "<attr name=\"ENTElevePersRelEleve\"><value>7$10$1$1$1$1</value><value/></attr></attributes>";
        let text = pupils("<?xml version=\"1.0\" encoding=\"ISO-8859-15\"?>", DOCTYPE, &records.replace("</attributes>", relation));
        let mut bytes = text.into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !keep {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = hear_file(&bytes);
        let _ = hear_archive("a.zip", &bytes);
        let _ = hear_archive("a.tar", &bytes);
    }

    #[test]
    fn slices_in_any_order_give_the_same_records(
        order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(),
        of_slice in prop::collection::vec(0..6_usize, 24),
        is_delta: bool,
        is_tar: bool,
    ) {
        let kind = if is_delta { "Delta" } else { "Complet" };
        let record = |at: usize| match at % 3 {
            1 if is_delta => request("modify", Category::Students, &at.to_string(), &[("sn", "B")]),
            2 if is_delta => request("delete", Category::Students, &at.to_string(), &[]),
            _ => pupil_with(&at.to_string(), &[("ENTElevePersRelEleve", "900$10$1$1$1$1|901$20$0$1$1$0")]),
        };
        let slice = |number: usize| {
            let records = of_slice.iter().enumerate().filter(|(_, slice)| **slice == number).map(|(at, _)| record(at));
            (format!("ENT2DVA_{kind}_20260916_Eleve_{number:04}.xml"), file(&records.collect::<String>()))
        };
        let hear = |order: &[usize]| {
            let files: Vec<(String, String)> = order.iter().map(|number| slice(*number)).collect();
            let entries: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
            let (name, bytes) = if is_tar { ("a.tar", tarred(&entries)) } else { ("a.zip", zipped(&entries)) };
            let mut heard = hear_archive(name, &bytes).unwrap();
            heard.records.sort_by_key(|record| format!("{record:?}"));
            heard.changes.sort_by_key(|change| change.key.clone());
            heard.departures.sort();
            (heard.records, heard.changes, heard.departures, heard.delivery)
        };
        prop_assert_eq!(hear(&order), hear(&[0, 1, 2, 3, 4, 5]));
    }

    #[test]
    fn a_delivery_cut_anywhere_is_refused_and_no_bytes_of_it_panic(at in any::<prop::sample::Index>(), kind in 0..3_usize) {
        let records = [
            pupil_with("1", &[("ENTElevePersRelEleve", "7$10$1$1$1$1")]),
            request("modify", Category::Students, "2", &[("sn", "&eacute;"), ("ENTEleveMEF", "")]),
            request("delete", Category::Students, "3", &[]),
        ];
        let named = ["ENT1D_Complet_20260916_Eleve_0000.xml", "ENT2DVA_Delta_20260916_Eleve_0000.xml", "ENT1D_Delta_20260916_Eleve_0000.xml"];
        let whole = file(&if kind == 0 { records[0].clone() } else { records.concat() });
        let end = whole.trim_end().len();
        prop_assert!(hear_files(&[(named[kind], &whole)]).is_ok());
        let at = at.index(end);
        let cut = &whole.as_bytes()[..at];
        prop_assert!(hear(folder(&[(named[kind], cut)]).path()).is_err(), "cut at {}", at);
        let zip = zipped(&[(named[kind], whole.as_bytes())]);
        let at = at * zip.len() / end;
        prop_assert!(hear_archive("a.zip", &zip[..at]).is_err(), "zip cut at {}", at);
        let gzip = gzipped(&tarred(&[(named[kind], whole.as_bytes())]));
        let at = at * gzip.len() / zip.len();
        prop_assert!(hear_archive("a.tgz", &gzip[..at.min(gzip.len() - 1)]).is_err(), "tgz cut at {}", at);
    }
}
