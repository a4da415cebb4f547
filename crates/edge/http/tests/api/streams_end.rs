//! How streams stay alive and how they end.

use std::time::Duration;

use futures_util::StreamExt as _;
use hookswitch_http::Limits;
use hookswitch_publish::Bound;
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    reader::{Heard, Socket, Sse},
    streams::applied,
    world::World,
};

#[tokio::test]
async fn a_reader_too_far_behind_is_closed_with_4008_and_resumes_without_loss() {
    let world = World::bounded(Limits::default(), Bound { entries: 50, ..Bound::default() }).await;
    let mut socket = Socket::open(&world, "lead", "").await;
    let mut all = world.publish((0..10).map(applied));
    let mut read = socket.sequences(10).await;
    // All at once further than the bound.
    all.extend(world.publish((0..200).map(applied)));
    let (more, code, reason) = socket.until_closed().await;
    assert_eq!(code, 4008);
    assert!(reason.contains("resume"), "{reason}");
    read.extend(more);
    assert!(read.len() < all.len());

    let mut again = Socket::open(&world, "lead", &format!("after={}", read.last().unwrap())).await;
    assert_eq!(again.chain, format!("{:020}", read.last().unwrap()));
    read.extend(again.sequences(all.len() - read.len()).await);
    assert_eq!(read, all);
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_closed_while_a_write_waits_for_it() {
    let world = World::bounded(Limits::default(), Bound { entries: 400, ..Bound::default() }).await;
    let mut socket = Socket::open(&world, "lead", "").await;
    let large = |n: u64| hookswitch_wire::model::event::EventKind::InvariantViolated {
        rule: n.to_string(),
        evidence: "x".repeat(100_000),
        call: None,
    };
    // Far more than any socket takes: the server is in the middle of a write for most of it.
    for n in 0..600 {
        world.publish([large(n)]);
        world.get("/healthz").send().await;
    }
    let (read, code, _) = socket.until_closed().await;
    assert_eq!(code, 4008);
    assert!(read.len() < 600, "{}", read.len());
    assert!(read.iter().copied().eq(1..=read.len() as u64), "what was sent came in order and whole");
}

#[tokio::test]
async fn a_withdrawn_token_ends_its_streams_and_no_other() {
    let world = World::new().await;
    let mut alice = Socket::open(&world, "alice", "").await;
    let mut sse = Sse::open(&world, "alice", "", None).await;
    let mut lead = Socket::open(&world, "lead", "").await;

    let mut access = crate::world::access();
    access.tokens.retain(|token| &*token.name != "alice");
    world.access.send_replace(access.into());
    let (_, code, _) = alice.until_closed().await;
    assert_eq!(code, 4001);
    while let Some(heard) = sse.next().await {
        assert!(!matches!(heard, Heard::Event { ref data, .. } if data["type"] != "stream.hello"));
    }
    let all = world.publish([applied(1)]);
    assert_eq!(lead.sequences(1).await, all);
}

#[tokio::test]
async fn a_daemon_that_stops_says_so_and_does_not_wait_for_its_readers() {
    let mut world = World::new().await;
    let mut socket = Socket::open(&world, "lead", "").await;
    let mut sse = Sse::open(&world, "lead", "", None).await;
    assert!(matches!(sse.next().await, Some(Heard::Retry(_))));
    drop(world.stop.take());
    let (_, code, _) = socket.until_closed().await;
    assert_eq!(code, 1001);
    while sse.next().await.is_some() {}
    drop(socket);
    world.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_a_client_sends_is_bounded_and_without_effect() {
    let world = World::new().await;
    let mut socket = Socket::open(&world, "lead", "").await;
    socket.send(Message::text(r#"{"type":"ack","sequence":"1"}"#)).await;
    socket.send(Message::text("no JSON")).await;
    socket.send(Message::binary(vec![0; 4_096])).await;
    socket.send(Message::Ping("hello".into())).await;
    let all = world.publish([applied(1)]);
    assert_eq!(socket.sequences(1).await, all);
    assert_eq!(world.commands(), 0);

    socket.send(Message::text("x".repeat(4_097))).await;
    assert_eq!(socket.until_closed().await.1, 1008);

    let mut chatty = Socket::open(&world, "lead", "").await;
    for _ in 0..101 {
        chatty.send(Message::text("x")).await;
    }
    assert_eq!(chatty.until_closed().await.1, 1008);
}

#[tokio::test]
async fn a_quiet_stream_is_kept_alive() {
    let limits = Limits { keep_alive: Duration::from_millis(20), ..Limits::default() };
    let world = World::with(limits).await;
    let mut socket = Socket::open(&world, "lead", "").await;
    for _ in 0..3 {
        let message = socket.raw.next().await.unwrap().unwrap();
        assert!(message.is_ping(), "{message:?}");
    }
    let mut sse = Sse::open(&world, "lead", "", None).await;
    while sse.next().await.unwrap() != Heard::Comment("alive".into()) {}
    // And it is still the same stream.
    let all = world.publish([applied(1)]);
    assert_eq!(socket.sequences(1).await, all);
    assert_eq!(crate::reader::sequence(&sse.event().await), all[0]);
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_dropped() {
    let silence = Duration::from_millis(60);
    let limits = Limits { keep_alive: Duration::from_millis(20), silence, ..Limits::default() };
    let world = World::with(limits).await;
    // A client that reads all and says nothing.
    let mut mute = world.get("/v1/events").token("lead").upgrade().open().await;
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), mute.read_to_end(&mut bytes)).await;
    assert!(ended.is_ok(), "still open");
    assert!(bytes.starts_with(b"HTTP/1.1 101 "));
}
