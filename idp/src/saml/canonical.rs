//! XML written so that it is already its own exclusive canonical form (Exclusive XML Canonicalization 1.0): what is
//! hashed is what is sent, and no parser stands between.
//!
//! The rules the caller keeps: a prefix is declared on the outermost elements that use it and nowhere else; attributes
//! come in the order of their names. Escaping is done here and cannot be forgotten, for markup has no other way in.

use std::borrow::Cow;

use super::lexis;

#[derive(Debug, Default)]
pub struct Writer(String);

pub type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Writer {
    /// `attributes`: declarations first, then by name.
    pub fn open(&mut self, name: &str, attributes: Attributes) {
        debug_assert!(is_sorted(attributes), "{name}: attributes out of order: {attributes:?}");
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.escape(value, attribute_escape);
            self.0.push('"');
        }
        self.0.push('>');
    }

    pub fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    pub fn text(&mut self, text: &str) {
        self.escape(text, text_escape);
    }

    pub fn empty(&mut self, name: &str, attributes: Attributes) {
        self.open(name, attributes);
        self.close(name);
    }

    pub fn leaf(&mut self, name: &str, attributes: Attributes, text: &str) {
        self.open(name, attributes);
        self.text(text);
        self.close(name);
    }

    /// What another writer wrote.
    pub fn append(&mut self, written: &str) {
        self.0.push_str(written);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn finish(self) -> String {
        self.0
    }

    fn escape(&mut self, text: &str, escape: fn(char) -> Option<&'static str>) {
        let mut rest = text;
        let strange = |c: char| escape(c).is_some() || !lexis::is_char(c);
        while let Some((plain, c, after)) = rest.find(strange).and_then(|at| split_at_char(rest, at)) {
            self.0.push_str(plain);
            self.0.push_str(escape(c).unwrap_or("\u{FFFD}"));
            rest = after;
        }
        self.0.push_str(rest);
    }
}

/// What stands before the character at `at`, the character, and what stands after it.
fn split_at_char(text: &str, at: usize) -> Option<(&str, char, &str)> {
    let (before, from) = text.split_at_checked(at)?;
    let mut characters = from.chars();
    Some((before, characters.next()?, characters.as_str()))
}

/// Canonical XML 1.0, section 2.3: text nodes.
const fn text_escape(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '\r' => "&#xD;",
        _ => return None,
    })
}

/// The same section: attribute nodes.
const fn attribute_escape(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "&amp;",
        '<' => "&lt;",
        '"' => "&quot;",
        '\t' => "&#x9;",
        '\n' => "&#xA;",
        '\r' => "&#xD;",
        _ => return None,
    })
}

fn is_sorted(attributes: Attributes) -> bool {
    let key = |name: &str| -> (u8, Cow<'static, str>) {
        match name.strip_prefix("xmlns") {
            Some(prefix) => (0, prefix.to_owned().into()),
            // The `xml` prefix is the only one used on attributes; names without namespace come before it.
            None if name.contains(':') => (2, name.to_owned().into()),
            None => (1, name.to_owned().into()),
        }
    };
    attributes.is_sorted_by_key(|(name, _)| key(name))
}
