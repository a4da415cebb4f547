//! HTTP, WebSocket and SSE for subscribers, agents and operators: the public contract, §4.
//!
//! This crate knows who calls and what they may see; it refuses to know what a call means. It reads from the
//! [`Backend`], hands commands to it, and streams what the [`Hub`](hookswitch_publish::Hub) publishes. It takes no decision, keeps no state of a
//! call, and holds no lock while it waits.
//!
//! ```
//! use hookswitch_http::{Access, Role, Token, TokenHash};
//!
//! // Of a token only the hash is known, as `hookswitch token create` prints it for the configuration.
//! let hash = TokenHash::parse("sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b")?;
//! assert_eq!(hash, TokenHash::of("secret"));
//! let token =
//!     Token { name: "wallboard".into(), role: Role::Supervisor, agent: None, hash, in_url: false, until: None };
//! let origins = vec!["https://crm.example.com".into()];
//! let access = Access { tokens: vec![token], allowed_origins: origins, ..Access::default() };
//! // `AppState::new(daemon, hub, access, limits)` takes it, and `serve(listener, state, shutdown)` runs.
//! # drop(access);
//! # Ok::<(), hookswitch_http::InvalidHash>(())
//! ```
//!
//! # The way of a request
//!
//! ```text
//! TLS → log (id, one line) → CORS (strange origins end here) → table of routes, else table of aliases
//!     → audit → admit (address → token → role → may it?) → idempotency (done before?) → handler → Backend | hub
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
mod administration;
mod alias;
mod assets;
mod asyncapi;
mod audit;
mod backend;
mod contacts;
mod cors;
mod dial;
mod idempotency;
mod input;
mod jwt;
mod limit;
mod log;
mod openapi;
mod pages;
mod patience;
mod problem;
mod render;
mod route;
mod routes;
mod sdk;
mod server;
mod session;
mod softphone;
mod state;
mod stream;
mod uses;

pub(crate) use hookswitch_wire::model;

pub use access::{Access, InvalidHash, Token, TokenHash};
pub use administration::{Administration, ImaginaryCall, Unusable};
pub use backend::{
    Backend, BackendGone, CallJson, CallbacksWanted, Form, JournalState, LinkReadiness, List, Pieces,
    Readiness, Reply, ReportRefused, ReportWish, Snapshot, Subject,
};
pub use contacts::{Contacts, ContactsRefused, ContactsReply, ContactsWanted, Upload};
pub use dial::{Dialled, Dialling, Undialled};
pub use hookswitch_config::Role;
pub use jwt::SingleSignOn;
pub use server::{router, serve};
pub use softphone::Softphone;
pub use state::{AppState, Clock, Limits, NoRandomness};
