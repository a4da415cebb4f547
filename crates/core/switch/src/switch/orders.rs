//! What is ordered: taken or refused at once, told by events when it comes about.

use std::time::Duration;

use super::{
    Switch,
    attempt::{Fork, Plan},
    incoming::Way,
    leave::Close,
};
use crate::{
    CallId, Command, Event, LegId, OrderId, Outcome, Refused,
    cause::bare,
    event::End,
    id::DialogId,
    state::{Phase, Reason},
};

impl Switch {
    /// Carries an order out. That it is taken is told before what comes of it.
    pub(super) fn ordered(&mut self, order: OrderId, command: Command) {
        if let Command::Check { number } = command {
            let exists = self.is_number(&number);
            return self.tell(Event::Checked { order, exists });
        }
        let before = self.events.len();
        let refused = self.carry_out(order, command).err();
        self.events.insert(before, Event::Done { order, refused });
    }

    fn carry_out(&mut self, order: OrderId, command: Command) -> Result<(), Refused> {
        match command {
            Command::Ring { call, lines, timeout } => self.ring_for(order, &call, &lines, timeout),
            Command::Withdraw { call, ring, legs, all } => self.withdraw(&call, ring, &legs, all),
            Command::Queue { call, queue } => self.queued(&call, queue),
            Command::Menu { call, menu } => self.ask(&call, &menu),
            Command::Announce { call, queue, position, wait } => self.announce(&call, &queue, position, wait),
            Command::Farewell { leg, prompt } => self.farewell(leg, &prompt),
            Command::SendTo { call, number } => self.send_to(&call, &number),
            Command::Hangup { leg, cause } => self.hang_up(leg, cause),
            Command::GiveUp { call, cause } => self.give_up(&call, cause),
            Command::Dial { call, lines, timeout, to, shown, data } => {
                self.dial(order, &call, &lines, timeout, to, shown, data)
            }
            Command::Hold { leg } => self.hold(leg),
            Command::Retrieve { leg } => self.retrieve(leg),
            Command::Transfer { leg, other, to } => self.transfer(leg, other, &to),
            Command::Consult { leg, other, consult, to, timeout, shown } => {
                self.consult(leg, other, &consult, &to, timeout, shown)
            }
            Command::Complete { consult } => self.complete(&consult),
            Command::Cancel { consult } => self.cancel(&consult),
            Command::Conference { consult } => self.conference(&consult),
            Command::Answer { leg } => self.tell_to_answer(leg),
            Command::Tones { leg, digits } => self.tones(leg, &digits),
            Command::Supervise { leg, lines, mode } => self.supervise(order, leg, &lines, mode),
            Command::Check { .. } => Ok(()),
            Command::Probe { call, leg } => self.part_in(leg.dialog, &call).map(drop).ok_or(Refused::NoLeg),
        }
    }

    /// The dialog of a leg that is a party somewhere.
    pub(super) fn party(&self, leg: LegId) -> Result<(DialogId, CallId), Refused> {
        let known = self.legs.get(&leg.dialog).ok_or(Refused::NoLeg)?;
        let about = known.about.as_ref().filter(|(_, part)| *part == leg.part).map(|(call, _)| call);
        let own = known.call.as_ref().filter(|_| known.part == leg.part);
        let call = own.or(about).ok_or(Refused::NoLeg)?;
        Ok((leg.dialog, call.clone()))
    }

    fn withdraw(&mut self, call: &CallId, ring: OrderId, legs: &[LegId], all: bool) -> Result<(), Refused> {
        let known = self.calls.get(call).ok_or(Refused::NoCall)?;
        let attempt = known.attempt;
        let ours = |attempt: &u64| {
            self.attempts.get(attempt).is_some_and(|attempt| attempt.reason == Reason::Ring(ring))
        };
        let Some(attempt) = attempt.filter(ours) else {
            return if all { self.take_back_answered(call, ring) } else { Err(Refused::NotNow) };
        };
        let ringing = self.attempts.get(&attempt).map(|attempt| attempt.legs.clone()).unwrap_or_default();
        for leg in ringing {
            if !all && !legs.iter().any(|named| named.dialog == leg) {
                continue;
            }
            if let Some(attempt) = self.attempts.get_mut(&attempt) {
                attempt.legs.retain(|other| *other != leg);
            }
            self.cancel_ringing(leg, End::Cancelled, None);
        }
        if self.attempts.get(&attempt).is_some_and(|attempt| attempt.legs.is_empty()) {
            self.attempt_over(attempt, all.then_some(Outcome::NoAnswer));
        }
        Ok(())
    }

