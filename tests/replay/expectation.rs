//! The language of the expectations: a file for each recording, a paragraph for each call.
//!
//! ```text
//! # What the notes say, for the reader.
//! = route.toml ast16                   what follows is traced with this configuration, or is true of this version
//! call inbound +49305550001 -> 5001    direction, ANI, DNIS; * is anything; ?call may be missing; x20: as many
//! events started, offered 1001, offer_ended accepted, answered 1001, ended
//! ledger answered, by customer, handled 1001, resolved 1001, segments system 1001:answered, talk 2.00
//! also withheld, via 0800111222 cfu, data choice=7, open
//! ```
//!
//! A line that starts with blanks continues the one before. `open`: the recording is cut before the call ends.

use anyhow::{Context as _, Result, bail};
use hookswitch_tests::events::text;
use serde_json::Value;

use crate::course::Course;
use crate::ledger::LedgerExpectation;

/// What is expected of one trace.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// A file in `replay/config`; none: every extension is an agent of that name.
    pub(crate) config: Option<String>,
    pub(crate) calls: Vec<CallExpectation>,
}

/// What is expected of one call.
#[derive(Debug, Clone)]
pub(crate) struct CallExpectation {
    /// `inbound +49305550001 -> 5001`.
    pub(crate) header: String,
    /// Direction, ANI, DNIS; `*` is anything.
    identity: [String; 3],
    pub(crate) may_be_missing: bool,
    /// The recording ends before the call.
    pub(crate) open: bool,
    pub(crate) course: Course,
    pub(crate) ledger: LedgerExpectation,
    pub(crate) facts: Vec<CallFact>,
}

/// What must be true of the call object in the end.
#[derive(Debug, Clone)]
pub(crate) struct CallFact {
    pointer: String,
    /// As text; `null` for what must be absent.
    value: String,
}

/// Reads a file; only what is expected of this version.
///
/// # Errors
/// When a word is not known.
pub(crate) fn parse(written: &str, version: &str) -> Result<Vec<Run>> {
    let mut runs: Vec<(bool, Run)> = Vec::new();
    for (number, line) in whole_lines(written) {
        read_line(&mut runs, &line, version).with_context(|| format!("line {number}: {line}"))?;
    }
    Ok(runs.into_iter().filter_map(|(here, run)| here.then_some(run)).collect())
}

/// Lines with their continuations, without comments, with their numbers.
fn whole_lines(written: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (number, line) in written.lines().enumerate() {
        let line = if line.starts_with('#') { "" } else { line.trim_end() };
        let continues = line.starts_with(' ');
        match lines.last_mut() {
            _ if line.trim().is_empty() => {}
            Some((_, last)) if continues => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push((number + 1, line.to_owned())),
        }
    }
    lines
}

fn read_line(runs: &mut Vec<(bool, Run)>, line: &str, version: &str) -> Result<()> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    if word == "=" {
        let names: Vec<&str> = rest.split_whitespace().collect();
        let here = !names.iter().any(|name| name.starts_with("ast")) || names.contains(&version);
        let config = names.iter().find(|name| name.ends_with(".toml")).map(|name| (*name).to_owned());
        runs.push((here, Run { config, calls: Vec::new() }));
        return Ok(());
    }
    if runs.is_empty() {
        runs.push((true, Run { config: None, calls: Vec::new() }));
    }
    let calls = &mut runs.last_mut().context("no run")?.1.calls;
    match word {
        "call" | "?call" => {
            let (call, times) = CallExpectation::parse(rest, word == "?call")?;
            calls.extend(std::iter::repeat_n(call, times));
        }
        // After `x20` the words are those of all twenty.
        "events" | "ledger" | "also" => {
            let header = calls.last().context("of which call?")?.header.clone();
            for call in calls.iter_mut().rev().take_while(|call| call.header == header && call.is_new(word)) {
                call.read(word, rest)?;
            }
        }
        "none" => {}
        _ => bail!("`{word}`: no such word"),
    }
    Ok(())
}

impl Run {
    /// Whether the recording ends in the middle of a call.
    pub(crate) fn is_cut(&self) -> bool {
        self.calls.iter().any(|call| call.open)
    }

