//! Every event type beside the JSON that the contract promises, byte for byte but for white space.
//!
//! `tests/expected/<type>.json` holds it; `"@call"` and `"@agent"` in it stand for `call.json` and `agent.json`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "the expected JSON is read from disk, not by the core")]

mod common;

use std::{fs, path::Path};

use common::{
    ACTION, AGENT, CALL, CUSTOMER, agent, agent_id, at, call, callback, event, ledger, offer, pop, queue_id,
};
use hookswitch_wire::{
    List, Sequence, Snapshot, encode,
    model::{
        CallId, PbxId, Skill,
        agent::AgentState,
        alert::{Alert, Figure},
        call::{LegRole, Via},
        callback::{CallbackOrigin, CallbackOutcome},
        event::{Event, EventKind, Gap, LinkState, Queued},
        offer::OfferOutcome,
        pbx::TransferKind,
        queue::Queue,
    },
    object,
};

/// The JSON of a file of `expected`, without white space.
fn expected(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(format!("{name}.json"));
    let mut text = minify(&fs::read_to_string(&path).unwrap());
    for part in ["call", "agent", "callback"] {
        let mark = format!("\"@{part}\"");
        if text.contains(&mark) {
            text = text.replace(&mark, &expected(part));
        }
    }
    text
}

/// JSON without the white space between its tokens.
fn minify(json: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    let keep = |c: &char| {
        let kept = within || !c.is_whitespace();
        within ^= *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        kept
    };
    json.chars().filter(keep).collect()
}

fn check_event(name: &str, event: &Event) {
    let encoded = encode(event, 1_234, Some("https://crm/contacts/42"));
    assert_eq!(std::str::from_utf8(&encoded.json).unwrap(), expected(name), "{name}");
    assert_eq!(encoded.meta.type_name, event.kind.name());
}

