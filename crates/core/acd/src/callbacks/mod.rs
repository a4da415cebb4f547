//! Call-backs: a caller hangs up and keeps the place in line, and agents call when it is the caller's turn.
//!
//! A call-back is the same entry of the same line: what waited as a call waits on as a call-back, at the place it had
//! ([`Distributor::stand_in`](crate::distribution::Distributor::stand_in)), is counted in positions, gets older, asks
//! for less as the queue's requirement loosens, and is decided with everybody else. So it can neither jump the line nor
//! lose its place, and what decides is still one rule.
//!
//! ```text
//!  by key · max_wait · API ─▶ waiting ─ in line ─▶ an agent is chosen ─▶ the agent's devices ring (a call of its own)
//!                               ▲  ▲                                          │ answered: the number is dialled
//!                               │  └──── the agent did not answer ────────────┤
//!                               └── retry_after, while attempts are left ─────┤ busy, silent, away
//!                                                                             └ they talk ─▶ completed
//! ```
//!
//! # What decides
//!
//! - **Whom**: only a number in E.164 that `outbound_allow` allows, looked at when it is promised and again before each
//!   try. Who withholds the number, or has none, waits on, and the call's reasons say so.
//! - **Once**: one call-back a number and queue. A try is one `Dial` with an expiry; while it is not known how it came
//!   out there is no other. When nobody can say because the PBX was out of sight, it counts as dialled.
//! - **When**: not before its time, only while the queue's `hours` are open, and within what `[numbers]` limits. Until
//!   then it is not in line.
//! - **Who calls again** and comes to the same queue takes the place back: the call-back is superseded.
//! - Each `callback.dialled` is followed by exactly one `callback.retry` or `callback.ended` of the same call-back.

mod book;
mod end;
mod line;
mod make;
mod tries;

pub(crate) use book::{CallbackBook, CallbackRecord, Tie, entry, of_entry};
pub(crate) use make::Wanted;
pub(crate) use tries::Tried;
