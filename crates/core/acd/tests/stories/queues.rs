//! Callers who wait: answered, abandoned, not answered, declined, unreachable, taken back.

use hookswitch_model::{
    Millis,
    agent::{AgentState, DeviceState},
    call::{Address, CallState},
    ledger::{Disposition, EndedBy},
    pbx::{Action, Fact, GaveUp, LegEnd, RingResult},
    setup::{MaxWait, Mode, Overflow, Strategy},
};

use crate::{
    lines,
    stage::{self, World, agent, queue},
};

#[test]
fn a_queued_caller_is_offered_answered_and_booked() {
    let mut w = World::route();
    w.queued("c", "5003");
    w.check(&["started inbound", "queued support at 1", "agent alice ready>reserved"]);
    assert_eq!(w.asked(), ["note support", "ring PJSIP/1001 for 15 s"]);
    assert_eq!(w.call("c").state, CallState::Queued, "nothing rings yet");
    let (ring, _) = w.ring();
    w.wait(3_000);
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.check(&["offered alice #1 of support", "pop alice"]);
    w.wait(2_000);
    w.answers("c", "a");
    w.check(&["offer_ended alice accepted", "agent alice reserved>talking", "answered alice"]);
    assert_eq!(w.call("c").state, CallState::Connected);
    w.wait(10_000);
    w.hung_up_by("c", "a");
    w.check(&["agent alice talking>ready", "ended answered by agent"]);
    let ledger = w.ledger("c");
    assert_eq!(lines::segments(&ledger), ["queue support queued 5000", "agent alice answered 10000"]);
    assert_eq!((ledger.wait_ms, ledger.talk_ms, ledger.hold_ms), (5_000, 10_000, 0));
    assert_eq!((ledger.handled_by, ledger.resolved_by), (vec![agent("alice")], Some(agent("alice"))));
    assert_eq!(ledger.cause.unwrap().text, "Normal call clearing");
}

#[test]
fn a_caller_who_hangs_up_while_waiting_is_abandoned() {
    let mut w = World::route();
    w.set_state("dora", AgentState::NotReady, None);
    w.told();
    w.queued("c", "5013");
    w.wait(7_000);
    w.hangs_up("c");
    w.check(&["started inbound", "queued billing at 1", "ended abandoned by customer"]);
    assert_eq!(w.ledger("c").wait_ms, 7_000);
    assert_eq!(w.engine.queue(&queue("billing"), w.now).unwrap().abandoned, 1);
}

#[test]
fn whoever_is_rung_for_a_waiting_caller_is_rung_by_the_queue_also_in_a_recording() {
    let mut w = World::route();
    w.queued("c", "5003");
    w.told();
    w.rings("c", "b", "PJSIP/1002"); // alice was decided on now, bob when it was recorded
    w.check(&["offered bob #1 of support", "pop bob", "agent bob ready>reserved"]);
    w.leaves("c", "b", LegEnd::NoAnswer);
    w.check(&["offer_ended bob no_answer", "agent bob reserved>not_ready (no_answer)"]);
}

#[test]
fn the_agent_is_ready_at_once_when_the_caller_leaves_while_it_rings() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.told();
    w.leaves("c", "a", LegEnd::CallerLeft);
    w.check(&["offer_ended alice caller_left", "agent alice reserved>ready"]);
    w.hangs_up("c");
    w.check(&["ended abandoned by customer"]);
}

#[test]
fn the_next_agent_is_offered_after_no_answer_and_the_first_goes_off_duty() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.wait(15_000);
    w.told();
    w.leaves("c", "a", LegEnd::NoAnswer);
    w.check(&["offer_ended alice no_answer", "agent alice reserved>not_ready (no_answer)"]);
    w.result("c", ring, RingResult::NoAnswer);
    w.check(&["agent bob ready>reserved"]);
    let (second, devices) = w.ring();
    assert_eq!(devices, ["PJSIP/1002"]);
    w.rings_for("c", "b", "PJSIP/1002", second);
    w.answers("c", "b");
    w.check_calls(&["offered bob #2 of support", "pop bob", "offer_ended bob accepted", "answered bob"]);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(ledger.handled_by, [agent("bob")]);
    assert_eq!(ledger.wait_ms, 15_000, "the wait runs on");
}

