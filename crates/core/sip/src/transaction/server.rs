//! The server side: INVITE (RFC 3261 section 17.2.1 with RFC 6026) and the rest (17.2.2).

use std::time::Duration;

use bytes::Bytes;

use super::Settings;
use super::timers::earliest;
use crate::flow::Flow;
use crate::time::Instant;

/// One server transaction.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) key: Box<str>,
    /// What every copy of the request has; none inside a dialog.
    pub(crate) origin: Option<Box<str>>,
    /// Where answers go.
    pub(crate) reply: Flow,
    pub(crate) invite: bool,
    pub(crate) state: State,
    /// Whether a CANCEL came already: the core is told once.
    pub(crate) cancelled: bool,
    /// The To-tag the answers carry, so that the answer to a CANCEL carries it too.
    pub(crate) to_tag: Option<Box<str>>,
    /// Its entry among the timers.
    pub(crate) due: Option<Instant>,
}

/// Where a server transaction stands.
#[derive(Debug)]
pub(crate) enum State {
    /// Nothing was answered yet. An INVITE gets `trying` at `at`, unless an answer comes first; another request is
    /// forgotten then: its sender has given up, and a late answer would only do harm (RFC 4320 section 4.2).
    Trying { trying: Bytes, at: Instant },
    /// The last answer was provisional. An INVITE may stay so as long as the core wants, another request until `ends`.
    Proceeding { last: Bytes, ends: Option<Instant> },
    /// Answered for good, an INVITE not with 2xx. Repeats get the same answer until `ends` (timer H or J); that of an
    /// INVITE is repeated until its ACK (timer G).
    Completed { last: Bytes, repeat: Option<Repeat>, ends: Instant },
    /// The ACK came; more of them are absorbed until `ends` (timer I).
    Confirmed { ends: Instant },
    /// An INVITE answered 2xx: the core repeats that itself, repeats of the INVITE are absorbed until `ends` (timer L).
    Accepted { ends: Instant },
}

/// A message that is sent again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repeat {
    pub(crate) at: Instant,
    pub(crate) every: Duration,
}

impl Repeat {
    pub(crate) fn after(now: Instant, every: Duration) -> Self {
        Self { at: now + every, every }
    }

    /// The next one, twice as far away but not further than `cap`.
    pub(crate) fn doubled(self, now: Instant, cap: Duration) -> Self {
        Self::after(now, (self.every * 2).min(cap))
    }
}

/// What a step of a machine asks of the layer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Nothing,
    /// These bytes go to the peer.
    Send(Bytes),
    /// The transaction is over.
    End,
    /// These bytes go to the peer and the transaction is over.
    SendAndEnd(Bytes),
    /// The answer never arrived: over.
    Unconfirmed,
}

impl Server {
    /// When something is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        match &self.state {
            State::Trying { at, .. } => Some(*at),
            State::Proceeding { ends, .. } => *ends,
            State::Completed { repeat, ends, .. } => earliest([repeat.map(|repeat| repeat.at), Some(*ends)]),
            State::Confirmed { ends } | State::Accepted { ends } => Some(*ends),
        }
    }

    /// Whether it waits for its answer, or was granted.
    pub(crate) const fn is_served(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Proceeding { .. } | State::Accepted { .. })
    }

    /// The request came again.
    pub(crate) fn repeated(&mut self) -> Step {
        match &self.state {
            // 200 ms are not over, but the peer is waiting already.
            State::Trying { trying, .. } if self.invite => {
                let last = trying.clone();
                self.state = State::Proceeding { last: last.clone(), ends: None };
                Step::Send(last)
            }
            State::Proceeding { last, .. } | State::Completed { last, .. } => Step::Send(last.clone()),
            State::Trying { .. } | State::Confirmed { .. } | State::Accepted { .. } => Step::Nothing,
        }
    }

    /// The core answers.
    pub(crate) fn respond(&mut self, now: Instant, status: u16, bytes: Bytes, settings: &Settings) -> Step {
        let open = matches!(self.state, State::Trying { .. } | State::Proceeding { .. });
        let again = matches!(self.state, State::Accepted { .. }) && (200..300).contains(&status);
        if again {
            return Step::Send(bytes);
        }
        if !open {
            return Step::Nothing;
        }
        if status < 200 {
            let ends = if self.invite { None } else { self.next_due() };
            self.state = State::Proceeding { last: bytes.clone(), ends };
            return Step::Send(bytes);
        }
        let ends = now + settings.t1 * 64;
        let reliable = self.reply.is_reliable();
        match (self.invite, status) {
            (true, 200..=299) => self.state = State::Accepted { ends },
            (true, _) => {
                let repeat = (!reliable).then(|| Repeat::after(now, settings.t1));
                self.state = State::Completed { last: bytes.clone(), repeat, ends };
            }
            (false, _) if reliable => return Step::SendAndEnd(bytes),
            (false, _) => self.state = State::Completed { last: bytes.clone(), repeat: None, ends },
        }
        Step::Send(bytes)
    }

    /// An ACK came. Whether it is the core's: of a 2xx (RFC 6026 section 7.1).
    pub(crate) fn acked(&mut self, now: Instant, settings: &Settings) -> (bool, Step) {
        match self.state {
            State::Accepted { .. } => (true, Step::Nothing),
            State::Completed { .. } if self.reply.is_reliable() => (false, Step::End),
            State::Completed { .. } => {
                self.state = State::Confirmed { ends: now + settings.t4 };
                (false, Step::Nothing)
            }
            State::Trying { .. } | State::Proceeding { .. } | State::Confirmed { .. } => {
                (false, Step::Nothing)
            }
        }
    }

    /// A CANCEL came. Whether the core is to be told: the INVITE is still open, and it was not told yet.
    pub(crate) const fn cancel(&mut self) -> bool {
        let open = matches!(self.state, State::Trying { .. } | State::Proceeding { .. });
        let first = open && !self.cancelled;
        self.cancelled = true;
        first
    }

    /// The time has come.
    pub(crate) fn expired(&mut self, now: Instant, settings: &Settings) -> Step {
        match &mut self.state {
            State::Trying { trying, .. } if self.invite => {
                let last = trying.clone();
                self.state = State::Proceeding { last: last.clone(), ends: None };
                Step::Send(last)
            }
            State::Trying { .. } | State::Proceeding { .. } => Step::End,
            State::Completed { ends, .. } if *ends <= now && self.invite => Step::Unconfirmed,
            State::Completed { ends, .. } if *ends <= now => Step::End,
            State::Completed { last, repeat, .. } => match repeat {
                Some(due) => {
                    *repeat = Some(due.doubled(now, settings.t2));
                    Step::Send(last.clone())
                }
                None => Step::Nothing,
            },
            State::Confirmed { .. } | State::Accepted { .. } => Step::End,
        }
    }
}
