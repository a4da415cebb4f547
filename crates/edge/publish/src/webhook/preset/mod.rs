//! Presets: what a CRM is told of calls, in its own words. A preset is data, a file of TOML; this is what runs it.
//!
//! ```text
//! event ─→ calls? ─→ the next message that is due ─→ request ─→ answer ─→ noted, captured ─┐
//!            ↑ no: nothing is told        ↑                                              │
//!                                         └──────────────────────────────────────────────┘ until none is due
//! ```
//!
//! A message is told for events of some types, under a condition, once a call, once an agent, or with each event. With
//! `phase` it has its place in the course of a call, which no receiver sees out of order: a start comes before anything
//! else and once, nothing comes after an end, and a call that moves on to somebody else may begin anew under another id.
//! What was told, and what the answers held, is [kept](Memory) for each call until it is over.

mod compile;
mod field;
mod outcome;
mod sign;
mod source;
mod told;
mod view;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use hookswitch_egress::Reply;
use hookswitch_wire::template::{Numbers, PopSource, Template, TemplateError};
use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Map, Value};

pub(crate) use self::told::{Mark, Memory, Told};
pub use self::view::AgentCard;
use self::{
    field::{Expression, Field, is_empty},
    sign::Signer,
    source::{BodyKind, Per, Phase},
    view::{Sight, View},
};
use super::success::SuccessTest;

/// The longest id of a call: what the narrowest receiver takes.
const MAX_ID: usize = 250;

/// The presets that ship with Hookswitch, by name. `cloudevents` is none of them: it is the event itself.
const BUILT_IN: [(&str, &str); 8] = [
    ("bitrix24", include_str!("bitrix24.toml")),
    ("creme", include_str!("creme.toml")),
    ("frappe", include_str!("frappe.toml")),
    ("sipgate", include_str!("sipgate.toml")),
    ("vtiger", include_str!("vtiger.toml")),
    ("zadarma", include_str!("zadarma.toml")),
    ("zammad", include_str!("zammad.toml")),
    ("zoho", include_str!("zoho.toml")),
];

/// A preset, compiled.
#[derive(Clone)]
pub struct Preset {
    name: String,
    title: String,
    calls: Expression,
    call_id: Template,
    user: Template,
    gather: Duration,
    answers: Tests,
    always_2xx: bool,
    messages: Vec<Message>,
    values: BTreeMap<String, Given>,
    words: Value,
    sign: Option<Signer>,
    token_scheme: String,
    pop: PopSource,
    numbers: Arc<dyn Numbers>,
}

/// What is wrong with the file of a preset, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}:{column}: {message}")]
pub struct PresetError {
    /// The file, as it was named.
    pub name: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would do.
    pub hint: String,
}

/// A value that the configuration gives.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    about: String,
    default: Option<String>,
}

/// One message, compiled.
#[derive(Debug, Clone)]
struct Message {
    name: String,
    on: Vec<String>,
    when: Option<Expression>,
    phase: Option<Phase>,
    per: Per,
    method: Method,
    /// None: the webhook's own.
    url: Option<Template>,
    body: BodyKind,
    headers: Vec<(HeaderName, Template)>,
    fields: Vec<(String, Field)>,
    keep_empty: bool,
    answers: Tests,
    capture: BTreeMap<String, String>,
}

/// What answers mean.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tests {
    pub(crate) ok_if: Option<SuccessTest>,
    pub(crate) taken_if: Option<SuccessTest>,
    pub(crate) refused_if: Option<SuccessTest>,
}

impl Preset {
    /// The preset of this name that ships with Hookswitch.
    ///
    /// # Errors
    /// None of its own: the files that ship are compiled in the tests.
    pub fn built_in(name: &str, numbers: &Arc<dyn Numbers>) -> Option<Result<Self, Vec<PresetError>>> {
        let (name, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        Some(Self::parse(name, text, numbers))
    }

    /// The names of those.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A preset from its file. `name` is the file's, for messages.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(name: &str, text: &str, numbers: &Arc<dyn Numbers>) -> Result<Self, Vec<PresetError>> {
        compile::compile(name, text, numbers)
    }

