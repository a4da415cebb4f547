//! Supervisors, wrap-up, skills, data: what is asked about people more than about lines.

use std::collections::BTreeMap;

use hookswitch_model::{
    Millis, Skill,
    agent::AgentState,
    call::{Address, LegRole, LegState},
    command::{Actor, Command, Refusal, Request},
    event::EventKind,
    input::Input,
    pbx::{Fact, LegEnd, LegSeen, SuperviseMode},
    setup::Mode,
};

use crate::{
    control::talking,
    stage::{self, World, agent},
};

fn supervise(w: &mut World, call: &str, by: &str) -> Result<(), Refusal> {
    let call = w.call_id(call);
    let request =
        Request::Supervise { call, supervisor: agent(by), agent: None, mode: SuperviseMode::Listen };
    w.command(request).result.map(drop)
}

fn comes(w: &mut World, leg: &str, device: &str) {
    w.fact(Fact::Supervised {
        call: "c".into(),
        leg: LegSeen { leg: leg.into(), address: Address::new(device), number: None },
        mode: SuperviseMode::Listen,
    });
}

#[test]
fn a_supervisor_is_a_leg_of_its_own_role_and_handles_nothing() {
    let mut w = talking();
    supervise(&mut w, "c", "dora").unwrap();
    let command = w.last_command();
    assert_eq!(w.asked(), ["listen a from PJSIP/1003"]);
    w.check(&[]);
    w.queued("d", "5013");
    assert_eq!(w.asked(), ["note billing"], "nobody is offered a call while the own phone rings to listen");
    w.told();
    comes(&mut w, "s", "PJSIP/1003");
    w.check(&["party_joined supervisor dora", "agent dora ready>talking"]);
    assert_eq!(w.events[w.events.len() - 2].action, Some(command));
    let leg = w.call("c").legs.last().unwrap();
    assert_eq!((leg.role, leg.state), (LegRole::Supervisor, LegState::Connected));
    w.leaves("c", "s", LegEnd::HungUp);
    assert_eq!(
        w.told()[..3],
        ["party_left supervisor dora", "agent dora talking>ready", "agent dora ready>reserved"]
    );
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(ledger.handled_by, [agent("alice")]);
    assert_eq!(ledger.resolved_by, Some(agent("alice")));
}

#[test]
fn a_supervisor_leaves_with_the_conversation() {
    let mut w = talking();
    supervise(&mut w, "c", "dora").unwrap();
    comes(&mut w, "s", "PJSIP/1003");
    w.hangs_up("c");
    w.agent_is("dora", AgentState::Ready);
}

#[test]
fn a_supervisor_who_does_not_come_is_told() {
    let mut w = talking();
    supervise(&mut w, "c", "dora").unwrap();
    let action = w.last_action();
    w.fact(Fact::DialFailed { action, end: LegEnd::NoAnswer, cause: None });
    w.check(&["failed supervise of dora: nobody answered"]);
    supervise(&mut w, "c", "dora").unwrap();
    w.wait(45_000);
    w.check(&["failed supervise of dora: nobody came in time"]);
    supervise(&mut w, "c", "dora").unwrap();
    let action = w.last_action();
    w.refuses(action);
    w.check(&["failed supervise of dora: no"]);
    w.queued("d", "5013");
    w.agent_is("dora", AgentState::Reserved);
}

#[test]
fn supervision_is_refused_with_its_reason() {
    let mut w = talking();
    w.queued("d", "5023");
    assert_eq!(supervise(&mut w, "d", "dora").unwrap_err().to_string(), "no agent talks in this call");
    assert_eq!(supervise(&mut w, "c", "alice").unwrap_err().to_string(), "alice is in a call");
    assert_eq!(supervise(&mut w, "c", "nobody").unwrap_err().to_string(), "no such agent: nobody");
    let call = w.call_id("c");
    let request =
        Request::Supervise { call, supervisor: agent("dora"), agent: None, mode: SuperviseMode::Barge };
    let refusal = w.command_as("dora", request).result.unwrap_err();
    assert!(matches!(refusal, Refusal::Forbidden { .. }), "an agent's token does not supervise");
}

