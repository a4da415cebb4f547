//! What the switch sees, as facts.
//!
//! The switch ([`hookswitch_switch`]) knows calls and legs already, because it makes them: what is left is to read
//! numbers, to name lines as a configuration names devices, and to say what a registration means. Nothing is kept.

use hookswitch_model::{
    ActionId, CallRef, LegRef, PbxId, Timestamp,
    agent::DeviceState,
    call::{Address, Direction, PartyNumber, Via},
    ledger::Cause,
    pbx::{Fact, KnownCall, LegEnd, LegSeen, PbxEvent, RingResult, SuperviseMode, TransferKind},
};
use hookswitch_switch::{self as switch, Event, Line};

use crate::number::Plan;

/// Q.850.
const TEMPORARY_FAILURE: u16 = 41;

/// Reads the events of one switch.
#[derive(Debug, Clone)]
pub struct FromSip {
    pbx: PbxId,
    plan: Plan,
}

impl FromSip {
    /// For the switch of this name, with numbers read so.
    #[must_use]
    pub const fn new(pbx: PbxId, plan: Plan) -> Self {
        Self { pbx, plan }
    }

    /// The switch begins. Calls that are still believed in ended while nobody watched: with the switch their dialogs
    /// were lost.
    #[must_use]
    pub fn begin(
        &self,
        at: Timestamp,
        version: &str,
        known: &[KnownCall],
        gap_from: Option<Timestamp>,
    ) -> Vec<PbxEvent> {
        let mut told = Vec::new();
        for call in known {
            for leg in &call.legs {
                let leg = leg.leg.clone();
                let left = Fact::LegLeft { call: call.call.clone(), leg, end: LegEnd::Released, cause: None };
                told.push(self.event(at, true, left));
            }
            // Not a call that the PBX says nothing of: it is known why it ended.
            let cause = Some(Cause { q850: TEMPORARY_FAILURE, text: "the daemon was restarted".to_owned() });
            let ended = Fact::CallEnded { call: call.call.clone(), by: None, cause };
            told.push(self.event(at, true, ended));
        }
        let recovered_calls = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let up = Fact::LinkUp { version: version.to_owned(), restarted: true, gap_from, recovered_calls };
        told.push(self.event(at, false, up));
        told
    }

    /// What an event means. A trunk is none of an agent's devices: its state is for people, by way of the metrics.
    #[must_use]
    pub fn read(&self, at: Timestamp, event: Event) -> Option<PbxEvent> {
        self.fact(event).map(|fact| self.event(at, false, fact))
    }

