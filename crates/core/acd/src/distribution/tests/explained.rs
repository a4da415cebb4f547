//! Reasons: each exclusion by its name.

use hookswitch_model::{
    Millis, Timestamp,
    setup::Strategy,
    why::{Exclusion, Reasons},
};

use super::{
    super::{BACK_OFF, Decision, Distributor, MEMBERS_EXPLAINED, Unavailable, Waiting},
    agent, agent_id, at, call_id, queue, requirement, setup, skills, waiting,
};

#[track_caller]
fn reasons(distributor: &mut Distributor, now: Timestamp) -> Reasons {
    match distributor.next(now) {
        Some(Decision::Offer { reasons, .. }) => *reasons,
        other => panic!("{other:?}"),
    }
}

/// One agent for every reason.
fn floor() -> Distributor {
    let mut only = queue("q", Strategy::BestSkill, &["team"]);
    only.requires = vec![requirement(0, &[("talk", 5)]), requirement(30, &[("talk", 1)])];
    only.requires[1].teams = Some(vec!["team".parse().unwrap(), "backup".parse().unwrap()]);
    let names = ["ann", "bob", "device", "holding", "lunch", "out", "reserved", "talking", "wrapping"];
    let mut agents: Vec<_> = names.iter().map(|name| agent(name, &[("talk", 7)], &["team"])).collect();
    agents.push(agent("backup", &[("talk", 9)], &["backup"]));
    agents.push(agent("novice", &[("talk", 2)], &["team"]));
    let mut floor = Distributor::new(&setup(agents, vec![only]), 1);
    let away = [
        ("device", Unavailable::Device),
        ("holding", Unavailable::Holding),
        ("lunch", Unavailable::NotReady { reason: Some("lunch".into()) }),
        ("reserved", Unavailable::Reserved),
        ("talking", Unavailable::Talking),
        ("wrapping", Unavailable::WrapUp { until: Some(at(40)) }),
    ];
    for (name, why) in away {
        floor.agent_unavailable(at(0), &agent_id(name), why);
    }
    for (second, name) in [(1, "ann"), (2, "bob"), (3, "novice"), (4, "backup")] {
        floor.agent_ready(at(second), &agent_id(name));
    }
    floor
}

#[test]
fn a_decision_tells_who_was_ranked_and_one_reason_for_each_other_member() {
    let mut floor = floor();
    floor.enqueue(at(8), call_id(1), Waiting { priority: 3, ..waiting("q", at(8)) });
    let reasons = reasons(&mut floor, at(10));
    assert_eq!((reasons.step, reasons.members, reasons.sticky), (0, 11, false));
    assert_eq!(*reasons.requires, skills(&[("talk", 5)]));
    assert_eq!((reasons.turn.priority, reasons.turn.waited, reasons.turn.attempt), (3, Millis(2_000), 1));
    let ranked: Vec<(&str, Millis, u32)> =
        reasons.ranked.iter().map(|r| (r.agent.as_str(), r.score.idle, r.score.skill)).collect();
    assert_eq!(ranked, [("ann", Millis(9_000), 7), ("bob", Millis(8_000), 7)]);
    let excluded: Vec<(&str, &Exclusion)> =
        reasons.excluded.iter().map(|e| (e.agent.as_str(), &e.why)).collect();
    let skill = Exclusion::Skill { skill: "talk".parse().unwrap(), asked: 5, has: 2 };
    let lunch = Exclusion::NotReady { because: Some("lunch".into()) };
    let wrapping = Exclusion::WrapUp { until: Some(at(40)) };
    let expected = [
        ("backup", &Exclusion::NotAsked),
        ("device", &Exclusion::Device),
        ("holding", &Exclusion::Holding),
        ("lunch", &lunch),
        ("novice", &skill),
        ("out", &Exclusion::LoggedOut),
        ("reserved", &Exclusion::Reserved),
        ("talking", &Exclusion::Talking),
        ("wrapping", &wrapping),
    ];
    assert_eq!(excluded, expected);
    let kept = serde_json::to_string(&reasons).unwrap();
    assert_eq!(serde_json::from_str::<Reasons>(&kept).unwrap(), reasons);
}

