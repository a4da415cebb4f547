//! How a call-back ends.

use hookswitch_model::{
    CallbackId,
    callback::{CallbackOutcome, CallbackState},
    command::{Refusal, Taken},
    event::EventKind,
};

use super::entry;
use crate::{engine::Engine, timers::Timer};

impl Engine {
    /// Somebody takes a call-back back. Who is being rung for it is let go; who talks, talks.
    pub(crate) fn cancel_callback(&mut self, id: CallbackId, by: &str) -> Result<Taken, Refusal> {
        let unknown = || Refusal::Unknown { what: "call-back".into(), id: id.to_string() };
        let state = self.callbacks.known(id).ok_or_else(unknown)?.state;
        let why = match state {
            CallbackState::Waiting | CallbackState::Offered | CallbackState::Dialling => {
                self.take_back(id, CallbackOutcome::Cancelled, Some(by.to_owned()));
                return Ok(Taken { callback: Some(id), ..Taken::default() });
            }
            CallbackState::Connected => "agent and customer talk",
            CallbackState::Completed
            | CallbackState::Cancelled
            | CallbackState::Failed
            | CallbackState::Expired => "it is over",
        };
        Err(Refusal::NotNow { why: why.into(), allowed: Vec::new() })
    }

    /// Ends a call-back that has not reached anybody, and its try.
    pub(super) fn take_back(&mut self, id: CallbackId, outcome: CallbackOutcome, by: Option<String>) {
        let Some(callback) = self.callbacks.get(id).map(|record| &record.callback) else { return };
        let tried = match callback.state {
            CallbackState::Offered | CallbackState::Dialling => callback.call,
            CallbackState::Waiting
            | CallbackState::Connected
            | CallbackState::Completed
            | CallbackState::Cancelled
            | CallbackState::Failed
            | CallbackState::Expired => None,
        };
        self.end_callback(id, outcome, by);
        if let Some(call) = tried {
            self.stop_try(call);
        }
    }

    /// A call-back is over: told once, with its last try.
    pub(super) fn end_callback(&mut self, id: CallbackId, outcome: CallbackOutcome, by: Option<String>) {
        let now = self.now();
        self.distributor.remove(now, entry(id));
        self.timers.cancel(&Timer::Callback(id));
        let Some(record) = self.callbacks.get_mut(id) else { return };
        record.callback.state = outcome.state();
        record.callback.next_at = None;
        let callback = Box::new(record.callback.clone());
        self.callbacks.retire(id);
        self.stats.touch(&callback.queue);
        let call = self.last_try(&callback);
        self.emit_of_callback(EventKind::CallbackEnded { callback, call, outcome, by });
    }
}
