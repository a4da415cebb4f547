//! The simulator against Asterisk 22: the same story gives, channel by channel, the same events.

mod common;

use common::{World, compare};
use hookswitch_ami::Action;
use hookswitch_sim::{CallIn, Mood};

/// The caller of all recordings.
fn caller(dnis: &str) -> CallIn {
    CallIn { name: "ACME GmbH".to_owned(), ..CallIn::new("+49305550001", dnis) }
}

fn check(story: &str, world: &World) {
    compare("captures", story, world, &[]);
}

#[test]
fn inbound_answered() {
    let mut world = World::recorded();
    let call = world.call_in(12, caller("5001"));
    world.answers(1000, "1001");
    world.hangs_up(3025, call);
    world.at(4000);
    check("inbound-answered", &world);
}

#[test]
fn inbound_agent_hangs_up() {
    let mut world = World::recorded();
    world.call_in(12, caller("5001"));
    let phone = world.answers(520, "1001");
    world.hangs_up(1521, phone);
    world.at(2000);
    check("inbound-agent-hangs-up", &world);
}

#[test]
fn inbound_abandoned_ringing() {
    let mut world = World::recorded();
    let call = world.call_in(4, caller("5001"));
    world.hangs_up(2008, call);
    world.at(3000);
    check("inbound-abandoned-ringing", &world);
}

#[test]
fn inbound_causes() {
    let mut world = World::recorded();
    world.call_in(0, caller("5009"));
    world.call_in(405, caller("5010"));
    world.call_in(809, caller("7777"));
    for (at, status) in [(1200, 486), (1600, 603), (2000, 480)] {
        world.mood(at, "1001", Mood::Refuse(status));
        world.call_in(at + 23, caller("5001"));
    }
    world.at(3000);
    check("inbound-causes", &world);
}

#[test]
fn hold_unhold() {
    let mut world = World::recorded();
    let call = world.call_in(3, caller("5001"));
    let phone = world.answers(509, "1001");
    for (at, leg) in [(1555, phone), (3656, phone), (5758, call)] {
        world.script(at, |pbx, now| pbx.hold(now, leg));
        world.script(at + 900, |pbx, now| pbx.unhold(now, leg));
    }
    world.script(7159, |pbx, now| pbx.hold(now, phone));
    world.hangs_up(7860, call);
    world.at(9000);
    check("hold-unhold", &world);
}

#[test]
fn blind_transfer_sip() {
    let mut world = World::recorded();
    world.call_in(3, caller("5001"));
    let phone = world.answers(508, "1001");
    assert!(world.script(1508, |pbx, now| pbx.refer(now, phone, "1002")));
    let target = world.answers(2514, "1002");
    world.hangs_up(4014, target);
    world.at(5000);
    check("blind-transfer-sip", &world);
}

#[test]
fn blind_transfer_ami() {
    let mut world = World::recorded();
    let call = world.call_in(10, caller("5001"));
    world.answers(514, "1001");
    world.at(1515);
    let action = Action::new("BlindTransfer").header("Channel", world.channel("1001"));
    world.act(&action.header("Context", "from-agents").header("Exten", "1002"));
    assert_eq!(world.response().get("Message"), Some("Transfer succeeded"));
    world.answers(2520, "1002");
    world.hangs_up(3520, call);
    world.at(4000);
    check("blind-transfer-ami", &world);
}

#[test]
fn attended_sip() {
    let mut world = World::recorded();
    let call = world.call_in(3, caller("5001"));
    let phone = world.answers(509, "1001");
    world.script(1509, |pbx, now| pbx.hold(now, phone));
    let consult = world.script(2010, |pbx, now| pbx.dial(now, "1001", "1002")).expect("1001 is registered");
    world.answers(3017, "1002");
    assert!(world.script(4519, |pbx, now| pbx.refer_replaces(now, phone, consult)));
    world.hangs_up(6023, call);
    world.at(7000);
    check("attended-sip", &world);
}

/// Redirect of the only caller into `acd-agent`.
fn redirect(world: &mut World, agent: &str) {
    let action = Action::new("Redirect").header("Channel", world.channel("trunk"));
    world.act(&action.header("Context", "acd-agent").header("Exten", agent).header("Priority", "1"));
    assert_eq!(world.response().get("Message"), Some("Redirect successful"));
}

/// What the daemon of the recordings wrote every few seconds.
fn heartbeat(world: &mut World) {
    let epoch = (world.now / 1_000_000).to_string();
    world.act(&Action::new("Setvar").header("Variable", "ACD_HEARTBEAT").header("Value", epoch));
}

#[test]
fn acd_redirect_decline() {
    let mut world = World::recorded();
    heartbeat(&mut world);
    world.mood(0, "1001", Mood::Refuse(603));
    world.script(0, |pbx, now| pbx.unregister(now, "1003"));
    let call = world.call_in(4, caller("5003"));
    world.at(508);
    redirect(&mut world, "1001");
    world.at(513);
    redirect(&mut world, "1003");
    world.at(1013);
    redirect(&mut world, "1002");
    world.answers(1516, "1002");
    world.hangs_up(2517, call);
    world.at(3000);
    check("acd-redirect-decline", &world);
}

#[test]
fn acd_redirect_noanswer_second() {
    let mut world = World::recorded();
    heartbeat(&mut world);
    world.call_in(7, caller("5003"));
    world.at(1516);
    redirect(&mut world, "1001");
    world.at(8020);
    redirect(&mut world, "1002");
    let phone = world.answers(9023, "1002");
    world.hangs_up(11023, phone);
    world.at(12000);
    check("acd-redirect-noanswer-second", &world);
}

