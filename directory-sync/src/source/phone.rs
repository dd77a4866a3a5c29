//! Numbers that can receive a text, from the many ways in which families' phones are written (AAF pitfall 7).

use phonenumber::{Mode, Type};

use crate::model::Phone;

/// The number in E.164, or nothing: a land line, a wrong number, words.
pub(super) fn mobile(text: &str) -> Option<Phone> {
    let digits = dialled(text)?;
    if let Some(rest) = digits.strip_prefix("+33") {
        return french(rest.trim_start_matches('0'));
    }
    if digits.starts_with('+') {
        return foreign(&digits);
    }
    match (digits.len(), digits.strip_prefix('0')) {
        (10, Some(rest)) => french(rest),
        // A spreadsheet ate the zero, or a form the plus sign.
        (9, None) => french(&digits),
        (11, None) => french(digits.strip_prefix("33")?),
        _ => None,
    }
}

/// Digits and a leading `+`, without what people put between them.
fn dialled(text: &str) -> Option<String> {
    let text = text.replace("(0)", "");
    let mut digits = String::with_capacity(16);
    for letter in text.trim().chars() {
        match letter {
            '0'..='9' => digits.push(letter),
            '+' if digits.is_empty() => digits.push('+'),
            ' ' | '.' | '-' | '/' | '(' | ')' | '\u{A0}' | '\u{202F}' => {}
            _ => return None,
        }
    }
    Some(match digits.strip_prefix("00") {
        Some(rest) if digits.len() > 10 => format!("+{rest}"),
        _ => digits,
    })
}

/// Nine digits of the French plan. Mobiles overseas are dialled from France as `06 9X`, and have a country code of
/// their own; 06 39 is Mayotte's, but for the numbers kept for fiction (06 39 98).
fn french(rest: &str) -> Option<Phone> {
    if rest.len() != 9 || !rest.starts_with(['6', '7']) {
        return None;
    }
    let country = match rest.get(..3)? {
        "690" | "691" => "590",
        "692" | "693" => "262",
        "694" => "594",
        "696" | "697" => "596",
        "639" if !rest.starts_with("63998") => "262",
        _ => "33",
    };
    let subscriber = rest.get(1..)?;
    let filler = subscriber.chars().all(|digit| subscriber.starts_with(digit));
    if filler { None } else { format!("+{country}{rest}").parse().ok() }
}

fn foreign(digits: &str) -> Option<Phone> {
    if digits.len() > 16 {
        return None;
    }
    let number = phonenumber::parse(None, digits).ok()?;
    let kind = number.number_type(&phonenumber::metadata::DATABASE);
    let texts = number.is_valid() && matches!(kind, Type::Mobile | Type::FixedLineOrMobile);
    if texts { number.format().mode(Mode::E164).to_string().parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        mobile(text).map(|phone| phone.as_str().to_owned())
    }

    #[test]
    fn one_number_is_the_same_however_it_is_written() {
        for written in [
            "+33 6 39 98 00 10",
            "0639980010",
            "06.39.98.00.10",
            "06-39-98-00-10",
            "+33 06 39 98 00 10",
            "+33 (0)6 39 98 00 10",
            "0033639980010",
            "33639980010",
            "639980010",
            " 06 39\u{A0}98 00 10 ",
        ] {
            assert_eq!(read(written).as_deref(), Some("+33639980010"), "{written:?}");
        }
    }

    #[test]
    fn numbers_overseas_and_abroad_keep_their_country() {
        assert_eq!(read("0692 12 34 56").as_deref(), Some("+262692123456"));
        assert_eq!(read("+33 6 90 12 34 56").as_deref(), Some("+590690123456"));
        assert_eq!(read("+262 692 12 34 56").as_deref(), Some("+262692123456"));
        assert_eq!(read("+32 470 00 00 02").as_deref(), Some("+32470000002"));
        assert_eq!(read("00 32 470 00 00 02").as_deref(), Some("+32470000002"));
    }

    #[test]
    fn a_land_line_or_a_filler_is_no_number_for_texts() {
        for written in [
            "",
            "+33 2 99 00 00 10",
            "0299000010",
            "0000000000",
            "0600000000",
            "+32 2 123 45 67",
            "voir mère",
            "06 39 98",
            "+",
            "06399800100",
        ] {
            assert_eq!(read(written), None, "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_does_not_panic(text in "[+0-9 ./()-]{0,24}|\\PC{0,20}") {
            let _ = mobile(&text);
        }
    }
}
