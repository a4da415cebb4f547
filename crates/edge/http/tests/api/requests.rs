//! What may come in, and how it is refused.

use std::sync::atomic::Ordering;

use hookswitch_http::Limits;
use hookswitch_wire::model::command::{Refusal, Request};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::world::{ALICES, World};

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let world = World::new().await;
    world.get("/").send().await.problem(404, "unknown");
    world.get("/v1/nothing").token("admin").send().await.problem(404, "unknown");
    world.get("/v1/calls/not-an-id").token("admin").send().await.problem(404, "unknown");
    world.get("/v1/calls/%FF").token("admin").send().await.problem(400, "request");
    let answer = world.ask("DELETE", "/v1/agents").token("admin").send().await;
    answer.problem(405, "method");
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn a_body_that_is_none_is_refused_with_its_fault() {
    let world = World::new().await;
    let put = || world.ask("PUT", "/v1/agents/alice/state").token("alice");
    put().header("Content-Type", "application/json").body("{").send().await.problem(400, "request");
    put().header("Content-Type", "text/plain").body("ready").send().await.problem(415, "media-type");
    put().json(&json!({})).send().await.problem(422, "invalid");
    put().json(&json!({ "state": "on_fire" })).send().await.problem(422, "invalid");
    put().json(&json!({ "state": "ready", "because": "typo" })).send().await.problem(422, "invalid");
    put().json(&json!({ "state": "ready", "reason": "a\r\nb" })).send().await.problem(422, "invalid");
    put().json(&json!({ "state": "ready", "reason": "x".repeat(129) })).send().await.problem(422, "invalid");
    let problem = put().json(&json!({ "state": "talking" })).send().await.problem(422, "invalid");
    assert!(problem["hint"].as_str().unwrap().contains("not_ready"));
    assert_eq!(world.commands(), 0);
}

#[tokio::test]
async fn data_is_text_of_bounded_size() {
    let world = World::new().await;
    let patch = || world.ask("PATCH", &format!("/v1/calls/{ALICES}/data")).token("crm");
    let data = json!({ "ticket": 4711, "gold": true, "note": "" });
    assert_eq!(patch().json(&data).status().await, 202);
    let Request::SetData { call, changed } = world.last_command().request else { panic!("another command") };
    assert_eq!(call, ALICES);
    let expected = [("gold", "true"), ("note", ""), ("ticket", "4711")];
    assert_eq!(changed, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());

    let many: serde_json::Map<_, _> = (0..65).map(|n| (n.to_string(), "x".into())).collect();
    for wrong in [
        json!({}),
        json!([]),
        json!({ "data": {} }),
        json!({ "data": { "a": "1" }, "b": "2" }),
        json!({ "a": { "b": 1 } }),
        json!({ "": "x" }),
        json!({ "x".repeat(65): "x" }),
        json!({ "a\n": "x" }),
        json!({ "a": "x".repeat(4_097) }),
        many.into(),
    ] {
        patch().json(&wrong).send().await.problem(422, "invalid");
    }
    assert_eq!(world.commands(), 1);
}

#[tokio::test]
async fn data_may_stand_under_its_name_and_null_empties_a_key() {
    let world = World::new().await;
    let patch = || world.ask("PATCH", &format!("/v1/calls/{ALICES}/data")).token("crm");
    for (body, value) in [
        (json!({ "data": { "ticket": "4711" } }), "4711"),
        (json!({ "ticket": null }), ""),
        (json!({ "data": { "ticket": null } }), ""),
    ] {
        assert_eq!(patch().json(&body).status().await, 202);
        let Request::SetData { changed, .. } = world.last_command().request else {
            panic!("another command")
        };
        assert_eq!(changed, [("ticket".to_owned(), value.to_owned())].into(), "{body}");
    }
    assert_eq!(patch().json(&json!({ "data": "a key of that name" })).status().await, 202);
    let Request::SetData { changed, .. } = world.last_command().request else { panic!("another command") };
    assert_eq!(changed, [("data".to_owned(), "a key of that name".to_owned())].into());
}

#[tokio::test]
async fn a_body_is_bounded_in_size_and_time() {
    let limits = Limits { body: 1_000, body_time: std::time::Duration::from_millis(50), ..Limits::default() };
    let world = World::with(limits).await;
    let patch = || world.ask("PATCH", &format!("/v1/calls/{ALICES}/data")).token("crm");
    let fits = json!({ "a": "x".repeat(900) });
    assert_eq!(patch().json(&fits).status().await, 202);
    let too_large = json!({ "a": "x".repeat(1_000) });
    patch().json(&too_large).send().await.problem(413, "too-large");
    patch().json(&too_large).header("Idempotency-Key", "k").send().await.problem(413, "too-large");

    let mut slow =
        patch().header("Content-Length", "100").header("Content-Type", "application/json").open().await;
    slow.write_all(b"{").await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(world.commands(), 1);
}

