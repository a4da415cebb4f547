//! How fast the distributor decides: 10,000 agents, 100,000 waiting calls, 64 skills, some 500 distinct requirements
//! that loosen with waiting time, priorities with and without ageing, every strategy.
//!
//! Two loads. *Backlog*: 100,000 calls wait; each turn one call arrives, one agent gets ready and is given a call, and
//! requirements loosen as a millisecond passes. *Plenty*: most agents are ready; each turn one call arrives and is given
//! the agent its queue's strategy prefers, and one agent gets ready again. A decision is everything from the input to
//! the last `next`: timers, the choice, its reasons.
//!
//! *Routing*: 200 rules of the usual kinds are tried, and the last one takes the call.
//!
//! `cargo bench -p hookswitch-acd --bench decisions [-- TURNS [LOAD]]`

#![allow(clippy::disallowed_methods, reason = "a benchmark measures the clock")]

use std::{collections::BTreeMap, hint::black_box, time::Instant};

use hookswitch_acd::{
    distribution::{Claimant, Decision, Distributor, Waiting},
    routing::Router,
};
use hookswitch_model::{
    AgentId, CallId, CallRef, Millis, QueueId, Skill, TeamId, Timestamp,
    agent::AgentState,
    call::{Call, CallState, Customer, Direction, PartyNumber},
    setup::{
        AgentSetup, CalendarSetup, MaxWait, Members, Overflow, QueueSetup, Requirement, RouteSetup,
        RouteTarget, ServiceLevel, Setup, Strategy,
    },
    why::Unavailable,
};

const AGENTS: usize = 10_000;
const WAITING: usize = 100_000;
const SKILLS: u64 = 64;
const QUEUES: u64 = 42;
const EXTRAS: u64 = 4;

const STRATEGIES: [Strategy; 6] = [
    Strategy::LongestIdle,
    Strategy::LeastCalls,
    Strategy::LeastOccupied,
    Strategy::BestSkill,
    Strategy::RoundRobin,
    Strategy::Random,
];

/// Numbers that look random and are the same each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn skill(n: u64) -> Skill {
    Skill::new(&format!("skill-{n:02}")).expect("a name")
}

fn team(n: u64) -> TeamId {
    TeamId::new(&format!("team-{n:02}")).expect("a name")
}

/// What a route adds to the queue's requirement.
fn extra(queue: u64, kind: u64) -> BTreeMap<Skill, u8> {
    match kind {
        0 => BTreeMap::new(),
        _ => BTreeMap::from([(skill((queue * 7 + kind * 13) % SKILLS), 2 * u8::try_from(kind).unwrap_or(1))]),
    }
}

fn queue(n: u64, strategy: Strategy) -> QueueSetup {
    let step = |after, level| Requirement {
        after: Millis::from_secs(after),
        skills: if level == 0 { BTreeMap::new() } else { BTreeMap::from([(skill(n % SKILLS), level)]) },
        teams: None,
    };
    QueueSetup {
        id: QueueId::new(&format!("queue-{n:02}")).expect("a name"),
        strategy,
        members: Members { teams: vec![team(n)], agents: Vec::new() },
        requires: vec![step(0, 5), step(30, 1), step(90, 0)],
        offer_timeout: Millis::from_secs(15),
        wrap_up: Millis(0),
        service_level: ServiceLevel { target: 0.8, within: Millis::from_secs(20) },
        max_wait: Some(MaxWait { after: Millis::from_secs(3_600), then: Overflow::Hangup }),
        sticky: None,
        sticky_wait: Millis(0),
        ageing: n.is_multiple_of(2).then_some(Millis::from_secs(20)),
        transfer_keeps_place: false,
        announce: None,
        callback: None,
    }
}

