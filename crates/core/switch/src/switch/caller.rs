//! What a caller who is not answered yet is told: 180, 182 again and again, reliably where asked (RFC 3262), and in the
//! end 200.

use std::time::Duration;

use hookswitch_sip::message::{Name, Request, Response};

use super::{Switch, keep::Timer, leave::Close};
use crate::{
    CallId, Event,
    cause::bare,
    dialog::{ALLOW, SUPPORTED},
    event::End,
    id::DialogId,
    state::{Leg, Peer, Phase, Unheard},
};

/// Who is not acknowledged for so long, 64·T1, is gone (RFC 3262 section 3).
pub(super) const GIVE_UP: u32 = 64;

impl Switch {
    /// The caller of a call hears that somebody is being rung.
    pub(super) fn show_ringing(&mut self, call: &CallId) {
        if let Some(caller) = self.unanswered_caller(call) {
            self.progress(caller, 180);
        }
    }

    /// The caller of a call hears that it waits again: a queue's caller.
    pub(super) fn show_waiting(&mut self, call: &CallId) {
        let queued = self.calls.get(call).is_some_and(|call| call.queue.is_some());
        if let Some(caller) = self.unanswered_caller(call).filter(|_| queued) {
            self.progress(caller, 182);
        }
    }

    fn unanswered_caller(&self, call: &CallId) -> Option<DialogId> {
        let customer = self.calls.get(call)?.customer;
        matches!(self.legs.get(&customer)?.phase, Phase::Asked(_)).then_some(customer)
    }

    /// Sends a provisional answer, unless it is what was sent last; and again before the caller's side gives up.
    pub(super) fn progress(&mut self, id: DialogId, status: u16) {
        let Some(Leg { phase: Phase::Asked(asked), .. }) = self.legs.get_mut(&id) else { return };
        if asked.told == status {
            return;
        }
        asked.told = status;
        self.say_progress(id);
    }

    /// Sends the last provisional answer again.
    pub(super) fn say_progress(&mut self, id: DialogId) {
        let t1 = self.settings.transactions.t1;
        self.timers.set(Timer::Queued(id), self.now + self.settings.queued_every);
        let Some(Leg { phase: Phase::Asked(asked), dialog, .. }) = self.legs.get_mut(&id) else { return };
        // One at a time; the newest goes out when the last one is acknowledged.
        if asked.told == 0 || asked.unheard.is_some() {
            return;
        }
        let mut response = asked.invite.reply(asked.told, "").with_to_tag(dialog.local_tag());
        for route in asked.invite.headers.record_routes() {
            response.headers.push(Name::RecordRoute, route.to_string());
        }
        response.headers.push(Name::Contact, dialog.contact());
        response.headers.push(Name::Allow, ALLOW);
        if asked.reliably {
            asked.rseq += 1;
            response.headers.push(Name::Require, "100rel");
            response.headers.push(Name::RSeq, asked.rseq.to_string());
            asked.unheard = Some(Unheard { response: response.clone(), wait: t1, since: self.now });
            self.timers.set(Timer::Provisional(id), self.now + t1);
        }
        let server = asked.server;
        self.layer.respond(self.now, server, response);
    }

    /// A reliable provisional answer was not acknowledged: sent again, in the end given up.
    pub(super) fn provisional_due(&mut self, id: DialogId) {
        let (now, t1) = (self.now, self.settings.transactions.t1);
        let Some(Leg { phase: Phase::Asked(asked), .. }) = self.legs.get_mut(&id) else { return };
        let server = asked.server;
        let Some(unheard) = &mut asked.unheard else { return };
        if now.since(unheard.since) >= t1 * GIVE_UP {
            return self.depart(id, End::Released, Some(bare(102)), Close::Status(504, "Server Time-out"));
        }
        unheard.wait *= 2;
        let (response, at) = (unheard.response.clone(), now + unheard.wait);
        self.timers.set(Timer::Provisional(id), at);
        self.layer.respond(now, server, response);
    }

    /// A PRACK: true when it acknowledges what we sent.
    pub(super) fn provisional_heard(&mut self, id: DialogId, prack: &Request) -> bool {
        let Some(Leg { phase: Phase::Asked(asked), .. }) = self.legs.get_mut(&id) else { return false };
        let Some(rack) = prack.headers.rack() else { return false };
        let number = asked.invite.headers.cseq().map(|cseq| cseq.number);
        let said = asked.unheard.as_ref().map(|unheard| unheard.response.status);
        if said.is_none() || rack.rseq != asked.rseq || Some(rack.cseq.number) != number {
            return false;
        }
        asked.unheard = None;
        let newer = said != Some(asked.told);
        self.timers.cancel(&Timer::Provisional(id));
        if newer {
            self.say_progress(id);
        }
        true
    }

