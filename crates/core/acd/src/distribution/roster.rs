//! The agents: skills, presence, what they did today.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use hookswitch_model::{AgentId, Millis, Skill, TeamId, Timestamp, setup::AgentSetup};
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use super::{
    Unavailable,
    bits::Bits,
    order::{AgentNo, Rank},
    waiting::Key,
};

/// What an agent did on one day (UTC). Strategies compare days, not careers: otherwise who joins late would get every
/// call until even.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    day: u64,
    pub(super) calls: u64,
    talk: Millis,
    logged_in: Millis,
    logged_in_since: Option<Timestamp>,
}

const DAY_MICROS: u64 = 86_400_000_000;

impl Tally {
    fn turn_the_day(&mut self, now: Timestamp) {
        let day = now.as_micros() / DAY_MICROS;
        if self.day != day {
            let midnight = Timestamp::from_micros(day * DAY_MICROS);
            let logged_in_since = self.logged_in_since.map(|since| since.max(midnight));
            *self = Self { day, logged_in_since, ..Self::default() };
        }
    }

    pub(super) fn took_call(&mut self, now: Timestamp, talk: Millis) {
        self.turn_the_day(now);
        self.calls += 1;
        self.talk = self.talk + talk;
    }

    fn logged_in(&mut self, now: Timestamp, is: bool) {
        self.turn_the_day(now);
        match (self.logged_in_since, is) {
            (None, true) => self.logged_in_since = Some(now),
            (Some(since), false) => {
                self.logged_in = self.logged_in + now.since(since);
                self.logged_in_since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// Share of the time logged in that was spent talking, in millionths.
    fn occupancy_ppm(&self, now: Timestamp) -> u32 {
        let open = self.logged_in_since.map_or(0, |since| now.since(since).0);
        let share = u128::from(self.talk.0) * 1_000_000 / u128::from((self.logged_in.0 + open).max(1));
        u32::try_from(share.min(1_000_000)).unwrap_or(1_000_000)
    }
}

/// What the strategies compare, as it was when the agent got ready. It stays so while the agent is ready: orders need
/// keys that stand still, and a share of time is the only one that would not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) idle_since: Timestamp,
    pub(super) calls: u64,
    pub(super) occupancy_ppm: u32,
}

impl Standing {
    /// The rank in the order of idle time; ties go to the smaller id.
    pub(super) const fn by_idle(&self) -> Rank {
        (self.idle_since.as_micros(), 0)
    }

    /// The rank in the order of calls, then idle time.
    pub(super) const fn by_calls(&self) -> Rank {
        (self.calls, self.idle_since.as_micros())
    }

    /// The rank in the order of occupancy, then idle time.
    pub(super) const fn by_occupancy(&self) -> Rank {
        (self.occupancy_ppm as u64, self.idle_since.as_micros())
    }
}

/// One agent.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    pub(super) id: AgentId,
    /// Why no calls are taken; none: calls are taken.
    pub(super) away: Option<Unavailable>,
    /// Since when the agent waits for a call. Kept over an offer that did not reach the agent, and over a device that
    /// was unreachable for a moment.
    pub(super) idle_since: Option<Timestamp>,
    pub(super) tally: Tally,
    /// Set exactly while the agent is ready.
    pub(super) standing: Option<Standing>,
    /// Skills that were changed by hand, and the configuration's at that time.
    pub(super) changed: Option<Box<ChangedSkills>>,
    /// Calls that wait for this agent alone.
    pub(super) kept: BTreeSet<Key>,
}

/// Skills changed by hand. They hold until the configuration gives the agent other skills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChangedSkills {
    configured: BTreeMap<Skill, u8>,
    now: BTreeMap<Skill, u8>,
}

/// What of an agent outlives a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AgentState {
    away: Option<Unavailable>,
    idle_since: Option<Timestamp>,
    tally: Tally,
    standing: Option<Standing>,
    changed: Option<Box<ChangedSkills>>,
}

/// A skill's column.
pub(super) type SkillNo = usize;

/// The column of skills that no agent has: always 0.
const NO_SKILL: SkillNo = 0;

