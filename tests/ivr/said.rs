//! Scenes in which it matters what callers hear, and what the PBX is at.

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::ami::{Ami, Frame};
use hookswitch_tests::stage::Stage;

/// Nobody is free, and two wait: the second is not first in line.
pub(super) const TWO_WAIT: &str = "A goes not_ready; see agent A not_ready; B goes not_ready; see agent B not_ready; \
     C dials Q2; see queued told; C2 dials Q2; see queued told";

/// What a manager heard the dialplan say, in order, of one caller.
fn said(frames: &[Frame], uniqueid: &str) -> Vec<String> {
    let says = |frame: &&Frame| {
        let app = frame.get("Application").map_or("", String::as_str);
        frame.get("Event").is_some_and(|event| event == "Newexten")
            && frame.get("Uniqueid").is_some_and(|of| of == uniqueid)
            && matches!(app, "BackGround" | "SayNumber")
    };
    let data = |frame: &Frame| {
        frame.get("AppData").map(|data| data.split(',').next().unwrap_or_default().to_owned())
    };
    frames.iter().filter(says).filter_map(data).collect()
}

/// The caller of whom this sound was begun, once it was.
async fn hears(manager: &Ami, app: &str, data: &str) -> Result<String> {
    let frame = manager.wait_event("Newexten", &[("Application", app), ("AppData", data)]).await?;
    frame.get("Uniqueid").cloned().context("a channel")
}

pub(super) async fn the_place(mut stage: Stage) -> Result<()> {
    let manager = stage.world.manager().await?;
    stage.play_script(TWO_WAIT).await?;
    let first = hears(&manager, "BackGround", "queue-youarenext,m,,hookswitch-wait").await?;
    let second = hears(&manager, "SayNumber", "2").await?;
    // The second's whole announcement is over when music goes on.
    let thanked = ("AppData", "queue-thankyou,m,,hookswitch-wait");
    manager.wait_event("Newexten", &[thanked, ("Uniqueid", &second)]).await?;
    let frames = manager.frames();
    ensure!(said(&frames, &second) == ["queue-thereare", "2", "queue-callswaiting", "queue-thankyou"]);
    manager.wait_event("Newexten", &[thanked, ("Uniqueid", &first)]).await?;
    ensure!(said(&manager.frames(), &first) == ["queue-youarenext", "queue-thankyou"]);
    manager.wait_event_after(frames.len(), "MusicOnHoldStart", &[("Uniqueid", &second)]).await?;
    stage.play_script("C hangs up; see ended; C2 hangs up; see ended").await
}

/// The Redirect of a Ring comes in the middle of a sound.
pub(super) async fn cut_short(mut stage: Stage) -> Result<()> {
    let manager = stage.world.manager().await?;
    stage.play_script(TWO_WAIT).await?;
    hears(&manager, "BackGround", "queue-youarenext,m,,hookswitch-wait").await?;
    stage
        .play_script(
            "A goes ready; A rings; A answers; see answered A; C hangs up; A is cut off; see ended; C2 hangs up; see ended",
        )
        .await
}

/// Keys that nobody configured change nothing: the caller waits on, in the same place, and is rung for.
pub(super) async fn keys(mut stage: Stage, [number, queue]: [&str; 2]) -> Result<()> {
    stage
        .play_script(&format!(
            "A goes not_ready; see agent A not_ready; B goes not_ready; see agent B not_ready; C dials {number}; \
             see queued {queue}; 0.5 s pass; C presses 5#*0; 5 s pass; C presses 7; B goes ready; B rings; B answers; see answered B; \
             C hangs up; B is cut off; see ended"
        ))
        .await?;
    let data: Vec<_> = stage.events().into_iter().filter(|event| event["type"] == "call.data").collect();
    ensure!(data.is_empty(), "keys became data: {data:?}");
    Ok(())
}

/// The configuration has a menu that the PBX was not given yet.
pub(super) async fn unprinted(mut stage: Stage) -> Result<()> {
    let output = stage.daemon.command(&["dialplan"]).await?;
    let printed = String::from_utf8(output.stdout)?;
    ensure!(printed.contains("exten => menu-main,1,"), "{printed}");
    stage.world.open(&printed.replace("exten => menu-main,1,", "exten => menu-other,1,")).await?;
    stage
        .play_script("C dials Q3; A rings; A answers; see answered A; C hangs up; A is cut off; see ended")
        .await?;
    let ended = stage.wait("the end", |event| event["type"] == "call.ended").await?;
    ensure!(ended["data"]["call"]["data"]["ivr.main"] == "", "{ended}");
    Ok(())
}

/// By dialplan alone, within 15 s and what the menu still asks.
pub(super) async fn away(mut stage: Stage) -> Result<()> {
    stage
        .play_script(
            "C dials Q3; see data; 0.5 s pass; the daemon dies; X rings; X answers; 0.3 s pass; C hangs up; X is cut off",
        )
        .await
}
