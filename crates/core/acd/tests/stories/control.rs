//! What agents ask for from their screens: the verbs of a leg, who may, what is told, what is refused.

use hookswitch_model::{
    CallId,
    agent::{AgentState, DeviceState},
    call::{Address, LegAction},
    command::{Refusal, Verb},
    ledger::{Disposition, EndedBy},
    pbx::{Fact, LegEnd},
};

use crate::stage::{World, to};

/// alice talks to a caller of `support`: call `c`, her leg `a`.
pub(crate) fn talking() -> World {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.answers("c", "a");
    w.told();
    w.asked();
    w
}

fn names(actions: &[LegAction]) -> Vec<&'static str> {
    actions.iter().map(|action| action.as_str()).collect()
}

/// What alice may do with her leg of the call.
pub(crate) fn may(w: &World, call: &str) -> Vec<&'static str> {
    let legs = &w.call(call).legs;
    names(
        &legs.iter().rfind(|leg| leg.agent.as_ref().is_some_and(|a| a.as_str() == "alice")).unwrap().actions,
    )
}

/// What a refusal says is possible.
pub(crate) fn allowed(refusal: &Refusal) -> Vec<&str> {
    match refusal {
        Refusal::NotNow { allowed, .. } => allowed.iter().map(String::as_str).collect(),
        other => panic!("{other:?}"),
    }
}

const TALKING: [&str; 7] = ["hold", "transfer", "consult", "conference", "dtmf", "hangup", "record"];

#[test]
fn hold_and_retrieve_are_told_with_the_command_that_asked_for_them() {
    let mut w = talking();
    let id = w.call_id("c");
    w.does("alice", id, Verb::Hold).unwrap();
    let hold = w.last_command();
    assert_eq!(w.asked(), ["hold c by a"]);
    assert_eq!(may(&w, "c"), ["hangup"], "what is under way is not asked for twice");
    w.holds("c", "a");
    w.check(&["held by alice", "agent alice talking>holding"]);
    assert!(w.events.iter().rev().take(2).all(|event| event.action == Some(hold)));
    assert_eq!(may(&w, "c"), ["retrieve", "transfer", "consult", "conference", "hangup"]);
    w.does("alice", id, Verb::Retrieve).unwrap();
    assert_eq!(w.asked(), ["retrieve c by a"]);
    w.retrieves("c", "a");
    w.check(&["retrieved by alice", "agent alice holding>talking"]);
    assert_eq!(may(&w, "c"), TALKING);
}

#[test]
fn every_verb_that_is_refused_says_what_is_allowed_and_that_is_what_the_leg_shows() {
    let mut w = talking();
    let id = w.call_id("c");
    for verb in
        [Verb::Retrieve, Verb::Answer, Verb::ConsultComplete, Verb::ConsultCancel, Verb::ConsultConference]
    {
        let refusal = w.does("alice", id, verb.clone()).unwrap_err();
        assert_eq!(allowed(&refusal), TALKING, "{verb:?}");
    }
    w.does("alice", id, Verb::Hold).unwrap();
    w.holds("c", "a");
    for verb in [Verb::Hold, Verb::Dtmf { digits: "1".into() }, Verb::Record { on: true }] {
        let refusal = w.does("alice", id, verb.clone()).unwrap_err();
        assert_eq!(allowed(&refusal), may(&w, "c"), "{verb:?}");
    }
}

#[test]
fn of_two_clients_that_race_one_is_taken_and_the_other_is_told() {
    let mut w = talking();
    let id = w.call_id("c");
    w.does("alice", id, Verb::Transfer { to: to("5013") }).unwrap();
    let second = w.does("alice", id, Verb::Hold).unwrap_err();
    assert_eq!(second.to_string(), "hold is not possible while transfer is under way");
    assert_eq!(allowed(&second), [""; 0]);
    let mut w = talking();
    let id = w.call_id("c");
    w.does("alice", id, Verb::Hangup).unwrap();
    assert!(w.does("alice", id, Verb::Hangup).is_err());
    assert_eq!(w.asked(), ["hang up a 16"], "once");
}

#[test]
fn what_the_pbx_refuses_is_told_and_may_be_asked_again() {
    let mut w = talking();
    let id = w.call_id("c");
    w.does("alice", id, Verb::Hold).unwrap();
    let command = w.last_command();
    let action = w.last_action();
    w.refuses(action);
    w.check(&["failed hold of alice: no"]);
    assert_eq!(w.events.last().unwrap().action, Some(command));
    assert_eq!(may(&w, "c"), TALKING);
}

#[test]
fn what_the_pbx_never_speaks_of_again_is_given_up() {
    let mut w = talking();
    let id = w.call_id("c");
    w.does("alice", id, Verb::Hold).unwrap();
    let action = w.last_action();
    w.takes(action);
    w.wait(9_999);
    w.check(&[]);
    w.wait(1);
    w.check(&["failed hold of alice: nothing came of it in time"]);
    assert_eq!(may(&w, "c"), TALKING);
}

