//! The two implementations of argon2id, and the memory one thread keeps for them.
//!
//! `argon2-rust` takes half the time of `RustCrypto` and is young, so the latter stays: as judge at every start and as
//! the engine one setting away. Both take the pepper as argon2's own secret (RFC 9106, K).

use std::mem;

use super::StartError;
use crate::domain::password::{Cost, PasswordHash};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// `argon2-rust`.
    #[default]
    Fast,
    /// `argon2` of `RustCrypto`.
    Reference,
}

/// What goes into one hash.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub cost: Cost,
    pub password: &'a [u8],
    pub salt: &'a [u8],
    pub pepper: &'a [u8],
}

pub(super) type Digest = [u8; PasswordHash::DIGEST];

/// An engine refused its input or found no memory. It says nothing else that is safe to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("argon2id could not be computed at m={},t={},p={}", .0.memory_kib, .0.passes, .0.lanes)]
pub(super) struct Fault(pub Cost);

/// One thread's memory. It is kept from hash to hash, which is what makes a hash of 19 MiB affordable.
pub(super) enum Memory {
    Fast(argon2_rust::Hasher),
    Reference(Vec<argon2::Block>),
}

impl Memory {
    pub fn new(engine: Engine) -> Self {
        match engine {
            Engine::Fast => {
                use argon2_rust::{Algorithm, Argon2, Params, Version};

                // Each hash sets its own parameters; these allocate nothing.
                Self::Fast(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default()).hasher())
            }
            Engine::Reference => Self::Reference(Vec::new()),
        }
    }

    pub fn digest(&mut self, input: Input<'_>) -> Result<Digest, Fault> {
        match self {
            Self::Fast(hasher) => fast(hasher, input),
            Self::Reference(blocks) => reference(blocks, input),
        }
        .ok_or(Fault(input.cost))
    }

    /// Gives back what an unusually dear hash needed.
    pub fn shrink_to(&mut self, cost: Cost) {
        let usual = usize::try_from(cost.memory_kib).unwrap_or(usize::MAX);
        match self {
            Self::Fast(hasher) if hasher.reserved_blocks() > usual => hasher.clear(),
            Self::Reference(blocks) if blocks.len() > usual => drop(mem::take(blocks)),
            Self::Fast(_) | Self::Reference(_) => {}
        }
    }
}

fn fast(hasher: &mut argon2_rust::Hasher, input: Input<'_>) -> Option<Digest> {
    use argon2_rust::{Algorithm, Argon2, Params, Version, params};

    // One thread whatever the lanes: the threads of this house are counted elsewhere.
    let params = Params::builder()
        .memory(params::Memory::kib(input.cost.memory_kib.into()))
        .passes(input.cost.passes)
        .lanes(input.cost.lanes)
        .threads(1)
        .build()
        .ok()?;
    hasher.set_argon2(Argon2::new(Algorithm::Argon2id, Version::V0x13, params));
    let mut digest = Digest::default();
    hasher.hash_into_with_ad(input.password, input.salt, input.pepper, &[], &mut digest).ok()?;
    Some(digest)
}

fn reference(blocks: &mut Vec<argon2::Block>, input: Input<'_>) -> Option<Digest> {
    use argon2::{Algorithm, Argon2, Block, Params, Version};

    let Cost { memory_kib, passes, lanes } = input.cost;
    let params = Params::new(memory_kib, passes, lanes, None).ok()?;
    let needed = params.block_count();
    if blocks.len() < needed {
        blocks.resize(needed, Block::new());
    }
    let argon2 = Argon2::new_with_secret(input.pepper, Algorithm::Argon2id, Version::V0x13, params).ok()?;
    let mut digest = Digest::default();
    let memory = blocks.get_mut(..needed)?;
    let answer = argon2.hash_password_into_with_memory(input.password, input.salt, &mut digest, &mut *memory);
    // The last block of a hash is worth the hash.
    memory.fill(Block::new());
    answer.ok().map(|()| digest)
}

