//! One caller, one agent, no queue; and calls that agents make.

use hookswitch_model::{
    agent::AgentState,
    call::{Address, AttachedData, CallState, Direction, LegAction, LegRole, LegState, PartyNumber},
    command::{Refusal, Verb},
    ledger::{Disposition, EndedBy},
    pbx::{Fact, LegEnd, LegSeen},
    setup::Mode,
};

use crate::{
    lines,
    stage::{self, World, agent},
};

/// `c` calls alice, whose phone rings as leg `a`.
fn ringing() -> World {
    let mut w = World::route();
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w
}

/// … and she answered.
fn talking() -> World {
    let mut w = ringing();
    w.answers("c", "a");
    w.told();
    w
}

#[test]
fn a_direct_call_is_an_offer_without_a_queue() {
    let mut w = ringing();
    w.check(&["started inbound", "offered alice #1 of -", "pop alice", "agent alice ready>reserved"]);
    w.wait(4_000);
    w.answers("c", "a");
    w.check(&["offer_ended alice accepted", "agent alice reserved>talking", "answered alice"]);
    w.wait(6_000);
    w.hangs_up("c");
    w.check(&["ended answered by customer", "agent alice talking>ready"]);
    let ledger = w.ledger("c");
    assert_eq!(lines::segments(&ledger), ["system pbx inbound 4000", "agent alice answered 6000"]);
    assert_eq!((ledger.wait_ms, ledger.talk_ms), (4_000, 6_000));
    assert_eq!(ledger.resolved_by, Some(agent("alice")));
}

#[test]
fn a_caller_who_gives_up_while_it_rings_is_missed() {
    let mut w = ringing();
    w.told();
    w.leaves("c", "a", LegEnd::CallerLeft);
    w.hangs_up("c");
    w.check(&["offer_ended alice caller_left", "agent alice reserved>ready", "ended missed by customer"]);
    assert!(w.ledger("c").handled_by.is_empty());
}

#[test]
fn what_the_device_says_is_the_disposition_and_the_system_ended_it() {
    for (end, outcome, disposition, q850) in [
        (LegEnd::Busy, "declined", Disposition::Busy, 17),
        (LegEnd::Rejected, "declined", Disposition::Rejected, 21),
        (LegEnd::NoAnswer, "no_answer", Disposition::Missed, 19),
        (LegEnd::Unreachable, "unreachable", Disposition::Missed, 20),
    ] {
        let mut w = ringing();
        w.told();
        w.leaves("c", "a", end);
        w.ends("c", None, q850);
        assert_eq!(w.told()[0], format!("offer_ended alice {outcome}"));
        let ledger = w.ledger("c");
        assert_eq!((ledger.disposition, ledger.ended_by), (disposition, EndedBy::System), "{end:?}");
        assert_eq!(ledger.cause.unwrap().q850, q850);
        w.agent_is("alice", AgentState::Ready);
    }
}

#[test]
fn a_caller_who_hangs_up_on_the_busy_tone_was_busy_all_the_same() {
    let mut w = ringing();
    w.leaves("c", "a", LegEnd::Busy);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!((ledger.disposition, ledger.ended_by), (Disposition::Busy, EndedBy::Customer));
}

#[test]
fn an_unknown_number_failed() {
    for q850 in [0, 1, 28] {
        let mut w = World::route();
        w.inbound("c", "4444");
        w.ends("c", None, q850);
        let ledger = w.ledger("c");
        assert_eq!((ledger.disposition, ledger.ended_by), (Disposition::Failed, EndedBy::System), "{q850}");
    }
}

#[test]
fn a_phone_that_is_not_registered_was_missed_though_nothing_rang() {
    let mut w = World::route();
    w.inbound("c", "5001");
    w.ends("c", None, 3);
    let ledger = w.ledger("c");
    assert_eq!((ledger.disposition, ledger.ended_by), (Disposition::Missed, EndedBy::System));
}

#[test]
fn a_caller_whom_an_announcement_sent_away_was_missed() {
    let mut w = World::route();
    w.inbound("c", "5001");
    w.up("c", "c");
    w.ends("c", None, 16);
    assert_eq!(w.ledger("c").disposition, Disposition::Missed);
}

