//! Answers to our requests.

use hookswitch_media::sdp::Description;
use hookswitch_sip::{
    ClientId, Message,
    message::{Method, Name, Response},
};

use super::{Sent, Switch, keep::Timer, leave::Close};
use crate::{
    Event,
    cause::{self, bare},
    event::End,
    id::DialogId,
    state::{Attempt, Leg, Phase, Reason},
};

impl Switch {
    /// An answer came.
    pub(super) fn answered(&mut self, id: ClientId, response: &Response, repeated: bool) {
        let sent = match self.clients.get(&id) {
            Some(sent) => sent.clone(),
            None => {
                self.counters.late += 1;
                return;
            }
        };
        // A 2xx to an INVITE may come again, or from another branch of a fork.
        let invite = response.headers.cseq().is_some_and(|cseq| cseq.method == Method::Invite);
        if response.is_final() && !(invite && response.is_success()) {
            self.clients.remove(&id);
        } else if response.is_final() && !repeated {
            self.timers.set(Timer::Accepted(id), self.now + self.settings.transactions.t1 * 64);
        }
        if matches!(response.status, 401 | 407) && self.authorize(&sent, response) {
            return;
        }
        if repeated {
            return self.acknowledge_again(&sent, response);
        }
        match sent {
            Sent::Invite(leg) => self.invite_answered(leg, response),
            Sent::Bye(leg) if response.is_final() => self.forget_leg(leg),
            Sent::Bye(_) | Sent::Notice => {}
            Sent::Offer(leg) => self.offer_answered(leg, response),
            Sent::Passed { to, from } => self.passed_answered(to, from, response),
            Sent::Refresh(leg) => self.refresh_answered(leg, response),
            Sent::Relayed { server, from } => self.relay_answered(server, from, response),
            Sent::Trunk(asked) => self.trunk_answered(&asked, response.status),
        }
    }

    /// Nobody answered, or it could not be sent.
    pub(super) fn unanswered(&mut self, id: ClientId, status: u16) {
        let Some(sent) = self.clients.remove(&id) else { return };
        match sent {
            Sent::Invite(leg) => self.invite_failed(leg, status, bare(cause::NO_RESPONSE)),
            Sent::Bye(leg) => self.forget_leg(leg),
            Sent::Offer(leg) | Sent::Refresh(leg) => self.died(leg),
            Sent::Passed { to, from } => {
                self.passed_unanswered(from);
                self.died(to);
            }
            Sent::Relayed { server, from } => self.relay_failed(server, from),
            Sent::Trunk(asked) => self.trunk_answered(&asked, status),
            Sent::Notice => {}
        }
    }

    fn invite_answered(&mut self, id: DialogId, response: &Response) {
        match response.status {
            ..200 => self.invite_progresses(id, response),
            200..=299 => self.invite_accepted(id, response),
            422 if self.longer_session(id, response) => {}
            _ => {
                self.invite_failed(id, response.status, cause::of_answer(response.status, &response.headers))
            }
        }
    }

