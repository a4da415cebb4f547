//! How legs and calls end. Each leg is told to have left once, each call to have ended once, whoever comes first.

use hookswitch_sip::{
    Message,
    message::{Method, Name},
};

use super::{Sent, Switch, keep::Timer};
use crate::{
    CallId, Event, LegId,
    cause::{self, bare},
    event::{Cause, End},
    id::DialogId,
    state::{Attempt, Leg, Open, Peer, Phase, Reason},
};

/// How a dialog is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// As it is: BYE, CANCEL, or 487 for who asked and is not answered.
    Normal,
    /// Who asked and is not answered gets this.
    Status(u16, &'static str),
    /// The peer ended it itself, or is dead.
    Done,
}

impl Close {
    /// What refuses a call for this cause.
    pub(super) fn because(cause: Option<&Cause>) -> Self {
        let (status, reason) = cause::status_of(cause.map_or(0, |cause| cause.q850));
        Self::Status(status, reason)
    }
}

impl Switch {
    /// The name of a dialog's leg in a call.
    pub(super) fn part_in(&self, id: DialogId, call: &CallId) -> Option<LegId> {
        let leg = self.legs.get(&id)?;
        if leg.call.as_ref() == Some(call) {
            return Some(LegId { dialog: id, part: leg.part });
        }
        leg.about
            .as_ref()
            .filter(|(about, _)| about == call)
            .map(|(_, part)| LegId { dialog: id, part: *part })
    }

    /// A leg leaves the call it is a party of now; nothing more is said of it there.
    pub(super) fn part_from(&mut self, id: DialogId, end: End, cause: Option<Cause>) {
        let Some(call) = self.legs.get(&id).and_then(|leg| leg.call.clone()) else { return };
        let part = self.part_in(id, &call);
        let mut told = match self.calls.get_mut(&call) {
            Some(known) => {
                let before = known.parties.len();
                known.parties.retain(|party| *party != id);
                known.parties.len() < before
            }
            None => false,
        };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.call = None;
        leg.talking = false;
        told |= leg.watches;
        let line = leg.line.clone();
        if let Some(leg) = part.filter(|_| told) {
            self.tell(Event::Left { call, leg, end, cause });
        }
        self.vacate(id, &line);
    }

    /// Ends a dialog that is nobody's party any more.
    pub(super) fn close(&mut self, id: DialogId, how: Close) {
        self.timers.cancel(&Timer::Silent(id));
        self.timers.cancel(&Timer::Queued(id));
        self.timers.cancel(&Timer::Provisional(id));
        self.timers.cancel(&Timer::Session(id));
        self.timers.cancel(&Timer::Retry(id));
        self.timers.cancel(&Timer::Farewell(id));
        self.timers.cancel(&Timer::Spoken(id));
        self.give_port_back(id);
        self.unpeer(id);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let open = std::mem::replace(&mut leg.open, Open::Nothing);
        if let Open::Theirs(passing) | Open::Waits(passing) = open {
            let answer = passing.request.reply(487, "");
            self.layer.respond(self.now, passing.server, answer);
        }
        let Some(leg) = self.legs.get_mut(&id) else { return };
        match std::mem::replace(&mut leg.phase, Phase::Leaving) {
            Phase::Asked(asked) => {
                self.servers.remove(&asked.server);
                let (status, reason) = match how {
                    Close::Status(status, reason) => (status, reason),
                    Close::Normal | Close::Done => (487, "Request Terminated"),
                };
                let answer = asked.invite.reply(status, reason).with_to_tag(leg.dialog.local_tag());
                self.layer.respond(self.now, asked.server, answer);
                self.forget_leg(id);
            }
            Phase::Calling(calling) => {
                let elsewhere = "SIP;cause=200;text=\"Call completed elsewhere\"";
                let reason = matches!(how, Close::Status(200, _)).then_some(elsewhere);
                if how == Close::Done {
                    self.forget_leg(id);
                } else {
                    self.layer.cancel_because(self.now, calling.client, reason);
                }
            }
            Phase::Up if how == Close::Done => self.forget_leg(id),
            Phase::Up => self.bye(id),
            Phase::Leaving => {}
        }
    }

