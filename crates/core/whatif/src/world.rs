//! Another engine over the same traffic.

mod parted;
mod tries;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    sync::Arc,
};

use hookswitch_acd::Engine;
use hookswitch_model::{
    ActionId, AgentId, CallId, CallbackId, LegRef, Millis, PbxId, Timestamp,
    agent::AgentState,
    call::{Address, CallState},
    command::{Actor, Command, Request},
    event::EventKind,
    input::{Input, Output},
    pbx::{Action, Fact, LegEnd, PbxAction, PbxEvent},
    setup::Setup,
};

use crate::{
    course::{Script, is_silent, lot},
    figures::{Key, Reader, Run},
    promised::Name,
    record::{Moment, NotRun, Placed, Recorded, key_of, was_missed},
};
use tries::{Attempt, AttemptStep};

/// So long after the record callers are still followed; then the doors are closed.
const AFTERWARDS: Millis = Millis::from_secs(4 * 3600);

/// What is to happen, and when: by time, then as in the record, what was not recorded last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Timestamp,
    order: u64,
    todo: Todo,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Todo {
    /// A moment of the record. Of a caller who follows it: void once that is over.
    Recorded(usize, Option<Key>),
    /// A step of a caller who does not, unless another plan was made since.
    Step { call: Key, plan: u32, step: Step },
    /// A caller's patience is over.
    GivesUp(Key),
    /// A waiting caller asks for what is at this place of the record, or to be called back.
    Wishes(Key, Option<usize>),
    /// The PBX never says that a call ended.
    Lost(Key),
    /// An agent who did not take a call is ready again.
    Returns(AgentId),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Rings(ActionId, Vec<Address>),
    Answers(ActionId, usize),
    RingEnds(ActionId, LegEnd),
    Ends,
    FallsBack,
    Chooses,
    Try(AttemptStep),
}

/// Where a caller is.
#[derive(Debug)]
struct Course {
    /// Still as in the record.
    follows: bool,
    /// How much of what the record asked for was asked for again.
    asked: usize,
    plan: u32,
    /// Legs that ring.
    ringing: Vec<LegRef>,
    /// The leg of who answered.
    partner: Option<LegRef>,
    attempts: u64,
    over: bool,
}

pub(crate) struct World<'a> {
    recorded: &'a Recorded,
    setup: Arc<Setup>,
    engine: Engine,
    reader: Reader,
    due: BinaryHeap<Reverse<Due>>,
    order: u64,
    now: Timestamp,
    courses: BTreeMap<Key, Course>,
    /// Calls of this run, by what they are called in every run.
    calls: BTreeMap<Key, CallId>,
    /// Tries of call-backs that the record does not know.
    attempts: BTreeMap<Key, Attempt>,
    /// How often customers were dialled so far.
    dialled: BTreeMap<Name, u32>,
    /// Recorded actions that were asked for again.
    actions: BTreeMap<ActionId, ActionId>,
    /// What callers did not notice that the record asked for, by call.
    silent: BTreeMap<Option<Key>, VecDeque<usize>>,
    simulated: u64,
}

impl<'a> World<'a> {
    pub(crate) fn new(recorded: &'a Recorded, setup: &Setup) -> Result<Self, NotRun> {
        let setup = Arc::new(Setup { version: recorded.setup.version, ..setup.clone() });
        // An engine only tells that it cannot use a configuration.
        Engine::new(Arc::clone(&setup), 0).map_err(NotRun::Rules)?;
        let engine = Engine::restore(recorded.begin.clone()).map_err(NotRun::State)?;
        let calls = engine.calls().map(|call| ((call.pbx.clone(), call.pbx_ref.clone()), call.id));
        let mut world = Self {
            recorded,
            setup,
            calls: calls.collect(),
            attempts: BTreeMap::new(),
            dialled: BTreeMap::new(),
            engine,
            reader: Reader::default(),
            due: BinaryHeap::new(),
            order: recorded.moments.len() as u64,
            now: Timestamp::default(),
            courses: BTreeMap::new(),
            actions: BTreeMap::new(),
            silent: BTreeMap::new(),
            simulated: 0,
        };
        world.prepare();
        Ok(world)
    }

