//! Screen pops: one for each agent a call comes to, one client for each pop.

use hookswitch_model::{
    ActionId, PopId,
    command::{Actor, Command, Refusal, Request},
    event::EventKind,
    input::Input,
    pbx::LegEnd,
};

use crate::stage::{World, agent};

fn popped() -> (World, PopId) {
    let mut w = World::route();
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    let pop = w.events.iter().find_map(|event| match &event.kind {
        EventKind::ScreenPop { pop, .. } => Some(pop.id),
        _ => None,
    });
    w.told();
    (w, pop.unwrap())
}

fn claim(w: &mut World, pop: PopId, client: &str) -> Result<(), Refusal> {
    w.command(Request::ClaimPop { pop, client: client.into() }).result.map(drop)
}

fn shown(w: &mut World, pop: PopId, client: &str) -> Result<(), Refusal> {
    w.command(Request::PopShown { pop, client: Some(client.into()) }).result.map(drop)
}

#[test]
fn the_first_client_to_claim_a_pop_wins_and_may_ask_again() {
    let (mut w, pop) = popped();
    assert_eq!(claim(&mut w, pop, "tab1"), Ok(()));
    assert_eq!(claim(&mut w, pop, "tab2"), Err(Refusal::PoppedElsewhere));
    assert_eq!(claim(&mut w, pop, "tab1"), Ok(()));
}

#[test]
fn a_pop_is_told_as_shown_once_with_its_time() {
    let (mut w, pop) = popped();
    claim(&mut w, pop, "tab1").unwrap();
    w.wait(230);
    assert_eq!(shown(&mut w, pop, "tab2"), Err(Refusal::PoppedElsewhere));
    assert_eq!(shown(&mut w, pop, "tab1"), Ok(()));
    assert_eq!(shown(&mut w, pop, "tab1"), Ok(()));
    w.check(&["popped alice after 230"]);
}

#[test]
fn a_pop_too_old_is_refused_also_after_its_call() {
    let (mut w, pop) = popped();
    w.hangs_up("c");
    w.wait(30_000);
    assert_eq!(claim(&mut w, pop, "tab1"), Ok(()));
    w.wait(30_000);
    assert_eq!(claim(&mut w, pop, "tab1"), Err(Refusal::PopExpired));
}

#[test]
fn a_pop_of_another_agent_does_not_exist() {
    let (mut w, pop) = popped();
    let actor = Actor { name: "bob's page".into(), agent: Some(agent("bob")) };
    let request = Request::ClaimPop { pop, client: "tab".into() };
    w.input(Input::Command(Command { id: ActionId::from_bits(99), actor, request }));
    assert!(matches!(w.answers.pop().unwrap().result, Err(Refusal::Unknown { .. })));
}

#[test]
fn a_call_that_rings_the_same_agent_again_pops_once_while_the_pop_lives() {
    let (mut w, _) = popped();
    w.leaves("c", "a", LegEnd::NoAnswer);
    w.rings("c", "a2", "PJSIP/1001");
    assert_eq!(w.told_of_calls(), ["offer_ended alice no_answer", "offered alice #2 of -"]);
    w.leaves("c", "a2", LegEnd::NoAnswer);
    w.wait(60_000);
    w.rings("c", "a3", "PJSIP/1001");
    assert_eq!(w.told_of_calls(), ["offer_ended alice no_answer", "offered alice #3 of -", "pop alice"]);
}

#[test]
fn a_client_without_a_name_is_refused() {
    let (mut w, pop) = popped();
    assert!(matches!(claim(&mut w, pop, ""), Err(Refusal::Invalid { .. })));
}

#[test]
fn calls_among_agents_and_calls_they_make_pop_nothing() {
    let mut w = World::route();
    w.internal("i", "1001", "1002");
    w.rings("i", "b", "PJSIP/1002");
    w.outbound("o", "1003", "+493012345");
    w.rings("o", "o", "PJSIP/1003");
    assert!(!w.told().iter().any(|line| line.starts_with("pop")));
}
