//! Every recorded stream tells the story that happened.
//!
//! `stories/*.txt` hold, for each recording, what physically happened (from its `notes.md`) as facts, call by call:
//! events of different calls have no order that a PBX keeps. Asterisk 22 and 16 tell the same story, except where
//! two things happened in the same instant.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, fmt::Write, path::Path};

use common::{Story, fixtures, folders, replay};

/// Expected facts of each call by `recording (release)` or `recording`.
type Expected = BTreeMap<String, Vec<String>>;

/// The stories of one set of recordings.
fn stories(set: &str) -> Expected {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/stories/{set}.txt"));
    #[expect(
        clippy::disallowed_methods,
        reason = "the expectations are on disk; the crate under test is not"
    )]
    let text = std::fs::read_to_string(path).unwrap();
    let mut expected = Expected::new();
    let mut name = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(next) = line.strip_prefix("== ") {
            name = next.to_owned();
            assert!(expected.insert(name.clone(), Vec::new()).is_none(), "{name} stands there twice");
            continue;
        }
        let calls = expected.get_mut(&name).expect("a story begins with its name");
        match line.strip_prefix("   ") {
            Some(more) => write!(calls.last_mut().unwrap(), " {more}").unwrap(),
            None if line == "(nothing)" => {}
            None => calls.push(line.to_owned()),
        }
    }
    expected
}

/// Facts, call by call, in the order of the calls' numbers; facts of no call first.
fn by_call(facts: &[String]) -> Vec<String> {
    let mut calls: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for fact in facts {
        let (call, rest) = match fact.split_once(' ') {
            Some((number, rest)) if number.parse::<usize>().is_ok() => (number.parse().unwrap(), rest),
            Some(_) | None => (0, fact.as_str()),
        };
        calls.entry(call).or_default().push(rest);
    }
    let named = |call: usize| if call == 0 { "-".to_owned() } else { call.to_string() };
    calls.into_iter().map(|(call, facts)| format!("{}: {}", named(call), facts.join("; "))).collect()
}

fn check(release: &str) {
    let mut wrong = String::new();
    for set in ["captures", "captures-own", "captures-control"] {
        let mut expected = stories(set);
        for folder in folders(release).iter().filter(|f| f.starts_with(fixtures().join(set).join(release))) {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            if name == "load-20-calls" {
                continue; // `many_calls_at_once` checks it.
            }
            let special = expected.remove(&format!("{name} ({release})"));
            let Some(expected) = special.or_else(|| expected.remove(&name)) else {
                writeln!(wrong, "{release}/{name}: no story tells what to expect").unwrap();
                continue;
            };
            let told = by_call(&Story::of(&replay(folder)));
            if told != expected {
                writeln!(
                    wrong,
                    "{release}/{name}\n  expected {}\n  told     {}",
                    expected.join("\n           "),
                    told.join("\n           ")
                )
                .unwrap();
            }
        }
        let other = if release == "ast22" { "(ast16)" } else { "(ast22)" };
        for name in expected.keys().filter(|name| !name.ends_with(other)) {
            writeln!(wrong, "{release}/{name}: there is a story, but no recording").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn recordings_of_asterisk_22_tell_what_happened() {
    check("ast22");
}

#[test]
fn recordings_of_asterisk_16_tell_what_happened() {
    check("ast16");
}

#[test]
fn many_calls_at_once_are_told_apart() {
    for release in ["ast22", "ast16"] {
        let told =
            by_call(&Story::of(&replay(&fixtures().join("captures").join(release).join("load-20-calls"))));
        let number = |call: &String| call.split(' ').nth(4).unwrap().to_owned();
        let mut callers: Vec<String> = told.iter().map(number).collect();
        for (index, (call, number)) in told.iter().zip(&callers).enumerate() {
            let line = |n: usize| format!("C{}", "'".repeat(n));
            let (caller, far, n) = (line(2 * index), line(2 * index + 1), index + 1);
            assert_eq!(
                *call,
                format!(
                    "{n}: started inbound {caller} {number} -> 5008; rings {far} agent; up {far}; up {caller}; \
                     talks {caller}; talks {far}; left {far} Released; left {caller} HungUp; ended by {caller}"
                ),
                "{release}"
            );
        }
        callers.sort();
        let mut expected: Vec<String> = (1..=20).map(|n| format!("+4930100{n}")).collect();
        expected.sort();
        assert_eq!(callers, expected, "{release}");
    }
}
