//! Callers who are asked and told: menus, announcements, farewells, and the keys in them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks for one kind of event"
)]

mod common;

use common::{Stage, phone::State, settings, spoken};
use hookswitch_switch::{Command, MediaOut, OrderId, settings::MediaPorts};

/// A customer waits for a route, at a switch that can speak.
fn called_with(change: impl FnOnce(&mut hookswitch_sip::Request)) -> Stage {
    let mut settings = settings();
    settings.media = Some(MediaPorts { address: "10.9.9.9".parse().unwrap(), first: 20_000, last: 20_003 });
    settings.spoken = spoken();
    let mut stage = Stage::with(settings, 1);
    stage.phone("carrier").calls_with("5003", change);
    stage.wait(50);
    stage.check(&["1 started inbound C carrier -> 5003", "1 waits 5003"]);
    stage
}

fn called() -> Stage {
    called_with(|_| {})
}

fn asks(stage: &mut Stage, menu: &str) -> OrderId {
    let call = stage.call();
    stage.order(Command::Menu { call, menu: menu.to_owned() })
}

fn queues(stage: &mut Stage, queue: &str) -> OrderId {
    let call = stage.call();
    stage.order(Command::Queue { call, queue: queue.to_owned() })
}

fn presses(stage: &mut Stage, keys: &str) {
    for key in keys.chars() {
        stage.phone("carrier").presses(key);
        stage.wait(100);
    }
}

/// How many packets of voice went out since the last look.
fn heard(stage: &mut Stage) -> usize {
    std::mem::take(&mut stage.media).iter().filter(|out| matches!(out, MediaOut::Send { .. })).count()
}

#[test]
fn a_menu_answers_the_caller_and_a_key_cuts_its_prompt_short() {
    for late in [false, true] {
        let mut stage = called_with(|invite| {
            if late {
                invite.body = Default::default();
                invite.headers.remove(&hookswitch_sip::Name::ContentType);
            }
        });
        asks(&mut stage, "main");
        stage.wait(500);
        stage.check(&["1 up C"]);
        assert!((23..=26).contains(&heard(&mut stage)), "half of what is said");
        presses(&mut stage, "2");
        stage.check(&["1 data ivr.main=support", "1 waits 5003"]);
        heard(&mut stage);
        stage.wait(1_000);
        assert_eq!(heard(&mut stage), 0, "nothing is said any more");
        queues(&mut stage, "told");
        stage.ring(&["alice"], 15);
        stage.wait(3_000);
        stage.check(&["1 rings alice", "1 up alice", "1 talks C", "1 talks alice"]);
        assert_eq!(stage.switch.load().ports, 0);
        stage.phone("carrier").hangs_up();
        stage.all_over();
    }
}

#[test]
fn a_wrong_key_is_said_to_be_and_asked_again_and_silence_is_the_other_choice() {
    let mut stage = called();
    asks(&mut stage, "main");
    stage.wait(100);
    presses(&mut stage, "9");
    heard(&mut stage);
    stage.wait(5_900);
    assert!((50..=60).contains(&heard(&mut stage)), "what was wrong, and the prompt again");
    stage.check(&["1 up C"]);
    stage.wait(400);
    stage.check(&["1 data ivr.main=operator", "1 waits 5003"]);
    stage.phone("carrier").hangs_up();
    stage.all_over();
}

#[test]
fn digits_are_collected_until_there_are_enough_or_hash_or_silence_ends_them() {
    for (keys, wait, number) in [("4711", 0, "4711"), ("47#", 0, "47"), ("47", 5_000, "47")] {
        let mut stage = called();
        asks(&mut stage, "account");
        stage.wait(300);
        presses(&mut stage, keys);
        stage.wait(wait);
        stage.check(&["1 up C", &format!("1 data ivr.main={number}"), "1 waits 5003"]);
        stage.phone("carrier").hangs_up();
        stage.all_over();
    }
}

#[test]
fn a_menu_that_is_not_there_or_cannot_be_heard_is_passed_over() {
    let mut stage = called();
    asks(&mut stage, "nothing");
    stage.check(&["1 waits 5003"]);
    let mut stage = called_with(|invite| {
        invite.body = String::from_utf8_lossy(&invite.body).replace("RTP/AVP 8 0 101", "RTP/AVP 9").into();
    });
    asks(&mut stage, "main");
    stage.check(&["1 waits 5003"]);
    assert_eq!(stage.switch.load().ports, 0);
    stage.phone("carrier").cancels();
    stage.all_over();
}

#[test]
fn who_hangs_up_in_a_menu_is_gone() {
    let mut stage = called();
    asks(&mut stage, "main");
    stage.wait(300);
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.check(&["1 up C", "1 left C HungUp", "1 ended by C 16"]);
    stage.all_over();
    stage.check(&[]);
}

#[test]
fn nobody_is_rung_for_who_is_in_a_menu() {
    let mut stage = called();
    asks(&mut stage, "main");
    stage.ring(&["alice"], 15);
    asks(&mut stage, "account");
    let refused = "refused: not possible as things are";
    stage.check(&["1 up C", refused, refused]);
    stage.phone("carrier").drop_all();
    stage.all_over();
}

#[test]
fn a_caller_of_a_queue_that_speaks_is_answered_and_told_the_place() {
    let mut stage = called();
    queues(&mut stage, "told");
    stage.wait(1_000);
    stage.check(&["1 up C"]);
    assert_eq!(heard(&mut stage), 0, "no music, nothing said");
    let call = stage.call();
    stage.order(Command::Announce { call, queue: "told".into(), position: Some(3), wait: None });
    stage.wait(1_000);
    assert_eq!(heard(&mut stage), 25, "the place of 0.3 s and the number of 0.2 s");
    presses(&mut stage, "1");
    stage.check(&["1 key 1 of C"]);
    stage.phone("carrier").hangs_up();
    stage.all_over();
}

#[test]
fn an_agent_answers_in_the_middle_of_an_announcement() {
    let mut stage = called();
    queues(&mut stage, "told");
    stage.wait(100);
    let call = stage.call();
    stage.order(Command::Announce { call, queue: "told".into(), position: Some(3), wait: None });
    stage.phone("alice").manners = common::phone::Manners::Answers(200);
    stage.ring(&["alice"], 15);
    stage.wait(1_000);
    stage.check(&["1 up C", "1 rings alice", "1 up alice", "1 talks C", "1 talks alice"]);
    assert!(heard(&mut stage) < 20, "it is cut off");
    stage.phone("carrier").hangs_up();
    stage.all_over();
}

#[test]
fn a_farewell_is_said_to_its_end_whatever_is_pressed_and_then_it_is_hung_up() {
    let mut stage = called();
    queues(&mut stage, "told");
    stage.wait(100);
    let leg = stage.leg("carrier");
    stage.order(Command::Farewell { leg, prompt: "bye".into() });
    stage.wait(100);
    presses(&mut stage, "5");
    stage.check(&["1 up C"]);
    assert!(stage.phone("carrier").is(State::Up));
    stage.wait(500);
    assert_eq!(heard(&mut stage), 25);
    stage.check(&["1 left C Released", "1 ended by nobody 16"]);
    stage.all_over();
}