    /// What people call it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What the agent's screen opens where `crm.pop` says nothing; `base` is the webhook's address.
    #[must_use]
    pub fn pop(&self, base: &str) -> PopSource {
        let base = base.trim_end_matches('/');
        let page = |page: &Option<String>| page.as_ref().map(|page| page.replace("{{ url }}", base));
        PopSource { one: page(&self.pop.one), many: page(&self.pop.many), none: page(&self.pop.none) }
    }

    /// The word before a token of OAuth 2 in `Authorization`.
    #[must_use]
    pub fn token_scheme(&self) -> &str {
        &self.token_scheme
    }

    /// Signs with the secret as it is written, and not as Standard Webhooks do.
    #[must_use]
    pub const fn signs_itself(&self) -> bool {
        self.sign.is_some()
    }

    /// What is missing of the values it asks for: name and meaning.
    #[must_use]
    pub fn missing(&self, values: &BTreeMap<String, String>) -> Vec<(String, String)> {
        compile::complete(&self.values, values).err().unwrap_or_default()
    }

    /// Values it knows; others are given in vain.
    pub fn value_names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    fn has_start(&self) -> bool {
        self.messages.iter().any(|message| message.phase == Some(Phase::Start))
    }
}

impl fmt::Debug for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Preset").field(&self.name).finish()
    }
}

/// A preset as one webhook speaks it: with its agents, values and key.
#[derive(Clone)]
pub struct Dialect {
    preset: Preset,
    agents: Map<String, Value>,
    values: Value,
    key: Option<Vec<u8>>,
}

/// The next request of an event.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) mark: Mark,
    /// Beside the event's id: `start`.
    pub(crate) name: String,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) judge: Judge,
}

/// What the answer to a message is judged by, and what is taken from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Judge {
    pub(crate) tests: Tests,
    pub(crate) always_2xx: bool,
    pub(crate) capture: BTreeMap<String, String>,
}

/// An event of a call and what is known beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    pub(crate) seq: u64,
    pub(crate) event: &'a Value,
    /// Offers that were told right after it.
    pub(crate) ahead: &'a [Value],
    pub(crate) told: &'a Told,
    /// The webhook's.
    pub(crate) url: &'a Url,
}

impl Dialect {
    /// A preset with what the configuration says beside it; `key` is the secret as it is written.
    ///
    /// # Errors
    /// When a user's name cannot be made of an agent.
    pub fn new(
        preset: Preset,
        agents: Vec<AgentCard>,
        values: &BTreeMap<String, String>,
        key: Option<&str>,
    ) -> Result<Self, TemplateError> {
        let mut cards = Map::new();
        for mut agent in agents {
            if agent.user.is_empty() {
                let context: Map<String, Value> =
                    [("agent".to_owned(), serde_json::to_value(&agent).unwrap_or_default())]
                        .into_iter()
                        .collect();
                agent.user = preset.user.render(&context)?;
            }
            cards.insert(agent.id.clone(), serde_json::to_value(&agent).unwrap_or_default());
        }
        let values = compile::complete(&preset.values, values).unwrap_or_else(|_| values.clone());
        let values = serde_json::to_value(values).unwrap_or_default();
        Ok(Self { preset, agents: cards, values, key: key.map(|key| key.as_bytes().to_vec()) })
    }

    /// The preset's name.
    pub(crate) fn name(&self) -> &str {
        &self.preset.name
    }

    /// Signs with the key, and not as Standard Webhooks do.
    pub(crate) const fn signs_itself(&self) -> bool {
        self.preset.signs_itself()
    }

    /// Whether any message is told for events of this type.
    pub(crate) fn wants(&self, type_name: &str) -> bool {
        self.preset.messages.iter().any(|message| message.on.iter().any(|on| on == type_name))
    }

    /// How long an event of this type waits for those that are told with it.
    pub(crate) fn gathers(&self, type_name: &str) -> Duration {
        if type_name == "call.offered" { self.preset.gather } else { Duration::ZERO }
    }

