//! Reasons: of decisions taken, of calls that do not exist, of agents who are idle.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_model::{
    AgentId, CallId, CallbackId, Millis, Skill, Timestamp,
    setup::Strategy,
    why::{
        Excluded, Exclusion, Explanation, Keeper, NotForAgent, Ranked, Reasons, Score, StepExplained, Turn,
        Unavailable, WaitingFor,
    },
};

use super::{
    Claimant, Distributor, MEMBERS_EXPLAINED, Waiting,
    choose::draw,
    demand::{Queue, both, numbered},
    order::AgentNo,
    roster::SkillNo,
    waiting::{Call, CallNo, Place},
};

/// The id of a call that does not exist: after all others in a queue, as one is that comes now.
const IMAGINARY: CallId = CallId::from_bits(u128::MAX);

/// So many waiting calls of a queue are told to who asks why an agent has none.
const CALLS_TOLD: usize = 100;

/// What is asked: by name, and in the same order by number.
struct Asked<'a> {
    names: &'a BTreeMap<Skill, u8>,
    levels: &'a [(SkillNo, u8)],
}

impl Distributor {
    /// Why this call goes to these agents now. Before they are reserved.
    pub(super) fn reasons(&self, now: Timestamp, number: CallNo, chosen: &[AgentNo]) -> Reasons {
        let call = self.calls.get(number);
        let queue = &self.queues[call.queue];
        let profile = self.profiles.get(self.profile(number));
        let asked = Asked { names: &profile.asked, levels: &profile.levels };
        let ranked = |agent: &AgentNo| self.ranked(now, *agent, asked.levels, Some(call));
        let mut reasons = Reasons {
            queue: queue.setup.id.clone(),
            strategy: queue.setup.strategy,
            step: u32::try_from(call.step).unwrap_or(u32::MAX),
            requires: Arc::clone(&profile.asked),
            teams: profile.teams.to_vec(),
            turn: Turn {
                priority: call.priority,
                waited: now.since(call.enqueued_at),
                ageing: queue.setup.ageing,
                attempt: call.attempts + 1,
            },
            sticky: matches!(call.place, Place::Kept { .. }),
            ranked: chosen.iter().map(ranked).collect(),
            excluded: Vec::new(),
            members: u32::try_from(queue.members.len()).unwrap_or(u32::MAX),
        };
        if queue.members.len() <= MEMBERS_EXPLAINED {
            let (others, excluded) = self.sort_members(now, queue, call.step, &asked, (call, None));
            let others = others.into_iter().filter(|agent| !chosen.contains(agent));
            reasons.ranked.extend(others.map(|agent| ranked(&agent)));
            reasons.excluded = excluded;
        }
        reasons
    }

    /// What would be decided now for a call like this, at each step of its queue's requirement; none when there is no
    /// such queue.
    ///
    /// The first of `ranked` is who would be asked, and the others in their order if nobody took it and nothing else
    /// changed: also where it is drawn by lot, because the lot is part of the state.
    #[must_use]
    pub fn explain(&self, now: Timestamp, waiting: &Waiting) -> Option<Explanation> {
        // The imaginary call takes its place in a copy: whom it is kept for follows from the same code.
        let mut copy = self.clone();
        copy.enqueue(now, IMAGINARY, waiting.clone())?;
        let number = copy.calls.number(IMAGINARY)?;
        copy.ask_keeper(number);
        let call = copy.calls.get(number);
        let queue = &copy.queues[call.queue];
        let levels = &copy.profiles.get(copy.profile(number)).levels;
        let keeper = waiting.keeper(queue.setup.sticky_wait).map(|(agent, wait)| {
            let asked = Asked { names: &copy.profiles.get(copy.profile(number)).asked, levels };
            let open = Call { place: Place::Open, ..call.clone() };
            let why = match copy.roster.number(agent) {
                Some(agent) => copy.exclusion(now, agent, queue, call.step, &asked, Some(&open)),
                None => Some(Exclusion::NotAsked),
            };
            Keeper { agent: agent.clone(), wait, why }
        });
        let steps = (0..queue.steps.len()).flat_map(|step| copy.explain_step(now, number, step));
        Some(Explanation {
            queue: queue.setup.id.clone(),
            strategy: queue.setup.strategy,
            ahead: u32::try_from(copy.place(call).saturating_sub(1)).unwrap_or(u32::MAX),
            keeper,
            steps: steps.collect(),
        })
    }

