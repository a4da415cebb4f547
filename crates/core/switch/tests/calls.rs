//! One call at a time: what happens, in order, and nothing left behind.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{
    Stage,
    phone::{Manners, State},
};
use hookswitch_switch::Command;

/// A customer calls 5003, is told to wait in a queue.
fn queued() -> Stage {
    let mut stage = Stage::new();
    stage.phone("carrier").calls("5003");
    stage.wait(50);
    stage.check(&["1 started inbound C carrier -> 5003", "1 waits 5003"]);
    let call = stage.call();
    stage.order(Command::Queue { call, queue: "support".into() });
    stage.wait(50);
    assert_eq!(stage.phone("carrier").answers, ["INVITE 100", "INVITE 182"]);
    stage
}

/// … and talks to alice.
fn talking() -> Stage {
    let mut stage = queued();
    stage.ring(&["alice"], 15);
    stage.wait(3_000);
    stage.check(&["1 rings alice", "1 up alice", "1 up C", "1 talks C", "1 talks alice"]);
    assert!(stage.phone("carrier").is(State::Up) && stage.phone("alice").is(State::Up));
    stage
}

#[test]
fn a_caller_waits_is_connected_and_the_agent_hangs_up() {
    let mut stage = talking();
    let (heard, told) =
        (stage.phone("carrier").talk().heard.clone(), stage.phone("alice").talk().heard.clone());
    assert!(heard.contains("c=IN IP4 10.0.0.1") && told.contains("c=IN IP4 10.1.0.1"), "end to end");
    stage.phone("alice").hangs_up();
    stage.wait(100);
    stage.check(&["1 left C Released", "1 left alice HungUp", "1 ended by alice 16"]);
    stage.all_over();
}

#[test]
fn the_caller_hangs_up() {
    let mut stage = talking();
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.check(&["1 left alice Released", "1 left C HungUp", "1 ended by C 16"]);
    stage.all_over();
}
