//! Random histories: a PBX with callers, phones and accidents, made from a seed, against oracles that hold always.
//!
//! A failure prints its seed: `history(SEED, …)` runs it again, the same to the last bit.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail where it stands"
)]

mod chance;
mod oracles;
mod pbx;
mod resync;
mod run;

use run::{Shape, fair_shares, history};

/// Runs a shape of history for many seeds.
fn many(shape: Shape, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        history(seed, shape);
    }
}

#[test]
fn quiet_days_keep_every_promise() {
    many(Shape::QUIET, 0..30);
}

#[test]
fn busy_days_with_more_callers_than_agents_keep_every_promise() {
    many(Shape::BUSY, 100..130);
}

#[test]
fn days_on_which_the_pbx_refuses_and_forgets_keep_every_promise() {
    many(Shape::BAD, 200..230);
}

#[test]
fn days_on_which_the_link_is_lost_again_and_again_keep_every_promise() {
    many(Shape::CUT, 300..330);
}

#[test]
fn equal_agents_get_equal_shares() {
    fair_shares(7);
}
