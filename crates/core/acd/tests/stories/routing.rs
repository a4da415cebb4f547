//! Rules that refuse, prefer and look up in lists; configurations that take over while callers wait.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_model::{
    Millis,
    call::{Candidate, Customer, MatchKind},
    input::Input,
    pbx::RingResult,
    setup::{LookupSetup, Mode, PreferSetup, Rejection, RouteTarget, Setup},
    why::{Because, Exclusion, MoveReason, Moved, MovedTo},
};

use crate::stage::{self, World, agent, queue};

fn with(change: impl FnOnce(&mut Setup)) -> World {
    let mut setup = stage::setup(Mode::Route);
    change(&mut setup);
    World::with(setup)
}

/// Under the next version.
fn apply(w: &mut World, change: impl FnOnce(&mut Setup)) {
    let mut setup = w.engine.setup().clone();
    setup.version += 1;
    change(&mut setup);
    w.input(Input::Setup(Arc::new(setup)));
}

#[test]
fn a_number_of_the_blacklist_is_refused_with_a_cause() {
    for (rejection, cause, disposition) in [(Rejection::Busy, 17, "busy"), (Rejection::Spam, 21, "rejected")]
    {
        let mut w = with(|setup| {
            let mut refused = setup.routes[0].clone();
            refused.name = "unwanted".to_owned();
            refused.when = Some("ani in list.blacklist".to_owned());
            refused.target = RouteTarget::Reject(rejection);
            setup.routes.insert(0, refused);
            setup.lists.insert("blacklist".to_owned(), vec!["+49 30 555 0001".to_owned()]);
        });
        w.queued("c", "5003");
        assert_eq!(w.asked(), [format!("hang up c {cause}")]);
        w.ends("c", None, cause);
        assert_eq!(w.told_of_calls().last().unwrap(), &format!("ended {disposition} by system"));
    }
}

/// Who dials 5003 and has an owner waits for the owner first.
fn owned(setup: &mut Setup) {
    setup.lookup = Some(LookupSetup { route_wait: Millis(100) });
    setup.routes[0].prefer = Some(PreferSetup {
        agent: "customer.owner".to_owned(),
        wait: Millis::from_secs(10),
        team_wait: Millis::from_secs(5),
    });
    // carol is in another team, serves the queue, and has been idle longest.
    let mut carol = setup.agents[0].clone();
    carol.id = agent("aaron");
    carol.devices = vec![hookswitch_model::call::Address::new("PJSIP/1009")];
    carol.teams = vec!["other".parse().unwrap()];
    setup.agents.push(carol);
    setup.queues[0].members.teams.push("other".parse().unwrap());
}

fn owner(w: &mut World, name: &str) {
    let candidate = Candidate {
        id: "42".to_owned(),
        name: None,
        score: 1.0,
        why: "exact E.164".to_owned(),
        fields: BTreeMap::from([("owner".to_owned(), name.to_owned())]),
    };
    let customer = Customer { kind: MatchKind::One, candidates: vec![candidate] };
    let call = w.look_ups.last().unwrap().call;
    w.input(Input::Customer { call, customer });
}

#[test]
fn the_agent_a_rule_prefers_is_asked_first_then_the_agents_team_then_everybody() {
    let mut w = with(owned);
    w.queued("c", "5003");
    owner(&mut w, "bob");
    assert_eq!(w.ring().1, ["PJSIP/1002"]);
    let call = w.call_id("c");
    let why = w.engine.why(call).unwrap();
    let Because::Routed(routed) = &why.decisions[0].because else { panic!("{why:?}") };
    assert_eq!(routed.prefer.as_ref().unwrap().agent, agent("bob"));
    assert!(routed.waited.unwrap().answered, "the rule waited for the customer to know whom it prefers");
    let (ring, _) = w.ring();
    w.result("c", ring, RingResult::NoAnswer);
    assert_eq!(w.ring().1, ["PJSIP/1001"], "alice is in bob's team, aaron is not");
    let why = w.engine.why(call).unwrap();
    let Because::Offered(reasons) = &why.decisions[2].because else { panic!("{why:?}") };
    let aaron = reasons.excluded.iter().find(|excluded| excluded.agent == agent("aaron")).unwrap();
    assert!(matches!(aaron.why, Exclusion::OtherTeam { until: Some(_) }), "{aaron:?}");
    let (ring, _) = w.ring();
    w.result("c", ring, RingResult::NoAnswer);
    let (last, _) = w.ring();
    assert_eq!(last, ring, "nobody of the team is left, and its time is not over");
    w.wait(15_000);
    assert_eq!(w.ring().1, ["PJSIP/1009"]);
}

