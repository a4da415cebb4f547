//! The simulator against the recordings of telephony control: the generated control contexts, driven by the very
//! actions that drove the real PBX, with people at the phones doing what `notes.md` says they did.

mod common;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use common::{START, World, compare};
use hookswitch_ami::Action;
use hookswitch_sim::{CallIn, LegId, MILLISECOND, PbxConfig};

const SET: &str = "captures-control";

/// Whose phones were registered when this was recorded.
const REGISTERED: [&str; 3] = ["1001", "1002", "1003"];

/// A PBX with the contexts of Hookswitch as they were when this was recorded.
fn world() -> World {
    let mut config =
        PbxConfig::lab_with_generated(1, include_str!("dialplan/control.conf")).expect("the text reads");
    config.media = false;
    for phone in &mut config.phones {
        phone.registered = REGISTERED.contains(&phone.name.as_str());
    }
    World::new(config)
}

/// What happened, by milliseconds from the first note.
enum Deed {
    /// Somebody at a phone, as the notes say it.
    Person(String),
    /// The client at the manager interface.
    Client(String),
}

fn folder(story: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(SET).join("ast22").join(story)
}

fn read(story: &str, file: &str) -> String {
    let raw = std::fs::read(folder(story).join(file)).expect("a recording");
    String::from_utf8(raw).expect("text").replace("\r\n", "\n")
}

/// A number behind a key of a line of `ami.idx`.
fn field(line: &str, key: &str) -> f64 {
    let rest = line.split_once(&format!("\"{key}\": ")).expect("a field").1;
    let end = rest.find([',', '}']).expect("an end");
    rest[..end].parse().expect("a number")
}

/// When the notes begin to count, by the clock of `ami.idx`: what the first note tells is the first channel.
fn beginning(story: &str, first_note: f64) -> f64 {
    let raw = std::fs::read(folder(story).join("ami.raw")).expect("a recording");
    let first = raw.windows(17).position(|window| window == b"Event: Newchannel").expect("a call");
    let index = read(story, "ami.idx");
    let mut before =
        index.lines().filter(|line| line.contains("\"in\"") && field(line, "off") <= first as f64);
    field(before.next_back().expect("a read"), "t") - first_note
}

/// Deeds of people and of the client, in order.
fn deeds(story: &str) -> Vec<(f64, Deed)> {
    let notes = read(story, "notes.md");
    let notes = notes.lines().filter_map(|line| line.split_once(' ')).filter_map(|(at, text)| {
        let at = at.parse::<f64>().ok()?;
        Some((at, text.to_owned()))
    });
    let notes: Vec<(f64, String)> = notes.collect();
    let beginning = beginning(story, notes.first().expect("a note").0);
    let index = read(story, "ami.idx");
    let sent = index.lines().filter(|line| line.contains("\"out\"")).map(|line| field(line, "t") - beginning);
    let actions = read(story, "actions.txt");
    let actions = actions.split("\n\n").map(str::trim).filter(|text| !text.is_empty());
    let actions = sent.zip(actions).filter(|(_, text)| !text.starts_with("Action: Login"));
    let mut deeds: Vec<_> = actions.map(|(at, text)| (at, Deed::Client(text.to_owned()))).collect();
    deeds.extend(notes.into_iter().map(|(at, text)| (at, Deed::Person(text))));
    deeds.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    deeds
}

/// The action with the ids of this world: `1795313147.2` was the third channel of its PBX.
fn action(world: &World, text: &str, ids: &HashMap<String, String>) -> Action {
    let headers = text.lines().filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(key, value)| (key, value.trim_start()));
    let translated = |value: &str| match value {
        // Later in the world's own time than the recording's.
        _ if value.parse::<u64>().is_ok_and(|number| number > 1_700_000_000) => {
            (world.now / 1_000_000).to_string()
        }
        _ => ids.iter().fold(value.to_owned(), |value, (theirs, ours)| value.replace(theirs, ours)),
    };
    let mut action: Option<Action> = None;
    for (key, value) in headers {
        action = Some(match action {
            None => Action::new(value),
            Some(action) => action.header(key, translated(value)),
        });
    }
    action.expect("an action has a name")
}

