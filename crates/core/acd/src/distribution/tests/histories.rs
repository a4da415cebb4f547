//! Random histories, played to the distributor and to the model.

use std::collections::BTreeMap;

use hookswitch_model::{
    AgentId, CallId, Millis, Timestamp,
    setup::{MaxWait, Overflow, QueueSetup, Setup, Strategy as Choice},
    why::Preferred,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    super::{Claimant, Decision, Distributor, State, Unavailable, Waiting},
    agent, agent_id, call_id,
    model::{Decided, Model},
    queue, requirement, setup, skills,
};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Enqueue {
        queue: usize,
        priority: i32,
        waited: u64,
        extra: u8,
        sticky: Option<usize>,
        prefer: Option<(usize, u64, u64)>,
    },
    Ready(usize),
    Away(usize, Unavailable),
    Took(usize, u64),
    Skills(usize, u8),
    Requeue(usize),
    Answered(usize),
    Left(usize),
    /// A call-back stands in for the call.
    StandIn(usize),
    Restart,
    Apply(usize),
}

const AGENTS: usize = 6;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let agent = 0..AGENTS;
    let away = select(vec![
        Unavailable::LoggedOut,
        Unavailable::NotReady { reason: None },
        Unavailable::Talking,
        Unavailable::WrapUp { until: None },
        Unavailable::Device,
        Unavailable::Reserved,
    ]);
    let prefer = option::weighted(0.3, (0..AGENTS, 0..9_000_u64, 0..9_000_u64));
    let enqueue = (0..3_usize, -2..4_i32, 0..40_000_u64, 0..4_u8, option::of(0..AGENTS), prefer);
    let step = prop_oneof![
        4 => (0..9_000_u64).prop_map(Step::Pass),
        6 => enqueue.prop_map(|(queue, priority, waited, extra, sticky, prefer)| {
            Step::Enqueue { queue, priority, waited, extra, sticky, prefer }
        }),
        6 => agent.clone().prop_map(Step::Ready),
        3 => (agent.clone(), away).prop_map(|(agent, why)| Step::Away(agent, why)),
        2 => (agent.clone(), 0..900_000_u64).prop_map(|(agent, talk)| Step::Took(agent, talk)),
        1 => (agent, 0..20_u8).prop_map(|(agent, skills)| Step::Skills(agent, skills)),
        4 => (0..40_usize).prop_map(Step::Requeue),
        3 => (0..40_usize).prop_map(Step::Answered),
        1 => (0..40_usize).prop_map(Step::Left),
        2 => (0..40_usize).prop_map(Step::StandIn),
        1 => Just(Step::Restart),
        1 => (0..2_usize).prop_map(Step::Apply),
    ];
    vec(step, 1..120)
}

const CHOICES: [Choice; 7] = [
    Choice::LongestIdle,
    Choice::LeastCalls,
    Choice::LeastOccupied,
    Choice::BestSkill,
    Choice::RoundRobin,
    Choice::Random,
    Choice::RingAll,
];

fn any_queue(at: usize) -> impl Strategy<Value = QueueSetup> {
    let shape = (select(CHOICES.to_vec()), 0..4_usize, 1..10_u8, option::of(1..40_u64));
    let limits = (option::of((1..60_u64, any::<bool>())), 0..15_u64, any::<bool>());
    (shape, limits).prop_map(move |((strategy, teams, level, ageing), (limit, sticky_wait, relaxes))| {
        let teams: &[&str] = [&["one"][..], &["two"], &["one", "two"], &["one", "three"]][teams];
        let mut new = queue(["sales", "support", "billing"][at], strategy, teams);
        new.requires = vec![requirement(0, &[("talk", level)])];
        if relaxes {
            new.requires.push(requirement(10, &[("talk", level / 2), ("sell", 1)]));
            new.requires.push(requirement(25, &[]));
            new.requires[2].teams = Some(vec!["two".parse().unwrap(), "three".parse().unwrap()]);
        }
        new.ageing = ageing.map(Millis::from_secs);
        new.sticky_wait = Millis::from_secs(sticky_wait);
        new.max_wait = limit.map(|(after, back)| MaxWait {
            after: Millis::from_secs(after),
            then: if back { Overflow::Callback } else { Overflow::Hangup },
        });
        new
    })
}