#[test]
fn a_caller_whose_offer_failed_keeps_the_place_before_those_who_came_later() {
    let mut w = World::route();
    w.set_state("bob", AgentState::NotReady, None);
    w.queued("first", "5003");
    let (ring, _) = w.ring();
    w.rings_for("first", "a", "PJSIP/1001", ring);
    w.wait(1_000);
    w.queued("second", "5003");
    w.wait(14_000);
    w.leaves("first", "a", LegEnd::NoAnswer);
    w.result("first", ring, RingResult::NoAnswer);
    w.told();
    w.set_state("bob", AgentState::Ready, None);
    let (again, _) = w.ring();
    w.rings_for("first", "b", "PJSIP/1002", again);
    assert_eq!(w.told_of_calls(), ["offered bob #2 of support", "pop bob"]);
    assert_eq!(w.call("first").state, CallState::Offered);
    assert_eq!(w.call("second").state, CallState::Queued);
}

#[test]
fn a_decline_leaves_the_agent_ready_and_goes_to_the_next() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.told();
    w.leaves("c", "a", LegEnd::Busy);
    w.result("c", ring, RingResult::Declined);
    w.check(&["offer_ended alice declined", "agent alice reserved>ready", "agent bob ready>reserved"]);
}

#[test]
fn an_agent_alone_who_declines_is_not_rung_again_at_once() {
    let mut w = World::route();
    w.set_state("bob", AgentState::NotReady, None);
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.leaves("c", "a", LegEnd::Rejected);
    w.asked();
    w.result("c", ring, RingResult::Declined);
    assert_eq!(w.asked(), Vec::<String>::new());
    w.wait(6_000);
    assert_eq!(w.asked(), ["ring PJSIP/1001 for 15 s"]);
}

#[test]
fn a_phone_that_is_gone_is_told_as_unreachable_and_its_agent_comes_back_with_it() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.told();
    w.result("c", ring, RingResult::Unreachable);
    w.check(&[
        "offered alice #1 of support",
        "pop alice",
        "offer_ended alice unreachable",
        "agent alice reserved>not_ready (unreachable)",
        "agent bob ready>reserved",
    ]);
    w.fact(Fact::Device { address: Address::new("PJSIP/1001"), state: DeviceState::Idle });
    w.check(&["agent alice not_ready>ready"]);
}

#[test]
fn a_phone_known_to_be_gone_is_not_tried() {
    let mut w = World::route();
    w.fact(Fact::Device { address: Address::new("PJSIP/1001"), state: DeviceState::Unavailable });
    w.queued("c", "5003");
    assert_eq!(w.ring().1, ["PJSIP/1002"]);
    w.agent_is("alice", AgentState::Ready);
}

#[test]
fn going_not_ready_while_it_rings_takes_the_offer_back_once() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.told();
    w.asked();
    w.set_state("alice", AgentState::NotReady, Some("lunch"));
    w.check(&["offer_ended alice withdrawn", "agent alice reserved>not_ready (lunch)"]);
    assert_eq!(w.asked(), ["withdraw [a] all"]);
    w.leaves("c", "a", LegEnd::Cancelled);
    w.check(&[]);
    w.result("c", ring, RingResult::NoAnswer);
    w.check(&["agent bob ready>reserved"]);
    assert_eq!(w.asked(), ["ring PJSIP/1002 for 15 s"]);
}

#[test]
fn an_offer_taken_back_before_it_showed_ends_the_leg_that_rings_late() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.set_state("alice", AgentState::LoggedOut, None);
    w.told();
    w.asked();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    assert_eq!(w.asked(), ["hang up a 16"]);
    w.check(&[]);
    w.agent_is("alice", AgentState::LoggedOut);
}

#[test]
fn an_agent_who_answers_an_offer_taken_back_loses_the_caller_to_the_queue() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.wait(4_000);
    w.set_state("alice", AgentState::NotReady, None);
    w.told();
    w.answers("c", "a");
    w.wait(100);
    w.leaves("c", "a", LegEnd::Released);
    w.apart("c", "c");
    w.result("c", ring, RingResult::Answered);
    w.check(&[
        "agent alice not_ready>talking",
        "answered alice",
        "agent alice talking>not_ready",
        "queued support at 1",
        "agent bob ready>reserved",
    ]);
}

#[test]
fn ring_all_rings_everybody_and_takes_back_from_who_was_slower() {
    let mut setup = stage::setup(Mode::Route);
    setup.queues[0].strategy = Strategy::RingAll;
    let mut w = World::with(setup);
    w.queued("c", "5003");
    let (ring, devices) = w.ring();
    assert_eq!(devices, ["PJSIP/1001", "PJSIP/1002"]);
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.rings_for("c", "b", "PJSIP/1002", ring);
    w.told();
    w.up("c", "b");
    w.leaves("c", "a", LegEnd::Cancelled);
    w.talking("c", &["c", "b"]);
    w.check(&[
        "offer_ended bob accepted",
        "agent bob reserved>talking",
        "offer_ended alice withdrawn",
        "agent alice reserved>ready",
        "answered bob",
    ]);
}

