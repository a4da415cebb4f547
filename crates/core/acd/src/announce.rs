//! What waiting callers are told: the place in line, and how long it may still take.
//!
//! A promise is kept: while a caller moves up nowhere, less than was said last, and is not over yet, is not said. An
//! estimate that falls because somebody ahead was served or gave up is said as it is.

use hookswitch_model::{CallId, Millis, Timestamp, pbx::Action, setup::AnnounceSetup};
use serde::{Deserialize, Serialize};

use crate::{
    calls::{Place, Visit},
    engine::Engine,
    timers::Timer,
};

/// Who is rung for when it is time is told this much later, if nobody answers.
const AFTER_RINGING: Millis = Millis::from_secs(5);
const MINUTE: u64 = 60_000;

/// What a caller was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announced {
    at: Timestamp,
    position: u32,
    /// Whole minutes; none: nothing was said of it.
    wait: Option<Millis>,
}

impl Engine {
    /// Sets when a waiting caller is told next; of who waits in no queue that tells, never.
    pub(crate) fn announce_later(&mut self, id: CallId) {
        let now = self.now();
        let Some((visit, setup)) = self.announces(id) else {
            self.timers.cancel(&Timer::Announce(id));
            return;
        };
        let since = visit.since;
        let due = match (self.calls.get(id).and_then(|record| record.announced), setup.every) {
            (None, _) => since + setup.after,
            (Some(last), Some(every)) => last.at + every,
            (Some(_), None) => {
                self.timers.cancel(&Timer::Announce(id));
                return;
            }
        };
        self.timers.set(Timer::Announce(id), due.max(now));
    }

    /// A configuration took over: everybody who waits is told as it says.
    pub(crate) fn announce_as_configured(&mut self) {
        let waiting: Vec<CallId> =
            self.calls.live().filter(|record| record.visit.is_some()).map(|record| record.call.id).collect();
        for call in waiting {
            self.announce_later(call);
        }
    }

    /// It is time to tell a caller.
    pub(crate) fn announce(&mut self, id: CallId) {
        let now = self.now();
        let Some((visit, setup)) = self.announces(id) else { return };
        let queue = visit.queue.clone();
        let Some(record) = self.calls.get(id) else { return };
        let (pbx, call) = record.reference();
        let leg = record.anchor().map(|anchor| record.parties[anchor].leg_ref.clone());
        let placed =
            matches!(record.place, Place::Waiting).then(|| self.distributor.placed(now, id)).flatten();
        let (Some(leg), Some(placed)) = (leg, placed) else {
            self.timers.set(Timer::Announce(id), now + AFTER_RINGING);
            return;
        };
        let last = record.announced.as_ref();
        let estimate = placed.estimated_wait_s.filter(|_| setup.wait).map(Millis::from_secs);
        let wait = estimate.map(|estimate| promise(last, now, placed.position, estimate));
        let position = setup.position.then_some(placed.position);
        if (position.is_some() || wait.is_some()) && self.is_linked(&pbx) {
            self.ask(&pbx, None, Action::Announce { call, leg, queue, position, wait });
        }
        if let Some(record) = self.calls.get_mut(id) {
            record.announced = Some(Announced { at: now, position: placed.position, wait });
        }
        self.announce_later(id);
    }

    /// The queue of ours a caller waits in, if it tells.
    fn announces(&self, id: CallId) -> Option<(&Visit, AnnounceSetup)> {
        let visit = self.calls.get(id)?.visit.as_ref().filter(|visit| !visit.of_pbx)?;
        Some((visit, self.plan.queue(&self.setup, &visit.queue)?.announce?))
    }
}

/// What is said of the wait, in whole minutes.
fn promise(last: Option<&Announced>, now: Timestamp, position: u32, estimate: Millis) -> Millis {
    let still = match last {
        Some(Announced { at, position: before, wait: Some(said) }) if position >= *before => {
            said.0.saturating_sub(now.since(*at).0)
        }
        Some(_) | None => 0,
    };
    Millis(estimate.0.max(still).div_ceil(MINUTE).max(1) * MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_promised_is_said_only_to_who_moved_up() {
        let at = |secs: u64| Timestamp::from_millis(1_000 * secs);
        let minutes = |last: Option<(u64, u32, u64)>, now: u64, position: u32, estimate_s: u64| {
            let wait = |minutes: u64| Some(Millis(minutes * MINUTE));
            let last =
                last.map(|(at_s, position, said)| Announced { at: at(at_s), position, wait: wait(said) });
            promise(last.as_ref(), at(now), position, Millis::from_secs(estimate_s)).0 / MINUTE
        };
        assert_eq!(minutes(None, 0, 3, 241), 5);
        assert_eq!(minutes(None, 0, 3, 0), 1, "no wait at all is not promised");
        // One minute later, of the five promised four are left.
        assert_eq!(minutes(Some((0, 3, 5)), 60, 3, 100), 4);
        assert_eq!(minutes(Some((0, 3, 5)), 60, 4, 100), 4, "who fell back is not told less either");
        assert_eq!(minutes(Some((0, 3, 5)), 60, 2, 100), 2, "somebody ahead was served");
        assert_eq!(minutes(Some((0, 3, 5)), 60, 3, 600), 10, "more is told as it is");
        assert_eq!(minutes(Some((0, 3, 5)), 400, 3, 100), 2, "the promise has run out");
    }
}
