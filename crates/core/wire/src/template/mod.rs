//! Templates in Jinja (minijinja): URLs of screen pops and look-ups, bodies of webhooks.
//!
//! | filter | gives |
//! | --- | --- |
//! | `e164` | the number in E.164; empty where it cannot be told |
//! | `national` | the number as it is dialled at home |
//! | `digits` | its digits only |
//! | `last(n)` | its last `n` digits |
//! | `urlencode` | everything but letters, digits and `-._~` percent-encoded |
//! | `datetime(format)` | a time as `strftime` has it, in UTC; `datetime(format, "Europe/Berlin")` there |
//! | `tojson` | the value as JSON |
//!
//! The number filters take a text, or an object with `e164` and `raw` such as `ani`. What is missing is empty, never an
//! error; a filter or function that does not exist is an error when the template is made. A template that runs too long
//! or writes too much is stopped.

mod filters;
mod pop;

use std::{collections::BTreeSet, fmt, io, ops::Range, sync::Arc};

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, value::ValueKind};
use serde::Serialize;

pub use filters::{Numbers, PlainNumbers};
pub use pop::{PopContext, PopSource, PopTemplates};

pub(crate) use filters::percent_encode;

/// How many instructions a rendering may take.
const FUEL: u64 = 100_000;
/// How much a rendering may write.
const MAX_OUTPUT: usize = 256 * 1024;

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template {name}: {message}")]
pub struct TemplateError {
    /// The template, by the key of the configuration: `crm.pop.one`.
    pub name: String,
    /// The line in it, from 1, where it is known.
    pub line: Option<usize>,
    /// The bytes of the source it is about, where they are known.
    pub range: Option<Range<usize>>,
    /// What is wrong.
    pub message: String,
    /// What would do.
    pub hint: Option<String>,
}

impl TemplateError {
    fn from_jinja(name: &str, error: &Error) -> Self {
        let message = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        Self {
            name: name.to_owned(),
            line: error.line(),
            range: error.range(),
            message,
            hint: hint(error.kind()),
        }
    }

    fn new(name: &str, message: impl Into<String>, hint: &str) -> Self {
        Self {
            name: name.to_owned(),
            line: None,
            range: None,
            message: message.into(),
            hint: Some(hint.to_owned()),
        }
    }
}

fn hint(kind: ErrorKind) -> Option<String> {
    if kind == ErrorKind::UnknownFilter {
        Some(
            "the filters are e164, national, digits, last(n), urlencode, datetime, tojson and those of Jinja"
                .to_owned(),
        )
    } else if kind == ErrorKind::OutOfFuel {
        Some(format!("a template may take {FUEL} steps; make its loops shorter"))
    } else if kind == ErrorKind::SyntaxError {
        Some("values stand in {{ … }}, statements in {% … %}".to_owned())
    } else {
        None
    }
}

/// A template, compiled, with the filters of this module.
#[derive(Clone)]
pub struct Template {
    environment: Arc<Environment<'static>>,
    name: String,
}

/// The name of the only template of an environment.
const ONLY: &str = "template";

impl Template {
    /// Compiles a template. `name` is where it stands in the configuration, for messages.
    ///
    /// # Errors
    /// [`TemplateError`] with the line when it is not Jinja.
    pub fn new(name: &str, source: &str, numbers: &Arc<dyn Numbers>) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_formatter(plainly);
        environment.set_fuel(Some(FUEL));
        environment.set_debug(true);
        filters::add(&mut environment, numbers);
        environment
            .add_template_owned(ONLY, source.to_owned())
            .map_err(|error| TemplateError::from_jinja(name, &error))?;
        Ok(Self { environment: Arc::new(environment), name: name.to_owned() })
    }

    /// Renders it.
    ///
    /// # Errors
    /// [`TemplateError`] when a filter or function does not exist or fails, and when it takes too long or writes too
    /// much.
    pub fn render(&self, context: &impl Serialize) -> Result<String, TemplateError> {
        let failed = |error: Error| TemplateError::from_jinja(&self.name, &error);
        let template = self.environment.get_template(ONLY).map_err(failed)?;
        let mut out = Bounded { bytes: Vec::new() };
        template
            .render_captured_to(minijinja::value::Serde(context), &mut out)
            .map_err(|error| if out.full() { self.too_long() } else { failed(error) })?;
        String::from_utf8(out.bytes).map_err(|_| self.too_long())
    }

    /// Renders it on an example to find filters, tests and functions that do not exist. What else fails may be the
    /// example's fault.
    ///
    /// # Errors
    /// [`TemplateError`] with the name that does not exist.
    pub fn try_names(&self, example: &impl Serialize) -> Result<(), TemplateError> {
        let template = self
            .environment
            .get_template(ONLY)
            .map_err(|error| TemplateError::from_jinja(&self.name, &error))?;
        let unknown = [ErrorKind::UnknownFilter, ErrorKind::UnknownTest, ErrorKind::UnknownFunction];
        match template.render(minijinja::value::Serde(example)) {
            Err(error) if unknown.contains(&error.kind()) => {
                Err(TemplateError::from_jinja(&self.name, &error))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The names it takes from its context: `call` of `call.ani.e164`.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let template = self.environment.get_template(ONLY);
        template
            .map(|template| template.undeclared_variables(false).into_iter().collect())
            .unwrap_or_default()
    }

    fn too_long(&self) -> TemplateError {
        TemplateError::new(
            &self.name,
            format!("writes more than {MAX_OUTPUT} bytes"),
            "make its loops shorter",
        )
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.name).finish()
    }
}

