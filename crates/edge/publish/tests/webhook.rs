//! Webhooks against a receiver on loopback that misbehaves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{append, applied, held};
use hmac::{Hmac, KeyInit, Mac};
use hookswitch_journal::{Journal, MemoryJournal};
use hookswitch_publish::{
    DeliveryState, DeliveryView, Types, WebhookSecret, WebhookSettings, WebhookState, Webhooks,
};
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

const KEY: [u8; 32] = [7; 32];

/// What the receiver does with a request.
#[derive(Debug, Clone)]
enum Reply {
    /// Answers with this status and these header lines.
    Status(u16, &'static str),
    /// Says nothing and keeps the connection.
    Silence,
    /// Cuts the connection once the request is there.
    Reset,
}

/// A request as it arrived.
#[derive(Debug)]
struct Request {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn event(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Checks the signature as a receiver does.
    fn verify(&self, key: &[u8]) -> bool {
        let header = |name: &str| self.headers[name].clone();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
        mac.update(&self.body);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

/// Plays a receiver: these replies one after another, then 204 for ever.
struct Receiver {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Request>,
}

impl Receiver {
    async fn start(script: &[Reply]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    fn on(listener: TcpListener, script: &[Reply]) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::unbounded_channel();
        let (replies, script_read) = async_queue(script);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, sender.clone(), script_read.clone()));
            }
            drop(replies);
        });
        Self { address, requests }
    }

    async fn next(&mut self) -> Request {
        self.requests.recv().await.unwrap()
    }
}

type Script = std::sync::Arc<std::sync::Mutex<std::collections::VecDeque<Reply>>>;

fn async_queue(script: &[Reply]) -> (Script, Script) {
    let script = Script::new(std::sync::Mutex::new(script.iter().cloned().collect()));
    (script.clone(), script)
}

