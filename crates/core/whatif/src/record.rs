//! The record, read once: who came when, what was asked for each caller, and what came of it.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_acd::{Engine, RestoreError, Snapshot, routing::RuleError};
use hookswitch_model::{
    ActionId, AgentId, CallId, LegRef, Millis, PbxId, QueueId, Timestamp,
    agent::{Agent, AgentState},
    command::{Command, Request},
    event::{Event, EventKind},
    input::{Input, Output},
    ledger::{Disposition, Ledger},
    offer::OfferOutcome,
    pbx::{Action, Fact, PbxAction, PbxEvent},
    setup::Setup,
};

use crate::{
    course::{Habit, Script, is_silent},
    figures::{Key, Reader, Run},
    patience::Patience,
    promised::{Promised, Reach, dialled},
    world::World,
};

/// What happened, in order.
pub(crate) enum Moment {
    /// The engine was given this.
    Input(Input),
    /// The engine asked for this.
    Asked(PbxAction),
}

/// A moment with its time, and the call it belongs to.
pub(crate) struct Placed {
    pub(crate) at: Timestamp,
    pub(crate) call: Option<Key>,
    pub(crate) moment: Moment,
}

/// Reads a record: the inputs of an engine, from a state on.
pub struct Recording {
    begin: Snapshot,
    engine: Engine,
    reader: Reader,
    moments: Vec<Placed>,
    /// When deadlines fired, by when they were due: a daemon wakes late, or was not running.
    late: BTreeMap<Timestamp, Timestamp>,
    calls: BTreeMap<CallId, Key>,
    legs: BTreeMap<(PbxId, LegRef), Key>,
    actions: BTreeMap<ActionId, Key>,
    scripts: BTreeMap<Key, Script>,
    habits: BTreeMap<AgentId, Habit>,
    /// Agents who did not take a call and are not ready again, since when.
    away: BTreeMap<AgentId, Timestamp>,
    /// When agents were last asked to be rung for a call.
    rung: BTreeMap<Key, Timestamp>,
    setup: Arc<Setup>,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").field("moments", &self.moments.len()).finish_non_exhaustive()
    }
}

impl Recording {
    /// A record that begins with an engine in this state.
    ///
    /// # Errors
    /// [`RestoreError`] when the state cannot be one.
    pub fn begin(state: Snapshot) -> Result<Self, RestoreError> {
        let engine = Engine::restore(state.clone())?;
        let mut reader = Reader::default();
        let agents = engine.agents().map(|agent| (agent.id.clone(), agent.state));
        reader.begin(agents, Timestamp::default());
        reader.promised.begin(engine.callbacks());
        let calls = engine.calls().map(|call| (call.id, (call.pbx.clone(), call.pbx_ref.clone())));
        Ok(Self {
            begin: state,
            calls: calls.collect(),
            reader,
            moments: Vec::new(),
            late: BTreeMap::new(),
            legs: BTreeMap::new(),
            actions: BTreeMap::new(),
            scripts: BTreeMap::new(),
            habits: BTreeMap::new(),
            away: BTreeMap::new(),
            rung: BTreeMap::new(),
            setup: Arc::new(engine.setup().clone()),
            engine,
        })
    }

