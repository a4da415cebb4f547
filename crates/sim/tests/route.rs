//! Route mode: the dialplan that `hookswitch dialplan` prints, run by the simulator.

mod common;

use std::collections::BTreeMap;

use common::World;
use hookswitch_ami::Action;
use hookswitch_normalize::dialplan::text::{Context, Exten, MusicClass, UserName};
use hookswitch_normalize::dialplan::{DialplanSettings, Fallback, FeatureCodes, print};
use hookswitch_sim::{CallIn, LegId, Mood, PbxConfig, SECOND};

/// A PBX with the generated contexts, and a daemon's heartbeat.
fn world() -> World {
    let code = |code: &str| Some(Exten::new(code).expect("a code"));
    let generated = print(&DialplanSettings {
        username: UserName::new("hookswitch").expect("a user"),
        dial_context: Context::new("from-internal").expect("a context"),
        fallback: Fallback::goto("from-internal,600,1").expect("a place"),
        queue_fallbacks: BTreeMap::new(),
        music: MusicClass::new("default").expect("a class"),
        menus: Vec::new(),
        features: FeatureCodes {
            login: code("*50"),
            logout: code("*51"),
            pause: code("*52"),
            ready: code("*53"),
        },
    });
    let mut world =
        World::new(PbxConfig::lab_with_generated(1, &generated).expect("the generated text reads"));
    heartbeat(&mut world);
    world
}

fn setvar(world: &mut World, channel: Option<&str>, name: &str, value: &str) {
    let action = Action::new("Setvar").header_if("Channel", channel);
    world.act(&action.header("Variable", name).header("Value", value));
    assert_eq!(world.response().get("Message"), Some("Variable Set"), "{name}");
}

fn heartbeat(world: &mut World) {
    let epoch = (world.now / SECOND).to_string();
    setvar(world, None, "HS_HEARTBEAT", &epoch);
}

/// What the daemon does to offer a call.
fn offer(world: &mut World, id: &str, devices: &str) {
    heartbeat(world);
    let channel = world.channel("trunk");
    for (name, value) in [("HS_RING", devices), ("HS_TIMEOUT", "15"), ("HS_OFFER", id)] {
        setvar(world, Some(&channel), name, value);
    }
    let redirect = Action::new("Redirect").header("Channel", channel.as_str());
    world.act(&redirect.header("Context", "hookswitch-ring").header("Exten", "s").header("Priority", "1"));
    assert_eq!(world.response().get("Message"), Some("Redirect successful"));
}

/// Results of offers as the dialplan told them: offer, status, cause.
fn results(world: &World) -> Vec<String> {
    let events = world.events("UserEvent").filter(|frame| frame.get("UserEvent") == Some("HookswitchResult"));
    let part = |frame: &hookswitch_ami::Frame, key| frame.get(key).unwrap_or_default().to_owned();
    events.map(|f| format!("{} {} {}", part(f, "Offer"), part(f, "Status"), part(f, "Cause"))).collect()
}

fn user_events(world: &World) -> Vec<&str> {
    world.events("UserEvent").filter_map(|frame| frame.get("UserEvent")).collect()
}

/// The caller hears the music of the waiting room and is at nobody's phone.
fn waits(world: &World, call: LegId) -> bool {
    world.pbx.music_of(call).is_some() && !world.pbx.is_talking(call) && world.pbx.is_alive(call)
}

#[test]
fn a_number_handed_over_waits_with_music_and_says_so() {
    let mut world = world();
    let call = world.call_in(0, CallIn { withheld: true, ..CallIn::new("+49305550001", "5003") });
    world.wait(100);
    assert!(waits(&world, call));
    let route = world.events("UserEvent").next().expect("HookswitchRoute");
    assert_eq!((route.get("UserEvent"), route.get("Dnis")), (Some("HookswitchRoute"), Some("5003")));
    assert_eq!(route.get("CallerIDNum"), Some("+49305550001"));
    assert_eq!(route.chan_variable("HS_CALL"), route.get("Uniqueid"));
    assert_eq!(route.chan_variable("CALLERID(pres)"), Some("prohib_not_screened"));
    assert!(world.pbx.warnings().is_empty(), "{:?}", world.pbx.warnings());
}

#[test]
fn declined_unregistered_unanswered_and_answered_come_back_as_they_should() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5003"));
    world.mood(100, "1001", Mood::Refuse(603));
    offer(&mut world, "o1", "PJSIP/1001");
    world.wait(100);
    assert!(waits(&world, call));
    world.script(400, |pbx, now| pbx.unregister(now, "1003"));
    offer(&mut world, "o2", "PJSIP/1003");
    assert!(waits(&world, call));
    world.mood(500, "1002", Mood::Refuse(486));
    offer(&mut world, "o3", "PJSIP/1002");
    world.at(700);
    offer(&mut world, "o4", "PJSIP/1004");
    world.at(15_600);
    heartbeat(&mut world);
    assert!(world.pbx.ringing_leg("1004").is_some(), "the ring time is not over");
    world.at(15_800);
    assert!(waits(&world, call));
    offer(&mut world, "o5", "PJSIP/1005&PJSIP/1006");
    let phone = world.answers(16_800, "1006");
    assert!(world.pbx.partners(phone).contains(&call));
    assert_eq!(world.pbx.ringing_leg("1005"), None, "the other phone has stopped");
    world.hangs_up(20_000, phone);
    assert!(!world.pbx.is_alive(call));
    let expected = ["o1 CHANUNAVAIL 21", "o2 CHANUNAVAIL 3", "o3 BUSY 17", "o4 NOANSWER 0", "o5 ANSWER 16"];
    assert_eq!(results(&world), expected);
    assert!(world.pbx.warnings().is_empty(), "{:?}", world.pbx.warnings());
}

