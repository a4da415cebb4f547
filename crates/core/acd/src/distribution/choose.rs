//! The decision: whose turn it is, and who serves.

use hookswitch_model::{
    AgentId, Timestamp,
    setup::{Overflow, Strategy},
};

use super::{
    Claimant, Decision, Distributor, RING_ALL, Unavailable,
    bits::ones,
    demand::Skilled,
    order::AgentNo,
    waiting::{CallNo, Failed, Key, Place},
};

/// A call and whom it is offered to.
struct Pick {
    call: CallNo,
    agents: Vec<AgentNo>,
}

impl Distributor {
    /// The next decision, if there is one. To be called after every input until there is none.
    ///
    /// An offered call keeps its place in the queue and its agents are reserved, until it is answered, removed or
    /// requeued. A call that waited too long is offered if anybody can take it, and overflows otherwise.
    pub fn next(&mut self, now: Timestamp) -> Option<Decision> {
        self.tick(now);
        match self.pick(now) {
            Some(pick) => Some(self.offer(now, pick)),
            None => self.overflow(now),
        }
    }

    fn overflow(&mut self, now: Timestamp) -> Option<Decision> {
        let call = self.overdue.first()?.call;
        let number = self.calls.number(call)?;
        let setup = &self.queues[self.calls.get(number).queue].setup;
        let (queue, then) = (setup.id.clone(), setup.max_wait.as_ref()?.then.clone());
        if then == Overflow::Callback {
            self.stay(now, number);
        } else {
            self.remove(now, call);
        }
        Some(Decision::Overflow { call, queue, then })
    }

    /// Nothing of the longest wait from now on.
    fn stay(&mut self, now: Timestamp, number: CallNo) {
        self.take(number);
        let row = self.calls.get_mut(number);
        row.overdue = false;
        row.waiting.claimant = Claimant::Stays;
        self.put(number);
        self.arm(now, number);
    }

    /// Of all calls that some ready agent can take now, the one whose turn it is, and the agents for it.
    fn pick(&mut self, now: Timestamp) -> Option<Pick> {
        let kept = self.first_kept();
        let limit = kept.map_or(Key::NONE, |(key, _)| key);
        self.pick_open(now, limit).or_else(|| {
            let (key, agent) = kept?;
            Some(Pick { call: self.calls.number(key.call)?, agents: vec![agent] })
        })
    }

    /// The first of the calls kept for an agent who is ready.
    fn first_kept(&self) -> Option<(Key, AgentNo)> {
        let first = |agent: &AgentNo| self.roster.get(*agent).kept.first().map(|key| (*key, *agent));
        self.wanted.iter().filter_map(first).min()
    }

    fn pick_open(&mut self, now: Timestamp, limit: Key) -> Option<Pick> {
        loop {
            let (profile, call) = self.profiles.first_of(self.candidates(), limit)?;
            let by = self.profiles.get(profile).by;
            let is_alone = !self.ready.has(profile, by);
            if is_alone && !self.fresh_fits(profile) {
                // Nobody is ready for it any more, which is known now.
                continue;
            }
            let agents = self.choose(now, profile, call, is_alone);
            return if agents.is_empty() {
                self.pick_behind(now, limit)
            } else {
                Some(Pick { call, agents })
            };
        }
    }

    fn fresh_fits(&self, profile: usize) -> bool {
        self.fresh.is_some_and(|agent| self.profiles.rows.contains(agent as usize, profile))
    }

