//! Lists and the snapshot, as `GET` answers them.

use serde::{Deserialize, Serialize};

use crate::{
    object::{Agent, Call, Callback, Link, Queue},
    sequence::Sequence,
};

/// A list, with the position of the journal it is true at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List<T> {
    /// The objects.
    pub items: Vec<T>,
    /// Events after this change them.
    pub sequence: Sequence,
}

/// Everything that lives, with the position of the journal it is true at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot<'a> {
    /// Events after this change it.
    pub sequence: Sequence,
    /// Live calls.
    pub calls: Vec<Call<'a>>,
    /// All agents.
    pub agents: Vec<Agent<'a>>,
    /// All queues.
    pub queues: Vec<Queue>,
    /// The links to the PBXs.
    pub pbx: Vec<Link<'a>>,
    /// Call-backs that are not over.
    #[serde(default)]
    pub callbacks: Vec<Callback<'a>>,
}
