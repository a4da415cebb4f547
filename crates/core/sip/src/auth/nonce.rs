//! Nonces that carry their own proof, and how often each was used.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::random::Random;
use crate::time::Instant;

/// When a nonce was made, and which of that moment it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    issued: Instant,
    salt: u64,
}

/// The counts a nonce was used with: the highest, and which of the 64 below it.
#[derive(Debug, Clone, Copy)]
struct Window {
    highest: u32,
    used: u64,
}

/// Makes nonces and knows them again.
///
/// A nonce is its moment, a salt and an HMAC of both, so none is stored when it is given out: a flood of requests
/// without credentials costs no memory. Only what was used with a right password is remembered, and that is bounded:
/// when it is full the oldest is forgotten, and with it every nonce as old, so that nothing can be used twice.
#[derive(Debug)]
pub(crate) struct Nonces {
    key: [u8; 32],
    random: Random,
    lifetime: Duration,
    max: usize,
    used: BTreeMap<Stamp, Window>,
    /// Nonces this old or older are not taken any more.
    floor: Option<Stamp>,
}

const BYTES: usize = 32;

impl Nonces {
    pub(crate) const fn new(key: [u8; 32], seed: u64, lifetime: Duration, max: usize) -> Self {
        let random = Random::new(seed);
        Self { key, random, lifetime, max, used: BTreeMap::new(), floor: None }
    }

    /// A fresh nonce.
    pub(crate) fn make(&mut self, now: Instant) -> String {
        let stamp = Stamp { issued: now, salt: self.random.next() };
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&stamp.issued.as_micros().to_be_bytes());
        bytes[8..16].copy_from_slice(&stamp.salt.to_be_bytes());
        bytes[16..].copy_from_slice(&self.proof(stamp));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a nonce says about itself; none when it is not one of ours.
    pub(crate) fn read(&self, nonce: &str) -> Option<Stamp> {
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?;
        let number = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let stamp = Stamp { issued: Instant::from_micros(number(0)?), salt: number(8)? };
        bool::from(self.proof(stamp).ct_eq(bytes.get(16..)?)).then_some(stamp)
    }

    /// Takes a use of a nonce; false when it is too old, or was used with this count before.
    pub(crate) fn take(&mut self, now: Instant, stamp: Stamp, count: u32) -> bool {
        let expired = now.since(stamp.issued) > self.lifetime || stamp.issued > now;
        if expired || self.floor.is_some_and(|floor| stamp <= floor) || count == 0 {
            return false;
        }
        if let Some(window) = self.used.get_mut(&stamp) {
            return window.take(count);
        }
        self.make_room(now);
        self.used.insert(stamp, Window { highest: count, used: 1 });
        true
    }

    fn make_room(&mut self, now: Instant) {
        while let Some((oldest, _)) = self.used.first_key_value() {
            let expired = now.since(oldest.issued) > self.lifetime;
            if !expired && self.used.len() < self.max {
                return;
            }
            self.floor = Some(*oldest);
            self.used.pop_first();
        }
    }

    fn proof(&self, stamp: Stamp) -> [u8; 16] {
        let mut half = [0; 16];
        // HMAC takes a key of any length; without one no nonce would ever be known again.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) {
            mac.update(&stamp.issued.as_micros().to_be_bytes());
            mac.update(&stamp.salt.to_be_bytes());
            half.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        }
        half
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.used.len()
    }
}

impl Window {
    /// Requests may overtake each other on UDP, so a count below the highest is taken once too.
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            let shift = count - self.highest;
            self.used = if shift < 64 { self.used << shift | 1 } else { 1 };
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        let bit = if behind < 64 { 1_u64 << behind } else { 0 };
        let fresh = bit != 0 && self.used & bit == 0;
        self.used |= bit;
        fresh
    }
}
