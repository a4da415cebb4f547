//! A seeded office whose traffic is recorded and run again: unchanged, with more agents, with fewer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

mod tries;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::Arc,
};

use hookswitch_acd::Engine;
use hookswitch_model::{
    ActionId, AgentId, CallRef, LegRef, Millis, PbxId, QueueId, Skill, TeamId, Timestamp,
    agent::AgentState,
    call::{Address, AttachedData, Direction, PartyNumber},
    command::{Actor, Command, Request},
    input::{Input, Output},
    pbx::{Action, Fact, LegEnd, LegSeen, PbxEvent, RingResult},
    setup::{
        AgentSetup, MaxWait, Members, Mode, Overflow, PbxSetup, QueueSetup, Requirement, RouteSetup,
        RouteTarget, ServiceLevel, Setup, Strategy,
    },
};
use hookswitch_whatif::{CallbackFigures, Recorded, Recording, Run};

use crate::tries::{Try, with_callbacks};

const BEGIN: Timestamp = Timestamp::from_millis(1_795_287_600_000);
/// Two hours of callers.
const CALLERS_UNTIL: Millis = Millis::from_secs(7_200);

fn pbx() -> PbxId {
    PbxId::new("hq").unwrap()
}

fn queue(id: &str, strategy: Strategy, skill: Option<&str>, then: Option<Overflow>) -> QueueSetup {
    let step = |after, least: u8| Requirement {
        after: Millis::from_secs(after),
        skills: skill.map(|skill| (Skill::new(skill).unwrap(), least)).into_iter().collect(),
        teams: None,
    };
    QueueSetup {
        id: QueueId::new(id).unwrap(),
        strategy,
        members: Members { teams: vec![TeamId::new("all").unwrap()], agents: Vec::new() },
        requires: vec![step(0, 5), step(30, 1)],
        offer_timeout: Millis::from_secs(12),
        wrap_up: Millis::from_secs(10),
        service_level: ServiceLevel { target: 0.8, within: Millis::from_secs(20) },
        max_wait: then.map(|then| MaxWait { after: Millis::from_secs(240), then }),
        sticky: None,
        sticky_wait: Millis(0),
        ageing: None,
        transfer_keeps_place: false,
        announce: None,
        callback: None,
    }
}

fn setup(agents: u32, strategy: Strategy) -> Setup {
    let agent = |number: u32| AgentSetup {
        id: AgentId::new(&format!("a{number:02}")).unwrap(),
        name: format!("Agent {number}"),
        pbx: pbx(),
        extension: Some((1_000 + number).to_string()),
        devices: vec![Address::new(&format!("PJSIP/{}", 1_000 + number))],
        skills: BTreeMap::from([(Skill::new("billing").unwrap(), 1 + (number % 4) as u8 * 3)]),
        teams: vec![TeamId::new("all").unwrap()],
        start: AgentState::Ready,
        caller_id: None,
        remote_answer: false,
    };
    let route = |name: &str, dnis: &str, priority| RouteSetup {
        name: name.to_owned(),
        when: Some(format!("dnis == \"{dnis}\"")),
        target: RouteTarget::Queue(QueueId::new(name).unwrap()),
        priority,
        requires: BTreeMap::new(),
        set: AttachedData::new(),
        prefer: None,
    };
    Setup {
        version: 1,
        pbxs: vec![PbxSetup { name: pbx(), mode: Mode::Route, records: true }],
        agents: (0..agents).map(agent).collect(),
        queues: vec![
            queue("support", strategy, None, None),
            queue(
                "billing",
                strategy,
                Some("billing"),
                Some(Overflow::Queue(QueueId::new("support").unwrap())),
            ),
        ],
        routes: vec![route("support", "5003", 0), route("billing", "5013", 5)],
        ..Setup::default()
    }
}

/// A multiplicative generator (Steele and Vigna 2021, 64 bits): good enough for callers, the same everywhere.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> Millis {
        Millis((self.unit().mul_add(high - low, low) * 1_000.0) as u64)
    }

    fn exponential(&mut self, mean: f64) -> Millis {
        Millis((-(1.0 - self.unit()).ln() * mean * 1_000.0) as u64)
    }
}

