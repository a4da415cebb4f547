//! What callers and agents may expect.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{
    AgentId, CallId, Millis, Skill, Timestamp,
    setup::{MaxWait, Overflow, Strategy},
};
use proptest::prelude::*;

use super::{
    super::{BACK_OFF, Decision, Distributor, RING_ALL, Unavailable, Waiting},
    agent, agent_id, at, call_id, queue, queue_id, requirement, setup, skills, waiting,
};

/// All offers and overflows that are due.
fn drain(distributor: &mut Distributor, now: Timestamp) -> Vec<(CallId, Vec<AgentId>)> {
    let decided = std::iter::from_fn(|| distributor.next(now)).map(|decision| match decision {
        Decision::Offer { call, agents, .. } => (call, agents),
        Decision::Overflow { call, .. } => (call, Vec::new()),
    });
    decided.collect()
}

/// The one offer that is due, as numbers of call and names of agents.
#[track_caller]
fn offer(distributor: &mut Distributor, now: Timestamp) -> (CallId, AgentId) {
    let mut offers = drain(distributor, now);
    assert_eq!(offers.len(), 1, "{offers:?}");
    let (call, mut agents) = offers.remove(0);
    assert_eq!(agents.len(), 1, "{agents:?}");
    (call, agents.remove(0))
}

fn ready(distributor: &mut Distributor, now: Timestamp, agents: &[&str]) {
    for agent in agents {
        distributor.agent_ready(now, &agent_id(agent));
    }
}

fn team(names: &[&str]) -> Vec<hookswitch_model::setup::AgentSetup> {
    names.iter().map(|name| agent(name, &[("talk", 5)], &["team"])).collect()
}

fn simple(strategy: Strategy, names: &[&str]) -> Distributor {
    Distributor::new(&setup(team(names), vec![queue("q", strategy, &["team"])]), 1)
}

/// A call is answered, lasts a minute, and its agent is ready again.
fn serve(distributor: &mut Distributor, now: Timestamp, (call, agent): &(CallId, AgentId)) {
    distributor.answered(now, *call);
    distributor.agent_unavailable(now, agent, Unavailable::Talking);
    distributor.agent_took_call(now, agent, Millis::from_secs(60));
    distributor.agent_ready(now + Millis::from_secs(60), agent);
}

#[test]
fn an_agent_who_gets_ready_serves_the_oldest_call_of_all_queues() {
    let queues =
        vec![queue("a", Strategy::LongestIdle, &["team"]), queue("b", Strategy::RoundRobin, &["team"])];
    let mut floor = Distributor::new(&setup(team(&["ann"]), queues), 1);
    for (number, name) in [(1, "a"), (2, "b"), (3, "b"), (4, "a")] {
        floor.enqueue(at(number.into()), call_id(number), waiting(name, at(number.into())));
    }
    for expected in 1..=4 {
        ready(&mut floor, at(10), &["ann"]);
        assert_eq!(offer(&mut floor, at(10)).0, call_id(expected));
    }
}

#[test]
fn priorities_are_strict_without_ageing() {
    let mut floor = simple(Strategy::LongestIdle, &["ann"]);
    let urgent = Waiting { priority: 1, ..waiting("q", at(50)) };
    floor.enqueue(at(0), call_id(1), waiting("q", at(0)));
    let placed = floor.enqueue(at(50), call_id(2), urgent).unwrap();
    assert_eq!((placed.position, floor.position(call_id(1))), (1, Some(2)));
    ready(&mut floor, at(60), &["ann"]);
    assert_eq!(offer(&mut floor, at(60)).0, call_id(2));
}