#[test]
fn in_ring_all_who_declines_is_told_while_the_others_ring_on() {
    let mut setup = stage::setup(Mode::Route);
    setup.queues[0].strategy = Strategy::RingAll;
    let mut w = World::with(setup);
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.rings_for("c", "b", "PJSIP/1002", ring);
    w.told();
    w.leaves("c", "a", LegEnd::Busy);
    w.check(&["offer_ended alice declined", "agent alice reserved>ready"]);
    w.wait(15_000);
    w.leaves("c", "b", LegEnd::NoAnswer);
    w.result("c", ring, RingResult::NoAnswer);
    w.check_calls(&["offer_ended bob no_answer"]);
}

#[test]
fn a_refused_ring_is_tried_again_later_and_nobody_hears_of_it() {
    let mut w = World::route();
    w.set_state("bob", AgentState::NotReady, None);
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.told();
    w.asked();
    w.alive = false;
    w.refuses(ring);
    w.check(&["agent alice reserved>ready"]);
    assert_eq!(w.asked(), ["probe c"]);
    w.wait(8_000);
    assert_eq!(w.asked(), ["ring PJSIP/1001 for 15 s"]);
    w.check(&["agent alice ready>reserved"]);
}

#[test]
fn a_ring_without_a_result_is_taken_back_and_the_caller_goes_to_the_next() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.told();
    w.asked();
    w.wait(20_000);
    w.check(&["offer_ended alice no_answer", "agent alice reserved>not_ready (no_answer)"]);
    assert_eq!(w.asked(), ["withdraw [a] all"]);
    w.wait(5_000);
    assert_eq!(w.asked(), ["ring PJSIP/1002 for 15 s"]);
}

#[test]
fn a_ring_the_pbx_never_showed_is_forgotten_without_a_word() {
    let mut w = World::route();
    w.set_state("bob", AgentState::NotReady, None);
    w.queued("c", "5003");
    w.told();
    w.wait(20_000);
    w.check(&["agent alice reserved>ready"]);
}

#[test]
fn overflow_leads_to_the_next_queue_and_the_wait_is_the_total() {
    let mut w = World::route();
    w.queued("c", "5023");
    w.check(&["started inbound", "queued brief at 1"]);
    w.wait(60_000);
    w.check(&["queued billing at 1", "agent dora ready>reserved"]);
    let (ring, _) = w.ring();
    w.rings_for("c", "d", "PJSIP/1003", ring);
    w.wait(5_000);
    w.answers("c", "d");
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(ledger.wait_ms, 65_000);
    assert_eq!(
        lines::segments(&ledger),
        ["queue brief queued 60000", "queue billing overflow 5000", "agent dora answered 0"]
    );
}

#[test]
fn overflow_to_a_number_is_told_as_a_transfer_once_the_pbx_took_it() {
    let mut setup = stage::setup(Mode::Route);
    let after = Millis::from_secs(60);
    setup.queues[2].max_wait = Some(MaxWait { after, then: Overflow::Transfer("+49301".into()) });
    let mut w = World::with(setup);
    w.queued("c", "5023");
    w.told();
    w.asked();
    w.wait(60_000);
    w.check(&[]);
    let sent = w.actions.last().unwrap().id;
    assert_eq!(w.asked(), ["send to +49301"]);
    w.takes(sent);
    w.check(&["transferred blind ->- to +49301"]);
}

#[test]
fn overflow_by_hanging_up_books_an_abandoned_call_ended_by_the_system() {
    let mut setup = stage::setup(Mode::Route);
    setup.queues[2].max_wait = Some(MaxWait { after: Millis::from_secs(60), then: Overflow::Hangup });
    let mut w = World::with(setup);
    w.queued("c", "5023");
    w.asked();
    w.wait(60_000);
    assert_eq!(w.asked(), ["hang up c 16"]);
    w.leaves("c", "c", LegEnd::Released);
    w.ends("c", None, 16);
    let ledger = w.ledger("c");
    assert_eq!((ledger.disposition, ledger.ended_by), (Disposition::Abandoned, EndedBy::System));
}

