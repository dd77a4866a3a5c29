//! Passwords: what is typed, what may be chosen, what is kept, and the provisional ones the house gives out.
//!
//! A password is kept exactly as typed but for its Unicode form (NFC), since the same key press gives different
//! characters on different systems (LS-02). No composition rule and no forced renewal: they make passwords worse.
//! Nothing here hashes; that is slow work and belongs to `accounts::hashing`.

mod chosen;
mod hash;
mod provisional;

pub use chosen::{About, Acceptable, PasswordRefusal, check};
pub use hash::{Cost, PasswordHash, PepperId, Unusable};
pub use provisional::ProvisionalPassword;

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// What someone typed as a password: never shown, wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    #[must_use]
    pub fn typed(text: &str) -> Self {
        // Composition at most triples the bytes (UAX 15): with room for them no copy is left behind by growing.
        let mut kept = Zeroizing::new(String::with_capacity(text.len() * 3));
        kept.extend(text.nfc());
        Self(kept)
    }

    /// The bytes to hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// In characters as a person counts them, or nearly: Unicode scalar values.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.chars().count()
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_password_typed_on_two_systems_is_the_same_bytes() {
        assert_eq!(Password::typed("e\u{301}te\u{301}").as_bytes(), "été".as_bytes());
    }

    #[test]
    fn nothing_else_is_changed() {
        for text in ["  espaces autour  ", "MAJUSCULES", "ﬁ ﬀ １", "tab\tnul\0", "👨‍👩‍👧"] {
            assert_eq!(Password::typed(text).as_bytes(), text.as_bytes());
        }
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(Password::typed("e\u{301}té👍").length(), 4);
    }

    #[test]
    fn a_password_does_not_show_itself() {
        assert_eq!(format!("{:?}", Password::typed("secret")), "Password(..)");
    }
}
