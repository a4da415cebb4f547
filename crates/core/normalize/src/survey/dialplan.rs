//! The dialplan that a PBX has loaded, and the one that is printed for it.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_ami::Frame;

use super::devices::takes;

/// Steps that are kept of a PBX's dialplan.
const MAX_STEPS: usize = 200_000;

/// Steps by context, extension and priority, and what each context includes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dialplan {
    contexts: BTreeMap<String, BTreeMap<String, Vec<Step>>>,
    includes: BTreeSet<(String, String)>,
    steps: usize,
}

/// One step of an extension.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Its label; empty: none.
    pub label: String,
    /// `Dial`.
    pub application: String,
    /// `PJSIP/1001,30,tk`.
    pub data: String,
    /// What put it there: `pbx_config`, `res_parking`.
    pub registrar: String,
    /// 1, 2, …; 0 is a hint, whose application is the device it watches.
    pub priority: u32,
}

/// Where a printed dialplan and a loaded one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A context is not loaded at all.
    Context(String),
    /// A step is another one, or none.
    Step {
        /// Context, extension and priority.
        place: String,
        /// What is loaded.
        loaded: Option<String>,
        /// What the configuration makes.
        printed: Option<String>,
    },
    /// An `include` is missing.
    Include {
        /// Which context.
        context: String,
        /// What it should include.
        included: String,
    },
}

impl Dialplan {
    /// An item of ShowDialPlan.
    pub(super) fn listed(&mut self, frame: &Frame) {
        let Some(context) = frame.get("Context").filter(|_| self.steps < MAX_STEPS) else { return };
        if let Some(included) = frame.get("IncludeContext") {
            self.includes.insert((context.to_owned(), included.to_owned()));
            self.contexts.entry(context.to_owned()).or_default();
        }
        let (Some(exten), Some(priority)) = (frame.get("Extension"), frame.get("Priority")) else { return };
        let text = |key| frame.get(key).unwrap_or_default().to_owned();
        let step = Step {
            label: text("ExtensionLabel"),
            application: text("Application"),
            data: text("AppData"),
            registrar: text("Registrar"),
            priority: priority.parse().unwrap_or(0),
        };
        self.add(context, exten, step);
    }

    fn add(&mut self, context: &str, exten: &str, step: Step) {
        self.steps += 1;
        let extens = self.contexts.entry(context.to_owned()).or_default();
        extens.entry(exten.to_owned()).or_default().push(step);
    }

