//! Presets against receivers that other people wrote: the package `sipgateio` of npm decodes what the form dialect says,
//! Django-CRM's receiver takes what the preset `zadarma` signs, and Creme CRM shows the caller and dials.
//! `tests/presets/peers.sh` installs all three.
//!
//! What each preset makes of recorded courses, request by request, is compared in `crates/edge/publish/tests/presets.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod creme;
mod sipgate;
mod zadarma;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(90);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where `peers.sh` has put what is not ours.
fn peers() -> PathBuf {
    root().join("../target/test-peers")
}

/// A script of Node that talks to the test line by line, and ends well when it has seen what it should.
struct Script {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Script {
    fn run(name: &str, environment: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new("node");
        command.arg(root().join("presets").join(name)).env("PEERS", peers());
        for (name, value) in environment {
            command.env(name, value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("Node is needed: apt-get install nodejs npm")?;
        let lines = BufReader::new(child.stdout.take().context("its standard output")?).lines();
        Ok(Self { child, lines })
    }

    /// The next line; when the script failed, what it said of it.
    async fn line(&mut self) -> Result<String> {
        match timeout(PATIENCE, self.lines.next_line()).await.context("the script says nothing")?? {
            Some(line) => Ok(line),
            None => anyhow::bail!("the script is over: {}", self.errors().await?),
        }
    }

    /// Waits for its end, which is to be a good one.
    async fn done(mut self) -> Result<()> {
        let status = timeout(PATIENCE, self.child.wait()).await.context("the script does not end")??;
        ensure!(status.success(), "{status}: {}", self.errors().await?);
        Ok(())
    }

    async fn errors(&mut self) -> Result<String> {
        let mut text = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            timeout(PATIENCE, stderr.read_to_string(&mut text)).await.context("its standard error")??;
        }
        Ok(text)
    }
}
