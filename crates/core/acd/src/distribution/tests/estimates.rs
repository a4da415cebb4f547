//! The estimated wait over simulated days: what callers were told when they came, against what they then waited.
//!
//! A day has ten hours with a load that rises and falls past what the agents can take, and one in which nobody gives a
//! call; agents have breaks, ring, sometimes do not answer, talk and wrap up; callers give up after a time of their own.
//! One caller in eight has all patience there is: only of those is known how long the wait would have been, because
//! those who would have waited long are the first to give up. The error is `waited - told` over these.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{AgentId, CallId, Millis, Timestamp, setup::Strategy};

use super::{
    super::{Decision, Distributor, Unavailable},
    agent, agent_id, at, call_id, queue, setup, waiting,
};

const DAYS: u64 = 20;
const HOUR: u64 = 3_600;
/// Hundredths of what all agents could take, hour by hour.
const LOAD: [u64; 11] = [60, 90, 110, 125, 105, 40, 80, 115, 130, 100, 50];

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to 1, never 0.
    fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self, mean_ms: u64) -> u64 {
        (-self.unit().ln() * mean_ms as f64) as u64
    }

    fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.bits() % (to - from + 1)
    }
}

/// How long calls take.
#[derive(Clone, Copy)]
enum Talk {
    /// Any length, with a mean of 240 s.
    Exponential,
    /// 60 to 420 s.
    Even,
    /// 60 s or 600 s, two of three the short ones.
    Two,
}

impl Talk {
    const MEAN_S: u64 = 240;

