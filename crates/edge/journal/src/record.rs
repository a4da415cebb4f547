//! What the journal holds.

use bytes::Bytes;
use hookswitch_model::{Meta, Timestamp};

/// What a record is. The numbers are those on disk and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An input of the engine, with the time it was handled at.
    Input = 1,
    /// An event in its public JSON.
    Event = 2,
    /// An action on a PBX.
    Action = 3,
    /// A configuration that took over.
    Setup = 4,
    /// The answer to a command.
    Answer = 5,
    /// What was done to the journal itself by hand.
    Audit = 6,
}

impl Kind {
    /// The kind with this number.
    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Input,
            2 => Self::Event,
            3 => Self::Action,
            4 => Self::Setup,
            5 => Self::Answer,
            6 => Self::Audit,
            _ => return None,
        })
    }

    /// Its name, as in an export.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Event => "event",
            Self::Action => "action",
            Self::Setup => "setup",
            Self::Answer => "answer",
            Self::Audit => "audit",
        }
    }

    pub(crate) const fn code(self) -> u8 {
        self as u8
    }
}

/// One record, before it has a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is.
    pub kind: Kind,
    /// The engine's time when it came about.
    pub at: Timestamp,
    /// What it is about, for readers that filter; none for what no subscriber sees.
    pub meta: Option<Meta>,
    /// What it says. The journal does not look into it.
    pub payload: Bytes,
}

/// One record in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its sequence, from 1.
    pub seq: u64,
    /// The record.
    pub record: Record,
}