/// All agents, numbered in the order of their ids.
#[derive(Debug, Clone, Default)]
pub(super) struct Roster {
    agents: Vec<Agent>,
    numbers: HashMap<AgentId, AgentNo, FxBuildHasher>,
    /// Skills as configured.
    configured: Vec<BTreeMap<Skill, u8>>,
    teams: BTreeMap<TeamId, Vec<AgentNo>>,
    skills: BTreeMap<Skill, SkillNo>,
    /// Level of agent × skill, 0 for none, in rows of `width`.
    levels: Vec<u8>,
    width: usize,
    pub(super) ready: Bits,
    /// Ready, or busy.
    pub(super) there: Bits,
}

impl Roster {
    /// The agents of a configuration, with what is remembered of them. `asked` are skills that queues and routes name.
    pub(super) fn new(
        agents: &[AgentSetup],
        asked: impl IntoIterator<Item = Skill>,
        mut states: BTreeMap<AgentId, AgentState>,
    ) -> Self {
        let by_id: BTreeMap<&AgentId, &AgentSetup> = agents.iter().map(|agent| (&agent.id, agent)).collect();
        let mut new = Self::default();
        for (number, (id, setup)) in (0..).zip(by_id) {
            let agent = Agent::new(id, setup, states.remove(id));
            new.numbers.insert(id.clone(), number);
            new.configured.push(setup.skills.clone());
            for team in &setup.teams {
                new.teams.entry(team.clone()).or_default().push(number);
            }
            new.mark(number, agent.away.as_ref());
            new.agents.push(agent);
        }
        let mut names: BTreeSet<Skill> = asked.into_iter().collect();
        for number in 0..new.agents.len() {
            names.extend(new.skills_of(number).keys().cloned());
        }
        new.learn(names);
        new
    }

    /// What of the agents outlives a restart.
    pub(super) fn states(&self) -> BTreeMap<AgentId, AgentState> {
        let state = |agent: &Agent| AgentState {
            away: agent.away.clone(),
            idle_since: agent.idle_since,
            tally: agent.tally,
            standing: agent.standing,
            changed: agent.changed.clone(),
        };
        self.agents.iter().map(|agent| (agent.id.clone(), state(agent))).collect()
    }

    /// Takes the standings of all who are ready, to be given back when there are orders to put them into.
    pub(super) fn suspend(&mut self) -> Vec<(AgentNo, Standing)> {
        (0..)
            .zip(&mut self.agents)
            .filter_map(|(number, agent)| Some((number, agent.standing.take()?)))
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.agents.len()
    }

    pub(super) fn number(&self, id: &AgentId) -> Option<AgentNo> {
        self.numbers.get(id).copied()
    }

    /// The number of the last agent whose id is not above this one, whether or not there is such an agent.
    pub(super) fn number_up_to(&self, id: &AgentId) -> Option<AgentNo> {
        let above = self.agents.partition_point(|agent| agent.id <= *id);
        AgentNo::try_from(above).ok()?.checked_sub(1)
    }

    pub(super) fn get(&self, agent: AgentNo) -> &Agent {
        &self.agents[agent as usize]
    }

    pub(super) fn get_mut(&mut self, agent: AgentNo) -> &mut Agent {
        &mut self.agents[agent as usize]
    }

    /// Everybody in a team.
    pub(super) fn team(&self, team: &TeamId) -> &[AgentNo] {
        self.teams.get(team).map_or(&[], Vec::as_slice)
    }

    /// Whether an agent is in one of these teams; of none everybody is.
    pub(super) fn is_in(&self, agent: AgentNo, teams: &[TeamId]) -> bool {
        teams.is_empty() || teams.iter().any(|team| self.team(team).binary_search(&agent).is_ok())
    }

    pub(super) fn skill_number(&self, skill: &Skill) -> SkillNo {
        self.skills.get(skill).copied().unwrap_or(NO_SKILL)
    }

    pub(super) fn level(&self, agent: AgentNo, skill: SkillNo) -> u8 {
        self.levels[agent as usize * self.width + skill]
    }

