//! The daemon is killed with `kill -9` around a dial: whoever may have been dialled is not dialled again.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::Play;

/// How far the dial was when the daemon died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It is in the journal, and the PBX has not heard of it.
    BeforeThePbx,
    /// The PBX has it, and the daemon has not heard of that.
    AtThePbx,
}

/// One Originate in all, one try, and the customer is reached.
pub(crate) async fn in_flight(mut play: Play, moment: Moment) -> Result<()> {
    let mark = play.stage.wire.sent().len();
    if moment == Moment::BeforeThePbx {
        play.stage.wire.freeze();
    }
    let id = play.create(&json!({})).await?;
    if moment == Moment::AtThePbx {
        play.stage.wire.says(mark, "Action: Originate").await?;
    }
    play.script("the daemon dies").await?;
    // What the wire still holds is lost with it.
    play.stage.wire.cut();
    play.stage.wire.mend();
    ensure!(
        play.originates() == usize::from(moment == Moment::AtThePbx),
        "{} dialled before",
        play.originates()
    );
    play.script(
        "the daemon returns; A rings; A answers; C rings; C answers; see answered A; C hangs up; A is cut off; \
         see callback ended completed; A is not rung; B is not rung; C is not rung",
    )
    .await?;
    ensure!(play.originates() == 1, "{} dialled in all", play.originates());
    let kept = play.callback(&id).await?;
    ensure!(kept["state"] == "completed" && kept["attempts"] == 1, "{kept}");
    play.check()
}

/// The agent is on the line, the customer's telephone rings: both talk, whoever watches.
pub(crate) async fn while_customer_rings(mut play: Play) -> Result<()> {
    let id = play.create(&json!({})).await?;
    play.script("A rings; A answers; C rings; see offer_ended accepted; the daemon dies; C answers; the daemon returns").await?;
    play.script("C hangs up; A is cut off; see callback ended completed").await?;
    ensure!(play.originates() == 1, "{} dialled in all", play.originates());
    ensure!(play.callback(&id).await?["attempts"] == 1);
    play.check()
}

/// Nobody watched how the try ended: it counts, and the next follows by the policy only.
pub(crate) async fn unseen(mut play: Play) -> Result<()> {
    let id = play.create(&json!({})).await?;
    play.script(
        "A rings; see offered A; B goes not_ready; see agent B not_ready; the daemon dies; A answers; C rings; \
         C declines 486; A is cut off; the daemon returns; see callback retry unseen",
    )
    .await?;
    let kept = play.callback(&id).await?;
    ensure!(kept["attempts"] == 1 && kept["state"] == "waiting" && kept["next_at"].is_string(), "{kept}");
    ensure!(play.originates() == 1, "{} dialled", play.originates());
    play.script(
        "A rings; A answers; C rings; C answers; see answered A; C hangs up; see callback ended completed",
    )
    .await?;
    ensure!(play.originates() == 2);
    play.check()
}