#[test]
fn who_declined_is_excluded_until_the_back_off_is_over_and_then_the_last_resort() {
    let mut floor = floor();
    floor.enqueue(at(8), call_id(1), waiting("q", at(8)));
    assert_eq!(reasons(&mut floor, at(10)).ranked[0].agent, agent_id("ann"));
    floor.requeue(at(11), call_id(1));
    floor.agent_ready(at(11), &agent_id("ann"));
    let second = reasons(&mut floor, at(11));
    assert_eq!(second.turn.attempt, 2);
    assert_eq!(second.ranked[0].agent, agent_id("bob"));
    let ann = second.excluded.iter().find(|e| e.agent == agent_id("ann")).unwrap();
    assert_eq!(ann.why, Exclusion::Failed { until: at(11) + BACK_OFF });
    floor.requeue(at(12), call_id(1));
    let third = reasons(&mut floor, at(16));
    assert_eq!(third.ranked[0].agent, agent_id("ann"));
    assert!(third.ranked[0].last_resort);
}

#[test]
fn a_sticky_decision_says_so_and_others_are_told_whom_the_call_waits_for() {
    let mut floor = floor();
    let sticky = Waiting { sticky: Some(agent_id("talking")), ..waiting("q", at(10)) };
    floor.enqueue(at(10), call_id(1), sticky);
    assert_eq!(floor.next(at(10)), None);
    let why = floor.waiting_for(at(10), &agent_id("ann"));
    assert_eq!((why[0].waiting, why[0].calls[0].call), (1, call_id(1)));
    let expected = Exclusion::Sticky { agent: agent_id("talking"), until: at(30) };
    assert_eq!(why[0].calls[0].why, Some(expected));
    floor.agent_ready(at(15), &agent_id("talking"));
    let reasons = reasons(&mut floor, at(15));
    assert!(reasons.sticky);
    assert_eq!(reasons.ranked[0].agent, agent_id("talking"));
}

#[test]
fn an_imaginary_call_is_explained_step_by_step_and_changes_nothing() {
    let floor = floor();
    let before = floor.state();
    let gold = Waiting { requires: skills(&[("sing", 2)]), ..waiting("q", at(10)) };
    let plain = floor.explain(at(10), &waiting("q", at(10))).unwrap();
    let steps: Vec<(Millis, Vec<&str>)> = plain
        .steps
        .iter()
        .map(|step| (step.after, step.ranked.iter().map(|ranked| ranked.agent.as_str()).collect()))
        .collect();
    assert_eq!(
        steps,
        [(Millis(0), vec!["ann", "bob"]), (Millis(30_000), vec!["backup", "ann", "bob", "novice"]),]
    );
    let gold = floor.explain(at(10), &gold).unwrap();
    assert!(gold.steps.iter().all(|step| step.ranked.is_empty() && step.excluded.len() == 11));
    assert_eq!(gold.steps[1].requires, skills(&[("sing", 2), ("talk", 1)]));
    assert_eq!(floor.explain(at(10), &waiting("nowhere", at(10))), None);
    assert_eq!(floor.state(), before);
}

#[test]
fn a_decision_in_a_large_queue_lists_the_chosen_only() {
    let names: Vec<String> = (0..=MEMBERS_EXPLAINED).map(|n| format!("agent-{n:02}")).collect();
    let agents = names.iter().map(|name| agent(name, &[], &["team"])).collect();
    let only = queue("q", Strategy::LongestIdle, &["team"]);
    let mut floor = Distributor::new(&setup(agents, vec![only]), 1);
    floor.agent_ready(at(0), &agent_id("agent-03"));
    floor.agent_ready(at(0), &agent_id("agent-04"));
    floor.enqueue(at(1), call_id(1), waiting("q", at(1)));
    let reasons = reasons(&mut floor, at(1));
    assert_eq!(reasons.members as usize, MEMBERS_EXPLAINED + 1);
    assert_eq!((reasons.ranked.len(), reasons.excluded.len()), (1, 0));
    let full = floor.explain(at(1), &waiting("q", at(1))).unwrap();
    assert_eq!(full.steps[0].ranked.len() + full.steps[0].excluded.len(), MEMBERS_EXPLAINED + 1);
}
