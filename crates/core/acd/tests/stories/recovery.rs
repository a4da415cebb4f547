//! Links lost and found, calls without a trace, restarts, stops.

use hookswitch_acd::Engine;
use hookswitch_model::{
    Millis,
    agent::AgentState,
    call::{Address, CallState, LegRole},
    command::Request,
    event::{EventKind, LinkState},
    ledger::{Cause, Disposition, EndedBy},
    pbx::{Fact, LegEnd, LegSeen, RingResult},
    setup::{MaxWait, Mode, Overflow},
};

use crate::{
    lines,
    stage::{self, World, agent},
};

fn talking() -> World {
    let mut w = World::route();
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.answers("c", "a");
    w.told();
    w
}

fn ended_recovered(call: &str) -> Fact {
    Fact::CallEnded { call: call.into(), by: None, cause: None }
}

#[test]
fn a_call_that_gives_no_sign_of_life_is_asked_for_and_given_up_within_90_seconds() {
    let mut w = talking();
    w.alive = false;
    w.wait(30_000);
    assert_eq!(w.asked(), ["probe c", "probe a"]);
    w.wait(30_000);
    assert_eq!(w.asked(), ["probe c", "probe a"]);
    w.check(&[]);
    w.wait(25_000);
    w.check(&["ended lost by system", "agent alice talking>ready (evidence_gone)"]);
    let evidence = w.ledger("c").cause.unwrap().text;
    assert_eq!(evidence, "no sign of life: last seen 85 s ago, asked 4 times");
    assert_eq!(w.engine.counters().lost_calls, 1);
}

#[test]
fn a_quiet_call_that_answers_lives_on() {
    let mut w = talking();
    w.wait(3_600_000);
    w.check(&[]);
    assert_eq!(w.call("c").state, CallState::Connected);
    w.hangs_up("c");
    assert_eq!(w.ledger("c").talk_ms, 3_600_000);
}

#[test]
fn a_call_the_pbx_does_not_know_when_asked_is_lost() {
    let mut w = talking();
    w.alive = false;
    w.wait(30_000);
    w.recovered(ended_recovered("c"));
    assert_eq!(w.ledger("c").disposition, Disposition::Lost);
    w.agent_is("alice", AgentState::Ready);
}

#[test]
fn nothing_is_given_up_while_the_link_is_down() {
    let mut w = talking();
    w.link_down();
    w.alive = false;
    w.wait(600_000);
    w.check(&[]);
    assert!(w.asked().is_empty());
    w.alive = true;
    w.link_up();
    w.wait(600_000);
    w.check(&[]);
}

#[test]
fn a_recorded_stream_gives_nothing_up() {
    let mut w = talking();
    w.engine = Engine::restore(w.snapshot()).unwrap().offline();
    w.alive = false;
    w.wait(600_000);
    assert!(!w.told().iter().any(|line| line.starts_with("ended")));
}

#[test]
fn a_lost_link_is_told_once_and_its_return_with_the_gap() {
    let mut w = World::route();
    let from = w.now;
    w.link_down();
    w.link_down();
    w.wait(5_000);
    w.link_up_after(Some(from), false);
    let links: Vec<_> = w
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::PbxLink { state, gap, .. } => {
                Some((*state, gap.clone().map(|gap| gap.to.since(gap.from))))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        links,
        [
            (LinkState::Up, None),
            (LinkState::Down, None),
            (LinkState::Resynchronised, Some(Millis::from_secs(5)))
        ]
    );
}

#[test]
fn a_call_that_ended_while_nobody_watched_ends_by_what_is_known() {
    let talk = talking();
    let mut ring = World::route();
    ring.inbound("c", "5001");
    ring.rings("c", "a", "PJSIP/1001");
    let mut wait = World::route();
    wait.queued("c", "5023");
    for (mut w, disposition) in
        [(talk, Disposition::Answered), (ring, Disposition::Missed), (wait, Disposition::Abandoned)]
    {
        w.link_down();
        w.wait(5_000);
        w.recovered(ended_recovered("c"));
        w.link_up();
        let event = w.events.iter().find(|event| matches!(event.kind, EventKind::CallEnded { .. })).unwrap();
        assert!(event.recovered);
        assert_eq!(w.ledger("c").disposition, disposition);
        w.agent_is("alice", AgentState::Ready);
    }
}

#[test]
fn nobody_is_offered_while_the_link_is_down() {
    let mut w = World::route();
    w.set_state("alice", AgentState::NotReady, None);
    w.set_state("bob", AgentState::NotReady, None);
    w.queued("c", "5003");
    w.link_down();
    w.asked();
    w.set_state("alice", AgentState::Ready, None);
    assert!(w.asked().is_empty());
    w.link_up();
    assert_eq!(w.asked(), ["ring PJSIP/1001 for 15 s"]);
}