    /// The next input of the record.
    pub fn input(&mut self, now: Timestamp, input: Input) {
        if self.moments.is_empty() {
            let agents: Vec<_> = self.engine.agents().map(|agent| (agent.id.clone(), agent.state)).collect();
            self.reader.begin(agents.into_iter(), now);
        }
        while let Some(due) = self.engine.next_deadline().filter(|due| *due <= now) {
            if self.late.insert(due, now).is_some() {
                break;
            }
        }
        if let Input::Setup(setup) = &input {
            self.setup = Arc::clone(setup);
        }
        self.note_legs(&input);
        let call = self.call_of(&input);
        self.note_wish(now, &input, call.as_ref());
        self.moments.push(Placed { at: now, call, moment: Moment::Input(input.clone()) });
        self.engine.handle(now, input);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Event(event) => self.event(&event),
                Output::Action(action) => self.asked(now, action),
                Output::Answer(_) | Output::LookUp(_) => {}
            }
        }
    }

    fn note_legs(&mut self, input: &Input) {
        let Input::Pbx(event) = input else { return };
        let PbxEvent { pbx, fact, .. } = &**event;
        let Some(call) = fact.call() else { return };
        let key = (pbx.clone(), call.clone());
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others name no leg for the first time")]
        match fact {
            Fact::CallStarted { originator: seen, .. } | Fact::LegRinging { leg: seen, .. } => {
                self.legs.insert((pbx.clone(), seen.leg.clone()), key.clone());
            }
            Fact::LegMoved { leg, .. } => {
                self.legs.insert((pbx.clone(), leg.clone()), key.clone());
            }
            _ => {}
        }
        let script = self.scripts.entry(key).or_default();
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others do not say what the call is")]
        match fact {
            Fact::CallStarted { originator, .. } => script.caller = Some(originator.leg.clone()),
            Fact::RouteRequested { dnis, .. } => {
                script.routed = true;
                script.dnis.clone_from(dnis);
            }
            Fact::Data { changed, .. } => script.data.extend(changed.clone()),
            _ => {}
        }
    }

    /// What a caller asks for while waiting, which is asked for after the same wait in every run.
    fn note_wish(&mut self, now: Timestamp, input: &Input, call: Option<&Key>) {
        let is_wish = match input {
            Input::Pbx(event) => matches!(event.fact, Fact::Digit { .. }),
            Input::Command(Command { request, .. }) => matches!(request, Request::CallBack { .. }),
            Input::Customer { .. } | Input::Setup(_) | Input::Tick => false,
        };
        let place = self.moments.len();
        let Some(script) = call.filter(|_| is_wish).and_then(|key| self.scripts.get_mut(key)) else { return };
        if let (Some(queued), None) = (script.queued_at, script.answered_at) {
            script.wishes.push((now.since(queued), place));
        }
    }

    fn call_of(&self, input: &Input) -> Option<Key> {
        let by_id = |id: CallId| self.calls.get(&id).cloned();
        match input {
            Input::Pbx(event) => {
                let PbxEvent { pbx, fact, .. } = &**event;
                match (fact.call(), fact.action()) {
                    (Some(call), _) => Some((pbx.clone(), call.clone())),
                    (None, Some(action)) => self.actions.get(&action).cloned(),
                    (None, None) => None,
                }
            }
            Input::Command(Command { request, .. }) => request.call().and_then(by_id),
            // Who a caller is does not depend on what is decided.
            Input::Customer { .. } | Input::Setup(_) | Input::Tick => None,
        }
    }

    fn asked(&mut self, now: Timestamp, action: PbxAction) {
        let call = self.key_of(&action);
        if let Some(key) = &call {
            self.actions.insert(action.id, key.clone());
            if let Action::Ring { .. } = action.action {
                self.rung.insert(key.clone(), now);
                self.scripts.entry(key.clone()).or_default().routed = true;
            }
            if let Some(name) = self.reader.promised.tried(&action.action) {
                let script = self.scripts.entry(key.clone()).or_default();
                (script.routed, script.tries) = (true, Some(name.clone()));
                self.rung.insert(key.clone(), now);
            }
        }
        self.moments.push(Placed { at: now, call, moment: Moment::Asked(action) });
    }

    fn key_of(&self, action: &PbxAction) -> Option<Key> {
        key_of(action, &self.legs)
    }

    fn event(&mut self, event: &Event) {
        self.reader.event(event);
        if let EventKind::AgentState { agent, to, .. } = &event.kind {
            if *to == AgentState::NotReady && was_missed(agent) {
                self.away.insert(agent.id.clone(), event.at);
            } else if let Some(since) = self.away.remove(&agent.id) {
                self.habits.entry(agent.id.clone()).or_default().returned(event.at.since(since));
            }
        }
        let Some(call) = event.kind.call() else { return };
        let key = (call.pbx.clone(), call.pbx_ref.clone());
        self.calls.insert(call.id, key.clone());
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others tell nothing of habits")]
        match &event.kind {
            EventKind::CallQueued { queued, .. } => {
                let key_of = callback_key(&self.setup, &queued.queue);
                let script = self.scripts.entry(key).or_default();
                if script.queued_at.is_none() {
                    (script.queued_at, script.may_wish) = (Some(event.at), key_of.is_some());
                }
            }
            EventKind::CallOfferEnded { offer, .. } => {
                let habit = self.habits.entry(offer.agent.clone()).or_default();
                let rung = self.rung.get(&key).copied().unwrap_or(event.at);
                match offer.outcome {
                    Some(OfferOutcome::Accepted) => {
                        habit.answered(event.at.since(rung));
                        let script = self.scripts.entry(key).or_default();
                        script.rang_for = Some(event.at.since(rung));
                        script.dialled_at = script.tries.is_some().then_some(event.at);
                    }
                    Some(OfferOutcome::NoAnswer | OfferOutcome::Declined | OfferOutcome::Unreachable) => {
                        habit.missed += 1;
                    }
                    Some(OfferOutcome::Withdrawn | OfferOutcome::CallerLeft) | None => {}
                }
            }
            EventKind::CallAnswered { .. } => {
                self.scripts.entry(key).or_default().answered_at.get_or_insert(event.at);
            }
            EventKind::CallbackRetry { callback, .. } | EventKind::CallbackEnded { callback, .. } => {
                if let Some(script) = self.scripts.get_mut(&key) {
                    script.try_end = callback.last.filter(|end| end.was_dialled());
                }
            }
            EventKind::CallEnded { ledger, .. } => self.ended(key, event.at, ledger),
            _ => {}
        }
    }

    fn ended(&mut self, key: Key, at: Timestamp, ledger: &Ledger) {
        let main = ledger.consult_of.and_then(|main| self.calls.get(&main).cloned());
        let script = self.scripts.entry(key).or_default();
        script.ended_at = Some(at);
        script.gave_up = ledger.disposition == Disposition::Abandoned;
        script.lost = ledger.disposition == Disposition::Lost;
        script.consult_of = main;
    }

    /// The record as a whole.
    #[must_use]
    pub fn finish(mut self) -> Recorded {
        let end = self.moments.last().map_or_else(Timestamp::default, |last| last.at);
        let known: Vec<_> =
            self.scripts.values().filter_map(|script| Some((script.waited(end)?, script.gave_up))).collect();
        let wishes = self.scripts.values().filter_map(|script| script.wished(end)).collect();
        let mut talks: Vec<Millis> = self.scripts.values().filter_map(Script::talked).collect();
        talks.sort_unstable();
        self.arrange();
        let reach = Reach::estimate(self.scripts.values().filter_map(dialled).collect());
        let promised = std::mem::take(&mut self.reader.promised);
        let run = self.reader.finish(&self.setup, 0);
        Recorded {
            begin: self.begin,
            setup: self.setup,
            moments: self.moments,
            late: self.late,
            calls: self.calls,
            legs: self.legs,
            promised,
            reach,
            scripts: self.scripts,
            habits: self.habits,
            patience: Patience::estimate(known),
            wishes: Patience::estimate(wishes),
            talks,
            end,
            run,
        }
    }

    /// Says of each moment of a routed call after which action of the engine it came.
    fn arrange(&mut self) {
        let mut actions = Vec::new();
        for (place, placed) in self.moments.iter_mut().enumerate() {
            // A consultation belongs to the call it is held in.
            if let Some(main) = placed.call.as_ref().and_then(|key| self.scripts.get(key)?.consult_of.clone())
            {
                placed.call = Some(main);
            }
            let Some(script) = placed.call.as_ref().and_then(|key| self.scripts.get_mut(key)) else {
                continue;
            };
            match &placed.moment {
                Moment::Input(_) => script.moments.push((script.asked.len(), place)),
                Moment::Asked(action) if is_silent(&action.action) => {}
                Moment::Asked(action) => {
                    script.asked.push(place);
                    actions.push(action.id);
                }
            }
        }
    }
}

