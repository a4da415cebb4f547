//! The call of the contract's example, and what goes with it.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses some of it, and fails by panicking")]

use hookswitch_wire::model::{
    ActionId, AgentId, CallId, CallRef, CallbackId, EventId, LegId, OfferId, PbxId, PopId, QueueId, Skill,
    Timestamp,
    agent::{Agent, AgentState, Device, DeviceState, NextState},
    call::{
        Address, Call, CallState, Candidate, Customer, Direction, Leg, LegAction, LegRole, LegState,
        MatchKind, PartyNumber,
    },
    callback::{Callback, CallbackOrigin, CallbackState, TryEnd},
    event::{Event, EventKind, Pop},
    ledger::{Cause, Disposition, EndedBy, Ledger, Owner, Segment, WrapUp},
    offer::Offer,
};

/// So many seconds after 2026-11-21T19:00:00Z, and some microseconds.
pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_795_287_600_000_000 + seconds * 1_000_000 + 123_456)
}

pub(crate) fn agent_id(id: &str) -> AgentId {
    AgentId::new(id).unwrap()
}

pub(crate) fn queue_id(id: &str) -> QueueId {
    QueueId::new(id).unwrap()
}

pub(crate) fn event(kind: EventKind) -> Event {
    Event {
        id: EventId::from_bits(0xe),
        at: at(5),
        pbx: Some(PbxId::new("hq").unwrap()),
        recovered: false,
        action: None,
        kind,
    }
}

pub(crate) const CALL: CallId = CallId::from_bits(0xca);
pub(crate) const CUSTOMER: LegId = LegId::from_bits(0x1);
pub(crate) const AGENT: LegId = LegId::from_bits(0x2);
pub(crate) const ACTION: ActionId = ActionId::from_bits(0xac);

pub(crate) fn call() -> Box<Call> {
    let agent_actions = vec![
        LegAction::Hold,
        LegAction::Transfer,
        LegAction::Consult,
        LegAction::Conference,
        LegAction::Dtmf,
        LegAction::Hangup,
    ];
    let number = |raw: &str, e164: Option<&str>| PartyNumber {
        raw: raw.to_owned(),
        e164: e164.map(str::to_owned),
        withheld: false,
        name: None,
    };
    let leg = |id, role, address, agent, actions| Leg {
        id,
        role,
        address: Address::new(address),
        number: None,
        agent,
        state: LegState::Connected,
        actions,
    };
    let candidate = Candidate {
        id: "42".to_owned(),
        name: Some("Kaya".to_owned()),
        score: 1.0,
        why: "exact E.164".to_owned(),
        fields: Default::default(),
    };
    Box::new(Call {
        id: CALL,
        direction: Direction::Inbound,
        state: CallState::Connected,
        pbx: PbxId::new("hq").unwrap(),
        pbx_ref: CallRef::new("1795288742.51"),
        ani: number("+49305550001", Some("+49305550001")),
        dnis: number("5003", None),
        via: None,
        trunk: Some("carrier".to_owned()),
        queue: Some(queue_id("support")),
        priority: 10,
        rule: Some("gold customers".to_owned()),
        config_version: 7,
        customer: Customer { kind: MatchKind::One, candidates: vec![candidate] },
        data: [("segment", "gold"), ("ivr.choice", "2")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        legs: vec![
            leg(CUSTOMER, LegRole::Customer, "PJSIP/trunk", None, Vec::new()),
            leg(AGENT, LegRole::Agent, "PJSIP/1001", Some(agent_id("alice")), agent_actions),
        ],
        started_at: at(0),
        queued_at: Some(at(1)),
        answered_at: Some(at(4)),
        ended_at: None,
    })
}

pub(crate) fn agent() -> Box<Agent> {
    Box::new(Agent {
        id: agent_id("alice"),
        name: "Alice Zhang".to_owned(),
        state: AgentState::Talking,
        reason: None,
        since: at(4),
        until: None,
        next: Some(NextState { state: AgentState::NotReady, reason: Some("lunch".to_owned()) }),
        devices: vec![Device { address: Address::new("PJSIP/1001"), state: DeviceState::InUse }],
        queues: vec![queue_id("support")],
        skills: [(Skill::new("billing").unwrap(), 8)].into(),
        calls: vec![CALL],
        evidence: Some("leg 00000000000000000000000002".to_owned()),
    })
}

pub(crate) fn offer() -> Offer {
    Offer {
        id: OfferId::from_bits(0xff),
        agent: agent_id("alice"),
        queue: Some(queue_id("support")),
        attempt: 1,
        expires_at: Some(at(19)),
        outcome: None,
    }
}

pub(crate) fn pop() -> Pop {
    Pop { id: PopId::from_bits(0xbb), agent: agent_id("alice"), kind: MatchKind::One, expires_at: at(19) }
}

/// A caller who hung up and keeps the place; the first try found the customer busy.
pub(crate) fn callback() -> Box<Callback> {
    let call = call();
    Box::new(Callback {
        id: CallbackId::from_bits(0xcc),
        queue: queue_id("support"),
        state: CallbackState::Waiting,
        number: call.ani,
        customer: call.customer,
        data: [("segment".to_owned(), "gold".to_owned())].into(),
        priority: 10,
        requires: [("billing".parse().unwrap(), 5)].into(),
        created_at: at(1),
        enqueued_at: at(0),
        origin: CallbackOrigin::Caller { call: CALL },
        due: None,
        agent: Some(agent_id("alice")),
        attempts: 1,
        next_at: Some(at(900)),
        expires_at: at(86_400),
        call: Some(CALL),
        last: Some(TryEnd::Busy),
    })
}

pub(crate) fn ledger() -> Box<Ledger> {
    let segment =
        |owner, from, to, how: &str| Segment { owner, from: at(from), to: at(to), how: how.to_owned() };
    Box::new(Ledger {
        disposition: Disposition::Answered,
        ended_by: EndedBy::Customer,
        cause: Some(Cause { q850: 16, text: "Normal Clearing".to_owned() }),
        segments: vec![
            segment(Owner::System("ivr".to_owned()), 0, 1, "inbound"),
            segment(Owner::Queue(queue_id("support")), 1, 4, "queued"),
            segment(Owner::Agent(agent_id("alice")), 4, 60, "answered"),
            segment(Owner::External("+49301234".to_owned()), 60, 90, "blind"),
        ],
        handled_by: vec![agent_id("alice")],
        resolved_by: Some(agent_id("alice")),
        wait_ms: 3_000,
        talk_ms: 86_000,
        hold_ms: 0,
        merged_into: None,
        consult_of: None,
        callback_of: None,
        wrap_up: Some(WrapUp { disposition: Some("sold".to_owned()), notes: None }),
    })
}
