//! Screen pops: one for each agent a call comes to, one client for each pop.

use hookswitch_model::{
    ActionId, Millis, PopId,
    call::{Candidate, Customer, MatchKind},
    command::{Actor, Command, Refusal, Request},
    event::{EventKind, Pop},
    input::Input,
    pbx::LegEnd,
    setup::{LookupSetup, Mode, PopWhen, Setup, Strategy},
};

use crate::stage::{self, World, agent, queue};

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

/// Every pop told so far.
fn pops(w: &World) -> Vec<Pop> {
    let pop = |event: &hookswitch_model::event::Event| match &event.kind {
        EventKind::ScreenPop { pop, .. } => Some(pop.clone()),
        _ => None,
    };
    w.events.iter().filter_map(pop).collect()
}

fn one() -> Customer {
    let candidate = Candidate {
        id: "42".to_owned(),
        name: None,
        score: 1.0,
        why: "exact E.164".to_owned(),
        fields: Default::default(),
    };
    Customer { kind: MatchKind::One, candidates: vec![candidate] }
}

fn asked_for(change: impl FnOnce(&mut Setup)) -> World {
    let mut setup = stage::setup(Mode::Route);
    setup.lookup = Some(LookupSetup { route_wait: Millis(0) });
    change(&mut setup);
    World::with(setup)
}

fn identify(w: &mut World, customer: Customer) {
    let call = w.look_ups.last().unwrap().call;
    w.input(Input::Customer { call, customer });
}

#[test]
fn a_pending_pop_is_told_again_as_the_same_pop_when_it_is_known_who_calls() {
    let mut w = asked_for(|_| {});
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.told();
    w.wait(800);
    identify(&mut w, one());
    w.check(&["identified one", "pop alice"]);
    let told = pops(&w);
    assert_eq!((told[0].kind, told[1].kind), (MatchKind::Pending, MatchKind::One));
    assert_eq!((told[0].id, told[0].expires_at), (told[1].id, told[1].expires_at));
    shown(&mut w, told[0].id, "tab1").unwrap();
    w.check(&["popped alice after 800"]);
}

#[test]
fn a_failed_look_up_completes_the_pop_as_one_that_failed() {
    let mut w = asked_for(|_| {});
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    identify(&mut w, Customer { kind: MatchKind::Error, candidates: Vec::new() });
    assert_eq!(pops(&w).last().unwrap().kind, MatchKind::Error);
}

#[test]
fn a_pop_that_expired_or_whose_call_ended_is_not_completed() {
    let mut w = asked_for(|_| {});
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.wait(60_000);
    identify(&mut w, one());
    assert_eq!(pops(&w).len(), 1);
    w.hangs_up("c");
    w.inbound("d", "5001");
    w.rings("d", "b", "PJSIP/1002");
    w.hangs_up("d");
    w.told();
    identify(&mut w, one());
    w.check(&["identified one"]);
}

#[test]
fn a_pop_of_a_caller_who_is_known_at_the_first_ring_is_told_once() {
    let mut w = asked_for(|_| {});
    w.inbound("c", "5001");
    identify(&mut w, one());
    w.rings("c", "a", "PJSIP/1001");
    let kinds: Vec<MatchKind> = pops(&w).iter().map(|pop| pop.kind).collect();
    assert_eq!(kinds, [MatchKind::One]);
}

#[test]
fn who_passed_the_call_on_can_claim_no_more() {
    let mut w = World::route();
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.answers("c", "a");
    w.blind("c", "a", "1002");
    w.rings("c", "b", "PJSIP/1002");
    let told = pops(&w);
    assert_eq!((told[0].agent.as_str(), told[1].agent.as_str()), ("alice", "bob"));
    assert_eq!(claim(&mut w, told[0].id, "tab"), Err(Refusal::PopSuperseded));
    assert_eq!(shown(&mut w, told[0].id, "tab"), Err(Refusal::PopSuperseded));
    assert_eq!(claim(&mut w, told[1].id, "tab"), Ok(()));
    w.wait(60_000);
    assert_eq!(claim(&mut w, told[0].id, "tab"), Err(Refusal::PopExpired));
}

#[test]
fn a_call_that_comes_back_makes_its_pop_good_again() {
    let mut w = World::route();
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.answers("c", "a");
    w.blind("c", "a", "1002");
    w.rings("c", "b", "PJSIP/1002");
    w.leaves("c", "b", LegEnd::NoAnswer);
    w.rings("c", "a2", "PJSIP/1001");
    let told = pops(&w);
    assert_eq!(told.len(), 2);
    assert_eq!(claim(&mut w, told[0].id, "tab"), Ok(()));
}

#[test]
fn whoever_answers_takes_the_pop_from_all_others_who_rang() {
    let mut setup = stage::setup(Mode::Route);
    setup.queues[0].strategy = Strategy::RingAll;
    let mut w = World::with(setup);
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.rings_for("c", "b", "PJSIP/1002", ring);
    let told = pops(&w);
    assert_eq!(told.len(), 2);
    w.answers("c", "b");
    assert_eq!(claim(&mut w, told[0].id, "tab"), Err(Refusal::PopSuperseded));
    assert_eq!(claim(&mut w, told[1].id, "tab"), Ok(()));
}

#[test]
fn screens_pop_at_the_answer_where_it_is_asked_for() {
    let mut w = asked_for(|setup| {
        setup.pops.when = PopWhen::Answer;
        setup.pops.queues.insert(queue("billing"), PopWhen::Ring);
    });
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    assert_eq!(pops(&w), []);
    w.wait(5_000);
    w.answers("c", "a");
    assert_eq!(pops(&w).len(), 1);
    w.queued("d", "5013");
    let (ring, _) = w.ring();
    w.rings_for("d", "e", "PJSIP/1003", ring);
    assert_eq!(pops(&w).len(), 2, "billing pops at the ring");
}
