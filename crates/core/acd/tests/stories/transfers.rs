//! Transfers, consultations, conferences, parking.

use hookswitch_model::{
    agent::AgentState,
    call::CallState,
    ledger::Disposition,
    pbx::{Fact, LegEnd, TransferKind},
};

use crate::{
    lines,
    stage::{World, agent},
};

/// `c` talks to alice (leg `a`) for a second.
fn talking() -> World {
    let mut w = World::route();
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.answers("c", "a");
    w.wait(1_000);
    w.told();
    w
}

/// … holds, and calls bob in the call `k` (legs `k` and `b`).
fn consulting() -> World {
    let mut w = talking();
    w.holds("c", "a");
    w.internal("k", "1001", "1002");
    w.rings("k", "b", "PJSIP/1002");
    w
}

/// … who answers.
fn consulted() -> World {
    let mut w = consulting();
    w.answers("k", "b");
    w.wait(2_000);
    w
}

#[test]
fn blind_to_an_agent_known_by_extension_only() {
    let mut w = talking();
    w.blind("c", "a", "1002");
    w.check(&["transferred blind alice>bob to 1002", "agent alice talking>ready"]);
    w.wait(500);
    w.rings("c", "b", "PJSIP/1002");
    w.wait(500);
    w.answers("c", "b");
    w.check_calls(&["offered bob #2 of -", "pop bob", "offer_ended bob accepted", "answered bob"]);
    w.wait(3_000);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(ledger.handled_by, [agent("alice"), agent("bob")]);
    assert_eq!(ledger.resolved_by, Some(agent("bob")));
    assert_eq!(
        lines::segments(&ledger),
        ["agent alice answered 1000", "system pbx blind 1000", "agent bob blind 3000"]
    );
    assert_eq!(w.ended("c").0.ani.raw, "+49305550001");
}

#[test]
fn blind_to_an_outside_number_is_an_external_segment() {
    let mut w = talking();
    w.blind("c", "a", "+493012345");
    w.rings("c", "f", "PJSIP/trunk:+493012345");
    w.answers("c", "f");
    w.check_calls(&["transferred blind alice>- to +493012345", "answered PJSIP/trunk"]);
    w.wait(2_000);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(lines::segments(&ledger), ["agent alice answered 1000", "external +493012345 blind 2000"]);
    assert_eq!((ledger.handled_by, ledger.resolved_by), (vec![agent("alice")], Some(agent("alice"))));
}

#[test]
fn blind_to_nowhere_failed() {
    let mut w = talking();
    w.blind("c", "a", "4444");
    w.leaves("c", "c", LegEnd::Released);
    w.ends("c", None, 1);
    let ledger = w.ledger("c");
    assert_eq!(ledger.disposition, Disposition::Failed);
    assert_eq!(ledger.cause.unwrap().text, "Unallocated (unassigned) number");
    assert_eq!(ledger.handled_by, [agent("alice")]);
}

#[test]
fn a_transfer_to_somebody_who_is_busy_or_away_fails_when_the_pbx_drops_the_caller() {
    for (end, q850) in [(LegEnd::Busy, 17), (LegEnd::NoAnswer, 16)] {
        let mut w = talking();
        w.blind("c", "a", "1002");
        w.rings("c", "b", "PJSIP/1002");
        w.leaves("c", "b", end);
        w.ends("c", None, q850);
        assert_eq!(w.ledger("c").disposition, Disposition::Failed, "{end:?}");
        assert_eq!(w.ledger("c").handled_by, [agent("alice")], "{end:?}");
    }
    let mut w = talking();
    w.blind("c", "a", "1002");
    w.ends("c", None, 3);
    assert_eq!(w.ledger("c").disposition, Disposition::Failed, "not registered");
}

#[test]
fn a_caller_who_leaves_before_the_target_of_a_transfer_answers_was_answered_by_who_transferred() {
    let mut w = talking();
    w.blind("c", "a", "1002");
    w.rings("c", "b", "PJSIP/1002");
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!((ledger.disposition, ledger.resolved_by), (Disposition::Answered, Some(agent("alice"))));
}

#[test]
fn an_attended_transfer_whose_target_never_answers_fails_when_the_pbx_drops_the_caller() {
    let mut w = consulting();
    w.attended("c", "a", "k", "k", "b");
    w.leaves("c", "b", LegEnd::NoAnswer);
    w.ends("c", None, 16);
    assert_eq!(w.ledger("c").disposition, Disposition::Failed);
}