/// The key that callers of a queue press to be called back.
pub(crate) fn callback_key(setup: &Setup, queue: &QueueId) -> Option<char> {
    setup.queues.iter().find(|other| other.id == *queue)?.callback.as_ref()?.key
}

/// Whether an agent is not ready because a call was not taken.
pub(crate) fn was_missed(agent: &Agent) -> bool {
    agent.state == AgentState::NotReady && agent.reason.as_deref() == Some("no_answer")
}

/// The call an action is for.
pub(crate) fn key_of(action: &PbxAction, legs: &BTreeMap<(PbxId, LegRef), Key>) -> Option<Key> {
    let pbx = &action.pbx;
    match &action.action {
        Action::Ring { call, .. }
        | Action::Withdraw { call, .. }
        | Action::NoteQueue { call, .. }
        | Action::SendTo { call, .. }
        | Action::FallBack { call, .. }
        | Action::Farewell { call, .. }
        | Action::Announce { call, .. }
        | Action::Menu { call, .. }
        | Action::Dial { call, .. }
        | Action::Hold { call, .. }
        | Action::Retrieve { call, .. }
        | Action::Transfer { call, .. }
        | Action::Consult { call, .. }
        | Action::ConsultComplete { call, .. }
        | Action::ConsultCancel { call, .. }
        | Action::ConsultConference { call, .. }
        | Action::Supervise { call, .. }
        | Action::Record { call, .. }
        | Action::Probe { call, .. } => Some((pbx.clone(), call.clone())),
        Action::Hangup { leg, .. } | Action::Answer { leg, .. } | Action::Dtmf { leg, .. } => {
            legs.get(&(pbx.clone(), leg.clone())).cloned()
        }
        Action::CheckNumber { .. } => None,
    }
}