    /// A Ring is taken back in the moment it was answered: who answered is let go, and the caller waits on.
    fn take_back_answered(&mut self, call: &CallId, ring: OrderId) -> Result<(), Refused> {
        let known = self.calls.get_mut(call).ok_or(Refused::NoCall)?;
        if known.waits || known.last_ring != Some(ring) || known.attempt.is_some() {
            return Err(Refused::NotNow);
        }
        let customer = known.customer;
        let other = self.other_in(call, customer).ok_or(Refused::NotNow)?;
        if let Some(known) = self.calls.get_mut(call) {
            known.waits = true;
            known.last_ring = None;
        }
        self.part_from(other, End::Released, None);
        self.close(other, Close::Normal);
        self.alone(call, customer);
        self.tell(Event::RingOver {
            call: call.clone(),
            order: ring,
            outcome: Outcome::Answered,
            cause: None,
        });
        Ok(())
    }

    /// The caller waits in a queue: told so, or answered with its music.
    fn queued(&mut self, call: &CallId, queue: String) -> Result<(), Refused> {
        let known = self.calls.get_mut(call).ok_or(Refused::NoCall)?;
        known.queue = Some(queue);
        let (customer, waits) = (known.customer, known.waits && known.attempt.is_none());
        if !waits {
            return Ok(());
        }
        if self.answer_to_wait(call, customer) {
            return Ok(());
        }
        if self.is_up(customer) {
            self.alone(call, customer);
        } else {
            self.progress(customer, 182);
        }
        Ok(())
    }

    fn send_to(&mut self, call: &CallId, number: &str) -> Result<(), Refused> {
        let known = self.calls.get(call).ok_or(Refused::NoCall)?;
        if !known.is_free() {
            return Err(Refused::NotNow);
        }
        let (heir, caller) = (known.customer, known.caller.clone());
        let forks = self.forks_to(number)?;
        let timeout = self.settings.ring;
        let plan =
            Plan { call: call.clone(), reason: Reason::SentTo, heir: Some(heir), forks, timeout, caller };
        if !self.ring(plan) {
            return Err(Refused::NoNumber);
        }
        if let Some(known) = self.calls.get_mut(call) {
            known.waits = false;
        }
        Ok(())
    }

    /// The ways to a number that an order names.
    pub(super) fn forks_to(&self, number: &str) -> Result<Vec<Fork>, Refused> {
        let forks: Vec<Fork> = match self.way(number, true) {
            Way::Lines(lines) => lines.iter().flat_map(|line| self.forks(line)).collect(),
            Way::Outside(number) => self.outside_forks(&number),
            Way::House | Way::Forbidden => return Err(Refused::NoNumber),
        };
        if forks.is_empty() { Err(Refused::NoDevice) } else { Ok(forks) }
    }

    fn hang_up(&mut self, leg: LegId, q850: u16) -> Result<(), Refused> {
        let (id, call) = self.party(leg)?;
        let known = self.calls.get(&call).ok_or(Refused::NoCall)?;
        let cause = Some(bare(q850));
        if let Some(Phase::Calling(calling)) = self.legs.get(&id).map(|leg| &leg.phase) {
            let attempt = calling.attempt;
            let reason = self.attempts.get(&attempt).map(|attempt| &attempt.reason);
            // Who is rung for a waiting caller, and has it stopped from his screen, declines as by the phone.
            let end = if matches!(reason, Some(Reason::Ring(_))) { End::Rejected } else { End::Cancelled };
            self.ring_ended(attempt, id, end, &bare(q850));
            self.cancel_ringing(id, end, cause);
            self.over_if_nobody_rings(attempt);
            return Ok(());
        }
        if let Some(holder) = self.holder_of(id, &call) {
            // Who holds has both let go.
            self.finish(&call, Some((holder, End::HungUp, Close::Normal)), cause);
            return Ok(());
        }
        // Who is sent away by us did not hang up.
        let end = if known.waits && known.customer == id { End::Released } else { End::HungUp };
        let close = Close::because(cause.as_ref());
        self.depart(id, end, cause, close);
        Ok(())
    }

    /// Who holds a leg by order.
    fn holder_of(&self, held: DialogId, call: &CallId) -> Option<DialogId> {
        let other = self.other_in(call, held)?;
        self.legs.get(&other).is_some_and(|leg| leg.holds_by_order).then_some(other)
    }

    /// Nobody here can do anything for a waiting caller.
    fn give_up(&mut self, call: &CallId, q850: u16) -> Result<(), Refused> {
        if !self.calls.contains_key(call) {
            return Err(Refused::NoCall);
        }
        self.release(call, Some(bare(q850)));
        Ok(())
    }

    /// Whether a number can be dialled.
    fn is_number(&self, number: &str) -> bool {
        match self.way(number, true) {
            Way::Lines(_) => true,
            Way::Outside(number) => !self.outside_forks(&number).is_empty(),
            Way::Forbidden | Way::House => false,
        }
    }

    /// How long a target of ours rings at most.
    pub(super) const fn longest(timeout: Duration) -> Duration {
        let most = Duration::from_secs(180);
        if timeout.as_millis() > most.as_millis() { most } else { timeout }
    }
}
