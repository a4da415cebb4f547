//! Whose own a call, a pop or a state is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{AGENT, agent, agent_id, call, event, ledger, offer, pop};
use hookswitch_wire::{
    encode,
    model::{
        LegId,
        call::{Address, Call, Leg, LegRole, LegState},
        event::EventKind,
        pbx::TransferKind,
    },
};

/// Alice talks, Bob's phone rang before; he did not answer.
fn after_bob_declined() -> Box<Call> {
    let mut call = call();
    call.legs.push(Leg {
        id: LegId::from_bits(3),
        role: LegRole::Agent,
        address: Address::new("PJSIP/1002"),
        number: None,
        agent: Some(agent_id("bob")),
        state: LegState::Left,
        actions: Vec::new(),
    });
    call
}

fn check(kind: EventKind, expected: &[&str]) {
    let meta = encode(&event(kind), 1, None).meta;
    let agents: Vec<&str> = meta.agents.iter().map(|agent| agent.as_str()).collect();
    assert_eq!(agents, expected, "{}", meta.type_name);
}

#[test]
fn a_call_is_theirs_who_are_in_it() {
    check(EventKind::CallHeld { call: after_bob_declined(), leg: AGENT, by: "alice".to_owned() }, &["alice"]);
}

#[test]
fn an_offer_is_also_theirs_whom_it_is_for() {
    let mut offer = offer();
    offer.agent = agent_id("bob");
    check(EventKind::CallOfferEnded { call: after_bob_declined(), offer }, &["alice", "bob"]);
}

#[test]
fn who_leaves_or_gives_a_call_away_learns_of_it() {
    let call = after_bob_declined();
    let left =
        EventKind::CallPartyLeft { call: call.clone(), leg: LegId::from_bits(3), role: LegRole::Agent };
    check(left, &["alice", "bob"]);
    check(
        EventKind::CallTransferred {
            call,
            kind: TransferKind::Blind,
            from_agent: Some(agent_id("carol")),
            to_agent: Some(agent_id("dave")),
            to: None,
            consult_call: None,
        },
        &["alice", "carol", "dave"],
    );
}

#[test]
fn the_end_of_a_call_is_for_those_who_handled_it_or_else_whom_it_rang_at() {
    let mut call = after_bob_declined();
    for leg in &mut call.legs {
        leg.state = LegState::Left;
    }
    check(EventKind::CallEnded { call: call.clone(), ledger: ledger() }, &["alice"]);
    let mut missed = ledger();
    missed.handled_by.clear();
    check(EventKind::CallEnded { call, ledger: missed }, &["alice", "bob"]);
}

#[test]
fn a_pop_is_for_one_screen_whoever_else_is_in_the_call() {
    let mut pop = pop();
    pop.agent = agent_id("bob");
    check(EventKind::ScreenPop { call: after_bob_declined(), pop }, &["bob"]);
}

#[test]
fn a_state_is_the_agents_own() {
    let state = hookswitch_wire::model::agent::AgentState::Ready;
    check(EventKind::AgentState { agent: agent(), from: state, to: state }, &["alice"]);
}
