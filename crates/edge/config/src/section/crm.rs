//! `[crm]`: looking the customer up, and what the agent's screen opens.

use std::collections::BTreeMap;

use hookswitch_model::Millis;

use super::webhook::headers;
use crate::{
    Secret, defaults,
    read::{
        Node, Reader,
        value::{boolean, duration_in, one_of, template, text, url_template},
    },
};

/// `[crm]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Crm {
    /// How a customer is found by number.
    pub lookup: Option<Lookup>,
    /// What the agent's screen opens.
    pub pop: Pop,
}

/// `crm.lookup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Template of the URL.
    pub url: String,
    /// GET, or POST with a body.
    pub method: LookupMethod,
    /// Template of the body.
    pub body: Option<String>,
    /// Headers of the request: authorisation.
    pub headers: BTreeMap<String, Secret>,
    /// JSON pointer (RFC 6901) to the list of records in the answer.
    pub items: String,
    /// How long an answer is waited for.
    pub timeout: Millis,
    /// How long an answer is believed.
    pub cache: Millis,
    /// It may reach private addresses.
    pub allow_private: bool,
}

/// `crm.lookup.method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the methods of HTTP")]
pub enum LookupMethod {
    Get,
    Post,
}

/// `crm.pop`: templates of URLs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pop {
    /// For exactly one record.
    pub one: Option<String>,
    /// For several records, and when the look-up failed.
    pub many: Option<String>,
    /// For no record.
    pub none: Option<String>,
}

const METHODS: [(&str, LookupMethod); 2] = [("GET", LookupMethod::Get), ("POST", LookupMethod::Post)];

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Crm> {
    let mut fields = reader.fields(node)?;
    let crm = Crm { lookup: fields.optional("lookup", lookup), pop: fields.or("pop", Pop::default(), pop) };
    fields.finish();
    Some(crm)
}

fn lookup(reader: &mut Reader, node: &Node<'_>) -> Option<Lookup> {
    let mut fields = reader.fields(node)?;
    let hint = "as in \"https://crm/api/contacts?phone={{ ani.e164 | urlencode }}\"";
    let url = fields.required("url", hint, url_template);
    let method = fields.or("method", LookupMethod::Get, one_of(&METHODS));
    let body = fields.optional("body", template);
    if method == LookupMethod::Get && fields.has("body") {
        fields.error_at("body", "a GET has no body", "set method = \"POST\", or put the number into the URL");
    }
    let headers = fields.or("headers", BTreeMap::new(), headers);
    let items = fields.or("items", String::new(), pointer);
    let timeout_bounds = duration_in(Millis(50), Millis::from_secs(30));
    let timeout = fields.or("timeout", defaults::LOOKUP_TIMEOUT, timeout_bounds);
    let cache = fields.or("cache", defaults::LOOKUP_CACHE, duration_in(Millis(0), Millis::from_secs(86_400)));
    let allow_private = fields.or("allow_private", false, boolean);
    fields.finish();
    Some(Lookup { url: url?, method, body, headers, items, timeout, cache, allow_private })
}

/// A JSON pointer; the empty one is the whole answer.
fn pointer(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    let escapes_are_right = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if (text.is_empty() || text.starts_with('/')) && escapes_are_right {
        return Some(text);
    }
    reader.error(
        node,
        format!("{text:?} is no JSON pointer"),
        "as in \"/results\"; \"\" for the whole answer",
    );
    None
}

fn pop(reader: &mut Reader, node: &Node<'_>) -> Option<Pop> {
    let mut fields = reader.fields(node)?;
    let pop = Pop {
        one: fields.optional("one", url_template),
        many: fields.optional("many", url_template),
        none: fields.optional("none", url_template),
    };
    fields.finish();
    Some(pop)
}
