//! The HTTP API of the real daemon, on the simulated PBX, as strangers use it: by its own descriptions, and with
//! everything that does not belong there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod descriptions;
mod hostile;
mod injection;
mod raw;

use anyhow::Result;
use hookswitch_tests::{cast::Mode, daemon::token, stage::Stage, world::Place};

/// A daemon with tokens of every role, no limit of requests, one alias, and a call that alice has answered.
async fn busy_stage() -> Result<Stage> {
    let mut settings = "[server.limits]\ntoken_per_second = 0\naddress_per_second = 0\n\n".to_owned();
    for (name, role, agent) in [
        ("alice", "agent", Some("alice")),
        ("bob", "agent", Some("bob")),
        ("crm", "crm", None),
        ("lead", "supervisor", None),
    ] {
        settings += &token(name, role, agent);
    }
    settings += "[[alias]]\npath = \"/makecall\"\nmethods = [\"GET\", \"POST\"]\naction = \"dial\"\nto = \"to\"\n\
        agent = \"from\"\nsecret = \"secret\"\n\n";
    let mut stage = Stage::set(Place::Simulator, Mode::Route, &settings).await?;
    stage.play_script("C dials Q; A rings; A answers; see answered A").await?;
    Ok(stage)
}
