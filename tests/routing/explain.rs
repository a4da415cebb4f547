//! `hookswitch explain`, from the configuration alone and from a daemon.

use anyhow::{Result, ensure};
use hookswitch_tests::{cast::Mode, stage::Stage, world::Place};
use serde_json::Value;

use crate::{caller, printed, report};

fn names<'a>(list: &'a Value, of: &str) -> Vec<&'a str> {
    list[of].as_array().into_iter().flatten().filter_map(|entry| entry["agent"].as_str()).collect()
}

#[tokio::test]
async fn the_configuration_alone_says_who_would_be_asked() -> Result<()> {
    let mut stage = Stage::set(Place::Simulator, Mode::Route, "").await?;
    stage.daemon.stop().await?;
    let explained = report(&stage, &["explain", "--ani", &caller(), "--dnis", "5003"]).await?;
    assert_eq!(explained["routed"]["rule"], "support", "{explained}");
    assert_eq!(explained["queue"]["queue"], "support");
    let step = &explained["queue"]["steps"][0];
    assert_eq!(names(step, "ranked"), ["alice", "bob"], "best skill first: {step}");
    let pressed = report(&stage, &["explain", "--dnis", "5005", "--data", "choice=2"]).await?;
    assert_eq!(pressed["routed"]["rule"], "pressed two");
    let nowhere = report(&stage, &["explain", "--dnis", "4711"]).await?;
    assert_eq!((&nowhere["routed"]["rule"], &nowhere["queue"]), (&Value::Null, &Value::Null));
    let text = printed(&stage, &["explain", "--ani", &caller(), "--dnis", "5003"]).await?;
    ensure!(text.contains("alice") && text.contains("support"), "{text}");
    let at = "2026-12-24T10:00:00+01:00";
    let then = report(&stage, &["explain", "--dnis", "5003", "--at", at]).await?;
    assert_eq!((&then["at"], &then["local"]), (&"2026-12-24T09:00:00.000000Z".into(), &at.into()));
    let then = printed(&stage, &["explain", "--dnis", "5003", "--at", at]).await?;
    ensure!(then.contains(at), "{then}");
    for (wrong, told) in [("--at", "soon"), ("--pbx", "nowhere")] {
        let output = stage.daemon.command(&["explain", "--dnis", "5003", wrong, told]).await?;
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        let error = String::from_utf8(output.stderr)?;
        ensure!(error.contains(told) && error.contains("hint"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_daemon_says_why_an_agent_is_left_out_now() -> Result<()> {
    let mut stage = Stage::set(Place::Simulator, Mode::Route, "").await?;
    stage.play_script("A goes not_ready lunch").await?;
    let url = format!("http://{}", stage.daemon.api().address());
    let explained = report(&stage, &["explain", "--url", &url, "--dnis", "5003"]).await?;
    let step = &explained["queue"]["steps"][0];
    assert_eq!(names(step, "ranked"), ["bob"], "{step}");
    assert_eq!(names(step, "excluded"), ["alice"], "{step}");
    assert_eq!(step["excluded"][0]["reason"], "not_ready", "{step}");
    // And the engine does what it said.
    stage.play_script("C dials Q; B rings; see offered B; B answers; see answered B; C hangs up; B is cut off; see ended").await
}
