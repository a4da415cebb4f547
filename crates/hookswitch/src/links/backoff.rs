//! How long to wait before a link is tried again.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Doubles from 100 ms to 5 s, with a quarter of jitter so that daemons do not knock together. A PBX that comes back
/// is found within a second in the common case of a short cut, and not hammered in the other.
#[derive(Debug)]
pub(super) struct Backoff {
    pause: Duration,
    jitter: RandomState,
    tries: u64,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { pause: FIRST, jitter: RandomState::new(), tries: 0 }
    }

    /// The link worked: start again from the shortest pause.
    pub(super) fn reset(&mut self) {
        self.pause = FIRST;
    }

    pub(super) fn next(&mut self) -> Duration {
        self.tries += 1;
        let share = u32::try_from(self.jitter.hash_one(self.tries) % 250).unwrap_or(0);
        let pause = self.pause - self.pause * share / 1_000;
        self.pause = (self.pause * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_start_again() {
        let mut backoff = Backoff::new();
        let first = backoff.next();
        assert!(first <= FIRST && first >= FIRST * 3 / 4);
        for _ in 0..20 {
            assert!(backoff.next() <= LONGEST);
        }
        assert!(backoff.next() >= LONGEST * 3 / 4);
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
