//! The rules for a password of one's own (LS-02, journeys "Lifetimes and limits").

use std::fmt;

use time::Date;
use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

use super::{Password, ProvisionalPassword};
use crate::domain::login::Login;
use crate::domain::spelling;

const SHORTEST: usize = 12;
const LONGEST: usize = 128;

/// As far as zxcvbn reads: its time grows with the square, and what is good so far does not get worse.
const JUDGED: usize = 48;

/// What French families choose most, folded, the most frequent first: zxcvbn only knows English.
const FREQUENT: &str = include_str!("frequent.txt");

/// Whose password it is to be: what a guesser would try first.
#[derive(Debug, Default)]
pub struct About<'a> {
    pub login: Option<&'a Login>,
    /// Given and family names, the person's and the children's.
    pub names: &'a [&'a str],
    pub birth_dates: &'a [Date],
    pub phones: &'a [&'a str],
    /// The service, the school.
    pub services: &'a [&'a str],
    /// The password used so far, provisional or not, where the request still holds it.
    pub previous: Option<&'a Password>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRefusal {
    TooShort { count: usize },
    TooLong { count: usize },
    Common,
    ContainsSelf,
    SameAsBefore,
}

/// A password that [`check`] accepted.
#[derive(Clone)]
pub struct Acceptable(Password);

impl Acceptable {
    #[must_use]
    pub fn as_password(&self) -> &Password {
        &self.0
    }

    #[must_use]
    pub fn into_password(self) -> Password {
        self.0
    }
}

impl fmt::Debug for Acceptable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptable(..)")
    }
}

/// May this password be chosen? Some need ten milliseconds of computing: not for a thread that serves others.
pub fn check(password: Password, about: &About<'_>) -> Result<Acceptable, PasswordRefusal> {
    let count = password.length();
    if count < SHORTEST {
        return Err(PasswordRefusal::TooShort { count });
    }
    if count > LONGEST {
        return Err(PasswordRefusal::TooLong { count });
    }
    if about.previous.is_some_and(|previous| same(&password, previous)) {
        return Err(PasswordRefusal::SameAsBefore);
    }
    let text = Zeroizing::new(spelling::plain(password.as_str()));
    if contains_self(&password, &text, about) {
        return Err(PasswordRefusal::ContainsSelf);
    }
    if is_common(&password, &text, about) {
        return Err(PasswordRefusal::Common);
    }
    Ok(Acceptable(password))
}

/// A provisional password is the same in all its spellings.
fn same(password: &Password, previous: &Password) -> bool {
    let provisional = |p| ProvisionalPassword::read(p).map(|p| Zeroizing::new(p.text().to_owned()));
    password.as_bytes() == previous.as_bytes()
        || provisional(password).is_some_and(|new| provisional(previous).is_some_and(|old| *new == *old))
}

fn contains_self(password: &Password, text: &str, about: &About<'_>) -> bool {
    let login = about.login.map(|login| spelling::plain(login.as_str()));
    // Of three letters a name is refused as a word only: Noé may like canoes.
    let words = spelling::words(password.as_str());
    let holds_name = about.names.iter().flat_map(|name| {
        let mut parts = spelling::words(name);
        parts.push(spelling::plain(name));
        parts
    });
    login.is_some_and(|login| login.len() > 3 && text.contains(&login))
        || holds_name.into_iter().any(|part| match part.len() {
            0..=2 => false,
            3 => words.contains(&part),
            _ => text.contains(&part),
        })
        || about.birth_dates.iter().flat_map(|date| spellings(*date)).any(|spelling| text.contains(&spelling))
        || about.phones.iter().filter_map(|phone| national_number(phone)).any(|number| text.contains(&number))
}

/// The date as people write it, once the separators are gone.
fn spellings(date: Date) -> Vec<String> {
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let short = year.rem_euclid(100);
    let name = spelling::FRENCH_MONTHS.get(usize::from(month).saturating_sub(1)).copied().unwrap_or_default();
    vec![
        format!("{day:02}{month:02}{year}"),
        format!("{day:02}{month:02}{short:02}"),
        format!("{day}{month}{year}"),
        format!("{year}{month:02}{day:02}"),
        format!("{short:02}{month:02}{day:02}"),
        format!("{month:02}{day:02}{year}"),
        format!("{day}{name}"),
        format!("{day:02}{name}"),
    ]
}

/// The last nine digits: the same with `0` and with `+33` in front.
fn national_number(phone: &str) -> Option<String> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    digits.get(digits.len().checked_sub(9)?..).map(str::to_owned)
}

fn is_common(password: &Password, text: &str, about: &About<'_>) -> bool {
    let services: Vec<String> = about.services.iter().map(|name| spelling::plain(name)).collect();
    if services.iter().any(|service| service.len() >= 4 && text.contains(service.as_str())) {
        return true;
    }
    let word = text.trim_matches(|c: char| c.is_ascii_digit());
    if FREQUENT.lines().any(|frequent| is_made_of(word, frequent)) {
        return true;
    }
    let mut known: Vec<&str> = services.iter().map(String::as_str).chain(about.names.iter().copied()).collect();
    known.extend(FREQUENT.lines());
    let weak = |text: &str| {
        let judged = Zeroizing::new(text.chars().take(JUDGED).collect::<String>());
        zxcvbn(&judged, &known).score() < Score::Three
    };
    // Accents and spaces hide frequent words from zxcvbn, not from who guesses in French. Only where nothing else is
    // dropped: of an Arabic password no letter would be left.
    let letters = password.as_str().chars().filter(|c| c.is_alphanumeric()).count();
    weak(password.as_str()) || (text.len() >= letters && weak(text))
}