    /// Every expectation that differs from this one in a single thing, with what that is.
    pub(crate) fn falsified(&self) -> Vec<(String, Self)> {
        let mut all = Vec::new();
        for (at, call) in self.calls.iter().enumerate() {
            let mut with = |what: String, change: &dyn Fn(&mut CallExpectation)| {
                let mut wrong = self.clone();
                change(&mut wrong.calls[at]);
                all.push((format!("call {}: {what}", at + 1), wrong));
            };
            for (what, course) in call.course.falsified() {
                with(what, &|call| call.course = course.clone());
            }
            for (what, ledger) in call.ledger.falsified() {
                with(what, &|call| call.ledger = ledger.clone());
            }
            with("another caller".to_owned(), &|call| call.identity[1] = "4711".to_owned());
        }
        let mut fewer = self.clone();
        fewer.calls.pop();
        all.push(("one call less".to_owned(), fewer));
        all
    }
}

impl CallExpectation {
    fn parse(words: &str, may_be_missing: bool) -> Result<(Self, usize)> {
        let mut names: Vec<&str> = words.split_whitespace().filter(|word| *word != "->").collect();
        let times = names.iter().find_map(|name| name.strip_prefix('x').and_then(|n| n.parse().ok()));
        names.retain(|name| !name.starts_with('x'));
        let [direction, ani, dnis] = names[..] else { bail!("direction, ANI -> DNIS") };
        let call = Self {
            header: words.to_owned(),
            identity: [direction, ani, dnis].map(str::to_owned),
            may_be_missing,
            open: false,
            course: Course::default(),
            ledger: LedgerExpectation::default(),
            facts: Vec::new(),
        };
        Ok((call, times.unwrap_or(1)))
    }

    fn is_new(&self, word: &str) -> bool {
        match word {
            "events" => self.course.is_empty(),
            "ledger" => self.ledger.is_empty(),
            _ => self.facts.is_empty() && !self.open,
        }
    }

    fn read(&mut self, word: &str, rest: &str) -> Result<()> {
        match word {
            "events" => self.course = Course::parse(rest)?,
            "ledger" => self.ledger = LedgerExpectation::parse(rest)?,
            _ => {
                for fact in rest.split(',').map(str::trim) {
                    self.read_fact(fact)?;
                }
            }
        }
        Ok(())
    }

    fn read_fact(&mut self, fact: &str) -> Result<()> {
        let names: Vec<&str> = fact.split_whitespace().collect();
        let mut with = |pointer: &str, value: &str| {
            self.facts.push(CallFact { pointer: pointer.to_owned(), value: value.to_owned() });
        };
        match names[..] {
            ["open"] => self.open = true,
            ["withheld"] => with("/data/call/ani/withheld", "true"),
            ["shown"] => with("/data/call/ani/withheld", "false"),
            ["unknown"] => with("/data/call/ani/e164", "null"),
            ["via", number, reason] => {
                with("/data/call/via/raw", number);
                with("/data/call/via/reason", reason);
            }
            ["data", pair] => {
                let (key, value) = pair.split_once('=').context("key=value")?;
                with(&format!("/data/call/data/{key}"), value);
            }
            ["rule", ..] => with("/data/call/rule", fact.trim_start_matches("rule ")),
            _ => bail!("`{fact}`: no such word"),
        }
        Ok(())
    }

    /// Whether a call that started may be this one.
    pub(crate) fn fits(&self, started: &Value) -> bool {
        let seen = ["/data/call/direction", "/data/call/ani/raw", "/data/call/dnis/raw"];
        self.identity
            .iter()
            .zip(seen)
            .all(|(name, pointer)| name == "*" || text(started, pointer) == Some(name))
    }
}

impl CallFact {
    /// What is wrong with the call, if anything.
    pub(crate) fn difference(&self, event: &Value) -> Option<String> {
        let is = match event.pointer(&self.pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "null".to_owned(),
        };
        (is != self.value).then(|| format!("{} is {is}, expected {}", self.pointer, self.value))
    }
}
