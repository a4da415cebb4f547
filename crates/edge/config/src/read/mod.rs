//! A reader of TOML that notes what is wrong and goes on.
//!
//! Each section reads its table through [`Fields`]: what is missing, of the wrong type or out of range becomes a
//! [`Problem`] and reads as nothing, so that one run tells everything. Keys nobody asked for are problems when the
//! section is finished.

pub(crate) mod value;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use toml::de::{DeTable, DeValue};

use crate::{
    Finding,
    check::offset_of,
    problem::{Problem, Severity},
    source::{Sources, Span, place_of},
    suggest,
};

/// A value with its key and place.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    pub(crate) key: String,
    pub(crate) span: Span,
    pub(crate) value: &'a DeValue<'a>,
}

/// What is collected while reading.
pub(crate) struct Reader {
    sources: Sources,
    problems: Vec<Problem>,
    places: BTreeMap<String, Span>,
    templates: Vec<(String, String)>,
    expressions: Vec<(String, String)>,
    /// A file could not be parsed as a whole: what seems to be missing may stand in the part that was not read.
    incomplete: bool,
    /// Keys that were asked for, for the test that the sample file shows them all.
    known: BTreeSet<String>,
}

impl Reader {
    pub(crate) fn new(sources: Sources, problems: Vec<Problem>, incomplete: bool) -> Self {
        Self {
            sources,
            problems,
            places: BTreeMap::new(),
            templates: Vec::new(),
            expressions: Vec::new(),
            incomplete,
            known: BTreeSet::new(),
        }
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    pub(crate) fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// Templates that were read, with their keys.
    pub(crate) fn templates(&self) -> &[(String, String)] {
        &self.templates
    }

    /// CEL expressions that were read outside the routes, with their keys.
    pub(crate) fn expressions(&self) -> &[(String, String)] {
        &self.expressions
    }

    pub(crate) fn finish(self) -> (Sources, BTreeMap<String, Span>, Vec<Problem>, BTreeSet<String>) {
        (self.sources, self.places, self.problems, self.known)
    }

    pub(crate) fn note_place(&mut self, key: &str, span: Span) {
        self.places.insert(key.to_owned(), span);
    }

    /// Notes an error at a key that was read, or at the closest table around it.
    pub(crate) fn error_at(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.note(Severity::Error, key, message.into(), hint.into());
    }

    pub(crate) fn warn_at(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.note(Severity::Warning, key, message.into(), hint.into());
    }

    fn note(&mut self, severity: Severity, key: &str, message: String, hint: String) {
        let span = place_of(&self.places, key);
        self.problems.push(self.sources.problem(severity, span, key, message, hint));
    }

    /// Notes an error at a value.
    pub(crate) fn error(&mut self, node: &Node<'_>, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(self.sources.problem(
            Severity::Error,
            node.span,
            &node.key,
            message.into(),
            hint.into(),
        ));
    }

    /// Notes what was found in a text of another language, at the place inside the text where that can be told.
    pub(crate) fn finding_at(&mut self, key: &str, text: &str, finding: &Finding) {
        let mut span = place_of(&self.places, key);
        let source = self.sources.get(span.file).and_then(|source| source.text.get(span.start..span.end));
        // An escape in the string would shift the columns: then the whole string is meant.
        if let Some(start) = source.and_then(|source| source.find(text))
            && let Some(offset) = offset_of(finding, text)
        {
            span.start += start + offset;
            span.end = span.end.min(span.start + 1);
        }
        let (message, hint) = (finding.message.clone(), finding.hint.clone());
        self.problems.push(self.sources.problem(Severity::Error, span, key, message, hint));
    }

    /// Whether there is such a key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    /// The file a key stands in.
    pub(crate) fn file_of(&self, key: &str) -> Option<PathBuf> {
        self.sources.get(place_of(&self.places, key).file).map(|source| source.path.clone())
    }

    /// `file:line` of a key, to point at a second place.
    pub(crate) fn position(&self, key: &str) -> String {
        self.sources.position(place_of(&self.places, key))
    }

    /// Begins to read a table.
    pub(crate) fn fields<'r, 'a>(&'r mut self, node: &Node<'a>) -> Option<Fields<'r, 'a>> {
        let Some(table) = node.value.as_table() else {
            self.wrong_type(
                node,
                "a table",
                "write it with braces, { key = value }, or under a header of its own",
            );
            return None;
        };
        Some(Fields { reader: self, node: node.clone(), table, asked: Vec::new(), foreign: Vec::new() })
    }

    fn wrong_type(&mut self, node: &Node<'_>, expected: &str, hint: &str) {
        self.error(node, format!("expected {expected}, found {}", type_of(node.value)), hint);
    }
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The keys of one table, as a section asks for them.
pub(crate) struct Fields<'r, 'a> {
    reader: &'r mut Reader,
    node: Node<'a>,
    table: &'a DeTable<'a>,
    asked: Vec<&'static str>,
    /// Keys that belong to another kind of this table, with what to say of them.
    foreign: Vec<(&'static str, &'static str)>,
}

