//! Consultation: a second call while the customer is held, and its three ways to end.

use hookswitch_model::{
    CallId, Millis,
    call::AttachedData,
    command::{Destination, Refusal, Taken},
    pbx::{Action, LegEnd, Target},
};

use super::{
    Kind, Onward, Stop, desk::Consulting, destination::Bound, dial::Making, transfer::ON_THE_WAY,
    verbs::Asked,
};
use crate::{
    engine::{ACTION_LIFE, Engine},
    offers::DIRECT_RING,
    timers::Timer,
};

/// How long the PBX may take to show a consultation after the last moment it may have begun it.
const SHOW: Millis = Millis::from_secs(5);

impl Engine {
    /// Holds the others and calls somebody, or says why not.
    pub(super) fn consult(&mut self, asked: &Asked, to: &Destination) -> Result<Taken, Refusal> {
        let Some(record) = self.calls.get(asked.call) else { return Ok(Taken::default()) };
        let pbx = record.call.pbx.clone();
        let bound = self.bound(&pbx, to)?;
        let target = self.dial_target(&asked.agent, &bound)?;
        let (leg, party) = (&record.call.legs[asked.place], &record.parties[asked.place]);
        let (by, leg_ref, address) = (leg.id, party.leg_ref.clone(), leg.address.clone());
        let making = Making {
            command: Some(asked.command),
            agent: asked.agent.clone(),
            to: bound.clone(),
            data: record.call.data.clone(),
            consults: Some((asked.call, leg_ref, address)),
            tries: None,
        };
        if matches!(bound, Bound::Outside(_)) {
            self.calls_outside(&asked.agent);
        }
        let (consult, _) = self.make_call(&pbx, making);
        if let Some(record) = self.calls.get_mut(asked.call) {
            record.control.consult = Some(Consulting { call: consult, by, target: None });
        }
        match &bound {
            Bound::House(number) | Bound::Outside(number) => {
                let check = Action::CheckNumber { number: number.clone() };
                self.begin(asked, Kind::CheckConsult { consult, to: bound.clone() }, check);
            }
            Bound::Agent(_) | Bound::Queue(_) => self.ask_consult(asked, consult, target),
        }
        Ok(Taken { call: Some(consult), ..Taken::default() })
    }

    /// Asks for the consultation itself.
    pub(super) fn ask_consult(&mut self, asked: &Asked, consult: CallId, to: Target) {
        let Some(record) = self.calls.get(asked.call) else { return };
        let (call, leg) = (record.call.pbx_ref.clone(), record.parties[asked.place].leg_ref.clone());
        let Some(other) = record.others(asked.place).first().copied() else { return };
        let other = record.parties[other].leg_ref.clone();
        let Some(of) = self.calls.get(consult) else { return };
        let action = Action::Consult {
            call,
            leg,
            other,
            consult: of.call.pbx_ref.clone(),
            to,
            timeout: DIRECT_RING,
            caller_id: self.caller_id(&asked.agent),
        };
        let id = of.control.dial.as_ref().map(|dial| dial.asked);
        self.timers.set(Timer::Shown(consult), self.now() + ACTION_LIFE + DIRECT_RING + SHOW);
        if let Some(record) = self.calls.get_mut(asked.call) {
            record.control.holder = Some(record.call.legs[asked.place].id);
        }
        if let Some(id) = id {
            self.begin_as(id, asked, Kind::Consult { consult }, action);
        }
    }

    /// The PBX shows the consultation: it can be ended now.
    pub(super) fn consult_shown(&mut self, id: CallId) {
        let Some(main) = self.calls.get(id).and_then(|record| record.consult_of) else { return };
        let doing = self.calls.get(main).and_then(|record| record.control.doing.as_ref());
        if doing.is_some_and(|doing| doing.kind.begins(id)) {
            self.set_doing(main, None);
        }
    }

    /// What is seen of a consultation's legs decides what may be asked for in the call it is about.
    pub(crate) fn consult_changed(&mut self, id: CallId) {
        let now = self.now();
        let Some(record) = self.calls.get(id).filter(|record| record.consults_by_us()) else { return };
        let target = record.consulted().map(|place| {
            let party = &record.parties[place];
            (party.leg_ref.clone(), party.up)
        });
        let Some(main) = record.consult_of.and_then(|main| self.calls.get_mut(main)) else { return };
        let Some(consult) = main.control.consult.as_mut().filter(|consult| consult.call == id) else {
            return;
        };
        if consult.target != target {
            consult.target = target;
            main.settle(now);
        }
    }

