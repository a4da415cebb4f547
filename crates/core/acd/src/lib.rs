//! The engine: calls, agents, queues, offers, routing, ledger; pure and deterministic.
//!
//! Facts of a PBX, commands and time go in; events, actions and answers come out. The engine decides what a fact
//! means: which leg is an agent's, what an offer is and how it ended, who owned the call and how it was booked, who is
//! rung next.
//!
//! It refuses to know: how any PBX speaks (`normalize`), how events look outside (`wire`), where they are kept
//! (`journal`), what time it is, and who is waiting for its answer.
//!
//! ```
//! use std::sync::Arc;
//! use hookswitch_acd::Engine;
//! use hookswitch_model::{Timestamp, input::{Input, Output}, setup::Setup};
//!
//! let mut engine = Engine::new(Arc::new(Setup::default()), 7).unwrap();
//! engine.handle(Timestamp::from_millis(1), Input::Setup(Arc::new(Setup { version: 1, ..Setup::default() })));
//! let Some(Output::Event(event)) = engine.poll_output() else { panic!("an event") };
//! assert_eq!(event.kind.name(), "config.applied");
//! assert_eq!(engine.next_deadline(), None);
//! ```
//!
//! # Invariants
//!
//! - The same inputs at the same times give the same outputs, bit for bit, also over [`Engine::snapshot`] and
//!   [`Engine::restore`].
//! - A call that started ends exactly once; every offer that was told ends exactly once; the segments of a call add
//!   up to it. What would break this is told as `invariant.violated` and the engine goes on.
//! - An agent is busy only on evidence: a live leg, or an offer that is out.
//! - One Ring is in flight for a call at most, and none while its caller may be talking.
//! - A verb is carried out if and only if it stands in the actions of the leg; what was taken is told by events with
//!   its command, or by `call.control_failed`.
//! - Nobody is called back twice at once, and a call-back keeps the place of the caller it stands in for.
//! - Nothing polls and nothing is scanned to decide: [`Engine::next_deadline`] says when time matters.

pub mod distribution;
pub mod routing;

mod engine;

mod agents;
mod alerts;
mod announce;
mod callbacks;
mod calls;
mod control;
mod customers;
mod ledger;
mod offers;
mod pops;
mod stats;
mod sticky;
mod timers;
mod why;

pub use engine::{Counters, Engine, Link, LinkStatus, Rerouted, RestoreError, Snapshot};
