//! What a story expects of the events of one call, written as a sentence.
//!
//! ```
//! # use hookswitch_tests::expect::Expected;
//! Expected::parse("started, queued Q, offered A, offer_ended declined, offered B #2, answered B, ended").unwrap();
//! Expected::parse("started, ?queued Q, agent A not_ready(no_answer), ended").unwrap();
//! assert!(Expected::parse("started, teleported B").is_err());
//! ```
//!
//! The words of [`DECISIVE`] must come exactly as listed: one more, one less or another order is a failure. Others
//! (`party_joined`, `party_left`, `data`, `identified`, `pop`, `agent`) may come any time and are only required,
//! in order, where they are named. `?` makes a word optional. Capital letters are the people and queues of the story.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::events::{kind, summary, text};

/// Types of events that tell the course of a call: none may be missing or surplus.
pub const DECISIVE: [&str; 10] = [
    "call.started",
    "call.queued",
    "call.offered",
    "call.offer_ended",
    "call.answered",
    "call.held",
    "call.retrieved",
    "call.transferred",
    "call.conferenced",
    "call.ended",
];

/// Turns a story's name of a person or queue (`A`, `Q2`) into the id in the configuration; other words stay.
pub type Cast<'a> = dyn Fn(&str) -> String + 'a;

/// A list of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    optional: bool,
    event: &'static str,
    /// JSON pointer to the value it must have, as text; names are still those of the story.
    details: Vec<(&'static str, String)>,
    words: String,
}

impl Expected {
    /// Reads a sentence.
    ///
    /// # Errors
    /// When a word is not known.
    pub fn parse(sentence: &str) -> Result<Self> {
        sentence.split(',').map(|part| Step::parse(part.trim())).collect::<Result<_>>().map(Self)
    }

    /// Holds events against it: those of one call, and of agents where steps name them.
    ///
    /// # Errors
    /// When they differ; the error shows both.
    pub fn check(&self, call: &str, events: &[Value], cast: &Cast<'_>) -> Result<()> {
        let relevant: Vec<&Value> = events.iter().filter(|event| concerns(event, call)).collect();
        self.matches(&relevant, cast).with_context(|| {
            let expected: Vec<_> = self.0.iter().map(|step| step.words.as_str()).collect();
            let seen: Vec<_> = relevant.iter().map(|event| format!("  {}", summary(event))).collect();
            format!("expected: {}\nevents of the call:\n{}", expected.join(", "), seen.join("\n"))
        })
    }

    /// Whether an event fits the first step: for waiting until something is seen.
    #[must_use]
    pub fn fits_first(&self, event: &Value, cast: &Cast<'_>) -> bool {
        self.0.first().is_some_and(|step| step.fits(event, cast))
    }

    fn matches(&self, events: &[&Value], cast: &Cast<'_>) -> Result<()> {
        let mut rest = events.iter();
        for step in &self.0 {
            let mut ahead = rest.clone();
            loop {
                match ahead.next() {
                    Some(event) if step.fits(event, cast) => {
                        rest = ahead;
                        break;
                    }
                    Some(event) if !DECISIVE.contains(&kind(event)) => {}
                    _ if step.optional => break,
                    Some(event) => bail!("expected `{}`, got {}", step.words, summary(event)),
                    None => bail!("expected `{}`, got nothing more", step.words),
                }
            }
        }
        match rest.find(|event| DECISIVE.contains(&kind(event))) {
            Some(surplus) => bail!("surplus: {}", summary(surplus)),
            None => Ok(()),
        }
    }
}

/// Whether an event is about a call, or about an agent.
fn concerns(event: &Value, call: &str) -> bool {
    match text(event, "/data/call/id") {
        Some(id) => id == call,
        None => kind(event) == "agent.state",
    }
}

