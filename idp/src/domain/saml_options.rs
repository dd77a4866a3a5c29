//! How one SAML party wants its answers where the usual ones do not suit it.
//!
//! Set by an operator and never by metadata, so that reading a party's metadata again leaves them alone. Each option has
//! a key and a value in one word, the same in the command, in what is shown and in these types.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::Duration;

use super::relying_party::NameIdFormat;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamlOptions {
    pub encrypt: Encrypt,
    pub sign: Sign,
    pub signature: Signature,
    /// `NameFormat` of every attribute; `None` for the one that the name's shape calls for.
    pub name_format: Option<NameFormat>,
    /// Where the request asks for none (SO-04); `None` for what the metadata says.
    pub name_id: Option<NameIdFormat>,
    pub clock_margin: ClockMargin,
    /// Minutes after which the party ends its own session, at the latest; never longer than ours.
    pub session: Option<u32>,
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $($(#[$of])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            const WORDS: &'static [&'static str] = &[$($word),+];

            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $name {
            type Err = Unfit;

            fn from_str(word: &str) -> Result<Self, Unfit> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Unfit::Value(Self::WORDS.join(", "))),
                }
            }
        }
    };
}

words! {
    /// SO-03.
    #[derive(Default)]
    Encrypt {
        /// Whenever the party publishes a key that can be encrypted for.
        #[default]
        Auto = "auto",
        Never = "never",
        /// Nothing is told in clear: without a key there is no answer.
        Required = "required",
    }
}

words! {
    /// Which of the two elements carry a signature. A party that says `WantAssertionsSigned` gets that one in any case.
    #[derive(Default)]
    Sign {
        #[default]
        Both = "both",
        Response = "response",
        Assertion = "assertion",
    }
}

words! {
    /// Not every library knows ECDSA, so nobody gets it without having asked.
    #[derive(Default)]
    Signature {
        #[default]
        RsaSha256 = "rsa-sha256",
        EcdsaSha256 = "ecdsa-sha256",
    }
}

words! {
    NameFormat { Uri = "uri", Basic = "basic", Unspecified = "unspecified" }
}

/// By how many seconds `NotBefore` is set back: some parties compare with their own clock without tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClockMargin(u32);

impl Default for ClockMargin {
    fn default() -> Self {
        Self(300)
    }
}

impl ClockMargin {
    const MOST: u32 = 3600;

    pub fn duration(self) -> Duration {
        Duration::seconds(self.0.into())
    }
}

/// Why an option was not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("there is no such option; there are {}", SamlOptions::KEYS.join(", "))]
    Key,
    #[error("the value is one of {0}")]
    Value(String),
}

/// Takes an option back.
const USUAL: &str = "usual";
const SESSION_MINUTES: std::ops::RangeInclusive<u32> = 5..=1440;

impl SamlOptions {
    pub const KEYS: [&'static str; 7] =
        ["encrypt", "sign", "signature", "name-format", "name-id", "clock-margin", "session"];

    /// One option, from its key and value; `usual` takes it back.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Unfit> {
        match key {
            "encrypt" => self.encrypt = or_usual(value)?.unwrap_or_default(),
            "sign" => self.sign = or_usual(value)?.unwrap_or_default(),
            "signature" => self.signature = or_usual(value)?.unwrap_or_default(),
            "name-format" => self.name_format = or_usual(value)?,
            "name-id" => self.name_id = if value == USUAL { None } else { Some(name_id(value)?) },
            "clock-margin" if value == USUAL => self.clock_margin = ClockMargin::default(),
            "clock-margin" => self.clock_margin = ClockMargin(number(value, 0..=ClockMargin::MOST)?),
            "session" => self.session = if value == USUAL { None } else { Some(number(value, SESSION_MINUTES)?) },
            _ => return Err(Unfit::Key),
        }
        Ok(())
    }

    /// Every key with its value, in the order of `KEYS`.
    pub fn values(&self) -> [(&'static str, String); 7] {
        let name_id = self.name_id.map_or(USUAL, NameIdFormat::word);
        let [encrypt, sign, signature, name_format, name, clock_margin, session] = Self::KEYS;
        [
            (encrypt, self.encrypt.word().to_owned()),
            (sign, self.sign.word().to_owned()),
            (signature, self.signature.word().to_owned()),
            (name_format, self.name_format.map_or(USUAL, NameFormat::word).to_owned()),
            (name, name_id.to_owned()),
            (clock_margin, self.clock_margin.0.to_string()),
            (session, self.session.map_or_else(|| USUAL.to_owned(), |minutes| minutes.to_string())),
        ]
    }
}

fn or_usual<T: FromStr<Err = Unfit>>(word: &str) -> Result<Option<T>, Unfit> {
    if word == USUAL { Ok(None) } else { word.parse().map(Some) }
}

fn name_id(word: &str) -> Result<NameIdFormat, Unfit> {
    let known = [NameIdFormat::Persistent, NameIdFormat::Transient];
    let found = known.into_iter().find(|format| format.word() == word);
    found.ok_or_else(|| Unfit::Value(known.map(NameIdFormat::word).join(", ")))
}

fn number(text: &str, range: std::ops::RangeInclusive<u32>) -> Result<u32, Unfit> {
    let fits = text.parse().ok().filter(|number| range.contains(number));
    fits.ok_or_else(|| Unfit::Value(format!("{} to {}", range.start(), range.end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_set_shown_and_taken_back() {
        let values = ["required", "assertion", "ecdsa-sha256", "basic", "transient", "600", "60"];
        let mut options = SamlOptions::default();
        for (key, value) in SamlOptions::KEYS.into_iter().zip(values) {
            options.set(key, value).unwrap();
        }
        let shown: Vec<_> = options.values().into_iter().map(|(_, value)| value).collect();
        assert_eq!(shown, values);
        let stored = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<SamlOptions>(&stored).unwrap(), options);
        for key in SamlOptions::KEYS {
            options.set(key, "usual").unwrap();
        }
        assert_eq!(options, SamlOptions::default());
        assert_eq!(serde_json::from_str::<SamlOptions>("{}").unwrap(), options);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        let mut options = SamlOptions::default();
        for (key, value, fits) in [
            ("encrypt", "yes", "auto, never, required"),
            ("sign", "", "both, response, assertion"),
            ("signature", "rsa-sha1", "rsa-sha256, ecdsa-sha256"),
            ("name-format", "URI", "uri, basic, unspecified"),
            ("name-id", "emailAddress", "persistent, transient"),
            ("clock-margin", "3601", "0 to 3600"),
            ("clock-margin", "-1", "0 to 3600"),
            ("session", "4", "5 to 1440"),
        ] {
            assert_eq!(options.set(key, value), Err(Unfit::Value(fits.to_owned())), "{key}={value}");
        }
        assert_eq!(options.set("colour", "blue"), Err(Unfit::Key));
        assert_eq!(options, SamlOptions::default());
    }
}
