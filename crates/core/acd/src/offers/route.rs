//! Route mode: from the caller's request to a queue, an agent, or out of the waiting room.

use hookswitch_model::{
    AgentId, CallId, MenuId, Millis, QueueId, Timestamp,
    call::PartyNumber,
    event::{EventKind, Queued},
    pbx::{Action, GaveUp, TransferKind},
    setup::{Overflow, Rejection, RouteTarget},
    why::{Because, MoveReason, Moved, MovedTo, Routed, Unavailable},
};

use super::ring::DIRECT_RING;
use crate::{
    callbacks::of_entry,
    calls::{self, CallRecord, Exit, Place, Visit, cause},
    customers::Unrouted,
    distribution::{Claimant, Decision, Waiting},
    engine::Engine,
    routing::data_key,
    timers::Timer,
    why,
};

/// What has a caller who is in a menu, in the books.
pub(crate) const MENU: &str = "menu";

/// How long the PBX may take to let a caller out of the waiting room, before it is asked again.
const LEAVES_WITHIN: Millis = Millis::from_secs(15);

impl Engine {
    /// The caller is in our waiting room and asks where to go.
    pub(crate) fn route_requested(&mut self, id: CallId, dnis: PartyNumber) {
        let now = self.now();
        let Some(record) = self.calls.get_mut(id) else { return };
        let here = matches!(record.place, Place::Elsewhere | Place::Leaving { exit: Exit::Menu(_), .. });
        if !record.routed || !here || record.visit.is_some() {
            self.counters.stale += 1;
            return;
        }
        for party in &mut record.parties {
            party.in_talk = false;
        }
        self.timers.cancel(&Timer::Retry(id));
        self.comes_back_alone(id);
        if self.arrives_for(id) {
            return;
        }
        let Some(record) = self.calls.get_mut(id) else { return };
        if record.call.dnis.raw.is_empty() {
            record.call.dnis = dnis.clone();
        }
        record.place = Place::Waiting;
        record.system = None;
        let how = record.takeover.take().map_or("queued", |takeover| takeover.how());
        self.route_when_known(id, Unrouted { dnis, since: now, how: how.to_owned() });
    }

    /// Sends a caller in our waiting room where a rule says; without one, to the fallback.
    pub(crate) fn send(&mut self, id: CallId, target: Option<RouteTarget>, since: Timestamp, how: &str) {
        match target {
            Some(RouteTarget::Queue(queue)) => self.enter_queue(id, queue, since, how),
            Some(RouteTarget::Agent(agent)) => self.ring_directly(id, &agent),
            Some(RouteTarget::Transfer(number)) => self.leave(id, Exit::Number(number)),
            Some(RouteTarget::Menu(menu)) => self.enter_menu(id, menu),
            Some(RouteTarget::Hangup) => self.leave(id, Exit::Hangup),
            Some(RouteTarget::Reject(rejection)) => self.leave(id, Exit::Reject(rejection)),
            None => self.leave(id, Exit::FallBack),
        }
    }

    /// Writes what the rule says on the call.
    pub(crate) fn apply_rule(&mut self, id: CallId, routed: Routed) {
        let version = self.setup.version;
        let now = self.now();
        let Some(record) = self.calls.get_mut(id) else { return };
        record.call.rule = routed.rule.as_ref().map(|rule| rule.as_ref().to_owned());
        record.call.priority = routed.priority;
        record.call.config_version = version;
        record.requires.clone_from(&routed.requires);
        record.prefer.clone_from(&routed.prefer);
        let set = routed.set.clone();
        let by = record.call.rule.clone().unwrap_or_default();
        why::note(&mut record.why, now, version, Because::Routed(routed));
        self.attach(id, set, &format!("rule {by}"));
    }

