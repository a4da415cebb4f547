//! The agents who are ready, in the orders the strategies ask for.

use hookswitch_model::setup::Strategy;

use super::{
    bits::{Bits, Rows, ones},
    order::{AgentNo, Order, Rank, Scores},
    roster::Standing,
};

/// Which order a strategy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Longest idle first: longest-idle and ring-all.
    Idle,
    /// Fewest calls first.
    Calls,
    /// Least occupied first.
    Occupancy,
    /// By agent id: round-robin and random.
    Id,
    /// Longest idle first, and asked for the highest score.
    Skill,
}

impl By {
    const ALL: [Self; 5] = [Self::Idle, Self::Calls, Self::Occupancy, Self::Id, Self::Skill];

    pub(super) const fn of(strategy: Strategy) -> Self {
        match strategy {
            Strategy::LongestIdle | Strategy::RingAll => Self::Idle,
            Strategy::LeastCalls => Self::Calls,
            Strategy::LeastOccupied => Self::Occupancy,
            Strategy::RoundRobin | Strategy::Random => Self::Id,
            Strategy::BestSkill => Self::Skill,
        }
    }

    const fn rank(self, standing: &Standing) -> Rank {
        match self {
            Self::Idle | Self::Skill => standing.by_idle(),
            Self::Calls => standing.by_calls(),
            Self::Occupancy => standing.by_occupancy(),
            Self::Id => (0, 0),
        }
    }
}

/// All ready agents that have been put in, in every order some profile asks for.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    orders: [Order; 5],
    /// For each profile, how many ready agents qualify.
    counts: Vec<u32>,
    /// The profiles for which somebody is ready.
    any: Bits,
}

impl Ready {
    pub(super) fn new() -> Self {
        Self {
            orders: By::ALL.map(|by| Order::new(matches!(by, By::Skill))),
            counts: Vec::new(),
            any: Bits::default(),
        }
    }

    /// A profile is served in this order from now on.
    pub(super) fn serve(&mut self, profile: usize, by: By) {
        self.orders[by as usize].serve(profile);
        self.counts.resize(self.counts.len().max(profile + 1), 0);
    }

    pub(super) const fn order(&self, by: By) -> &Order {
        &self.orders[by as usize]
    }

    pub(super) const fn order_mut(&mut self, by: By) -> &mut Order {
        &mut self.orders[by as usize]
    }

    /// The profiles for which somebody is ready.
    pub(super) const fn any(&self) -> &Bits {
        &self.any
    }

    pub(super) fn insert(&mut self, agent: AgentNo, standing: &Standing, scores: &impl Scores) {
        for by in By::ALL {
            self.orders[by as usize].insert(by.rank(standing), agent, scores);
        }
        for profile in qualifications(scores.rows(), agent) {
            self.counts[profile] += 1;
            if self.counts[profile] == 1 {
                self.any.insert(profile);
            }
        }
    }

    pub(super) fn remove(&mut self, agent: AgentNo, standing: &Standing, scores: &impl Scores) {
        for by in By::ALL {
            self.orders[by as usize].remove(by.rank(standing), agent, scores);
        }
        for profile in qualifications(scores.rows(), agent) {
            self.counts[profile] -= 1;
            if self.counts[profile] == 0 {
                self.any.remove(profile);
            }
        }
    }
}

fn qualifications(rows: &Rows, agent: AgentNo) -> impl Iterator<Item = usize> + '_ {
    ones(rows.row(agent as usize).iter().copied())
}
