//! Random identifiers of messages, and repeatable arrival times.

/// `N` random bytes in lower-case hex.
pub fn hex<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => data_encoding::HEXLOWER.encode(&bytes),
        Err(_) => std::process::abort(),
    }
}

/// A small repeatable generator (SplitMix64): two runs with the same settings offer the same load.
pub struct Dice(pub u64);

impl Dice {
    /// A number drawn evenly from the open interval 0..1.
    pub fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (f64::from(u32::try_from(mixed >> 32).unwrap_or(u32::MAX)) + 0.5) / (f64::from(u32::MAX) + 1.0)
    }
}
