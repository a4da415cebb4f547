//! How legs end.

use crate::pbx::channel::{Dialler, Work, cause_to_sip};
use crate::pbx::{LegId, Pbx};

impl Pbx {
    /// The phone or the far end ends its leg: BYE, CANCEL, or a final answer to our INVITE.
    pub(super) fn far_end_hangs_up(&mut self, leg: LegId, sip: Option<u16>) {
        let Some(channel) = self.channels.get(&leg) else { return };
        let up = channel.is_up();
        match channel.work.clone() {
            Work::Outgoing(_) => {
                let status = sip.unwrap_or(603);
                let cause = crate::pbx::channel::sip_to_cause(status);
                self.set_cause(leg, cause, Some(status));
                self.tell_hangup_request(leg, Some(cause), Some(status));
            }
            _ if !up => {
                self.set_cause(leg, 127, Some(487));
                self.tell_hangup_request(leg, Some(127), Some(487));
            }
            // Only `Dial()` leaves a cause on a channel before its end.
            Work::Called { .. }
            | Work::Executing
            | Work::Sleeping
            | Work::Listening(_)
            | Work::Reading(_)
            | Work::Dialling(_)
            | Work::Talking { .. }
            | Work::Queued(_)
            | Work::Conference(_)
            | Work::Spying(_)
            | Work::Parked(_)
            | Work::Announced
            | Work::Joined { .. } => {
                let cause = Some(channel.cause).filter(|cause| *cause != 0);
                self.tell_hangup_request(leg, cause, None);
            }
        }
        if !self.config.media
            && let Some(channel) = self.channels.get_mut(&leg).filter(|c| matches!(c.work, Work::Spying(_)))
        {
            // `ChanSpy()` looks at its own channel only when media comes from it.
            channel.asked_to_end = true;
            return;
        }
        self.end_leg(leg);
    }

    /// `Hangup` of the manager: no HangupRequest, nobody asked on the line.
    pub(crate) fn manager_hangs_up(&mut self, leg: LegId, cause: Option<u16>) {
        if let Some(cause) = cause {
            self.set_cause(leg, cause, cause_to_sip(cause));
        }
        self.end_leg(leg);
    }

    /// Ends a leg and all that hangs on it.
    pub(super) fn end_leg(&mut self, leg: LegId) {
        let Some(channel) = self.channels.get(&leg) else { return };
        let (cause, tech) = (channel.cause, channel.tech_cause);
        if channel.bridge.is_some() && !matches!(channel.work, Work::Conference(_) | Work::Parked(_)) {
            return self.end_bridged(leg);
        }
        match channel.work.clone() {
            Work::Outgoing(Dialler::Dial(caller)) => self.dial_leg_failed(caller, leg, cause, tech),
            Work::Outgoing(Dialler::Queue(caller)) => self.queue_leg_failed(caller, leg, cause),
            Work::Outgoing(Dialler::Originate(id)) => self.originate_failed(id, cause),
            Work::Outgoing(Dialler::Consult(agent)) => self.consult_failed(agent, leg),
            Work::Dialling(_) => self.end_dialling(leg, cause),
            Work::Queued(work) => self.queue_abandoned(leg, &work),
            Work::Conference(name) => {
                self.leave_conference(leg, &name);
                self.default_cause(leg);
                self.finish(leg);
            }
            Work::Parked(space) => {
                self.leave_parking(leg, space, true);
                self.default_cause(leg);
                self.finish(leg);
            }
            Work::Spying(spied) => {
                self.stop_spying(leg, spied);
                self.default_cause(leg);
                self.finish(leg);
            }
            Work::Called { .. }
            | Work::Executing
            | Work::Sleeping
            | Work::Listening(_)
            | Work::Reading(_)
            | Work::Talking { .. }
            | Work::Announced
            | Work::Joined { .. } => {
                self.stop_music(leg);
                self.finish(leg);
            }
        }
    }

    /// The caller goes while it dials.
    fn end_dialling(&mut self, leg: LegId, cause: u16) {
        let legs = self.cancel_dial(leg);
        let called_cause = if cause == 127 { (127, Some(500)) } else { (16, None) };
        self.tell_soft_hangup(leg, 16);
        for called in legs {
            self.set_cause(called, called_cause.0, called_cause.1);
            self.remove_channel(called);
        }
        self.run_hangup_extension(leg);
        self.remove_channel(leg);
    }

