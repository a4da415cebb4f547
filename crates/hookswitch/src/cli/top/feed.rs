//! What the daemon tells, read for as long as somebody listens: a cut is told, and the stream goes on after the last event.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::StreamExt as _;
use hookswitch_wire::{Sequence, Snapshot};
use tokio::{sync::mpsc, time};
use tokio_tungstenite::tungstenite::Message;

use super::super::client::Target;

/// What comes.
#[derive(Debug)]
pub(super) enum News {
    /// One event, as it was sent.
    Event(String),
    /// Connected, again or for the first time.
    Up,
    /// Not connected, and why.
    Down(String),
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The daemon pings more often: a line that is silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(60);
/// News that may wait to be drawn.
pub(super) const WAITING: usize = 1024;

/// The state as a whole.
pub(super) async fn snapshot(target: &Target, base: &str) -> anyhow::Result<Snapshot<'static>> {
    let body = target.get(base, "/v1/snapshot").await?;
    serde_json::from_value(body).context("the daemon's snapshot cannot be read: is it of another version?")
}

/// Reads the stream after `after` until nobody listens.
pub(super) async fn follow(target: Target, base: String, mut after: Sequence, news: mpsc::Sender<News>) {
    let mut pause = FIRST_PAUSE;
    while !news.is_closed() {
        let before = after;
        if let Err(error) = read(&target, &base, &mut after, &news).await
            && news.send(News::Down(format!("{error:#}"))).await.is_err()
        {
            return;
        }
        pause = if after == before { (pause * 2).min(LONGEST_PAUSE) } else { FIRST_PAUSE };
        time::sleep(pause).await;
    }
}

/// Ends when the connection does.
async fn read(
    target: &Target,
    base: &str,
    after: &mut Sequence,
    news: &mpsc::Sender<News>,
) -> anyhow::Result<()> {
    let mut socket = target.stream(base, &[("after", &after.to_string())]).await?;
    news.send(News::Up).await?;
    while let Some(message) = time::timeout(SILENCE, socket.next()).await.context("the daemon is silent")? {
        let Message::Text(text) = message? else { continue };
        if let Some(sequence) = sequence(&text) {
            *after = sequence;
        }
        news.send(News::Event(text.to_string())).await?;
    }
    bail!("the daemon closed the stream")
}

/// Where to go on from. A snapshot behind a gap says it in its data.
fn sequence(event: &str) -> Option<Sequence> {
    let event: serde_json::Value = serde_json::from_str(event).ok()?;
    let said = match event["type"].as_str()? {
        "stream.snapshot" => &event["data"]["sequence"],
        kind if kind.starts_with("stream.") => return None,
        _ => &event["sequence"],
    };
    serde_json::from_value(said.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_goes_on_after_the_last_event() {
        let event = |kind: &str| {
            format!(
                r#"{{"type":"{kind}","sequence":"00000000000000000007","data":{{"sequence":"00000000000000000009"}}}}"#
            )
        };
        assert_eq!(sequence(&event("call.started")), Some(Sequence(7)));
        assert_eq!(sequence(&event("stream.hello")), None);
        assert_eq!(sequence(&event("stream.snapshot")), Some(Sequence(9)));
        assert_eq!(sequence("{"), None);
    }
}
