//! What was told of one record, asked for by name; a refusal names the attribute, never its value.

use time::Date;

use super::file_name::calendar;
use crate::incoming::{Attribute, Source, Told};
use crate::model::{Malformed, Names, SourceKey};

/// Why a record is rejected.
pub(super) type Reason = String;

/// More letters than any name, label or address has.
const LONGEST: usize = 500;

/// Told attributes of one source. They are asked for by their name in secondary schools' deliveries.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) source: Source,
    pub(super) told: &'a Told,
}

impl<'a> Fields<'a> {
    /// The values of an attribute, none of them empty.
    pub(super) fn all(self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.told.all(name)
    }

    /// The attribute as this source's files write it.
    pub(super) fn spelled(self, name: &'static str) -> &'static str {
        Attribute::named(name).map_or(name, |attribute| attribute.name_in(self.source.stage))
    }

    /// The first value, as one line of text.
    pub(super) fn text(self, name: &'static str) -> Result<Option<String>, Reason> {
        let Some(value) = self.all(name).next() else { return Ok(None) };
        if value.len() > LONGEST {
            return Err(format!("{} is longer than {LONGEST} bytes", self.spelled(name)));
        }
        let is_break = |c: char| matches!(c, '\t' | '\n' | '\r');
        if value.chars().any(|c| c.is_control() && !is_break(c)) {
            return Err(format!("{} holds a control character", self.spelled(name)));
        }
        Ok(Some(if value.contains(is_break) { value.replace(is_break, " ") } else { value.to_owned() }))
    }

    pub(super) fn required(self, name: &'static str) -> Result<String, Reason> {
        self.text(name)?.ok_or_else(|| format!("{} is missing", self.spelled(name)))
    }

    pub(super) fn names(self) -> Result<Names, Reason> {
        Ok(Names {
            family: self.required("sn")?,
            given: self.required("givenName")?,
            birth: self.text("ENTPersonNomPatro")?,
            title: self.text("personalTitle")?,
        })
    }

    /// `DD/MM/YYYY`; nothing where the attribute is empty.
    pub(super) fn date(self, name: &'static str) -> Result<Option<Date>, Reason> {
        let Some(value) = self.all(name).next() else { return Ok(None) };
        day(value).map(Some).ok_or_else(|| format!("{name} is not a day written DD/MM/YYYY"))
    }
}

/// The key of a person or a school, under which the source's keys collide with no other's (AAF pitfall 4).
pub(super) fn key_of(source: Source, text: &str) -> Result<SourceKey, Malformed> {
    if source.private { format!("P{text}").parse() } else { text.parse() }
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
