//! The client side: INVITE (RFC 3261 section 17.1.1 with RFC 6026) and the rest (17.1.2).

use bytes::Bytes;

use super::Settings;
use super::server::Repeat;
use super::timers::earliest;
use crate::flow::Flow;
use crate::message::{Method, Name, Request, Response};
use crate::time::Instant;

/// One client transaction; that of a CANCEL lives inside its INVITE's, with which it shares the branch.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) branch: Box<str>,
    pub(crate) method: Method,
    pub(crate) flow: Flow,
    pub(crate) state: State,
    /// Of an INVITE: what its ACK and CANCEL are made of.
    pub(crate) bones: Option<Box<Request>>,
    pub(crate) cancel: Cancel,
    /// Its entry among the timers.
    pub(crate) due: Option<Instant>,
}

/// Where a client transaction stands.
#[derive(Debug)]
pub(crate) enum State {
    /// Nothing was answered yet (Calling or Trying).
    Trying { request: Bytes, repeat: Option<Repeat>, ends: Instant },
    /// A provisional answer came. An INVITE then waits as long as the core wants; another is repeated slowly.
    Proceeding { request: Bytes, repeat: Option<Repeat>, ends: Option<Instant> },
    /// The final answer came; repeats of it get the ACK again until `ends` (timer D or K).
    Completed { ack: Option<Bytes>, ends: Instant },
    /// An INVITE got 2xx; more of them, also from other branches of a fork, go to the core until `ends` (timer M).
    Accepted { tags: Vec<Box<str>>, ends: Instant },
}

/// Whether an INVITE is being taken back.
#[derive(Debug, Default)]
pub(crate) enum Cancel {
    /// No.
    #[default]
    No,
    /// As soon as a provisional answer comes (RFC 3261 section 9.1), with this Reason.
    Wanted(Option<Box<str>>),
    /// The CANCEL is under way until it is answered.
    Sent { bytes: Bytes, repeat: Option<Repeat>, ends: Instant },
    /// The CANCEL was answered; the INVITE should be soon.
    Answered { ends: Instant },
}

/// What a response or a timer means to the layer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing to do.
    Nothing,
    /// The core is told of the response; `repeated` when it had it already.
    Tell { repeated: bool, ends: bool },
    /// The final answer of an INVITE: the ACK goes out, then the core is told.
    AckAndTell { ack: Bytes, ends: bool },
    /// The same bytes go out again.
    Send(Bytes),
    /// Nobody answered in time: over.
    TimedOut,
    /// Over, as it should be.
    End,
}

/// Tags of a fork's 2xx that are remembered, and no more.
const MAX_FORKS: usize = 16;

