//! Server-sent events (WHATWG HTML, 9.2): `id` is the sequence, `data` the CloudEvent on one line.
//!
//! No `event` field: a page that listens with `onmessage` gets every type and reads it from the event. A batch is one
//! chunk of the body. A reader that is too slow, or whose token is withdrawn or expires, sees the stream end and comes back with
//! `Last-Event-ID`.

use std::convert::Infallible;

use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior, interval, timeout},
};

use super::feed::{Feed, Frame};

/// Milliseconds after which a browser comes back.
const RETRY_MS: u32 = 2_000;

pub(super) fn answer(feed: Feed) -> Response {
    let (chunks, body) = mpsc::channel(1);
    tokio::spawn(produce(feed, chunks));
    let retry = stream::once(async { Ok::<_, Infallible>(format!("retry: {RETRY_MS}\n\n").into()) });
    let events = stream::unfold(body, |mut body| async { Some((Ok(body.recv().await?), body)) });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that gathers the answer before it passes it on would never pass this one on.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(retry.chain(events))).into_response()
}

/// Makes the pieces of the body, apart from the connection: nobody asks for the next piece of a body that is not
/// taken, so nobody else would see that the reader is stuck.
async fn produce(mut feed: Feed, chunks: mpsc::Sender<Bytes>) {
    let limits = feed.limits();
    let mut keep_alive = interval(limits.keep_alive);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    keep_alive.reset();
    loop {
        let (chunk, over) = tokio::select! {
            piece = next(&mut feed, &mut keep_alive) => piece,
            () = chunks.closed() => return,
        };
        let taken = tokio::select! {
            biased;
            sent = timeout(limits.silence, chunks.send(chunk)) => matches!(sent, Ok(Ok(()))),
            _ = feed.ending() => false,
        };
        if over || !taken {
            return;
        }
    }
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
