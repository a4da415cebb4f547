//! The pages in real Chromium, against the real daemon on the simulated PBX, and telephone control on a real Asterisk 22,
//! too: an agent works at the screen, customers and colleagues use telephones.
//!
//! A script of this folder is the agent; it asks for what people do with telephones by `play`. `make web` has built the
//! pages; what only tests need (`playwright-core`, `axe-core`) is in `target/test-peers/browser`, where
//! `tests/browser/peers.sh` has put it.
//!
//! `HOOKSWITCH_SCREENSHOTS=docs/images` has the scripts keep pictures of what they see. `HOOKSWITCH_PAGES=1` serves the
//! pages from `web/dist` instead of those in the binary: for who works on them.

mod softphone;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::asterisk::{Version, skipped};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::daemon::{ADMIN, token};
use hookswitch_tests::desktops::{self, Plan};
use hookswitch_tests::node::Script;
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;

/// For the longest script by keyboard, on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(900);

/// Gina, whose phone answers when it is told to, her queue (`Q2` of the cast leads there), and a colleague of hers.
const GINA: &str = r#"[[agent]]
id = "gina"
name = "Gina Rossi"
pbx = "hq"
devices = ["PJSIP/1006"]
remote_answer = true
caller_id = "+4930777"
start = "ready"

[[queue]]
id = "gina"
members = { agents = ["gina"] }
offer_timeout = "120s"
wrap_up = "600s"

[[route]]
name = "gina"
when = 'dnis == "5013"'
queue = "gina"

"#;

/// Runs a script of this folder on the simulated PBX and wants it to end well.
async fn run(script: &str, hand: &str) -> Result<()> {
    run_on(Place::Simulator, script, hand).await
}

/// The same on a PBX of one's choice.
async fn run_on(place: Place, script: &str, hand: &str) -> Result<()> {
    let settings = format!("{}{GINA}", token("gina-desktop", "agent", Some("gina")));
    let mut stage = set(place, &settings).await?;
    tell(&mut stage, Play { script, hand, agent: "gina-desktop", first: "G obeys" }).await
}

/// A stage with these settings.
async fn set(place: Place, settings: &str) -> Result<Stage> {
    // A phone that a click rings does so until a slow browser has told of it.
    let slowly =
        |configuration: String| configuration.replace("ring_timeout = \"4s\"", "ring_timeout = \"60s\"");
    Stage::set_with(place, Mode::Route, settings, slowly).await
}

/// A script of this folder, and who is the agent in it.
struct Play<'a> {
    script: &'a str,
    hand: &'a str,
    /// The agent's token.
    agent: &'a str,
    /// Played before anything else.
    first: &'a str,
}

/// Has a script played on a stage.
async fn tell(stage: &mut Stage, play: Play<'_>) -> Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let dist = root.join("../crates/edge/http/web/dist");
    ensure!(dist.join("pages").exists(), "the pages are not built: run `make web`, which needs Node");
    let screenshots = std::env::var("HOOKSWITCH_SCREENSHOTS").unwrap_or_default();
    let screenshots =
        if screenshots.is_empty() { screenshots } else { format!("{}/../{screenshots}", root.display()) };
    let pages = std::env::var_os("HOOKSWITCH_PAGES").map(|_| dist.join("pages")).unwrap_or_default();
    let peers = root.join("../target/test-peers/browser");
    let config = stage.daemon.config();
    let environment = [
        ("ADMIN", ADMIN),
        ("AGENT", play.agent),
        ("HAND", play.hand),
        ("SCREENSHOTS", &screenshots),
        ("PAGES", pages.to_str().context("a path in UTF-8")?),
        ("CONFIG", config.to_str().context("a path in UTF-8")?),
        ("PEERS", peers.to_str().context("a path in UTF-8")?),
    ];
    let path = root.join("browser").join(play.script);
    Script { path: &path, environment: &environment, play: play.first, patience: PATIENCE }.run(stage).await
}

#[tokio::test]
async fn every_story_of_control_goes_by_mouse() -> Result<()> {
    run("control.mjs", "mouse").await
}

#[tokio::test]
async fn every_story_of_control_goes_by_keyboard_alone() -> Result<()> {
    run("control.mjs", "keyboard").await
}

#[tokio::test]
async fn every_story_of_control_goes_by_mouse_on_real_asterisk() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    run_on(Place::Asterisk(Version::V22), "control.mjs", "mouse").await
}

#[tokio::test]
async fn every_story_of_control_goes_by_keyboard_alone_on_real_asterisk() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    run_on(Place::Asterisk(Version::V22), "control.mjs", "keyboard").await
}

#[tokio::test]
async fn reload_and_second_tab_show_the_call_and_do_not_pop_again() -> Result<()> {
    run("pops.mjs", "mouse").await
}

#[tokio::test]
async fn cut_is_resumed_without_gap_and_told() -> Result<()> {
    run("cut.mjs", "mouse").await
}

#[tokio::test]
async fn hostile_texts_are_inert() -> Result<()> {
    run("hostile.mjs", "mouse").await
}

#[tokio::test]
async fn axe_finds_no_serious_violation() -> Result<()> {
    run("accessible.mjs", "mouse").await
}

#[tokio::test]
async fn incoming_call_is_announced_titled_and_notified() -> Result<()> {
    run("ring.mjs", "mouse").await
}

#[tokio::test]
async fn supervisor_watches_is_warned_and_acts_by_mouse() -> Result<()> {
    run("wallboard.mjs", "mouse").await
}

#[tokio::test]
async fn supervisor_watches_is_warned_and_acts_by_keyboard_alone() -> Result<()> {
    run("wallboard.mjs", "keyboard").await
}

#[tokio::test]
async fn administrator_plans_applies_and_goes_back_by_mouse() -> Result<()> {
    run("admin.mjs", "mouse").await
}

#[tokio::test]
async fn administrator_plans_applies_and_goes_back_by_keyboard_alone() -> Result<()> {
    run("admin.mjs", "keyboard").await
}

#[tokio::test]
async fn axe_finds_no_violation_on_wallboard_and_administration() -> Result<()> {
    run("lead-accessible.mjs", "mouse").await
}

#[tokio::test]
async fn hostile_texts_are_inert_on_wallboard_and_administration() -> Result<()> {
    run("lead-hostile.mjs", "mouse").await
}

#[tokio::test]
async fn element_calls_from_pages_of_another_origin_and_tells_what_frames_it() -> Result<()> {
    run("embed.mjs", "mouse").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_desktops_at_once_show_each_caller_on_one_screen_once() -> Result<()> {
    let plan = Plan { pages: 3, clients: 197, calls_to_page: 4, calls_to_client: 1, per_second: 10 };
    let took = desktops::run(plan).await?;
    assert_eq!((took.painted.len(), took.arrived.len()), (12, 197));
    Ok(())
}