#[test]
fn a_ring_that_was_out_when_the_link_was_lost_is_settled_when_it_is_back() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.told();
    w.link_down();
    w.wait(60_000);
    w.check(&[]);
    w.recovered(Fact::LegLeft { call: "c".into(), leg: "a".into(), end: LegEnd::Cancelled, cause: None });
    w.asked();
    w.link_up();
    assert_eq!(w.asked().iter().filter(|line| line.starts_with("ring")).count(), 1, "one Ring, not two");
    let calls = w.told_of_calls();
    assert_eq!(calls, ["offer_ended alice withdrawn"]);
}

#[test]
fn a_restart_of_the_pbx_ends_what_it_forgot() {
    let mut w = talking();
    let from = w.now;
    w.link_down();
    w.wait(5_000);
    w.link_up_after(Some(from), true);
    let ledger = w.ledger("c");
    assert_eq!((ledger.disposition, ledger.ended_by), (Disposition::Lost, EndedBy::System));
    assert_eq!(ledger.cause.unwrap().q850, 41);
    w.agent_is("alice", AgentState::Ready);
}

#[test]
fn what_is_known_of_calls_seeds_a_normaliser() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.inbound("d", "5001");
    let known = w.engine.known_calls(&stage::pbx());
    assert_eq!(known.len(), 2);
    let waiting = known.iter().find(|known| known.call == *"c").unwrap();
    assert!(waiting.routed);
    let roles: Vec<LegRole> = waiting.legs.iter().map(|leg| leg.role).collect();
    assert_eq!(roles, [LegRole::Customer, LegRole::Agent]);
    assert!(!known.iter().find(|known| known.call == *"d").unwrap().routed);
}

#[test]
fn a_stop_hands_those_who_wait_to_the_fallback_and_leaves_those_who_talk() {
    let mut w = World::route();
    w.queued("talks", "5003");
    let (ring, _) = w.ring();
    w.rings_for("talks", "a", "PJSIP/1001", ring);
    w.answers("talks", "a");
    w.queued("waits", "5023");
    w.asked();
    w.command(Request::Shutdown);
    assert_eq!(w.asked(), ["fall back"]);
    w.queued("late", "5003");
    assert_eq!(w.asked(), ["note support"], "nobody is rung any more");
}

#[test]
fn a_stop_that_never_came_through_leaves_the_caller_in_the_queue() {
    let mut w = World::route();
    w.queued("c", "5023");
    w.command(Request::Shutdown);
    w.told();
    w.link_down();
    w.link_up();
    w.check(&["queued brief at 1"]);
}

#[test]
fn the_end_of_a_call_told_twice_is_a_violation_and_ends_nothing_twice() {
    let mut w = talking();
    w.hangs_up("c");
    w.told();
    w.ends("c", None, 16);
    w.check(&["violated ended_once: the PBX ended c of hq twice"]);
}

#[test]
fn facts_about_strangers_are_counted() {
    let mut w = talking();
    w.talking("nobody", &["x"]);
    w.up("c", "x");
    w.result("c", common_ring(), RingResult::Answered);
    let counters = w.engine.counters();
    assert_eq!((counters.unknown_calls, counters.unknown_legs, counters.stale), (1, 1, 1));
    w.check(&[]);
}

fn common_ring() -> hookswitch_model::ActionId {
    hookswitch_model::ActionId::from_bits(42)
}

#[test]
fn a_cause_keeps_the_words_of_the_pbx() {
    let mut w = talking();
    let cause = Some(Cause { q850: 16, text: "Normal Clearing".into() });
    w.fact(Fact::CallEnded { call: "c".into(), by: Some("c".into()), cause });
    assert_eq!(w.ledger("c").cause.unwrap().text, "Normal Clearing");
    assert_eq!(
        lines::segments(&w.ledger("c")),
        ["agent alice answered 0"],
        "who had the call is in its books"
    );
    assert_eq!(w.ledger("c").handled_by, [agent("alice")]);
}

#[test]
fn a_daemon_that_was_away_for_long_gives_nothing_up_before_it_has_asked() {
    let mut w = talking();
    w.alive = false;
    w.now = w.now + Millis::from_secs(600);
    w.input(hookswitch_model::input::Input::Tick);
    w.check(&[]);
    w.wait(60_000);
    assert_eq!(w.asked(), ["probe c", "probe a", "probe c", "probe a"]);
    w.wait(25_000);
    assert_eq!(w.ledger("c").disposition, Disposition::Lost);
}

