//! Who is meant, and by whose key: academies, stages, the keys of deliveries, national codes of schools.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Malformed, malformed};

/// An academy by its number: `13`, `013` and `1`/`01` are spellings of the same integer (AAF pitfall 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Academy(pub(super) u16);

impl Academy {
    /// The number, 0 to 999, as relying parties compare it.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl FromStr for Academy {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let text = text.trim();
        if text.is_empty() || text.len() > 3 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(malformed("an academy code of 1 to 3 digits"));
        }
        text.parse().map(Self).map_err(|_| malformed("an academy code of 1 to 3 digits"))
    }
}

impl fmt::Display for Academy {
    /// Without padding: the form that `FrEduCtRefId` readers look up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// 1er degré (écoles) or 2d degré (collèges, lycées); each has its own deliveries and its own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    #[serde(rename = "1d")]
    Primary,
    #[serde(rename = "2d")]
    Secondary,
}

impl Stage {
    /// `1d` or `2d`, as in file names and attribute values.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Primary => "1d",
            Self::Secondary => "2d",
        }
    }
}

impl FromStr for Stage {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "1d" | "1D" => Ok(Self::Primary),
            "2d" | "2D" => Ok(Self::Secondary),
            _ => Err(malformed("a stage, 1d or 2d")),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// `identifier/id` = `ENTPersonJointure` (or `ENTStructureJointure`): the key of a record inside one academy's
/// deliveries of one stage. 1 to 40 letters, digits, `_`, `.` or `-`; kept as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceKey(String);

impl SourceKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SourceKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let ok = !text.is_empty()
            && text.len() <= 40
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if ok { Ok(Self(text.to_owned())) } else { Err(malformed("a record key of 1 to 40 letters or digits")) }
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! record_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        /// Text form `<academy>-<stage>-<source key>`, for example `14-2d-7100001`: derived from the delivery
        /// alone, so that a directory rebuilt from nothing gives the same identifiers.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name {
            academy: Academy,
            stage: Stage,
            key: SourceKey,
        }

        impl $name {
            pub const fn new(academy: Academy, stage: Stage, key: SourceKey) -> Self {
                Self { academy, stage, key }
            }

            pub const fn academy(&self) -> Academy {
                self.academy
            }

            pub const fn stage(&self) -> Stage {
                self.stage
            }

            /// The key exactly as in the delivery.
            pub const fn key(&self) -> &SourceKey {
                &self.key
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                let wrong = malformed("an identifier like 14-2d-7100001");
                let (academy, rest) = text.split_once('-').ok_or_else(|| wrong.clone())?;
                let (stage, key) = rest.split_once('-').ok_or(wrong)?;
                Ok(Self { academy: academy.parse()?, stage: stage.parse()?, key: key.parse()? })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}-{}-{}", self.academy, self.stage, self.key)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Malformed;

            fn try_from(text: String) -> Result<Self, Malformed> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

record_id!(
    /// A person of the directory.
    PersonId
);
record_id!(
    /// A school of the directory.
    SchoolId
);

/// `ENTStructureUAI`: 7 digits and a check letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Uai(String);

impl Uai {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a UAI as a delivery writes it: the shape is required, the check letter is not, since the ENT holds the
    /// same delivery and compares the same text. `has_valid_letter` tells the importer whether to warn.
    pub fn as_delivered(text: &str) -> Result<Self, Malformed> {
        let bytes = text.as_bytes();
        let shape = bytes.len() == 8
            && bytes.iter().take(7).all(u8::is_ascii_digit)
            && bytes.last().is_some_and(u8::is_ascii_uppercase);
        if shape { Ok(Self(text.to_owned())) } else { Err(malformed("a UAI of 7 digits and a letter")) }
    }

    /// Whether the letter is the remainder of the number by 23, in the alphabet without i, o and q.
    pub fn has_valid_letter(&self) -> bool {
        const LETTERS: &[u8; 23] = b"ABCDEFGHJKLMNPRSTUVWXYZ";
        let (digits, letter) = self.0.split_at(7);
        digits
            .parse::<usize>()
            .ok()
            .and_then(|number| LETTERS.get(number % LETTERS.len()))
            .is_some_and(|expected| letter.as_bytes() == [*expected])
    }
}

impl FromStr for Uai {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let uai = Self::as_delivered(text)?;
        if uai.has_valid_letter() { Ok(uai) } else { Err(malformed("a UAI whose letter fits its number")) }
    }
}

impl fmt::Display for Uai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_of_an_academy_are_one() {
        let spelled: Vec<Academy> = ["1", "01", "001"].iter().map(|t| t.parse().unwrap()).collect();
        assert!(spelled.iter().all(|a| a.to_string() == "1"));
        assert!("".parse::<Academy>().is_err());
        assert!("0013".parse::<Academy>().is_err());
        assert!("+13".parse::<Academy>().is_err());
    }

    #[test]
    fn a_uai_is_checked_by_its_letter_but_read_as_delivered() {
        assert!("0750655E".parse::<Uai>().is_ok());
        assert!("0750655F".parse::<Uai>().is_err());
        assert!(!Uai::as_delivered("0123456A").unwrap().has_valid_letter());
        assert!(Uai::as_delivered("123456A").is_err());
        assert!(Uai::as_delivered("075065éE").is_err());
    }

    #[test]
    fn a_person_id_says_where_it_comes_from() {
        let id: PersonId = "14-2d-7100001".parse().unwrap();
        assert_eq!(id.to_string(), "14-2d-7100001");
        assert_eq!(id.key().as_str(), "7100001");
        assert!("14-3d-1".parse::<PersonId>().is_err());
        assert!("14-2d-".parse::<PersonId>().is_err());
    }
}
