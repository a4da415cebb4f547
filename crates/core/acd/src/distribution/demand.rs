//! Distinct requirements: who is asked, and what of them.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashMap;
use hookswitch_model::{
    AgentId, Millis, QueueId, Skill, TeamId,
    setup::{QueueSetup, Requirement, Setup},
};
use rustc_hash::FxBuildHasher;

use super::{
    bits::{Bits, Rows},
    line::{InLine, Line},
    order::{AgentNo, Scores},
    pace::Pace,
    ready::By,
    roster::{Roster, SkillNo},
    waiting::{Call, CallNo, Key, Turn},
};

/// A queue: its configuration, resolved, and its line.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) setup: QueueSetup,
    pub(super) steps: Vec<Step>,
    /// Everybody some step asks, by number.
    pub(super) members: Vec<AgentNo>,
    pub(super) member_bits: Bits,
    pub(super) line: Line,
    pub(super) pace: Pace,
    /// The agent round-robin chose last, who may be gone, and the last number that does not come after.
    pub(super) cursor: Option<(AgentId, Option<AgentNo>)>,
}

/// A step of a queue's requirement.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) after: Millis,
    pub(super) skills: BTreeMap<Skill, u8>,
    /// Who is asked.
    pub(super) members: Bits,
}

impl Queue {
    pub(super) fn new(setup: &QueueSetup, roster: &Roster) -> Self {
        let always = [Requirement { after: Millis(0), skills: BTreeMap::new(), teams: None }];
        let requires = if setup.requires.is_empty() { &always[..] } else { &setup.requires };
        let step = |requirement: &Requirement| Step {
            after: requirement.after,
            skills: requirement.skills.clone(),
            members: members(setup, requirement, roster),
        };
        let steps: Vec<Step> = requires.iter().map(step).collect();
        let mut member_bits = Bits::default();
        for agent in 0..roster.len() {
            if steps.iter().any(|step| step.members.contains(agent)) {
                member_bits.insert(agent);
            }
        }
        let members = super::bits::ones(member_bits.words().iter().copied())
            .filter_map(|agent| AgentNo::try_from(agent).ok())
            .collect();
        Self {
            setup: setup.clone(),
            steps,
            members,
            member_bits,
            line: Line::default(),
            pace: Pace::default(),
            cursor: None,
        }
    }
}

fn members(setup: &QueueSetup, requirement: &Requirement, roster: &Roster) -> Bits {
    let mut members = Bits::default();
    let teams = requirement.teams.as_ref().unwrap_or(&setup.members.teams);
    for agent in teams.iter().flat_map(|team| roster.team(team)) {
        members.insert(*agent as usize);
    }
    if requirement.teams.is_none() {
        for agent in setup.members.agents.iter().filter_map(|id| roster.number(id)) {
            members.insert(agent as usize);
        }
    }
    members
}

/// What a call of a queue asks for beside the queue's own requirement, over all steps: skills, and teams to stay among.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    /// From which waiting time on which profile.
    pub(super) steps: Vec<(Millis, usize)>,
}

/// One distinct requirement of one step: calls that have it are alike to agents.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) queue: usize,
    pub(super) step: usize,
    /// Only agents of these teams; empty: everybody.
    pub(super) teams: Arc<[TeamId]>,
    /// The least levels, the route's included.
    pub(super) asked: Arc<BTreeMap<Skill, u8>>,
    /// The same by skill number.
    pub(super) levels: Vec<(SkillNo, u8)>,
    pub(super) by: By,
    ageing: Option<Millis>,
}

/// The first call of a profile.
#[derive(Debug, Clone, Copy)]
struct Head {
    key: Key,
    call: CallNo,
}

const NOBODY: Head = Head { key: Key::NONE, call: CallNo::MAX };