#[test]
fn several_devices_of_one_agent_are_one_offer() {
    let mut w = World::route();
    w.inbound("c", "5017");
    w.rings("c", "e1", "PJSIP/1004");
    w.rings("c", "e2", "PJSIP/1005");
    w.check_calls(&["started inbound", "offered erin #1 of -", "pop erin"]);
    w.up("c", "e2");
    w.leaves("c", "e1", LegEnd::Cancelled);
    w.talking("c", &["c", "e2"]);
    w.check_calls(&["offer_ended erin accepted", "answered erin"]);
    w.wait(1_000);
    w.hangs_up("c");
    assert_eq!(lines::segments(&w.ledger("c")), ["agent erin answered 1000"]);
}

#[test]
fn one_silent_phone_of_two_does_not_end_the_offer() {
    let mut w = World::route();
    w.inbound("c", "5017");
    w.rings("c", "e1", "PJSIP/1004");
    w.rings("c", "e2", "PJSIP/1005");
    w.told();
    w.leaves("c", "e1", LegEnd::Unreachable);
    w.check(&[]);
    w.leaves("c", "e2", LegEnd::NoAnswer);
    w.check_calls(&["offer_ended erin no_answer"]);
}

#[test]
fn a_call_picked_up_from_another_phone_is_answered_by_who_picked_it_up() {
    let mut w = ringing();
    w.told();
    w.internal("p", "1002", "*71001");
    w.up("p", "p");
    w.leaves("c", "a", LegEnd::Cancelled);
    w.moves("p", "c", "p");
    w.merges("p", "c");
    w.talking("c", &["c", "p"]);
    w.check_calls(&[
        "started internal",
        "offer_ended alice withdrawn",
        "ended merged by agent",
        "answered bob",
        "pop bob",
    ]);
    w.wait(1_000);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(w.ledger("p").consult_of, None, "nobody was consulted");
    assert_eq!(ledger.handled_by, [agent("bob")]);
    assert_eq!(lines::segments(&ledger).last().unwrap(), "agent bob pickup 1000");
    w.agent_is("bob", AgentState::Ready);
}

#[test]
fn a_caller_whom_the_pbx_kept_after_a_refusal_and_who_gives_up_was_missed() {
    let mut w = ringing();
    w.up("c", "c");
    w.leaves("c", "a", LegEnd::Busy);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!((ledger.disposition, ledger.ended_by), (Disposition::Missed, EndedBy::Customer));
}

#[test]
fn voicemail_is_the_systems_and_the_call_is_missed() {
    let mut w = ringing();
    w.wait(10_000);
    w.leaves("c", "a", LegEnd::NoAnswer);
    w.up("c", "c");
    w.fact(Fact::SystemTook { call: "c".into(), what: "voicemail".into() });
    w.wait(5_000);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(ledger.disposition, Disposition::Missed);
    assert_eq!(lines::segments(&ledger), ["system pbx inbound 10000", "system voicemail voicemail 5000"]);
}

#[test]
fn hold_is_told_and_added_up() {
    let mut w = talking();
    w.wait(1_000);
    w.holds("c", "a");
    w.check(&["held by alice", "agent alice talking>holding"]);
    assert_eq!(w.call("c").state, CallState::Held);
    assert_eq!(w.call("c").legs[1].state, LegState::Held);
    assert!(w.call("c").legs[1].actions.contains(&LegAction::Retrieve));
    w.wait(2_000);
    w.retrieves("c", "a");
    w.check(&["retrieved by alice", "agent alice holding>talking"]);
    w.wait(4_000);
    w.holds("c", "a");
    w.wait(8_000);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!((ledger.hold_ms, ledger.talk_ms), (10_000, 5_000));
    assert_eq!(lines::segments(&ledger), ["agent alice answered 15000"]);
}

#[test]
fn the_customers_own_hold_is_talk_and_is_not_told() {
    let mut w = talking();
    w.holds("c", "c");
    w.wait(3_000);
    w.retrieves("c", "c");
    w.check(&[]);
    assert_eq!(w.call("c").state, CallState::Connected);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!((ledger.hold_ms, ledger.talk_ms), (0, 3_000));
}

