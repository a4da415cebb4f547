//! A stage for the engine: one PBX, four agents, three queues, and words for what happens there.
//!
//! What a test does reads like the story, what it expects is a list of lines. Time only passes by [`World::wait`],
//! which lets every deadline fire on its way.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_acd::{Engine, Snapshot};
use hookswitch_model::{
    ActionId, AgentId, CallId, LegRef, Millis, PbxId, QueueId, Skill, Timestamp,
    agent::AgentState,
    call::{Address, AttachedData, Call, Direction, PartyNumber},
    command::{Actor, Answer, Command, Destination, Refusal, Request, Verb},
    event::{Event, EventKind},
    input::{Input, LookUp, Output},
    ledger::{Cause, Ledger},
    pbx::{Action, Fact, LegEnd, LegSeen, PbxAction, PbxEvent, RingResult, TransferKind},
    queue::Queue,
    setup::{
        AgentSetup, MaxWait, Members, Mode, OutboundSetup, Overflow, PbxSetup, QueueSetup, Requirement,
        RouteSetup, RouteTarget, ServiceLevel, Setup, Strategy,
    },
};

/// When every story begins.
pub(crate) const START: u64 = 1_795_288_000_000;

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) now: Timestamp,
    pub(crate) events: Vec<Event>,
    pub(crate) actions: Vec<PbxAction>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) look_ups: Vec<LookUp>,
    /// Whether the PBX answers when it is asked for a sign of life; such questions are then not kept.
    pub(crate) alive: bool,
    rings: Vec<(ActionId, Vec<String>)>,
    read: usize,
    commands: u128,
    /// The queue whose figures are kept after each input, and those.
    pub(crate) watch: Option<QueueId>,
    pub(crate) seen: Vec<(Timestamp, Queue)>,
}

pub(crate) fn pbx() -> PbxId {
    "hq".parse().unwrap()
}

pub(crate) fn agent(name: &str) -> AgentId {
    name.parse().unwrap()
}

pub(crate) fn queue(name: &str) -> QueueId {
    name.parse().unwrap()
}

fn agent_setup(id: &str, devices: &[&str], skill: &str, team: &str) -> AgentSetup {
    AgentSetup {
        id: agent(id),
        name: id.to_owned(),
        pbx: pbx(),
        extension: None,
        devices: devices.iter().map(|d| Address::new(d)).collect(),
        skills: BTreeMap::from([(Skill::new(skill).unwrap(), 9)]),
        teams: vec![team.parse().unwrap()],
        start: AgentState::Ready,
        caller_id: None,
        remote_answer: false,
    }
}

fn queue_setup(id: &str, team: &str) -> QueueSetup {
    QueueSetup {
        id: queue(id),
        strategy: Strategy::LongestIdle,
        members: Members { teams: vec![team.parse().unwrap()], agents: Vec::new() },
        requires: vec![Requirement { after: Millis(0), skills: BTreeMap::new(), teams: None }],
        offer_timeout: Millis::from_secs(15),
        wrap_up: Millis(0),
        service_level: ServiceLevel { target: 0.8, within: Millis::from_secs(20) },
        max_wait: None,
        sticky: None,
        sticky_wait: Millis::from_secs(10),
        ageing: None,
        transfer_keeps_place: false,
        announce: None,
        callback: None,
    }
}

fn route(name: &str, dnis: &str, target: RouteTarget) -> RouteSetup {
    RouteSetup {
        name: name.to_owned(),
        when: Some(format!("dnis == \"{dnis}\"")),
        target,
        priority: 0,
        requires: BTreeMap::new(),
        set: AttachedData::new(),
        prefer: None,
    }
}

