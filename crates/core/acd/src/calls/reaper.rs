//! Calls without a trace: asked for, and given up when nobody knows them.
//!
//! Nothing is looked at that gives signs of life: a call has one deadline, and when it comes the time of the last
//! sign decides. A PBX whose link is down cannot be asked; its calls wait for the comparison of lists.

use hookswitch_model::{ActionId, CallId, Millis, ledger::Cause, pbx::Action};

use super::{Place, cause, disposition::Ending, lifecycle::Finish};
use crate::{engine::Engine, timers::Timer};

/// A call is asked for when nothing was seen of it for this long, and again each time after.
const ASK_AFTER: Millis = Millis::from_secs(30);
/// A call of which nothing was seen for this long is given up.
const GIVE_UP_AFTER: Millis = Millis::from_secs(85);
/// What a PBX refused to do for a caller who is told to leave is asked again after this.
const AGAIN: Millis = Millis::from_secs(2);

impl Engine {
    /// Begins to look after a new call.
    pub(crate) fn watch_trace(&mut self, id: CallId) {
        if self.looks_for_traces() {
            self.timers.set(Timer::Trace(id), self.now() + ASK_AFTER);
        }
    }

    /// A call's deadline came. Slept through, it says nothing about the call: the time begins anew.
    pub(crate) fn check_trace(&mut self, id: CallId, slept: bool) {
        let now = self.now();
        if !self.looks_for_traces() {
            return;
        }
        let Some(record) = self.calls.get_mut(id) else { return };
        if slept {
            record.last_seen = now;
            record.probes.clear();
        }
        let silence = now.since(record.last_seen);
        let (last_seen, pbx) = (record.last_seen, record.call.pbx.clone());
        let next = if !self.is_linked(&pbx) {
            now + ASK_AFTER
        } else if silence >= GIVE_UP_AFTER {
            self.give_up(id, "no sign of life", false);
            return;
        } else if silence >= ASK_AFTER {
            self.probe(id);
            (now + ASK_AFTER).min(last_seen + GIVE_UP_AFTER)
        } else {
            last_seen + ASK_AFTER
        };
        self.timers.set(Timer::Trace(id), next);
    }

    /// Asks the PBX whether the legs of a call still live.
    pub(crate) fn probe(&mut self, id: CallId) {
        let Some(record) = self.calls.get(id) else { return };
        let (pbx, call) = record.reference();
        let here = record.parties.iter().enumerate().filter(|(place, _)| record.is_here(*place));
        let legs: Vec<_> = here.map(|(_, party)| party.leg_ref.clone()).collect();
        for leg in legs {
            let asked = self.ask(&pbx, Some(id), Action::Probe { call: call.clone(), leg });
            if let Some(record) = self.calls.get_mut(id) {
                record.probes.push(asked);
            }
        }
    }

    /// Ends a call the PBX does not know any more, or never spoke of again. The cause carries the evidence.
    pub(crate) fn give_up(&mut self, id: CallId, why: &str, restarted: bool) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        let silent = now.since(record.last_seen).0 / 1_000;
        let text = format!("{why}: last seen {silent} s ago, asked {} times", record.probes.len());
        let q850 = if restarted { cause::TEMPORARY_FAILURE } else { 0 };
        self.counters.lost_calls += 1;
        let ending = Ending { by: None, q850: None, recovered: true, lost: true };
        self.finish(id, Finish { ending, cause: Some(Cause { q850, text }), merged: None });
    }

    /// The PBX took or refused what we asked for.
    pub(crate) fn action_result(&mut self, action: ActionId, refused: Option<&str>) {
        let now = self.now();
        let Some(id) = self.asked.remove(&action) else { return };
        let Some(record) = self.calls.get_mut(id) else { return };
        record.asked.retain(|asked| *asked != action);
        if record.probes.contains(&action) {
            if refused.is_none() {
                record.last_seen = now;
                record.probes.clear();
            }
            return;
        }
        match (record.place.clone(), refused) {
            (Place::Ringing(ring), Some(_)) if ring.id == action => self.ring_refused(id),
            (Place::Leaving { asked, .. }, Some(_)) if asked == action => {
                self.timers.set(Timer::Retry(id), now + AGAIN);
            }
            (Place::Leaving { exit, asked }, None) if asked == action => self.left_as_told(id, &exit),
            (
                Place::Elsewhere
                | Place::Waiting
                | Place::Refused
                | Place::Ringing(_)
                | Place::Leaving { .. },
                Some(_) | None,
            ) => {}
        }
    }
}
