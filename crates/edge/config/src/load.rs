//! From files to a checked configuration.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use hookswitch_model::setup::Setup;
use toml::de::DeTable;

use crate::{
    Bundle, Config, Problem,
    bundle::Shelf,
    check, glob,
    problem::Severity,
    read::{Reader, span_of},
    section,
    source::{Origin, Sources, Span},
};

/// Checks by those who know: the rules' language and the templates' are not this crate's.
///
/// They run also when other things are wrong, so that one run tells everything. `()` checks nothing.
pub trait Checks {
    /// Compiles the rules of a setup and says which cannot be used.
    fn rules(&self, _setup: &Setup) -> Vec<RuleFinding> {
        Vec::new()
    }

    /// Compiles a template: of a URL, of a look-up's body.
    ///
    /// # Errors
    /// What is wrong with it.
    fn template(&self, _text: &str) -> Result<(), Finding> {
        Ok(())
    }

    /// Whether a delivery may have this header, by name.
    ///
    /// # Errors
    /// It is the connection's or the signature's.
    fn header(&self, _name: &str) -> Result<(), Finding> {
        Ok(())
    }

    /// Compiles a CEL expression outside the rules: `ok_if`.
    ///
    /// # Errors
    /// What is wrong with it.
    fn expression(&self, _text: &str) -> Result<(), Finding> {
        Ok(())
    }
}

impl Checks for () {}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFinding {
    /// The rule's name.
    pub rule: String,
    /// What.
    pub finding: Finding,
}

/// What is wrong with a text in another language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where in the text, in characters from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// Loads a configuration and everything it includes.
///
/// # Errors
/// Every problem, errors and warnings, in the order of files and lines; at least one is an error.
pub fn load(path: &Path) -> Result<Config, Vec<Problem>> {
    load_with(path, &())
}

/// [`load`], with the checks of those who know.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, checks: &dyn Checks) -> Result<Config, Vec<Problem>> {
    let mut loader = Loader::default();
    loader.file(path, None);
    finish(loader, checks, true)
}

/// Loads a configuration that came as a [`Bundle`], as if its files stood in `folder`: secrets and certificates are
/// looked for there.
///
/// # Errors
/// As [`load`].
pub fn load_bundle(bundle: &Bundle, folder: &Path, checks: &dyn Checks) -> Result<Config, Vec<Problem>> {
    let mut loader = Loader { shelf: Shelf::Held(bundle.in_folder(folder)), ..Loader::default() };
    loader.file(&folder.join(bundle.main()), None);
    finish(loader, checks, true)
}

/// Loads a configuration from a text; `name` stands for the file. Nothing on disk is looked at.
///
/// # Errors
/// As [`load`].
pub fn load_str(name: &str, text: &str) -> Result<Config, Vec<Problem>> {
    load_str_with(name, text, &())
}

/// [`load_str`], with the checks of those who know.
///
/// # Errors
/// As [`load`].
pub fn load_str_with(name: &str, text: &str, checks: &dyn Checks) -> Result<Config, Vec<Problem>> {
    let mut loader = Loader::default();
    loader.text(PathBuf::from(name), text.to_owned(), false);
    finish(loader, checks, false)
}

/// The files as they come in, an included one before the one that includes it.
#[derive(Default)]
struct Loader {
    shelf: Shelf,
    sources: Sources,
    order: Vec<usize>,
    problems: Vec<Problem>,
    visited: BTreeSet<PathBuf>,
    syntax: Syntax,
}

/// Where files could not be parsed: problems found there would only confuse.
#[derive(Default)]
struct Syntax {
    lines: BTreeSet<(String, usize)>,
    /// From this line on keys may have landed in the wrong table.
    cut: BTreeMap<String, usize>,
}

impl Syntax {
    fn makes_sense(&self, problem: &Problem) -> bool {
        !self.lines.contains(&(problem.file.clone(), problem.line))
            && self.cut.get(&problem.file).is_none_or(|from| problem.line < *from)
    }
}

