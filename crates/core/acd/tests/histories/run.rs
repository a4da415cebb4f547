//! Runs a history: PBX and engine take turns, time only moves to where something happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hookswitch_acd::{Engine, Snapshot};
use hookswitch_model::{
    ActionId, AgentId, CallRef, LegRef, MenuId, Millis, PbxId, QueueId, TeamId, Timestamp,
    agent::AgentState,
    call::{Address, AttachedData, Call, LegAction, LegState},
    command::{Actor, Answer, Command, Destination, Refusal, Request, Verb},
    input::{Input, Output},
    pbx::{Action, Fact, PbxAction, PbxEvent},
    setup::{
        AgentSetup, AnnounceSetup, CallbackSetup, MaxWait, Members, MenuSetup, MenuTakes, Mode,
        OutboundSetup, Overflow, PbxSetup, QueueSetup, Requirement, RouteSetup, RouteTarget, ServiceLevel,
        Setup, Strategy,
    },
};

use crate::{
    oracles::{self, Oracles},
    pbx::{Pbx, Step},
};

/// What kind of day it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) callers: u64,
    pub(crate) every_ms: u64,
    pub(crate) patience_ms: u64,
    /// Ends the PBX does not tell, in a hundred.
    pub(crate) forgets: u64,
    /// Actions the PBX refuses.
    pub(crate) refuses: u64,
    /// Actions that vanish.
    pub(crate) drops: u64,
    /// Steps after which the link is lost.
    pub(crate) cuts: u64,
    /// Facts that never arrive, those that answer a probe excepted.
    pub(crate) loses: u64,
    /// Steps after which an agent asks for something.
    pub(crate) asks: u64,
    /// Callers who want to be called back.
    pub(crate) presses: u64,
}

impl Shape {
    pub(crate) const QUIET: Self = Self {
        callers: 40,
        every_ms: 20_000,
        patience_ms: 120_000,
        forgets: 0,
        refuses: 0,
        drops: 0,
        cuts: 0,
        loses: 0,
        asks: 0,
        presses: 0,
    };
    pub(crate) const BUSY: Self = Self { every_ms: 1_500, ..Self::QUIET };
    pub(crate) const BAD: Self = Self { every_ms: 4_000, forgets: 8, refuses: 8, drops: 4, ..Self::QUIET };
    pub(crate) const CUT: Self = Self { every_ms: 4_000, cuts: 6, ..Self::QUIET };
    pub(crate) const DESK: Self = Self { every_ms: 6_000, asks: 25, ..Self::QUIET };
    pub(crate) const BAD_DESK: Self = Self { forgets: 5, refuses: 10, drops: 10, ..Self::DESK };
    pub(crate) const CUT_DESK: Self = Self { cuts: 5, ..Self::DESK };
    pub(crate) const BACK: Self = Self { every_ms: 4_000, presses: 60, ..Self::QUIET };
    pub(crate) const BAD_BACK: Self = Self { forgets: 5, refuses: 10, drops: 8, ..Self::BACK };
    pub(crate) const CUT_BACK: Self = Self { cuts: 5, ..Self::BACK };
    pub(crate) const LOSSY: Self = Self { every_ms: 6_000, loses: 10, ..Self::QUIET };
    pub(crate) const LOSSY_DESK: Self = Self { loses: 10, ..Self::DESK };
}

const AGENTS: [(&str, &str); 5] =
    [("ada", "t1"), ("ben", "t1"), ("cleo", "t1"), ("dan", "t2"), ("eva", "t2")];

fn devices(at: usize) -> Vec<Address> {
    let two = at == 2;
    let names = [format!("PJSIP/10{at}"), format!("PJSIP/20{at}")];
    names.iter().take(1 + usize::from(two)).map(|name| Address::new(name)).collect()
}

fn route(dnis: &str, queue: &str) -> RouteSetup {
    RouteSetup {
        name: queue.to_owned(),
        when: Some(format!("dnis == \"{dnis}\"")),
        target: RouteTarget::Queue(QueueId::new(queue).unwrap()),
        priority: 0,
        requires: BTreeMap::new(),
        set: AttachedData::new(),
        prefer: None,
    }
}

