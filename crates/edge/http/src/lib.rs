//! HTTP, WebSocket and SSE for subscribers, agents and operators: the public contract, §4.
//!
//! This crate knows who calls and what they may see; it refuses to know what a call means. It reads from the
//! [`Backend`], hands commands to it, and streams what the [`Hub`](hookswitch_publish::Hub) publishes. It takes no decision, keeps no state of a
//! call, and holds no lock while it waits.
//!
//! # The way of a request
//!
//! ```text
//! log (id, one line) → CORS (strange origins end here) → table of routes
//!     → admit (token → role → may it?) → idempotency (done before?) → handler → Backend | hub
//! ```
//!
//! # Invariants
//!
//! - Every route stands in one table; router, role check and `/openapi.json` come from it.
//! - No handler runs for a strange origin, a wrong token or a wrong role.
//! - An agent's token sees its own calls only: lists, single calls, snapshots and streams go through the same check.
//! - Every error is `application/problem+json`; no error and no log line holds a token or a query string.
//! - Whatever a client sends is bounded: path, body, messages, remembered answers.

mod access;
mod backend;
mod cors;
mod desktop;
mod idempotency;
mod input;
mod log;
mod openapi;
mod problem;
mod render;
mod route;
mod routes;
mod server;
mod session;
mod state;
mod stream;

pub(crate) use hookswitch_wire::model;

pub use access::{Access, InvalidHash, Role, Token, TokenHash};
pub use backend::{Backend, BackendGone, CallJson, LinkReadiness, List, Readiness, Reply, Snapshot};
pub use server::{router, serve};
pub use state::{AppState, Limits, NoRandomness};
