//! What agents do: calls, and time in each state, of the day and since they logged in.

use std::collections::BTreeMap;

use hookswitch_model::{
    AgentId, Millis, Timestamp,
    agent::{AgentState, Figures, Work},
};
use serde::{Deserialize, Serialize};

/// One agent's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    state: AgentState,
    /// In that state since then, whatever its reason.
    since: Timestamp,
    /// What lies before is booked.
    booked: Timestamp,
    /// What lies behind, of the day.
    today: Work,
    /// And since the log-in.
    login: Option<(Timestamp, Work)>,
}

impl Tally {
    /// Books the time in the current state until now. `midnight`: what lies before is not of the day.
    const fn book(&mut self, now: Timestamp, midnight: Timestamp) {
        let today = if self.booked.as_micros() > midnight.as_micros() { self.booked } else { midnight };
        self.today.spend(self.state, between(today, now));
        if let Some((_, work)) = &mut self.login {
            work.spend(self.state, between(self.booked, now));
        }
        self.booked = now;
    }
}

/// Whole milliseconds since the epoch, so that the parts of a time add up to the whole.
const fn between(from: Timestamp, to: Timestamp) -> Millis {
    Millis(to.as_millis().saturating_sub(from.as_millis()))
}

/// All agents' figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tallies(BTreeMap<AgentId, Tally>);

impl Tallies {
    /// An agent changed state. Returns since when it was in the one before.
    pub(super) fn moved(
        &mut self,
        agent: &AgentId,
        (from, to): (AgentState, AgentState),
        now: Timestamp,
        midnight: Timestamp,
    ) -> Timestamp {
        let new = || Tally { state: from, since: now, booked: now, today: Work::default(), login: None };
        let tally = self.0.entry(agent.clone()).or_insert_with(new);
        let since = tally.since;
        tally.book(now, midnight);
        (tally.state, tally.since) = (to, now);
        tally.login = match (from, to) {
            (_, AgentState::LoggedOut) => None,
            (AgentState::LoggedOut, _) => Some((now, Work::default())),
            _ => tally.login,
        };
        since
    }

    /// Since when an agent has been in its state, where that is known.
    pub(super) fn since(&self, agent: &AgentId) -> Option<Timestamp> {
        self.0.get(agent).map(|tally| tally.since)
    }

    /// A call is over in which the agent talked to the customer.
    pub(super) fn handled(&mut self, agent: &AgentId) {
        if let Some(tally) = self.0.get_mut(agent) {
            tally.today.handled += 1;
            if let Some((_, work)) = &mut tally.login {
                work.handled += 1;
            }
        }
    }

    /// The agent is configured no more.
    pub(super) fn forget(&mut self, agent: &AgentId) {
        self.0.remove(agent);
    }

    /// A new day: what was done is of the day before.
    pub(super) fn turn(&mut self, midnight: Timestamp) {
        for tally in self.0.values_mut() {
            // Up to midnight it counts since the log-in as ever.
            if tally.booked < midnight {
                tally.book(midnight, midnight);
            }
            tally.today = Work::default();
        }
    }

    /// An agent's figures now.
    pub(super) fn figures(&self, agent: &AgentId, now: Timestamp, midnight: Timestamp) -> Figures {
        let Some(mut tally) = self.0.get(agent).copied() else { return Figures::default() };
        tally.book(now, midnight);
        Figures {
            today: tally.today,
            since_login: tally.login.map(|(_, work)| work),
            logged_in_at: tally.login.map(|(at, _)| at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(secs * 1_000)
    }

    #[test]
    fn a_shift_over_midnight_counts_since_the_log_in_and_anew_for_the_day() {
        let alice: AgentId = "alice".parse().unwrap();
        let (mut tallies, midnight) = (Tallies::default(), at(1_000));
        let moves = [
            (700, AgentState::LoggedOut, AgentState::Ready),
            (800, AgentState::Ready, AgentState::Talking),
            (900, AgentState::Talking, AgentState::WrapUp),
        ];
        for (secs, from, to) in moves {
            tallies.moved(&alice, (from, to), at(secs), at(0));
        }
        tallies.handled(&alice);
        tallies.turn(midnight);
        let figures = tallies.figures(&alice, at(1_030), midnight);
        assert_eq!(
            (figures.today.wrap_up_ms, figures.today.talking_ms, figures.today.handled),
            (30_000, 0, 0)
        );
        let shift = figures.since_login.unwrap();
        assert_eq!((shift.wrap_up_ms, shift.talking_ms, shift.handled), (130_000, 100_000, 1));
        assert_eq!(figures.logged_in_at, Some(at(700)));
        tallies.moved(&alice, (AgentState::WrapUp, AgentState::LoggedOut), at(1_060), midnight);
        let figures = tallies.figures(&alice, at(2_000), midnight);
        assert_eq!((figures.today.wrap_up_ms, figures.since_login), (60_000, None));
    }

    #[test]
    fn between_two_looks_time_goes_on() {
        let bob: AgentId = "bob".parse().unwrap();
        let mut tallies = Tallies::default();
        tallies.moved(&bob, (AgentState::LoggedOut, AgentState::Ready), at(10), at(0));
        assert_eq!(tallies.figures(&bob, at(15), at(0)).today.ready_ms, 5_000);
        assert_eq!(tallies.figures(&bob, at(25), at(0)).today.ready_ms, 15_000, "looking changes nothing");
    }
}
