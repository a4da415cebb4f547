//! How often one may ask: so many requests in a second for each token and each address, twice as many at once.
//!
//! The generic cell rate algorithm: of each one is kept only the time at which all its requests so far would have come at
//! the steady rate. Who is idle is forgotten, so that memory is bounded also when every request has another address.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use crate::model::Timestamp;

/// How many are kept in mind. Beyond it the idle are forgotten, and if nobody is idle, everybody.
const MOST: usize = 20_000;

/// Those who ask, by key.
#[derive(Debug)]
pub(crate) struct Limiter<K> {
    /// When the requests of each so far would all have come, in microseconds since 1970.
    due: Mutex<HashMap<K, u64>>,
}

impl<K> Default for Limiter<K> {
    fn default() -> Self {
        Self { due: Mutex::default() }
    }
}

impl<K: Eq + Hash> Limiter<K> {
    /// One more request of `key`.
    ///
    /// # Errors
    /// In how many seconds it may come again.
    pub(crate) fn take(&self, key: K, per_second: u32, now: Timestamp) -> Result<(), u64> {
        if per_second == 0 {
            return Ok(());
        }
        let now = now.as_micros();
        let (step, ahead) = (1_000_000 / u64::from(per_second).min(1_000_000), 2_000_000);
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len() >= MOST && !due.contains_key(&key) {
            due.retain(|_, at| *at > now);
            if due.len() >= MOST {
                due.clear();
            }
        }
        let at = due.entry(key).or_insert(now);
        let next = (*at).max(now) + step;
        if next > now + ahead {
            return Err((next - now - ahead).div_ceil(1_000_000));
        }
        *at = next;
        Ok(())
    }
}

/// Whose address it is: of IPv6 the network of a household, which can take any address in it.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_795_287_600_000 + millis)
    }

    #[test]
    fn twice_the_rate_at_once_then_the_rate() {
        let limiter = Limiter::default();
        let taken = (0..100).filter(|_| limiter.take("a", 10, at(0)).is_ok()).count();
        assert_eq!(taken, 20);
        assert_eq!(limiter.take("a", 10, at(0)), Err(1));
        assert_eq!(limiter.take("b", 10, at(0)), Ok(()), "another is not held back");
        let taken = (0..10_000).filter(|ms| limiter.take("a", 10, at(*ms)).is_ok()).count();
        assert_eq!(taken, 99, "ten a second, over ten seconds");
        assert_eq!((0..100).filter(|_| limiter.take("a", 10, at(60_000)).is_ok()).count(), 20, "rested");
    }

    #[test]
    fn no_limit_is_none() {
        let limiter = Limiter::default();
        assert!((0..10_000).all(|_| limiter.take("a", 0, at(0)).is_ok()));
    }

    #[test]
    fn the_wait_is_told_in_whole_seconds() {
        let limiter = Limiter::default();
        assert!(limiter.take("a", 1, at(0)).is_ok() && limiter.take("a", 1, at(0)).is_ok());
        assert_eq!(limiter.take("a", 1, at(0)), Err(1));
        assert_eq!(limiter.take("a", 1, at(999)), Err(1));
        assert_eq!(limiter.take("a", 1, at(1_000)), Ok(()));
        assert_eq!(limiter.take("a", 1, at(0)), Err(2), "a clock that went back");
    }

    #[test]
    fn a_household_is_one_address() {
        let address = |text: &str| household(text.parse().unwrap());
        assert_eq!(address("2001:db8:1:2:3:4:5:6"), address("2001:db8:1:2::1"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }

    #[test]
    fn memory_is_bounded_whoever_asks() {
        let limiter = Limiter::default();
        for key in 0..3 * MOST {
            assert!(limiter.take(key, 1, at(0)).is_ok());
        }
        assert!(limiter.due.lock().unwrap().len() <= MOST);
    }
}
