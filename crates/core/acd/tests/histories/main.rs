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
mod desk;
mod oracles;
mod pbx;
mod resync;
mod run;

use std::collections::BTreeMap;

use run::{Shape, fair_shares, history};

/// Runs a shape of history for many seeds. Returns how often what was asked for was taken, and events came of it.
fn many(shape: Shape, seeds: std::ops::Range<u64>) -> BTreeMap<String, u64> {
    let mut sum: BTreeMap<String, u64> = BTreeMap::new();
    for seed in seeds {
        for (name, count) in history(seed, shape) {
            *sum.entry(name).or_default() += count;
        }
    }
    sum
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
fn days_on_which_agents_dial_hold_transfer_and_consult_keep_every_promise() {
    let taken = many(Shape::DESK, 400..440);
    let verbs =
        ["dial", "hold", "retrieve", "transfer", "consult", "consult/complete", "consult/cancel", "hangup"];
    let events = [
        "call.started",
        "call.held",
        "call.retrieved",
        "call.transferred",
        "call.control_failed",
        "call.ended",
    ];
    for name in verbs.iter().chain(&events) {
        let count = taken.get(*name).copied().unwrap_or(0);
        assert!(count >= 5, "{name} was taken, or came of it, {count} times: {taken:?}");
    }
}

#[test]
fn so_do_those_on_which_the_pbx_refuses_and_ignores_what_they_ask_for() {
    many(Shape::BAD_DESK, 500..530);
}

#[test]
fn so_do_those_on_which_the_link_is_lost_in_the_middle_of_it() {
    many(Shape::CUT_DESK, 600..630);
}

#[test]
fn days_on_which_callers_are_called_back_keep_every_promise() {
    let mut came = many(Shape::BACK, 900..930);
    for (name, count) in
        many(Shape::BAD_BACK, 1_000..1_030).into_iter().chain(many(Shape::CUT_BACK, 1_100..1_130))
    {
        *came.entry(name).or_default() += count;
    }
    for name in ["callback.created", "callback.dialled", "callback.retry", "callback.ended"] {
        assert!(came.get(name).is_some_and(|count| *count >= 50), "{name}: {came:?}");
    }
}

#[test]
fn whatever_facts_are_lost_nobody_stays_busy_without_a_live_leg() {
    many(Shape::LOSSY, 700..730);
    many(Shape::LOSSY_DESK, 800..830);
}

#[test]
fn equal_agents_get_equal_shares() {
    fair_shares(7);
}
