//! `[crm]`: looking the customer up, and what the agent's screen opens.

use std::collections::BTreeMap;

use hookswitch_model::{Millis, setup::PopWhen};

use super::webhook::headers;
use crate::{
    Secret, defaults,
    read::{
        Fields, Node, Reader,
        value::{
            boolean, duration_in, integer, line, list, map, one_of, secret, some, template, text, url,
            url_template,
        },
    },
};

/// `[crm]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Crm {
    /// How a customer is found by number.
    pub lookup: Option<Lookup>,
    /// The embedded directory, which is asked where there is no look-up.
    pub directory: DirectoryAsked,
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
    /// Headers of the request; a value with `{{` in it is a template.
    pub headers: BTreeMap<String, Secret>,
    /// Who asks.
    pub auth: LookupAuth,
    /// How an answer is read.
    pub format: LookupFormat,
    /// JSON pointer (RFC 6901) to the list of records in the answer.
    pub items: String,
    /// Pointer to a record's id; none: the usual places.
    pub id: Option<String>,
    /// Pointers to its name, put together with spaces; empty: the usual places.
    pub name: Vec<String>,
    /// Pointer to how well it fits.
    pub score: Option<String>,
    /// Pointers to its numbers; empty: every text of it that is one.
    pub numbers: Vec<String>,
    /// Pointer to the agent it belongs to.
    pub agent: Option<String>,
    /// Further fields by name, with pointers; none: every text and number of the record.
    pub fields: Option<BTreeMap<String, String>>,
    /// Statuses that mean that nobody is known.
    pub none_status: Vec<u16>,
    /// Texts that mean it, where the answer is text.
    pub none_text: Vec<String>,
    /// How long an answer is waited for.
    pub timeout: Millis,
    /// How long an answer is believed.
    pub cache: Millis,
    /// How long a rule that reads `customer` waits for the answer.
    pub route_wait: Millis,
    /// It may reach private addresses.
    pub allow_private: bool,
}

/// `crm.lookup.auth`: who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LookupAuth {
    /// Nobody in particular, or a header says it.
    #[default]
    None,
    /// `{ bearer = SECRET }`.
    Bearer(Secret),
    /// `{ basic = { user, password } }`.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// `{ oauth2 = { token_url, client_id, client_secret, … } }`.
    OAuth2(LookupOAuth2),
}

/// `crm.lookup.auth.oauth2`: tokens that are fetched (RFC 6749).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupOAuth2 {
    /// The token endpoint.
    pub token_url: String,
    /// The client's name.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// With it the grant is `refresh_token`, without it `client_credentials`.
    pub refresh_token: Option<Secret>,
    /// What is asked for.
    pub scope: Option<String>,
}

/// `crm.directory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryAsked {
    /// How long a rule that reads `customer` waits for the directory.
    pub route_wait: Millis,
}

impl Default for DirectoryAsked {
    fn default() -> Self {
        Self { route_wait: defaults::DIRECTORY_ROUTE_WAIT }
    }
}

/// `crm.lookup.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupFormat {
    /// Records in JSON.
    Json,
    /// The text is the name.
    Text,
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
    /// When it opens.
    pub when: PopWhen,
    /// For exactly one record.
    pub one: Option<String>,
    /// For several records, and when the look-up failed.
    pub many: Option<String>,
    /// For no record.
    pub none: Option<String>,
}

const METHODS: [(&str, LookupMethod); 2] = [("GET", LookupMethod::Get), ("POST", LookupMethod::Post)];
/// `crm.pop.when`, `queue.pop`.
pub(crate) const POP_WHEN: [(&str, PopWhen); 2] = [("ring", PopWhen::Ring), ("answer", PopWhen::Answer)];
const FORMATS: [(&str, LookupFormat); 2] = [("json", LookupFormat::Json), ("text", LookupFormat::Text)];

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Crm> {
    let mut fields = reader.fields(node)?;
    let crm = Crm {
        lookup: fields.optional("lookup", lookup),
        directory: fields.or("directory", DirectoryAsked::default(), directory),
        pop: fields.or("pop", Pop::default(), pop),
    };
    fields.finish();
    Some(crm)
}

/// The longest a rule may wait: a caller hears silence meanwhile.
const LONGEST_ROUTE_WAIT: Millis = Millis(5_000);

fn directory(reader: &mut Reader, node: &Node<'_>) -> Option<DirectoryAsked> {
    let mut fields = reader.fields(node)?;
    let bounds = duration_in(Millis(0), LONGEST_ROUTE_WAIT);
    let route_wait = fields.or("route_wait", defaults::DIRECTORY_ROUTE_WAIT, bounds);
    fields.finish();
    Some(DirectoryAsked { route_wait })
}

