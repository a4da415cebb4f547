//! Telephony control over HTTP: what is asked of the daemon, and what never reaches it.

use std::sync::atomic::Ordering;

use hookswitch_config::ServerLimits;
use hookswitch_wire::model::{
    CallId,
    command::{Refusal, Request, Verb},
    pbx::SuperviseMode,
};
use serde_json::{Value, json};

use crate::world::{ALICES, Answered, BOBS, NOW_S, World, agent};

/// A call that is long over.
const GONE: CallId = CallId::from_bits(3);

async fn post(world: &World, token: &str, path: &str, body: Value) -> Answered {
    world.ask("POST", path).token(token).json(&body).send().await
}

#[tokio::test]
async fn a_click_dials_the_agents_device_first_and_carries_the_data() {
    let world = World::new().await;
    *world.daemon.begun.lock().unwrap() = Some(BOBS);
    let body = json!({ "to": "+49305550001", "data": { "ticket": "4711", "amount": 3 } });
    let answer = post(&world, "alice", "/v1/calls", body).await;
    let command = world.last_command();
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json(), json!({ "action": command.id, "call": BOBS }));
    let Request::Dial { agent: whose, to, data } = command.request else { panic!("another command") };
    assert_eq!(
        (whose, &*to.text, to.e164.as_deref()),
        (agent("alice"), "+49305550001", Some("+49305550001"))
    );
    let data: Vec<_> = data.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(data, [("amount", "3"), ("ticket", "4711")]);
}

#[tokio::test]
async fn a_double_click_dials_once_and_another_click_twice() {
    let world = World::new().await;
    let click = |to: &str| post(&world, "alice", "/v1/calls", json!({ "to": to }));
    world.daemon.gate.hold();
    let (first, second, ()) = tokio::join!(click("1002"), click("1002"), async {
        world.daemon.gate.reached(1).await;
        world.daemon.gate.open();
    });
    assert_eq!((first.status, &first.body), (202, &second.body));
    assert_eq!(world.commands(), 1);
    click("1003").await;
    post(&world, "bob", "/v1/calls", json!({ "to": "1002" })).await;
    assert_eq!(world.commands(), 3);
    // What was refused may be tried again at once.
    let refusal = Refusal::Forbidden { why: "not that country".into() };
    *world.daemon.refusal.lock().unwrap() = Some(refusal);
    click("1004").await.problem(403, "forbidden");
    *world.daemon.refusal.lock().unwrap() = None;
    assert_eq!(click("1004").await.status, 202);
}

#[tokio::test]
async fn a_number_that_is_clicked_again_after_its_call_has_ended_is_dialled_again() {
    let world = World::new().await;
    let click = || post(&world, "alice", "/v1/calls", json!({ "to": "1002" }));
    *world.daemon.begun.lock().unwrap() = Some(BOBS);
    click().await;
    click().await;
    assert_eq!(world.commands(), 1, "its call is there");
    *world.daemon.begun.lock().unwrap() = Some(GONE);
    let click = || post(&world, "alice", "/v1/calls", json!({ "to": "1003" }));
    click().await;
    click().await;
    assert_eq!(world.commands(), 3);
}

