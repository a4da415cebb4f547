//! The course of one call: what must be told of it, in which order.

use anyhow::{Context as _, Result, bail, ensure};
use hookswitch_tests::events::{kind, summary, text};
use hookswitch_tests::expect::DECISIVE;
use serde_json::Value;

/// How far the time of an event may be from what the phones saw, in seconds.
const TOLERANCE: f64 = 0.05;

/// Steps. Those of the [`DECISIVE`] kinds must come exactly as listed; others (`party_left`, `data`, `agent`, …)
/// are only required, between the decisive ones around them, where they are named.
///
/// `?` makes a step optional; steps joined by `&` come in any order; `@1.21` says when, in seconds of the notes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Course(Vec<Vec<Step>>);

#[derive(Debug, Clone)]
struct Step {
    words: String,
    optional: bool,
    at: Option<f64>,
    event: &'static str,
    details: Vec<Detail>,
}

#[derive(Debug, Clone)]
enum Detail {
    /// The value at a JSON pointer, as text.
    Is(&'static str, String),
    /// Whose leg it is: the agent, or the role.
    LegOf(String),
}

impl Course {
    pub(crate) fn parse(sentence: &str) -> Result<Self> {
        let group = |part: &str| part.split('&').map(|step| Step::parse(step.trim())).collect();
        Ok(Self(sentence.split(',').map(group).collect::<Result<_>>()?))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every course that lacks a step of this one, has one twice, or names somebody else.
    pub(crate) fn falsified(&self) -> Vec<(String, Self)> {
        let mut all = Vec::new();
        for (at, group) in self.0.iter().enumerate() {
            if group.iter().any(|step| step.optional) {
                continue;
            }
            let words = &group[0].words;
            let mut with = |what: &str, change: &dyn Fn(&mut Vec<Vec<Step>>)| {
                let mut wrong = self.0.clone();
                change(&mut wrong);
                all.push((format!("`{words}` {what}"), Self(wrong)));
            };
            with("twice", &|steps| steps.insert(at, steps[at].clone()));
            if DECISIVE.contains(&group[0].event) {
                with("is missing", &|steps| drop(steps.remove(at)));
            }
            for (place, detail) in group[0].details.iter().enumerate() {
                let Detail::Is(pointer, _) = *detail else { continue };
                with("of another", &|steps| {
                    steps[at][0].details[place] = Detail::Is(pointer, "x".to_owned())
                });
            }
        }
        all
    }
}

/// Holds the events of a call (and those of agents) against its course.
///
/// # Errors
/// When they differ.
pub(crate) fn check(course: &Course, start: f64, events: &[&Value]) -> Result<()> {
    let mut rest = events;
    for group in &course.0 {
        let mut open: Vec<&Step> = group.iter().collect();
        while !open.is_empty() {
            match next(&open, start, rest)? {
                Some((place, behind)) => {
                    open.remove(place);
                    rest = behind;
                }
                None => open.clear(), // only optional ones are left
            }
        }
    }
    match rest.iter().find(|event| DECISIVE.contains(&kind(event))) {
        Some(surplus) => bail!("surplus: {}", summary(surplus)),
        None => Ok(()),
    }
}

/// The first event that fits one of the steps, which one, and what follows; none when they are all optional.
fn next<'a, 'b>(
    steps: &[&Step],
    start: f64,
    events: &'b [&'a Value],
) -> Result<Option<(usize, &'b [&'a Value])>> {
    let wanted = || steps.iter().map(|step| step.words.as_str()).collect::<Vec<_>>().join(" & ");
    for (at, event) in events.iter().enumerate() {
        if let Some(place) = steps.iter().position(|step| step.fits(event)) {
            steps[place].check_time(start, event)?;
            return Ok(Some((place, &events[at + 1..])));
        }
        if DECISIVE.contains(&kind(event)) {
            if steps.iter().all(|step| step.optional) {
                return Ok(None);
            }
            bail!("expected `{}`, got {}", wanted(), summary(event));
        }
    }
    ensure!(steps.iter().all(|step| step.optional), "expected `{}`, got nothing more", wanted());
    Ok(None)
}

impl Step {
    fn parse(words: &str) -> Result<Self> {
        let (optional, rest) = words.strip_prefix('?').map_or((false, words), |rest| (true, rest));
        let (rest, at) = match rest.split_once('@') {
            Some((rest, at)) => (rest, Some(at.trim().parse().with_context(|| format!("`{words}`: when?"))?)),
            None => (rest, None),
        };
        let mut parts = rest.split_whitespace();
        let verb = parts.next().context("an empty step")?;
        let arguments: Vec<&str> = parts.collect();
        let (event, details) = meaning(verb, &arguments).with_context(|| format!("`{words}`"))?;
        Ok(Self { words: words.to_owned(), optional, at, event, details })
    }

