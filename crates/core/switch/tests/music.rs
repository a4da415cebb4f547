//! Callers who are answered to wait: music, keys, and then the agent end to end.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks for one kind of event"
)]

mod common;

use std::sync::Arc;

use common::{Stage, phone::State, settings};
use hookswitch_media::{Clip, Codec, Key, Stream};
use hookswitch_sip::message::Method;
use hookswitch_switch::{Command, MediaOut, settings::MediaPorts};

/// A customer waits in a queue with music.
fn waiting(change: impl FnOnce(&mut hookswitch_sip::Request)) -> Stage {
    let mut settings = settings();
    settings.media = Some(MediaPorts { address: "10.9.9.9".parse().unwrap(), first: 20_000, last: 20_003 });
    let clip = Clip::linear(&[1_000; 1_600]).unwrap();
    settings.music.insert("support".to_owned(), Arc::new(clip));
    let mut stage = Stage::with(settings, 1);
    stage.phone("carrier").calls_with("5003", change);
    stage.wait(50);
    let call = stage.call();
    stage.order(Command::Queue { call, queue: "support".into() });
    stage.wait(1_000);
    stage
}

#[test]
fn the_caller_is_answered_and_hears_fifty_packets_a_second() {
    let mut stage = waiting(|_| {});
    stage.check(&["1 started inbound C carrier -> 5003", "1 waits 5003", "1 up C"]);
    assert!(stage.phone("carrier").talk().heard.contains("c=IN IP4 10.9.9.9"));
    assert_eq!(stage.media[0], MediaOut::Open(20_000));
    let sent = stage.media.iter().filter(|out| {
        matches!(out, MediaOut::Send { port: 20_000, to, .. } if *to == "10.1.0.1:4002".parse().unwrap())
    });
    let sent = sent.count();
    assert!((48..=51).contains(&sent), "{sent} in a second");
}

/// The answer names one codec, our offers name both: that alone is no reason to offer anew.
#[test]
fn who_hears_the_music_is_not_asked_again_what_was_agreed() {
    let mut stage = waiting(|_| {});
    let invites = |stage: &mut Stage| {
        let requests = &stage.phone("carrier").requests;
        requests.iter().filter(|request| request.method == Method::Invite).count()
    };
    assert_eq!(invites(&mut stage), 0);
    stage.phone("carrier").offers("sendonly");
    stage.wait(200);
    stage.phone("carrier").offers("sendrecv");
    stage.wait(200);
    assert_eq!(invites(&mut stage), 0, "hold and back are the caller's own offers");
    assert!(stage.phone("carrier").talk().heard.contains("m=audio 20000 "));
}

#[test]
fn a_key_is_told_once_however_often_its_packets_come() {
    let mut stage = waiting(|_| {});
    stage.told();
    let span = |stage: &Stage| std::time::Duration::from_micros(stage.now.as_micros());
    let mut keys = Stream::new(span(&stage), Codec::Pcma, Some(101), 5);
    assert!(keys.press(span(&stage), Key::new('5').unwrap()));
    for _ in 0..15 {
        while let Some(packet) = keys.poll(span(&stage)) {
            for _ in 0..2 {
                stage.switch.media(stage.now, 20_000, "10.1.0.1:4002".parse().unwrap(), &packet);
            }
        }
        stage.wait(20);
    }
    stage.check(&["1 key 5 of C"]);
}

#[test]
fn the_agent_takes_over_from_the_music_and_the_port_is_given_back() {
    for late in [false, true] {
        let mut stage = waiting(|invite| {
            if late {
                invite.body = Default::default();
                invite.headers.remove(&hookswitch_sip::Name::ContentType);
            }
        });
        stage.told();
        stage.ring(&["alice"], 15);
        stage.wait(3_000);
        stage.check(&["1 rings alice", "1 up alice", "1 talks C", "1 talks alice"]);
        assert!(stage.phone("carrier").talk().heard.contains("c=IN IP4 10.0.0.1"));
        assert!(stage.phone("alice").talk().heard.contains("c=IN IP4 10.1.0.1"));
        assert_eq!(stage.switch.load().ports, 0);
        assert_eq!(stage.media.last(), Some(&MediaOut::Close(20_000)));
        stage.phone("carrier").hangs_up();
        stage.wait(200);
        stage.all_over();
    }
}

