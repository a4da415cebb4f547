//! Waiting calls × ready agents.
mod decision;
mod reasons;
mod simple;

pub use decision::{Decision, Figures, Placed, Unavailable, Waiting};
pub use reasons::{Excluded, Exclusion, Explanation, Ranked, Reasons, Score, StepExplained, Turn};
pub use simple::{Distributor, State};

/// Above this many members a decision does not list who was excluded.
pub const MEMBERS_EXPLAINED: usize = 64;
