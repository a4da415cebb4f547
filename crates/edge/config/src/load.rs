//! From files to a checked configuration.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use hookswitch_model::setup::Setup;
use toml::de::DeTable;

use crate::{
    Config, Problem, check, glob,
    problem::Severity,
    read::{Node, Reader, span_of},
    section,
    source::{Origin, Sources, Span},
    suggest,
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
        let canonical = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if !self.visited.insert(canonical) {
            self.include_problem(include, path, "is included twice", "include each file once");
            return;
        }
        match fs::read(path) {
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
        let found = glob::files(&folder, pattern);
        if found.is_empty() {
            let message = format!("no file matches {pattern:?}");
            let hint = format!("files are looked for from {}", folder.display());
            self.problems.push(self.sources.problem(Severity::Warning, span, "include", message, hint));
        }
        for path in found {
            self.file(&path, Some((span, "include".to_owned())));
        }
    }
}

/// Reads and checks what was loaded.
fn finish(loader: Loader, checks: &dyn Checks, on_disk: bool) -> Result<Config, Vec<Problem>> {
    let Loader { sources, order, problems, syntax, visited: _ } = loader;
    let texts: Vec<(usize, String)> =
        order.iter().filter_map(|file| Some((*file, sources.get(*file)?.text.clone()))).collect();
    let already = problems.len();
    let incomplete = !syntax.lines.is_empty();
    let mut reader = Reader::new(sources, problems, incomplete);
    let mut config = sections(&mut reader, &texts);
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

/// Keys that the sections ask for: `pbx.dial_context`. For the test that the sample shows them all.
#[cfg(test)]
pub(crate) fn known_keys(text: &str) -> BTreeSet<String> {
    let mut loader = Loader::default();
    loader.text(PathBuf::from("known.toml"), text.to_owned(), false);
    let mut reader = Reader::new(loader.sources, Vec::new(), false);
    sections(&mut reader, &[(0, text.to_owned())]);
    reader.finish().3
}

const TABLES: [&str; 5] = ["server", "journal", "numbers", "auth", "crm"];
const LISTS: [&str; 7] = ["pbx", "agent", "queue", "route", "webhook", "token", "alias"];
const CALENDAR: &str = "calendar";

/// The tables of all files, by name.
#[derive(Default)]
struct Entries<'a> {
    tables: BTreeMap<&'static str, Node<'a>>,
    lists: BTreeMap<&'static str, Vec<Node<'a>>>,
    calendars: BTreeMap<String, Node<'a>>,
}

fn sections(reader: &mut Reader, texts: &[(usize, String)]) -> Config {
    // Errors of syntax were told when the files were loaded.
    let parsed: Vec<_> =
        texts.iter().map(|(file, text)| (*file, DeTable::parse_recoverable(text).0)).collect();
    let mut entries = Entries::default();
    for (file, table) in &parsed {
        for (key, value) in table.get_ref() {
            let key_span = span_of(*file, key.span());
            let node = Node {
                key: key.get_ref().to_string(),
                span: span_of(*file, value.span()),
                value: value.get_ref(),
            };
            entries.take(reader, node, key_span);
        }
    }
    entries.read(reader)
}

impl<'a> Entries<'a> {
    fn take(&mut self, reader: &mut Reader, node: Node<'a>, key_span: Span) {
        if let Some(name) = TABLES.into_iter().find(|name| *name == node.key) {
            self.table(reader, name, node);
        } else if let Some(name) = LISTS.into_iter().find(|name| *name == node.key) {
            self.list(reader, name, node);
        } else if node.key == CALENDAR {
            self.calendars(reader, &node);
        } else if node.key != "include" {
            let names = TABLES.into_iter().chain(LISTS).chain([CALENDAR, "include"]);
            let hint = suggest::hint(&node.key, "such table", names);
            let at = Node { span: key_span, ..node };
            reader.error(&at, format!("unknown key `{}`", at.key), hint);
        }
    }

    fn table(&mut self, reader: &mut Reader, name: &'static str, node: Node<'a>) {
        if node.value.is_array() {
            let message = format!("there is only one {name}");
            reader.error(&node, message, format!("write [{name}]"));
        } else if self.tables.contains_key(name) {
            let first = reader.position(name);
            reader.error(&node, format!("[{name}] stands in two files"), format!("the first is at {first}"));
        } else {
            reader.note_place(name, node.span);
            self.tables.insert(name, node);
        }
    }