    /// Whether an event of the same call that came later belongs to this one: an offer as good as at once.
    pub(crate) fn is_told_with(&self, event: &Value, other: &Value) -> bool {
        let at = |event: &Value| event["time"].as_str()?.parse::<jiff::Timestamp>().ok();
        let later = at(event).zip(at(other)).map(|(first, second)| second.duration_since(first));
        let soon = later.is_some_and(|later| later.unsigned_abs() <= self.preset.gather);
        other["type"] == "call.offered" && soon
    }

    /// The next request that is due with an event; none when all is told.
    ///
    /// # Errors
    /// When it cannot be made: no other attempt would help.
    pub(crate) fn next(&self, occasion: Occasion<'_>) -> Result<Option<Prepared>, String> {
        self.due(occasion).map_err(|error| error.to_string())
    }

    fn due(&self, occasion: Occasion<'_>) -> Result<Option<Prepared>, Unmade> {
        let view = self.view(occasion)?;
        if !self.preset.calls.holds(&view)? {
            return Ok(None);
        }
        let type_name = occasion.event["type"].as_str().unwrap_or_default();
        let told = occasion.told;
        for message in &self.preset.messages {
            let mark = message.mark(&view);
            if !message.on.iter().any(|on| on == type_name)
                || told.is_ended()
                || told.has(occasion.seq, &mark)
                || !message.applies(&view)?
            {
                continue;
            }
            let is_start = message.phase == Some(Phase::Start);
            if is_start && told.is_started() && message.per == Per::Call {
                continue;
            }
            if is_start || told.is_started() || !self.preset.has_start() {
                return self.request(message, mark, view, occasion.url).map(Some);
            }
            // What was never begun there needs no end there: only a call as a whole is told after the fact.
            let closes = matches!(message.phase, Some(Phase::End | Phase::Move));
            if closes && told.part() > 0 {
                continue;
            }
            if let Some(start) = self.start(&view)? {
                let mark = start.mark(&view);
                return self.request(start, mark, view, occasion.url).map(Some);
            }
        }
        Ok(None)
    }

