//! One stream by three ways: order, filters, resumption.

use futures_util::StreamExt as _;
use hookswitch_publish::Notice;
use hookswitch_wire::model::{
    agent::{Agent, AgentState},
    event::EventKind,
    queue::Queue,
};
use serde_json::{Value, json};

use crate::{
    reader::{Heard, Socket, Sse, sequence},
    world::{ALICES, BOBS, World, agent, call},
};

pub(crate) fn applied(version: u64) -> EventKind {
    EventKind::ConfigApplied { version, previous: None }
}

fn held(owner: &str) -> EventKind {
    let (id, withheld) = if owner == "alice" { (ALICES, true) } else { (BOBS, false) };
    let call = call(id, owner, withheld);
    EventKind::CallHeld { leg: call.legs[1].id, by: owner.into(), call: call.into() }
}

fn state_of(id: &str) -> EventKind {
    let agent = Agent {
        id: agent(id),
        name: id.into(),
        state: AgentState::Ready,
        reason: None,
        since: hookswitch_wire::model::Timestamp::from_millis(0),
        until: None,
        next: None,
        devices: Vec::new(),
        queues: Vec::new(),
        skills: std::collections::BTreeMap::new(),
        calls: Vec::new(),
        evidence: None,
    };
    EventKind::AgentState { agent: agent.into(), from: AgentState::NotReady, to: AgentState::Ready }
}

fn stats(id: &str) -> EventKind {
    let queue = Queue {
        id: id.parse().unwrap(),
        waiting: 1,
        longest_wait_s: 0,
        ready: 0,
        talking: 0,
        service_level: None,
        answered: 0,
        abandoned: 0,
        logged_in: 0,
        longest_idle_s: None,
        estimated_wait_s: None,
        offered: 0,
        answered_in_time: 0,
        left: 0,
        average_wait_s: None,
        average_talk_s: None,
        callbacks: 0,
        alerts: Vec::new(),
        since: hookswitch_wire::model::Timestamp::default(),
    };
    EventKind::QueueStats { queue: queue.into() }
}

#[tokio::test]
async fn a_reader_that_comes_back_proves_that_it_missed_nothing() {
    let world = World::new().await;
    let mixed = || (0..40).map(|n| if n % 3 == 0 { held("alice") } else { applied(n) });
    let calls = |sequences: &[u64]| -> Vec<u64> { sequences.iter().copied().step_by(3).collect() };
    let first = calls(&world.publish(mixed()));

    let mut read = Vec::new();
    let mut socket = Socket::open(&world, "lead", "after=0&types=call.*").await;
    read.extend(socket.sequences(5).await);
    drop(socket.raw);

    let second = calls(&world.publish(mixed()));
    let mut socket = Socket::open(&world, "lead", &format!("after={}&types=call.*", read[4])).await;
    read.extend(socket.sequences(first.len() + second.len() - 5).await);
    assert_eq!(read, [first, second].concat());

    // It is at the end now, and gets what comes.
    let third = calls(&world.publish(mixed()));
    assert_eq!(socket.sequences(third.len()).await, third);
}

#[tokio::test]
async fn without_a_cursor_a_stream_starts_now_and_says_where() {
    let world = World::new().await;
    let before = world.publish([applied(1), applied(2)]);
    let mut socket = Socket::connect(&world, "lead", "").await;
    let hello = socket.frame().await;
    assert_eq!(hello["specversion"], "1.0");
    assert_eq!(
        hello["data"],
        json!({ "sequence": format!("{:020}", before[1]), "oldest": format!("{:020}", 1) })
    );
    let after = world.publish([applied(3)]);
    assert_eq!(socket.sequences(1).await, after);
}

#[tokio::test]
async fn the_same_event_is_equal_by_every_way_but_for_prev() {
    let world = World::new().await;
    world.publish([applied(1), held("bob"), state_of("alice"), applied(2), held("bob")]);
    let query = "after=0&types=call.*,agent.state&agent=&queue=";

    let mut socket = Socket::open(&world, "lead", query).await;
    let mut sse = Sse::open(&world, "lead", query, None).await;
    let page = world.get(&format!("/v1/events?{query}")).token("lead").send().await.json();
    let mut by_socket = Vec::new();
    let mut by_sse = Vec::new();
    for _ in 0..3 {
        by_socket.push(socket.frame().await);
        by_sse.push(sse.event().await);
    }
    assert_eq!(by_socket, by_sse);
    assert_eq!(page["events"], Value::from(by_socket.clone()));
    assert_eq!(page["next"], format!("{:020}", 5));

    let mut elsewhere = Socket::open(&world, "lead", "after=4").await;
    let mut other = elsewhere.frame().await;
    assert_eq!(other["prev"], format!("{:020}", 4));
    other["prev"] = by_socket[2]["prev"].clone();
    assert_eq!(other, by_socket[2]);
}

