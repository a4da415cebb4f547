//! Telephony control as a CRM page has it: asked for by HTTP, seen at the phones and in the events.
//!
//! `cargo test -p hookswitch-tests --test control -- consult` plays those with that word in their names.
//! `HOOKSWITCH_SKIP_ASTERISK=1` leaves real PBXs out.

mod crash;
mod demo;
mod roles;
mod table;

use hookswitch_tests::asterisk::{Version, skipped};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::stage::{Stage, Stages, Story};
use hookswitch_tests::world::Place;
use libtest_mimic::{Arguments, Failed, Trial};
use reqwest::StatusCode;

/// Stories played side by side, unless the command line says otherwise.
const AT_A_TIME: usize = 4;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let mut trials = Vec::new();
    for (name, place) in [
        ("simulator", Place::Simulator),
        ("asterisk_22", Place::Asterisk(Version::V22)),
        ("asterisk_16", Place::Asterisk(Version::V16)),
    ] {
        for story in table::STORIES.iter().filter(|story| story.stages.hold(place)) {
            trials.push(Trial::test(format!("{}::{name}", story.name), move || {
                on(place, async { Stage::set(place, Mode::Route, story.settings).await?.play(story).await })
            }));
        }
        trials.push(Trial::test(format!("of_two_clients_one_wins::{name}"), move || on(place, race(place))));
        trials.push(Trial::test(format!("every_verb_and_every_role::{name}"), move || {
            on(place, roles::table(place))
        }));
        for (when, moment) in crash::Moment::ALL {
            trials.push(Trial::test(format!("click_in_flight_{when}::{name}"), move || {
                on(place, crash::click_in_flight(place, moment))
            }));
        }
    }
    let own = table::STORIES.iter().filter(|story| table::is_of_sip(story));
    trials.extend(own.map(|story| {
        Trial::test(format!("{}::sip", story.name), move || {
            on(Place::Hookswitch, async {
                Stage::set(Place::Hookswitch, Mode::Route, story.settings).await?.play(story).await
            })
        })
    }));
    trials.push(Trial::test("every_verb_in_the_demo", || on(Place::Simulator, demo::every_verb())));
    libtest_mimic::run(&arguments, trials).exit();
}

fn on(place: Place, test: impl Future<Output = anyhow::Result<()>>) -> Result<(), Failed> {
    if matches!(place, Place::Asterisk(_)) && skipped() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(test).map_err(|error| Failed::from(format!("{error:?}")))
}

/// Two pages ask for the same call at once: one gets it, the other is told what is allowed.
async fn race(place: Place) -> anyhow::Result<()> {
    let story = Story {
        name: "race",
        modes: &[Mode::Route],
        stages: Stages::All,
        script: "see held; A asks retrieve; see retrieved; C hangs up; A is cut off",
        calls: &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, held, retrieved, ended",
            "answered, by customer, handled A",
        )],
        settings: "",
    };
    let mut stage = Stage::set(place, Mode::Route, "").await?;
    stage.play_script("C dials Q; A rings; A answers; see answered A").await?;
    let (one, other) = tokio::join!(stage.ask("A", "hold", &[]), stage.ask("A", "hold", &[]));
    let (one, other) = (one?, other?);
    let mut statuses = [one.status, other.status];
    statuses.sort();
    anyhow::ensure!(
        statuses == [StatusCode::ACCEPTED, StatusCode::CONFLICT],
        "{} {}, {} {}",
        one.status,
        one.body,
        other.status,
        other.body
    );
    stage.play(&story).await
}