/// Two configurations with the same agents: the second has other queues, and an agent of other skills less.
fn setups() -> impl Strategy<Value = [Setup; 2]> {
    let levels = vec((0..11_u8, 0..4_u8, 0..4_usize), AGENTS);
    let queues = (any_queue(0), any_queue(1), any_queue(2), any_queue(0), any_queue(1));
    (levels, queues).prop_map(|(levels, (a, b, c, d, e))| {
        let agents = levels.iter().enumerate().map(|(at, (talk, sell, teams))| {
            let teams: &[&str] = [&["one"][..], &["two"], &["one", "two"], &["three"]][*teams];
            agent(&name(at), &[("talk", *talk), ("sell", *sell)], teams)
        });
        let agents: Vec<_> = agents.collect();
        let mut fewer = agents.clone();
        fewer.pop();
        fewer[0].skills = skills(&[("talk", 10), ("cook", 1)]);
        [setup(agents, vec![a, b, c]), setup(fewer, vec![d, e])]
    })
}

fn name(at: usize) -> String {
    format!("agent-{at}")
}

fn extra(kind: u8) -> BTreeMap<hookswitch_model::Skill, u8> {
    match kind {
        1 => skills(&[("sell", 2)]),
        2 => skills(&[("talk", 4), ("cook", 1)]),
        _ => BTreeMap::new(),
    }
}

/// Plays a history to both.
struct Play<'a> {
    setups: &'a [Setup; 2],
    setup: &'a Setup,
    now: Timestamp,
    real: Distributor,
    model: Model,
    calls: u32,
    compared: u32,
}

impl<'a> Play<'a> {
    fn new(setups: &'a [Setup; 2], seed: u64) -> Self {
        Self {
            setups,
            setup: &setups[0],
            // Ten seconds before midnight: tallies of the day turn over on the way.
            now: Timestamp::from_millis(1_795_305_600_000 - 10_000),
            real: Distributor::new(&setups[0], seed),
            model: Model::new(&setups[0], seed),
            calls: 0,
            compared: 0,
        }
    }

    fn call(&self, pick: usize) -> CallId {
        call_id(u32::try_from(pick).unwrap() % self.calls.max(1))
    }

    fn apply(&mut self, step: &Step) {
        let (now, agent) = (self.now, |at: usize| -> AgentId { agent_id(&name(at)) });
        match step {
            Step::Pass(millis) => self.pass(*millis),
            Step::Enqueue { queue, priority, waited, extra: kind, sticky, prefer } => {
                let teams = |at: &usize| self.setup.agents.get(*at).map_or(Vec::new(), |a| a.teams.clone());
                let waiting = Waiting {
                    queue: self.setup.queues[queue % self.setup.queues.len()].id.clone(),
                    priority: *priority,
                    enqueued_at: Timestamp::from_millis(now.as_millis() - waited),
                    requires: extra(*kind),
                    sticky: sticky.map(agent),
                    prefer: prefer.map(|(at, wait, team_wait)| Preferred {
                        agent: agent(at),
                        wait: Millis(wait),
                        teams: teams(&at),
                        team_wait: Millis(team_wait),
                    }),
                    claimant: Claimant::Caller,
                };
                let call = call_id(self.calls);
                self.calls += 1;
                assert!(self.real.enqueue(now, call, waiting.clone()).is_some());
                self.model.enqueue(now, call, waiting);
            }
            Step::Ready(at) => {
                self.real.agent_ready(now, &agent(*at));
                self.model.agent_ready(now, &agent(*at));
            }
            Step::Away(at, why) => {
                self.real.agent_unavailable(now, &agent(*at), why.clone());
                self.model.agent_unavailable(now, &agent(*at), why.clone());
            }
            Step::Took(at, talk) => {
                self.real.agent_took_call(now, &agent(*at), Millis(*talk));
                self.model.agent_took_call(now, &agent(*at), Millis(*talk));
            }
            Step::Skills(at, kind) => {
                let changed = skills(&[("talk", kind % 11), ("cook", kind % 3)]);
                self.real.set_skills(now, &agent(*at), changed.clone());
                self.model.set_skills(now, &agent(*at), changed);
            }
            Step::Requeue(pick) => {
                let call = self.call(*pick);
                assert_eq!(self.real.requeue(now, call), self.model.requeue(now, call));
            }
            Step::Answered(pick) => {
                let call = self.call(*pick);
                assert_eq!(self.real.answered(now, call), self.model.remove(call));
            }
            Step::Left(pick) => {
                let call = self.call(*pick);
                assert_eq!(self.real.remove(now, call), self.model.remove(call));
            }
            Step::StandIn(pick) => self.stand_in(*pick),
            Step::Restart => {
                let kept = serde_json::to_string(&self.real.state()).unwrap();
                let state: State = serde_json::from_str(&kept).unwrap();
                self.real = Distributor::restore(self.setup, state);
                assert_eq!(serde_json::to_string(&self.real.state()).unwrap(), kept);
            }
            Step::Apply(which) => {
                self.setup = &self.setups[*which];
                assert_eq!(self.real.apply(now, self.setup), self.model.apply(now, self.setup));
            }
        }
        self.compare();
    }

