//! What an account is called by its owner: `c.exemple12`.

use std::fmt;
use std::str::FromStr;

use crate::domain::spelling;

/// Easy to type on a telephone, to read from a letter and to say aloud: lower case ASCII letters, digits, `.` and `-`.
///
/// Has no `Debug` that shows it: a login is personal and does not belong in a log (AU-02).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login(String);

/// The text is no login; which text is not said, it may be a password typed into the wrong field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a login has at most {} letters without accents, digits, dots and hyphens", Login::LONGEST)]
pub struct NotALogin;

impl Login {
    pub const LONGEST: usize = 32;

    const FAMILY_NAME_AT_MOST: usize = 20;

    /// For names that hold no Latin letter: says nothing, stays typable.
    const NEUTRAL: &str = "compte";

    /// The login of someone called so. `number` is drawn by the caller, widely enough that a login tells neither how
    /// many people share a name nor who came first; the store refuses one already given and the caller draws again.
    #[must_use]
    pub fn generate(given_name: &str, family_name: &str, number: u32) -> Self {
        let given = letters(given_name);
        let family = letters(family_name);
        let stem = match (given.chars().next(), family.is_empty()) {
            (Some(initial), false) => format!("{initial}.{}", cut(&family)),
            (None, false) => cut(&family).to_owned(),
            (Some(_), true) => cut(&given).to_owned(),
            (None, true) => Self::NEUTRAL.to_owned(),
        };
        Self(format!("{stem}{number}"))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Digits in a name would be taken for a part of the number.
fn letters(name: &str) -> String {
    spelling::plain(name).chars().filter(char::is_ascii_alphabetic).collect()
}

fn cut(letters: &str) -> &str {
    letters.get(..Login::FAMILY_NAME_AT_MOST).unwrap_or(letters)
}

impl FromStr for Login {
    type Err = NotALogin;

    /// In any case and with spaces around, as a telephone's keyboard writes it (journeys, input kindness).
    fn from_str(text: &str) -> Result<Self, NotALogin> {
        let text = text.trim();
        let fits = (1..=Self::LONGEST).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
            && text.bytes().any(|b| b.is_ascii_alphanumeric());
        if fits { Ok(Self(text.to_ascii_lowercase())) } else { Err(NotALogin) }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn generated(given: &str, family: &str) -> String {
        Login::generate(given, family, 12).to_string()
    }

    #[test]
    fn a_login_is_the_initial_the_family_name_and_a_number() {
        assert_eq!(generated("Camille", "EXEMPLE"), "c.exemple12");
    }

    #[test]
    fn accents_ligatures_particles_and_separators_leave_letters_only() {
        assert_eq!(generated("Élodie|Marie", "d’Œuvray"), "e.doeuvray12");
        assert_eq!(generated("Jörg", "Groß-Müller"), "j.grossmuller12");
        assert_eq!(generated("œil", "de La Tour"), "o.delatour12");
        assert_eq!(generated("Ana|Lucia", "N'Diaye"), "a.ndiaye12");
    }

    #[test]
    fn a_very_long_family_name_is_cut() {
        assert_eq!(generated("Zoé", "Vandenberghe-Rakotomalalatiana"), "z.vandenbergherakotoma12");
    }

    #[test]
    fn a_name_without_latin_letters_gets_a_neutral_stem() {
        assert_eq!(generated("明", "李"), "compte12");
        assert_eq!(generated("", "Exemple"), "exemple12");
        assert_eq!(generated("Camille", "李"), "camille12");
        assert_eq!(generated("3", "Exemple2"), "exemple12");
    }

    #[test]
    fn case_and_surrounding_spaces_do_not_matter() {
        assert_eq!(" C.Exemple12\u{a0}".parse(), "c.exemple12".parse::<Login>());
        assert_eq!("c.exemple12".parse::<Login>().unwrap().as_str(), "c.exemple12");
    }

    #[test]
    fn what_no_account_can_be_called_is_not_a_login() {
        for text in ["", " ", ".", "-.-", "c exemple", "c.éxemple", "c@exemple.fr", "c.exemple12\0", &"a".repeat(33)] {
            assert_eq!(text.parse::<Login>(), Err(NotALogin), "{text:?}");
        }
    }

    #[test]
    fn neither_the_login_nor_its_refusal_shows_the_text() {
        let login: Login = "c.exemple12".parse().unwrap();
        assert_eq!(format!("{login:?}"), "Login(..)");
        assert!(!"mot de passe".parse::<Login>().unwrap_err().to_string().contains("mot de passe"));
    }

    proptest! {
        #[test]
        fn a_generated_login_is_read_back_as_itself(given in ".*", family in ".*", number: u32) {
            let login = Login::generate(&given, &family, number);
            prop_assert!(login.as_str().len() <= Login::LONGEST);
            prop_assert_eq!(login.as_str().parse::<Login>(), Ok(login.clone()));
        }

        #[test]
        fn reading_never_panics_and_what_it_accepts_is_stable(text in ".*") {
            if let Ok(login) = text.parse::<Login>() {
                prop_assert_eq!(login.as_str().parse::<Login>(), Ok(login.clone()));
            }
        }
    }
}
