//! One file: its envelope, its encoding, its bad records.

use super::*;

#[test]
fn im_03_the_one_doctype_is_accepted_and_every_other_refused() {
    let one = pupil(1, "OLIVERO");
    for good in [DOCTYPE, "", "<!DOCTYPE ficAlimMENESR\n SYSTEM 'ficAlimMENESR.dtd' >"] {
        assert_eq!(hear_file(pupils("", good, &one).as_bytes()).unwrap().records.len(), 1, "{good}");
    }
    let laughs = "<!DOCTYPE ficAlimMENESR [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    for hostile in [
        laughs,
        "<!DOCTYPE ficAlimMENESR SYSTEM \"ficAlimMENESR.dtd\" [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
        "<!DOCTYPE ficAlimMENESR SYSTEM \"ficAlimMENESR.dtd\" [<!ENTITY % x SYSTEM \"http://example.org/x\"> %x;]>",
        "<!DOCTYPE ficAlimMENESR SYSTEM \"http://example.org/ficAlimMENESR.dtd\">",
        "<!DOCTYPE ficAlimMENESR PUBLIC \"-//X\" \"ficAlimMENESR.dtd\">",
        "<!DOCTYPE other SYSTEM \"ficAlimMENESR.dtd\">",
        "<!DOCTYPE ficAlimMENESR SYSTEM \"../ficAlimMENESR.dtd\">",
    ] {
        let why = reason(hear_file(pupils("", hostile, &one).as_bytes()));
        assert!(why.contains("document type") && why.contains(PUPILS), "{hostile}: {why}");
    }
    let twice = pupils("", &format!("{DOCTYPE}{DOCTYPE}"), &one);
    assert!(hear_file(twice.as_bytes()).is_err());
    let inside = pupils("", "", &format!("{one}{DOCTYPE}"));
    assert!(hear_file(inside.as_bytes()).is_err());
}

#[test]
fn im_04_letters_survive_every_encoding() {
    let family = "LŒUVRE-ÉTÉ À 5 €";
    let utf8 = pupils("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", DOCTYPE, &pupil(1, family));
    let undeclared = pupils("", DOCTYPE, &pupil(1, family));
    let marked = format!("\u{FEFF}{utf8}");
    let latin9: Vec<u8> = utf8
        .replace("UTF-8", "ISO-8859-15")
        .chars()
        .map(|letter| match letter {
            'Œ' => 0xBC,
            '€' => 0xA4,
            other => u8::try_from(u32::from(other)).unwrap(),
        })
        .collect();
    for bytes in [utf8.as_bytes(), undeclared.as_bytes(), marked.as_bytes(), &latin9] {
        assert_eq!(hear_file(bytes).unwrap().names()[0].family, family);
    }
    let lie = utf8.replace("UTF-8", "ISO-8859-15");
    assert!(reason(hear_file(lie.as_bytes())).contains("UTF-8, not the ISO-8859"));
}

#[test]
fn named_and_split_letters_are_one_name() {
    let records = pupil(1, "L&apos;H&ocirc;tel &amp; d&#39;&Eacute;t&#xE9;<![CDATA[ & fils]]>");
    let heard = hear_file(pupils("", DOCTYPE, &records).as_bytes()).unwrap();
    assert_eq!(heard.names()[0].family, "L'Hôtel & d'Été & fils");
}

#[test]
fn im_10_a_bad_record_costs_itself_and_says_where_it_is() {
    let records = [
        pupil(1, "BON"),
        pupil(2, "&inconnue;"),
        pupil(3, "A").replace("02/11/2012", "31/02/2012"),
        pupil(4, "A").replace("02/11/2012", ""),
        pupil(5, "A").replace("<id>5</id>", "<id>6</id>"),
        pupil(7, "A").replace("<id>7</id>", "<id/>"),
        pupil(8, "A").replace("categoriePersonne\"><value>Eleve", "categoriePersonne\"><value>PersEducNat"),
        pupil(9, ""),
        pupil(10, "A\u{1}"),
        pupil(11, &"A".repeat(70_000)),
        pupil(12, "A").replace("attributes>", "other>"),
        pupil(13, "A").replace("<attr name=\"sn\">", "<attr>"),
        pupil(14, "BON"),
    ];
    let heard = hear_file(pupils("", DOCTYPE, &records.concat()).as_bytes()).unwrap();
    assert_eq!(heard.names().iter().filter(|names| names.family == "BON").count(), 2);
    assert_eq!((heard.records.len(), heard.rejects.len()), (2, 11));
    let told: Vec<(Option<&str>, u64)> = heard.rejects.iter().map(|r| (r.key.as_deref(), r.line)).collect();
    assert_eq!(told[0], (Some("2"), 13));
    assert_eq!(told[4].0, None);
    assert!(heard.rejects.iter().all(|reject| reject.file == PUPILS && reject.category == Category::Students));
    assert!(heard.rejects[1].reason.contains("ENTPersonDateNaissance"));
    assert!(heard.rejects[1..].iter().all(|reject| !reject.reason.contains("31/02")));
}

#[test]
fn unknown_attributes_are_counted_and_left_aside() {
    let more = pupil(1, "A")
        .replace("<attr name=\"sn\">", "<attr name=\"ENTNouveau\"><value>x</value></attr><attr name=\"sn\">");
    let heard = hear_file(pupils("", DOCTYPE, &format!("{more}{}", more.replace(">1<", ">2<"))).as_bytes()).unwrap();
    let delivery = heard.delivery.unwrap();
    assert_eq!(delivery.unknown_attributes.get("ENTNouveau"), Some(&2));
    assert_eq!(heard.records.len(), 2);
}

#[test]
fn a_file_that_is_cut_or_ill_formed_is_refused() {
    let whole = pupils("", DOCTYPE, &pupil(1, "OLIVERO"));
    let end = whole.trim_end().len();
    for at in 0..end {
        if whole.is_char_boundary(at) {
            assert!(hear_file(&whole.as_bytes()[..at]).is_err(), "cut at {at}");
        }
    }
    for (what, wrong) in [
        ("a stray ampersand", whole.replace("OLIVERO", "A & B")),
        ("crossed tags", whole.replace("</attributes>\n</addRequest>", "</addRequest>\n</attributes>")),
        ("another root", whole.replace("ficAlimMENESR>", "other>")),
        ("text between records", whole.replace("<addRequest>", "text <addRequest>")),
        ("an unknown request", whole.replace("addRequest", "fooRequest")),
        ("a second root", format!("{whole}<ficAlimMENESR></ficAlimMENESR>")),
        ("depth", whole.replace("OLIVERO", &"<a>".repeat(40))),
    ] {
        assert!(matches!(hear_file(wrong.as_bytes()), Err(Error::File { .. })), "{what}");
    }
}

#[test]
fn im_02_a_text_without_end_is_refused_before_it_fills_the_memory() {
    let endless = pupils("", DOCTYPE, &pupil(1, &"A".repeat(400_000)));
    assert!(reason(hear_file(endless.as_bytes())).contains("256 KiB"));
    let comment = pupils("", DOCTYPE, &format!("<!--{}-->", "c".repeat(400_000)));
    assert!(hear_file(comment.as_bytes()).is_err());
    let many = pupil(1, "A").replace(
        "<attr name=\"sn\">",
        &format!("<attr name=\"x\">{}</attr><attr name=\"sn\">", "<value>y</value>".repeat(100_000)),
    );
    assert_eq!(hear_file(pupils("", DOCTYPE, &many).as_bytes()).unwrap().rejects.len(), 1);
}