    /// What comes at its recorded time whatever is decided.
    fn prepare(&mut self) {
        for (key, script) in &self.recorded.scripts {
            self.courses.insert(key.clone(), Course::begin(true));
            if script.lost
                && let Some(at) = script.ended_at
            {
                self.plan_at(at, Todo::Lost(key.clone()));
            }
        }
        for (place, Placed { at, call, moment }) in self.recorded.moments.iter().enumerate() {
            match moment {
                Moment::Input(_) => {
                    let routed = call.clone().filter(|key| self.is_routed(key));
                    let before =
                        routed.as_ref().map_or(0, |key| asked_before(&self.recorded.scripts, key, place));
                    if before == 0 {
                        let todo = Todo::Recorded(place, routed);
                        self.due.push(Reverse(Due { at: *at, order: place as u64, todo }));
                    }
                }
                Moment::Asked(action) if is_silent(&action.action) => {
                    self.silent.entry(call.clone()).or_default().push_back(place);
                }
                Moment::Asked(_) => {}
            }
        }
    }

    pub(crate) fn run(mut self) -> Run {
        let begin = self.recorded.moments.first().map_or_else(Timestamp::default, |first| first.at);
        let agents: Vec<_> = self.engine.agents().map(|agent| (agent.id.clone(), agent.state)).collect();
        self.reader.begin(agents.into_iter(), begin);
        self.reader.promised.begin(self.engine.callbacks());
        if *self.engine.setup() != *self.setup {
            self.handle(begin, Input::Setup(Arc::clone(&self.setup)));
        }
        let closing = self.recorded.end + AFTERWARDS;
        while let Some(Reverse(next)) = self.due.peek() {
            // A daemon that was late is late again.
            let late = |due: Timestamp| self.recorded.late.get(&due).copied().unwrap_or(due);
            match self.engine.next_deadline().map(late).filter(|due| *due < next.at) {
                Some(deadline) if deadline <= closing => self.handle(deadline, Input::Tick),
                Some(_) => break,
                None => {
                    let Some(Reverse(due)) = self.due.pop() else { break };
                    if due.at > closing {
                        break;
                    }
                    self.happen(due);
                }
            }
        }
        let setup = Arc::clone(&self.setup);
        self.reader.finish(&setup, self.simulated)
    }

    fn happen(&mut self, due: Due) {
        self.now = self.now.max(due.at);
        match due.todo {
            Todo::Recorded(place, None) => self.recorded_moment(place),
            Todo::Recorded(place, Some(key)) => {
                if self.courses.get(&key).is_some_and(|course| course.follows) {
                    self.recorded_moment(place);
                }
            }
            Todo::Step { call, plan, step } => {
                if self.courses.get(&call).is_some_and(|course| !course.over && course.plan == plan) {
                    self.step(&call, step);
                }
            }
            Todo::GivesUp(key) => {
                let waits = matches!(self.state(&key), Some(CallState::Queued | CallState::Offered));
                if waits && self.courses.get(&key).is_some_and(|course| !course.over) {
                    self.part(&key);
                    self.end(&key, LegEnd::CallerLeft);
                }
            }
            Todo::Wishes(key, place) => {
                let parted = self.courses.get(&key).is_some_and(|course| !course.follows && !course.over);
                if parted && matches!(self.state(&key), Some(CallState::Queued | CallState::Offered)) {
                    match place {
                        Some(place) => self.recorded_moment(place),
                        None => self.presses(&key),
                    }
                }
            }
            Todo::Returns(agent) => self.returns(agent),
            Todo::Lost(key) => {
                if self.courses.get(&key).is_none_or(|course| !course.over) && self.state(&key).is_some() {
                    self.part(&key);
                    self.end(&key, LegEnd::Released);
                }
            }
        }
    }

    /// An agent who did not take a call that the record does not know of is ready again, as after others.
    fn returns(&mut self, agent: AgentId) {
        if !self.engine.agent(&agent).is_some_and(was_missed) {
            return;
        }
        self.order += 1;
        let id = ActionId::from_bits(u128::from(self.order));
        let actor = Actor { name: "what-if".to_owned(), agent: None };
        let request = Request::SetAgentState { agent, state: AgentState::Ready, reason: None };
        self.handle(self.now, Input::Command(Command { id, actor, request }));
    }

    /// The state of a call that is not over.
    fn state(&self, key: &Key) -> Option<CallState> {
        let state = self.engine.call(*self.calls.get(key)?)?.state;
        (state != CallState::Ended).then_some(state)
    }

    /// Gives the engine a moment of the record, in the names of this run.
    fn recorded_moment(&mut self, place: usize) {
        let Some(Placed { moment: Moment::Input(input), .. }) = self.recorded.moments.get(place) else {
            return;
        };
        let input = match input {
            Input::Pbx(event) => self.fact(event).map(|event| Input::Pbx(Box::new(event))),
            Input::Command(command) => self.command(command).map(Input::Command),
            Input::Customer { call, customer } => {
                self.call(*call).map(|call| Input::Customer { call, customer: customer.clone() })
            }
            Input::Setup(_) => Some(Input::Setup(Arc::clone(&self.setup))),
            Input::Tick => Some(Input::Tick),
        };
        if let Some(input) = input {
            self.handle(self.now, input);
        }
    }