/// Who dials 6001 is asked; what was chosen decides.
fn menu() -> (MenuId, MenuSetup) {
    let menu = MenuSetup {
        prompt: "welcome".to_owned(),
        timeout: Millis::from_secs(5),
        retries: 1,
        invalid: None,
        takes: MenuTakes::Choices([('1', "sales".to_owned()), ('2', "support".to_owned())].into()),
        otherwise: None,
        data: "ivr.main".to_owned(),
    };
    (MenuId::new("main").unwrap(), menu)
}

fn routes() -> Vec<RouteSetup> {
    let mut asks = route("6001", "support");
    asks.target = RouteTarget::Menu(menu().0);
    let mut sales = route("6001", "billing");
    sales.when = Some(r#"data["ivr.main"] == "sales""#.to_owned());
    let queues = [("5003", "support"), ("5013", "billing"), ("5023", "brief"), ("6001", "support")];
    [asks, sales].into_iter().chain(queues.map(|(dnis, queue)| route(dnis, queue))).collect()
}

fn announcements() -> AnnounceSetup {
    AnnounceSetup {
        after: Millis::from_secs(20),
        every: Some(Millis::from_secs(60)),
        position: true,
        wait: true,
    }
}

const STRATEGIES: [Strategy; 7] = [
    Strategy::LongestIdle,
    Strategy::LeastCalls,
    Strategy::LeastOccupied,
    Strategy::BestSkill,
    Strategy::RoundRobin,
    Strategy::Random,
    Strategy::RingAll,
];

fn setup(seed: u64) -> Setup {
    let strategy = STRATEGIES[usize::try_from(seed % 7).unwrap()];
    let queue = |id: &str, team: &str, then: Option<Overflow>| QueueSetup {
        id: QueueId::new(id).unwrap(),
        strategy,
        members: Members { teams: vec![TeamId::new(team).unwrap()], agents: Vec::new() },
        requires: vec![Requirement { after: Millis(0), skills: BTreeMap::new(), teams: None }],
        offer_timeout: Millis::from_secs(10),
        wrap_up: Millis::from_secs(seed % 3 * 2),
        service_level: ServiceLevel { target: 0.8, within: Millis::from_secs(20) },
        max_wait: then.map(|then| MaxWait { after: Millis::from_secs(30), then }),
        sticky: None,
        sticky_wait: Millis(0),
        ageing: None,
        transfer_keeps_place: false,
        announce: Some(announcements()),
        callback: Some(CallbackSetup {
            key: Some('1'),
            attempts: 2,
            retry_after: Millis::from_secs(20),
            expires: Millis::from_secs(300),
            ..CallbackSetup::default()
        }),
    };
    let overflow = match seed % 4 {
        0 => Overflow::Queue(QueueId::new("billing").unwrap()),
        1 => Overflow::Transfer("600".into()),
        2 => Overflow::Hangup,
        _ => Overflow::Callback,
    };
    Setup {
        version: 1,
        pbxs: vec![PbxSetup { name: pbx(), mode: Mode::Route, records: true }],
        agents: AGENTS
            .iter()
            .enumerate()
            .map(|(at, (id, team))| AgentSetup {
                id: AgentId::new(id).unwrap(),
                name: (*id).to_owned(),
                pbx: pbx(),
                extension: None,
                devices: devices(at),
                skills: BTreeMap::new(),
                teams: vec![TeamId::new(team).unwrap()],
                start: AgentState::Ready,
                caller_id: None,
                remote_answer: false,
            })
            .collect(),
        queues: vec![
            queue("support", "t1", None),
            queue("billing", "t2", None),
            queue("brief", "nobody", Some(overflow)),
        ],
        routes: routes(),
        menus: [menu()].into(),
        outbound: OutboundSetup {
            allow: vec!["+49".into()],
            extensions: vec!["600".into()],
            ..OutboundSetup::default()
        },
        ..Setup::default()
    }
}

fn pbx() -> PbxId {
    PbxId::new("hq").unwrap()
}

struct Run {
    engine: Engine,
    /// Restored from snapshots of the other now and then: it must answer the same, always.
    twin: Engine,
    pbx: Pbx,
    oracles: Oracles,
    linked: bool,
    cut_at: Timestamp,
    /// What was asked for and did not reach the PBX when the link was lost.
    cut_off: Vec<PbxAction>,
    commands: u128,
    answer: Option<Answer>,
    /// What was asked for and taken, and what came of it, by name.
    taken: BTreeMap<String, u64>,
    /// Legs that are believed and gone, and since when.
    dead: BTreeMap<LegRef, Timestamp>,
}

impl Run {
    fn new(seed: u64, shape: Shape, setup: Setup) -> Self {
        let now = Timestamp::from_millis(1_795_288_000_000);
        let setup = Arc::new(setup);
        let engine = Engine::new(Arc::clone(&setup), seed).unwrap();
        let twin = Engine::new(setup, seed).unwrap();
        let pbx = Pbx::new(seed, shape, now);
        let mut run = Self {
            engine,
            twin,
            pbx,
            oracles: Oracles::default(),
            linked: false,
            cut_at: now,
            cut_off: Vec::new(),
            commands: 0,
            answer: None,
            taken: BTreeMap::new(),
            dead: BTreeMap::new(),
        };
        run.link_up(false);
        run
    }

    fn input(&mut self, input: Input) {
        let now = self.pbx.now;
        self.engine.handle(now, input.clone());
        self.twin.handle(now, input);
        let mut outputs = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            assert_eq!(
                self.twin.poll_output().as_ref(),
                Some(&output),
                "a restored engine answers otherwise"
            );
            outputs.push(output);
        }
        assert_eq!(self.twin.poll_output(), None);
        assert_eq!(self.engine.next_deadline(), self.twin.next_deadline());
        for output in outputs {
            match output {
                Output::Event(event) => {
                    if event.kind.name().starts_with("callback.") {
                        *self.taken.entry(event.kind.name().to_owned()).or_default() += 1;
                    }
                    if event.action.is_some() {
                        *self.taken.entry(event.kind.name().to_owned()).or_default() += 1;
                    }
                    self.oracles.see(&event);
                }
                Output::Action(action) => {
                    if let Action::Dial { call, .. } = &action.action {
                        self.oracles.dialled(call);
                    }
                    if let Action::Ring { call, .. } = &action.action {
                        let known = self.engine.calls().find(|known| known.pbx_ref == *call).unwrap();
                        self.oracles.first_come(&self.engine, known);
                    }
                    let after = self.pbx.chance.of(1..50);
                    if self.linked {
                        self.pbx.later(after, Step::Carries(action));
                    }
                }
                Output::Answer(answer) => self.answer = Some(answer),
                Output::LookUp(_) => {}
            }
        }
        oracles::settled(&self.engine, now, self.linked);
    }

    fn fact(&mut self, fact: Fact, recovered: bool) {
        let event = PbxEvent { pbx: pbx(), at: self.pbx.now, recovered, fact };
        self.input(Input::Pbx(Box::new(event)));
    }

    /// What the PBX says reaches the engine only over a link.
    fn deliver(&mut self) {
        for fact in std::mem::take(&mut self.pbx.told) {
            let lost = self.pbx.chance.percent(self.pbx.shape.loses);
            if self.linked && !lost {
                self.fact(fact, false);
            }
        }
        for fact in std::mem::take(&mut self.pbx.sure) {
            let recovered = !matches!(fact, Fact::ActionResult { .. });
            let over = |call: &CallRef| !self.engine.calls().any(|known| known.pbx_ref == *call);
            if self.linked && !fact.call().is_some_and(over) {
                self.fact(fact, recovered);
            }
        }
    }

    /// No leg is believed for long that is gone: whoever asks is told the truth.
    fn no_belief_without_evidence(&mut self) {
        let now = self.pbx.now;
        if !self.linked || self.pbx.shape.loses == 0 {
            self.dead.clear();
            return;
        }
        let believed: Vec<_> =
            self.engine.known_calls(&pbx()).into_iter().flat_map(|known| known.legs).collect();
        let gone: BTreeSet<LegRef> =
            believed.into_iter().map(|leg| leg.leg).filter(|leg| !self.pbx.lives(leg)).collect();
        self.dead.retain(|leg, _| gone.contains(leg));
        for leg in gone {
            let since = *self.dead.entry(leg.clone()).or_insert(now);
            assert!(now.since(since) <= Millis::from_secs(90), "{leg} is believed for 90 s too long");
        }
    }

    /// Asks for something of a leg, legal or not, and holds the answer against what the leg shows.
    fn somebody_controls(&mut self) {
        let linked = self.linked;
        // What is due now is done before anybody looks.
        self.input(Input::Tick);
        let calls: Vec<Call> = self.engine.calls().cloned().collect();
        let legs = calls.iter().flat_map(|call| call.legs.iter().map(move |leg| (call.id, leg)));
        let own: Vec<_> =
            legs.filter(|(_, leg)| leg.agent.is_some() && leg.state != LegState::Left).collect();
        self.commands += 1;
        let id = ActionId::from_bits(self.commands);
        let request = if own.is_empty() || self.pbx.chance.percent(15) {
            let (agent, _) = *self.pbx.chance.pick(&AGENTS);
            Request::Dial {
                agent: AgentId::new(agent).unwrap(),
                to: self.somewhere(),
                data: AttachedData::new(),
            }
        } else {
            let (call, leg) = self.pbx.chance.pick(&own).to_owned();
            let verb = self.some_verb(&leg.actions);
            Request::Control { call, agent: leg.agent.clone().unwrap(), verb }
        };
        let actor = Actor { name: "test".into(), agent: request.agent().cloned() };
        self.input(Input::Command(Command { id, actor, request: request.clone() }));
        let answer = self.answer.take().unwrap();
        if answer.result.is_ok() {
            *self.taken.entry(request.name().to_owned()).or_default() += 1;
        }
        let Request::Control { call, agent, verb } = request else { return };
        let leg = calls.iter().find(|known| known.id == call).unwrap();
        let leg =
            leg.legs.iter().rfind(|leg| leg.agent.as_ref() == Some(&agent) && leg.state != LegState::Left);
        let shown = leg.unwrap().actions.iter().any(|action| action.as_str() == verb.as_str());
        match answer.result {
            Ok(_) => assert!(shown && linked, "{verb:?} was taken and not shown"),
            Err(Refusal::NotNow { .. }) if !linked => {}
            Err(Refusal::NotNow { allowed, why }) if !allowed.is_empty() => {
                assert!(!shown, "{verb:?} was shown and refused: {why}");
            }
            Err(_) => {}
        }
    }

    fn somewhere(&mut self) -> Destination {
        let names =
            ["ada", "ben", "cleo", "dan", "eva", "support", "billing", "600", "+49305550001", "+1900"];
        let text = (*self.pbx.chance.pick(&names)).to_owned();
        Destination { e164: text.starts_with('+').then(|| text.clone()), text }
    }

    /// Most often what the leg shows.
    fn some_verb(&mut self, shown: &[LegAction]) -> Verb {
        let some = self.any_verb();
        let likely = shown.iter().any(|action| action.as_str() == some.as_str());
        if likely || self.pbx.chance.percent(30) { some } else { self.any_verb() }
    }

    fn any_verb(&mut self) -> Verb {
        match self.pbx.chance.of(0..13) {
            0 => Verb::Hangup,
            1 | 2 => Verb::Hold,
            3 => Verb::Retrieve,
            4 => Verb::Dtmf { digits: "1".into() },
            5 | 6 => Verb::Transfer { to: self.somewhere() },
            7 | 8 => Verb::Consult { to: self.somewhere() },
            9 | 10 => Verb::ConsultComplete,
            11 => Verb::ConsultCancel,
            _ => Verb::ConsultConference,
        }
    }

    fn link_up(&mut self, again: bool) {
        let gap_from = again.then_some(self.cut_at);
        if again {
            self.pbx.nobody_watches(self.pbx.now.since(self.cut_at).0);
            for fact in self.pbx.difference(&self.engine.known_calls(&pbx())) {
                self.fact(fact, true);
            }
        }
        self.linked = true;
        self.fact(
            Fact::LinkUp { version: "test".into(), restarted: false, gap_from, recovered_calls: 0 },
            false,
        );
        for action in std::mem::take(&mut self.cut_off) {
            if let Some(answer) = self.pbx.asked_after(&action) {
                self.fact(answer, false);
            }
        }
        self.deliver();
    }

    fn link_down(&mut self) {
        self.linked = false;
        self.cut_at = self.pbx.now;
        let on_the_way = self.pbx.agenda.extract_if(.., |_, step| matches!(step, Step::Carries(_)));
        self.cut_off.extend(on_the_way.filter_map(|(_, step)| match step {
            Step::Carries(action) => Some(action),
            _ => None,
        }));
        self.fact(Fact::LinkDown { reason: "cut".into() }, false);
    }

    /// Moves to the next moment at which anything happens. False when nothing ever will.
    fn step(&mut self) -> bool {
        let event = self.pbx.agenda.keys().next().map(|(at, _)| *at);
        let Some(next) = [event, self.engine.next_deadline()].into_iter().flatten().min() else {
            return false;
        };
        self.pbx.now = self.pbx.now.max(next);
        if event == Some(next) {
            let (_, step) = self.pbx.agenda.pop_first().unwrap();
            self.pbx.take(step);
            self.deliver();
        } else {
            self.input(Input::Tick);
            let after = self.engine.next_deadline();
            assert!(after.is_none_or(|at| at > self.pbx.now), "the deadline {after:?} stays due");
        }
        self.no_belief_without_evidence();
        true
    }

    fn somebody_asks(&mut self) {
        let (id, _) = *self.pbx.chance.pick(&AGENTS);
        let states = [AgentState::Ready, AgentState::Ready, AgentState::NotReady, AgentState::LoggedOut];
        let state = *self.pbx.chance.pick(&states);
        self.commands += 1;
        let request =
            Request::SetAgentState { agent: AgentId::new(id).unwrap(), state, reason: Some("lunch".into()) };
        let actor = Actor { name: "test".into(), agent: None };
        self.input(Input::Command(Command { id: ActionId::from_bits(self.commands), actor, request }));
    }

    /// A program asks for a call-back, or takes one back; whatever its state.
    fn somebody_changes_callbacks(&mut self) {
        self.commands += 1;
        let known: Vec<_> = self.engine.callbacks().map(|callback| callback.id).collect();
        let request = if known.is_empty()
            || (self.pbx.arrived < self.pbx.shape.callers && self.commands.is_multiple_of(2))
        {
            let text = format!("+4930{}", self.pbx.chance.of(0..20));
            Request::CreateCallback {
                queue: QueueId::new("support").unwrap(),
                number: Destination { e164: Some(text.clone()), text },
                at: None,
                agent: None,
                data: AttachedData::new(),
            }
        } else {
            Request::CancelCallback { callback: *self.pbx.chance.pick(&known) }
        };
        let actor = Actor { name: "crm".into(), agent: None };
        self.input(Input::Command(Command { id: ActionId::from_bits(self.commands), actor, request }));
        self.answer = None;
    }

    fn restore_twin(&mut self) {
        let text = serde_json::to_string(&self.engine.snapshot()).unwrap();
        let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
        self.twin = Engine::restore(snapshot).unwrap();
        assert_eq!(serde_json::to_string(&self.twin.snapshot()).unwrap(), text);
    }

    fn accident(&mut self, shape: Shape) {
        if self.pbx.chance.percent(4) {
            self.somebody_asks();
        }
        // Towards the evening nobody begins anything any more.
        if self.pbx.arrived < shape.callers && self.pbx.chance.percent(shape.asks) {
            self.somebody_controls();
        }
        if shape.presses > 0 && self.pbx.chance.percent(4) {
            self.somebody_changes_callbacks();
        }
        if self.pbx.chance.percent(2) {
            let device = self.pbx.chance.of(0..5);
            let device = devices(usize::try_from(device).unwrap())[0].clone();
            self.pbx.phone_changes(&device);
            self.deliver();
        }
        if self.pbx.chance.percent(3) {
            self.restore_twin();
        }
        if self.linked && self.pbx.chance.percent(shape.cuts) {
            self.link_down();
        } else if !self.linked && self.pbx.chance.percent(30) {
            self.link_up(true);
        }
    }
}

