//! `[[webhook]]`: who is told of events.

use std::{collections::BTreeMap, path::PathBuf};

use hookswitch_model::{AgentId, Millis};

use super::crm::auth;
use crate::{
    LookupAuth, Secret, defaults,
    read::{
        Fields, Node, Reader,
        value::{
            any_key, boolean, duration_in, expression, line, map, name_key, path, secret, some, text, url,
        },
    },
    suggest,
};

/// `[[webhook]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where it stands: `webhook[0]`.
    pub key: String,
    /// Its name, unique.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// Names of events, `call.*`, `*`.
    pub events: Vec<String>,
    /// What signs deliveries; two during a rotation, the new one first; none: unsigned.
    pub secrets: Vec<Secret>,
    /// The form of a delivery.
    pub payload: Payload,
    /// Further headers: authorisation.
    pub headers: BTreeMap<String, Secret>,
    /// It may reach private addresses.
    pub allow_private: bool,
    /// CEL over `status`, `body`, `text`, `headers`: whether a delivery was taken.
    pub ok_if: Option<String>,
    /// How long an answer is waited for.
    pub timeout: Millis,
    /// Who posts, where a header does not say it.
    pub auth: LookupAuth,
    /// What a preset's receiver calls an agent.
    pub users: BTreeMap<AgentId, String>,
    /// What a preset asks for beside: keys, default users.
    pub values: BTreeMap<String, Secret>,
}

/// The form of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A form that ships with Hookswitch, one of [`PRESETS`].
    Preset(String),
    /// A preset of the user's own, in this file.
    File(PathBuf),
    /// The template in this file.
    Template(PathBuf),
}

/// Forms of deliveries that ship with Hookswitch.
pub const PRESETS: [&str; 9] =
    ["cloudevents", "zammad", "sipgate", "vtiger", "creme", "bitrix24", "zoho", "frappe", "zadarma"];

/// Events of the contract, by family; families of later versions are known by their name alone.
pub const EVENTS: [&str; 26] = [
    "call.started",
    "call.identified",
    "call.data",
    "call.queued",
    "call.offered",
    "call.offer_ended",
    "call.answered",
    "call.held",
    "call.retrieved",
    "call.party_joined",
    "call.party_left",
    "call.transferred",
    "call.conferenced",
    "call.ended",
    "screen.pop",
    "screen.popped",
    "agent.state",
    "queue.stats",
    "queue.alert",
    "callback.created",
    "callback.dialled",
    "callback.retry",
    "callback.ended",
    "pbx.link",
    "config.applied",
    "invariant.violated",
];

/// Presets of receivers that answer 2xx also when they refuse.
const ANSWERS_ALWAYS: [&str; 3] = ["frappe", "vtiger", "zadarma"];

impl Webhook {
    /// Its receiver answers 2xx also when it refuses, so that without `ok_if` a 2xx proves nothing.
    #[must_use]
    pub fn answers_always(&self) -> bool {
        match &self.payload {
            Payload::Preset(preset) => ANSWERS_ALWAYS.contains(&preset.as_str()),
            Payload::File(_) | Payload::Template(_) => false,
        }
    }
}

impl Payload {
    /// Messages in a receiver's own words, and not the events.
    #[must_use]
    pub fn is_preset(&self) -> bool {
        match self {
            Self::Preset(name) => name != defaults::WEBHOOK_PRESET,
            Self::File(_) => true,
            Self::Template(_) => false,
        }
    }
}

/// Families whose events the contract leaves open.
const OPEN_FAMILIES: [&str; 2] = ["task", "campaign"];

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Webhook> {
    let key = node.key.clone();
    let mut fields = reader.fields(node)?;
    let name = fields.required("name", "what deliveries are listed under, as in \"crm\"", line);
    let url = fields.required("url", "where deliveries go, as in https://crm.example.com/hooks/cti", url);
    let events = fields.or("events", vec!["*".to_owned()], some(event));
    let payload = payload(&mut fields);
    let secrets = secrets(&mut fields, &payload);
    let headers = fields.or("headers", BTreeMap::new(), headers);
    let allow_private = fields.or("allow_private", false, boolean);
    let ok_if = fields.optional("ok_if", expression);
    let bounds = duration_in(Millis(100), Millis::from_secs(120));
    let timeout = fields.or("timeout", defaults::WEBHOOK_TIMEOUT, bounds);
    let auth = fields.or("auth", LookupAuth::None, auth);
    if auth != LookupAuth::None && headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
        fields.error_at("auth", "auth and headers.Authorization exclude each other", "leave one of them out");
    }
    let users = fields.or("users", BTreeMap::new(), map(name_key, line));
    let values = fields.or("values", BTreeMap::new(), map(any_key, secret));
    if !payload.is_preset() && (fields.has("users") || fields.has("values")) {
        let key = if fields.has("users") { "users" } else { "values" };
        fields.error_at(key, format!("`{key}` is for presets"), "leave it out, or set `preset`");
    }
    fields.finish();
    Some(Webhook {
        key,
        name: name?,
        url: url?,
        events,
        secrets,
        payload,
        headers,
        allow_private,
        ok_if,
        timeout,
        auth,
        users,
        values,
    })
}