#[test]
fn a_withdrawn_offer_stops_ringing_and_the_caller_waits_on() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5003"));
    world.at(100);
    offer(&mut world, "o1", "PJSIP/1001");
    world.at(1000);
    let channel = world.channel("trunk");
    setvar(&mut world, Some(&channel), "HS_WITHDRAW", "o1");
    world.act(&Action::new("Hangup").header("Channel", world.channel("1001")));
    assert_eq!(world.response().get("Message"), Some("Channel Hungup"));
    world.wait(10);
    assert_eq!(world.pbx.ringing_leg("1001"), None);
    assert!(waits(&world, call));
    assert_eq!(results(&world), ["o1 CHANUNAVAIL 0"]);
}

#[test]
fn a_withdrawal_that_loses_the_race_to_the_answer_puts_the_caller_back() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5003"));
    world.at(100);
    offer(&mut world, "o1", "PJSIP/1001");
    let phone = world.answers(1000, "1001");
    let channel = world.channel("trunk");
    setvar(&mut world, Some(&channel), "HS_WITHDRAW", "o1");
    world.act(&Action::new("Hangup").header("Channel", world.channel("1001")));
    world.wait(10);
    assert!(!world.pbx.is_alive(phone));
    assert!(waits(&world, call));
}

#[test]
fn a_silent_daemon_means_the_fallback_within_fifteen_seconds() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5003"));
    world.at(8_000);
    assert!(waits(&world, call), "the heartbeat is fresh enough");
    world.at(15_000);
    assert!(world.pbx.ringing_leg("1008").is_some(), "{:?}", user_events(&world));
    assert_eq!(user_events(&world), ["HookswitchRoute", "HookswitchFallback"]);
}

#[test]
fn a_fresh_heartbeat_keeps_callers_waiting() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5003"));
    for second in 1..40 {
        world.at(second * 3000);
        heartbeat(&mut world);
        assert!(waits(&world, call), "after {} s", second * 3);
    }
}

#[test]
fn the_callers_end_takes_the_ringing_phone_with_it() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5003"));
    world.at(100);
    offer(&mut world, "o1", "PJSIP/1001&PJSIP/1002");
    world.hangs_up(2000, call);
    assert_eq!(world.pbx.channel_count(), 0);
    assert_eq!(results(&world), Vec::<String>::new());
}

#[test]
fn an_agent_logs_in_and_pauses_by_phone() {
    let mut world = world();
    for (at, code) in [(0, "*50"), (2000, "*52"), (4000, "*53"), (6000, "*51")] {
        world.script(at, |pbx, now| pbx.dial(now, "1001", code)).expect("1001 is registered");
    }
    world.at(9000);
    let agent = world.events("UserEvent").map(|frame| (frame.get("Do"), frame.get("CallerIDNum")));
    let expected = ["login", "pause", "ready", "logout"].map(|what| (Some(what), Some("1001")));
    assert_eq!(agent.collect::<Vec<_>>(), expected);
    assert_eq!(world.pbx.channel_count(), 0);
    assert!(world.pbx.warnings().is_empty(), "{:?}", world.pbx.warnings());
}

#[test]
fn a_digit_before_the_queue_reaches_the_client_as_data() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5005"));
    world.script(1000, |pbx, now| pbx.digits(now, call, "2"));
    world.wait(100);
    let data = world.events("UserEvent").next().expect("data");
    assert_eq!((data.get("UserEvent"), data.get("choice")), (Some("HookswitchData"), Some("2")));
    assert!(waits(&world, call));
}

#[test]
fn an_attended_transfer_of_a_routed_call_ends_by_dialplan() {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5003"));
    world.at(100);
    offer(&mut world, "o1", "PJSIP/1001");
    let phone = world.answers(1000, "1001");
    let consult = world.script(2000, |pbx, now| {
        pbx.hold(now, phone);
        pbx.dial(now, "1001", "1002").expect("1001 is registered")
    });
    let target = world.answers(3000, "1002");
    assert!(world.script(4000, |pbx, now| pbx.refer_replaces(now, phone, consult)));
    assert!(world.pbx.partners(target).contains(&call));
    world.hangs_up(5000, target);
    assert_eq!(world.pbx.channel_count(), 0);
    assert_eq!(results(&world), ["o1 ANSWER 16"]);
}