    fn event(&self, at: Timestamp, recovered: bool, fact: Fact) -> PbxEvent {
        PbxEvent { pbx: self.pbx.clone(), at, recovered, fact }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are read by two functions of their own")]
    fn fact(&self, event: Event) -> Option<Fact> {
        Some(match event {
            Event::Began(began) => self.began(*began),
            Event::Waits { call, dialled } => {
                Fact::RouteRequested { call: call_ref(&call), dnis: self.number(dialled) }
            }
            Event::Rings { call, leg, line, number, order } => Fact::LegRinging {
                call: call_ref(&call),
                leg: seen(leg, &line, number),
                ring: order.map(action_id),
            },
            Event::Up { call, leg } => Fact::LegUp { call: call_ref(&call), leg: leg_ref(leg) },
            Event::Talks { call, leg } => Fact::Talking { call: call_ref(&call), leg: leg_ref(leg) },
            Event::Apart { call, leg } => Fact::Apart { call: call_ref(&call), leg: leg_ref(leg) },
            Event::Held { call, leg } => Fact::Held { call: call_ref(&call), leg: leg_ref(leg) },
            Event::Retrieved { call, leg } => Fact::Retrieved { call: call_ref(&call), leg: leg_ref(leg) },
            Event::Digit { call, leg, digit } => {
                Fact::Digit { call: call_ref(&call), leg: leg_ref(leg), digit }
            }
            Event::Data { call, changed } => Fact::Data { call: call_ref(&call), changed },
            Event::Left { call, leg, end, cause } => Fact::LegLeft {
                call: call_ref(&call),
                leg: leg_ref(leg),
                end: leg_end(end),
                cause: cause.map(self::cause),
            },
            Event::Ended { call, by, cause } => {
                Fact::CallEnded { call: call_ref(&call), by: by.map(leg_ref), cause: cause.map(self::cause) }
            }
            event => return answer(&event).or_else(|| moves(event)),
        })
    }

    fn began(&self, began: switch::Began) -> Fact {
        let ani = PartyNumber {
            withheld: began.caller.withheld,
            name: began.caller.name,
            ..self.number(began.caller.number)
        };
        let trunk = began.line.trunk().map(ToString::to_string);
        let via = began.via.map(|via| Via {
            e164: self.plan.e164(&via.number),
            raw: via.number,
            reason: via.reason,
        });
        Fact::CallStarted {
            call: call_ref(&began.call),
            originator: seen(began.leg, &began.line, None),
            direction: match began.direction {
                switch::Direction::Inbound => Direction::Inbound,
                switch::Direction::Outbound => Direction::Outbound,
                switch::Direction::Internal => Direction::Internal,
            },
            ani,
            dnis: self.number(began.dialled),
            via,
            trunk,
            data: began.data,
            watched: false,
        }
    }

    fn number(&self, raw: String) -> PartyNumber {
        PartyNumber { e164: self.plan.e164(&raw), raw, ..PartyNumber::default() }
    }
}

/// Who comes to whom.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others are answers to orders, or were read before")]
fn moves(event: Event) -> Option<Fact> {
    Some(match event {
        Event::Moved { from, to, leg } => {
            Fact::LegMoved { from: call_ref(&from), to: call_ref(&to), leg: leg_ref(leg) }
        }
        Event::Transferred { call, attended, from, to_leg, to_number, consult } => Fact::Transferred {
            call: call_ref(&call),
            kind: if attended { TransferKind::Attended } else { TransferKind::Blind },
            from: leg_ref(from),
            to_leg: to_leg.map(leg_ref),
            to_number,
            consult: consult.as_ref().map(call_ref),
        },
        Event::Conferenced { call, legs } => {
            Fact::Conferenced { call: call_ref(&call), legs: legs.into_iter().map(leg_ref).collect() }
        }
        Event::Merged { call, into } => Fact::CallMerged { call: call_ref(&call), into: call_ref(&into) },
        Event::Supervised { call, leg, line, mode } => Fact::Supervised {
            call: call_ref(&call),
            leg: seen(leg, &line, None),
            mode: match mode {
                switch::Supervision::Listen => SuperviseMode::Listen,
                switch::Supervision::Whisper => SuperviseMode::Whisper,
                switch::Supervision::Barge => SuperviseMode::Barge,
            },
        },
        _ => return None,
    })
}

/// What orders come to, and what is known of phones.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others are of calls, and were read before")]
fn answer(event: &Event) -> Option<Fact> {
    Some(match event {
        Event::RingOver { call, order, outcome, cause } => Fact::RingResult {
            call: call_ref(call),
            ring: action_id(*order),
            result: match outcome {
                switch::Outcome::Answered => RingResult::Answered,
                switch::Outcome::NoAnswer => RingResult::NoAnswer,
                switch::Outcome::Declined => RingResult::Declined,
                switch::Outcome::Unreachable => RingResult::Unreachable,
            },
            cause: cause.clone().map(self::cause),
        },
        Event::Done { order, refused } => Fact::ActionResult {
            action: action_id(*order),
            refused: refused.as_ref().map(ToString::to_string),
        },
        Event::Checked { order, exists } => {
            Fact::NumberChecked { action: action_id(*order), exists: *exists }
        }
        Event::DialFailed { order, end, cause } => Fact::DialFailed {
            action: action_id(*order),
            end: leg_end(*end),
            cause: cause.clone().map(self::cause),
        },
        Event::User { name, state } => Fact::Device {
            address: address(name),
            state: match state {
                switch::UserState::Away => DeviceState::Unavailable,
                switch::UserState::Idle => DeviceState::Idle,
                switch::UserState::Ringing => DeviceState::Ringing,
                switch::UserState::InUse => DeviceState::InUse,
            },
        },
        _ => return None,
    })
}

fn seen(leg: switch::LegId, line: &Line, number: Option<String>) -> LegSeen {
    LegSeen { leg: leg_ref(leg), address: address(line), number }
}

fn address(line: &Line) -> Address {
    Address::new(&line.to_string())
}

fn call_ref(call: &switch::CallId) -> CallRef {
    CallRef::new(call.as_str())
}

fn leg_ref(leg: switch::LegId) -> LegRef {
    LegRef::new(&leg.to_string())
}

const fn action_id(order: switch::OrderId) -> ActionId {
    ActionId::from_bits(order.0)
}

fn cause(cause: switch::Cause) -> Cause {
    Cause { q850: cause.q850, text: cause.text }
}

const fn leg_end(end: switch::End) -> LegEnd {
    match end {
        switch::End::HungUp => LegEnd::HungUp,
        switch::End::Released => LegEnd::Released,
        switch::End::NoAnswer => LegEnd::NoAnswer,
        switch::End::Busy => LegEnd::Busy,
        switch::End::Rejected => LegEnd::Rejected,
        switch::End::Unreachable => LegEnd::Unreachable,
        switch::End::Failed => LegEnd::Failed,
        switch::End::Cancelled => LegEnd::Cancelled,
        switch::End::CallerLeft => LegEnd::CallerLeft,
        switch::End::Transferred => LegEnd::Transferred,
    }
}

#[cfg(test)]
mod tests {
    use hookswitch_model::{call::LegState, pbx::KnownLeg};

