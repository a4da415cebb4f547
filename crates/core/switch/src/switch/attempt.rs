//! Ringing several phones at once: the first to answer wins, the others are let go.
//!
//! ```text
//!            ┌─ answers ─► the heir talks to it, the others are cancelled
//! attempt ───┤
//!            └─ nobody answers, everybody refuses, time is over ─► whatever the reason says
//! ```

use std::{net::SocketAddr, time::Duration};

use hookswitch_media::sdp::Description;
use hookswitch_sip::{
    Flow, Transport,
    message::{Method, Name, NameAddr, Uri},
};

use super::{Sent, Switch, keep::Timer};
use crate::{
    CallId, Event, Line, OrderId, Refused,
    cause::{self, bare},
    dialog::{Dialog, SUPPORTED},
    event::{Caller, Cause, End},
    id::DialogId,
    identity,
    session::Session,
    state::{Attempt, Calling, Leg, Open, Peer, Phase, Reason},
    voice::{self, Voice},
};

/// A peer that gives no sign at all for so long is not there.
const SILENT: Duration = Duration::from_secs(6);

/// A request of so many bytes or more goes by a stream, where it can (RFC 3261 section 18.1.1).
const LARGE: usize = 1_300;
/// The Via that it gets on its way: as long as they come, but for names of hosts.
const VIA: usize = 100;

/// Where an INVITE can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) line: Line,
    pub(crate) number: Option<String>,
    pub(crate) target: Uri,
    pub(crate) flow: Flow,
    /// The proxies on the way to it.
    pub(crate) path: Vec<NameAddr>,
    /// It is reached only the way it came: a phone behind a NAT.
    pub(crate) pinned: bool,
}

/// One leg to be: the first destination, and the others that are tried if that one fails.
pub(super) type Fork = Vec<Destination>;

/// What is to be rung.
pub(super) struct Plan {
    pub(super) call: CallId,
    pub(super) reason: Reason,
    pub(super) heir: Option<DialogId>,
    pub(super) forks: Vec<Fork>,
    pub(super) timeout: Duration,
    /// Who is shown as calling.
    pub(super) caller: Caller,
}

impl Switch {
    /// Where a line can be reached: each contact of a user, or the addresses of a trunk.
    pub(super) fn forks(&self, line: &Line) -> Vec<Fork> {
        match line {
            Line::User(name) => {
                let contacts = self.registrar.contacts(name, self.now);
                let reach = |contact: &hookswitch_sip::registrar::Binding| {
                    vec![Destination {
                        line: line.clone(),
                        number: None,
                        target: contact.uri.clone(),
                        flow: contact.target(),
                        path: contact.path.clone(),
                        pinned: true,
                    }]
                };
                contacts.into_iter().map(reach).collect()
            }
            Line::Behind { number, trunk } => {
                let ways = self.ways(trunk, number, line, None);
                if ways.is_empty() { Vec::new() } else { vec![ways] }
            }
            Line::Trunk(_) => Vec::new(),
        }
    }

    /// Rings. False when there is nothing to ring: then nothing is told.
    pub(super) fn ring(&mut self, plan: Plan) -> bool {
        let most = self.settings.limits.forks;
        if plan.forks.is_empty() || !self.calls.contains_key(&plan.call) {
            return false;
        }
        let id = self.count();
        let attempt = Attempt {
            call: plan.call.clone(),
            reason: plan.reason.clone(),
            legs: Vec::new(),
            heir: plan.heir,
            worst: None,
        };
        self.attempts.insert(id, attempt);
        if let Some(call) = self.calls.get_mut(&plan.call) {
            if matches!(plan.reason, Reason::Supervise { .. }) {
                call.supervisors.retain(|known| self.attempts.contains_key(known));
                call.supervisors.push(id);
            } else {
                call.attempt = Some(id);
            }
        }
        self.timers.set(Timer::Attempt(id), self.now + plan.timeout);
        for fork in plan.forks.iter().take(most) {
            self.ring_one(id, &plan, fork);
        }
        self.show_ringing(&plan.call);
        true
    }

