//! The ready agents in one order.
//!
//! Every order is kept once, over all ready agents, and not once for each profile: an agent may qualify for hundreds of
//! profiles, and getting ready must not cost hundreds of insertions into trees. So that "the first in this order who
//! qualifies for this profile" is found without looking at everybody, the order is cut into pieces that count, for
//! each profile, how many of their agents qualify. For ten thousand ready agents that is about a hundred counters to
//! look at, then one piece.

use super::bits::{Bits, Rows, ones};

/// A place in an order: smaller is better, ties go to the smaller agent number, which is the smaller id.
pub(super) type Rank = (u64, u64);

/// An agent's number: its place among all agents sorted by id.
pub(super) type AgentNo = u32;

/// Pieces hold at most this many agents. At most 255, because counters are bytes; a hundred or so balances the number
/// of pieces against the length of a piece for thousands of ready agents.
const PIECE: usize = 128;

#[derive(Debug, Clone, Default)]
struct Piece {
    agents: Vec<(Rank, AgentNo)>,
    count: Counters,
    /// For each profile, no agent's score is above this. Lowered when it is found to be too high, so that taking an
    /// agent out needs no search for the second best.
    best: Vec<u16>,
}

/// For each profile, how many agents of a piece qualify: eight counters of a byte in a word, so that an agent's row of
/// bits is added eight profiles at a time. No counter overflows into the next, because pieces are small.
#[derive(Debug, Clone, Default)]
struct Counters(Vec<u64>);

/// Each bit of a byte as a byte of a word.
const SPREAD: [u64; 256] = {
    let mut spread = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            spread[byte] |= ((byte as u64 >> bit) & 1) << (bit * 8);
            bit += 1;
        }
        byte += 1;
    }
    spread
};

impl Counters {
    fn each(&mut self, row: &[u64], change: impl Fn(u64, u64) -> u64) {
        if self.0.len() < row.len() * 8 {
            self.0.resize(row.len() * 8, 0);
        }
        for (counters, word) in self.0.chunks_exact_mut(8).zip(row) {
            if *word != 0 {
                for (counter, byte) in counters.iter_mut().zip(word.to_le_bytes()) {
                    *counter = change(*counter, SPREAD[usize::from(byte)]);
                }
            }
        }
    }

    fn add(&mut self, row: &[u64]) {
        self.each(row, |counter, ones| counter + ones);
    }

    fn subtract(&mut self, row: &[u64]) {
        self.each(row, |counter, ones| counter - ones);
    }

    fn get(&self, profile: usize) -> u8 {
        self.0.get(profile / 8).map_or(0, |counters| counters.to_le_bytes()[profile % 8])
    }
}

impl Piece {
    fn raise(&mut self, profile: usize, score: u16) {
        if self.best.len() <= profile {
            self.best.resize(profile + 1, 0);
        }
        self.best[profile] = self.best[profile].max(score);
    }
}

/// One order of the ready agents.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    pieces: Vec<Piece>,
    /// The last entry of each piece, side by side, to find a piece without touching others.
    lasts: Vec<(Rank, AgentNo)>,
    /// The profiles that are served in this order.
    pub(super) serves: Bits,
    /// Those of them that are asked for the highest score.
    scored: Bits,
}

/// What an order needs to know of agents and profiles.
pub(super) trait Scores {
    /// Which profiles an agent qualifies for.
    fn rows(&self) -> &Rows;
    /// The agent's score for a profile.
    fn score(&self, agent: AgentNo, profile: usize) -> u16;
}

impl Order {
    /// Serves this profile from now on; `scored`: asked for the [highest](Self::highest) score.
    pub(super) fn serve(&mut self, profile: usize, scored: bool) {
        self.serves.insert(profile);
        if scored {
            self.scored.insert(profile);
        }
    }

    fn concerns(&self, row: &[u64]) -> bool {
        self.serves.words().iter().zip(row).any(|(served, asked)| served & asked != 0)
    }

    fn piece_of(&self, entry: &(Rank, AgentNo)) -> usize {
        let at = self.lasts.partition_point(|last| last < entry);
        at.min(self.pieces.len().saturating_sub(1))
    }

    /// Puts an agent in, unless no profile of this order concerns it.
    pub(super) fn insert(&mut self, rank: Rank, agent: AgentNo, scores: &impl Scores) {
        let row = scores.rows().row(agent as usize);
        if !self.concerns(row) {
            return;
        }
        let at = self.piece_of(&(rank, agent));
        if self.pieces.is_empty() {
            self.pieces.push(Piece::default());
            self.lasts.push((rank, agent));
        }
        let Err(within) = self.pieces[at].agents.binary_search(&(rank, agent)) else { return };
        self.pieces[at].agents.insert(within, (rank, agent));
        self.count_in(at, agent, scores);
        self.note_last(at);
        if self.pieces[at].agents.len() > PIECE {
            self.split(at, within, scores);
        }
    }

