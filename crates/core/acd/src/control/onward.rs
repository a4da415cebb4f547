//! From the waiting room on: where a transferred caller goes, stop by stop.

use hookswitch_model::{AgentId, CallId, agent::AgentState};

use super::Stop;
use crate::{
    calls::{Exit, Place},
    engine::Engine,
    offers::DIRECT_RING,
    timers::Timer,
};

impl Engine {
    /// A caller whom we sent to the waiting room is there. False when nobody was sent.
    pub(crate) fn arrives_for(&mut self, id: CallId) -> bool {
        let now = self.now();
        let Some(record) = self.calls.get_mut(id) else { return false };
        if record.control.onward.take_if(|onward| onward.until < now).is_some() {
            return false;
        }
        if record.control.onward.is_none() {
            return false;
        }
        record.control.holder = None;
        self.timers.cancel(&Timer::Rescue(id));
        let Some(record) = self.calls.get_mut(id) else { return false };
        record.place = Place::Waiting;
        record.system = None;
        self.next_stop(id);
        true
    }

    /// Whether there is another stop to be tried.
    pub(crate) fn goes_onward(&self, id: CallId) -> bool {
        self.calls.get(id).is_some_and(|record| record.control.onward.is_some())
    }

    /// Tries the next stop, and the one after it, until one takes the caller; the fallback takes everybody.
    pub(crate) fn next_stop(&mut self, id: CallId) {
        loop {
            let Some(record) = self.calls.get_mut(id) else { return };
            let how = record.takeover.as_ref().map_or("returned", |takeover| takeover.how());
            match record.control.onward.as_mut().and_then(|onward| onward.stops.pop_front()) {
                Some(Stop::Agent(agent)) => {
                    if self.takes_a_ring(&agent)
                        && self.ring(id, None, std::slice::from_ref(&agent), DIRECT_RING)
                    {
                        return;
                    }
                }
                Some(Stop::Queue { queue, since }) => {
                    record.control.onward = None;
                    self.enter_queue(id, queue, since, how);
                    return;
                }
                None => {
                    record.control.onward = None;
                    self.leave(id, Exit::FallBack);
                    return;
                }
            }
        }
    }

    /// At work, and on no call.
    fn takes_a_ring(&self, agent: &AgentId) -> bool {
        self.agents
            .get(agent)
            .is_some_and(|record| record.agent.state != AgentState::LoggedOut && !record.is_engaged())
    }
}