/// One history, to its end: everybody gone, everybody free. Returns how often what was asked for was taken.
pub(crate) fn history(seed: u64, shape: Shape) -> BTreeMap<String, u64> {
    println!("seed {seed}");
    let mut run = Run::new(seed, shape, setup(seed));
    let mut at = 0;
    for _ in 0..shape.callers {
        at += run.pbx.chance.of(1..2 * shape.every_ms);
        run.pbx.later(at, Step::Arrives);
    }
    let mut steps = 0;
    while (run.pbx.arrived < shape.callers || !run.oracles.is_over()) && run.step() {
        run.accident(shape);
        steps += 1;
        assert!(
            steps < 5_000,
            "it never ends: {} {:#?}",
            run.oracles.open(),
            run.engine.calls().collect::<Vec<_>>()
        );
    }
    if !run.linked {
        run.link_up(true);
    }
    while !run.oracles.is_over() && run.step() {
        steps += 1;
        assert!(steps < 10_000, "it never ends: {}", run.oracles.open());
    }
    assert!(run.oracles.is_over(), "{}", run.oracles.open());
    while run.pbx.now.as_millis() < 1_795_288_000_000 + 10_000_000 && run.step() {}
    for agent in run.engine.agents() {
        assert!(agent.evidence.is_none() && agent.calls.is_empty(), "{agent:?} is still busy");
    }
    run.taken
}

