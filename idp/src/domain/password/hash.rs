//! What is kept of a password: an argon2id hash in the PHC string format.

use std::fmt;

use argon2::password_hash::phc;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What one hash costs. Part of every stored hash, so a change of settings never locks anybody out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Cost {
    /// The most a stored hash may ask for, and therefore the most that can be set: more than three times what OWASP
    /// lists. A hash is read before anybody is known; without a ceiling one row of the store could stop the service (LS-03).
    pub const CEILING: Self = Self { memory_kib: 160 * 1024, passes: 16, lanes: 4 };

    /// Whether argon2id is defined for it and this house computes it.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        let defined = self.passes >= 1 && self.lanes >= 1 && self.memory_kib / 8 >= self.lanes;
        let ceiling = Self::CEILING;
        defined && self.memory_kib <= ceiling.memory_kib && self.passes <= ceiling.passes && self.lanes <= ceiling.lanes
    }
}

/// Which pepper went into a hash (the PHC parameter `keyid`), so that a lost or changed one is told from a wrong password.
pub type PepperId = [u8; 4];

/// An argon2id hash that this house can verify: the one way in checks it against [`Cost::CEILING`].
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PasswordHash {
    #[zeroize(skip)]
    cost: Cost,
    pepper: Option<PepperId>,
    salt: [u8; Self::SALT],
    digest: [u8; Self::DIGEST],
}

/// What the store holds cannot be verified; the hash itself is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error(
        "a stored password hash is not an argon2id string of version 19 with a {} byte salt and a {} byte digest",
        PasswordHash::SALT,
        PasswordHash::DIGEST
    )]
    Malformed,
    #[error("a stored password hash asks for m={},t={},p={}, outside of what is computed here", .0.memory_kib, .0.passes, .0.lanes)]
    Cost(Cost),
}

impl PasswordHash {
    pub const SALT: usize = 16;
    pub const DIGEST: usize = 32;

    #[must_use]
    pub const fn new(cost: Cost, pepper: Option<PepperId>, salt: [u8; Self::SALT], digest: [u8; Self::DIGEST]) -> Self {
        Self { cost, pepper, salt, digest }
    }

    /// Reads a stored one. Nothing is allocated for it beyond the string.
    pub fn read(stored: &str) -> Result<Self, Unusable> {
        let phc = phc::PasswordHash::new(stored).map_err(|_| Unusable::Malformed)?;
        if phc.algorithm.as_str() != "argon2id" || phc.version != Some(19) {
            return Err(Unusable::Malformed);
        }
        let (mut memory, mut passes, mut lanes, mut pepper) = (None, None, None, None);
        for (name, value) in phc.params.iter() {
            match name.as_str() {
                "m" => memory = value.decimal().ok(),
                "t" => passes = value.decimal().ok(),
                "p" => lanes = value.decimal().ok(),
                "keyid" => pepper = Some(pepper_id(value).ok_or(Unusable::Malformed)?),
                _ => return Err(Unusable::Malformed),
            }
        }
        let (Some(memory_kib), Some(passes), Some(lanes)) = (memory, passes, lanes) else {
            return Err(Unusable::Malformed);
        };
        let cost = Cost { memory_kib, passes, lanes };
        if !cost.is_usable() {
            return Err(Unusable::Cost(cost));
        }
        let salt = phc.salt.and_then(|s| s.as_ref().try_into().ok()).ok_or(Unusable::Malformed)?;
        let digest = phc.hash.and_then(|d| d.as_bytes().try_into().ok()).ok_or(Unusable::Malformed)?;
        Ok(Self { cost, pepper, salt, digest })
    }

    /// The PHC string to store. Not `Display`: it is a secret, if a lesser one, and belongs in no message.
    #[must_use]
    pub fn to_stored(&self) -> String {
        use data_encoding::BASE64_NOPAD as B64;

        let Cost { memory_kib, passes, lanes } = self.cost;
        let keyid = self.pepper.map(|id| format!(",keyid={}", B64.encode(&id))).unwrap_or_default();
        let (salt, digest) = (B64.encode(&self.salt), B64.encode(&self.digest));
        format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}{keyid}${salt}${digest}")
    }

    #[must_use]
    pub const fn cost(&self) -> Cost {
        self.cost
    }

    #[must_use]
    pub const fn pepper(&self) -> Option<PepperId> {
        self.pepper
    }

    #[must_use]
    pub const fn salt(&self) -> &[u8; Self::SALT] {
        &self.salt
    }

    #[must_use]
    pub const fn digest(&self) -> &[u8; Self::DIGEST] {
        &self.digest
    }
}