    /// The end of a channel that has nothing more to do: its dialplan is over first, when it has one.
    fn finish(&mut self, leg: LegId) {
        if self.channels.get(&leg).is_some_and(crate::pbx::Channel::has_dialplan) {
            self.tell_soft_hangup(leg, 16);
            self.run_hangup_extension(leg);
        }
        self.remove_channel(leg);
    }

    /// Ends one of two who talk; the other ends or goes on in its dialplan.
    fn end_bridged(&mut self, leg: LegId) {
        if self.consult_ends_with(leg) {
            return;
        }
        match self.queue_of_talk(leg) {
            Some((_, false)) => return self.end_queue_talk(leg),
            Some((caller, true)) => self.queue_completes(caller, "agent"),
            None => {}
        }
        let other = self.leave_and_dissolve(leg);
        let leg_has_dialplan = self.channels.get(&leg).is_some_and(crate::pbx::Channel::has_dialplan);
        self.default_cause(leg);
        if leg_has_dialplan {
            self.finish(leg);
            if let Some(other) = other {
                self.left_alone(other);
            }
            return;
        }
        match other {
            Some(other) if !self.goes_on_alone(other) => {
                self.default_cause(other);
                if self.channels.get(&other).is_some_and(crate::pbx::Channel::has_dialplan) {
                    self.tell_soft_hangup(other, 16);
                }
                self.remove_channel(leg);
                self.remove_channel(other);
            }
            Some(other) => {
                self.remove_channel(leg);
                self.left_alone(other);
            }
            None => self.remove_channel(leg),
        }
    }

    /// The caller of a queue ends the conversation with a member.
    fn end_queue_talk(&mut self, caller: LegId) {
        let agent = self.leave_and_dissolve(caller);
        self.default_cause(caller);
        self.tell_soft_hangup(caller, 16);
        self.queue_completes(caller, "caller");
        if let Some(agent) = agent {
            self.default_cause(agent);
            self.remove_channel(agent);
        }
        self.remove_channel(caller);
    }

    /// Who talked and was bridged ends with normal clearing unless something else is known.
    pub(super) fn default_cause(&mut self, leg: LegId) {
        if let Some(channel) = self.channels.get_mut(&leg)
            && channel.cause == 0
        {
            channel.cause = 16;
        }
    }

    /// Whether a channel goes on in its dialplan when its partner leaves.
    fn goes_on_alone(&self, leg: LegId) -> bool {
        match self.channels.get(&leg).map(|channel| &channel.work) {
            Some(Work::Talking { goes_on }) => *goes_on,
            Some(Work::Joined { ends }) => !ends,
            Some(Work::Called { after }) => after.is_some(),
            Some(_) | None => false,
        }
    }

    /// The partner has left and the bridge is over.
    pub(super) fn left_alone(&mut self, leg: LegId) {
        self.default_cause(leg);
        let after = match self.channels.get(&leg).map(|channel| &channel.work) {
            Some(Work::Called { after }) => after.clone(),
            Some(_) | None => None,
        };
        if let Some(place) = after {
            self.run_at(leg, place);
        } else if self.goes_on_alone(leg) {
            let joined = matches!(self.channels.get(&leg).map(|c| &c.work), Some(Work::Joined { .. }));
            if joined {
                // `Bridge()` had already moved the place on.
                let place = self.channels.get(&leg).map(|channel| channel.place.clone());
                if let Some(place) = place {
                    self.run_at(leg, place);
                }
            } else {
                self.go_on(leg);
            }
        } else {
            self.finish(leg);
        }
    }

    /// Takes a channel out of what it does, so that it can be sent elsewhere.
    pub(super) fn release(&mut self, leg: LegId) {
        let Some(channel) = self.channels.get(&leg) else { return };
        match channel.work.clone() {
            Work::Dialling(_) => {
                for called in self.cancel_dial(leg) {
                    self.set_cause(called, 16, None);
                    self.remove_channel(called);
                }
            }
            Work::Queued(work) => self.queue_left(leg, &work),
            Work::Conference(name) => self.leave_conference(leg, &name),
            Work::Spying(spied) => self.stop_spying(leg, spied),
            Work::Parked(space) => self.leave_parking(leg, space, false),
            Work::Outgoing(_)
            | Work::Called { .. }
            | Work::Executing
            | Work::Sleeping
            | Work::Listening(_)
            | Work::Reading(_)
            | Work::Talking { .. }
            | Work::Announced
            | Work::Joined { .. } => {}
        }
        self.stop_music(leg);
        self.set_work(leg, Work::Executing);
    }
}
