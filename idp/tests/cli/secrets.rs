//! What must not be heard, and an ear for every way of writing it down.

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use memchr::memmem;

/// One thing that is nobody else's, in the forms in which it would be met.
pub struct Secret {
    pub what: String,
    forms: Vec<Vec<u8>>,
}

/// Bytes that somebody wrote.
pub struct Heard {
    raw: Vec<u8>,
    /// The same without line ends and spaces, which may be put anywhere into base64, hexadecimal and lists.
    joined: Vec<u8>,
}

impl Heard {
    pub fn new(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let joined: String = text.replace("\\n", "").chars().filter(|c| !c.is_whitespace()).collect();
        Self { raw: bytes.to_owned(), joined: joined.into_bytes() }
    }

    pub fn has(&self, secret: &Secret) -> bool {
        secret
            .forms
            .iter()
            .any(|form| [&self.raw, &self.joined].into_iter().any(|heard| memmem::find(heard, form).is_some()))
    }
}

impl Secret {
    /// As it stands, escaped for an address too.
    pub fn text(what: &str, text: &str) -> Self {
        assert!(text.len() >= 3, "{what}: {text:?} could be met anywhere");
        let escaped: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let mut forms = vec![text.as_bytes().to_owned(), escaped.into_bytes()];
        forms.extend(encoded(text.as_bytes()));
        Self { what: what.to_owned(), forms }
    }

    fn bytes(what: &str, bytes: &[u8]) -> Self {
        assert!(bytes.len() >= 32, "{what} is short");
        Self { what: what.to_owned(), forms: encoded(bytes) }
    }

    /// A symmetric key as its file holds it.
    pub fn of_base64(what: &str, text: &str) -> Self {
        Self::bytes(what, &BASE64.decode(text.as_bytes()).unwrap())
    }

    /// The private numbers of a key (PKCS#8, with RFC 8017 or RFC 5915 inside); its public ones are no secret.
    pub fn of_pem(what: &str, text: &str) -> Vec<Self> {
        let base64: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = BASE64.decode(base64.as_bytes()).unwrap();
        let inside = |der| items(items(der)[0].1);
        let outer = inside(&der);
        let key = outer.iter().find(|(tag, _)| *tag == OCTETS).unwrap().1;
        let numbers = inside(key);
        let private: Vec<(&str, &[u8])> = if numbers.len() == 2 + PRIVATE_RSA.len() + 1 {
            PRIVATE_RSA.into_iter().zip(numbers[3..].iter().map(|(_, number)| *number)).collect()
        } else {
            vec![("scalar", numbers[1].1)]
        };
        let named = |(name, number): (&str, &[u8])| {
            Self::bytes(&format!("{what}, {name}"), number.strip_prefix(&[0]).unwrap_or(number))
        };
        private.into_iter().map(named).collect()
    }
}

const PRIVATE_RSA: [&str; 6] = ["d", "p", "q", "dp", "dq", "qinv"];
const OCTETS: u8 = 4;

/// The elements of DER that follow one another, by tag and content.
fn items(mut der: &[u8]) -> Vec<(u8, &[u8])> {
    let mut items = Vec::new();
    while let [tag, length, rest @ ..] = der {
        let more = if *length < 0x80 { 0 } else { usize::from(*length & 0x7f) };
        let (long, rest) = rest.split_at(more);
        let long = long.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let (content, after) = rest.split_at(if more == 0 { usize::from(*length) } else { long });
        items.push((*tag, content));
        der = after;
    }
    items
}

/// A part of it, long enough to be nothing else, in each notation. In base64 it looks threefold, by where it begins.
fn encoded(bytes: &[u8]) -> Vec<Vec<u8>> {
    const ENOUGH: usize = 18;
    let Some(head) = bytes.get(..ENOUGH) else { return Vec::new() };
    let decimal = format!("{head:?}");
    let mut forms = vec![head.to_owned()];
    forms.extend([HEXLOWER.encode(head), HEXUPPER.encode(head)].map(String::into_bytes));
    forms.push(decimal.replace(' ', "").trim_matches(['[', ']']).as_bytes().to_owned());
    for start in 0..3 {
        if let Some(part) = bytes.get(start..start + ENOUGH) {
            let base64 = BASE64.encode(part);
            forms.push(base64.replace('+', "-").replace('/', "_").into_bytes());
            forms.push(base64.into_bytes());
        }
    }
    forms
}
