//! The engine at the switch's desk: what the switch tells goes in as facts, what the engine asks goes out as orders.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc};

use hookswitch_acd::Engine;
use hookswitch_model::{
    ActionId, AgentId, CallId, Timestamp,
    call::Call,
    command::{Actor, Answer, Command, Destination, Refusal, Request, Verb},
    event::{Event, EventKind},
    input::{Input, Output},
    ledger::Ledger,
    pbx::{Fact, PbxEvent},
    setup::Setup,
};
use hookswitch_normalize::{from_sip::FromSip, number::Plan, to_sip};
use hookswitch_sip::Instant;

use crate::{
    common::{Desk, Stage, phone::Phone},
    lines,
};

/// What the office keeps, shared with the stage it is the desk of.
pub(crate) struct Desktop {
    pub(crate) engine: Engine,
    reader: FromSip,
    pub(crate) events: Vec<Event>,
    answers: Vec<Answer>,
    orders: VecDeque<(hookswitch_switch::OrderId, hookswitch_switch::Command)>,
    /// What was asked that the switch cannot do.
    pub(crate) impossible: Vec<String>,
    commands: u128,
}

struct Shared(Rc<RefCell<Desktop>>);

/// alice and bob serve `support` (5003), dora serves `billing` (5013) with two phones; 5030 is alice.
fn setup() -> Setup {
    let agent = |id: &str, number: &str, team: &str| {
        format!(
            r#"{{"id":"{id}","name":"{id}","pbx":"edge","extension":"{number}","devices":["sip:{id}"],"skills":{{}},
                "teams":["{team}"],"start":"ready"}}"#
        )
    };
    let queue = |id: &str, team: &str| {
        format!(
            r#"{{"id":"{id}","strategy":"longest-idle","members":{{"teams":["{team}"],"agents":[]}},
                "requires":[{{"after":0,"skills":{{}},"teams":null}}],"offer_timeout":15000,"wrap_up":0,
                "service_level":{{"target":0.8,"within":20000}},"max_wait":null,"sticky":null,"sticky_wait":10000,
                "ageing":null}}"#
        )
    };
    let route = |name: &str, dnis: &str, target: &str| {
        format!(
            r#"{{"name":"{name}","when":"dnis == \"{dnis}\"","target":{target},"priority":0,"requires":{{}},"set":{{}}}}"#
        )
    };
    let text = format!(
        r#"{{"version":1,"pbxs":[{{"name":"edge","mode":"route"}}],"agents":[{}],"queues":[{}],"routes":[{}],
            "calendars":{{}},"outbound":{{"allow":["+49"]}}}}"#,
        [agent("alice", "1001", "tier1"), agent("bob", "1002", "tier1"), agent("dora", "1003", "tier2")]
            .join(","),
        [queue("support", "tier1"), queue("billing", "tier2")].join(","),
        [
            route("support", "5003", r#"{"queue":"support"}"#),
            route("billing", "5013", r#"{"queue":"billing"}"#),
            route("alice", "5030", r#"{"agent":"alice"}"#),
        ]
        .join(",")
    );
    serde_json::from_str(&text).unwrap()
}

fn moment(now: Instant) -> Timestamp {
    Timestamp::from_micros(1_795_288_000_000_000 + now.as_micros())
}

fn instant(at: Timestamp) -> Instant {
    Instant::from_micros(at.as_micros().saturating_sub(1_795_288_000_000_000))
}

impl Desktop {
    fn input(&mut self, now: Timestamp, input: Input) {
        self.engine.handle(now, input);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Event(event) => self.events.push(event),
                Output::Action(action) => match to_sip::translate(&action) {
                    Ok(order) => self.orders.push_back(order),
                    Err(refused) => {
                        self.impossible.push(refused.to_string());
                        let fact =
                            Fact::ActionResult { action: action.id, refused: Some(refused.to_string()) };
                        let pbx = action.pbx.clone();
                        self.fact(PbxEvent { pbx, at: now, recovered: false, fact });
                    }
                },
                Output::Answer(answer) => self.answers.push(answer),
                Output::LookUp(_) => {}
            }
        }
    }

    fn fact(&mut self, event: PbxEvent) {
        let at = event.at;
        self.input(at, Input::Pbx(Box::new(event)));
    }
}

impl Desk for Shared {
    fn event(&mut self, now: Instant, event: hookswitch_switch::Event) {
        let mut desk = self.0.borrow_mut();
        if let Some(fact) = desk.reader.read(moment(now), event) {
            desk.fact(fact);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.0.borrow().engine.next_deadline().map(instant)
    }

    fn tick(&mut self, now: Instant) {
        let mut desk = self.0.borrow_mut();
        let at = moment(now);
        if desk.engine.next_deadline().is_some_and(|due| due <= at) {
            desk.input(at, Input::Tick);
        }
    }

    fn next_order(&mut self) -> Option<(hookswitch_switch::OrderId, hookswitch_switch::Command)> {
        self.0.borrow_mut().orders.pop_front()
    }
}

/// A stage whose desk is the engine's.
pub(crate) struct Office {
    pub(crate) stage: Stage,
    desk: Rc<RefCell<Desktop>>,
    read: usize,
}

impl Office {
    pub(crate) fn new() -> Self {
        Self::with(crate::common::settings(), 1)
    }

