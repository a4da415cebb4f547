//! The client library in the places where it runs: Node (server-sent events) and Chromium (WebSocket), against the real
//! daemon on the simulated PBX.
//!
//! A script of Node says `ready` when it has subscribed; then people use their telephones, and the script ends well when
//! it has seen what it should. `make web` has built the library; what only tests need (`playwright-core`) is in
//! `target/test-peers/pages`, where `tests/sdk/peers.sh` has put it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::daemon::{ADMIN, token};
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

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
    let mut node = Command::new("node")
        .arg(root.join("sdk").join(script))
        .env("URL", format!("http://{}", stage.daemon.api().address()))
        .env("ADMIN", ADMIN)
        .env("AGENT", "alice")
        .env("LIBRARY", library)
        .env("PEERS", root.join("../target/test-peers/pages"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("Node is needed: apt-get install nodejs npm")?;
    let mut stderr = node.stderr.take().context("its standard error")?;
    let mut lines = BufReader::new(node.stdout.take().context("its standard output")?).lines();
    let played = async {
        let first = lines.next_line().await?;
        ensure!(first.as_deref() == Some("ready"), "the script said {first:?}");
        stage.play_script(play).await?;
        let status = node.wait().await?;
        ensure!(status.success(), "{status}");
        Ok(())
    };
    let outcome = timeout(PATIENCE, played).await.context("not in time").and_then(|outcome| outcome);
    if outcome.is_err() {
        let _ = node.start_kill();
        let mut said = String::new();
        while let Some(line) = lines.next_line().await? {
            said.push_str(&line);
            said.push('\n');
        }
        stderr.read_to_string(&mut said).await?;
        return outcome.with_context(|| format!("{script}:\n{said}\ndaemon:\n{}", stage.daemon.log()));
    }
    Ok(())
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
