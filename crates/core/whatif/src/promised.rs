//! Call-backs and their tries by names that are the same in every run, and how customers were reached.

use std::collections::BTreeMap;

use hookswitch_model::{
    CallRef, CallbackId, Millis, Timestamp,
    callback::{Callback, CallbackOrigin, TryEnd},
    event::{Event, EventKind},
    pbx::Action,
};

use crate::{
    course::{Script, lot},
    figures::Key,
};

/// What a call-back is called in every run: like the caller's call, or like the command that asked for it.
pub(crate) type Name = CallRef;

/// The call-backs of a run.
#[derive(Debug, Default)]
pub(crate) struct Promised {
    names: BTreeMap<CallbackId, Name>,
    ids: BTreeMap<Name, CallbackId>,
    /// How often each was tried.
    tries: BTreeMap<Name, u32>,
    /// What the calls of tries are called in every run, by what they are called in this one.
    calls: BTreeMap<CallRef, CallRef>,
}

impl Promised {
    /// Those that there are when a run begins: their ids are the same in every run.
    pub(crate) fn begin<'a>(&mut self, callbacks: impl Iterator<Item = &'a Callback>) {
        for callback in callbacks {
            self.insert(callback.id, CallRef::new(&callback.id.to_string()));
        }
    }

    fn insert(&mut self, id: CallbackId, name: Name) {
        self.ids.insert(name.clone(), id);
        self.names.insert(id, name);
    }

    pub(crate) fn event(&mut self, event: &Event) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others begin nothing")]
        match &event.kind {
            EventKind::CallbackCreated { callback, call } => {
                let name = match (&callback.origin, call) {
                    (CallbackOrigin::Caller { .. }, Some(call)) => call.pbx_ref.clone(),
                    (CallbackOrigin::Caller { .. } | CallbackOrigin::Request { .. }, _) => {
                        CallRef::new(&event.action.map_or_else(String::new, |command| command.to_string()))
                    }
                };
                self.insert(callback.id, name);
            }
            EventKind::CallbackDialled { callback, call } => {
                let Some(name) = self.names.get(&callback.id) else { return };
                let nth = self.tries.entry(name.clone()).or_default();
                *nth += 1;
                let stable = CallRef::new(&format!("{name}, call-back {nth}"));
                self.calls.insert(call.pbx_ref.clone(), stable);
            }
            _ => {}
        }
    }

    /// What this call-back is called in every run.
    pub(crate) fn name(&self, id: CallbackId) -> Option<&Name> {
        self.names.get(&id)
    }

    /// Which call-back of this run is called so.
    pub(crate) fn id(&self, name: &Name) -> Option<CallbackId> {
        self.ids.get(name).copied()
    }

    /// Whom this action calls back; none: it is a person's own call.
    pub(crate) fn tried(&self, action: &Action) -> Option<&Name> {
        let Action::Dial { data, .. } = action else { return None };
        self.name(data.get("callback")?.parse().ok()?)
    }

    /// What a call is called in every run.
    pub(crate) fn call(&self, call: &CallRef) -> CallRef {
        self.calls.get(call).unwrap_or(call).clone()
    }
}

/// How dialling a customer came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dialled {
    /// None: they talked.
    pub(crate) end: Option<TryEnd>,
    /// So long after the agent was there.
    pub(crate) after: Millis,
    /// How long they talked, if it was over in the record.
    pub(crate) talked: Option<Millis>,
}

/// How customers are reached: each as in the record, when dialled as often as there; else as others were. Nothing is
/// known of who was never dialled, but how many of all were reached, and how soon.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    own: BTreeMap<(Name, u32), Dialled>,
    all: Vec<Dialled>,
}

impl Reach {
    /// From the tries of a record: the first time each customer was dialled, the second, …
    pub(crate) fn estimate(mut tries: Vec<(Name, Timestamp, Dialled)>) -> Self {
        tries.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let mut reach = Self::default();
        let mut nth = 0;
        for (at, (name, _, dialled)) in tries.iter().enumerate() {
            let is_same = at > 0 && tries[at - 1].0 == *name;
            nth = if is_same { nth + 1 } else { 1 };
            reach.own.insert((name.clone(), nth), *dialled);
            reach.all.push(*dialled);
        }
        reach
    }

    /// How dialling this customer for the `nth` time comes out; none: the record knows of no call-back.
    pub(crate) fn of(&self, customer: &Key, nth: u32) -> Option<Dialled> {
        let own = self.own.get(&(customer.1.clone(), nth)).copied();
        let another = (lot(customer, u64::from(nth)) * self.all.len() as f64) as usize;
        own.or_else(|| self.all.get(another).copied())
    }
}

/// What a script tells of its try, where the customer was dialled in it and something came of it.
pub(crate) fn dialled(script: &Script) -> Option<(Name, Timestamp, Dialled)> {
    let (name, at) = (script.tries.clone()?, script.dialled_at?);
    let end = script.try_end.filter(|_| script.answered_at.is_none());
    let over = script.answered_at.or(script.ended_at.filter(|_| end.is_some()))?;
    Some((name, at, Dialled { end, after: over.since(at), talked: script.talked() }))
}

#[cfg(test)]
mod tests {
    use hookswitch_model::PbxId;

    use super::*;

    fn try_of(name: &str, at: u64, end: Option<TryEnd>) -> (Name, Timestamp, Dialled) {
        let dialled = Dialled { end, after: Millis::from_secs(at), talked: None };
        (name.into(), Timestamp::from_millis(at), dialled)
    }

    #[test]
    fn a_customer_is_reached_as_in_the_record_and_beyond_it_as_others_were() {
        let key = |name: &str| (PbxId::new("hq").unwrap(), name.into());
        let reach = Reach::estimate(vec![
            try_of("c1", 9, None),
            try_of("c2", 5, Some(TryEnd::NoAnswer)),
            try_of("c1", 4, Some(TryEnd::Busy)),
        ]);
        let end = |name: &str, nth| reach.of(&key(name), nth).map(|dialled| dialled.end);
        assert_eq!(end("c1", 1), Some(Some(TryEnd::Busy)));
        assert_eq!(end("c1", 2), Some(None));
        assert_eq!(end("c2", 1), Some(Some(TryEnd::NoAnswer)));
        let others: Vec<_> = (0..300).map(|n| end(&format!("d{n}"), 1).unwrap()).collect();
        for one in [None, Some(TryEnd::Busy), Some(TryEnd::NoAnswer)] {
            let share = others.iter().filter(|end| **end == one).count();
            assert!((60..140).contains(&share), "{one:?}: {share} of 300");
        }
        assert_eq!(Reach::default().of(&key("c1"), 1), None);
    }
}
