//! How a CRM is asked, compiled: what is wrong with it is found before anybody calls.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use hookswitch_egress::{Guard, HeaderName, HeaderValue, Method, OAuth2Settings, Url};
use hookswitch_wire::template::{Numbers, Template, TemplateError};

use crate::{Asked, answer::Reads, ask::Context};

/// How a CRM is asked, as the configuration has it (`crm.lookup`).
#[derive(Clone, PartialEq)]
pub struct CrmSource {
    /// Template of the URL; scheme, host and port are text.
    pub url: String,
    /// POST; else GET.
    pub post: bool,
    /// Template of the body.
    pub body: Option<String>,
    /// Headers; a value with `{{` in it is a template.
    pub headers: Vec<(String, String)>,
    /// Who asks.
    pub auth: Auth,
    /// How an answer is read.
    pub format: Format,
    /// JSON pointer to the records.
    pub items: String,
    /// Pointer to a record's id; none: `/id`, `/Id`, `/ID`, `/_id`, `/uuid`.
    pub id: Option<String>,
    /// Pointers to its name, put together with spaces; empty: `/name`, `/full_name`, `/display_name`.
    pub name: Vec<String>,
    /// Pointer to how well it fits.
    pub score: Option<String>,
    /// Pointers to its numbers; empty: every text of the record that is one.
    pub numbers: Vec<String>,
    /// Pointer to the agent it belongs to.
    pub agent: Option<String>,
    /// Names of further fields and pointers to them; none: every text and number of the record.
    pub fields: Option<BTreeMap<String, String>>,
    /// Statuses that mean that nobody is known.
    pub none_status: Vec<u16>,
    /// Texts that mean it, where the answer is text; letters may be small or capital.
    pub none_text: Vec<String>,
    /// How long an answer is waited for, all in all.
    pub timeout: Duration,
    /// How long an answer is believed.
    pub cache: Duration,
    /// It may reach private addresses.
    pub allow_private: bool,
}

impl fmt::Debug for CrmSource {
    /// Headers and URL may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrmSource").field("auth", &self.auth).finish_non_exhaustive()
    }
}

/// How an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Records in JSON.
    #[default]
    Json,
    /// The text is the name (CNAM).
    Text,
}

/// Who asks.
#[derive(Clone, Default, PartialEq)]
pub enum Auth {
    /// Nobody in particular, or a header says it.
    #[default]
    None,
    /// A token.
    Bearer(String),
    /// Name and password.
    Basic(String, String),
    /// Tokens that are fetched.
    OAuth2(OAuth2Settings),
}

impl fmt::Debug for Auth {
    /// Without its secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(…)",
            Self::Basic(..) => "Basic(…)",
            Self::OAuth2(_) => "OAuth2(…)",
        })
    }
}

/// A look-up that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}; hint: {hint}")]
pub struct BadSettings {
    /// The key of the configuration.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What would do.
    pub hint: String,
}

impl BadSettings {
    pub(crate) fn new(key: &str, message: impl Into<String>, hint: &str) -> Self {
        Self { key: format!("crm.lookup.{key}"), message: message.into(), hint: hint.to_owned() }
    }
}

impl From<TemplateError> for BadSettings {
    fn from(error: TemplateError) -> Self {
        Self { key: error.name, message: error.message, hint: error.hint.unwrap_or_default() }
    }
}

/// How a CRM is asked, compiled.
#[derive(Debug, Clone)]
pub struct CrmSettings {
    source: CrmSource,
    /// How numbers are read, as they describe it.
    plan: String,
    pub(crate) url: Template,
    /// Scheme, host and port, which no value may change.
    origin: String,
    pub(crate) method: Method,
    body: Option<Template>,
    headers: Vec<(HeaderName, HeaderText)>,
    pub(crate) auth: Auth,
    pub(crate) reads: Reads,
    pub(crate) timeout: Duration,
    pub(crate) cache: Duration,
    pub(crate) allow_private: bool,
}