impl Client {
    /// When something is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let at = |repeat: &Option<Repeat>| repeat.map(|repeat| repeat.at);
        let own = match &self.state {
            State::Trying { repeat, ends, .. } => earliest([at(repeat), Some(*ends)]),
            State::Proceeding { repeat, ends, .. } => earliest([at(repeat), *ends]),
            State::Completed { ends, .. } | State::Accepted { ends, .. } => Some(*ends),
        };
        let cancel = match &self.cancel {
            Cancel::No | Cancel::Wanted(_) => None,
            Cancel::Sent { repeat, ends, .. } if self.is_open() => earliest([at(repeat), Some(*ends)]),
            Cancel::Answered { ends } if self.is_open() => Some(*ends),
            Cancel::Sent { .. } | Cancel::Answered { .. } => None,
        };
        earliest([own, cancel])
    }

    /// Whether no final answer came yet.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Proceeding { .. })
    }

    /// A response came.
    pub(crate) fn received(&mut self, now: Instant, response: &Response, settings: &Settings) -> Step {
        match (response.status, self.method == Method::Invite) {
            (..200, invite) => self.provisional(now, invite, settings),
            (200..=299, true) => self.accepted(now, response, settings),
            (_, true) => self.refused(now, response, settings),
            (_, false) => self.completed(now, settings),
        }
    }

    fn provisional(&mut self, now: Instant, invite: bool, settings: &Settings) -> Step {
        match &mut self.state {
            State::Trying { request, ends, .. } => {
                let (request, repeat, ends) = match invite {
                    true => (Bytes::new(), None, None),
                    false => {
                        let slowly = (!self.flow.is_reliable()).then(|| Repeat::after(now, settings.t2));
                        (request.clone(), slowly, Some(*ends))
                    }
                };
                self.state = State::Proceeding { request, repeat, ends };
                Step::Tell { repeated: false, ends: false }
            }
            State::Proceeding { .. } => Step::Tell { repeated: false, ends: false },
            State::Completed { .. } | State::Accepted { .. } => Step::Nothing,
        }
    }

    fn accepted(&mut self, now: Instant, response: &Response, settings: &Settings) -> Step {
        let tag: Box<str> = response.headers.to_tag().unwrap_or("").into();
        match &mut self.state {
            State::Trying { .. } | State::Proceeding { .. } => {
                self.state = State::Accepted { tags: vec![tag], ends: now + settings.t1 * 64 };
                Step::Tell { repeated: false, ends: false }
            }
            State::Accepted { tags, .. } if tags.contains(&tag) => Step::Tell { repeated: true, ends: false },
            State::Accepted { tags, .. } if tags.len() < MAX_FORKS => {
                tags.push(tag);
                Step::Tell { repeated: false, ends: false }
            }
            State::Accepted { .. } | State::Completed { .. } => Step::Nothing,
        }
    }

    fn refused(&mut self, now: Instant, response: &Response, settings: &Settings) -> Step {
        match &self.state {
            State::Trying { .. } | State::Proceeding { .. } => {
                let ack = self.ack(response);
                // Timer D: nothing comes twice over a reliable transport.
                let reliable = self.flow.is_reliable();
                let ends = now + settings.timer_d();
                self.state = State::Completed { ack: Some(ack.clone()), ends };
                Step::AckAndTell { ack, ends: reliable }
            }
            State::Completed { ack: Some(ack), .. } => Step::Send(ack.clone()),
            State::Completed { ack: None, .. } | State::Accepted { .. } => Step::Nothing,
        }
    }

    fn completed(&mut self, now: Instant, settings: &Settings) -> Step {
        if !self.is_open() {
            return Step::Nothing;
        }
        self.state = State::Completed { ack: None, ends: now + settings.t4 };
        Step::Tell { repeated: false, ends: self.flow.is_reliable() }
    }

    /// The CANCEL was answered.
    pub(crate) fn cancel_answered(&mut self, now: Instant, status: u16, settings: &Settings) {
        if status >= 200 && matches!(self.cancel, Cancel::Sent { .. }) {
            self.cancel = Cancel::Answered { ends: now + settings.t1 * 64 };
        }
    }

    /// Sends the CANCEL that is wanted, when it may go out now.
    pub(crate) fn cancel_if_due(&mut self, now: Instant, settings: &Settings) -> Option<Bytes> {
        if !matches!(self.state, State::Proceeding { .. }) {
            return None;
        }
        let Cancel::Wanted(reason) = &mut self.cancel else { return None };
        let reason = reason.take();
        let mut cancel = self.follow_up(Method::Cancel)?;
        if let Some(reason) = reason {
            cancel.headers.push(Name::Reason, reason);
        }
        let bytes = cancel.to_bytes();
        let repeat = (!self.flow.is_reliable()).then(|| Repeat::after(now, settings.t1));
        self.cancel = Cancel::Sent { bytes: bytes.clone(), repeat, ends: now + settings.t1 * 64 };
        Some(bytes)
    }

    /// The ACK of a final answer that is no 2xx (RFC 3261 section 17.1.1.3).
    fn ack(&self, response: &Response) -> Bytes {
        let Some(mut ack) = self.follow_up(Method::Ack) else { return Bytes::new() };
        if let Some(to) = response.headers.get(&Name::To) {
            ack.headers.set(Name::To, to);
        }
        ack.to_bytes()
    }

    /// A request of another method on the same branch: what ACK and CANCEL have in common.
    fn follow_up(&self, method: Method) -> Option<Request> {
        let bones = self.bones.as_deref()?;
        let mut headers = bones.headers.clone();
        let number = headers.cseq()?.number;
        headers.set(Name::CSeq, format!("{number} {method}"));
        Some(Request { headers, ..Request::new(method, bones.uri.clone()) })
    }

    /// The time has come: one thing that is due, and the layer asks again until nothing is.
    pub(crate) fn expired(&mut self, now: Instant, settings: &Settings) -> Step {
        if let Some(step) = self.cancel_expired(now, settings) {
            return step;
        }
        let invite = self.method == Method::Invite;
        match &mut self.state {
            State::Trying { ends, .. } if *ends <= now => Step::TimedOut,
            State::Proceeding { ends: Some(ends), .. } if *ends <= now => Step::TimedOut,
            State::Trying { request, repeat: Some(repeat), .. } if repeat.at <= now => {
                // Timer A doubles without bound, timer E up to T2.
                let cap = if invite { settings.t1 * 64 } else { settings.t2 };
                *repeat = repeat.doubled(now, cap);
                Step::Send(request.clone())
            }
            State::Proceeding { request, repeat: Some(repeat), .. } if repeat.at <= now => {
                *repeat = Repeat::after(now, settings.t2);
                Step::Send(request.clone())
            }
            State::Completed { ends, .. } | State::Accepted { ends, .. } if *ends <= now => Step::End,
            State::Trying { .. }
            | State::Proceeding { .. }
            | State::Completed { .. }
            | State::Accepted { .. } => Step::Nothing,
        }
    }

    fn cancel_expired(&mut self, now: Instant, settings: &Settings) -> Option<Step> {
        if !self.is_open() {
            return None;
        }
        match &mut self.cancel {
            // RFC 3261 section 9.1: no answer after 64 T1, and the INVITE counts as cancelled.
            Cancel::Sent { ends, .. } | Cancel::Answered { ends } if *ends <= now => Some(Step::TimedOut),
            Cancel::Sent { bytes, repeat: Some(repeat), .. } if repeat.at <= now => {
                *repeat = repeat.doubled(now, settings.t2);
                Some(Step::Send(bytes.clone()))
            }
            Cancel::No | Cancel::Wanted(_) | Cancel::Sent { .. } | Cancel::Answered { .. } => None,
        }
    }
}
