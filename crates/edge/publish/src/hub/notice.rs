//! What readers are told that is no event: the daemon works, but not as it should.
//!
//! A notice is not journalled (there may be no room to), has no sequence and no part in the chain of `prev`. A reader
//! is told once when it begins and once when it is over; one that comes meanwhile is told behind its `stream.hello`.

use std::{borrow::Cow, sync::Arc};

use hookswitch_wire::{Sequence, Time, model::Timestamp};
use serde::Serialize;
use tokio::sync::watch;

use super::Frame;

/// The mode the daemon works in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// `stream.degraded`: calls are routed, but their events are not durable and are not shown before they are.
    Degraded {
        /// Why, in one word: `disk_full`.
        reason: String,
    },
    /// `stream.restored`: events go on.
    Restored,
}

/// The notice that stands; shared by a hub and its subscriptions.
#[derive(Debug, Clone)]
pub(super) struct Board(Arc<watch::Sender<Standing>>);

#[derive(Debug, Clone, Default)]
struct Standing {
    /// Why and since when; none: all is well.
    degraded: Option<(String, Timestamp)>,
    /// The latest notice.
    frame: Option<Frame>,
}

/// `data` of a notice.
#[derive(Serialize)]
struct Data<'a> {
    reason: &'a str,
    since: Time,
    /// Events up to here are durable, and shown.
    sequence: Sequence,
}

/// A CloudEvent without a sequence.
#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: String,
    source: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    time: Time,
    datacontenttype: &'static str,
    data: Data<'a>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Standing::default())))
    }

    /// Tells all readers, unless they know.
    pub(super) fn put(&self, notice: Notice, now: Timestamp, last: u64) {
        self.0.send_if_modified(|standing| match (notice, &standing.degraded) {
            (Notice::Degraded { reason }, Some((known, _))) if reason == *known => false,
            (Notice::Degraded { reason }, _) => {
                standing.frame = Some(frame("stream.degraded", now, &reason, now, last));
                standing.degraded = Some((reason, now));
                true
            }
            (Notice::Restored, None) => false,
            (Notice::Restored, Some((reason, since))) => {
                standing.frame = Some(frame("stream.restored", now, reason, *since, last));
                standing.degraded = None;
                true
            }
        });
    }

    /// What stands at the moment, if not all is well.
    pub(super) fn standing(&self) -> Option<Frame> {
        let standing = self.0.borrow();
        standing.degraded.as_ref().and(standing.frame.clone())
    }

    pub(super) fn look(&self) -> Look {
        Look { changes: self.0.subscribe(), told: false, _board: self.clone() }
    }
}

/// One reader's look at the board.
#[derive(Debug)]
pub(super) struct Look {
    changes: watch::Receiver<Standing>,
    /// The reader was told that not all is well.
    told: bool,
    /// As long as somebody reads there is a board.
    _board: Board,
}

impl Look {
    /// What the reader is to be told, if it has not been.
    pub(super) fn news(&mut self) -> Option<Frame> {
        let standing = self.changes.borrow_and_update();
        let degraded = standing.degraded.is_some();
        let was_told = std::mem::replace(&mut self.told, degraded);
        if degraded || was_told { standing.frame.clone() } else { None }
    }

    /// Whether something was put up since the last look.
    pub(super) fn has_news(&self) -> bool {
        self.changes.has_changed().unwrap_or(false)
    }

    /// Resolves when something is put up. Dropping the future loses nothing.
    pub(super) async fn changed(&mut self) {
        if self.changes.changed().await.is_ok() {
            // It is for `news` to look.
            self.changes.mark_changed();
        } else {
            std::future::pending::<()>().await;
        }
    }
}

fn frame(kind: &'static str, now: Timestamp, reason: &str, since: Timestamp, last: u64) -> Frame {
    let envelope = Envelope {
        specversion: "1.0",
        id: format!("{kind}-{}", now.as_micros()),
        source: "/hookswitch",
        kind,
        time: Time(now),
        datacontenttype: "application/json",
        data: Data { reason, since: Time(since), sequence: Sequence(last) },
    };
    let json = serde_json::to_vec(&envelope).expect("a notice has no map");
    Frame { type_name: Cow::Borrowed(kind), sequence: None, json: json.into() }
}