/// Agents have up to `skills` skills and serve up to `teams` queues, drawn with repetition.
fn setup(skills: u64, teams: u64, strategy: impl Fn(u64) -> Strategy) -> Setup {
    let mut dice = Dice(7);
    let agents = (0..AGENTS).map(|n| AgentSetup {
        id: AgentId::new(&format!("agent-{n:05}")).expect("a name"),
        name: String::new(),
        pbx: "hq".parse().expect("a name"),
        extension: None,
        devices: Vec::new(),
        skills: (0..skills)
            .map(|_| (skill(dice.below(SKILLS)), 1 + u8::try_from(dice.below(10)).unwrap_or(0)))
            .collect(),
        teams: (0..teams).map(|_| team(dice.below(QUEUES))).collect(),
        start: AgentState::LoggedOut,
        caller_id: None,
        remote_answer: false,
    });
    let agents = agents.collect();
    let queues: Vec<QueueSetup> = (0..QUEUES).map(|n| queue(n, strategy(n))).collect();
    let routes = (0..QUEUES * EXTRAS).map(|n| RouteSetup {
        name: format!("route {n}"),
        when: None,
        target: RouteTarget::Queue(queues[usize::try_from(n / EXTRAS).unwrap_or(0)].id.clone()),
        priority: 0,
        requires: extra(n / EXTRAS, n % EXTRAS),
        set: BTreeMap::new(),
        prefer: None,
    });
    Setup { routes: routes.collect(), agents, queues, ..Setup::default() }
}

/// How many of the requirements an agent meets, on average.
fn met(setup: &Setup) -> usize {
    let mut met = 0;
    for agent in &setup.agents {
        let has = |asked: &BTreeMap<Skill, u8>| {
            asked.iter().all(|(skill, level)| agent.skills.get(skill).is_some_and(|has| has >= level))
        };
        for queue in (0..QUEUES).filter(|queue| agent.teams.contains(&team(*queue))) {
            let steps = &setup.queues[usize::try_from(queue).unwrap_or(0)].requires;
            let steps = steps.iter().filter(|step| has(&step.skills)).count();
            met += steps * (0..EXTRAS).filter(|kind| has(&extra(queue, *kind))).count();
        }
    }
    met / setup.agents.len()
}

/// A distributor with its calls and agents, and what happens to it.
struct World {
    setup: Setup,
    distributor: Distributor,
    dice: Dice,
    now: Timestamp,
    calls: u128,
    /// Agents who are not ready, in the order in which they are to be freed.
    busy: std::collections::VecDeque<AgentId>,
}

impl World {
    fn new(setup: Setup) -> Self {
        let mut distributor = Distributor::new(&setup, 1);
        let now = Timestamp::from_millis(1_795_262_400_000);
        for agent in &setup.agents {
            distributor.agent_unavailable(now, &agent.id, Unavailable::Talking);
        }
        let busy = setup.agents.iter().map(|agent| agent.id.clone()).collect();
        Self { setup, distributor, dice: Dice(11), now, calls: 0, busy }
    }

    fn arrival(&mut self) -> (CallId, Waiting) {
        let queue = self.dice.below(QUEUES);
        self.calls += 1;
        let waiting = Waiting {
            queue: self.setup.queues[usize::try_from(queue).unwrap_or(0)].id.clone(),
            priority: i32::try_from(self.dice.below(5)).unwrap_or(0),
            enqueued_at: self.now,
            requires: extra(queue, self.dice.below(EXTRAS)),
            sticky: None,
            prefer: None,
            claimant: Claimant::Caller,
        };
        (CallId::from(self.now.as_micros() as u128 * 1_000_003 + self.calls), waiting)
    }

    /// Takes all decisions; each one's time counts from the input, or from the decision before it. The time of the
    /// last `next`, which answers none, belongs to the last decision.
    fn drain(&mut self, start: Instant, times: &mut Times) -> Vec<(CallId, AgentId)> {
        let mut offered = Vec::new();
        let mut since = start;
        while let Some(decision) = self.distributor.next(self.now) {
            if let Decision::Offer { call, mut agents, reasons, .. } = black_box(decision) {
                black_box(reasons);
                offered.extend(agents.pop().map(|agent| (call, agent)));
            }
            let end = Instant::now();
            times.decision.push(u64::try_from((end - since).as_nanos()).unwrap_or(u64::MAX));
            since = end;
        }
        match times.decision.last_mut().filter(|_| !offered.is_empty()) {
            Some(last) => *last += nanos(since),
            None => times.rest += nanos(since),
        }
        offered
    }

