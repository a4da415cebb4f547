//! Agents and teams: their parts in calls, the offers they had, and how their time passed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hookswitch_model::{
    AgentId, Millis, TeamId, Timestamp,
    agent::{AgentState, Work},
    ledger::Owner,
    offer::OfferOutcome,
};

use crate::{
    Cell, Column, Ended, Grid, Measures, Report, Row,
    table::{mean_s, share},
};

/// An agent or a team in an interval.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentRow {
    work: Work,
    handled_ms: u64,
    accepted: u64,
    no_answer: u64,
    declined: u64,
    unreachable: u64,
    withdrawn: u64,
    caller_left: u64,
    logged_out_ms: u64,
}

impl AgentRow {
    const fn offers(&self) -> u64 {
        self.accepted + self.no_answer + self.declined + self.unreachable + self.withdrawn + self.caller_left
    }

    const fn offered(&mut self, outcome: OfferOutcome) {
        *match outcome {
            OfferOutcome::Accepted => &mut self.accepted,
            OfferOutcome::NoAnswer => &mut self.no_answer,
            OfferOutcome::Declined => &mut self.declined,
            OfferOutcome::Unreachable => &mut self.unreachable,
            OfferOutcome::Withdrawn => &mut self.withdrawn,
            OfferOutcome::CallerLeft => &mut self.caller_left,
        } += 1;
    }
}

macro_rules! count {
    ($name:literal, $of:expr) => {
        Column { name: $name, cell: |row: &Self| Cell::Count($of(row)) }
    };
}

impl Measures for AgentRow {
    const COLUMNS: &'static [Column<Self>] = &[
        count!("handled", |row: &Self| row.work.handled),
        count!("handled_ms", |row: &Self| row.handled_ms),
        Column { name: "average_handled_s", cell: |row| mean_s(row.handled_ms, row.work.handled) },
        count!("offers", Self::offers),
        count!("offers_accepted", |row: &Self| row.accepted),
        count!("offers_no_answer", |row: &Self| row.no_answer),
        count!("offers_declined", |row: &Self| row.declined),
        count!("offers_unreachable", |row: &Self| row.unreachable),
        count!("offers_withdrawn", |row: &Self| row.withdrawn),
        count!("offers_caller_left", |row: &Self| row.caller_left),
        Column {
            name: "occupancy",
            cell: |row| {
                let busy = row.work.busy_ms();
                share(busy, busy + row.work.ready_ms + row.work.reserved_ms)
            },
        },
        count!("logged_in_ms", |row: &Self| row.work.logged_in_ms()),
        count!("ready_ms", |row: &Self| row.work.ready_ms),
        count!("not_ready_ms", |row: &Self| row.work.not_ready_ms),
        count!("reserved_ms", |row: &Self| row.work.reserved_ms),
        count!("talking_ms", |row: &Self| row.work.talking_ms),
        count!("holding_ms", |row: &Self| row.work.holding_ms),
        count!("wrap_up_ms", |row: &Self| row.work.wrap_up_ms),
        count!("logged_out_ms", |row: &Self| row.logged_out_ms),
    ];

    fn add(&mut self, other: &Self) {
        self.work.add(&other.work);
        self.handled_ms += other.handled_ms;
        self.accepted += other.accepted;
        self.no_answer += other.no_answer;
        self.declined += other.declined;
        self.unreachable += other.unreachable;
        self.withdrawn += other.withdrawn;
        self.caller_left += other.caller_left;
        self.logged_out_ms += other.logged_out_ms;
    }
}

/// What a row is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// Each agent.
    Agents,
    /// Each agent, but this one only.
    Agent(AgentId),
    /// Each team; an agent counts in each of its teams, a call once in each.
    Teams(BTreeMap<AgentId, Vec<TeamId>>),
}

/// An agent as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Whom.
    pub agent: AgentId,
    /// The state.
    pub state: AgentState,
    /// Since when.
    pub since: Timestamp,
}

/// The fold: told of every change of an agent's state, every offer and every call that ended, it makes the rows.
///
/// What an agent did before its first change of state within the span is told by that change, which names the state it
/// left. What it does after its last is that state, until now.
#[derive(Debug)]
pub struct Agents {
    grid: Grid,
    grouping: Grouping,
    keys: BTreeSet<Arc<str>>,
    rows: BTreeMap<(usize, Arc<str>), AgentRow>,
    /// The state of each agent of whom a change was told, and since when.
    states: BTreeMap<AgentId, (AgentState, Timestamp)>,
    /// From when on changes were told.
    known_from: Timestamp,
}