    /// Puts a caller into one of our queues.
    pub(crate) fn enter_queue(&mut self, id: CallId, queue: QueueId, since: Timestamp, how: &str) {
        let now = self.now();
        let since = self.takes_place_back(id, &queue, since);
        let Some(record) = self.calls.get(id) else { return };
        let waiting = Waiting {
            queue: queue.clone(),
            priority: record.call.priority,
            enqueued_at: since,
            requires: record.requires.clone(),
            sticky: self.sticky_agent(now, &record.call, &queue),
            prefer: record.prefer.clone(),
            claimant: Claimant::Caller,
        };
        let Some(placed) = self.distributor.enqueue(now, id, waiting) else {
            self.queue_gone(id, queue, since);
            return;
        };
        let visit = Visit { queue: queue.clone(), since: now, of_pbx: false, how: how.to_owned() };
        let queued = Queued {
            queue: queue.clone(),
            position: placed.position,
            estimated_wait_s: placed.estimated_wait_s,
            requires: placed.requires,
            priority: record.call.priority,
            rule: record.call.rule.clone(),
        };
        self.begin_visit(id, visit, since, queued);
        let Some(record) = self.calls.get_mut(id) else { return };
        record.place = Place::Waiting;
        let (pbx, call) = record.reference();
        if let Some(leg) = record.anchor().map(|anchor| record.parties[anchor].leg_ref.clone()) {
            self.ask(&pbx, None, Action::NoteQueue { call, leg, queue });
        }
        self.announce_later(id);
    }