    /// Says good-bye, as soon as that may be said: not before our 2xx is acknowledged (RFC 3261 section 15).
    pub(super) fn bye(&mut self, id: DialogId) {
        self.settle_owed_ack(id);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if leg.unacknowledged.is_some() {
            return;
        }
        let mut bye = leg.dialog.request(Method::Bye);
        bye.headers.push(Name::Reason, "Q.850;cause=16");
        let flow = leg.dialog.flow();
        self.credentials(id, &mut bye);
        let client = self.layer.request(self.now, bye, flow);
        self.clients.insert(client, Sent::Bye(id));
    }

    /// Nothing of a dialog is left.
    pub(super) fn forget_leg(&mut self, id: DialogId) {
        self.timers.cancel(&Timer::Ack(id));
        self.give_port_back(id);
        if let Some(Leg { phase: Phase::Asked(asked), .. }) = self.legs.remove(&id) {
            self.servers.remove(&asked.server);
        }
    }

    /// Whoever heard this leg hears nobody now.
    fn unpeer(&mut self, id: DialogId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let peer = std::mem::replace(&mut leg.peer, Peer::Silence);
        if let Peer::Leg(other) = peer
            && let Some(other) = self.legs.get_mut(&other)
            && other.peer == Peer::Leg(id)
        {
            other.peer = Peer::Silence;
        }
    }

    /// A party is gone, by itself or because it died: what becomes of its calls.
    pub(super) fn leave(&mut self, id: DialogId, end: End, cause: Option<Cause>) {
        self.depart(id, end, cause, Close::Done);
    }

    /// The same, and its dialog is ended so.
    pub(super) fn depart(&mut self, id: DialogId, end: End, cause: Option<Cause>, how: Close) {
        let Some(leg) = self.legs.get(&id) else { return };
        let Some(call) = leg.call.clone() else { return self.close(id, how) };
        if leg.about.is_some() {
            return self.consulter_left(id, end, cause, how);
        }
        let Some(known) = self.calls.get(&call) else { return self.close(id, how) };
        if self.watches(id) {
            self.part_from(id, end, cause);
            self.close(id, how);
            return self.watched_no_more(&call);
        }
        let stays = |party: &&DialogId| **party != id && self.is_up(**party) && !self.watches(**party);
        let staying: Vec<DialogId> = known.parties.iter().filter(stays).copied().collect();
        if leg.holds_by_order && known.customer != id && staying.len() == 1 {
            // Who was held is not hung up on: the waiting room asks where to go.
            self.part_from(id, end, cause);
            self.close(id, how);
            return self.wait(&call);
        }
        let ringing = matches!(leg.phase, Phase::Calling(_));
        if ringing || (known.customer != id && staying.len() > 1) {
            self.part_from(id, end, cause);
            self.close(id, how);
            self.fewer_confer(&call);
        } else {
            self.finish(&call, Some((id, end, how)), cause);
        }
    }

    pub(super) fn is_up(&self, id: DialogId) -> bool {
        self.legs.get(&id).is_some_and(|leg| matches!(leg.phase, Phase::Up))
    }

    /// Ends a call whose attempt at somebody failed: the caller is refused for the same cause.
    pub(super) fn release(&mut self, call: &CallId, cause: Option<Cause>) {
        let Some(known) = self.calls.get(call) else { return };
        let customer = known.customer;
        self.finish(call, Some((customer, End::Released, Close::because(cause.as_ref()))), cause);
    }

    /// Ends a call of which nobody is left.
    pub(super) fn end_empty(&mut self, call: &CallId, cause: Option<Cause>) {
        self.finish(call, None, cause);
    }