    /// Completes, cancels or widens a consultation.
    pub(super) fn end_consult(&mut self, asked: &Asked, kind: Kind) -> Result<(), Refusal> {
        let Some(record) = self.calls.get(asked.call) else { return Ok(()) };
        let Some(open) = record.control.consult.clone() else { return Ok(()) };
        let Some(of) = self.calls.get(open.call) else { return Ok(()) };
        let Some(other) = record.others(asked.place).first().copied() else { return Ok(()) };
        let (call, consult) = (record.call.pbx_ref.clone(), of.call.pbx_ref.clone());
        let (leg, other) =
            (record.parties[asked.place].leg_ref.clone(), record.parties[other].leg_ref.clone());
        let target = open.target.as_ref().map(|(leg, _)| leg.clone());
        let action = match (&kind, target) {
            (Kind::Complete, Some(target)) => {
                self.plan_for_no_answer(asked, &open);
                Action::ConsultComplete { call, consult, leg, other, target }
            }
            (Kind::Conference, Some(target)) => {
                Action::ConsultConference { call, consult, leg, other, target }
            }
            (_, target) => Action::ConsultCancel { call, consult, leg, other, target },
        };
        self.begin(asked, kind, action);
        Ok(())
    }

    /// Completed while the target still rings: who is not answered goes back.
    fn plan_for_no_answer(&mut self, asked: &Asked, open: &Consulting) {
        let until = self.now() + ON_THE_WAY;
        if open.target.as_ref().is_none_or(|(_, up)| *up) {
            return;
        }
        let mut stops = vec![Stop::Agent(asked.agent.clone())];
        stops.extend(self.old_place(asked.call));
        if let Some(record) = self.calls.get_mut(asked.call) {
            record.control.onward = Some(Onward { stops: stops.into(), until, to_agent: None, to: None });
        }
    }

    /// A consultation did not come about: the customer is still held, and can be taken back.
    pub(super) fn consult_came_to_nothing(&mut self, id: CallId, why: &str) {
        let Some(of) = self.calls.get(id) else { return };
        let shown = of.control.dial.as_ref().is_some_and(|dial| dial.shown);
        let Some((main, record)) = of.consult_of.and_then(|main| Some((main, self.calls.get(main)?))) else {
            return;
        };
        if record.control.doing.as_ref().is_some_and(|doing| doing.kind.begins(id)) {
            self.set_doing(main, None);
        }
        let Some(record) = self.calls.get(main).filter(|_| !shown) else { return };
        let by = record.control.consult.as_ref().and_then(|consult| record.leg_by_id(consult.by));
        if let Some(agent) = by.and_then(|place| record.call.legs[place].agent.clone()) {
            self.control_failed(main, &agent, "consult", why);
        }
    }

    /// Who consults talks to the customer again: a consultation that the PBX never showed is over.
    pub(crate) fn consult_given_up(&mut self, main: CallId) {
        let open = self.calls.get(main).and_then(|record| record.control.consult.as_ref());
        let Some(id) = open.map(|consult| consult.call) else { return };
        let shown = self.calls.get(id).and_then(|record| record.control.dial.as_ref()).map(|dial| dial.shown);
        if shown == Some(false) {
            self.dial_over(id, LegEnd::Cancelled, None, "it was cancelled");
        }
    }

    /// Who consulted talks to the customer again: what may be asked for is what may be asked for in any conversation,
    /// whatever of the consultation is still to be heard. One that was never shown is given up by
    /// [`Self::consult_given_up`].
    pub(crate) fn consult_left_behind(&mut self, main: CallId, place: usize) {
        let Some(record) = self.calls.get(main) else { return };
        let Some(consult) = &record.control.consult else { return };
        let of = self.calls.get(consult.call).and_then(|of| of.control.dial.as_ref());
        if consult.by == record.call.legs[place].id
            && of.is_none_or(|dial| dial.shown)
            && let Some(record) = self.calls.get_mut(main)
        {
            record.control.consult = None;
        }
    }

    /// A call is over while its agent consults: the consultation goes on as a call like any other, if it began at all.
    pub(crate) fn consult_stands_alone(&mut self, id: CallId) {
        let now = self.now();
        let Some(record) = self.calls.get_mut(id) else { return };
        let Some(consult) = record.control.consult.take() else { return };
        let doing = record.control.doing.take();
        let unasked = doing.is_some_and(|doing| matches!(doing.kind, Kind::CheckConsult { .. }));
        if unasked {
            self.dial_over(consult.call, LegEnd::Cancelled, None, "the call it was about is over");
            return;
        }
        let Some(record) = self.calls.get_mut(consult.call) else { return };
        record.control.blocked = false;
        if let Some(dial) = record.control.dial.as_mut() {
            dial.consults = false;
        }
        record.settle(now);
    }

    /// A consultation is over, however: the call it was about has none any more. `merged`: it became part of that call,
    /// and what was attached to it since it began comes along.
    pub(crate) fn consult_over(&mut self, id: CallId, merged: bool) {
        let now = self.now();
        let Some(record) = self.calls.known(id).filter(|record| record.consults_by_us()) else { return };
        let (Some(main), Some(dial)) = (record.consult_of, record.control.dial.as_ref()) else { return };
        let changed: AttachedData = record
            .call
            .data
            .iter()
            .filter(|(key, value)| dial.copied.get(*key) != Some(*value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if let Some(record) = self.calls.get_mut(main) {
            record.control.consult.take_if(|consult| consult.call == id);
            record.settle(now);
        }
        if merged {
            self.attach(main, changed, "consult");
        }
    }
}
