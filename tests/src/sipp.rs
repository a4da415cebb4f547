//! SIPp, for more callers than scripted phones are meant for (Debian's `sip-tester`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
pub use script::{Side, scenario};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time;

use crate::asterisk::install_tools;
use crate::ports::free_port;

mod script;

/// How long a scripted call may take: the longest timer of SIP is 32 s.
const SCRIPTED: Duration = Duration::from_secs(60);

/// A [script](scenario) that is being played.
#[derive(Debug)]
pub struct Played {
    child: Child,
    folder: TempDir,
}

impl Played {
    /// Begins a script at an address: a caller dials `number` at `to`, a phone waits for a call.
    ///
    /// # Errors
    /// When the script is wrong, or SIPp cannot be had.
    pub async fn begin(
        (side, script): (Side, &str),
        address: SocketAddr,
        (number, to): (&str, SocketAddr),
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("script.xml");
        std::fs::write(&file, scenario(side, script)?)?;
        let mut command = sipp(&file, address, folder.path()).await?;
        // Repeats are what scripts are about: SIPp makes none of its own.
        command.args(["-m", "1", "-nr", "-trace_msg", "-message_file", "messages", "-s", number]);
        if side == Side::Caller {
            command.arg(to.to_string());
        }
        let mut child = command.spawn()?;
        if side == Side::Phone {
            // Before it listens there is nothing to wait on: the kernel is asked, so that the port is never taken from it.
            while !is_bound(address.port())? {
                let ended = child.try_wait()?;
                ensure!(ended.is_none(), "SIPp does not listen at {address}: {}", errors(folder.path()));
                time::sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(Self { child, folder })
    }

    /// Waits until every line was played.
    ///
    /// # Errors
    /// When something else was heard, or nothing: the error holds all messages.
    pub async fn end(mut self) -> Result<()> {
        let status = time::timeout(SCRIPTED, self.child.wait()).await;
        let heard = || {
            let messages = std::fs::read_to_string(self.folder.path().join("messages")).unwrap_or_default();
            format!("{}\n{messages}", errors(self.folder.path()))
        };
        let status = status.with_context(|| format!("SIPp does not end\n{}", heard()))??;
        ensure!(status.success(), "SIPp: {status}\n{}", heard());
        Ok(())
    }
}

/// A script that many play: callers at a rate, one after another from a list of numbers; or phones, whatever comes.
#[derive(Debug)]
pub struct Crowd {
    child: Child,
    folder: TempDir,
}

impl Crowd {
    /// Phones at one address: each call that comes is one more.
    ///
    /// # Errors
    /// When the script is wrong, or SIPp cannot be had.
    pub async fn phones(script: &str, address: SocketAddr) -> Result<Self> {
        let (folder, mut command) = Self::prepare((Side::Phone, script), address).await?;
        let mut child = command.spawn()?;
        while !is_bound(address.port())? {
            let ended = child.try_wait()?;
            ensure!(ended.is_none(), "SIPp does not listen at {address}: {}", errors(folder.path()));
            time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Self { child, folder })
    }

    /// Callers behind the trunk dial numbers of a list, by turns, so many a second.
    ///
    /// # Errors
    /// When the script is wrong, or SIPp cannot be had.
    pub async fn callers(
        script: &str,
        numbers: &[String],
        to: SocketAddr,
        (calls, rate): (u32, u32),
    ) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 2], free_port()));
        let (folder, mut command) = Self::prepare((Side::Caller, script), address).await?;
        std::fs::write(folder.path().join("numbers"), format!("SEQUENTIAL\n{}\n", numbers.join("\n")))?;
        command
            .args(["-inf", "numbers", "-m", &calls.to_string(), "-r", &rate.to_string(), "-l", "5000"])
            .arg(to.to_string());
        Ok(Self { child: command.spawn()?, folder })
    }

    async fn prepare((side, script): (Side, &str), address: SocketAddr) -> Result<(TempDir, Command)> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("script.xml");
        let scenario = scenario(side, script)?;
        std::fs::write(
            &file,
            if side == Side::Caller { scenario.replace("[service]", "[field0]") } else { scenario },
        )?;
        let mut command = sipp(&file, address, folder.path()).await?;
        // Nobody reads what it says while it runs.
        command.args(["-buff_size", "4194304"]).stdout(Stdio::null()).stderr(Stdio::null());
        Ok((folder, command))
    }

    /// Waits until every caller's script was played to its end, as it stands.
    ///
    /// # Errors
    /// When one was not, or this takes too long.
    pub async fn end(mut self, limit: Duration) -> Result<()> {
        let status = time::timeout(limit, self.child.wait()).await;
        let status = status.with_context(|| format!("SIPp does not end\n{}", self.errors()))??;
        ensure!(status.success(), "SIPp: {status}\n{}", self.errors());
        Ok(())
    }

    /// What went wrong so far: the first of it.
    #[must_use]
    pub fn errors(&self) -> String {
        errors(self.folder.path()).chars().take(4_000).collect()
    }
}

