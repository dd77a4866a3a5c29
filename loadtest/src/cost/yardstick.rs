//! What the machine is worth: the same work on any machine, without a server.

use std::time::Instant;

use anyhow::{Context as _, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;

const BATCHES: usize = 9;
const SIGNATURES: u32 = 100;

/// Milliseconds of one RSA-2048 signature: the median of some batches.
pub fn signature_ms() -> Result<f64> {
    let key = KeyPair::generate(KeySize::Rsa2048).context("making an RSA key")?;
    let mut signature = vec![0; key.public_modulus_len()];
    let mut batches = [0.0; BATCHES];
    for batch in &mut batches {
        let began = Instant::now();
        for _ in 0..SIGNATURES {
            key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"a message", &mut signature).context("signing")?;
        }
        *batch = began.elapsed().as_secs_f64() * 1000.0 / f64::from(SIGNATURES);
    }
    batches.sort_by(f64::total_cmp);
    Ok(crate::statistics::round(batches[BATCHES / 2], 3))
}