    fn answer(&mut self, (call, agent): (CallId, AgentId)) {
        self.distributor.answered(self.now, call);
        self.distributor.agent_unavailable(self.now, &agent, Unavailable::Talking);
        self.busy.push_back(agent);
    }

    fn free_one(&mut self) {
        if let Some(agent) = self.busy.pop_front() {
            self.distributor.agent_took_call(self.now, &agent, Millis(60_000));
            self.distributor.agent_ready(self.now, &agent);
        }
    }
}

/// Nanoseconds of the parts of many turns.
#[derive(Default)]
struct Times {
    decision: Vec<u64>,
    /// Everything else: arrivals, answers, inputs without a decision.
    rest: u64,
    turns: u64,
    /// Processor time of all turns.
    cpu: u64,
}

/// Processor time of this thread so far: a busy machine slows the clock on the wall, not this one.
fn cpu_nanos() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn backlog(world: &mut World, turns: usize) -> Times {
    for _ in 0..WAITING {
        let (call, waiting) = world.arrival();
        world.distributor.enqueue(world.now, call, waiting);
        world.now = world.now + Millis(1);
    }
    world.distributor.tick(world.now);
    turns_of(world, turns, |world, times| {
        let (call, waiting) = world.arrival();
        let start = Instant::now();
        black_box(world.distributor.enqueue(world.now, call, waiting));
        times.rest += nanos(start);
        let start = Instant::now();
        world.free_one();
        let offered = world.drain(start, times);
        let start = Instant::now();
        offered.into_iter().for_each(|offered| world.answer(offered));
        times.rest += nanos(start);
    })
}

/// Plays turns, a millisecond apart; the first tenth is not counted.
fn turns_of(world: &mut World, turns: usize, turn: impl Fn(&mut World, &mut Times)) -> Times {
    let mut times = Times::default();
    for number in 0..turns + turns / 10 {
        if number == turns / 10 {
            times = Times { cpu: cpu_nanos(), turns: turns as u64, ..Times::default() };
        }
        world.now = world.now + Millis(1);
        turn(world, &mut times);
    }
    times.cpu = cpu_nanos() - times.cpu;
    times
}

fn plenty(world: &mut World, turns: usize) -> Times {
    for _ in 0..AGENTS * 8 / 10 {
        world.now = world.now + Millis(1);
        world.free_one();
    }
    turns_of(world, turns, |world, times| {
        let (call, waiting) = world.arrival();
        let start = Instant::now();
        black_box(world.distributor.enqueue(world.now, call, waiting));
        let offered = world.drain(start, times);
        let start = Instant::now();
        offered.into_iter().for_each(|offered| world.answer(offered));
        world.free_one();
        let offered = world.drain(start, times);
        let start = Instant::now();
        offered.into_iter().for_each(|offered| world.answer(offered));
        times.rest += nanos(start);
    })
}

