//! Menus and announcements as callers have them: keys pressed at phones, what is said heard by a manager who listens in.
//! On the simulator and on real Asterisk 22 and 16, from the same printed dialplan; and where Hookswitch is the PBX.
//!
//! `cargo test -p hookswitch-tests --test ivr -- hash` plays those with that word in their names.
//! `HOOKSWITCH_SKIP_ASTERISK=1` leaves real PBXs out.

mod heard;
mod said;

use std::{future::Future, pin::Pin};

use anyhow::Result;
use hookswitch_tests::asterisk::{Version, skipped};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::stage::{Stage, Stages, Story};
use hookswitch_tests::world::Place;
use libtest_mimic::{Arguments, Failed, Trial};

/// Scenes played side by side, unless the command line says otherwise.
const AT_A_TIME: usize = 4;

/// The number of `Q3` asks first; an account number is asked of who presses 3. Who waits in `told` is told.
const SETTINGS: &str = r##"[menu.main]
prompt = "beep&beep"
timeout = "2s"
retries = 1
invalid = "beeperr"
choices = { "1" = "help", "2" = "bills", "3" = "account", "#" = "hash" }
otherwise = "operator"

[menu.account]
prompt = "beep"
timeout = "2s"
retries = 0
collect = { digits = 4 }
data = "account"

[[route]]
name = "ask"
when = 'dnis == "5023"'
menu = "main"

[[route]]
name = "account"
when = 'data["ivr.main"] == "account"'
menu = "account"

[[route]]
name = "known"
when = 'data.account == "4711"'
queue = "billing"

[[route]]
name = "bills"
when = 'data["ivr.main"] in ["bills", "hash"]'
queue = "billing"

[[route]]
name = "asked"
when = 'dnis == "5023"'
queue = "support"

[[queue]]
id = "told"
strategy = "best-skill"
members = { teams = ["tier1"] }
requires = [{ skills = { support = 1 } }]
announce = { after = "1s", every = "15s" }
wrap_up = "0s"

[[route]]
name = "told"
when = 'dnis == "5013"'
queue = "told"

"##;

const AFTER_A_CHOICE: &str =
    "started inbound, data, data, queued Q2, offered D, offer_ended accepted, answered D, ended";
const AFTER_NO_CHOICE: &str =
    "started inbound, data, ?data, queued Q, offered A, offer_ended accepted, answered A, ended";

/// What callers do, what is told of them, how their calls end.
const STORIES: [(&str, &str, &str, &str); 7] = [
    (
        "a_key_leads_to_its_queue",
        "C dials Q3; 0.5 s pass; C presses 2; D rings; D answers; see answered D; C hangs up",
        AFTER_A_CHOICE,
        "answered, by customer, handled D, segments Q2 D, data ivr.main=bills",
    ),
    (
        "hash_is_a_key_like_others",
        "C dials Q3; 0.5 s pass; C presses #; D rings; D answers; see answered D; C hangs up",
        AFTER_A_CHOICE,
        "answered, by customer, handled D, data ivr.main=hash",
    ),
    (
        "a_wrong_key_is_asked_again",
        "C dials Q3; 0.5 s pass; C presses 9; 1.2 s pass; C presses 2; D rings; D answers; see answered D; C hangs up",
        AFTER_A_CHOICE,
        "answered, by customer, handled D, data ivr.main=bills",
    ),
    (
        "who_presses_nothing_goes_where_the_menu_says_otherwise",
        "C dials Q3; A rings; A answers; see answered A; C hangs up",
        AFTER_NO_CHOICE,
        "answered, by customer, handled A, data ivr.main=operator",
    ),
    (
        "a_number_is_collected_in_a_second_menu",
        "C dials Q3; 0.5 s pass; C presses 3; 0.7 s pass; C presses 4711; D rings; D answers; see answered D; C hangs up",
        "started inbound, data, data, data, data, queued Q2, offered D, offer_ended accepted, answered D, ended",
        "answered, by customer, handled D, data ivr.main=account, data account=4711",
    ),
    (
        "too_few_digits_are_no_number",
        "C dials Q3; 0.5 s pass; C presses 3; 0.7 s pass; C presses 47; A rings; A answers; see answered A; C hangs up",
        AFTER_NO_CHOICE,
        "answered, by customer, handled A, data ivr.main=account, data account=",
    ),
    (
        "who_hangs_up_in_a_menu_was_missed",
        "C dials Q3; 0.5 s pass; C hangs up",
        "started inbound, data, ended",
        "missed, by customer, handled",
    ),
];

