//! The line of a queue: who stands where.

use std::{cmp::Reverse, collections::BTreeMap};

use hookswitch_model::{CallId, Millis, Timestamp};

/// Elements in order, in pieces, so that inserting moves little memory and a rank is a sum over pieces.
#[derive(Debug, Clone)]
struct Sorted<T> {
    pieces: Vec<Vec<T>>,
    len: usize,
}

const PIECE: usize = 256;

impl<T: Ord + Copy> Sorted<T> {
    const fn new() -> Self {
        Self { pieces: Vec::new(), len: 0 }
    }

    /// The piece that holds `item` or would take it.
    fn piece_of(&self, item: &T) -> usize {
        let at = self.pieces.partition_point(|piece| piece.last().is_some_and(|last| last < item));
        at.min(self.pieces.len().saturating_sub(1))
    }

    fn insert(&mut self, item: T) {
        let at = self.piece_of(&item);
        let Some(piece) = self.pieces.get_mut(at) else {
            self.pieces.push(vec![item]);
            self.len += 1;
            return;
        };
        let Err(within) = piece.binary_search(&item) else { return };
        piece.insert(within, item);
        self.len += 1;
        if piece.len() > PIECE {
            // A line grows at its end: a full last piece keeps most, so that pieces are not left half empty.
            let keep = if within + 1 == piece.len() { PIECE - PIECE / 8 } else { PIECE / 2 };
            let rest = piece.split_off(keep);
            self.pieces.insert(at + 1, rest);
        }
    }

    fn remove(&mut self, item: &T) -> bool {
        let at = self.piece_of(item);
        let Some(piece) = self.pieces.get_mut(at) else { return false };
        let Ok(within) = piece.binary_search(item) else { return false };
        piece.remove(within);
        self.len -= 1;
        if piece.is_empty() {
            self.pieces.remove(at);
        }
        true
    }

    /// How many elements are smaller. Counts from the nearer end.
    fn rank(&self, item: &T) -> usize {
        let at = self.piece_of(item);
        let Some(piece) = self.pieces.get(at) else { return 0 };
        let within = piece.partition_point(|other| other < item);
        if at * 2 < self.pieces.len() {
            self.pieces[..at].iter().map(Vec::len).sum::<usize>() + within
        } else {
            self.len - self.pieces[at..].iter().map(Vec::len).sum::<usize>() + within
        }
    }

    fn first(&self) -> Option<&T> {
        self.pieces.first().and_then(|piece| piece.first())
    }
}

/// All calls of a queue, those being offered included, by priority and age. It knows places; it decides nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    classes: BTreeMap<Reverse<i32>, Sorted<(Timestamp, CallId)>>,
    len: usize,
}

impl Line {
    pub(super) fn insert(&mut self, priority: i32, since: Timestamp, call: CallId) {
        self.classes.entry(Reverse(priority)).or_insert_with(Sorted::new).insert((since, call));
        self.len += 1;
    }

    pub(super) fn remove(&mut self, priority: i32, since: Timestamp, call: CallId) {
        let Some(class) = self.classes.get_mut(&Reverse(priority)) else { return };
        if class.remove(&(since, call)) {
            self.len -= 1;
        }
        if class.len == 0 {
            self.classes.remove(&Reverse(priority));
        }
    }

    /// The call's place from 1. With ageing a call of another priority is ahead if it came before the moment that
    /// makes both equal; without, if its priority is higher.
    pub(super) fn place(
        &self,
        priority: i32,
        since: Timestamp,
        call: CallId,
        ageing: Option<Millis>,
    ) -> usize {
        let ahead = |(class, calls): (&Reverse<i32>, &Sorted<(Timestamp, CallId)>)| match ageing {
            None if class.0 > priority => calls.len,
            None if class.0 < priority => 0,
            None => calls.rank(&(since, call)),
            Some(point) => {
                let lead = i128::from(class.0) - i128::from(priority);
                let equal = i128::from(since.as_micros()) + lead * i128::from(point.0) * 1_000;
                match u64::try_from(equal) {
                    Ok(equal) => calls.rank(&(Timestamp::from_micros(equal), call)),
                    Err(_) if equal < 0 => 0,
                    Err(_) => calls.len,
                }
            }
        };
        self.classes.iter().map(ahead).sum::<usize>() + 1
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Since when the longest waiting call waits.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.classes.values().filter_map(|class| class.first()).map(|(since, _)| *since).min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sorted_list_is_a_set_that_knows_ranks(steps in prop::collection::vec((any::<bool>(), 0_u16..900), 1..3_000)) {
            let mut sorted = Sorted::new();
            let mut model = std::collections::BTreeSet::new();
            for (insert, item) in steps {
                if insert {
                    sorted.insert(item);
                    model.insert(item);
                } else {
                    prop_assert_eq!(sorted.remove(&item), model.remove(&item));
                }
                prop_assert_eq!(sorted.rank(&item), model.range(..item).count());
                prop_assert_eq!(sorted.first(), model.first());
                prop_assert_eq!(sorted.len, model.len());
            }
        }
    }

    #[test]
    fn with_ageing_a_point_of_priority_is_worth_its_wait() {
        let minute = Some(Millis::from_secs(60));
        let at = |secs: u64| Timestamp::from_millis(secs * 1_000);
        let mut line = Line::default();
        let [old, young] = [CallId::from(1), CallId::from(2)];
        line.insert(0, at(1_000), old);
        line.insert(1, at(1_059), young);
        assert_eq!(line.place(1, at(1_059), young, minute), 1, "59 s later, but a point ahead");
        line.remove(1, at(1_059), young);
        line.insert(1, at(1_061), young);
        assert_eq!(line.place(1, at(1_061), young, minute), 2, "61 s later: the point is used up");
        assert_eq!(line.place(1, at(1_061), young, None), 1, "strict priority");
    }
}
