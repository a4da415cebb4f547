//! Answers that are believed for a while.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    time::{Duration, Instant},
};

/// Values with an end each, bounded in number: beyond it the one that ends first goes.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    most: usize,
    values: HashMap<K, (V, Instant, u64)>,
    /// Ends, with a number that tells equal ones apart.
    ends: BTreeMap<(Instant, u64), K>,
    next: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, values: HashMap::new(), ends: BTreeMap::new(), next: 0 }
    }

    pub(crate) fn get(&self, key: &K, now: Instant) -> Option<V> {
        self.values.get(key).filter(|(_, end, _)| now < *end).map(|(value, ..)| value.clone())
    }

    /// Remembers a value for so long; for no time at all nothing is remembered.
    pub(crate) fn put(&mut self, key: K, value: V, now: Instant, keep: Duration) {
        self.remove(&key);
        while self
            .ends
            .first_key_value()
            .is_some_and(|((end, _), _)| *end <= now || self.values.len() >= self.most)
        {
            if let Some((_, ended)) = self.ends.pop_first() {
                self.values.remove(&ended);
            }
        }
        if keep.is_zero() {
            return;
        }
        self.next += 1;
        let end = now + keep;
        self.ends.insert((end, self.next), key.clone());
        self.values.insert(key, (value, end, self.next));
    }

    fn remove(&mut self, key: &K) {
        if let Some((_, end, number)) = self.values.remove(key) {
            self.ends.remove(&(end, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_believed_until_its_end_and_not_beyond() {
        let (mut cache, now) = (Cache::new(10), Instant::now());
        cache.put("a", 1, now, Duration::from_secs(5));
        assert_eq!(cache.get(&"a", now + Duration::from_millis(4_999)), Some(1));
        assert_eq!(cache.get(&"a", now + Duration::from_secs(5)), None);
        cache.put("a", 2, now, Duration::ZERO);
        assert_eq!(
            cache.get(&"a", now),
            None,
            "a newer answer replaces the older, even one that is not kept"
        );
    }

    #[test]
    fn what_ends_first_goes_first_when_it_is_full() {
        let (mut cache, now) = (Cache::new(2), Instant::now());
        cache.put("short", 1, now, Duration::from_secs(1));
        cache.put("long", 2, now, Duration::from_secs(9));
        cache.put("new", 3, now, Duration::from_secs(5));
        assert_eq!(["short", "long", "new"].map(|key| cache.get(&key, now)), [None, Some(2), Some(3)]);
        assert_eq!((cache.values.len(), cache.ends.len()), (2, 2));
        cache.put("later", 4, now + Duration::from_secs(20), Duration::from_secs(1));
        assert_eq!((cache.values.len(), cache.ends.len()), (1, 1), "what has ended takes no room");
    }
}
