//! The simulator against the recordings of the project's own test bench: transfers, consultations, pick-up, route mode.

mod common;

use common::{World, compare};
use hookswitch_ami::Action;
use hookswitch_sim::{CallIn, LegId, Mood, PbxConfig};

/// The simulated office has the dialplan of the test bench.
fn world() -> World {
    World::new(PbxConfig::lab(1).expect("the crate's own dialplan reads"))
}

/// The caller of all recordings.
fn caller(dnis: &str) -> CallIn {
    CallIn { name: "ACME GmbH".to_owned(), ..CallIn::new("+49305550001", dnis) }
}

/// These recordings were read without the classes `dialplan` and `dtmf`.
fn check(story: &str, world: &World) {
    compare("captures-own", story, world, &["Newexten", "NewCallerid"]);
}

/// A call to 5001 that 1001 answers.
fn answered(world: &mut World) -> (LegId, LegId) {
    let call = world.call_in(3, caller("5001"));
    (call, world.answers(406, "1001"))
}

/// The phone of 1001 holds and calls another.
fn consults(world: &mut World, phone: LegId, exten: &str) -> LegId {
    world.script(1209, |pbx, now| pbx.hold(now, phone));
    world.script(1709, |pbx, now| pbx.dial(now, "1001", exten)).expect("1001 is registered")
}

#[test]
fn two_phones() {
    let mut world = world();
    let call = world.call_in(3, caller("5011"));
    world.answers(807, "1002");
    world.hangs_up(1809, call);
    check("two-phones", &world);
}

#[test]
fn two_phones_decline() {
    let mut world = world();
    world.call_in(4, caller("5011"));
    world.script(607, |pbx, now| pbx.decline_leg(now, pbx.ringing_leg("1001").expect("rings"), 486));
    let phone = world.answers(1408, "1002");
    world.hangs_up(2410, phone);
    check("two-phones-decline", &world);
}

#[test]
fn two_phones_abandoned() {
    let mut world = world();
    let call = world.call_in(4, caller("5011"));
    world.hangs_up(1500, call);
    check("two-phones-abandoned", &world);
}

#[test]
fn direct_unregistered() {
    let mut world = world();
    world.script(0, |pbx, now| pbx.unregister(now, "1001"));
    world.call_in(6, caller("5001"));
    world.wait(100);
    check("direct-unregistered", &world);
}

#[test]
fn internal_answered() {
    let mut world = world();
    let call = world.script(4, |pbx, now| pbx.dial(now, "1001", "1002")).expect("1001 is registered");
    world.answers(807, "1002");
    world.hangs_up(1808, call);
    check("internal-answered", &world);
}

#[test]
fn blind_unregistered() {
    let mut world = world();
    world.script(0, |pbx, now| pbx.unregister(now, "1007"));
    let (_, phone) = answered(&mut world);
    assert!(world.script(1207, |pbx, now| pbx.refer(now, phone, "1007")));
    check("blind-unregistered", &world);
}

#[test]
fn blind_nowhere() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    assert!(!world.script(1208, |pbx, now| pbx.refer(now, phone, "4444")));
    world.hangs_up(2708, call);
    check("blind-nowhere", &world);
}

#[test]
fn attended_cancelled() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    let consult = consults(&mut world, phone, "1002");
    world.answers(2521, "1002");
    world.hangs_up(3523, consult);
    world.script(3823, |pbx, now| pbx.unhold(now, phone));
    world.hangs_up(5023, call);
    check("attended-cancelled", &world);
}

#[test]
fn attended_declined() {
    let mut world = world();
    world.mood(0, "1002", Mood::Refuse(603));
    let (call, phone) = answered(&mut world);
    consults(&mut world, phone, "1002");
    world.script(2014, |pbx, now| pbx.unhold(now, phone));
    world.hangs_up(3214, call);
    check("attended-declined", &world);
}

#[test]
fn attended_target_leaves() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    consults(&mut world, phone, "1002");
    let target = world.answers(2513, "1002");
    world.hangs_up(3514, target);
    world.script(3800, |pbx, now| pbx.unhold(now, phone));
    world.hangs_up(5016, call);
    check("attended-target-leaves", &world);
}

#[test]
fn attended_caller_leaves() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    consults(&mut world, phone, "1002");
    let target = world.answers(2513, "1002");
    world.hangs_up(3512, call);
    world.hangs_up(4714, target);
    check("attended-caller-leaves", &world);
}

#[test]
fn attended_chain() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    let consult = consults(&mut world, phone, "1002");
    let second = world.answers(2515, "1002");
    assert!(world.script(3516, |pbx, now| pbx.refer_replaces(now, phone, consult)));
    world.script(5021, |pbx, now| pbx.hold(now, second));
    let consult = world.script(5521, |pbx, now| pbx.dial(now, "1002", "1003")).expect("1002 is registered");
    world.answers(6326, "1003");
    assert!(world.script(7327, |pbx, now| pbx.refer_replaces(now, second, consult)));
    world.hangs_up(8830, call);
    check("attended-chain", &world);
}

#[test]
fn attended_blonde() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    let consult = consults(&mut world, phone, "1002");
    assert!(world.script(2727, |pbx, now| pbx.refer_replaces(now, phone, consult)));
    world.answers(3927, "1002");
    world.hangs_up(5128, call);
    check("attended-blonde", &world);
}

#[test]
fn attended_blonde_noanswer() {
    let mut world = world();
    let (_, phone) = answered(&mut world);
    let consult = consults(&mut world, phone, "1002");
    assert!(world.script(2722, |pbx, now| pbx.refer_replaces(now, phone, consult)));
    world.at(23_000);
    check("attended-blonde-noanswer", &world);
}

