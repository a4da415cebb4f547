//! Queues' figures, configurations, snapshots.

use std::sync::Arc;

use hookswitch_acd::{Engine, Snapshot};
use hookswitch_model::{
    agent::AgentState,
    event::EventKind,
    input::Input,
    queue::Queue,
    setup::{Mode, RouteSetup, RouteTarget},
};

use crate::stage::{self, World, agent, queue};

/// The figures told of a queue, in order.
fn figures(w: &World, id: &str) -> Vec<Queue> {
    let told = w.events.iter().filter_map(|event| match &event.kind {
        EventKind::QueueStats { queue } if queue.id == *id => Some((**queue).clone()),
        _ => None,
    });
    told.collect()
}

fn quiet() -> World {
    let mut w = World::route();
    w.wait(5_000);
    w.events.clear();
    w
}

#[test]
fn figures_are_told_on_change_and_at_most_once_a_second() {
    let mut w = quiet();
    for n in 0..5 {
        w.queued(&format!("c{n}"), "5023");
        w.wait(100);
    }
    assert_eq!(figures(&w, "brief").iter().map(|f| f.waiting).collect::<Vec<_>>(), [1]);
    w.wait(600);
    assert_eq!(figures(&w, "brief").iter().map(|f| f.waiting).collect::<Vec<_>>(), [1, 5]);
    w.wait(10_000);
    assert_eq!(figures(&w, "brief").len(), 2, "nothing changed");
}

#[test]
fn figures_count_the_waiting_the_ready_and_those_who_talk() {
    let mut w = quiet();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.wait(3_000);
    let now = w.engine.queue(&queue("support"), w.now).unwrap();
    assert_eq!((now.waiting, now.longest_wait_s, now.ready, now.talking), (1, 3, 1, 0));
    w.answers("c", "a");
    let now = w.engine.queue(&queue("support"), w.now).unwrap();
    assert_eq!((now.waiting, now.ready, now.talking, now.answered), (0, 1, 1, 1));
    w.hangs_up("c");
    let now = w.engine.queue(&queue("support"), w.now).unwrap();
    assert_eq!((now.ready, now.talking, now.service_level), (2, 0, Some(1.0)));
}

#[test]
fn the_service_level_is_the_share_answered_in_time_of_all_that_are_over() {
    let mut w = quiet();
    for (n, wait_ms, answered) in [(0, 1_000, true), (1, 21_000, true), (2, 1_000, false), (3, 2_000, true)] {
        let call = format!("c{n}");
        w.set_state("alice", AgentState::NotReady, None);
        w.set_state("bob", AgentState::NotReady, None);
        w.queued(&call, "5003");
        w.wait(wait_ms);
        if answered {
            w.set_state("alice", AgentState::Ready, None);
            let (ring, _) = w.ring();
            w.rings_for(&call, &format!("a{n}"), "PJSIP/1001", ring);
            w.answers(&call, &format!("a{n}"));
        }
        w.hangs_up(&call);
    }
    let now = w.engine.queue(&queue("support"), w.now).unwrap();
    assert_eq!((now.answered, now.abandoned, now.service_level), (3, 1, Some(0.5)));
}

#[test]
fn a_new_configuration_keeps_who_waits_and_sends_away_who_has_no_queue_any_more() {
    let mut w = World::route();
    w.queued("stays", "5023");
    w.set_state("dora", AgentState::NotReady, None);
    w.queued("goes", "5013");
    w.asked();
    let mut setup = stage::setup(Mode::Route);
    setup.version = 2;
    setup.queues.retain(|q| q.id != queue("billing"));
    setup.routes.retain(|r| r.target != RouteTarget::Queue(queue("billing")));
    setup.queues[1].max_wait = None;
    setup.queues[1].members.agents.push(agent("erin"));
    w.input(Input::Setup(Arc::new(setup)));
    let applied =
        w.events.iter().any(|e| matches!(e.kind, EventKind::ConfigApplied { version: 2, previous: None }));
    assert!(applied);
    let mut asked = w.asked();
    asked.sort();
    assert_eq!(asked, ["fall back", "ring PJSIP/1004&PJSIP/1005 for 15 s"]);
    assert_eq!(w.engine.agent(&agent("erin")).unwrap().queues, [queue("brief")]);
}