/// Asterisk tells of a Hangup that AMI asked for without saying who hung up: no phone did.
#[test]
fn a_hang_up_from_a_screen_is_the_agents_though_the_pbx_names_nobody() {
    for held in [false, true] {
        let mut w = talking();
        let id = w.call_id("c");
        if held {
            w.does("alice", id, Verb::Hold).unwrap();
            w.holds("c", "a");
        }
        w.does("alice", id, Verb::Hangup).unwrap();
        w.leaves("c", "a", LegEnd::HungUp);
        w.leaves("c", "c", LegEnd::Released);
        w.ends("c", None, 16);
        assert_eq!(w.ledger("c").ended_by, EndedBy::Agent, "held: {held}");
    }
}

#[test]
fn a_customer_who_hangs_up_first_ended_it_whatever_the_agent_had_asked_for() {
    let mut w = talking();
    let id = w.call_id("c");
    w.does("alice", id, Verb::Hangup).unwrap();
    w.hung_up_by("c", "c");
    assert_eq!(w.ledger("c").ended_by, EndedBy::Customer);
}

#[test]
fn hanging_up_ends_the_call_as_the_agents_doing() {
    let mut w = talking();
    let id = w.call_id("c");
    w.does("alice", id, Verb::Hangup).unwrap();
    let command = w.last_command();
    assert_eq!(w.asked(), ["hang up a 16"]);
    w.hung_up_by("c", "a");
    let ended = w.events.iter().find(|event| event.kind.name() == "call.ended").unwrap();
    assert_eq!(ended.action, Some(command));
    assert_eq!(w.ledger("c").ended_by, EndedBy::Agent);
    w.agent_is("alice", AgentState::Ready);
}

#[test]
fn hanging_up_while_holding_ends_the_call_for_the_customer_too() {
    let mut w = talking();
    let id = w.call_id("c");
    w.does("alice", id, Verb::Hold).unwrap();
    w.holds("c", "a");
    w.asked();
    w.does("alice", id, Verb::Hangup).unwrap();
    assert_eq!(w.asked(), ["hang up c 16", "hang up a 16"]);
}

#[test]
fn a_ringing_leg_is_answered_by_command_only_where_the_phone_can_be_told() {
    let mut w = World::with_agents(|agents| agents[0].remote_answer = true);
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    assert_eq!(may(&w, "c"), ["answer", "hangup"]);
    w.asked();
    let id = w.call_id("c");
    w.does("alice", id, Verb::Answer).unwrap();
    assert_eq!(w.asked(), ["let PJSIP/1001 answer"]);
    let command = w.last_command();
    w.told();
    w.answers("c", "a");
    w.check(&["offer_ended alice accepted", "agent alice reserved>talking", "answered alice"]);
    let accepted = w.events.iter().find(|event| event.kind.name() == "call.offer_ended").unwrap();
    assert_eq!(accepted.action, Some(command));

    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    assert_eq!(may(&w, "c"), ["hangup"]);
}

#[test]
fn tones_are_sent_to_the_other_side_and_only_tones() {
    let mut w = talking();
    let id = w.call_id("c");
    for digits in ["", "12a", "1\r\nAction: Originate", &"1".repeat(33)] {
        let refusal = w.does("alice", id, Verb::Dtmf { digits: digits.into() }).unwrap_err();
        assert!(matches!(refusal, Refusal::Invalid { .. }), "{digits:?}");
    }
    assert!(w.asked().is_empty());
    w.does("alice", id, Verb::Dtmf { digits: "12#*D".into() }).unwrap();
    assert_eq!(w.asked(), ["tones 12#*D to c"]);
}

#[test]
fn a_recording_is_told_as_data_of_the_call() {
    let mut w = talking();
    let id = w.call_id("c");
    w.does("alice", id, Verb::Record { on: true }).unwrap();
    assert_eq!(w.asked(), ["record a on"]);
    w.fact(Fact::Recording { call: "c".into(), on: true });
    w.check(&["data recording=on by pbx"]);
    w.does("alice", id, Verb::Record { on: false }).unwrap();
    let action = w.last_action();
    w.takes(action);
    w.check(&["data recording=off by alice"]);
}

#[test]
fn nobody_controls_a_call_that_is_over_unknown_or_only_observed() {
    let mut w = talking();
    let id = w.call_id("c");
    w.hangs_up("c");
    assert_eq!(w.does("alice", id, Verb::Hold).unwrap_err().to_string(), "the call is over");
    let unknown = w.does("alice", CallId::from_bits(7), Verb::Hold).unwrap_err();
    assert!(matches!(unknown, Refusal::Unknown { what, .. } if what == "call"));
    let mut w = World::observe();
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.answers("c", "a");
    let id = w.call_id("c");
    assert!(matches!(w.does("alice", id, Verb::Hold), Err(Refusal::Invalid { .. })));
}

#[test]
fn nothing_is_asked_while_the_link_is_down() {
    let mut w = talking();
    let id = w.call_id("c");
    w.link_down();
    let refusal = w.does("alice", id, Verb::Hold).unwrap_err();
    assert_eq!(refusal.to_string(), "the link to hq is down");
}

