//! The order that facts must keep, whatever a stream does.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{
    CallRef, LegRef,
    pbx::{Fact, PbxEvent},
};

/// What is known of a call that was told.
#[derive(Debug, Default)]
struct Told {
    /// Legs that are there.
    here: BTreeSet<LegRef>,
    /// Legs that left or moved away.
    left: BTreeSet<LegRef>,
    talking: BTreeSet<LegRef>,
}

/// Checks facts one by one; panics at the first that breaks a rule.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    calls: BTreeMap<CallRef, Told>,
    pub(crate) started: usize,
    pub(crate) over: usize,
    last: hookswitch_model::Timestamp,
}

impl Rules {
    /// Calls that were told and did not end.
    pub(crate) fn open(&self) -> impl Iterator<Item = &CallRef> {
        self.calls.keys()
    }

    pub(crate) fn check(&mut self, event: &PbxEvent) {
        assert!(event.at >= self.last, "time goes forward: {event:?}");
        self.last = event.at;
        let fact = &event.fact;
        match fact {
            Fact::CallStarted { call, originator, .. } => {
                let told = Told { here: [originator.leg.clone()].into(), ..Told::default() };
                assert!(self.calls.insert(call.clone(), told).is_none(), "started twice: {fact:?}");
                self.started += 1;
            }
            Fact::LegRinging { call, leg, .. } | Fact::Supervised { call, leg, .. } => {
                let told = self.told(call, fact);
                assert!(!told.left.contains(&leg.leg), "a leg that left rings: {fact:?}");
                told.here.insert(leg.leg.clone());
            }
            Fact::LegMoved { from, to, leg } => {
                let old = self.told(from, fact);
                assert!(
                    old.here.remove(leg) && old.left.insert(leg.clone()),
                    "moved, but not there: {fact:?}"
                );
                assert!(self.told(to, fact).here.insert(leg.clone()), "moved to where it is: {fact:?}");
            }
            Fact::LegLeft { call, leg, .. } => {
                let told = self.told(call, fact);
                assert!(told.here.remove(leg), "left, but not there: {fact:?}");
                told.talking.remove(leg);
                told.left.insert(leg.clone());
            }
            Fact::CallEnded { call, .. } | Fact::CallMerged { call, .. } => {
                let told = self.calls.remove(call).unwrap_or_else(|| panic!("over, but not begun: {fact:?}"));
                assert!(told.here.is_empty(), "over, but {:?} did not leave: {fact:?}", told.here);
                self.over += 1;
                if let Fact::CallMerged { into, .. } = fact {
                    self.told(into, fact);
                }
            }
            _ => self.of_a_leg(fact),
        }
    }

    fn of_a_leg(&mut self, fact: &Fact) {
        let Some(call) = fact.call() else { return };
        let told = self.told(call, fact);
        match fact {
            Fact::LegUp { leg, .. } | Fact::Held { leg, .. } | Fact::Retrieved { leg, .. } => {
                assert!(told.here.contains(leg), "of a leg that is not there: {fact:?}");
            }
            Fact::Talking { leg, .. } => {
                assert!(told.here.contains(leg), "of a leg that is not there: {fact:?}");
                assert!(told.talking.insert(leg.clone()), "talks twice: {fact:?}");
            }
            Fact::Apart { leg, .. } => {
                assert!(told.talking.remove(leg), "apart, but did not talk: {fact:?}");
            }
            Fact::Conferenced { legs, .. } => {
                assert!(legs.len() > 2 && legs.iter().all(|leg| told.talking.contains(leg)), "{fact:?}");
            }
            _ => {}
        }
    }

    fn told(&mut self, call: &CallRef, fact: &Fact) -> &mut Told {
        self.calls.get_mut(call).unwrap_or_else(|| panic!("of a call that is not there: {fact:?}"))
    }
}
