//! The one place that draws random bits. Called by the deeds and by `web`; everything below is handed what was drawn.
//!
//! Never in here: what a drawn value means. A `Token` is only 256 bits; a session, a code and an activation link each
//! wrap it in their own type, so one is not accepted as another (LS-07).

use std::fmt;

use aws_lc_rs::{digest, rand};
use data_encoding::BASE64URL_NOPAD;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Fresh bytes of the operating system's generator, through AWS-LC.
///
/// # Panics
/// Never: AWS-LC ends the process itself where the system has no randomness left.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut drawn = [0; N];
    #[expect(clippy::expect_used, reason = "an error that AWS-LC never returns: it would end the process")]
    rand::fill(&mut drawn).expect("the system has randomness");
    drawn
}

/// A number drawn evenly from `0..bound`; 0 where the bound is 0.
#[must_use]
pub fn below(bound: u32) -> u32 {
    if bound == 0 {
        return 0;
    }
    // Numbers of the last, incomplete round would favour the small ones: draw again (less than one time in two).
    let incomplete = u32::MAX - u32::MAX % bound;
    loop {
        let drawn = u32::from_le_bytes(bytes());
        if drawn < incomplete {
            return drawn % bound;
        }
    }
}

/// What only its holder knows: 256 random bits, shown as 43 characters that need no escaping in a URL or a cookie.
///
/// What is stored is the hash. There is no comparison of tokens: a look-up by hash leaks nothing useful by its timing.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Token([u8; 32]);

impl Token {
    #[must_use]
    pub fn fresh() -> Self {
        Self(bytes())
    }

    /// What the holder is given, wiped when dropped.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(&self.0))
    }

    /// Reads what a browser or a relying party sends back; `None` for anything this house cannot have given out.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        // Said first, so that a megabyte of text is not decoded to be refused.
        if text.len() != 43 {
            return None;
        }
        let decoded = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        decoded.as_slice().try_into().ok().map(Self)
    }

    /// SHA-256: enough where the input has 256 random bits.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    hash
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tokens_differ_and_come_back_as_they_went() {
        let mut seen = HashSet::new();
        for _ in 0..1_000 {
            let token = Token::fresh();
            let text = token.text();
            assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
            assert_eq!(Token::read(&text).unwrap().hash(), token.hash());
            assert!(seen.insert(token.hash()));
        }
    }

    /// Identifiers of messages are drawn from here and hold nothing else: what three nodes draw, restarted or not, never
    /// meets.
    #[test]
    fn so_09_a_million_identifiers_of_three_nodes_are_all_distinct() {
        let node = || (0..333_334).map(|_| bytes::<16>()).collect::<Vec<_>>();
        let nodes = [(); 3].map(|()| std::thread::spawn(node));
        let drawn: Vec<[u8; 16]> = nodes.into_iter().flat_map(|node| node.join().unwrap()).collect();
        assert_eq!(drawn.iter().collect::<HashSet<_>>().len(), 1_000_002);
    }

    #[test]
    fn what_was_never_given_out_is_not_a_token() {
        let token = Token::fresh().text();
        // 43 characters carry 258 bits: the last two must be zero, or one token would have four spellings.
        let other_spelling = format!("{}B", "A".repeat(42));
        for text in ["", "abc", &format!("{}=", *token), &format!(" {}", *token), &"é".repeat(22), &other_spelling] {
            assert!(Token::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let token = Token::fresh();
        assert_eq!(format!("{token:?}"), "Token(..)");
    }

    #[test]
    fn the_hash_is_sha_256() {
        // FIPS 180-4: SHA-256 of nothing.
        let nothing = data_encoding::HEXLOWER.encode(&sha256(b""));
        assert_eq!(nothing, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn drawn_numbers_stay_below_their_bound_and_reach_all_of_it() {
        let drawn: HashSet<u32> = (0..2_000).map(|_| below(24)).collect();
        assert_eq!(drawn, (0..24).collect());
        assert_eq!(below(0), 0);
        assert_eq!(below(1), 0);
    }
}