    /// The profiles in which somebody waits and for which somebody may be ready.
    fn candidates(&self) -> impl Iterator<Item = usize> + '_ {
        let waiting = self.profiles.waiting.words();
        let fresh = self.fresh.map_or(&[][..], |agent| self.profiles.rows.row(agent as usize));
        let ready = self.ready.maybe();
        // Rows are as long as there are profiles, `ready` is as long as the longest row put in.
        ones((0..waiting.len()).map(move |at| {
            let able = ready.get(at).unwrap_or(&0) | fresh.get(at).unwrap_or(&0);
            waiting[at] & able
        }))
    }

    /// The call whose turn it is cannot be served, because all who are ready failed it a moment ago: looks behind it.
    /// Few calls are passed by: an agent fails one call at a time, and only those of the last seconds count.
    fn pick_behind(&mut self, now: Timestamp, limit: Key) -> Option<Pick> {
        let mut best = None;
        let mut key = limit;
        for profile in self.candidates() {
            let mut calls = self.profiles.in_turn(profile).take_while(|(other, _)| *other < key);
            if let Some((found, call)) = calls.find(|(_, call)| self.is_servable(now, profile, *call)) {
                (best, key) = (Some((profile, call)), found);
            }
        }
        let (profile, call) = best?;
        let is_alone = !self.ready.has(profile, self.profiles.get(profile).by);
        Some(Pick { call, agents: self.choose(now, profile, call, is_alone) })
    }

    fn is_servable(&self, now: Timestamp, profile: usize, call: CallNo) -> bool {
        let call = self.calls.get(call);
        let rows = &self.profiles.rows;
        let fresh = self.fresh.filter(|agent| rows.contains(*agent as usize, profile));
        let order = self.ready.order(self.profiles.get(profile).by);
        fresh.into_iter().chain(order.qualified(profile, rows)).any(|agent| !call.bars(agent, now))
    }

    /// The agents for a call, by its queue's strategy: first of those who did not fail it, then of those whose back-off
    /// is over. `is_alone`: only the fresh agent qualifies.
    fn choose(&mut self, now: Timestamp, profile: usize, call: CallNo, is_alone: bool) -> Vec<AgentNo> {
        if is_alone {
            let call = self.calls.get(call);
            return self.fresh.into_iter().filter(|agent| !call.bars(*agent, now)).collect();
        }
        if self.fresh_fits(profile) {
            self.settle_fresh();
        }
        let width = match self.calls.get(call).waiting.claimant {
            Claimant::Caller | Claimant::Stays => RING_ALL,
            Claimant::Callback => 1,
        };
        if self.calls.get(call).failed.is_empty() {
            return self.select(profile, width, |_| true, false);
        }
        let failed = self.calls.get(call).failed.clone();
        let find = |agent: AgentNo| failed.iter().find(|failed| failed.agent == agent);
        let agents = self.select(profile, width, |agent| find(agent).is_none(), true);
        if agents.is_empty() {
            let is_back = |agent| find(agent).is_none_or(|failed: &Failed| failed.until <= now);
            return self.select(profile, width, is_back, true);
        }
        agents
    }

    /// The agents in the orders that the strategy prefers of those who qualify and pass. `some_fail` says that not all
    /// pass, `width` how many may be rung at once at most.
    fn select(
        &mut self,
        profile: usize,
        width: usize,
        passes: impl Fn(AgentNo) -> bool,
        some_fail: bool,
    ) -> Vec<AgentNo> {
        let asked = self.profiles.get(profile);
        let queue = &self.queues[asked.queue];
        let rows = &self.profiles.rows;
        if queue.setup.strategy == Strategy::BestSkill {
            let scores = Skilled { profiles: &self.profiles, roster: &self.roster };
            let best = self.ready.order_mut(asked.by).highest(profile, &scores, passes);
            return best.into_iter().collect();
        }
        let order = self.ready.order(asked.by);
        let mut able = order.qualified(profile, rows).filter(|agent| passes(*agent));
        match queue.setup.strategy {
            Strategy::LongestIdle | Strategy::LeastCalls | Strategy::LeastOccupied | Strategy::BestSkill => {
                able.next().into_iter().collect()
            }
            Strategy::RingAll => able.take(width).collect(),
            Strategy::RoundRobin => {
                let last = queue.cursor.as_ref().and_then(|(_, number)| *number);
                let mut after = last
                    .into_iter()
                    .flat_map(|last| order.qualified_after(last, profile, rows))
                    .filter(|agent| passes(*agent));
                after.next().or_else(|| able.next()).into_iter().collect()
            }
            Strategy::Random if some_fail => {
                let able: Vec<AgentNo> = able.collect();
                let n = draw(&mut self.lot, able.len());
                able.get(n).copied().into_iter().collect()
            }
            Strategy::Random => {
                let n = draw(&mut self.lot, order.count(profile));
                order.nth(n, profile, rows).into_iter().collect()
            }
        }
    }

    fn offer(&mut self, now: Timestamp, pick: Pick) -> Decision {
        let reasons = Box::new(self.reasons(now, pick.call, &pick.agents));
        let agents: Vec<AgentId> =
            pick.agents.iter().map(|agent| self.roster.get(*agent).id.clone()).collect();
        for agent in &pick.agents {
            self.leave(*agent);
            self.roster.set_away(now, *agent, Some(Unavailable::Reserved));
        }
        self.take(pick.call);
        let row = self.calls.get(pick.call);
        let (queue, call, waits_since) = (row.queue, row.key.call, row.waits_since());
        self.time_passed(now, queue);
        self.queues[queue].pace.offered(now, call, waits_since);
        let row = self.calls.get_mut(pick.call);
        row.attempts += 1;
        let (call, queue) = (row.key.call, &mut self.queues[row.queue]);
        if queue.setup.strategy == Strategy::RoundRobin {
            queue.cursor = agents.first().cloned().zip(pick.agents.first().map(|number| Some(*number)));
        }
        row.place = Place::Offered(pick.agents);
        Decision::Offer { call, queue: queue.setup.id.clone(), agents, reasons }
    }
}

/// A number below `n`, each with the same chance; drawn only where there is a choice. SplitMix64.
pub(super) fn draw(lot: &mut u64, n: usize) -> usize {
    if n < 2 {
        return 0;
    }
    *lot = lot.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*lot ^ (*lot >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let share = u128::from(z ^ (z >> 31)) * n as u128;
    usize::try_from(share >> 64).unwrap_or(0)
}
