//! Asterisk dialplan text (`extensions.conf`), read and executed as Asterisk does, so that the simulator runs the
//! very contexts that are installed on a real PBX.

mod expression;
mod pattern;

use std::collections::BTreeMap;

pub(crate) use expression::{Lookup, evaluate_condition, substitute};
use pattern::Pattern;

/// A parsed dialplan.
#[derive(Clone, Debug, Default)]
pub struct Dialplan {
    contexts: BTreeMap<String, Context>,
    globals: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default)]
struct Context {
    extensions: Vec<Extension>,
    includes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Extension {
    pattern: Pattern,
    steps: BTreeMap<u32, Step>,
    labels: BTreeMap<String, u32>,
}

/// One priority: an application and its arguments, not yet substituted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) app: String,
    pub(crate) data: String,
}

/// What digits reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Nothing,
    Exact,
    Open,
}

/// A line of dialplan that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("dialplan line {line}: {problem}: {text:?}")]
pub struct DialplanError {
    /// Line number, from 1.
    pub line: usize,
    /// The line itself.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Where the parser is.
#[derive(Default)]
struct Cursor {
    context: Option<String>,
    pattern: Option<Pattern>,
    priority: u32,
}

impl Dialplan {
    /// Reads dialplan text. Contexts of the same name are joined, as Asterisk does over included files.
    ///
    /// # Errors
    /// The first line that is not dialplan.
    pub fn parse(text: &str) -> Result<Self, DialplanError> {
        let mut plan = Self::default();
        plan.add(text)?;
        Ok(plan)
    }

    /// Reads more text into it.
    ///
    /// # Errors
    /// The first line that is not dialplan; what stood before it has been added.
    pub fn add(&mut self, text: &str) -> Result<(), DialplanError> {
        let mut cursor = Cursor::default();
        for (number, raw) in text.lines().enumerate() {
            let line = strip_comment(raw).trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            self.add_line(line, &mut cursor).map_err(|problem| DialplanError {
                line: number + 1,
                text: raw.to_owned(),
                problem,
            })?;
        }
        Ok(())
    }

    fn add_line(&mut self, line: &str, cursor: &mut Cursor) -> Result<(), &'static str> {
        if let Some(name) = line.strip_prefix('[') {
            let (name, _) = name.split_once(']').ok_or("a context needs its closing bracket")?;
            *cursor = Cursor { context: Some(name.to_owned()), ..Cursor::default() };
            if !matches!(name, "general" | "globals") {
                self.contexts.entry(name.to_owned()).or_default();
            }
            return Ok(());
        }
        let context = cursor.context.clone().ok_or("stands before any context")?;
        let (key, value) = line.split_once('=').ok_or("is neither a context nor a setting")?;
        let (key, value) = (key.trim(), value.trim_start_matches('>').trim());
        match (context.as_str(), key) {
            ("general", _) => Ok(()),
            ("globals", _) => {
                self.globals.push((key.to_owned(), value.to_owned()));
                Ok(())
            }
            (_, "include") => {
                self.contexts.entry(context).or_default().includes.push(value.to_owned());
                Ok(())
            }
            (_, "exten") => {
                let (pattern, rest) = split_pattern(value).ok_or("an extension needs a priority")?;
                cursor.pattern = Some(Pattern::new(pattern));
                cursor.priority = 0;
                self.add_step(&context, rest, cursor)
            }
            (_, "same") => self.add_step(&context, value, cursor),
            (_, "switch" | "ignorepat" | "autohints") => Ok(()),
            _ => Err("is not a setting of a context"),
        }
    }

    /// Adds `priority[(label)],App(data)` to the extension the cursor is at.
    fn add_step(&mut self, context: &str, text: &str, cursor: &mut Cursor) -> Result<(), &'static str> {
        let pattern = cursor.pattern.clone().ok_or("`same` needs an extension before it")?;
        let (priority, app) = text.split_once(',').ok_or("a priority needs an application")?;
        let (priority, label) = match priority.trim().split_once('(') {
            Some((priority, label)) => (priority, Some(label.trim_end_matches(')').to_owned())),
            None => (priority.trim(), None),
        };
        if priority == "hint" {
            return Ok(());
        }
        cursor.priority = match priority {
            "n" => cursor.priority + 1,
            number => number.parse().map_err(|_| "a priority is a number, `n` or `hint`")?,
        };
        let extensions = &mut self.contexts.entry(context.to_owned()).or_default().extensions;
        let position = extensions.iter().position(|known| known.pattern == pattern).unwrap_or_else(|| {
            extensions.push(Extension { pattern, steps: BTreeMap::new(), labels: BTreeMap::new() });
            extensions.len() - 1
        });
        let extension = &mut extensions[position];
        extension.steps.insert(cursor.priority, Step::parse(app.trim()));
        if let Some(label) = label {
            extension.labels.insert(label, cursor.priority);
        }
        Ok(())
    }

    /// Values of `[globals]`.
    pub(crate) fn globals(&self) -> &[(String, String)] {
        &self.globals
    }

    /// Whether the extension has a first priority in the context or one it includes.
    #[must_use]
    pub fn has(&self, context: &str, exten: &str) -> bool {
        self.find(context, exten, 0).is_some()
    }

    /// What dialling these digits reaches: with an open pattern more digits may follow.
    pub(crate) fn reach(&self, context: &str, exten: &str) -> Reach {
        match self.find(context, exten, 0) {
            None => Reach::Nothing,
            Some(extension) if extension.pattern.is_open() => Reach::Open,
            Some(_) => Reach::Exact,
        }
    }

    /// Whether there is such a context.
    #[must_use]
    pub fn has_context(&self, context: &str) -> bool {
        self.contexts.contains_key(context)
    }

    /// The step at a place, if there is one.
    pub(crate) fn step(&self, context: &str, exten: &str, priority: u32) -> Option<&Step> {
        self.find(context, exten, 0)?.steps.get(&priority)
    }

    /// The priority a word means there: a number or a label.
    pub(crate) fn priority(&self, context: &str, exten: &str, word: &str) -> Option<u32> {
        match word.parse() {
            Ok(number) => Some(number),
            Err(_) => self.find(context, exten, 0)?.labels.get(word).copied(),
        }
    }

    fn find(&self, context: &str, exten: &str, depth: u8) -> Option<&Extension> {
        let here = self.contexts.get(context)?;
        let matching = here.extensions.iter().filter(|extension| extension.pattern.matches(exten));
        if let Some(best) = matching.min_by_key(|extension| extension.pattern.rank()) {
            return Some(best);
        }
        // Includes may form a ring.
        if depth > 8 {
            return None;
        }
        here.includes.iter().find_map(|include| self.find(include, exten, depth + 1))
    }
}