/// All profiles, who qualifies for them, and the calls that wait in them.
#[derive(Debug, Clone)]
pub(super) struct Profiles {
    list: Vec<Profile>,
    demands: Vec<Demand>,
    numbers: HashMap<OwnedAsked, usize, FxBuildHasher>,
    pub(super) rows: Rows,
    calls: Vec<Line>,
    /// The first of each.
    heads: Vec<Head>,
    /// The turns of the heads once more, side by side, so that the best of hundreds is one sweep over a few cache lines.
    turns: Vec<Turn>,
    /// The profiles in which somebody waits.
    pub(super) waiting: Bits,
}

impl Profiles {
    pub(super) fn new(agents: usize) -> Self {
        Self {
            list: Vec::new(),
            demands: Vec::new(),
            numbers: HashMap::default(),
            rows: Rows::new(agents, 0),
            calls: Vec::new(),
            heads: Vec::new(),
            turns: Vec::new(),
            waiting: Bits::default(),
        }
    }

    pub(super) fn get(&self, profile: usize) -> &Profile {
        &self.list[profile]
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn demand(&self, demand: usize) -> &Demand {
        &self.demands[demand]
    }

    /// The demand's number, if it was met before.
    pub(super) fn find(&self, queue: usize, extra: &BTreeMap<Skill, u8>, teams: &[TeamId]) -> Option<usize> {
        self.numbers.get(&Asked { queue, extra, teams }).copied()
    }

    /// Adds a demand and its profiles; returns its number. Whom they match is to be told by [`qualify`](Self::qualify).
    pub(super) fn add(
        &mut self,
        at: usize,
        queue: &Queue,
        extra: &BTreeMap<Skill, u8>,
        teams: &[TeamId],
        roster: &Roster,
    ) -> usize {
        let teams: Arc<[TeamId]> = teams.into();
        let mut steps = Vec::with_capacity(queue.steps.len());
        for (number, step) in queue.steps.iter().enumerate() {
            let asked = both(&step.skills, extra);
            let levels = numbered(&asked, roster);
            let (by, ageing) = (By::of(queue.setup.strategy), queue.setup.ageing);
            steps.push((step.after, self.list.len()));
            let (asked, teams) = (Arc::new(asked), Arc::clone(&teams));
            self.list.push(Profile { queue: at, step: number, teams, asked, levels, by, ageing });
            self.calls.push(Line::default());
            self.heads.push(NOBODY);
            self.turns.push(NOBODY.key.turn());
        }
        self.rows.widen(self.list.len());
        self.demands.push(Demand { steps });
        self.numbers.insert((at, extra.clone(), teams), self.demands.len() - 1);
        self.demands.len() - 1
    }

    /// Skills became known to the roster.
    pub(super) fn number_skills(&mut self, roster: &Roster) {
        for profile in &mut self.list {
            profile.levels = numbered(&profile.asked, roster);
        }
    }

    /// Whether the agent has the levels a profile asks for, and is asked at all.
    pub(super) fn fits(&self, profile: usize, agent: AgentNo, queues: &[Queue], roster: &Roster) -> bool {
        let asks = &self.list[profile];
        queues[asks.queue].steps[asks.step].members.contains(agent as usize)
            && roster.is_in(agent, &asks.teams)
            && asks.levels.iter().all(|(skill, least)| roster.level(agent, *skill) >= *least)
    }

    /// Books that the agent does or does not qualify.
    pub(super) fn qualify(&mut self, profile: usize, agent: AgentNo, does: bool) {
        self.rows.set(agent as usize, profile, does);
    }

    /// A call waits in this profile from now on.
    pub(super) fn insert(&mut self, profile: usize, call: &Call, number: CallNo) {
        let standing = InLine { since: call.enqueued_at, call: call.key.call, number };
        self.calls[profile].insert(call.priority, standing);
        if call.key < self.heads[profile].key {
            self.set_head(profile, Head { key: call.key, call: number });
            self.waiting.insert(profile);
        }
    }

    /// A call waits in this profile no more.
    pub(super) fn remove(&mut self, profile: usize, call: &Call) {
        self.calls[profile].remove(call.priority, call.enqueued_at, call.key.call);
        if self.heads[profile].key == call.key {
            let first = self.calls[profile].first(self.list[profile].ageing);
            self.set_head(profile, first.map_or(NOBODY, |(key, call)| Head { key, call }));
            if first.is_none() {
                self.waiting.remove(profile);
            }
        }
    }

    fn set_head(&mut self, profile: usize, head: Head) {
        self.heads[profile] = head;
        self.turns[profile] = head.key.turn();
    }

    /// The profile, of these, whose first call's turn comes before all others' and before the limit.
    pub(super) fn first_of(
        &self,
        profiles: impl Iterator<Item = usize>,
        limit: Key,
    ) -> Option<(usize, CallNo)> {
        let (mut first, mut turn) = (None, limit.turn());
        for profile in profiles {
            let other = self.turns[profile];
            if other < turn
                || (other == turn
                    && self.heads[profile].key < first.map_or(limit, |p: usize| self.heads[p].key))
            {
                (first, turn) = (Some(profile), other);
            }
        }
        first.map(|profile| (profile, self.heads[profile].call))
    }

    /// The calls of a profile, in the order of their turns.
    pub(super) fn in_turn(&self, profile: usize) -> impl Iterator<Item = (Key, CallNo)> + '_ {
        self.calls[profile].in_turn(self.list[profile].ageing)
    }

