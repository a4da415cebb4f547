//! What waits to be told, by time: cheap to look at with every event, however much waits.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::Timestamp;

use super::settle::Pending;

/// What waits, each once.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    due: BTreeMap<Pending, Timestamp>,
    /// The same by time.
    order: BTreeSet<(Timestamp, Pending)>,
}

impl Agenda {
    /// Adds it, unless it waits already.
    pub(super) fn add(&mut self, due: Timestamp, pending: Pending) {
        if !self.due.contains_key(&pending) {
            self.order.insert((due, pending.clone()));
            self.due.insert(pending, due);
        }
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(due, _)| *due)
    }

    /// Takes what comes first of all that is due by then: by its urgency, then by its time.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<(Timestamp, Pending)> {
        if self.next()? > now {
            return None;
        }
        let due = self.order.iter().take_while(|(due, _)| *due <= now);
        let first = due.min_by_key(|(due, pending)| (pending.urgency(), *due)).cloned()?;
        self.remove(&first.1);
        Some(first)
    }

    /// Takes the join that has waited longest.
    pub(super) fn take_join(&mut self) -> Option<Pending> {
        // They sort together, because they are one variant of the enum.
        let after = self.due.range(Pending::first_join()..);
        let joins = after.take_while(|(pending, _)| matches!(pending, Pending::Join(_)));
        let (join, _) = joins.min_by_key(|(_, due)| **due)?;
        let join = join.clone();
        self.remove(&join);
        Some(join)
    }

    fn remove(&mut self, pending: &Pending) {
        if let Some(due) = self.due.remove(pending) {
            self.order.remove(&(due, pending.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn what_is_due_comes_by_urgency_then_by_time_and_each_once() {
        let (join, begin) = (Pending::Join("1".into()), Pending::Begin("2".into()));
        let route = Pending::Route("3".into());
        let mut agenda = Agenda::default();
        agenda.add(at(1), route.clone());
        agenda.add(at(3), join.clone());
        agenda.add(at(2), begin.clone());
        agenda.add(at(9), join.clone());
        assert_eq!(agenda.next(), Some(at(1)));
        assert_eq!(agenda.take(at(0)), None);
        assert_eq!(agenda.take(at(3)), Some((at(2), begin)));
        assert_eq!(agenda.take_join(), Some(join));
        assert_eq!(agenda.take_join(), None);
        assert_eq!(agenda.take(at(9)), Some((at(1), route)));
        assert_eq!(agenda.take(at(9)), None);
    }
}