/// Uniqueids of a recording by those of the world: channels are made in the same order.
fn ids(story: &str, world: &World) -> HashMap<String, String> {
    let of = |frames: &[hookswitch_ami::Frame]| -> Vec<String> {
        let made = frames.iter().filter(|frame| frame.name() == "Newchannel");
        made.filter_map(|frame| frame.get("Uniqueid")).map(str::to_owned).collect()
    };
    of(&common::recording(SET, story)).into_iter().zip(of(&world.frames)).collect()
}

/// Plays a recording again and compares everything every channel and bridge said, but events that race with
/// others of their channel.
fn check(story: &str, racing: &[&str]) {
    let mut world = world();
    let mut people: HashMap<String, LegId> = HashMap::new();
    for (at, deed) in deeds(story) {
        let millis = (at.max(0.0) * 1000.0) as u64;
        world.at(millis.max((world.now - START) / MILLISECOND));
        match deed {
            Deed::Client(text) => {
                let action = action(&world, &text, &ids(story, &world));
                world.act(&action);
                assert_eq!(world.response().get("Response"), Some("Success"), "{text}");
            }
            Deed::Person(note) => person(&mut world, &mut people, &note),
        }
    }
    world.wait(500);
    assert_eq!(world.pbx.channel_count(), 0, "{story}: channels are left");
    compare(SET, story, &world, &[&["Newexten"], racing].concat());
}

fn person(world: &mut World, people: &mut HashMap<String, LegId>, note: &str) {
    let words: Vec<&str> = note.split(' ').collect();
    let now = (world.now - START) / MILLISECOND;
    match words[..] {
        ["C", "calls", number] => {
            people.insert("C".to_owned(), world.call_in(now, CallIn::new("+49305550001", number)));
        }
        [who, "answers"] => {
            let leg = world.answers(now, if who == "F" { "trunk" } else { who });
            people.insert(who.to_owned(), leg);
        }
        [who, "is", "busy"] => {
            let endpoint = if who == "F" { "trunk" } else { who };
            world.script(now, |pbx, now| {
                pbx.decline_leg(now, pbx.ringing_leg(endpoint).expect("it rings"), 486);
            });
        }
        [who, "hangs", "up"] => world.hangs_up(now, people[who]),
        // What was asked of the PBX, or only seen.
        _ => {}
    }
}

/// One test a recording.
macro_rules! recordings {
    ($($test:ident $story:literal $(racing $event:literal)*;)+) => {
        $(#[test] fn $test() { check($story, &[$($event),*]); })+

        #[test]
        fn every_recording_is_played() {
            let played = [$($story),+];
            let folders = std::fs::read_dir(folder("")).expect("recordings");
            for story in folders.map(|entry| entry.expect("an entry").file_name()) {
                assert!(played.contains(&story.to_str().expect("a name")), "{story:?} is not played");
            }
        }
    };
}

recordings! {
    hold "hold";
    hold_agent_leaves "hold-agent-leaves";
    hold_customer_leaves "hold-customer-leaves";
    transfer_devices "transfer-devices";
    transfer_devices_noanswer "transfer-devices-noanswer";
    transfer_number "transfer-number";
    transfer_wait "transfer-wait";
    transfer_held_number "transfer-held-number";
    transfer_held_wait "transfer-held-wait";
    consult_complete "consult-complete";
    consult_cancel "consult-cancel";
    consult_cancel_ringing "consult-cancel-ringing";
    consult_declined "consult-declined";
    consult_noanswer "consult-noanswer";
    consult_unreachable "consult-unreachable";
    consult_number "consult-number";
    consult_agent_leaves "consult-agent-leaves";
    consult_agent_leaves_ringing "consult-agent-leaves-ringing";
    consult_customer_leaves "consult-customer-leaves";
    consult_target_leaves "consult-target-leaves";
    blonde "blonde";
    conference "conference" racing "HangupRequest";
    conference_number "conference-number" racing "HangupRequest" racing "ConfbridgeLeave";
    dial "dial";
    dial_two "dial-two";
    dial_busy "dial-busy";
    dial_far_busy "dial-far-busy";
    dial_noanswer "dial-noanswer";
    dial_unreachable "dial-unreachable";
    supervise "supervise";
}
