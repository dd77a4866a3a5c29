//! Where a person is reached: phones and addresses, normalised, since people type them in many ways.

use std::str::FromStr;

use super::{Malformed, malformed};

/// A telephone number in E.164: `+33639980010`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

impl Phone {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let ok = (6..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if ok { Ok(Self(text.to_owned())) } else { Err(malformed("a phone number in E.164 form")) }
    }
}

/// An e-mail address, trimmed, lower case in its domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mail(String);

impl Mail {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Mail {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = || malformed("an e-mail address");
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, ',' | ';' | '<' | '>' | '"');
        let ok = (1..=64).contains(&local.len())
            && (3..=190).contains(&domain.len())
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !domain.contains("..")
            && local.chars().all(|c| plain(c) && c != '@')
            && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
        if ok { Ok(Self(format!("{local}@{}", domain.to_lowercase()))) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_mail_is_no_mail() {
        assert_eq!("c.exemple@Exemple.FR".parse::<Mail>().unwrap().as_str(), "c.exemple@exemple.fr");
        for wrong in ["", "a", "a@b", "a b@c.fr", "a@@b.fr", "a@.fr", "a@b..fr", "a@b.fr\r\nBcc: x@y.fr"] {
            assert!(wrong.parse::<Mail>().is_err(), "{wrong:?}");
        }
    }
}
