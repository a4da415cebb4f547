//! SIPp as many callers and as everybody who is called.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use hookswitch_tests::asterisk::install_tools;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Calls that SIPp has open at most: more than any load here, fewer than files may be open.
const OPEN: &str = "12000";

/// A SIPp that goes on until it is dropped.
pub(super) struct Running {
    _child: Child,
    _folder: TempDir,
}

/// Callers who dial one number.
#[derive(Clone, Copy)]
pub(super) struct Load {
    /// What they dial.
    pub(super) number: &'static str,
    /// How many a second.
    pub(super) rate: u32,
    /// How many in all.
    pub(super) calls: u32,
}

/// What became of a load.
pub(super) struct Called {
    /// Calls from INVITE to the 200 of BYE.
    pub(super) completed: u32,
    /// Calls that went otherwise.
    pub(super) failed: u32,
    /// Messages of the callers that had to be repeated.
    pub(super) repeated: u32,
    pub(super) took: Duration,
}

impl Called {
    /// Calls a second.
    pub(super) fn rate(&self) -> f64 {
        f64::from(self.completed) / self.took.as_secs_f64()
    }
}

/// Answers every call at an address.
pub(super) async fn answer(at: SocketAddr) -> Result<Running> {
    run("phone.xml", at, |_| {}).await
}

/// Callers who wait, and stay until dropped.
pub(super) async fn wait(from: SocketAddr, to: SocketAddr, load: Load) -> Result<Running> {
    run("waiter.xml", from, |command| dial(command, to, load)).await
}

/// Lets callers call, and waits until the last has hung up.
pub(super) async fn call(from: SocketAddr, to: SocketAddr, load: Load) -> Result<Called> {
    let folder = tempfile::tempdir()?;
    let mut command = sipp("caller.xml", from, folder.path()).await?;
    dial(&mut command, to, load);
    command.args(["-trace_stat", "-stf", "statistics", "-fd", "1", "-timeout", "60"]);
    let begun = Instant::now();
    command.spawn()?.wait().await?;
    let took = begun.elapsed();
    let text = std::fs::read_to_string(folder.path().join("statistics"))?;
    let mut lines = text.lines();
    let (names, last) = (lines.next().context("no statistics")?, lines.next_back().context("no statistics")?);
    let count = |name: &str| -> Result<u32> {
        let place = names.split(';').position(|known| known == name).with_context(|| name.to_owned())?;
        Ok(last.split(';').nth(place).with_context(|| name.to_owned())?.parse()?)
    };
    Ok(Called {
        completed: count("SuccessfulCall(C)")?,
        failed: count("FailedCall(C)")? + load.calls.saturating_sub(count("TotalCallCreated")?),
        repeated: count("Retransmissions(C)")?,
        took,
    })
}

fn dial(command: &mut Command, to: SocketAddr, load: Load) {
    command.arg(to.to_string());
    command.args(["-s", load.number, "-r", &load.rate.to_string(), "-m", &load.calls.to_string()]);
}

async fn run(scenario: &str, at: SocketAddr, more: impl FnOnce(&mut Command)) -> Result<Running> {
    let folder = tempfile::tempdir()?;
    let mut command = sipp(scenario, at, folder.path()).await?;
    more(&mut command);
    let mut child = command.spawn()?;
    let bound = format!(":{:04X}", at.port());
    while !std::fs::read_to_string("/proc/net/udp")?.contains(&bound) {
        ensure!(child.try_wait()?.is_none(), "SIPp does not listen at {at}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(Running { _child: child, _folder: folder })
}

async fn sipp(scenario: &str, at: SocketAddr, folder: &Path) -> Result<Command> {
    install_tools().await?;
    // Dies with the bench.
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "sipp", "-sf"])
        .arg(file(scenario))
        .args(["-i", &at.ip().to_string(), "-p", &at.port().to_string(), "-l", OPEN, "-nostdin"])
        // What a busy machine makes the servers send twice is no reason to give a call up.
        .args(["-default_behaviors", "all,-abortunexp"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

/// A file beside this one.
pub(super) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/sip").join(name)
}
