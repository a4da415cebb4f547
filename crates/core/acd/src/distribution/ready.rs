//! The agents who are ready, in the orders the strategies ask for.

use hookswitch_model::setup::Strategy;

use super::{
    order::{AgentNo, Order, Rank, Scores},
    roster::Standing,
};

/// Which order a strategy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Longest idle first: longest-idle, ring-all, and best-skill, which asks for the highest score in it.
    Idle,
    /// Fewest calls first.
    Calls,
    /// Least occupied first.
    Occupancy,
    /// By agent id: round-robin and random.
    Id,
}

impl By {
    const ALL: [Self; 4] = [Self::Idle, Self::Calls, Self::Occupancy, Self::Id];

    pub(super) const fn of(strategy: Strategy) -> Self {
        match strategy {
            Strategy::LongestIdle | Strategy::RingAll | Strategy::BestSkill => Self::Idle,
            Strategy::LeastCalls => Self::Calls,
            Strategy::LeastOccupied => Self::Occupancy,
            Strategy::RoundRobin | Strategy::Random => Self::Id,
        }
    }

    const fn rank(self, standing: &Standing) -> Rank {
        match self {
            Self::Idle => standing.by_idle(),
            Self::Calls => standing.by_calls(),
            Self::Occupancy => standing.by_occupancy(),
            Self::Id => (0, 0),
        }
    }
}

/// All ready agents that have been put in, in every order some profile asks for.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    orders: [Order; 4],
    /// The profiles for which somebody may be ready. An agent who is put in adds profiles; that the last agent of a
    /// profile was taken out is found when somebody asks.
    any: Vec<u64>,
}

impl Ready {
    pub(super) fn new() -> Self {
        Self { orders: By::ALL.map(|_| Order::default()), any: Vec::new() }
    }

    /// A profile is served by this strategy from now on.
    pub(super) fn serve(&mut self, profile: usize, strategy: Strategy) {
        self.orders[By::of(strategy) as usize].serve(profile, strategy == Strategy::BestSkill);
    }

    pub(super) const fn order(&self, by: By) -> &Order {
        &self.orders[by as usize]
    }

    pub(super) const fn order_mut(&mut self, by: By) -> &mut Order {
        &mut self.orders[by as usize]
    }

    /// The profiles for which somebody may be ready: all for which somebody is, and some for which nobody is any more.
    pub(super) fn maybe(&self) -> &[u64] {
        &self.any
    }

    /// Whether somebody is ready for a profile. If not, that is remembered.
    pub(super) fn has(&mut self, profile: usize, by: By) -> bool {
        let Some(word) = self.any.get_mut(profile / 64).filter(|word| **word >> (profile % 64) & 1 == 1)
        else {
            return false;
        };
        let has = self.orders[by as usize].has(profile);
        if !has {
            *word &= !(1 << (profile % 64));
        }
        has
    }

    pub(super) fn insert(&mut self, agent: AgentNo, standing: &Standing, scores: &impl Scores) {
        for by in By::ALL {
            self.orders[by as usize].insert(by.rank(standing), agent, scores);
        }
        let row = scores.rows().row(agent as usize);
        self.any.resize(self.any.len().max(row.len()), 0);
        for (any, mine) in self.any.iter_mut().zip(row) {
            *any |= mine;
        }
    }

    pub(super) fn remove(&mut self, agent: AgentNo, standing: &Standing, scores: &impl Scores) {
        for by in By::ALL {
            self.orders[by as usize].remove(by.rank(standing), agent, scores);
        }
    }
}
