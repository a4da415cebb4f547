//! Calls in line.

use std::collections::VecDeque;

use hookswitch_model::{CallId, Millis, Timestamp};

use super::waiting::{CallNo, Key};

/// One call in a line. Calls of the same priority stand in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct InLine {
    pub(super) since: Timestamp,
    pub(super) call: CallId,
    pub(super) number: CallNo,
}

impl InLine {
    fn order(&self) -> (Timestamp, CallId) {
        (self.since, self.call)
    }
}

/// Calls of one priority, oldest first, in pieces: leaving from the middle moves little memory, and a rank is a sum over
/// pieces. Coming at the end and leaving from the front, which is nearly all that happens, touch one place in memory.
#[derive(Debug, Clone, Default)]
struct Class {
    pieces: VecDeque<VecDeque<InLine>>,
    len: usize,
}

const PIECE: usize = 256;

impl Class {
    fn first(&self) -> Option<&InLine> {
        self.pieces.front().and_then(VecDeque::front)
    }

    /// The piece that holds a call, or would take it.
    fn piece_of(&self, order: &(Timestamp, CallId)) -> usize {
        let is_before = |piece: &VecDeque<InLine>| piece.back().is_some_and(|last| last.order() < *order);
        let last = self.pieces.len().saturating_sub(1);
        if last > 0 && is_before(&self.pieces[last - 1]) {
            return last;
        }
        self.pieces.partition_point(is_before).min(last)
    }

    fn insert(&mut self, new: InLine) {
        let order = new.order();
        let at = self.piece_of(&order);
        if self.pieces.is_empty() {
            self.pieces.push_back(VecDeque::new());
        }
        let piece = &mut self.pieces[at];
        if piece.back().is_none_or(|last| last.order() < order) {
            piece.push_back(new);
        } else {
            let Err(within) = piece.binary_search_by_key(&order, InLine::order) else { return };
            piece.insert(within, new);
        }
        self.len += 1;
        if self.pieces[at].len() > PIECE {
            // A line grows at its end: the last piece is left nearly full.
            let keep = if at + 1 == self.pieces.len() { PIECE } else { PIECE / 2 };
            let rest = self.pieces[at].split_off(keep);
            self.pieces.insert(at + 1, rest);
        }
    }

    fn remove(&mut self, order: &(Timestamp, CallId)) -> bool {
        if self.first().is_some_and(|first| first.order() == *order) {
            self.pieces[0].pop_front();
            self.forget_if_empty(0);
            return true;
        }
        let at = self.piece_of(order);
        let Some(piece) = self.pieces.get_mut(at) else { return false };
        let Ok(within) = piece.binary_search_by_key(order, InLine::order) else { return false };
        piece.remove(within);
        self.forget_if_empty(at);
        true
    }

    fn forget_if_empty(&mut self, at: usize) {
        self.len -= 1;
        if self.pieces[at].is_empty() {
            self.pieces.remove(at);
        }
    }

    /// How many stand before. Counts from the nearer end.
    fn rank(&self, order: &(Timestamp, CallId)) -> usize {
        // Who comes is behind everybody, as a rule.
        if self.pieces.back().and_then(VecDeque::back).is_none_or(|last| last.order() < *order) {
            return self.len;
        }
        let at = self.piece_of(order);
        let Some(piece) = self.pieces.get(at) else { return 0 };
        let within = piece.partition_point(|other| other.order() < *order);
        if at * 2 < self.pieces.len() {
            self.pieces.range(..at).map(VecDeque::len).sum::<usize>() + within
        } else {
            self.len - self.pieces.range(at..).map(VecDeque::len).sum::<usize>() + within
        }
    }

    fn iter(&self) -> impl Iterator<Item = &InLine> {
        self.pieces.iter().flatten()
    }
}

/// Calls by priority and age. It knows places; it decides nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    /// Highest priority first. A handful, as a rule: those that routes give.
    classes: Vec<(i32, Class)>,
    len: usize,
}