    fn list(&mut self, reader: &mut Reader, name: &'static str, node: Node<'a>) {
        let Some(array) = node.value.as_array() else {
            let message = format!("`{name}` is a list of tables");
            reader.error(&node, message, format!("write [[{name}]]"));
            return;
        };
        let list = self.lists.entry(name).or_default();
        for value in array {
            let key = format!("{name}[{}]", list.len());
            let span = span_of(node.span.file, value.span());
            reader.note_place(&key, span);
            list.push(Node { key, span, value: value.get_ref() });
        }
    }

    fn calendars(&mut self, reader: &mut Reader, node: &Node<'a>) {
        let Some(table) = node.value.as_table() else {
            reader.error(node, "`calendar` is a table of calendars", "write [calendar.office]");
            return;
        };
        for (name, value) in table {
            let key = format!("{CALENDAR}.{}", name.get_ref());
            let span = span_of(node.span.file, value.span());
            let one = Node { key: key.clone(), span, value: value.get_ref() };
            if self.calendars.contains_key(name.get_ref().as_ref()) {
                let first = reader.position(&key);
                reader.error(
                    &one,
                    format!("[{key}] stands in two files"),
                    format!("the first is at {first}"),
                );
            } else {
                reader.note_place(&key, span);
                self.calendars.insert(name.get_ref().to_string(), one);
            }
        }
    }

    fn read(self, reader: &mut Reader) -> Config {
        let Self { tables, lists, calendars } = self;
        let table = |name: &str| tables.get(name);
        let list = |name: &str| lists.get(name).into_iter().flatten();
        let pbxs: Vec<_> = list("pbx").filter_map(|node| section::pbx::read(reader, node)).collect();
        Config {
            server: table("server").and_then(|node| section::server::read(reader, node)).unwrap_or_default(),
            journal: table("journal")
                .and_then(|node| section::journal::read(reader, node))
                .unwrap_or_default(),
            numbers: table("numbers")
                .and_then(|node| section::numbers::read(reader, node))
                .unwrap_or_default(),
            auth: table("auth").and_then(|node| section::auth::read(reader, node)).unwrap_or_default(),
            agents: list("agent").filter_map(|node| section::agent::read(reader, node, &pbxs)).collect(),
            pbxs,
            queues: list("queue").filter_map(|node| section::queue::read(reader, node)).collect(),
            routes: list("route").filter_map(|node| section::route::read(reader, node)).collect(),
            calendars: calendars
                .iter()
                .filter_map(|(name, node)| Some((name.clone(), section::calendar::read(reader, node)?)))
                .collect(),
            crm: table("crm").and_then(|node| section::crm::read(reader, node)).unwrap_or_default(),
            webhooks: list("webhook").filter_map(|node| section::webhook::read(reader, node)).collect(),
            tokens: list("token").filter_map(|node| section::token::read(reader, node)).collect(),
            aliases: list("alias").filter_map(|node| section::alias::read(reader, node)).collect(),
            ..Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that a text shows, set or commented out.
    fn shows(text: &str, key: &str) -> bool {
        text.match_indices(key).any(|(at, _)| {
            let alone = |c: Option<char>| !c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
            alone(text[..at].chars().next_back())
                && (text[at + key.len()..].trim_start().starts_with('=')
                    || text[..at].ends_with('.') && text[at + key.len()..].starts_with(']'))
        })
    }

    #[test]
    fn the_main_file_shows_every_key_there_is() {
        let shipped = |name: &str| {
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config").join(name))
                .unwrap()
        };
        let (main, sip) = (shipped("hookswitch.toml"), shipped("examples/sip-edge.toml"));
        let every_table = "
            pbx = [{}]
            agent = [{}]
            queue = [{ members = {}, service_level = {}, max_wait = { then = {} }, requires = [{}], fallback = {} }]
            route = [{ requires = {} }]
            webhook = [{}]
            token = [{}]
            alias = [{ reply = {} }]
            server = { tls = {} }
            journal = { cluster = {} }
            numbers = {}
            auth = { jwt = {} }
            crm = { lookup = {}, pop = {} }
            calendar = { office = {} }";
        let mut known = known_keys(every_table);
        known.extend(known_keys("pbx = [{ tls = {}, features = {}, secret = {}, fallback = {} }]"));
        assert!(known.len() > 80, "{known:?}");
        for key in &known {
            let name = key.rsplit('.').next().unwrap();
            assert!(shows(&main, name), "{key} does not stand in hookswitch.toml");
        }
        for key in known_keys("pbx = [{ kind = 'sip', trunks = [{}] }]") {
            let name = key.rsplit('.').next().unwrap();
            assert!(
                shows(&sip, name) || shows(&main, name),
                "{key} does not stand in examples/sip-edge.toml"
            );
        }
    }
}