    /// Nobody in line loses a place to a call-back, and it does not win one.
    fn stand_in(&mut self, pick: usize) {
        let (now, call, with) = (self.now, self.call(pick), call_id(self.calls));
        self.calls += 1;
        let place = |real: &Distributor, id: u32| Some((call_id(id), real.position(call_id(id))?));
        let before: Vec<_> = (0..self.calls).filter_map(|id| place(&self.real, id)).collect();
        let was = self.real.position(call);
        let stands = self.real.stand_in(now, call, with);
        assert_eq!(stands, self.model.stand_in(call, with));
        if stands {
            assert!(self.real.position(call).is_none() && self.real.position(with) >= was);
            let others = before.into_iter().filter(|(id, _)| *id != call);
            others.for_each(|(id, place)| assert!(self.real.position(id) <= Some(place), "{id} fell back"));
        }
    }

    /// Time passes, and the distributor is woken at its deadlines only. At the end the model, which looks at everything,
    /// must find nothing that the distributor missed.
    fn pass(&mut self, millis: u64) {
        let end = self.now + Millis(millis);
        while let Some(due) = self.real.next_deadline().filter(|due| *due <= end) {
            assert!(due >= self.now, "a deadline that has passed is not asked for again");
            self.now = due;
            self.real.tick(due);
            self.compare();
            assert!(self.real.next_deadline().is_none_or(|next| next > due), "a deadline fires once");
        }
        self.now = end;
    }

    fn compare(&mut self) {
        loop {
            let expected = self.model.next(self.now);
            let decided = match self.real.next(self.now) {
                None => None,
                Some(Decision::Offer { call, agents, .. }) => Some(Decided::Offer(call, agents)),
                Some(Decision::Overflow { call, then, .. }) => Some(Decided::Overflow(call, then)),
            };
            assert_eq!(decided, expected, "at {:?}", self.now);
            if decided.is_none() {
                break;
            }
        }
        // The model's places take the square of the calls: in long histories now and then is enough.
        self.compared += 1;
        if self.calls > 100 && !self.compared.is_multiple_of(100) {
            return;
        }
        let places = self.model.places();
        let found: BTreeMap<CallId, u32> =
            (0..self.calls).map(call_id).filter_map(|id| Some((id, self.real.position(id)?))).collect();
        assert_eq!(found, places, "places at {:?}", self.now);
        assert_eq!(self.real.ready_agents(), self.model.ready());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_choice_is_the_choice_of_a_model_that_looks_at_everything(
        setups in setups(),
        seed in any::<u64>(),
        steps in steps(),
    ) {
        let mut play = Play::new(&setups, seed);
        for step in &steps {
            play.apply(step);
        }
        // A day without events: every deadline that is left fires, nothing else happens.
        play.pass(86_400_000);
        prop_assert_eq!(play.real.next_deadline(), None);
    }
}

/// Many agents and calls, so that orders and lines are of many pieces.
#[test]
fn a_large_floor_makes_the_choices_of_the_model() {
    const MANY: usize = 180;
    for (seed, strategy) in (0..).zip(CHOICES) {
        let agents = (0..MANY).map(|at| {
            let talk = u8::try_from(at * 7 % 11).unwrap();
            agent(&name(at), &[("talk", talk), ("sell", u8::try_from(at % 4).unwrap())], &["one"])
        });
        let mut only = queue("sales", strategy, &["one"]);
        only.requires = vec![requirement(0, &[("talk", 6)]), requirement(10, &[("talk", 2)])];
        let setups = [setup(agents.collect(), vec![only]), Setup::default()];
        let mut play = Play::new(&setups, seed);
        let mut dice = seed;
        let mut below = |n: usize| super::super::choose::draw(&mut dice, n);
        for turn in 0..500 {
            let step = match below(10) {
                0..=3 => Step::Ready(below(MANY)),
                4 if turn > 250 => Step::Answered(below(1_000)),
                4 | 5 => Step::Pass(below(400) as u64),
                6 => Step::Requeue(below(1_000)),
                _ if turn > 250 || below(3) == 0 => {
                    let extra = u8::try_from(below(2)).unwrap();
                    Step::Enqueue {
                        queue: 0,
                        priority: 0,
                        waited: below(9_000) as u64,
                        extra,
                        sticky: None,
                        prefer: None,
                    }
                }
                _ => Step::Ready(below(MANY)),
            };
            play.apply(&step);
        }
    }
}