#[tokio::test]
async fn a_refusal_of_the_engine_says_what_would_be_possible() {
    let world = World::new().await;
    let refuse = |refusal| *world.daemon.refusal.lock().unwrap() = Some(refusal);
    let put = || {
        world.ask("PUT", "/v1/agents/alice/state").token("lead").json(&json!({ "state": "wrap_up" })).clone()
    };

    refuse(Refusal::NotNow {
        why: "no call was handled".into(),
        allowed: vec!["ready".into(), "not_ready".into()],
    });
    let problem = put().send().await.problem(409, "not-now");
    assert_eq!(problem["allowed"], json!(["ready", "not_ready"]));
    assert_eq!(problem["detail"], "no call was handled");

    refuse(Refusal::Invalid { why: "never".into(), hint: "do otherwise".into() });
    assert_eq!(put().send().await.problem(422, "invalid")["hint"], "do otherwise");

    refuse(Refusal::Unknown { what: "agent".into(), id: "alice".into() });
    put().send().await.problem(404, "unknown");

    let claim = || {
        let path = "/v1/pops/00000000000000000000000009/claim";
        world.ask("POST", path).token("alice").json(&json!({ "client": "tab 2" }))
    };
    refuse(Refusal::PoppedElsewhere);
    assert_eq!(claim().send().await.problem(409, "popped-elsewhere")["allowed"], json!([]));
    refuse(Refusal::PopExpired);
    claim().send().await.problem(410, "pop-expired");
}

#[tokio::test]
async fn a_claim_names_its_client_and_is_answered_at_once() {
    let world = World::new().await;
    let claim = world.ask("POST", "/v1/pops/00000000000000000000000009/claim").token("alice");
    claim.send().await.problem(422, "invalid");
    claim.clone().json(&json!({ "client": "x".repeat(65) })).send().await.problem(422, "invalid");
    let answer = claim.json(&json!({ "client": "tab 1" })).send().await.json();
    let command = world.last_command();
    assert_eq!(answer["client"], "tab 1");
    assert_eq!(answer["action"], command.id.to_string());
    let Request::ClaimPop { pop, client } = command.request else { panic!("another command") };
    assert_eq!((pop.to_string(), &*client), ("00000000000000000000000009".into(), "tab 1"));
}

#[tokio::test]
async fn a_daemon_that_stops_answers_503_and_when_to_come_back() {
    let world = World::new().await;
    world.daemon.gone.store(true, Ordering::SeqCst);
    for path in ["/v1/snapshot", "/v1/calls", "/v1/agents/alice", "/v1/webhooks"] {
        let answer = world.get(path).token("admin").send().await;
        answer.problem(503, "stopping");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

#[tokio::test]
async fn an_answer_carries_the_callers_request_id_or_one_of_ours() {
    let world = World::new().await;
    let answer = world.get("/v1/agents").token("lead").header("X-Request-Id", "crm-4711").send().await;
    assert_eq!(answer.header("x-request-id"), Some("crm-4711"));
    for odd in ["a b", &"x".repeat(65), "<script>"] {
        let answer = world.get("/nowhere").header("X-Request-Id", odd).send().await;
        let id = answer.header("x-request-id").unwrap();
        assert!(id.parse::<hookswitch_wire::model::ActionId>().is_ok(), "{id}");
    }
}

#[tokio::test]
async fn a_fault_inside_is_an_answer_that_tells_nothing_of_the_inside() {
    let world = World::new().await;
    let answer =
        world.get("/v1/agents/fault").token("lead").header("Origin", "https://crm.example.com").send().await;
    answer.problem(500, "internal");
    assert!(!answer.text().contains("a fault inside"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://crm.example.com"));
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(world.get("/v1/agents/alice").token("lead").status().await, 200, "others are served");
}

#[tokio::test]
async fn tokens_are_listed_with_their_last_use_and_nothing_secret() {
    let world = World::new().await;
    assert_eq!(world.get("/v1/queues").token("crm").status().await, 200);
    assert_eq!(world.get("/v1/tokens").token("crm").status().await, 403);
    let answer = world.get("/v1/tokens").token("admin").send().await;
    let items = answer.json()["items"].as_array().cloned().unwrap();
    let of = |name: &str| items.iter().find(|item| item["name"] == name).cloned().unwrap();
    assert_eq!(
        (&of("crm")["role"], &of("crm")["requests"]),
        (&json!("crm"), &json!(2)),
        "a refusal is a use, too"
    );
    assert!(of("crm")["last_used_at"].is_string());
    assert_eq!((&of("bob")["last_used_at"], &of("bob")["agent"]), (&json!(null), &json!("bob")));
    let text = answer.json().to_string();
    assert!(!text.contains("hash") && !text.contains("sha256") && !text.contains("secret"), "{text}");
}