    /// The agent a call is kept for, who is ready and asked first.
    fn asked_first(&self, call: &Call) -> Option<AgentNo> {
        match call.place {
            Place::Kept { agent, .. } if self.roster.get(agent).standing.is_some() => Some(agent),
            Place::Kept { .. } | Place::Open | Place::Offered(_) => None,
        }
    }

    /// Round-robin goes on from the agent who is asked first because a call is kept for that agent.
    fn ask_keeper(&mut self, number: CallNo) {
        let call = self.calls.get(number);
        if let Some(agent) = self.asked_first(call) {
            let (id, queue) = (self.roster.get(agent).id.clone(), call.queue);
            self.queues[queue].cursor = Some((id, Some(agent)));
        }
    }

    /// One step, in two where a call stays among teams until some time in it.
    fn explain_step(&self, now: Timestamp, number: CallNo, step: usize) -> Vec<StepExplained> {
        let call = self.calls.get(number);
        let queue = &self.queues[call.queue];
        let after = queue.steps[step].after;
        let next = queue.steps.get(step + 1).map(|next| next.after);
        let alone = call.teams_until.map(|until| until.since(call.enqueued_at));
        let open = Call { teams_until: None, ..call.clone() };
        match alone.filter(|alone| after < *alone) {
            None => vec![self.explain_among(now, &open, step, after)],
            Some(alone) if next.is_some_and(|next| next <= alone) => {
                vec![self.explain_among(now, call, step, after)]
            }
            Some(alone) => {
                vec![self.explain_among(now, call, step, after), self.explain_among(now, &open, step, alone)]
            }
        }
    }

    fn explain_among(&self, now: Timestamp, call: &Call, step: usize, after: Millis) -> StepExplained {
        let queue = &self.queues[call.queue];
        let requires = both(&queue.steps[step].skills, &call.waiting.requires);
        let levels = numbered(&requires, &self.roster);
        let asked = Asked { names: &requires, levels: &levels };
        let open = Call { place: Place::Open, ..call.clone() };
        let (able, excluded) = self.sort_members(now, queue, step, &asked, (&open, self.asked_first(call)));
        let ranked = able.into_iter().map(|agent| self.ranked(now, agent, &levels, None)).collect();
        let teams = call.waiting.prefer.as_ref().filter(|_| call.teams_until.is_some());
        let teams = teams.map_or_else(Vec::new, |prefer| prefer.teams.clone());
        StepExplained { after, requires, teams, ranked, excluded }
    }

    /// What keeps each queue's calls from an agent, for each of the agent's queues in the order of the configuration.
    /// Nothing when there is no such agent.
    #[must_use]
    pub fn waiting_for(&self, now: Timestamp, agent: &AgentId) -> Vec<WaitingFor> {
        let Some(number) = self.roster.number(agent) else { return Vec::new() };
        let mine = self.queues.iter().enumerate().filter(|(_, q)| q.member_bits.contains(number as usize));
        mine.map(|(at, queue)| {
            let mut calls: Vec<&Call> =
                self.calls.iter().filter(|call| call.queue == at && !is_offered(call)).collect();
            calls.sort_unstable_by_key(|call| call.key);
            let not_for = |call: &&Call| {
                let profile = self.profiles.get(self.profiles.demand(call.demand).steps[call.step].1);
                let asked = Asked { names: &profile.asked, levels: &profile.levels };
                let why = self.exclusion(now, number, queue, call.step, &asked, Some(call));
                let callback = (call.waiting.claimant == Claimant::Callback)
                    .then(|| CallbackId::from_bits(call.key.call.bits()));
                NotForAgent { call: call.key.call, why, callback }
            };
            WaitingFor {
                queue: queue.setup.id.clone(),
                waiting: u32::try_from(queue.line.len()).unwrap_or(u32::MAX),
                calls: calls.iter().take(CALLS_TOLD).map(not_for).collect(),
            }
        })
        .collect()
    }

