//! Parameters in `application/x-www-form-urlencoded`, from a query or a body, read strictly.

use std::collections::{BTreeMap, BTreeSet};

/// As much as a query may hold (SI-01); a request far beyond any honest one is not read at all.
const MAX_LENGTH: usize = 16 * 1024;
const MAX_PARAMETERS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the parameters are longer than 16 KiB or more than 64")]
    TooLong,
    #[error("a parameter is not form-urlencoded UTF-8")]
    Encoding,
}

/// Names with their values, each once. Repeated names are remembered without a value (OP-17).
#[derive(Default)]
pub struct Form {
    values: BTreeMap<String, String>,
    repeated: BTreeSet<String>,
}

impl Form {
    pub fn parse(raw: &[u8]) -> Result<Self, Unreadable> {
        if raw.len() > MAX_LENGTH {
            return Err(Unreadable::TooLong);
        }
        let mut form = Self::default();
        let pairs = raw.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        for (count, pair) in pairs.enumerate() {
            if count == MAX_PARAMETERS {
                return Err(Unreadable::TooLong);
            }
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(parts.next().unwrap_or_default())?;
            let value = decode(parts.next().unwrap_or_default())?;
            if form.values.insert(name.clone(), value).is_some() {
                form.repeated.insert(name);
            }
        }
        for name in &form.repeated {
            form.values.remove(name);
        }
        Ok(form)
    }

    /// The value, if it is there once and not empty: a parameter without a value is one left out (RFC 6749 3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn has_repetition(&self) -> bool {
        !self.repeated.is_empty()
    }
}

/// One name or value. Lenient readers turn a broken escape into other text; here it is refused, so that what is compared
/// is what was sent.
pub fn decode(text: &[u8]) -> Result<String, Unreadable> {
    let mut bytes = text.iter();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next(), bytes.next()].map(|digit| digit.copied().and_then(hex_digit));
                match digits {
                    [Some(high), Some(low)] => high << 4 | low,
                    _ => return Err(Unreadable::Encoding),
                }
            }
            other => *other,
        });
    }
    String::from_utf8(decoded).map_err(|_| Unreadable::Encoding)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// `VSCHAR`: what identifiers, codes and secrets are made of (RFC 6749 appendix A).
pub fn is_visible_ascii(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_decoded_and_empty_ones_count_as_left_out() {
        let form = Form::parse(b"a=1+2&b=%C3%A9%2b&c=&d&&e=x=y").unwrap();
        assert_eq!(form.get("a"), Some("1 2"));
        assert_eq!(form.get("b"), Some("é+"));
        assert_eq!(form.get("c"), None);
        assert_eq!(form.get("d"), None);
        assert_eq!(form.get("e"), Some("x=y"));
        assert!(!form.has_repetition());
    }

    #[test]
    fn op_17_a_repeated_parameter_has_no_value_however_it_is_written() {
        for raw in ["a=1&a=1", "a=1&%61=2", "a=&a=1"] {
            let form = Form::parse(raw.as_bytes()).unwrap();
            assert!(form.has_repetition(), "{raw}");
            assert_eq!(form.get("a"), None, "{raw}");
        }
    }

    #[test]
    fn what_is_not_form_urlencoded_utf_8_is_refused() {
        for raw in ["a=%", "a=%4", "a=%zz", "%=1", "a=%FF", "a=%C3"] {
            assert_eq!(Form::parse(raw.as_bytes()).err(), Some(Unreadable::Encoding), "{raw}");
        }
        assert_eq!(Form::parse(b"a=\xff").err(), Some(Unreadable::Encoding));
    }

    #[test]
    fn length_and_number_are_bounded() {
        assert!(Form::parse(&vec![b'a'; MAX_LENGTH]).is_ok());
        assert_eq!(Form::parse(&vec![b'a'; MAX_LENGTH + 1]).err(), Some(Unreadable::TooLong));
        let many = |count: usize| (0..count).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert!(Form::parse(many(MAX_PARAMETERS).as_bytes()).is_ok());
        assert_eq!(Form::parse(many(MAX_PARAMETERS + 1).as_bytes()).err(), Some(Unreadable::TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Form::parse(&raw);
        }

        #[test]
        fn what_a_client_encodes_comes_back(value in "\\PC{1,40}") {
            let raw = serde_urlencoded::to_string([("v", &value)]).unwrap();
            let form = Form::parse(raw.as_bytes()).unwrap();
            prop_assert_eq!(form.get("v"), Some(value.as_str()));
        }
    }
}