#[test]
fn blind_to_a_queue_waits_again_with_the_data_kept() {
    let mut w = talking();
    w.fact(Fact::Data { call: "c".into(), changed: [("k".to_owned(), "v".to_owned())].into() });
    w.blind("c", "a", "5013");
    w.asks("c", "5013");
    w.check_calls(&["data k=v by pbx", "transferred blind alice>- to 5013", "queued billing at 1"]);
    let (ring, devices) = w.ring();
    assert_eq!(devices, ["PJSIP/1003"]);
    w.rings_for("c", "d", "PJSIP/1003", ring);
    w.wait(2_000);
    w.answers("c", "d");
    w.wait(1_000);
    w.hangs_up("c");
    let (call, ledger) = w.ended("c");
    assert_eq!(ledger.handled_by, [agent("alice"), agent("dora")]);
    assert_eq!(call.data["k"], "v");
    assert_eq!(call.dnis.raw, "5001", "what the customer dialled stays");
    assert_eq!(
        lines::segments(&ledger),
        ["agent alice answered 1000", "queue billing blind 2000", "agent dora answered 1000"]
    );
}

#[test]
fn a_caller_who_leaves_the_queue_of_a_transfer_is_abandoned() {
    let mut w = talking();
    w.set_state("dora", AgentState::NotReady, None);
    w.blind("c", "a", "5013");
    w.asks("c", "5013");
    w.wait(1_000);
    w.hangs_up("c");
    assert_eq!(w.ledger("c").disposition, Disposition::Abandoned);
    assert_eq!(w.ledger("c").handled_by, [agent("alice")]);
}

#[test]
fn attended_moves_the_call_and_merges_the_consultation() {
    let mut w = consulted();
    w.check(&[
        "held by alice",
        "agent alice talking>holding",
        "started internal",
        "offered bob #1 of -",
        "agent bob ready>reserved",
        "agent alice holding>talking",
        "offer_ended bob accepted",
        "agent bob reserved>talking",
        "answered bob",
    ]);
    let consult = w.call_id("k");
    let call = w.call_id("c");
    w.attended("c", "a", "k", "k", "b");
    w.check(&[
        "transferred attended alice>bob to 1002",
        "pop bob",
        "agent alice talking>ready",
        "ended merged by agent",
    ]);
    w.talking("c", &["b", "c"]);
    w.check(&[]);
    assert_eq!(w.call("c").state, CallState::Connected);
    w.wait(4_000);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(ledger.handled_by, [agent("alice"), agent("bob")]);
    assert_eq!(ledger.resolved_by, Some(agent("bob")));
    assert_eq!((ledger.talk_ms, ledger.hold_ms), (5_000, 2_000));
    assert_eq!(lines::segments(&ledger), ["agent alice answered 3000", "agent bob attended 4000"]);
    let merged = w.ledger("k");
    assert_eq!((merged.merged_into, merged.consult_of), (Some(call), Some(call)));
    assert!(w.engine.call(consult).is_some(), "ended calls are kept for a while");
    w.agent_is("bob", AgentState::Ready);
}

#[test]
fn who_consults_takes_the_customer_back_when_the_other_declines() {
    let mut w = consulting();
    w.told();
    w.leaves("k", "b", LegEnd::Busy);
    w.ends("k", None, 17);
    w.retrieves("c", "a");
    w.check_calls(&["offer_ended bob declined", "ended busy by system", "retrieved by alice"]);
    w.hangs_up("c");
    assert_eq!(w.ledger("c").handled_by, [agent("alice")]);
    assert_eq!(w.ledger("k").consult_of, Some(w.ended("c").0.id));
}

#[test]
fn a_customer_who_leaves_during_the_consultation_ends_only_the_own_call() {
    let mut w = consulted();
    w.told();
    w.hangs_up("c");
    w.leaves("c", "a", LegEnd::Released);
    w.check(&["ended answered by customer"]);
    w.agent_is("alice", AgentState::Talking);
    assert_eq!(w.ledger("c").resolved_by, Some(agent("alice")));
    w.wait(1_000);
    w.hung_up_by("k", "b");
    assert_eq!(w.ledger("k").disposition, Disposition::Answered);
    w.agent_is("alice", AgentState::Ready);
}

#[test]
fn a_transfer_while_the_target_still_rings_is_answered_by_the_target() {
    let mut w = consulting();
    w.told();
    w.attended("c", "a", "k", "k", "b");
    w.check_calls(&["transferred attended alice>bob to 1002", "pop bob", "ended merged by agent"]);
    w.agent_is("bob", AgentState::Reserved);
    w.wait(1_000);
    w.answers("c", "b");
    w.check_calls(&["offer_ended bob accepted", "answered bob"]);
    w.hangs_up("c");
    assert_eq!(w.ledger("c").handled_by, [agent("alice"), agent("bob")]);
}

#[test]
fn a_target_who_does_not_answer_after_the_transfer_leaves_the_call_to_the_pbx() {
    let mut w = consulting();
    w.attended("c", "a", "k", "k", "b");
    w.told();
    w.leaves("c", "b", LegEnd::NoAnswer);
    w.check_calls(&["offer_ended bob no_answer"]);
    w.rings("c", "a2", "PJSIP/1001");
    w.wait(500);
    w.answers("c", "a2");
    w.check_calls(&["offered alice #2 of -", "offer_ended alice accepted", "answered alice"]);
    w.wait(1_000);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(ledger.handled_by, [agent("alice")]);
    assert_eq!(lines::segments(&ledger).last().unwrap(), "agent alice answered 1000");
}