#[test]
fn the_callers_last_agent_is_offered_first() {
    let mut setup = stage::setup(Mode::Route);
    setup.queues[0].sticky = Some(Millis::from_secs(86_400));
    let mut w = World::with(setup);
    w.set_state("alice", AgentState::NotReady, None);
    w.queued("one", "5003");
    let (ring, _) = w.ring();
    w.rings_for("one", "b1", "PJSIP/1002", ring);
    w.answers("one", "b1");
    w.wait(60_000);
    w.hangs_up("one");
    w.set_state("alice", AgentState::Ready, None);
    w.wait(60_000);
    w.set_state("bob", AgentState::NotReady, None);
    w.set_state("bob", AgentState::Ready, None);
    w.queued("two", "5003");
    assert_eq!(w.ring().1, ["PJSIP/1002"], "alice is idle for longer");
    let why = w.engine.why(w.call_id("two")).unwrap();
    assert!(serde_json::to_string(why).unwrap().contains("\"sticky\":true"));
}

#[test]
fn a_caller_without_a_rule_is_handed_to_the_fallback() {
    let mut w = World::route();
    w.queued("c", "9999");
    w.check(&["started inbound"]);
    assert_eq!(w.asked(), ["fall back"]);
    w.fact(Fact::FellBack { call: "c".into() });
    w.wait(9_000);
    w.hangs_up("c");
    w.check(&["ended missed by customer"]);
    assert_eq!(lines::segments(&w.ledger("c")), ["system fallback fallback 9000"]);
}

#[test]
fn a_ring_that_overtakes_the_fallback_brings_the_caller_back_into_the_queue() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.fact(Fact::FellBack { call: "c".into() });
    w.told();
    w.asked();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.leaves("c", "a", LegEnd::Rejected);
    w.result("c", ring, RingResult::Declined);
    w.check_calls(&[
        "offered alice #1 of support",
        "pop alice",
        "offer_ended alice declined",
        "queued support at 1",
    ]);
    assert_eq!(w.asked()[0], "note support");
    w.hangs_up("c");
    assert_eq!(w.ledger("c").disposition, Disposition::Abandoned);
}

#[test]
fn a_caller_who_leaves_while_a_queues_offer_rings_is_abandoned_wherever_the_caller_stood() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.fact(Fact::FellBack { call: "c".into() });
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.leaves("c", "a", LegEnd::CallerLeft);
    w.hangs_up("c");
    assert_eq!(w.ledger("c").disposition, Disposition::Abandoned);
}

#[test]
fn a_rule_that_names_an_agent_rings_only_that_one() {
    let mut w = World::route();
    w.queued("c", "5030");
    let (ring, devices) = w.ring();
    assert_eq!(devices, ["PJSIP/1001"]);
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.leaves("c", "a", LegEnd::NoAnswer);
    w.asked();
    w.result("c", ring, RingResult::NoAnswer);
    assert_eq!(w.asked(), ["fall back"]);
    w.check_calls(&["started inbound", "offered alice #1 of -", "pop alice", "offer_ended alice no_answer"]);
    w.agent_is("alice", AgentState::Ready);
}

#[test]
fn who_is_sent_to_one_agent_hears_what_the_agent_says() {
    for (end, result, why) in [
        (LegEnd::Busy, RingResult::Declined, GaveUp::Busy),
        (LegEnd::Rejected, RingResult::Declined, GaveUp::Declined),
        (LegEnd::NoAnswer, RingResult::NoAnswer, GaveUp::Nobody),
        (LegEnd::Unreachable, RingResult::Unreachable, GaveUp::Nobody),
    ] {
        let mut w = World::route();
        w.queued("c", "5030");
        let (ring, _) = w.ring();
        w.rings_for("c", "a", "PJSIP/1001", ring);
        w.leaves("c", "a", end);
        w.result("c", ring, result);
        let why_of =
            |action: &Action| if let Action::FallBack { why, .. } = action { Some(*why) } else { None };
        let told = w.actions.iter().find_map(|asked| why_of(&asked.action));
        assert_eq!(told, Some(why), "{end:?}");
    }
}

#[test]
fn one_agent_is_rung_as_long_as_the_pbx_is_told_to() {
    let mut setup = stage::setup(Mode::Route);
    setup.outbound.ring_timeouts.insert(stage::pbx(), Millis::from_secs(7));
    let mut w = World::with(setup);
    w.queued("c", "5030");
    assert_eq!(w.asked(), ["ring PJSIP/1001 for 7 s"]);
}
