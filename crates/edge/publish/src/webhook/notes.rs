//! What a webhook remembers over a restart, beside its cursor.

use std::time::Duration;

use bytes::Bytes;
use hookswitch_journal::Cursor;
use hookswitch_wire::Time;
use serde::{Deserialize, Serialize};

use super::{
    chain::Chain,
    delivery::{Attempt, DeliveryView},
    preset::Memory,
};

/// The most attempts that are noted of a delivery: the latest.
const NOTED_ATTEMPTS: usize = 2;

/// See the module. JSON in the cursor's notes; what an older version did not note is empty.
///
/// `position` and `unsettled` together are the set of what was delivered: everything up to the position that is not
/// among the unsettled. So what overtook a slow call is not told twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Notes {
    /// The journal was read up to here.
    pub(crate) position: u64,
    /// What of that is not delivered.
    pub(crate) unsettled: Vec<Unsettled>,
    /// The last event of each call up to the position.
    pub(crate) chain: Chain,
    /// This receiver said that it is gone: stays so until it is replayed or reconfigured.
    pub(crate) gone: Option<String>,
    /// The receiver asked to be left alone until then.
    pub(crate) leave_alone_until: Option<Time>,
    /// What was given up on, oldest first.
    pub(crate) dead: Vec<DeliveryView>,
    /// How many were, also those that are not kept any more.
    pub(crate) dead_count: u64,
    /// How many positions of the journal were deleted before they were delivered.
    pub(crate) lost: u64,
    /// The preset it is told by, and what was told by it.
    pub(crate) preset: String,
    pub(crate) told: Memory,
}

/// A delivery that was not settled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Unsettled {
    pub(crate) seq: u64,
    pub(crate) prev: Option<u64>,
    pub(crate) tried: u32,
    pub(crate) refusals: u32,
    /// For how long it has been tried.
    pub(crate) for_ms: u64,
    pub(crate) attempts: Vec<Attempt>,
}

impl Unsettled {
    pub(crate) const fn tried_for(&self) -> Duration {
        Duration::from_millis(self.for_ms)
    }
}

/// The latest attempts, as many as are noted.
pub(crate) fn noted(attempts: &[Attempt]) -> Vec<Attempt> {
    attempts[attempts.len().saturating_sub(NOTED_ATTEMPTS)..].to_vec()
}

impl Notes {
    /// The notes of a cursor. Notes that do not read are left: the cursor alone misses nothing.
    pub(crate) fn of(cursor: &Cursor) -> Self {
        serde_json::from_slice(&cursor.state).unwrap_or(Self { position: cursor.seq, ..Self::default() })
    }

    /// The cursor: everything up to it is settled.
    pub(crate) fn cursor(&self) -> Cursor {
        let seq = self.unsettled.first().map_or(self.position, |oldest| oldest.seq.saturating_sub(1));
        let state = serde_json::to_vec(self).expect("no map of the notes has a key that is not a text");
        Cursor { seq, state: Bytes::from(state) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_an_older_version_are_read_on() {
        let state = r#"{"position":9,"unsettled":[{"seq":4,"prev":null,"tried":3,"for_ms":5000}],
            "chain":{"last":{},"ended":[]},"gone":"0123"}"#;
        let notes = Notes::of(&Cursor { seq: 3, state: state.into() });
        assert_eq!((notes.position, notes.unsettled[0].seq, notes.dead_count), (9, 4, 0));
        assert_eq!(notes.gone.as_deref(), Some("0123"));
        assert_eq!(notes.cursor().seq, 3);
        assert_eq!(Notes::of(&notes.cursor()), notes);
    }

    #[test]
    fn notes_that_do_not_read_lose_nothing() {
        let notes = Notes::of(&Cursor { seq: 7, state: "not JSON".into() });
        assert_eq!(notes, Notes { position: 7, ..Notes::default() });
    }
}