    /// The members who could have the call, best first, and the others with the one reason. `first` comes before all
    /// others, whatever the strategy compares.
    fn sort_members(
        &self,
        now: Timestamp,
        queue: &Queue,
        step: usize,
        asked: &Asked<'_>,
        (call, first): (&Call, Option<AgentNo>),
    ) -> (Vec<AgentNo>, Vec<Excluded>) {
        let (mut able, mut excluded) = (Vec::new(), Vec::new());
        for agent in &queue.members {
            match self.exclusion(now, *agent, queue, step, asked, Some(call)) {
                None => able.push(*agent),
                Some(why) => excluded.push(Excluded { agent: self.roster.get(*agent).id.clone(), why }),
            }
        }
        let last = queue.cursor.as_ref().and_then(|(_, number)| *number);
        able.sort_by_cached_key(|agent| {
            let score = self.score(now, *agent, asked.levels);
            let since = self.roster.get(*agent).standing.map(|standing| standing.idle_since);
            let best = match queue.setup.strategy {
                Strategy::LongestIdle | Strategy::RingAll | Strategy::Random => 0,
                Strategy::LeastCalls => score.calls,
                Strategy::LeastOccupied => u64::from(score.occupancy_ppm),
                Strategy::BestSkill => u64::MAX - u64::from(score.skill),
                Strategy::RoundRobin => u64::from(last.is_some_and(|last| *agent <= last)),
            };
            let by_id = matches!(queue.setup.strategy, Strategy::RoundRobin | Strategy::Random);
            (call.failed(*agent).is_some(), best, if by_id { None } else { since }, *agent)
        });
        let first = first.and_then(|first| able.iter().position(|agent| *agent == first));
        let first = first.map(|at| able.remove(at));
        if queue.setup.strategy == Strategy::Random {
            let fresh = able.iter().take_while(|agent| call.failed(**agent).is_none()).count();
            let mut lot = self.lot;
            let last = able.split_off(fresh);
            able = drawn(&mut lot, able);
            able.extend(drawn(&mut lot, last));
        }
        able.splice(0..0, first);
        (able, excluded)
    }

    /// The first reason that keeps an agent from a call; none: it could have it now.
    fn exclusion(
        &self,
        now: Timestamp,
        agent: AgentNo,
        queue: &Queue,
        step: usize,
        asked: &Asked<'_>,
        call: Option<&Call>,
    ) -> Option<Exclusion> {
        if !queue.steps[step].members.contains(agent as usize) {
            return Some(Exclusion::NotAsked);
        }
        if let Some((call, prefer)) = call.and_then(|call| Some((call, call.waiting.prefer.as_ref()?)))
            && call.teams_until.is_some()
            && !self.roster.is_in(agent, &prefer.teams)
        {
            return Some(Exclusion::OtherTeam { until: call.teams_until });
        }
        let has = |skill: SkillNo| self.roster.level(agent, skill);
        let mut both = asked.names.iter().zip(asked.levels);
        if let Some(((skill, least), (number, _))) =
            both.find(|((_, least), (number, _))| has(*number) < **least)
        {
            return Some(Exclusion::Skill { skill: skill.clone(), asked: *least, has: has(*number) });
        }
        if let Some(away) = &self.roster.get(agent).away {
            return Some(match away.clone() {
                Unavailable::LoggedOut => Exclusion::LoggedOut,
                Unavailable::NotReady { reason } => Exclusion::NotReady { because: reason },
                Unavailable::Reserved => Exclusion::Reserved,
                Unavailable::Talking => Exclusion::Talking,
                Unavailable::Holding => Exclusion::Holding,
                Unavailable::WrapUp { until } => Exclusion::WrapUp { until },
                Unavailable::Device => Exclusion::Device,
            });
        }
        let call = call?;
        if let Place::Kept { agent: keeper, until } = call.place
            && keeper != agent
        {
            return Some(Exclusion::Sticky { agent: self.roster.get(keeper).id.clone(), until });
        }
        let failed = call.failed(agent).filter(|failed| failed.until > now)?;
        Some(Exclusion::Failed { until: failed.until })
    }

    fn ranked(&self, now: Timestamp, agent: AgentNo, asked: &[(SkillNo, u8)], call: Option<&Call>) -> Ranked {
        Ranked {
            agent: self.roster.get(agent).id.clone(),
            score: self.score(now, agent, asked),
            last_resort: call.is_some_and(|call| call.failed(agent).is_some()),
        }
    }

    fn score(&self, now: Timestamp, agent: AgentNo, asked: &[(SkillNo, u8)]) -> Score {
        let standing = self.roster.get(agent).standing.as_ref();
        Score {
            idle: standing.map_or(Millis(0), |standing| now.since(standing.idle_since)),
            calls: standing.map_or(0, |standing| standing.calls),
            occupancy_ppm: standing.map_or(0, |standing| standing.occupancy_ppm),
            skill: asked.iter().map(|(skill, _)| u32::from(self.roster.level(agent, *skill))).sum(),
        }
    }
}

/// The order in which these would be drawn, one after the other.
fn drawn(lot: &mut u64, mut left: Vec<AgentNo>) -> Vec<AgentNo> {
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        order.push(left.remove(draw(lot, left.len())));
    }
    order
}

const fn is_offered(call: &Call) -> bool {
    matches!(call.place, Place::Offered(_))
}