impl Step {
    fn parse(words: &str) -> Result<Self> {
        let (optional, rest) = match words.strip_prefix('?') {
            Some(rest) => (true, rest),
            None => (false, words),
        };
        let mut parts = rest.split_whitespace();
        let verb = parts.next().context("an empty step")?;
        let arguments: Vec<&str> = parts.collect();
        let (event, details) = Self::meaning(verb, &arguments).with_context(|| format!("`{words}`"))?;
        Ok(Self { optional, event, details, words: words.to_owned() })
    }

    fn meaning(verb: &str, arguments: &[&str]) -> Result<(&'static str, Vec<(&'static str, String)>)> {
        let detail = |at: usize, pointer| arguments.get(at).map(|word| (pointer, (*word).to_owned()));
        let (event, details) = match verb {
            "started" => ("call.started", vec![detail(0, "/data/call/direction")]),
            "identified" => ("call.identified", vec![detail(0, "/data/customer/match")]),
            "queued" => ("call.queued", vec![detail(0, "/data/queue")]),
            "offered" => {
                let attempt = arguments.get(1).and_then(|word| word.strip_prefix('#'));
                let attempt = attempt.map(|n| ("/data/offer/attempt", n.to_owned()));
                ensure!(arguments.len() < 2 || attempt.is_some(), "after the agent comes #attempt");
                ("call.offered", vec![detail(0, "/data/offer/agent"), attempt])
            }
            "offer_ended" => {
                ("call.offer_ended", vec![detail(0, "/data/offer/outcome"), detail(1, "/data/offer/agent")])
            }
            "answered" if arguments == ["far"] => {
                ("call.answered", vec![Some(("/data/agent", "null".to_owned()))])
            }
            "answered" => ("call.answered", vec![detail(0, "/data/agent/id")]),
            "held" => ("call.held", vec![]),
            "retrieved" => ("call.retrieved", vec![]),
            "conferenced" => ("call.conferenced", vec![]),
            "transferred" if arguments.is_empty() => ("call.transferred", vec![]),
            "transferred" => ("call.transferred", transfer(arguments)?),
            "party_joined" => ("call.party_joined", vec![detail(0, "/data/role")]),
            "party_left" => ("call.party_left", vec![detail(0, "/data/role")]),
            "data" => ("call.data", vec![]),
            "pop" => ("screen.pop", vec![detail(0, "/data/pop/agent")]),
            "ended" => ("call.ended", vec![detail(0, "/data/ledger/disposition")]),
            "callback" => match arguments.first() {
                Some(&"created") => ("callback.created", vec![]),
                Some(&"dialled") => ("callback.dialled", vec![]),
                Some(&"retry") => ("callback.retry", vec![detail(1, "/data/callback/last")]),
                Some(&"ended") => ("callback.ended", vec![detail(1, "/data/outcome")]),
                Some(_) | None => bail!("callback created, dialled, retry or ended"),
            },
            "agent" => {
                let (state, reason) = arguments
                    .get(1)
                    .context("which state?")?
                    .split_once('(')
                    .map_or((arguments[1], None), |(state, reason)| {
                        (state, Some(reason.trim_end_matches(')')))
                    });
                let reason = reason.map(|reason| ("/data/reason", reason.to_owned()));
                (
                    "agent.state",
                    vec![detail(0, "/data/agent/id"), Some(("/data/to", state.to_owned())), reason],
                )
            }
            _ => bail!("no such word"),
        };
        Ok((event, details.into_iter().flatten().collect()))
    }

    fn fits(&self, event: &Value, cast: &Cast<'_>) -> bool {
        kind(event) == self.event
            && self.details.iter().all(|(pointer, name)| match event.pointer(pointer) {
                Some(Value::String(text)) => *text == cast(name),
                Some(other) => format!("{other}") == *name,
                None => name == "null",
            })
    }
}

