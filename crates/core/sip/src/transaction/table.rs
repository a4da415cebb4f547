//! Transactions by number: constant time, and an old number never finds a new entry.

/// A place in a [`Table`], and which of its tenants is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Handle {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// Entries in places that are used again.
#[derive(Debug)]
pub(crate) struct Table<T> {
    places: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    pub(crate) const fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The handle the next [`Table::insert`] will give.
    pub(crate) fn next_handle(&self) -> Handle {
        let fresh = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let index = self.free.last().copied().unwrap_or(fresh);
        let generation = self.places.get(index as usize).map_or(0, |(generation, _)| *generation);
        Handle { index, generation }
    }

    pub(crate) fn insert(&mut self, entry: T) -> Handle {
        let handle = self.next_handle();
        match self.free.pop().and_then(|index| self.places.get_mut(index as usize)) {
            Some((_, place)) => *place = Some(entry),
            None => self.places.push((0, Some(entry))),
        }
        handle
    }

    pub(crate) fn get(&self, handle: Handle) -> Option<&T> {
        let (generation, entry) = self.places.get(handle.index as usize)?;
        entry.as_ref().filter(|_| *generation == handle.generation)
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        let (generation, entry) = self.places.get_mut(handle.index as usize)?;
        entry.as_mut().filter(|_| *generation == handle.generation)
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Option<T> {
        let (generation, entry) = self.places.get_mut(handle.index as usize)?;
        if *generation != handle.generation {
            return None;
        }
        let entry = entry.take()?;
        *generation = generation.wrapping_add(1);
        self.free.push(handle.index);
        Some(entry)
    }
}
