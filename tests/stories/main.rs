//! The stories: one table, played on every kind of PBX.
//!
//! `cargo test -p hookswitch-tests --test stories -- chain` plays one; `--test-threads` sets how many at a time (a
//! story mostly waits, so more than there are cores is right). `HOOKSWITCH_SKIP_ASTERISK=1` leaves real PBXs out.

mod table;

use hookswitch_tests::asterisk::{Version, skipped};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::stage::{Stage, Story};
use hookswitch_tests::world::Place;
use libtest_mimic::{Arguments, Failed, Trial};

/// Stories played side by side, unless the command line says otherwise: measured on two cores.
const AT_A_TIME: usize = 6;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let places = [
        Place::Simulator,
        Place::Asterisk(Version::V22),
        Place::Asterisk(Version::V16),
        Place::Hookswitch,
        Place::BehindKamailio,
    ];
    let mut trials = Vec::new();
    for story in table::stories() {
        for place in places {
            if !story.stages.hold(place) || !table::is_of(story, place) {
                continue;
            }
            let modes = story.modes.iter().filter(|mode| !place.is_own() || **mode == Mode::Route);
            trials.extend(modes.map(|mode| trial(story, place, *mode)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(story: &'static Story, place: Place, mode: Mode) -> Trial {
    let where_to = match place {
        Place::Simulator => "simulator",
        Place::Asterisk(Version::V22) => "asterisk_22",
        Place::Asterisk(Version::V16) => "asterisk_16",
        Place::Hookswitch => "sip",
        Place::BehindKamailio => "kamailio",
    };
    let how = match mode {
        Mode::Route => "route",
        Mode::Observe => "observe",
    };
    Trial::test(format!("{}::{where_to}::{how}", story.name), move || play(story, place, mode))
}

fn play(story: &'static Story, place: Place, mode: Mode) -> Result<(), Failed> {
    if matches!(place, Place::Asterisk(_)) && skipped() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let played = runtime.block_on(async { Stage::set(place, mode, story.settings).await?.play(story).await });
    played.map_err(|error| Failed::from(format!("{error:?}")))
}