/// `blind A>B`, `attended A>outside`, `park A>B`; `A>` when it does not matter to whom.
fn transfer(arguments: &[&str]) -> Result<Vec<Option<(&'static str, String)>>> {
    let [transfer_kind, who] = arguments else { bail!("transferred KIND FROM>TO") };
    let (from, to) = who.split_once('>').context("FROM>TO")?;
    let is_agent = to.len() == 1 && to.starts_with(char::is_uppercase);
    let to = match to {
        "" => None,
        agent if is_agent => Some(("/data/to_agent", agent.to_owned())),
        number => Some(("/data/to", number.to_owned())),
    };
    Ok(vec![
        Some(("/data/kind", (*transfer_kind).to_owned())),
        Some(("/data/from_agent", from.to_owned())),
        to,
    ])
}

/// What a story expects of a call at its end, as a sentence; nothing is expected by an empty one.
///
/// | words | meaning |
/// | --- | --- |
/// | `answered`, `missed`, … (first) | disposition |
/// | `by customer` | who ended it |
/// | `handled A B`, `resolved B` | agents who talked to the customer; the last of them |
/// | `segments Q A B` | owners one after another; the PBX's own segments left out |
/// | `waited 500`, `hold 700`, `talked 100` | at least so many milliseconds, and at most two seconds more |
/// | `into first`, `of first` | the call it merged into; the call it was a consultation of |
/// | `back first` | the caller's own call, which it calls back |
/// | `withheld`, `shown` | whether the customer hid the number |
/// | `ani +49…`, `via 0800…`, `data choice=2` | of the call object |
///
/// # Errors
/// When something differs, or a word is not known.
pub fn check_end(sentence: &str, ended: &Value, cast: &Cast<'_>) -> Result<()> {
    if sentence.is_empty() {
        return Ok(());
    }
    let ledger = ended.pointer("/data/ledger").with_context(|| format!("no ledger in {ended}"))?;
    let call = ended.pointer("/data/call").with_context(|| format!("no call in {ended}"))?;
    let mut parts = sentence.split(',').map(str::trim);
    let disposition = parts.next().unwrap_or("");
    let mut wrong = Vec::new();
    let mut compare = |what: &str, expected: String, is: String| {
        if expected != is {
            wrong.push(format!("{what} is {is}, expected {expected}"));
        }
    };
    compare("disposition", disposition.to_owned(), plain(&ledger["disposition"]));
    for part in parts {
        let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
        let names = rest.split_whitespace().map(cast).collect::<Vec<_>>().join(" ");
        match word {
            "by" => compare("ended_by", rest.to_owned(), plain(&ledger["ended_by"])),
            "handled" => compare("handled_by", names, list(&ledger["handled_by"])),
            "resolved" => compare("resolved_by", names, plain(&ledger["resolved_by"])),
            "segments" => compare("segments", names, owners(&ledger["segments"])),
            "into" => compare("merged_into", names, plain(&ledger["merged_into"])),
            "of" => compare("consult_of", names, plain(&ledger["consult_of"])),
            "back" => compare("callback_of", names, plain(&ledger["callback_of"])),
            "waited" => compare("wait_ms", rest.to_owned(), about(&ledger["wait_ms"], rest)),
            "hold" => compare("hold_ms", rest.to_owned(), about(&ledger["hold_ms"], rest)),
            "talked" => compare("talk_ms", rest.to_owned(), about(&ledger["talk_ms"], rest)),
            "withheld" => compare("withheld", "true".to_owned(), call["ani"]["withheld"].to_string()),
            "shown" => compare("withheld", "false".to_owned(), call["ani"]["withheld"].to_string()),
            "ani" => compare("ani", rest.to_owned(), plain(&call["ani"]["raw"])),
            "via" => compare("via", rest.to_owned(), plain(&call["via"]["raw"])),
            "data" => {
                let (key, value) = rest.split_once('=').context("data KEY=VALUE")?;
                compare("data", value.to_owned(), plain(&call["data"][key]));
            }
            _ => bail!("`{part}`: no such word"),
        }
    }
    ensure!(wrong.is_empty(), "{}\nledger: {ledger:#}", wrong.join("; "));
    Ok(())
}

