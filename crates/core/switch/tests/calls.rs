//! One call at a time: what happens, in order, and nothing left behind.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks for one kind of event"
)]

mod common;

use common::{
    Stage,
    phone::{Manners, State},
};
use hookswitch_switch::Command;

/// A customer calls 5003, is told to wait in a queue.
fn queued() -> Stage {
    let mut stage = Stage::new();
    stage.phone("carrier").calls("5003");
    stage.wait(50);
    stage.check(&["1 started inbound C carrier -> 5003", "1 waits 5003"]);
    let call = stage.call();
    stage.order(Command::Queue { call, queue: "support".into() });
    stage.wait(50);
    assert_eq!(stage.phone("carrier").answers, ["INVITE 100", "INVITE 182"]);
    stage
}

/// … and talks to alice.
fn talking() -> Stage {
    let mut stage = queued();
    stage.ring(&["alice"], 15);
    stage.wait(3_000);
    stage.check(&["1 rings alice", "1 up alice", "1 up C", "1 talks C", "1 talks alice"]);
    assert!(stage.phone("carrier").is(State::Up) && stage.phone("alice").is(State::Up));
    stage
}

#[test]
fn a_caller_waits_is_connected_and_the_agent_hangs_up() {
    let mut stage = talking();
    let (heard, told) =
        (stage.phone("carrier").talk().heard.clone(), stage.phone("alice").talk().heard.clone());
    assert!(heard.contains("c=IN IP4 10.0.0.1") && told.contains("c=IN IP4 10.1.0.1"), "end to end");
    stage.phone("alice").hangs_up();
    stage.wait(100);
    stage.check(&["1 left C Released", "1 left alice HungUp", "1 ended by alice 16"]);
    stage.all_over();
}

#[test]
fn the_caller_hangs_up() {
    let mut stage = talking();
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.check(&["1 left alice Released", "1 left C HungUp", "1 ended by C 16"]);
    stage.all_over();
}

#[test]
fn a_caller_who_leaves_the_queue_is_told_once() {
    let mut stage = queued();
    stage.phone("carrier").cancels();
    stage.wait(100);
    stage.check(&["1 left C HungUp", "1 ended by C 16"]);
    assert_eq!(stage.phone("carrier").answers.last().unwrap(), "INVITE 487");
    stage.all_over();
}

#[test]
fn who_waits_hears_so_every_minute() {
    let mut stage = queued();
    stage.wait(170_000);
    let queued = stage.phone("carrier").answers.iter().filter(|answer| *answer == "INVITE 182").count();
    assert!((3..=4).contains(&queued), "{queued} in 170 s");
}

#[test]
fn a_caller_who_leaves_while_it_rings_takes_the_ringing_along() {
    let mut stage = queued();
    stage.phone("alice").manners = Manners::Rings;
    stage.ring(&["alice"], 15);
    stage.wait(1_000);
    stage.phone("carrier").cancels();
    stage.wait(100);
    stage.check(&["1 rings alice", "1 left alice CallerLeft", "1 left C HungUp", "1 ended by C 16"]);
    stage.all_over();
}

#[test]
fn who_does_not_answer_refuses_or_is_not_there_is_told_as_that() {
    for (manners, left, over, secs) in [
        (Manners::Rings, "NoAnswer", "NoAnswer", 16),
        (Manners::Refuses(486), "Busy", "Declined", 1),
        (Manners::Refuses(600), "Busy", "Declined", 1),
        (Manners::RefusesAfter(500, 603), "Rejected", "Declined", 1),
        (Manners::Refuses(302), "Rejected", "Declined", 1),
        (Manners::Refuses(480), "Unreachable", "Unreachable", 1),
        (Manners::Refuses(408), "Unreachable", "Unreachable", 1),
        (Manners::Refuses(404), "Failed", "Unreachable", 1),
        (Manners::Refuses(500), "Failed", "Unreachable", 1),
        (Manners::Dead, "Unreachable", "Unreachable", 7),
    ] {
        let mut stage = queued();
        stage.phone("alice").manners = manners;
        stage.ring(&["alice"], 15);
        stage.wait(secs * 1_000);
        stage.check(&["1 rings alice", &format!("1 left alice {left}"), &format!("1 ring {over}")]);
        assert_eq!(stage.phone("carrier").answers.last().unwrap(), "INVITE 182", "waits on: {manners:?}");
        // The next one answers; the place is kept.
        stage.ring(&["bob"], 15);
        stage.wait(3_000);
        stage.check(&["1 rings bob", "1 up bob", "1 up C", "1 talks C", "1 talks bob"]);
        stage.phone("carrier").hangs_up();
        stage.wait(100);
        stage.all_over();
    }
}

