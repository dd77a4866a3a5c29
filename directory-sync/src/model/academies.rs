//! The names of the academies (AAF section 9).

use super::{Academy, Malformed, malformed, spelling};

/// Each name as [`spelling::plain`] writes it. Aggregates without a name of their own are known by number only.
const NAMES: &[(&str, u16)] = &[
    ("etranger", 0),
    ("paris", 1),
    ("aixmarseille", 2),
    ("besancon", 3),
    ("bordeaux", 4),
    ("caen", 5),
    ("clermontferrand", 6),
    ("dijon", 7),
    ("grenoble", 8),
    ("lille", 9),
    ("lyon", 10),
    ("montpellier", 11),
    ("nancymetz", 12),
    ("poitiers", 13),
    ("rennes", 14),
    ("strasbourg", 15),
    ("toulouse", 16),
    ("nantes", 17),
    ("orleanstours", 18),
    ("reims", 19),
    ("amiens", 20),
    ("rouen", 21),
    ("limoges", 22),
    ("nice", 23),
    ("creteil", 24),
    ("versailles", 25),
    ("antillesguyane", 26),
    ("corse", 27),
    ("lareunion", 28),
    ("reunion", 28),
    ("martinique", 31),
    ("guadeloupe", 32),
    ("guyane", 33),
    ("nouvellecaledonie", 40),
    ("polynesie", 41),
    ("polynesiefrancaise", 41),
    ("wallisetfutuna", 42),
    ("mayotte", 43),
    ("saintpierreetmiquelon", 44),
    ("normandie", 70),
    ("agricole", 98),
];

impl Academy {
    /// The academy of a name or a number: `normandie`, `Orléans-Tours`, `70`, `070`.
    pub fn named(text: &str) -> Result<Self, Malformed> {
        let name = spelling::plain(text);
        let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| Self(*number));
        known.map_or_else(|| text.parse(), Ok).map_err(|_| malformed("the name or the number of an academy"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aaf_pitfall_02_three_spellings_of_a_code_and_a_name_are_one_academy() {
        for (spelled, number) in [
            (["13", "013", "Poitiers"], 13),
            (["1", "01", "001"], 1),
            (["18", "ORLEANS TOURS", "Orléans-Tours"], 18),
            (["28", "La Réunion", "réunion"], 28),
            (["70", "normandie", "NORMANDIE"], 70),
        ] {
            for text in spelled {
                assert_eq!(Academy::named(text).unwrap().number(), number, "{text}");
            }
        }
        for wrong in ["", "atlantide", "0013", "-5", "caen,rouen"] {
            assert!(Academy::named(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_name_is_written_as_it_is_compared() {
        assert!(NAMES.iter().all(|(name, _)| spelling::plain(name) == *name));
    }
}