#[test]
fn a_queue_that_is_configured_no_more_has_no_figures_once_nobody_is_in_it() {
    let mut w = World::route();
    w.queued("c", "5003");
    let mut setup = stage::setup(Mode::Route);
    setup.version = 2;
    setup.queues.retain(|q| q.id != queue("billing"));
    setup.routes.retain(|r| r.target != RouteTarget::Queue(queue("billing")));
    setup.queues[1].max_wait = None;
    w.input(Input::Setup(Arc::new(setup)));
    assert!(w.engine.queue(&queue("billing"), w.now).is_none(), "its agents left it, and nobody waited");
    assert!(w.engine.queue(&queue("support"), w.now).is_some());
}

#[test]
fn a_configuration_with_an_unusable_rule_changes_nothing_and_is_told() {
    let mut w = World::route();
    let mut setup = stage::setup(Mode::Route);
    setup.version = 2;
    setup.routes.push(RouteSetup {
        name: "broken".into(),
        when: Some("dnis ==".into()),
        target: RouteTarget::Hangup,
        priority: 0,
        requires: Default::default(),
        set: Default::default(),
        prefer: None,
    });
    w.told();
    w.input(Input::Setup(Arc::new(setup)));
    assert_eq!(w.engine.setup().version, 1);
    assert!(w.told()[0].starts_with("violated configuration_is_valid: "));
}

#[test]
fn an_agent_who_is_configured_no_more_is_taken_out_of_the_queue_and_of_the_offer() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.told();
    let mut setup = stage::setup(Mode::Route);
    setup.version = 2;
    setup.agents.remove(0);
    w.input(Input::Setup(Arc::new(setup)));
    let told = [
        "offer_ended alice withdrawn",
        "agent alice reserved>ready",
        "agent alice ready>logged_out (removed)",
    ];
    assert_eq!(w.told(), told);
    assert!(w.engine.agent(&agent("alice")).is_none());
    let now = w.engine.queue(&queue("support"), w.now).unwrap();
    assert_eq!(now.ready, 1, "bob");
}

#[test]
fn a_snapshot_survives_json_and_goes_on_as_if_nothing_had_been() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.queued("d", "5023");
    let text = serde_json::to_string(&w.snapshot()).unwrap();
    let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
    let mut other = World::route();
    other.engine = Engine::restore(snapshot).unwrap();
    other.now = w.now;
    w.events.clear();
    other.events.clear();
    for world in [&mut w, &mut other] {
        world.answers("c", "a");
        world.wait(70_000);
        world.hangs_up("c");
    }
    assert_eq!(w.events, other.events);
    assert_eq!(
        serde_json::to_string(&w.snapshot()).unwrap(),
        serde_json::to_string(&other.snapshot()).unwrap()
    );
}

#[test]
fn a_snapshot_of_another_format_is_refused() {
    let mut value = serde_json::to_value(World::route().snapshot()).unwrap();
    value["format"] = 99.into();
    let error = Engine::restore(serde_json::from_value(value).unwrap()).unwrap_err();
    assert!(error.to_string().contains("format 99"));
}

#[test]
fn why_a_call_went_where_it_went_names_rule_and_agents() {
    let mut w = World::route();
    w.queued("c", "5003");
    let why = serde_json::to_value(w.engine.why(w.call_id("c")).unwrap()).unwrap();
    assert_eq!(why["decisions"][0]["because"]["routed"]["rule"], "support");
    assert_eq!(why["decisions"][1]["because"]["offered"]["ranked"][0]["agent"], "alice");
    let idle = w.engine.why_idle(&agent("alice"), w.now).unwrap();
    assert_eq!(serde_json::to_value(idle.unavailable).unwrap(), "reserved");
}