#[test]
fn two_attended_transfers_in_a_row_end_one_call() {
    let mut w = consulted();
    w.attended("c", "a", "k", "k", "b");
    w.talking("c", &["b", "c"]);
    w.wait(1_000);
    w.holds("c", "b");
    w.internal("l", "1002", "1003");
    w.rings("l", "d", "PJSIP/1003");
    w.answers("l", "d");
    w.told();
    w.attended("c", "b", "l", "l", "d");
    w.talking("c", &["d", "c"]);
    w.wait(1_000);
    w.hangs_up("c");
    w.check_calls(&[
        "transferred attended bob>dora to 1003",
        "pop dora",
        "ended merged by agent",
        "ended answered by customer",
    ]);
    let ledger = w.ledger("c");
    assert_eq!(ledger.handled_by, [agent("alice"), agent("bob"), agent("dora")]);
    assert_eq!(ledger.resolved_by, Some(agent("dora")));
}

#[test]
fn an_atxfer_uses_one_leg_in_two_calls() {
    let mut w = talking();
    w.holds("c", "a");
    w.told();
    w.fact(Fact::CallStarted {
        call: "k".into(),
        originator: hookswitch_model::pbx::LegSeen {
            leg: "a".into(),
            address: hookswitch_model::call::Address::new("PJSIP/1001"),
            number: None,
        },
        direction: hookswitch_model::call::Direction::Internal,
        ani: Default::default(),
        dnis: Default::default(),
        via: None,
        trunk: None,
        data: Default::default(),
        watched: false,
    });
    w.rings("k", "b", "PJSIP/1002");
    w.up("k", "b");
    w.talking("k", &["a", "b"]);
    w.told();
    w.leaves("k", "b", LegEnd::HungUp);
    w.leaves("k", "a", LegEnd::Released);
    w.ends("k", Some("b"), 16);
    w.retrieves("c", "a");
    w.check(&[
        "agent bob talking>ready",
        "agent alice talking>holding",
        "ended answered by agent",
        "retrieved by alice",
        "agent alice holding>talking",
    ]);
    w.hangs_up("c");
    assert_eq!(w.ledger("c").handled_by, [agent("alice")]);
}

#[test]
fn a_conference_is_not_a_transfer() {
    let mut w = consulted();
    w.told();
    w.retrieves("c", "a");
    w.moves("k", "c", "b");
    w.leaves("k", "k", LegEnd::Released);
    w.merges("k", "c");
    w.talking("c", &["b"]);
    w.fact(Fact::Conferenced { call: "c".into(), legs: vec!["c".into(), "a".into(), "b".into()] });
    w.check_calls(&[
        "retrieved by alice",
        "ended merged by agent",
        "party_joined agent bob",
        "pop bob",
        "conferenced PJSIP/trunk alice bob",
    ]);
    w.wait(5_000);
    w.leaves("c", "a", LegEnd::HungUp);
    w.wait(5_000);
    w.leaves("c", "b", LegEnd::Released);
    w.hangs_up("c");
    w.check_calls(&["party_left agent alice", "ended answered by customer"]);
    let ledger = w.ledger("c");
    assert_eq!(ledger.handled_by, [agent("alice"), agent("bob")]);
    assert_eq!(ledger.resolved_by, Some(agent("bob")));
    assert_eq!(lines::segments(&ledger), ["agent alice answered 8000", "agent bob conference 5000"]);
}

#[test]
fn a_parked_call_is_held_until_another_agent_fetches_it() {
    let mut w = talking();
    w.fact(Fact::SystemTook { call: "c".into(), what: "park".into() });
    w.leaves("c", "a", LegEnd::Transferred);
    w.apart("c", "c");
    w.check_calls(&["held by alice"]);
    assert_eq!(w.call("c").state, CallState::Held);
    w.wait(4_000);
    w.internal("p", "1002", "701");
    w.up("p", "p");
    w.moves("p", "c", "p");
    w.fact(Fact::Transferred {
        call: "c".into(),
        kind: TransferKind::Park,
        from: "a".into(),
        to_leg: Some("p".into()),
        to_number: None,
        consult: None,
    });
    w.merges("p", "c");
    w.talking("c", &["c", "p"]);
    w.check_calls(&[
        "started internal",
        "transferred park alice>bob to 1002",
        "ended merged by agent",
        "answered bob",
        "pop bob",
    ]);
    w.wait(1_000);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(ledger.handled_by, [agent("alice"), agent("bob")]);
    assert_eq!((ledger.hold_ms, ledger.talk_ms), (4_000, 2_000));
    assert_eq!(
        lines::segments(&ledger),
        ["agent alice answered 1000", "system park park 4000", "agent bob park 1000"]
    );
}
