//! How long a caller will wait, as far as it can be told.
//!
//! # How
//!
//! While callers wait whom nobody rings for, agents are what is short: each that gets free takes the next. So a queue
//! learns how much of its agents' time goes by for each call taken, *while callers wait*: agents there × time ÷ calls
//! taken. Talk, wrap-up, ringing, breaks between and what the agents do for other queues are in it, and it holds when
//! agents come and go, because it counts their time and not the clock's. From it, with the agents that are there now:
//! how fast the line moves.
//!
//! Callers ahead who give up move it, too. How soon they do is learned likewise: time waited ÷ callers who left. With
//! `c` agents, `w` agent time a call and `p` time waited a caller who left, a caller with `n` ahead waits the sum over
//! `k = 0 … n` of `1 / (c / w + k / p)`: each step of the line is as fast as agents and those ahead make it (the
//! virtual wait of Erlang-A). Then the mean time of ringing. Who finds more free agents than callers ahead only waits for
//! the ringing.
//!
//! # What it does not see
//!
//! Who will come later with a higher priority, who of the agents lacks a skill, and that the next hour may not be like
//! the last: the last 64 to 128 calls taken count. Where agents serve several queues in the order of all their callers, a
//! line is faster or slower by who stands in the others.

use hookswitch_model::{CallId, Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// So many calls taken, callers gone or offers answered are halved, with the time that went by for them: what was longer
/// ago counts less and less.
const WINDOW: u64 = 128;
/// Nothing is said on less than so many calls taken.
const LEAST: u64 = 2;
/// So many steps of the line are added up one by one; longer ones in blocks of that many, each as wide as all before.
const STEPS: u64 = 32;

/// The agents of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Crew {
    /// At work: ready, or busy with a call of whatever queue.
    pub(super) there: u64,
    /// Ready.
    pub(super) ready: u64,
}

/// A span of time and how often something happened in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Rate {
    ms: u64,
    times: u64,
}

impl Rate {
    const fn once(&mut self) {
        self.times += 1;
        if self.times >= WINDOW {
            *self = Self { ms: self.ms / 2, times: self.times / 2 };
        }
    }

    const fn spend(&mut self, times: u64, span: Millis) {
        self.ms = self.ms.saturating_add(span.0.saturating_mul(times));
    }
}

/// A call that is being offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Out {
    call: CallId,
    since: Timestamp,
    /// It had waited: an agent who got free took it.
    waited: bool,
}

/// What a queue learned of its speed. Every change of the queue is told before it is made, with its line and crew as
/// they were until then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Pace {
    /// Up to when time is counted.
    at: Timestamp,
    /// Agents' time while callers waited, and calls taken.
    work: Rate,
    /// Callers' time in line, and callers who left it.
    patience: Rate,
    /// Ringing, and offers that were answered.
    ring: Rate,
    out: Vec<Out>,
}

impl Pace {
    /// Counts the time until now.
    pub(super) fn passed(&mut self, now: Timestamp, crew: Crew, in_line: usize) {
        let span = now.since(self.at);
        self.at = now.max(self.at);
        let in_line = in_line as u64;
        if in_line > self.out.len() as u64 {
            self.work.spend(crew.there, span);
        }
        self.patience.spend(in_line, span);
    }

    /// A call is offered, that waited since then.
    pub(super) fn offered(&mut self, now: Timestamp, call: CallId, since: Timestamp) {
        let waited = since < now;
        if waited {
            self.work.once();
        }
        self.out.push(Out { call, since: now, waited });
    }

    /// The offer came to nothing: the call waits again.
    pub(super) fn requeued(&mut self, call: CallId) {
        if self.is_back(call).is_some_and(|out| out.waited) {
            self.work.times = self.work.times.saturating_sub(1);
        }
    }

    /// A call was answered.
    pub(super) fn answered(&mut self, now: Timestamp, call: CallId) {
        if let Some(out) = self.is_back(call) {
            self.ring.spend(1, now.since(out.since));
            self.ring.once();
        }
    }

    /// A call left the line unanswered.
    pub(super) fn left(&mut self, call: CallId) {
        self.requeued(call);
        self.patience.once();
    }

    fn is_back(&mut self, call: CallId) -> Option<Out> {
        let place = self.out.iter().position(|out| out.call == call)?;
        Some(self.out.swap_remove(place))
    }

    /// How many of the line are being offered.
    pub(super) const fn offers(&self) -> usize {
        self.out.len()
    }

    /// Seconds until an answer with so many ahead that nobody rings for; `in_line` are all. None: nobody is there, or
    /// nothing is known yet.
    pub(super) fn estimate_s(&self, now: Timestamp, crew: Crew, in_line: usize, ahead: usize) -> Option<u64> {
        let mut seen = self.clone_rates();
        seen.passed(now, crew, in_line);
        let ring = seen.ring.ms / seen.ring.times.max(1);
        let ahead = ahead as u64;
        if ahead < crew.ready {
            return Some(Millis(ring).as_secs_ceil());
        }
        if crew.there == 0 || seen.work.times < LEAST {
            return None;
        }
        let line = seen.line_ms(crew.there, ahead - crew.ready);
        Some(Millis(line.saturating_add(ring)).as_secs_ceil())
    }

