//! What happens by itself as time passes: requirements loosen, sticky agents are given up, waits become too long.

use hookswitch_model::Timestamp;

use super::{
    Claimant, Distributor,
    order::AgentNo,
    waiting::{CallNo, Place},
};

impl Distributor {
    /// When [`tick`](Self::tick) is due next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| at)
    }

    /// Fires what is due. [`next`](Self::next) does it too; what has become possible is decided there.
    pub fn tick(&mut self, now: Timestamp) {
        while let Some((_, number)) = self.timers.first().filter(|(at, _)| *at <= now) {
            self.timers.pop();
            self.fire(now, number);
        }
    }

    fn fire(&mut self, now: Timestamp, number: CallNo) {
        self.take(number);
        self.catch_up(now, number);
        if let Place::Kept { agent, until } = self.calls.get(number).place
            && (until <= now || !self.keeps(number, agent))
        {
            self.calls.get_mut(number).place = Place::Open;
        }
        self.leave_teams(now, number);
        let limit = self.limit(number);
        let row = self.calls.get_mut(number);
        row.overdue |= limit.is_some_and(|limit| limit <= now);
        self.put(number);
        self.arm(now, number);
    }

    /// Takes the steps of the requirement that the time waited has reached.
    pub(super) fn catch_up(&mut self, now: Timestamp, number: CallNo) {
        let row = self.calls.get(number);
        let waited = now.since(row.enqueued_at);
        let steps = &self.profiles.demand(row.demand).steps;
        let step = steps.iter().rposition(|(after, _)| *after <= waited).unwrap_or(0);
        self.calls.get_mut(number).step = step;
    }

    /// Lets everybody be asked for a call whose time among its preferred agent's teams is over.
    fn leave_teams(&mut self, now: Timestamp, number: CallNo) {
        let row = self.calls.get(number);
        if row.teams_until.is_some_and(|until| until <= now) {
            let (queue, requires) = (row.queue, row.waiting.requires.clone());
            let demand = self.demand(queue, &requires, &[]);
            let row = self.calls.get_mut(number);
            row.demand = demand;
            row.teams_until = None;
        }
    }

    /// From when the call has waited too long.
    fn limit(&self, number: CallNo) -> Option<Timestamp> {
        let row = self.calls.get(number);
        if row.waiting.claimant != Claimant::Caller {
            return None;
        }
        let max_wait = self.queues[row.queue].setup.max_wait.as_ref()?;
        Some(row.entered_at + max_wait.after)
    }

    /// Sets the call's one timer to its next moment. A failed agent's back-off is one too: nothing has to be done then
    /// but to look again.
    pub(super) fn arm(&mut self, now: Timestamp, number: CallNo) {
        let row = self.calls.get(number);
        let next_step = self.profiles.demand(row.demand).steps.get(row.step + 1);
        let loosened = next_step.map(|(after, _)| row.enqueued_at + *after);
        let given_up = match row.place {
            Place::Kept { until, .. } => Some(until),
            Place::Open | Place::Offered(_) => None,
        };
        let back = row.failed.iter().map(|failed| failed.until).filter(|until| *until > now).min();
        let late = if row.overdue { None } else { self.limit(number) };
        let due = [loosened, given_up, row.teams_until, back, late].into_iter().flatten().min();
        self.set_timer(number, due);
    }

    /// Changes or cancels the call's timer.
    pub(super) fn set_timer(&mut self, number: CallNo, due: Option<Timestamp>) {
        let row = self.calls.get_mut(number);
        if due != row.due {
            self.timers.change(number, row.due, due);
            row.due = due;
        }
        self.timers.settle(|call, at| self.calls.due(call) == Some(at));
    }

    /// The agent went away: calls kept for it wait for everybody.
    pub(super) fn release_kept(&mut self, now: Timestamp, agent: AgentNo) {
        for key in self.roster.get(agent).kept.clone() {
            let Some(number) = self.calls.number(key.call) else { continue };
            self.take(number);
            self.calls.get_mut(number).place = Place::Open;
            self.put(number);
            self.arm(now, number);
        }
    }

    /// The agent's skills changed: calls the agent does not qualify for any more wait for everybody.
    pub(super) fn recheck_kept(&mut self, now: Timestamp, agent: AgentNo) {
        let calls = self.roster.get(agent).kept.clone();
        for number in calls.iter().filter_map(|key| self.calls.number(key.call)).collect::<Vec<_>>() {
            if !self.keeps(number, agent) {
                self.take(number);
                self.calls.get_mut(number).place = Place::Open;
                self.put(number);
                self.arm(now, number);
            }
        }
    }
}