/// Whether somebody listens on this UDP port.
pub(crate) fn is_bound(port: u16) -> Result<bool> {
    let sockets = std::fs::read_to_string("/proc/net/udp")?;
    let local = format!(":{port:04X}");
    Ok(sockets
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .any(|address| address.ends_with(&local)))
}

/// A load of callers.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The number they dial.
    pub number: &'static str,
    /// How many a second.
    pub rate: u32,
    /// How many in all.
    pub calls: u32,
}

/// SIPp as the agents' phones: answers whatever comes, until dropped.
#[derive(Debug)]
pub struct Agents {
    child: Child,
    folder: TempDir,
}

impl Agents {
    /// Answers at an address.
    ///
    /// # Errors
    /// When SIPp cannot be had.
    pub async fn at(address: SocketAddr) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let child = sipp(&load_file("agent.xml"), address, folder.path()).await?.arg("-aa").spawn()?;
        Ok(Self { child, folder })
    }

    /// What went wrong at the agents' phones; empty when nothing did.
    #[must_use]
    pub fn errors(&self) -> String {
        errors(self.folder.path())
    }

    /// Whether it still runs.
    #[must_use]
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

/// Lets customers call, and waits until the last has been hung up on.
///
/// # Errors
/// When a single call goes wrong: the error holds SIPp's.
pub async fn customers_call(pbx: SocketAddr, load: Load) -> Result<Output> {
    let folder = tempfile::tempdir()?;
    // Customers come from the carrier's address, but not from its port: the PBX knows it by the address.
    let address = SocketAddr::from(([127, 0, 0, 2], free_port()));
    let output = sipp(&load_file("caller.xml"), address, folder.path())
        .await?
        .arg(pbx.to_string())
        .args(["-s", load.number, "-r", &load.rate.to_string(), "-m", &load.calls.to_string()])
        .args(["-l", "1000"])
        .output();
    let limit = Duration::from_secs(u64::from(load.calls / load.rate.max(1)) + 120);
    let output = time::timeout(limit, output).await.context("SIPp does not end")??;
    ensure!(
        output.status.success(),
        "SIPp: {}\n{}\n{}",
        output.status,
        errors(folder.path()),
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(output)
}

/// A scenario of the load tests.
fn load_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("load").join(name)
}

async fn sipp(scenario: &Path, address: SocketAddr, folder: &Path) -> Result<Command> {
    install_tools().await?;
    // Like every process of the tests: dies with them.
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "sipp", "-sf"])
        .arg(scenario)
        .args(["-i", &address.ip().to_string(), "-p", &address.port().to_string()])
        .args(["-nostdin", "-nd", "-trace_err", "-error_file", "errors"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

fn errors(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("errors")).unwrap_or_default()
}