    fn ring_one(&mut self, attempt: u64, plan: &Plan, fork: &Fork) {
        let Some((first, others)) = fork.split_first() else { return };
        let id = self.new_dialog();
        let tag = format!("{:016x}", id.0);
        let from = identity::from(&plan.caller, &self.host, &tag);
        let call_id = format!("{}@hookswitch", self.random.token());
        let dialog = Dialog::outgoing(call_id, from, first);
        let mut leg = Leg {
            line: first.line.clone(),
            call: Some(plan.call.clone()),
            part: 0,
            parts: 0,
            about: None,
            dialog,
            phase: Phase::Leaving,
            voice: Voice::new(self.random.next(), self.own_address()),
            peer: Peer::Unset,
            watches: false,
            talking: false,
            holds: false,
            holds_by_order: false,
            open: Open::Nothing,
            rounds: 0,
            session: Session::new(&self.settings.session),
            updates: false,
            unacknowledged: None,
            relayed: Vec::new(),
            owed_ack: None,
            acked: None,
        };
        let mut invite = leg.dialog.request(Method::Invite);
        invite.headers.push(Name::Supported, SUPPORTED);
        leg.session.ask(true, &mut invite.headers, &self.settings.session);
        self.introduce(&first.line, plan, &mut invite);
        if let Some(offer) = self.offer_of(plan.heir) {
            invite.headers.push(Name::ContentType, "application/sdp");
            invite.body = leg.voice.tell(offer);
        }
        if let Some(streamed) = self.streamed(fork, &invite) {
            return self.ring_one(attempt, plan, &streamed);
        }
        let client = self.layer.request(self.now, invite.clone(), leg.dialog.flow());
        self.clients.insert(client, Sent::Invite(id));
        leg.phase = Phase::Calling(Calling {
            client,
            invite: Box::new(invite),
            attempt,
            others: others.to_vec(),
            heard_of: false,
            authorized: false,
        });
        self.legs.insert(id, leg);
        self.timers.set(Timer::Silent(id), self.now + SILENT.min(plan.timeout));
        if let Some(attempt) = self.attempts.get_mut(&attempt) {
            attempt.legs.push(id);
        }
        self.tell_ringing(id, plan, first);
    }

    /// An INVITE too large for a datagram is tried by TCP first at each address that does not name UDP, where we listen
    /// for TCP ourselves. Who refuses the connection gets it by UDP after all. A phone is only there where it registered
    /// from: nothing else is tried with it.
    fn streamed(&self, fork: &Fork, invite: &hookswitch_sip::Request) -> Option<Fork> {
        let may = |way: &Destination| {
            let free =
                way.flow.transport == Transport::Udp && !way.pinned && !way.target.params.has("transport");
            let fits = |(how, local): &&(Transport, SocketAddr)| {
                *how == Transport::Tcp && local.is_ipv4() == way.flow.remote.is_ipv4()
            };
            let (_, local) = self.settings.listen.iter().find(fits).filter(|_| free)?;
            Some(Flow { transport: Transport::Tcp, local: *local, ..way.flow })
        };
        may(fork.first()?)?;
        if invite.to_bytes().len() + VIA <= LARGE {
            return None;
        }
        let both = |way: &Destination| {
            let stream = may(way).map(|flow| Destination { flow, ..way.clone() });
            stream.into_iter().chain([way.clone()])
        };
        Some(fork.iter().flat_map(both).collect())
    }

    fn tell_ringing(&mut self, id: DialogId, plan: &Plan, first: &Destination) {
        let order = match &plan.reason {
            Reason::Ring(order) => Some(*order),
            Reason::Supervise { .. } => return,
            Reason::Dialled
            | Reason::SentTo
            | Reason::Own { .. }
            | Reason::Far
            | Reason::Consult
            | Reason::Transfer => None,
        };
        if let Some(call) = self.calls.get_mut(&plan.call) {
            call.parties.push(id);
        }
        let Some(leg) = self.part_in(id, &plan.call) else { return };
        self.occupy(id);
        self.tell(Event::Rings {
            call: plan.call.clone(),
            leg,
            line: first.line.clone(),
            number: first.number.clone(),
            order,
        });
    }

