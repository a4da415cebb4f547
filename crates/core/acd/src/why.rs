//! Why a call went where it went: kept with the call, computed when it was decided.

use std::collections::VecDeque;

use hookswitch_model::{CallId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{distribution::Reasons, routing::Routed};

/// So many decisions of one call are kept; the first routing always is.
const KEPT: usize = 16;

/// One thing that was decided for a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// When.
    pub at: Timestamp,
    /// The configuration it was decided under.
    pub config_version: u64,
    /// What, with its reasons.
    pub because: Because,
}

/// The reasons of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// A rule sent the call somewhere.
    Routed(Routed),
    /// An agent was chosen.
    Offered(Box<Reasons>),
}

/// Why a call went where it went, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The call.
    pub call: CallId,
    /// What was decided, oldest first; of very many, the first and the last ones.
    pub decisions: VecDeque<Decided>,
}

impl Why {
    /// Nothing was decided yet.
    pub(crate) const fn new(call: CallId) -> Self {
        Self { call, decisions: VecDeque::new() }
    }

    /// A rule sent the call somewhere.
    pub(crate) fn routed(&mut self, at: Timestamp, config_version: u64, routed: Routed) {
        self.push(Decided { at, config_version, because: Because::Routed(routed) });
    }

    /// An agent was chosen.
    pub(crate) fn decided(&mut self, at: Timestamp, config_version: u64, reasons: Reasons) {
        self.push(Decided { at, config_version, because: Because::Offered(Box::new(reasons)) });
    }

    fn push(&mut self, decided: Decided) {
        if self.decisions.len() >= KEPT {
            self.decisions.remove(1);
        }
        self.decisions.push_back(decided);
    }
}