impl Line {
    pub(super) fn insert(&mut self, priority: i32, call: InLine) {
        let at = match self.find(priority) {
            Ok(at) => at,
            Err(at) => {
                self.classes.insert(at, (priority, Class::default()));
                at
            }
        };
        self.classes[at].1.insert(call);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, priority: i32, since: Timestamp, call: CallId) {
        let Ok(at) = self.find(priority) else { return };
        let class = &mut self.classes[at].1;
        if class.remove(&(since, call)) {
            self.len -= 1;
        }
        if class.len == 0 {
            self.classes.remove(at);
        }
    }

    /// Where the class of a priority is, or would be.
    fn find(&self, priority: i32) -> Result<usize, usize> {
        self.classes.binary_search_by(|(other, _)| priority.cmp(other))
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
        let ahead = |(class, calls): &(i32, Class)| match ageing {
            None if *class > priority => calls.len,
            None if *class < priority => 0,
            None => calls.rank(&(since, call)),
            Some(point) => {
                let lead = i128::from(*class) - i128::from(priority);
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

    /// The call whose turn it is.
    pub(super) fn first(&self, ageing: Option<Millis>) -> Option<(Key, CallNo)> {
        let firsts = self.classes.iter().filter_map(|(class, calls)| {
            let first = calls.first()?;
            Some((Key::new(first.call, *class, first.since, ageing), first.number))
        });
        // Without ageing the highest priority comes first, whatever stands behind.
        if ageing.is_none() { firsts.into_iter().next() } else { firsts.min() }
    }

    /// The calls in the order of their turns.
    pub(super) fn in_turn(&self, ageing: Option<Millis>) -> impl Iterator<Item = (Key, CallNo)> + '_ {
        let key =
            move |class: i32, call: &InLine| (Key::new(call.call, class, call.since, ageing), call.number);
        let mut classes: Vec<_> = self
            .classes
            .iter()
            .map(|(class, calls)| calls.iter().map(move |call| key(*class, call)).peekable())
            .collect();
        std::iter::from_fn(move || {
            let next = classes
                .iter_mut()
                .filter_map(|calls| calls.peek().copied().map(|key| (key, calls)))
                .min_by_key(|(key, _)| *key);
            next.and_then(|(_, calls)| calls.next())
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn standing(at: u64) -> InLine {
        InLine { since: Timestamp::from_millis(at), call: CallId::from(u128::from(at % 7)), number: 0 }
    }

    proptest! {
        #[test]
        fn a_class_is_a_sorted_set_that_knows_ranks(steps in prop::collection::vec((0..3, 0_u64..900), 1..3_000)) {
            let mut class = Class::default();
            let mut model = std::collections::BTreeSet::new();
            for (kind, at) in steps {
                // Mostly new ones at the end, sometimes in the middle; leaving from anywhere.
                let new = standing(if kind == 0 { at } else { 1_000 + model.len() as u64 });
                if kind < 2 {
                    class.insert(new);
                    model.insert(new);
                } else {
                    let old = model.range(standing(at)..).next().copied().unwrap_or(new);
                    prop_assert_eq!(class.remove(&old.order()), model.remove(&old));
                }
                prop_assert_eq!(class.rank(&new.order()), model.range(..new).count());
                prop_assert_eq!(class.first(), model.first());
                prop_assert_eq!(class.len, model.len());
            }
            prop_assert!(class.iter().eq(model.iter()));
        }
    }

    #[test]
    fn with_ageing_a_point_of_priority_is_worth_its_wait() {
        let minute = Some(Millis::from_secs(60));
        let at = |secs: u64| Timestamp::from_millis(secs * 1_000);
        let mut line = Line::default();
        let [old, young] = [CallId::from(1), CallId::from(2)];
        let stand = |line: &mut Line, priority, since, call| {
            line.insert(priority, InLine { since, call, number: 0 });
            line.first(minute).unwrap().0.call
        };
        assert_eq!(stand(&mut line, 0, at(1_000), old), old);
        assert_eq!(stand(&mut line, 1, at(1_059), young), young, "59 s later, but a point ahead");
        assert_eq!(line.place(1, at(1_059), young, minute), 1);
        line.remove(1, at(1_059), young);
        assert_eq!(stand(&mut line, 1, at(1_061), young), old, "61 s later: the point is used up");
        assert_eq!(line.place(1, at(1_061), young, minute), 2);
        assert_eq!(line.place(1, at(1_061), young, None), 1, "strict priority");
        assert_eq!(line.first(None).unwrap().0.call, young);
    }
}
