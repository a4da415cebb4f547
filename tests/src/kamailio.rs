//! A real Kamailio between the phones and Hookswitch: stateful, and in the way of every request of a call.
//!
//! `kamailio/kamailio.cfg` is its configuration. Needs root, because a namespace of processes does: so none is left
//! behind, however a test ends.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{self, Instant};

use crate::sipp::is_bound;

const START: Duration = Duration::from_secs(60);

/// Where things are.
#[derive(Debug, Clone, Copy)]
pub struct Ways {
    /// Where it listens for customers, and what Hookswitch knows as its trunk.
    pub trunk: SocketAddr,
    /// Where it listens for phones.
    pub phones: SocketAddr,
    /// Hookswitch.
    pub hookswitch: SocketAddr,
    /// Who takes calls that Hookswitch cannot.
    pub fallback: SocketAddr,
    /// Where calls to the outside go.
    pub carrier: SocketAddr,
}

/// A running Kamailio.
#[derive(Debug)]
pub struct Kamailio {
    folder: TempDir,
    child: Child,
}

impl Kamailio {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it cannot be had or does not start: the error holds its log.
    pub async fn start(ways: &Ways) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("kamailio.cfg");
        let words = [
            ("TRUNK", ways.trunk.to_string()),
            ("PHONES", ways.phones.to_string()),
            ("HOOKIP", ways.hookswitch.ip().to_string()),
            ("HOOKPORT", ways.hookswitch.port().to_string()),
            ("FALLBACK", ways.fallback.to_string()),
            ("CARRIER", ways.carrier.to_string()),
        ];
        let text = words.iter().fold(include_str!("kamailio/kamailio.cfg").to_owned(), |text, (word, is)| {
            text.replace(word, is)
        });
        std::fs::write(&file, text)?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--fork", "--pid", "--kill-child"])
            .args(["/usr/sbin/kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-Y"])
            .arg(folder.path())
            .arg("-f")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let mut kamailio = Self { folder, child };
        let deadline = Instant::now() + START;
        while !(is_bound(ways.trunk.port())? && is_bound(ways.phones.port())?) {
            let ended = kamailio.child.try_wait()?;
            ensure!(
                ended.is_none() && Instant::now() < deadline,
                "Kamailio does not listen ({ended:?}; tests/sip/peers.sh installs it):\n{}",
                kamailio.log()
            );
            // Before it listens there is nothing to wait on: ask again.
            time::sleep(Duration::from_millis(20)).await;
        }
        Ok(kamailio)
    }

    /// What it logged: for failures.
    #[must_use]
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log"));
        log.context("its log").unwrap_or_else(|error| format!("{error:#}"))
    }
}
