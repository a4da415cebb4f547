//! What one reader is sent, whichever way: hello, events, gap with snapshot; and why it ends.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use bytes::Bytes;
use hookswitch_publish::{Closed, Filter, Subscription};
use hookswitch_wire::{Sequence, stream};
use tokio::{sync::watch, time::sleep};

use crate::{
    access::{Access, Grant},
    backend::BackendGone,
    problem::Problem,
    render,
    state::{AppState, Limits, Place, now},
};

/// One CloudEvent to send.
#[derive(Debug)]
pub(super) struct Frame {
    /// Where to resume from once it was read; none for a snapshot, which is ahead of the stream, and for a notice,
    /// which is beside it.
    pub(super) cursor: Option<u64>,
    /// The event.
    pub(super) json: Bytes,
}

impl From<hookswitch_publish::Frame> for Frame {
    fn from(frame: hookswitch_publish::Frame) -> Self {
        Self { cursor: frame.sequence, json: frame.json }
    }
}

/// Why a stream ends though the reader has not left: the close code of a WebSocket, and what a person reads of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) code: u16,
    pub(super) reason: String,
}

impl Ending {
    /// The token is not in the configuration any more.
    const WITHDRAWN: u16 = 4001;
    /// The token has expired; with a new one the reader goes on where it was.
    const EXPIRED: u16 = 4003;
    /// The daemon stops; the reader comes back later.
    const AWAY: u16 = 1001;
    /// The reader takes nothing.
    const BEHIND: u16 = 4008;

    fn away() -> Self {
        Self { code: Self::AWAY, reason: "the daemon stops; resume after the last sequence read".into() }
    }

    /// The reader takes nothing that is written.
    pub(super) fn stuck() -> Self {
        Self {
            code: Self::BEHIND,
            reason: "nothing was read for too long; resume after the last sequence read".into(),
        }
    }
}

impl From<Closed> for Ending {
    fn from(closed: Closed) -> Self {
        if let Closed::Journal(error) = &closed {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "events could not be read from the journal"
            );
        }
        Self { code: closed.code(), reason: closed.to_string() }
    }
}

impl From<BackendGone> for Ending {
    fn from(_: BackendGone) -> Self {
        Self::away()
    }
}

/// The state as a whole, for a reader who cannot have all events that led to it.
pub(super) async fn snapshot(state: &AppState, grant: &Grant) -> Result<Option<Bytes>, BackendGone> {
    let snapshot = state.backend().snapshot().await?;
    let sequence = Sequence(snapshot.sequence);
    Ok(stream::snapshot(now(), sequence, &render::snapshot(snapshot, grant)))
}

/// The stream of one reader.
pub(super) struct Feed {
    subscription: Subscription,
    door: Door,
    /// The last batch ended in a gap: a snapshot follows.
    after_gap: bool,
    _place: Place,
}

impl Feed {
    pub(super) fn open(
        state: AppState,
        grant: Grant,
        after: Option<u64>,
        filter: Filter,
    ) -> Result<Self, Problem> {
        let place = state.take_place().ok_or_else(|| {
            let detail = format!("{} streams are open, and no more are allowed", state.limits().streams);
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "streams", "Too many readers", detail)
        })?;
        let subscription = state.hub().subscribe(after, filter);
        let access = state.access_changes();
        let door = Door { state, grant, access };
        Ok(Self { subscription, door, after_gap: false, _place: place })
    }

    pub(super) fn limits(&self) -> Limits {
        *self.door.state.limits()
    }

    /// Waits for what is to be sent next, at least one frame. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Vec<Frame>, Ending> {
        if self.after_gap {
            let snapshot = self.snapshot().await?;
            self.after_gap = false;
            return Ok(vec![snapshot]);
        }
        let batch = tokio::select! {
            batch = self.subscription.next_batch() => batch?,
            ending = self.door.shut() => return Err(ending),
        };
        self.after_gap = batch.last().is_some_and(hookswitch_publish::Frame::is_gap);
        Ok(batch.into_iter().map(Frame::from).collect())
    }

    async fn snapshot(&self) -> Result<Frame, Ending> {
        let json = snapshot(&self.door.state, &self.door.grant).await?;
        let json =
            json.ok_or_else(|| Ending { code: 1011, reason: "the snapshot could not be made".into() })?;
        Ok(Frame { cursor: None, json })
    }

    /// Returns when the stream has to end although a batch is still being written.
    pub(super) async fn ending(&mut self) -> Ending {
        tokio::select! {
            ending = self.door.shut() => ending,
            closed = self.subscription.fell_behind() => closed.into(),
        }
    }
}

/// What a stream was let in by, and what may turn it out.
struct Door {
    state: AppState,
    grant: Grant,
    access: watch::Receiver<Arc<Access>>,
}

impl Door {
    /// Returns when the daemon stops, or the token is withdrawn or expires. Dropping the future loses nothing.
    async fn shut(&mut self) -> Ending {
        let withdrawn = async {
            while self.access.changed().await.is_ok() {
                if !self.access.borrow().still_holds(&self.grant.token) {
                    return;
                }
            }
            // Without a sender the configuration does not change any more.
            std::future::pending().await
        };
        let (state, until) = (&self.state, self.grant.until);
        let expired = async {
            let Some(until) = until else { return std::future::pending().await };
            // The time of day may be set; every ping comes by here again.
            while let left @ 1.. = until.saturating_sub(state.now_s()) {
                sleep(Duration::from_secs(left)).await;
            }
        };
        tokio::select! {
            () = self.state.closing().cancelled() => Ending::away(),
            () = expired => Ending {
                code: Ending::EXPIRED,
                reason: "the token has expired; resume with a new one after the last sequence read".into(),
            },
            () = withdrawn => Ending { code: Ending::WITHDRAWN, reason: "the token was withdrawn".into() },
        }
    }
}
