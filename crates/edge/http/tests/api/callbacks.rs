//! Call-backs over HTTP: what is asked of the daemon, and what never reaches it.

use hookswitch_wire::model::{
    CallbackId, Timestamp,
    command::{Refusal, Request},
};
use serde_json::json;

use crate::world::{ALICES, World, agent};

const PROMISED: CallbackId = CallbackId::from_bits(1);

#[tokio::test]
async fn a_wish_reaches_the_engine_as_it_was_meant_and_is_answered_with_the_callback() {
    let world = World::new().await;
    *world.daemon.promised.lock().unwrap() = Some(PROMISED);
    let wish = json!({
        "queue": "support", "number": "+49305550001", "at": "2026-11-23T09:00:00+01:00", "agent": "alice",
        "data": { "ticket": 4711 },
    });
    let answer = world.ask("POST", "/v1/callbacks").token("crm").json(&wish).send().await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let command = world.last_command();
    assert_eq!(answer.json(), json!({ "action": command.id, "callback": PROMISED }));
    assert_eq!(command.actor.name, "crm");
    let Request::CreateCallback { queue, number, at, agent: who, data } = command.request else {
        panic!("another command")
    };
    assert_eq!(
        (queue.as_str(), number.e164.as_deref(), who),
        ("support", Some("+49305550001"), Some(agent("alice")))
    );
    assert_eq!(at, Some(Timestamp::from_millis(1_795_420_800_000)), "eight in the morning, UTC");
    assert_eq!(data["ticket"], "4711");
}

#[tokio::test]
async fn the_same_wish_with_the_same_key_is_one_wish() {
    let world = World::new().await;
    let wish = json!({ "queue": "support", "number": "+49305550001" });
    let ask = || world.ask("POST", "/v1/callbacks").token("crm").header("idempotency-key", "k-1").json(&wish);
    let (first, second) = (ask().send().await, ask().send().await);
    assert_eq!((first.status, &first.body), (202, &second.body));
    assert_eq!(world.commands(), 1);
}

#[tokio::test]
async fn a_number_that_is_promised_already_is_a_conflict_that_names_the_callback() {
    let world = World::new().await;
    *world.daemon.refusal.lock().unwrap() = Some(Refusal::CalledBackAlready { callback: PROMISED });
    let wish = json!({ "queue": "support", "number": "+49305550001" });
    let answer = world.ask("POST", "/v1/callbacks").token("crm").json(&wish).send().await;
    assert_eq!(answer.json()["callback"], json!(PROMISED));
    answer.problem(409, "called-back-already");
}

#[tokio::test]
async fn a_wish_that_cannot_be_read_never_reaches_the_engine() {
    let world = World::new().await;
    for wish in [
        json!({ "queue": "support", "number": "+49305550001", "at": "tomorrow" }),
        json!({ "queue": "support", "number": "x".repeat(300) }),
        json!({ "queue": "support" }),
        json!({ "queue": "sup port", "number": "+49305550001" }),
        json!({ "queue": "support", "number": "+49305550001", "retries": 3 }),
    ] {
        let answer = world.ask("POST", "/v1/callbacks").token("crm").json(&wish).send().await;
        assert_eq!(answer.status, 422, "{wish}: {}", answer.text());
    }
    assert_eq!(world.commands(), 0);
}

#[tokio::test]
async fn a_callback_is_taken_back_and_a_waiting_caller_is_called_back() {
    let world = World::new().await;
    let cancel = world.ask("DELETE", &format!("/v1/callbacks/{PROMISED}")).token("lead");
    assert_eq!(cancel.status().await, 202);
    assert_eq!(world.last_command().request, Request::CancelCallback { callback: PROMISED });
    let call = world.ask("POST", &format!("/v1/calls/{ALICES}/callback")).token("lead");
    assert_eq!(call.status().await, 202);
    assert_eq!(world.last_command().request, Request::CallBack { call: ALICES });
}

#[tokio::test]
async fn a_list_asks_for_a_queue_and_a_state() {
    let world = World::new().await;
    let list = world.get("/v1/callbacks?queue=support&state=waiting").token("crm").send().await.json();
    let asked = list["items"][0]["asked"].as_str().unwrap();
    assert!(asked.contains("support") && asked.contains("Waiting"), "{asked}");
}