/// alice and bob serve `support` (5003), dora serves `billing` (5013), erin has two phones and serves nothing; who
/// waits a minute in `brief` (5023) goes on to `billing`. 5030 is alice herself.
pub(crate) fn setup(mode: Mode) -> Setup {
    let mut brief = queue_setup("brief", "nobody");
    brief.max_wait = Some(MaxWait { after: Millis::from_secs(60), then: Overflow::Queue(queue("billing")) });
    Setup {
        version: 1,
        pbxs: vec![PbxSetup { name: pbx(), mode, records: true }],
        agents: vec![
            agent_setup("alice", &["PJSIP/1001"], "support", "tier1"),
            agent_setup("bob", &["PJSIP/1002"], "support", "tier1"),
            agent_setup("dora", &["PJSIP/1003"], "billing", "tier2"),
            agent_setup("erin", &["PJSIP/1004", "PJSIP/1005"], "none", "tier3"),
        ],
        queues: vec![queue_setup("support", "tier1"), queue_setup("billing", "tier2"), brief],
        routes: vec![
            route("support", "5003", RouteTarget::Queue(queue("support"))),
            route("billing", "5013", RouteTarget::Queue(queue("billing"))),
            route("brief", "5023", RouteTarget::Queue(queue("brief"))),
            route("alice", "5030", RouteTarget::Agent(agent("alice"))),
        ],
        outbound: OutboundSetup {
            extensions: vec!["6xx".to_owned(), "4711".to_owned(), "50x3".to_owned()],
            ..OutboundSetup::default()
        },
        ..Setup::default()
    }
}

/// A destination as a page sends it.
pub(crate) fn to(text: &str) -> Destination {
    Destination { text: text.to_owned(), e164: text.starts_with('+').then(|| text.to_owned()) }
}

impl World {
    /// The stage with the link up.
    pub(crate) fn new(mode: Mode) -> Self {
        Self::with(setup(mode))
    }

    pub(crate) fn route() -> Self {
        Self::new(Mode::Route)
    }

    pub(crate) fn observe() -> Self {
        Self::new(Mode::Observe)
    }

    /// The stage in route mode, with other agents.
    pub(crate) fn with_agents(change: impl FnOnce(&mut Vec<AgentSetup>)) -> Self {
        let mut setup = setup(Mode::Route);
        change(&mut setup.agents);
        Self::with(setup)
    }

    pub(crate) fn with(setup: Setup) -> Self {
        let engine = Engine::new(Arc::new(setup), 7).unwrap();
        let now = Timestamp::from_millis(START);
        let mut world = Self {
            engine,
            now,
            events: vec![],
            actions: vec![],
            answers: vec![],
            look_ups: vec![],
            alive: true,
            rings: vec![],
            read: 0,
            commands: 0,
            watch: None,
            seen: vec![],
        };
        world.link_up();
        world.read = world.events.len();
        world
    }

    // Inputs.