    /// Reads what `hookswitch dialplan` prints: contexts, `exten =>`, `same =>`, `include =>`. It is no reader for
    /// dialplans of others.
    #[must_use]
    pub fn printed(text: &str) -> Self {
        let mut plan = Self::default();
        let (mut context, mut exten) = (String::new(), String::new());
        for line in text.lines().map(without_comment).filter(|line| !line.is_empty()) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                context = name.to_owned();
                plan.contexts.entry(context.clone()).or_default();
                continue;
            }
            let Some((key, value)) = line.split_once("=>") else { continue };
            let value = value.trim();
            match key.trim() {
                "include" => drop(plan.includes.insert((context.clone(), value.to_owned()))),
                "exten" => {
                    if let Some((number, rest)) = value.split_once(',') {
                        exten = number.trim().to_owned();
                        plan.add_printed(&context, &exten, rest);
                    }
                }
                "same" => plan.add_printed(&context, &exten, value),
                _ => {}
            }
        }
        plan
    }

    fn add_printed(&mut self, context: &str, exten: &str, text: &str) {
        let Some((place, call)) = text.split_once(',') else { return };
        let label = place.split_once('(').map(|(_, label)| label.trim_end_matches(')')).unwrap_or_default();
        let (application, data) = call.split_once('(').unwrap_or((call, ""));
        let data = data.strip_suffix(')').unwrap_or(data);
        let before = self.contexts.get(context).and_then(|extens| extens.get(exten)?.last());
        let step = Step {
            label: label.to_owned(),
            application: application.trim().to_owned(),
            data: data.replace("\\;", ";"),
            registrar: String::new(),
            priority: before.map_or(1, |step| step.priority + 1),
        };
        self.add(context, exten, step);
    }

    /// Where `loaded` is not what this one says; at most `limit` places.
    #[must_use]
    pub fn differs(&self, loaded: &Self, limit: usize) -> Vec<Difference> {
        let contexts = self.contexts.iter().flat_map(|(name, extens)| {
            // A context that is only added to belongs to the administrator.
            match loaded.contexts.get(name) {
                None => vec![Difference::Context(name.clone())],
                Some(_) if extens.is_empty() => Vec::new(),
                Some(there) => of_context(name, extens, there),
            }
        });
        let missing = self.includes.difference(&loaded.includes);
        let includes = missing.map(|(context, included)| Difference::Include {
            context: context.clone(),
            included: included.clone(),
        });
        contexts.chain(includes).take(limit).collect()
    }

    /// Whether a context is there.
    #[must_use]
    pub fn has(&self, context: &str) -> bool {
        self.contexts.contains_key(context)
    }

    /// How many contexts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.contexts.len()
    }

    /// Whether nothing is loaded, or nothing could be listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.contexts.is_empty()
    }

    /// Every step with its context and extension.
    pub fn steps(&self) -> impl Iterator<Item = (&str, &str, &Step)> {
        self.contexts.iter().flat_map(|(context, extens)| {
            extens.iter().flat_map(move |(exten, steps)| {
                steps.iter().map(move |step| (context.as_str(), exten.as_str(), step))
            })
        })
    }

    /// The extensions of a context, patterns among them.
    pub fn extens(&self, context: &str) -> impl Iterator<Item = &str> {
        self.contexts.get(context).into_iter().flat_map(|extens| extens.keys().map(String::as_str))
    }

    /// Whether something takes what is dialled in a context or in one it includes.
    #[must_use]
    pub fn answers(&self, context: &str, dialled: &str) -> bool {
        self.reachable(context).iter().any(|(_, exten)| takes(exten, dialled))
    }

    /// The extensions of a context and of all it includes, each with its context.
    #[must_use]
    pub fn reachable(&self, context: &str) -> BTreeSet<(&str, &str)> {
        let mut contexts = vec![context];
        let mut seen = BTreeSet::new();
        let mut extens = BTreeSet::new();
        while let Some(context) = contexts.pop() {
            let there = self.contexts.get_key_value(context).filter(|(name, _)| seen.insert(name.as_str()));
            let Some((name, steps)) = there else { continue };
            extens.extend(steps.keys().map(|exten| (name.as_str(), exten.as_str())));
            let included = self.includes.iter().filter(|(from, _)| from == name);
            contexts.extend(included.map(|(_, to)| to.as_str()));
        }
        extens
    }
}

fn of_context(
    context: &str,
    printed: &BTreeMap<String, Vec<Step>>,
    loaded: &BTreeMap<String, Vec<Step>>,
) -> Vec<Difference> {
    let extens: BTreeSet<&String> = printed.keys().chain(loaded.keys()).collect();
    let none = Vec::new();
    let mut differences = Vec::new();
    for exten in extens {
        let (ours, theirs) = (printed.get(exten).unwrap_or(&none), loaded.get(exten).unwrap_or(&none));
        let last = ours.iter().chain(theirs).map(|step| step.priority).max().unwrap_or(0);
        for priority in 1..=last {
            let at = |steps: &[Step]| steps.iter().find(|step| step.priority == priority).map(Step::told);
            let (printed, loaded) = (at(ours), at(theirs));
            if printed != loaded {
                let place = format!("{context},{exten},{priority}");
                differences.push(Difference::Step { place, loaded, printed });
                break; // what follows is shifted
            }
        }
    }
    differences
}

impl Step {
    /// `Dial(PJSIP/1001,30)`, with its label where it has one.
    #[must_use]
    pub fn told(&self) -> String {
        let label = if self.label.is_empty() { String::new() } else { format!("({}) ", self.label) };
        format!("{label}{}({})", self.application, self.data)
    }
}

/// The line up to a semicolon that is not escaped.
fn without_comment(line: &str) -> &str {
    let bytes = line.as_bytes();
    let comment = (0..bytes.len()).find(|at| bytes[*at] == b';' && (*at == 0 || bytes[*at - 1] != b'\\'));
    line[..comment.unwrap_or(line.len())].trim()
}
