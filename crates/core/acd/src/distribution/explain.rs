//! Reasons: of decisions taken, of calls that do not exist, of agents who are idle.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_model::{AgentId, Millis, Skill, Timestamp, setup::Strategy};

use super::{
    Distributor, Excluded, Exclusion, Explanation, MEMBERS_EXPLAINED, Ranked, Reasons, Score, StepExplained,
    Turn, Unavailable, Waiting, WaitingFor, WhyIdle,
    demand::{Queue, both, numbered},
    order::AgentNo,
    roster::SkillNo,
    waiting::{Call, CallNo, Place},
};

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
            let (others, excluded) = self.sort_members(now, queue, call.step, &asked, Some(call));
            let others = others.into_iter().filter(|agent| !chosen.contains(agent));
            reasons.ranked.extend(others.map(|agent| ranked(&agent)));
            reasons.excluded = excluded;
        }
        reasons
    }

    /// What would be decided now for a call like this, at each step of its queue's requirement; none when there is no
    /// such queue.
    #[must_use]
    pub fn explain(&self, now: Timestamp, waiting: &Waiting) -> Option<Explanation> {
        let queue = &self.queues[*self.queue_numbers.get(&waiting.queue)?];
        let steps = queue.steps.iter().enumerate().map(|(number, step)| {
            let requires = both(&step.skills, &waiting.requires);
            let levels = numbered(&requires, &self.roster);
            let asked = Asked { names: &requires, levels: &levels };
            let (able, excluded) = self.sort_members(now, queue, number, &asked, None);
            let ranked = able.into_iter().map(|agent| self.ranked(now, agent, &levels, None)).collect();
            StepExplained { after: step.after, requires, ranked, excluded }
        });
        Some(Explanation {
            queue: queue.setup.id.clone(),
            strategy: queue.setup.strategy,
            steps: steps.collect(),
        })
    }

    /// Why an agent has no call: for each of the agent's queues in which somebody waits, what keeps the call whose turn
    /// is next from this agent. None when there is no such agent.
    #[must_use]
    pub fn why_idle(&self, now: Timestamp, agent: &AgentId) -> Option<WhyIdle> {
        let number = self.roster.number(agent)?;
        let mine = self.queues.iter().enumerate().filter(|(_, q)| q.member_bits.contains(number as usize));
        let queues = mine.filter_map(|(at, queue)| {
            let next = self
                .calls
                .iter()
                .filter(|call| call.queue == at && !is_offered(call))
                .min_by_key(|c| c.key)?;
            let profile = self.profiles.get(self.profiles.demand(next.demand).steps[next.step].1);
            let asked = Asked { names: &profile.asked, levels: &profile.levels };
            Some(WaitingFor {
                queue: queue.setup.id.clone(),
                waiting: u32::try_from(queue.line.len()).unwrap_or(u32::MAX),
                next: next.key.call,
                why: self.exclusion(now, number, queue, next.step, &asked, Some(next)),
            })
        });
        Some(WhyIdle { away: self.roster.get(number).away.clone(), queues: queues.collect() })
    }

    /// The members who could have the call, best first, and the others with the one reason.
    fn sort_members(
        &self,
        now: Timestamp,
        queue: &Queue,
        step: usize,
        asked: &Asked<'_>,
        call: Option<&Call>,
    ) -> (Vec<AgentNo>, Vec<Excluded>) {
        let (mut able, mut excluded) = (Vec::new(), Vec::new());
        for agent in &queue.members {
            match self.exclusion(now, *agent, queue, step, asked, call) {
                None => able.push(*agent),
                Some(why) => excluded.push(Excluded { agent: self.roster.get(*agent).id.clone(), why }),
            }
        }
        let last = queue.cursor.as_ref().and_then(|(_, number)| *number);
        able.sort_by_cached_key(|agent| {
            let score = self.score(now, *agent, asked.levels);
            let since = self.roster.get(*agent).standing.map(|standing| standing.idle_since);
            let first = match queue.setup.strategy {
                Strategy::LongestIdle | Strategy::RingAll | Strategy::Random => 0,
                Strategy::LeastCalls => score.calls,
                Strategy::LeastOccupied => u64::from(score.occupancy_ppm),
                Strategy::BestSkill => u64::MAX - u64::from(score.skill),
                Strategy::RoundRobin => u64::from(last.is_some_and(|last| *agent <= last)),
            };
            let by_id = matches!(queue.setup.strategy, Strategy::RoundRobin | Strategy::Random);
            let failed = call.is_some_and(|call| call.failed(*agent).is_some());
            (failed, first, if by_id { None } else { since }, *agent)
        });
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

const fn is_offered(call: &Call) -> bool {
    matches!(call.place, Place::Offered(_))
}