    /// Cuts a piece in two: in the middle; behind all others, where most come, so that full pieces stay full.
    fn split(&mut self, at: usize, newest: usize, scores: &impl Scores) {
        let is_behind_all = at + 1 == self.pieces.len() && newest == PIECE;
        let agents = self.pieces[at].agents.split_off(if is_behind_all { PIECE } else { PIECE / 2 });
        self.pieces.insert(at + 1, Piece::default());
        self.lasts.insert(at + 1, self.lasts[at]);
        for (_, agent) in &agents {
            self.count_in(at + 1, *agent, scores);
            self.pieces[at].count.subtract(scores.rows().row(*agent as usize));
        }
        self.pieces[at + 1].agents = agents;
        self.note_last(at);
    }

    fn note_last(&mut self, at: usize) {
        if let Some(last) = self.pieces[at].agents.last() {
            self.lasts[at] = *last;
        }
    }

    fn count_in(&mut self, at: usize, agent: AgentNo, scores: &impl Scores) {
        let row = scores.rows().row(agent as usize);
        self.pieces[at].count.add(row);
        let piece = &mut self.pieces[at];
        for profile in ones(self.scored.words().iter().zip(row).map(|(scored, mine)| scored & mine)) {
            piece.raise(profile, scores.score(agent, profile));
        }
    }

    /// Takes an agent out. Rank and qualifications must be those it was put in with.
    pub(super) fn remove(&mut self, rank: Rank, agent: AgentNo, scores: &impl Scores) {
        let row = scores.rows().row(agent as usize);
        if !self.concerns(row) {
            return;
        }
        let at = self.piece_of(&(rank, agent));
        let Some(piece) = self.pieces.get_mut(at) else { return };
        let Ok(within) = piece.agents.binary_search(&(rank, agent)) else { return };
        piece.agents.remove(within);
        if piece.agents.is_empty() {
            self.pieces.remove(at);
            self.lasts.remove(at);
            return;
        }
        piece.count.subtract(row);
        self.note_last(at);
    }

