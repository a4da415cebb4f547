//! What goes wrong on demand.

mod common;

use common::World;
use hookswitch_ami::Action;
use hookswitch_sim::{CallIn, Mood, Output, PbxConfig, SECOND, SessionId};

fn world() -> World {
    World::new(PbxConfig::lab(1).expect("the crate's own dialplan reads"))
}

#[test]
fn an_event_is_duplicated_or_lost_as_often_as_asked() {
    let mut world = world();
    world.pbx.duplicate_next("Newchannel", 1);
    world.pbx.lose_next("Hangup", 1);
    let call = world.call_in(0, CallIn::new("+49305550001", "5001"));
    world.hangs_up(500, call);
    assert_eq!(world.events("Newchannel").count(), 3, "two channels, one told twice");
    assert_eq!(world.events("Hangup").count(), 1, "two channels, one end lost");
}

#[test]
fn a_forgotten_hangup_is_the_only_event_that_is_missing() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5001"));
    let phone = world.answers(500, "1001");
    world.pbx.forget_hangup(call);
    world.hangs_up(1000, phone);
    assert_eq!(world.events("Hangup").count(), 1);
    assert_eq!(world.events("BridgeLeave").count(), 2);
    assert!(!world.pbx.is_alive(call), "it is over all the same");
    world.act(&Action::new("CoreShowChannels"));
    assert_eq!(world.events("CoreShowChannel").count(), 0, "and no list shows it");
}

#[test]
fn a_leg_that_vanishes_says_nothing_at_all() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5001"));
    world.answers(500, "1001");
    let before = world.frames.len();
    world.script(1000, |pbx, now| pbx.vanish(now, call));
    assert_eq!(world.frames.len(), before);
    assert_eq!(world.pbx.channel_count(), 0);
    world.call_in(2000, CallIn::new("+49305550001", "5001"));
    assert!(world.frames.len() > before, "later calls are told again");
}

#[test]
fn a_stall_holds_everything_back_in_order() {
    let mut world = world();
    world.script(0, |pbx, now| pbx.stall(now, true));
    let before = world.frames.len();
    let call = world.call_in(100, CallIn::new("+49305550001", "5001"));
    world.hangs_up(500, call);
    world.act(&Action::new("Ping"));
    assert_eq!(world.frames.len(), before);
    world.script(600, |pbx, now| pbx.stall(now, false));
    assert_eq!(world.response().get("Ping"), Some("Pong"));
    let names: Vec<&str> = world.frames[before..].iter().map(|frame| frame.name()).collect();
    assert_eq!((names.first(), names.last()), (Some(&"Newchannel"), Some(&"Success")));
}

#[test]
fn a_cut_link_leaves_the_calls_alone() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5001"));
    world.answers(500, "1001");
    world.pbx.cut_links(world.now);
    let closed =
        std::iter::from_fn(|| world.pbx.poll_output()).any(|output| matches!(output, Output::Close(_)));
    assert!(closed);
    assert!(world.pbx.is_talking(call));
}

#[test]
fn a_restart_ends_all_calls_and_numbers_channels_anew() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5001"));
    world.answers(500, "1001");
    world.script(600, |pbx, now| pbx.unregister(now, "1002"));
    let name = world.channel("trunk");
    world.at(1000);
    world.pbx.restart(world.now, true, 2 * SECOND);
    world.read();
    assert_eq!(world.events("Shutdown").count(), 1);
    assert!(!world.pbx.is_alive(call));
    assert_eq!(world.events("Hangup").count(), 0, "nobody is told of the ends");

    let newcomer = SessionId(9);
    let answers = |world: &mut World, now| {
        world.pbx.connect(now, newcomer);
        std::iter::from_fn(|| world.pbx.poll_output()).last()
    };
    let early = world.now + SECOND;
    assert_eq!(answers(&mut world, early), Some(Output::Close(newcomer)), "while it is down");
    let late = world.now + 3 * SECOND;
    assert!(
        matches!(answers(&mut world, late), Some(Output::Send(_, banner)) if banner.starts_with(b"Asterisk Call"))
    );

    world.call_in(5000, CallIn::new("+49305550001", "5001"));
    assert_eq!(world.channel("trunk"), name, "the numbers begin again");
    assert!(
        world.pbx.dial(world.now, "1002", "1001").is_none(),
        "registrations outlive a restart, as do removals"
    );
}

#[test]
fn a_dead_phone_is_silent_until_the_ring_time_is_over() {
    let mut world = world();
    world.mood(0, "1001", Mood::Dead);
    let call = world.call_in(0, CallIn::new("+49305550001", "5001"));
    world.at(29_000);
    assert_eq!(world.events("DialState").count(), 0);
    assert!(world.pbx.is_alive(call));
    world.at(31_000);
    assert_eq!(world.events("DialEnd").next().and_then(|frame| frame.get("DialStatus")), Some("NOANSWER"));
    assert!(!world.pbx.is_alive(call));
}
