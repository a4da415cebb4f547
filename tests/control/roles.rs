//! Who may touch whose call: every verb with every role, on the real daemon, with the PBX listened to.

use std::sync::LazyLock;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::daemon::token;
use hookswitch_tests::stage::{Stage, Stages, Story};
use hookswitch_tests::world::Place;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Tokens of every role.
static TOKENS: LazyLock<String> = LazyLock::new(|| {
    [
        token("page-of-alice", "agent", Some("alice")),
        token("page-of-bob", "agent", Some("bob")),
        token("the-crm", "crm", None),
        token("the-lead", "supervisor", None),
    ]
    .concat()
});

/// A request about a call that talks: its verb, what it says, and whether it is lawful now for the agent who talks.
struct Request {
    verb: &'static str,
    body: Value,
    lawful: bool,
}

/// Every verb. What would be lawful asks for what is refused for itself, so that the call stays as it is.
fn requests() -> Vec<Request> {
    let request = |verb, body, lawful| Request { verb, body, lawful };
    vec![
        request("answer", json!({}), false),
        request("retrieve", json!({}), false),
        request("consult/complete", json!({}), false),
        request("consult/cancel", json!({}), false),
        request("consult/conference", json!({}), false),
        request("hold", json!({}), true),
        request("hangup", json!({}), true),
        request("dtmf", json!({"digits": "1"}), true),
        request("transfer", json!({"to": "bob"}), true),
        request("consult", json!({"to": "bob"}), true),
        request("record", json!({"on": true}), true),
        request("wrap-up", json!({"notes": "mine"}), true),
    ]
}

/// What would change something at the PBX.
const DEEDS: [&str; 8] =
    ["Originate", "Redirect", "Hangup", "PlayDTMF", "MixMonitor", "StopMixMonitor", "PJSIPNotify", "Bridge"];

/// Neither of two agents can touch the other's call, whatever is asked and however it names itself; what is refused
/// never reaches the PBX. The others' roles may, by naming the agent.
pub(crate) async fn table(place: Place) -> Result<()> {
    let mut stage = Stage::set(place, Mode::Route, &TOKENS).await?;
    stage.play_script("C dials Q; A rings; A answers; see answered A").await?;
    let call = stage.call_of("A").await?;
    let mark = stage.wire.sent().len();
    for request in requests() {
        refused_to_others(&stage, &call, &request).await?;
        if !request.lawful {
            for (token, agent) in [("page-of-alice", false), ("the-crm", true), ("the-lead", true)] {
                let reply = ask(&stage, token, &call, &request, agent.then_some("alice")).await?;
                ensure!(
                    reply.0 == StatusCode::CONFLICT && reply.1["allowed"].is_array(),
                    "{token} {}: {} {}",
                    request.verb,
                    reply.0,
                    reply.1
                );
            }
        }
    }
    others_of_alice(&stage, &call).await?;
    let said = String::from_utf8(stage.wire.sent()[mark..].to_vec())?;
    for deed in DEEDS {
        ensure!(!said.contains(&format!("Action: {deed}\r\n")), "{deed} reached the PBX:\n{said}");
    }
    let story = Story {
        name: "every verb and every role",
        modes: &[Mode::Route],
        stages: Stages::All,
        script: "C hangs up; A is cut off",
        calls: &[(
            "started, queued Q, offered A, offer_ended accepted, answered A, ended",
            "answered, by customer, handled A",
        )],
        settings: "",
    };
    stage.play(&story).await
}

/// Another agent is refused, also who names the one whose call it is, or asks without a token.
async fn refused_to_others(stage: &Stage, call: &str, request: &Request) -> Result<()> {
    for agent in [None, Some("alice"), Some("bob")] {
        let (status, body) = ask(stage, "page-of-bob", call, request, agent).await?;
        ensure!(
            matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND),
            "bob {} as {agent:?}: {status} {body}",
            request.verb
        );
    }
    let path = format!("/v1/calls/{call}/{}", request.verb);
    let stranger =
        stage.daemon.api().with_token(None).request(Method::POST, &path, Some(&request.body)).await?;
    ensure!(stranger.status == StatusCode::UNAUTHORIZED, "a stranger: {}", stranger.status);
    Ok(())
}

async fn ask(
    stage: &Stage,
    token: &str,
    call: &str,
    request: &Request,
    agent: Option<&str>,
) -> Result<(StatusCode, Value)> {
    let mut body = request.body.clone();
    if let Some(agent) = agent {
        body["agent"] = json!(agent);
    }
    let path = format!("/v1/calls/{call}/{}", request.verb);
    let reply = stage.daemon.api().with_token(Some(token)).request(Method::POST, &path, Some(&body)).await?;
    Ok((reply.status, reply.body))
}

/// What else is of the one agent only: the call's data, her state, her skills, calls in her name, supervision.
async fn others_of_alice(stage: &Stage, call: &str) -> Result<()> {
    let bob = stage.daemon.api().with_token(Some("page-of-bob"));
    let table = [
        (Method::GET, format!("/v1/calls/{call}"), None),
        (Method::PATCH, format!("/v1/calls/{call}/data"), Some(json!({"case": "1"}))),
        (Method::POST, format!("/v1/calls/{call}/supervise"), Some(json!({"mode": "barge"}))),
        (Method::PUT, "/v1/agents/alice/state".to_owned(), Some(json!({"state": "logged_out"}))),
        (Method::PATCH, "/v1/agents/alice/skills".to_owned(), Some(json!({"support": 1}))),
        (Method::POST, "/v1/calls".to_owned(), Some(json!({"agent": "alice", "to": "+493012345"}))),
    ];
    for (method, path, body) in table {
        let reply = bob.request(method.clone(), &path, body.as_ref()).await?;
        ensure!(
            matches!(reply.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND),
            "bob {method} {path}: {} {}",
            reply.status,
            reply.body
        );
    }
    let alice = stage.daemon.api().get("/v1/agents/alice").await?;
    ensure!(alice["state"] == "talking", "{alice}");
    alice["skills"].as_object().context("skills")?;
    Ok(())
}