#[test]
fn a_leg_says_what_may_be_asked_for_it() {
    let mut w = ringing();
    assert_eq!(w.call("c").legs[0].actions, []);
    assert_eq!(w.call("c").legs[1].actions, [LegAction::Hangup]);
    w.answers("c", "a");
    assert_eq!(
        w.call("c").legs[1].actions,
        [
            LegAction::Hold,
            LegAction::Transfer,
            LegAction::Consult,
            LegAction::Conference,
            LegAction::Dtmf,
            LegAction::Hangup,
            LegAction::Record
        ]
    );
    let mut w = World::observe();
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.answers("c", "a");
    assert_eq!(w.call("c").legs[1].actions, [], "a PBX that is only read takes no orders");
}

#[test]
fn a_call_that_is_only_watched_offers_nothing_beside_one_that_is_ours() {
    let mut w = talking();
    w.fact(Fact::CallStarted {
        call: "x".into(),
        originator: LegSeen { leg: "b".into(), address: Address::new("PJSIP/1002"), number: None },
        direction: Direction::Outbound,
        ani: PartyNumber::default(),
        dnis: PartyNumber::default(),
        via: None,
        trunk: None,
        data: AttachedData::new(),
        watched: true,
    });
    w.rings("x", "y", "PJSIP/trunk");
    w.up("x", "b");
    w.up("x", "y");
    w.talking("x", &["b", "y"]);
    assert_eq!(
        (&w.call("x").legs[0].agent, w.call("x").legs[0].state),
        (&Some(agent("bob")), LegState::Connected)
    );
    assert_eq!(w.call("x").legs[0].actions, []);
    let refused = w.does("bob", w.call_id("x"), Verb::Hold);
    assert!(
        matches!(&refused, Err(Refusal::Invalid { why, .. }) if why == "the call is only watched"),
        "{refused:?}"
    );
    assert!(w.call("c").legs[1].actions.contains(&LegAction::Hold));
}

#[test]
fn what_cannot_be_recorded_does_not_offer_it_and_says_why() {
    let mut setup = stage::setup(Mode::Route);
    setup.pbxs[0].records = false;
    let mut w = World::with(setup);
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.answers("c", "a");
    let actions = &w.call("c").legs[1].actions;
    assert!(actions.contains(&LegAction::Hold) && !actions.contains(&LegAction::Record), "{actions:?}");
    let refused = w.does("alice", w.call_id("c"), Verb::Record { on: true });
    assert!(
        matches!(&refused, Err(Refusal::Invalid { why, .. }) if why.ends_with(" does not record")),
        "{refused:?}"
    );
}

#[test]
fn answer_and_hang_up_in_the_same_instant_end_the_call_once() {
    let mut w = ringing();
    w.told();
    w.up("c", "a");
    w.hangs_up("c");
    w.leaves("c", "a", LegEnd::Released);
    w.check_calls(&["offer_ended alice accepted", "ended missed by customer"]);
    w.agent_is("alice", AgentState::Ready);
}

#[test]
fn an_internal_call_keeps_both_agents_busy_and_pops_nothing() {
    let mut w = World::route();
    w.internal("i", "1001", "1002");
    w.rings("i", "b", "PJSIP/1002");
    w.check(&[
        "started internal",
        "offered bob #1 of -",
        "agent bob ready>reserved",
        "agent alice ready>talking",
    ]);
    w.answers("i", "b");
    w.check(&["offer_ended bob accepted", "agent bob reserved>talking", "answered bob"]);
    assert_eq!(w.call("i").legs[0].role, LegRole::Customer);
    w.hung_up_by("i", "b");
    w.agent_is("alice", AgentState::Ready);
    w.agent_is("bob", AgentState::Ready);
}

