//! A recording tells what the daemon told, masked or not.

use hookswitch_tests::daemon::Daemon;
use hookswitch_tests::events::{Reader, kind};
use serde_json::Value;

use super::*;

const SECONDS: &str = "12s";

/// What happened in a call: kinds of its events without what only the daemon knows (agents' states, links).
fn of_calls(events: &[Value]) -> Vec<String> {
    let calls = events.iter().filter(|event| kind(event).starts_with("call."));
    calls.map(|event| kind(event).to_owned()).collect()
}

/// The events of a recording, read with the daemon's configuration.
async fn traced(daemon: &Daemon, folder: &str) -> Result<Vec<Value>> {
    let text = success(&daemon.command(&["trace", folder]).await?)?;
    text.lines().map(|line| serde_json::from_str(line).context("a line of JSON")).collect()
}

/// A plain and a masked recording of a call that was up before they began, and of one after.
async fn recorded(place: Place) -> Result<()> {
    let mut world = observed(place).await?;
    let (address, credentials) = (world.ami(), world.credentials());
    let mut daemon = Daemon::prepare(&format!("{}{AGENTS}", pbx(address, credentials, Mode::Observe)))?;
    daemon.launch().await?;
    daemon.wait_links_up().await?;
    let reader = Reader::websocket(&daemon.api(), "after=0").await?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (plain, masked) = (path("plain"), path("masked"));
    let manager = world.manager().await?;
    let recording = async |out: &str, mask: &[&str]| {
        let arguments = [&["record", "hq", "--for", SECONDS, "--out", out], mask].concat();
        success(&daemon.command(&arguments).await?)
    };
    let calls = async {
        // Both have asked for the lists: from then on they see everything.
        for file in [&plain, &masked] {
            until_listed(file).await?;
        }
        play(&mut world, &["C dials Q", "A rings", "A answers", "A hangs up"]).await?;
        play(&mut world, &["C2 dials A", "A rings", "C2 hangs up"]).await
    };
    let (one, other, played) = tokio::join!(recording(&plain, &[]), recording(&masked, &["--mask"]), calls);
    played?;
    drop((one?, other?, manager));
    reader
        .wait("the end of the second call", |event| {
            kind(event) == "call.ended"
                && event.pointer("/data/ledger/disposition").is_some_and(|how| how != "answered")
        })
        .await?;
    let told = of_calls(&reader.events());
    assert!(told.iter().filter(|kind| *kind == "call.ended").count() == 2, "{told:?}");
    let (from_plain, from_masked) = (traced(&daemon, &plain).await?, traced(&daemon, &masked).await?);
    assert_eq!(of_calls(&from_plain), told, "the recording tells what the daemon told");
    assert_eq!(of_calls(&from_masked), told, "and so does the masked one");
    nothing_personal(&masked, &plain, credentials.1)?;
    the_same_number_is_the_same(&from_plain, &from_masked);
    Ok(())
}

/// Waits until the lists are on the tape: the last of them ends with its `…Complete`.
async fn until_listed(folder: &str) -> Result<()> {
    let raw = std::path::Path::new(folder).join("ami.raw");
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        if std::fs::read_to_string(&raw).is_ok_and(|text| text.contains("EndpointListComplete")) {
            return Ok(());
        }
        ensure!(tokio::time::Instant::now() < deadline, "{} has no lists", raw.display());
        // A file tells nobody that it has grown: look again.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn nothing_personal(masked: &str, plain: &str, secret: &str) -> Result<()> {
    let read = |folder: &str| std::fs::read_to_string(std::path::Path::new(folder).join("ami.raw"));
    let (masked, plain) = (read(masked)?, read(plain)?);
    for number in ["5550001", "5550002"] {
        assert!(plain.contains(number), "{number} is in the stream");
        assert!(!masked.contains(number), "{number} is masked");
    }
    for text in [&masked, &plain] {
        for word in [secret, "Challenge", "Action: Login", "Authentication accepted"] {
            assert!(!text.contains(word), "{word} is in the recording");
        }
    }
    assert!(!masked.contains("Agent 1001"), "names are masked");
    Ok(())
}

/// Callers by call: as many in the masked recording, each with the beginning and length it had.
fn the_same_number_is_the_same(plain: &[Value], masked: &[Value]) {
    let callers = |events: &[Value]| -> Vec<String> {
        let ended = events.iter().filter(|event| kind(event) == "call.ended");
        ended.filter_map(|event| Some(event.pointer("/data/call/ani/raw")?.as_str()?.to_owned())).collect()
    };
    let (plain, masked) = (callers(plain), callers(masked));
    assert_eq!(plain, ["+49305550001", "+49305550002"]);
    assert_eq!(masked.len(), 2);
    assert_ne!(masked[0], masked[1], "two callers stay two");
    for (plain, masked) in plain.iter().zip(&masked) {
        assert_eq!((plain.len(), &plain[..5]), (masked.len(), &masked[..5]));
        assert_ne!(plain, masked);
    }
}

#[tokio::test]
async fn a_recording_of_asterisk_22_tells_what_the_daemon_told() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    recorded(Place::Asterisk(Version::V22)).await
}

#[tokio::test]
async fn a_recording_of_asterisk_16_tells_what_the_daemon_told() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    recorded(Place::Asterisk(Version::V16)).await
}

#[tokio::test]
async fn a_recording_of_the_simulator_tells_what_the_daemon_told() -> Result<()> {
    recorded(Place::Simulator).await
}

#[tokio::test]
async fn a_call_that_is_up_when_a_recording_begins_is_in_it() -> Result<()> {
    let mut world = observed(Place::Simulator).await?;
    let daemon =
        Daemon::prepare(&format!("{}{AGENTS}", pbx(world.ami(), world.credentials(), Mode::Observe)))?;
    play(&mut world, &["C dials Q", "A rings", "A answers"]).await?;
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("late").display().to_string();
    let recording = async { success(&daemon.command(&["record", "--for", "5s", "--out", &out]).await?) };
    let calls = async {
        until_listed(&out).await?;
        play(&mut world, &["C hangs up"]).await
    };
    let (said, played) = tokio::join!(recording, calls);
    played?;
    assert!(said?.contains("hookswitch trace"));
    let events = traced(&daemon, &out).await?;
    let ended = events.iter().filter(|event| kind(event) == "call.ended").count();
    assert_eq!(ended, 1, "{:?}", of_calls(&events));
    Ok(())
}