fn check(kind: EventKind) {
    check_event(kind.name(), &event(kind));
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn the_call_object() {
    assert_eq!(json(&object::Call::from(&*call())), expected("call"));
}

#[test]
fn a_call_with_nothing_known_shows_nulls() {
    let mut call = call();
    call.ani.e164 = None;
    call.ani.withheld = true;
    call.via = Some(Via {
        raw: "030123".to_owned(),
        e164: Some("+4930123".to_owned()),
        reason: Some("cfnr".to_owned()),
    });
    (call.queue, call.rule, call.queued_at, call.answered_at) = (None, None, None, None);
    call.ended_at = Some(at(9));
    call.customer = hookswitch_wire::model::call::Customer::none();
    call.data.clear();
    call.legs.clear();
    assert_eq!(json(&object::Call::from(&*call)), expected("call_nulls"));
}

#[test]
fn the_agent_object() {
    assert_eq!(json(&object::Agent::from(&*agent())), expected("agent"));
}

#[test]
fn call_started() {
    check(EventKind::CallStarted { call: call() });
}

#[test]
fn call_identified() {
    check(EventKind::CallIdentified { call: call() });
}

#[test]
fn call_data() {
    let changed = [("segment".to_owned(), "gold".to_owned())].into();
    check(EventKind::CallData { call: call(), changed, by: "crm-frontend".to_owned() });
}

#[test]
fn call_queued() {
    let queued = Queued {
        queue: queue_id("support"),
        position: 3,
        estimated_wait_s: Some(40),
        requires: [(Skill::new("billing").unwrap(), 5)].into(),
        priority: 10,
        rule: Some("gold customers".to_owned()),
    };
    check(EventKind::CallQueued { call: call(), queued });
}

#[test]
fn call_offered_and_its_end() {
    check(EventKind::CallOffered { call: call(), offer: offer() });
    let mut ended = offer();
    (ended.queue, ended.expires_at, ended.outcome) = (None, None, Some(OfferOutcome::NoAnswer));
    check(EventKind::CallOfferEnded { call: call(), offer: ended });
}

#[test]
fn call_answered() {
    check(EventKind::CallAnswered { call: call(), agent: Some(agent()), leg: AGENT });
}

#[test]
fn call_held_and_retrieved() {
    check(EventKind::CallHeld { call: call(), leg: AGENT, by: "alice".to_owned() });
    check(EventKind::CallRetrieved { call: call(), leg: AGENT, by: "alice".to_owned() });
}

#[test]
fn parties_that_join_and_leave() {
    check(EventKind::CallPartyJoined { call: call(), leg: AGENT, role: LegRole::Consult });
    check(EventKind::CallPartyLeft { call: call(), leg: AGENT, role: LegRole::Agent });
}

#[test]
fn call_transferred() {
    check(EventKind::CallTransferred {
        call: call(),
        kind: TransferKind::Attended,
        from_agent: Some(agent_id("alice")),
        to_agent: Some(agent_id("bob")),
        to: Some("1002".to_owned()),
        consult_call: Some(CallId::from_bits(0xcb)),
    });
}

#[test]
fn call_conferenced() {
    check(EventKind::CallConferenced { call: call(), legs: vec![CUSTOMER, AGENT] });
}

#[test]
fn call_ended() {
    check(EventKind::CallEnded { call: call(), ledger: ledger() });
    check(EventKind::CallControlFailed {
        call: call(),
        agent: agent_id("alice"),
        verb: "transfer".to_owned(),
        reason: "hq does not know the number 4711".to_owned(),
    });
}

#[test]
fn a_pop_and_that_it_was_shown() {
    check(EventKind::ScreenPop { call: call(), pop: pop() });
    check(EventKind::ScreenPopped {
        call: call(),
        pop: pop(),
        client: Some("tab-1".to_owned()),
        ring_to_pop_ms: 180,
    });
}

#[test]
fn agent_state() {
    let mut agent = agent();
    (agent.reason, agent.until) = (Some("accepted".to_owned()), Some(at(34)));
    let kind = EventKind::AgentState { agent, from: AgentState::Reserved, to: AgentState::Talking };
    check_event("agent.state", &Event { action: Some(ACTION), ..event(kind) });
}

#[test]
fn queue_stats_and_an_alert() {
    let alert =
        Alert { id: 31.into(), figure: Figure::LongestWait, value: Some(41.5), limit: 30.0, since: at(2) };
    let queue = Queue {
        id: queue_id("support"),
        waiting: 3,
        longest_wait_s: 41,
        ready: 1,
        talking: 7,
        service_level: Some(0.8125),
        answered: 13,
        abandoned: 3,
        logged_in: 9,
        longest_idle_s: Some(12),
        estimated_wait_s: Some(75),
        offered: 19,
        answered_in_time: 11,
        left: 2,
        average_wait_s: Some(18),
        average_talk_s: Some(241),
        callbacks: 4,
        alerts: vec![alert.clone()],
        since: at(0),
    };
    let queue = Box::new(queue);
    let raised = EventKind::QueueAlert { queue: queue.clone(), alert, raised: true };
    check_event("queue.alert", &Event { pbx: None, ..event(raised) });
    check_event("queue.stats", &Event { pbx: None, ..event(EventKind::QueueStats { queue }) });
}

#[test]
fn callback_created() {
    check(EventKind::CallbackCreated { callback: callback(), call: Some(call()) });
}

#[test]
fn callback_dialled() {
    check(EventKind::CallbackDialled { callback: callback(), call: call() });
}

#[test]
fn callback_retry() {
    check(EventKind::CallbackRetry { callback: callback(), call: Some(call()) });
}

#[test]
fn callback_ended_of_one_that_was_asked_for_by_a_program() {
    let mut callback = callback();
    callback.origin = CallbackOrigin::Request { by: "crm".to_owned() };
    (callback.due, callback.agent, callback.next_at) = (Some(at(5)), None, None);
    (callback.call, callback.last, callback.attempts) = (None, None, 0);
    let outcome = CallbackOutcome::Cancelled;
    callback.state = outcome.state();
    let by = Some("crm".to_owned());
    let kind = EventKind::CallbackEnded { callback, call: None, outcome, by };
    check_event("callback.ended", &Event { pbx: None, ..event(kind) });
}

#[test]
fn a_callback_of_a_list_has_its_place_in_line() {
    let listed = json(&object::Callback::from(&*callback()).at(Some(3)));
    assert_eq!(
        listed,
        expected("callback").replace(r#""state":"waiting","#, r#""state":"waiting","position":3,"#)
    );
}

#[test]
fn pbx_link() {
    let kind = EventKind::PbxLink {
        pbx: PbxId::new("hq").unwrap(),
        state: LinkState::Resynchronised,
        gap: Some(Gap { from: at(0), to: at(4), recovered_calls: 2 }),
    };
    check_event("pbx.link", &Event { recovered: true, ..event(kind) });
}

#[test]
fn config_applied() {
    let kind = EventKind::ConfigApplied { version: 8, previous: Some(7) };
    check_event("config.applied", &Event { pbx: None, ..event(kind) });
}

#[test]
fn invariant_violated() {
    let rule = "segments add up to the call".to_owned();
    check(EventKind::InvariantViolated { rule, evidence: "3 s are missing".to_owned(), call: Some(call()) });
}

#[test]
fn lists_and_the_snapshot() {
    let (call, agent) = (call(), agent());
    let list = List { items: vec![object::Agent::from(&*agent)], sequence: Sequence(1_234) };
    assert_eq!(
        json(&list),
        format!(r#"{{"items":[{}],"sequence":"00000000000000001234"}}"#, expected("agent"))
    );
    let snapshot = Snapshot {
        sequence: Sequence(1_234),
        calls: vec![object::Call::from(&*call)],
        agents: vec![object::Agent::from(&*agent)],
        queues: Vec::new(),
        pbx: vec![object::Link::new(&PbxId::new("hq").unwrap(), LinkState::Up, None)],
        callbacks: Vec::new(),
    };
    assert_eq!(json(&snapshot), expected("snapshot"));
    assert_eq!(call.id, CALL);
}

#[test]
fn a_source_is_a_uri_whatever_the_pbx_is_called() {
    let kind = EventKind::ConfigApplied { version: 1, previous: None };
    let encoded = encode(&Event { pbx: Some(PbxId::new("müller").unwrap()), ..event(kind) }, 1, None);
    assert!(std::str::from_utf8(&encoded.json).unwrap().contains(r#""source":"/pbx/m%C3%BCller""#));
}

#[test]
fn no_expected_file_is_left_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected");
    let source = include_str!("expected.rs");
    let model = include_str!("../../model/src/event.rs");
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let name = format!("\"{}\"", file.strip_suffix(".json").unwrap());
        assert!(source.contains(&name) || model.contains(&name), "{file}");
    }
}
