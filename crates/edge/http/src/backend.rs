//! What the router asks of the daemon: the only way from HTTP to the engine.
//!
//! The daemon answers from its dispatcher, between two inputs of the engine: whatever one answer holds is true at one
//! `sequence`. Objects come as finished JSON (made by `wire`), so that the dispatcher decides what is encoded when
//! and this crate never re-encodes a call.

use std::{future::Future, pin::Pin};

use bytes::Bytes;

use crate::{
    Administration, Contacts,
    model::{
        AgentId, CallId, CallbackId, QueueId,
        callback::CallbackState,
        command::{Answer, Command},
    },
};

/// The dispatcher does not answer any more: the daemon is stopping. Becomes `503`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the daemon is stopping")]
pub struct BackendGone;

/// A future answer of the daemon.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, BackendGone>> + Send + 'a>>;

/// A list and the journal position it is true at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T = Bytes> {
    /// The position: every event up to it is contained, none after it.
    pub sequence: u64,
    /// The objects, as JSON.
    pub items: Vec<T>,
}

/// A call (or what explains one, or a call-back) with the agents it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallJson {
    /// Every agent who has or had a leg in it, or to whom it is or was offered: whose token may read it.
    pub agents: Vec<AgentId>,
    /// The object, as JSON.
    pub json: Bytes,
}

/// Everything at one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The position.
    pub sequence: u64,
    /// Live calls.
    pub calls: Vec<CallJson>,
    /// All agents.
    pub agents: Vec<Bytes>,
    /// All queues.
    pub queues: Vec<Bytes>,
    /// All PBX links.
    pub pbx: Vec<Bytes>,
    /// Call-backs that are not over, each with those who try it or are to be asked first.
    pub callbacks: Vec<CallJson>,
}

/// Whether one PBX link has been tried and stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkReadiness {
    /// The PBX's name.
    pub name: String,
    /// A first attempt has come to an end, well or badly.
    pub tried: bool,
    /// Logged in and listed.
    pub up: bool,
}

/// Whether the journal takes records. One that cannot be opened or read ends the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalState {
    /// It takes and gives records.
    Open,
    /// There is no room on the disk: calls are routed, and their events wait in memory.
    Degraded,
}

/// What `/readyz` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether the journal takes records.
    pub journal: JournalState,
    /// One entry a PBX.
    pub links: Vec<LinkReadiness>,
}

/// Which call-backs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallbacksWanted {
    /// Of this queue; none: of all.
    pub queue: Option<QueueId>,
    /// In this state; none: in any.
    pub state: Option<CallbackState>,
}

/// Whose figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// All queues.
    Queues,
    /// All agents, or this one only.
    Agents {
        /// Whose row the token may see; none: all.
        only: Option<AgentId>,
    },
    /// All teams.
    Teams,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// One JSON object.
    Json,
    /// RFC 4180, a line a row.
    Csv,
}

/// A report as it was asked for; texts are read by the daemon, which knows the time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportWish {
    /// Whose figures.
    pub subject: Subject,
    /// The first moment.
    pub from: Option<String>,
    /// The first moment after.
    pub to: Option<String>,
    /// `15m`, `30m`, `1h`, `1d`.
    pub interval: Option<String>,
    /// IANA name.
    pub tz: Option<String>,
    /// How it is written.
    pub form: Form,
}

/// A report, written piece by piece.
pub type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportRefused {
    /// What was asked for cannot be.
    Wrong {
        /// The culprit.
        what: String,
        /// What would do.
        hint: String,
    },
    /// It would be too long, or too much would have to be read for it.
    TooLarge {
        /// How much.
        what: String,
        /// What would do.
        hint: String,
    },
    /// As many reports as may be are being made.
    Busy,
    /// The journal does not read; the log says more.
    Unreadable,
}

/// The daemon, as the router sees it.
///
/// Written with boxed futures so that the router is one concrete type; a box a request is lost in the cost of a
/// request. [`Backend::readiness`] and [`Backend::metrics`] must not wait for the dispatcher: they are asked when
/// something is wrong.
pub trait Backend: Send + Sync + 'static {
    /// Calls, agents, queues and links at one position.
    fn snapshot(&self) -> Reply<'_, Snapshot>;
    /// Live calls.
    fn calls(&self) -> Reply<'_, List<CallJson>>;
    /// One call, live or remembered.
    fn call(&self, id: CallId) -> Reply<'_, Option<CallJson>>;
    /// Why a call was routed as it was.
    fn why(&self, id: CallId) -> Reply<'_, Option<CallJson>>;
    /// All agents.
    fn agents(&self) -> Reply<'_, List>;
    /// One agent.
    fn agent(&self, id: AgentId) -> Reply<'_, Option<Bytes>>;
    /// Why an agent has no call, call by call.
    fn why_idle(&self, id: AgentId) -> Reply<'_, Option<Bytes>>;
    /// All queues with their figures.
    fn queues(&self) -> Reply<'_, List>;
    /// One queue.
    fn queue(&self, id: QueueId) -> Reply<'_, Option<Bytes>>;
    /// Call-backs, oldest first; those that are over last.
    fn callbacks(&self, wanted: CallbacksWanted) -> Reply<'_, List>;
    /// One call-back, not over or lately so.
    fn callback(&self, id: CallbackId) -> Reply<'_, Option<Bytes>>;
    /// Figures of a time, from the journal. Must not keep the dispatcher or the runtime from working.
    fn report(&self, wish: ReportWish) -> Reply<'_, Result<Pieces, ReportRefused>>;
    /// Hands a command to the engine and brings its answer, which is journalled by then. The engine checks that a
    /// pop belongs to `actor.agent` where the actor is an agent: only it knows whose a pop is.
    fn command(&self, command: Command) -> Reply<'_, Answer>;
    /// The webhooks: name, state, cursor.
    fn webhooks(&self) -> Reply<'_, List>;
    /// The latest deliveries of one webhook, newest first; none when there is no webhook of that name.
    fn deliveries(&self, webhook: String) -> Reply<'_, Option<List>>;
    /// Sets a webhook's cursor back to `after` and enables it; false when there is no webhook of that name.
    fn replay(&self, webhook: String, after: u64) -> Reply<'_, bool>;
    /// The configuration.
    fn administration(&self) -> &dyn Administration;
    /// The directory and the look-up of customers; none: there is neither.
    fn contacts(&self) -> Option<&dyn Contacts> {
        None
    }
    /// Whether journal and links are up. Never waits.
    fn readiness(&self) -> Readiness;
    /// The metrics in Prometheus text format. Never waits.
    fn metrics(&self) -> String;
}