#[test]
fn an_agents_token_touches_its_own_legs_only() {
    let mut w = talking();
    w.queued("d", "5003");
    let (ring, _) = w.ring();
    w.rings_for("d", "b", "PJSIP/1002", ring);
    w.answers("d", "b");
    let (own, others) = (w.call_id("c"), w.call_id("d"));
    w.asked();
    let verbs = [
        Verb::Answer,
        Verb::Hangup,
        Verb::Hold,
        Verb::Retrieve,
        Verb::Dtmf { digits: "1".into() },
        Verb::Transfer { to: to("5013") },
        Verb::Consult { to: to("dora") },
        Verb::ConsultComplete,
        Verb::ConsultCancel,
        Verb::ConsultConference,
        Verb::Record { on: true },
    ];
    for verb in verbs {
        for (agent, call) in [("bob", others), ("alice", others), ("bob", own)] {
            let refusal = w.does_as("alice", agent, call, verb.clone()).unwrap_err();
            assert!(matches!(refusal, Refusal::Forbidden { .. }), "{verb:?} {agent}: {refusal:?}");
        }
    }
    assert!(w.asked().is_empty());
    assert_eq!(w.engine.counters().forbidden, 33);
    w.does_as("alice", "alice", own, Verb::Hold).unwrap();
}

#[test]
fn a_customer_whose_agent_vanished_while_holding_goes_back_to_the_queue_at_the_old_place() {
    let mut w = talking();
    let id = w.call_id("c");
    w.queued("later", "5023");
    w.does("alice", id, Verb::Hold).unwrap();
    w.holds("c", "a");
    w.told();
    w.asked();
    w.leaves("c", "a", LegEnd::HungUp);
    w.check(&["agent alice holding>ready"]);
    // The dialplan sends who is held and alone back by itself.
    w.wait(3_000);
    w.asks("c", "");
    let told = w.told_of_calls();
    assert_eq!(told[0], "queued support at 1");
    assert!(w.asked().iter().any(|line| line.starts_with("ring PJSIP/100")));
    assert_eq!(w.call("c").queue.as_ref().unwrap().as_str(), "support");
}

#[test]
fn a_customer_whose_agent_vanished_is_sent_for_when_the_pbx_does_nothing() {
    let mut w = talking();
    let id = w.call_id("c");
    w.does("alice", id, Verb::Hold).unwrap();
    w.holds("c", "a");
    w.leaves("c", "a", LegEnd::HungUp);
    w.asked();
    w.wait(8_000);
    assert_eq!(w.asked(), ["transfer c by a to the waiting room"]);
    w.wait(10_000);
    assert_eq!(w.asked(), ["fall back"], "nobody is left in music");
}

#[test]
fn a_phone_that_is_unplugged_is_asked_for_at_once_and_its_agent_freed() {
    let mut w = talking();
    w.alive = false;
    w.fact(Fact::Device { address: Address::new("PJSIP/1001"), state: DeviceState::Unavailable });
    assert_eq!(w.asked(), ["probe c", "probe a"]);
    w.recovered(Fact::LegLeft { call: "c".into(), leg: "a".into(), end: LegEnd::Released, cause: None });
    let told = w.told();
    assert_eq!(told, ["agent alice talking>ready (evidence_gone)"]);
}

#[test]
fn a_leg_that_is_gone_is_found_out_though_its_call_goes_on() {
    let mut w = talking();
    w.alive = false;
    // The call gives signs of life all the time, alice's leg gives none.
    for _ in 0..17 {
        w.wait(5_000);
        w.fact(Fact::Digit { call: "c".into(), leg: "c".into(), digit: '1' });
    }
    assert_eq!(w.asked(), ["probe a", "probe a"]);
    w.wait(5_000);
    assert!(w.told().contains(&"agent alice talking>ready (evidence_gone)".to_owned()));
    assert_eq!(w.engine.counters().lost_legs, 1);
    w.hangs_up("c");
    assert_eq!(w.ledger("c").disposition, Disposition::Answered);
}

#[test]
fn a_call_whose_last_leg_left_and_whose_end_was_missed_is_over_soon() {
    let mut w = talking();
    w.leaves("c", "a", LegEnd::Released);
    w.leaves("c", "c", LegEnd::HungUp);
    w.told();
    w.wait(4_999);
    w.check(&[]);
    w.wait(1);
    w.check(&["ended lost by system"]);
    w.agent_is("alice", AgentState::Ready);
}

#[test]
fn a_result_of_a_ring_that_was_missed_frees_the_agent_and_the_caller_is_offered_again() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.told();
    w.wait(30_000);
    w.agent_is("alice", AgentState::NotReady);
    assert!(w.told().contains(&"offer_ended alice no_answer".to_owned()));
    let (again, devices) = w.ring();
    assert_ne!(again, ring);
    assert_eq!(devices, ["PJSIP/1002"]);
}

#[test]
fn a_conversation_that_was_not_told_is_not_torn_by_another_ring() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.up("c", "a");
    w.asked();
    w.wait(120_000);
    assert!(!w.asked().iter().any(|line| line.starts_with("ring") || line.starts_with("withdraw")));
    w.agent_is("alice", AgentState::Talking);
}
