//! Worlds whose daemon dies, whose links are lost and whose callers give up, overflow and are passed on.

use std::collections::BTreeSet;

use hookswitch::{Known, Reports};
use hookswitch_acd::Engine;
use hookswitch_http::{Form, ReportWish, Subject};
use hookswitch_journal::{Limit, Reader};
use hookswitch_model::Timestamp;
use hookswitch_sim::SECOND;
use serde_json::Value;

use crate::{
    faults::{Fault, Plan},
    recount::{self, figure},
    told::Tale,
    world::{START, World},
};

pub(crate) const INTERVALS: [&str; 4] = ["15m", "30m", "1h", "1d"];

fn wish(subject: Subject, interval: &str, tz: &str, from: Option<&str>) -> ReportWish {
    ReportWish {
        subject,
        from: Some(from.unwrap_or("2026-11-21T00:00:00Z").to_owned()),
        to: None,
        interval: Some(interval.to_owned()),
        tz: Some(tz.to_owned()),
        form: Form::Json,
    }
}

fn made(journal: &Reader, wish: &ReportWish, known: &Known) -> Value {
    let pieces = Reports::new(journal.clone()).make(wish, known);
    let pieces = pieces.unwrap_or_else(|refused| panic!("{refused:?}"));
    let text: Vec<u8> = pieces.flat_map(|piece| piece.to_vec()).collect();
    serde_json::from_slice(&text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)))
}

/// What a daemon with this engine and journal reports.
fn report(world: &World, subject: Subject, interval: &str, tz: &str, from: Option<&str>) -> Value {
    let (engine, journal, now) = end(world);
    made(&journal, &wish(subject, interval, tz, from), &Known::of(engine, now, journal.last()))
}

/// Where a world came to rest, and a moment after all that its journal tells: clocks jump ahead.
fn end(world: &World) -> (&Engine, Reader, Timestamp) {
    let life = world.life.as_ref().expect("the daemon is there at the end");
    let journal = life.reader();
    let (mut after, mut latest) = (0, Timestamp::from_micros(world.now));
    while after < journal.last() {
        let page = journal.read(after, Limit::default()).expect("memory reads");
        latest = page.iter().map(|entry| entry.record.at).fold(latest, Timestamp::max);
        after = page.through();
    }
    (life.machine().engine(), journal, Timestamp::from_micros(latest.as_micros() + 1))
}

fn played(seed: u64, plan: Plan) -> (World, Tale) {
    let mut world = World::new(seed, plan);
    world.run();
    assert!(world.wrong.is_empty(), "seed {seed}: {:?}", world.wrong);
    let tale = Tale::read(&end(&world).1);
    (world, tale)
}

fn rows(report: &Value) -> &[Value] {
    report["items"].as_array().map_or(&[][..], Vec::as_slice)
}

fn sum(report: &Value, name: &str, of: impl Fn(&Value) -> bool) -> u64 {
    rows(report).iter().filter(|row| of(row)).map(|row| figure(row, name)).sum()
}

/// Every figure that adds up, against the recount.
fn compare(world: &World, tale: &Tale, interval: &str, tz: &str) {
    let seed = world.seed;
    let queues = report(world, Subject::Queues, interval, tz, None);
    for (name, counted) in recount::calls(tale) {
        assert_eq!(sum(&queues, name, |_| true), counted, "seed {seed} {interval}: {name}");
        assert_eq!(figure(&queues["total"], name), counted, "seed {seed} {interval}: {name} of the total");
    }
    let setup = end(world).0.setup().clone();
    for queue in &setup.queues {
        let mine = |row: &Value| row["queue"] == *queue.id.as_str();
        let counted = recount::waits(tale, queue.id.as_str());
        for name in
            ["offered", "answered", "left", "abandoned", "lost", "answered_wait_ms", "abandoned_wait_ms"]
        {
            let counted = counted.get(name).copied().unwrap_or(0);
            assert_eq!(sum(&queues, name, mine), counted, "seed {seed} {interval}: {name} of {}", queue.id);
        }
        assert_eq!(sum(&queues, "open", mine), 0, "nobody waits any more");
    }
    let agents = report(world, Subject::Agents { only: None }, interval, tz, None);
    let teams = report(world, Subject::Teams, interval, tz, None);
    for agent in &setup.agents {
        let mine = |row: &Value| row["agent"] == *agent.id.as_str();
        for (name, counted) in recount::parts(tale, agent.id.as_str()) {
            assert_eq!(sum(&agents, name, mine), counted, "seed {seed} {interval}: {name} of {}", agent.id);
        }
    }
    let offers = sum(&agents, "offers", |_| true);
    assert_eq!(sum(&teams, "offers", |_| true), offers, "everybody is in one team");
    assert!(sum(&teams, "handled", |_| true) <= sum(&agents, "handled", |_| true));
}

#[test]
fn reports_agree_with_the_ledgers_whatever_goes_wrong() {
    let (mut calls, mut lost, mut recovered, mut left) = (0, 0, 0, 0);
    for seed in 0..24 {
        let (world, tale) = played(seed, Plan::of_seed(seed));
        for interval in INTERVALS {
            compare(&world, &tale, interval, "Europe/Berlin");
        }
        compare(&world, &tale, "1h", "Australia/Lord_Howe");
        let total = &report(&world, Subject::Queues, "1d", "UTC", None)["total"];
        calls += figure(total, "calls");
        lost += figure(total, "calls_lost");
        recovered += figure(total, "calls_recovered");
        left += figure(total, "left");
    }
    // Else nothing of it was tested.
    assert!(calls > 300 && lost > 0 && recovered > 10 && left > 5, "{calls} {lost} {recovered} {left}");
}

