//! Server-sent events (WHATWG HTML, 9.2): `id` is the sequence, `data` the CloudEvent on one line.
//!
//! No `event` field: a page that listens with `onmessage` gets every type and reads it from the event. A batch is one
//! chunk of the body. A reader that is too slow, or whose token is withdrawn, sees the stream end and comes back with
//! `Last-Event-ID`.

use std::convert::Infallible;

use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::feed::{Feed, Frame};

/// Milliseconds after which a browser comes back.
const RETRY_MS: u32 = 2_000;

pub(super) fn answer(feed: Feed) -> Response {
    let mut keep_alive = interval(feed.limits().keep_alive);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    keep_alive.reset();
    let retry = stream::once(async { Ok(format!("retry: {RETRY_MS}\n\n").into()) });
    let events = stream::unfold(Some((feed, keep_alive)), |reader| async {
        let (mut feed, mut keep_alive) = reader?;
        let (chunk, over) = next(&mut feed, &mut keep_alive).await;
        Some((Ok::<_, Infallible>(chunk), (!over).then_some((feed, keep_alive))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that gathers the answer before it passes it on would never pass this one on.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(retry.chain(events))).into_response()
}

/// The next piece of the body, and whether it is the last.
async fn next(feed: &mut Feed, keep_alive: &mut Interval) -> (Bytes, bool) {
    tokio::select! {
        frames = feed.next() => match frames {
            Ok(frames) => (chunk(&frames), false),
            Err(ending) => (format!(": {}\n\n", ending.reason).into(), true),
        },
        _ = keep_alive.tick() => (Bytes::from_static(b": alive\n\n"), false),
    }
}

fn chunk(frames: &[Frame]) -> Bytes {
    let mut text = Vec::with_capacity(frames.iter().map(|frame| frame.json.len() + 40).sum());
    for frame in frames {
        if let Some(cursor) = frame.cursor {
            text.extend(format!("id: {cursor:020}\n").as_bytes());
        }
        text.extend(b"data: ");
        text.extend_from_slice(&frame.json);
        text.extend(b"\n\n");
    }
    text.into()
}