#[test]
fn a_busy_agent_is_waited_for_and_one_who_is_away_is_not() {
    let mut w = with(owned);
    w.outbound("o", "1002", "+4930123");
    w.up("o", "o");
    w.queued("c", "5003");
    owner(&mut w, "Bob");
    assert_eq!(w.call("c").state, hookswitch_model::call::CallState::Queued);
    w.wait(9_999);
    assert_eq!(w.call("c").state, hookswitch_model::call::CallState::Queued);
    w.wait(1);
    assert_eq!(w.ring().1, ["PJSIP/1001"], "bob's team");
    let mut w = with(owned);
    w.set_state("bob", hookswitch_model::agent::AgentState::LoggedOut, None);
    w.queued("c", "5003");
    owner(&mut w, "bob");
    assert_eq!(w.ring().1, ["PJSIP/1001"]);
}

#[test]
fn a_preference_of_nobody_who_is_known_is_noted_and_everybody_is_asked() {
    let mut w = with(owned);
    w.queued("c", "5003");
    owner(&mut w, "zoe");
    assert_eq!(w.ring().1, ["PJSIP/1009"], "aaron is the first of those who are idle equally long");
    let why = w.engine.why(w.call_id("c")).unwrap();
    let Because::Routed(routed) = &why.decisions[0].because else { panic!("{why:?}") };
    assert_eq!(routed.tried[0].note.as_deref(), Some("no agent is called \"zoe\""));
}

/// What was decided last.
fn last(w: &World, call: &str) -> Because {
    w.engine.why(w.call_id(call)).unwrap().decisions.back().unwrap().because.clone()
}

#[test]
fn callers_of_a_queue_that_is_gone_go_on_in_the_one_that_took_its_place_with_the_time_they_waited() {
    let mut w = with(|setup| setup.agents.retain(|one| one.id != agent("dora")));
    w.queued("old", "5013");
    w.wait(1_000);
    w.queued("new", "5023");
    w.queued("other", "5023");
    w.told();
    w.asked();
    let mut planned = w.engine.setup().clone();
    planned.queues.retain(|one| one.id != queue("billing"));
    planned.replaced.insert(queue("billing"), queue("brief"));
    let planned = w.engine.rerouted(&planned, w.now).unwrap();
    assert_eq!((planned.len(), planned[0].call, planned[0].leaves), (1, w.call_id("old"), true));
    assert_eq!(planned[0].to, Some(RouteTarget::Queue(queue("brief"))), "as it then goes");
    apply(&mut w, |setup| {
        setup.queues.retain(|one| one.id != queue("billing"));
        setup.queues.last_mut().unwrap().max_wait = None;
        setup.routes[1].target = RouteTarget::Queue(queue("brief"));
        setup.replaced.insert(queue("billing"), queue("brief"));
    });
    w.check(&["queued brief at 1"]);
    assert_eq!(w.asked(), ["note brief"], "nobody else is moved");
    let moved = Moved {
        from: queue("billing"),
        to: MovedTo::Target(RouteTarget::Queue(queue("brief"))),
        reason: MoveReason::QueueGone,
    };
    assert_eq!(last(&w, "old"), Because::Moved(moved));
    assert_eq!(w.engine.why(w.call_id("old")).unwrap().decisions.back().unwrap().config_version, 2);
    assert_eq!(w.engine.why(w.call_id("new")).unwrap().decisions.len(), 1);
}

