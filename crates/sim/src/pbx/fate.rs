//! What each caller lived through, kept when a test asks for it.

use crate::config::Micros;
use crate::pbx::{LegId, Pbx};

/// The life of one caller, from dialling to the end: what an oracle compares a ledger with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The caller's leg.
    pub leg: LegId,
    /// Asterisk's Uniqueid of it.
    pub uniqueid: String,
    /// The number called from.
    pub ani: String,
    /// The number dialled.
    pub dnis: String,
    /// When it dialled.
    pub from: Micros,
    /// When it was over.
    pub to: Micros,
    /// The endpoints it talked to, in order of their coming.
    pub talked_to: Vec<String>,
    /// How it ended.
    pub end: FateEnd,
}

/// How a caller's life on the line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FateEnd {
    /// After a conversation, whoever hung up.
    Talked,
    /// It had enough of waiting.
    GaveUp,
    /// The PBX ended it before anybody talked.
    TurnedAway,
    /// The PBX was restarted under it.
    Restarted,
}

impl Pbx {
    /// Keeps the fate of every caller from now on, until [`Pbx::take_fates`] takes them.
    pub fn keep_fates(&mut self) {
        self.fates.get_or_insert_default();
    }

    /// The fates of the callers who are gone, in the order of their ends.
    pub fn take_fates(&mut self) -> Vec<Fate> {
        self.fates.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The callers on the line, oldest first.
    #[must_use]
    pub fn live_callers(&self) -> Vec<LegId> {
        self.callers.keys().copied().collect()
    }
}
