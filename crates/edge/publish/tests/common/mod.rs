//! Events to publish.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses some of it, and fails by panicking")]

use hookswitch_journal::{Journal, Kind, Record};
use hookswitch_wire::{
    encode,
    model::{
        AgentId, CallId, CallRef, EventId, LegId, PbxId, QueueId, Timestamp,
        agent::{Agent, AgentState},
        call::{Address, Call, CallState, Customer, Direction, Leg, LegRole, LegState, PartyNumber},
        event::{Event, EventKind},
    },
};

/// An event at this second.
pub(crate) fn event(number: u64, kind: EventKind) -> Event {
    Event {
        id: EventId::from_bits(u128::from(number)),
        at: Timestamp::from_millis(1_795_287_600_000 + number * 1_000),
        pbx: Some(PbxId::new("hq").unwrap()),
        recovered: false,
        action: None,
        kind,
    }
}

/// A call that this agent talks in.
pub(crate) fn call(number: u128, agent: &str) -> Box<Call> {
    let leg = |id, role, address: &str, agent| Leg {
        id: LegId::from_bits(id),
        role,
        address: Address::new(address),
        number: None,
        agent,
        state: LegState::Connected,
        actions: Vec::new(),
    };
    Box::new(Call {
        id: CallId::from_bits(number),
        direction: Direction::Inbound,
        state: CallState::Connected,
        pbx: PbxId::new("hq").unwrap(),
        pbx_ref: CallRef::new("1795288742.51"),
        ani: PartyNumber {
            raw: "+49305550001".to_owned(),
            e164: Some("+49305550001".to_owned()),
            withheld: false,
            name: Some("Kaya".to_owned()),
        },
        dnis: PartyNumber { raw: "5003".to_owned(), ..PartyNumber::default() },
        via: None,
        trunk: None,
        queue: Some(QueueId::new("support").unwrap()),
        priority: 0,
        rule: None,
        config_version: 1,
        customer: Customer::none(),
        data: Default::default(),
        legs: vec![
            leg(1, LegRole::Customer, "PJSIP/trunk", None),
            leg(2, LegRole::Agent, "PJSIP/1001", Some(AgentId::new(agent).unwrap())),
        ],
        started_at: Timestamp::from_millis(1_795_287_600_000),
        queued_at: None,
        answered_at: None,
        ended_at: None,
    })
}

pub(crate) fn held(number: u128, agent: &str) -> EventKind {
    EventKind::CallHeld { call: call(number, agent), leg: LegId::from_bits(2), by: agent.to_owned() }
}

pub(crate) fn agent_state(agent: &str) -> EventKind {
    let agent = Agent {
        id: AgentId::new(agent).unwrap(),
        name: agent.to_owned(),
        state: AgentState::Ready,
        reason: None,
        since: Timestamp::from_millis(1_795_287_600_000),
        until: None,
        next: None,
        devices: Vec::new(),
        queues: Vec::new(),
        skills: Default::default(),
        calls: Vec::new(),
        evidence: None,
    };
    EventKind::AgentState { agent: Box::new(agent), from: AgentState::NotReady, to: AgentState::Ready }
}

pub(crate) fn applied(version: u64) -> EventKind {
    EventKind::ConfigApplied { version, previous: None }
}

/// Appends one batch of events.
pub(crate) fn append(journal: &mut dyn Journal, kinds: impl IntoIterator<Item = EventKind>) {
    let next = journal.reader().last() + 1;
    let records = kinds.into_iter().zip(next..).map(|(kind, seq)| {
        let event = event(seq, kind);
        let encoded = encode(&event, seq, None);
        Record { kind: Kind::Event, at: event.at, meta: Some(encoded.meta), payload: encoded.json }
    });
    journal.append(&mut records.collect()).unwrap();
}

/// Appends something no subscriber sees.
pub(crate) fn append_input(journal: &mut dyn Journal) {
    let record = Record { kind: Kind::Input, at: Timestamp::default(), meta: None, payload: "{}".into() };
    journal.append(&mut vec![record]).unwrap();
}
