//! The name of a certificate's subject as people write it (RFC 4514).

use data_encoding::HEXLOWER_PERMISSIVE;
use x509_parser::asn1_rs::ToDer as _;
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

/// Names of attributes, of RFC 4514 3 and beyond it what authorities put into certificates.
const KNOWN: [(&str, &str); 18] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("TITLE", "2.5.4.12"),
    ("GN", "2.5.4.42"),
    ("DNQUALIFIER", "2.5.4.46"),
    ("PSEUDONYM", "2.5.4.65"),
    ("ORGANIZATIONIDENTIFIER", "2.5.4.97"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
    ("E", "1.2.840.113549.1.9.1"),
];
const MAX_LENGTH: usize = 1024;

/// Parts in the order of the text, which is the reverse of the certificate's; none is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistinguishedName(Vec<Vec<Attribute>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Attribute {
    /// In dots.
    kind: String,
    value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    /// `#` and the value's own encoding.
    Encoded(Vec<u8>),
}

impl DistinguishedName {
    /// `None` for what is no name, or one of nothing: every certificate without a subject would bear it.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let part = |part: &str| parts(part, '+').into_iter().map(attribute).collect::<Option<Vec<_>>>();
        parts(text, ',').into_iter().map(part).collect::<Option<Vec<_>>>().map(Self)
    }

    pub fn is_of(&self, name: &X509Name<'_>) -> bool {
        let of_certificate: Vec<_> = name.iter_rdn().collect();
        self.0.len() == of_certificate.len()
            && self.0.iter().zip(of_certificate.into_iter().rev()).all(|(part, other)| is_part(part, other))
    }
}

/// A part is a set: its order says nothing.
fn is_part(part: &[Attribute], other: &RelativeDistinguishedName<'_>) -> bool {
    let others: Vec<_> = other.iter().collect();
    let is_borne = |attribute: &Attribute| others.iter().any(|other| is_attribute(attribute, other));
    let is_asked = |other: &&AttributeTypeAndValue<'_>| part.iter().any(|attribute| is_attribute(attribute, other));
    part.len() == others.len() && part.iter().all(is_borne) && others.iter().all(is_asked)
}

fn is_attribute(attribute: &Attribute, other: &AttributeTypeAndValue<'_>) -> bool {
    let is_value = match &attribute.value {
        Value::Text(text) => other.as_str().is_ok_and(|other| other == text),
        Value::Encoded(der) => other.attr_value().to_der_vec().is_ok_and(|other| other == *der),
    };
    is_value && attribute.kind == other.attr_type().to_id_string()
}

/// Parted where the separator is not escaped.
fn parts(text: &str, separator: char) -> Vec<&str> {
    let (mut is_escaped, mut from, mut found) = (false, 0, Vec::new());
    for (at, character) in text.char_indices() {
        if character == separator && !is_escaped {
            found.extend(text.get(from..at));
            from = at + separator.len_utf8();
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    found.extend(text.get(from..));
    found
}

fn attribute(text: &str) -> Option<Attribute> {
    let (kind, value) = text.split_once('=')?;
    let kind = kind.trim_matches(' ');
    let is_dotted = kind.contains('.') && kind.split('.').all(|part| part.parse::<u64>().is_ok());
    let known = KNOWN.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)).map(|(_, dots)| dots);
    let kind = known.or_else(|| is_dotted.then_some(kind))?.to_owned();
    // Spaces around a separator are nobody's, as RFC 2253 allowed them.
    let value = value.trim_start_matches(' ');
    let value = match value.strip_prefix('#') {
        Some(hex) => Value::Encoded(
            HEXLOWER_PERMISSIVE.decode(hex.trim_end_matches(' ').as_bytes()).ok().filter(|v| !v.is_empty())?,
        ),
        None => Value::Text(unescaped(value)?),
    };
    Some(Attribute { kind, value })
}

/// RFC 4514 3: `\` before a character that would mean something, or before two hexadecimal digits of a byte.
fn unescaped(text: &str) -> Option<String> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let is_escaped = byte == b'\\';
        match (byte, is_escaped.then(|| rest.next())) {
            (_, Some(None)) | (b'"' | b'+' | b',' | b';' | b'<' | b'>' | 0, None) => return None,
            (_, Some(Some(special))) if b" \"#+,;<=>\\".contains(&special) => bytes.push(special),
            (_, Some(Some(high))) => bytes.extend(HEXLOWER_PERMISSIVE.decode(&[high, rest.next()?]).ok()?),
            (plain, None) => bytes.push(plain),
        }
        if is_escaped || byte != b' ' {
            length = bytes.len();
        }
    }
    bytes.truncate(length);
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}
