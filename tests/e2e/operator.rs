//! What an operator of the daemon relies on: the audit log, and a configuration that is reloaded.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::daemon::{ADMIN, program, token};
use hookswitch_tests::events::{Reader, kind, text};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::office::{Office, caller, configuration};

/// The text of a token, which is its name nowhere.
const SECRET: &str = "the-text-of-the-token-of-alice";

/// A line of the audit log about this call, command or path.
async fn audited(office: &Office, outcome: &str, of: (&str, &str)) -> Result<Value> {
    let read = |line: &str| serde_json::from_str::<Value>(line).ok();
    let fits = |line: &Value| {
        line["target"] == "audit" && line["fields"]["message"] == outcome && line["fields"][of.0] == of.1
    };
    let what = format!("line of the audit log, {outcome}, {of:?}");
    let line = office.daemon.logged(&what, |line| read(line).is_some_and(|line| fits(&line))).await?;
    let lines = office.daemon.log().lines().filter_map(read).filter(fits).count();
    ensure!(lines == 1, "{lines} times: {line}");
    read(&line).context(line)
}

/// Compares what a line says, its time apart.
fn check(line: &Value, level: &str, expected: &Value) {
    assert_eq!(line["level"], level, "{line}");
    for (field, value) in expected.as_object().into_iter().flatten() {
        assert_eq!(&line["fields"][field], value, "{field} of {line:#}");
    }
}

