//! Where a directory keeps its keys and values.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{PoisonError, RwLock},
};

use super::DirectoryError;

/// A key, and its new value or none.
pub(crate) type Write = (Vec<u8>, Option<Vec<u8>>);

/// Ordered keys and values.
pub(crate) trait Pages: Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DirectoryError>;
    /// Hands on what begins with `prefix` and stands behind `after`, in order, until `each` says no.
    fn scan(
        &self,
        prefix: &[u8],
        after: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), DirectoryError>;
    /// Writes all or nothing; of the same key the last counts. Durable when it returns.
    fn apply(&self, writes: Vec<Write>) -> Result<(), DirectoryError>;
}

/// Gone with the process.
#[derive(Debug, Default)]
pub(crate) struct InMemory(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Pages for InMemory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DirectoryError> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), DirectoryError> {
        let pages = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let range = pages.range::<[u8], _>((start(prefix, after), Bound::Unbounded));
        for (key, value) in range.take_while(|(key, _)| key.starts_with(prefix)) {
            if !each(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, writes: Vec<Write>) -> Result<(), DirectoryError> {
        let mut pages = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in writes {
            match value {
                Some(value) => pages.insert(key, value),
                None => pages.remove(&key),
            };
        }
        Ok(())
    }
}

/// Where a scan begins.
pub(crate) fn start<'a>(prefix: &'a [u8], after: &'a [u8]) -> Bound<&'a [u8]> {
    if after > prefix { Bound::Excluded(after) } else { Bound::Included(prefix) }
}
