//! What a webhook remembers over a restart, beside its cursor.

use std::time::Duration;

use bytes::Bytes;
use hookswitch_journal::Cursor;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::chain::Chain;

/// See the module. JSON in the cursor's notes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notes {
    /// The journal was read up to here.
    pub(crate) position: u64,
    /// What of that is not delivered.
    pub(crate) unsettled: Vec<Unsettled>,
    /// The last event of each call up to the position.
    pub(crate) chain: Chain,
    /// The receiver at this address said that it is gone: stays so until it is replayed or has another address.
    pub(crate) gone: Option<String>,
}

/// A delivery that was not settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unsettled {
    pub(crate) seq: u64,
    pub(crate) prev: Option<u64>,
    pub(crate) tried: u32,
    /// For how long it has been tried.
    pub(crate) for_ms: u64,
}

impl Unsettled {
    pub(crate) const fn tried_for(&self) -> Duration {
        Duration::from_millis(self.for_ms)
    }
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

/// An address that can be compared and not read.
pub(crate) fn fingerprint(url: &str) -> String {
    Sha256::digest(url.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
