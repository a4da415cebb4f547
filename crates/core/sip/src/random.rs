//! Tags, branches and cnonces from a seed.

use std::fmt::Write as _;

/// Numbers that look random and come from a seed that is an input (`SplitMix64`, Steele et al. 2014).
///
/// Good for names that must be unique (tags, branches, Call-IDs); not a source of secrets. Nonces are made with a
/// key instead, see [`crate::auth`].
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts the sequence of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 16 hexadecimal digits: a token for a tag or a branch.
    pub fn token(&mut self) -> String {
        let mut token = String::with_capacity(16);
        // Writing to a String cannot fail.
        let _ = write!(token, "{:016x}", self.next());
        token
    }
}
