//! The files of a configuration and places in them.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::problem::{Excerpt, Problem, Severity};

/// Bytes of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One file.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// The files, in the order they were read.
#[derive(Default)]
pub(crate) struct Sources(Vec<Arc<Source>>);

impl Sources {
    pub(crate) fn push(&mut self, path: PathBuf, text: String) -> usize {
        self.0.push(Arc::new(Source { path, text }));
        self.0.len() - 1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Source)> {
        self.0.iter().map(|source| &**source).enumerate()
    }

    pub(crate) fn get(&self, file: usize) -> Option<&Source> {
        self.0.get(file).map(|source| &**source)
    }

    /// The folder of a file: what its relative paths are relative to.
    pub(crate) fn folder(&self, file: usize) -> &Path {
        self.get(file).and_then(|source| source.path.parent()).unwrap_or_else(|| Path::new(""))
    }

    /// `file:line`, to point at a second place in a hint.
    pub(crate) fn position(&self, span: Span) -> String {
        let Some(source) = self.get(span.file) else { return String::new() };
        format!("{}:{}", source.path.display(), source.line_and_column(span.start).0)
    }

    pub(crate) fn problem(
        &self,
        severity: Severity,
        span: Span,
        key: &str,
        message: String,
        hint: String,
    ) -> Problem {
        let (file, (line, column), excerpt) = match self.get(span.file) {
            Some(source) => {
                (source.path.display().to_string(), source.line_and_column(span.start), source.excerpt(span))
            }
            None => (String::new(), (1, 1), Excerpt::default()),
        };
        Problem { severity, file, line, column, key: key.to_owned(), message, hint, excerpt }
    }
}

impl Source {
    fn line_start(&self, offset: usize) -> usize {
        self.text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
    }

    /// From 1, the column in characters.
    pub(crate) fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let start = self.line_start(before.len());
        (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
    }

    pub(crate) fn line_at(&self, offset: usize) -> &str {
        let start = self.line_start(offset.min(self.text.len()));
        self.text[start..].lines().next().unwrap_or_default()
    }

    fn excerpt(&self, span: Span) -> Excerpt {
        let line = self.line_at(span.start);
        let line_end = self.line_start(span.start) + line.len();
        let width =
            self.text.get(span.start..span.end.min(line_end)).map_or(1, |meant| meant.chars().count());
        Excerpt { text: masked(line), width }
    }
}

/// Names of keys whose values must not be shown, not even to point at a mistake beside them.
const CONFIDENTIAL: [&str; 4] = ["secret", "password", "authorization", "token"];

/// The line with the inside of every string covered, if the line may hold a secret, but for names of where one is kept:
/// who looks for the mistake needs them. Columns stay.
fn masked(line: &str) -> String {
    let lower = line.to_lowercase();
    if !CONFIDENTIAL.iter().any(|word| lower.contains(word)) {
        return line.to_owned();
    }
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(open) = rest.find(['"', '\'']) {
        let (before, string) = rest.split_at(open);
        let (quote, inside) = string.split_at(1);
        let (inside, after) = inside.split_at(inside.find(quote).unwrap_or(inside.len()));
        masked.extend([before, quote]);
        if is_place(before, inside) {
            masked.push_str(inside);
        } else {
            masked.extend(inside.chars().map(|_| '*'));
        }
        let close = after.len().min(1);
        masked.push_str(&after[..close]);
        rest = &after[close..];
    }
    masked + rest
}

/// Whether a string says where a secret is kept: a path, or a variable written as variables are. What else stands after
/// `env` may be the secret itself, put there by mistake.
fn is_place(before: &str, inside: &str) -> bool {
    let key = before.trim_end().strip_suffix('=').map(str::trim_end).unwrap_or_default();
    let key = key.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
    match key {
        "file" => true,
        "env" => {
            inside.contains('_')
                && inside.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        }
        _ => false,
    }
}

/// Where each key of a loaded configuration stands.
#[derive(Clone, Default)]
pub(crate) struct Origin {
    pub(crate) sources: Arc<Sources>,
    pub(crate) places: Arc<BTreeMap<String, Span>>,
}

impl Origin {
    /// The place of a key, or of the closest table around it that is there.
    pub(crate) fn span(&self, key: &str) -> Span {
        place_of(&self.places, key)
    }
}

pub(crate) fn place_of(places: &BTreeMap<String, Span>, key: &str) -> Span {
    let mut key = key;
    loop {
        if let Some(span) = places.get(key) {
            return *span;
        }
        match key.rfind(['.', '[']) {
            Some(end) => key = &key[..end],
            None => return Span { file: 0, start: 0, end: 0 },
        }
    }
}

impl fmt::Debug for Origin {
    /// The texts are not shown: there may be secrets in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sources.iter().map(|(_, source)| &source.path)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_not_bytes() {
        let source = Source { path: "a".into(), text: "ä = 1\nöö = \"x\"\n".into() };
        assert_eq!(source.line_and_column(0), (1, 1));
        assert_eq!(source.line_and_column("ä = 1\nöö ".len()), (2, 4));
        assert_eq!(source.line_and_column(999), (3, 1));
        assert_eq!(source.line_at("ä = 1\nöö ".len()), "öö = \"x\"");
    }

    #[test]
    fn an_excerpt_never_shows_what_may_be_secret() {
        assert_eq!(masked("secret = \"hunter2\" extra"), "secret = \"*******\" extra");
        assert_eq!(masked("sip_password = 'a\"b'"), "sip_password = '***'");
        assert_eq!(masked("secret = \"open"), "secret = \"****");
        assert_eq!(masked("queue = \"support\""), "queue = \"support\"");
        assert_eq!(masked("secret = { env = \"hunter2\" }"), "secret = { env = \"*******\" }");
        assert_eq!(masked("secret = { eenv = \"CRM_SECRET\" }"), "secret = { eenv = \"**********\" }");
    }

    #[test]
    fn an_excerpt_says_where_a_secret_is_kept() {
        for line in [
            "secret = { env = \"CRM_HOOK_SECRET\", fil = 1 }",
            "password = { file='/run/crm' }",
            "secret.env = \"A_B\"",
        ] {
            assert_eq!(masked(line), line);
        }
        let both = "secrets = [{ env = \"NEW_SECRET\" }, \"old\"]";
        assert_eq!(masked(both), "secrets = [{ env = \"NEW_SECRET\" }, \"***\"]");
    }
}
