//! What every request shares.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hookswitch_publish::Hub;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    access::{Access, Token},
    backend::Backend,
    idempotency::{Answers, Saved},
    limit::{self, Limiter},
    model::{ActionId, IdSource, Timestamp},
    problem::Problem,
    routes::Taken,
    session::SessionKey,
    uses::Uses,
};

/// The time of day, as the server is told it: tokens and limits go by it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How long an identical click is the same click.
const CLICK: Duration = Duration::from_secs(2);
/// How many clicks are remembered.
const CLICKS: usize = 10_000;

/// Bounds of the server. The defaults are what the manual states.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the head of a request may take to arrive, the wait for the next request on a connection included.
    pub head_time: Duration,
    /// Bytes a request's body may have.
    pub body: usize,
    /// Bytes an uploaded file may have: a configuration, a list of contacts.
    pub upload: usize,
    /// How long a request's body may take to arrive.
    pub body_time: Duration,
    /// How long an answer is remembered under its `Idempotency-Key`.
    pub remember: Duration,
    /// How many answers are remembered; beyond it the oldest goes.
    pub remembered: usize,
    /// Time between two pings on a WebSocket and between two keep-alive comments of an event stream.
    pub keep_alive: Duration,
    /// How long a WebSocket may be silent (no pong either), and how long any connection may take nothing that is
    /// written, before it is closed.
    pub silence: Duration,
    /// How many WebSockets and event streams may be open at once; further ones are told to come later.
    pub streams: usize,
    /// How long a stopping server waits for requests and streams to end.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_time: Duration::from_secs(30),
            body: 64 * 1024,
            upload: 8 * 1024 * 1024,
            body_time: Duration::from_secs(10),
            remember: Duration::from_secs(600),
            remembered: 10_000,
            keep_alive: Duration::from_secs(20),
            silence: Duration::from_secs(60),
            streams: 10_000,
            farewell: Duration::from_secs(5),
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
    answers: Answers<Saved>,
    clicks: Answers<Taken>,
    tokens: Limiter<[u8; 32]>,
    addresses: Limiter<IpAddr>,
    uses: Uses,
    clock: Clock,
    limits: Limits,
    streams: watch::Sender<usize>,
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
        Self::with_clock(backend, hub, access, limits, Arc::new(now))
    }

    /// [`AppState::new`], by another clock than the system's.
    ///
    /// # Errors
    /// As [`AppState::new`].
    pub fn with_clock(
        backend: Arc<dyn Backend>,
        hub: Hub,
        access: watch::Receiver<Arc<Access>>,
        limits: Limits,
        clock: Clock,
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
            clicks: Answers::new(CLICKS, CLICK),
            tokens: Limiter::default(),
            addresses: Limiter::default(),
            uses: Uses::default(),
            clock,
            limits,
            streams: watch::Sender::new(0),
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

    pub(crate) fn answers(&self) -> &Answers<Saved> {
        &self.0.answers
    }

    /// Clicks to dial, each for a moment.
    pub(crate) fn clicks(&self) -> &Answers<Taken> {
        &self.0.clicks
    }

    /// One more request from this address.
    pub(crate) fn ask_of_address(&self, peer: Option<IpAddr>) -> Result<(), Problem> {
        let Some(peer) = peer else { return Ok(()) };
        let most = self.0.access.borrow().limits.address_per_second;
        let taken = self.0.addresses.take(limit::household(peer), most, self.now());
        taken.map_err(|wait| Problem::too_often("from this address", wait))
    }

    /// One more request with this token.
    pub(crate) fn ask_of_token(&self, token: &Token) -> Result<(), Problem> {
        let most = self.0.access.borrow().limits.token_per_second;
        let taken = self.0.tokens.take(*token.hash.bytes(), most, self.now());
        taken.map_err(|wait| Problem::too_often("with this token", wait))
    }

    /// When tokens were last shown.
    pub(crate) fn uses(&self) -> &Uses {
        &self.0.uses
    }

    /// The time of day.
    pub(crate) fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    /// Seconds since 1970.
    pub(crate) fn now_s(&self) -> u64 {
        self.now().as_millis() / 1_000
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// How many WebSockets and event streams are open, and every change of it.
    #[must_use]
    pub fn streams(&self) -> watch::Receiver<usize> {
        self.0.streams.subscribe()
    }

    /// A place for one more stream; none when all are taken.
    pub(crate) fn take_place(&self) -> Option<Place> {
        let most = self.0.limits.streams;
        let taken = self.0.streams.send_if_modified(|open| {
            let free = *open < most;
            *open += usize::from(free);
            free
        });
        taken.then(|| Place(self.clone()))
    }

    /// Cancelled when the server stops: streams end on it, requests do not.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// A new id for a command, a request or a frame of our own.
    pub(crate) fn next_id(&self) -> ActionId {
        // A poisoned counter is still a counter.
        self.0.ids.lock().unwrap_or_else(PoisonError::into_inner).next(self.now())
    }
}

/// The place of an open stream; given back when it is dropped.
pub(crate) struct Place(AppState);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.streams.send_modify(|open| *open -= 1);
    }
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