fn secrets(fields: &mut Fields<'_, '_>, payload: &Payload) -> Vec<Secret> {
    let one = fields.optional("secret", secret);
    let several = fields.optional("secrets", some(secret));
    match (fields.has("secret"), fields.has("secrets")) {
        (true, true) => fields.error_at(
            "secrets",
            "secret and secrets exclude each other",
            "give one secret, or secrets = [new, old] during a rotation",
        ),
        // A CRM's own form is known by its own means, mostly a key in the URL.
        (false, false) if *payload == Payload::Preset(defaults::WEBHOOK_PRESET.to_owned()) => {
            let hint = "set `secret`, and let the receiver check the signature";
            fields.warn_at("secret", "deliveries are not signed: anybody could send them", hint);
        }
        (true, false) | (false, _) => {}
    }
    if several.as_ref().is_some_and(|secrets| secrets.len() > 2) {
        fields.error_at("secrets", "more than two secrets", "the new one, then the old one");
    }
    several.unwrap_or_else(|| one.into_iter().collect())
}

fn payload(fields: &mut Fields<'_, '_>) -> Payload {
    let preset = fields.optional("preset", preset);
    let template = fields.optional("template", path).map(|path| match path.extension() {
        Some(extension) if extension == "toml" => Payload::File(path),
        Some(_) | None => Payload::Template(path),
    });
    if fields.has("preset") && fields.has("template") {
        fields.error_at("template", "preset and template exclude each other", "leave one of them out");
    }
    template.or(preset).unwrap_or_else(|| Payload::Preset(defaults::WEBHOOK_PRESET.to_owned()))
}

/// The name of one that ships, or a file of the user's own.
fn preset(reader: &mut Reader, node: &Node<'_>) -> Option<Payload> {
    let text = text(reader, node)?;
    if PRESETS.contains(&text.as_str()) {
        return Some(Payload::Preset(text));
    }
    if text.ends_with(".toml") {
        return path(reader, node).map(Payload::File);
    }
    let hint = suggest::hint(&text, "preset", PRESETS);
    reader.error(node, format!("there is no preset {text:?}"), hint);
    None
}

/// The name of an event, a family with `.*`, or `*`.
fn event(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    let families = || EVENTS.iter().filter_map(|event| event.split('.').next()).chain(OPEN_FAMILIES);
    let known = match text.split_once('.') {
        None => text == "*",
        Some((family, "*")) => families().any(|one| one == family),
        Some((family, _)) => EVENTS.contains(&text.as_str()) || OPEN_FAMILIES.contains(&family),
    };
    if known {
        return Some(text);
    }
    let mut patterns: Vec<String> = families().map(|family| format!("{family}.*")).collect();
    patterns.dedup();
    let of_a_family = EVENTS.into_iter().find(|event| event.ends_with(&format!(".{text}")));
    let close = || suggest::closest(&text, EVENTS.into_iter().chain(patterns.iter().map(String::as_str)));
    let hint = match of_a_family.or_else(close) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => format!("the name of an event, as in \"call.ended\", or *, {}", patterns.join(", ")),
    };
    reader.error(node, format!("there is no event {text:?}"), hint);
    None
}

/// Headers of a request; a value may be a secret.
pub(crate) fn headers(reader: &mut Reader, node: &Node<'_>) -> Option<BTreeMap<String, Secret>> {
    let header = |name: &str| {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if !name.is_empty() && name.chars().all(token) {
            Ok(name.to_owned())
        } else {
            Err("the name of an HTTP header, as in Authorization".to_owned())
        }
    };
    map(header, secret)(reader, node)
}