    pub(crate) fn with(settings: hookswitch_switch::Settings, seed: u64) -> Self {
        let engine = Engine::new(Arc::new(setup()), 7).unwrap();
        let reader = FromSip::new("edge".parse().unwrap(), Plan::new("DE"));
        let mut desk = Desktop {
            engine,
            reader,
            events: Vec::new(),
            answers: Vec::new(),
            orders: VecDeque::new(),
            impossible: Vec::new(),
            commands: 0,
        };
        let mut stage = Stage::with(settings, seed);
        let up = desk.reader.begin(moment(stage.now), "hookswitch", &[], None);
        up.into_iter().for_each(|fact| desk.fact(fact));
        // What was told while nobody sat there.
        for event in std::mem::take(&mut stage.events) {
            if let Some(fact) = desk.reader.read(moment(stage.now), event) {
                desk.fact(fact);
            }
        }
        let desk = Rc::new(RefCell::new(desk));
        stage.desk = Some(Box::new(Shared(Rc::clone(&desk))));
        let mut office = Self { stage, desk, read: 0 };
        office.wait(10);
        office.told();
        office
    }

    pub(crate) fn phone(&mut self, name: &str) -> &mut Phone {
        self.stage.phone(name)
    }

    pub(crate) fn wait(&mut self, ms: u64) {
        self.stage.wait(ms);
    }

    /// Events since last asked; figures and pops left out.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let desk = self.desk.borrow();
        let told = desk.events[self.read..].iter().filter_map(|event| lines::event(&event.kind));
        let told = told.filter(|line| !line.starts_with("pop ")).collect();
        self.read = desk.events.len();
        told
    }

    /// The same without the agents' states.
    pub(crate) fn told_of_calls(&mut self) -> Vec<String> {
        self.told().into_iter().filter(|line| !line.starts_with("agent ")).collect()
    }

    #[track_caller]
    pub(crate) fn check(&mut self, expected: &[&str]) {
        assert_eq!(self.told_of_calls(), expected);
    }

    /// The ledgers of the calls that ended, in the order they began.
    pub(crate) fn ended(&self) -> Vec<(Call, Ledger)> {
        let desk = self.desk.borrow();
        let ended = desk.events.iter().filter_map(|event| match &event.kind {
            EventKind::CallEnded { call, ledger } => Some(((**call).clone(), (**ledger).clone())),
            _ => None,
        });
        let mut ended: Vec<_> = ended.collect();
        ended.sort_by_key(|(call, _)| call.started_at);
        ended
    }

    pub(crate) fn handled_by(&self, place: usize) -> Vec<String> {
        self.ended()[place].1.handled_by.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn has_live_call(&self) -> bool {
        self.first_live().is_some()
    }

    /// The call that started first and is not over.
    pub(crate) fn live_call(&self) -> CallId {
        self.first_live().expect("a live call")
    }

    fn first_live(&self) -> Option<CallId> {
        let desk = self.desk.borrow();
        let started = desk.events.iter().filter_map(|event| match &event.kind {
            EventKind::CallStarted { call } => Some(call.id),
            _ => None,
        });
        let over = |id: &CallId| {
            desk.events
                .iter()
                .any(|event| matches!(&event.kind, EventKind::CallEnded { call, .. } if call.id == *id))
        };
        started.into_iter().find(|id| !over(id))
    }

    pub(crate) fn request(&mut self, request: Request) -> Result<(), Refusal> {
        let now = moment(self.stage.now);
        let answer = {
            let mut desk = self.desk.borrow_mut();
            desk.commands += 1;
            let id = ActionId::from_bits(desk.commands);
            let actor = Actor { name: "test".into(), agent: None };
            desk.input(now, Input::Command(Command { id, actor, request }));
            desk.answers.pop().expect("an answer")
        };
        self.stage.collect();
        answer.result.map(drop)
    }

    pub(crate) fn does(&mut self, agent: &str, verb: Verb) -> Result<(), Refusal> {
        let (call, agent) = (self.live_call(), agent.parse().unwrap());
        self.request(Request::Control { call, agent, verb })
    }

    pub(crate) fn state_of(&self, agent: &str) -> String {
        let id: AgentId = agent.parse().unwrap();
        let desk = self.desk.borrow();
        let state = desk.events.iter().rev().find_map(|event| match &event.kind {
            EventKind::AgentState { agent, to, .. } if agent.id == id => Some(to.as_str().to_owned()),
            _ => None,
        });
        state.unwrap_or_else(|| "never told".to_owned())
    }

    /// Nothing is left of anything, and the engine found nothing that does not add up.
    #[track_caller]
    pub(crate) fn all_over(&mut self) {
        self.stage.all_over();
        let desk = self.desk.borrow();
        let counters = desk.engine.counters();
        assert_eq!(
            (counters.violations, counters.lost_calls, counters.unknown_calls),
            (0, 0, 0),
            "{counters:?}"
        );
        assert_eq!(desk.engine.calls().count(), 0, "the engine believes in a call");
    }
}

/// A destination as a page sends it.
pub(crate) fn to(text: &str) -> Destination {
    Destination { text: text.to_owned(), e164: text.starts_with('+').then(|| text.to_owned()) }
}