#[test]
fn a_call_dialled_by_hand_belongs_to_the_agent_and_its_customer_is_the_far_end() {
    let mut w = World::route();
    w.outbound("o", "1001", "+493012345");
    w.rings("o", "f", "PJSIP/trunk:+493012345");
    w.check(&["started outbound", "agent alice ready>talking"]);
    w.wait(3_000);
    w.up("o", "f");
    w.talking("o", &["o", "f"]);
    w.check(&["answered alice"]);
    assert_eq!(w.call("o").legs[1].role, LegRole::Customer);
    w.wait(5_000);
    w.leaves("o", "f", LegEnd::HungUp);
    w.leaves("o", "o", LegEnd::Released);
    w.ends("o", Some("f"), 16);
    let ledger = w.ledger("o");
    assert_eq!((ledger.disposition, ledger.ended_by), (Disposition::Answered, EndedBy::Customer));
    assert_eq!(ledger.handled_by, [agent("alice")]);
    assert_eq!((ledger.wait_ms, ledger.talk_ms), (3_000, 5_000));
}

#[test]
fn the_far_end_says_how_an_outbound_call_failed() {
    for (end, disposition) in [
        (LegEnd::Busy, Disposition::Busy),
        (LegEnd::Rejected, Disposition::Rejected),
        (LegEnd::NoAnswer, Disposition::Missed),
        (LegEnd::Failed, Disposition::Failed),
    ] {
        let mut w = World::route();
        w.outbound("o", "1001", "+493012345");
        w.rings("o", "f", "PJSIP/trunk:+493012345");
        w.leaves("o", "f", end);
        w.ends("o", None, 16);
        let ledger = w.ledger("o");
        assert_eq!((ledger.disposition, ledger.ended_by), (disposition, EndedBy::System), "{end:?}");
    }
}

/// Click-to-dial: the agent's own phone rings first.
fn clicked() -> World {
    let mut w = World::route();
    w.outbound("o", "1001", "+493012345");
    w.rings("o", "o", "PJSIP/1001");
    w
}

#[test]
fn click_to_dial_offers_the_agents_own_phone_then_rings_the_far_end() {
    let mut w = clicked();
    w.check(&["started outbound", "offered alice #1 of -", "agent alice ready>reserved"]);
    w.up("o", "o");
    w.check(&["offer_ended alice accepted", "agent alice reserved>talking"]);
    w.rings("o", "f", "PJSIP/trunk:+493012345");
    w.up("o", "f");
    w.talking("o", &["o", "f"]);
    w.check(&["answered alice"]);
    w.hung_up_by("o", "f");
    assert_eq!(w.ledger("o").ended_by, EndedBy::Customer);
}

#[test]
fn click_to_dial_whose_agent_does_not_pick_up_failed() {
    for (end, outcome) in [(LegEnd::NoAnswer, "no_answer"), (LegEnd::Busy, "declined")] {
        let mut w = clicked();
        w.told();
        w.leaves("o", "o", end);
        w.ends("o", None, 0);
        w.check_calls(&[&format!("offer_ended alice {outcome}"), "ended failed by system"]);
        w.agent_is("alice", AgentState::Ready);
    }
}

#[test]
fn digits_of_an_ivr_are_data_of_the_call() {
    let mut w = World::route();
    w.inbound("c", "5005");
    w.up("c", "c");
    w.told();
    for digit in ['4', '2'] {
        w.fact(Fact::Digit { call: "c".into(), leg: "c".into(), digit });
    }
    w.fact(Fact::Data { call: "c".into(), changed: [("choice".to_owned(), "2".to_owned())].into() });
    w.check(&["data ivr.digits=4 by ivr", "data ivr.digits=42 by ivr", "data choice=2 by pbx"]);
    w.hangs_up("c");
    assert_eq!(w.ended("c").0.data["ivr.digits"], "42");
}

#[test]
fn what_is_known_of_the_customer_is_filled_in_and_never_changed() {
    let mut w = World::route();
    w.inbound("c", "5001");
    let number = hookswitch_model::call::PartyNumber {
        raw: "+49666".into(),
        e164: Some("+49666".into()),
        withheld: true,
        name: Some("Zoe".into()),
    };
    w.fact(Fact::CallNumbers { call: "c".into(), ani: Some(number), dnis: None, via: None });
    let ani = &w.call("c").ani;
    assert_eq!((ani.raw.as_str(), ani.withheld, ani.name.as_deref()), ("+49305550001", true, Some("Zoe")));
}
