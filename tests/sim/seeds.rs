//! Worlds by the number of their seeds.

use std::{collections::BTreeMap, env, fmt::Write as _};

use crate::{
    faults::Plan,
    oracles::{self, Broken},
    points::Place,
    told::Tale,
    world::World,
};

/// What was seen in all worlds together.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    worlds: u64,
    callers: usize,
    /// Call-backs that were promised, and people outside whose phone rang for one.
    promised: usize,
    reached: usize,
    /// Questions of menus that came to an end.
    asked: usize,
    events: usize,
    lives: u64,
    deaths: BTreeMap<Place, u64>,
    torn: u64,
    refused: u64,
    repeated: u64,
    failed: Vec<String>,
}

impl Sum {
    /// Adds a world at rest, judged by all oracles.
    pub(crate) fn check(&mut self, world: &World) {
        let (broken, tale) = oracles::broken(world);
        self.add(world, &broken, &tale);
    }

    fn add(&mut self, world: &World, broken: &[Broken], tale: &Tale) {
        self.worlds += 1;
        self.callers += world.fates.len();
        (self.promised, self.reached) =
            (self.promised + tale.callbacks.len(), self.reached + world.reached.len());
        self.asked += world.fates.iter().map(|(_, fate)| fate.asked.len()).sum::<usize>();
        self.events += tale.events.len();
        self.lives += world.lives;
        for (place, times) in world.points.deaths() {
            *self.deaths.entry(place).or_default() += times;
        }
        let disk = crate::disk::lock(&world.disk);
        (self.torn, self.refused) = (self.torn + disk.torn, self.refused + disk.refused);
        self.repeated += world.readers.iter().map(|reader| reader.repeated).sum::<u64>();
        if !broken.is_empty() {
            self.failed.push(report(world, broken, tale));
        }
    }
}

impl Sum {
    /// Says what was seen, and fails when a promise was broken.
    pub(crate) fn conclude(&self, what: &str) {
        let Self { worlds, callers, promised, reached, asked, events, lives, .. } = self;
        let Self { deaths, torn, refused, repeated, failed, .. } = self;
        let kills: u64 = deaths.values().sum();
        println!(
            "{worlds} worlds, {what}: {callers} callers, {promised} call-backs, {reached} people called, \
             {asked} answers to menus, {events} events, {lives} lives; {kills} kills {deaths:?}; \
             torn tails {torn}, refused writes {refused}, duplicates before dedupe {repeated}"
        );
        let count = failed.len();
        let which: Vec<&str> = failed.iter().filter_map(|text| text.split(':').next()).collect();
        let which = which.join(", ");
        assert!(count == 0, "{count} of {worlds} worlds ({which}):\n\n{}", failed[..count.min(8)].join("\n"));
    }
}

/// A failure for people: the seed, the command that plays it again, the rules, the last events of the calls.
fn report(world: &World, broken: &[Broken], tale: &Tale) -> String {
    let mut text = format!("seed {}: make sim SEED={}\n", world.seed, world.seed);
    for broken in broken.iter().take(6) {
        let _ = writeln!(text, "- {}: {} {}", broken.rule, broken.what, broken.call);
    }
    if let Some(first) = broken.iter().find(|broken| !broken.call.is_empty()) {
        let _ = writeln!(text, "the last of {}:\n{}", first.call, tale.last_of(&first.call));
    }
    text
}

/// The number in an environment variable; none when it is not set.
pub(crate) fn number(name: &str) -> Option<u64> {
    env::var(name).ok().filter(|text| !text.is_empty()).map(|text| text.parse().expect("a number"))
}

fn play(seed: u64, sum: &mut Sum) {
    let mut world = World::new(seed, Plan::of_seed(seed));
    world.run();
    let (broken, tale) = oracles::broken(&world);
    if number("SEED").is_some() {
        println!("{:#?}", world.plan);
        tale.events.iter().for_each(|told| println!("{} {}", told.line(), told.call));
        println!("{:#?}\n{:#?}", world.fates, world.reached);
    }
    sum.add(&world, &broken, &tale);
}

#[test]
fn worlds_keep_every_promise_whatever_goes_wrong() {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(60),
    };
    let mut sum = Sum::default();
    for seed in seeds {
        play(seed, &mut sum);
    }
    sum.conclude("of seeds");
    if sum.worlds >= 20 {
        assert!(sum.promised > 0 && sum.reached > 0 && sum.asked > 0, "nobody pressed a key: {sum:?}");
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    let tell = |seed| {
        let mut world = World::new(seed, Plan::of_seed(seed));
        world.run();
        let (_, tale) = oracles::broken(&world);
        let events: Vec<String> = tale.events.iter().map(|told| told.event.to_string()).collect();
        (events, world.fates, world.points.passed())
    };
    // In the second of them callers press keys.
    for seed in [5, 12] {
        assert_eq!(tell(seed), tell(seed));
    }
}
