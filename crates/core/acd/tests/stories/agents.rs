//! What agents ask for, and what happens to them.

use hookswitch_model::{
    Millis,
    agent::AgentState::{self, LoggedOut, NotReady, Ready, Talking, WrapUp},
    call::Address,
    command::{Refusal, Taken},
    event::EventKind,
    pbx::{AgentFeature, Fact},
    setup::Mode,
};

use crate::stage::{self, World, agent};

/// alice talks to a caller of `support`, which has this wrap-up.
fn talking(wrap_up_s: u64) -> World {
    let mut setup = stage::setup(Mode::Route);
    setup.queues[0].wrap_up = Millis::from_secs(wrap_up_s);
    let mut w = World::with(setup);
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.answers("c", "a");
    w.told();
    w
}

fn feature(w: &mut World, feature: AgentFeature) {
    w.fact(Fact::AgentAsked { address: Address::new("PJSIP/1001"), feature });
}

#[test]
fn wrap_up_follows_a_queues_call_and_ends_by_itself() {
    let mut w = talking(30);
    w.hung_up_by("c", "a");
    w.check(&["agent alice talking>wrap_up", "ended answered by agent"]);
    let until = w.engine.agent(&agent("alice")).unwrap().until;
    assert_eq!(until, Some(w.now + Millis::from_secs(30)));
    w.wait(29_999);
    w.check(&[]);
    w.wait(1);
    w.check(&["agent alice wrap_up>ready"]);
}

#[test]
fn wrap_up_ends_when_the_agent_says_so() {
    let mut w = talking(30);
    w.hung_up_by("c", "a");
    w.told();
    assert_eq!(w.set_state("alice", Ready, None).result, Ok(Taken::default()));
    w.check(&["agent alice wrap_up>ready"]);
    w.wait(60_000);
    w.check(&[]);
}

#[test]
fn an_agent_in_wrap_up_is_offered_nothing_and_gets_the_waiting_caller_afterwards() {
    let mut w = talking(30);
    w.set_state("bob", LoggedOut, None);
    w.hung_up_by("c", "a");
    w.queued("d", "5003");
    w.asked();
    w.wait(30_000);
    assert_eq!(w.asked(), ["ring PJSIP/1001 for 15 s"]);
}

#[test]
fn a_direct_call_has_no_wrap_up() {
    let mut w = talking(30);
    w.inbound("d", "5001");
    w.rings("d", "b", "PJSIP/1002");
    w.answers("d", "b");
    w.hangs_up("d");
    w.agent_is("bob", Ready);
}

#[test]
fn what_is_asked_for_while_talking_comes_after_the_call_and_its_wrap_up() {
    let mut w = talking(30);
    w.set_state("alice", NotReady, Some("lunch"));
    w.check(&["agent alice talking>talking next not_ready"]);
    w.hung_up_by("c", "a");
    w.check(&["agent alice talking>wrap_up next not_ready", "ended answered by agent"]);
    w.wait(30_000);
    w.check(&["agent alice wrap_up>not_ready (lunch)"]);
}

#[test]
fn the_last_thing_asked_for_counts() {
    let mut w = talking(0);
    w.set_state("alice", NotReady, Some("lunch"));
    w.set_state("alice", Ready, None);
    w.hung_up_by("c", "a");
    w.agent_is("alice", Ready);
}

#[test]
fn an_agent_may_take_more_time_than_the_queue_gives() {
    let mut w = talking(0);
    w.set_state("alice", WrapUp, None);
    w.hung_up_by("c", "a");
    w.agent_is("alice", WrapUp);
    w.wait(3_600_000);
    w.agent_is("alice", WrapUp);
    w.set_state("alice", Ready, None);
    w.agent_is("alice", Ready);
}

#[test]
fn a_busy_state_is_not_asked_for() {
    let mut w = World::route();
    for state in [AgentState::Reserved, Talking, AgentState::Holding] {
        let refusal = w.set_state("alice", state, None).result.unwrap_err();
        assert!(matches!(refusal, Refusal::Invalid { .. }), "{refusal:?}");
        assert!(refusal.to_string().contains("ready, not_ready, wrap_up, logged_out"));
    }
    w.check(&[]);
}