#[tokio::test]
async fn an_event_stream_resumes_by_last_event_id() {
    let world = World::new().await;
    let all = world.publish((0..6).map(applied));
    let mut sse = Sse::open(&world, "lead", "after=0", None).await;
    assert!(sse.head.starts_with("http/1.") && sse.head.contains(" 200 "), "{}", sse.head);
    for header in
        ["content-type: text/event-stream\n", "cache-control: no-store\n", "x-accel-buffering: no\n"]
    {
        assert!(sse.head.contains(header), "{}", sse.head);
    }
    assert_eq!(sse.next().await, Some(Heard::Retry(2_000)));
    let Some(Heard::Event { id, data }) = sse.next().await else { panic!("no hello") };
    assert_eq!((&*id.unwrap(), &data["type"]), ("00000000000000000000", &json!("stream.hello")));
    assert_eq!(sequence(&sse.event().await), all[0]);
    let last = sse.event().await;
    assert_eq!(sequence(&last), all[1]);
    drop(sse);

    // The browser comes back with its first address and the id it read last.
    let mut again = Sse::open(&world, "lead", "after=0", last["sequence"].as_str()).await;
    let next = again.event().await;
    assert_eq!((sequence(&next), &next["prev"]), (all[2], &last["sequence"]));
    for seq in &all[3..] {
        assert_eq!(sequence(&again.event().await), *seq);
    }
}

#[tokio::test]
async fn pages_lead_from_one_to_the_next() {
    let world = World::new().await;
    let all = world.publish((0..10).map(applied));
    let mut cursor = "0".to_owned();
    let mut read = Vec::new();
    loop {
        let path = format!("/v1/events?after={cursor}&limit=4");
        let page = world.get(&path).token("lead").send().await.json();
        let events = page["events"].as_array().unwrap();
        cursor = page["next"].as_str().unwrap().to_owned();
        if events.is_empty() {
            break;
        }
        assert!(events.len() <= 4);
        read.extend(events.iter().map(sequence));
    }
    assert_eq!(read, all);
    let now = world.get("/v1/events").token("lead").send().await.json();
    assert_eq!(now, json!({ "events": [], "next": format!("{:020}", 10) }));
}

#[tokio::test]
async fn an_agent_is_sent_its_own_calls_all_states_and_figures_only() {
    let world = World::new().await;
    let all = world.publish([held("alice"), held("bob"), state_of("bob"), stats("support"), applied(9)]);
    let visible = [all[0], all[2], all[3]];

    let mut socket = Socket::open(&world, "alice", "after=0").await;
    let first = socket.frame().await;
    assert_eq!(
        first["data"]["call"]["ani"],
        json!({ "raw": "", "e164": null, "withheld": true, "name": null })
    );
    assert_eq!([vec![sequence(&first)], socket.sequences(2).await].concat(), visible);

    let page = world.get("/v1/events?after=0").token("alice").send().await.json();
    assert_eq!(page["events"].as_array().unwrap().iter().map(sequence).collect::<Vec<_>>(), visible);
    let others = world.get("/v1/events?after=0&agent=bob&types=call.*").token("alice").send().await.json();
    assert_eq!(others["events"], json!([]));

    let everything = world.get("/v1/events?after=0").token("crm").send().await.json();
    assert_eq!(everything["events"].as_array().unwrap().len(), all.len());
    assert_eq!(everything["events"][0]["data"]["call"]["ani"]["raw"], "+49305550001");
}