/// What the people of the office are about to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Calls,
    GivesUp(u32),
    Rings(u32, ActionId, Address),
    Answers(u32, ActionId, Address),
    Misses(u32, ActionId, Address, LegEnd),
    HangsUp(u32),
    Breaks(u32),
    Returns(u32),
    Chooses(u32),
    Presses(u32),
    Try(Try),
}

struct Office {
    engine: Engine,
    recording: Recording,
    random: Random,
    deeds: BinaryHeap<Reverse<(Timestamp, u64, Deed)>>,
    counter: u64,
    now: Timestamp,
    callers: u32,
    /// The leg that rings or talks for a caller, and whether it talks.
    partner: BTreeMap<u32, (LegRef, bool)>,
    gone: Vec<bool>,
    /// What callers dialled.
    dialled: Vec<PartyNumber>,
    /// The calls of tries that are not over, whose telephone rings for each, and whom it calls.
    live: BTreeSet<CallRef>,
    device_of: BTreeMap<CallRef, Address>,
    number_of: BTreeMap<CallRef, String>,
}

/// Which caller this call is of.
fn callers_number(call: &CallRef) -> u32 {
    call.as_str()[1..].parse::<u32>().unwrap()
}

impl Office {
    fn open(setup: Setup, seed: u64) -> Self {
        let engine = Engine::new(Arc::new(setup), seed).unwrap();
        let recording = Recording::begin(engine.snapshot()).unwrap();
        let mut office = Self {
            engine,
            recording,
            random: Random(seed * 2 + 1),
            deeds: BinaryHeap::new(),
            counter: 0,
            now: BEGIN,
            callers: 0,
            partner: BTreeMap::new(),
            gone: Vec::new(),
            dialled: Vec::new(),
            live: BTreeSet::new(),
            device_of: BTreeMap::new(),
            number_of: BTreeMap::new(),
        };
        office.fact(Fact::LinkUp {
            version: "test".into(),
            restarted: false,
            gap_from: None,
            recovered_calls: 0,
        });
        office.later(Millis(1_000), Deed::Calls);
        for agent in 0..3 {
            let after = office.random.between(600.0, 3_000.0);
            office.later(after, Deed::Breaks(agent));
        }
        office
    }

    fn later(&mut self, after: Millis, deed: Deed) {
        self.counter += 1;
        self.deeds.push(Reverse((self.now + after, self.counter, deed)));
    }

    fn input(&mut self, input: Input) {
        self.recording.input(self.now, input.clone());
        self.engine.handle(self.now, input);
        while let Some(output) = self.engine.poll_output() {
            if let Output::Action(action) = output {
                self.asked(action.id, &action.action);
            }
        }
    }

    fn fact(&mut self, fact: Fact) {
        self.input(Input::Pbx(Box::new(PbxEvent { pbx: pbx(), at: self.now, recovered: false, fact })));
    }