    /// The queue a caller waits in is no more: the caller goes on in the one that took its place, else where the rules
    /// send the call now, else to the fallback. The time waited is kept.
    pub(crate) fn queue_gone(&mut self, id: CallId, from: QueueId, since: Timestamp) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        let target = match self.setup.replaced.get(&from) {
            Some(queue) => Some(RouteTarget::Queue(queue.clone())),
            None => {
                let routed = self.router.route(now, &record.call);
                let target = routed.target.clone();
                self.apply_rule(id, routed);
                target
            }
        };
        let is_known = |queue: &QueueId| self.plan.queue(&self.setup, queue).is_some();
        let target = target.filter(|to| !matches!(to, RouteTarget::Queue(queue) if !is_known(queue)));
        let to = target.clone().map_or(MovedTo::FallBack, MovedTo::Target);
        self.note_moved(id, Moved { from, to, reason: MoveReason::QueueGone });
        self.send(id, target, since, "queue_gone");
    }

    fn note_moved(&mut self, id: CallId, moved: Moved) {
        let (now, version) = (self.now(), self.setup.version);
        if let Some(record) = self.calls.get_mut(id) {
            why::note(&mut record.why, now, version, Because::Moved(moved));
        }
    }

    /// A call begins to wait in a queue, ours or the PBX's.
    pub(crate) fn begin_visit(&mut self, id: CallId, visit: Visit, since: Timestamp, queued: Queued) {
        let now = self.now();
        self.end_visit(id);
        let Some(record) = self.calls.get_mut(id) else { return };
        self.stats.enter(&visit.queue, now, id);
        record.call.queue = Some(visit.queue.clone());
        record.call.queued_at.get_or_insert(now);
        record.waiting_since = Some(since);
        record.visit = Some(visit);
        record.announced = None;
        record.system = None;
        record.takeover = None;
        record.settle(now);
        let call = Box::new(record.call.clone());
        self.emit_call(EventKind::CallQueued { call, queued });
    }

    /// A call no longer waits in the queue it was in. Returns the visit, for the figures of the queue.
    pub(crate) fn end_visit(&mut self, id: CallId) -> Option<Visit> {
        let visit = self.calls.get_mut(id)?.visit.take()?;
        self.stats.leave(&visit.queue, visit.since, id, self.now());
        self.timers.cancel(&Timer::Announce(id));
        Some(visit)
    }

    /// A rule names an agent: only this one is rung.
    fn ring_directly(&mut self, id: CallId, agent: &AgentId) {
        let free = self.agents.get(agent).filter(|record| !record.is_engaged());
        let Some(pbx) = free.map(|record| record.pbx.clone()) else { return self.leave(id, Exit::FallBack) };
        let timeout = self.setup.outbound.ring_timeouts.get(&pbx).copied().unwrap_or(DIRECT_RING);
        if !self.ring(id, None, std::slice::from_ref(agent), timeout) {
            self.leave(id, Exit::FallBack);
        }
    }

    /// Sends a caller out of the waiting room. Without a link nothing is asked: where the caller is by now is told by
    /// the lists, and by then he may talk to the fallback. See [`Self::leave_after_gap`].
    pub(crate) fn leave(&mut self, id: CallId, exit: Exit) {
        self.distributor.remove(self.now(), id);
        self.timers.cancel(&Timer::Route(id));
        let stopping = self.is_stopping();
        let Some(record) = self.calls.get_mut(id) else { return };
        record.unrouted = None;
        let Some(leg) = record.anchor().map(|anchor| record.parties[anchor].leg_ref.clone()) else { return };
        let (pbx, call) = record.reference();
        let unknown = record.call.rule.is_none() && record.call.queued_at.is_none();
        let why = match (stopping, unknown) {
            (true, _) => GaveUp::Stopping,
            (false, true) => GaveUp::NoRoute,
            (false, false) => calls::disposition::gave_up(record),
        };
        self.timers.set(Timer::Retry(id), self.now() + LEAVES_WITHIN);
        let action = match &exit {
            Exit::FallBack => Action::FallBack { call, leg, why },
            Exit::Number(number) => Action::SendTo { call, leg, number: number.clone() },
            Exit::Menu(menu) => Action::Menu { call, leg, menu: menu.clone() },
            Exit::Farewell(prompt) => Action::Farewell { call, leg, prompt: prompt.clone() },
            Exit::Hangup => Action::Hangup { leg, cause: cause::NORMAL },
            Exit::Reject(Rejection::Busy) => Action::Hangup { leg, cause: cause::BUSY },
            Exit::Reject(Rejection::Spam) => Action::Hangup { leg, cause: cause::REJECTED },
        };
        let asked = self.is_linked(&pbx).then(|| self.ask(&pbx, Some(id), action));
        if let Some(record) = self.calls.get_mut(id) {
            record.place = Place::Leaving { exit, asked };
        }
    }

    /// The link is back and the PBX was listed: whoever is still to leave the waiting room is sent now. What was asked
    /// before and not answered is asked after by the link; its answer is waited for.
    pub(crate) fn leave_after_gap(&mut self, id: CallId) {
        let Some(Place::Leaving { asked, .. }) = self.calls.get(id).map(|record| &record.place) else {
            return;
        };
        if asked.is_some_and(|asked| self.asked.contains_key(&asked)) {
            self.timers.set(Timer::Retry(id), self.now() + LEAVES_WITHIN);
        } else {
            self.retry(id, false);
        }
    }

    /// A caller who was told to leave did not, or nobody saw it. One who was found in conversation has left.
    pub(crate) fn leave_again(&mut self, id: CallId, exit: Exit) {
        if self.calls.get(id).is_some_and(CallRecord::in_conversation) {
            self.fell_back(id);
        } else {
            self.leave(id, exit);
        }
    }

    /// The PBX took what we asked for a caller who is told to leave.
    pub(crate) fn left_as_told(&mut self, id: CallId, exit: &Exit) {
        self.timers.cancel(&Timer::Retry(id));
        if let Exit::Menu(_) = exit {
            self.in_menu(id);
            return;
        }
        let Exit::Number(number) = exit else { return };
        let waited = self.end_visit(id).is_some();
        let now = self.now();
        let Some(record) = self.calls.get_mut(id) else { return };
        record.place = Place::Elsewhere;
        let to_agent = self.agents.by_number(&record.call.pbx, number).cloned();
        record.settle(now);
        if waited {
            let kind = TransferKind::Blind;
            let (call, to) = (Box::new(record.call.clone()), Some(number.clone()));
            self.emit_call(EventKind::CallTransferred {
                call,
                kind,
                from_agent: None,
                to_agent,
                to,
                consult_call: None,
            });
        }
    }

    /// A rule sends the caller into a menu. The data it fills is empty from now on: so the rule is passed over when the
    /// caller comes back, with a choice or without.
    fn enter_menu(&mut self, id: CallId, menu: MenuId) {
        let key = data_key(&self.setup, &menu);
        self.attach(id, [(key, String::new())].into(), &format!("menu {menu}"));
        self.leave(id, Exit::Menu(menu));
    }

    /// The dialplan has the caller in a menu, until a route is asked for again.
    fn in_menu(&mut self, id: CallId) {
        let now = self.now();
        self.end_visit(id);
        let Some(record) = self.calls.get_mut(id) else { return };
        record.place = Place::Elsewhere;
        record.system = Some(MENU.to_owned());
        record.settle(now);
    }

    /// A menu is seen to have a caller who was sent there: nothing is waited for any more.
    pub(crate) fn seen_in_menu(&mut self, id: CallId) {
        let sent = |record: &CallRecord| matches!(&record.place, Place::Leaving { exit: Exit::Menu(_), .. });
        if self.calls.get(id).is_some_and(sent) {
            self.timers.cancel(&Timer::Retry(id));
            self.in_menu(id);
        }
    }

    /// Carries out every decision that is due now.
    pub(crate) fn decide(&mut self) {
        while let Some(decision) = self.distributor.next(self.now()) {
            match decision {
                Decision::Offer { call, agents, reasons, .. }
                    if self.callbacks.get(of_entry(call)).is_some() =>
                {
                    self.dial_back(of_entry(call), &agents, reasons);
                }
                Decision::Offer { call, queue, agents, reasons } => {
                    let now = self.now();
                    let timeout =
                        self.plan.queue(&self.setup, &queue).map_or(DIRECT_RING, |queue| queue.offer_timeout);
                    if let Some(record) = self.calls.get_mut(call) {
                        why::note(&mut record.why, now, self.setup.version, Because::Offered(reasons));
                    }
                    if !self.ring(call, Some(queue), &agents, timeout) {
                        self.not_rung(call, &agents);
                    }
                }
                Decision::Overflow { call, queue, then } => self.overflow(call, queue, then),
            }
        }
    }

    /// A decision that cannot be carried out: the call waits on, and the distributor hears of the agents again.
    fn not_rung(&mut self, call: CallId, agents: &[AgentId]) {
        let now = self.now();
        if !self.distributor.requeue(now, call) || self.calls.get(call).is_none() {
            self.distributor.remove(now, call);
        }
        self.not_taken(agents);
    }

    /// Agents who were chosen and are not rung: the distributor hears of them again.
    pub(crate) fn not_taken(&mut self, agents: &[AgentId]) {
        for agent in agents {
            if let Some(record) = self.agents.get_mut(agent) {
                record.away = Some(Unavailable::Reserved);
            }
            self.sync_availability(agent);
        }
    }

    fn overflow(&mut self, call: CallId, from: QueueId, then: Overflow) {
        let to = match then.clone() {
            Overflow::Queue(queue) => MovedTo::Target(RouteTarget::Queue(queue)),
            Overflow::Transfer(number) => MovedTo::Target(RouteTarget::Transfer(number)),
            Overflow::Hangup => MovedTo::Target(RouteTarget::Hangup),
            Overflow::Callback => {
                self.overflows_to_callback(call);
                return;
            }
        };
        self.note_moved(call, Moved { from, to, reason: MoveReason::MaxWait });
        let since = self.calls.get(call).and_then(|record| record.waiting_since).unwrap_or(self.now());
        match then {
            Overflow::Queue(queue) => self.enter_queue(call, queue, since, "overflow"),
            Overflow::Transfer(number) => self.leave(call, Exit::Number(number)),
            Overflow::Hangup => self.leave(call, Exit::Hangup),
            Overflow::Callback => {}
        }
    }
}
