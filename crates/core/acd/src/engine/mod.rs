//! The engine: one input in, every output out, the next deadline told.

mod commands;
mod facts;
mod impact;
mod links;
mod plan;
mod read;
mod setup;
mod snapshot;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use hookswitch_model::{
    ActionId, CallId, IdSource, Millis, PbxId, Timestamp,
    event::{Event, EventKind},
    input::{Input, Output},
    pbx::{Action, Fact, PbxAction},
    setup::Setup,
};
use serde::{Deserialize, Serialize};

use crate::{
    agents::AgentBook,
    alerts::Alerts,
    callbacks::CallbackBook,
    calls::CallBook,
    control::{Clicks, outbound::Begun},
    distribution::Distributor,
    offers::OfferBook,
    pops::Pops,
    routing::{Router, RuleError},
    stats::Stats,
    sticky::LastAgents,
    timers::{Timer, Timers},
};

pub use impact::Rerouted;
pub use links::{Link, LinkStatus};
pub(crate) use plan::Plan;
pub use snapshot::{RestoreError, Snapshot};

/// How long the PBX may take to carry out what we ask.
pub(crate) const ACTION_LIFE: Millis = Millis::from_secs(10);

/// So many questions of one call are remembered; a PBX that answers none must not fill the memory.
const ASKED: usize = 64;

/// A deadline that fires later than this was slept through: the daemon was away, or its machine stood still.
const SLEPT: Millis = Millis::from_secs(5);

/// What the engine passed over, for the operator's metrics. None of it is an error of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Facts about a call the engine does not know, or no longer.
    pub unknown_calls: u64,
    /// Facts about a leg the engine does not know, or that has left.
    pub unknown_legs: u64,
    /// Results of Rings that are over, and requests of callers who are already routed.
    pub stale: u64,
    /// Feature codes and pauses of devices that belong to no agent, or that asked for what cannot be.
    pub strangers: u64,
    /// Attached data that was too much.
    pub oversized_data: u64,
    /// Calls given up because the PBX never said how they ended.
    pub lost_calls: u64,
    /// Legs given up because the PBX never said how they ended, in calls that go on.
    #[serde(default)]
    pub lost_legs: u64,
    /// Invariants found broken.
    pub violations: u64,
    /// Commands taken.
    #[serde(default)]
    pub commands: u64,
    /// Commands refused: unknown, not now, invalid.
    #[serde(default)]
    pub refused: u64,
    /// Commands of who may not.
    #[serde(default)]
    pub forbidden: u64,
    /// What was taken and did not come about: `call.control_failed`.
    #[serde(default)]
    pub failed: u64,
}

/// What holds while one input is handled.
#[derive(Debug, Clone, Copy, Default)]
struct Context {
    now: Timestamp,
    recovered: bool,
    action: Option<ActionId>,
}

/// The engine. See the [crate's page](crate).
#[derive(Debug)]
pub struct Engine {
    pub(crate) setup: Arc<Setup>,
    pub(crate) plan: Plan,
    pub(crate) router: Router,
    pub(crate) distributor: Distributor,
    pub(crate) calls: CallBook,
    pub(crate) agents: AgentBook,
    pub(crate) offers: OfferBook,
    pub(crate) callbacks: CallbackBook,
    pub(crate) pops: Pops,
    pub(crate) stats: Stats,
    pub(crate) alerts: Alerts,
    pub(crate) last_agents: LastAgents,
    pub(crate) links: BTreeMap<PbxId, Link>,
    pub(crate) timers: Timers,
    pub(crate) counters: Counters,
    /// Which call an action belongs to whose result matters.
    pub(crate) asked: BTreeMap<ActionId, CallId>,
    /// Calls outside, for the limits.
    pub(crate) outbound: Begun,
    /// The last click of each agent.
    pub(crate) clicks: Clicks,
    ids: IdSource,
    life: Life,
    context: Context,
    outputs: VecDeque<Output>,
}