    fn skills_of(&self, agent: usize) -> &BTreeMap<Skill, u8> {
        self.agents[agent].changed.as_ref().map_or(&self.configured[agent], |changed| &changed.now)
    }

    /// Gives these skills columns, and lays all levels out.
    fn learn(&mut self, names: impl IntoIterator<Item = Skill>) {
        for name in names {
            let next = self.skills.len() + 1;
            self.skills.entry(name).or_insert(next);
        }
        self.width = self.skills.len() + 1;
        self.levels = vec![0; self.agents.len() * self.width];
        for agent in 0..self.agents.len() {
            self.lay_out(agent);
        }
    }

    fn lay_out(&mut self, agent: usize) {
        let skills = self.skills_of(agent);
        let levels: Vec<(SkillNo, u8)> =
            skills.iter().map(|(skill, level)| (self.skill_number(skill), *level)).collect();
        let row = &mut self.levels[agent * self.width..][..self.width];
        row.fill(0);
        for (skill, level) in levels {
            row[skill] = level;
        }
    }

    /// Changes an agent's skills. True when one of them is new and got a number.
    pub(super) fn set_skills(&mut self, agent: AgentNo, skills: BTreeMap<Skill, u8>) -> bool {
        let unknown: Vec<Skill> =
            skills.keys().filter(|skill| !self.skills.contains_key(*skill)).cloned().collect();
        let agent = agent as usize;
        let configured = self.configured[agent].clone();
        self.agents[agent].changed =
            (skills != configured).then(|| Box::new(ChangedSkills { configured, now: skills }));
        if unknown.is_empty() {
            self.lay_out(agent);
            return false;
        }
        self.learn(unknown);
        true
    }

    /// Books a change of presence. True if the agent is ready now.
    pub(super) fn set_away(&mut self, now: Timestamp, agent: AgentNo, away: Option<Unavailable>) -> bool {
        let row = &mut self.agents[agent as usize];
        row.tally.logged_in(now, away != Some(Unavailable::LoggedOut));
        match &away {
            None => {
                let idle_since = *row.idle_since.get_or_insert(now);
                let occupancy_ppm = row.tally.occupancy_ppm(now);
                row.standing = Some(Standing { idle_since, calls: row.tally.calls, occupancy_ppm });
            }
            Some(Unavailable::Reserved | Unavailable::Device) => row.standing = None,
            Some(
                Unavailable::LoggedOut
                | Unavailable::NotReady { .. }
                | Unavailable::Talking
                | Unavailable::Holding
                | Unavailable::WrapUp { .. },
            ) => {
                row.standing = None;
                row.idle_since = None;
            }
        }
        row.away.clone_from(&away);
        self.mark(agent, away.as_ref());
        away.is_none()
    }

    fn mark(&mut self, agent: AgentNo, away: Option<&Unavailable>) {
        self.ready.set(agent as usize, away.is_none());
        self.there.set(agent as usize, away.is_none_or(Unavailable::is_busy));
    }
}

impl Agent {
    fn new(id: &AgentId, setup: &AgentSetup, state: Option<AgentState>) -> Self {
        let state = state.unwrap_or(AgentState {
            away: Some(Unavailable::LoggedOut),
            idle_since: None,
            tally: Tally::default(),
            standing: None,
            changed: None,
        });
        Self {
            id: id.clone(),
            away: state.away,
            idle_since: state.idle_since,
            tally: state.tally,
            standing: state.standing,
            changed: state.changed.filter(|changed| changed.configured == setup.skills),
            kept: BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_counts_one_day() {
        let noon = Timestamp::from_millis(43_200_000);
        let next_morning = Timestamp::from_millis(86_400_000 + 3_600_000);
        let mut tally = Tally::default();
        tally.logged_in(noon, true);
        tally.took_call(noon + Millis::from_secs(600), Millis::from_secs(600));
        assert_eq!(tally.occupancy_ppm(noon + Millis::from_secs(1_200)), 500_000);
        tally.took_call(next_morning, Millis::from_secs(360));
        assert_eq!(tally.calls, 1, "yesterday's call is not counted");
        assert_eq!(tally.occupancy_ppm(next_morning), 100_000, "6 of the 60 minutes since midnight");
    }
}
