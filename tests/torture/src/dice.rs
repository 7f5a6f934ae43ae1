//! Chance that comes from the seed alone: each who throws has dice of their own, so that no timing changes what another throws.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

pub(crate) type Dice = StdRng;

/// The dice of `who` in the run of this seed.
pub(crate) fn dice(seed: u64, who: &str) -> Dice {
    // FNV-1a: the same on every machine and with every compiler.
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let named = who.bytes().chain(seed.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, mix);
    StdRng::seed_from_u64(named)
}

/// A time between `least` and `most` milliseconds.
pub(crate) fn millis(dice: &mut Dice, least: u64, most: u64) -> Duration {
    Duration::from_millis(dice.random_range(least..=most))
}
