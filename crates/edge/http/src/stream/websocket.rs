//! The WebSocket: text frames, one CloudEvent each.
//!
//! What is due together is written together: all frames of a batch go into one buffer and out with one flush. A
//! reader that does not read holds up nobody but itself; when it is too far behind it is closed with 4008. What it
//! sends is bounded and, apart from closing, without effect: `{"type":"ack"}` may be sent and means nothing yet.

use std::time::Duration;

use axum::{
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    response::Response,
};
use bytes::Bytes;
use futures_util::SinkExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::feed::{Ending, Feed, Frame};

/// Bytes a client's message may have, and what is read at once: the library clears its buffer of 128 KiB before each try,
/// which was half of all that a reader cost.
const LONGEST_MESSAGE: usize = 4_096;
/// Messages a client may send between two pings.
const MOST_MESSAGES: u32 = 100;
/// How long a client may take to answer a close.
const FAREWELL: Duration = Duration::from_secs(5);

pub(super) fn answer(upgrade: WebSocketUpgrade, feed: Feed) -> Response {
    upgrade
        .read_buffer_size(LONGEST_MESSAGE)
        .max_message_size(LONGEST_MESSAGE)
        .max_frame_size(LONGEST_MESSAGE)
        .on_upgrade(|socket| Connection::new(socket, feed).run())
}

/// Why a connection is over.
enum Over {
    /// The client has left or cannot be reached.
    Left,
    /// We close it.
    Close(Ending),
}

impl Over {
    /// The client sends what it should not (RFC 6455, 7.4.1).
    fn policy(reason: &str) -> Self {
        Self::Close(Ending { code: 1008, reason: reason.into() })
    }
}

impl From<Ending> for Over {
    fn from(ending: Ending) -> Self {
        Self::Close(ending)
    }
}

impl From<axum::Error> for Over {
    fn from(_: axum::Error) -> Self {
        Self::Left
    }
}

struct Connection {
    socket: WebSocket,
    feed: Feed,
    heard: Instant,
    /// Messages since the last ping.
    messages: u32,
}

impl Connection {
    fn new(socket: WebSocket, feed: Feed) -> Self {
        Self { socket, feed, heard: Instant::now(), messages: 0 }
    }

    async fn run(mut self) {
        let silence = self.feed.limits().silence;
        match self.talk().await {
            Over::Left => {
                timeout(FAREWELL, self.socket.close()).await.ok();
            }
            Over::Close(Ending { code, reason }) => {
                let frame = CloseFrame { code, reason: reason.into() };
                // Behind all that was written; a client that reads again within the time learns why.
                let sent = timeout(silence, self.socket.send(Message::Close(Some(frame)))).await;
                if matches!(sent, Ok(Ok(()))) {
                    let farewell = async { while let Some(Ok(_)) = self.socket.recv().await {} };
                    timeout(FAREWELL, farewell).await.ok();
                }
            }
        }
    }

    async fn talk(&mut self) -> Over {
        let limits = self.feed.limits();
        let mut pings = interval(limits.keep_alive);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.reset();
        loop {
            let step = tokio::select! {
                frames = self.feed.next() => match frames {
                    Ok(frames) => self.write(frames, limits.silence).await,
                    Err(ending) => Err(ending.into()),
                },
                message = self.socket.recv() => self.hear(message),
                _ = pings.tick() => self.ping(limits.silence).await,
            };
            if let Err(over) = step {
                return over;
            }
        }
    }

    /// Writes a batch with one flush.
    async fn write(&mut self, frames: Vec<Frame>, patience: Duration) -> Result<(), Over> {
        let Self { socket, feed, .. } = self;
        let writing = async {
            for frame in frames {
                let Ok(text) = Utf8Bytes::try_from(frame.json) else { continue };
                socket.feed(Message::Text(text)).await?;
            }
            socket.flush().await
        };
        tokio::select! {
            biased;
            written = timeout(patience, writing) => match written {
                Ok(written) => Ok(written?),
                Err(_) => Err(Ending::stuck().into()),
            },
            ending = feed.ending() => Err(ending.into()),
        }
    }

    /// Takes what the client sends: bounded, and without effect.
    fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), Over> {
        match message {
            None | Some(Ok(Message::Close(_))) => Err(Over::Left),
            Some(Err(_)) => Err(Over::policy("the message is too large or no message")),
            Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {
                self.heard = Instant::now();
                self.messages += 1;
                if self.messages > MOST_MESSAGES {
                    return Err(Over::policy("too many messages"));
                }
                Ok(())
            }
        }
    }

    async fn ping(&mut self, silence: Duration) -> Result<(), Over> {
        if self.heard.elapsed() > silence {
            return Err(Over::Left);
        }
        self.messages = 0;
        match timeout(silence, self.socket.send(Message::Ping(Bytes::new()))).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Over::Left),
        }
    }
}