impl Step {
    fn parse(text: &str) -> Self {
        let (app, data) = match text.split_once('(') {
            Some((app, data)) => (app, data.strip_suffix(')').unwrap_or(data)),
            None => (text, ""),
        };
        Self { app: app.trim().to_owned(), data: data.to_owned() }
    }
}

/// Splits `pattern,rest`: a pattern may hold a comma-free bracket expression only, so the first comma counts.
fn split_pattern(text: &str) -> Option<(&str, &str)> {
    let (pattern, rest) = text.split_once(',')?;
    Some((pattern.trim(), rest.trim()))
}

fn strip_comment(line: &str) -> &str {
    let mut escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b';' if !escaped => return &line[..at],
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    line
}

/// Splits application arguments at commas outside of quotes, brackets and parentheses.
pub(crate) fn arguments(data: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut quoted, mut start) = (0_u32, false, 0);
    for (at, byte) in data.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'(' | b'[' | b'{' if !quoted => depth += 1,
            b')' | b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            b',' if !quoted && depth == 0 => {
                parts.push(&data[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&data[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
[general]
static=yes
[globals]
FALLBACK=PJSIP/1008 ; who takes it
[from-trunk]
exten => _X.,1,Set(__ID=${UNIQUEID})
 same => n,Goto(did,${EXTEN},1)
[did]
include => more
exten => 5001,1,Dial(PJSIP/1001,30)
 same => n(done),Hangup()
exten => _50XX,1,NoOp(any\\; thing)
exten => 5001,hint,PJSIP/1001
[more]
exten => s,10,Hangup
";

    #[test]
    fn steps_are_found_by_pattern_include_and_label() {
        let plan = Dialplan::parse(TEXT).unwrap();
        let step = |context, exten, priority| {
            plan.step(context, exten, priority).map(|step| format!("{}|{}", step.app, step.data))
        };
        assert_eq!(step("from-trunk", "5001", 2).as_deref(), Some("Goto|did,${EXTEN},1"));
        assert_eq!(step("did", "5001", 1).as_deref(), Some("Dial|PJSIP/1001,30"));
        assert_eq!(step("did", "5002", 1).as_deref(), Some("NoOp|any\\; thing"));
        assert_eq!(step("did", "s", 10).as_deref(), Some("Hangup|"));
        assert_eq!(step("did", "5001", 3), None);
        assert_eq!(plan.priority("did", "5001", "done"), Some(2));
        assert_eq!(plan.globals(), [("FALLBACK".to_owned(), "PJSIP/1008".to_owned())]);
    }

    #[test]
    fn a_line_that_is_no_dialplan_is_told_with_its_number() {
        let error = Dialplan::parse("[a]\nexten => 1,1,NoOp\nwhat\n").unwrap_err();
        assert_eq!(error.line, 3);
        let error = Dialplan::parse("[a]\nsame => n,NoOp\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "dialplan line 2: `same` needs an extension before it: \"same => n,NoOp\""
        );
    }

    #[test]
    fn includes_in_a_ring_end() {
        let plan = Dialplan::parse("[a]\ninclude => b\n[b]\ninclude => a\n").unwrap();
        assert!(!plan.has("a", "1"));
    }

    #[test]
    fn arguments_split_outside_of_brackets_and_quotes() {
        assert_eq!(
            arguments("PJSIP/1,$[1,2],\"a,b\",${IF(a?b,c)}"),
            ["PJSIP/1", "$[1,2]", "\"a,b\"", "${IF(a?b,c)}"]
        );
        assert_eq!(arguments(""), [""]);
    }
}
