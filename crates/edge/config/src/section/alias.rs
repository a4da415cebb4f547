//! `[[alias]]`: routes that a CRM calls by names of its own.

use crate::{
    read::{
        Node, Reader,
        value::{line, one_of, some, text},
    },
    suggest,
};

/// `[[alias]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Where it stands: `alias[0]`.
    pub key: String,
    /// The path, from the root.
    pub path: String,
    /// Methods of HTTP.
    pub methods: Vec<String>,
    /// What it does.
    pub action: AliasAction,
    /// Name of the parameter with the number.
    pub to: Option<String>,
    /// Name of the parameter with the agent.
    pub agent: Option<String>,
    /// Name of the parameter with the token.
    pub secret: Option<String>,
    /// Name of the parameter with the call's id; without it the agent's only call is meant.
    pub call: Option<String>,
    /// What is answered.
    pub reply: AliasReply,
}

/// `alias.action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the control verbs of the public API")]
pub enum AliasAction {
    Dial,
    Hangup,
    Transfer,
    Hold,
    Retrieve,
}

/// `alias.reply`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasReply {
    /// Its media type.
    pub content_type: String,
    /// When it was taken. `{{ action }}` and `{{ call }}` stand for the ids.
    pub ok: String,
    /// When it was refused. `{{ error }}` stands for the reason.
    pub error: String,
}

impl Default for AliasReply {
    fn default() -> Self {
        Self { content_type: "text/plain".to_owned(), ok: "OK".to_owned(), error: "Error".to_owned() }
    }
}

const ACTIONS: [(&str, AliasAction); 5] = [
    ("dial", AliasAction::Dial),
    ("hangup", AliasAction::Hangup),
    ("transfer", AliasAction::Transfer),
    ("hold", AliasAction::Hold),
    ("retrieve", AliasAction::Retrieve),
];

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// Paths of our own, which no alias may cover.
const TAKEN: [&str; 11] = [
    "/v1",
    "/desktop",
    "/wallboard",
    "/admin",
    "/sdk",
    "/dial",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/asyncapi.json",
];

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Alias> {
    let key = node.key.clone();
    let mut fields = reader.fields(node)?;
    let path = fields.required("path", "from the root, as in \"/click\"", path);
    let methods = fields.or("methods", vec!["GET".to_owned()], some(method));
    let action = fields.required("action", "dial, hangup, transfer, hold or retrieve", one_of(&ACTIONS));
    let to = fields.optional("to", line);
    let agent = fields.optional("agent", line);
    let secret = fields.optional("secret", line);
    let call = fields.optional("call", line);
    let reply = fields.or("reply", AliasReply::default(), reply);
    if matches!(action, Some(AliasAction::Dial | AliasAction::Transfer)) && !fields.has("to") {
        let hint = "the name of the parameter that holds the number";
        fields.error_at("to", "`to` is missing: nothing says whom to reach", hint);
    }
    fields.finish();
    Some(Alias { key, path: path?, methods, action: action?, to, agent, secret, call, reply })
}

fn path(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = line(reader, node)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    if !text.starts_with('/') || text.len() < 2 || text.ends_with('/') || !text.chars().all(plain) {
        reader.error(
            node,
            format!("{text:?} is no path"),
            "begins with a slash, as in \"/click\"; letters, digits, - _ . ~",
        );
        return None;
    }
    let covers =
        |taken: &&str| text.strip_prefix(*taken).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some(taken) = TAKEN.into_iter().find(covers) {
        reader.error(node, format!("{text:?} would cover {taken} of the API"), "choose another path");
        return None;
    }
    Some(text)
}

fn method(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    if METHODS.contains(&text.as_str()) {
        return Some(text);
    }
    let hint = suggest::hint(&text, "method", METHODS);
    reader.error(node, format!("{text:?} is no method of an alias"), hint);
    None
}

fn reply(reader: &mut Reader, node: &Node<'_>) -> Option<AliasReply> {
    let default = AliasReply::default();
    let mut fields = reader.fields(node)?;
    let reply = AliasReply {
        content_type: fields.or("type", default.content_type, media),
        ok: fields.or("ok", default.ok, text),
        error: fields.or("error", default.error, text),
    };
    fields.finish();
    Some(reply)
}

/// A media type: `text/plain`, `application/json; charset=utf-8`.
fn media(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = line(reader, node)?;
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let valid = essence.split_once('/').is_some_and(|(kind, name)| plain(kind) && plain(name));
    if !valid || !text.is_ascii() {
        reader.error(node, format!("{text:?} is no media type"), "as in text/plain or application/json");
        return None;
    }
    Some(text)
}