/// The agent holds while the caller is still being told where the agent is: no glare of the two.
#[test]
fn a_hold_waits_until_the_caller_may_be_told_of_it() {
    let mut stage = waiting(|_| {});
    stage.ring(&["alice"], 15);
    let offers = |stage: &mut Stage| {
        let requests = &stage.phone("carrier").requests;
        requests.iter().filter(|request| request.method == Method::Invite).count()
    };
    while !stage.phone("alice").talks.iter().any(|talk| talk.state == State::Up) {
        stage.wait(1);
    }
    stage.told();
    assert_eq!(offers(&mut stage), 0, "our offer to the caller is still to come, or under way");
    stage.phone("alice").offers("sendonly");
    stage.wait(1_000);
    stage.check(&["1 up alice", "1 talks C", "1 talks alice", "1 holds alice"]);
    assert_eq!(stage.phone("alice").answers.last().unwrap(), "INVITE 200");
    assert!(!stage.phone("alice").answers.contains(&"INVITE 491".to_owned()));
    assert!(stage.phone("carrier").talk().heard.contains("a=sendonly"));
    stage.phone("carrier").hangs_up();
    stage.wait(200);
    stage.all_over();
}

/// The agent waits with a hold when the caller leaves: the phone gets an answer to it.
#[test]
fn a_hold_that_waits_is_answered_when_the_call_ends() {
    let mut stage = waiting(|_| {});
    stage.ring(&["alice"], 15);
    while !stage.phone("alice").talks.iter().any(|talk| talk.state == State::Up) {
        stage.wait(1);
    }
    stage.phone("carrier").hangs_up();
    stage.phone("alice").offers("sendonly");
    stage.wait(1_000);
    let refused = ["INVITE 487", "INVITE 481"];
    assert!(stage.phone("alice").answers.iter().any(|answer| refused.contains(&answer.as_str())));
    stage.all_over();
}

#[test]
fn who_finds_no_port_waits_without_music_until_there_is_one() {
    let mut stage = waiting(|_| {});
    for _ in 0..2 {
        stage.phone("carrier").calls("5003");
        stage.wait(50);
        let call = stage.call();
        stage.order(Command::Queue { call, queue: "support".into() });
        stage.wait(100);
    }
    assert_eq!(stage.switch.load().ports, 2);
    assert_eq!(stage.phone("carrier").answers.last().unwrap(), "INVITE 182");
    assert!(stage.phone("carrier").is(State::Calling));
    assert_eq!(stage.switch.counters().unheard, 1);
    // Until another gives a port back.
    stage.phone("carrier").hang_up(0);
    stage.wait(1_000);
    assert_eq!(stage.phone("carrier").answers.last().unwrap(), "INVITE 200");
    assert!(stage.phone("carrier").is(State::Up));
    assert_eq!(stage.switch.load().ports, 2);
    let hears = |out: &&MediaOut| matches!(out, MediaOut::Send { to, .. } if to.port() == 4_006);
    assert!(stage.media.iter().filter(hears).count() > 40);
    stage.phone("carrier").drop_all();
    stage.wait(1_000);
    stage.all_over();
}

#[test]
fn a_port_that_somebody_else_has_is_passed_over_until_there_is_no_other() {
    let mut stage = waiting(|_| {});
    let opened = |stage: &Stage| {
        let ports = stage.media.iter().filter_map(|out| match out {
            MediaOut::Open(port) => Some(*port),
            _ => None,
        });
        ports.collect::<Vec<_>>()
    };
    assert_eq!(opened(&stage), [20_000]);
    stage.switch.port_failed(20_000);
    for _ in 0..2 {
        stage.phone("carrier").hangs_up();
        stage.wait(1_000);
        stage.phone("carrier").calls("5003");
        stage.wait(50);
        let call = stage.call();
        stage.order(Command::Queue { call, queue: "support".into() });
        stage.wait(1_000);
    }
    assert_eq!(opened(&stage), [20_000, 20_002, 20_002], "20000 is not tried");
    stage.switch.port_failed(20_002);
    stage.phone("carrier").hangs_up();
    stage.wait(1_000);
    stage.phone("carrier").calls("5003");
    stage.wait(50);
    let call = stage.call();
    stage.order(Command::Queue { call, queue: "support".into() });
    stage.wait(1_000);
    assert_eq!(opened(&stage).last(), Some(&20_000), "there is no other");
}