    /// Those who qualify, in order.
    pub(super) fn qualified<'a>(
        &'a self,
        profile: usize,
        rows: &'a Rows,
    ) -> impl Iterator<Item = AgentNo> + 'a {
        self.pieces
            .iter()
            .filter(move |piece| piece.count.get(profile) > 0)
            .flat_map(|piece| piece.agents.iter().map(|entry| entry.1))
            .filter(move |agent| rows.contains(*agent as usize, profile))
    }

    /// Those who qualify and come after this agent number, in an order by number.
    pub(super) fn qualified_after<'a>(
        &'a self,
        agent: AgentNo,
        profile: usize,
        rows: &'a Rows,
    ) -> impl Iterator<Item = AgentNo> + 'a {
        let from = self.lasts.partition_point(|last| *last <= ((0, 0), agent));
        self.pieces[from..]
            .iter()
            .filter(move |piece| piece.count.get(profile) > 0)
            .flat_map(|piece| piece.agents.iter().map(|entry| entry.1))
            .filter(move |other| *other > agent && rows.contains(*other as usize, profile))
    }

    /// Whether anybody qualifies.
    pub(super) fn has(&self, profile: usize) -> bool {
        self.pieces.iter().any(|piece| piece.count.get(profile) > 0)
    }

    /// How many qualify.
    pub(super) fn count(&self, profile: usize) -> usize {
        self.pieces.iter().map(|piece| usize::from(piece.count.get(profile))).sum()
    }

    /// The `n`th of those who qualify, from 0.
    pub(super) fn nth(&self, n: usize, profile: usize, rows: &Rows) -> Option<AgentNo> {
        let mut left = n;
        for piece in &self.pieces {
            let count = usize::from(piece.count.get(profile));
            if left < count {
                let mut agents = piece.agents.iter().map(|entry| entry.1);
                return agents.by_ref().filter(|agent| rows.contains(*agent as usize, profile)).nth(left);
            }
            left -= count;
        }
        None
    }

    /// The highest score of those who qualify and pass; ties go to the first in order.
    pub(super) fn highest(
        &mut self,
        profile: usize,
        scores: &impl Scores,
        passes: impl Fn(AgentNo) -> bool,
    ) -> Option<AgentNo> {
        let mut found: Option<(u16, AgentNo)> = None;
        for piece in &mut self.pieces {
            if piece.count.get(profile) == 0 {
                continue;
            }
            if found.is_some_and(|(score, _)| piece.best.get(profile).is_some_and(|best| *best <= score)) {
                continue;
            }
            let mut top = 0;
            for (_, agent) in &piece.agents {
                if !scores.rows().contains(*agent as usize, profile) {
                    continue;
                }
                let score = scores.score(*agent, profile);
                top = top.max(score);
                if found.is_none_or(|(best, _)| score > best) && passes(*agent) {
                    found = Some((score, *agent));
                }
            }
            if let Some(best) = piece.best.get_mut(profile) {
                *best = top;
            }
        }
        found.map(|(_, agent)| agent)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const AGENTS: usize = 700;
    const PROFILES: usize = 150;

    struct Fixed {
        rows: Rows,
        scores: Vec<u16>,
    }

    impl Scores for Fixed {
        fn rows(&self) -> &Rows {
            &self.rows
        }

        fn score(&self, agent: AgentNo, profile: usize) -> u16 {
            self.scores[(agent as usize * 31 + profile) % self.scores.len()]
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn an_order_finds_what_a_look_at_everybody_finds(
            qualified in prop::collection::vec((0..AGENTS, 0..PROFILES), 0..6_000),
            scores in prop::collection::vec(0..30_u16, 1..200),
            steps in prop::collection::vec((0..3, 0..AGENTS), 1..2_500),
            profile in 0..PROFILES,
        ) {
            let mut fixed = Fixed { rows: Rows::new(AGENTS, PROFILES), scores };
            for (agent, profile) in qualified {
                fixed.rows.set(agent, profile, true);
            }
            let mut order = Order::default();
            (0..PROFILES).filter(|profile| profile % 5 != 4).for_each(|profile| order.serve(profile, true));
            let mut model: BTreeSet<(Rank, AgentNo)> = BTreeSet::new();
            for (turn, (kind, agent)) in steps.into_iter().enumerate() {
                let agent = AgentNo::try_from(agent).unwrap();
                // Some come behind all others, some anywhere; two of three come.
                let rank = if kind == 0 { (turn as u64 + 1_000, 0) } else { (u64::from(agent) * 7 % 900, 1) };
                let old = model.iter().find(|(_, other)| *other == agent).copied();
                if let Some((rank, agent)) = old {
                    order.remove(rank, agent, &fixed);
                    model.remove(&(rank, agent));
                }
                if old.is_none() || kind > 1 {
                    order.insert(rank, agent, &fixed);
                    model.insert((rank, agent));
                }
                if turn % 50 == 0 {
                    order.highest(profile, &fixed, |_| true);
                }
            }
            let profile = if profile % 5 == 4 { profile - 1 } else { profile };
            let able: Vec<AgentNo> = model
                .iter()
                .map(|(_, agent)| *agent)
                .filter(|agent| fixed.rows.contains(*agent as usize, profile))
                .collect();
            prop_assert_eq!(order.qualified(profile, &fixed.rows).collect::<Vec<_>>(), able.clone());
            prop_assert_eq!((order.count(profile), order.has(profile)), (able.len(), !able.is_empty()));
            let each: Vec<Option<AgentNo>> =
                (0..=able.len()).map(|n| order.nth(n, profile, &fixed.rows)).collect();
            prop_assert_eq!(each, able.iter().copied().map(Some).chain([None]).collect::<Vec<_>>());
            for passes in [|_| true, |agent: AgentNo| agent.is_multiple_of(3)] {
                // Of equals the first: `max_by_key` would take the last.
                let best = able.iter().rev().filter(|agent| passes(**agent)).max_by_key(|a| fixed.score(**a, profile));
                prop_assert_eq!(order.highest(profile, &fixed, passes), best.copied());
            }
        }

        #[test]
        fn an_order_by_number_goes_on_after_any_number(
            agents in prop::collection::btree_set(0..AGENTS, 0..AGENTS),
            after in 0..AGENTS,
        ) {
            let mut fixed = Fixed { rows: Rows::new(AGENTS, 1), scores: vec![0] };
            let mut order = Order::default();
            order.serve(0, false);
            for agent in &agents {
                fixed.rows.set(*agent, 0, true);
                order.insert((0, 0), AgentNo::try_from(*agent).unwrap(), &fixed);
            }
            let found: Vec<usize> = order
                .qualified_after(AgentNo::try_from(after).unwrap(), 0, &fixed.rows)
                .map(|agent| agent as usize)
                .collect();
            prop_assert_eq!(found, agents.range(after + 1..).copied().collect::<Vec<_>>());
        }
    }
}
