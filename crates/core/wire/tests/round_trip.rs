//! Whatever a PBX or a CRM writes into an event: its JSON is whole, is read back equal, and takes `prev` in one place.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{AGENT, CUSTOMER, agent, agent_id, call, callback, event, ledger, offer, pop, queue_id};
use hookswitch_wire::{
    data, encode,
    model::{
        PbxId, Timestamp,
        agent::AgentState,
        alert::{Alert, Figure},
        call::{Call, LegRole, Via},
        callback::{Callback, CallbackOrigin, CallbackOutcome},
        event::{Event, EventKind, LinkState, Queued},
        ledger::Owner,
        pbx::TransferKind,
        queue::Queue,
    },
    object, prev_at, read, splice_prev, without_withheld_number,
};
use proptest::prelude::*;
use serde_json::Value;

/// Texts that try to look like the envelope.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just(r#"","datacontenttype":"application/json","#.to_owned()),
        Just(r#"\","ani":{"raw":"x"},"#.to_owned()),
        Just("\u{2028}\u{0}\u{7f}\"\\/".to_owned()),
    ]
}

prop_compose! {
    fn any_call()(
        texts in prop::collection::vec(text(), 9),
        flags in any::<[bool; 5]>(),
        numbers in any::<(i32, u64, u64)>(),
        score in 0..100_u32,
    ) -> Box<Call> {
        let mut call = call();
        let mut texts = texts.into_iter();
        let mut next = || texts.next().unwrap();
        call.ani.raw = next();
        call.ani.e164 = flags[0].then(&mut next);
        call.ani.name = flags[1].then(&mut next);
        call.ani.withheld = flags[2];
        call.via = flags[3].then(|| Via { raw: next(), e164: None, reason: Some(next()) });
        call.rule = flags[4].then(&mut next);
        call.data.insert(next(), next());
        call.priority = numbers.0;
        call.config_version = numbers.1;
        call.ended_at = flags[4].then(|| Timestamp::from_micros(numbers.2 % 200_000_000_000_000_000));
        call.customer.candidates[0].score = f64::from(score) / 100.0;
        call.customer.candidates[0].fields.insert("tier".to_owned(), "gold".to_owned());
        call
    }
}

fn kinds(call: &Call, text: &str) -> Vec<EventKind> {
    let call = || Box::new(call.clone());
    let text = || text.to_owned();
    let mut ledger = ledger();
    ledger.segments[0].owner = Owner::External(text());
    let queued = Queued {
        queue: queue_id("support"),
        position: 1,
        estimated_wait_s: None,
        requires: Default::default(),
        priority: -1,
        rule: Some(text()),
    };
    let mut agent = agent();
    agent.name = text();
    let queue = Queue {
        id: queue_id("support"),
        waiting: 1,
        longest_wait_s: 2,
        ready: 3,
        talking: 4,
        service_level: None,
        answered: 5,
        abandoned: 6,
        logged_in: 9,
        longest_idle_s: None,
        estimated_wait_s: None,
        offered: 19,
        answered_in_time: 11,
        left: 2,
        average_wait_s: Some(18),
        average_talk_s: Some(241),
        callbacks: 4,
        alerts: vec![alert()],
        since: common::at(0),
    };
    vec![
        EventKind::CallStarted { call: call() },
        EventKind::CallIdentified { call: call() },
        EventKind::CallData { call: call(), changed: [(text(), text())].into(), by: text() },
        EventKind::CallQueued { call: call(), queued },
        EventKind::CallOffered { call: call(), offer: offer() },
        EventKind::CallAnswered { call: call(), agent: Some(agent.clone()), leg: AGENT },
        EventKind::CallHeld { call: call(), leg: AGENT, by: text() },
        EventKind::CallPartyLeft { call: call(), leg: AGENT, role: LegRole::Supervisor },
        EventKind::CallTransferred {
            call: call(),
            kind: TransferKind::Park,
            from_agent: None,
            to_agent: Some(agent_id("bob")),
            to: Some(text()),
            consult_call: None,
        },
        EventKind::CallConferenced { call: call(), legs: vec![CUSTOMER, AGENT] },
        EventKind::CallEnded { call: call(), ledger },
        EventKind::CallControlFailed {
            call: call(),
            agent: agent_id("alice"),
            verb: "hold".to_owned(),
            reason: text(),
        },
        EventKind::ScreenPop { call: call(), pop: pop() },
        EventKind::ScreenPopped { call: call(), pop: pop(), client: None, ring_to_pop_ms: 1 },
        EventKind::AgentState { agent, from: AgentState::Ready, to: AgentState::WrapUp },
        EventKind::QueueStats { queue: Box::new(queue.clone()) },
        EventKind::QueueAlert { queue: Box::new(queue), alert: alert(), raised: true },
        EventKind::PbxLink { pbx: PbxId::new("hq").unwrap(), state: LinkState::Down, gap: None },
        EventKind::ConfigApplied { version: 1, previous: None },
        EventKind::InvariantViolated { rule: text(), evidence: text(), call: None },
    ]
}

fn callback_kinds(call: &Call, text: &str) -> Vec<EventKind> {
    let call = || Box::new(call.clone());
    vec![
        EventKind::CallbackCreated { callback: said(text), call: None },
        EventKind::CallbackDialled { callback: callback(), call: call() },
        EventKind::CallbackRetry { callback: callback(), call: Some(call()) },
        EventKind::CallbackEnded {
            callback: said(text),
            call: Some(call()),
            outcome: CallbackOutcome::Superseded,
            by: Some(text.to_owned()),
        },
    ]
}

