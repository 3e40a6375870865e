//! When in an interval a target is asked: drawn from the machine and the target, so that neither machines nor
//! targets ask in step.

use core::time::Duration;

use vps_retry::{Rng, SplitMix64};

/// A number in the hash's place; equal ones for equal inputs, on any machine.
pub(super) fn mix(seed: u64, target: u64, round: u64) -> u64 {
    let first = SplitMix64::new(seed ^ target.rotate_left(32)).next_u64();
    SplitMix64::new(first ^ round.wrapping_mul(0x9E37_79B9_7F4A_7C15)).next_u64()
}

/// `draw / 2^64` of a duration.
pub(super) fn part(of: Duration, draw: u64) -> Duration {
    let nanos = (of.as_nanos() * u128::from(draw)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// FNV-1a of a name, for its number: the same on any machine and in any version.
#[must_use]
pub fn name_number(name: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    name.bytes().fold(0xCBF2_9CE4_8422_2325, step)
}