#[test]
fn who_is_not_registered_is_not_tried() {
    let mut stage = queued();
    stage.phone("alice").register(0);
    stage.wait(100);
    stage.ring(&["alice"], 15);
    stage.wait(100);
    stage.check(&["1 ring Unreachable"]);
}

#[test]
fn two_phones_ring_and_the_first_to_answer_wins() {
    let mut stage = queued();
    stage.phone("dora").manners = Manners::Answers(1_000);
    stage.phone("dora-mobile").manners = Manners::Rings;
    stage.ring(&["dora"], 15);
    stage.wait(2_000);
    let told = stage.told();
    assert_eq!(told[..2], ["1 rings dora", "1 rings dora'"]);
    assert!(told[2].starts_with("1 up dora"), "{told:?}");
    assert!(told[3].starts_with("1 left dora") && told[3].ends_with("Cancelled"), "{told:?}");
    assert_eq!(told[4..], ["1 up C", "1 talks C", &told[2].replace("up", "talks")]);
    assert_eq!(stage.phone("dora-mobile").live(), 0);
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.all_over();
}

#[test]
fn a_decline_on_one_phone_leaves_the_other_ringing_and_600_ends_both() {
    for (status, rest) in [(486, true), (603, false)] {
        let mut stage = queued();
        stage.phone("dora").manners = Manners::RefusesAfter(500, status);
        stage.phone("dora-mobile").manners = Manners::Answers(2_000);
        stage.ring(&["dora"], 15);
        stage.wait(1_000);
        let ringing = stage.phone("dora-mobile").is(State::Called);
        assert_eq!(ringing, rest, "{status}");
        let over = stage.told().iter().any(|line| line == "1 ring Declined");
        assert_eq!(over, !rest, "{status}");
        stage.phone("carrier").drop_all();
        stage.wait(5_000);
        stage.phone("carrier").drop_all();
        stage.all_over();
    }
}

#[test]
fn an_offer_is_taken_back_and_the_caller_waits_on() {
    let mut stage = queued();
    stage.phone("alice").manners = Manners::Rings;
    let ring = stage.ring(&["alice"], 15);
    stage.wait(500);
    let call = stage.call();
    stage.order(Command::Withdraw { call, ring, legs: vec![stage.leg("alice")], all: true });
    stage.wait(100);
    stage.check(&["1 rings alice", "1 left alice Cancelled", "1 ring NoAnswer"]);
    assert_eq!(stage.phone("alice").live(), 0);
    assert_eq!(stage.phone("carrier").answers.last().unwrap(), "INVITE 182");
}

#[test]
fn an_offer_that_is_taken_back_in_the_moment_it_is_answered_leaves_the_caller_waiting() {
    let mut stage = talking();
    let call = stage.call();
    let ring = hookswitch_switch::OrderId(2);
    stage.order(Command::Withdraw { call, ring, legs: Vec::new(), all: true });
    stage.wait(500);
    stage.check(&["1 left alice Released", "1 apart C", "1 ring Answered"]);
    assert!(stage.phone("carrier").talk().heard.contains("a=inactive"));
    // The next agent gets the same caller, who was answered already.
    stage.ring(&["bob"], 15);
    stage.wait(3_000);
    stage.check(&["1 rings bob", "1 up bob", "1 talks C", "1 talks bob"]);
    assert!(stage.phone("carrier").talk().heard.contains("10.0.0.2"));
    assert!(stage.phone("bob").talk().heard.contains("10.1.0.1"));
    stage.phone("bob").hangs_up();
    stage.wait(100);
    stage.all_over();
}

