//! What a reader of the stream sees.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;

use common::{agent_state, append, append_input, applied, held};
use hookswitch_journal::{Journal, MemoryJournal, Recent, Retention, Snapshot};
use hookswitch_publish::{Bound, Closed, Filter, Frame, Hub, Scope, Subscription, Types};
use hookswitch_wire::model::{AgentId, QueueId, Timestamp};
use serde_json::Value;

/// Little in memory, so that old events come from the archive.
fn journal() -> MemoryJournal {
    MemoryJournal::with_recent(Recent { entries: 8, bytes: 64 * 1024 })
}

fn value(frame: &Frame) -> Value {
    serde_json::from_slice(&frame.json).unwrap()
}

fn number(value: &Value) -> u64 {
    let text = value.as_str().unwrap();
    assert_eq!(text.len(), 20);
    text.parse().unwrap()
}

/// The frames until the reader has looked at everything.
async fn read_all(stream: &mut Subscription, last: u64) -> Vec<Frame> {
    let mut frames = Vec::new();
    while frames.is_empty() || stream.cursor() < last {
        frames.extend(stream.next_batch().await.unwrap());
    }
    frames
}

/// The frames until the journal, which is closed, has no more.
async fn read_to_end(mut stream: Subscription) -> Vec<Frame> {
    let mut frames = Vec::new();
    loop {
        match stream.next_batch().await {
            Ok(batch) => frames.extend(batch),
            Err(closed) => {
                assert!(matches!(closed, Closed::Stopped), "{closed}");
                return frames;
            }
        }
    }
}

/// Checks hello and the chain, as a client does; the sequences of the events.
fn chain(frames: &[Frame]) -> Vec<u64> {
    let hello = value(&frames[0]);
    assert_eq!(hello["type"], "stream.hello");
    let mut prev = number(&hello["data"]["sequence"]);
    let mut sequences = Vec::new();
    for frame in &frames[1..] {
        let event = value(frame);
        assert_eq!(event["type"].as_str(), Some(&*frame.type_name));
        if frame.is_gap() {
            assert_eq!(number(&event["data"]["from"]), prev);
            prev = number(&event["data"]["to"]);
        } else {
            assert_eq!(number(&event["prev"]), prev, "the chain is whole");
            prev = number(&event["sequence"]);
            sequences.push(prev);
        }
        assert_eq!(frame.sequence, Some(prev));
    }
    sequences
}

fn of(types: &str) -> Filter {
    Filter { types: Types::parse(types).unwrap(), ..Filter::default() }
}

