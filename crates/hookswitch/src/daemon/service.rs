//! Talking to systemd (sd_notify) and to whoever sends signals.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{debug, info};

use super::Core;

/// Tells systemd; without one it is nothing.
pub(super) fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "systemd was not told");
    }
}

/// Feeds the watchdog only while the dispatcher answers: a daemon that hangs is restarted.
pub(super) async fn watchdog(core: Core) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut beat = tokio::time::interval(limit / 3);
    loop {
        beat.tick().await;
        if tokio::time::timeout(limit / 3, core.alive()).await.is_ok_and(|alive| alive) {
            notify(&[NotifyState::Watchdog]);
        }
    }
}

/// What was asked of the process.
pub(super) enum Asked {
    /// SIGTERM, SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// Signals, one after the other.
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => { info!("reload asked for"); Asked::Reload }
        }
    }
}

/// How long requests may take to end at a stop.
pub(super) const LAST_REQUESTS: Duration = Duration::from_secs(3);