#[tokio::test]
async fn each_verb_is_asked_for_as_it_was_meant() {
    let world = World::new().await;
    let mut seen = Vec::new();
    for (path, body) in [
        ("dtmf", json!({ "digits": "0*#D" })),
        ("record", json!({ "on": false })),
        ("consult", json!({ "to": "1002" })),
        ("consult/complete", json!({})),
    ] {
        assert_eq!(
            post(&world, "alice", &format!("/v1/calls/{ALICES}/{path}"), body).await.status,
            202,
            "{path}"
        );
        let Request::Control { call, agent: whose, verb } = world.last_command().request else {
            panic!("another command")
        };
        assert_eq!((call, whose), (ALICES, agent("alice")));
        seen.push(verb);
    }
    assert_eq!(seen[0], Verb::Dtmf { digits: "0*#D".into() });
    assert_eq!(seen[1], Verb::Record { on: false });
    assert!(matches!(&seen[2], Verb::Consult { to } if to.text == "1002"));
    assert_eq!(seen[3], Verb::ConsultComplete);
    // Without a body too.
    let hold = world.ask("POST", &format!("/v1/calls/{ALICES}/hold")).token("alice");
    assert_eq!(hold.status().await, 202);

    let supervise = format!("/v1/calls/{ALICES}/supervise");
    post(&world, "lead", &supervise, json!({ "mode": "barge" })).await.problem(422, "invalid");
    assert_eq!(post(&world, "desk", &supervise, json!({ "mode": "whisper" })).await.status, 202);
    let Request::Supervise { supervisor, agent: whose, mode, .. } = world.last_command().request else {
        panic!("another command")
    };
    assert_eq!((supervisor, whose, mode), (agent("alice"), None, SuperviseMode::Whisper));

    let skills = world.ask("PATCH", "/v1/agents/bob/skills").token("lead");
    let levels = json!({ "billing": 8, "mandarin": null });
    assert_eq!(skills.clone().json(&levels).status().await, 202);
    let plain = world.last_command().request;
    assert_eq!(skills.clone().json(&json!({ "skills": levels })).status().await, 202);
    assert_eq!(world.last_command().request, plain);
    for wrong in [
        json!({}),
        json!({ "billing": 0 }),
        json!({ "billing": 11 }),
        json!({ "billing": "8" }),
        json!({ "a b": 1 }),
        json!({ "skills": {} }),
        json!({ "skills": { "billing": 8 }, "mandarin": 1 }),
        json!([]),
    ] {
        skills.clone().json(&wrong).send().await.problem(422, "invalid");
    }
    let wrap_up = format!("/v1/calls/{ALICES}/wrap-up");
    for wrong in [json!({}), json!({ "disposition": "a\nb" }), json!({ "notes": "\u{1b}[2J" })] {
        post(&world, "alice", &wrap_up, wrong).await.problem(422, "invalid");
    }
    assert_eq!(post(&world, "alice", &wrap_up, json!({ "notes": "two\nlines" })).await.status, 202);
}

#[tokio::test]
async fn a_name_that_is_not_known_is_told_with_those_that_are() {
    let world = World::new().await;
    let problem = post(&world, "alice", "/v1/calls", json!({ "too": "1002" })).await.problem(422, "invalid");
    assert_eq!(problem["field"], "too");
    assert_eq!(problem["hint"], "known: agent, to, data");
    let hold = format!("/v1/calls/{ALICES}/hold");
    let problem = post(&world, "alice", &hold, json!({ "`, expected `": 1 })).await.problem(422, "invalid");
    assert!(problem["hint"].as_str().unwrap().contains("agent"), "{problem}");
    for wrong in [json!({ "to": 5 }), json!({}), json!([]), json!("x"), json!({ "to": "1", "agent": "a b" })]
    {
        post(&world, "alice", "/v1/calls", wrong).await.problem(422, "invalid");
    }
    let deep = "{\"a\":".repeat(10_000) + &"}".repeat(10_000);
    let ask = world.ask("POST", "/v1/calls").token("alice").header("Content-Type", "application/json");
    ask.clone().body(deep).send().await.problem(422, "invalid");
    ask.body("[".repeat(30_000)).send().await.problem(422, "invalid");
    // A page could send this without asking its browser first.
    let plain = world.ask("POST", "/v1/calls").token("alice").header("Content-Type", "text/plain");
    plain.body("{\"to\":\"1002\"}").send().await.problem(415, "media-type");
    assert_eq!(world.commands(), 0);
}

#[tokio::test]
async fn what_is_not_possible_now_says_what_is() {
    let world = World::new().await;
    let refusal =
        Refusal::NotNow { why: "the leg is held".into(), allowed: vec!["retrieve".into(), "hangup".into()] };
    *world.daemon.refusal.lock().unwrap() = Some(refusal);
    let hold =
        async |token: &str, call| post(&world, token, &format!("/v1/calls/{call}/hold"), json!({})).await;
    let problem = hold("alice", ALICES).await.problem(409, "not-now");
    assert_eq!(problem["allowed"], json!(["retrieve", "hangup"]));
    // Of another's call an agent learns nothing, not even that it exists.
    hold("alice", BOBS).await.problem(404, "unknown");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let world = World::new().await;
    let mut access = crate::world::access();
    access.limits = ServerLimits { token_per_second: 5, address_per_second: 10 };
    world.access.send_replace(access.into());
    let get = |token: &str| world.get("/v1/agents").token(token).clone();
    for _ in 0..10 {
        assert_eq!(get("alice").status().await, 200);
    }
    let answer = get("alice").send().await;
    answer.problem(429, "too-often");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(get("bob").status().await, 200, "another token");
    for _ in 0..8 {
        assert_eq!(world.get("/v1/agents").status().await, 401);
    }
    get("lead").send().await.problem(429, "too-often");
    world.get("/v1/agents").send().await.problem(429, "too-often");
    assert_eq!(world.get("/healthz").status().await, 200, "who looks after the machine is not held back");
    world.clock.store(NOW_S + 1, Ordering::SeqCst);
    assert_eq!(get("alice").status().await, 200);
}