fn wrap_up(w: &mut World, call: &str, disposition: Option<&str>, notes: Option<&str>) -> Result<(), Refusal> {
    let call = w
        .events
        .iter()
        .find_map(|event| event.kind.call().filter(|known| known.pbx_ref == *call).map(|known| known.id))
        .unwrap();
    let request = Request::WrapUp {
        call,
        agent: agent("alice"),
        disposition: disposition.map(str::to_owned),
        notes: notes.map(str::to_owned),
    };
    w.command_as("alice", request).result.map(drop)
}

/// alice talked to a caller and wraps up for a minute.
fn wrapping_up() -> World {
    let mut setup = stage::setup(Mode::Route);
    setup.queues[0].wrap_up = Millis::from_secs(60);
    let mut w = World::with(setup);
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.answers("c", "a");
    w.hangs_up("c");
    w.told();
    w
}

#[test]
fn a_disposition_ends_the_wrap_up_and_notes_alone_do_not() {
    let mut w = wrapping_up();
    wrap_up(&mut w, "c", None, Some("calls back")).unwrap();
    w.check(&["data wrap_up.notes=calls back by alice"]);
    w.agent_is("alice", AgentState::WrapUp);
    wrap_up(&mut w, "c", Some("solved"), None).unwrap();
    w.check(&["data wrap_up.disposition=solved by alice", "agent alice wrap_up>ready"]);
}

#[test]
fn what_is_said_of_a_call_before_its_end_is_in_the_ledger() {
    let mut w = talking();
    wrap_up(&mut w, "c", Some("solved"), Some("happy")).unwrap();
    w.hangs_up("c");
    let told = w.ledger("c").wrap_up.unwrap();
    assert_eq!((told.disposition.as_deref(), told.notes.as_deref()), (Some("solved"), Some("happy")));
}

#[test]
fn only_who_handled_a_call_says_how_it_came_out() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    let refusal = wrap_up(&mut w, "c", Some("solved"), None).unwrap_err();
    assert_eq!(refusal.to_string(), "alice has not handled this call");
    w.answers("c", "a");
    assert!(matches!(wrap_up(&mut w, "c", None, None), Err(Refusal::Invalid { .. })));
    assert!(matches!(wrap_up(&mut w, "c", None, Some(&"x".repeat(5_000))), Err(Refusal::Invalid { .. })));
}

fn skills(w: &mut World, id: &str, changed: &[(&str, Option<u8>)]) -> Result<(), Refusal> {
    let skills: BTreeMap<Skill, Option<u8>> =
        changed.iter().map(|(skill, level)| (Skill::new(skill).unwrap(), *level)).collect();
    w.command(Request::SetSkills { agent: agent(id), skills }).result.map(drop)
}

#[test]
fn skills_changed_at_run_time_decide_the_next_offer_and_are_told() {
    let mut setup = stage::setup(Mode::Route);
    setup.queues[0].requires[0].skills = BTreeMap::from([(Skill::new("mandarin").unwrap(), 5)]);
    let mut w = World::with(setup);
    w.queued("c", "5003");
    assert_eq!(w.asked(), ["note support"], "nobody can");
    w.told();
    skills(&mut w, "bob", &[("mandarin", Some(6))]).unwrap();
    assert_eq!(w.asked(), ["ring PJSIP/1002 for 15 s"]);
    let told = w.events.iter().find_map(|event| match &event.kind {
        EventKind::AgentState { agent, from, to } if agent.id.as_str() == "bob" && from == to => {
            Some(agent.skills.clone())
        }
        _ => None,
    });
    assert_eq!(told.unwrap()[&Skill::new("mandarin").unwrap()], 6);
    skills(&mut w, "bob", &[("mandarin", None)]).unwrap();
    assert!(!w.engine.agent(&agent("bob")).unwrap().skills.contains_key(&Skill::new("mandarin").unwrap()));
    assert!(matches!(skills(&mut w, "bob", &[("mandarin", Some(11))]), Err(Refusal::Invalid { .. })));
    let refusal = w.command_as("bob", Request::SetSkills { agent: agent("bob"), skills: BTreeMap::new() });
    assert!(matches!(refusal.result, Err(Refusal::Forbidden { .. })));
}

