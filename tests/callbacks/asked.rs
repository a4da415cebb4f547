//! How a call-back comes about.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use hookswitch_model::{Millis, Timestamp};
use hookswitch_wire::Time;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::Play;

/// The customer talks to alice and hangs up.
const ANSWERED_BY_ALICE: &str = "A rings; A answers; C rings; C answers; see answered A; C hangs up; A is cut off; \
                                 see callback ended completed";

/// By HTTP: the agent first, then the customer; the same number again is a conflict that names the first.
pub(crate) async fn by_program(mut play: Play) -> Result<()> {
    play.script("A goes not_ready; see agent A not_ready; B goes not_ready; see agent B not_ready").await?;
    let id = play.create(&json!({"data": {"case": "7"}})).await?;
    let again = json!({"queue": "promise", "number": "030 5550001"});
    let again = play.request(Method::POST, "/v1/callbacks", Some(&again)).await?;
    ensure!(again.status == StatusCode::CONFLICT && again.body["callback"] == id.as_str(), "{}", again.body);
    ensure!(play.callback(&id).await?["position"] == 1);
    play.script("A goes ready; see callback dialled").await?;
    play.script(ANSWERED_BY_ALICE).await?;
    let kept = play.callback(&id).await?;
    ensure!(kept["state"] == "completed" && kept["attempts"] == 1, "{kept}");
    let answered = play.stage.wait("the answer", |event| event["type"] == "call.answered").await?;
    let call = &answered["data"]["call"];
    ensure!(call["data"]["case"] == "7" && call["data"]["callback"] == id.as_str(), "{call}");
    ensure!(call["direction"] == "outbound" && call["queue"] == "promise", "{call}");
    ensure!(play.originates() == 1, "{} dialled", play.originates());
    play.check()
}

/// The caller does not wait for the prompt.
pub(crate) async fn hung_up_after_key(mut play: Play) -> Result<()> {
    play.script(
        "A goes not_ready; see agent A not_ready; B goes not_ready; see agent B not_ready; C dials Q3; \
         see queued promise; 0.3 s pass; C presses 1; C hangs up; see callback created; A goes ready",
    )
    .await?;
    play.script(ANSWERED_BY_ALICE).await?;
    play.check()
}

/// Not before the time; then by bob, though alice has more skill and is free.
pub(crate) async fn at_a_time(mut play: Play) -> Result<()> {
    let at = now() + Millis::from_secs(2);
    let id = play.create(&json!({"at": Time(at).to_string(), "agent": "bob"})).await?;
    let kept = play.callback(&id).await?;
    ensure!(kept["position"].is_null() && kept["next_at"] == kept["due"], "{kept}");
    play.script("see callback created; 1 s pass; B is not rung; B rings; A is not rung").await?;
    ensure!(now() >= at, "too early");
    play.script("B answers; C rings; C answers; see answered B; B hangs up; C is cut off; see callback ended completed")
        .await?;
    play.check()
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(u64::try_from(now.as_micros()).unwrap_or(u64::MAX))
}

/// A supervisor lets a waiting caller go.
pub(crate) async fn of_waiting_caller(mut play: Play) -> Result<()> {
    play.script(
        "A goes not_ready; see agent A not_ready; B goes not_ready; see agent B not_ready; C dials Q3; \
         see queued promise",
    )
    .await?;
    let calls = play.stage.daemon.api().get("/v1/calls").await?;
    let call = calls["items"][0]["id"].as_str().context("the call")?.to_owned();
    let queued_at = calls["items"][0]["queued_at"].clone();
    let reply = play.request(Method::POST, &format!("/v1/calls/{call}/callback"), None).await?;
    ensure!(reply.status == StatusCode::ACCEPTED, "{} {}", reply.status, reply.body);
    play.script("C is cut off; see ended callback").await?;
    let kept = play.callbacks("").await?;
    ensure!(
        kept.len() == 1 && kept[0]["enqueued_at"] == queued_at && kept[0]["origin"]["call"] == call.as_str()
    );
    let reply = play.request(Method::POST, &format!("/v1/calls/{call}/callback"), None).await?;
    ensure!(reply.status == StatusCode::CONFLICT, "{} {}", reply.status, reply.body);
    play.check()
}

/// Nobody can be called back who does not say whom; the caller waits on, and the reasons say why.
pub(crate) async fn withheld(mut play: Play) -> Result<()> {
    play.script(
        "A goes not_ready; see agent A not_ready; B goes not_ready; see agent B not_ready; C dials Q3 withheld; \
         see queued promise; 0.3 s pass; C presses 1; 0.3 s pass",
    )
    .await?;
    let calls = play.stage.daemon.api().get("/v1/calls").await?;
    let call = calls["items"][0]["id"].as_str().context("the call")?.to_owned();
    let why = play.stage.daemon.api().get(&format!("/v1/calls/{call}/why")).await?;
    let last = why["decisions"].as_array().and_then(|all| all.last()).context("a decision")?;
    ensure!(last["decision"] == "not_called_back" && last["reason"] == "withheld", "{why}");
    ensure!(play.callbacks("").await?.is_empty());
    play.script("A goes ready; A rings; A answers; see answered A; C hangs up; A is cut off; see ended")
        .await?;
    play.check()
}
