//! Order, times and guarantees of deliveries, against a receiver in memory and on a paused clock.

mod policy;
mod rebinding;
mod seeded;

use std::{future::Future, pin::Pin, time::Duration};

use hookswitch_egress::Reply;
use hookswitch_journal::{Cursors, Journal, Kind, MemoryJournal, Record};
use hookswitch_wire::model::{CallId, Timestamp};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::*;
use crate::{
    Meta, Types,
    webhook::transport::{Answer, Post},
};

/// A receiver that the test answers for.
struct Fake(mpsc::UnboundedSender<(Post, oneshot::Sender<Answer>)>);

impl Transport for Fake {
    fn post(&self, post: Post) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let (answer, answered) = oneshot::channel();
        let _ = self.0.send((post, answer));
        Box::pin(async move { answered.await.unwrap_or(Answer::Error("reset".to_owned())) })
    }
}

/// A webhook over a journal in memory.
struct World {
    journal: MemoryJournal,
    cursors: Cursors,
    webhooks: Webhooks,
    posts: mpsc::UnboundedReceiver<(Post, oneshot::Sender<Answer>)>,
    stop: CancellationToken,
    settings: WebhookSettings,
}

impl World {
    async fn new(change: impl FnOnce(&mut WebhookSettings)) -> Self {
        let mut settings =
            WebhookSettings::new("crm", "https://crm.example.com/hook", Types::default()).unwrap();
        change(&mut settings);
        Self::with(MemoryJournal::new(), None, settings).await
    }

    async fn with(journal: MemoryJournal, cursors: Option<Cursors>, settings: WebhookSettings) -> Self {
        let cursors = cursors.unwrap_or_else(|| journal.cursors());
        let (sender, posts) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let one = std::iter::once((settings.clone(), Fake(sender)));
        let webhooks = Webhooks::start_with(&journal.reader(), &cursors, one, &stop);
        let world = Self { journal, cursors, webhooks, posts, stop, settings };
        // It has begun once it noted where.
        while world.cursors.get("webhook crm").is_none() {
            tokio::task::yield_now().await;
        }
        world
    }

    /// The daemon stops and starts again; the receiver stays.
    async fn restart(self) -> Self {
        self.stop.cancel();
        drop(self.posts);
        self.webhooks.ended().await;
        let world = Self::with(self.journal, Some(self.cursors), self.settings).await;
        world.run().await;
        world
    }

    fn append(&mut self, type_name: &'static str, call: u128) {
        let seq = self.journal.reader().last() + 1;
        let event = json!({"id": format!("event-{seq}"), "datacontenttype": "application/json", "data": {"call": call}});
        let meta = Meta {
            type_name: type_name.into(),
            call: Some(CallId::from_bits(call)),
            agents: Vec::new(),
            queue: None,
        };
        let payload = event.to_string().into();
        let record = Record { kind: Kind::Event, at: Timestamp::default(), meta: Some(meta), payload };
        self.journal.append(&mut vec![record]).unwrap();
    }

    /// The next post.
    async fn next(&mut self) -> Asked {
        // Longer than anything is tried; on the paused clock that is at once.
        let patience = Duration::from_secs(100 * 3600);
        let post = tokio::time::timeout(patience, self.posts.recv()).await.expect("nothing is posted");
        let (post, answer) = post.unwrap();
        let body: Value = serde_json::from_slice(&post.body).unwrap();
        Asked { event: post.id, prev: body.get("prev").cloned(), answer }
    }

