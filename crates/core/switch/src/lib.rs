//! Hookswitch as SIP queue server: a back-to-back user agent as one state machine.
//!
//! Phones register, calls come in by trunk or from a phone, wait (182 Queued, or with music), are rung out to phones and
//! numbers, held, transferred, conferred and ended: by what the parties do, and by [orders](Command). What happens is
//! told by [events](Event). Messages, orders and the time come in; messages, media and events go out.
//!
//! ```text
//!            ┌────────── Switch ──────────┐
//! caller ⇄ leg ⇄ call (waiting, attempt,  ⇄ leg ⇄ agent's phone
//!            │    pair, conference)       │ ⇄ leg ⇄ agent's other phone
//!            └────── orders ↑ ↓ events ───┘
//! ```
//!
//! The crate refuses to know queues, agents, offers and ledgers (that is `acd`), and has no socket, clock, task or
//! resolver. The media of a pair goes end to end; only music and conferences are ours.
//!
//! Invariants:
//! - A call ends once. Every leg of it leaves once, before.
//! - Every dialog ends: by BYE, by its answer to the INVITE, or because the peer is silent for too long (RFC 4028).
//! - A 2xx to our INVITE is acknowledged whenever it comes; one that comes too late is ended.
//! - At most one offer is open in a dialog (RFC 3264): what comes meanwhile is refused with 491 or 500.
//! - A stranger gets the same answer whoever is asked for, without a trace kept.

mod cause;
mod command;
mod dialog;
mod event;
mod id;
mod identity;
mod line;
mod session;
pub mod settings;
mod state;
mod switch;
mod timers;
mod voice;

pub use command::{Command, Refused, Supervision, Target};
pub use event::{Began, Caller, Cause, Direction, Diverted, End, Event, Outcome, UserState};
pub use id::{CallId, LegId, NoLeg, OrderId};
pub use line::{Line, NoDevice};
pub use settings::Settings;
pub use switch::{Counters, Load, MediaOut, Switch};
