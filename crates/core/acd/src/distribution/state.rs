//! What of a distributor outlives a restart or a change of configuration.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{
    AgentId, CallId, QueueId, Timestamp,
    setup::{RouteTarget, Setup},
};
use serde::{Deserialize, Serialize};

use super::{
    Distributor, Waiting,
    demand::{Profiles, Queue, QueueNumbers, named_skills},
    line::InLine,
    order::AgentNo,
    pace::Pace,
    ready::Ready,
    roster::{AgentState, Roster},
    timers::Timers,
    waiting::{Call, Calls, Failed, Key, Place},
};

/// All of a distributor that is not configuration, by ids. Made by [`Distributor::state`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    calls: BTreeMap<CallId, CallState>,
    agents: BTreeMap<AgentId, AgentState>,
    queues: BTreeMap<QueueId, QueueState>,
    lot: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct CallState {
    waiting: Waiting,
    entered_at: Timestamp,
    step: usize,
    place: PlaceState,
    failed: Vec<(AgentId, Timestamp)>,
    attempts: u32,
    overdue: bool,
    due: Option<Timestamp>,
    #[serde(default)]
    teams_until: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PlaceState {
    Open,
    Kept { agent: AgentId, until: Timestamp },
    Offered { agents: Vec<AgentId> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct QueueState {
    cursor: Option<AgentId>,
    pace: Pace,
}

impl Distributor {
    /// Nobody waits, everybody is logged out. The seed decides the strategy `random`.
    #[must_use]
    pub fn new(setup: &Setup, seed: u64) -> Self {
        let nothing =
            State { calls: BTreeMap::new(), agents: BTreeMap::new(), queues: BTreeMap::new(), lot: seed };
        Self::restore(setup, nothing)
    }

    /// The distributor that made this state. What the configuration does not know any more is left out.
    #[must_use]
    pub fn restore(setup: &Setup, mut state: State) -> Self {
        let mut roster = Roster::new(&setup.agents, named_skills(setup), state.agents);
        let ready = roster.suspend();
        let mut new = Self {
            queues: Vec::new(),
            queue_numbers: QueueNumbers::default(),
            profiles: Profiles::new(roster.len()),
            roster,
            calls: Calls::default(),
            ready: Ready::new(),
            fresh: None,
            wanted: BTreeSet::new(),
            timers: Timers::default(),
            overdue: BTreeSet::new(),
            lot: state.lot,
        };
        for queue in &setup.queues {
            new.add_queue(queue, state.queues.remove(&queue.id));
        }
        // Demands that routes can make are met now and not while a call waits for its decision.
        for route in &setup.routes {
            if let RouteTarget::Queue(queue) = &route.target
                && let Some(queue) = new.queue_numbers.get(queue).copied()
            {
                new.demand(queue, &route.requires, &[]);
            }
        }
        for (call, state) in state.calls {
            new.restore_call(call, state);
        }
        for (agent, standing) in ready {
            new.roster.get_mut(agent).standing = Some(standing);
            new.enter(agent);
        }
        new
    }

    fn add_queue(&mut self, setup: &hookswitch_model::setup::QueueSetup, state: Option<QueueState>) {
        let mut queue = Queue::new(setup, &self.roster);
        if let Some(state) = state {
            queue.pace = state.pace;
            queue.cursor = state.cursor.map(|id| {
                let number = self.roster.number_up_to(&id);
                (id, number)
            });
        }
        self.queue_numbers.insert(setup.id.clone(), self.queues.len());
        self.queues.push(queue);
        self.demand(self.queues.len() - 1, &BTreeMap::new(), &[]);
    }

    fn restore_call(&mut self, call: CallId, state: CallState) {
        let Some(queue) = self.queue_numbers.get(&state.waiting.queue).copied() else { return };
        let prefer = state.waiting.prefer.as_ref().filter(|_| state.teams_until.is_some());
        let teams = prefer.map_or(&[][..], |prefer| &prefer.teams);
        let demand = self.demand(queue, &state.waiting.requires, teams);
        let last = self.profiles.demand(demand).steps.len() - 1;
        let failed = state.failed.into_iter().filter_map(|(agent, until)| {
            let agent = self.roster.number(&agent)?;
            Some(Failed { agent, until })
        });
        let row = Call {
            key: Key::new(
                call,
                state.waiting.priority,
                state.waiting.enqueued_at,
                self.queues[queue].setup.ageing,
            ),
            priority: state.waiting.priority,
            entered_at: state.entered_at,
            queue,
            demand,
            step: state.step.min(last),
            place: Place::Open,
            failed: failed.collect(),
            attempts: state.attempts,
            overdue: state.overdue,
            due: None,
            teams_until: state.teams_until,
            enqueued_at: state.waiting.enqueued_at,
            waiting: Box::new(state.waiting),
        };
        let (priority, since) = (row.priority, row.enqueued_at);
        let number = self.calls.insert(row);
        self.queues[queue].line.insert(priority, InLine { since, call, number });
        self.set_timer(number, state.due);
        let place = match state.place {
            PlaceState::Open => Place::Open,
            PlaceState::Offered { agents } => {
                Place::Offered(agents.iter().filter_map(|agent| self.roster.number(agent)).collect())
            }
            PlaceState::Kept { agent, until } => {
                self.roster.number(&agent).map_or(Place::Open, |agent| Place::Kept { agent, until })
            }
        };
        self.calls.get_mut(number).place = place;
        self.put(number);
    }

    /// All that is not configuration.
    #[must_use]
    pub fn state(&self) -> State {
        let id_of = |agent: AgentNo| self.roster.get(agent).id.clone();
        let call_state = |row: &Call| CallState {
            waiting: Waiting::clone(&row.waiting),
            entered_at: row.entered_at,
            step: row.step,
            place: match &row.place {
                Place::Open => PlaceState::Open,
                Place::Kept { agent, until } => PlaceState::Kept { agent: id_of(*agent), until: *until },
                Place::Offered(agents) => {
                    PlaceState::Offered { agents: agents.iter().map(|agent| id_of(*agent)).collect() }
                }
            },
            failed: row.failed.iter().map(|failed| (id_of(failed.agent), failed.until)).collect(),
            attempts: row.attempts,
            overdue: row.overdue,
            due: row.due,
            teams_until: row.teams_until,
        };
        let queue_state = |queue: &Queue| QueueState {
            cursor: queue.cursor.as_ref().map(|(id, _)| id.clone()),
            pace: queue.pace.clone(),
        };
        State {
            calls: self.calls.iter().map(|row| (row.key.call, call_state(row))).collect(),
            agents: self.roster.states(),
            queues: self.queues.iter().map(|q| (q.setup.id.clone(), queue_state(q))).collect(),
            lot: self.lot,
        }
    }

    /// Takes a new configuration. Calls keep their place, agents their presence; calls whose queue is gone are returned
    /// and are in no queue any more.
    ///
    /// Everything is laid out anew, about a microsecond for each call: this is no part of a decision.
    pub fn apply(&mut self, now: Timestamp, setup: &Setup) -> Vec<CallId> {
        let kept: BTreeSet<&QueueId> = setup.queues.iter().map(|queue| &queue.id).collect();
        let state = self.state();
        let gone = state.calls.iter().filter(|(_, call)| !kept.contains(&call.waiting.queue));
        let gone: Vec<CallId> = gone.map(|(call, _)| *call).collect();
        *self = Self::restore(setup, state);
        let calls: Vec<CallId> = self.calls.iter().map(|row| row.key.call).collect();
        for number in calls.into_iter().filter_map(|call| self.calls.number(call)).collect::<Vec<_>>() {
            self.take(number);
            self.catch_up(now, number);
            self.calls.get_mut(number).overdue = false;
            if let Place::Kept { agent, .. } = self.calls.get(number).place
                && !self.keeps(number, agent)
            {
                self.calls.get_mut(number).place = Place::Open;
            }
            self.put(number);
            self.arm(now, number);
        }
        gone
    }
}