    /// Who calls, and what came with the call.
    fn introduce(&self, line: &Line, plan: &Plan, invite: &mut hookswitch_sip::Request) {
        let trusted =
            line.trunk().and_then(|trunk| self.settings.trunk(trunk)).is_some_and(|trunk| trunk.trusted);
        // A phone is no trusted peer: who hides a number hides it from the agent's phone, too.
        if trusted || !plan.caller.withheld {
            identity::assert(&plan.caller, &self.host, invite);
        }
        if let Some(call) = self.calls.get(&plan.call) {
            identity::write_data(&call.data, invite, &self.settings.limits);
        }
        let answers =
            line.user().and_then(|name| self.settings.users.get(name)).is_some_and(|user| user.answers);
        if answers && matches!(plan.reason, Reason::Own { .. }) {
            invite.headers.push(Name::CallInfo, format!("<sip:{}>;answer-after=0", self.host));
            invite.headers.push(Name::AlertInfo, "<http://www.notused.com>;info=alert-autoanswer;delay=0");
        }
    }

    /// What is offered in the name of who will talk: none where they make no offer themselves.
    fn offer_of(&self, heir: Option<DialogId>) -> Option<Description> {
        let heir = self.legs.get(&heir?)?;
        heir.voice.heard.as_ref().map(voice::active)
    }

    /// Somebody who was rung will not answer.
    pub(super) fn ring_failed(&mut self, id: DialogId, end: End, cause: Cause) {
        self.timers.cancel(&Timer::Silent(id));
        let Some(leg) = self.legs.get(&id) else { return };
        let Phase::Calling(calling) = &leg.phase else { return };
        let attempt = calling.attempt;
        self.ring_ended(attempt, id, end, &cause);
        self.leave(id, end, Some(cause));
        self.over_if_nobody_rings(attempt);
    }

    pub(super) fn ring_ended(&mut self, attempt: u64, id: DialogId, end: End, said: &Cause) {
        let Some(attempt) = self.attempts.get_mut(&attempt) else { return };
        attempt.legs.retain(|leg| *leg != id);
        let before = attempt.worst.as_ref().map(|(worst, _)| cause::weight(*worst));
        if before.is_none_or(|before| before < cause::weight(end)) {
            attempt.worst = Some((end, said.clone()));
        }
    }

    pub(super) fn over_if_nobody_rings(&mut self, id: u64) {
        if self.attempts.get(&id).is_some_and(|attempt| attempt.legs.is_empty()) {
            self.attempt_over(id, None);
        }
    }

    /// The time of an attempt is over: who rings still did not answer.
    pub(super) fn attempt_due(&mut self, id: u64) {
        let Some(attempt) = self.attempts.get(&id) else { return };
        for leg in attempt.legs.clone() {
            let heard_of = self.legs.get(&leg).is_some_and(|leg| match &leg.phase {
                Phase::Calling(calling) => calling.heard_of,
                Phase::Asked(_) | Phase::Up | Phase::Leaving => true,
            });
            let (end, said) = if heard_of {
                (End::NoAnswer, cause::NO_ANSWER)
            } else {
                (End::Unreachable, cause::NO_RESPONSE)
            };
            self.ring_ended(id, leg, end, &bare(said));
            self.cancel_ringing(leg, end, Some(bare(said)));
        }
        self.attempt_over(id, None);
    }

    /// A peer that was sent an INVITE gave no sign at all.
    pub(super) fn silent(&mut self, id: DialogId) {
        let Some(Leg { phase: Phase::Calling(calling), .. }) = self.legs.get(&id) else { return };
        if calling.heard_of {
            return;
        }
        let attempt = calling.attempt;
        if self.try_elsewhere(id) {
            return;
        }
        let (end, said) = (End::Unreachable, bare(cause::NO_RESPONSE));
        self.ring_ended(attempt, id, end, &said);
        self.cancel_ringing(id, end, Some(said));
        self.over_if_nobody_rings(attempt);
    }