    /// Lets the webhook do all it can do now.
    async fn run(&self) {
        // The paused clock goes on when everybody waits, for the disk too.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// Nothing is posted before everybody waits for something else.
    async fn nothing_more(&mut self) {
        let soon = tokio::time::timeout(Duration::from_millis(1), self.posts.recv()).await;
        assert!(soon.is_err(), "a post came that should not");
    }

    fn view(&self) -> WebhookView {
        self.webhooks.list().remove(0)
    }

    fn state_of(&self, event: &str) -> DeliveryState {
        self.delivery(event).state
    }

    fn delivery(&self, event: &str) -> DeliveryView {
        let deliveries = self.webhooks.deliveries("crm").unwrap();
        deliveries.into_iter().find(|delivery| delivery.event == event).unwrap()
    }

    /// Waits until everything up to here is settled.
    async fn settled(&self, seq: u64) {
        let begun = Instant::now();
        while self.view().cursor != Sequence(seq) {
            assert!(begun.elapsed() < Duration::from_secs(600), "not settled: {:?}", self.view());
            // The clock goes on when nobody has anything to do.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

struct Asked {
    event: String,
    prev: Option<Value>,
    answer: oneshot::Sender<Answer>,
}

impl Asked {
    fn is(self, event: &str, prev: Option<u64>) -> Self {
        let prev = prev.map(|prev| Value::String(Sequence(prev).to_string()));
        assert_eq!((self.event.as_str(), &self.prev), (event, &prev));
        self
    }

    fn answer(self, status: u16) {
        self.reply(status, "", None);
    }

    fn retry_after(self, seconds: u64) {
        self.reply(429, "", Some(seconds));
    }

    fn reply(self, status: u16, text: &str, retry_after: Option<u64>) {
        let reply = Reply { status, text: text.to_owned(), ..Reply::default() };
        let retry_after = retry_after.map(Duration::from_secs);
        self.answer.send(Answer::Reply { reply, retry_after }).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn events_of_a_call_go_one_after_another_and_calls_side_by_side() {
    let mut world = World::new(|_| {}).await;
    for call in [1, 2, 1, 2, 1] {
        world.append("call.data", call);
    }
    let (first, second) = (world.next().await, world.next().await);
    let first = first.is("event-1", None);
    let second = second.is("event-2", None);
    world.nothing_more().await;
    second.answer(200);
    let fourth = world.next().await;
    let fourth = fourth.is("event-4", Some(2));
    world.nothing_more().await;
    first.answer(204);
    world.next().await.is("event-3", Some(1)).answer(200);
    world.next().await.is("event-5", Some(3)).answer(200);
    fourth.answer(200);
    world.settled(5).await;
    assert_eq!(world.view().pending, 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_event_holds_back_its_call_only() {
    let mut world = World::new(|_| {}).await;
    for call in [1, 1, 2] {
        world.append("call.data", call);
    }
    let (first, other) = (world.next().await, world.next().await);
    let begun = Instant::now();
    first.answer(500);
    let _other = other.is("event-3", None);
    let again = world.next().await;
    let again = again.is("event-1", None);
    assert!((800..=1_200).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!(world.view().cursor, Sequence(0), "the cursor waits for it");
    again.answer(200);
    world.next().await.is("event-2", Some(1));
    world.settled(1).await;
}

#[tokio::test(start_paused = true)]
async fn prev_is_the_previous_event_under_the_same_filter() {
    let mut world =
        World::new(|settings| settings.events = Types::parse("call.started,call.ended").unwrap()).await;
    for (type_name, call) in [("call.started", 1), ("call.held", 1), ("call.started", 2), ("call.ended", 1)] {
        world.append(type_name, call);
    }
    let first = world.next().await;
    let first = first.is("event-1", None);
    world.next().await.is("event-3", None);
    first.answer(200);
    world.next().await.is("event-4", Some(1));
}

#[tokio::test(start_paused = true)]
async fn retries_slow_down_and_last_for_more_than_75_hours_before_an_event_is_dead() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    world.append("call.ended", 1);
    let begun = Instant::now();
    let mut times = Vec::new();
    while world.view().dead == 0 {
        let asked = world.next().await;
        let asked = asked.is("event-1", None);
        times.push(begun.elapsed());
        asked.answer(503);
        world.run().await;
    }
    assert!(times[1] < Duration::from_secs(2), "the first retry is soon");
    assert!(*times.last().unwrap() >= Duration::from_secs(75 * 3600));
    assert!(*times.last().unwrap() < Duration::from_secs(77 * 3600));
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        pauses.iter().all(|pause| *pause <= Duration::from_secs(361)),
        "five minutes and their spread at most"
    );
    assert!((800..1_200).contains(&times.len()), "{} attempts", times.len());
    // Both waited that long for a receiver that was down.
    assert_eq!(world.state_of("event-1"), DeliveryState::Dead);
    assert_eq!(world.view().cursor, Sequence(2), "what is dead is settled");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_down_is_tried_one_at_a_time_and_flooded_by_nobody() {
    let mut world = World::new(|_| {}).await;
    for call in 0..50 {
        world.append("call.started", call);
    }
    let mut side_by_side = 0;
    while world.view().state == WebhookState::Active || side_by_side < 18 {
        world.next().await.answer(502);
        side_by_side += 1;
        world.run().await;
    }
    let begun = Instant::now();
    for _ in 0..10 {
        let probe = world.next().await;
        world.nothing_more().await;
        probe.answer(502);
    }
    assert_eq!((world.view().state, world.view().pending), (WebhookState::Failing, 50));
    assert!(begun.elapsed() > Duration::from_secs(60), "{:?}", begun.elapsed());
    let back = world.next().await;
    let (begun, mut left) = (Instant::now(), 49);
    back.answer(200);
    while left > 0 {
        world.next().await.answer(200);
        left -= 1;
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "all go on at once when it is back");
    world.settled(50).await;
    assert_eq!(world.view().state, WebhookState::Active);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_heeded_by_all_deliveries() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    let asked = world.next().await;
    world.append("call.started", 2);
    let other = world.next().await;
    let begun = Instant::now();
    asked.retry_after(300);
    other.retry_after(300);
    let again = world.next().await;
    assert!(begun.elapsed() >= Duration::from_secs(300));
    again.answer(200);
    world.next().await.answer(200);
    world.settled(2).await;
}

#[tokio::test(start_paused = true)]
async fn gone_disables_until_it_is_replayed_also_over_a_restart() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    world.next().await.answer(410);
    world.run().await;
    world.append("call.started", 2);
    world.nothing_more().await;
    assert_eq!((world.view().state, world.view().cursor), (WebhookState::Disabled, Sequence(0)));
    assert_eq!(world.state_of("event-1"), DeliveryState::Disabled);

    let mut world = world.restart().await;
    world.nothing_more().await;
    assert_eq!(world.view().state, WebhookState::Disabled);
    assert!(world.webhooks.replay("crm", 0));
    for event in ["event-1", "event-2"] {
        world.next().await.is(event, None).answer(200);
    }
    world.settled(2).await;
    assert_eq!(world.view().state, WebhookState::Active);
}

#[tokio::test(start_paused = true)]
async fn gone_ends_when_the_address_changes() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    world.next().await.answer(410);
    world.nothing_more().await;
    world.settings.url = "https://crm.example.com/new".parse().unwrap();
    let mut world = world.restart().await;
    world.next().await.is("event-1", None);
}

#[tokio::test(start_paused = true)]
async fn a_restart_delivers_again_what_was_not_settled_and_nothing_else() {
    let mut world = World::new(|_| {}).await;
    for call in [1, 2, 1, 2] {
        world.append("call.data", call);
    }
    let (first, second) = (world.next().await, world.next().await);
    second.answer(200);
    world.next().await.answer(200);
    // Call 2 is through; call 1 is stuck when the daemon stops.
    while world.view().pending > 2 {
        tokio::task::yield_now().await;
    }
    first.answer(500);
    world.nothing_more().await;
    let mut world = world.restart().await;
    assert_eq!(world.cursors.get("webhook crm").unwrap().seq, 0);
    world.append("call.data", 2);
    let (again, new) = (world.next().await, world.next().await);
    let again = again.is("event-1", None);
    let new = new.is("event-5", Some(4));
    again.answer(200);
    new.answer(200);
    world.next().await.is("event-3", Some(1)).answer(200);
    world.settled(5).await;
    world.nothing_more().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_delivery_and_cursor_delivers_twice_and_never_not_at_all() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    world.append("call.ended", 1);
    world.next().await.answer(200);
    let _second = world.next().await;
    // A crash: the cursor is still where it was at the start.
    let before = world.journal.cursors();
    assert_eq!(before.get("webhook crm").unwrap().seq, 0);
    let mut after = World::with(world.journal, Some(before), world.settings).await;
    after.next().await.is("event-1", None).answer(200);
    after.next().await.is("event-2", Some(1));
}

#[tokio::test(start_paused = true)]
async fn replay_delivers_again_with_the_same_ids_and_chains() {
    let mut world = World::new(|_| {}).await;
    for call in [1, 2, 1, 1] {
        world.append("call.data", call);
        world.next().await.answer(200);
    }
    world.settled(4).await;
    assert!(world.webhooks.replay("crm", 2));
    world.next().await.is("event-3", Some(1)).answer(200);
    world.next().await.is("event-4", Some(3)).answer(200);
    world.settled(4).await;
    assert!(!world.webhooks.replay("nobody", 0));
    assert_eq!(world.webhooks.deliveries("nobody"), None);
}

#[tokio::test(start_paused = true)]
async fn deliveries_are_listed_as_the_contract_says() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    world.next().await.answer(500);
    world.next().await.answer(200);
    world.settled(1).await;
    let listed = serde_json::to_value(world.webhooks.deliveries("crm").unwrap()).unwrap();
    let at = |place: usize| listed[0]["attempts"][place]["at"].clone();
    assert_eq!(
        listed,
        json!([{
            "event": "event-1", "sequence": "00000000000000000001", "state": "delivered",
            "attempts": [
                {"at": at(0), "status": 500, "error": null, "ms": 0},
                {"at": at(1), "status": 200, "error": null, "ms": 0},
            ],
        }])
    );
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_new_begins_now() {
    let mut journal = MemoryJournal::new();
    let record = Record { kind: Kind::Input, at: Timestamp::default(), meta: None, payload: "{}".into() };
    journal.append(&mut vec![record]).unwrap();
    let settings = WebhookSettings::new("crm", "https://crm.example.com/hook", Types::default()).unwrap();
    let mut world = World::with(journal, None, settings).await;
    world.append("call.started", 1);
    world.next().await.is("event-2", None);
}

#[tokio::test(start_paused = true)]
async fn a_dead_receiver_bounds_what_is_held_in_memory() {
    let mut world = World::new(|_| {}).await;
    for call in 0..5_000 {
        world.append("call.started", call);
    }
    let _first = world.next().await;
    world.nothing_more_but_concurrency().await;
    let pending = world.view().pending;
    assert!((4_096..4_096 + 256).contains(&pending), "{pending}");
}

impl World {
    /// Takes what is posted side by side and answers nothing.
    async fn nothing_more_but_concurrency(&mut self) {
        for _ in 1..self.settings.concurrency {
            let (_, answer) = self.posts.recv().await.unwrap();
            std::mem::forget(answer);
        }
        self.nothing_more().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_makes_the_body_and_an_event_it_fails_on_is_dead() {
    let numbers = std::sync::Arc::new(hookswitch_wire::template::PlainNumbers);
    let source =
        r#"{"call": {{ data.call | tojson }}, "last": {{ (data.call | last(data.call)) | tojson }}}"#;
    let template =
        hookswitch_wire::template::Template::new("webhook.crm", source, &(numbers as std::sync::Arc<_>))
            .unwrap();
    let mut world = World::new(|settings| settings.template = Some(template)).await;
    world.append("call.started", 2);
    let (post, answer) = world.posts.recv().await.unwrap();
    assert_eq!(post.body, r#"{"call": 2, "last": "2"}"#);
    answer
        .send(Answer::Reply { reply: Reply { status: 200, ..Reply::default() }, retry_after: None })
        .unwrap();
    world.settled(1).await;
}