#[tokio::test]
async fn a_cursor_older_than_what_is_kept_is_told_and_given_a_snapshot() {
    let world = World::new().await;
    world.publish((0..5).map(applied));
    world.delete_all();
    let kept = world.publish([applied(6)]);

    let mut socket = Socket::open(&world, "alice", "after=2&types=config.*").await;
    let gap = socket.frame().await;
    assert_eq!(gap["type"], "stream.gap");
    assert_eq!(gap["data"], json!({ "from": format!("{:020}", 2), "to": format!("{:020}", 5) }));
    let snapshot = socket.frame().await;
    assert_eq!(snapshot["type"], "stream.snapshot");
    assert_eq!(snapshot["data"]["calls"].as_array().unwrap().len(), 1, "alice's own");
    assert_eq!(snapshot["data"]["calls"][0]["id"], ALICES.to_string());
    assert_eq!(snapshot["data"]["queues"], json!([{ "id": "support" }]));

    let mut sse = Sse::open(&world, "lead", "after=2", None).await;
    let mut types = Vec::new();
    while let Some(Heard::Event { id, data }) = sse.next_event().await {
        types.push((data["type"].as_str().unwrap().to_owned(), id));
        if types.len() == 4 {
            break;
        }
    }
    let id = |seq: u64| Some(format!("{seq:020}"));
    let expected = [
        ("stream.hello", id(2)),
        ("stream.gap", id(5)),
        // Ahead of the stream: a reader that breaks off here goes on from the gap's end.
        ("stream.snapshot", None),
        ("config.applied", id(kept[0])),
    ];
    assert_eq!(types, expected.map(|(kind, id)| (kind.to_owned(), id)));

    let page = world.get("/v1/events?after=2").token("alice").send().await.json();
    let kinds: Vec<&Value> = page["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["stream.gap", "stream.snapshot"], "alice sees no configuration");
    assert_eq!(page["events"][1]["data"]["calls"].as_array().unwrap().len(), 1, "alice's own");
    assert_eq!(page["next"], format!("{:020}", kept[0]));
    let further = world.get(&format!("/v1/events?after={}", kept[0])).token("alice").send().await.json();
    assert_eq!(further["events"], json!([]), "told once");
}

#[tokio::test]
async fn readers_are_told_when_the_daemon_cannot_journal_and_when_it_can_again() {
    let world = World::new().await;
    let mut socket = Socket::open(&world, "lead", "").await;
    let mut sse = Sse::open(&world, "alice", "", None).await;
    sse.next_event().await.unwrap();
    world.hub.notice(Notice::Degraded { reason: "disk_full".into() });
    let told = socket.raw.next().await.unwrap().unwrap();
    let told: Value = serde_json::from_str(told.to_text().unwrap()).unwrap();
    assert_eq!((&told["type"], &told["data"]["reason"]), (&json!("stream.degraded"), &json!("disk_full")));
    assert_eq!(told.get("sequence"), None);
    let Some(Heard::Event { id, data }) = sse.next_event().await else { panic!("nothing told") };
    assert_eq!((id, data), (None, told), "without an id: a browser resumes from the last event");

    let mut late = Socket::open(&world, "lead", "").await;
    let told = late.raw.next().await.unwrap().unwrap();
    assert!(told.to_text().unwrap().contains("stream.degraded"));
    let page = world.get("/v1/events").token("crm").send().await.json();
    assert_eq!(page["notices"][0]["type"], "stream.degraded");

    let all = world.publish([applied(1)]);
    world.hub.notice(Notice::Restored);
    for reader in [&mut socket, &mut late] {
        let mut kinds = Vec::new();
        while kinds.len() < 2 {
            let frame: Value =
                serde_json::from_str(reader.raw.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
            kinds.push(frame["type"].as_str().unwrap().to_owned());
        }
        kinds.sort();
        assert_eq!(kinds, ["config.applied", "stream.restored"]);
    }
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_is_refused_before_the_upgrade() {
    let world = World::new().await;
    for query in [
        "after=-1",
        "after=+1",
        "after=abc",
        "after=99999999999999999999",
        "after=000000000000000000001",
        "types=call",
        "types=call.*,CALL.ENDED",
        "agent=a%20b",
        "queue=a%0Ab",
        "limit=0",
        "limit=x",
    ] {
        let path = format!("/v1/events?{query}");
        world.get(&path).token("lead").send().await.problem(422, "invalid");
        world.get(&path).token("lead").upgrade().send().await.problem(422, "invalid");
    }
    let sse = world.get("/v1/events").token("lead").header("Accept", "text/event-stream");
    sse.header("Last-Event-ID", "x").send().await.problem(422, "invalid");
    let old =
        world.get("/v1/events").token("lead").header("Connection", "Upgrade").header("Upgrade", "websocket");
    old.send().await.problem(400, "request");
}

#[tokio::test]
async fn a_stream_is_guarded_like_any_route() {
    let world = World::new().await;
    world.get("/v1/events").upgrade().send().await.problem(401, "token");
    world.get("/v1/events").token("homeless").upgrade().send().await.problem(403, "forbidden");
    let strange = world.get("/v1/events").token("lead").header("Origin", "https://evil.example").upgrade();
    strange.send().await.problem(403, "origin");

    let session = world.ask("POST", "/v1/session").token("alice").send().await.json();
    let token = session["access_token"].as_str().unwrap();
    let url = format!("ws://{}/v1/events?after=0&access_token={token}", world.address);
    let (mut socket, answer) = tokio_tungstenite::connect_async(url).await.unwrap();
    assert_eq!(answer.status(), 101);
    let hello = futures_util::StreamExt::next(&mut socket).await.unwrap().unwrap();
    assert!(hello.to_text().unwrap().contains("stream.hello"));
}
