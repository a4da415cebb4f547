//! `Idempotency-Key`.

use hookswitch_wire::model::command::Refusal;
use serde_json::json;

use crate::world::{Ask, World};

fn put(world: &World, key: &str, state: &str) -> Ask {
    world
        .ask("PUT", "/v1/agents/alice/state")
        .token("alice")
        .header("Idempotency-Key", key)
        .json(&json!({ "state": state }))
}

#[tokio::test]
async fn a_repeated_request_is_done_once_and_answered_alike() {
    let world = World::new().await;
    let first = put(&world, "k1", "ready").send().await;
    let second = put(&world, "k1", "ready").send().await;
    assert_eq!((first.status, &first.body), (202, &second.body));
    assert_eq!(first.header("content-type"), second.header("content-type"));
    assert_eq!(
        (first.header("idempotent-replayed"), second.header("idempotent-replayed")),
        (None, Some("true"))
    );
    assert_eq!(world.commands(), 1);

    put(&world, "k2", "ready").send().await;
    assert_eq!(world.commands(), 2, "another key is another request");
    let of_another = world.ask("PUT", "/v1/agents/alice/state").token("lead").header("Idempotency-Key", "k1");
    assert_eq!(of_another.json(&json!({ "state": "ready" })).status().await, 202);
    assert_eq!(world.commands(), 3, "a key belongs to its token");
}

#[tokio::test]
async fn a_key_used_for_another_body_is_refused() {
    let world = World::new().await;
    put(&world, "k", "ready").send().await;
    put(&world, "k", "not_ready").send().await.problem(422, "invalid");
    put(&world, "", "ready").send().await.problem(400, "request");
    put(&world, &"k".repeat(256), "ready").send().await.problem(400, "request");
    assert_eq!(world.commands(), 1);
}

#[tokio::test]
async fn a_refusal_is_remembered_and_a_failure_is_not() {
    let world = World::new().await;
    *world.daemon.refusal.lock().unwrap() = Some(Refusal::NotNow { why: "busy".into(), allowed: Vec::new() });
    put(&world, "k", "ready").send().await.problem(409, "not-now");
    *world.daemon.refusal.lock().unwrap() = None;
    put(&world, "k", "ready").send().await.problem(409, "not-now");
    assert_eq!(world.commands(), 1);

    world.daemon.gone.store(true, std::sync::atomic::Ordering::SeqCst);
    put(&world, "k2", "ready").send().await.problem(503, "stopping");
    world.daemon.gone.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(put(&world, "k2", "ready").status().await, 202);
}

#[tokio::test]
async fn a_repetition_while_the_first_is_at_work_waits_for_its_answer() {
    let world = World::new().await;
    world.daemon.gate.hold();
    let request = put(&world, "k", "ready");
    let (first, second, ()) = tokio::join!(request.send(), request.send(), async {
        world.daemon.gate.reached(1).await;
        // A further request is served meanwhile: only the repetition waits.
        assert_eq!(world.get("/v1/agents").token("alice").status().await, 200);
        world.daemon.gate.open();
    });
    assert_eq!((first.status, &first.body), (202, &second.body));
    assert_eq!(world.commands(), 1);
}

#[tokio::test]
async fn work_begun_for_a_client_that_went_away_is_remembered() {
    let world = World::new().await;
    world.daemon.gate.hold();
    let lost = put(&world, "k", "ready").open().await;
    world.daemon.gate.reached(1).await;
    drop(lost);
    // Once a later request is answered the server has seen the connection end too.
    assert_eq!(world.get("/v1/agents").token("alice").status().await, 200);
    world.daemon.gate.open();
    let again = put(&world, "k", "ready").send().await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (202, Some("true")));
    assert_eq!(world.commands(), 1);
}