#[test]
fn a_late_200_is_acknowledged_and_ended() {
    let mut stage = queued();
    stage.phone("alice").manners = Manners::Answers(1_000);
    stage.ring(&["alice"], 15);
    // The caller leaves in the millisecond in which alice's 200 is on its way.
    stage.wait(1_001);
    stage.phone("carrier").cancels();
    stage.wait(500);
    let told = stage.told();
    assert_eq!(told.iter().filter(|line| line.contains("ended")).count(), 1, "{told:?}");
    stage.all_over();
}

#[test]
fn every_interleaving_of_answer_and_hang_up_ends_the_call_once() {
    for offset in 990..1_020 {
        let mut stage = queued();
        stage.phone("alice").manners = Manners::Answers(1_000);
        stage.ring(&["alice"], 15);
        stage.wait(offset);
        stage.phone("carrier").drop_all();
        stage.wait(1_000);
        stage.phone("carrier").drop_all();
        stage.wait(1_000);
        let told = stage.told();
        assert_eq!(told.iter().filter(|line| line.contains("ended")).count(), 1, "{offset}: {told:?}");
        stage.all_over();
    }
}

#[test]
fn a_phone_that_holds_is_told_and_the_other_hears_of_it() {
    let mut stage = talking();
    stage.phone("alice").offers("sendonly");
    stage.wait(100);
    stage.check(&["1 holds alice"]);
    assert!(stage.phone("carrier").talk().heard.contains("a=sendonly"));
    stage.phone("alice").offers("sendrecv");
    stage.wait(100);
    stage.check(&["1 retrieves alice"]);
    assert!(stage.phone("carrier").talk().heard.contains("a=sendrecv"));
    stage.phone("alice").offers("inactive");
    stage.wait(100);
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.check(&["1 holds alice", "1 left alice Released", "1 left C HungUp", "1 ended by C 16"]);
    stage.all_over();
}

#[test]
fn two_offers_at_once_are_a_glare_and_one_of_them_is_tried_again_by_the_phone() {
    let mut stage = talking();
    stage.phone("alice").offers("sendonly");
    stage.phone("carrier").offers("sendonly");
    stage.wait(100);
    let answers = |stage: &mut Stage, name: &str| stage.phone(name).answers.last().unwrap().clone();
    let both = [answers(&mut stage, "alice"), answers(&mut stage, "carrier")];
    assert!(both.contains(&"INVITE 491".to_owned()), "{both:?}");
    assert!(stage.phone("alice").is(State::Up) && stage.phone("carrier").is(State::Up));
    stage.phone("alice").hangs_up();
    stage.wait(100);
    stage.all_over();
}

#[test]
fn what_the_other_side_does_not_accept_is_refused_and_the_call_goes_on() {
    let mut stage = talking();
    stage.phone("carrier").refuses_offers = Some(488);
    stage.phone("alice").offers("sendonly");
    stage.wait(100);
    assert_eq!(stage.phone("alice").answers.last().unwrap(), "INVITE 488");
    stage.check(&[]);
    stage.phone("alice").hangs_up();
    stage.wait(100);
    stage.all_over();
}

#[test]
fn a_phone_that_answers_without_a_voice_is_let_go_and_the_caller_waits_on() {
    let mut stage = Stage::new();
    stage.phone("carrier").calls("5003");
    stage.wait(50);
    stage.told();
    stage.phone("alice").mute = true;
    stage.ring(&["alice"], 15);
    stage.wait(3_000);
    stage.check(&["1 rings alice", "1 left alice Failed", "1 ring Unreachable"]);
    stage.ring(&["bob"], 15);
    stage.wait(3_000);
    stage.check(&["1 rings bob", "1 up bob", "1 up C", "1 talks C", "1 talks bob"]);
    stage.phone("carrier").hangs_up();
    stage.all_over();
}

#[test]
fn who_has_the_ringing_stopped_from_a_screen_declines() {
    let mut stage = Stage::new();
    stage.phone("carrier").calls("5003");
    stage.wait(50);
    stage.told();
    stage.phone("alice").manners = Manners::Rings;
    stage.ring(&["alice"], 15);
    stage.wait(3_000);
    stage.check(&["1 rings alice"]);
    let leg = stage.leg("alice");
    stage.order(Command::Hangup { leg, cause: 16 });
    stage.wait(200);
    stage.check(&["1 left alice Rejected", "1 ring Declined"]);
    stage.phone("carrier").cancels();
    stage.wait(200);
    stage.all_over();
}

