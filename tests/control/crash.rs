//! Click-to-dial while the daemon is killed: what was promised with `202` happens once, wherever it was on its way.

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::stage::{Stage, Stages, Story};
use hookswitch_tests::world::Place;
use reqwest::StatusCode;

/// How far the request was when the daemon died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It is in the journal, and the PBX has not heard of it.
    BeforeThePbx,
    /// The PBX has it, and the daemon has not heard of that.
    AtThePbx,
}

impl Moment {
    pub(crate) const ALL: [(&'static str, Self); 2] =
        [("before_the_pbx", Self::BeforeThePbx), ("at_the_pbx", Self::AtThePbx)];
}

/// The daemon is killed between Originate and its effect, and comes back: the agent's phone and the far end are each
/// rung once, and all of it is one call.
pub(crate) async fn click_in_flight(place: Place, moment: Moment) -> Result<()> {
    let mut stage = Stage::set(place, Mode::Route, "").await?;
    let mark = stage.wire.sent().len();
    if moment == Moment::BeforeThePbx {
        stage.wire.freeze();
    }
    let reply = stage.ask("A", "dial", &["F"]).await?;
    ensure!(reply.status == StatusCode::ACCEPTED, "{} {}", reply.status, reply.body);
    if moment == Moment::AtThePbx {
        stage.wire.says(mark, "Action: Originate").await?;
    }
    stage.play_script("the daemon dies").await?;
    // What the wire still holds is lost with it.
    stage.wire.cut();
    stage.wire.mend();
    let sent = String::from_utf8_lossy(&stage.wire.sent()[mark..]).matches("Action: Originate").count();
    ensure!(sent == usize::from(moment == Moment::AtThePbx), "{sent} Originate before the end of the daemon");
    stage.play_script("the daemon returns; A rings; A answers; F rings; F answers; see answered A").await?;
    let sent = String::from_utf8_lossy(&stage.wire.sent()[mark..]).matches("Action: Originate").count();
    ensure!(sent == 1, "{sent} Originate in all");
    let call = reply.body["call"].as_str().context("the id of the call")?.to_owned();
    ensure!(stage.call_of("A").await? == call, "another call than was promised");
    let story = Story {
        name: "click in flight",
        modes: &[Mode::Route],
        stages: Stages::All,
        script: "F hangs up; A is cut off; A is not rung; F is not rung",
        calls: &[(
            "started outbound, offered A, offer_ended accepted, answered A, ended",
            "answered, handled A",
        )],
        settings: "",
    };
    stage.play(&story).await
}
