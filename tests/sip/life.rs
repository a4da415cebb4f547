//! The daemon's own life where it is the PBX: music, another configuration, a death.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::{self, Mode, OUTSIDE, SIP_PASSWORD};
use hookswitch_tests::daemon::ADMIN;
use hookswitch_tests::events::{kind, text};
use hookswitch_tests::phone::Phone;
use hookswitch_tests::ports::free_port;
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::block_on;
use crate::office::Office;

/// What the music is made of, and what a phone sends that says nothing.
const MUSIC: u8 = 0x2a;
const SILENCE: u8 = 0xff;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("life::who_waits_with_music_is_answered_and_hears_it", || block_on(music())),
        Trial::test("life::who_is_new_in_the_configuration_registers_at_once", || block_on(new_agent())),
        Trial::test("life::a_trunk_that_is_full_takes_no_more_calls", || block_on(full_trunk())),
        Trial::test("life::what_the_plan_says_to_take_over_at_once_is", || block_on(planned())),
        Trial::test("life::what_was_under_way_at_a_death_is_told_as_ended", || block_on(death())),
    ]
}

fn of(agent: &str, state: &str) -> impl Fn(&Value) -> bool {
    let (agent, state) = (cast::id(agent), state.to_owned());
    move |event| {
        kind(event) == "agent.state"
            && text(event, "/data/agent/id") == Some(agent.as_str())
            && text(event, "/data/to") == Some(state.as_str())
    }
}

async fn music() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("music.ul");
    fs::write(&file, [MUSIC; 8_000])?;
    let office = Office::with(&format!("music = {{ default = \"{}\" }}", file.display()), "").await?;
    let trunk = office.trunk().await?;
    let call = trunk.call("5003").await?;
    call.wait_up().await.context("answered while waiting")?;
    call.wait_hears(MUSIC).await?;
    let telephone = office.telephone_of("A").await?;
    let rings = telephone.next_call().await?;
    rings.answer().await?;
    rings.wait_hears(SILENCE).await.context("the agent hears the customer")?;
    call.wait_hears(SILENCE).await.context("the customer hears the agent, and no music")?;
    let answered = office.see("call.answered", |event| kind(event) == "call.answered").await?;
    ensure!(text(&answered, "/data/agent/id") == Some("alice"), "{answered}");
    call.hang_up().await?;
    ensure!(office.ends(1).await? == ["answered"]);
    office.is_idle().await
}

async fn new_agent() -> Result<()> {
    let office = Office::open("").await?;
    let enrol = || Phone::with_password("1007", SIP_PASSWORD, office.own.address);
    ensure!(enrol().await.is_err(), "nobody knows hugo yet");
    let more = format!(
        "[[agent]]\nid = \"hugo\"\npbx = \"hq\"\ndevices = [\"sip:1007\"]\nsip_password = \"{SIP_PASSWORD}\"\n\n"
    );
    office.daemon.write(&(office.configuration.clone() + &more))?;
    office.daemon.signal("HUP").await?;
    let applied =
        |event: &Value| kind(event) == "config.applied" && event.pointer("/data/version") == Some(&2.into());
    office.see("config.applied", applied).await?;
    enrol().await.map(drop)
}

async fn full_trunk() -> Result<()> {
    let office = Office::open("").await?;
    let limited = office.configuration.replace("name = \"carrier\",", "name = \"carrier\", max_calls = 1,");
    office.daemon.write(&limited)?;
    office.daemon.signal("HUP").await?;
    office
        .daemon
        .logged("another configuration", |line| line.contains("another configuration is in force"))
        .await?;
    let trunk = office.trunk().await?;
    let first = trunk.call("5003").await?;
    first.wait_ringing().await?;
    let ending = trunk.call("5003").await?.wait_ended().await?;
    ensure!(format!("{ending:?}") == "Refused(503)", "{ending:?}");
    first.hang_up().await?;
    ensure!(office.ends(1).await? == ["abandoned"]);
    let again = trunk.call("5003").await?;
    again.wait_ringing().await?;
    again.hang_up().await
}

/// The trunk is elsewhere: the plan names no start, and after it is applied calls go there.
async fn planned() -> Result<()> {
    let office = Office::open("").await?;
    let moved = SocketAddr::from(([127, 0, 0, 2], free_port()));
    let (old, file) =
        (fs::read_to_string(office.daemon.config())?, office.daemon.journal().with_extension("toml"));
    fs::write(&file, old.replace(&format!("sip:{}", office.own.trunk), &format!("sip:{moved}")))?;
    let run = async |command: &str| {
        let output = office.daemon.command(&[command, &file.to_string_lossy(), "--token", ADMIN]).await?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        anyhow::Ok(said)
    };
    let plan = run("plan").await?;
    let changes: Vec<_> = plan.lines().filter(|line| !line.starts_with('!')).collect();
    ensure!(changes == ["~ pbx hq"], "{plan}");
    run("apply").await?;
    let another = |line: &str| line.contains("another configuration is in force");
    office.daemon.logged("another configuration", another).await?;
    let carrier = Phone::unregistered("carrier", moved, office.own.address).await?;
    let telephone = office.telephone_of("A").await?;
    let call = telephone.call(OUTSIDE).await?;
    carrier.next_call().await?.answer().await?;
    call.wait_up().await?;
    call.hang_up().await?;
    ensure!(office.ends(1).await? == ["answered"]);
    office.is_idle().await
}

async fn death() -> Result<()> {
    let mut stage = Stage::set(Place::Hookswitch, Mode::Route, "").await?;
    stage
        .play_script("B unregisters; C dials Q; A rings; A answers; see answered A; C2 dials Q; see queued Q")
        .await?;
    stage.play_script("the daemon dies; the daemon returns; see ended; see ended").await?;
    let events = stage.events();
    let ended: Vec<_> = events.iter().filter(|event| kind(event) == "call.ended").collect();
    let told: Vec<_> = ended.iter().filter_map(|event| text(event, "/data/ledger/disposition")).collect();
    ensure!(told == ["answered", "abandoned"], "{told:?}");
    ensure!(ended.iter().all(|event| event["recovered"] == true), "not told as recovered");
    stage.wait("alice is ready again", of("A", "ready")).await?;
    // What the phones believe in still is gone: a BYE is answered, and nothing hangs.
    stage.world.hang_up_all().await;
    stage
        .play_script("C3 dials Q2; D rings; D answers; see answered D; D hangs up; C3 is cut off; see ended")
        .await
}