    use super::*;

    fn reader() -> FromSip {
        FromSip::new("edge".parse().unwrap(), Plan::new("DE"))
    }

    #[test]
    fn the_caller_is_read_as_a_number_of_the_country_and_named_by_the_trunk() {
        let began = switch::Began {
            call: switch::CallId::new("c"),
            leg: "00000000000000c1".parse().unwrap(),
            line: Line::Trunk("carrier".into()),
            direction: switch::Direction::Inbound,
            caller: switch::Caller { number: "0305550001".into(), name: None, withheld: true },
            dialled: "5003".into(),
            via: Some(switch::Diverted { number: "0305550002".into(), reason: Some("cfb".into()) }),
            data: [("uui".to_owned(), "00".to_owned())].into(),
        };
        let told = reader().read(Timestamp::from_millis(1), Event::Began(Box::new(began)));
        let Some(PbxEvent {
            fact: Fact::CallStarted { ani, dnis, via, trunk, originator, data, .. }, ..
        }) = &told
        else {
            panic!("{told:?}")
        };
        assert_eq!((ani.e164.as_deref(), ani.withheld), (Some("+49305550001"), true));
        assert_eq!((dnis.raw.as_str(), dnis.e164.as_deref()), ("5003", None));
        assert_eq!(via.as_ref().unwrap().e164.as_deref(), Some("+49305550002"));
        assert_eq!((trunk.as_deref(), originator.address.as_str()), (Some("carrier"), "sip:carrier"));
        assert_eq!(data["uui"], "00");
    }

    #[test]
    fn a_registration_is_evidence_that_a_device_can_be_reached() {
        let told = |state| {
            let event = Event::User { name: "sip:alice".parse().unwrap(), state };
            let fact = reader().read(Timestamp::from_millis(1), event).unwrap().fact;
            let Fact::Device { address, state } = fact else { panic!("{fact:?}") };
            (address.to_string(), state)
        };
        assert_eq!(told(switch::UserState::Idle), ("sip:alice".to_owned(), DeviceState::Idle));
        assert_eq!(told(switch::UserState::Away).1, DeviceState::Unavailable);
    }

    #[test]
    fn calls_from_before_a_restart_ended_unseen_before_the_link_is_up() {
        let leg = KnownLeg {
            leg: LegRef::new("00000000000000c1"),
            address: Address::new("sip:carrier"),
            role: hookswitch_model::call::LegRole::Customer,
            state: LegState::Connected,
        };
        let known = KnownCall {
            call: CallRef::new("c"),
            direction: Direction::Inbound,
            routed: false,
            legs: vec![leg],
        };
        let told = reader().begin(Timestamp::from_millis(9), "hookswitch", &[known], None);
        let kinds: Vec<_> = told.iter().map(|event| event.recovered).collect();
        assert_eq!(kinds, [true, true, false]);
        assert!(matches!(told[2].fact, Fact::LinkUp { restarted: true, recovered_calls: 1, .. }));
    }
}
