//! Readers of `/v1/events`: WebSocket and server-sent events, with the proof that nothing is missing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::http::Api;

/// How long a wait for an event lasts before it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A reader: everything it got, in order.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    events: Mutex<Vec<Value>>,
    count: watch::Sender<usize>,
    /// Why the stream ended.
    end: Mutex<Option<String>>,
}

impl Reader {
    /// Reads over a WebSocket, from its greeting on; `query` is what follows the `?`, for example `after=0`.
    ///
    /// # Errors
    /// When the upgrade is refused, or nothing is told in time.
    pub async fn websocket(api: &Api, query: &str) -> Result<Self> {
        let mut request = format!("ws://{}/v1/events?{query}", api.address()).into_client_request()?;
        if let Some(token) = api.token() {
            let value = HeaderValue::from_str(&format!("Bearer {token}"))?;
            request.headers_mut().insert("Authorization", value);
        }
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.context("WebSocket")?;
        let shared = Arc::<Shared>::default();
        let sink = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Some(message) = socket.next().await {
                match message {
                    Ok(Message::Text(text)) => sink.take(text.as_str()),
                    Ok(Message::Close(frame)) => return sink.finish(format!("{frame:?}")),
                    Ok(_) => {}
                    Err(error) => return sink.finish(error.to_string()),
                }
            }
            sink.finish("end of stream".to_owned());
        });
        let reader = Self { shared, task };
        // A daemon that is killed at once has told this reader where it stands.
        reader.wait("the first event", |_| true).await?;
        Ok(reader)
    }

    /// Reads server-sent events.
    ///
    /// # Errors
    /// When the request is refused.
    pub async fn server_sent(api: &Api, query: &str) -> Result<Self> {
        let mut response = api.stream(&format!("/v1/events?{query}")).await?;
        let shared = Arc::<Shared>::default();
        let sink = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let mut pending = String::new();
            while let Ok(Some(chunk)) = response.chunk().await {
                pending.push_str(&String::from_utf8_lossy(&chunk));
                while let Some((block, rest)) = pending.split_once("\n\n") {
                    let data: Vec<_> = block.lines().filter_map(|line| line.strip_prefix("data:")).collect();
                    if !data.is_empty() {
                        sink.take(&data.join("\n"));
                    }
                    pending = rest.to_owned();
                }
            }
            sink.finish("end of stream".to_owned());
        });
        Ok(Self { shared, task })
    }

    /// Everything so far, `stream.*` included.
    #[must_use]
    pub fn all(&self) -> Vec<Value> {
        self.shared.events().clone()
    }

    /// Everything so far but what is about the stream itself.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.all().into_iter().filter(|event| !kind(event).starts_with("stream.")).collect()
    }

    /// How many events there are: a mark for [`Reader::wait_after`].
    #[must_use]
    pub fn mark(&self) -> usize {
        self.shared.events().len()
    }

    /// The first event that fits, also one that came before.
    ///
    /// # Errors
    /// When none comes in time: the error lists what came.
    pub async fn wait(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        self.wait_after(0, what, fits).await
    }

    /// The first event after a mark that fits.
    ///
    /// # Errors
    /// When none comes in time: the error lists what came.
    pub async fn wait_after(&self, mark: usize, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        self.find_after(mark, what, fits).await.map(|(_, event)| event)
    }

    /// The same, with the mark behind it: what comes next is looked for from there.
    ///
    /// # Errors
    /// When none comes in time: the error lists what came.
    pub async fn find_after(
        &self,
        mark: usize,
        what: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<(usize, Value)> {
        let mut count = self.shared.count.subscribe();
        let search = async {
            let mut seen = mark;
            loop {
                {
                    let events = self.shared.events();
                    let mut numbered = events.iter().enumerate().skip(seen);
                    if let Some((at, event)) = numbered.find(|(_, event)| fits(event)) {
                        return Ok((at + 1, event.clone()));
                    }
                    seen = events.len().max(mark);
                }
                if count.wait_for(|n| *n > seen).await.is_err() {
                    bail!("the stream ended: {:?}", self.end());
                }
            }
        };
        let found = time::timeout(PATIENCE, search).await.unwrap_or_else(|_| bail!("not seen in time"));
        found.with_context(|| format!("waiting for {what}; so far:\n{}", self.story()))
    }

    /// Why the stream ended; `None` while it is open.
    #[must_use]
    pub fn end(&self) -> Option<String> {
        self.shared.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Checks the chain: sequences rise, and each `prev` is the sequence before it, from `stream.hello` on. So
    /// nothing is missing, doubled or out of order.
    ///
    /// # Errors
    /// When a link is broken.
    pub fn check_chain(&self) -> Result<()> {
        let all = self.all();
        let mut events = all.iter();
        let hello = events.next().context("nothing came")?;
        ensure!(kind(hello) == "stream.hello", "the first frame is {hello}");
        let mut last = text(hello, "/sequence").context("stream.hello without sequence")?;
        // What is said of the daemon's mode stands beside the chain.
        let beside = |event: &&Value| matches!(kind(event), "stream.degraded" | "stream.restored");
        for event in events.filter(|event| !beside(event)) {
            ensure!(kind(event) != "stream.gap", "a gap: {event}");
            let sequence = text(event, "/sequence").with_context(|| format!("no sequence in {event}"))?;
            ensure!(sequence.len() == 20 && sequence > last, "{sequence} follows {last}");
            ensure!(text(event, "/prev") == Some(last), "prev of {event} is not {last}");
            last = sequence;
        }
        Ok(())
    }

    /// One line an event, for failures.
    #[must_use]
    pub fn story(&self) -> String {
        self.all().iter().map(summary).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn events(&self) -> MutexGuard<'_, Vec<Value>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, text: &str) {
        // What is no JSON is kept as a string: the checks trip over it.
        let event = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        self.events().push(event);
        self.count.send_modify(|n| *n += 1);
    }

    fn finish(&self, why: String) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}

/// `type` of an event.
#[must_use]
pub fn kind(event: &Value) -> &str {
    text(event, "/type").unwrap_or("")
}

/// A string by JSON pointer.
#[must_use]
pub fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// `type` and the details that tell events of a type apart, in one line.
#[must_use]
pub fn summary(event: &Value) -> String {
    let details = [
        ("call", "/data/call/id"),
        ("queue", "/data/call/queue"),
        ("offered to", "/data/offer/agent"),
        ("outcome", "/data/offer/outcome"),
        ("agent", "/data/agent/id"),
        ("from", "/data/from"),
        ("to", "/data/to"),
        ("reason", "/data/reason"),
        ("kind", "/data/kind"),
        ("from", "/data/from_agent"),
        ("to", "/data/to_agent"),
        ("disposition", "/data/ledger/disposition"),
        ("by", "/data/ledger/ended_by"),
        ("state", "/data/state"),
    ];
    let mut line = format!("{} {}", text(event, "/sequence").unwrap_or("-"), kind(event));
    for (name, pointer) in details {
        if let Some(value) = text(event, pointer) {
            line.push_str(&format!(" {name}={value}"));
        }
    }
    line
}
