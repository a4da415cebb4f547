//! Calls without a trace: asked for, and given up when nobody knows them.
//!
//! Nothing is looked at that gives signs of life: a call has one deadline, and when it comes the time of the last
//! sign decides. A PBX whose link is down cannot be asked; its calls wait for the comparison of lists.

use hookswitch_model::{
    ActionId, CallId, Millis, PbxId, Timestamp,
    call::{Address, LegState},
    ledger::Cause,
    pbx::{Action, Fact, LegEnd},
};

use super::{CallRecord, Place, cause, disposition::Ending, lifecycle::Finish, record::Party};
use crate::{agents::EVIDENCE_GONE, engine::Engine, timers::Timer};

/// A call is asked for when nothing was seen of it for this long, and again each time after.
const ASK_AFTER: Millis = Millis::from_secs(30);
/// A call of which nothing was seen for this long is given up.
const GIVE_UP_AFTER: Millis = Millis::from_secs(85);
/// The end of a call follows that of its last leg at once. One that does not was missed.
const END_FOLLOWS: Millis = Millis::from_secs(5);
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
            record.all_legs_seen(now);
        }
        let silence = now.since(record.last_seen);
        let linked = self.links.get(&record.call.pbx).is_some_and(crate::engine::Link::is_up);
        if linked && silence >= GIVE_UP_AFTER {
            self.give_up(id, "no sign of life", false);
            return;
        }
        if linked && record.is_empty() && silence >= END_FOLLOWS {
            self.give_up(id, "every leg of it is gone", false);
            return;
        }
        if linked {
            self.give_legs_up(id);
            self.probe_silent(id);
        }
        if let Some(next) = self.next_look(id, linked) {
            self.timers.set(Timer::Trace(id), next);
        }
    }

    /// The last leg of a call left: its end is due.
    pub(crate) fn end_is_due(&mut self, id: CallId) {
        if self.looks_for_traces() && self.calls.get(id).is_some_and(CallRecord::is_empty) {
            self.timers.set(Timer::Trace(id), self.now() + END_FOLLOWS);
        }
    }

    /// When a call is looked at again: when a leg has been silent for long enough to be asked for, or for too long.
    fn next_look(&self, id: CallId, linked: bool) -> Option<Timestamp> {
        let now = self.now();
        let record = self.calls.get(id)?;
        if !linked {
            return Some(now + ASK_AFTER);
        }
        let here = record.parties.iter().enumerate().filter(|(place, _)| record.is_here(*place));
        let dues = here.flat_map(|(_, party)| {
            [party.asked_at.unwrap_or(party.seen) + ASK_AFTER, party.seen + GIVE_UP_AFTER]
        });
        let end = record.is_empty().then(|| record.last_seen + END_FOLLOWS);
        let dues = dues.chain([record.last_seen + GIVE_UP_AFTER, now + ASK_AFTER]).chain(end);
        dues.filter(|due| *due > now).min()
    }

    /// Asks the PBX for the legs that were silent for long enough.
    fn probe_silent(&mut self, id: CallId) {
        let now = self.now();
        self.probe_legs(id, |party| {
            now.since(party.seen) >= ASK_AFTER && party.asked_at.is_none_or(|at| now.since(at) >= ASK_AFTER)
        });
    }

    /// Asks the PBX whether the legs of a call still live.
    pub(crate) fn probe(&mut self, id: CallId) {
        self.probe_legs(id, |_| true);
    }

    /// Asks the PBX for the legs on a device that went away: a phone that was unplugged says no good-bye.
    pub(crate) fn probe_device(&mut self, pbx: &PbxId, address: &Address) {
        let on_it = |record: &CallRecord| {
            record.call.pbx == *pbx
                && record.call.legs.iter().any(|leg| leg.address == *address && leg.state != LegState::Left)
        };
        let calls: Vec<CallId> =
            self.calls.live().filter(|record| on_it(record)).map(|record| record.call.id).collect();
        for id in calls {
            self.probe_legs(id, |_| true);
        }
    }

    fn probe_legs(&mut self, id: CallId, which: impl Fn(&Party) -> bool) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        let (pbx, call) = record.reference();
        let here = (0..record.parties.len()).filter(|place| record.is_here(*place));
        let places: Vec<usize> = here.filter(|place| which(&record.parties[*place])).collect();
        for place in places {
            let Some(leg) = self.calls.get(id).map(|record| record.parties[place].leg_ref.clone()) else {
                return;
            };
            let asked = self.ask(&pbx, Some(id), Action::Probe { call: call.clone(), leg });
            if let Some(record) = self.calls.get_mut(id) {
                record.probes.push(asked);
                record.parties[place].probes.push(asked);
                record.parties[place].asked_at = Some(now);
            }
        }
    }

    /// Legs the PBX never spoke of again, in a call that goes on: they left. The customer's is the call itself.
    fn give_legs_up(&mut self, id: CallId) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        let silent = |place: &usize| {
            let party = &record.parties[*place];
            record.is_here(*place) && !party.probes.is_empty() && now.since(party.seen) >= GIVE_UP_AFTER
        };
        let gone: Vec<usize> = (0..record.parties.len()).filter(silent).collect();
        let alone = record.customer.is_some_and(|customer| gone.contains(&customer));
        if alone {
            self.give_up(id, "no sign of life", false);
            return;
        }
        for place in gone {
            let Some(leg) = self.calls.get(id).map(|record| record.parties[place].leg_ref.clone()) else {
                return;
            };
            self.counters.lost_legs += 1;
            self.leg_left(id, &leg, LegEnd::Released, None);
            self.consult_changed(id);
            self.sync_call_agents(id, Some(EVIDENCE_GONE));
        }
    }

    /// The legs a fact speaks of live.
    #[expect(clippy::wildcard_enum_match_arm, reason = "a fact that names no leg is no sign of one")]
    pub(crate) fn legs_seen(&mut self, id: CallId, fact: &Fact) {
        let now = self.now();
        let leg = match fact {
            Fact::LegUp { leg, .. }
            | Fact::Talking { leg, .. }
            | Fact::Apart { leg, .. }
            | Fact::Held { leg, .. }
            | Fact::Retrieved { leg, .. }
            | Fact::Digit { leg, .. } => leg,
            Fact::LegRinging { leg, .. } | Fact::Supervised { leg, .. } => &leg.leg,
            _ => return,
        };
        let Some(record) = self.calls.get_mut(id) else { return };
        if let Some(place) = record.leg(leg) {
            record.parties[place].sign_of_life(now);
        }
    }

    /// A leg that was asked for turns out to be gone: who is released by that is told why.
    pub(crate) fn audits(&self, id: CallId, fact: &Fact) -> bool {
        let Fact::LegLeft { leg, .. } = fact else { return false };
        let Some(record) = self.calls.get(id) else { return false };
        self.is_recovered() && record.leg(leg).is_some_and(|place| !record.parties[place].probes.is_empty())
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
        if let Some(party) = record.parties.iter_mut().find(|party| party.probes.contains(&action))
            && refused.is_none()
        {
            party.sign_of_life(now);
        }
        if record.probes.contains(&action) {
            if refused.is_none() {
                record.last_seen = now;
                record.probes.clear();
            }
            return;
        }
        if self.control_result(id, action, refused) {
            return;
        }
        let Some(record) = self.calls.get(id) else { return };
        match (record.place.clone(), refused) {
            (Place::Ringing(ring), Some(_)) if ring.id == action => self.ring_refused(id),
            (Place::Leaving { asked, .. }, Some(_)) if asked == Some(action) => {
                self.timers.set(Timer::Retry(id), now + AGAIN);
            }
            (Place::Leaving { exit, asked }, None) if asked == Some(action) => self.left_as_told(id, &exit),
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