#[tokio::test]
async fn each_command_leaves_one_line_that_says_who_what_why_and_how_it_came_out() -> Result<()> {
    let browser =
        token(SECRET, "agent", Some("alice")).replace(&format!("name = \"{SECRET}\""), "name = \"browser\"");
    let mut office = Office::furnish(&browser).await?;
    office.daemon.launch().await?;
    office.daemon.wait_links_up().await?;
    let (admin, alice) = (office.daemon.api(), office.daemon.api().with_token(Some(SECRET)));

    let state = json!({"state": "not_ready", "reason": "lunch"});
    let taken = alice.put("/v1/agents/alice/state", &state).await?;
    let line = audited(&office, "taken", ("command", "state")).await?;
    let said = json!({"token": "browser", "role": "agent", "peer": "127.0.0.1", "agent": "alice",
        "what": "not_ready (lunch)", "action": taken["action"]});
    check(&line, "INFO", &said);

    let dial = json!({"agent": "bob", "to": "+12125550123", "data": {"iban": "DE02120300000000202051"}});
    let refused = admin.request(Method::POST, "/v1/calls", Some(&dial)).await?;
    assert_eq!(refused.status, 422, "{refused:?}");
    let line = audited(&office, "refused", ("command", "dial")).await?;
    let why = "numbers of that prefix may not be dialled; an administrator allows prefixes with [numbers] outbound_allow";
    let said =
        json!({"token": ADMIN, "role": "admin", "agent": "bob", "what": "to +12125550123 iban", "why": why});
    check(&line, "WARN", &said);

    let other = alice.request(Method::PUT, "/v1/agents/bob/state", Some(&state)).await?;
    assert_eq!(other.status, 403, "{other:?}");
    let line = audited(&office, "turned away", ("path", "/v1/agents/bob/state")).await?;
    check(&line, "WARN", &json!({"token": "browser", "method": "PUT", "status": 403, "peer": "127.0.0.1"}));
    ensure!(line["fields"]["why"].as_str().is_some_and(|why| !why.is_empty()), "{line}");

    // Somebody without a token is nobody.
    let nobody = office.daemon.api().with_token(None);
    assert_eq!(nobody.request(Method::POST, "/v1/calls", Some(&dial)).await?.status, 401);
    let line = audited(&office, "turned away", ("path", "/v1/calls")).await?;
    check(&line, "WARN", &json!({"token": "", "method": "POST", "status": 401}));

    let call = "01KANY3H6N0000000000000001";
    let tones = json!({"agent": "bob", "digits": "4929123412341234"});
    let unknown = admin.request(Method::POST, &format!("/v1/calls/{call}/dtmf"), Some(&tones)).await?;
    assert_eq!(unknown.status, 404, "{unknown:?}");
    let line = audited(&office, "refused", ("call", call)).await?;
    check(&line, "WARN", &json!({"command": "dtmf", "what": "16 tones"}));

    // Reading leaves none.
    admin.get("/v1/agents").await?;
    office.daemon.stop().await?;
    let log = office.daemon.log();
    assert_eq!(log.lines().filter(|line| line.contains("\"target\":\"audit\"")).count(), 5, "{log}");
    for secret in [SECRET, "DE02120300000000202051", "4929123412341234"] {
        ensure!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
    Ok(())
}

const ZOE: &str = "[[agent]]\nid = \"zoe\"\nname = \"Zoe Brandt\"\npbx = \"hq\"\ndevices = [\"PJSIP/1006\"]\nteams = [\"tier1\"]\n\n";

#[tokio::test]
async fn a_configuration_is_reloaded_by_sighup_while_a_caller_waits() -> Result<()> {
    let mut office = Office::furnish("").await?;
    office.daemon.launch().await?;
    office.daemon.wait_links_up().await?;
    let (api, pid) = (office.daemon.api(), office.daemon.pid());
    let reader = Reader::websocket(&api, "after=0").await?;
    for agent in ["alice", "bob"] {
        let path = format!("/v1/agents/{agent}/state");
        api.put(&path, &json!({"state": "not_ready", "reason": "lunch"})).await?;
    }
    caller(&office.sim);
    reader.wait("the caller in the queue", |event| kind(event) == "call.queued").await?;

    // What is wrong is told, and changes nothing.
    office.daemon.write(&configuration(&office.pbx, &ZOE.replace("\"hq\"", "\"hp\"")))?;
    office.daemon.signal("HUP").await?;
    office.daemon.logged("refusal of the file", |line| line.contains("was not applied")).await?;
    assert_eq!(ids(&api.get("/v1/agents").await?), ["alice", "bob", "dora", "erin"]);

    office.daemon.write(&configuration(&office.pbx, ZOE))?;
    office.daemon.signal("HUP").await?;
    let applied = reader.wait("the new configuration", |event| {
        kind(event) == "config.applied" && event["data"]["previous"] != Value::Null
    });
    applied.await.with_context(|| office.daemon.log())?;
    assert_eq!(ids(&api.get("/v1/agents").await?), ["alice", "bob", "dora", "erin", "zoe"]);
    assert_eq!(office.daemon.pid(), pid, "without a restart");
    let waiting = api.get("/v1/calls").await?;
    assert_eq!(waiting["items"][0]["state"], "queued", "{waiting:#}");
    assert_eq!(state_of(&api.get("/v1/agents/alice").await?), "not_ready", "what an agent said stays");

    api.put("/v1/agents/alice/state", &json!({"state": "ready"})).await?;
    let answered = reader.wait("the answer", |event| kind(event) == "call.answered").await?;
    assert_eq!(text(&answered, "/data/agent/id").or(text(&answered, "/data/agent")), Some("alice"));
    reader.wait("the end", |event| kind(event) == "call.ended").await?;
    let down = reader.events().into_iter().filter(|event| text(event, "/data/state") == Some("down"));
    assert_eq!(down.count(), 0, "the link stays");
    reader.check_chain()
}

fn ids(agents: &Value) -> Vec<&str> {
    agents["items"].as_array().into_iter().flatten().filter_map(|agent| agent["id"].as_str()).collect()
}

fn state_of(agent: &Value) -> &str {
    agent["state"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_command_whose_output_nobody_reads_ends_without_a_complaint() -> Result<()> {
    for command in ["token create --role admin --name me", "completions bash"] {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let mut child = Command::new(program().await?);
        child.args(command.split(' ')).stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
        let output = child.output().await?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && complaint.is_empty(), "{command}: {}\n{complaint}", output.status);
    }
    Ok(())
}
