//! Recorded streams of real PBXs, and what physically happened in them.
//!
//! `fixtures/captures` and `fixtures/captures-own` hold what two kinds of Asterisk said; `expected/` holds, for each
//! recording, what `hookswitch trace` must make of it: the course of every call and its ledger. The expectations are
//! written from the `notes.md` beside each recording, which tell what the telephones saw; [`expectation`] describes
//! their language, [`truths`] what must hold of every stream whatever happened.
//!
//! `cargo test -p hookswitch-tests --test replay -- chain` checks the recordings with that word in their names.

mod course;
mod expectation;
mod ledger;
mod recording;
mod truths;

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use expectation::{CallExpectation, Run};
use hookswitch_tests::events::{kind, summary, text};
use libtest_mimic::{Arguments, Failed, Trial};
use recording::Recording;
use serde_json::Value;

fn main() -> Result<()> {
    let arguments = Arguments::from_args();
    let mut trials = vec![
        Trial::test("every_expectation_has_its_recordings", || {
            fails_with(recording::expectations_without_recording())
        }),
        Trial::test("a_wrong_expectation_is_refused", || {
            wrong_expectations_are_refused().map_err(|error| Failed::from(format!("{error:?}")))
        }),
    ];
    for recording in recording::all()? {
        let recording = Arc::new(recording);
        for run in recording.runs()? {
            let name = format!(
                "{}{}",
                recording.name(),
                run.config.as_ref().map_or(String::new(), |c| format!("::{c}"))
            );
            let recording = Arc::clone(&recording);
            trials.push(Trial::test(name, move || {
                check(&recording, &run).map_err(|error| Failed::from(format!("{error:?}")))
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit()
}

fn fails_with(wrong: Result<Vec<String>>) -> Result<(), Failed> {
    let wrong = wrong.map_err(|error| Failed::from(format!("{error:?}")))?;
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// One recording, traced and compared.
fn check(recording: &Recording, run: &Run) -> Result<()> {
    let events = recording.trace(run.config.as_deref())?;
    compare(recording.start, run, &events).with_context(|| story(&events))
}

fn story(events: &[Value]) -> String {
    let told = events.iter().filter(|event| !matches!(kind(event), "queue.stats" | "agent.state"));
    format!("events:\n{}", told.map(|event| format!("  {}", summary(event))).collect::<Vec<_>>().join("\n"))
}

/// Everything that differs, in one error.
fn compare(start: f64, run: &Run, events: &[Value]) -> Result<()> {
    let mut wrong = truths::violations(events, run.is_cut());
    match pair(&run.calls, events) {
        Err(error) => wrong.push(format!("{error:#}")),
        Ok(pairs) => {
            for (at, expected) in run.calls.iter().enumerate() {
                let Some(call) = pairs[at] else { continue };
                let told: Vec<&Value> = events.iter().filter(|event| concerns(event, call)).collect();
                let different = differences(expected, start, &told, &pairs);
                wrong.extend(different.into_iter().map(|line| format!("call {} ({call}): {line}", at + 1)));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// What differs of one call, of which these events tell; the ids of all expected calls are what ledgers refer to.
fn differences(
    expected: &CallExpectation,
    start: f64,
    events: &[&Value],
    calls: &[Option<&str>],
) -> Vec<String> {
    let mut wrong = Vec::new();
    if !expected.course.is_empty()
        && let Err(error) = course::check(&expected.course, start, events)
    {
        wrong.push(format!("{error:#}"));
    }
    match events.iter().find(|event| kind(event) == "call.ended") {
        Some(ended) => wrong.extend(ledger::differences(&expected.ledger, ended, calls)),
        None if expected.open => {}
        None => wrong.push("never ended".to_owned()),
    }
    let last = events.iter().rev().find(|event| text(event, "/data/call/id").is_some());
    wrong.extend(last.iter().flat_map(|last| expected.facts.iter().filter_map(|fact| fact.difference(last))));
    wrong
}

fn concerns(event: &Value, call: &str) -> bool {
    text(event, "/data/call/id").map_or(kind(event) == "agent.state", |id| id == call)
}

/// Finds the call each expectation is about, in the order they started: the id, or none for one that may be missing.
fn pair<'a>(expected: &[CallExpectation], events: &'a [Value]) -> Result<Vec<Option<&'a str>>> {
    let mut pairs = vec![None; expected.len()];
    for started in events.iter().filter(|event| kind(event) == "call.started") {
        let id = text(started, "/data/call/id").context("a call without id")?;
        let free =
            expected.iter().enumerate().position(|(at, call)| pairs[at].is_none() && call.fits(started));
        match free {
            Some(at) => pairs[at] = Some(id),
            None => bail!(
                "nobody expected the {} call {id} of {} to {}",
                text(started, "/data/call/direction").unwrap_or("?"),
                text(started, "/data/call/ani/raw").unwrap_or("?"),
                text(started, "/data/call/dnis/raw").unwrap_or("?"),
            ),
        }
    }
    for (at, call) in expected.iter().enumerate() {
        ensure!(pairs[at].is_some() || call.may_be_missing, "call {} ({}) was not seen", at + 1, call.header);
    }
    Ok(pairs)
}

/// The proof that the comparison can fail: each expectation of some recordings is falsified in every way it can be,
/// and each time the stream must be refused that was accepted before.
fn wrong_expectations_are_refused() -> Result<()> {
    let mut tried = 0;
    for recording in recording::all()?
        .iter()
        .filter(|r| ["hold-unhold", "attended-chain", "queue-rona"].contains(&r.title()))
    {
        for run in recording.runs()? {
            let events = recording.trace(run.config.as_deref())?;
            compare(recording.start, &run, &events).context("the right expectation")?;
            for (what, wrong) in run.falsified() {
                tried += 1;
                ensure!(
                    compare(recording.start, &wrong, &events).is_err(),
                    "{}: accepted although {what}",
                    recording.name()
                );
            }
        }
    }
    ensure!(tried > 100, "only {tried} wrong expectations were tried");
    Ok(())
}