/// The manager starts a consultation of 1001.
fn atxfer(world: &mut World) {
    world.at(1208);
    let action = Action::new("Atxfer").header("Channel", world.channel("1001"));
    world.act(&action.header("Context", "from-internal").header("Exten", "1002"));
    assert_eq!(world.response().get("Message"), Some("Atxfer successfully queued"));
}

#[test]
fn ami_attended_cancel() {
    let mut world = world();
    let (call, _) = answered(&mut world);
    atxfer(&mut world);
    world.answers(2437, "1002");
    world.at(3438);
    world.act(&Action::new("CancelAtxfer").header("Channel", world.channel("1001")));
    world.hangs_up(4938, call);
    check("ami-attended-cancel", &world);
}

#[test]
fn pickup_directed() {
    let mut world = world();
    world.call_in(6, caller("5001"));
    let phone = world.script(809, |pbx, now| pbx.dial(now, "1003", "*71001")).expect("1003 is registered");
    world.hangs_up(2028, phone);
    check("pickup-directed", &world);
}

#[test]
fn local_kept() {
    let mut world = world();
    world.call_in(5, caller("5014"));
    let phone = world.answers(411, "1001");
    world.script(2011, |pbx, now| pbx.hold(now, phone));
    world.script(2911, |pbx, now| pbx.unhold(now, phone));
    world.hangs_up(3612, phone);
    check("local-kept", &world);
}

#[test]
fn withheld_number_is_known_and_marked() {
    let mut world = world();
    let call = world.call_in(15, CallIn { withheld: true, ..caller("5001") });
    world.answers(620, "1001");
    world.hangs_up(1620, call);
    check("withheld-pai", &world);
    let answered = world.events("BridgeEnter").find(|frame| frame.get("CallerIDNum") == Some("+49305550001"));
    let presentation = answered.and_then(|frame| frame.chan_variable("CALLERID(pres)"));
    assert_eq!(presentation, Some("prohib_not_screened"));
}

#[test]
fn diverted_call_names_who_diverted_it() {
    let mut world = world();
    let diverted = Some(("0800111222".to_owned(), "cfu".to_owned()));
    let call = world.call_in(1, CallIn { diverted, ..caller("5001") });
    world.answers(613, "1001");
    world.hangs_up(1614, call);
    check("diverted", &world);
    let mut ends = world.events("Hangup");
    let last = ends.find(|frame| frame.get("CallerIDNum") == Some("+49305550001")).expect("it ended");
    assert_eq!(last.chan_variable("REDIRECTING(from-num)"), Some("0800111222"));
    assert_eq!(last.chan_variable("REDIRECTING(reason)"), Some("cfu"));
}

#[test]
fn feature_blind() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    world.script(1220, |pbx, now| pbx.digits(now, phone, "##1002"));
    world.answers(4235, "1002");
    world.hangs_up(5236, call);
    check("feature-blind", &world);
}

#[test]
fn feature_attended() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    world.script(1208, |pbx, now| pbx.digits(now, phone, "*21002"));
    world.answers(4226, "1002");
    world.hangs_up(5426, phone);
    world.hangs_up(6427, call);
    check("feature-attended", &world);
}

#[test]
fn feature_attended_cancel() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    world.script(1209, |pbx, now| pbx.digits(now, phone, "*21002"));
    world.answers(4226, "1002");
    world.script(5226, |pbx, now| pbx.digits(now, phone, "*1"));
    world.hangs_up(6426, call);
    check("feature-attended-cancel", &world);
}

#[test]
fn feature_blonde() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    world.script(1206, |pbx, now| pbx.digits(now, phone, "*21002"));
    world.hangs_up(4426, phone);
    world.answers(5626, "1002");
    world.hangs_up(6826, call);
    // Whether the end of an optimised half is requested before it comes is a race.
    compare("captures-own", "feature-blonde", &world, &["Newexten", "NewCallerid", "HangupRequest"]);
}

#[test]
fn ami_attended() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    atxfer(&mut world);
    world.answers(2435, "1002");
    world.hangs_up(3635, phone);
    world.hangs_up(4636, call);
    check("ami-attended", &world);
}

#[test]
fn local_optimised() {
    let mut world = world();
    let call = world.call_in(6, caller("5012"));
    let phone = world.answers(411, "1001");
    world.script(2011, |pbx, now| pbx.hold(now, phone));
    world.script(2911, |pbx, now| pbx.unhold(now, phone));
    world.hangs_up(3612, call);
    check("local-optimised", &world);
}

#[test]
fn park_retrieve() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    assert!(world.script(1209, |pbx, now| pbx.refer(now, phone, "700")));
    world.script(2713, |pbx, now| pbx.dial(now, "1002", "701")).expect("1002 is registered");
    world.hangs_up(4000, call);
    check("park-retrieve", &world);
}

#[test]
fn park_abandoned() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    assert!(world.script(1207, |pbx, now| pbx.refer(now, phone, "700")));
    world.hangs_up(2707, call);
    world.hangs_up(3307, phone);
    check("park-abandoned", &world);
}

#[test]
fn park_timeout() {
    let mut world = world();
    let (call, phone) = answered(&mut world);
    assert!(world.script(1207, |pbx, now| pbx.refer(now, phone, "700")));
    world.answers(31_709, "1001");
    world.hangs_up(32_910, call);
    check("park-timeout", &world);
}

#[test]
fn voicemail() {
    let mut world = world();
    let call = world.call_in(9, caller("5016"));
    world.hangs_up(6014, call);
    check("voicemail", &world);
}

#[test]
fn queue_rona() {
    let mut world = world();
    let call = world.call_in(8, caller("5004"));
    world.answers(6538, "1002");
    world.hangs_up(7538, call);
    check("queue-rona", &world);
}
