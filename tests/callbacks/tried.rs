//! What becomes of tries.

use anyhow::{Result, ensure};
use reqwest::StatusCode;
use serde_json::json;

use crate::Play;

/// Alice lets it ring; bob is asked next, and the place is what it was.
pub(crate) async fn agent_silent(mut play: Play) -> Result<()> {
    let id = play.promised().await?;
    let before = play.callback(&id).await?;
    play.script("A goes ready; A rings; A stops ringing; see callback retry agent").await?;
    let kept = play.callback(&id).await?;
    ensure!(kept["attempts"] == 0 && kept["position"] == 1, "{kept}");
    ensure!(kept["enqueued_at"] == before["enqueued_at"], "{kept}");
    play.script(
        "B goes ready; B rings; B answers; C rings; C answers; see answered B; C hangs up; B is cut off; \
         see callback ended completed",
    )
    .await?;
    play.check()
}

/// Two attempts are configured: after the second it has failed, and nobody dials again.
pub(crate) async fn customer_busy(mut play: Play) -> Result<()> {
    let id = play.promised().await?;
    play.script(
        "A goes ready; A rings; A answers; C rings; C declines 486; A is cut off; see callback retry busy; \
         A rings; A answers; C rings; C declines 486; A is cut off; see callback ended failed; 1.5 s pass; \
         A is not rung; C is not rung",
    )
    .await?;
    let kept = play.callback(&id).await?;
    ensure!(kept["state"] == "failed" && kept["attempts"] == 2 && kept["last"] == "busy", "{kept}");
    ensure!(play.originates() == 2, "{} dialled", play.originates());
    play.check()
}

/// While it waits, while the agent is rung, while the customer is dialled; not while they talk.
pub(crate) async fn cancelled(mut play: Play) -> Result<()> {
    let id = play.promised().await?;
    ensure!(play.cancel(&id).await?.status == StatusCode::ACCEPTED);
    play.script("see callback ended cancelled; A goes ready; see agent A ready; 0.5 s pass; A is not rung")
        .await?;
    ensure!(play.cancel(&id).await?.status == StatusCode::CONFLICT);

    let id = play.create(&json!({})).await?;
    play.script("A rings; see offered A").await?;
    ensure!(play.cancel(&id).await?.status == StatusCode::ACCEPTED);
    play.script("see callback ended cancelled; A stops ringing; C is not rung; see ended failed").await?;

    let id = play.create(&json!({})).await?;
    play.script("A rings; A answers; C rings").await?;
    ensure!(play.callback(&id).await?["state"] == "dialling");
    ensure!(play.cancel(&id).await?.status == StatusCode::ACCEPTED);
    play.script("see callback ended cancelled; C stops ringing; A is cut off; see ended").await?;

    let id = play.create(&json!({})).await?;
    play.script("A rings; A answers; C rings; C answers; see answered A").await?;
    let refused = play.cancel(&id).await?;
    ensure!(refused.status == StatusCode::CONFLICT, "{}", refused.body);
    play.script("C hangs up; A is cut off; see callback ended completed").await?;
    play.check()
}

/// The caller is in the queue again before the call-back's turn: one of both is served.
pub(crate) async fn calls_again(mut play: Play) -> Result<()> {
    play.promised().await?;
    play.script(
        "C2 dials Q3; see queued promise; C dials Q3; see callback ended superseded; see queued promise",
    )
    .await?;
    let queued = play.stage.events();
    let last = queued.iter().rev().find(|event| event["type"] == "call.queued");
    ensure!(last.is_some_and(|event| event["data"]["position"] == 1), "{last:?}");
    play.script(
        "A goes ready; A rings; A answers; see answered A; C hangs up; A is cut off; A rings; A answers; \
         see answered A; C2 hangs up; A is cut off; see ended",
    )
    .await?;
    ensure!(play.originates() == 0, "nobody was dialled");
    play.check()
}

/// A call-back, a caller, a call-back: each in its turn, none before.
pub(crate) async fn in_order(mut play: Play) -> Result<()> {
    let first = play.promised().await?;
    play.script(
        "C2 dials Q3; see queued promise; C3 dials Q3; see queued promise; 0.3 s pass; C3 presses 1; \
                 see callback created; C3 is cut off; see ended callback",
    )
    .await?;
    let places: Vec<_> =
        play.callbacks("?queue=promise").await?.iter().map(|one| one["position"].clone()).collect();
    ensure!(places == [1, 3], "{places:?}");
    play.script(
        "A goes ready; A rings; A answers; C rings; C answers; see answered A; C hangs up; A is cut off; \
         see callback ended completed",
    )
    .await?;
    ensure!(play.callback(&first).await?["state"] == "completed");
    ensure!(play.originates() == 1, "the caller is next, who is rung for and not dialled");
    play.script("A rings; A answers; see answered A; C2 hangs up; A is cut off").await?;
    ensure!(play.originates() <= 2);
    play.script(
        "A rings; A answers; C3 rings; C3 answers; see answered A; C3 hangs up; A is cut off; \
                 see callback ended completed",
    )
    .await?;
    play.check()
}