#[test]
fn live_figures_of_the_day_agree_with_the_report_of_the_day() {
    let kill = |at: u64| (at * SECOND, Fault::Kill { after: 20, down: 3 * SECOND, power: true });
    for seed in 100..108 {
        let plan = Plan { faults: vec![kill(15), kill(40)], ..Plan::quiet(2, 60, SECOND) };
        let (world, _) = played(seed, plan);
        let (engine, _, now) = end(&world);
        let queues = report(&world, Subject::Queues, "1d", "UTC", None);
        for queue in &engine.setup().queues {
            let live = engine.queue(&queue.id, now).expect("figures");
            let row = rows(&queues).iter().find(|row| row["queue"] == *queue.id.as_str()).expect("a row");
            let of = |name: &str| figure(row, name);
            assert_eq!(
                (live.offered, live.answered, live.answered_in_time, live.abandoned, live.left),
                (
                    of("offered"),
                    of("answered"),
                    of("answered_in_time"),
                    of("abandoned"),
                    of("left") + of("lost")
                ),
                "seed {seed}: {}",
                queue.id
            );
            assert_eq!(live.service_level, row["service_level"].as_f64(), "seed {seed}: {}", queue.id);
            assert_eq!(live.average_wait_s, row["average_wait_s"].as_u64(), "seed {seed}: {}", queue.id);
            assert_eq!(live.average_talk_s, row["average_talk_s"].as_u64(), "seed {seed}: {}", queue.id);
        }
        let agents = report(&world, Subject::Agents { only: None }, "1d", "UTC", Some("2026-11-21"));
        for agent in engine.agents() {
            let live = engine.figures(&agent.id, now).today;
            let row = rows(&agents).iter().find(|row| row["agent"] == *agent.id.as_str()).expect("a row");
            assert_eq!(live.handled, figure(row, "handled"), "seed {seed}: {}", agent.id);
            assert_eq!(live.talking_ms, figure(row, "talking_ms"), "seed {seed}: {}", agent.id);
            assert_eq!(live.wrap_up_ms, figure(row, "wrap_up_ms"), "seed {seed}: {}", agent.id);
            assert_eq!(live.occupancy(), row["occupancy"].as_f64(), "seed {seed}: {}", agent.id);
        }
    }
}

#[test]
fn an_agents_times_are_those_of_its_changes() {
    let (world, tale) = played(7, Plan::quiet(1, 40, SECOND));
    let (engine, _, now) = end(&world);
    let begin = START / 1_000;
    // From a moment within: the first change after it tells the state before.
    for (from, interval) in [(begin, "15m"), (begin + 31_337, "1h")] {
        let text = hookswitch_wire::Time(Timestamp::from_millis(from)).to_string();
        let agents = report(&world, Subject::Agents { only: None }, interval, "UTC", Some(&text));
        for agent in engine.agents() {
            let all = recount::states(&tale, agent.id.as_str(), begin, now.as_millis());
            let before = recount_until(&tale, agent.id.as_str(), begin, from);
            for (name, state) in [
                ("ready_ms", "ready"),
                ("reserved_ms", "reserved"),
                ("talking_ms", "talking"),
                ("wrap_up_ms", "wrap_up"),
                ("not_ready_ms", "not_ready"),
            ] {
                let mine = |row: &Value| row["agent"] == *agent.id.as_str();
                let counted = all.get(state).copied().unwrap_or(0) - before.get(state).copied().unwrap_or(0);
                assert_eq!(sum(&agents, name, mine), counted, "{name} of {} from {from}", agent.id);
            }
        }
    }
}

/// The recount of what lies before a moment: the changes after it are left out.
fn recount_until(
    tale: &Tale,
    agent: &str,
    begin: u64,
    until: u64,
) -> std::collections::BTreeMap<String, u64> {
    let time =
        |event: &Value| hookswitch_wire::Time::parse(event["time"].as_str().unwrap()).unwrap().0.as_millis();
    let mut early = Tale::default();
    for told in tale.events.iter().filter(|told| time(&told.event) < until) {
        early.events.push(crate::told::Told {
            sequence: told.sequence,
            id: told.id.clone(),
            kind: told.kind.clone(),
            recovered: told.recovered,
            call: told.call.clone(),
            callback: told.callback.clone(),
            event: told.event.clone(),
        });
    }
    recount::states(&early, agent, begin, until)
}

#[test]
fn calls_that_are_not_over_are_open_and_count_as_nothing_else() {
    let (world, tale) = played(3, Plan::quiet(1, 60, SECOND / 2));
    let (engine, journal, now) = end(&world);
    let mut open_seen = 0;
    // As if the journal ended there.
    for last in (1..=journal.last()).step_by(97) {
        let told: Vec<_> = tale.events.iter().filter(|told| told.sequence <= last).collect();
        let of = |kind: &'static str| told.iter().filter(move |told| told.kind == kind);
        let ended: BTreeSet<&str> = of("call.ended").map(|told| told.call.as_str()).collect();
        let waits = of("call.queued").count() as u64;
        let open = of("call.queued").filter(|told| !ended.contains(told.call.as_str())).count() as u64;
        let wish = wish(Subject::Queues, "15m", "UTC", None);
        let queues = made(&journal, &wish, &Known::of(engine, now, last));
        let total = &queues["total"];
        assert_eq!((figure(total, "offered"), figure(total, "open")), (waits, open), "at {last}");
        assert_eq!(figure(total, "calls"), ended.len() as u64, "at {last}");
        open_seen += open;
    }
    assert!(open_seen > 20, "{open_seen}: nothing was tested");
}