#[derive(Clone)]
enum HeaderText {
    Fixed(HeaderValue),
    Template(Template),
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A request with its values in it: the same one is the same question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Rendered {
    pub(crate) url: Url,
    pub(crate) body: Option<String>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl CrmSettings {
    /// Compiles the templates and tries each on an example.
    ///
    /// # Errors
    /// [`BadSettings`] with the key, and what would do.
    pub fn new(source: CrmSource, numbers: &Arc<dyn Numbers>) -> Result<Self, BadSettings> {
        let template = |key: &str, text: &str| -> Result<Template, BadSettings> {
            let template = Template::new(&format!("crm.lookup.{key}"), text, numbers)?;
            template.try_names(&Context::from(&example()))?;
            Ok(template)
        };
        let origin = origin(&source.url)?;
        let headers = source.headers.iter().map(|(name, value)| {
            let header = HeaderName::try_from(name.as_str()).map_err(|_| {
                BadSettings::new("headers", format!("{name:?} is no header"), "as in Authorization")
            })?;
            let text = if value.contains("{{") || value.contains("{%") {
                HeaderText::Template(template(&format!("headers.{name}"), value)?)
            } else {
                HeaderText::Fixed(header_value(value).ok_or_else(|| unsendable(name))?)
            };
            Ok((header, text))
        });
        let settings = Self {
            url: template("url", &source.url)?,
            origin,
            method: if source.post { Method::POST } else { Method::GET },
            body: source.body.as_deref().map(|body| template("body", body)).transpose()?,
            headers: headers.collect::<Result<_, BadSettings>>()?,
            timeout: source.timeout,
            cache: source.cache,
            allow_private: source.allow_private,
            auth: source.auth.clone(),
            reads: Reads::new(source.clone()),
            plan: format!("{numbers:?}"),
            source,
        };
        let example = settings.render(&example()).map_err(|why| BadSettings::new("url", why, URL_HINT))?;
        let guard = Guard::new(&example.url, settings.allow_private);
        guard.check_url().map_err(|inside| {
            BadSettings::new(
                "url",
                inside.to_string(),
                "set allow_private = true if this CRM is in your own network",
            )
        })?;
        Ok(settings)
    }

    /// Whether it asks and reads as this one does.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.source == other.source && self.plan == other.plan
    }

    /// The request of a question.
    pub(crate) fn render(&self, asked: &Asked) -> Result<Rendered, String> {
        let context = Context::from(asked);
        let text = self.url.render(&context).map_err(|error| error.to_string())?;
        let text = text.trim();
        let url: Url = text.parse().map_err(|_| "what the template gives is no URL".to_owned())?;
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) || origin_of(&url) != self.origin {
            return Err("a value of the call would change where the request goes; pass it through urlencode"
                .to_owned());
        }
        let body = self.body.as_ref().map(|body| body.render(&context)).transpose();
        let headers = self.headers.iter().map(|(name, text)| {
            let value = match text {
                HeaderText::Fixed(value) => value.clone(),
                HeaderText::Template(template) => {
                    let text = template.render(&context).map_err(|error| error.to_string())?;
                    header_value(&text).ok_or_else(|| unsendable(name.as_str()).message)?
                }
            };
            Ok((name.clone(), value))
        });
        Ok(Rendered {
            url,
            body: body.map_err(|error| error.to_string())?,
            headers: headers.collect::<Result<_, String>>()?,
        })
    }
}

const URL_HINT: &str = "as in \"https://crm/api/contacts?phone={{ ani.e164 | urlencode }}\"";

