//! The passwords the house gives out, on a letter or over the telephone: `kcft-7rjm-npzd`.

use std::fmt;

use zeroize::Zeroizing;

use super::Password;

/// 24 characters that no print or hand confuses: none of `0 o 1 l i`, none of the pairs `2 z`, `5 s`, `8 b` whole, and
/// no vowel, so that no draw spells a word somebody would have to hand to a child.
const ALPHABET: [char; 24] = [
    'b', 'c', 'd', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'v', 'w', 'x', 'z', '3', '4', '6', '7',
    '9',
];
const GROUPS: usize = 3;
const GROUP: usize = 4;

/// Twelve characters out of 24: 55 bits, where 40 are required of what is throttled and good for 90 days.
pub struct ProvisionalPassword(Zeroizing<String>);

impl ProvisionalPassword {
    /// `below(n)` draws an even number from `0..n`; it is `chance::below` outside tests.
    #[must_use]
    pub fn draw(mut below: impl FnMut(u32) -> u32) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(GROUPS * (GROUP + 1)));
        for place in 0..GROUPS * GROUP {
            if place > 0 && place % GROUP == 0 {
                text.push('-');
            }
            let drawn = usize::try_from(below(24)).unwrap_or_default();
            text.push(ALPHABET.get(drawn).copied().unwrap_or('x'));
        }
        Self(text)
    }

    /// Reads one from what was typed: spaces, dots and hyphens anywhere, any case (journeys, input kindness).
    ///
    /// `None` is no refusal: the text is then a password of its owner's choice, to be taken as it stands.
    #[must_use]
    pub fn read(typed: &Password) -> Option<Self> {
        let characters = typed.as_str().chars().filter(|c| !is_separator(*c)).flat_map(char::to_lowercase);
        let mut places = Vec::with_capacity(GROUPS * GROUP);
        // One more than needed, to see that there is one more.
        for character in characters.take(GROUPS * GROUP + 1) {
            places.push(u32::try_from(ALPHABET.iter().position(|known| *known == character)?).ok()?);
        }
        if places.len() != GROUPS * GROUP {
            return None;
        }
        let mut places = places.into_iter();
        Some(Self::draw(|_| places.next().unwrap_or_default()))
    }

    /// As it is printed and as it is hashed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn to_password(&self) -> Password {
        Password::typed(&self.0)
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '.' | '-' | '\u{2010}'..='\u{2015}' | '_')
}

impl fmt::Debug for ProvisionalPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProvisionalPassword(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        ProvisionalPassword::read(&Password::typed(text)).map(|p| p.text().to_owned())
    }

    #[test]
    fn it_is_three_groups_of_four() {
        let mut place = 0;
        let drawn = ProvisionalPassword::draw(|_| {
            place += 1;
            place
        });
        assert_eq!(drawn.text(), "cdfg-hjkm-npqr");
    }

    #[test]
    fn the_alphabet_has_twenty_four_characters_and_none_that_is_confused() {
        let all: HashSet<char> = ALPHABET.into_iter().collect();
        assert_eq!(all.len(), 24);
        assert!(all.iter().all(|c| !"0o1li".contains(*c)));
        for pair in ["2z", "5s", "8b"] {
            assert!(!pair.chars().all(|c| all.contains(&c)), "{pair}");
        }
        // log2(24^12), above the 40 bits required.
        assert!(12.0 * 24_f64.log2() > 55.0);
    }

    #[test]
    fn it_is_read_however_it_was_copied() {
        for text in [
            "cdfg-hjkm-npqr",
            "CDFG HJKM NPQR",
            "cdfghjkmnpqr",
            " Cdfg.hjkm.npqr ",
            "c d f g h j k m n p q r",
            "cdfg–hjkm–npqr",
        ] {
            assert_eq!(read(text).as_deref(), Some("cdfg-hjkm-npqr"), "{text}");
        }
    }

    #[test]
    fn another_text_is_not_one() {
        for text in ["", "cdfg-hjkm-npq", "cdfg-hjkm-npqrs", "cdfg-hjkm-npqo", "mon chat dort bien", "cdfg/hjkm/npqr"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn it_does_not_show_itself() {
        assert_eq!(format!("{:?}", ProvisionalPassword::draw(|_| 0)), "ProvisionalPassword(..)");
    }

    proptest! {
        #[test]
        fn every_draw_is_read_back_as_itself(draws in prop::collection::vec(0..24_u32, 12)) {
            let mut next = draws.into_iter();
            let drawn = ProvisionalPassword::draw(|_| next.next().unwrap());
            prop_assert_eq!(read(drawn.text()), Some(drawn.text().to_owned()));
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".*") {
            let _ = read(&text);
        }
    }
}