    fn draw(self, chance: &mut Chance) -> u64 {
        match self {
            Self::Exponential => chance.exponential(Self::MEAN_S * 1_000),
            Self::Even => chance.between(60_000, 420_000),
            Self::Two if chance.between(0, 2) < 2 => 60_000,
            Self::Two => 600_000,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Arrive(&'static str),
    GiveUp(CallId),
    Picks { call: CallId, agent: AgentId },
    Ignores { call: CallId, agent: AgentId },
    Done(AgentId),
    Break(AgentId),
    Back(AgentId),
}

/// One patient caller.
struct Told {
    came: u64,
    told_s: u64,
    waited_s: f64,
}

struct Day {
    floor: Distributor,
    chance: Chance,
    talk: Talk,
    now: u64,
    agenda: BTreeSet<(u64, u64, Deed)>,
    count: u64,
    calls: u32,
    patient: BTreeMap<CallId, (u64, Option<u64>)>,
    /// On the telephone, and to take a break afterwards.
    busy: BTreeSet<AgentId>,
    due_break: BTreeSet<AgentId>,
    told: Vec<Told>,
}

fn time(ms: u64) -> Timestamp {
    at(0) + Millis(ms)
}

impl Day {
    fn new(seed: u64, agents: u64, queues: &[&'static str], talk: Talk) -> Self {
        let names: Vec<String> = (0..agents).map(|n| format!("a{n:03}")).collect();
        let team = names.iter().map(|name| agent(name, &[], &["team"])).collect();
        let queues_set = queues.iter().map(|id| queue(id, Strategy::LongestIdle, &["team"])).collect();
        let mut day = Self {
            floor: Distributor::new(&setup(team, queues_set), seed),
            chance: Chance(seed),
            talk,
            now: 0,
            agenda: BTreeSet::new(),
            count: 0,
            calls: 0,
            patient: BTreeMap::new(),
            busy: BTreeSet::new(),
            due_break: BTreeSet::new(),
            told: Vec::new(),
        };
        for name in &names {
            day.floor.agent_ready(time(0), &agent_id(name));
            let at = day.chance.between(0, 11 * HOUR * 1_000);
            day.plan(at, Deed::Break(agent_id(name)));
        }
        // A call takes talk, wrap-up and ringing of an agent.
        let each = (Talk::MEAN_S + 20) * 1_000;
        for (hour, load) in (0..).zip(LOAD) {
            let gap = each * 100 / (agents * load);
            let mut at = hour * HOUR * 1_000;
            while at < (hour + 1) * HOUR * 1_000 {
                at += day.chance.exponential(gap);
                let queue = queues[usize::try_from(day.chance.bits()).unwrap_or(0) % queues.len()];
                day.plan(at, Deed::Arrive(queue));
            }
        }
        day
    }

    fn plan(&mut self, at: u64, deed: Deed) {
        self.count += 1;
        self.agenda.insert((at, self.count, deed));
    }

    fn run(mut self) -> Vec<Told> {
        while let Some((at, _, deed)) = self.agenda.pop_first() {
            self.now = at;
            self.perform(deed);
            while let Some(decision) = self.floor.next(time(at)) {
                let Decision::Offer { call, agents, .. } = decision else { unreachable!() };
                let agent = agents[0].clone();
                if self.chance.between(0, 99) < 3 {
                    self.plan(at + 15_000, Deed::Ignores { call, agent });
                } else {
                    let ringing = self.chance.between(2_000, 8_000);
                    self.plan(at + ringing, Deed::Picks { call, agent });
                }
            }
        }
        self.told
    }

    fn perform(&mut self, deed: Deed) {
        let now = time(self.now);
        match deed {
            Deed::Arrive(queue) => self.arrive(queue),
            Deed::GiveUp(call) => {
                self.floor.remove(now, call);
            }
            Deed::Picks { call, agent } => self.pick(call, agent),
            Deed::Ignores { call, agent } => {
                if !self.floor.requeue(now, call) {
                    // The caller left meanwhile.
                    self.floor.agent_ready(now, &agent);
                    return;
                }
                let why = Unavailable::NotReady { reason: Some("no_answer".to_owned()) };
                self.floor.agent_unavailable(now, &agent, why);
                self.plan(self.now + 60_000, Deed::Back(agent));
            }
            Deed::Done(agent) => {
                self.busy.remove(&agent);
                if self.due_break.remove(&agent) {
                    self.rest(agent);
                } else {
                    self.floor.agent_ready(now, &agent);
                }
            }
            Deed::Break(agent) if self.busy.contains(&agent) => {
                self.due_break.insert(agent);
            }
            Deed::Break(agent) => self.rest(agent),
            Deed::Back(agent) => {
                if !self.busy.contains(&agent) {
                    self.floor.agent_ready(now, &agent);
                }
            }
        }
    }

    fn rest(&mut self, agent: AgentId) {
        self.floor.agent_unavailable(time(self.now), &agent, Unavailable::NotReady { reason: None });
        self.plan(self.now + 2_400_000, Deed::Back(agent));
    }

    fn arrive(&mut self, queue: &'static str) {
        self.calls += 1;
        let (now, call) = (time(self.now), call_id(self.calls));
        let placed = self.floor.enqueue(now, call, waiting(queue, now)).unwrap();
        if self.chance.between(0, 7) == 0 {
            self.patient.insert(call, (self.now, placed.estimated_wait_s));
        } else {
            let patience = self.chance.exponential(240_000);
            self.plan(self.now + patience, Deed::GiveUp(call));
        }
    }

    fn pick(&mut self, call: CallId, agent: AgentId) {
        let now = time(self.now);
        if !self.floor.answered(now, call) {
            // The caller left while it rang.
            self.floor.agent_ready(now, &agent);
            return;
        }
        if let Some((came, Some(told_s))) = self.patient.remove(&call) {
            self.told.push(Told { came, told_s, waited_s: (self.now - came) as f64 / 1_000.0 });
        }
        self.floor.agent_unavailable(now, &agent, Unavailable::Talking);
        self.busy.insert(agent.clone());
        let talk = self.talk.draw(&mut self.chance);
        self.plan(self.now + talk + 15_000, Deed::Done(agent));
    }
}

/// Means over callers: told, waited, in seconds, and how many they were.
fn means<'a>(callers: impl Iterator<Item = &'a Told>) -> (f64, f64, usize) {
    let (told, waited, count) = callers.fold((0.0, 0.0, 0), |(told, waited, count), caller| {
        (told + caller.told_s as f64, waited + caller.waited_s, count + 1)
    });
    (told / f64::from(count.max(1)), waited / f64::from(count.max(1)), usize::try_from(count).unwrap())
}

/// What was told is what was waited: over all callers but for a tenth, over those alike, who were told little, more and
/// much, but for the share `alike`; and but for some seconds.
fn check(agents: u64, queues: &[&'static str], talk: Talk, alike: f64, slack_s: f64) {
    let days = (0..DAYS).map(|day| Day::new(0x5eed + day * 977, agents, queues, talk).run());
    // The first minutes of a day nothing is known.
    let callers: Vec<Told> = days.flatten().filter(|caller| caller.came > 1_800_000).collect();
    for (from, to) in [(0, u64::MAX), (0, 10), (10, 60), (60, 180), (180, u64::MAX)] {
        let (told, waited, count) =
            means(callers.iter().filter(|caller| (from..to).contains(&caller.told_s)));
        if count >= 200 {
            let share = if (from, to) == (0, u64::MAX) { 0.10 } else { alike };
            let bound = share * waited + slack_s;
            assert!(
                (waited - told).abs() <= bound,
                "{count} callers told {from} to {to} s: told {told:.1} s, waited {waited:.1} s, bound {bound:.1} s"
            );
        }
    }
    let (_, waited, count) = means(callers.iter());
    assert!(count > 1_000 && waited > 20.0, "{count} callers, {waited} s: nothing was tested");
}

#[test]
fn the_estimate_is_unbiased_over_days_of_any_talk() {
    check(12, &["q"], Talk::Exponential, 0.10, 3.0);
    check(12, &["q"], Talk::Even, 0.10, 3.0);
    check(12, &["q"], Talk::Two, 0.10, 3.0);
}

#[test]
fn the_estimate_is_unbiased_with_few_agents_and_with_many() {
    check(4, &["q"], Talk::Exponential, 0.10, 3.0);
    check(40, &["q"], Talk::Exponential, 0.10, 3.0);
}

#[test]
fn the_estimate_is_unbiased_for_queues_that_share_their_agents() {
    // Whose turn it is goes by all three lines, and each knows its own only.
    check(12, &["a", "b", "c"], Talk::Exponential, 0.25, 3.0);
}
