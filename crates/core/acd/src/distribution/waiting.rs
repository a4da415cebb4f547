//! Waiting calls.

use hashbrown::HashMap;
use hookswitch_model::{CallId, Millis, Timestamp};
use rustc_hash::FxBuildHasher;

use super::{BACK_OFF, Waiting, order::AgentNo};

/// A class and a time as one number, because turns are compared more often than anything else. Class: strict priority,
/// negated; 0 with ageing. Time: microseconds of arrival, moved by what the priority is worth.
pub(super) type Turn = i128;

/// A call's turn, and its id for ties: the smallest key is served first. A key never changes while the call waits, so that no order has to
/// be kept up as time passes.
///
/// That is possible with ageing too, because it is linear. A call that has waited `now − enqueued_at` has the score
/// `priority + (now − enqueued_at) / a`, with `a` the wait that counts as a point of priority. Comparing two calls,
/// `now` cancels out: the higher score is the smaller `enqueued_at − priority × a`, at every moment.
///
/// Calls of queues with strict priorities and of queues with ageing meet when an agent serves both: ageing calls
/// compete as priority 0, by that virtual time of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    turn: Turn,
    pub(super) call: CallId,
}

impl Key {
    /// Greater than any call's.
    pub(super) const NONE: Self = Self { turn: i128::MAX, call: CallId::from_bits(u128::MAX) };

    pub(super) const fn turn(&self) -> Turn {
        self.turn
    }

    pub(super) fn new(call: CallId, priority: i32, enqueued_at: Timestamp, ageing: Option<Millis>) -> Self {
        let arrived = i64::try_from(enqueued_at.as_micros()).unwrap_or(i64::MAX);
        let priority = i64::from(priority);
        let (class, time) = match ageing {
            None => (-priority, arrived),
            Some(point) => {
                let micros = i64::try_from(point.0).unwrap_or(i64::MAX).saturating_mul(1_000);
                (0, arrived.saturating_sub(micros.saturating_mul(priority)))
            }
        };
        Self { turn: (i128::from(class) << 64) | (i128::from(time) - i128::from(i64::MIN)), call }
    }
}

/// Where a call's key is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Among the calls of its profile.
    Open,
    /// With the one agent it is kept for, for nobody else until then.
    Kept {
        /// Whose.
        agent: AgentNo,
        /// Until when.
        until: Timestamp,
    },
    /// Nowhere: it is being offered to these.
    Offered(Vec<AgentNo>),
}

/// An agent that did not take a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) agent: AgentNo,
    /// Not asked again before this.
    pub(super) until: Timestamp,
}

/// A call in a queue.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) key: Key,
    /// Boxed, because what follows is looked at each time a timer fires and should lie close together.
    pub(super) waiting: Box<Waiting>,
    pub(super) enqueued_at: Timestamp,
    pub(super) priority: i32,
    /// When it came into this queue: the longest wait counts from here, because a caller who overflowed from another
    /// queue would overflow at once otherwise.
    pub(super) entered_at: Timestamp,
    pub(super) queue: usize,
    pub(super) demand: usize,
    /// Until then only the teams that its rule prefers are asked.
    pub(super) teams_until: Option<Timestamp>,
    /// Which step of the demand is in force.
    pub(super) step: usize,
    pub(super) place: Place,
    pub(super) failed: Vec<Failed>,
    pub(super) attempts: u32,
    /// Waited too long: overflows unless it can be offered at once.
    pub(super) overdue: bool,
    /// When its timer fires.
    pub(super) due: Option<Timestamp>,
}

impl Call {
    pub(super) fn failed(&self, agent: AgentNo) -> Option<&Failed> {
        self.failed.iter().find(|failed| failed.agent == agent)
    }

    /// Since when nobody has rung for it: it came in then, or the last offer failed.
    pub(super) fn waits_since(&self) -> Timestamp {
        let back =
            self.failed.iter().map(|failed| failed.until.as_micros().saturating_sub(BACK_OFF.0 * 1_000));
        back.map(Timestamp::from_micros).max().unwrap_or(self.entered_at).max(self.entered_at)
    }

    /// The agent did not take the call, and it is too early to ask again.
    pub(super) fn bars(&self, agent: AgentNo, now: Timestamp) -> bool {
        self.failed(agent).is_some_and(|failed| failed.until > now)
    }
}

/// A call's number while it is in a queue. Numbers are used again: nothing may depend on their order.
pub(super) type CallNo = u32;

/// All calls in queues.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls {
    rows: Vec<Option<Call>>,
    free: Vec<CallNo>,
    numbers: HashMap<CallId, CallNo, FxBuildHasher>,
}

impl Calls {
    pub(super) fn insert(&mut self, call: Call) -> CallNo {
        let id = call.key.call;
        let number = match self.free.pop() {
            Some(number) => {
                self.rows[number as usize] = Some(call);
                number
            }
            None => {
                self.rows.push(Some(call));
                CallNo::try_from(self.rows.len() - 1).expect("fewer calls than there are bytes in memory")
            }
        };
        self.numbers.insert(id, number);
        number
    }

    pub(super) fn remove(&mut self, id: CallId) -> Option<Call> {
        let number = self.numbers.remove(&id)?;
        self.free.push(number);
        self.rows[number as usize].take()
    }

    pub(super) fn number(&self, id: CallId) -> Option<CallNo> {
        self.numbers.get(&id).copied()
    }

    pub(super) fn get(&self, number: CallNo) -> &Call {
        self.rows[number as usize].as_ref().expect("a number is only held for a call that is there")
    }

    pub(super) fn get_mut(&mut self, number: CallNo) -> &mut Call {
        self.rows[number as usize].as_mut().expect("a number is only held for a call that is there")
    }

    /// When the timer of the call that has this number now, if any has, fires.
    pub(super) fn due(&self, number: CallNo) -> Option<Timestamp> {
        self.rows[number as usize].as_ref().and_then(|call| call.due)
    }

    /// All calls, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.rows.iter().flatten()
    }
}