    fn fact(&mut self, event: &PbxEvent) -> Option<PbxEvent> {
        let mut event = PbxEvent { at: self.now, ..event.clone() };
        if let Some(action) = event.fact.action()
            && !self.actions.contains_key(&action)
        {
            return None;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others name no action")]
        match &mut event.fact {
            Fact::LegRinging { ring: Some(ring), .. } | Fact::RingResult { ring, .. } => {
                *ring = self.actions.get(ring).copied()?;
            }
            Fact::ActionResult { action, .. }
            | Fact::NumberChecked { action, .. }
            | Fact::DialFailed { action, .. } => *action = self.actions.get(action).copied()?,
            _ => {}
        }
        let key = event.fact.call().map(|call| (event.pbx.clone(), call.clone()));
        if let Some(course) = key.and_then(|key| self.courses.get_mut(&key)) {
            course.sees(&event.fact);
        }
        Some(event)
    }

    /// The same call in this run.
    fn call(&self, recorded: CallId) -> Option<CallId> {
        self.calls.get(self.recorded.calls.get(&recorded)?).copied()
    }

    /// The same call-back in this run.
    fn callback(&self, recorded: CallbackId) -> Option<CallbackId> {
        self.reader.promised.id(self.recorded.promised.name(recorded)?)
    }

    /// A command in the names of this run; none: it is about something that did not happen here. What only tells of a
    /// screen is left out.
    fn command(&self, command: &Command) -> Option<Command> {
        let mut command = command.clone();
        match &mut command.request {
            Request::SetData { call, .. }
            | Request::Control { call, .. }
            | Request::WrapUp { call, .. }
            | Request::Supervise { call, .. }
            | Request::CallBack { call } => *call = self.call(*call)?,
            Request::CancelCallback { callback } => *callback = self.callback(*callback)?,
            Request::ClaimPop { .. } | Request::PopShown { .. } => return None,
            Request::SetAgentState { .. }
            | Request::Dial { .. }
            | Request::SetSkills { .. }
            | Request::CreateCallback { .. }
            | Request::Shutdown => {}
        }
        Some(command)
    }

    fn handle(&mut self, now: Timestamp, input: Input) {
        self.now = self.now.max(now);
        self.engine.handle(now, input);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Event(event) => {
                    self.reader.event(&event);
                    let Some(call) = event.kind.call() else { continue };
                    let key = (call.pbx.clone(), call.pbx_ref.clone());
                    self.calls.insert(key.clone(), call.id);
                    if let EventKind::CallQueued { .. } = event.kind {
                        self.queued(&key, call.queued_at.unwrap_or(event.at), event.at);
                    } else if let EventKind::CallEnded { .. } = event.kind
                        && let Some(course) = self.courses.get_mut(&key)
                    {
                        course.over = true;
                    }
                }
                Output::Action(action) => self.asked(&action),
                Output::Answer(_) | Output::LookUp(_) => {}
            }
        }
    }

    /// A caller begins to wait: the patience runs from the first queue on.
    fn queued(&mut self, key: &Key, first: Timestamp, at: Timestamp) {
        if first != at {
            return;
        }
        let recorded = self.recorded;
        let Some(script) = recorded.scripts.get(key) else { return };
        for (wait, place) in &script.wishes {
            self.plan_at(at + *wait, Todo::Wishes(key.clone(), Some(*place)));
        }
        let waited = script.waited(recorded.end).unwrap_or_default();
        if script.wishes.is_empty()
            && let Some(wish) = recorded.wishes.beyond(waited, lot(key, 4))
        {
            self.plan_at(at + wish, Todo::Wishes(key.clone(), None));
        }
        let patience = match script.waited(self.recorded.end) {
            // A moment after the record says so, so that who follows it gives up as recorded.
            Some(waited) if script.gave_up => Some(waited + Millis(1)),
            waited => self.recorded.patience.beyond(waited.unwrap_or(Millis(0)), lot(key, 0)),
        };
        if let Some(patience) = patience {
            self.plan_at(at + patience, Todo::GivesUp(key.clone()));
        }
    }

    fn asked(&mut self, action: &PbxAction) {
        let key = key_of(action, &self.recorded.legs).or_else(|| self.attempted(action));
        if is_silent(&action.action) {
            self.asked_silently(key.as_ref(), action);
            return;
        }
        let Some(key) = key else { return };
        if let Some(place) = self.next_recorded(&key)
            && let Some(Placed { at, moment: Moment::Asked(recorded), .. }) = self.recorded.moments.get(place)
            && self.is_same(recorded, action)
        {
            let (then, id) = (*at, recorded.id);
            self.actions.insert(id, action.id);
            self.follow(&key, then);
            return;
        }
        if let Action::Dial { .. } = action.action {
            self.dial(key, action);
        } else if self.attempts.contains_key(&key) {
            self.act_on_attempt(&key, action);
        } else if self.is_routed(&key) {
            self.part(&key);
            self.act(&key, action);
        }
    }

    /// Whether the engine decides where this call goes.
    fn is_routed(&self, key: &Key) -> bool {
        self.recorded.scripts.get(key).is_some_and(|script| script.routed)
    }

    /// What the record asked for next for this call, if it is still followed.
    fn next_recorded(&self, key: &Key) -> Option<usize> {
        let course = self.courses.get(key).filter(|course| course.follows)?;
        self.recorded.scripts.get(key)?.asked.get(course.asked).copied()
    }

    fn is_same(&self, recorded: &PbxAction, action: &PbxAction) -> bool {
        match (&recorded.action, &action.action) {
            (
                Action::Withdraw { call, leg, ring, legs, all },
                Action::Withdraw { call: c, leg: l, ring: r, legs: ls, all: a },
            ) => (call, leg, legs, all) == (c, l, ls, a) && self.actions.get(ring) == Some(r),
            (recorded, action) => recorded == action,
        }
    }

    /// The caller follows the record: what came after this action comes as long after it.
    fn follow(&mut self, key: &Key, then: Timestamp) {
        let Some(course) = self.courses.get_mut(key) else { return };
        course.asked += 1;
        let asked = course.asked;
        let Some(script) = self.recorded.scripts.get(key).filter(|script| script.routed) else { return };
        for (_, place) in script.moments.iter().filter(|(before, _)| *before == asked) {
            let Some(Placed { at, .. }) = self.recorded.moments.get(*place) else { continue };
            let after = at.as_micros().saturating_sub(then.as_micros());
            let at = Timestamp::from_micros(self.now.as_micros() + after);
            self.due.push(Reverse(Due {
                at,
                order: *place as u64,
                todo: Todo::Recorded(*place, Some(key.clone())),
            }));
        }
    }

    /// What callers do not notice: answered as recorded where the same was asked at the same time, else at once.
    fn asked_silently(&mut self, key: Option<&Key>, action: &PbxAction) {
        let places = self.silent.entry(key.cloned()).or_default();
        while let Some(place) = places.front().copied() {
            let Some(Placed { at, moment: Moment::Asked(recorded), .. }) = self.recorded.moments.get(place)
            else {
                break;
            };
            if *at > self.now {
                break;
            }
            places.pop_front();
            if *at == self.now && recorded.action == action.action {
                self.actions.insert(recorded.id, action.id);
                return;
            }
        }
        self.done(&action.pbx, action.id);
    }

    fn done(&mut self, pbx: &PbxId, action: ActionId) {
        let fact = Fact::ActionResult { action, refused: None };
        let event = PbxEvent { pbx: pbx.clone(), at: self.now, recovered: false, fact };
        self.handle(self.now, Input::Pbx(Box::new(event)));
    }
}

impl Course {
    const fn begin(follows: bool) -> Self {
        Self { follows, asked: 0, plan: 0, ringing: Vec::new(), partner: None, attempts: 0, over: false }
    }

    /// What the record says of the caller's legs.
    fn sees(&mut self, fact: &Fact) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others change no leg that matters")]
        match fact {
            Fact::LegRinging { leg, ring: Some(_), .. } => self.ringing.push(leg.leg.clone()),
            Fact::LegUp { leg, .. } if self.ringing.contains(leg) => self.partner = Some(leg.clone()),
            Fact::LegLeft { leg, .. } => {
                self.ringing.retain(|ringing| ringing != leg);
                if self.partner.as_ref() == Some(leg) {
                    self.partner = None;
                }
            }
            _ => {}
        }
    }
}

/// How often the engine had asked for something for this call before this place of the record.
fn asked_before(scripts: &BTreeMap<Key, Script>, key: &Key, place: usize) -> usize {
    let Some(script) = scripts.get(key) else { return 0 };
    let found = script.moments.binary_search_by_key(&place, |(_, other)| *other);
    found.map_or(0, |at| script.moments[at].0)
}