/// A call-back with this text wherever somebody else writes.
fn said(text: &str) -> Box<Callback> {
    let mut callback = callback();
    callback.origin = CallbackOrigin::Request { by: text.to_owned() };
    callback.number.raw = text.to_owned();
    callback.data.insert(text.to_owned(), text.to_owned());
    callback
}

fn alert() -> Alert {
    Alert { id: 7.into(), figure: Figure::ServiceLevel, value: Some(0.5), limit: 0.8, since: common::at(0) }
}

/// Reads an event by its type and writes it again.
fn read_and_write(event: &Event, json: &[u8]) -> Vec<u8> {
    fn again<'a, D: serde::Deserialize<'a> + serde::Serialize>(json: &'a [u8]) -> Vec<u8> {
        serde_json::to_vec(&read::<D>(json).unwrap()).unwrap()
    }
    match &event.kind {
        EventKind::CallStarted { .. } => again::<data::CallStarted<'_>>(json),
        EventKind::CallIdentified { .. } => again::<data::CallIdentified<'_>>(json),
        EventKind::CallData { .. } => again::<data::CallData<'_>>(json),
        EventKind::CallQueued { .. } => again::<data::CallQueued<'_>>(json),
        EventKind::CallOffered { .. } | EventKind::CallOfferEnded { .. } => {
            again::<data::CallOffer<'_>>(json)
        }
        EventKind::CallAnswered { .. } => again::<data::CallAnswered<'_>>(json),
        EventKind::CallHeld { .. } | EventKind::CallRetrieved { .. } => again::<data::CallHold<'_>>(json),
        EventKind::CallPartyJoined { .. } | EventKind::CallPartyLeft { .. } => {
            again::<data::CallParty<'_>>(json)
        }
        EventKind::CallTransferred { .. } => again::<data::CallTransferred<'_>>(json),
        EventKind::CallConferenced { .. } => again::<data::CallConferenced<'_>>(json),
        EventKind::CallEnded { .. } => again::<data::CallEnded<'_>>(json),
        EventKind::CallControlFailed { .. } => again::<data::CallControlFailed<'_>>(json),
        EventKind::ScreenPop { .. } => again::<data::ScreenPop<'_>>(json),
        EventKind::ScreenPopped { .. } => again::<data::ScreenPopped<'_>>(json),
        EventKind::CallbackCreated { .. } | EventKind::CallbackRetry { .. } => {
            again::<data::CallbackChanged<'_>>(json)
        }
        EventKind::CallbackDialled { .. } => again::<data::CallbackDialled<'_>>(json),
        EventKind::CallbackEnded { .. } => again::<data::CallbackEnded<'_>>(json),
        EventKind::AgentState { .. } => again::<data::AgentState<'_>>(json),
        EventKind::QueueStats { .. } => again::<data::QueueStats>(json),
        EventKind::QueueAlert { .. } => again::<data::QueueAlert<'_>>(json),
        EventKind::PbxLink { .. } => again::<object::Link<'_>>(json),
        EventKind::ConfigApplied { .. } => again::<data::ConfigApplied>(json),
        EventKind::InvariantViolated { .. } => again::<data::InvariantViolated<'_>>(json),
    }
}

proptest! {
    #[test]
    fn every_event_is_read_back_as_the_same_bytes(call in any_call(), text in text(), seq: u64, recovered: bool) {
        for kind in kinds(&call, &text).into_iter().chain(callback_kinds(&call, &text)) {
            let event = Event { recovered, ..event(kind) };
            let encoded = encode(&event, seq, Some(&text));
            prop_assert_eq!(read_and_write(&event, &encoded.json), &*encoded.json, "{}", event.kind.name());
        }
    }

    #[test]
    fn prev_is_added_and_nothing_else_changes(call in any_call(), text in text(), seq: u64, prev: u64) {
        for kind in kinds(&call, &text) {
            let encoded = encode(&event(kind), seq, Some(&text));
            prop_assert_eq!(prev_at(&encoded.json), Some(encoded.prev_at));
            let spliced = splice_prev(&encoded.json, encoded.prev_at, prev);
            let mut value: Value = serde_json::from_slice(&spliced).unwrap();
            let added = value.as_object_mut().unwrap().remove("prev").unwrap();
            prop_assert_eq!(added, format!("{prev:020}"));
            prop_assert_eq!(value, serde_json::from_slice::<Value>(&encoded.json).unwrap());
        }
    }

    #[test]
    fn a_withheld_number_is_taken_out_and_nothing_else(call in any_call(), text in text()) {
        for kind in kinds(&call, &text) {
            let encoded = encode(&event(kind), 1, Some(&text));
            let shown: Value = serde_json::from_slice(&without_withheld_number(&encoded.json)).unwrap();
            let mut expected: Value = serde_json::from_slice(&encoded.json).unwrap();
            if let Some(ani) = expected.pointer_mut("/data/call/ani").filter(|ani| ani["withheld"] == true) {
                *ani = serde_json::json!({"raw": "", "e164": null, "withheld": true, "name": null});
            }
            prop_assert_eq!(shown, expected);
        }
    }
}