/// What the engine knows of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Life {
    /// The latest time seen: time never runs backwards in here, whatever a clock does.
    clock: Timestamp,
    /// The agents were put into their first states.
    opened: bool,
    /// The configuration told last by `config.applied`.
    announced: Option<u64>,
    /// The daemon stops: callers are handed to the fallback and nobody is rung any more.
    stopping: bool,
    /// Nobody answers: calls are neither asked for nor given up.
    offline: bool,
}

/// Whether a link is lost decides what a deadline means that passed unseen: those are for the next input.
fn is_link_down(input: &Input) -> bool {
    matches!(input, Input::Pbx(event) if matches!(event.fact, Fact::LinkDown { .. }))
}

impl Engine {
    /// An engine with this configuration. The seed decides its ids and the lots drawn: a daemon draws it once and
    /// journals it.
    ///
    /// # Errors
    /// Every routing rule that cannot be used.
    pub fn new(setup: Arc<Setup>, seed: u64) -> Result<Self, Vec<RuleError>> {
        let router = Router::new(&setup)?;
        Ok(Self {
            plan: Plan::new(&setup),
            router,
            distributor: Distributor::new(&setup, seed),
            calls: CallBook::default(),
            agents: AgentBook::default(),
            offers: OfferBook::default(),
            callbacks: CallbackBook::default(),
            pops: Pops::default(),
            stats: Stats::default(),
            alerts: Alerts::default(),
            last_agents: LastAgents::default(),
            links: setup.pbxs.iter().map(|pbx| (pbx.name.clone(), Link::default())).collect(),
            timers: Timers::default(),
            counters: Counters::default(),
            asked: BTreeMap::new(),
            outbound: Begun::default(),
            clicks: Clicks::default(),
            ids: IdSource::new(seed),
            life: Life::default(),
            context: Context::default(),
            outputs: VecDeque::new(),
            setup,
        })
    }

    /// The same engine for a recorded stream: nobody is there to answer, so calls are neither probed nor given up.
    #[must_use]
    pub fn offline(mut self) -> Self {
        self.life.offline = true;
        self
    }

