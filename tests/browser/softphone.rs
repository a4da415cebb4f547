//! The browser is the agent's only telephone, at a real Asterisk: WebSocket, DTLS-SRTP and all.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::ami::Ami;
use hookswitch_tests::asterisk::{Version, skipped};
use hookswitch_tests::daemon::token;
use hookswitch_tests::world::Place;

use super::{Play, set, tell};

/// Wendy, who has the browser and nothing else; Tom, who has to type his password; their queue.
const AGENTS: &str = r#"[[agent]]
id = "wendy"
name = "Wendy Brandt"
pbx = "hq"
devices = ["PJSIP/1010"]
softphone = "PJSIP/1010"
sip_password = { file = "wendy-sip" }
start = "ready"

[[agent]]
id = "tom"
name = "Tom Weber"
pbx = "hq"
devices = ["PJSIP/1011"]
softphone = "PJSIP/1011"

[[queue]]
id = "wendy"
members = { agents = ["wendy"] }
offer_timeout = "120s"
wrap_up = "600s"

[[route]]
name = "wendy"
when = 'dnis == "5013"'
queue = "wendy"

"#;

/// What the endpoints 1010 and 1011 of the lab ask for.
const SECRETS: [&str; 2] = ["s3cret-of-1010", "s3cret-of-1011"];

async fn run(version: Version, script: &str, hand: &str) -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let tokens = format!(
        "{}{}",
        token("wendy-desktop", "agent", Some("wendy")),
        token("tom-desktop", "agent", Some("tom"))
    );
    let mut stage = set(Place::Asterisk(version), &format!("{tokens}{AGENTS}")).await?;
    // The daemon reads a secret when it is asked for.
    let config = stage.daemon.config();
    fs::write(config.parent().context("it is in a folder")?.join("wendy-sip"), SECRETS[0])?;
    let manager = stage.world.real()?.asterisk.lab_ami().await?;
    tell(&mut stage, Play { script, hand, agent: "wendy-desktop", first: "" }).await?;
    if script == "softphone.mjs" {
        keys_arrived(&manager)?;
    }
    for told in ["/v1/snapshot", "/v1/events?after=0&limit=1000", "/v1/agents", "/v1/config"] {
        // What is not there for this token tells nothing either.
        let Ok(answer) = stage.daemon.api().get(told).await else { continue };
        hides(told, &answer.to_string())?;
    }
    hides("the daemon's log", &stage.daemon.log())
}

/// The PBX has heard `42#` in the voice of the browser.
fn keys_arrived(manager: &Ami) -> Result<()> {
    let frames = manager.frames();
    let keys = frames.iter().filter(|frame| {
        let is = |name: &str, value: &str| frame.get(name).is_some_and(|text| text.starts_with(value));
        is("Event", "DTMFEnd") && is("Direction", "Received") && is("Channel", "PJSIP/1010-")
    });
    let keys: String = keys.filter_map(|frame| frame.get("Digit")).map(String::as_str).collect();
    ensure!(keys == "42#", "the PBX heard {keys:?}");
    Ok(())
}

fn hides(place: &str, text: &str) -> Result<()> {
    for secret in SECRETS {
        ensure!(!text.contains(secret), "{place} holds {secret}");
    }
    Ok(())
}

#[tokio::test]
async fn agent_answers_in_the_browser_by_mouse() -> Result<()> {
    run(Version::V22, "softphone.mjs", "mouse").await
}

#[tokio::test]
async fn agent_answers_in_the_browser_by_keyboard_alone() -> Result<()> {
    run(Version::V22, "softphone.mjs", "keyboard").await
}

#[tokio::test]
async fn agent_answers_in_the_browser_on_asterisk_16() -> Result<()> {
    run(Version::V16, "softphone.mjs", "mouse").await
}

#[tokio::test]
async fn one_tab_is_the_phone_and_the_others_know_it() -> Result<()> {
    run(Version::V22, "softphone-tabs.mjs", "mouse").await
}

#[tokio::test]
async fn what_keeps_the_phone_away_is_told_with_what_to_do() -> Result<()> {
    run(Version::V22, "softphone-troubles.mjs", "mouse").await
}
