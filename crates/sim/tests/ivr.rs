//! Keys, menus, announcements and farewells: the dialplan that `hookswitch dialplan` prints, run by the simulator.

mod common;

use std::collections::BTreeMap;

use common::World;
use hookswitch_ami::Action;
use hookswitch_normalize::dialplan::text::{Context, DataKey, MenuName, MusicClass, Prompt, UserName, Value};
use hookswitch_normalize::dialplan::{DialplanSettings, Fallback, FeatureCodes, Key, Menu, Takes, print};
use hookswitch_sim::{CallIn, LegId, PbxConfig, SECOND};

fn menu(name: &str, takes: Takes) -> Menu {
    Menu {
        name: MenuName::new(name).expect("a name"),
        prompt: Prompt::new("welcome&sales-or-support").expect("sounds"),
        timeout_s: 3,
        attempts: 2,
        invalid: Some(Prompt::new("beeperr").expect("a sound")),
        takes,
        otherwise: Some(Value::new("operator").expect("a value")),
        data: DataKey::new(&format!("ivr.{name}")).expect("a key"),
    }
}

/// Three menus: keys 1 and # in `main`, four digits in `pin`, up to four in `any`.
fn world() -> World {
    let choice =
        |key: &str, value: &str| (Key::new(key).expect("a key"), Value::new(value).expect("a value"));
    let generated = print(&DialplanSettings {
        username: UserName::new("hookswitch").expect("a user"),
        dial_context: Context::new("from-internal").expect("a context"),
        fallback: Fallback::goto("from-internal,600,1").expect("a place"),
        queue_fallbacks: BTreeMap::new(),
        music: MusicClass::new("default").expect("a class"),
        menus: vec![
            menu("main", Takes::Choices(BTreeMap::from([choice("1", "sales"), choice("#", "support")]))),
            menu("pin", Takes::Digits { digits: 4, early: false }),
            menu("any", Takes::Digits { digits: 4, early: true }),
        ],
        features: FeatureCodes::default(),
    });
    let mut world =
        World::new(PbxConfig::lab_with_generated(1, &generated).expect("the generated text reads"));
    beat(&mut world);
    world
}

fn setvar(world: &mut World, channel: Option<&str>, name: &str, value: &str) {
    let action = Action::new("Setvar").header_if("Channel", channel);
    world.act(&action.header("Variable", name).header("Value", value));
}

fn beat(world: &mut World) {
    let epoch = (world.now / SECOND).to_string();
    setvar(world, None, "HS_HEARTBEAT", &epoch);
}

fn send(world: &mut World, context: &str, exten: &str) {
    let redirect = Action::new("Redirect").header("Channel", world.channel("trunk"));
    world.act(&redirect.header("Context", context).header("Exten", exten).header("Priority", "1"));
    assert_eq!(world.response().get("Message"), Some("Redirect successful"));
}

/// Lets time pass, with a daemon that lives.
fn lives(world: &mut World, seconds: u64) {
    for _ in 0..seconds {
        world.wait(1_000);
        beat(world);
    }
}

fn press(world: &mut World, call: LegId, keys: &str) {
    let now = world.now;
    world.pbx.digits(now, call, keys);
    world.wait(1);
}

/// User events: name and what it says of keys, menus and data.
fn told(world: &World) -> Vec<String> {
    let own = ["Digit", "Menu", "Again", "ivr.main", "ivr.pin", "ivr.any"];
    let line = |frame: &hookswitch_ami::Frame| {
        let name = frame.get("UserEvent").unwrap_or_default().trim_start_matches("Hookswitch").to_owned();
        own.iter().filter_map(|key| frame.get(key)).fold(name, |line, value| format!("{line} {value}"))
    };
    world.events("UserEvent").map(line).collect()
}

fn waiting() -> (World, LegId) {
    let mut world = world();
    let call = world.call_in(0, CallIn::new("+49305550001", "5003"));
    world.wait(100);
    world.forget();
    (world, call)
}

#[test]
fn a_key_in_the_waiting_room_is_told_and_the_caller_waits_on() {
    let (mut world, call) = waiting();
    press(&mut world, call, "1");
    press(&mut world, call, "#*D");
    assert_eq!(told(&world), ["Digit 1", "Digit #", "Digit *", "Digit D"]);
    assert!(world.pbx.music_of(call).is_some());
    // Whoever presses keys all the time goes to the fallback like others.
    for _ in 0..14 {
        world.wait(1_000);
        press(&mut world, call, "5");
    }
    assert!(told(&world).contains(&"Fallback".to_owned()), "{:?}", told(&world));
    assert!(world.pbx.warnings().is_empty(), "{:?}", world.pbx.warnings());
}

#[test]
fn a_menu_comes_back_with_what_the_key_stands_for() {
    for (keys, value) in [("1", "sales"), ("#", "support"), ("91", "sales")] {
        let (mut world, call) = waiting();
        send(&mut world, "hookswitch-menu", "menu-main");
        world.wait(500);
        for key in keys.chars() {
            press(&mut world, call, &key.to_string());
            lives(&mut world, 2);
        }
        assert_eq!(
            told(&world),
            ["Menu main".to_owned(), format!("Data {value}"), "Route yes".to_owned()],
            "{keys}"
        );
        assert!(world.pbx.music_of(call).is_some(), "back in the waiting room");
        assert!(world.pbx.warnings().is_empty(), "{:?}", world.pbx.warnings());
    }
}

