//! One file a section of the configuration: its type, its defaults, its reading. Here the tables of all files come
//! together.

pub(crate) mod agent;
pub(crate) mod alerts;
pub(crate) mod alias;
pub(crate) mod announce;
pub(crate) mod auth;
pub(crate) mod calendar;
pub(crate) mod callback;
pub(crate) mod crm;
pub(crate) mod journal;
pub(crate) mod list;
pub(crate) mod menu;
pub(crate) mod numbers;
pub(crate) mod pbx;
pub(crate) mod queue;
pub(crate) mod route;
pub(crate) mod server;
pub(crate) mod sip;
pub(crate) mod softphone;
pub(crate) mod token;
pub(crate) mod webhook;

use std::collections::BTreeMap;

use toml::de::DeTable;

use crate::{
    Config,
    read::{Node, Reader, span_of},
    source::Span,
    suggest,
};

const TABLES: [&str; 5] = ["server", "journal", "numbers", "auth", "crm"];
const LISTS: [&str; 7] = ["pbx", "agent", "queue", "route", "webhook", "token", "alias"];
const CALENDAR: &str = "calendar";
const LIST: &str = "list";
const MENU: &str = "menu";

/// The tables of all files, by name.
#[derive(Default)]
struct Entries<'a> {
    tables: BTreeMap<&'static str, Node<'a>>,
    lists: BTreeMap<&'static str, Vec<Node<'a>>>,
    calendars: BTreeMap<String, Node<'a>>,
    named_lists: BTreeMap<String, Node<'a>>,
    menus: BTreeMap<String, Node<'a>>,
}

pub(crate) fn read_all(reader: &mut Reader, texts: &[(usize, String)]) -> Config {
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
            named(reader, &node, &mut self.calendars);
        } else if node.key == LIST {
            named(reader, &node, &mut self.named_lists);
        } else if node.key == MENU {
            named(reader, &node, &mut self.menus);
        } else if node.key != "include" {
            let names = TABLES.into_iter().chain(LISTS).chain([CALENDAR, LIST, MENU, "include"]);
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

    fn read(self, reader: &mut Reader) -> Config {
        let Self { tables, lists, calendars, named_lists, menus } = self;
        let table = |name: &str| tables.get(name);
        let list = |name: &str| lists.get(name).into_iter().flatten();
        let pbxs: Vec<_> = list("pbx").filter_map(|node| pbx::read(reader, node)).collect();
        Config {
            server: table("server").and_then(|node| server::read(reader, node)).unwrap_or_default(),
            journal: table("journal").and_then(|node| journal::read(reader, node)).unwrap_or_default(),
            numbers: table("numbers").and_then(|node| numbers::read(reader, node)).unwrap_or_default(),
            auth: table("auth").and_then(|node| auth::read(reader, node)).unwrap_or_default(),
            agents: list("agent").filter_map(|node| agent::read(reader, node, &pbxs)).collect(),
            pbxs,
            queues: list("queue").filter_map(|node| queue::read(reader, node)).collect(),
            routes: list("route").filter_map(|node| route::read(reader, node)).collect(),
            calendars: calendars
                .iter()
                .filter_map(|(name, node)| Some((name.clone(), calendar::read(reader, node)?)))
                .collect(),
            lists: named_lists
                .iter()
                .filter_map(|(name, node)| Some((name.clone(), list::read(reader, node)?)))
                .collect(),
            menus: menus.iter().filter_map(|(name, node)| menu::read(reader, name, node)).collect(),
            crm: table("crm").and_then(|node| crm::read(reader, node)).unwrap_or_default(),
            webhooks: list("webhook").filter_map(|node| webhook::read(reader, node)).collect(),
            tokens: list("token").filter_map(|node| token::read(reader, node)).collect(),
            aliases: list("alias").filter_map(|node| alias::read(reader, node)).collect(),
            ..Config::default()
        }
    }
}

/// The tables of a table of named ones: `[calendar.office]`.
fn named<'a>(reader: &mut Reader, node: &Node<'a>, into: &mut BTreeMap<String, Node<'a>>) {
    let Some(table) = node.value.as_table() else {
        let message = format!("`{}` is a table of named tables", node.key);
        reader.error(node, message, format!("write [{}.NAME]", node.key));
        return;
    };
    for (name, value) in table {
        let key = format!("{}.{}", node.key, name.get_ref());
        let span = span_of(node.span.file, value.span());
        let one = Node { key: key.clone(), span, value: value.get_ref() };
        if into.contains_key(name.get_ref().as_ref()) {
            let first = reader.position(&key);
            reader.error(&one, format!("[{key}] stands in two files"), format!("the first is at {first}"));
        } else {
            reader.note_place(&key, span);
            into.insert(name.get_ref().to_string(), one);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::source::Sources;

    /// Keys that the sections ask for: `pbx.dial_context`.
    fn known_keys(text: &str) -> BTreeSet<String> {
        let mut sources = Sources::default();
        let file = sources.push("known.toml".into(), text.to_owned());
        let mut reader = Reader::new(sources, Vec::new(), false);
        read_all(&mut reader, &[(file, text.to_owned())]);
        reader.finish().3
    }

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
            queue = [{ members = {}, announce = { sounds = {} }, service_level = {}, max_wait = { then = {} }, requires = [{}], fallback = {} }]
            route = [{ requires = {}, prefer = {} }]
            webhook = [{}]
            token = [{}]
            alias = [{ reply = {} }]
            server = { tls = {} }
            journal = { cluster = {} }
            numbers = {}
            auth = { jwt = {} }
            crm = { lookup = { auth = { basic = {}, oauth2 = {} } }, directory = {}, pop = {} }
            calendar = { office = {} }
            list = { blacklist = {} }
            menu = { main = { collect = {} } }";
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