impl Loader {
    fn file(&mut self, path: &Path, include: Option<(Span, String)>) {
        if !self.visited.insert(self.shelf.canonical(path)) {
            self.include_problem(include, path, "is included twice", "include each file once");
            return;
        }
        match self.shelf.read(path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => self.text(path.to_owned(), text, true),
                Err(error) => self.not_text(path, error),
            },
            Err(error) => {
                let hint = if error.kind() == io::ErrorKind::NotFound {
                    "is the path right? --config FILE or HOOKSWITCH_CONFIG names another"
                } else {
                    "may the user of the daemon read it?"
                };
                self.include_problem(include, path, &format!("cannot be read: {error}"), hint);
            }
        }
    }

    fn include_problem(&mut self, include: Option<(Span, String)>, path: &Path, what: &str, hint: &str) {
        let (span, key) = include.unwrap_or_else(|| {
            // The main file itself: there is no text to point into.
            (span_of(self.sources.push(path.to_owned(), String::new()), 0..0), String::new())
        });
        let message = format!("{} {what}", path.display());
        self.problems.push(self.sources.problem(Severity::Error, span, &key, message, hint.to_owned()));
        self.syntax.lines.insert((String::new(), 0)); // Something is missing.
    }

    fn not_text(&mut self, path: &Path, error: std::string::FromUtf8Error) {
        let start = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let file = self.sources.push(path.to_owned(), text);
        let message = format!("{} is not UTF-8 text", path.display());
        let hint = "save the file as UTF-8".to_owned();
        self.problems.push(self.sources.problem(
            Severity::Error,
            span_of(file, start..start),
            "",
            message,
            hint,
        ));
        self.syntax.lines.insert((path.display().to_string(), 0));
    }

    fn text(&mut self, path: PathBuf, text: String, includes: bool) {
        // Parsed here for its includes and again to be read: files are small, and the sources must be whole first.
        let (table, errors) = DeTable::parse_recoverable(&text);
        let file = self.sources.push(path, text.clone());
        for error in errors {
            self.syntax_error(file, &error);
        }
        self.includes(file, table.get_ref(), includes);
        self.order.push(file);
    }

    fn syntax_error(&mut self, file: usize, error: &toml::de::Error) {
        let Some(source) = self.sources.get(file) else { return };
        let range = error.span().unwrap_or(0..0);
        let header = source.line_at(range.start).trim_start().starts_with('[');
        let hint = match error.message() {
            message if message.contains("duplicate key") => {
                "a key stands once in its table; several tables are written [[…]]"
            }
            message if message.contains("string") => "strings stand in double quotes, on one line",
            _ if header => "a table is [name], one of several is [[name]]",
            _ => "key = value; strings in quotes, lists in brackets, tables in braces",
        };
        let message = format!("not TOML: {}", error.message());
        let problem =
            self.sources.problem(Severity::Error, span_of(file, range), "", message, hint.to_owned());
        if header {
            let from = self.syntax.cut.entry(problem.file.clone()).or_insert(usize::MAX);
            *from = problem.line.min(*from);
        }
        self.syntax.lines.insert((problem.file.clone(), problem.line));
        self.problems.push(problem);
    }

    fn includes(&mut self, file: usize, table: &DeTable<'_>, on_disk: bool) {
        let Some((_, value)) = table.iter().find(|(key, _)| key.get_ref() == "include") else { return };
        let span = span_of(file, value.span());
        let patterns = match value.get_ref().as_array() {
            Some(array) => {
                array.iter().map(|item| (span_of(file, item.span()), item.get_ref().as_str())).collect()
            }
            None => vec![(span, value.get_ref().as_str())],
        };
        for (span, pattern) in patterns {
            match pattern {
                Some(pattern) if on_disk => self.include(span, pattern),
                _ => {
                    let hint = if on_disk {
                        "include = [\"queues/*.toml\"]"
                    } else {
                        "load the configuration from a file"
                    };
                    let message =
                        if on_disk { "a path in quotes is meant" } else { "a text has no files beside it" };
                    let problem = self.sources.problem(
                        Severity::Error,
                        span,
                        "include",
                        message.to_owned(),
                        hint.to_owned(),
                    );
                    self.problems.push(problem);
                }
            }
        }
    }

    fn include(&mut self, span: Span, pattern: &str) {
        let folder = self.sources.folder(span.file).to_owned();
        if !glob::is_pattern(pattern) {
            self.file(&folder.join(pattern), Some((span, "include".to_owned())));
            return;
        }
        let found = self.shelf.matching(&folder, pattern);
        if found.is_empty() {
            let message = format!("no file matches {pattern:?}");
            let from = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
            let hint = format!("files are looked for from {}", from.display());
            self.problems.push(self.sources.problem(Severity::Warning, span, "include", message, hint));
        }
        for path in found {
            self.file(&path, Some((span, "include".to_owned())));
        }
    }
}

/// Reads and checks what was loaded.
fn finish(loader: Loader, checks: &dyn Checks, on_disk: bool) -> Result<Config, Vec<Problem>> {
    let Loader { shelf: _, sources, order, problems, syntax, visited: _ } = loader;
    let texts: Vec<(usize, String)> =
        order.iter().filter_map(|file| Some((*file, sources.get(*file)?.text.clone()))).collect();
    let already = problems.len();
    let incomplete = !syntax.lines.is_empty();
    let mut reader = Reader::new(sources, problems, incomplete);
    let mut config = section::read_all(&mut reader, &texts);
    check::all(&mut reader, &config, checks, on_disk);
    let (sources, places, mut problems, _) = reader.finish();
    let mut position = 0;
    problems.retain(|problem| {
        position += 1;
        position <= already || syntax.makes_sense(problem)
    });
    let rank: BTreeMap<String, usize> =
        sources.iter().map(|(file, source)| (source.path.display().to_string(), file)).collect();
    problems.sort_by_cached_key(|problem| (rank.get(&problem.file).copied(), problem.line, problem.column));
    problems.dedup();
    if problems.iter().any(Problem::is_error) {
        return Err(problems);
    }
    config.warnings = problems;
    config.origin = Origin { sources: Arc::new(sources), places: Arc::new(places) };
    Ok(config)
}