    pub(crate) fn input(&mut self, input: Input) {
        self.engine.handle(self.now, input);
        self.look();
        let mut probes = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Event(event) => self.events.push(event),
                Output::Action(action) => match &action.action {
                    Action::Probe { .. } if self.alive => probes.push(action.id),
                    Action::Ring { devices, .. } => {
                        self.rings.push((action.id, devices.iter().map(ToString::to_string).collect()));
                        self.actions.push(action);
                    }
                    _ => self.actions.push(action),
                },
                Output::Answer(answer) => self.answers.push(answer),
                Output::LookUp(asked) => self.look_ups.push(asked),
            }
        }
        for probe in probes {
            self.takes(probe);
        }
    }

    /// Keeps the figures of the watched queue as they are now.
    pub(crate) fn look(&mut self) {
        let queue = self.watch.as_ref().and_then(|queue| self.engine.queue(queue, self.now));
        self.seen.extend(queue.map(|queue| (self.now, queue)));
    }

    pub(crate) fn fact(&mut self, fact: Fact) {
        self.input(Input::Pbx(Box::new(PbxEvent { pbx: pbx(), at: self.now, recovered: false, fact })));
    }

    pub(crate) fn recovered(&mut self, fact: Fact) {
        self.input(Input::Pbx(Box::new(PbxEvent { pbx: pbx(), at: self.now, recovered: true, fact })));
    }

    /// Lets time pass; every deadline fires at its time.
    pub(crate) fn wait(&mut self, ms: u64) {
        let until = self.now + Millis(ms);
        while let Some(at) = self.engine.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.input(Input::Tick);
        }
        self.now = until;
    }

    pub(crate) fn link_up(&mut self) {
        self.link_up_after(None, false);
    }

    pub(crate) fn link_up_after(&mut self, gap_from: Option<Timestamp>, restarted: bool) {
        self.fact(Fact::LinkUp { version: "test/1".into(), restarted, gap_from, recovered_calls: 0 });
    }

    pub(crate) fn link_down(&mut self) {
        self.fact(Fact::LinkDown { reason: "cut".into() });
    }

    fn start(&mut self, call: &str, direction: Direction, address: &str, ani: &str, dnis: &str) {
        let number = |raw: &str| PartyNumber {
            raw: raw.to_owned(),
            e164: raw.starts_with('+').then(|| raw.to_owned()),
            ..PartyNumber::default()
        };
        self.fact(Fact::CallStarted {
            call: call.into(),
            originator: LegSeen { leg: call.into(), address: Address::new(address), number: None },
            direction,
            ani: number(ani),
            dnis: number(dnis),
            via: None,
            trunk: address.strip_prefix("PJSIP/trunk").map(|_| "trunk".to_owned()),
            data: AttachedData::new(),
            watched: false,
        });
    }

    /// A customer calls; the leg is named like the call.
    pub(crate) fn inbound(&mut self, call: &str, dnis: &str) {
        self.start(call, Direction::Inbound, "PJSIP/trunk", "+49305550001", dnis);
    }

    /// A customer with this number calls, and waits.
    pub(crate) fn queued_from(&mut self, call: &str, ani: &str, dnis: &str) {
        self.start(call, Direction::Inbound, "PJSIP/trunk", ani, dnis);
        self.up(call, call);
        self.asks(call, dnis);
    }

    /// A caller presses a key.
    pub(crate) fn presses(&mut self, call: &str, digit: char) {
        self.fact(Fact::Digit { call: call.into(), leg: call.into(), digit });
    }

    pub(crate) fn outbound(&mut self, call: &str, phone: &str, dnis: &str) {
        self.start(call, Direction::Outbound, &format!("PJSIP/{phone}"), phone, dnis);
    }

    pub(crate) fn internal(&mut self, call: &str, phone: &str, dnis: &str) {
        self.start(call, Direction::Internal, &format!("PJSIP/{phone}"), phone, dnis);
    }

    /// A customer calls a number of ours, is answered by the waiting room and asks where to go.
    pub(crate) fn queued(&mut self, call: &str, dnis: &str) {
        self.inbound(call, dnis);
        self.up(call, call);
        self.asks(call, dnis);
    }

    pub(crate) fn asks(&mut self, call: &str, dnis: &str) {
        let dnis = PartyNumber { raw: dnis.to_owned(), ..PartyNumber::default() };
        self.fact(Fact::RouteRequested { call: call.into(), dnis });
    }

    pub(crate) fn rings(&mut self, call: &str, leg: &str, address: &str) {
        self.ringing(call, leg, address, None);
    }

    pub(crate) fn rings_for(&mut self, call: &str, leg: &str, address: &str, ring: ActionId) {
        self.ringing(call, leg, address, Some(ring));
    }

    fn ringing(&mut self, call: &str, leg: &str, address: &str, ring: Option<ActionId>) {
        let number = address.strip_prefix("PJSIP/trunk:").map(str::to_owned);
        let address = Address::new(if number.is_some() { "PJSIP/trunk" } else { address });
        self.fact(Fact::LegRinging {
            call: call.into(),
            leg: LegSeen { leg: leg.into(), address, number },
            ring,
        });
    }

    pub(crate) fn up(&mut self, call: &str, leg: &str) {
        self.fact(Fact::LegUp { call: call.into(), leg: leg.into() });
    }

    pub(crate) fn talking(&mut self, call: &str, legs: &[&str]) {
        for leg in legs {
            self.fact(Fact::Talking { call: call.into(), leg: (*leg).into() });
        }
    }

    pub(crate) fn apart(&mut self, call: &str, leg: &str) {
        self.fact(Fact::Apart { call: call.into(), leg: leg.into() });
    }

    /// A leg answers and talks to the caller, whose leg is named like the call.
    pub(crate) fn answers(&mut self, call: &str, leg: &str) {
        self.up(call, leg);
        self.talking(call, &[call, leg]);
    }

    pub(crate) fn holds(&mut self, call: &str, leg: &str) {
        self.fact(Fact::Held { call: call.into(), leg: leg.into() });
    }

    pub(crate) fn retrieves(&mut self, call: &str, leg: &str) {
        self.fact(Fact::Retrieved { call: call.into(), leg: leg.into() });
    }

    pub(crate) fn leaves(&mut self, call: &str, leg: &str, end: LegEnd) {
        self.fact(Fact::LegLeft { call: call.into(), leg: leg.into(), end, cause: cause_of(end) });
    }

    pub(crate) fn moves(&mut self, from: &str, to: &str, leg: &str) {
        self.fact(Fact::LegMoved { from: from.into(), to: to.into(), leg: leg.into() });
    }

    pub(crate) fn merges(&mut self, call: &str, into: &str) {
        self.fact(Fact::CallMerged { call: call.into(), into: into.into() });
    }

    pub(crate) fn ends(&mut self, call: &str, by: Option<&str>, q850: u16) {
        let cause = Some(Cause { q850, text: String::new() });
        self.fact(Fact::CallEnded { call: call.into(), by: by.map(LegRef::new), cause });
    }

    /// The caller hangs up.
    pub(crate) fn hangs_up(&mut self, call: &str) {
        self.leaves(call, call, LegEnd::HungUp);
        self.ends(call, Some(call), 16);
    }

    /// The other side hangs up, and the PBX ends the call.
    pub(crate) fn hung_up_by(&mut self, call: &str, leg: &str) {
        self.leaves(call, leg, LegEnd::HungUp);
        self.leaves(call, call, LegEnd::Released);
        self.ends(call, Some(leg), 16);
    }

    pub(crate) fn result(&mut self, call: &str, ring: ActionId, result: RingResult) {
        self.fact(Fact::RingResult { call: call.into(), ring, result, cause: None });
    }

    pub(crate) fn blind(&mut self, call: &str, from: &str, to: &str) {
        self.fact(Fact::Transferred {
            call: call.into(),
            kind: TransferKind::Blind,
            from: from.into(),
            to_leg: None,
            to_number: Some(to.to_owned()),
            consult: None,
        });
        self.leaves(call, from, LegEnd::Transferred);
    }

    /// An attended transfer completes: the target's leg moves over from the consultation.
    pub(crate) fn attended(&mut self, call: &str, from: &str, consult: &str, own: &str, target: &str) {
        self.moves(consult, call, target);
        self.fact(Fact::Transferred {
            call: call.into(),
            kind: TransferKind::Attended,
            from: from.into(),
            to_leg: Some(target.into()),
            to_number: None,
            consult: Some(consult.into()),
        });
        self.leaves(call, from, LegEnd::Transferred);
        self.leaves(consult, own, LegEnd::Transferred);
        self.merges(consult, call);
    }

    pub(crate) fn joins_pbx_queue(&mut self, call: &str, name: &str) {
        self.fact(Fact::QueueJoined { call: call.into(), queue: queue(name), position: 1 });
    }

    pub(crate) fn leaves_pbx_queue(&mut self, call: &str, name: &str, abandoned: bool) {
        self.fact(Fact::QueueLeft { call: call.into(), queue: queue(name), abandoned });
    }

    pub(crate) fn command(&mut self, request: Request) -> Answer {
        self.command_by(Actor { name: "test".into(), agent: None }, request)
    }

    fn command_by(&mut self, actor: Actor, request: Request) -> Answer {
        self.commands += 1;
        self.input(Input::Command(Command { id: ActionId::from_bits(self.commands), actor, request }));
        self.answers.pop().expect("an answer")
    }

    /// A supervisor's or the agent's own token asks for a verb of an agent's leg.
    pub(crate) fn does(&mut self, id: &str, call: CallId, verb: Verb) -> Result<(), Refusal> {
        self.does_as(id, id, call, verb)
    }

    /// This agent's token asks for a verb of that agent's leg.
    pub(crate) fn does_as(&mut self, token: &str, id: &str, call: CallId, verb: Verb) -> Result<(), Refusal> {
        self.command_as(token, Request::Control { call, agent: agent(id), verb }).result.map(drop)
    }

    /// An agent's token asks for something.
    pub(crate) fn command_as(&mut self, token: &str, request: Request) -> Answer {
        let actor = Actor { name: token.to_owned(), agent: Some(agent(token)) };
        self.command_by(actor, request)
    }

    pub(crate) fn last_command(&self) -> ActionId {
        ActionId::from_bits(self.commands)
    }

    /// What was asked of the PBX last.
    #[track_caller]
    pub(crate) fn last_action(&mut self) -> ActionId {
        self.actions.last().expect("an action").id
    }

    pub(crate) fn set_state(&mut self, id: &str, state: AgentState, reason: Option<&str>) -> Answer {
        self.command(Request::SetAgentState { agent: agent(id), state, reason: reason.map(str::to_owned) })
    }

    /// What the PBX says to an action: taken.
    pub(crate) fn takes(&mut self, action: ActionId) {
        self.fact(Fact::ActionResult { action, refused: None });
    }

    pub(crate) fn refuses(&mut self, action: ActionId) {
        self.fact(Fact::ActionResult { action, refused: Some("no".into()) });
    }

    // Looking.

    /// The last Ring asked for: its id and devices.
    #[track_caller]
    pub(crate) fn ring(&self) -> (ActionId, Vec<String>) {
        self.rings.last().cloned().expect("a Ring")
    }

    /// The actions asked for since the last look, as lines.
    pub(crate) fn asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.actions).iter().map(|action| crate::lines::action(&action.action)).collect()
    }

    /// The same, without forgetting them.
    pub(crate) fn asked_kept(&self) -> Vec<String> {
        self.actions.iter().map(|action| crate::lines::action(&action.action)).collect()
    }

    /// Everything told since the last look, as lines; figures and links left out.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let new = &self.events[self.read..];
        let lines = new.iter().filter_map(|event| crate::lines::event(&event.kind)).collect();
        self.read = self.events.len();
        lines
    }

    /// What was told of calls since the last look: no agents.
    pub(crate) fn told_of_calls(&mut self) -> Vec<String> {
        self.told().into_iter().filter(|line| !line.starts_with("agent ")).collect()
    }

    #[track_caller]
    pub(crate) fn check(&mut self, expected: &[&str]) {
        assert_eq!(self.told(), expected);
    }

    #[track_caller]
    pub(crate) fn check_calls(&mut self, expected: &[&str]) {
        assert_eq!(self.told_of_calls(), expected);
    }

    /// The ledger of a call that ended, by the PBX's reference.
    #[track_caller]
    pub(crate) fn ledger(&self, call: &str) -> Ledger {
        self.ended(call).1
    }

    #[track_caller]
    pub(crate) fn ended(&self, reference: &str) -> (Call, Ledger) {
        let found = self.events.iter().rev().find_map(|event| match &event.kind {
            EventKind::CallEnded { call, ledger } if call.pbx_ref == *reference => {
                Some(((**call).clone(), (**ledger).clone()))
            }
            _ => None,
        });
        found.expect("the call ended")
    }

    #[track_caller]
    pub(crate) fn call(&self, reference: &str) -> &Call {
        self.engine.calls().find(|call| call.pbx_ref == *reference).expect("a live call")
    }

    pub(crate) fn call_id(&self, reference: &str) -> CallId {
        self.call(reference).id
    }

    #[track_caller]
    pub(crate) fn agent_is(&self, id: &str, state: AgentState) {
        assert_eq!(self.engine.agent(&agent(id)).unwrap().state, state, "{id}");
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.engine.snapshot()
    }
}

/// The cause a PBX gives for such an end.
fn cause_of(end: LegEnd) -> Option<Cause> {
    let q850 = match end {
        LegEnd::Busy => 17,
        LegEnd::Rejected => 21,
        LegEnd::NoAnswer => 19,
        LegEnd::Unreachable => 20,
        LegEnd::Failed => 1,
        LegEnd::HungUp | LegEnd::Released | LegEnd::Cancelled | LegEnd::CallerLeft | LegEnd::Transferred => {
            16
        }
    };
    Some(Cause { q850, text: String::new() })
}
