//! Transactions: a request, its repeats and its answers as one thing (RFC 3261 section 17, RFC 6026).
//!
//! Bytes and time come in, effects are polled out. The core above is told each request once, each provisional answer,
//! and one end: a final answer, [`Event::TimedOut`] or [`Event::Unreachable`].
//!
//! ```text
//!        server INVITE                               client INVITE
//!   Trying ── 100 after 200 ms ─→ Proceeding     Calling ── 1xx ─→ Proceeding
//!     │ 2xx        │ 300–699         │             │ 2xx     │ 300–699 (ACK)   │
//!     ▼            ▼                 │             ▼         ▼                 │
//!  Accepted    Completed ── ACK ─→ Confirmed    Accepted   Completed ←─────────┘
//!     L           G, H               I             M          D          A, B: TimedOut
//! ```

mod client;
mod key;
mod layer;
mod route;
mod server;
mod table;
mod timers;

use std::time::Duration;

pub use layer::Layer;

use crate::flow::Flow;
use crate::message::{Host, Request, Response};
use table::Handle;

/// Names a server transaction: a request that is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub(crate) Handle);

/// Names a client transaction: a request of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub(crate) Handle);

/// How the layer keeps time, and how much it takes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The estimated round trip (RFC 3261 section 17.1.1.1). 500 ms.
    pub t1: Duration,
    /// The longest wait between two repeats. 4 s.
    pub t2: Duration,
    /// How long a message may stay in the network. 5 s.
    pub t4: Duration,
    /// When an INVITE nobody answered gets its 100. 200 ms.
    pub trying_after: Duration,
    /// How many requests of others may be open; one more gets 503. Our own requests are never refused.
    pub max: usize,
    /// What that 503 says in Retry-After.
    pub retry_after: Duration,
    /// The host and port our Via names; the flow's local address when none.
    pub sent_by: Option<(Host, Option<u16>)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            trying_after: Duration::from_millis(200),
            max: 100_000,
            retry_after: Duration::from_secs(5),
            sent_by: None,
        }
    }
}

impl Settings {
    /// Timer D: at least 32 s, for the peer's timer H to run out (RFC 3261 section 17.1.1.2).
    fn timer_d(&self) -> Duration {
        (self.t1 * 64).max(Duration::from_secs(32))
    }
}

/// What the core above is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody asks. To be answered by [`Layer::respond`] or [`Layer::dismiss`].
    Request {
        /// Its transaction.
        id: ServerId,
        /// What is asked; its top Via has `received` and `rport` filled in.
        request: Request,
        /// Where it came from.
        flow: Flow,
    },
    /// An ACK that belongs to no transaction here: of a 2xx, or of an answer sent without one.
    Ack {
        /// The ACK.
        request: Request,
        /// Where it came from.
        flow: Flow,
    },
    /// An INVITE is taken back. The CANCEL has its 200; the INVITE is still to be answered, usually 487.
    Cancelled {
        /// The INVITE's transaction.
        id: ServerId,
        /// The CANCEL: its Reason may say why.
        request: Request,
    },
    /// An answer to a request of ours: each provisional, and each final once; of an INVITE each 2xx.
    Response {
        /// The request's transaction.
        id: ClientId,
        /// The answer.
        response: Response,
        /// Where it came from.
        flow: Flow,
        /// A 2xx to an INVITE that was told already: its ACK was lost and is to be sent again.
        repeated: bool,
    },
    /// Nobody answered a request of ours in time. Its end.
    TimedOut {
        /// The request's transaction.
        id: ClientId,
    },
    /// A request of ours could not be sent. Its end.
    Unreachable {
        /// The request's transaction.
        id: ClientId,
    },
}

/// What was seen since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Requests that were repeats.
    pub repeats: u64,
    /// Responses that belong to no request of ours, and responses that took another way.
    pub strays: u64,
    /// Requests refused because too many were open.
    pub overload: u64,
    /// Requests that came twice by two ways, and were refused the second time.
    pub merged: u64,
    /// Final answers to an INVITE that were never acknowledged.
    pub unconfirmed: u64,
    /// Requests of ours nobody answered.
    pub timed_out: u64,
}