#[test]
fn with_ageing_nobody_starves_behind_an_endless_stream_of_urgent_calls() {
    let mut only = queue("q", Strategy::LongestIdle, &["team"]);
    only.ageing = Some(Millis::from_secs(60));
    let mut floor = Distributor::new(&setup(team(&["ann"]), vec![only]), 1);
    floor.enqueue(at(0), call_id(0), waiting("q", at(0)));
    // Two urgent calls come for each that is served.
    let served = (1..).map(|turn: u32| {
        let now = at(u64::from(turn) * 10);
        for call in [turn * 2, turn * 2 + 1] {
            floor.enqueue(now, call_id(call), Waiting { priority: 5, ..waiting("q", now) });
        }
        ready(&mut floor, now, &["ann"]);
        let offered = offer(&mut floor, now);
        floor.answered(now, offered.0);
        (turn, offered.0)
    });
    let (turn, _) = served.take(1_000).find(|(_, call)| *call == call_id(0)).unwrap();
    // Five points are worth 300 s: only the 58 calls that came before that are ahead.
    assert_eq!(turn, 59);
}

#[test]
fn round_robin_and_longest_idle_give_equal_shares() {
    for strategy in [Strategy::RoundRobin, Strategy::LongestIdle, Strategy::LeastCalls] {
        let mut floor = simple(strategy, &["ann", "bob", "cid"]);
        ready(&mut floor, at(0), &["ann", "bob", "cid"]);
        let mut shares: BTreeMap<AgentId, u32> = BTreeMap::new();
        for turn in 0..300 {
            let now = at(100 * u64::from(turn) + 100);
            floor.enqueue(now, call_id(turn), waiting("q", now));
            let offered = offer(&mut floor, now);
            serve(&mut floor, now, &offered);
            *shares.entry(offered.1).or_default() += 1;
        }
        assert_eq!(shares.into_values().collect::<Vec<_>>(), [100, 100, 100], "{strategy:?}");
    }
}

