//! How streams stay alive and how they end.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::StreamExt as _;
use hookswitch_http::Limits;
use hookswitch_publish::Bound;
use hookswitch_wire::model::event::EventKind;
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    reader::{Heard, Socket, Sse, sequence},
    streams::applied,
    world::{NOW_S, World},
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

/// An event of 100 kB.
fn large(n: u64) -> EventKind {
    EventKind::InvariantViolated { rule: n.to_string(), evidence: "x".repeat(100_000), call: None }
}

#[tokio::test]
async fn a_reader_that_reads_nothing_is_let_go_although_a_write_waits_for_it() {
    // Behind by the bound; and, with a bound that is never reached, by the time.
    for (entries, silence) in [(200, Duration::from_secs(1)), (u64::MAX, Duration::from_millis(300))] {
        let limits = Limits { silence, ..Limits::default() };
        let world = World::bounded(limits, Bound { entries, bytes: u64::MAX }).await;
        let mut socket = Socket::open(&world, "lead", "").await;
        world.streams_open(1).await;
        // Far more than a socket takes, while the client reads nothing.
        for n in 0..300 {
            world.publish([large(n)]);
            tokio::task::yield_now().await;
        }
        world.streams_open(0).await;
        let mut read = 0;
        while let Some(Ok(message)) = socket.raw.next().await {
            if message.is_text() {
                read += 1;
            }
        }
        assert!(read < 300, "{read}");
    }
}

#[tokio::test]
async fn an_event_stream_that_nobody_reads_is_let_go_as_well() {
    for (entries, silence) in [(200, Duration::from_secs(60)), (u64::MAX, Duration::from_millis(300))] {
        let limits = Limits { silence, ..Limits::default() };
        let world = World::bounded(limits, Bound { entries, bytes: u64::MAX }).await;
        let mut sse = Sse::open(&world, "lead", "", None).await;
        sse.next_event().await.unwrap();
        world.streams_open(1).await;
        for n in 0..300 {
            world.publish([large(n)]);
            tokio::task::yield_now().await;
        }
        world.streams_open(0).await;
        let mut read = 0;
        while sse.next_event().await.is_some() {
            read += 1;
        }
        assert!(read < 300, "{read}");
        // It comes back with the last id it read, and misses nothing.
        let mut again = Sse::open(&world, "lead", "", Some(&format!("{read:020}"))).await;
        for seq in read + 1..=300 {
            assert_eq!(crate::reader::sequence(&again.event().await), seq);
        }
    }
}

#[tokio::test]
async fn a_connection_whose_client_reads_nothing_is_closed_and_not_left_to_the_client() {
    let hour = Duration::from_secs(3_600);
    let limits = Limits { silence: Duration::from_millis(300), farewell: hour, ..Limits::default() };
    let mut world = World::bounded(limits, Bound { entries: u64::MAX, bytes: u64::MAX }).await;
    let (socket, sse) = (Socket::open(&world, "lead", "").await, Sse::open(&world, "lead", "", None).await);
    world.streams_open(2).await;
    for n in 0..300 {
        world.publish([large(n)]);
        tokio::task::yield_now().await;
    }
    world.streams_open(0).await;
    // A server that stops waits for every connection, for an hour here.
    drop(world.stop.take());
    let served = tokio::time::timeout(Duration::from_secs(20), world.served).await;
    served.expect("a connection is open").unwrap().unwrap();
    drop((socket, sse));
}

#[tokio::test]
async fn a_reader_that_reads_again_learns_why_it_was_closed() {
    let world = World::bounded(Limits::default(), Bound { entries: 200, bytes: u64::MAX }).await;
    let mut socket = Socket::open(&world, "lead", "").await;
    for n in 0..300 {
        world.publish([large(n)]);
        tokio::task::yield_now().await;
    }
    let (read, code, _) = socket.until_closed().await;
    assert_eq!(code, 4008);
    assert!(read.len() < 300, "{}", read.len());
    assert!(read.iter().copied().eq(1..=read.len() as u64), "what was sent came in order and whole");
}

#[tokio::test]
async fn only_so_many_streams_are_open_at_once() {
    let world = World::with(Limits { streams: 2, ..Limits::default() }).await;
    let socket = Socket::open(&world, "lead", "").await;
    let mut sse = Sse::open(&world, "alice", "", None).await;
    sse.next().await;
    for accept in ["text/event-stream", "*/*"] {
        let third = world.get("/v1/events").token("lead").header("Accept", accept);
        let answer = if accept == "*/*" { third.upgrade().send().await } else { third.send().await };
        answer.problem(503, "streams");
    }
    assert_eq!(world.get("/v1/events").token("lead").status().await, 200, "a page is no stream");
    drop((socket, sse));
    world.streams_open(0).await;
    Socket::open(&world, "lead", "").await;
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_not_waited_for() {
    let limits = Limits { head_time: Duration::from_millis(50), ..Limits::default() };
    let world = World::with(limits).await;
    let mut slow = tokio::net::TcpStream::connect(world.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut slow, b"GET /healthz HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), slow.read_to_end(&mut bytes)).await;
    assert!(ended.is_ok(), "still open");
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
async fn a_stream_ends_when_its_session_expires_and_goes_on_with_a_new_one() {
    let limits = Limits { keep_alive: Duration::from_millis(20), ..Limits::default() };
    let world = World::with(limits).await;
    let session = async || {
        let session = world.ask("POST", "/v1/session").token("lead").send().await.json();
        session["access_token"].as_str().unwrap().to_owned()
    };
    let first = session().await;
    let mut socket = Socket::connect_as(&world, &first, "").await;
    assert_eq!(socket.frame().await["type"], "stream.hello");
    let mut sse = Sse::open_as(&world, &first, "", None).await;
    sse.next_event().await.unwrap();
    let mut forever = Socket::open(&world, "lead", "").await;

    world.clock.store(NOW_S + 299, Ordering::SeqCst);
    let mut all = world.publish([applied(1)]);
    assert_eq!((socket.sequences(1).await, sequence(&sse.event().await)), (all.clone(), all[0]));
    // Looked at again with a ping, and still let in.
    while !socket.raw.next().await.unwrap().unwrap().is_ping() {}

    world.clock.store(NOW_S + 300, Ordering::SeqCst);
    let (read, code, reason) = socket.until_closed().await;
    assert_eq!((read, code), (Vec::new(), 4003));
    assert!(reason.contains("resume"), "{reason}");
    assert_eq!(sse.next_event().await, None);
    let refused = world.get("/v1/events").header("Authorization", &format!("Bearer {first}")).send().await;
    refused.problem(401, "token");

    all.extend(world.publish([applied(2), applied(3)]));
    assert_eq!(forever.sequences(3).await, all, "a token of the configuration does not expire");
    let second = session().await;
    let mut again = Socket::connect_as(&world, &second, &format!("after={}", all[0])).await;
    again.frame().await;
    assert_eq!(again.sequences(2).await, all[1..]);
    let mut again = Sse::open_as(&world, &second, "", Some(&format!("{:020}", all[0]))).await;
    assert_eq!(sequence(&again.event().await), all[1]);
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
