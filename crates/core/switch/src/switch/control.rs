//! What is ordered in the name of a user: third-party call control (RFC 3725).

use std::{collections::BTreeMap, time::Duration};

use hookswitch_media::Key;
use hookswitch_sip::message::{Method, Name};

use super::{
    Sent, Switch,
    attempt::{Fork, Plan},
    incoming::Way,
    leave::Close,
};
use crate::{
    Began, CallId, Caller, Event, LegId, Line, OrderId, Refused, Supervision, Target,
    cause::{self, bare},
    event::{Direction, End},
    id::DialogId,
    identity,
    state::{Call, Peer, Phase, Reason},
};

/// How long a supervisor's devices ring.
const SUPERVISE_RING: Duration = Duration::from_secs(30);

impl Switch {
    /// The ways to a target, with the number it goes by and from where to where that is.
    fn forks_of(&self, to: &Target) -> Result<(Vec<Fork>, String, Direction), Refused> {
        match to {
            Target::Lines(lines) => {
                let forks: Vec<Fork> = lines.iter().flat_map(|line| self.forks(line)).collect();
                if forks.is_empty() {
                    return Err(Refused::NoDevice);
                }
                Ok((
                    forks,
                    lines.first().map(|line| self.number_of(line)).unwrap_or_default(),
                    Direction::Internal,
                ))
            }
            Target::Number(number) => {
                let outside = matches!(self.way(number, true), Way::Outside(_));
                let direction = if outside { Direction::Outbound } else { Direction::Internal };
                Ok((self.forks_to(number)?, number.clone(), direction))
            }
            Target::WaitingRoom => Err(Refused::Unsupported),
        }
    }

    /// The number a line goes by.
    fn number_of(&self, line: &Line) -> String {
        match line {
            Line::User(name) => {
                let user = self.settings.users.get(name);
                user.and_then(|user| user.number.as_deref()).unwrap_or(name).to_owned()
            }
            Line::Behind { number, .. } => number.to_string(),
            Line::Trunk(name) => name.to_string(),
        }
    }

    fn caller_of(&self, line: &Line) -> Caller {
        match line {
            Line::User(name) => {
                let user = self.settings.users.get(name);
                user.map_or_else(Caller::default, |user| identity::of_user(name, user))
            }
            Line::Behind { .. } | Line::Trunk(_) => {
                Caller { number: self.number_of(line), ..Caller::default() }
            }
        }
    }

    /// Rings a user's own phones first.
    #[expect(clippy::too_many_arguments, reason = "the fields of one order")]
    pub(super) fn dial(
        &mut self,
        order: OrderId,
        call: &CallId,
        lines: &[Line],
        timeout: Duration,
        to: Target,
        shown: Option<String>,
        data: BTreeMap<String, String>,
    ) -> Result<(), Refused> {
        if self.calls.contains_key(call) {
            return Err(Refused::NotNow);
        }
        if self.calls.len() >= self.settings.limits.calls {
            return Err(Refused::Full);
        }
        let (number, direction) = match &to {
            Target::Number(number) if matches!(self.way(number, true), Way::Outside(_)) => {
                (number.clone(), Direction::Outbound)
            }
            Target::Number(number) => (number.clone(), Direction::Internal),
            Target::Lines(lines) => {
                (lines.first().map(|line| self.number_of(line)).unwrap_or_default(), Direction::Internal)
            }
            Target::WaitingRoom => return Err(Refused::Unsupported),
        };
        let forks: Vec<Fork> = lines.iter().flat_map(|line| self.forks(line)).collect();
        let Some(line) = forks.first().and_then(|fork| fork.first()).map(|first| first.line.clone()) else {
            let cause = Some(bare(cause::ABSENT));
            self.tell(Event::DialFailed { order, end: End::Unreachable, cause });
            return Ok(());
        };
        let caller = self.caller_of(&line);
        let age = self.count();
        let nobody = DialogId(0);
        let known = Call {
            parties: Vec::new(),
            customer: nobody,
            attempt: None,
            waits: false,
            last_ring: None,
            queue: None,
            dialled: number.clone(),
            caller: caller.clone(),
            data: data.clone(),
            supervisors: Vec::new(),
            age,
            room: None,
            speech: None,
        };
        self.calls.insert(call.clone(), known);
        let before = self.events.len();
        // The own phone shows whom it is going to talk to.
        let far = Caller { number: number.clone(), ..Caller::default() };
        let reason = Reason::Own { order, to, shown };
        let plan = Plan {
            call: call.clone(),
            reason,
            heir: None,
            forks,
            timeout: Self::longest(timeout),
            caller: far,
        };
        self.ring(plan);
        let first = self.calls.get(call).and_then(|known| known.parties.first().copied()).unwrap_or(nobody);
        if let Some(known) = self.calls.get_mut(call) {
            known.customer = first;
        }
        let began = Began {
            call: call.clone(),
            leg: LegId::first(first),
            line,
            direction,
            caller,
            dialled: number,
            via: None,
            data,
        };
        // A call is told before its first ringing.
        self.events.insert(before, Event::Began(Box::new(began)));
        Ok(())
    }