impl Agents {
    /// An empty report. `agents` are those there are; `known_from` is the first moment of which anything is recorded.
    #[must_use]
    pub fn new(
        grid: Grid,
        grouping: Grouping,
        agents: impl IntoIterator<Item = AgentId>,
        known_from: Timestamp,
    ) -> Self {
        let mut new = Self {
            known_from: known_from.max(grid.span().from),
            grid,
            grouping,
            keys: BTreeSet::new(),
            rows: BTreeMap::new(),
            states: BTreeMap::new(),
        };
        for agent in agents {
            new.keys_of(&agent);
        }
        new
    }

    /// An agent changed state.
    pub fn changed(&mut self, agent: &AgentId, from: AgentState, to: AgentState, at: Timestamp) {
        let before = self.states.insert(agent.clone(), (to, at));
        let (state, since) = before.unwrap_or((from, self.known_from));
        self.spend(agent, state, since, at);
    }

    /// An offer is over.
    pub fn offered(&mut self, agent: &AgentId, outcome: OfferOutcome, at: Timestamp) {
        let Some(place) = self.grid.place(at) else { return };
        for key in self.keys_of(agent) {
            self.rows.entry((place, key)).or_default().offered(outcome);
        }
    }

    /// A call is over.
    pub fn ended(&mut self, ended: &Ended) {
        let mut parts: BTreeMap<Arc<str>, (Timestamp, Millis)> = BTreeMap::new();
        for agent in &ended.ledger.handled_by {
            let own = ended.ledger.segments.iter();
            let own = own.filter(|segment| matches!(&segment.owner, Owner::Agent(owner) if owner == agent));
            let had = own.clone().fold(Millis(0), |sum, part| sum + part.to.since(part.from));
            // Who only listened in a conference had the call from when it was answered.
            let first = own.clone().map(|part| part.from).next();
            let first = first.or(ended.answered_at).unwrap_or(ended.started_at);
            for key in self.keys_of(agent) {
                let part = parts.entry(key).or_insert((first, Millis(0)));
                *part = (part.0.min(first), part.1 + had);
            }
        }
        for (key, (first, had)) in parts {
            let Some(place) = self.grid.place(first) else { continue };
            let row = self.rows.entry((place, key)).or_default();
            row.work.handled += 1;
            row.handled_ms += had.0;
        }
    }

    /// Whether a change of this agent was told.
    #[must_use]
    pub fn knows(&self, agent: &AgentId) -> bool {
        self.states.contains_key(agent)
    }

    /// How many rows there would be now.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.grid.len().saturating_mul(self.keys.len())
    }

    /// The report, with the agents as they are `now`. One who is not among them any more is counted until its last
    /// change of state.
    #[must_use]
    pub fn finish(mut self, live: &[Seen], now: Timestamp) -> Report<AgentRow> {
        for seen in live {
            let (state, since) = match self.states.get(&seen.agent) {
                Some(known) => *known,
                // Nothing was told of it: it has been so for all of the time, or since it was configured.
                None => (seen.state, seen.since.max(self.known_from)),
            };
            self.spend(&seen.agent, state, since, now);
        }
        let mut rows = Vec::with_capacity(self.rows());
        for place in 0..self.grid.len() {
            for key in &self.keys {
                let of = self.rows.remove(&(place, Arc::clone(key))).unwrap_or_default();
                rows.push(Row { place, key: Some(Arc::clone(key)), of });
            }
        }
        let subject = match self.grouping {
            Grouping::Agents | Grouping::Agent(_) => "agent",
            Grouping::Teams(_) => "team",
        };
        Report { subject, grid: self.grid, rows }
    }

    fn spend(&mut self, agent: &AgentId, state: AgentState, from: Timestamp, to: Timestamp) {
        let keys = self.keys_of(agent);
        let parts: Vec<_> = self.grid.cut(from, to).collect();
        for key in keys {
            for (place, part) in &parts {
                let row = self.rows.entry((*place, Arc::clone(&key))).or_default();
                // Whole milliseconds since the epoch, so that parts of a time add up to the whole.
                let span = Millis(part.to.as_millis() - part.from.as_millis());
                if state == AgentState::LoggedOut {
                    row.logged_out_ms += span.0;
                }
                row.work.spend(state, span);
            }
        }
    }

    /// The rows an agent counts in.
    fn keys_of(&mut self, agent: &AgentId) -> Vec<Arc<str>> {
        let names: Vec<&str> = match &self.grouping {
            Grouping::Agents => vec![agent.as_str()],
            Grouping::Agent(only) if only == agent => vec![agent.as_str()],
            Grouping::Agent(_) => Vec::new(),
            Grouping::Teams(teams) => teams.get(agent).into_iter().flatten().map(TeamId::as_str).collect(),
        };
        let keys = &mut self.keys;
        let known = names.into_iter().map(|name| match keys.get(name) {
            Some(key) => Arc::clone(key),
            None => {
                let key: Arc<str> = name.into();
                keys.insert(Arc::clone(&key));
                key
            }
        });
        known.collect()
    }
}