    /// The beginning that fits this call.
    fn start(&self, view: &View) -> Result<Option<&Message>, TemplateError> {
        for message in self.preset.messages.iter().filter(|message| message.phase == Some(Phase::Start)) {
            if message.applies(view)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn view(&self, occasion: Occasion<'_>) -> Result<View, Unmade> {
        let base = occasion.url.as_str().trim_end_matches('/');
        let sight = Sight {
            event: occasion.event,
            ahead: occasion.ahead,
            told: occasion.told,
            url: base,
            agents: &self.agents,
            values: &self.values,
            words: &self.preset.words,
            numbers: &self.preset.numbers,
        };
        let view = sight.view();
        let id = self.call_id(&view)?;
        let part = occasion.told.part();
        let before =
            if part == 0 { String::new() } else { self.call_id(&sight.view().with("part", part.into()))? };
        Ok(view.with("call_id", id.into()).with("previous_call_id", before.into()))
    }

    fn call_id(&self, view: &View) -> Result<String, Unmade> {
        let id = self.preset.call_id.render(view.context())?;
        if id.is_empty() || id.len() > MAX_ID {
            return Err(Unmade::Id(id.len()));
        }
        Ok(id)
    }

    fn request(&self, message: &Message, mark: Mark, view: View, own: &Url) -> Result<Prepared, Unmade> {
        let mut url = match &message.url {
            None => own.clone(),
            Some(template) => template.render(view.context())?.parse().map_err(|_| Unmade::Url)?,
        };
        // What stands in an event must not lead anywhere else than the configuration says.
        if url.origin() != own.origin() {
            return Err(Unmade::Origin);
        }
        let mut fields = Vec::new();
        for (name, field) in &message.fields {
            let value = field.value(&view)?;
            if message.keep_empty || !is_empty(&value) {
                fields.push((name.clone(), value));
            }
        }
        let body = match message.body {
            BodyKind::Json => Bytes::from(Value::Object(fields.iter().cloned().collect()).to_string()),
            BodyKind::Form => Bytes::from(encoded(&fields)),
            BodyKind::Query => {
                if !fields.is_empty() {
                    url.query_pairs_mut().extend_pairs(pairs(&fields));
                }
                Bytes::new()
            }
        };
        let mut headers = HeaderMap::new();
        let kind = match message.body {
            BodyKind::Json => Some("application/json; charset=utf-8"),
            BodyKind::Form => Some("application/x-www-form-urlencoded"),
            BodyKind::Query => None,
        };
        headers.extend(kind.map(|kind| (CONTENT_TYPE, HeaderValue::from_static(kind))));
        for (name, value) in &message.headers {
            let value = HeaderValue::try_from(value.render(view.context())?).map_err(|_| Unmade::Header)?;
            headers.insert(name.clone(), value);
        }
        if let (Some(signer), Some(key)) = (&self.preset.sign, &self.key) {
            let signature = signer.sign(key, &sign::view_of(view, &fields, &body))?;
            headers.insert(signer.header.clone(), signature.ok_or(Unmade::Header)?);
        }
        let (method, name) = (message.method.clone(), message.name.clone());
        Ok(Prepared { mark, name, method, url, headers, body, judge: self.judge(message) })
    }

    fn judge(&self, message: &Message) -> Judge {
        let (own, all) = (&message.answers, &self.preset.answers);
        let either =
            |own: &Option<SuccessTest>, all: &Option<SuccessTest>| own.as_ref().or(all.as_ref()).cloned();
        Judge {
            tests: Tests {
                ok_if: either(&own.ok_if, &all.ok_if),
                taken_if: either(&own.taken_if, &all.taken_if),
                refused_if: either(&own.refused_if, &all.refused_if),
            },
            always_2xx: self.preset.always_2xx,
            capture: message.capture.clone(),
        }
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values and key may be secrets.
        f.debug_tuple("Dialect").field(&self.preset.name).finish()
    }
}

impl Message {
    fn applies(&self, view: &View) -> Result<bool, TemplateError> {
        self.when.as_ref().map_or(Ok(true), |when| when.holds(view))
    }

    fn mark(&self, view: &View) -> Mark {
        let agent = view.context().get("agent").and_then(|agent| agent["id"].as_str()).map(str::to_owned);
        let of = if self.per == Per::Agent { agent.as_deref() } else { None };
        let key = of.map_or_else(|| self.name.clone(), |agent| format!("{} {agent}", self.name));
        Mark { key, per: self.per, phase: self.phase, agent }
    }
}

impl Judge {
    /// Whether the body of the answer is needed at all.
    pub(crate) fn reads_body(&self) -> bool {
        let Tests { ok_if, taken_if, refused_if } = &self.tests;
        ok_if.is_some() || taken_if.is_some() || refused_if.is_some() || !self.capture.is_empty()
    }

    /// What is to be remembered of an answer.
    ///
    /// # Errors
    /// What is not there.
    pub(crate) fn captured(&self, reply: &Reply) -> Result<BTreeMap<String, String>, String> {
        if self.capture.is_empty() {
            return Ok(BTreeMap::new());
        }
        let body: Value = serde_json::from_str(&reply.text).unwrap_or_default();
        let value = |(name, pointer): (&String, &String)| match body.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => Ok((name.clone(), text.clone())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok((name.clone(), value.to_string())),
            Some(_) | None => Err(format!("the answer has no {pointer}")),
        };
        self.capture.iter().map(value).collect()
    }
}

/// Why a request cannot be made.
#[derive(Debug, thiserror::Error)]
enum Unmade {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("the id of the call is {0} bytes long; 1 to {MAX_ID} are taken")]
    Id(usize),
    #[error("the address is no URL: pass every value through urlencode")]
    Url,
    #[error("the address leads to another host than the webhook's")]
    Origin,
    #[error("a header holds what no header may")]
    Header,
}

/// Fields as a form or a query has them: a list is its name again and again.
fn pairs(fields: &[(String, Value)]) -> impl Iterator<Item = (&str, String)> {
    fields.iter().flat_map(|(name, value)| {
        let values = match value {
            Value::Array(items) => items.iter().collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                vec![value]
            }
        };
        values
            .into_iter()
            .map(|value| (name.as_str(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    })
}

fn encoded(fields: &[(String, Value)]) -> String {
    let mut url: Url = "http://form".parse().expect("a URL");
    url.query_pairs_mut().extend_pairs(pairs(fields));
    url.query().unwrap_or_default().to_owned()
}
