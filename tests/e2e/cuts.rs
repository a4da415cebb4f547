//! The wire to the PBX is cut, or goes dead without a word. Nobody's call must be lost or told twice.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::asterisk::Version;
use hookswitch_tests::cast::Mode;
use hookswitch_tests::events::{kind, text};
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use serde_json::Value;

crate::on_both_versions! {
    wire_cut_again_and_again_during_calls_loses_and_doubles_nothing
    dead_wire_is_noticed_and_the_calls_are_right_afterwards
}

/// Events carried before each cut.
const EVENTS: usize = 500;
/// A link that is cut is back within this.
const BACK: f64 = 1.0;
/// Keep-alive: asked after 5 s of silence, given up 5 s later; and the way back.
const NOTICED: Duration = Duration::from_secs(12);

async fn wire_cut_again_and_again_during_calls_loses_and_doubles_nothing(version: Version) -> Result<()> {
    let mut stage = Stage::set(Place::Asterisk(version), Mode::Route, "").await?;
    // Alice alone takes calls.
    stage.play_script("B unregisters").await?;
    stage.wire.cut_every(EVENTS);
    let mut calls = 0;
    while stage.wire.cuts() < 3 {
        ensure!(calls < 100, "{} cuts in {calls} calls", stage.wire.cuts());
        let played = stage.play_script(ONE_CALL).await;
        played.with_context(|| format!("call {calls}\n{}", stage.daemon.log()))?;
        calls += 1;
    }
    stage.wire.mend();
    // One more, and everything before it is known.
    stage.play_script(ONE_CALL).await.with_context(|| stage.daemon.log())?;
    calls += 1;

    let events = stage.events();
    let wrong = hookswitch_tests::invariants::violations(&events);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let of = |wanted: &str| events.iter().filter(|event| kind(event) == wanted).count();
    assert_eq!((of("call.started"), of("call.ended")), (calls, calls), "each call began once and ended once");
    let links: Vec<&Value> = events.iter().filter(|event| kind(event) == "pbx.link").collect();
    let state =
        |wanted: &str| links.iter().filter(|event| text(event, "/data/state") == Some(wanted)).count();
    assert_eq!(state("down"), stage.wire.cuts(), "each cut is seen: {links:#?}");
    assert_eq!(state("resynchronised"), stage.wire.cuts(), "and its gap told once: {links:#?}");
    for gap in links.iter().filter(|event| text(event, "/data/state") == Some("resynchronised")) {
        let seconds = seconds(gap, "/data/gap/to")? - seconds(gap, "/data/gap/from")?;
        ensure!(seconds >= 0.0, "a gap ends after it began: {gap:#}");
    }
    for (down, up) in
        links.iter().zip(&links[1..]).filter(|(down, _)| text(down, "/data/state") == Some("down"))
    {
        let away = seconds(up, "/time")? - seconds(down, "/time")?;
        ensure!(away < BACK, "away for {away} s: {down:#} {up:#}");
    }
    Ok(())
}

const ONE_CALL: &str =
    "C dials Q; A rings; A answers; see answered A; C hangs up; A is cut off; see ended; see agent A ready";

async fn dead_wire_is_noticed_and_the_calls_are_right_afterwards(version: Version) -> Result<()> {
    let mut stage = Stage::set(Place::Asterisk(version), Mode::Observe, "").await?;
    stage.play_script("C dials A; A rings; A answers; see answered A").await?;
    stage.wire.freeze();
    let frozen = Instant::now();
    // Ends while nobody sees it.
    stage.play_script("C hangs up; A is cut off").await?;
    let is_down = |event: &Value| text(event, "/data/state") == Some("down");
    stage.wait("the dead wire", is_down).await.with_context(|| stage.daemon.log())?;
    ensure!(frozen.elapsed() < NOTICED, "noticed after {:?}\n{}", frozen.elapsed(), stage.daemon.log());
    stage.wire.mend();
    stage.play_script("see ended").await.with_context(|| stage.daemon.log())?;
    let wrong = hookswitch_tests::invariants::violations(&stage.events());
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Seconds of the day of a moment in an event.
fn seconds(event: &Value, pointer: &str) -> Result<f64> {
    let moment = text(event, pointer).with_context(|| format!("{pointer} in {event:#}"))?;
    let time = moment.split_once('T').context("a moment")?.1.trim_end_matches('Z');
    time.split(':').try_fold(0.0, |seconds, part| Ok(seconds * 60.0 + part.parse::<f64>()?))
}