    /// Handles one input at this time. Deadlines that are due by then fire first. Afterwards
    /// [`poll_output`](Self::poll_output) gives everything that came of it.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.life.clock = self.life.clock.max(now);
        self.context = Context { now: self.life.clock, recovered: false, action: None };
        if !self.life.opened {
            self.open();
        }
        self.stats.turn_the_day(self.context.now);
        if !is_link_down(&input) {
            self.fire();
        }
        match input {
            Input::Tick => {}
            Input::Pbx(event) => {
                self.context.recovered = event.recovered;
                self.fact(&event.pbx, event.fact);
            }
            Input::Command(command) => {
                self.context.action = Some(command.id);
                self.command(command);
            }
            Input::Setup(setup) => self.apply(&setup),
            Input::Customer { call, customer } => self.identified(call, customer),
        }
        self.context.recovered = false;
        self.context.action = None;
        if !self.life.stopping {
            self.decide();
        }
        self.tell_stats();
    }

    /// The next output, oldest first; none when all were taken.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is wanted, if nothing else comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        [self.timers.next(), self.distributor.next_deadline()].into_iter().flatten().min()
    }

    fn fire(&mut self) {
        let now = self.now();
        while let Some((due, timer)) = self.timers.pop(now) {
            // Nobody was there to see what should have come by then.
            let slept = now.since(due) > SLEPT;
            match timer {
                Timer::Ring(call) => self.ring_overdue(call, slept),
                Timer::Retry(call) => self.retry(call, slept),
                Timer::Route(call) => self.route_at_last(call),
                Timer::Trace(call) => self.check_trace(call, slept),
                Timer::WrapUp(agent) => self.wrap_up_over(&agent),
                Timer::Stats(queue) => self.stats_due(&queue),
                // It began with this input.
                Timer::Midnight => {}
                Timer::Control(call) => self.control_overdue(call, slept),
                Timer::Shown(call) => self.shown_overdue(call, slept),
                Timer::Rescue(call) => self.rescue(call),
                Timer::Supervise(call) => self.supervise_overdue(call),
                Timer::Callback(callback) => self.callback_due(callback),
                Timer::Alert(queue) => self.look_at_alerts(&queue),
                Timer::Announce(call) => self.announce(call),
            }
        }
        if self.distributor.next_deadline().is_some_and(|at| at <= now) {
            self.distributor.tick(now);
        }
    }

    /// The time of the input being handled.
    pub(crate) const fn now(&self) -> Timestamp {
        self.context.now
    }

    /// Whether the input being handled was reconstructed, not seen.
    pub(crate) const fn is_recovered(&self) -> bool {
        self.context.recovered
    }

    /// The next id.
    pub(crate) fn next_id<T: From<u128>>(&mut self) -> T {
        self.ids.next(self.context.now)
    }

    /// Puts out an event.
    pub(crate) fn emit(&mut self, pbx: Option<PbxId>, kind: EventKind) {
        let id = self.next_id();
        let Context { now, recovered, action } = self.context;
        self.outputs.push_back(Output::Event(Event { id, at: now, pbx, recovered, action, kind }));
    }

    /// Puts out an event about a call.
    pub(crate) fn emit_call(&mut self, kind: EventKind) {
        let pbx = kind.call().map(|call| call.pbx.clone());
        self.supersede_pops(&kind);
        self.emit(pbx, kind);
    }

    /// Asks something of a PBX. With a call, what the PBX says to it is looked at.
    pub(crate) fn ask(&mut self, pbx: &PbxId, call: Option<CallId>, action: Action) -> ActionId {
        let id: ActionId = self.next_id();
        self.ask_as(id, pbx, call, action);
        id
    }

    /// The same, with an id that was given out before.
    pub(crate) fn ask_as(&mut self, id: ActionId, pbx: &PbxId, call: Option<CallId>, action: Action) {
        if let Some(call) = call
            && let Some(record) = self.calls.get_mut(call)
        {
            record.asked.push_back(id);
            self.asked.insert(id, call);
            if record.asked.len() > ASKED
                && let Some(oldest) = record.asked.pop_front()
            {
                self.asked.remove(&oldest);
            }
        }
        let expires_at = self.now() + ACTION_LIFE;
        self.outputs.push_back(Output::Action(PbxAction { id, pbx: pbx.clone(), expires_at, action }));
    }

    /// What is told from now on comes of this command. Returns what it came of before.
    pub(crate) const fn carries(&mut self, command: ActionId) -> Option<ActionId> {
        self.context.action.replace(command)
    }

    /// What is told from now on comes of what it came of before.
    pub(crate) const fn carry_on(&mut self, before: Option<ActionId>) {
        self.context.action = before;
    }

    /// Puts out an answer.
    pub(crate) fn answer(&mut self, answer: hookswitch_model::command::Answer) {
        self.put_out(Output::Answer(answer));
    }

    /// Puts out what is neither event nor action.
    pub(crate) fn put_out(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// Brings a call in line with its legs.
    pub(crate) fn settle(&mut self, call: CallId) {
        let now = self.now();
        if let Some(record) = self.calls.get_mut(call) {
            record.settle(now);
        }
    }

    /// Whether a PBX can be asked.
    pub(crate) fn is_linked(&self, pbx: &PbxId) -> bool {
        self.links.get(pbx).is_some_and(Link::is_up)
    }

    /// Whether the daemon stops, and nobody is rung any more.
    pub(crate) const fn is_stopping(&self) -> bool {
        self.life.stopping
    }

    /// Whether calls without a trace are asked for and given up.
    pub(crate) const fn looks_for_traces(&self) -> bool {
        !self.life.offline
    }

    /// Something cannot be: told with the evidence, and the engine goes on.
    pub(crate) fn violated(&mut self, rule: &str, evidence: String, call: Option<CallId>) {
        self.counters.violations += 1;
        let call = call.and_then(|id| self.calls.known(id)).map(|known| Box::new(known.call.clone()));
        let pbx = call.as_ref().map(|call| call.pbx.clone());
        self.emit(pbx, EventKind::InvariantViolated { rule: rule.to_owned(), evidence, call });
    }
}
