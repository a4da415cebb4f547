//! Scripts of Node beside a stage: a page or a client library does what a person does at the screen, the stage what people
//! do with telephones.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::stage::Stage;

/// A script, and what it is told.
#[derive(Debug)]
pub struct Script<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its environment, beside `URL`.
    pub environment: &'a [(&'a str, &'a str)],
    /// Played when it says `ready`.
    pub play: &'a str,
    /// How long it may take.
    pub patience: Duration,
}

impl Script<'_> {
    /// Runs it on a stage and wants it to end well. A line `play SENTENCES` of the script is played, and answered by a line
    /// `played`.
    ///
    /// # Errors
    /// When it fails, or something it asks for cannot be played: the error holds what it said, and the daemon's log.
    pub async fn run(&self, stage: &mut Stage) -> Result<()> {
        let mut node = Command::new("node")
            .arg(self.path)
            .env("URL", format!("http://{}", stage.daemon.api().address()))
            .envs(self.environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("Node is needed: apt-get install nodejs npm")?;
        let stdin = node.stdin.take().context("its standard input")?;
        let stdout = BufReader::new(node.stdout.take().context("its standard output")?);
        let mut stderr = node.stderr.take().context("its standard error")?;
        let mut said = String::new();
        let talk = self.talk(stage, &mut node, (stdin, stdout), &mut said);
        let outcome = timeout(self.patience, talk).await.context("not in time").and_then(|outcome| outcome);
        if outcome.is_err() {
            let _ = node.start_kill();
            stderr.read_to_string(&mut said).await?;
        }
        outcome.with_context(|| format!("{}:\n{said}\ndaemon:\n{}", self.path.display(), stage.daemon.log()))
    }

    async fn talk(
        &self,
        stage: &mut Stage,
        node: &mut Child,
        (mut stdin, stdout): (ChildStdin, BufReader<ChildStdout>),
        said: &mut String,
    ) -> Result<()> {
        let mut lines = stdout.lines();
        while let Some(line) = lines.next_line().await? {
            if line == "ready" {
                stage.play_script(self.play).await?;
            } else if let Some(sentences) = line.strip_prefix("play ") {
                stage.play_script(sentences).await?;
                stdin.write_all(b"played\n").await?;
            } else {
                said.push_str(&line);
                said.push('\n');
            }
        }
        let status = node.wait().await?;
        ensure!(status.success(), "{status}");
        Ok(())
    }
}
