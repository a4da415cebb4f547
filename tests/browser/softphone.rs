//! The browser is the agent's only telephone, at a real Asterisk: WebSocket, DTLS-SRTP and all.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::ami::Ami;
use hookswitch_tests::asterisk::{Version, skipped};
use hookswitch_tests::cast::{Mode, SIP_PASSWORD};
use hookswitch_tests::daemon::token;
use hookswitch_tests::ports::free_port;
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use tokio::process::Command;

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
    run_with(version, script, hand, AGENTS).await
}

async fn run_with(version: Version, script: &str, hand: &str, agents: &str) -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let tokens = format!(
        "{}{}{}",
        token("alice-desktop", "agent", Some("alice")),
        token("wendy-desktop", "agent", Some("wendy")),
        token("tom-desktop", "agent", Some("tom"))
    );
    let mut stage = set(Place::Asterisk(version), &format!("{tokens}{agents}")).await?;
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
    hides("the daemon's log", &stage.daemon.log())?;
    let folder = config.parent().context("it is in a folder")?;
    for entry in files(folder)? {
        if entry.file_name().is_some_and(|name| name != "wendy-sip") {
            hides(&entry.display().to_string(), &String::from_utf8_lossy(&fs::read(&entry)?))?;
        }
    }
    Ok(())
}

/// Every file in a folder and those below it: configuration, journal.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
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
    for secret in SECRETS.into_iter().chain([SIP_PASSWORD]) {
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
async fn pbx_has_the_browser_answer() -> Result<()> {
    let told = AGENTS.replacen("softphone = ", "remote_answer = true\nsoftphone = ", 1);
    run_with(Version::V22, "softphone-told.mjs", "mouse", &told).await
}

#[tokio::test]
async fn what_keeps_the_phone_away_is_told_with_what_to_do() -> Result<()> {
    run(Version::V22, "softphone-troubles.mjs", "mouse").await
}

#[tokio::test]
async fn phone_registers_rings_and_declines_at_hookswitch_itself() -> Result<()> {
    let websocket = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let with_websocket = |configuration: String| {
        let keys = format!("softphone = {{ url = \"ws://{websocket}/\" }}\nlisten = [\"ws:{websocket}\", ");
        configuration.replace("listen = [", &keys)
    };
    // Every phone has a password there, which the cast's configuration puts in.
    let agents = AGENTS.replace("sip_password = { file = \"wendy-sip\" }\n", "");
    let settings = format!("{}{agents}", token("wendy-desktop", "agent", Some("wendy")));
    let mut stage = Stage::set_with(Place::Hookswitch, Mode::Route, &settings, with_websocket).await?;
    let play = Play { script: "softphone-sip.mjs", hand: "mouse", agent: "wendy-desktop", first: "" };
    tell(&mut stage, play).await?;
    hides("the daemon's log", &stage.daemon.log())
}

#[tokio::test]
async fn axe_finds_no_violation_at_the_phone() -> Result<()> {
    run(Version::V22, "softphone-accessible.mjs", "mouse").await
}

#[tokio::test]
async fn every_state_of_the_phone_has_its_words_and_its_next_step() -> Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut node = Command::new("node");
    node.arg(root.join("browser/softphone-states.mjs"));
    let output = node.env("WEB", root.join("../crates/edge/http/web")).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