fn lookup(reader: &mut Reader, node: &Node<'_>) -> Option<Lookup> {
    let mut fields = reader.fields(node)?;
    let hint = "as in \"https://crm/api/contacts?phone={{ ani.e164 | urlencode }}\"";
    let url = fields.required("url", hint, url_template);
    let (method, body) = method(&mut fields);
    let headers = fields.or("headers", BTreeMap::new(), headers);
    let auth = fields.or("auth", LookupAuth::None, auth);
    if auth != LookupAuth::None && headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
        fields.error_at("auth", "auth and headers.Authorization exclude each other", "leave one of them out");
    }
    let format = fields.or("format", LookupFormat::Json, one_of(&FORMATS));
    let items = fields.or("items", String::new(), pointer);
    let id = fields.optional("id", pointer);
    let name = fields.or("name", Vec::new(), pointers);
    let score = fields.optional("score", pointer);
    let numbers = fields.or("numbers", Vec::new(), pointers);
    let agent = fields.optional("agent", pointer);
    let named = fields.optional("fields", map(field_name, pointer));
    if format == LookupFormat::Text {
        for key in ["items", "id", "name", "score", "numbers", "agent", "fields"] {
            if fields.has(key) {
                fields.error_at(key, "a text has no members", "leave it out, or set format = \"json\"");
            }
        }
    }
    let none_status = fields.or("none_status", defaults::LOOKUP_NONE_STATUS.to_vec(), list(status));
    let none_text = fields.or("none_text", vec![defaults::LOOKUP_NONE_TEXT.to_owned()], list(line));
    let timeout_bounds = duration_in(Millis(50), Millis::from_secs(30));
    let timeout = fields.or("timeout", defaults::LOOKUP_TIMEOUT, timeout_bounds);
    let cache = fields.or("cache", defaults::LOOKUP_CACHE, duration_in(Millis(0), Millis::from_secs(86_400)));
    let route_wait =
        fields.or("route_wait", defaults::LOOKUP_ROUTE_WAIT, duration_in(Millis(0), LONGEST_ROUTE_WAIT));
    if route_wait > timeout {
        fields.warn_at("route_wait", "no answer comes after the timeout", "at most as long as timeout");
    }
    let allow_private = fields.or("allow_private", false, boolean);
    fields.finish();
    Some(Lookup {
        url: url?,
        method,
        body,
        headers,
        auth,
        format,
        items,
        id,
        name,
        score,
        numbers,
        agent,
        fields: named,
        none_status,
        none_text,
        timeout,
        cache,
        route_wait,
        allow_private,
    })
}

fn method(fields: &mut Fields<'_, '_>) -> (LookupMethod, Option<String>) {
    let method = fields.or("method", LookupMethod::Get, one_of(&METHODS));
    let body = fields.optional("body", template);
    if method == LookupMethod::Get && fields.has("body") {
        fields.error_at("body", "a GET has no body", "set method = \"POST\", or put the number into the URL");
    }
    (method, body)
}

pub(crate) fn auth(reader: &mut Reader, node: &Node<'_>) -> Option<LookupAuth> {
    let mut fields = reader.fields(node)?;
    fields.exactly_one(&["bearer", "basic", "oauth2"]);
    let bearer = fields.optional("bearer", secret).map(LookupAuth::Bearer);
    let basic = fields.optional("basic", basic);
    let oauth2 = fields.optional("oauth2", oauth2).map(LookupAuth::OAuth2);
    fields.finish();
    bearer.or(basic).or(oauth2)
}

fn basic(reader: &mut Reader, node: &Node<'_>) -> Option<LookupAuth> {
    let mut fields = reader.fields(node)?;
    let user = fields.required("user", "the name to log in with", line);
    let password = fields.required("password", "{ env = \"NAME\" } or { file = \"PATH\" }", secret);
    fields.finish();
    Some(LookupAuth::Basic { user: user?, password: password? })
}

fn oauth2(reader: &mut Reader, node: &Node<'_>) -> Option<LookupOAuth2> {
    let mut fields = reader.fields(node)?;
    let token_url = fields.required("token_url", "as in \"https://crm.example.com/oauth/token\"", url);
    let client_id = fields.required("client_id", "the name the CRM gave this application", line);
    let hint = "{ env = \"NAME\" } or { file = \"PATH\" }";
    let client_secret = fields.required("client_secret", hint, secret);
    let refresh_token = fields.optional("refresh_token", secret);
    let scope = fields.optional("scope", line);
    fields.finish();
    Some(LookupOAuth2 {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        refresh_token,
        scope,
    })
}

/// One pointer, or several.
fn pointers(reader: &mut Reader, node: &Node<'_>) -> Option<Vec<String>> {
    if node.value.as_array().is_some() {
        return some(pointer)(reader, node);
    }
    pointer(reader, node).map(|one| vec![one])
}

/// The name of a further field of a candidate.
fn field_name(name: &str) -> Result<String, String> {
    if matches!(name, "id" | "name" | "score") {
        return Err(format!("it is a key of its own: lookup.{name}"));
    }
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain {
        Ok(name.to_owned())
    } else {
        Err("letters, digits and _, as rules say customer.tier".to_owned())
    }
}

/// A status of HTTP that may mean that nobody is known.
fn status(reader: &mut Reader, node: &Node<'_>) -> Option<u16> {
    integer(200, 499)(reader, node).and_then(|status| u16::try_from(status).ok())
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
        when: fields.or("when", PopWhen::Ring, one_of(&POP_WHEN)),
        one: fields.optional("one", url_template),
        many: fields.optional("many", url_template),
        none: fields.optional("none", url_template),
    };
    fields.finish();
    Some(pop)
}