    /// Ends a call: all others leave, then who ended it, then the call.
    pub(super) fn finish(&mut self, call: &CallId, by: Option<(DialogId, End, Close)>, cause: Option<Cause>) {
        if let Some(attempt) = self.calls.get(call).and_then(|known| known.attempt) {
            self.drop_attempt(attempt, End::CallerLeft);
        }
        self.stop_ringing_supervisors(call);
        let hung_up = by.filter(|(_, end, _)| *end == End::HungUp);
        let hung_up = hung_up.and_then(|(id, ..)| self.part_in(id, call));
        let parties = self.calls.get(call).map(|known| known.parties.clone()).unwrap_or_default();
        for party in parties.into_iter().filter(|party| by.is_none_or(|(id, ..)| id != *party)) {
            self.finish_party(call, party, cause.as_ref());
        }
        if let Some((id, end, how)) = by {
            self.finish_by(call, id, end, how, cause.clone());
        }
        let Some(known) = self.calls.remove(call) else { return };
        self.close_room(known.room);
        let cause = cause.or_else(|| Some(bare(cause::NORMAL)));
        self.tell(Event::Ended { call: call.clone(), by: hung_up, cause });
    }

    /// Nobody is there to be supervised any more.
    fn stop_ringing_supervisors(&mut self, call: &CallId) {
        let Some(known) = self.calls.get_mut(call) else { return };
        for id in std::mem::take(&mut known.supervisors) {
            if let Some(Attempt { reason: Reason::Supervise { order, .. }, .. }) = self.attempts.get(&id) {
                let order = *order;
                self.drop_attempt(id, End::CallerLeft);
                self.tell(Event::DialFailed { order, end: End::CallerLeft, cause: None });
            }
        }
    }

    fn finish_by(&mut self, call: &CallId, id: DialogId, end: End, how: Close, cause: Option<Cause>) {
        match self.legs.get(&id) {
            Some(leg) if leg.call.as_ref() != Some(call) => {}
            // Who consulted goes back to who is held.
            Some(leg) if leg.about.is_some() => self.back_to_held(id, end),
            Some(_) => {
                self.part_from(id, end, cause);
                self.close(id, how);
            }
            None => {}
        }
    }

    /// A party of a call that ends. Who consults meanwhile goes on with that; who came from a call that is held goes
    /// back to it.
    fn finish_party(&mut self, call: &CallId, party: DialogId, cause: Option<&Cause>) {
        let Some(leg) = self.legs.get(&party) else { return };
        if leg.call.as_ref() != Some(call) {
            self.part_held(call, party, End::Released);
        } else if leg.about.is_some() {
            self.back_to_held(party, End::Released);
        } else {
            let ringing = matches!(leg.phase, Phase::Calling(_));
            let end = if ringing { End::CallerLeft } else { End::Released };
            self.part_from(party, end, None);
            self.close(party, Close::because(cause.filter(|cause| cause.q850 != cause::NORMAL)));
        }
    }

    /// Leaves the call that it holds.
    pub(super) fn part_held(&mut self, call: &CallId, id: DialogId, end: End) {
        let part = self.part_in(id, call);
        if let Some(known) = self.calls.get_mut(call) {
            known.parties.retain(|party| *party != id);
        }
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.about = None;
            leg.holds_by_order = false;
        }
        if let Some(leg) = part {
            self.tell(Event::Left { call: call.clone(), leg, end, cause: None });
        }
    }

    /// An ACK that waited for an answer from the other side goes out with none to talk to.
    pub(super) fn settle_owed_ack(&mut self, id: DialogId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(number) = leg.owed_ack.take() else { return };
        let nothing =
            leg.voice.heard.as_ref().map(|heard| super::bridge::discard(heard, leg.dialog.flow().local));
        let body = nothing.map(|nothing| leg.voice.tell(nothing));
        self.send_ack(id, number, body);
    }

    /// Acknowledges a 2xx, and remembers how for when it is repeated.
    pub(super) fn send_ack(&mut self, id: DialogId, number: u32, body: Option<bytes::Bytes>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let mut ack = leg.dialog.ack(number);
        if let Some(body) = &body {
            ack.headers.push(Name::ContentType, "application/sdp");
            ack.body = body.clone();
        }
        leg.acked = Some((number, body));
        let flow = leg.dialog.flow();
        self.layer.transmit(flow, Message::from(ack));
    }
}
