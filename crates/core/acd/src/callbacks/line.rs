//! When a call-back is in line: not before its time, only in the queue's hours, and not for ever.

use hookswitch_model::{
    CallbackId, QueueId, Timestamp,
    call::{Call, CallState, Direction},
    callback::{CallbackOutcome, CallbackState},
    setup::RouteTarget,
};

use super::{CallbackRecord, entry};
use crate::{
    distribution::{Claimant, Waiting},
    engine::Engine,
    timers::Timer,
};

impl Engine {
    /// Puts a waiting call-back in line, where it may be; else sets the time for it. One that is in line stays there.
    pub(super) fn line_up(&mut self, id: CallbackId) {
        let now = self.now();
        let Some(CallbackRecord { callback, .. }) = self.callbacks.get(id) else { return };
        if callback.state != CallbackState::Waiting {
            return;
        }
        if now >= callback.expires_at {
            self.end_callback(id, CallbackOutcome::Expired, None);
            return;
        }
        if !self.has_queue(id) {
            return;
        }
        let Some(CallbackRecord { callback, not_before, .. }) = self.callbacks.get(id) else { return };
        let (expires_at, earliest) = (callback.expires_at, not_before.filter(|at| *at > now));
        let opens = self.opens(&callback.queue.clone(), earliest.unwrap_or(now));
        // Where it never opens again in time, it expires.
        let next = if opens == Some(now) { None } else { Some(opens.unwrap_or(expires_at).min(expires_at)) };
        if let Some(record) = self.callbacks.get_mut(id) {
            record.callback.next_at = next;
        }
        match next {
            Some(next) => {
                self.distributor.remove(now, entry(id));
                self.timers.set(Timer::Callback(id), next);
            }
            None => {
                self.timers.set(Timer::Callback(id), expires_at);
                self.enter_line(id);
            }
        }
    }

    /// When the queue may call next, from this time on; none: never.
    fn opens(&self, queue: &QueueId, from: Timestamp) -> Option<Timestamp> {
        match self.calls_back(queue).hours {
            None => Some(from),
            Some(hours) => self.router.opens(&hours, from),
        }
    }

    fn enter_line(&mut self, id: CallbackId) {
        let now = self.now();
        if self.distributor.position(entry(id)).is_some() {
            return;
        }
        let Some(CallbackRecord { callback, sticky, prefer, .. }) = self.callbacks.get(id) else { return };
        let waiting = Waiting {
            queue: callback.queue.clone(),
            priority: callback.priority,
            enqueued_at: callback.enqueued_at,
            requires: callback.requires.clone(),
            sticky: sticky.clone(),
            prefer: prefer.clone(),
            claimant: Claimant::Callback,
        };
        self.distributor.enqueue(now, entry(id), waiting);
    }

    /// A call-back's moment came: it is due, its queue opens, or it is given up.
    pub(crate) fn callback_due(&mut self, id: CallbackId) {
        self.line_up(id);
    }

    /// A configuration took over: queues may be gone, hours may be others.
    pub(crate) fn line_up_callbacks(&mut self) {
        let waiting: Vec<CallbackId> = self.callbacks.waiting().map(|callback| callback.id).collect();
        for id in waiting {
            self.line_up(id);
        }
    }

    /// Where the queue of a call-back is no more, it goes on in the one that took its place, else where the rules would
    /// send the caller now, with its time. Where that is no queue, it cannot be kept: false, and it is over.
    pub(super) fn has_queue(&mut self, id: CallbackId) -> bool {
        let now = self.now();
        let Some(record) = self.callbacks.get(id) else { return false };
        let from = record.callback.queue.clone();
        if self.plan.queue(&self.setup, &from).is_some() {
            return true;
        }
        let is_known = |queue: &QueueId| self.plan.queue(&self.setup, queue).is_some();
        let replaced = self.setup.replaced.get(&from).filter(|queue| is_known(queue)).cloned();
        let routed = || match self.router.route(now, &as_call(record, now)?).target {
            Some(RouteTarget::Queue(queue)) if is_known(&queue) => Some(queue),
            Some(_) | None => None,
        };
        let Some(to) = replaced.or_else(routed) else {
            self.end_callback(id, CallbackOutcome::QueueGone, None);
            return false;
        };
        self.distributor.remove(now, entry(id));
        self.stats.touch(&from);
        self.stats.touch(&to);
        self.callbacks.move_to(id, to);
        true
    }
}

/// The caller's call as rules would see it now; none where there was no caller.
fn as_call(record: &CallbackRecord, now: Timestamp) -> Option<Call> {
    let callback = &record.callback;
    Some(Call {
        id: entry(callback.id),
        direction: Direction::Inbound,
        state: CallState::Started,
        pbx: record.pbx.clone()?,
        pbx_ref: "".into(),
        ani: callback.number.clone(),
        dnis: record.dnis.clone(),
        via: None,
        trunk: None,
        queue: None,
        priority: callback.priority,
        rule: None,
        config_version: 0,
        customer: callback.customer.clone(),
        data: callback.data.clone(),
        legs: Vec::new(),
        started_at: now,
        queued_at: None,
        answered_at: None,
        ended_at: None,
    })
}
