//! What `explain` says is what the engine then does: over thousands of random configurations, floors and calls.

use std::collections::BTreeMap;

use hookswitch_model::{
    AgentId, Millis, Skill,
    agent::AgentState,
    call::{Address, Call, Candidate, Customer, MatchKind},
    input::Input,
    pbx::RingResult,
    setup::{
        LookupSetup, Members, Mode, PreferSetup, QueueSetup, Requirement, RouteSetup, RouteTarget, Setup,
        Strategy,
    },
    why::{Because, Exclusion, Explained},
};

use crate::stage::{self, World};

/// SplitMix64: a seed is a case.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }

    fn skills(&mut self) -> BTreeMap<Skill, u8> {
        let mut skills = BTreeMap::new();
        for name in ["talk", "sell"] {
            if !self.one_in(3) {
                skills.insert(Skill::new(name).unwrap(), u8::try_from(self.below(9) + 1).unwrap());
            }
        }
        skills
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
const TEAMS: [&str; 3] = ["one", "two", "three"];
const QUEUES: [&str; 3] = ["sales", "support", "billing"];
const NUMBERS: [&str; 3] = ["5003", "5013", "5023"];

fn name(at: u64) -> String {
    format!("agent-{at}")
}

fn device(at: u64) -> String {
    format!("PJSIP/10{at:02}")
}

fn queue(dice: &mut Dice, id: &str, base: &QueueSetup) -> QueueSetup {
    let mut queue = base.clone();
    queue.id = id.parse().unwrap();
    queue.strategy = dice.of(&STRATEGIES);
    let teams = TEAMS[..1 + usize::try_from(dice.below(3)).unwrap()].iter().map(|team| team.parse().unwrap());
    queue.members = Members { teams: teams.collect(), agents: vec![name(0).parse().unwrap()] };
    let step = |after, skills| Requirement { after: Millis::from_secs(after), skills, teams: None };
    let strict = if dice.one_in(2) { dice.skills() } else { BTreeMap::new() };
    queue.requires = vec![step(0, strict.into_iter().map(|(skill, level)| (skill, level / 2 + 1)).collect())];
    if dice.one_in(3) {
        queue.requires.push(step(30, BTreeMap::new()));
    }
    queue.sticky = dice.one_in(2).then_some(Millis::from_secs(86_400));
    queue.sticky_wait = Millis::from_secs(dice.below(3) * 10);
    queue
}

fn route(dice: &mut Dice, at: u64) -> RouteSetup {
    let dnis = dice.of(&NUMBERS);
    let when = match dice.below(6) {
        0 => None,
        1 => Some(format!("dnis == \"{dnis}\" && customer.tier == \"gold\"")),
        2 => Some(format!("dnis == \"{dnis}\" && ani in list.known")),
        3 => Some(format!("dnis == \"{dnis}\" && now.hour >= 20")),
        4 => Some("customer.match == \"none\" || dnis.endsWith(\"23\")".to_owned()),
        _ => Some(format!("dnis == \"{dnis}\"")),
    };
    let target = match dice.below(8) {
        0 => RouteTarget::Hangup,
        1 => RouteTarget::Transfer("600".to_owned()),
        _ => RouteTarget::Queue(dice.of(&QUEUES).parse().unwrap()),
    };
    let is_queue = matches!(target, RouteTarget::Queue(_));
    let prefer = (is_queue && dice.one_in(3)).then(|| PreferSetup {
        agent: if dice.one_in(3) { format!("\"{}\"", name(1)) } else { "customer.owner".to_owned() },
        wait: Millis::from_secs(dice.below(3) * 10),
        team_wait: Millis::from_secs(dice.below(3) * 10),
    });
    RouteSetup {
        name: format!("rule {at}"),
        when,
        target,
        priority: i32::try_from(dice.below(5)).unwrap(),
        requires: if dice.one_in(4) { dice.skills().into_iter().take(1).collect() } else { BTreeMap::new() },
        set: BTreeMap::from([("seen".to_owned(), at.to_string())]),
        prefer,
    }
}

fn setup(dice: &mut Dice) -> Setup {
    let base = stage::setup(Mode::Route);
    let agents = 1 + dice.below(6);
    let agent = |dice: &mut Dice, at| {
        let mut agent = base.agents[0].clone();
        agent.id = name(at).parse().unwrap();
        agent.name = format!("Agent {at}");
        agent.devices = vec![Address::new(&device(at))];
        agent.skills = dice.skills();
        agent.teams = vec![dice.of(&TEAMS).parse().unwrap()];
        agent
    };
    Setup {
        agents: (0..agents).map(|at| agent(dice, at)).collect(),
        queues: QUEUES.iter().map(|id| queue(dice, id, &base.queues[0])).collect(),
        routes: (0..1 + dice.below(6)).map(|at| route(dice, at)).collect(),
        lookup: Some(LookupSetup { route_wait: Millis(300) }),
        lists: BTreeMap::from([("known".to_owned(), vec!["+4930*".to_owned()])]),
        ..base
    }
}

fn customer(dice: &mut Dice) -> Customer {
    if dice.one_in(3) {
        return Customer::none();
    }
    let fields = BTreeMap::from([
        ("tier".to_owned(), dice.of(&["gold", "blue"]).to_owned()),
        ("owner".to_owned(), name(dice.below(7))),
    ]);
    let best =
        Candidate { id: "42".to_owned(), name: None, score: 1.0, why: "exact E.164".to_owned(), fields };
    Customer { kind: MatchKind::One, candidates: vec![best] }
}

/// A call that was identified at once, and asks.
fn arrives(w: &mut World, call: &str, dnis: &str, customer: Customer) -> (Call, Explained) {
    w.inbound(call, dnis);
    let id = w.call_id(call);
    w.input(Input::Customer { call: id, customer });
    w.up(call, call);
    let imaginary = w.call(call).clone();
    let explained = w.engine.explain(&imaginary, w.now);
    w.asks(call, dnis);
    (imaginary, explained)
}

fn agent_of(devices: &[String]) -> Vec<AgentId> {
    let at = |device: &String| device.strip_prefix("PJSIP/10").unwrap().parse::<u64>().unwrap();
    devices.iter().map(|device| name(at(device)).parse().unwrap()).collect()
}

/// Whoever is rung for a call answers it and talks for a while.
fn is_served(w: &mut World, call: &str, talk: u64) {
    let Some((ring, devices)) = rung(w, call) else {
        w.hangs_up(call);
        return;
    };
    w.rings_for(call, &format!("{call}-a"), &devices[0], ring);
    w.answers(call, &format!("{call}-a"));
    w.result(call, ring, RingResult::Answered);
    w.wait(talk);
    w.hangs_up(call);
}

/// The Ring that is out for a call.
fn rung(w: &World, call: &str) -> Option<(hookswitch_model::ActionId, Vec<String>)> {
    let ring = w.actions.iter().rev().find_map(|action| match &action.action {
        hookswitch_model::pbx::Action::Ring { call: of, devices, .. } if *of == *call => {
            Some((action.id, devices.iter().map(ToString::to_string).collect()))
        }
        _ => None,
    });
    ring.filter(|_| w.engine.calls().any(|one| one.pbx_ref == *call))
}

/// The floor as it is when the call comes: some served calls before, some are away or busy, some call waits.
fn floor(dice: &mut Dice) -> World {
    let mut w = World::with(setup(dice));
    for call in 0..dice.below(4) {
        w.wait(dice.below(90_000));
        let (dnis, customer) = (dice.of(&NUMBERS), customer(dice));
        arrives(&mut w, &format!("before-{call}"), dnis, customer);
        is_served(&mut w, &format!("before-{call}"), dice.below(60_000));
    }
    let agents = w.engine.setup().agents.len() as u64;
    for at in 0..agents {
        match dice.below(6) {
            0 => drop(w.set_state(&name(at), AgentState::NotReady, Some("lunch"))),
            1 => drop(w.set_state(&name(at), AgentState::LoggedOut, None)),
            2 => {
                w.outbound(&format!("busy-{at}"), &format!("10{at:02}"), "+493099");
                w.up(&format!("busy-{at}"), &format!("busy-{at}"));
            }
            _ => {}
        }
        w.wait(dice.below(5_000));
    }
    w
}

/// Everybody who was chosen for a call, decision by decision.
fn offers(w: &World, call: &Call) -> Vec<Vec<AgentId>> {
    let decisions = &w.engine.why(call.id).unwrap().decisions;
    let offered = decisions.iter().filter_map(|decided| match &decided.because {
        Because::Offered(reasons) => Some(reasons),
        _ => None,
    });
    offered
        .map(|reasons| {
            let many = reasons.strategy == Strategy::RingAll && !reasons.sticky;
            let chosen = if many { reasons.ranked.len() } else { 1 };
            reasons.ranked.iter().take(chosen).map(|ranked| ranked.agent.clone()).collect()
        })
        .collect()
}

/// What the explanation says of whom would be asked, one after the other, if nobody answered.
fn expected(explained: &Explained) -> Vec<Vec<AgentId>> {
    let Some(queue) = &explained.queue else { return Vec::new() };
    let ranked: Vec<AgentId> = queue.steps[0].ranked.iter().map(|ranked| ranked.agent.clone()).collect();
    let mut expected = Vec::new();
    let mut rest = ranked;
    if let Some(keeper) = &queue.keeper {
        if keeper.why.is_none() {
            rest.retain(|agent| *agent != keeper.agent);
            expected.push(vec![keeper.agent.clone()]);
        } else if keeper.wait > Millis(0) && is_waited_for(keeper.why.as_ref()) {
            return Vec::new();
        }
    }
    if queue.strategy == Strategy::RingAll {
        expected.extend((!rest.is_empty()).then_some(rest));
    } else {
        expected.extend(rest.into_iter().map(|agent| vec![agent]));
    }
    expected
}

/// A busy agent is waited for, one who is away or would not be asked is not.
fn is_waited_for(why: Option<&Exclusion>) -> bool {
    use hookswitch_model::why::Exclusion::{Holding, Reserved, Talking, WrapUp};
    matches!(why, Some(Reserved | Talking | Holding | WrapUp { .. }))
}

fn check(seed: u64) -> usize {
    let mut dice = Dice(seed);
    let mut w = floor(&mut dice);
    let (dnis, customer) = (dice.of(&NUMBERS), customer(&mut dice));
    let (call, explained) = arrives(&mut w, "c", dnis, customer);
    let why = w.engine.why(call.id).unwrap().clone();
    let Because::Routed(routed) = &why.decisions[0].because else { panic!("seed {seed}: {why:?}") };
    assert_eq!(*routed, explained.routed, "seed {seed}: the rules");
    assert_eq!(why.decisions[0].config_version, explained.config_version, "seed {seed}");
    let queue = explained.queue.as_ref().map(|queue| &queue.queue);
    assert_eq!(w.call("c").queue.as_ref(), queue, "seed {seed}: the queue");
    let expected = expected(&explained);
    // Nobody answers, one after the other, and nothing else changes.
    for (turn, wanted) in expected.iter().enumerate() {
        let (ring, devices) =
            rung(&w, "c").unwrap_or_else(|| panic!("seed {seed}: nobody rings in turn {turn}"));
        let mut rings = agent_of(&devices);
        let mut wanted = wanted.clone();
        rings.sort();
        wanted.sort();
        assert_eq!(rings, wanted, "seed {seed}, turn {turn}: {explained:#?}");
        w.actions.clear();
        w.result("c", ring, RingResult::NoAnswer);
    }
    assert!(rung(&w, "c").is_none(), "seed {seed}: more are asked than were told: {explained:#?}");
    if explained.queue.is_some() {
        assert_eq!(offers(&w, &call), expected, "seed {seed}: in order");
    }
    expected.len()
}

#[test]
fn explain_says_what_the_engine_then_does() {
    let offers: usize = (0..10_000).map(check).sum();
    assert!(offers > 4_000, "only {offers} offers were compared");
}