/// One queue, equal agents who always answer: nobody gets more than one call more than another.
pub(crate) fn fair_shares(seed: u64) {
    let mut run = Run::new(seed, Shape { callers: 0, ..Shape::QUIET }, setup(0));
    for n in 0..300 {
        let call = format!("f{n}");
        let leg = format!("a{n}");
        let (call, leg) = (hookswitch_model::CallRef::new(&call), hookswitch_model::LegRef::new(&leg));
        let own = hookswitch_model::LegRef::new(call.as_str());
        run.fact(crate::pbx::started(&call, &own, "+491", "5003"), false);
        run.fact(Fact::RouteRequested { call: call.clone(), dnis: crate::pbx::number("5003") }, false);
        let offered = run.engine.agents().find(|agent| agent.state == AgentState::Reserved).unwrap();
        let address = offered.devices[0].address.clone();
        let seen = hookswitch_model::pbx::LegSeen { leg: leg.clone(), address, number: None };
        run.fact(Fact::LegRinging { call: call.clone(), leg: seen, ring: None }, false);
        run.fact(Fact::Talking { call: call.clone(), leg: own.clone() }, false);
        run.fact(Fact::Talking { call: call.clone(), leg: leg.clone() }, false);
        run.pbx.now = run.pbx.now + Millis(run.pbx.chance.of(1_000..80_000));
        run.fact(crate::pbx::ended(&call, Some(own)), false);
        run.pbx.now = run.pbx.now + Millis(1_000);
        run.pbx.agenda.clear();
    }
    let shares: Vec<u64> = run.oracles.answered_by.values().copied().collect();
    assert_eq!(shares, [100, 100, 100]);
}
