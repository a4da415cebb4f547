//! When to ask the PBX whether it is still there, and when to give it up.

use std::time::Duration;

use crate::action::Action;

/// What to do about the silence of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeepAliveStep {
    /// Nothing before [`KeepAlive::next_deadline`].
    Idle,
    /// Send this `Ping`.
    Ping(Action),
    /// Nothing was heard for this long although it was asked: close the connection.
    Dead {
        /// Since when nothing came.
        silent_for: Duration,
    },
}

/// Decides by the time it is given, which counts from any fixed origin. Any frame is a sign of life.
#[derive(Clone, Debug)]
pub struct KeepAlive {
    interval: Duration,
    timeout: Duration,
    heard: Duration,
    pinged: Option<Duration>,
    sent: u64,
}

impl KeepAlive {
    /// Asks after `interval` of silence and gives up `timeout` after having asked.
    #[must_use]
    pub fn new(interval: Duration, timeout: Duration, now: Duration) -> Self {
        Self { interval, timeout, heard: now, pinged: None, sent: 0 }
    }

    /// Something came.
    pub fn heard(&mut self, now: Duration) {
        self.heard = now;
        self.pinged = None;
    }

    /// When [`KeepAlive::poll`] has something to say next, if nothing comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Duration {
        match self.pinged {
            Some(pinged) => pinged + self.timeout,
            None => self.heard + self.interval,
        }
    }

    /// What to do now.
    pub fn poll(&mut self, now: Duration) -> KeepAliveStep {
        if now < self.next_deadline() {
            return KeepAliveStep::Idle;
        }
        if self.pinged.is_some() {
            return KeepAliveStep::Dead { silent_for: now.saturating_sub(self.heard) };
        }
        self.pinged = Some(now);
        self.sent += 1;
        KeepAliveStep::Ping(Action::new("Ping").action_id(format_args!("hookswitch-ping-{}", self.sent)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn silence_is_asked_about_once_and_then_given_up() {
        let mut alive = KeepAlive::new(10 * S, 5 * S, S);
        assert_eq!(alive.poll(10 * S), KeepAliveStep::Idle);
        assert!(matches!(alive.poll(11 * S), KeepAliveStep::Ping(ping) if ping.name() == "Ping"));
        assert_eq!(alive.poll(15 * S), KeepAliveStep::Idle);
        assert_eq!(alive.poll(16 * S), KeepAliveStep::Dead { silent_for: 15 * S });
    }

    #[test]
    fn any_sign_of_life_starts_again() {
        let mut alive = KeepAlive::new(10 * S, 5 * S, Duration::ZERO);
        assert!(matches!(alive.poll(10 * S), KeepAliveStep::Ping(_)));
        alive.heard(14 * S);
        assert_eq!(alive.poll(16 * S), KeepAliveStep::Idle);
        assert_eq!(alive.next_deadline(), 24 * S);
        assert!(matches!(alive.poll(24 * S), KeepAliveStep::Ping(_)));
    }

    #[test]
    fn each_ping_has_its_own_id() {
        let mut alive = KeepAlive::new(S, S, Duration::ZERO);
        let KeepAliveStep::Ping(first) = alive.poll(S) else { panic!("a ping") };
        alive.heard(S);
        let KeepAliveStep::Ping(second) = alive.poll(2 * S) else { panic!("a ping") };
        assert_ne!(first.get("ActionID"), second.get("ActionID"));
    }
}
