//! The URL a screen pop opens.

use std::sync::Arc;

use hookswitch_model::{
    AgentId, QueueId,
    call::{Call, MatchKind},
};
use serde::Serialize;

use super::{Numbers, Template, TemplateError};
use crate::{object, words};

/// The templates as the configuration has them (`crm.pop`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PopSource {
    /// The customer is known.
    pub one: Option<String>,
    /// Several may be the customer: a search. Also for a look-up that failed.
    pub many: Option<String>,
    /// Nobody is known by that number: a new lead.
    pub none: Option<String>,
}

/// What a pop template may use, beside `ani`, `dnis`, `via`, `customer`, `candidates`, `call` and `data`.
#[derive(Debug, Clone, Copy)]
pub struct PopContext<'a> {
    /// The call.
    pub call: &'a Call,
    /// Whose screen.
    pub agent: &'a AgentId,
    /// The queue that offered the call.
    pub queue: Option<&'a QueueId>,
    /// How the customer was matched.
    pub kind: MatchKind,
}

/// The templates of screen pops, compiled and tried.
#[derive(Debug, Clone, Default)]
pub struct PopTemplates {
    one: Option<Checked>,
    many: Option<Checked>,
    none: Option<Checked>,
}

/// A template with the scheme that its own text begins with.
#[derive(Debug, Clone)]
struct Checked {
    template: Template,
    scheme: String,
}

#[derive(Serialize)]
struct Context<'a> {
    ani: object::Ani<'a>,
    dnis: &'a object::Dnis<'a>,
    via: &'a Option<object::Via<'a>>,
    customer: Option<serde_json::Map<String, serde_json::Value>>,
    candidates: &'a [object::Candidate<'a>],
    #[serde(rename = "match")]
    kind: &'static str,
    data: &'a std::collections::BTreeMap<String, String>,
    agent: &'a AgentId,
    queue: Option<&'a QueueId>,
    call: &'a object::Call<'a>,
}

impl PopTemplates {
    /// Compiles the templates and tries each on an empty call, so that a wrong filter is found now and not when a
    /// caller waits.
    ///
    /// # Errors
    /// All that is wrong, each with the template's key and line.
    pub fn new(source: &PopSource, numbers: &Arc<dyn Numbers>) -> Result<Self, Vec<TemplateError>> {
        let mut errors = Vec::new();
        let mut compile = |key: &str, source: &Option<String>| {
            let checked = source.as_deref().map(|source| Checked::new(key, source, numbers)).transpose();
            checked.map_err(|error| errors.push(error)).ok().flatten()
        };
        let templates = Self {
            one: compile("crm.pop.one", &source.one),
            many: compile("crm.pop.many", &source.many),
            none: compile("crm.pop.none", &source.none),
        };
        if errors.is_empty() { Ok(templates) } else { Err(errors) }
    }

    /// The URL for this call; none while the customer is looked up, and where no template is configured for its kind of
    /// match. A number that the caller
    /// withheld is not in it, because it is shown on the agent's screen.
    ///
    /// # Errors
    /// [`TemplateError`] when a template fails, or what it gives is no URL or has another scheme than the template's
    /// text.
    pub fn render(&self, context: PopContext<'_>) -> Result<Option<String>, TemplateError> {
        let checked = match context.kind {
            MatchKind::One => &self.one,
            MatchKind::Many | MatchKind::Error => &self.many,
            // What to open is told when it is known.
            MatchKind::Pending => return Ok(None),
            MatchKind::None => &self.none,
        };
        checked.as_ref().map(|checked| checked.render(context)).transpose()
    }
}

impl Checked {
    fn new(key: &str, source: &str, numbers: &Arc<dyn Numbers>) -> Result<Self, TemplateError> {
        let template = Template::new(key, source, numbers)?;
        let scheme = source.trim_start().split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        let scheme = scheme.filter(|scheme| is_scheme(scheme)).ok_or_else(|| {
            TemplateError::new(
                key,
                "does not begin with a scheme",
                "begin with https:// as text, not as a value",
            )
        })?;
        template.try_names(&serde_json::json!({
            "ani": {"raw": "", "e164": null, "withheld": false, "name": null}, "dnis": {"raw": "", "e164": null},
            "customer": null, "candidates": [], "match": "none", "data": {}, "agent": "", "queue": null, "call": {},
        }))?;
        Ok(Self { template, scheme })
    }

    fn render(&self, pop: PopContext<'_>) -> Result<String, TemplateError> {
        let mut call = object::Call::from(pop.call);
        if call.ani.withheld {
            call.ani.hide();
        }
        let context = Context {
            ani: call.ani.clone(),
            dnis: &call.dnis,
            via: &call.via,
            customer: pop.call.customer.candidates.first().map(fields),
            candidates: &call.customer.candidates,
            kind: words::match_kind(pop.kind),
            data: &pop.call.data,
            agent: pop.agent,
            queue: pop.queue,
            call: &call,
        };
        let url = self.template.render(&context)?;
        let url = url.trim();
        let same_scheme =
            url.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(&self.scheme));
        if !same_scheme || url.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(TemplateError::new(
                &self.template.name,
                "what it gives is no URL",
                "pass every value through urlencode",
            ));
        }
        Ok(url.to_owned())
    }
}

/// Schemes that run what they carry are never opened on an agent's screen.
fn is_scheme(scheme: &str) -> bool {
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    named && !matches!(scheme, "javascript" | "data" | "vbscript" | "file" | "blob")
}

/// A candidate with its further fields beside its own: `customer.id`, `customer.tier`.
fn fields(candidate: &hookswitch_model::call::Candidate) -> serde_json::Map<String, serde_json::Value> {
    let further = candidate.fields.iter().map(|(key, value)| (key.clone(), value.clone().into()));
    let mut fields: serde_json::Map<_, _> = further.collect();
    fields.insert("id".to_owned(), candidate.id.clone().into());
    fields.insert("name".to_owned(), candidate.name.clone().into());
    fields.insert("score".to_owned(), candidate.score.into());
    fields
}
