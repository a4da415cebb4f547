//! `hookswitch top` on a terminal of its own, as `script` (util-linux) gives one: what it draws, and that it leaves the
//! terminal as it was.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::daemon::{ADMIN, program};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdout, Command};
use tokio::time;

use crate::office::Office;

const PATIENCE: Duration = Duration::from_secs(30);

/// What a program writes on its terminal.
struct Terminal {
    stdout: ChildStdout,
    written: String,
}

impl Terminal {
    /// Reads until this text stands behind what was read before.
    async fn shows(&mut self, text: &str) -> Result<()> {
        let from = self.written.len();
        let read = async {
            let mut bytes = [0; 4096];
            while !self.written[from..].contains(text) {
                let length = self.stdout.read(&mut bytes).await?;
                ensure!(length > 0, "it is over");
                self.written.push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
            Ok(())
        };
        let outcome = time::timeout(PATIENCE, read).await.context("not in time").and_then(|outcome| outcome);
        outcome.with_context(|| format!("{text:?} in {:?}", &self.written[from..]))
    }
}

#[tokio::test]
async fn top_follows_the_daemon_and_leaves_the_terminal_as_it_was() -> Result<()> {
    let mut office = Office::furnish("").await?;
    office.daemon.launch().await?;
    office.daemon.wait_links_up().await?;
    let program = program().await?;
    // The terminal's settings before and after, in words of its own.
    let line = format!("stty rows 30 cols 120; stty -g; {} top; echo status $?; stty -g", program.display());
    let mut script = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm-256color")
        .env("HOOKSWITCH_CONFIG", office.daemon.config())
        .env("HOOKSWITCH_TOKEN", ADMIN)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("script is needed: apt-get install bsdutils")?;
    let mut keys = script.stdin.take().context("its keys")?;
    let mut terminal =
        Terminal { stdout: script.stdout.take().context("its screen")?, written: String::new() };

    terminal.shows("billing").await?;
    keys.write_all(b"2").await?;
    terminal.shows("Alice").await?;
    let lunch = json!({"state": "not_ready", "reason": "lunch"});
    let taken = office.daemon.api().request(Method::PUT, "/v1/agents/alice/state", Some(&lunch)).await?;
    ensure!(taken.status == 202, "{taken:?}");
    terminal.shows("lunch").await?;
    keys.write_all(b"q").await?;
    terminal.shows("status 0").await?;
    keys.shutdown().await?;
    terminal.stdout.read_to_string(&mut terminal.written).await?;

    let written = &terminal.written;
    let (entered, left) = (written.rfind("\u{1b}[?1049h"), written.rfind("\u{1b}[?1049l"));
    ensure!(entered.is_some() && entered < left, "the screen before is not back: {written:?}");
    let cursor = (written.rfind("\u{1b}[?25l"), written.rfind("\u{1b}[?25h"));
    ensure!(cursor.0 < cursor.1, "the cursor is gone: {written:?}");
    let is_settings = |line: &&str| {
        line.matches(':').count() > 10 && line.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
    };
    let settings: Vec<_> = written.lines().map(str::trim).filter(is_settings).collect();
    ensure!(settings.len() == 2 && settings[0] == settings[1], "settings of the terminal: {settings:?}");
    Ok(())
}

#[tokio::test]
async fn top_prints_one_snapshot_as_json_and_says_why_it_cannot_draw() -> Result<()> {
    let mut office = Office::furnish("").await?;
    office.daemon.launch().await?;
    office.daemon.wait_links_up().await?;
    let printed = office.daemon.command(&["--json", "top", "--token", ADMIN]).await?;
    let snapshot: serde_json::Value = serde_json::from_slice(&printed.stdout)?;
    ensure!(snapshot["agents"].as_array().is_some_and(|agents| !agents.is_empty()), "{snapshot}");
    let refused = office.daemon.command(&["top", "--token", ADMIN]).await?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(refused.status.code() == Some(1) && said.contains("hint:"), "{said}");
    Ok(())
}
