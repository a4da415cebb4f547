//! What readers have to do with each other: bytes, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    cell::RefCell,
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Wake, Waker},
};

use common::{agent_state, append, applied, held};
use hookswitch_journal::{Journal, MemoryJournal};
use hookswitch_publish::{Filter, Frame, Hub, Notice, Scope, Subscription, Types};
use hookswitch_wire::model::AgentId;
use serde_json::Value;

/// Counts how often a task is woken.
#[derive(Debug, Default)]
struct Wakes(AtomicU64);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wakes {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A reader as a task that is polled when it was woken, and only then.
struct Reader {
    task: Pin<Box<dyn Future<Output = ()>>>,
    wakes: Arc<Wakes>,
    /// How many of them it was polled for.
    answered: u64,
    batches: Rc<RefCell<Vec<Vec<Frame>>>>,
}

impl Reader {
    fn new(mut stream: Subscription) -> Self {
        let batches = Rc::<RefCell<Vec<Vec<Frame>>>>::default();
        let read = Rc::clone(&batches);
        let task = Box::pin(async move {
            while let Ok(batch) = stream.next_batch().await {
                read.borrow_mut().push(batch);
            }
        });
        let mut reader = Self { task, wakes: Arc::default(), answered: 0, batches };
        reader.poll();
        reader
    }

    fn poll(&mut self) {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let _ = self.task.as_mut().poll(&mut Context::from_waker(&waker));
    }

    /// Lets it do what it was woken for; the batches it got since the last time.
    fn turn(&mut self) -> Vec<Vec<Frame>> {
        if std::mem::replace(&mut self.answered, self.wakes.count()) < self.wakes.count() {
            self.poll();
        }
        self.batches.take()
    }

