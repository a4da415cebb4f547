//! What follows each answer, and what lasts: refusals, rejections, overload, dead letters, replays, reconfiguration.

use super::*;

/// What a CRM answers that took a delivery, and one that did not, both with 200.
const TAKEN: &str = r#"{"success":true}"#;
const NOT_TAKEN: &str = r#"{"success":false,"error":"no such extension"}"#;

fn with_test(settings: &mut WebhookSettings) {
    settings.ok_if = Some(SuccessTest::parse("body.success == true").unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_with_200_is_tried_again_and_then_a_dead_letter_and_the_call_goes_on() {
    let mut world = World::new(with_test).await;
    world.append("call.started", 1);
    world.append("call.ended", 1);
    world.append("call.started", 2);
    let (first, other) = (world.next().await, world.next().await);
    other.is("event-3", None).reply(200, TAKEN, None);
    let begun = Instant::now();
    first.is("event-1", None).reply(200, NOT_TAKEN, None);
    world.run().await;
    assert_eq!(world.state_of("event-1"), DeliveryState::Refused, "shown from the first refusal on");
    for _ in 1..6 {
        world.next().await.is("event-1", None).reply(200, NOT_TAKEN, None);
    }
    assert!((20..45).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    world.next().await.is("event-2", Some(1)).reply(200, TAKEN, None);
    world.settled(3).await;
    assert_eq!(world.state_of("event-1"), DeliveryState::Refused);
    assert_eq!((world.view().dead, world.view().state), (1, WebhookState::Active));
    let why = world.delivery("event-1").attempts[0].error.clone().unwrap();
    assert!(why.contains("no such extension"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_taken_back_is_delivered_in_order() {
    let mut world = World::new(with_test).await;
    world.append("call.started", 1);
    world.append("call.ended", 1);
    world.next().await.is("event-1", None).reply(200, NOT_TAKEN, None);
    world.next().await.is("event-1", None).reply(200, "<html>one moment</html>", None);
    world.next().await.is("event-1", None).reply(200, TAKEN, None);
    world.next().await.is("event-2", Some(1)).reply(200, TAKEN, None);
    world.settled(2).await;
    assert_eq!(world.state_of("event-1"), DeliveryState::Delivered);
    assert_eq!(world.view().dead, 0);
}

#[tokio::test(start_paused = true)]
async fn the_200_of_a_receiver_that_always_says_so_is_unconfirmed_and_not_repeated() {
    let mut world = World::new(|settings| settings.answers_always = true).await;
    world.append("call.started", 1);
    world.next().await.answer(200);
    world.settled(1).await;
    assert_eq!(world.state_of("event-1"), DeliveryState::Unconfirmed);
    world.nothing_more().await;
}

#[tokio::test(start_paused = true)]
async fn events_that_a_receiver_cannot_take_slow_down_their_calls_and_no_other() {
    let mut world = World::new(|settings| settings.concurrency = 4).await;
    for call in 0..4 {
        world.append("call.started", call);
    }
    for _ in 0..4 {
        world.next().await.answer(422);
    }
    for call in 10..20 {
        world.append("call.started", call);
        let begun = Instant::now();
        // Those that were refused come again between them, on a schedule of their own.
        loop {
            let asked = world.next().await;
            let number: u128 = asked.event["event-".len()..].parse().unwrap();
            asked.answer(if number <= 4 { 422 } else { 200 });
            if number > 4 {
                break;
            }
        }
        assert!(begun.elapsed() < Duration::from_millis(10));
        assert_eq!(world.view().state, WebhookState::Active);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_breaks_the_receiver_delays_no_other_call() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    for _ in 0..8 {
        world.next().await.is("event-1", None).answer(500);
    }
    world.run().await;
    assert_eq!(world.view().state, WebhookState::Failing, "for all that is known");
    for call in 2..6_u128 {
        let (begun, event) = (Instant::now(), format!("event-{call}"));
        world.append("call.started", call);
        // As one of them is taken the receiver is up, and the first is tried between them.
        loop {
            let asked = world.next().await;
            let taken = asked.event == event;
            asked.answer(if taken { 200 } else { 500 });
            if taken {
                break;
            }
        }
        assert!(begun.elapsed() < Duration::from_millis(10), "{:?}", begun.elapsed());
        for _ in 0..4 {
            world.next().await.is("event-1", None).answer(500);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_nobody_takes_is_dead_after_75_hours_and_the_next_has_all_its_time() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    world.append("call.ended", 1);
    let begun = Instant::now();
    while world.view().dead == 0 {
        world.next().await.is("event-1", None).answer(422);
        world.run().await;
    }
    let hours = begun.elapsed().as_secs() / 3600;
    assert!((75..78).contains(&hours), "{hours} h");
    world.next().await.is("event-2", Some(1)).answer(422);
    world.next().await.is("event-2", Some(1)).answer(200);
    world.settled(2).await;
}

#[tokio::test(start_paused = true)]
async fn too_much_to_do_closes_the_circuit_at_once() {
    for status in [429, 503] {
        let mut world = World::new(|_| {}).await;
        world.append("call.started", 1);
        world.next().await.answer(status);
        world.run().await;
        world.append("call.started", 2);
        world.nothing_more().await;
        assert_eq!(world.view().state, WebhookState::Failing);
        assert!(world.view().next_attempt.is_some());
        assert_eq!(world.view().error, Some(format!("HTTP {status}")));
        for _ in 0..2 {
            world.next().await.answer(200);
        }
        world.settled(2).await;
        assert_eq!((world.view().state, world.view().error), (WebhookState::Active, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_was_asked_for_lasts_over_a_restart() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    world.next().await.retry_after(36_000);
    world.run().await;
    // The clock of the tests stands still but for its own; so the rest is the whole of it.
    let mut world = world.restart().await;
    let begun = Instant::now();
    world.next().await.is("event-1", None).answer(200);
    assert!(begun.elapsed() >= Duration::from_secs(35_900), "{:?}", begun.elapsed());
    world.settled(1).await;
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_listed_over_a_restart_and_replayed_from_a_cursor() {
    let mut world = World::new(with_test).await;
    world.append("call.started", 1);
    world.append("call.ended", 2);
    for _ in 0..12 {
        world.next().await.reply(200, NOT_TAKEN, None);
    }
    world.settled(2).await;
    let mut world = world.restart().await;
    assert_eq!(world.view().dead, 2);
    let letter = world.delivery("event-1");
    assert_eq!((letter.state, letter.sequence), (DeliveryState::Refused, Sequence(1)));
    assert_eq!(letter.attempts.len(), 2, "the latest are remembered");
    assert!(letter.attempts[1].error.as_ref().unwrap().contains("no such extension"));

    assert!(world.webhooks.replay("crm", 1));
    world.next().await.is("event-2", None).reply(200, TAKEN, None);
    world.settled(2).await;
    assert_eq!(world.state_of("event-2"), DeliveryState::Delivered);
    assert_eq!((world.view().dead, world.state_of("event-1")), (1, DeliveryState::Refused));
    world.nothing_more().await;
}

#[tokio::test(start_paused = true)]
async fn a_replay_waits_for_the_attempt_that_is_under_way() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    world.append("call.started", 2);
    let (first, second) = (world.next().await, world.next().await);
    second.answer(200);
    world.run().await;
    assert!(world.webhooks.replay("crm", 0));
    world.append("call.started", 3);
    world.nothing_more().await;
    first.answer(500);
    for event in ["event-1", "event-2", "event-3"] {
        world.next().await.is(event, None).answer(200);
    }
    world.settled(3).await;
    world.nothing_more().await;
}

#[tokio::test(start_paused = true)]
async fn never_two_attempts_of_one_event_are_under_way_whatever_happens() {
    let mut world = World::new(|settings| settings.concurrency = 8).await;
    let mut lot = 1_u64;
    let mut draw = move |below: u64| {
        lot = lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (lot >> 33) % below
    };
    let mut under_way: Vec<Asked> = Vec::new();
    for step in 0..3_000 {
        match draw(12) {
            0..=3 => world.append("call.data", u128::from(draw(6))),
            4 if step % 7 == 0 => assert!(world.webhooks.replay("crm", draw(40))),
            5..=9 if !under_way.is_empty() => {
                let asked = under_way.swap_remove(usize::try_from(draw(under_way.len() as u64)).unwrap());
                asked.answer([200, 200, 200, 500, 429, 422][usize::try_from(draw(6)).unwrap()]);
            }
            _ => tokio::time::advance(Duration::from_millis(draw(3_000))).await,
        }
        world.run().await;
        while let Ok((post, answer)) = world.posts.try_recv() {
            let asked = Asked { event: post.id, prev: None, answer };
            assert!(under_way.iter().all(|other| other.event != asked.event), "{} twice", asked.event);
            under_way.push(asked);
        }
        assert!(under_way.len() <= 8);
    }
    assert!(world.journal.reader().last() > 500, "the test is about something");
}

#[tokio::test(start_paused = true)]
async fn a_changed_configuration_goes_on_from_the_cursor_and_forgets_who_is_gone() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    world.next().await.answer(410);
    world.run().await;
    assert_eq!(world.view().state, WebhookState::Disabled);

    // The same again touches nothing; another secret is another receiver.
    let (sender, mut same) = mpsc::unbounded_channel();
    world.webhooks.apply_with(std::iter::once((world.settings.clone(), Fake(sender)))).await;
    assert_eq!((world.view().state, same.try_recv().is_err()), (WebhookState::Disabled, true));

    let mut changed = world.settings.clone();
    changed.secrets = vec![WebhookSecret::parse("whsec_AAAA").unwrap()];
    let (sender, posts) = mpsc::unbounded_channel();
    world.webhooks.apply_with(std::iter::once((changed, Fake(sender)))).await;
    world.posts = posts;
    world.next().await.is("event-1", None).answer(200);
    world.settled(1).await;

    world.webhooks.apply_with(std::iter::empty::<(WebhookSettings, Fake)>()).await;
    assert_eq!(world.webhooks.list(), []);
    assert_eq!(world.cursors.get("webhook crm"), None, "nothing is kept for it");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_panics_is_an_attempt_that_failed() {
    /// Panics once.
    struct Broken(std::sync::atomic::AtomicBool);
    impl Transport for Broken {
        fn post(&self, _: Post) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
            let broken = !self.0.swap(true, std::sync::atomic::Ordering::Relaxed);
            Box::pin(async move {
                assert!(!broken, "on purpose");
                Answer::Reply { reply: Reply { status: 200, ..Reply::default() }, retry_after: None }
            })
        }
    }
    let mut world = World::new(|_| {}).await;
    let broken = Broken(std::sync::atomic::AtomicBool::default());
    let mut other = world.settings.clone();
    other.name = "broken".to_owned();
    world.webhooks.apply_with(std::iter::once((other, broken))).await;
    while world.cursors.get("webhook broken").is_none() {
        tokio::task::yield_now().await;
    }
    world.append("call.started", 1);
    world.settled(1).await;
    let delivery = world.webhooks.deliveries("broken").unwrap().remove(0);
    assert_eq!((delivery.state, delivery.attempts.len()), (DeliveryState::Delivered, 2));
}

#[tokio::test(start_paused = true)]
async fn what_retention_deleted_before_it_was_delivered_is_counted() {
    let mut world = World::new(|_| {}).await;
    world.append("call.started", 1);
    world.next().await.answer(410);
    world.run().await;
    for call in 2..=5 {
        world.append("call.started", call);
    }
    let snapshot =
        |seq| hookswitch_journal::Snapshot { seq, at: Timestamp::default(), payload: "state".into() };
    world.journal.snapshots().save(&snapshot(3)).unwrap();
    world.journal.snapshots().save(&snapshot(5)).unwrap();
    let late = Timestamp::from_micros(u64::MAX);
    let all = hookswitch_journal::Retention { keep_from: late, hold_from: late, max_bytes: None };
    let retained = world.journal.retain(&all).unwrap();
    assert_eq!((retained.oldest, retained.lost_by), (4, vec![("webhook crm".to_owned(), 0)]));
    let mut world = world.restart().await;
    assert_eq!(world.view().lost, 1);
    assert!(world.webhooks.replay("crm", 0));
    world.next().await.is("event-4", None).answer(200);
    world.next().await.is("event-5", None).answer(200);
    world.settled(5).await;
}
