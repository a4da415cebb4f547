//! Readers of the stream, each checking what it reads.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    net::TcpStream,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _},
};

use crate::world::World;

/// A reader of the WebSocket, which checks the chain of `prev`.
pub(crate) struct Socket {
    pub(crate) raw: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The sequence the next event has to name as `prev`.
    pub(crate) chain: String,
}

impl Socket {
    /// Connects and reads the hello.
    pub(crate) async fn open(world: &World, token: &str, query: &str) -> Self {
        let mut socket = Self::connect(world, token, query).await;
        let hello = socket.frame().await;
        assert_eq!(hello["type"], "stream.hello");
        socket
    }

    pub(crate) async fn connect(world: &World, token: &str, query: &str) -> Self {
        Self::connect_as(world, &format!("{token}-secret"), query).await
    }

    /// With the text of a token.
    pub(crate) async fn connect_as(world: &World, bearer: &str, query: &str) -> Self {
        let mut request = format!("ws://{}/v1/events?{query}", world.address).into_client_request().unwrap();
        request.headers_mut().insert("Authorization", format!("Bearer {bearer}").parse().unwrap());
        let (raw, _) = connect_async(request).await.unwrap();
        Self { raw, chain: String::new() }
    }

    /// The next text frame, of whatever kind.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            match self.raw.next().await.expect("a further frame").unwrap() {
                Message::Text(text) => return self.checked(serde_json::from_str(&text).unwrap()),
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => panic!("{other:?}"),
            }
        }
    }

    fn checked(&mut self, frame: Value) -> Value {
        let next = match frame["type"].as_str().unwrap() {
            "stream.hello" => &frame["data"]["sequence"],
            "stream.gap" => &frame["data"]["to"],
            "stream.snapshot" => return frame,
            _ => {
                assert_eq!(frame["prev"], *self.chain, "the chain is broken at {frame}");
                &frame["sequence"]
            }
        };
        self.chain = next.as_str().unwrap().to_owned();
        frame
    }

    /// The sequences of the next `count` events.
    pub(crate) async fn sequences(&mut self, count: usize) -> Vec<u64> {
        let mut sequences = Vec::new();
        while sequences.len() < count {
            sequences.push(sequence(&self.frame().await));
        }
        sequences
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.raw.send(message).await.unwrap();
    }

    /// Reads to the end: the events, and the close code and reason.
    pub(crate) async fn until_closed(&mut self) -> (Vec<u64>, u16, String) {
        let mut sequences = Vec::new();
        loop {
            match self.raw.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame = self.checked(serde_json::from_str(&text).unwrap());
                    sequences.push(sequence(&frame));
                }
                Some(Ok(Message::Close(Some(close)))) => {
                    return (sequences, close.code.into(), close.reason.to_string());
                }
                Some(Ok(_)) => {}
                // A close that has been answered.
                None | Some(Err(Error::ConnectionClosed)) => panic!("closed without a word"),
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }
}

/// The `sequence` of an event as a number.
pub(crate) fn sequence(event: &Value) -> u64 {
    let text = event["sequence"].as_str().unwrap();
    assert_eq!(text.len(), 20);
    text.parse().unwrap()
}

/// A reader of server-sent events.
pub(crate) struct Sse {
    pub(crate) head: String,
    lines: Lines<BufReader<TcpStream>>,
}

/// One message of an event stream.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Event { id: Option<String>, data: Value },
    Comment(String),
    Retry(u64),
}

impl Sse {
    pub(crate) async fn open(world: &World, token: &str, query: &str, last_event_id: Option<&str>) -> Self {
        Self::open_as(world, &format!("{token}-secret"), query, last_event_id).await
    }

    /// With the text of a token.
    pub(crate) async fn open_as(
        world: &World,
        bearer: &str,
        query: &str,
        last_event_id: Option<&str>,
    ) -> Self {
        let mut ask = world
            .get(&format!("/v1/events?{query}"))
            .header("Authorization", &format!("Bearer {bearer}"))
            .header("Accept", "text/html;q=0.1, text/event-stream")
            .http_1_0();
        if let Some(id) = last_event_id {
            ask = ask.header("Last-Event-ID", id);
        }
        let mut lines = BufReader::new(ask.open().await).lines();
        let mut head = String::new();
        while let Some(line) = lines.next_line().await.unwrap().filter(|line| !line.is_empty()) {
            head += &line.to_lowercase();
            head.push('\n');
        }
        Self { head, lines }
    }

    /// The next message; none at the end of the stream. One that is cut short is none (WHATWG HTML, 9.2.6).
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        let (mut id, mut data, mut other) = (None, None::<String>, None);
        while let Some(line) = self.lines.next_line().await.unwrap() {
            match line.split_once(": ") {
                None if line.is_empty() => {
                    let parsed = data.map(|data| serde_json::from_str(&data).unwrap());
                    return other.or_else(|| parsed.map(|data| Heard::Event { id, data }));
                }
                Some(("", comment)) => other = Some(Heard::Comment(comment.to_owned())),
                Some(("retry", ms)) => other = Some(Heard::Retry(ms.parse().unwrap())),
                Some(("id", value)) => id = Some(value.to_owned()),
                Some(("data", value)) => data = Some(value.to_owned()),
                _ => panic!("{line}"),
            }
        }
        None
    }

    /// The next event, of whatever kind.
    pub(crate) async fn next_event(&mut self) -> Option<Heard> {
        loop {
            match self.next().await? {
                event @ Heard::Event { .. } => return Some(event),
                Heard::Comment(_) | Heard::Retry(_) => {}
            }
        }
    }

    /// The next event that is no hello.
    pub(crate) async fn event(&mut self) -> Value {
        loop {
            match self.next().await.expect("a further event") {
                Heard::Event { id, data } if data["type"] != "stream.hello" => {
                    assert_eq!(id.as_deref(), data["sequence"].as_str());
                    return data;
                }
                Heard::Event { .. } | Heard::Comment(_) | Heard::Retry(_) => {}
            }
        }
    }
}
