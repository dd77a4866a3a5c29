//! Parameters in `application/x-www-form-urlencoded`, from a query or a body, read strictly.

use std::collections::BTreeMap;

use url::form_urlencoded::Serializer;

/// A request far beyond any honest one is not read at all (HT-03); a query ends much sooner, with the header it is in.
const MAX_LENGTH: usize = 64 * 1024;
const MAX_PARAMETERS: usize = 64;
/// The one parameter that may be given several times (RFC 8707 2).
const MANY: &str = "resource";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the parameters are longer than 64 KiB or more than 64")]
    TooLong,
    #[error("a parameter is not form-urlencoded UTF-8")]
    Encoding,
}

/// Names with their values. A repeated name has none (OP-17), but for those that may be.
#[derive(Default)]
pub struct Form(BTreeMap<String, Vec<String>>);

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
            form.add(name, value);
        }
        Ok(form)
    }

    pub fn add(&mut self, name: String, value: String) {
        self.0.entry(name).or_default().push(value);
    }

    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Whether it is there at all, with whatever value.
    pub fn names(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The value, if it is there once and not empty: a parameter without a value is one left out (RFC 6749 3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.0.get(name).map(Vec::as_slice) {
            Some([value]) if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// Every value of one that may be given several times.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn has_repetition(&self) -> bool {
        self.0.iter().any(|(name, values)| values.len() > 1 && name != MANY)
    }

    /// The same as it travels.
    pub fn encoded(&self) -> String {
        let pairs = self.0.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        Serializer::new(String::new()).extend_pairs(pairs).finish()
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
    fn a_resource_may_be_named_several_times() {
        let form = Form::parse(b"resource=a&resource=b&c=1").unwrap();
        assert!(!form.has_repetition());
        assert_eq!((form.all("resource").collect::<Vec<_>>(), form.get("resource")), (vec!["a", "b"], None));
        assert_eq!(form.encoded(), "c=1&resource=a&resource=b");
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