/// The same, of a wire between the daemon and its PBX.
const WIRED: [(&str, &str, &str, &str); 1] = [(
    "a_key_pressed_while_the_daemon_is_away_counts_when_it_is_back",
    "C dials Q3; see data; 0.5 s pass; the daemon dies; C presses 2; 0.5 s pass; the daemon returns; D rings; \
         D answers; see answered D; C hangs up",
    AFTER_A_CHOICE,
    "answered, by customer, handled D, data ivr.main=bills",
)];

type Scene = fn(Stage) -> Pin<Box<dyn Future<Output = Result<()>>>>;

/// What no row of a table can say, of another PBX: as a manager sees it.
const SCENES: [(&str, Scene); 4] = [
    ("keys_in_the_waiting_room_keep_nobody_from_it", |stage| Box::pin(said::keys(stage, ["Q", "Q"]))),
    ("the_place_is_said_sound_by_sound", |stage| Box::pin(said::the_place(stage))),
    ("an_agent_rings_in_the_middle_of_an_announcement", |stage| Box::pin(said::cut_short(stage))),
    ("the_fallback_takes_who_is_in_a_menu_when_the_daemon_stays_away", |stage| Box::pin(said::away(stage))),
];

/// The simulator takes its dialplan once; of this its own tests say the same.
const REAL: [(&str, Scene); 1] =
    [("a_menu_that_was_not_printed_is_passed_over", |stage| Box::pin(said::unprinted(stage)))];

/// As the caller hears it, where Hookswitch is the PBX.
const HEARD: [(&str, Scene); 3] = [
    ("keys_in_the_waiting_room_keep_nobody_from_it", |stage| Box::pin(said::keys(stage, ["Q2", "told"]))),
    ("the_place_is_said_sound_by_sound", |stage| Box::pin(heard::the_place(stage))),
    ("an_agent_rings_in_the_middle_of_an_announcement", |stage| Box::pin(heard::cut_short(stage))),
];

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let mut trials = Vec::new();
    for (name, place) in [
        ("simulator", Place::Simulator),
        ("asterisk_22", Place::Asterisk(Version::V22)),
        ("asterisk_16", Place::Asterisk(Version::V16)),
        ("sip", Place::Hookswitch),
    ] {
        let own = place == Place::Hookswitch;
        let wired = if own { &[] } else { &WIRED[..] };
        for row in STORIES.iter().chain(wired) {
            trials.push(Trial::test(format!("{}::{name}", row.0), move || {
                on(place, |stage| Box::pin(tell(stage, row)))
            }));
        }
        let seen = if own { &HEARD[..] } else { &SCENES[..] };
        let real = if matches!(place, Place::Asterisk(_)) { &REAL[..] } else { &[] };
        for (scene, play) in seen.iter().chain(real).copied() {
            trials.push(Trial::test(format!("{scene}::{name}"), move || on(place, play)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn on(
    place: Place,
    scene: impl FnOnce(Stage) -> Pin<Box<dyn Future<Output = Result<()>>>>,
) -> Result<(), Failed> {
    if matches!(place, Place::Asterisk(_)) && skipped() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let played = runtime.block_on(async { scene(Stage::set(place, Mode::Route, SETTINGS).await?).await });
    played.map_err(|error| Failed::from(format!("{error:?}")))
}

async fn tell(stage: Stage, row: &'static (&str, &str, &str, &str)) -> Result<()> {
    let (name, script, events, end) = *row;
    let calls: &'static [(&str, &str)] = Box::leak(Box::new([(events, end)]));
    let story = Story { name, modes: &[Mode::Route], stages: Stages::All, script, calls, settings: "" };
    stage.play(&story).await
}