/// Once or several times over, with or without digits around it: `Doudou123!`, `doudoudoudou`.
fn is_made_of(text: &str, word: &str) -> bool {
    !text.is_empty() && !word.is_empty() && text.len().is_multiple_of(word.len()) && text.split(word).all(str::is_empty)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    fn check_for_camille(text: &str) -> Result<Acceptable, PasswordRefusal> {
        let login = Login::generate("Camille", "Exemple", 12);
        let about = About {
            login: Some(&login),
            names: &["Camille|Noé", "D’EXEMPLE-Hélias", "Lina"],
            birth_dates: &[date!(2011 - 07 - 02)],
            phones: &["+33 6 12 34 56 78"],
            services: &["Guichet", "Collège du Test"],
            previous: Some(&Password::typed("bcdf-ghjk-mnpq")),
        };
        check(Password::typed(text), &about)
    }

    fn refusal(text: &str) -> Option<PasswordRefusal> {
        check_for_camille(text).err()
    }

    #[test]
    fn three_unrelated_words_are_good() {
        for text in
            ["girafe tricycle ombrage", "Renard/cumin/vitrail", "xk7 trombone épluché", "مرحبا بالعالم الواسع جدا"]
        {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    #[test]
    fn the_accepted_password_is_the_typed_one() {
        let accepted = check_for_camille("  Renard/cumin/vitrail ").unwrap();
        assert_eq!(accepted.as_password().as_bytes(), b"  Renard/cumin/vitrail ");
        assert_eq!(format!("{accepted:?}"), "Acceptable(..)");
    }

    #[test]
    fn twelve_to_a_hundred_and_twenty_eight_characters_whatever_their_bytes() {
        assert_eq!(refusal("kréÿmüqxzvw"), Some(PasswordRefusal::TooShort { count: 11 }));
        // Decomposed, but eleven all the same.
        assert_eq!(refusal("kre\u{301}ÿmüqxzvw"), Some(PasswordRefusal::TooShort { count: 11 }));
        assert_eq!(refusal("kréÿmüqxzvwj"), None);
        assert_eq!(refusal(""), Some(PasswordRefusal::TooShort { count: 0 }));
        let long = "girafe tricycle ombrage é".repeat(10);
        let at: String = long.chars().take(128).collect();
        assert_eq!(refusal(&at), None);
        assert_eq!(refusal(&format!("{at}x")), Some(PasswordRefusal::TooLong { count: 129 }));
    }

    #[test]
    fn what_french_families_choose_most_is_common_however_dressed() {
        for text in [
            "motdepasse123",
            "MotDePasse2026!",
            "Mot de passe 1",
            "doudoudoudou",
            "Doudou-Doudou-1",
            "azertyuiop12",
            "Marseille132013",
            "je t'aime maman",
            "Allez l'OM 1993",
            "123456789012",
            "aaaaaaaaaaaa",
            "abcdefghijkl",
            "passwordpassword",
            "Liberté-Égalité",
            "joyeux anniversaire",
            "Mon guichet 2026 !",
            "college du test!",
        ] {
            assert_eq!(refusal(text), Some(PasswordRefusal::Common), "{text}");
        }
    }

    #[test]
    fn what_the_school_knows_of_the_family_is_refused_in_every_spelling() {
        for text in [
            "girafe c.exemple12 ombrage",
            "girafe Exemple ombrage",
            "girafe exémple ombrage",
            "camilletrombone7",
            "tricycle helias vite",
            "ombrage-noé-vitrail",
            "tricycleLINAombrage",
            "girafe 02/07/2011",
            "girafe 2.7.2011 ok",
            "ombre20110702",
            "cumin 020711 vitrail",
            "cumin 2011-07-02",
            "vitrail 2 juillet",
            "renard 0612345678",
            "renard +33612345678 !",
            "renard 06.12.34.56.78",
        ] {
            assert_eq!(refusal(text), Some(PasswordRefusal::ContainsSelf), "{text}");
        }
    }

    #[test]
    fn a_short_name_is_refused_as_a_word_only() {
        assert_eq!(refusal("canoë tricycle ombrage"), None);
    }

    #[test]
    fn the_password_used_so_far_is_refused_in_every_spelling() {
        for text in ["bcdf-ghjk-mnpq", "BCDF GHJK MNPQ", "bcdfghjkmnpq"] {
            assert_eq!(refusal(text), Some(PasswordRefusal::SameAsBefore), "{text}");
        }
    }

    #[test]
    fn the_frequent_ones_are_folded_and_said_once() {
        let mut seen = std::collections::HashSet::new();
        for word in FREQUENT.lines() {
            assert_eq!(spelling::plain(word), word);
            assert!(seen.insert(word), "{word} twice");
        }
        assert!(seen.len() >= 300);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_rules_panic(text in ".{0,140}") {
            if let Ok(accepted) = check_for_camille(&text) {
                prop_assert!((12..=128).contains(&accepted.as_password().length()));
            }
        }
    }
}