    /// The own phone is up: the far end is rung.
    pub(super) fn own_phone_up(&mut self, call: &CallId, own: DialogId, to: Target, shown: Option<String>) {
        if let Some(known) = self.calls.get_mut(call) {
            known.customer = own;
        }
        self.settle_owed_ack(own);
        if let Some(leg) = self.legs.get_mut(&own) {
            leg.peer = Peer::Silence;
        }
        let caller = self.legs.get(&own).map(|leg| leg.line.clone()).map(|line| self.caller_of(&line));
        let mut caller = caller.unwrap_or_default();
        if let Some(shown) = shown {
            caller = Caller { number: shown, name: None, withheld: false };
        }
        let forks = match self.forks_of(&to) {
            Ok((forks, ..)) => forks,
            Err(_) => return self.release(call, Some(bare(cause::ABSENT))),
        };
        let timeout = self.settings.ring.max(Duration::from_secs(60));
        let plan = Plan { call: call.clone(), reason: Reason::Far, heir: Some(own), forks, timeout, caller };
        if !self.ring(plan) {
            self.release(call, Some(bare(cause::ABSENT)));
        }
    }

    /// The pair a leg is part of.
    fn pair(&self, leg: LegId) -> Result<(DialogId, CallId, DialogId), Refused> {
        let (id, call) = self.party(leg)?;
        let known = self.legs.get(&id).ok_or(Refused::NoLeg)?;
        if known.part != leg.part || known.watches || !matches!(known.phase, Phase::Up) {
            return Err(Refused::NotNow);
        }
        let other = self.other_in(&call, id).ok_or(Refused::NotNow)?;
        Ok((id, call, other))
    }

    pub(super) fn hold(&mut self, leg: LegId) -> Result<(), Refused> {
        let (id, call, other) = self.pair(leg)?;
        self.put_on_hold(id, &call, other);
        Ok(())
    }

    fn put_on_hold(&mut self, id: DialogId, call: &CallId, other: DialogId) {
        let held = self.legs.get(&id).is_some_and(|leg| leg.holds || leg.holds_by_order);
        self.unwatch(call);
        if let Some(known) = self.legs.get_mut(&id) {
            known.holds_by_order = true;
        }
        let peer = self.port_for(call, other).map_or(Peer::Silence, Peer::Port);
        self.hears(other, peer);
        self.hears(id, Peer::Silence);
        if let Some(leg) = self.part_in(id, call).filter(|_| !held) {
            self.tell(Event::Held { call: call.clone(), leg });
        }
    }

    pub(super) fn retrieve(&mut self, leg: LegId) -> Result<(), Refused> {
        let (id, call, other) = self.pair(leg)?;
        self.take_back(id, &call, other);
        Ok(())
    }

    /// Who held talks again.
    fn take_back(&mut self, id: DialogId, call: &CallId, other: DialogId) {
        let held = match self.legs.get_mut(&id) {
            Some(known) => {
                let by_phone = std::mem::replace(&mut known.holds, false);
                std::mem::replace(&mut known.holds_by_order, false) || by_phone
            }
            None => false,
        };
        self.link(id, other);
        if let Some(leg) = self.part_in(id, call).filter(|_| held) {
            self.tell(Event::Retrieved { call: call.clone(), leg });
        }
        self.talk(call, id, other);
    }

    pub(super) fn transfer(&mut self, leg: LegId, other: LegId, to: &Target) -> Result<(), Refused> {
        let (id, call) = self.party(leg)?;
        let in_call = self.calls.get(&call).is_some_and(|known| known.parties.contains(&other.dialog));
        if !in_call && self.part_in(other.dialog, &call).is_none() {
            return Err(Refused::NoLeg);
        }
        let other = other.dialog;
        let free = !self.watches(id) && self.is_up(other) && self.is_present(other, &call) && other != id;
        if !free || self.legs.get(&id).is_none_or(|leg| leg.about.is_some()) {
            return Err(Refused::NotNow);
        }
        let (way, number, forks) = match to {
            Target::WaitingRoom => (Way::House, None, Vec::new()),
            Target::Lines(_) | Target::Number(_) => {
                let (forks, number, _) = self.forks_of(to)?;
                (Way::Lines(Vec::new()), Some(number), forks)
            }
        };
        self.give(&call, id, other, number.clone());
        self.close(id, Close::Normal);
        let dialled = self.calls.get(&call).map(|known| known.dialled.clone()).unwrap_or_default();
        self.go_to(&call, other, way, number.unwrap_or(dialled), forks);
        Ok(())
    }