#[test]
fn without_a_successor_the_rules_say_where_and_without_a_rule_the_fallback() {
    let gone = |w: &mut World, rule: bool| {
        w.queued("c", "5013");
        w.told();
        w.asked();
        apply(w, |setup| {
            setup.queues.retain(|one| one.id != queue("billing"));
            setup.routes.remove(1);
            if rule {
                setup.routes[0].when = None;
            }
        });
    };
    let mut w = with(|setup| setup.agents.clear());
    gone(&mut w, true);
    w.check(&["queued support at 1"]);
    assert_eq!(w.call("c").rule.as_deref(), Some("support"));
    let mut w = with(|setup| setup.agents.clear());
    gone(&mut w, false);
    assert_eq!(w.asked(), ["fall back"]);
    let moved = Moved { from: queue("billing"), to: MovedTo::FallBack, reason: MoveReason::QueueGone };
    assert_eq!(last(&w, "c"), Because::Moved(moved));
}

#[test]
fn a_call_that_rings_while_its_queue_goes_is_left_alone_until_nobody_answered() {
    let mut w = World::route();
    w.queued("c", "5013");
    let (ring, devices) = w.ring();
    assert_eq!(devices, ["PJSIP/1003"]);
    w.rings_for("c", "d", "PJSIP/1003", ring);
    w.told();
    w.asked();
    apply(&mut w, |setup| {
        setup.queues.retain(|one| one.id != queue("billing"));
        setup.replaced.insert(queue("billing"), queue("support"));
        setup.routes[1].target = RouteTarget::Queue(queue("support"));
    });
    w.check(&[]);
    assert_eq!(w.asked(), Vec::<String>::new());
    w.leaves("c", "d", hookswitch_model::pbx::LegEnd::NoAnswer);
    w.result("c", ring, RingResult::NoAnswer);
    let told = w.told_of_calls();
    assert!(told.contains(&"queued support at 1".to_owned()), "{told:?}");
    assert_eq!(w.ring().1, ["PJSIP/1001"]);
}

#[test]
fn a_configuration_that_takes_over_moves_nobody_whose_queue_stays() {
    let mut w = with(|setup| setup.agents.retain(|one| one.id == agent("alice")));
    w.queued("rung", "5003");
    for call in ["a", "b", "c"] {
        w.wait(1_000);
        w.queued(call, "5003");
    }
    w.told();
    w.asked();
    let before: Vec<_> = w.engine.calls().cloned().collect();
    apply(&mut w, |setup| {
        // Who comes now would go elsewhere; who waits stays.
        setup.routes[0].target = RouteTarget::Queue(queue("brief"));
        setup.queues[0].offer_timeout = Millis::from_secs(9);
    });
    w.check(&[]);
    assert_eq!(w.asked(), Vec::<String>::new());
    assert_eq!(w.engine.calls().cloned().collect::<Vec<_>>(), before);
    w.queued("d", "5003");
    w.check_calls(&["started inbound", "queued brief at 1"]);
}

#[test]
fn why_idle_tells_one_reason_for_each_waiting_call() {
    let mut w = World::route();
    w.set_state("alice", hookswitch_model::agent::AgentState::NotReady, Some("lunch"));
    w.set_state("bob", hookswitch_model::agent::AgentState::LoggedOut, None);
    w.queued("c", "5003");
    w.wait(1_000);
    w.queued("d", "5003");
    let why = w.engine.why_idle(&agent("alice"), w.now).unwrap();
    assert_eq!(why.config_version, 1);
    assert_eq!((why.queues.len(), why.queues[0].waiting), (1, 2));
    let calls: Vec<_> = why.queues[0].calls.iter().map(|one| one.call).collect();
    assert_eq!(calls, [w.call_id("c"), w.call_id("d")]);
    let lunch = Exclusion::NotReady { because: Some("lunch".to_owned()) };
    assert!(why.queues[0].calls.iter().all(|one| one.why == Some(lunch.clone())), "{why:?}");
    assert!(w.engine.why_idle(&agent("nobody"), w.now).is_none());
}