impl<'a> Fields<'_, 'a> {
    /// Whether the table has this key, read or not.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    fn node(&mut self, key: &'static str) -> Option<Node<'a>> {
        self.asked.push(key);
        let path = join(&self.node.key, key);
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        let span = span_of(self.node.span.file, value.span());
        self.reader.note_place(&path, span);
        Some(Node { key: path, span, value: value.get_ref() })
    }

    /// The value of a key that may be left out.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Reader, &Node<'a>) -> Option<T>,
    ) -> Option<T> {
        let node = self.node(key)?;
        read(self.reader, &node)
    }

    /// The value of a key, or its default.
    pub(crate) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&mut Reader, &Node<'a>) -> Option<T>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// The value of a key that must be there.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        hint: &str,
        read: impl FnOnce(&mut Reader, &Node<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.node(key) {
            Some(node) => read(self.reader, &node),
            None => {
                self.missing(key, hint);
                None
            }
        }
    }

    fn missing(&mut self, key: &str, hint: &str) {
        // It may stand in the part that could not be parsed.
        if !self.reader.incomplete {
            let key_path = join(&self.node.key, key);
            let message = format!("`{key}` is missing");
            let problem = self.reader.sources.problem(
                Severity::Error,
                self.node.span,
                &key_path,
                message,
                hint.to_owned(),
            );
            self.reader.problems.push(problem);
        }
    }

    /// Says that exactly one of these keys must stand here, unless it does.
    pub(crate) fn exactly_one(&mut self, keys: &[&str]) {
        let present: Vec<&str> = keys.iter().copied().filter(|key| self.has(key)).collect();
        let hint = format!("give one of {}", keys.join(", "));
        match present[..] {
            [_] => {}
            [] if self.reader.incomplete => {}
            [] => {
                let message = format!("none of {} is here", keys.join(", "));
                self.reader.error(&self.node, message, hint);
            }
            [_, second, ..] => {
                let key = join(&self.node.key, second);
                self.reader.error_at(&key, format!("{} exclude each other", present.join(" and ")), hint);
            }
        }
    }

    /// Keys that only another kind of this table has.
    pub(crate) fn elsewhere(&mut self, keys: &[&'static str], hint: &'static str) {
        self.foreign.extend(keys.iter().map(|key| (*key, hint)));
    }

    /// Notes an error at a key of this table.
    pub(crate) fn error_at(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        let key = join(&self.node.key, key);
        self.reader.error_at(&key, message, hint);
    }

    /// Notes a warning at a key of this table.
    pub(crate) fn warn_at(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        let key = join(&self.node.key, key);
        self.reader.warn_at(&key, message, hint);
    }

    /// Ends the section: keys nobody asked for are errors.
    pub(crate) fn finish(self) {
        let path = list_free(&self.node.key);
        self.reader.known.extend(self.asked.iter().map(|key| join(&path, key)));
        for (name, _) in self.table {
            let key = name.get_ref().as_ref();
            if self.asked.contains(&key) {
                continue;
            }
            let hint = match self.foreign.iter().find(|(foreign, _)| *foreign == key) {
                Some((_, hint)) => (*hint).to_owned(),
                None => suggest::hint(key, "key here", self.asked.iter().copied()),
            };
            let span = span_of(self.node.span.file, name.span());
            let message = format!("unknown key `{key}`");
            let problem =
                self.reader.sources.problem(Severity::Error, span, &join(&self.node.key, key), message, hint);
            self.reader.problems.push(problem);
        }
    }
}

/// `queue[2].requires[0]` → `queue.requires`.
fn list_free(key: &str) -> String {
    let mut inside = false;
    key.chars()
        .filter(|c| {
            let keep = !inside && *c != '[';
            inside = (inside || *c == '[') && *c != ']';
            keep
        })
        .collect()
}

pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

pub(crate) fn span_of(file: usize, range: std::ops::Range<usize>) -> Span {
    Span { file, start: range.start, end: range.end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_positions_are_left_out_of_a_known_key() {
        assert_eq!(list_free("queue[12].requires[0].skills"), "queue.requires.skills");
        assert_eq!(list_free("server"), "server");
    }
}