async fn serve(connection: TcpStream, requests: mpsc::UnboundedSender<Request>, script: Script) {
    let mut connection = BufReader::new(connection);
    while let Some(request) = read_request(&mut connection).await {
        let reply = script.lock().unwrap().pop_front().unwrap_or(Reply::Status(204, ""));
        requests.send(request).unwrap();
        match reply {
            Reply::Status(status, headers) => {
                let answer = format!("HTTP/1.1 {status} Status\r\n{headers}content-length: 0\r\n\r\n");
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
            Reply::Silence => std::future::pending().await,
            Reply::Reset => return,
        }
    }
}

async fn read_request(connection: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    connection.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    assert_eq!(line, "POST /hook?key=1 HTTP/1.1\r\n");
    loop {
        line.clear();
        connection.read_line(&mut line).await.ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    connection.read_exact(&mut body).await.ok()?;
    Some(Request { headers, body })
}

struct World {
    journal: MemoryJournal,
    webhooks: Webhooks,
}

impl World {
    fn new(address: SocketAddr, change: impl FnOnce(&mut WebhookSettings)) -> Self {
        // The second of two tests in a process finds the provider of the first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("http://{address}/hook?key=1");
        let mut settings = WebhookSettings::new("crm", &url, Types::default()).unwrap();
        settings.allow_private = true;
        settings.timeout = Duration::from_millis(200);
        settings.secrets = vec![secret(KEY)];
        change(&mut settings);
        let mut journal = MemoryJournal::new();
        append(&mut journal, [applied(1)]);
        // Before the webhook's beginning lies one event, which it never sees.
        let cursors = journal.cursors();
        cursors.set("webhook crm", &hookswitch_journal::Cursor { seq: 1, ..Default::default() }).unwrap();
        let stop = CancellationToken::new();
        let webhooks = Webhooks::start(&journal.reader(), &cursors, vec![settings], &stop).unwrap();
        Self { journal, webhooks }
    }

    /// The delivery once it is settled.
    async fn settled(&self, place: usize) -> DeliveryView {
        loop {
            let mut deliveries = self.webhooks.deliveries("crm").unwrap();
            deliveries.reverse();
            if let Some(delivery) = deliveries.into_iter().nth(place)
                && delivery.state != DeliveryState::Pending
            {
                return delivery;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn secret(key: [u8; 32]) -> WebhookSecret {
    WebhookSecret::parse(&format!("whsec_{}", STANDARD.encode(key))).unwrap()
}

/// What the attempts of the only delivery came to.
async fn attempts(script: &[Reply]) -> (Vec<Option<u16>>, Vec<String>) {
    let mut receiver = Receiver::start(script).await;
    let mut world = World::new(receiver.address, |_| {});
    append(&mut world.journal, [held(1, "alice")]);
    let first = receiver.next().await;
    let delivery = world.settled(0).await;
    let id = first.headers["webhook-id"].clone();
    assert_eq!(delivery.event, id);
    while let Ok(again) = receiver.requests.try_recv() {
        assert_eq!(
            (&again.headers["webhook-id"], &again.body),
            (&id, &first.body),
            "the same at each attempt"
        );
        assert!(again.verify(&KEY));
    }
    let errors = delivery.attempts.iter().filter_map(|attempt| attempt.error.clone()).collect();
    (delivery.attempts.iter().map(|attempt| attempt.status).collect(), errors)
}

#[tokio::test]
async fn an_event_is_posted_signed_as_a_cloudevent() {
    let mut receiver = Receiver::start(&[]).await;
    let other = [9; 32];
    let mut world = World::new(receiver.address, |settings| settings.secrets.push(secret(other)));
    append(&mut world.journal, [held(1, "alice"), held(1, "alice")]);
    let request = receiver.next().await;
    assert!(request.verify(&KEY) && request.verify(&other) && !request.verify(&[1; 32]));
    assert_eq!(request.headers["content-type"], "application/cloudevents+json; charset=utf-8");
    let event = request.event();
    assert_eq!(event["id"], request.headers["webhook-id"].as_str());
    assert_eq!((&event["type"], &event["data"]["by"]), (&"call.held".into(), &"alice".into()));
    assert_eq!(event.get("prev"), None, "it is the first of its call");
    assert_eq!(receiver.next().await.event()["prev"], event["sequence"]);
    assert_eq!(world.settled(1).await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_failure_is_tried_again_until_it_is_taken() {
    let (statuses, _) = attempts(&[Reply::Status(500, ""), Reply::Status(404, "")]).await;
    assert_eq!(statuses, [Some(500), Some(404), Some(204)]);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_not_followed() {
    let (statuses, _) = attempts(&[Reply::Status(307, "location: /elsewhere\r\n")]).await;
    assert_eq!(statuses, [Some(307), Some(204)]);
}

#[tokio::test]
async fn silence_and_a_cut_connection_are_failures() {
    let (statuses, errors) = attempts(&[Reply::Silence, Reply::Reset]).await;
    assert_eq!(statuses, [None, None, Some(204)]);
    assert!(errors[0].starts_with("no answer in time"), "{errors:?}");
    assert!(errors[1].starts_with("failed"), "{errors:?}");
    assert!(!errors.iter().any(|error| error.contains("key=1")), "no error shows the URL: {errors:?}");
}

#[tokio::test]
async fn too_many_requests_waits_as_long_as_it_was_asked_to() {
    let begun = std::time::Instant::now();
    let (statuses, _) = attempts(&[Reply::Status(429, "retry-after: 2\r\n")]).await;
    assert_eq!(statuses, [Some(429), Some(204)]);
    assert!(begun.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_receiver_that_comes_up_later_gets_everything() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut world = World::new(address, |_| {});
    append(&mut world.journal, (0..5).map(|call| held(call, "alice")));
    while world.webhooks.list()[0].state != WebhookState::Failing {
        tokio::task::yield_now().await;
    }
    let mut receiver = Receiver::on(TcpListener::bind(address).await.unwrap(), &[]);
    let mut sequences = Vec::new();
    for _ in 0..5 {
        sequences.push(receiver.next().await.event()["sequence"].as_str().unwrap().parse::<u64>().unwrap());
    }
    sequences.sort_unstable();
    assert_eq!(sequences, [2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn gone_disables() {
    let mut receiver = Receiver::start(&[Reply::Status(410, "")]).await;
    let mut world = World::new(receiver.address, |_| {});
    append(&mut world.journal, [held(1, "alice")]);
    receiver.next().await;
    assert_eq!(world.settled(0).await.state, DeliveryState::Disabled);
    assert_eq!(world.webhooks.list()[0].state, WebhookState::Disabled);
    assert!(world.webhooks.replay("crm", 1));
    receiver.next().await;
    assert_eq!(world.settled(0).await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn the_order_within_each_call_holds_while_the_receiver_fails_now_and_then() {
    let script: Vec<Reply> =
        (0..120).map(|n| if n % 40 == 7 { Reply::Status(500, "") } else { Reply::Status(200, "") }).collect();
    let mut receiver = Receiver::start(&script).await;
    let mut world = World::new(receiver.address, |settings| settings.timeout = Duration::from_secs(5));
    append(&mut world.journal, (0..100).map(|n| held(n % 10, "alice")));
    let mut last = BTreeMap::new();
    let mut refused = 0;
    for n in 0..103 {
        let event = receiver.next().await.event();
        let (call, sequence) = (event["subject"].clone(), event["sequence"].clone());
        let prev = last.get(&call.to_string()).cloned();
        assert_eq!(event.get("prev").cloned(), prev, "post {n}");
        if n % 40 == 7 {
            refused += 1;
        } else {
            last.insert(call.to_string(), sequence);
        }
    }
    assert_eq!((refused, last.len()), (3, 10));
    assert_eq!(world.settled(99).await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_private_address_is_not_reached_unless_it_is_allowed() {
    let mut receiver = Receiver::start(&[]).await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let journal = MemoryJournal::new();
    let stop = CancellationToken::new();
    let start = |url: &str| {
        let settings = WebhookSettings::new("crm", url, Types::default()).unwrap();
        Webhooks::start(&journal.reader(), &journal.cursors(), vec![settings], &stop)
    };
    let error = start(&format!("http://{}/hook?key=1", receiver.address)).map(drop).unwrap_err();
    assert!(error.hint.contains("allow_private"), "{error}");

    // By name it is refused when it is resolved.
    let port = receiver.address.port();
    let mut world = World::new(receiver.address, |settings| {
        settings.allow_private = false;
        settings.url = format!("http://localhost:{port}/hook?key=1").parse().unwrap();
    });
    append(&mut world.journal, [held(1, "alice")]);
    let error = loop {
        let deliveries = world.webhooks.deliveries("crm").unwrap();
        match deliveries.first().and_then(|delivery| delivery.attempts.first()) {
            Some(attempt) => break attempt.error.clone().unwrap(),
            None => tokio::task::yield_now().await,
        }
    };
    assert!(error.contains("localhost is a private address"), "{error}");
    assert!(receiver.requests.try_recv().is_err());
}

#[test]
fn what_is_no_http_address_is_refused() {
    for url in
        ["", "crm.example.com/hook", "ftp://crm.example.com/", "file:///etc/passwd", "data:text/plain,x"]
    {
        assert!(WebhookSettings::new("crm", url, Types::default()).is_err(), "{url}");
    }
}
