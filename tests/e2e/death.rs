//! The daemon dies. Callers must not notice.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::asterisk::Version;
use hookswitch_tests::cast::Mode;
use hookswitch_tests::events::{kind, text};
use hookswitch_tests::phone::CallState;
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use serde_json::Value;

crate::on_both_versions! {
    nobody_is_dropped_and_everything_is_right_after_the_return
    caller_who_waits_goes_to_the_fallback_when_the_daemon_stays_away
    orderly_stop_hands_waiting_callers_to_the_fallback
}

/// The contract's limit for going to the fallback.
const FALLBACK: Duration = Duration::from_secs(15);

async fn nobody_is_dropped_and_everything_is_right_after_the_return(version: Version) -> Result<()> {
    let mut stage = Stage::set(Place::Asterisk(version), Mode::Route, "").await?;
    let played = stage.play_script(
        "C dials Q; A rings; A answers; see answered A; D goes not_ready lunch; C3 dials Q2; see queued Q2; \
         C2 dials Q; B rings; see offered B; the daemon dies",
    );
    played.await.with_context(|| stage.daemon.log())?;
    let telephones = &stage.world.real()?.telephones;
    assert_eq!(telephones.latest("C")?.state(), CallState::Up);
    assert_eq!(telephones.latest("C3")?.state(), CallState::Up);
    assert_eq!(telephones.latest("B")?.state(), CallState::Ringing);

    // The one who rings is answered while nobody watches.
    stage.direct("B answers").await?;
    stage.direct("the daemon returns").await?;
    let back = Instant::now();
    let snapshot = loop {
        let snapshot = stage.daemon.api().get("/v1/snapshot").await?;
        let wrong = differences(&snapshot);
        if wrong.is_empty() {
            break snapshot;
        }
        ensure!(
            back.elapsed() < Duration::from_secs(1),
            "{wrong:?} after the return\n{}",
            stage.daemon.log()
        );
    };
    let pops = |stage: &Stage| stage.events().iter().filter(|event| kind(event) == "screen.pop").count();
    assert_eq!(pops(&stage), 2, "no second pop: {snapshot}");

    // And it all goes on: the one who waits is served, each call ends once.
    let rest = "D goes ready; D rings; see offered D; D answers; see answered D; C hangs up; A is cut off; \
                B hangs up; C2 is cut off; C3 hangs up; D is cut off; see ended; see ended; see ended";
    stage.play_script(rest).await.with_context(|| stage.daemon.log())?;
    let wrong = hookswitch_tests::invariants::violations(&stage.events());
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// What a snapshot has wrong: alice talks with the first caller, bob with the second, the third waits for billing.
fn differences(snapshot: &Value) -> Vec<String> {
    let agent = |id: &str| {
        let agents = snapshot["agents"].as_array().into_iter().flatten();
        agents.clone().find(|agent| agent["id"] == id).cloned().unwrap_or_default()
    };
    let call = |number: &str| {
        let calls = snapshot["calls"].as_array().into_iter().flatten();
        calls.clone().find(|call| text(call, "/ani/raw") == Some(number)).cloned().unwrap_or_default()
    };
    let expected = [
        (agent("alice"), "state", "talking"),
        (agent("bob"), "state", "talking"),
        (call("+49305550001"), "state", "connected"),
        (call("+49305550002"), "state", "connected"),
        (call("+49305550003"), "state", "queued"),
        (call("+49305550003"), "queue", "billing"),
    ];
    let wrong = expected.iter().filter(|(object, key, value)| object[*key] != *value);
    wrong.map(|(object, key, value)| format!("{key} is not {value}: {object}")).collect()
}

async fn caller_who_waits_goes_to_the_fallback_when_the_daemon_stays_away(version: Version) -> Result<()> {
    let mut stage = Stage::set(Place::Asterisk(version), Mode::Route, "").await?;
    stage.play_script("A unregisters; B unregisters; C dials Q; see queued Q; the daemon dies").await?;
    let died = Instant::now();
    stage.play_script("X rings").await?;
    ensure!(died.elapsed() < FALLBACK, "the fallback rang only after {:?}", died.elapsed());
    stage.play_script("X answers; C hangs up; X is cut off").await
}

async fn orderly_stop_hands_waiting_callers_to_the_fallback(version: Version) -> Result<()> {
    let mut stage = Stage::set(Place::Asterisk(version), Mode::Route, "").await?;
    stage.play_script("A unregisters; B unregisters; C dials Q; see queued Q").await?;
    let status = stage.daemon.stop().await?;
    ensure!(status.success(), "{status}\n{}", stage.daemon.log());
    let stopped = Instant::now();
    stage.play_script("X rings").await?;
    ensure!(stopped.elapsed() < Duration::from_secs(3), "not handed over: {:?}", stopped.elapsed());
    stage.play_script("X answers; C hangs up; X is cut off").await
}