    /// The sum of the agent's levels of the skills a profile asks for.
    pub(super) fn skill_sum(&self, agent: AgentNo, profile: usize, roster: &Roster) -> u16 {
        self.list[profile].levels.iter().map(|(skill, _)| u16::from(roster.level(agent, *skill))).sum()
    }
}

/// The same by skill number, in the same order.
pub(super) fn numbered(asked: &BTreeMap<Skill, u8>, roster: &Roster) -> Vec<(SkillNo, u8)> {
    asked.iter().map(|(skill, level)| (roster.skill_number(skill), *level)).collect()
}

/// The greater of both levels, skill by skill.
pub(super) fn both(own: &BTreeMap<Skill, u8>, extra: &BTreeMap<Skill, u8>) -> BTreeMap<Skill, u8> {
    let mut asked = own.clone();
    for (skill, level) in extra {
        let least = asked.entry(skill.clone()).or_insert(0);
        *least = (*least).max(*level);
    }
    asked
}

/// A key of the table of demands.
type OwnedAsked = (usize, BTreeMap<Skill, u8>, Arc<[TeamId]>);

/// A borrowed key of the table of demands.
#[derive(Hash)]
struct Asked<'a> {
    queue: usize,
    extra: &'a BTreeMap<Skill, u8>,
    teams: &'a [TeamId],
}

impl hashbrown::Equivalent<OwnedAsked> for Asked<'_> {
    fn equivalent(&self, key: &OwnedAsked) -> bool {
        self.queue == key.0 && *self.extra == key.1 && *self.teams == *key.2
    }
}

/// What the orders of ready agents ask about agents and profiles.
pub(super) struct Skilled<'a> {
    pub(super) profiles: &'a Profiles,
    pub(super) roster: &'a Roster,
}

impl Scores for Skilled<'_> {
    fn rows(&self) -> &Rows {
        &self.profiles.rows
    }

    fn score(&self, agent: AgentNo, profile: usize) -> u16 {
        self.profiles.skill_sum(agent, profile, self.roster)
    }
}

/// Every skill a configuration names outside its agents.
pub(super) fn named_skills(setup: &Setup) -> impl Iterator<Item = Skill> + '_ {
    let steps = setup.queues.iter().flat_map(|queue| &queue.requires).flat_map(|step| step.skills.keys());
    steps.chain(setup.routes.iter().flat_map(|route| route.requires.keys())).cloned()
}

/// The queues by id.
pub(super) type QueueNumbers = HashMap<QueueId, usize, FxBuildHasher>;
