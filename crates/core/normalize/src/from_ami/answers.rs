//! Answers to what was asked: actions of the engine, variables of a caller.

use std::collections::{BTreeMap, VecDeque};

use hookswitch_ami::{Action as Ami, Frame};
use hookswitch_model::{
    ActionId, LegRef,
    pbx::{Action, Fact, PbxAction},
};

use super::{Normalizer, Read};

/// How many probes are remembered; an answer that never comes must not be waited for by memory.
const MAX_PROBES: usize = 1024;

/// ActionIDs of requests for the variables of a channel.
const VARIABLES: &str = "hs-variables-";

/// ActionIDs of requests for the application that serves a channel.
const APPLICATION: &str = "hs-application-";

/// What is waited for.
#[derive(Debug, Default)]
pub(super) struct Answers {
    probes: BTreeMap<ActionId, LegRef>,
    order: VecDeque<ActionId>,
}

impl Answers {
    pub(super) fn sent(&mut self, action: &PbxAction) {
        if let Action::Probe { call: _, leg } = &action.action {
            self.probes.insert(action.id, leg.clone());
            self.order.push_back(action.id);
            if self.order.len() > MAX_PROBES
                && let Some(oldest) = self.order.pop_front()
            {
                self.probes.remove(&oldest);
            }
        }
    }
}

/// The ActionID of a request for the variables of a channel.
pub(super) fn variables_of(uid: &str) -> String {
    format!("{VARIABLES}{uid}")
}

/// Asks for the application that serves a channel: `Status` of the one channel, cheap for the PBX.
pub(super) fn ask_application(uid: &str) -> Ami {
    Ami::new("Status").header("Channel", uid).action_id(format!("{APPLICATION}{uid}"))
}

impl Normalizer {
    /// A `Response`.
    pub(super) fn response(&mut self, frame: &Frame) -> Read {
        let Some(id) = frame.action_id() else { return Ok(()) };
        if let Some(uid) = id.strip_prefix(VARIABLES) {
            if !frame.is_success() {
                self.variables_are_in(uid);
            }
            return Ok(());
        }
        if let Some(request) = self.listing.request(id) {
            if !frame.is_success() {
                self.list_refused(request);
            }
            return Ok(());
        }
        // Of several AMI actions for one of ours the deciding one carries the bare id.
        let Ok(action) = id.parse::<ActionId>() else { return Ok(()) };
        self.answered(action, frame);
        let refused = (!frame.is_success()).then(|| frame.get("Message").unwrap_or("refused").to_owned());
        if refused.is_some() {
            self.board.ring_refused(action);
        }
        match self.answers.probes.remove(&action) {
            Some(leg) if refused.is_some() => self.board.vanished(&leg),
            // Of a probe the good answer is told, too: the call lives.
            Some(_) | None => self.board.tell(Fact::ActionResult { action, refused }),
        }
        Ok(())
    }

    /// All variables of a channel were told, or cannot be.
    pub(super) fn variables_are_in(&mut self, uid: &str) {
        if let Some(call) = self.board.call_for(uid) {
            self.board.route_now(&call);
        }
    }

    /// The channel whose variables a list item is about, if it is one.
    pub(super) fn variables_asked(id: &str) -> Option<&str> {
        id.strip_prefix(VARIABLES)
    }
}
