//! Who gives a call to whom: REFER, Replaces, and the same by order.

use hookswitch_sip::{
    ServerId,
    message::{Method, Name, NameAddr, Replaces, Request},
};

use super::{
    Sent, Switch,
    attempt::{Fork, Plan},
    incoming::Way,
    keep::Timer,
    leave::Close,
};
use crate::{
    CallId, Event, Line,
    cause::bare,
    event::End,
    id::DialogId,
    identity,
    state::{Peer, Phase, Reason},
};

/// How long a phone that gave its call away may take to hang up, before it is hung up on.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(5);

impl Switch {
    /// The one other who is up in a call with this leg, and not away to consult somebody.
    pub(super) fn other_in(&self, call: &CallId, id: DialogId) -> Option<DialogId> {
        let known = self.calls.get(call)?;
        let there = |party: &DialogId| *party != id && self.is_up(*party) && self.is_present(*party, call);
        let mut others = known.parties.iter().copied().filter(there);
        let other = others.next()?;
        others.next().is_none().then_some(other)
    }

    /// Whether a leg is in this call now, and does not hold it.
    pub(super) fn is_present(&self, id: DialogId, call: &CallId) -> bool {
        self.legs.get(&id).is_some_and(|leg| leg.call.as_ref() == Some(call))
    }

    /// REFER: a phone gives the other side of its call to somebody.
    pub(super) fn referred(&mut self, id: DialogId, server: ServerId, request: &Request) {
        let Some(leg) = self.legs.get(&id) else { return };
        let Some(to) = request.headers.refer_to() else { return self.reply(server, request, 400) };
        let of_house = !matches!(leg.line, Line::Trunk(_)) && !leg.watches;
        let call = leg.call.clone().filter(|_| leg.about.is_none());
        let other = call.as_ref().and_then(|call| self.other_in(call, id));
        let (Some(call), Some(other)) = (call, other.filter(|_| of_house)) else {
            return self.reply(server, request, 403);
        };
        let method = to.uri.params.get("method").is_none_or(|method| method.eq_ignore_ascii_case("INVITE"));
        if !method || !(to.uri.is_sip() || to.uri.scheme == hookswitch_sip::Scheme::Tel) {
            return self.reply(server, request, 403);
        }
        let replaces = to.uri.decoded_headers().find(|(name, _)| name.eq_ignore_ascii_case("Replaces"));
        match replaces {
            Some((_, value)) => self.referred_to_dialog(id, server, request, &value, &call),
            None => self.referred_to_number(id, server, request, &to, &call, other),
        }
    }

    fn referred_to_number(
        &mut self,
        id: DialogId,
        server: ServerId,
        request: &Request,
        to: &NameAddr,
        call: &CallId,
        other: DialogId,
    ) {
        let number = identity::number(&to.uri);
        let way = self.way(&number, false);
        let forks: Vec<Fork> = match &way {
            Way::Forbidden => return self.reply(server, request, 403),
            Way::Lines(lines) => lines.iter().flat_map(|line| self.forks(line)).collect(),
            Way::Outside(number) => self.outside_forks(number),
            Way::House => Vec::new(),
        };
        let reachable = way == Way::House || !forks.is_empty();
        self.accept_refer(id, server, request, if reachable { 200 } else { 480 });
        if !reachable {
            return;
        }
        self.give(call, id, other, Some(number.clone()));
        self.timers.set(Timer::Farewell(id), self.now + FAREWELL);
        self.go_to(call, other, way, number, forks);
    }

    /// Sends who was given away on: rung for, or to the waiting room.
    pub(super) fn go_to(
        &mut self,
        call: &CallId,
        other: DialogId,
        way: Way,
        number: String,
        forks: Vec<Fork>,
    ) {
        if way == Way::House {
            if let Some(known) = self.calls.get_mut(call) {
                known.dialled = number;
            }
            return self.wait(call);
        }
        self.alone(call, other);
        let caller = self.calls.get(call).map(|known| known.caller.clone()).unwrap_or_default();
        let timeout = self.settings.ring;
        let plan =
            Plan { call: call.clone(), reason: Reason::Transfer, heir: Some(other), forks, timeout, caller };
        if !self.ring(plan) {
            self.wait(call);
        }
    }