#[test]
fn who_is_held_by_order_waits_again_when_the_holder_is_gone() {
    let mut stage = talking();
    let leg = stage.leg("alice");
    stage.order(Command::Hold { leg });
    stage.wait(200);
    stage.phone("alice").hangs_up();
    stage.wait(200);
    stage.check(&["1 holds alice", "1 left alice HungUp", "1 apart C", "1 waits 5003"]);
    stage.ring(&["bob"], 15);
    stage.wait(3_000);
    stage.check(&["1 rings bob", "1 up bob", "1 talks C", "1 talks bob"]);
    stage.phone("carrier").hangs_up();
    stage.all_over();
}

#[test]
fn who_is_held_by_order_and_let_go_was_hung_up_on_by_the_holder() {
    let mut stage = talking();
    let leg = stage.leg("alice");
    stage.order(Command::Hold { leg });
    stage.wait(200);
    let leg = stage.leg("carrier");
    stage.order(Command::Hangup { leg, cause: 16 });
    stage.wait(200);
    stage.check(&["1 holds alice", "1 left C Released", "1 left alice HungUp", "1 ended by alice 16"]);
    stage.all_over();
}

#[test]
fn a_held_call_by_order_is_silent_both_ways_and_comes_back() {
    let mut stage = talking();
    let leg = stage.leg("alice");
    stage.order(Command::Hold { leg });
    stage.wait(200);
    stage.check(&["1 holds alice"]);
    for name in ["alice", "carrier"] {
        assert!(stage.phone(name).talk().heard.contains("a=inactive"), "{name}");
    }
    stage.order(Command::Retrieve { leg });
    stage.wait(200);
    stage.check(&["1 retrieves alice"]);
    assert!(stage.phone("alice").talk().heard.contains("10.1.0.1"));
    assert!(stage.phone("carrier").talk().heard.contains("10.0.0.1"));
    for name in ["alice", "carrier"] {
        assert!(!stage.phone(name).talk().heard.contains("a=inactive"), "{name}");
    }
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.all_over();
}

#[test]
fn a_lost_bye_is_noticed_by_the_session_timer() {
    for (name, other) in [("carrier", "alice"), ("alice", "carrier")] {
        let mut stage = talking();
        stage.phone(name).deaf = true;
        stage.wait(1_900_000);
        let told = stage.told();
        assert!(told.contains(&"1 ended by nobody 102".to_owned()), "{told:?}");
        assert_eq!(stage.phone(other).live(), 0);
        stage.phone(name).deaf = false;
        stage.phone(name).talks.clear();
        stage.all_over();
    }
}

#[test]
fn a_reliable_caller_acknowledges_what_it_is_told() {
    let mut stage = Stage::new();
    stage.phone("carrier").calls_with("5003", |invite| invite.headers.push("Require", "100rel"));
    stage.wait(50);
    let call = stage.call();
    stage.order(Command::Queue { call, queue: "support".into() });
    stage.wait(2_000);
    let rings = stage.phone("carrier").answers.iter().filter(|answer| *answer == "INVITE 182").count();
    assert_eq!((rings, stage.phone("carrier").answers.last().unwrap().as_str()), (1, "PRACK 200"));
    stage.ring(&["alice"], 15);
    stage.wait(3_000);
    assert!(stage.phone("carrier").is(State::Up));
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.all_over();
}

#[test]
fn a_caller_without_an_offer_is_offered_what_the_agent_offers() {
    let mut stage = Stage::new();
    stage.phone("carrier").calls_with("5003", |invite| {
        invite.body = Default::default();
        invite.headers.remove(&hookswitch_sip::Name::ContentType);
    });
    stage.wait(50);
    stage.ring(&["alice"], 15);
    stage.wait(3_000);
    assert!(stage.phone("carrier").talk().heard.contains("10.0.0.1"));
    assert!(stage.phone("alice").talk().heard.contains("10.1.0.1"));
    stage.phone("alice").hangs_up();
    stage.wait(100);
    stage.all_over();
}
