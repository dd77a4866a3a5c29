//! Names written by many hands, made comparable.
//!
//! The directory writes in capitals or with accents, families with curly apostrophes, an import with `|` between
//! given names. One folding serves what compares names and what is derived from them.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The lower case ASCII letters and digits of `text`, accents off, ligatures opened; everything else is dropped.
#[must_use]
pub fn plain(text: &str) -> String {
    folded(text).filter(char::is_ascii_alphanumeric).collect()
}

/// The words of `text`, each as [`plain`] would give it.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let spaced: String = folded(text).map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    spaced.split_whitespace().map(str::to_owned).collect()
}

fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    // NFKD also opens what looks like a letter (full width, circled, ligature fi).
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).flat_map(opened)
}

/// Letters of European names that no decomposition reaches.
fn opened(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        'œ' => ('o', Some('e')),
        'æ' => ('a', Some('e')),
        'ß' => ('s', Some('s')),
        'þ' => ('t', Some('h')),
        'ø' => ('o', None),
        'đ' | 'ð' | 'ɖ' => ('d', None),
        'ł' => ('l', None),
        'ħ' => ('h', None),
        'ı' => ('i', None),
        'ŋ' => ('n', None),
        'ŧ' => ('t', None),
        'ə' => ('e', None),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_several_hands_is_one_name() {
        for written in ["Hélène-Zoé", "HELENE ZOE", "Hélène|Zoé", "he\u{301}lène zoé", "ｈelene’ZOÉ"] {
            assert_eq!(plain(written), "helenezoe", "{written}");
        }
    }

    #[test]
    fn european_letters_are_opened() {
        assert_eq!(plain("Œuvray Straße Łukasz Øst Đorđe Þór Kılıç"), "oeuvraystrasselukaszostdordethorkilic");
    }

    #[test]
    fn words_part_where_something_else_stands() {
        assert_eq!(words("D’Artagnan-Le Goff|2"), ["d", "artagnan", "le", "goff", "2"]);
        assert_eq!(words(" 李 "), Vec::<String>::new());
    }
}