#[test]
fn acd_abandon_waiting() {
    let mut world = World::recorded();
    heartbeat(&mut world);
    let call = world.call_in(3, caller("5003"));
    world.at(1000);
    let gone = world.channel("trunk");
    world.hangs_up(2007, call);
    world.at(2307);
    let action = Action::new("Redirect").header("Channel", gone.as_str()).header("Context", "acd-agent");
    world.act(&action.header("Exten", "1001").header("Priority", "1"));
    assert_eq!(world.response().get("Message"), Some(format!("Channel does not exist: {gone}").as_str()));
    let call = world.call_in(2308, caller("5003"));
    world.hangs_up(2862, call);
    world.at(3000);
    check("acd-abandon-waiting", &world);
}

#[test]
fn acd_fallback() {
    let mut world = World::recorded();
    heartbeat(&mut world);
    let call = world.call_in(6000, caller("5003"));
    let phone = world.answers(17_600, "1008");
    assert!(world.pbx.is_talking(phone));
    world.hangs_up(18_600, call);
    world.at(20_000);
    check("acd-fallback", &world);
}

#[test]
fn queue_abandoned() {
    let mut world = World::recorded();
    let call = world.call_in(12, caller("5004"));
    world.hangs_up(3020, call);
    world.at(4000);
    check("queue-abandoned", &world);
}

#[test]
fn app_queue() {
    let mut world = World::recorded();
    // An earlier call has moved the round robin on to 1002.
    let earlier = world.call_in(0, caller("5004"));
    world.hangs_up(1000, earlier);
    world.at(2000);
    world.forget();
    world.call_in(2017, caller("5004"));
    let phone = world.answers(9049, "1001");
    world.script(10_569, |pbx, now| pbx.hold(now, phone));
    world.script(11_770, |pbx, now| pbx.unhold(now, phone));
    world.hangs_up(12_472, phone);
    world.at(12_774);
    let pause = || Action::new("QueuePause").header("Interface", "PJSIP/1001").header("Queue", "support");
    world.act(&pause().header("Paused", "true").header("Reason", "lunch"));
    world.act(&pause().header("Paused", "false"));
    world.script(12_800, |pbx, now| pbx.unregister(now, "1003"));
    let member = |name| Action::new(name).header("Queue", "support").header("Interface", "PJSIP/1003");
    world.act(&member("QueueAdd").header("MemberName", "Agent 1003"));
    world.act(&member("QueueRemove"));
    check("app-queue", &world);
}

#[test]
fn app_queue_caller_ends() {
    let mut world = World::recorded();
    let earlier = world.call_in(0, caller("5004"));
    world.hangs_up(1000, earlier);
    world.at(2000);
    world.forget();
    let call = world.call_in(2007, caller("5004"));
    world.answers(3017, "1002");
    world.hangs_up(4022, call);
    world.at(5000);
    check("app-queue-caller-ends", &world);
}

/// The Originate of a click on a number.
fn click(world: &mut World, id: &str, timeout: &str, caller_id: &str, variables: &[(&str, &str)]) {
    let action = Action::new("Originate")
        .action_id(id)
        .header("Channel", "PJSIP/1001")
        .header("Context", "from-agents")
        .header("Exten", "9493012345")
        .header("Priority", "1")
        .header("Async", "true")
        .header("Timeout", timeout)
        .header("ChannelId", id)
        .header("CallerID", caller_id);
    world.act(&variables.iter().fold(action, |action, (name, value)| action.variable(name, value)));
}

#[test]
fn click_to_dial() {
    let mut world = World::recorded();
    world.at(18);
    let variables = [("__OUT_CLI", "4930777"), ("__ACD_CALL_ID", "c2d-1")];
    click(&mut world, "c2d-1", "15000", "\"Dial out\" <493012345>", &variables);
    world.answers(1026, "1001");
    let far_end = world.answers(2531, "trunk");
    world.hangs_up(4532, far_end);
    world.at(4835);
    click(&mut world, "c2d-2", "3000", "<493012345>", &[]);
    world.mood(7900, "1001", Mood::Refuse(486));
    click(&mut world, "c2d-3", "3000", "<493012345>", &[]);
    world.mood(8000, "1001", Mood::Manual);
    world.mood(8000, "trunk", Mood::Refuse(486));
    click(&mut world, "c2d-4", "3000", "<493012345>", &[]);
    world.answers(8149, "1001");
    world.at(9000);
    check("click-to-dial", &world);
}

#[test]
fn conference3() {
    let mut world = World::recorded();
    let call = world.call_in(7, caller("5001"));
    let phone = world.answers(513, "1001");
    world.at(1514);
    let action = Action::new("Redirect")
        .header("Channel", world.channel("trunk"))
        .header("ExtraChannel", world.channel("1001"))
        .header("Context", "conf")
        .header("Exten", "8001")
        .header("Priority", "1")
        .header("ExtraContext", "conf")
        .header("ExtraExten", "8001")
        .header("ExtraPriority", "1");
    world.act(&action);
    assert_eq!(world.response().get("Message"), Some("Dual Redirect successful"));
    world.at(2200);
    let action = Action::new("Originate")
        .header("Channel", "PJSIP/1002")
        .header("Context", "conf")
        .header("Exten", "8001")
        .header("Priority", "1")
        .header("Async", "true")
        .header("ChannelId", "conf-3rd")
        .header("CallerID", "<8001>");
    world.act(&action);
    let third = world.answers(3217, "1002");
    world.at(4718);
    world.act(&Action::new("ConfbridgeList").header("Conference", "8001"));
    assert_eq!(world.events("ConfbridgeList").count(), 3);
    for (at, leg) in [(4720, phone), (5718, call), (6219, third)] {
        world.hangs_up(at, leg);
    }
    world.at(7000);
    check("conference3", &world);
}
