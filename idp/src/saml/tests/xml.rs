use proptest::prelude::*;

use super::super::canonical::Writer;
use super::super::lexis::Kind;
use super::super::tree::{Element, Fault, MESSAGE, read};
use super::*;

fn kind(xml: &str) -> Kind {
    read(xml, MESSAGE).expect_err(xml).kind
}

#[test]
fn si_02_doctype_entities_and_processing_instructions_are_refused() {
    let body = draft().xml();
    let cases = [
        (format!("<!DOCTYPE x>{body}"), Kind::DocType),
        (format!("<!doctype x>{body}"), Kind::DocType),
        (format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{body}"), Kind::DocType),
        (format!("<!DOCTYPE x SYSTEM \"http://127.0.0.1:1/x.dtd\">{body}"), Kind::DocType),
        (format!("<?xml-stylesheet href=\"x\"?>{body}"), Kind::ProcessingInstruction),
        (format!("{body}<?php x?>"), Kind::ProcessingInstruction),
        (format!(" <?xml version=\"1.0\"?>{body}"), Kind::ProcessingInstruction),
        ("<a>&xxe;</a>".to_owned(), Kind::Entity),
        ("<a b=\"&xxe;\"/>".to_owned(), Kind::Entity),
        ("<a>&#0;</a>".to_owned(), Kind::Entity),
        ("<a>&#x+41;</a>".to_owned(), Kind::Entity),
        ("<a>&#xD800;</a>".to_owned(), Kind::Entity),
    ];
    for (xml, expected) in cases {
        assert_eq!(kind(&xml), expected, "{xml}");
    }
}

#[test]
fn si_02_a_posted_doctype_is_refused_before_libxml_sees_it() {
    let xml = draft().signed(PARTY_KEY);
    let (declaration, body) = xml.split_once("?>").unwrap();
    let evil = format!("{declaration}?><!DOCTYPE x SYSTEM \"http://127.0.0.1:1/x.dtd\">{body}");
    let Err(Refused::Local(Reason::Xml(fault))) = judge(&evil, &party(true)) else { panic!("not refused") };
    assert_eq!(fault.kind, Kind::DocType);
}

#[test]
fn si_03_one_over_each_limit_is_refused_and_the_limit_is_not() {
    let depth = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    let attributes = |n: usize| format!("<a{}/>", (0..n).map(|i| format!(" a{i}=\"\"")).collect::<Vec<_>>().concat());
    let namespaces =
        |n: usize| format!("<a{}/>", (0..n).map(|i| format!(" xmlns:a{i}=\"u{i}\"")).collect::<Vec<_>>().concat());
    let elements = |n: usize| format!("<a>{}</a>", "<b/>".repeat(n - 1));
    let limits: [(&dyn Fn(usize) -> String, usize); 4] =
        [(&depth, 32), (&attributes, 64), (&namespaces, 32), (&elements, 2000)];
    for (document, limit) in limits {
        assert!(read(&document(limit), MESSAGE).is_ok());
        assert_eq!(kind(&document(limit + 1)), Kind::TooLarge);
    }
}

#[test]
fn si_04_what_a_lenient_parser_repairs_is_refused() {
    let malformed = [
        "",
        " ",
        "text",
        "<a>",
        "<a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>text",
        "text<a/>",
        "<a b></a>",
        "<a b=c/>",
        "<a b='1' b='2'/>",
        "<a b='1'c='2'/>",
        "<a b='<'/>",
        "<a>&</a>",
        "<a>& b</a>",
        "<a>]]></a>",
        "<a b='&'/>",
        "<p:a/>",
        "<a p:b='1'/>",
        "<a:b:c xmlns:a='u'/>",
        "<1a/>",
        "<a 1b=''/>",
        "< a/>",
        "<a/ >",
        "<:a/>",
        "<a:/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='u'/>",
        "<a xmlns:xmlns='u'/>",
        "<a xmlns='u' xmlns='v'/>",
        "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
        "<a><!-- -- --></a>",
        "<a><![CDATA[</a>",
        "<![CDATA[x]]><a/>",
        "&#32;<a/>",
        "<?xml version='1.1'?><a/>",
        "<?xml?><a/>",
        "<?xml version='1.0' more='x'?><a/>",
        "<a",
        "<?xml encoding='UTF-8'?><a/>",
        "<a></a >x",
        "<a></a b>",
    ];
    for xml in malformed {
        assert_eq!(kind(xml), Kind::Malformed, "{xml}");
    }
    assert_eq!(kind("<?xml version='1.0' encoding='ISO-8859-1'?><a/>"), Kind::Encoding);
    assert_eq!(kind("<a>\u{1}</a>"), Kind::Character);
    assert_eq!(kind("<a>\u{FFFE}</a>"), Kind::Character);
}

#[test]
fn si_04_well_formed_documents_are_read_as_the_recommendation_says() {
    let xml = "<?xml version='1.0' encoding='utf-8' standalone=\"yes\" ?>\r\n<!-- before --><p:a xmlns:p = 'u' \
               b = \"1&#xA;2\t3\r\n4\" xml:lang='fr' >x\r\ny<![CDATA[<&>]]>&lt;&#x20AC;<c xmlns='v' d='e'/><p:c></p:c >\
               </p:a>\n<!-- after -->";
    let root = read(xml, MESSAGE).unwrap();
    assert!(root.is("u", "a"));
    assert_eq!(root.attribute("b"), Some("1\n2 3 4"));
    assert_eq!(root.text, "x\ny<&><€");
    assert!(root.only("v", "c").unwrap().is_some_and(|c| c.attribute("d") == Some("e")));
    assert_eq!(root.all("u", "c").count(), 1);
}

#[test]
fn si_05_an_identifier_occurs_once() {
    for xml in ["<a ID='x'><b ID='x'/></a>", "<a ID='x'><b Id='x'/></a>", "<a ID='x'><b xml:id='x'/></a>"] {
        assert_eq!(kind(xml), Kind::DuplicateId, "{xml}");
    }
    assert!(read("<a ID='x'><b ID='y' ref='x'/></a>", MESSAGE).is_ok());
}

#[test]
fn si_15_a_comment_never_shortens_a_value() {
    assert_eq!(kind("<a>a<!-- -->b</a>"), Kind::CommentInValue);
    assert_eq!(kind("<a>a<!-- --></a>"), Kind::CommentInValue);
    assert!(read("<a> <!-- between --> <b/></a>", MESSAGE).is_ok());
    let mut draft = draft();
    draft.issuer = "https://ent.example/<!-- -->saml".into();
    let Err(Refused::Local(Reason::Xml(fault))) = judge(&draft.xml(), &party(false)) else { panic!("not refused") };
    assert_eq!(fault.kind, Kind::CommentInValue);
}

#[test]
fn a_fault_tells_line_and_column() {
    let fault = read("<a>\n  <é/><b></c>\n</a>", MESSAGE).expect_err("broken");
    assert_eq!(fault, Fault { kind: Kind::Malformed, line: 2, column: 10 });
    assert_eq!(fault.to_string(), "line 2, column 10: the XML is not well-formed");
}

fn written(text: &str) -> (String, Element) {
    let mut out = Writer::default();
    out.leaf("a", &[("b", text)], text);
    let xml = out.finish();
    let root = read(&xml, MESSAGE).unwrap();
    (xml, root)
}

proptest! {
    #[test]
    fn any_text_survives_writing_and_reading(text in any::<String>()) {
        let expected: String =
            text.chars().map(|c| if super::super::lexis::is_char(c) { c } else { '\u{FFFD}' }).collect();
        let (_, root) = written(&text);
        prop_assert_eq!(&root.text, &expected);
        prop_assert_eq!(root.attribute("b"), Some(expected.as_str()));
    }

    #[test]
    fn markup_survives_as_text(text in "[<>&\"'\r\n\t\\]a!\\[-]{0,40}") {
        let (_, root) = written(&text);
        prop_assert_eq!(&root.text, &text);
        prop_assert_eq!(root.attribute("b"), Some(text.as_str()));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..8),
        cut in 0_usize..4,
    ) {
        let mut message = draft().inside("<samlp:NameIDPolicy Format=\"&lt;x\"/><!-- c -->").xml_with(
            &template("_request-1", RSA_SHA256, SHA256)).into_bytes();
        let at = at.index(message.len());
        message.splice(at..(at + cut).min(message.len()), bytes);
        // Any outcome but a panic, and never a signed request out of a template without a signature.
        let body = format!("SAMLRequest={}", escape(&BASE64.encode(&message), false));
        if let Ok(unverified) = binding::post(body.as_bytes()).and_then(request::read) {
            prop_assert!(unverified.verify(&party(true), HERE, NOW).is_err());
        }
    }

    /// SI-08, SI-15, SI-02 and SI-05 at any place of a right request.
    #[test]
    fn si_02_what_another_reader_might_read_otherwise_is_refused(at in any::<prop::sample::Index>(), kind in 0_usize..4) {
        let right = draft().xml();
        let (head, rest) = right.split_once("<saml:Issuer>").unwrap();
        let (issuer, tail) = rest.split_once("</saml:Issuer>").unwrap();
        let place = at.index(issuer.len() - 1) + 1;
        let (before, after) = issuer.split_at(place);
        let bent = match kind {
            // Comments and instructions inside a value, an entity, an ID given twice.
            0 => format!("{head}<saml:Issuer>{before}<!-- -->{after}</saml:Issuer>{tail}"),
            1 => format!("{head}<saml:Issuer>{before}<?x?>{after}</saml:Issuer>{tail}"),
            2 => format!("<!DOCTYPE a [<!ENTITY e \"{after}\">]>{head}<saml:Issuer>{before}&e;</saml:Issuer>{tail}"),
            _ => format!("{head}<saml:Issuer ID=\"_request-1\">{issuer}</saml:Issuer>{tail}"),
        };
        let outcome = posted(&bent).and_then(request::read);
        // Refused, or read whole: a value is never shortened.
        if let Ok(unverified) = outcome {
            prop_assert!(kind == 0 && unverified.issuer().0 == issuer, "{bent}");
        }
    }

    /// SI-08: a name is literal, wherever the escape stands.
    #[test]
    fn si_08_an_escaped_name_is_refused(name in "SAMLRequest|RelayState|SigAlg|Signature", at in any::<prop::sample::Index>()) {
                let right = signed_query(&query(&draft().xml(), Some("x")), RSA_SHA256, false, by_party);
        let at = at.index(name.len());
        let escaped = format!("{}%{:02X}{}", &name[..at], name.as_bytes()[at], &name[at + 1..]);
        let bent = right.replace(&format!("{name}="), &format!("{escaped}="));
        prop_assert_eq!(binding::redirect(&bent).map(drop), Err(Reason::Parameters));
        // Beside the plain one, too.
        prop_assert_eq!(binding::redirect(&format!("{right}&{escaped}=y")).map(drop), Err(Reason::Parameters));
    }

    #[test]
    fn no_query_makes_the_reader_panic(query in "[A-Za-z%&=+0-9]{0,80}") {
        prop_assert!(binding::redirect(&query).is_err());
        prop_assert!(binding::post(query.as_bytes()).is_err());
    }
}

proptest! {
    // Each case is a signature by xmlsec, and a line of its on standard error.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// SI-06, SI-07: another key, embedded or not, and another algorithm make no request, whatever else is in it.
    #[test]
    fn si_06_a_signature_by_a_stranger_is_worth_nothing(relay in "[a-z]{0,8}", is_posted in any::<bool>(), sha1 in any::<bool>()) {
        let right = draft().with("ProviderName", &relay);
        let outcome = if is_posted {
            judge(&right.signed(STRANGER), &party(false))
        } else {
            let method = if sha1 { "http://www.w3.org/2000/09/xmldsig#rsa-sha1" } else { RSA_SHA256 };
            let sign = |octets: &[u8]| if sha1 { by_party(octets) } else { STRANGER.sign(octets).unwrap() };
            judge_query(&signed_query(&query(&right.xml(), Some(&relay)), method, false, sign), &party(false))
        };
        let expected = if sha1 && !is_posted { Reason::Algorithm } else { Reason::Signature };
        prop_assert_eq!(outcome, local(expected));
    }
}