    fn asked(&mut self, id: ActionId, action: &Action) {
        if self.asked_of_callbacks(id, action) {
            return;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is asked of this office")]
        match action {
            Action::Ring { call, devices, timeout, .. } => {
                let (caller, device) = (callers_number(call), devices[0].clone());
                self.later(Millis(150), Deed::Rings(caller, id, device.clone()));
                let after = self.random.between(1.0, 9.0);
                match self.random.unit() {
                    lot if lot < 0.85 => self.later(after, Deed::Answers(caller, id, device)),
                    lot if lot < 0.95 => {
                        self.later(*timeout, Deed::Misses(caller, id, device, LegEnd::NoAnswer));
                    }
                    _ => self.later(after, Deed::Misses(caller, id, device, LegEnd::Rejected)),
                }
            }
            Action::Withdraw { call, ring, .. } => {
                let nobody = Address::new("");
                self.later(Millis(30), Deed::Misses(callers_number(call), *ring, nobody, LegEnd::Cancelled));
            }
            Action::Probe { .. } => self.fact(Fact::ActionResult { action: id, refused: None }),
            Action::NoteQueue { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// Plays until everybody has gone.
    fn play(mut self) -> Recorded {
        loop {
            let deed = self.deeds.peek().map(|Reverse((at, ..))| *at);
            let deadline = self.engine.next_deadline();
            match (deed, deadline) {
                (Some(at), Some(due)) if due < at => {
                    // As a daemon: a little late.
                    self.now = due + Millis(1);
                    self.input(Input::Tick);
                }
                (Some(at), _) => {
                    let Some(Reverse((_, _, deed))) = self.deeds.pop() else { continue };
                    self.now = self.now.max(at);
                    self.happen(deed);
                }
                (None, _) => break,
            }
        }
        self.recording.finish()
    }

    fn names(caller: u32) -> (CallRef, LegRef) {
        let name = format!("c{caller}");
        (name.as_str().into(), LegRef::new(&name))
    }

    fn happen(&mut self, deed: Deed) {
        match deed {
            Deed::Calls => self.calls(),
            Deed::GivesUp(caller) => {
                if !self.gone[caller as usize] && !self.partner.get(&caller).is_some_and(|(_, talks)| *talks)
                {
                    self.leave(caller);
                }
            }
            Deed::Rings(caller, ring, address) if !self.gone[caller as usize] => {
                let leg = LegRef::new(&format!("c{caller}-{}", ring.bits() % 1_000_003));
                self.partner.insert(caller, (leg.clone(), false));
                let leg = LegSeen { leg, address, number: None };
                self.fact(Fact::LegRinging { call: Self::names(caller).0, leg, ring: Some(ring) });
            }
            Deed::Answers(caller, ..) if !self.gone[caller as usize] => {
                let Some((leg, talks)) = self.partner.get_mut(&caller).filter(|(_, talks)| !talks) else {
                    return;
                };
                *talks = true;
                let leg = leg.clone();
                let (call, own) = Self::names(caller);
                self.fact(Fact::LegUp { call: call.clone(), leg: leg.clone() });
                self.fact(Fact::Talking { call: call.clone(), leg: own });
                self.fact(Fact::Talking { call, leg });
                let talk = self.random.between(30.0, 240.0);
                self.later(talk, Deed::HangsUp(caller));
            }
            Deed::Misses(caller, ring, device, end) if !self.gone[caller as usize] => {
                let Some((leg, false)) = self.partner.remove(&caller) else { return };
                let call = Self::names(caller).0;
                self.fact(Fact::LegLeft { call: call.clone(), leg, end, cause: None });
                let result =
                    if end == LegEnd::Rejected { RingResult::Declined } else { RingResult::NoAnswer };
                self.fact(Fact::RingResult { call, ring, result, cause: None });
                if let Some(number) = device.extension().and_then(|digits| digits.parse::<u32>().ok()) {
                    // Back at the desk, sorry.
                    let away = self.random.between(20.0, 60.0);
                    self.later(away, Deed::Returns(number - 1_000));
                }
            }
            Deed::HangsUp(caller) => self.leave(caller),
            Deed::Chooses(caller) if !self.gone[caller as usize] => self.chooses(caller),
            Deed::Presses(caller) if !self.gone[caller as usize] => self.presses(caller),
            Deed::Chooses(_) | Deed::Presses(_) => {}
            Deed::Try(step) => self.tries(step),
            Deed::Rings(..) | Deed::Answers(..) | Deed::Misses(..) => {}
            Deed::Breaks(agent) => {
                self.state(agent, AgentState::NotReady);
                let pause = self.random.between(120.0, 600.0);
                self.later(pause, Deed::Returns(agent));
            }
            Deed::Returns(agent) => {
                self.state(agent, AgentState::Ready);
                let work = self.random.between(600.0, 3_000.0);
                if agent < 3 && self.now < BEGIN + CALLERS_UNTIL {
                    self.later(work, Deed::Breaks(agent));
                }
            }
        }
    }

    fn state(&mut self, agent: u32, state: AgentState) {
        self.counter += 1;
        let request = Request::SetAgentState {
            agent: AgentId::new(&format!("a{agent:02}")).unwrap(),
            state,
            reason: None,
        };
        let actor = Actor { name: "test".into(), agent: None };
        let id = ActionId::from_bits(u128::from(self.counter));
        self.input(Input::Command(Command { id, actor, request }));
    }

    fn calls(&mut self) {
        let caller = self.callers;
        self.callers += 1;
        self.gone.push(false);
        let (call, leg) = Self::names(caller);
        let dnis = if self.random.unit() < 0.4 { "5013" } else { "5003" };
        let number = |raw: String| PartyNumber {
            e164: raw.starts_with('+').then(|| raw.clone()),
            raw,
            ..PartyNumber::default()
        };
        self.dialled.push(number(dnis.to_owned()));
        self.fact(Fact::CallStarted {
            call: call.clone(),
            originator: LegSeen { leg: leg.clone(), address: Address::new("PJSIP/trunk"), number: None },
            direction: Direction::Inbound,
            ani: number(format!("+4930555{caller:04}")),
            dnis: number(dnis.to_owned()),
            via: None,
            trunk: Some("trunk".to_owned()),
            data: AttachedData::new(),
            watched: false,
        });
        self.fact(Fact::LegUp { call: call.clone(), leg });
        self.fact(Fact::RouteRequested { call, dnis: number(dnis.to_owned()) });
        let patience = self.random.exponential(150.0) + Millis(5_000);
        self.later(patience, Deed::GivesUp(caller));
        if self.now < BEGIN + CALLERS_UNTIL {
            let next = self.random.exponential(24.0);
            self.later(next, Deed::Calls);
        }
    }

    fn leave(&mut self, caller: u32) {
        if std::mem::replace(&mut self.gone[caller as usize], true) {
            return;
        }
        let (call, own) = Self::names(caller);
        if let Some((leg, talks)) = self.partner.remove(&caller) {
            let end = if talks { LegEnd::Released } else { LegEnd::CallerLeft };
            self.fact(Fact::LegLeft { call: call.clone(), leg, end, cause: None });
        }
        self.fact(Fact::LegLeft { call: call.clone(), leg: own.clone(), end: LegEnd::HungUp, cause: None });
        self.fact(Fact::CallEnded { call, by: Some(own), cause: None });
    }
}

const STRATEGIES: [Strategy; 6] = [
    Strategy::LongestIdle,
    Strategy::LeastCalls,
    Strategy::LeastOccupied,
    Strategy::BestSkill,
    Strategy::RoundRobin,
    Strategy::Random,
];

/// The same with call-backs and a menu.
fn recorded_with_callbacks(seed: u64, agents: u32) -> (Recorded, Setup) {
    let strategy = STRATEGIES[seed as usize % STRATEGIES.len()];
    let setup = with_callbacks(setup(agents, strategy));
    (Office::open(setup.clone(), seed).play(), setup)
}

fn recorded(seed: u64, agents: u32) -> (Recorded, Setup) {
    let strategy = STRATEGIES[seed as usize % STRATEGIES.len()];
    let setup = setup(agents, strategy);
    (Office::open(setup.clone(), seed).play(), setup)
}

#[test]
fn the_unchanged_configuration_decides_as_recorded() {
    for seed in 1..=12 {
        let (recorded, setup) = recorded(seed, 9);
        let run = recorded.run();
        assert!(run.decisions.len() > 500, "that was no busy office: {}", run.decisions.len());
        assert!(run.figures.total.abandoned > 0, "nobody gave up: {:?}", run.figures.total);
        let again = recorded.under(&setup).unwrap();
        for (was, is) in run.decisions.iter().zip(&again.decisions) {
            assert_eq!(was, is, "seed {seed}");
        }
        assert_eq!(again.simulated, 0, "seed {seed}");
        assert_eq!(*run, again, "seed {seed}");
    }
}

#[test]
fn with_one_agent_more_nobody_waits_longer_on_the_whole() {
    for seed in 1..=12 {
        let (recorded, setup) = recorded(seed, 9);
        let more = super_setup(&setup);
        let (was, is) = (&recorded.run().figures.total, &recorded.under(&more).unwrap().figures.total);
        assert!(is.mean_wait_ms <= was.mean_wait_ms, "seed {seed}: {was:?} {is:?}");
        assert!(is.abandoned <= was.abandoned, "seed {seed}: {was:?} {is:?}");
        assert_eq!(is.answered + is.abandoned + is.left, is.offered);
    }
}

/// One agent more, who can do everything.
fn super_setup(setup: &Setup) -> Setup {
    let mut more = setup.clone();
    let mut agent = setup.agents[3].clone();
    agent.id = AgentId::new("extra").unwrap();
    agent.devices = vec![Address::new("PJSIP/1999")];
    agent.extension = Some("1999".to_owned());
    more.agents.push(agent);
    more
}

#[test]
fn with_half_of_the_agents_callers_wait_and_give_up() {
    let (recorded, mut setup) = recorded(3, 9);
    setup.agents.truncate(5);
    let (was, run) = (&recorded.run().figures, recorded.under(&setup).unwrap());
    assert!(run.figures.total.mean_wait_ms > 2 * was.total.mean_wait_ms, "{was:?} {:?}", run.figures);
    assert!(run.figures.total.abandoned > 2 * was.total.abandoned);
    assert!(run.simulated > 0);
    assert!(run.figures.agents.values().all(|agent| agent.occupancy.unwrap_or(0.0) <= 1.0));
    assert_eq!(run, recorded.under(&setup).unwrap(), "the same again");
}

#[test]
fn call_backs_and_menus_are_decided_as_recorded_by_the_unchanged_configuration() {
    let mut back = CallbackFigures::default();
    for seed in 1..=6 {
        let (recorded, setup) = recorded_with_callbacks(seed, 7);
        let (run, again) = (recorded.run(), recorded.under(&setup).unwrap());
        back.reached += run.figures.callbacks.reached;
        back.dialled += run.figures.callbacks.dialled;
        back.failed += run.figures.callbacks.failed;
        for (was, is) in run.decisions.iter().zip(&again.decisions) {
            assert_eq!(was, is, "seed {seed}");
        }
        assert_eq!(again.simulated, 0, "seed {seed}");
        assert_eq!(*run, again, "seed {seed}");
    }
    assert!(back.reached > 50 && back.dialled > back.reached && back.failed > 0, "{back:?}");
}

/// How long customers waited for a conversation on the whole, called back or not.
fn waited(run: &Run) -> u64 {
    let (total, back) = (&run.figures.total, &run.figures.callbacks);
    total.mean_wait_ms * total.offered + back.mean_wait_ms * back.reached
}

#[test]
fn with_one_agent_more_fewer_are_called_back_and_nobody_waits_longer_on_the_whole() {
    for seed in 1..=6 {
        let (recorded, setup) = recorded_with_callbacks(seed, 7);
        let (was, is) = (recorded.run(), recorded.under(&super_setup(&setup)).unwrap());
        assert!(is.simulated > 0);
        let (before, after) = (&was.figures.callbacks, &is.figures.callbacks);
        assert!(after.promised <= before.promised, "seed {seed}: {before:?} {after:?}");
        assert!(is.figures.total.abandoned <= was.figures.total.abandoned, "seed {seed}");
        assert!(waited(&is) <= waited(was), "seed {seed}: {:?} {:?}", was.figures, is.figures);
    }
}

#[test]
fn call_backs_that_the_record_does_not_know_are_tried_and_come_to_an_end() {
    for seed in 1..=4 {
        let (recorded, mut setup) = recorded_with_callbacks(seed, 8);
        setup.agents.truncate(5);
        let (was, run) = (recorded.run(), recorded.under(&setup).unwrap());
        let (before, back) = (&was.figures.callbacks, &run.figures.callbacks);
        assert!(back.promised > before.promised, "seed {seed}: {before:?} {back:?}");
        assert_eq!(back.reached + back.failed + back.cancelled, back.promised, "seed {seed}: {back:?}");
        assert!(
            back.reached > 0 && back.mean_wait_ms > before.mean_wait_ms,
            "seed {seed}: {before:?} {back:?}"
        );
        assert_eq!(run, recorded.under(&setup).unwrap(), "the same again");
    }
}

#[test]
fn who_is_not_called_back_any_more_waits_or_gives_up() {
    let (recorded, mut setup) = recorded_with_callbacks(2, 8);
    for queue in &mut setup.queues {
        queue.callback = None;
        queue.max_wait = None;
    }
    let run = recorded.under(&setup).unwrap();
    assert_eq!(run.figures.callbacks, CallbackFigures::default());
    assert!(run.figures.total.abandoned > recorded.run().figures.total.abandoned);
    assert!(run.decisions.iter().all(|decision| !decision.call.as_str().contains("call-back")));
}

#[test]
fn a_rule_that_cannot_be_used_is_said() {
    let (recorded, mut setup) = recorded(1, 9);
    setup.routes[0].when = Some("dnis ==".to_owned());
    assert!(recorded.under(&setup).unwrap_err().to_string().contains("support"));
}