    fn frames(&mut self) -> Vec<Frame> {
        self.turn().concat()
    }
}

/// What four readers have to do for 300 commits, beside so many who are stuck in a write: wakes, batches, frames; and
/// how often those who are stuck were woken.
fn work_beside(stuck: usize) -> ([u64; 3], u64) {
    let mut journal = MemoryJournal::new();
    let hub = Hub::new(journal.reader());
    let subscribe = || hub.subscribe(None, Filter::default());
    let mut healthy: Vec<Reader> = (0..4).map(|_| Reader::new(subscribe())).collect();
    for reader in &mut healthy {
        assert_eq!(reader.frames().len(), 1, "the hello");
    }
    // A writer that is stuck waits for its socket, and for being too far behind.
    let stuck_wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&stuck_wakes));
    let streams: Vec<Subscription> = (0..stuck).map(|_| subscribe()).collect();
    let mut waiting: Vec<_> = streams.iter().map(|stream| Box::pin(stream.fell_behind())).collect();
    let (mut batches, mut frames) = (0, 0);
    for commit in 0..300_u128 {
        for stuck in &mut waiting {
            assert!(stuck.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        append(&mut journal, [held(commit, "alice"), agent_state("alice"), held(commit, "bob")]);
        for reader in &mut healthy {
            let got = reader.turn();
            batches += got.len() as u64;
            frames += got.iter().map(Vec::len).sum::<usize>() as u64;
        }
    }
    let wakes = healthy.iter().map(|reader| reader.wakes.count()).sum();
    ([wakes, batches, frames], stuck_wakes.count())
}

#[test]
fn a_stuck_reader_costs_the_others_nothing_and_itself_one_wake_a_commit() {
    let (alone, _) = work_beside(0);
    // One wake and one batch a commit: what is there together is written together.
    assert_eq!(alone, [4 * 300, 4 * 300, 4 * 300 * 3]);
    for stuck in [1, 100] {
        let (beside, woken) = work_beside(stuck);
        assert_eq!(beside, alone, "beside {stuck}");
        assert_eq!(woken, 300 * stuck as u64);
    }
}

/// The events of a reader, without hello.
fn events(hub: &Hub, filter: Filter) -> Vec<Frame> {
    Reader::new(hub.subscribe(Some(0), filter)).frames().split_off(1)
}

fn places(frames: &[Frame]) -> BTreeSet<*const u8> {
    frames.iter().map(|frame| frame.json.as_ptr()).collect()
}

#[test]
fn readers_of_one_filter_share_the_bytes_of_each_event() {
    let mut journal = MemoryJournal::new();
    let hub = Hub::new(journal.reader());
    append(&mut journal, (0..20).map(|call| held(call, if call % 2 == 0 { "alice" } else { "bob" })));
    let filters = [
        Filter::default(),
        Filter { types: Types::parse("call.*").unwrap(), ..Filter::default() },
        Filter { scope: Scope::Agent(AgentId::new("alice").unwrap()), ..Filter::default() },
    ];
    for filter in filters {
        let first = events(&hub, filter.clone());
        for _ in 0..10 {
            let other = events(&hub.clone(), filter.clone());
            assert_eq!(first, other);
            assert_eq!(places(&first), places(&other), "{filter:?}");
        }
    }
}

#[test]
fn who_may_not_see_a_withheld_number_shares_no_bytes_with_who_may() {
    let mut journal = MemoryJournal::new();
    let hub = Hub::new(journal.reader());
    let mut kind = held(1, "alice");
    if let hookswitch_wire::model::event::EventKind::CallHeld { call, .. } = &mut kind {
        call.ani.withheld = true;
    }
    append(&mut journal, [kind]);
    let alice = Filter { scope: Scope::Agent(AgentId::new("alice").unwrap()), ..Filter::default() };
    for _ in 0..2 {
        let (all, hers) = (events(&hub, Filter::default()), events(&hub, alice.clone()));
        let shows = |frames: &[Frame]| String::from_utf8_lossy(&frames[0].json).contains("+49305550001");
        assert!(shows(&all) && !shows(&hers));
        assert!(places(&all).is_disjoint(&places(&hers)));
    }
}

fn full() -> Notice {
    Notice::Degraded { reason: "disk_full".to_owned() }
}

fn value(frame: &Frame) -> Value {
    serde_json::from_slice(&frame.json).unwrap()
}

#[test]
fn a_notice_wakes_every_reader_once_and_leaves_the_chain_whole() {
    let mut journal = MemoryJournal::new();
    let hub = Hub::new(journal.reader());
    append(&mut journal, [applied(1)]);
    let mut reader = Reader::new(hub.subscribe(None, Filter::default()));
    reader.frames();

    hub.clone().notice(full());
    hub.notice(full());
    assert_eq!(reader.wakes.count(), 1, "said twice, told once");
    let told = reader.frames();
    assert_eq!((told.len(), told[0].type_name.as_ref(), told[0].sequence), (1, "stream.degraded", None));
    let event = value(&told[0]);
    assert_eq!((&event["type"], &event["specversion"]), (&"stream.degraded".into(), &"1.0".into()));
    assert_eq!((event.get("sequence"), event.get("prev")), (None, None));
    assert_eq!(event["data"]["reason"], "disk_full");
    let last = &event["data"]["sequence"];
    assert_eq!(last, "00000000000000000001", "up to here events are safe");

    append(&mut journal, [applied(2)]);
    hub.notice(Notice::Restored);
    hub.notice(Notice::Restored);
    let told = reader.frames();
    assert_eq!(told[0].type_name, "stream.restored");
    assert_eq!(value(&told[0])["data"]["since"], event["time"]);
    assert_eq!((told[1].type_name.as_ref(), &value(&told[1])["prev"]), ("config.applied", last));
    assert_eq!(told.len(), 2);
}

fn kinds(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(|frame| &*frame.type_name).collect()
}

#[test]
fn a_reader_that_comes_while_all_is_not_well_is_told_behind_the_hello() {
    let journal = MemoryJournal::new();
    let hub = Hub::new(journal.reader());
    hub.notice(full());
    let mut late = Reader::new(hub.subscribe(None, Filter::default()));
    assert_eq!(kinds(&late.frames()), ["stream.hello", "stream.degraded"]);
    hub.notice(Notice::Restored);
    assert_eq!(kinds(&late.frames()), ["stream.restored"]);
    // Who was not told that it began is not told that it is over.
    let mut later = Reader::new(hub.subscribe(None, Filter::default()));
    assert_eq!(kinds(&later.frames()), ["stream.hello"]);
}

#[test]
fn notices_that_came_and_went_unread_are_one() {
    let journal = MemoryJournal::new();
    let hub = Hub::new(journal.reader());
    let mut reader = Reader::new(hub.subscribe(None, Filter::default()));
    reader.frames();
    hub.notice(full());
    hub.notice(Notice::Restored);
    assert!(reader.frames().is_empty(), "nothing is amiss any more");
    hub.notice(full());
    hub.notice(Notice::Degraded { reason: "disk_slow".to_owned() });
    let told = reader.frames();
    assert_eq!(told.len(), 1);
    assert_eq!(value(&told[0])["data"]["reason"], "disk_slow");
}

#[tokio::test]
async fn a_page_says_it_too() {
    let journal = MemoryJournal::new();
    let hub = Hub::new(journal.reader());
    let page = async || -> Value {
        serde_json::from_slice(&hub.page(Some(0), 10, Filter::default()).await.unwrap().json()).unwrap()
    };
    assert_eq!(page().await.get("notices"), None);
    hub.notice(full());
    assert_eq!(page().await["notices"][0]["type"], "stream.degraded");
    hub.notice(Notice::Restored);
    assert_eq!(page().await.get("notices"), None);
}
