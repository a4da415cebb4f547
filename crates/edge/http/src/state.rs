//! What every request shares.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hookswitch_publish::Hub;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    access::Access,
    backend::Backend,
    idempotency::Answers,
    model::{ActionId, IdSource, Timestamp},
    session::SessionKey,
};

/// Bounds of the server. The defaults are what the manual states.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes a request's body may have.
    pub body: usize,
    /// How long a request's body may take to arrive.
    pub body_time: Duration,
    /// How long an answer is remembered under its `Idempotency-Key`.
    pub remember: Duration,
    /// How many answers are remembered; beyond it the oldest goes.
    pub remembered: usize,
    /// Time between two pings on a WebSocket and between two keep-alive comments of an event stream.
    pub keep_alive: Duration,
    /// How long a WebSocket may be silent (no pong either), or take nothing that is written, before it is closed.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            body_time: Duration::from_secs(10),
            remember: Duration::from_secs(600),
            remembered: 10_000,
            keep_alive: Duration::from_secs(20),
            silence: Duration::from_secs(60),
        }
    }
}

/// The operating system gave no random bytes, so no session key can be drawn.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes from the operating system: {0}")]
pub struct NoRandomness(getrandom::Error);

/// Everything the routes share; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    backend: Arc<dyn Backend>,
    hub: Hub,
    access: watch::Receiver<Arc<Access>>,
    sessions: SessionKey,
    ids: Mutex<IdSource>,
    answers: Answers,
    limits: Limits,
    closing: CancellationToken,
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl AppState {
    /// The state of a server in front of `backend` and `hub`. `access` may be replaced while it runs: open streams of a token
    /// that is gone are closed at once.
    ///
    /// # Errors
    /// [`NoRandomness`] when no key for session tokens can be drawn.
    pub fn new(
        backend: Arc<dyn Backend>,
        hub: Hub,
        access: watch::Receiver<Arc<Access>>,
        limits: Limits,
    ) -> Result<Self, NoRandomness> {
        let mut key = [0; 32];
        let mut seed = [0; 8];
        getrandom::fill(&mut key).map_err(NoRandomness)?;
        getrandom::fill(&mut seed).map_err(NoRandomness)?;
        Ok(Self(Arc::new(Shared {
            backend,
            hub,
            access,
            sessions: SessionKey::new(key),
            ids: Mutex::new(IdSource::new(u64::from_ne_bytes(seed))),
            answers: Answers::new(limits.remembered, limits.remember),
            limits,
            closing: CancellationToken::new(),
        })))
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.0.backend
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    pub(crate) fn access(&self) -> Arc<Access> {
        Arc::clone(&self.0.access.borrow())
    }

    pub(crate) fn access_changes(&self) -> watch::Receiver<Arc<Access>> {
        self.0.access.clone()
    }

    pub(crate) fn sessions(&self) -> &SessionKey {
        &self.0.sessions
    }

    pub(crate) fn answers(&self) -> &Answers {
        &self.0.answers
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Cancelled when the server stops: streams end on it, requests do not.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// A new id for a command, a request or a frame of our own.
    pub(crate) fn next_id(&self) -> ActionId {
        // A poisoned counter is still a counter.
        self.0.ids.lock().unwrap_or_else(PoisonError::into_inner).next(now())
    }
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// Seconds since 1970.
pub(crate) fn now_s() -> u64 {
    now().as_millis() / 1_000
}
