//! Who is held by our doing and loses the agent is not left alone.

use hookswitch_model::{
    CallId, Millis,
    call::{LegRole, LegState},
    pbx::{Action, Target},
};

use super::{Onward, transfer::ON_THE_WAY};
use crate::{
    calls::{Exit, Place},
    engine::Engine,
    timers::Timer,
};

/// How long the PBX may take to say what becomes of who is alone: most often the end, or the way back to the waiting
/// room by its own dialplan.
const PATIENCE: Millis = Millis::from_secs(8);
/// How long the way to the waiting room may take, before the fallback is asked for.
const WAY: Millis = Millis::from_secs(10);

impl Engine {
    /// A leg left a call: somebody may be alone now whom it held.
    pub(crate) fn holder_left(&mut self, id: CallId, place: usize) {
        let Some(record) = self.calls.get(id) else { return };
        let holder = record.control.holder;
        if holder.is_some() && record.call.legs.get(place).map(|leg| leg.id) == holder {
            self.timers.set(Timer::Rescue(id), self.now() + PATIENCE);
        }
    }

    /// Whoever held this call talks again, or somebody else does: nobody is to be rescued.
    pub(crate) fn nobody_is_held(&mut self, id: CallId) {
        self.timers.cancel(&Timer::Rescue(id));
        if let Some(record) = self.calls.get_mut(id) {
            record.control.holder = None;
        }
        self.consult_given_up(id);
    }

    /// Who was held came to the waiting room without being sent: back to the queue, not to a rule.
    pub(crate) fn comes_back_alone(&mut self, id: CallId) {
        let until = self.now() + ON_THE_WAY;
        let held = self.calls.get(id).is_some_and(|record| record.control.holder.is_some());
        if !held || self.goes_onward(id) {
            return;
        }
        let stops = self.old_place(id).into_iter().collect();
        if let Some(record) = self.calls.get_mut(id) {
            record.control.onward = Some(Onward { stops, until, to_agent: None, to: None });
        }
    }

    /// Time to look after who was left alone: to the queue the call came from, else to the fallback.
    pub(crate) fn rescue(&mut self, id: CallId) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        if !self.is_linked(&record.call.pbx) {
            self.timers.set(Timer::Rescue(id), now + WAY);
            return;
        }
        let Some((leg, other)) = self.alone(id) else { return };
        if self.goes_onward(id) {
            // The way to the waiting room took too long.
            if let Some(record) = self.calls.get_mut(id) {
                record.control.onward = None;
            }
            self.nobody_is_held(id);
            self.leave(id, Exit::FallBack);
            return;
        }
        let stops = self.old_place(id).into_iter().collect();
        let Some(record) = self.calls.get_mut(id) else { return };
        record.control.onward = Some(Onward { stops, until: now + ON_THE_WAY, to_agent: None, to: None });
        let (pbx, call) = record.reference();
        self.timers.set(Timer::Rescue(id), now + WAY);
        self.ask(&pbx, Some(id), Action::Transfer { call, leg, other, to: Target::WaitingRoom });
    }

    /// Who held and is gone, and who is alone since; none when somebody has the call, or it is on its way.
    fn alone(&self, id: CallId) -> Option<(hookswitch_model::LegRef, hookswitch_model::LegRef)> {
        let record = self.calls.get(id)?;
        let holder = record.leg_by_id(record.control.holder?)?;
        let there: Vec<usize> = (0..record.parties.len())
            .filter(|place| record.is_here(*place) && record.call.legs[*place].role != LegRole::Supervisor)
            .collect();
        let [other] = there[..] else { return None };
        let free = record.call.legs[holder].state == LegState::Left
            && record.place == Place::Elsewhere
            && record.visit.is_none()
            && record.takeover.is_none()
            && record.system.is_none()
            && record.parties[other].up;
        free.then(|| (record.parties[holder].leg_ref.clone(), record.parties[other].leg_ref.clone()))
    }
}