/// 200 rules: most compare the DNIS and something else, every tenth needs the interpreter, every tenth looks the number
/// up in a list of ten thousand, one is for everybody.
fn routing(turns: usize) {
    let rule = |n: u64| {
        let when = match n % 10 {
            _ if n == 199 => None,
            0 => Some(format!("dnis == \"{n}\" && int(data.value) > {n}")),
            1 => Some(format!("dnis.startsWith(\"9{n}\") && now.hour < 6")),
            2 => Some(format!("ani.e164.startsWith(\"+{n}\") && !open(\"office\")")),
            3 => Some(format!("customer.tier == \"gold\" && dnis in [\"{n}\", \"x{n}\"]")),
            4 => Some(format!("int(data.value) + {n} == 7")),
            5 => Some("ani in list.blacklist".to_owned()),
            _ => Some(format!("dnis == \"{n}\" && data[\"ivr.choice\"] == \"2\"")),
        };
        let (target, requires, set) = (RouteTarget::Hangup, BTreeMap::new(), BTreeMap::new());
        RouteSetup { name: format!("rule {n}"), when, target, priority: 0, requires, set, prefer: None }
    };
    let office = CalendarSetup {
        timezone: "Europe/Berlin".to_owned(),
        open: std::array::from_fn(|_| vec![(480, 1_080)]),
        closed: Vec::new(),
        special: BTreeMap::new(),
    };
    let calendars = BTreeMap::from([("office".to_owned(), office)]);
    let blacklist = (0..10_000).map(|n| format!("+49900{n:06}")).collect();
    let lists = BTreeMap::from([("blacklist".to_owned(), blacklist)]);
    let setup = Setup { routes: (0..200).map(rule).collect(), calendars, lists, ..Setup::default() };
    let router = Router::new(&setup).expect("usable rules");
    let call = call();
    let cpu = cpu_nanos();
    let mut times = Vec::with_capacity(turns);
    for turn in 0..turns as u64 {
        let start = Instant::now();
        black_box(router.route(Timestamp::from_millis(1_795_262_400_000 + turn), black_box(&call)));
        times.push(nanos(start));
    }
    let cpu = (cpu_nanos() - cpu) / turns as u64;
    times.sort_unstable();
    println!(
        "routing, 200 rules tried: {cpu} ns of cpu, p50 {} ns, p99 {} ns",
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
}

fn call() -> Call {
    let number = |raw: &str, e164: Option<&str>| PartyNumber {
        raw: raw.to_owned(),
        e164: e164.map(str::to_owned),
        ..PartyNumber::default()
    };
    Call {
        id: CallId::from(1),
        direction: Direction::Inbound,
        state: CallState::Started,
        pbx: "hq".parse().expect("a name"),
        pbx_ref: CallRef::new("1.1"),
        ani: number("030555001", Some("+4930555001")),
        dnis: number("5003", None),
        via: None,
        trunk: None,
        queue: None,
        priority: 0,
        rule: None,
        config_version: 1,
        customer: Customer::none(),
        data: BTreeMap::from([
            ("ivr.choice".to_owned(), "2".to_owned()),
            ("value".to_owned(), "12".to_owned()),
        ]),
        legs: Vec::new(),
        started_at: Timestamp::default(),
        queued_at: None,
        answered_at: None,
        ended_at: None,
    }
}

fn report(load: &str, agents: &str, mut times: Times) {
    let decisions = times.decision.len() as u64;
    let deciding: u64 = times.decision.iter().sum();
    // The processor time of all turns is shared between decisions and the rest as the time on the wall was.
    let cpu = times.cpu * deciding / (deciding + times.rest).max(1) / decisions;
    times.decision.sort_unstable();
    let at =
        |percent: usize| times.decision[(times.decision.len() * percent / 100).min(times.decision.len() - 1)];
    println!(
        "{load:<25} {agents:<23} {decisions:>9} {:>9} {:>9} {:>7} {:>7} {:>9}",
        1_000_000_000 / cpu.max(1),
        1_000_000_000 / (deciding / decisions).max(1),
        at(50),
        at(99),
        1_000_000_000 * times.turns / times.cpu.max(1),
    );
}

fn main() {
    let turns = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(200_000);
    println!(
        "{AGENTS} agents, {WAITING} waiting, {SKILLS} skills, {} requirements, {turns} turns",
        QUEUES * EXTRAS * 3
    );
    println!(
        "{:<25} {:<23} {:>9} {:>9} {:>9} {:>7} {:>7} {:>9}",
        "load", "each agent", "decisions", "per cpu s", "per s", "p50 ns", "p99 ns", "turns/cpu s"
    );
    let only = std::env::args().skip(1).find(|arg| arg.starts_with(char::is_alphabetic)).unwrap_or_default();
    let run = |load: &str, setup: Setup| {
        if load.contains(&only) {
            let agents = format!("meets {} requirements", met(&setup));
            let mut world = World::new(setup);
            let play = if load.starts_with("backlog") { backlog } else { plenty };
            report(load, &agents, play(&mut world, turns));
        }
    };
    let mixed = |n: u64| STRATEGIES[usize::try_from(n % 6).unwrap_or(0)];
    for (skills, teams) in [(6, 3), (24, 30), (200, 100)] {
        run("backlog, all strategies", setup(skills, teams, mixed));
        run("plenty, all strategies", setup(skills, teams, mixed));
    }
    for strategy in STRATEGIES {
        run(&format!("plenty, {strategy:?}"), setup(6, 3, |_| strategy));
    }
    if "routing".contains(&only) {
        routing(turns / 10);
    }
}