#[test]
fn silence_is_asked_again_and_then_stands_for_something() {
    let (mut world, call) = waiting();
    send(&mut world, "hookswitch-menu", "menu-main");
    // Twice two sounds of a second and three seconds of silence.
    lives(&mut world, 9);
    assert_eq!(told(&world), ["Menu main"]);
    lives(&mut world, 2);
    assert_eq!(told(&world), ["Menu main", "Data operator", "Route yes"]);
    assert!(world.pbx.music_of(call).is_some());
}

#[test]
fn a_number_needs_all_its_digits_unless_it_may_end_early() {
    for (menu, keys, value) in
        [("pin", "4711", "4711"), ("pin", "47", "operator"), ("any", "47#", "47"), ("any", "#", "operator")]
    {
        let (mut world, call) = waiting();
        send(&mut world, "hookswitch-menu", &format!("menu-{menu}"));
        world.wait(500);
        press(&mut world, call, keys);
        lives(&mut world, 14);
        assert_eq!(told(&world)[1..], [format!("Data {value}"), "Route yes".to_owned()], "{menu} {keys}");
    }
}

#[test]
fn a_menu_that_was_not_printed_leads_back_at_once() {
    let (mut world, call) = waiting();
    send(&mut world, "hookswitch-menu", "menu-other");
    world.wait(10);
    assert_eq!(told(&world), ["Route yes"]);
    assert!(world.pbx.is_alive(call) && world.pbx.music_of(call).is_some());
}

#[test]
fn who_comes_out_of_a_menu_to_no_daemon_goes_to_the_fallback() {
    let (mut world, call) = waiting();
    send(&mut world, "hookswitch-menu", "menu-main");
    world.wait(10_500);
    assert!(world.pbx.is_alive(call));
    assert_eq!(told(&world).last().map(String::as_str), Some("Fallback"), "{:?}", told(&world));
}

/// What the waiting room said, in order.
fn said(world: &World) -> Vec<&str> {
    let says =
        |frame: &&hookswitch_ami::Frame| matches!(frame.get("Application"), Some("BackGround" | "SayNumber"));
    world
        .events("Newexten")
        .filter(says)
        .filter_map(|frame| frame.get("AppData")?.split(',').next())
        .collect()
}

#[test]
fn an_announcement_is_said_piece_by_piece_and_once() {
    let (mut world, call) = waiting();
    let channel = world.channel("trunk");
    setvar(&mut world, Some(&channel), "HS_ANNOUNCE", "queue-thereare&12&queue-callswaiting");
    lives(&mut world, 8);
    assert_eq!(said(&world), ["queue-thereare", "12", "queue-callswaiting"]);
    lives(&mut world, 8);
    assert_eq!(said(&world).len(), 3, "it is said once");
    assert!(world.pbx.music_of(call).is_some());
    assert!(world.pbx.warnings().is_empty(), "{:?}", world.pbx.warnings());
}

#[test]
fn a_key_and_a_ring_cut_an_announcement_short() {
    let (mut world, call) = waiting();
    let channel = world.channel("trunk");
    setvar(&mut world, Some(&channel), "HS_ANNOUNCE", "queue-thereare&12&queue-callswaiting");
    lives(&mut world, 5);
    assert_eq!(said(&world), ["queue-thereare", "12"]);
    press(&mut world, call, "7");
    assert_eq!(told(&world), ["Digit 7"]);
    lives(&mut world, 3);
    assert_eq!(said(&world).len(), 2);
    setvar(&mut world, Some(&channel), "HS_ANNOUNCE", "queue-thereare&12&queue-callswaiting");
    lives(&mut world, 3);
    for (name, value) in [("HS_RING", "PJSIP/1001"), ("HS_TIMEOUT", "5"), ("HS_OFFER", "o1")] {
        setvar(&mut world, Some(&channel), name, value);
    }
    send(&mut world, "hookswitch-ring", "s");
    world.wait(500);
    assert!(world.pbx.ringing_leg("1001").is_some());
}

#[test]
fn an_announcement_that_outlives_the_daemon_ends_at_the_next_sound() {
    let (mut world, _) = waiting();
    let channel = world.channel("trunk");
    let sounds = vec!["queue-thankyou"; 30].join("&");
    setvar(&mut world, Some(&channel), "HS_ANNOUNCE", &sounds);
    world.wait(11_500);
    assert_eq!(told(&world), ["Fallback"], "after {} sounds", said(&world).len());
}

#[test]
fn a_farewell_is_said_and_the_call_is_over() {
    for (prompt, seconds) in [("vm-goodbye&beep", 2), ("", 0)] {
        let (mut world, call) = waiting();
        let channel = world.channel("trunk");
        setvar(&mut world, Some(&channel), "HS_PROMPT", prompt);
        send(&mut world, "hookswitch-farewell", "s");
        if seconds > 0 {
            world.wait(seconds * 1_000 - 100);
            assert!(world.pbx.is_alive(call), "still saying it");
        }
        world.wait(200);
        assert!(!world.pbx.is_alive(call));
    }
}