    fn fits(&self, event: &Value) -> bool {
        kind(event) == self.event && self.details.iter().all(|detail| detail.fits(event))
    }

    fn check_time(&self, start: f64, event: &Value) -> Result<()> {
        let Some(expected) = self.at else { return Ok(()) };
        let is = seconds(event)? - start;
        ensure!(
            (is - expected).abs() <= TOLERANCE,
            "`{}` came at {is:.3} s of the recording: {}",
            self.words,
            summary(event)
        );
        Ok(())
    }
}

/// `time` of an event, in seconds since the epoch.
fn seconds(event: &Value) -> Result<f64> {
    let time = text(event, "/time").context("an event without time")?;
    crate::ledger::epoch(time)
}

fn meaning(verb: &str, arguments: &[&str]) -> Result<(&'static str, Vec<Detail>)> {
    let is = |at: usize, pointer| arguments.get(at).map(|word| Detail::Is(pointer, (*word).to_owned()));
    let leg = |at: usize| arguments.get(at).map(|who| Detail::LegOf((*who).to_owned()));
    let (event, details) = match verb {
        "started" => ("call.started", vec![]),
        "identified" => ("call.identified", vec![]),
        "queued" => ("call.queued", vec![is(0, "/data/queue")]),
        "offered" => {
            let attempt = arguments.get(1).and_then(|word| word.strip_prefix('#'));
            let attempt = attempt.map(|n| Detail::Is("/data/offer/attempt", n.to_owned()));
            ("call.offered", vec![is(0, "/data/offer/agent"), attempt])
        }
        "offer_ended" => ("call.offer_ended", vec![is(0, "/data/offer/outcome"), is(1, "/data/offer/agent")]),
        "answered" if arguments == ["far"] => {
            ("call.answered", vec![Some(Detail::Is("/data/agent", "null".to_owned()))])
        }
        "answered" => ("call.answered", vec![is(0, "/data/agent/id")]),
        "held" => ("call.held", vec![leg(0)]),
        "retrieved" => ("call.retrieved", vec![leg(0)]),
        "conferenced" => ("call.conferenced", vec![]),
        "party_joined" => ("call.party_joined", vec![leg(0)]),
        "party_left" => ("call.party_left", vec![leg(0)]),
        "transferred" => ("call.transferred", transfer(arguments)?),
        "data" => ("call.data", vec![]),
        "pop" => ("screen.pop", vec![is(0, "/data/pop/agent")]),
        "ended" => ("call.ended", vec![]),
        "agent" => {
            let state = arguments.get(1).context("which state?")?;
            let (state, reason) = state.split_once('(').map_or((*state, None), |(state, reason)| {
                (state, Some(Detail::Is("/data/reason", reason.trim_end_matches(')').to_owned())))
            });
            let to = Detail::Is("/data/to", state.to_owned());
            ("agent.state", vec![is(0, "/data/agent/id"), Some(to), reason])
        }
        _ => bail!("no such word"),
    };
    Ok((event, details.into_iter().flatten().collect()))
}

/// `blind 1001>1002` to an agent, `blind 1001>=9493012345` to a number that is no agent's.
fn transfer(arguments: &[&str]) -> Result<Vec<Option<Detail>>> {
    let [how, who] = arguments else { bail!("transferred KIND FROM>TO") };
    let (from, to) = who.split_once('>').context("FROM>TO")?;
    let mut details = vec![
        Some(Detail::Is("/data/kind", (*how).to_owned())),
        Some(Detail::Is("/data/from_agent", from.to_owned())),
    ];
    match to.strip_prefix('=') {
        Some(number) => {
            details.push(Some(Detail::Is("/data/to", number.to_owned())));
            details.push(Some(Detail::Is("/data/to_agent", "null".to_owned())));
        }
        None => details.push(Some(Detail::Is("/data/to_agent", to.to_owned()))),
    }
    Ok(details)
}

impl Detail {
    fn fits(&self, event: &Value) -> bool {
        match self {
            Self::Is(pointer, expected) => match event.pointer(pointer) {
                Some(Value::String(text)) => text == expected,
                Some(other) => &other.to_string() == expected,
                None => expected == "null",
            },
            Self::LegOf(who) => {
                let leg = text(event, "/data/leg");
                let legs = event.pointer("/data/call/legs").and_then(Value::as_array);
                let mut legs = legs.into_iter().flatten();
                let found = legs.find(|candidate| text(candidate, "/id") == leg);
                found.is_some_and(|leg| [text(leg, "/agent"), text(leg, "/role")].contains(&Some(who)))
            }
        }
    }
}