    /// Takes a REFER, and says how it went: at once, because who is given away is no longer the giver's.
    fn accept_refer(&mut self, id: DialogId, server: ServerId, request: &Request, status: u16) {
        let silent =
            request.headers.named("Refer-Sub").is_some_and(|value| value.trim().starts_with("false"));
        let mut answer = request.reply(202, "");
        if silent {
            answer.headers.push(Name::Other("Refer-Sub".into()), "false");
        }
        if let Some(leg) = self.legs.get(&id) {
            answer.headers.push(Name::Contact, leg.dialog.contact());
        }
        self.layer.respond(self.now, server, answer);
        if !silent {
            self.notify(id, request, 100, "active;expires=60");
            self.notify(id, request, status, "terminated;reason=noresource");
        }
    }

    fn notify(&mut self, id: DialogId, refer: &Request, status: u16, state: &str) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let mut notify = leg.dialog.request(Method::Notify);
        let number = refer.headers.cseq().map_or(0, |cseq| cseq.number);
        notify.headers.push(Name::Event, format!("refer;id={number}"));
        notify.headers.push(Name::SubscriptionState, state);
        notify.headers.push(Name::ContentType, "message/sipfrag;version=2.0");
        notify.body =
            format!("SIP/2.0 {status} {}\r\n", hookswitch_sip::message::reason_phrase(status)).into();
        let flow = leg.dialog.flow();
        let client = self.layer.request(self.now, notify, flow);
        self.clients.insert(client, Sent::Notice);
    }

    /// A leg gives the other to somebody and leaves the call. Its dialog stays until it is ended.
    pub(super) fn give(&mut self, call: &CallId, giver: DialogId, other: DialogId, number: Option<String>) {
        let Some(from) = self.part_in(giver, call) else { return };
        self.tell(Event::Transferred {
            call: call.clone(),
            attended: false,
            from,
            to_leg: None,
            to_number: number,
            consult: None,
        });
        self.hand_over_customer(call, giver, other);
        self.part_from(giver, End::Transferred, None);
        self.unwatch(call);
        self.unlinked(giver);
    }

    fn hand_over_customer(&mut self, call: &CallId, giver: DialogId, heir: DialogId) {
        if let Some(known) = self.calls.get_mut(call).filter(|known| known.customer == giver) {
            known.customer = heir;
        }
    }

    /// The two no longer hear each other.
    fn unlinked(&mut self, id: DialogId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let peer = std::mem::replace(&mut leg.peer, Peer::Silence);
        if let Peer::Leg(other) = peer
            && let Some(other) = self.legs.get_mut(&other)
            && other.peer == Peer::Leg(id)
        {
            other.peer = Peer::Silence;
        }
    }

    /// REFER with Replaces: of a phone's two calls one is to be made.
    fn referred_to_dialog(
        &mut self,
        id: DialogId,
        server: ServerId,
        request: &Request,
        replaces: &str,
        call: &CallId,
    ) {
        let twin = replaces.parse::<Replaces>().ok().and_then(|replaces| self.replaced(&replaces));
        let twin = twin.filter(|twin| *twin != id);
        let consult =
            twin.and_then(|twin| self.legs.get(&twin)?.call.clone()).filter(|consult| consult != call);
        let (Some(twin), Some(consult)) = (twin, consult) else {
            self.accept_refer(id, server, request, 481);
            return;
        };
        let age = |call: &CallId| self.calls.get(call).map_or(0, |known| known.age);
        let (first, second) = if age(call) <= age(&consult) {
            ((call.clone(), id), (consult, twin))
        } else {
            ((consult, twin), (call.clone(), id))
        };
        let possible = self.can_merge((&first.0, first.1), (&second.0, second.1));
        self.accept_refer(id, server, request, if possible { 200 } else { 481 });
        if possible {
            self.merge((&first.0, first.1), (&second.0, second.1));
            for giver in [id, twin] {
                self.timers.set(Timer::Farewell(giver), self.now + FAREWELL);
            }
        }
    }

    /// The dialog a Replaces names: by our tag, whichever way round.
    fn replaced(&self, replaces: &Replaces) -> Option<DialogId> {
        [(&replaces.to_tag, &replaces.from_tag), (&replaces.from_tag, &replaces.to_tag)].into_iter().find_map(
            |(ours, theirs)| {
                let id = DialogId(u64::from_str_radix(ours, 16).ok()?);
                let leg = self.legs.get(&id)?;
                leg.dialog.is(&replaces.call_id, ours, theirs).then_some(id)
            },
        )
    }

    /// Who of a consultation is the target: up, or still ringing.
    pub(super) fn target_of(&self, consult: &CallId, giver: DialogId) -> Option<DialogId> {
        let known = self.calls.get(consult)?;
        let there = |party: &DialogId| *party != giver && self.is_present(*party, consult);
        let others = || known.parties.iter().copied().filter(there);
        let rings =
            |party: &DialogId| self.legs.get(party).is_some_and(|leg| matches!(leg.phase, Phase::Calling(_)));
        others().find(|party| self.is_up(*party)).or_else(|| others().find(rings))
    }

    pub(super) fn can_merge(&self, main: (&CallId, DialogId), consult: (&CallId, DialogId)) -> bool {
        let away = |id: DialogId| self.legs.get(&id).is_none_or(|leg| leg.about.is_some());
        let twins = main.1 != consult.1;
        self.other_in(main.0, main.1).is_some()
            && self.target_of(consult.0, consult.1).is_some()
            && !(twins && (away(main.1) || away(consult.1)))
    }

    /// Of two calls of one giver one is made: who is in the first gets who is in the second, the giver leaves both.
    pub(super) fn merge(&mut self, main: (&CallId, DialogId), consult: (&CallId, DialogId)) {
        let (Some(other), Some(target)) =
            (self.other_in(main.0, main.1), self.target_of(consult.0, consult.1))
        else {
            return;
        };
        let target_is_up = self.is_up(target);
        self.unwatch(main.0);
        self.unwatch(consult.0);
        let number = self.calls.get(consult.0).map(|known| known.dialled.clone());
        self.move_attempt(consult.0, main.0, other);
        let moving: Vec<DialogId> = self
            .calls
            .get(consult.0)
            .map(|known| known.parties.iter().copied().filter(|party| *party != consult.1).collect())
            .unwrap_or_default();
        for leg in moving {
            self.move_leg(leg, consult.0, main.0);
        }
        if let (Some(from), Some(to_leg)) = (self.part_in(main.1, main.0), self.part_in(target, main.0)) {
            self.tell(Event::Transferred {
                call: main.0.clone(),
                attended: true,
                from,
                to_leg: Some(to_leg),
                to_number: number.filter(|number| !number.is_empty()),
                consult: Some(consult.0.clone()),
            });
        }
        self.hand_over_customer(main.0, main.1, other);
        self.giver_leaves(main, consult);
        if target_is_up {
            self.link(other, target);
            self.talk(main.0, other, target);
        } else {
            self.alone(main.0, other);
        }
    }

    /// The giver leaves both calls, and the second is part of the first.
    fn giver_leaves(&mut self, main: (&CallId, DialogId), consult: (&CallId, DialogId)) {
        if main.1 == consult.1 {
            self.part_held(main.0, main.1, End::Transferred);
        } else {
            self.part_from(main.1, End::Transferred, None);
            self.unlinked(main.1);
        }
        self.part_from(consult.1, End::Transferred, None);
        self.unlinked(consult.1);
        if let Some(over) = self.calls.remove(consult.0) {
            self.close_room(over.room);
        }
        self.tell(Event::Merged { call: consult.0.clone(), into: main.0.clone() });
    }

    /// Who rings in one call rings in the other from now on, for this heir.
    fn move_attempt(&mut self, from: &CallId, to: &CallId, heir: DialogId) {
        let Some(id) = self.calls.get_mut(from).and_then(|known| known.attempt.take()) else { return };
        if let Some(attempt) = self.attempts.get_mut(&id) {
            attempt.call = to.clone();
            attempt.reason = Reason::Transfer;
            attempt.heir = Some(heir);
        }
        if let Some(known) = self.calls.get_mut(to) {
            known.attempt = Some(id);
        }
    }

    pub(super) fn move_leg(&mut self, id: DialogId, from: &CallId, to: &CallId) {
        let part = self.part_in(id, from);
        if let Some(known) = self.calls.get_mut(from) {
            known.parties.retain(|party| *party != id);
        }
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.call = Some(to.clone());
        leg.talking = false;
        if let Some(known) = self.calls.get_mut(to) {
            known.parties.push(id);
        }
        if let Some(leg) = part {
            self.tell(Event::Moved { from: from.clone(), to: to.clone(), leg });
        }
    }

    /// INVITE with Replaces (RFC 3891): the new leg takes the place of another, which rings or talks.
    pub(super) fn replaces(&mut self, id: DialogId, request: &Request) {
        let wanted = request.headers.replaces();
        let found = wanted.as_ref().and_then(|wanted| self.replaced(wanted)).filter(|found| *found != id);
        let Some(found) = found else { return self.close(id, Close::Status(481, "")) };
        let Some(leg) = self.legs.get(&found) else { return };
        let early_only = wanted.is_some_and(|wanted| wanted.early_only);
        let call = leg.call.clone().filter(|_| leg.about.is_none());
        match (&leg.phase, call) {
            (Phase::Calling(calling), Some(call)) => {
                let attempt = calling.attempt;
                self.pick_up(id, found, &call, attempt);
            }
            (Phase::Up, Some(_)) if early_only => self.close(id, Close::Status(486, "Busy Here")),
            (Phase::Up, Some(call)) => self.take_over(id, found, &call),
            (Phase::Asked(_) | Phase::Leaving | Phase::Calling(_) | Phase::Up, _) => {
                self.close(id, Close::Status(481, ""));
            }
        }
    }

    /// The new leg answers instead of one that rings.
    fn pick_up(&mut self, id: DialogId, ringing: DialogId, call: &CallId, attempt: u64) {
        let Some(mut attempt) = self.attempt_won(attempt, ringing) else { return };
        self.cancel_ringing(ringing, End::Cancelled, None);
        self.comes_to(id, call);
        let heir = attempt.heir.take();
        let Some(heir) = heir.filter(|heir| self.legs.contains_key(heir)) else {
            return self.depart(id, End::Failed, Some(bare(31)), Close::Normal);
        };
        self.answer_picker(id, heir);
        if let Some(known) = self.calls.get_mut(call) {
            known.waits = false;
        }
        if self.legs.get(&heir).is_some_and(|leg| matches!(leg.phase, Phase::Asked(_))) {
            self.answer_caller(heir, id);
        }
        self.link(heir, id);
        self.talk(call, heir, id);
    }

    /// The new leg takes the place of one that talks.
    fn take_over(&mut self, id: DialogId, talking: DialogId, call: &CallId) {
        let Some(other) = self.other_in(call, talking) else {
            return self.close(id, Close::Status(481, ""));
        };
        self.unwatch(call);
        self.comes_to(id, call);
        self.answer_picker(id, other);
        self.hand_over_customer(call, talking, id);
        self.part_from(talking, End::Transferred, None);
        self.close(talking, Close::Normal);
        self.link(other, id);
        self.talk(call, other, id);
    }

    /// A leg that was not rung comes to a call.
    fn comes_to(&mut self, id: DialogId, call: &CallId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.call = Some(call.clone());
        let line = leg.line.clone();
        if let Some(known) = self.calls.get_mut(call) {
            known.parties.push(id);
        }
        self.occupy(id);
        if let Some(leg) = self.part_in(id, call) {
            self.tell(Event::Rings { call: call.clone(), leg, line, number: None, order: None });
        }
    }

    fn answer_picker(&mut self, id: DialogId, other: DialogId) {
        let said = self.legs.get(&other).and_then(|leg| leg.voice.heard.as_ref()).map(crate::voice::active);
        let late = self.legs.get(&id).is_some_and(|leg| leg.voice.heard.is_none());
        match said {
            Some(said) => self.accept_call(id, said, late.then_some(id)),
            None => self.depart(id, End::Failed, Some(bare(88)), Close::Normal),
        }
    }
}
