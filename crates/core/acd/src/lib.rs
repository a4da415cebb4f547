//! The engine: calls, agents, queues, offers, routing, ledger; pure and deterministic.

pub mod distribution;
pub mod routing;