/// A record that was read: what it came to, and what it would have come to.
pub struct Recorded {
    pub(crate) begin: Snapshot,
    pub(crate) setup: Arc<Setup>,
    pub(crate) moments: Vec<Placed>,
    pub(crate) late: BTreeMap<Timestamp, Timestamp>,
    pub(crate) calls: BTreeMap<CallId, Key>,
    pub(crate) legs: BTreeMap<(PbxId, LegRef), Key>,
    pub(crate) promised: Promised,
    pub(crate) reach: Reach,
    pub(crate) scripts: BTreeMap<Key, Script>,
    pub(crate) habits: BTreeMap<AgentId, Habit>,
    pub(crate) patience: Patience,
    /// How long callers wait before they ask to be called back, where they can.
    pub(crate) wishes: Patience,
    pub(crate) talks: Vec<Millis>,
    pub(crate) end: Timestamp,
    run: Run,
}

impl std::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorded").field("moments", &self.moments.len()).finish_non_exhaustive()
    }
}

impl Recorded {
    /// What the record came to.
    #[must_use]
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// The configuration that was in force at its end.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// From its first moment to its last.
    #[must_use]
    pub fn span(&self) -> (Timestamp, Timestamp) {
        (self.moments.first().map_or_else(Timestamp::default, |first| first.at), self.end)
    }

    /// What it would have come to under this configuration.
    ///
    /// # Errors
    /// [`NotRun::Rules`] with every rule of it that cannot be used.
    pub fn under(&self, setup: &Setup) -> Result<Run, NotRun> {
        Ok(World::new(self, setup)?.run())
    }
}

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
pub enum NotRun {
    /// Rules of the configuration cannot be used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rules(Vec<RuleError>),
    /// The state the record begins with cannot be one.
    #[error("the record does not begin with the state of an engine: {0}")]
    State(RestoreError),
}
