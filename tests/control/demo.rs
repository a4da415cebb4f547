//! `hookswitch demo`: every verb of telephony control, asked for by HTTP, on the simulated PBX that everybody can have.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::daemon::program;
use hookswitch_tests::events::{Reader, kind, text};
use hookswitch_tests::http::Api;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time;

/// A number outside that the demo's configuration allows.
const OUTSIDE: &str = "+493012345";

/// How long the demo may take to say where it is.
const START: Duration = Duration::from_secs(30);

/// The running demo, with one caller an hour.
struct Demo {
    /// Ends with the test.
    _child: Child,
    api: Api,
    reader: Reader,
    /// Everything before this mark has been seen.
    seen: usize,
}

impl Demo {
    async fn start() -> Result<Self> {
        let mut child = Command::new(program().await?)
            .args(["demo", "--json", "--listen", "127.0.0.1:0", "--every", "3600", "--for-seconds", "120"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
        let line = time::timeout(START, lines.next_line()).await.context("the demo says nothing")??;
        let said: Value = serde_json::from_str(&line.context("the demo has ended")?)?;
        let address: SocketAddr =
            text(&said, "/url").context("url")?.trim_start_matches("http://").parse()?;
        let api = Api::new(address, Some(text(&said, "/token").context("token")?));
        for page in ["/desktop", "/wallboard", "/admin"] {
            let url = text(&said, page).context(page)?;
            ensure!(reqwest::get(url).await?.status() == StatusCode::OK, "{url}");
        }
        let reader = Reader::websocket(&api, "after=0").await?;
        Ok(Self { _child: child, api, reader, seen: 0 })
    }

    /// Waits for the next event of that kind about that call.
    async fn see(&mut self, what: &str, call: &str) -> Result<Value> {
        let fits = |event: &Value| kind(event) == what && text(event, "/data/call/id") == Some(call);
        let (mark, event) = self.reader.find_after(self.seen, &format!("{what} of {call}"), fits).await?;
        self.seen = mark;
        Ok(event)
    }

    /// Agents who are free.
    async fn free(&self) -> Result<Vec<String>> {
        let agents = self.api.get("/v1/agents").await?;
        let ready =
            agents["items"].as_array().into_iter().flatten().filter(|agent| agent["state"] == "ready");
        Ok(ready.filter_map(|agent| agent["id"].as_str()).map(str::to_owned).collect())
    }

    /// An agent asks for something of a call, again where the verb before is still under way: of tones no event tells the
    /// end. The answer names the call it begins, if it does.
    async fn ask(&self, call: &str, verb: &str, body: Value) -> Result<Option<String>> {
        let path = format!("/v1/calls/{call}/{verb}");
        let asked = time::Instant::now();
        let reply = loop {
            let reply = self.api.request(Method::POST, &path, Some(&body)).await?;
            let is_under_way = reply.status == StatusCode::CONFLICT
                && text(&reply.body, "/detail").is_some_and(|detail| detail.ends_with("is under way"));
            if !is_under_way || asked.elapsed() > START {
                break reply;
            }
            time::sleep(Duration::from_millis(20)).await;
        };
        ensure!(reply.status == StatusCode::ACCEPTED, "{verb} {body}: {} {}", reply.status, reply.body);
        Ok(reply.body["call"].as_str().map(str::to_owned))
    }

    async fn dial(&mut self, agent: &str) -> Result<String> {
        let reply = self.api.post("/v1/calls", &json!({"agent": agent, "to": OUTSIDE})).await?;
        let call = reply["call"].as_str().context("the id of the call")?.to_owned();
        self.see("call.answered", &call).await?;
        Ok(call)
    }
}

/// Click-to-dial and every verb have their effect, told by the event that says so.
pub(crate) async fn every_verb() -> Result<()> {
    let mut demo = Demo::start().await?;
    // The caller of the hour is with an agent, whom nobody disturbs.
    demo.reader.wait("the first caller talks", |event| kind(event) == "call.answered").await?;
    let free = demo.free().await?;
    let [one, two, lead, ..] = free.as_slice() else { anyhow::bail!("three agents are free: {free:?}") };
    let played = async {
        alone(&mut demo, one, lead).await.context("alone")?;
        together(&mut demo, one, two).await.context("together")
    };
    let played = played.await;
    played.with_context(|| demo.reader.story())
}

/// What an agent does with a call of her own; a supervisor comes and goes.
async fn alone(demo: &mut Demo, one: &str, lead: &str) -> Result<()> {
    let own = json!({"agent": one});
    let call = demo.dial(one).await?;
    for (verb, body, effect) in [
        ("hold", own.clone(), Some("call.held")),
        ("retrieve", own.clone(), Some("call.retrieved")),
        ("dtmf", json!({"agent": one, "digits": "12#"}), None),
        ("record", json!({"agent": one, "on": true}), Some("call.data")),
        ("record", json!({"agent": one, "on": false}), Some("call.data")),
        ("supervise", json!({"supervisor": lead, "mode": "listen"}), Some("call.party_joined")),
        ("hangup", json!({"agent": lead}), Some("call.party_left")),
        ("hangup", own, Some("call.ended")),
    ] {
        demo.ask(&call, verb, body).await?;
        if let Some(effect) = effect {
            demo.see(effect, &call).await.with_context(|| verb.to_owned())?;
        }
    }
    Ok(())
}

/// What two agents do with a call: consulted and cancelled, in conference, transferred, consulted and completed.
async fn together(demo: &mut Demo, one: &str, two: &str) -> Result<()> {
    let call = demo.dial(one).await?;
    let consulted = consult(demo, &call, one, two).await?;
    demo.ask(&call, "consult/cancel", json!({"agent": one})).await?;
    demo.see("call.retrieved", &call).await?;
    demo.see("call.ended", &consulted).await?;
    demo.ask(&call, "transfer", json!({"agent": one, "to": two})).await?;
    demo.see("call.offered", &call).await?;
    demo.ask(&call, "answer", json!({"agent": two})).await?;
    demo.see("call.answered", &call).await?;
    consult(demo, &call, two, one).await?;
    demo.ask(&call, "consult/complete", json!({"agent": two})).await?;
    demo.see("call.transferred", &call).await?;
    consult(demo, &call, one, two).await?;
    demo.ask(&call, "consult/conference", json!({"agent": one})).await?;
    demo.see("call.conferenced", &call).await?;
    demo.ask(&call, "hangup", json!({"agent": one})).await?;
    demo.see("call.party_left", &call).await?;
    demo.ask(&call, "hangup", json!({"agent": two})).await?;
    let ended = demo.see("call.ended", &call).await?;
    let handled = ended.pointer("/data/ledger/handled_by").cloned().unwrap_or_default();
    ensure!(handled == json!([one, two]), "handled by {handled}");
    Ok(())
}

/// One consults the other, who answers.
async fn consult(demo: &mut Demo, call: &str, one: &str, other: &str) -> Result<String> {
    // Who had a call is free a moment after its end.
    if !demo.free().await?.iter().any(|free| free == other) {
        let is_free = |event: &Value| {
            kind(event) == "agent.state"
                && text(event, "/data/agent/id") == Some(other)
                && text(event, "/data/to") == Some("ready")
        };
        demo.reader.find_after(demo.seen, &format!("{other} is free"), is_free).await?;
    }
    let consult = demo.ask(call, "consult", json!({"agent": one, "to": other})).await?;
    let consult = consult.context("the id of the consultation")?;
    demo.see("call.answered", &consult).await?;
    Ok(consult)
}