    pub(super) fn consult(
        &mut self,
        leg: LegId,
        other: LegId,
        consult: &CallId,
        to: &Target,
        timeout: Duration,
        shown: Option<String>,
    ) -> Result<(), Refused> {
        let (id, call) = self.party(leg)?;
        let other = other.dialog;
        if self.calls.contains_key(consult) || self.legs.get(&id).is_none_or(|leg| leg.about.is_some()) {
            return Err(Refused::NotNow);
        }
        if self.watches(id) || !self.is_up(id) || self.other_in(&call, id) != Some(other) {
            return Err(Refused::NotNow);
        }
        let (forks, number, direction) = self.forks_of(to)?;
        self.put_on_hold(id, &call, other);
        let Some(known) = self.legs.get_mut(&id) else { return Err(Refused::NoLeg) };
        known.about = Some((call.clone(), known.part));
        known.parts = known.parts.saturating_add(1);
        known.part = known.parts;
        known.talking = false;
        let line = known.line.clone();
        let mut caller = self.caller_of(&line);
        let data = self.calls.get(&call).map(|main| main.data.clone()).unwrap_or_default();
        self.open_call(consult, id, number.clone(), caller.clone(), data);
        let Some(leg) = self.part_in(id, consult) else { return Err(Refused::NoLeg) };
        self.tell(Event::Began(Box::new(Began {
            call: consult.clone(),
            leg,
            line,
            direction,
            caller: caller.clone(),
            dialled: number,
            via: None,
            data: BTreeMap::new(),
        })));
        self.tell(Event::Up { call: consult.clone(), leg });
        if let Some(shown) = shown.filter(|_| direction == Direction::Outbound) {
            caller = Caller { number: shown, name: None, withheld: false };
        }
        let (reason, timeout) = (Reason::Consult, Self::longest(timeout));
        self.ring(Plan { call: consult.clone(), reason, heir: Some(id), forks, timeout, caller });
        Ok(())
    }

    /// Who is consulted did not answer: who consults still holds the other.
    pub(super) fn consult_failed(&mut self, consult: &CallId, cause: Option<crate::Cause>) {
        self.finish(consult, None, cause);
    }

    /// Who consulted is a party of the held call alone again.
    pub(super) fn back_to_held(&mut self, id: DialogId, end: End) {
        let Some(leg) = self.legs.get(&id) else { return };
        let Some(consult) = leg.call.clone() else { return };
        let part = self.part_in(id, &consult);
        if let Some(known) = self.calls.get_mut(&consult) {
            known.parties.retain(|party| *party != id);
        }
        if let Some(leg) = part {
            self.tell(Event::Left { call: consult, leg, end, cause: None });
        }
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if let Some((main, part)) = leg.about.take() {
            leg.call = Some(main);
            leg.part = part;
            leg.talking = true;
            leg.holds_by_order = true;
        }
        self.hears(id, Peer::Silence);
    }

    /// Who consults, in which call, about which.
    fn consulting(&self, consult: &CallId) -> Result<(DialogId, CallId), Refused> {
        let known = self.calls.get(consult).ok_or(Refused::NoCall)?;
        let consults = |id: &DialogId| {
            let leg = self.legs.get(id).filter(|leg| leg.call.as_ref() == Some(consult))?;
            leg.about.as_ref().map(|(main, _)| (*id, main.clone()))
        };
        known.parties.iter().find_map(consults).ok_or(Refused::NotNow)
    }

    pub(super) fn complete(&mut self, consult: &CallId) -> Result<(), Refused> {
        let (id, main) = self.consulting(consult)?;
        if !self.can_merge((&main, id), (consult, id)) {
            return Err(Refused::NotNow);
        }
        self.merge((&main, id), (consult, id));
        self.close(id, Close::Normal);
        Ok(())
    }

    pub(super) fn cancel(&mut self, consult: &CallId) -> Result<(), Refused> {
        let (id, main) = self.consulting(consult)?;
        let other = self.other_in(&main, id).ok_or(Refused::NotNow)?;
        if let Some(attempt) = self.calls.get(consult).and_then(|known| known.attempt) {
            self.drop_attempt(attempt, End::Cancelled);
        }
        self.finish(consult, Some((id, End::HungUp, Close::Normal)), Some(bare(cause::NORMAL)));
        self.take_back(id, &main, other);
        Ok(())
    }