#[test]
fn skills_changed_at_run_time_outlive_a_configuration_that_leaves_them_alone() {
    let mut w = World::route();
    skills(&mut w, "bob", &[("mandarin", Some(6))]).unwrap();
    let mut setup = stage::setup(Mode::Route);
    setup.version = 2;
    w.input(Input::Setup(std::sync::Arc::new(setup.clone())));
    let mandarin = Skill::new("mandarin").unwrap();
    assert_eq!(w.engine.agent(&agent("bob")).unwrap().skills.get(&mandarin), Some(&6));
    setup.version = 3;
    setup.agents[1].skills = BTreeMap::from([(Skill::new("thai").unwrap(), 3)]);
    w.input(Input::Setup(std::sync::Arc::new(setup)));
    assert_eq!(w.engine.agent(&agent("bob")).unwrap().skills.get(&mandarin), None);
}

#[test]
fn an_agents_token_writes_on_its_own_calls_and_sets_its_own_state() {
    let mut w = talking();
    let call = w.call_id("c");
    let data = |call| Request::SetData { call, changed: [("k".to_owned(), "v".to_owned())].into() };
    assert!(matches!(w.command_as("bob", data(call)).result, Err(Refusal::Forbidden { .. })));
    w.command_as("alice", data(call)).result.unwrap();
    w.hangs_up("c");
    w.told();
    let late = Request::SetData { call, changed: [("late".to_owned(), "v".to_owned())].into() };
    w.command_as("alice", late).result.unwrap();
    w.check(&["data late=v by alice"]);
    let state = Request::SetAgentState { agent: agent("alice"), state: AgentState::NotReady, reason: None };
    assert!(matches!(w.command_as("bob", state.clone()).result, Err(Refusal::Forbidden { .. })));
    w.command_as("alice", state).result.unwrap();
    assert!(matches!(w.command_as("alice", Request::Shutdown).result, Err(Refusal::Forbidden { .. })));
}

#[test]
fn a_supervisor_sets_the_state_of_who_talks_for_afterwards() {
    let mut w = talking();
    let state = Request::SetAgentState {
        agent: agent("alice"),
        state: AgentState::NotReady,
        reason: Some("training".into()),
    };
    let actor = Actor { name: "sam".into(), agent: None };
    let id = hookswitch_model::ActionId::from_bits(99);
    w.input(Input::Command(Command { id, actor, request: state }));
    w.check(&["agent alice talking>talking next not_ready"]);
    assert_eq!(w.events.last().unwrap().action, Some(id));
    w.hangs_up("c");
    assert!(w.told().contains(&"agent alice talking>not_ready (training)".to_owned()));
}

#[test]
fn commands_are_counted_by_how_they_came_out() {
    let mut w = talking();
    let call = w.call_id("c");
    w.does("alice", call, hookswitch_model::command::Verb::Hold).unwrap();
    let action = w.last_action();
    w.refuses(action);
    w.does("alice", call, hookswitch_model::command::Verb::Retrieve).unwrap_err();
    w.does_as("bob", "alice", call, hookswitch_model::command::Verb::Hold).unwrap_err();
    let counters = w.engine.counters();
    assert_eq!((counters.commands, counters.refused, counters.forbidden, counters.failed), (1, 1, 1, 1));
}
