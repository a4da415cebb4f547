//! One small day, again and again: killed at each place it passes, its link lost at each message.

use hookswitch_sim::{MILLISECOND, SECOND};

use crate::{
    faults::Plan,
    seeds::{Sum, number},
    world::World,
};

/// A day of a few callers on which nothing goes wrong by itself. Where all places are asked for, they press keys on every
/// other day, and are called back.
fn day(seed: u64, spoil: impl FnOnce(&mut World)) -> World {
    let plan = Plan { keys: number("SWEEP").is_some() && seed % 2 == 1, ..Plan::quiet(1, 5, 2 * SECOND) };
    let mut world = World::new(seed, plan);
    spoil(&mut world);
    world.run();
    world
}

/// Every n-th of so many, so that a debug build is done in half a minute; all of them where the count is asked for.
fn every(count: u64, at_most: u64) -> impl Iterator<Item = u64> {
    let step = if number("SWEEP").is_some() { 1 } else { count.div_ceil(at_most).max(1) };
    (0..count).step_by(usize::try_from(step).unwrap_or(1))
}

#[test]
fn a_day_survives_a_kill_at_every_place_it_passes() {
    let mut sum = Sum::default();
    let mut passed = 0;
    for seed in 0..number("SWEEP").unwrap_or(2) {
        let places = day(seed, |_| ()).places;
        passed += places;
        for place in every(places, 400) {
            // Long enough, every third time, that the dialplan gives its callers to the fallback.
            let down = if place % 3 == 0 { 14 * SECOND } else { 400 * MILLISECOND };
            sum.check(&day(seed, |world| world.doom(place, down, place % 4 == 0)));
        }
    }
    sum.conclude(&format!("of {passed} places"));
}

#[test]
fn a_day_survives_the_loss_of_its_link_at_every_message() {
    let mut sum = Sum::default();
    let mut sent = 0;
    for seed in 0..number("SWEEP").unwrap_or(2) {
        let messages = day(seed, |_| ()).sites[0].messages;
        sent += messages;
        for message in every(messages, 250) {
            sum.check(&day(seed, |world| world.sites[0].cut_at = Some(message + 1)));
        }
    }
    sum.conclude(&format!("links lost at one of {sent} messages"));
}