    /// Who consults hangs up: the two others get each other, or the held one is alone.
    pub(super) fn consulter_left(&mut self, id: DialogId, end: End, cause: Option<crate::Cause>, how: Close) {
        let Some(leg) = self.legs.get(&id) else { return };
        let (Some(consult), Some((main, _))) = (leg.call.clone(), leg.about.clone()) else { return };
        let up = self.target_of(&consult, id).is_some_and(|target| self.is_up(target));
        if up && self.can_merge((&main, id), (&consult, id)) {
            self.merge((&main, id), (&consult, id));
            return self.close(id, how);
        }
        let other = self.other_in(&main, id);
        self.finish(&consult, Some((id, end, how)), cause.clone());
        // Back in the call that was held, and gone from there, too.
        let Some(other) = other else { return self.depart(id, end, cause, how) };
        if let Some(known) = self.calls.get_mut(&main).filter(|known| known.customer == id) {
            known.customer = other;
        }
        self.part_from(id, end, cause);
        self.close(id, how);
        self.wait(&main);
    }

    pub(super) fn conference(&mut self, consult: &CallId) -> Result<(), Refused> {
        let (id, main) = self.consulting(consult)?;
        let other = self.other_in(&main, id).ok_or(Refused::NotNow)?;
        let target =
            self.target_of(consult, id).filter(|target| self.is_up(*target)).ok_or(Refused::NotNow)?;
        let room = self.open_room(&[other, id, target], hookswitch_media::Hearing::conference())?;
        self.move_leg(target, consult, &main);
        self.back_to_held_quietly(id, consult);
        if let Some(over) = self.calls.remove(consult) {
            self.close_room(over.room);
        }
        self.tell(Event::Merged { call: consult.clone(), into: main.clone() });
        if let Some(known) = self.calls.get_mut(&main) {
            known.room = Some(room);
        }
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.holds_by_order = false;
            leg.holds = false;
        }
        if let Some(leg) = self.part_in(id, &main) {
            self.tell(Event::Retrieved { call: main.clone(), leg });
        }
        for leg in [other, id, target] {
            self.hear_room(leg, room);
            self.talk(&main, leg, leg);
        }
        let legs = [id, other, target].into_iter().filter_map(|leg| self.part_in(leg, &main)).collect();
        self.tell(Event::Conferenced { call: main, legs });
        Ok(())
    }

    fn back_to_held_quietly(&mut self, id: DialogId, consult: &CallId) {
        let part = self.part_in(id, consult);
        if let Some(leg) = self.legs.get_mut(&id)
            && let Some((main, part)) = leg.about.take()
        {
            leg.call = Some(main);
            leg.part = part;
            leg.talking = true;
        }
        if let Some(leg) = part {
            self.tell(Event::Left { call: consult.clone(), leg, end: End::Transferred, cause: None });
        }
    }

    /// A conference of two is a pair.
    pub(super) fn fewer_confer(&mut self, call: &CallId) {
        let Some(known) = self.calls.get_mut(call) else { return };
        if known.room.is_none() {
            return;
        }
        let parties = known.parties.clone();
        let up: Vec<DialogId> = parties.into_iter().filter(|party| self.is_up(*party)).collect();
        if let [one, other] = up[..] {
            let room = self.calls.get_mut(call).and_then(|known| known.room.take());
            self.close_room(room);
            self.link(one, other);
        }
    }

    /// Some phones answer when they are told to (`NOTIFY`, `Event: talk`), inside the early dialog.
    pub(super) fn tell_to_answer(&mut self, leg: LegId) -> Result<(), Refused> {
        let (id, _) = self.party(leg)?;
        let known = self.legs.get_mut(&id).ok_or(Refused::NoLeg)?;
        let answers =
            known.line.user().and_then(|name| self.settings.users.get(name)).is_some_and(|user| user.answers);
        if !answers {
            return Err(Refused::Unsupported);
        }
        if !matches!(known.phase, Phase::Calling(_)) || known.dialog.remote_tag().is_none() {
            return Err(Refused::NotNow);
        }
        let mut notify = known.dialog.request(Method::Notify);
        notify.headers.push(Name::Event, "talk");
        notify.headers.push(Name::SubscriptionState, "active");
        let flow = known.dialog.flow();
        let client = self.layer.request(self.now, notify, flow);
        self.clients.insert(client, Sent::Notice);
        Ok(())
    }

    pub(super) fn tones(&mut self, leg: LegId, digits: &str) -> Result<(), Refused> {
        let (id, _) = self.party(leg)?;
        if !self.is_up(id) {
            return Err(Refused::NotNow);
        }
        let keys: Vec<Key> = digits.chars().filter_map(Key::new).collect();
        let port = match self.legs.get(&id).map(|leg| leg.peer) {
            Some(Peer::Port(port)) => Some(port),
            Some(Peer::Unset | Peer::Leg(_) | Peer::Silence) | None => None,
        };
        for key in keys {
            // Between the two the voice is not ours: then keys go by INFO.
            if port.is_none_or(|port| !self.press(port, key)) {
                self.key_to(id, key);
            }
        }
        Ok(())
    }

    fn key_to(&mut self, id: DialogId, key: Key) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let mut info = leg.dialog.request(Method::Info);
        info.headers.push(Name::ContentType, "application/dtmf-relay");
        info.body = format!("Signal={}\r\nDuration=160\r\n", key.letter()).into();
        let flow = leg.dialog.flow();
        let client = self.layer.request(self.now, info, flow);
        self.clients.insert(client, Sent::Notice);
    }

    pub(super) fn supervise(
        &mut self,
        order: OrderId,
        leg: LegId,
        lines: &[Line],
        mode: Supervision,
    ) -> Result<(), Refused> {
        let (_, call, _) = self.pair(leg)?;
        if self.settings.media.is_none() {
            return Err(Refused::NoMedia);
        }
        if self.calls.get(&call).is_none_or(|known| known.room.is_some()) {
            return Err(Refused::NotNow);
        }
        let forks: Vec<Fork> = lines.iter().flat_map(|line| self.forks(line)).collect();
        let caller = self.calls.get(&call).map(|known| known.caller.clone()).unwrap_or_default();
        let reason = Reason::Supervise { order, leg, mode };
        if !self.ring(Plan { call, reason, heir: None, forks, timeout: SUPERVISE_RING, caller }) {
            let cause = Some(bare(cause::ABSENT));
            self.tell(Event::DialFailed { order, end: End::Unreachable, cause });
        }
        Ok(())
    }

    /// A supervisor answered: the pair and the supervisor share a room.
    pub(super) fn supervise_won(
        &mut self,
        order: OrderId,
        call: &CallId,
        id: DialogId,
        leg: LegId,
        mode: Supervision,
    ) {
        let failed = |switch: &mut Self| {
            switch.close(id, Close::Normal);
            switch.tell(Event::DialFailed { order, end: End::Failed, cause: None });
        };
        let watched = self.calls.get(call).is_none_or(|known| known.room.is_some());
        let pair = self.pair(leg).ok().filter(|(_, known, _)| known == call && !watched);
        let Some((supervised, _, other)) = pair else { return failed(self) };
        let hearing = hookswitch_media::Hearing::supervised(match mode {
            Supervision::Listen => hookswitch_media::Supervision::Listen,
            Supervision::Whisper => hookswitch_media::Supervision::Whisper,
            Supervision::Barge => hookswitch_media::Supervision::Barge,
        });
        let Ok(room) = self.open_room(&[other, supervised, id], hearing) else { return failed(self) };
        if let Some(known) = self.calls.get_mut(call) {
            known.room = Some(room);
        }
        let Some(known) = self.legs.get_mut(&id) else { return };
        known.watches = true;
        let line = known.line.clone();
        self.occupy(id);
        self.answer_in_room(id, room);
        for leg in [other, supervised] {
            self.hear_room(leg, room);
        }
        self.tell(Event::Supervised { call: call.clone(), leg: LegId::first(id), line, mode });
    }

    /// Whether a leg hears a call without being a party of it.
    pub(super) fn watches(&self, id: DialogId) -> bool {
        self.legs.get(&id).is_some_and(|leg| leg.watches)
    }

    /// Who is heard by a supervisor goes elsewhere: the supervisor goes.
    pub(super) fn unwatch(&mut self, call: &CallId) {
        let room = self.calls.get_mut(call).and_then(|known| known.room.take());
        self.close_room(room);
    }

    /// A supervisor left: the pair hears each other without us.
    pub(super) fn watched_no_more(&mut self, call: &CallId) {
        let room = self.calls.get_mut(call).and_then(|known| known.room.take());
        if room.is_none() {
            return;
        }
        self.close_room(room);
        let parties = self.calls.get(call).map(|known| known.parties.clone()).unwrap_or_default();
        let up: Vec<DialogId> = parties.into_iter().filter(|party| self.is_up(*party)).collect();
        if let [one, other] = up[..] {
            self.link(one, other);
        }
    }
}