    fn invite_progresses(&mut self, id: DialogId, response: &Response) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let tagged = response.headers.to_tag().is_some();
        if tagged && leg.dialog.remote_tag().is_none() {
            // An early dialog: the first of a fork counts, until one is confirmed.
            leg.dialog = leg.dialog.fork(response);
        }
        let Leg { phase: Phase::Calling(calling), call, .. } = leg else { return };
        calling.heard_of = true;
        self.timers.cancel(&Timer::Silent(id));
        if let Some(call) = call.clone().filter(|_| response.status > 100) {
            self.show_ringing(&call);
        }
    }

    /// An INVITE of ours failed: tried elsewhere, where there is another way.
    fn invite_failed(&mut self, id: DialogId, status: u16, cause: crate::Cause) {
        let Some(leg) = self.legs.get(&id) else { return };
        if matches!(leg.phase, Phase::Leaving | Phase::Asked(_) | Phase::Up) {
            // It was taken back; this is the end of it.
            if matches!(leg.phase, Phase::Leaving) {
                self.forget_leg(id);
            }
            return;
        }
        if matches!(status, 408 | 500..=599) && self.try_elsewhere(id) {
            return;
        }
        self.everywhere_refused(id, status);
        self.ring_failed(id, cause::end_of(status), cause);
    }

    /// 6xx speaks for all phones of a user (RFC 3261 section 21.6).
    fn everywhere_refused(&mut self, id: DialogId, status: u16) {
        if status < 600 {
            return;
        }
        let Some(Leg { phase: Phase::Calling(calling), line, .. }) = self.legs.get(&id) else { return };
        let (attempt, line) = (calling.attempt, line.clone());
        let Some(rings) = self.attempts.get(&attempt).map(|attempt| attempt.legs.clone()) else { return };
        for other in rings.into_iter().filter(|other| *other != id) {
            if self.legs.get(&other).is_some_and(|leg| leg.line == line) {
                if let Some(attempt) = self.attempts.get_mut(&attempt) {
                    attempt.legs.retain(|leg| *leg != other);
                }
                self.cancel_ringing(other, End::Cancelled, None);
            }
        }
    }

    /// The same INVITE goes to the next address of its line.
    pub(super) fn try_elsewhere(&mut self, id: DialogId) -> bool {
        let Some(Leg { phase: Phase::Calling(calling), dialog, .. }) = self.legs.get_mut(&id) else {
            return false;
        };
        if calling.others.is_empty() {
            return false;
        }
        let next = calling.others.remove(0);
        let before = calling.client;
        dialog.retarget(&next);
        let mut invite = dialog.request(Method::Invite);
        carry(&calling.invite.headers, &mut invite.headers);
        invite.body = calling.invite.body.clone();
        let client = self.layer.request(self.now, invite.clone(), dialog.flow());
        calling.client = client;
        *calling.invite = invite;
        calling.authorized = false;
        calling.heard_of = false;
        self.layer.cancel(self.now, before);
        self.clients.remove(&before);
        self.clients.insert(client, Sent::Invite(id));
        self.timers.set(Timer::Silent(id), self.now + std::time::Duration::from_secs(6));
        true
    }

    /// Somebody answered the phone.
    fn invite_accepted(&mut self, id: DialogId, response: &Response) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        match &leg.phase {
            Phase::Calling(_) => {}
            Phase::Up if leg.dialog.is_from(response) => return,
            // Too late, or the second of a fork: acknowledged and ended.
            Phase::Leaving | Phase::Up | Phase::Asked(_) => return self.too_late(id, response),
        }
        let number = response.headers.cseq().map_or(0, |cseq| cseq.number);
        leg.dialog = leg.dialog.fork(response);
        leg.updates = response.headers.allow().any(|method| method.eq_ignore_ascii_case("UPDATE"));
        leg.session = leg.session.settled(&response.headers, &self.settings.session);
        leg.voice.heard = Description::parse(&response.body).ok();
        let said = leg.voice.heard.is_some();
        let asked = leg.voice.told.is_some();
        let phase = std::mem::replace(&mut leg.phase, Phase::Up);
        let Phase::Calling(calling) = phase else { return };
        if asked || !said {
            self.send_ack(id, number, None);
        } else if let Some(leg) = self.legs.get_mut(&id) {
            leg.owed_ack = Some(number);
        }
        self.refreshed(id);
        let reason = self.attempts.get(&calling.attempt).map(|attempt| &attempt.reason);
        if said && reason.is_some_and(|reason| !matches!(reason, Reason::Supervise { .. })) {
            // Told before the others are let go.
            self.tell_up(id);
        }
        let Some(mut attempt) = self.attempt_won(calling.attempt, id) else { return };
        if said {
            self.won(id, attempt);
        } else {
            // Nothing can be said to them without a description. Whoever waits waits on.
            self.part_from(id, End::Failed, Some(bare(88)));
            self.close(id, Close::Normal);
            attempt.worst = Some((End::Failed, bare(88)));
            self.attempts.insert(calling.attempt, attempt);
            self.attempt_over(calling.attempt, None);
        }
    }

    /// A 2xx that nobody waits for any more gets its ACK, and a BYE (RFC 3261 section 13.2.2.4).
    fn too_late(&mut self, id: DialogId, response: &Response) {
        let number = response.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(leg) = self.legs.get(&id) else { return };
        let leaving = matches!(leg.phase, Phase::Leaving);
        let mut fork = leg.dialog.fork(response);
        let mut ack = fork.ack(number);
        if leg.voice.told.is_none()
            && let Ok(offer) = Description::parse(&response.body)
        {
            ack.headers.push(Name::ContentType, "application/sdp");
            ack.body = super::bridge::discard(&offer, fork.flow().local).to_string().into();
        }
        let flow = fork.flow();
        self.layer.transmit(flow, Message::from(ack));
        let bye = fork.request(Method::Bye);
        let client = self.layer.request(self.now, bye, flow);
        let sent = if leaving { Sent::Bye(id) } else { Sent::Notice };
        self.clients.insert(client, sent);
        if leaving && let Some(leg) = self.legs.get_mut(&id) {
            leg.acked = Some((number, None));
            leg.dialog = fork;
        }
    }

    /// A 2xx came again: so does its ACK.
    fn acknowledge_again(&mut self, sent: &Sent, response: &Response) {
        let id = match sent {
            Sent::Invite(id) | Sent::Offer(id) | Sent::Passed { to: id, .. } | Sent::Refresh(id) => *id,
            Sent::Bye(_) | Sent::Relayed { .. } | Sent::Trunk(_) | Sent::Notice => return,
        };
        let number = response.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(leg) = self.legs.get(&id) else { return };
        let dialog =
            if leg.dialog.is_from(response) { leg.dialog.clone() } else { leg.dialog.fork(response) };
        let body = match &leg.acked {
            Some((acked, body)) if *acked == number => body.clone(),
            Some(_) => None,
            // The answer that goes with it is still to come.
            None => return,
        };
        let mut ack = dialog.ack(number);
        if let Some(body) = body {
            ack.headers.push(Name::ContentType, "application/sdp");
            ack.body = body;
        }
        self.layer.transmit(dialog.flow(), Message::from(ack));
    }

    /// Somebody of an attempt answered: what the attempt was for.
    fn won(&mut self, winner: DialogId, attempt: Attempt) {
        let Attempt { call, reason, heir, .. } = attempt;
        if let Reason::Supervise { order, leg, mode } = reason {
            return self.supervise_won(order, &call, winner, leg, mode);
        }
        match reason {
            Reason::Own { to, shown, .. } => self.own_phone_up(&call, winner, to, shown),
            Reason::Far => {
                if let Some(known) = self.calls.get_mut(&call) {
                    known.customer = winner;
                }
                self.join(&call, heir, winner);
            }
            Reason::Ring(_) | Reason::Dialled | Reason::SentTo | Reason::Consult | Reason::Transfer => {
                self.join(&call, heir, winner);
            }
            Reason::Supervise { .. } => {}
        }
    }

    pub(super) fn tell_up(&mut self, id: DialogId) {
        let Some(leg) = self.legs.get(&id) else { return };
        let (call, line) = (leg.call.clone(), leg.line.clone());
        self.user_is(&line);
        if let Some(call) = call
            && let Some(leg) = self.part_in(id, &call)
        {
            self.tell(Event::Up { call, leg });
        }
    }

    /// The heir of an attempt talks to who answered.
    fn join(&mut self, call: &crate::CallId, heir: Option<DialogId>, winner: DialogId) {
        let Some(known) = self.calls.get_mut(call) else { return };
        known.waits = false;
        let Some(heir) = heir.filter(|heir| self.legs.contains_key(heir)) else { return };
        let asked = matches!(self.legs.get(&heir).map(|leg| &leg.phase), Some(Phase::Asked(_)));
        if asked {
            self.answer_caller(heir, winner);
        }
        self.link(heir, winner);
        self.talk(call, heir, winner);
    }

    /// Tells that these talk, the customer first.
    pub(super) fn talk(&mut self, call: &crate::CallId, one: DialogId, other: DialogId) {
        let customer = self.calls.get(call).map(|known| known.customer);
        let order = if customer == Some(other) { [other, one] } else { [one, other] };
        for id in order {
            let Some(leg) = self.legs.get_mut(&id) else { continue };
            if leg.call.as_ref() != Some(call) || std::mem::replace(&mut leg.talking, true) {
                continue;
            }
            if let Some(leg) = self.part_in(id, call) {
                self.tell(Event::Talks { call: call.clone(), leg });
            }
        }
    }
}

/// What an INVITE says beside what its dialog says: who calls, and what came with the call.
pub(super) fn carry(from: &hookswitch_sip::Headers, to: &mut hookswitch_sip::Headers) {
    let of_dialog = [
        Name::Via,
        Name::MaxForwards,
        Name::Route,
        Name::From,
        Name::To,
        Name::CallId,
        Name::CSeq,
        Name::Contact,
        Name::Allow,
        Name::Authorization,
        Name::ProxyAuthorization,
    ];
    for header in from.iter().filter(|header| !of_dialog.contains(&header.name)) {
        to.push(header.name.clone(), &*header.value);
    }
}