fn pepper_id(value: phc::Value<'_>) -> Option<PepperId> {
    let mut decoded = [0; 8];
    value.b64_decode(&mut decoded).ok()?.try_into().ok()
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").field("cost", &self.cost).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SALT_AND_DIGEST: &str = "c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    fn stored(parameters: &str) -> String {
        format!("$argon2id$v=19${parameters}${SALT_AND_DIGEST}")
    }

    #[test]
    fn a_phc_string_is_read_and_written_letter_by_letter() {
        for parameters in ["m=19456,t=2,p=1", "m=7168,t=5,p=1,keyid=AQIDBA"] {
            assert_eq!(PasswordHash::read(&stored(parameters)).unwrap().to_stored(), stored(parameters));
        }
    }

    #[test]
    fn a_hash_that_asks_for_too_much_is_refused_while_it_is_still_text() {
        // LS-03: 4 GiB, then each other bound by one.
        for (parameters, cost) in [
            ("m=4194304,t=1,p=1", Cost { memory_kib: 4_194_304, passes: 1, lanes: 1 }),
            ("m=4294967295,t=1,p=1", Cost { memory_kib: u32::MAX, passes: 1, lanes: 1 }),
            ("m=163841,t=1,p=1", Cost { memory_kib: 163_841, passes: 1, lanes: 1 }),
            ("m=8,t=17,p=1", Cost { memory_kib: 8, passes: 17, lanes: 1 }),
            ("m=64,t=1,p=5", Cost { memory_kib: 64, passes: 1, lanes: 5 }),
            ("m=8,t=0,p=1", Cost { memory_kib: 8, passes: 0, lanes: 1 }),
            ("m=8,t=1,p=0", Cost { memory_kib: 8, passes: 1, lanes: 0 }),
            ("m=15,t=1,p=2", Cost { memory_kib: 15, passes: 1, lanes: 2 }),
        ] {
            assert_eq!(PasswordHash::read(&stored(parameters)), Err(Unusable::Cost(cost)), "{parameters}");
        }
        assert!(PasswordHash::read(&stored("m=163840,t=16,p=4")).is_ok());
    }

    #[test]
    fn what_is_not_our_kind_of_hash_is_refused() {
        for text in [
            String::new(),
            "motdepasse".to_owned(),
            stored("m=19456,t=2"),
            stored("m=19456,t=2,p=1,x=1"),
            stored("m=19456,t=2,p=1,keyid=AQID"),
            stored("m=19456,t=2,p=1").replace("argon2id", "argon2i"),
            stored("m=19456,t=2,p=1").replace("v=19", "v=16"),
            stored("m=19456,t=2,p=1").replace("$v=19", ""),
            stored("m=19456,t=2,p=1").replace("c29tZXNhbHRzb21lc2FsdA", "c29tZXNhbHQ"),
            stored("m=99999999999,t=2,p=1"),
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA".to_owned(),
        ] {
            assert_eq!(PasswordHash::read(&text), Err(Unusable::Malformed), "{text}");
        }
    }

    #[test]
    fn neither_a_hash_nor_its_refusal_shows_the_hash() {
        let hash = PasswordHash::read(&stored("m=19456,t=2,p=1")).unwrap();
        let shown = format!("{hash:?}");
        assert!(shown.contains("19456") && !shown.contains("digest") && !shown.contains("salt"), "{shown}");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(pepper: Option<PepperId>, salt: [u8; 16], digest: [u8; 32], passes in 1..=16_u32) {
            let cost = Cost { memory_kib: 7_168, passes, lanes: 1 };
            let hash = PasswordHash::new(cost, pepper, salt, digest);
            prop_assert_eq!(PasswordHash::read(&hash.to_stored()), Ok(hash));
        }

        #[test]
        fn no_stored_text_makes_reading_panic(text in "\\$argon2id\\$v=19\\$[mtp=,0-9]{0,30}\\$[A-Za-z0-9+/]{0,90}\\$?[A-Za-z0-9+/]{0,90}") {
            let _ = PasswordHash::read(&text);
        }
    }
}
