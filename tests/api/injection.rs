//! Ten thousand hostile requests: none is answered 5xx, and nothing of them reaches the PBX.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookswitch_tests::stage::Stage;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::busy_stage;
use crate::hostile::{Dice, MARK, TEXTS};
use crate::raw;

const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(20);

/// What the daemon may ask a PBX for, whoever asks the daemon.
const ACTIONS: [&str; 20] = [
    "Login",
    "Challenge",
    "Events",
    "Filter",
    "Ping",
    "Logoff",
    "CoreSettings",
    "CoreStatus",
    "CoreShowChannels",
    "BridgeList",
    "BridgeInfo",
    "QueueStatus",
    "DeviceStateList",
    "PJSIPShowEndpoints",
    "PJSIPShowContacts",
    "Status",
    "Getvar",
    "Setvar",
    "Redirect",
    "Hangup",
];

/// The actions in what was sent to a PBX, with the lines of each.
fn actions(sent: &[u8]) -> Vec<BTreeMap<String, String>> {
    let text = String::from_utf8_lossy(sent).into_owned();
    let frames = text.split("\r\n\r\n").filter(|frame| !frame.trim().is_empty());
    let read = |frame: &str| {
        let lines = frame.split("\r\n").filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
                (key.trim().to_ascii_lowercase(), value.trim().to_owned())
            })
            .collect()
    };
    frames.map(read).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_hostile_requests_break_nothing_and_reach_no_pbx() {
    let stage = busy_stage().await.unwrap();
    let api = stage.daemon.api();
    let calls = api.get("/v1/calls").await.unwrap();
    let call = calls["items"][0]["id"].as_str().unwrap().to_owned();
    let before = stage.wire.sent().len();

    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (next, call, address) = (Arc::clone(&next), call.clone(), api.address());
        workers.spawn(async move {
            let mut seen: BTreeMap<u16, usize> = BTreeMap::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= REQUESTS {
                    return seen;
                }
                let request = Dice::new(number as u64).request(&call);
                let shown = || String::from_utf8_lossy(&request[..request.len().min(600)]).into_owned();
                let answer = raw::exchange(address, &request).await.unwrap_or_else(|error| {
                    panic!("request {number}: {error}\n{}", shown());
                });
                for status in raw::statuses(&answer).unwrap() {
                    assert!(status < 500, "request {number}: {status}\n{}", shown());
                    *seen.entry(status).or_default() += 1;
                }
            }
        });
    }
    let mut seen: BTreeMap<u16, usize> = BTreeMap::new();
    while let Some(counted) = workers.join_next().await {
        for (status, count) in counted.unwrap() {
            *seen.entry(status).or_default() += count;
        }
    }
    println!("statuses: {seen:?}");
    // They got as far as where each of these is decided.
    for status in [202, 400, 401, 403, 404, 413, 415, 422, 431] {
        assert!(seen.contains_key(&status), "nothing was answered {status}: {seen:?}");
    }
    // The caller still talks to alice, and a decent request is served.
    let now = api.get(&format!("/v1/calls/{call}")).await.unwrap();
    assert_eq!(now["state"], "connected", "{now:#}\n{}", told(&stage));
    let (path, body) = (format!("/v1/calls/{call}/data"), json!({ "a": "1" }));
    let patched = api.request("PATCH".parse().unwrap(), &path, Some(&body)).await;
    assert_eq!(patched.unwrap().status, 202);

    let sent = stage.wire.sent();
    assert!(before > 0, "the wire is listened to");
    assert!(!String::from_utf8_lossy(&sent).contains(MARK), "hostile text reached the PBX");
    for action in actions(&sent[before..]) {
        let name = action.get("action").map(String::as_str).unwrap_or_default();
        assert!(ACTIONS.contains(&name), "{action:?}");
        assert!(!action.contains_key("application") && !action.contains_key("command"), "{action:?}");
    }
    check_events_hold(&api.get("/v1/snapshot").await.unwrap());
}

/// Headers of an `Originate`, each once but for variables.
const ORIGINATE: [&str; 13] = [
    "action",
    "actionid",
    "channel",
    "context",
    "exten",
    "priority",
    "timeout",
    "async",
    "channelid",
    "otherchannelid",
    "callerid",
    "earlymedia",
    "variable",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_values_of_attached_data_stay_values_of_variables() {
    let stage = busy_stage().await.unwrap();
    let api = stage.daemon.api();
    let data: serde_json::Map<String, Value> =
        TEXTS.iter().enumerate().map(|(number, text)| (format!("k{number}"), json!(text))).collect();
    let dialled =
        api.post("/v1/calls", &json!({ "agent": "bob", "to": "1003", "data": data })).await.unwrap();
    assert!(dialled["call"].is_string(), "{dialled}");
    let sent = tokio::time::timeout(PATIENCE, async {
        loop {
            let sent = String::from_utf8_lossy(&stage.wire.sent()).into_owned();
            let frames: Vec<String> = sent.split_inclusive("\r\n\r\n").map(str::to_owned).collect();
            let whole = |frame: &String| frame.contains("Action: Originate") && frame.ends_with("\r\n\r\n");
            if frames.iter().any(whole) {
                return frames;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let frames: Vec<&String> = sent.iter().filter(|frame| frame.contains("Action: Originate")).collect();
    assert_eq!(frames.len(), 1, "{frames:?}");
    let mut once = std::collections::BTreeSet::new();
    for line in frames[0].split("\r\n").filter(|line| !line.is_empty()) {
        let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}"));
        let key = key.to_ascii_lowercase();
        assert!(ORIGINATE.contains(&key.as_str()), "{line:?}");
        assert!(key == "variable" || once.insert(key.clone()), "{key} twice");
        assert!(!value.contains(['\r', '\n', '\0']), "{line:?}");
        if line.contains(MARK) {
            assert!(key == "variable" && value.contains("HS_DATA_"), "{line:?}");
        }
    }
    assert!(frames[0].contains("HS_DATA_"), "data travels");
    // Nor did any of it reach the PBX by another action.
    for frame in sent.iter().filter(|frame| !frame.contains("Action: Originate")) {
        let foreign = frame.lines().find(|line| line.contains(MARK) && !line.starts_with("Value: "));
        assert_eq!(foreign, None, "{frame}");
    }
}

/// What was told of calls, but for data: for a failure.
fn told(stage: &Stage) -> String {
    let events = stage.events();
    let of_calls =
        events.iter().filter(|event| !event["type"].as_str().unwrap_or_default().ends_with(".data"));
    of_calls.map(|event| hookswitch_tests::events::summary(event) + "\n").collect()
}

/// What the daemon believes is still what the PBX plays: one call, and agents that are somewhere.
fn check_events_hold(snapshot: &Value) {
    assert_eq!(snapshot["calls"].as_array().unwrap().len(), 1, "{snapshot}");
    let states = snapshot["agents"].as_array().unwrap().iter().map(|agent| agent["state"].as_str().unwrap());
    assert!(states.clone().any(|state| state == "talking"), "{:?}", states.collect::<Vec<_>>());
}