#[test]
fn the_lot_gives_equal_shares_within_chance_and_the_same_ones_for_the_same_seed() {
    let play = |seed| {
        let names: Vec<String> = (0..200).map(|n| format!("agent-{n:03}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let agents = team(&names);
        let mut floor = Distributor::new(&setup(agents, vec![queue("q", Strategy::Random, &["team"])]), seed);
        ready(&mut floor, at(0), &names);
        let mut shares: BTreeMap<AgentId, u32> = BTreeMap::new();
        for turn in 0..20_000 {
            let now = at(100 * u64::from(turn) + 100);
            floor.enqueue(now, call_id(turn), waiting("q", now));
            let offered = offer(&mut floor, now);
            serve(&mut floor, now, &offered);
            *shares.entry(offered.1).or_default() += 1;
        }
        shares
    };
    let shares = play(1);
    assert_eq!(shares, play(1));
    assert_ne!(shares, play(2));
    assert_eq!(shares.len(), 200, "everybody got calls");
    // 100 each are expected; six standard deviations are 60.
    assert!(shares.values().all(|share| (40..=160).contains(share)), "{shares:?}");
}

#[test]
fn least_occupied_prefers_who_talked_the_smaller_share() {
    let mut floor = simple(Strategy::LeastOccupied, &["ann", "bob"]);
    ready(&mut floor, at(0), &["ann", "bob"]);
    floor.agent_took_call(at(600), &agent_id("ann"), Millis::from_secs(300));
    floor.agent_took_call(at(600), &agent_id("bob"), Millis::from_secs(200));
    floor.enqueue(at(600), call_id(1), waiting("q", at(600)));
    assert_eq!(offer(&mut floor, at(600)).1, agent_id("bob"));
}

#[test]
fn best_skill_prefers_the_highest_sum_of_what_is_asked_and_then_the_longest_idle() {
    let mut only = queue("q", Strategy::BestSkill, &["team"]);
    only.requires = vec![requirement(0, &[("talk", 1)])];
    let agents = vec![
        agent("ann", &[("talk", 5), ("sing", 9)], &["team"]),
        agent("bob", &[("talk", 7)], &["team"]),
        agent("cid", &[("talk", 7)], &["team"]),
    ];
    let mut floor = Distributor::new(&setup(agents, vec![only]), 1);
    for (second, name) in ["ann", "cid", "bob"].iter().enumerate() {
        ready(&mut floor, at(second as u64), &[name]);
    }
    let mut chosen = Vec::new();
    for call in 1..=3 {
        floor.enqueue(at(9), call_id(call), waiting("q", at(9)));
        chosen.push(offer(&mut floor, at(9)).1);
    }
    assert_eq!(chosen, [agent_id("cid"), agent_id("bob"), agent_id("ann")]);
}

#[test]
fn ring_all_rings_who_is_ready_up_to_its_bound_and_frees_the_others() {
    let names: Vec<String> = (0..RING_ALL + 5).map(|n| format!("agent-{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut floor = simple(Strategy::RingAll, &names);
    ready(&mut floor, at(0), &names);
    floor.enqueue(at(1), call_id(1), waiting("q", at(1)));
    let offers = drain(&mut floor, at(1));
    assert_eq!(offers[0].1.len(), RING_ALL);
    assert_eq!(floor.ready_agents(), 5);
    floor.answered(at(2), call_id(1));
    ready(&mut floor, at(2), &names[1..RING_ALL]);
    floor.enqueue(at(3), call_id(2), waiting("q", at(3)));
    let offers = drain(&mut floor, at(3));
    assert_eq!(offers[0].1[0], agent_id("agent-01"), "was rung in vain, and has still waited longest");
}

#[test]
fn who_declined_is_asked_last_and_then_not_at_once() {
    let mut floor = simple(Strategy::LongestIdle, &["ann", "bob"]);
    ready(&mut floor, at(0), &["ann"]);
    floor.enqueue(at(1), call_id(1), waiting("q", at(1)));
    assert_eq!(offer(&mut floor, at(1)), (call_id(1), agent_id("ann")));
    assert!(floor.requeue(at(2), call_id(1)));
    ready(&mut floor, at(2), &["ann"]);
    assert_eq!(drain(&mut floor, at(2)), [], "nobody else is there, but it is too early to ask again");
    assert_eq!(floor.next_deadline(), Some(at(2) + BACK_OFF));
    ready(&mut floor, at(3), &["bob"]);
    assert_eq!(offer(&mut floor, at(3)), (call_id(1), agent_id("bob")));
    assert!(floor.requeue(at(4), call_id(1)));
    ready(&mut floor, at(4), &["bob"]);
    assert_eq!(drain(&mut floor, at(6)), []);
    assert_eq!(floor.next_deadline(), Some(at(7)), "ann's back-off is over before bob's");
    assert_eq!(offer(&mut floor, at(7)).1, agent_id("ann"), "the first whose back-off is over");
}

#[test]
fn who_declined_one_call_takes_others_meanwhile() {
    let mut floor = simple(Strategy::LongestIdle, &["ann"]);
    for call in 1..=3 {
        floor.enqueue(at(call.into()), call_id(call), waiting("q", at(call.into())));
    }
    ready(&mut floor, at(4), &["ann"]);
    assert_eq!(offer(&mut floor, at(4)).0, call_id(1));
    floor.requeue(at(5), call_id(1));
    ready(&mut floor, at(5), &["ann"]);
    assert_eq!(offer(&mut floor, at(5)).0, call_id(2));
    floor.answered(at(6), call_id(2));
    ready(&mut floor, at(11), &["ann"]);
    assert_eq!(offer(&mut floor, at(11)).0, call_id(1), "its place was kept");
}

#[test]
fn a_requeued_call_is_at_its_old_place() {
    let mut floor = simple(Strategy::LongestIdle, &["ann"]);
    for call in 1..=3 {
        floor.enqueue(at(call.into()), call_id(call), waiting("q", at(call.into())));
    }
    ready(&mut floor, at(4), &["ann"]);
    assert_eq!(offer(&mut floor, at(4)).0, call_id(1));
    assert_eq!(floor.position(call_id(2)), Some(2), "who is being offered has not left the queue");
    floor.requeue(at(5), call_id(1));
    assert_eq!(floor.position(call_id(1)), Some(1));
    assert!(!floor.requeue(at(5), call_id(1)), "it is not being offered");
}

#[test]
fn a_sticky_agent_who_is_ready_comes_before_who_waited_longer() {
    let mut floor = simple(Strategy::LongestIdle, &["ann", "bob"]);
    ready(&mut floor, at(0), &["ann"]);
    ready(&mut floor, at(5), &["bob"]);
    let sticky = Some(agent_id("bob"));
    floor.enqueue(at(9), call_id(1), Waiting { sticky, ..waiting("q", at(9)) });
    assert_eq!(offer(&mut floor, at(9)).1, agent_id("bob"));
}

#[test]
fn a_call_waits_for_its_busy_sticky_agent_and_then_for_anybody() {
    let kept = |floor: &mut Distributor| {
        ready(floor, at(0), &["ann"]);
        floor.agent_unavailable(at(0), &agent_id("bob"), Unavailable::Talking);
        floor.enqueue(at(10), call_id(1), Waiting { sticky: Some(agent_id("bob")), ..waiting("q", at(10)) });
        assert_eq!(drain(floor, at(29)), [], "ann is ready, and is not asked");
    };
    let mut floor = simple(Strategy::LongestIdle, &["ann", "bob"]);
    kept(&mut floor);
    assert_eq!(floor.next_deadline(), Some(at(30)), "the queue's sticky_wait is 20 s");
    assert_eq!(offer(&mut floor, at(30)).1, agent_id("ann"));

    let mut floor = simple(Strategy::LongestIdle, &["ann", "bob"]);
    kept(&mut floor);
    ready(&mut floor, at(15), &["bob"]);
    assert_eq!(offer(&mut floor, at(15)).1, agent_id("bob"));

    let mut floor = simple(Strategy::LongestIdle, &["ann", "bob"]);
    kept(&mut floor);
    floor.agent_unavailable(at(15), &agent_id("bob"), Unavailable::LoggedOut);
    assert_eq!(offer(&mut floor, at(15)).1, agent_id("ann"), "who logged out is not waited for");
}

#[test]
fn every_step_of_a_requirement_comes_into_force_in_its_time_and_the_routes_skills_stay() {
    let mut only = queue("q", Strategy::LongestIdle, &["team"]);
    only.requires =
        vec![requirement(0, &[("talk", 9)]), requirement(30, &[("talk", 5)]), requirement(90, &[])];
    let agents = vec![agent("ann", &[("talk", 5)], &["team"]), agent("bob", &[("sing", 1)], &["team"])];
    let mut floor = Distributor::new(&setup(agents, vec![only]), 1);
    ready(&mut floor, at(0), &["ann", "bob"]);
    floor.enqueue(at(0), call_id(1), waiting("q", at(0)));
    let sing = Waiting { requires: skills(&[("sing", 1)]), ..waiting("q", at(0)) };
    let placed = floor.enqueue(at(0), call_id(2), sing).unwrap();
    assert_eq!(placed.requires, skills(&[("sing", 1), ("talk", 9)]));
    assert_eq!(drain(&mut floor, Timestamp::from_micros(at(30).as_micros() - 1)), []);
    assert_eq!(floor.next_deadline(), Some(at(30)));
    assert_eq!(offer(&mut floor, at(30)), (call_id(1), agent_id("ann")));
    assert_eq!(floor.placed(at(30), call_id(2)).unwrap().requires, skills(&[("sing", 1), ("talk", 5)]));
    assert_eq!(floor.next_deadline(), Some(at(90)));
    assert_eq!(offer(&mut floor, at(90)), (call_id(2), agent_id("bob")), "talk is dropped, sing is not");
}

#[test]
fn who_waits_too_long_overflows_unless_somebody_is_free_that_moment() {
    let mut only = queue("q", Strategy::LongestIdle, &["team"]);
    only.max_wait = Some(MaxWait { after: Millis::from_secs(60), then: Overflow::Queue(queue_id("other")) });
    only.requires = vec![requirement(0, &[("talk", 9)]), requirement(60, &[])];
    let mut floor = Distributor::new(&setup(team(&["ann"]), vec![only]), 1);
    ready(&mut floor, at(0), &["ann"]);
    floor.enqueue(at(0), call_id(1), waiting("q", at(0)));
    floor.enqueue(at(0), call_id(2), waiting("q", at(0)));
    let decided: Vec<Decision> = std::iter::from_fn(|| floor.next(at(60))).collect();
    assert!(matches!(&decided[0], Decision::Offer { call, .. } if *call == call_id(1)));
    let overflow = Decision::Overflow {
        call: call_id(2),
        queue: queue_id("q"),
        then: Overflow::Queue(queue_id("other")),
    };
    assert_eq!(decided[1..], [overflow]);
    assert_eq!(floor.position(call_id(2)), None);
}

#[test]
fn a_call_from_another_queue_keeps_its_place_and_starts_its_limit_anew() {
    let mut only = queue("q", Strategy::LongestIdle, &["team"]);
    only.max_wait = Some(MaxWait { after: Millis::from_secs(60), then: Overflow::Hangup });
    let mut floor = Distributor::new(&setup(team(&["ann"]), vec![only]), 1);
    floor.enqueue(at(500), call_id(1), waiting("q", at(500)));
    let placed = floor.enqueue(at(510), call_id(2), waiting("q", at(0))).unwrap();
    assert_eq!(placed.position, 1, "it waited longer, elsewhere");
    assert_eq!(drain(&mut floor, at(559)), []);
    assert_eq!(drain(&mut floor, at(560)), [(call_id(1), vec![])]);
    assert_eq!(floor.next_deadline(), Some(at(570)));
}

#[test]
fn an_offered_call_does_not_overflow_before_its_offer_has_failed() {
    let mut only = queue("q", Strategy::LongestIdle, &["team"]);
    only.max_wait = Some(MaxWait { after: Millis::from_secs(60), then: Overflow::Hangup });
    let mut floor = Distributor::new(&setup(team(&["ann"]), vec![only]), 1);
    floor.enqueue(at(0), call_id(1), waiting("q", at(0)));
    ready(&mut floor, at(55), &["ann"]);
    assert_eq!(offer(&mut floor, at(55)).1, agent_id("ann"));
    assert_eq!(drain(&mut floor, at(65)), []);
    floor.requeue(at(70), call_id(1));
    assert_eq!(drain(&mut floor, at(70)), [(call_id(1), vec![])]);
}

#[test]
fn a_device_that_was_gone_for_a_moment_costs_no_place_but_a_break_does() {
    let mut floor = simple(Strategy::LongestIdle, &["ann", "bob", "cid"]);
    for (second, name) in [(0, "ann"), (1, "bob"), (2, "cid")] {
        ready(&mut floor, at(second), &[name]);
    }
    floor.agent_unavailable(at(3), &agent_id("bob"), Unavailable::Device);
    floor.agent_unavailable(at(3), &agent_id("ann"), Unavailable::NotReady { reason: None });
    ready(&mut floor, at(4), &["ann", "bob"]);
    let mut chosen = Vec::new();
    for call in 1..=3 {
        floor.enqueue(at(9), call_id(call), waiting("q", at(9)));
        chosen.push(offer(&mut floor, at(9)).1);
    }
    assert_eq!(chosen, [agent_id("bob"), agent_id("cid"), agent_id("ann")]);
}

#[test]
fn a_new_configuration_keeps_places_and_tells_which_calls_lost_their_queue() {
    let two =
        vec![queue("a", Strategy::LongestIdle, &["team"]), queue("b", Strategy::LongestIdle, &["team"])];
    let one = setup(team(&["ann", "zoe"]), vec![queue("a", Strategy::BestSkill, &["team"])]);
    let mut floor = Distributor::new(&setup(team(&["ann"]), two), 1);
    for (call, name) in [(1, "a"), (2, "b"), (3, "a")] {
        floor.enqueue(at(call.into()), call_id(call), waiting(name, at(call.into())));
    }
    assert_eq!(floor.apply(at(5), &one), [call_id(2)]);
    assert_eq!(floor.position(call_id(1)), Some(1));
    assert_eq!(floor.position(call_id(2)), None);
    assert_eq!(floor.position(call_id(3)), Some(2));
    ready(&mut floor, at(6), &["zoe"]);
    assert_eq!(offer(&mut floor, at(6)), (call_id(1), agent_id("zoe")), "a new agent serves an old call");
}

#[test]
fn the_estimate_follows_the_pace_of_answers() {
    let mut floor = simple(Strategy::LongestIdle, &["ann"]);
    for call in 0..10 {
        floor.enqueue(at(0), call_id(call), waiting("q", at(0)));
    }
    assert_eq!(floor.placed(at(0), call_id(9)).unwrap().estimated_wait_s, None);
    for turn in 1..=4 {
        ready(&mut floor, at(turn * 30), &["ann"]);
        let offered = offer(&mut floor, at(turn * 30));
        floor.answered(at(turn * 30), offered.0);
    }
    let placed = floor.placed(at(120), call_id(9)).unwrap();
    assert_eq!((placed.position, placed.estimated_wait_s), (6, Some(180)));
}

#[test]
fn what_is_not_known_is_refused_or_ignored() {
    let mut floor = simple(Strategy::LongestIdle, &["ann"]);
    assert_eq!(floor.enqueue(at(0), call_id(1), waiting("nowhere", at(0))), None);
    floor.agent_ready(at(0), &agent_id("nobody"));
    floor.agent_unavailable(at(0), &agent_id("nobody"), Unavailable::Talking);
    floor.set_skills(at(0), &agent_id("nobody"), skills(&[("talk", 1)]));
    assert!(
        !floor.remove(at(0), call_id(1))
            && !floor.requeue(at(0), call_id(1))
            && !floor.answered(at(0), call_id(1))
    );
    assert_eq!(drain(&mut floor, at(0)), []);
}

#[test]
fn a_skill_nobody_ever_had_can_be_asked_for_and_be_learnt() {
    let mut floor = simple(Strategy::LongestIdle, &["ann"]);
    ready(&mut floor, at(0), &["ann"]);
    let requires: BTreeMap<Skill, u8> = skills(&[("juggle", 3)]);
    floor.enqueue(at(1), call_id(1), Waiting { requires, ..waiting("q", at(1)) });
    assert_eq!(drain(&mut floor, at(1)), []);
    floor.set_skills(at(2), &agent_id("ann"), skills(&[("juggle", 3)]));
    assert_eq!(offer(&mut floor, at(2)).0, call_id(1));
}

proptest! {
    #[test]
    fn equal_calls_are_served_in_the_order_they_came_and_no_agent_has_two(
        arrivals in prop::collection::vec(0..5_000_u64, 1..200),
        agents in 1..8_usize,
    ) {
        let names: Vec<String> = (0..agents).map(|n| format!("agent-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut floor = simple(Strategy::LongestIdle, &names);
        ready(&mut floor, at(0), &names);
        let (mut now, mut served, mut busy) = (at(1), Vec::new(), BTreeSet::new());
        let mut talks: std::collections::VecDeque<(CallId, AgentId)> = std::collections::VecDeque::new();
        for (number, gap) in (0..).zip(&arrivals) {
            now = now + Millis(*gap);
            floor.enqueue(now, call_id(number), waiting("q", now));
            // Every other moment somebody becomes free.
            let over = if gap % 2 == 0 { talks.pop_front() } else { None };
            if let Some((call, agent)) = over {
                floor.answered(now, call);
                busy.remove(&agent);
                floor.agent_ready(now, &agent);
            }
            for (call, agents) in drain(&mut floor, now) {
                prop_assert!(busy.insert(agents[0].clone()), "{:?} has two calls", agents[0]);
                served.push(call);
                talks.push_back((call, agents[0].clone()));
            }
        }
        prop_assert!(served.is_sorted(), "{served:?}");
    }
}