/// Known answers of the reference implementation (phc-winner-argon2, test.c, argon2id of version 19): memory in KiB,
/// passes, lanes, the digest of `password` under `somesalt`.
const KNOWN: [(Cost, &str); 2] = [
    (Cost { memory_kib: 256, passes: 2, lanes: 1 }, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"),
    (Cost { memory_kib: 256, passes: 2, lanes: 2 }, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
];

/// Refuses to start on an engine that is not argon2id on this machine: a wrong one would lock everybody out, or worse,
/// write hashes that only it can read.
pub(super) fn self_test(
    cost: Cost,
    mut fast: impl FnMut(Input<'_>) -> Result<Digest, Fault>,
    mut reference: impl FnMut(Input<'_>) -> Result<Digest, Fault>,
) -> Result<(), StartError> {
    for (cost, known) in KNOWN {
        let input = Input { cost, password: b"password", salt: b"somesalt", pepper: &[] };
        for digest in [fast(input)?, reference(input)?] {
            if data_encoding::HEXLOWER.encode(&digest) != known {
                return Err(StartError::EnginesDisagree(cost));
            }
        }
    }
    // At the cost in use, with a pepper, on what no optimisation could have been tried with.
    let password =
        "mot de passe d’essai, assez long pour plus d’un bloc de BLAKE2b, avec accents : éàüœ — et un peu plus encore";
    let input = Input { cost, password: password.as_bytes(), salt: &[0xa5; PasswordHash::SALT], pepper: &[0x5a; 32] };
    if fast(input)? == reference(input)? { Ok(()) } else { Err(StartError::EnginesDisagree(cost)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn fresh(engine: Engine) -> impl FnMut(Input<'_>) -> Result<Digest, Fault> {
        let mut memory = Memory::new(engine);
        move |input| memory.digest(input)
    }

    #[test]
    fn both_engines_pass_the_self_test() {
        for cost in [SMALL, Cost { memory_kib: 1_024, passes: 2, lanes: 3 }] {
            assert!(self_test(cost, fresh(Engine::Fast), fresh(Engine::Reference)).is_ok());
        }
    }

    #[test]
    fn an_engine_wrong_in_one_bit_is_refused() {
        let wrong_at = |bad: Cost| {
            let mut right = fresh(Engine::Fast);
            move |input: Input<'_>| {
                let mut digest = right(input)?;
                if input.cost == bad {
                    digest[31] ^= 1;
                }
                Ok(digest)
            }
        };
        for bad in [KNOWN[0].0, KNOWN[1].0, SMALL] {
            let refused = self_test(SMALL, wrong_at(bad), fresh(Engine::Reference));
            assert!(matches!(refused, Err(StartError::EnginesDisagree(cost)) if cost == bad), "{bad:?}");
            // Wrong together is wrong all the same, where the answer is known.
            let both = self_test(SMALL, wrong_at(bad), wrong_at(bad));
            assert_eq!(both.is_err(), bad != SMALL);
        }
    }

    #[test]
    fn the_memory_of_a_dear_hash_is_given_back() {
        let dear = Cost { memory_kib: 512, passes: 1, lanes: 1 };
        for engine in [Engine::Fast, Engine::Reference] {
            let mut memory = Memory::new(engine);
            let held = |memory: &Memory| match memory {
                Memory::Fast(hasher) => hasher.reserved_blocks(),
                Memory::Reference(blocks) => blocks.len(),
            };
            let input = |cost| Input { cost, password: b"p", salt: &[1; 16], pepper: &[] };
            memory.digest(input(SMALL)).unwrap();
            memory.shrink_to(SMALL);
            assert_eq!(held(&memory), 64, "{engine:?} keeps its usual memory");
            memory.digest(input(dear)).unwrap();
            memory.shrink_to(SMALL);
            assert_eq!(held(&memory), 0, "{engine:?} gives back the rest");
        }
    }

    #[test]
    fn the_reference_engine_leaves_nothing_of_a_password_in_its_memory() {
        let mut memory = Memory::new(Engine::Reference);
        memory.digest(Input { cost: SMALL, password: b"p", salt: &[1; 16], pepper: &[] }).unwrap();
        let Memory::Reference(blocks) = memory else { unreachable!() };
        assert!(blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn both_engines_give_equal_digests(
            password in prop::collection::vec(any::<u8>(), 0..200),
            salt: [u8; 16],
            pepper in prop::collection::vec(any::<u8>(), 0..64),
            (lanes, memory_kib) in (1..=4_u32).prop_flat_map(|lanes| (Just(lanes), 8 * lanes..300)),
            passes in 1..=4_u32,
        ) {
            let cost = Cost { memory_kib, passes, lanes };
            let input = Input { cost, password: &password, salt: &salt, pepper: &pepper };
            let fast = Memory::new(Engine::Fast).digest(input).unwrap();
            prop_assert_eq!(fast, Memory::new(Engine::Reference).digest(input).unwrap());
        }
    }
}