#[tokio::test]
async fn a_reader_from_the_beginning_sees_everything_once_and_in_order() {
    let mut journal = journal();
    for version in 1..=50 {
        append(&mut journal, [applied(version)]);
        append_input(&mut journal);
    }
    let stream = Hub::new(journal.reader()).subscribe(Some(0), Filter::default());
    drop(journal);
    let frames = read_to_end(stream).await;
    assert_eq!(chain(&frames), (1..100).step_by(2).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_reader_without_a_cursor_starts_now_and_is_woken_by_the_next_event() {
    let mut journal = journal();
    append(&mut journal, [applied(1)]);
    let mut stream = Hub::new(journal.reader()).subscribe(None, Filter::default());
    let hello = stream.next_batch().await.unwrap();
    assert_eq!(value(&hello[0])["data"]["sequence"], "00000000000000000001");
    assert_eq!(value(&hello[0])["data"]["oldest"], "00000000000000000001");
    let waiting = tokio::spawn(async move { stream.next_batch().await.unwrap() });
    append(&mut journal, [applied(2), applied(3)]);
    let frames = waiting.await.unwrap();
    assert_eq!(chain(&[hello, frames].concat()), [2, 3]);
}

#[tokio::test]
async fn a_reader_resumes_where_it_was_whatever_its_filter() {
    let mut journal = journal();
    for round in 0..40 {
        append(&mut journal, [held(round, "alice"), agent_state("alice"), held(round, "bob")]);
    }
    let filters = [
        of("call.*"),
        of("agent.state"),
        Filter { agent: Some(AgentId::new("bob").unwrap()), ..Filter::default() },
        Filter { queue: Some(QueueId::new("support").unwrap()), ..Filter::default() },
        Filter { scope: Scope::Agent(AgentId::new("alice").unwrap()), ..Filter::default() },
    ];
    let hub = Hub::new(journal.reader());
    drop(journal);
    for filter in filters {
        let whole = read_to_end(hub.subscribe(Some(0), filter.clone())).await;
        let all = chain(&whole);
        assert!(!all.is_empty());
        for cursor in [1, 5, 33, 119] {
            let frames = read_to_end(hub.subscribe(Some(cursor), filter.clone())).await;
            let rest: Vec<u64> = all.iter().copied().filter(|seq| *seq > cursor).collect();
            assert_eq!(chain(&frames), rest, "{filter:?} after {cursor}");
        }
    }
}

#[tokio::test]
async fn every_way_gives_the_same_event_but_for_prev() {
    let mut journal = journal();
    append(&mut journal, [held(1, "alice"), agent_state("alice"), applied(1)]);
    let hub = Hub::new(journal.reader());
    let without_prev = |mut event: Value| {
        event.as_object_mut().unwrap().remove("prev");
        (number(&event["sequence"]), event)
    };
    let streamed = read_all(&mut hub.subscribe(Some(0), Filter::default()), 3).await;
    let streamed: BTreeMap<u64, Value> = streamed[1..].iter().map(value).map(without_prev).collect();
    let page = hub.page(Some(0), 10, of("agent.state,config.*")).await.unwrap();
    let page: Value = serde_json::from_slice(&page.json()).unwrap();
    let polled: Vec<_> = page["events"].as_array().unwrap().iter().cloned().map(without_prev).collect();
    assert_eq!(polled.len(), 2);
    for (sequence, event) in polled {
        assert_eq!(streamed[&sequence], event);
    }
}

#[tokio::test]
async fn pages_chain_to_one_another_and_end_at_the_head() {
    let mut journal = journal();
    for round in 0..30 {
        append(&mut journal, [held(round, "alice"), agent_state("alice"), held(round, "bob")]);
    }
    let hub = Hub::new(journal.reader());
    let (mut cursor, mut sequences) = (0, Vec::new());
    loop {
        let page: Value =
            serde_json::from_slice(&hub.page(Some(cursor), 7, of("call.*")).await.unwrap().json()).unwrap();
        let events = page["events"].as_array().unwrap();
        assert!(events.len() <= 7);
        let mut prev = cursor;
        for event in events {
            assert_eq!(number(&event["prev"]), prev);
            prev = number(&event["sequence"]);
            sequences.push(prev);
        }
        cursor = number(&page["next"]);
        if events.is_empty() {
            break;
        }
    }
    assert_eq!(cursor, 90);
    assert_eq!(sequences, (1..=90).filter(|seq| seq % 3 != 2).collect::<Vec<_>>());
    let now: Value =
        serde_json::from_slice(&hub.page(None, 7, Filter::default()).await.unwrap().json()).unwrap();
    assert_eq!(now, serde_json::json!({"events": [], "next": "00000000000000000090"}));
}

/// A journal of 20 events of which the first ten are gone.
fn without_the_first_ten() -> MemoryJournal {
    let mut journal = journal();
    for version in 1..=20 {
        append(&mut journal, [applied(version)]);
    }
    forget_up_to(&mut journal, 10);
    journal
}

fn forget_up_to(journal: &mut MemoryJournal, seq: u64) {
    journal.snapshots().save(&Snapshot { seq, at: Timestamp::default(), payload: "state".into() }).unwrap();
    journal
        .snapshots()
        .save(&Snapshot { seq: 20, at: Timestamp::default(), payload: "state".into() })
        .unwrap();
    let late = Timestamp::from_micros(u64::MAX);
    assert_eq!(
        journal.retain(&Retention { keep_from: late, hold_from: late, max_bytes: None }).unwrap().oldest,
        seq + 1
    );
}

#[tokio::test]
async fn a_cursor_older_than_retention_is_admitted_as_a_gap() {
    let journal = without_the_first_ten();
    let hub = Hub::new(journal.reader());
    let frames = read_all(&mut hub.subscribe(Some(4), Filter::default()), 20).await;
    assert_eq!(value(&frames[0])["data"]["oldest"], "00000000000000000011");
    assert!(frames[1].is_gap());
    assert_eq!(chain(&frames), (11..=20).collect::<Vec<_>>());

    let page: Value =
        serde_json::from_slice(&hub.page(Some(4), 100, Filter::default()).await.unwrap().json()).unwrap();
    assert_eq!(page["events"][0]["type"], "stream.gap");
    assert_eq!(page["events"].as_array().unwrap().len(), 11);

    for cursor in [0, 10] {
        let frames = read_all(&mut hub.subscribe(Some(cursor), Filter::default()), 20).await;
        assert!(!frames.iter().any(Frame::is_gap), "nothing is missing after {cursor}");
        assert_eq!(chain(&frames), (11..=20).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn retention_that_overtakes_a_reader_is_admitted_as_a_gap() {
    let mut journal = journal();
    for version in 1..=20 {
        append(&mut journal, [applied(version)]);
    }
    let mut stream = Hub::new(journal.reader()).subscribe(Some(2), Filter::default());
    let mut frames = stream.next_batch().await.unwrap();
    forget_up_to(&mut journal, 15);
    frames.extend(stream.next_batch().await.unwrap());
    assert!(frames.last().unwrap().is_gap(), "a gap ends its batch");
    frames.extend(read_all(&mut stream, 20).await);
    assert_eq!(chain(&frames), (16..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_cursor_of_another_journal_is_admitted_as_a_gap() {
    let mut journal = journal();
    append(&mut journal, [applied(1)]);
    let mut stream = Hub::new(journal.reader()).subscribe(Some(500), Filter::default());
    let mut frames = stream.next_batch().await.unwrap();
    append(&mut journal, [applied(2)]);
    frames.extend(stream.next_batch().await.unwrap());
    assert_eq!(chain(&frames), [2]);
}

#[tokio::test]
async fn a_live_reader_that_falls_behind_the_bound_is_closed_and_resumes() {
    let mut journal = journal();
    append(&mut journal, [applied(1)]);
    let hub = Hub::with_bound(journal.reader(), Bound { entries: 10, bytes: 1_000_000 });
    let mut stream = hub.subscribe(None, Filter::default());
    stream.next_batch().await.unwrap();
    append(&mut journal, (2..=11).map(applied));
    assert_eq!(stream.next_batch().await.unwrap().len(), 10, "ten behind is not too far");

    let stuck = tokio::spawn(async move { (stream.fell_behind().await, stream) });
    append(&mut journal, (12..=22).map(applied));
    let (closed, mut stream) = stuck.await.unwrap();
    assert_eq!(closed.code(), 4008);
    assert!(matches!(closed, Closed::Behind { entries: 11 }));
    assert_eq!(stream.next_batch().await.unwrap_err().code(), 4008);

    let frames = read_all(&mut hub.subscribe(Some(stream.cursor()), Filter::default()), 22).await;
    assert_eq!(chain(&frames), (12..=22).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_reader_is_bound_in_bytes_too() {
    let mut journal = journal();
    let hub = Hub::with_bound(journal.reader(), Bound { entries: 1_000_000, bytes: 5_000 });
    let mut stream = hub.subscribe(None, Filter::default());
    stream.next_batch().await.unwrap();
    for round in 0..10 {
        append(&mut journal, [held(round, "alice")]);
        assert_eq!(stream.next_batch().await.unwrap().len(), 1, "a reader that keeps up is never behind");
    }
    append(&mut journal, (0..10).map(|round| held(round, "alice")));
    assert_eq!(stream.next_batch().await.unwrap_err().code(), 4008);
}

#[tokio::test]
async fn catching_up_is_never_too_far_behind() {
    let mut journal = journal();
    for version in 1..=100 {
        append(&mut journal, [applied(version)]);
    }
    let hub = Hub::with_bound(journal.reader(), Bound { entries: 10, bytes: 1_000 });
    let frames = read_all(&mut hub.subscribe(Some(0), Filter::default()), 100).await;
    assert_eq!(chain(&frames).len(), 100);
}

#[tokio::test]
async fn a_withheld_number_reaches_systems_and_supervisors_but_no_agent() {
    let mut journal = journal();
    let mut kind = held(1, "alice");
    if let hookswitch_wire::model::event::EventKind::CallHeld { call, .. } = &mut kind {
        call.ani.withheld = true;
    }
    append(&mut journal, [kind, held(2, "alice")]);
    let hub = Hub::new(journal.reader());
    let ani = |frame: &Frame| value(frame)["data"]["call"]["ani"].clone();
    let crm = read_all(&mut hub.subscribe(Some(0), Filter::default()), 2).await;
    assert_eq!(ani(&crm[1])["raw"], "+49305550001");

    let scope = Scope::Agent(AgentId::new("alice").unwrap());
    let alice = read_all(&mut hub.subscribe(Some(0), Filter { scope, ..Filter::default() }), 2).await;
    assert_eq!(ani(&alice[1]), serde_json::json!({"raw": "", "e164": null, "withheld": true, "name": null}));
    assert_eq!(ani(&alice[2])["raw"], "+49305550001");
    assert_eq!(chain(&alice), [1, 2]);
}

#[tokio::test]
async fn a_stream_ends_when_the_daemon_stops() {
    let journal = journal();
    let mut stream = Hub::new(journal.reader()).subscribe(None, Filter::default());
    stream.next_batch().await.unwrap();
    let waiting = tokio::spawn(async move { stream.next_batch().await });
    drop(journal);
    assert_eq!(waiting.await.unwrap().unwrap_err().code(), 1001);
}
