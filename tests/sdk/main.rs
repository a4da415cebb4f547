//! The client library in the places where it runs: Node (server-sent events) and Chromium (WebSocket), against the real
//! daemon on the simulated PBX.
//!
//! A script of Node says `ready` when it has subscribed; then people use their telephones, and the script ends well when
//! it has seen what it should. `make web` has built the library; what only tests need (`playwright-core`) is in
//! `target/test-peers/pages`, where `tests/sdk/peers.sh` has put it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::daemon::{ADMIN, token};
use hookswitch_tests::node::Script;
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;

const PATIENCE: Duration = Duration::from_secs(90);
const ONE_CALL: &str = "C dials Q; A rings; A answers; see answered A; A holds; see held; A retrieves; see retrieved; \
    C hangs up; see ended";
const THREE_CALLS: &str = "C dials Q; A rings; A answers; see answered A; C hangs up; see ended; \
    C dials A; A rings; A answers; see answered A; A hangs up; see ended; C dials A; A rings; C hangs up; see ended";

/// Runs a script of this folder while a play is given, and wants it to end well.
async fn run(script: &str, play: &str) -> Result<()> {
    let mut stage =
        Stage::set(Place::Simulator, Mode::Route, &token("alice", "agent", Some("alice"))).await?;
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let library = root.join("../crates/edge/http/web/dist/hookswitch.js");
    ensure!(library.exists(), "the client library is not built: run `make web`, which needs Node");
    let peers = root.join("../target/test-peers/pages");
    let environment = [
        ("ADMIN", ADMIN),
        ("AGENT", "alice"),
        ("LIBRARY", library.to_str().context("a path in UTF-8")?),
        ("PEERS", peers.to_str().context("a path in UTF-8")?),
    ];
    let path = root.join("sdk").join(script);
    Script { path: &path, environment: &environment, play, patience: PATIENCE }.run(&mut stage).await
}

#[tokio::test]
async fn board_of_the_client_is_the_daemons_snapshot() -> Result<()> {
    run("board.mjs", ONE_CALL).await
}

#[tokio::test]
async fn client_resumes_over_cut_connections_without_gap_or_duplicate() -> Result<()> {
    run("cuts.mjs", THREE_CALLS).await
}

#[tokio::test]
async fn of_all_clients_of_an_agent_one_wins_the_pop() -> Result<()> {
    run("pops.mjs", ONE_CALL).await
}

#[tokio::test]
async fn refusals_are_told_with_what_is_allowed() -> Result<()> {
    run("refusals.mjs", "C dials Q; A rings; A answers; see ended").await
}

#[tokio::test]
async fn types_of_the_client_are_what_the_daemon_says_of_itself() -> Result<()> {
    run("contract.mjs", "").await
}

#[tokio::test]
async fn client_runs_in_chromium_over_websocket() -> Result<()> {
    run("chromium.mjs", ONE_CALL).await
}