    /// The caller is answered with what who answered said. Without an offer of the caller that is our offer, and the
    /// answer comes with the ACK.
    pub(super) fn answer_caller(&mut self, caller: DialogId, by: DialogId) {
        let said = self.legs.get(&by).and_then(|leg| leg.voice.heard.clone());
        let late =
            matches!(self.legs.get(&caller).map(|leg| &leg.phase), Some(Phase::Asked(asked)) if asked.late);
        let Some(said) = said else { return };
        self.accept_call(caller, said, late.then_some(by));
    }

    /// Sends the 2xx to a caller.
    pub(super) fn accept_call(
        &mut self,
        id: DialogId,
        said: hookswitch_media::sdp::Description,
        answer_for: Option<DialogId>,
    ) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Phase::Asked(asked) = std::mem::replace(&mut leg.phase, Phase::Up) else { return };
        let body = leg.voice.tell(said);
        let mut answer = asked
            .invite
            .reply(200, "")
            .with_to_tag(leg.dialog.local_tag())
            .with_body("application/sdp", body);
        for route in asked.invite.headers.record_routes() {
            answer.headers.push(Name::RecordRoute, route.to_string());
        }
        answer.headers.push(Name::Contact, leg.dialog.contact());
        answer.headers.push(Name::Allow, ALLOW);
        answer.headers.push(Name::Supported, SUPPORTED);
        leg.session.answer(&asked.invite.headers, &mut answer.headers);
        self.servers.remove(&asked.server);
        self.timers.cancel(&Timer::Queued(id));
        self.timers.cancel(&Timer::Provisional(id));
        self.await_ack(id, asked.server, answer.clone(), answer_for);
        self.refreshed(id);
        self.layer.respond(self.now, asked.server, answer);
        self.tell_up(id);
    }

    /// A caller is in the waiting room and asks where to go.
    pub(super) fn wait(&mut self, call: &CallId) {
        let Some(known) = self.calls.get_mut(call) else { return };
        known.waits = true;
        let (customer, dialled) = (known.customer, known.dialled.clone());
        self.alone(call, customer);
        self.tell(Event::Waits { call: call.clone(), dialled });
    }

    /// Who has nobody to talk to hears music, or nothing.
    pub(super) fn alone(&mut self, call: &CallId, id: DialogId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let was_talking = std::mem::replace(&mut leg.talking, false);
        let up = matches!(leg.phase, Phase::Up);
        if was_talking && let Some(leg) = self.part_in(id, call) {
            self.tell(Event::Apart { call: call.clone(), leg });
        }
        if up {
            let peer = self.port_for(call, id).map_or(Peer::Silence, Peer::Port);
            self.hears(id, peer);
        }
    }

    /// The ACK of a 2xx of ours.
    pub(super) fn acknowledged(&mut self, ack: &Request) {
        let Some(id) = self.dialog_of(ack) else { return };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let number = ack.headers.cseq().map(|cseq| cseq.number);
        let awaited = leg.unacknowledged.as_ref().and_then(|sent| Some(sent.response.headers.cseq()?.number));
        if awaited.is_none() || awaited != number {
            return;
        }
        let answer_for = leg.unacknowledged.take().and_then(|sent| sent.answer_for);
        self.timers.cancel(&Timer::Ack(id));
        if matches!(leg.phase, Phase::Leaving) {
            return self.bye(id);
        }
        if let Some(other) = answer_for {
            self.late_answer(id, other, ack);
        }
        self.tune(id);
    }

    /// The answer to an offer of the other side came with the ACK: it goes on with our ACK.
    fn late_answer(&mut self, id: DialogId, other: DialogId, ack: &Request) {
        let Ok(answer) = hookswitch_media::sdp::Description::parse(&ack.body) else {
            // An offer without an answer: nobody can talk (RFC 3261 section 13.2.2.4).
            return self.depart(id, End::Released, Some(bare(88)), Close::Normal);
        };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.voice.heard = Some(answer.clone());
        if let Peer::Port(port) = leg.peer {
            self.port_agreed(port, id);
        }
        if other == id {
            return;
        }
        let Some(leg) = self.legs.get_mut(&other) else { return };
        let Some(number) = leg.owed_ack.take() else { return };
        let body = leg.voice.tell(answer);
        self.send_ack(other, number, Some(body));
    }

    /// A 2xx of ours was not acknowledged: sent again, in the end the dialog is dead.
    pub(super) fn ack_due(&mut self, id: DialogId) {
        let (now, transactions) = (self.now, &self.settings.transactions);
        let (t1, t2) = (transactions.t1, transactions.t2);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(sent) = &mut leg.unacknowledged else { return };
        if now.since(sent.since) >= t1 * GIVE_UP {
            leg.unacknowledged = None;
            if matches!(leg.phase, Phase::Leaving) {
                return self.bye(id);
            }
            self.counters.dead += 1;
            return self.depart(id, End::Released, Some(bare(102)), Close::Normal);
        }
        sent.wait = (sent.wait * 2).min(t2).max(Duration::from_millis(1));
        let (server, response, at): (_, Response, _) = (sent.server, sent.response.clone(), now + sent.wait);
        self.timers.set(Timer::Ack(id), at);
        self.layer.respond(now, server, response);
    }
}