/// Where every request goes: the text before the first value, which must reach to the end of the host.
fn origin(template: &str) -> Result<String, BadSettings> {
    let fixed = template.trim_start().split(['{']).next().unwrap_or_default();
    let after_scheme = fixed.split_once("://").map_or("", |(_, rest)| rest);
    let whole = fixed.len() == template.trim_start().len() || after_scheme.contains(['/', '?']);
    let url: Option<Url> = fixed.trim_end().parse().ok();
    match url {
        Some(url) if whole && matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(origin_of(&url))
        }
        _ => Err(BadSettings::new("url", "scheme and host are not plain text of http or https", URL_HINT)),
    }
}

/// Scheme, host, port, and who stands before the host.
fn origin_of(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}://{}@{}:{port}", url.scheme(), url.username(), url.host_str().unwrap_or_default())
}

fn header_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn unsendable(name: &str) -> BadSettings {
    BadSettings::new("headers", format!("the value of {name} cannot be sent"), "one line of plain text")
}

/// A caller as many are.
fn example() -> Asked {
    Asked::number("+12025550123", Some("+12025550123"))
}

impl Default for CrmSource {
    /// What the keys mean when they are left out: GET, JSON, the whole answer, 800 ms, 5 minutes; 404 and 410 are nobody.
    fn default() -> Self {
        Self {
            url: String::new(),
            post: false,
            body: None,
            headers: Vec::new(),
            auth: Auth::None,
            format: Format::Json,
            items: String::new(),
            id: None,
            name: Vec::new(),
            score: None,
            numbers: Vec::new(),
            agent: None,
            fields: None,
            none_status: vec![404, 410],
            none_text: vec!["unknown".to_owned()],
            timeout: Duration::from_millis(800),
            cache: Duration::from_secs(300),
            allow_private: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use hookswitch_wire::template::PlainNumbers;

    use super::*;

    fn settings(url: &str) -> Result<CrmSettings, BadSettings> {
        let numbers: Arc<dyn Numbers> = Arc::new(PlainNumbers);
        CrmSettings::new(CrmSource { url: url.to_owned(), ..CrmSource::default() }, &numbers)
    }

    #[test]
    fn a_look_up_that_cannot_work_is_refused_with_a_hint() {
        for (url, key) in [
            ("crm/api", "crm.lookup.url"),
            ("ftp://crm.example/{{ ani.e164 }}", "crm.lookup.url"),
            ("https://{{ data.host }}/x", "crm.lookup.url"),
            ("https://crm.example{{ ani.raw }}/x", "crm.lookup.url"),
            ("https://crm.example/{{ ani.e164 | e146 }}", "crm.lookup.url"),
            ("https://crm.example/{{ ani.e164 ", "crm.lookup.url"),
            ("https://10.0.0.1/{{ ani.e164 }}", "crm.lookup.url"),
        ] {
            let error = settings(url).expect_err(url);
            assert_eq!(error.key, key, "{url}");
            assert!(!error.hint.is_empty(), "{url}");
        }
    }

    #[test]
    fn no_value_of_a_call_changes_where_the_request_goes() {
        let settings = settings("https://crm.example/{{ ani.raw }}").unwrap();
        let render = |raw: &str| settings.render(&Asked::number(raw, None)).map(|r| r.url.to_string());
        assert_eq!(render("123").unwrap(), "https://crm.example/123");
        assert_eq!(render("/evil.example").unwrap(), "https://crm.example//evil.example");
        assert!(render("1\r\nHost: evil").is_err());
        assert!(render("1 2").is_err());
    }

    #[test]
    fn secrets_are_not_printed() {
        let numbers: Arc<dyn Numbers> = Arc::new(PlainNumbers);
        let source = CrmSource {
            url: "https://crm.example/".into(),
            headers: vec![("X-Api-Key".into(), "hunter2".into())],
            auth: Auth::Basic("hooks".into(), "hunter2".into()),
            ..CrmSource::default()
        };
        let settings = CrmSettings::new(source, &numbers).unwrap();
        let rendered = settings.render(&example()).unwrap();
        assert!(!format!("{settings:?} {rendered:?}").contains("hunter2"));
    }
}
