//! The attributes of one record, asked for by name; a refusal names the attribute, never its value.

use time::Date;

use super::envelope::Raw;
use super::file_name::calendar;
use crate::model::{Malformed, Names, SourceKey};

/// Why a record is rejected.
pub(super) type Reason = String;

/// More letters than any name, label or address has.
const LONGEST: usize = 500;

impl Raw {
    /// The values of an attribute that are not empty.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |(known, _): &&(String, Vec<String>)| known == name;
        self.attributes.iter().filter(same).flat_map(|(_, values)| values).map(String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(known, _)| known == name)
    }

    /// The first value, as one line of text.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Reason> {
        let Some(value) = self.all(name).next() else { return Ok(None) };
        if value.len() > LONGEST {
            return Err(format!("{name} is longer than {LONGEST} bytes"));
        }
        let is_break = |c: char| matches!(c, '\t' | '\n' | '\r');
        if value.chars().any(|c| c.is_control() && !is_break(c)) {
            return Err(format!("{name} holds a control character"));
        }
        Ok(Some(if value.contains(is_break) { value.replace(is_break, " ") } else { value.to_owned() }))
    }

    pub(super) fn required(&self, name: &str) -> Result<String, Reason> {
        self.text(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// The key of the record, which its attribute of the same meaning must repeat.
    pub(super) fn key(&self, attribute: &str) -> Result<SourceKey, Reason> {
        let id = self.id.as_deref().filter(|id| !id.is_empty()).ok_or("the identifier is missing")?;
        let key = id.parse().map_err(|e: Malformed| format!("the identifier is {e}"))?;
        match self.all(attribute).next() {
            None => Err(format!("{attribute} is missing")),
            Some(repeated) if repeated == id => Ok(key),
            Some(_) => Err(format!("{attribute} differs from the identifier")),
        }
    }

    pub(super) fn names(&self) -> Result<Names, Reason> {
        Ok(Names {
            family: self.required("sn")?,
            given: self.required("givenName")?,
            birth: self.text("ENTPersonNomPatro")?,
            title: self.text("personalTitle")?,
        })
    }

    /// `DD/MM/YYYY`; nothing where the attribute is empty.
    pub(super) fn date(&self, name: &str) -> Result<Option<Date>, Reason> {
        let Some(value) = self.all(name).next() else { return Ok(None) };
        day(value).map(Some).ok_or_else(|| format!("{name} is not a day written DD/MM/YYYY"))
    }
}

fn day(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (day, month, year, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    if digits(day, 2) && digits(month, 2) && digits(year, 4) && rest.is_none() {
        calendar(year, month, day)
    } else {
        None
    }
}