/// The expected number of milliseconds when it fits, else the real one.
fn about(value: &Value, expected: &str) -> String {
    const SLACK_MS: u64 = 2_000;
    let (Some(is), Ok(least)) = (value.as_u64(), expected.parse::<u64>()) else { return value.to_string() };
    if (least..=least + SLACK_MS).contains(&is) { expected.to_owned() } else { is.to_string() }
}

fn plain(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

fn list(value: &Value) -> String {
    value.as_array().map_or(String::new(), |items| items.iter().map(plain).collect::<Vec<_>>().join(" "))
}

/// Owners of the segments that are a queue, an agent or an outside party; one after another of the same owner is one.
fn owners(segments: &Value) -> String {
    let mut owners: Vec<String> = Vec::new();
    for segment in segments.as_array().into_iter().flatten() {
        let owner = ["queue", "agent", "external"].iter().find_map(|key| segment[key].as_str());
        if let Some(owner) = owner
            && owners.last().is_none_or(|last| last != owner)
        {
            owners.push(owner.to_owned());
        }
    }
    owners.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cast(name: &str) -> String {
        match name {
            "A" => "alice".to_owned(),
            "B" => "bob".to_owned(),
            other => other.to_owned(),
        }
    }

    fn events(kinds: &[(&str, Value)]) -> Vec<Value> {
        let event = |(kind, data): &(&str, Value)| {
            let mut data = data.clone();
            data["call"] = json!({"id": "1"});
            json!({"type": kind, "data": data})
        };
        kinds.iter().map(event).collect()
    }

    fn course() -> Vec<Value> {
        events(&[
            ("call.started", json!({})),
            ("call.offered", json!({"offer": {"agent": "alice", "attempt": 1}})),
            ("call.party_joined", json!({"role": "agent"})),
            ("call.answered", json!({"agent": {"id": "alice"}})),
            ("call.ended", json!({"ledger": {"disposition": "answered"}})),
        ])
    }

    #[track_caller]
    fn check(sentence: &str, accepted: bool) {
        let result = Expected::parse(sentence).unwrap().check("1", &course(), &cast);
        assert_eq!(result.is_ok(), accepted, "{sentence}: {result:?}");
    }

    #[test]
    fn only_the_same_course_in_the_same_order_is_accepted() {
        check("started, offered A, answered A, ended", true);
        check("started, offered A #1, party_joined agent, answered A, ended answered", true);
        check("started, ?queued Q, offered A, ?offer_ended accepted, answered A, ended", true);
        check("started, offered A, answered A", false);
        check("started, answered A, ended", false);
        check("started, offered B, answered A, ended", false);
        check("started, offered A #2, answered A, ended", false);
        check("started, answered A, offered A, ended", false);
        check("started, offered A, answered far, ended", false);
        check("started, offered A, answered A, party_joined agent, ended", false);
        check("started, offered A, answered A, ended, ended", false);
    }

    #[test]
    fn ledger_is_compared_word_by_word() {
        let ledger = json!({"disposition": "answered", "ended_by": "customer", "handled_by": ["alice", "bob"],
            "resolved_by": "bob", "wait_ms": 410, "merged_into": "first", "segments": [{"system": "ivr"}, {"agent": "alice"}, {"agent": "alice"}, {"agent": "bob"}]});
        let call =
            json!({"ani": {"raw": "+49", "withheld": true}, "via": {"raw": "0800"}, "data": {"choice": "2"}});
        let ended = json!({"data": {"ledger": ledger, "call": call}});
        let good = "answered, by customer, handled A B, resolved B, segments A B, waited 400, into first, withheld, \
                    via 0800, data choice=2, ani +49";
        check_end(good, &ended, &cast).unwrap();
        for wrong in [
            "missed",
            "answered, by agent",
            "answered, handled B A",
            "answered, resolved A",
            "answered, segments A",
            "answered, waited 411",
            "answered, into second",
            "answered, shown",
            "answered, via 0900",
            "answered, data choice=3",
        ] {
            assert!(check_end(wrong, &ended, &cast).is_err(), "{wrong}");
        }
        assert!(check_end("answered, cheered A", &ended, &cast).is_err());
    }
}