#[test]
fn an_offer_that_ran_out_while_the_daemon_was_away_is_not_held_against_the_agent() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.told();
    w.now = w.now + Millis::from_secs(120);
    w.link_down();
    w.recovered(Fact::LegUp { call: "c".into(), leg: "a".into() });
    w.recovered(Fact::Talking { call: "c".into(), leg: "c".into() });
    w.recovered(Fact::Talking { call: "c".into(), leg: "a".into() });
    w.link_up();
    w.check(&["offer_ended alice accepted", "agent alice reserved>talking", "answered alice"]);
}

#[test]
fn an_agent_is_not_reserved_for_ever_by_a_ring_nobody_can_see() {
    let mut w = World::route();
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.told();
    w.link_down();
    w.wait(79_999);
    w.check(&[]);
    w.wait(1);
    w.check(&["offer_ended alice withdrawn", "agent alice reserved>ready"]);
}

#[test]
fn the_gap_of_a_link_begins_with_the_last_thing_seen() {
    let mut w = talking();
    let seen = w.now;
    w.wait(20_000);
    w.link_down();
    w.wait(5_000);
    w.link_up();
    let gap = w.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::PbxLink { gap, .. } => gap.clone(),
        _ => None,
    });
    assert_eq!(gap.map(|gap| (gap.from, gap.to)), Some((seen, w.now)));
}

/// A caller in a queue that sends him to +49301 after a minute, while nobody watches.
fn overflows_unseen() -> World {
    let mut setup = stage::setup(Mode::Route);
    let then = Overflow::Transfer("+49301".to_owned());
    setup.queues[2].max_wait = Some(MaxWait { after: Millis::from_secs(60), then });
    let mut w = World::with(setup);
    w.queued("c", "5023");
    w.asked();
    w.link_down();
    w.wait(90_000);
    w
}

#[test]
fn a_caller_who_waited_too_long_without_a_link_is_sent_on_once_it_is_back() {
    let mut w = overflows_unseen();
    assert!(w.asked().is_empty(), "where the caller is, nobody knows");
    w.link_up();
    assert_eq!(w.asked(), ["send to +49301"]);
    w.wait(10_000);
    assert!(w.asked().is_empty(), "and once");
}

#[test]
fn a_caller_who_waited_too_long_without_a_link_and_talks_to_the_fallback_is_left_alone() {
    let mut w = overflows_unseen();
    w.recovered(Fact::LegRinging {
        call: "c".into(),
        leg: LegSeen { leg: "f".into(), address: Address::new("PJSIP/1008"), number: None },
        ring: None,
    });
    w.recovered(Fact::Talking { call: "c".into(), leg: "c".into() });
    w.recovered(Fact::Talking { call: "c".into(), leg: "f".into() });
    w.link_up();
    w.wait(120_000);
    assert!(w.asked().is_empty());
    assert_eq!(w.call("c").state, CallState::Connected);
}

#[test]
fn what_was_asked_before_the_gap_is_not_asked_again_before_its_answer() {
    let mut w = overflows_unseen();
    w.link_up();
    let sent = w.last_action();
    w.asked();
    w.link_down();
    w.link_up();
    assert!(w.asked().is_empty());
    w.refuses(sent);
    w.wait(2_000);
    assert_eq!(w.asked(), ["send to +49301"]);
}

#[test]
fn a_deadline_that_was_slept_through_waits_for_the_lists() {
    let mut w = overflows_unseen();
    w.link_up();
    let sent = w.last_action();
    w.refuses(sent);
    w.asked();
    w.now = w.now + Millis::from_secs(60);
    w.link_down();
    assert!(w.asked().is_empty(), "a daemon that comes back asks nothing before it has looked");
}

#[test]
fn a_caller_found_in_the_fallback_is_not_rung_for_out_of_it() {
    let mut w = World::route();
    for agent in ["alice", "bob"] {
        w.set_state(agent, AgentState::NotReady, None);
    }
    w.queued("c", "5003");
    w.link_down();
    w.recovered(Fact::FellBack { call: "c".into() });
    w.link_up();
    w.asked();
    w.set_state("alice", AgentState::Ready, None);
    assert!(w.asked().is_empty());
    assert_eq!(w.call("c").state, CallState::Started, "the PBX has him");
}

#[test]
fn a_caller_who_was_sent_to_a_number_is_not_taken_to_have_fallen_back() {
    let mut w = overflows_unseen();
    w.link_up();
    let sent = w.last_action();
    w.takes(sent);
    w.told();
    w.link_down();
    w.recovered(Fact::FellBack { call: "c".into() });
    w.link_up();
    assert!(w.told_of_calls().is_empty());
    w.hangs_up("c");
    let segments = lines::segments(&w.ledger("c"));
    assert!(!segments.iter().any(|segment| segment.contains("fallback")), "{segments:?}");
}