    fn clone_rates(&self) -> Self {
        let Self { at, work, patience, ring, ref out } = *self;
        Self { at, work, patience, ring, out: out.clone() }
    }

    /// The sum over `k = 0 … ahead` of `1 / (c / w + k / p)`, in milliseconds.
    fn line_ms(&self, crew: u64, ahead: u64) -> u64 {
        let [work, calls, waited, left, crew] =
            [self.work.ms, self.work.times, self.patience.ms.max(1), self.patience.times, crew]
                .map(u128::from);
        // One step, `k` halves of a caller behind the first: all over one denominator, so that nothing is rounded away.
        let step = |halves: u128, wide: u128| {
            let down = 2 * crew * calls * waited + halves * left * work;
            2 * wide * work * waited / down.max(1)
        };
        let (mut sum, mut place, mut wide) = (0_u128, 0_u128, 1_u128);
        let end = u128::from(ahead) + 1;
        while place < end {
            for _ in 0..STEPS {
                let block = wide.min(end.saturating_sub(place));
                if block == 0 {
                    break;
                }
                sum += step(2 * place + block - 1, block);
                place += block;
            }
            wide *= 2;
        }
        u64::try_from(sum).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREW: Crew = Crew { there: 4, ready: 0 };

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000_000 + secs * 1_000)
    }

    /// A queue of ten callers of whom one is taken every 30 s, by four agents, after ringing for 5 s.
    fn learned() -> Pace {
        let mut pace = Pace { at: at(0), ..Pace::default() };
        for turn in 1..=6 {
            let call = CallId::from(u128::from(turn));
            pace.passed(at(turn * 30), CREW, 10);
            pace.offered(at(turn * 30), call, at(0));
            pace.passed(at(turn * 30 + 5), CREW, 10);
            pace.answered(at(turn * 30 + 5), call);
        }
        pace
    }

    fn estimate(pace: &Pace, secs: u64, crew: Crew, ahead: usize) -> Option<u64> {
        pace.estimate_s(at(secs), crew, 10, ahead)
    }

    #[test]
    fn a_caller_waits_for_those_ahead_and_for_the_ringing() {
        let pace = learned();
        // 185 s for six calls is 31 s for each.
        assert_eq!(estimate(&pace, 185, CREW, 0), Some(36));
        assert_eq!(estimate(&pace, 185, CREW, 9), Some(314));
        assert_eq!(estimate(&pace, 185, Crew { ready: 1, ..CREW }, 0), Some(5), "somebody is free");
        assert_eq!(estimate(&pace, 185, Crew { ready: 1, ..CREW }, 1), Some(36));
    }

    #[test]
    fn agents_who_come_and_go_count_at_once() {
        let pace = learned();
        assert_eq!(estimate(&pace, 185, Crew { there: 8, ready: 0 }, 9), Some(160));
        assert_eq!(estimate(&pace, 185, Crew { there: 1, ready: 0 }, 0), Some(129));
        assert_eq!(estimate(&pace, 185, Crew::default(), 0), None, "nobody is there");
        assert!(estimate(&pace, 600, CREW, 0) > Some(100), "nobody was taken for long");
    }

    #[test]
    fn callers_ahead_who_leave_make_the_line_shorter() {
        let mut pace = learned();
        let all_stay = estimate(&pace, 185, CREW, 9).unwrap();
        // 1,850 s were waited: one leaves every 370 s.
        (11..16_u32).for_each(|call| pace.left(CallId::from(u128::from(call))));
        let some_leave = estimate(&pace, 185, CREW, 9).unwrap();
        let steps: f64 = (0..10).map(|k| 1.0 / (6.0 / 185.0 + f64::from(k) * 5.0 / 1_850.0)).sum();
        assert!(some_leave < all_stay && some_leave.abs_diff(5 + steps as u64) <= 2, "{some_leave} {steps}");
    }

    #[test]
    fn an_offer_that_came_to_nothing_took_nobody() {
        let mut pace = learned();
        let before = pace.work;
        pace.offered(at(185), CallId::from(9), at(0));
        assert_eq!(pace.work.times, before.times + 1);
        pace.requeued(CallId::from(9));
        assert_eq!((pace.work, pace.offers()), (before, 0));
        pace.offered(at(185), CallId::from(9), at(185));
        assert_eq!(pace.work, before, "it found somebody free");
    }

    #[test]
    fn a_line_of_thousands_is_added_up_in_blocks() {
        let mut pace = learned();
        pace.left(CallId::from(77));
        let exact: f64 = (0..5_000).map(|k| 1.0 / (6.0 / 185.0 + f64::from(k) / 1_850.0)).sum();
        let told = estimate(&pace, 185, CREW, 4_999).unwrap() as f64;
        assert!((told - exact).abs() < exact / 100.0 + 10.0, "{told} {exact}");
        assert!(estimate(&pace, 185, CREW, usize::MAX).is_some(), "no line is too long");
    }

    #[test]
    fn nothing_is_said_before_anything_is_known() {
        assert_eq!(estimate(&Pace::default(), 0, CREW, 0), None);
        assert_eq!(estimate(&Pace::default(), 0, Crew { ready: 1, ..CREW }, 0), Some(0));
    }
}