/// Writes values as JSON and URLs have them: nothing for none, `true` and `false` in small letters.
fn plainly(
    out: &mut minijinja::Output<'_>,
    state: &mut minijinja::State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if value.is_none() {
        return Ok(());
    }
    if value.kind() == ValueKind::Bool {
        return out.write_str(if value.is_true() { "true" } else { "false" }).map_err(Error::from);
    }
    minijinja::escape_formatter(out, state, value)
}

/// A writer that refuses when it is full.
struct Bounded {
    bytes: Vec<u8>,
}

impl Bounded {
    const fn full(&self) -> bool {
        self.bytes.len() >= MAX_OUTPUT
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MAX_OUTPUT - self.bytes.len().min(MAX_OUTPUT);
        let taken = bytes.len().min(room);
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(source: &str) -> Result<Template, TemplateError> {
        Template::new("crm.pop.one", source, &(Arc::new(PlainNumbers) as Arc<dyn Numbers>))
    }

    fn check(source: &str, expected: &str) {
        let context = serde_json::json!({
            "ani": {"raw": "+49 30 555-0001", "e164": "+49305550001"},
            "withheld": {"raw": "", "e164": null},
            "data": {"segment": "gold & co", "quote": "a\"b"},
        });
        assert_eq!(template(source).unwrap().render(&context).unwrap(), expected, "{source}");
    }

    #[test]
    fn number_filters_take_an_object_or_a_text() {
        check("{{ ani | e164 }}", "+49305550001");
        check("{{ ani.raw | e164 }}", "+49305550001");
        check("{{ ani.raw | digits }}", "49305550001");
        check("{{ ani | last(4) }}", "0001");
        check("{{ ani | last(99) }}", "49305550001");
        check("{{ withheld | e164 }}|{{ withheld | last(3) }}", "|");
        check("{{ ani.e164 | urlencode }}", "%2B49305550001");
        check("{{ withheld.e164 | urlencode }}{{ true | urlencode }}", "true");
    }

    #[test]
    fn times_are_written_as_a_receiver_reads_them() {
        check("{{ '2026-11-21T19:00:00.123456Z' | datetime('%Y-%m-%d %H:%M:%S') }}", "2026-11-21 19:00:00");
        let berlin = "{{ '2026-11-21T19:00:00Z' | datetime('%d.%m.%Y %H:%M', 'Europe/Berlin') }}";
        check(berlin, "21.11.2026 20:00");
        check("[{{ nothing | datetime('%s') }}]", "[]");
        for wrong in
            ["{{ 'soon' | datetime('%s') }}", "{{ '2026-11-21T19:00:00Z' | datetime('%s', 'Mars/Base') }}"]
        {
            assert!(template(wrong).unwrap().render(&()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_are_escaped_for_where_they_stand_only_when_asked() {
        check("{{ data.segment | urlencode }}", "gold%20%26%20co");
        check("{{ data.quote | tojson }}", r#""a\"b""#);
        check("{{ data.quote }}", r#"a"b"#);
        check("[{{ withheld.e164 }}] {{ ani.raw == '' }}", "[] false");
    }

    #[test]
    fn what_is_missing_is_empty() {
        check("[{{ data.none }}{{ nobody.name.first }}{{ nothing | e164 }}{{ nothing | urlencode }}]", "[]");
    }

    #[test]
    fn a_syntax_error_names_the_template_and_the_line() {
        let error = template("https://crm/\n{{ ani.e164 | }}").unwrap_err();
        assert_eq!((error.name.as_str(), error.line), ("crm.pop.one", Some(2)));
        assert!(error.hint.is_some(), "{error:?}");
    }

    #[test]
    fn an_unknown_filter_is_named_with_the_known_ones() {
        let error = template("{{ ani | e146 }}").unwrap().render(&()).unwrap_err();
        assert!(error.message.contains("e146"), "{error}");
        assert!(error.hint.unwrap().contains("e164"));
    }

    #[test]
    fn the_names_a_template_takes_from_its_context_are_known() {
        let names = |source| template(source).unwrap().names().into_iter().collect::<Vec<_>>();
        assert_eq!(
            names("{{ ani.e164 | digits }}{% if cal.id %}{{ data['a b'] }}{% endif %}"),
            ["ani", "cal", "data"]
        );
        assert_eq!(names("{% for one in legs %}{{ one.id }}{% endfor %}"), ["legs"]);
        assert!(names("plain").is_empty());
    }

    #[test]
    fn a_template_that_runs_or_writes_without_end_is_stopped() {
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
        let error = template(endless).unwrap().render(&()).unwrap_err();
        assert!(error.message.contains("fuel"), "{error}");
        let long = "{% for a in range(3000) %}{{ '0123456789' * 10 }}{% endfor %}";
        let error = template(long).unwrap().render(&()).unwrap_err();
        assert!(error.message.contains("writes more"), "{error}");
    }
}