#[test]
fn a_logged_out_agent_has_nothing_to_wrap_up() {
    let mut w = World::route();
    w.set_state("alice", LoggedOut, None);
    let refusal = w.set_state("alice", WrapUp, None).result.unwrap_err();
    assert!(matches!(refusal, Refusal::NotNow { allowed, .. } if allowed == ["ready", "not_ready"]));
}

#[test]
fn an_unknown_agent_is_refused() {
    let mut w = World::route();
    let refusal = w.set_state("nobody", Ready, None).result.unwrap_err();
    assert_eq!(refusal.to_string(), "no such agent: nobody");
}

#[test]
fn asking_for_the_state_one_is_in_tells_nothing() {
    let mut w = World::route();
    w.set_state("alice", Ready, None);
    w.check(&[]);
    w.set_state("alice", NotReady, Some("lunch"));
    w.set_state("alice", NotReady, Some("training"));
    w.check(&["agent alice ready>not_ready (lunch)", "agent alice not_ready>not_ready (training)"]);
}

#[test]
fn what_a_command_brings_about_carries_its_id() {
    let mut w = World::route();
    w.wait(2_000);
    let answer = w.set_state("alice", NotReady, None);
    let told = w.events.last().unwrap();
    let event = w.events.iter().rev().find(|e| matches!(e.kind, EventKind::AgentState { .. })).unwrap();
    assert_eq!(event.action, Some(answer.command));
    assert!(matches!(told.kind, EventKind::QueueStats { .. }));
    assert_eq!(told.action, None, "figures are nobody's doing");
}

#[test]
fn feature_codes_log_in_and_out_and_pause() {
    let mut w = World::route();
    for code in [AgentFeature::Logout, AgentFeature::Login, AgentFeature::Pause, AgentFeature::Ready] {
        feature(&mut w, code);
    }
    w.check(&[
        "agent alice ready>logged_out",
        "agent alice logged_out>ready",
        "agent alice ready>not_ready (feature code)",
        "agent alice not_ready>ready",
    ]);
}

#[test]
fn a_feature_code_of_a_strange_phone_is_counted() {
    let mut w = World::route();
    w.fact(Fact::AgentAsked { address: Address::new("PJSIP/9999"), feature: AgentFeature::Login });
    assert_eq!(w.engine.counters().strangers, 1);
}

#[test]
fn a_logged_out_agent_gets_direct_calls_and_is_logged_out_again() {
    let mut w = World::route();
    w.set_state("alice", LoggedOut, None);
    w.told();
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.answers("c", "a");
    w.hangs_up("c");
    let agents: Vec<String> = w.told().into_iter().filter(|line| line.starts_with("agent")).collect();
    assert_eq!(
        agents,
        ["agent alice logged_out>reserved", "agent alice reserved>talking", "agent alice talking>logged_out"]
    );
}

#[test]
fn an_agent_who_dials_is_not_offered_a_call_in_the_same_moment() {
    let mut w = World::route();
    w.set_state("bob", NotReady, None);
    w.outbound("o", "1001", "+493012345");
    w.asked();
    w.queued("c", "5003");
    assert_eq!(w.asked(), ["note support"]);
    w.agent_is("alice", Ready);
    w.ends("o", Some("o"), 16);
    assert_eq!(w.asked(), ["ring PJSIP/1001 for 15 s"]);
}

#[test]
fn evidence_names_the_leg_or_the_offer() {
    let mut w = World::route();
    w.queued("c", "5003");
    let evidence = |w: &World| w.engine.agent(&agent("alice")).unwrap().evidence.clone().unwrap();
    assert!(evidence(&w).starts_with("offer "));
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.answers("c", "a");
    let leg = w.call("c").legs[1].id;
    assert_eq!(evidence(&w), format!("leg {leg}"));
    assert_eq!(w.engine.agent(&agent("alice")).unwrap().calls, [w.call_id("c")]);
}

#[test]
fn going_not_ready_while_a_direct_call_rings_is_remembered_because_the_pbx_rings() {
    let mut w = World::route();
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.told();
    w.asked();
    w.set_state("alice", NotReady, Some("lunch"));
    w.check(&["agent alice reserved>reserved next not_ready"]);
    w.hangs_up("c");
    w.check(&[
        "offer_ended alice caller_left",
        "agent alice reserved>not_ready (lunch)",
        "ended missed by customer",
    ]);
    assert!(w.asked().is_empty());
}