    /// Takes an INVITE back and lets its leg go. The dialog waits for the answer to the INVITE.
    pub(super) fn cancel_ringing(&mut self, id: DialogId, end: End, cause: Option<Cause>) {
        self.timers.cancel(&Timer::Silent(id));
        self.part_from(id, end, cause);
        self.close(id, super::leave::Close::Normal);
    }

    /// Lets everybody of an attempt go. The attempt itself is forgotten.
    pub(super) fn drop_attempt(&mut self, id: u64, end: End) {
        self.timers.cancel(&Timer::Attempt(id));
        let Some(attempt) = self.attempts.remove(&id) else { return };
        if let Some(call) = self.calls.get_mut(&attempt.call) {
            call.attempt.take_if(|current| *current == id);
        }
        for leg in attempt.legs {
            self.cancel_ringing(leg, end, None);
        }
    }

    /// Nobody of an attempt answered.
    pub(super) fn attempt_over(&mut self, id: u64, outcome: Option<crate::Outcome>) {
        self.timers.cancel(&Timer::Attempt(id));
        let Some(attempt) = self.attempts.remove(&id) else { return };
        let Attempt { call, reason, heir, worst, .. } = attempt;
        if let Some(known) = self.calls.get_mut(&call) {
            known.attempt.take_if(|current| *current == id);
        }
        let end = worst.as_ref().map(|(end, _)| *end);
        let cause = worst.map(|(_, cause)| cause);
        match reason {
            Reason::Ring(order) => {
                let outcome = outcome.unwrap_or_else(|| cause::outcome(end));
                self.tell(Event::RingOver { call: call.clone(), order, outcome, cause });
                self.show_waiting(&call);
            }
            Reason::Dialled | Reason::SentTo | Reason::Far => self.release(&call, cause),
            Reason::Own { .. } => self.end_empty(&call, cause),
            Reason::Consult => self.consult_failed(&call, cause),
            Reason::Transfer => self.wait(&call),
            Reason::Supervise { order, .. } => {
                let end = end.unwrap_or(End::Unreachable);
                self.tell(Event::DialFailed { order, end, cause });
            }
        }
        let _ = heir;
    }

    /// Somebody of an attempt answered: the others are let go.
    pub(super) fn attempt_won(&mut self, id: u64, winner: DialogId) -> Option<Attempt> {
        self.timers.cancel(&Timer::Attempt(id));
        self.timers.cancel(&Timer::Silent(winner));
        let mut attempt = self.attempts.remove(&id)?;
        if let Some(call) = self.calls.get_mut(&attempt.call) {
            call.attempt.take_if(|current| *current == id);
        }
        attempt.legs.retain(|leg| *leg != winner);
        for leg in std::mem::take(&mut attempt.legs) {
            self.cancel_ringing(leg, End::Cancelled, None);
        }
        Some(attempt)
    }

    /// Rings for a caller in the waiting room.
    pub(super) fn ring_for(
        &mut self,
        order: OrderId,
        call: &CallId,
        lines: &[Line],
        timeout: Duration,
    ) -> Result<(), Refused> {
        let known = self.calls.get(call).ok_or(Refused::NoCall)?;
        if !known.is_free() {
            return Err(Refused::NotNow);
        }
        let (heir, caller) = (known.customer, known.caller.clone());
        let forks: Vec<Fork> = lines.iter().flat_map(|line| self.forks(line)).collect();
        let reason = Reason::Ring(order);
        let plan = Plan { call: call.clone(), reason, heir: Some(heir), forks, timeout, caller };
        if let Some(known) = self.calls.get_mut(call) {
            known.last_ring = Some(order);
        }
        if !self.ring(plan) {
            // Told as an attempt that reached nobody, not as a refusal: the caller waits on.
            let outcome = crate::Outcome::Unreachable;
            let cause = Some(bare(cause::ABSENT));
            self.tell(Event::RingOver { call: call.clone(), order, outcome, cause });
        }
        Ok(())
    }
}
