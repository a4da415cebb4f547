//! The call stories, told by the SIP switch: scripted phones, the switch, both normalisers and the engine in memory,
//! in virtual time. The events are those of the same stories on Asterisk.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks for one kind of event"
)]

#[path = "../../../switch/tests/common/mod.rs"]
mod common;
#[path = "../../../acd/tests/stories/lines.rs"]
#[allow(dead_code, reason = "the engine's own stories use all of it")]
mod lines;
mod made;
mod office;
mod stories;
mod weather;
