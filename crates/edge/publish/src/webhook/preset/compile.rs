//! From the file to what is run: every problem at once, each with its place.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hookswitch_wire::template::{Numbers, PopSource, Template, TemplateError};
use reqwest::{
    Method,
    header::{HeaderName, HeaderValue},
};
use serde::Deserialize;
use toml::Value;

use super::{
    Message, Preset, PresetError, Tests,
    field::{Expression, Field},
    outcome::OUTCOMES,
    sign::Signer,
    source::{self, BodyKind, NumberForm, Per, Phase, Source, Text},
    view::{NAMES, View},
};
use crate::webhook::success::SuccessTest;

/// The longest wait for others that ring.
const MAX_GATHER: Duration = Duration::from_secs(2);
/// Events of calls: the only ones that are told.
const FAMILY: &str = "call.";

pub(super) fn compile(
    name: &str,
    text: &str,
    numbers: &Arc<dyn Numbers>,
) -> Result<Preset, Vec<PresetError>> {
    let source: Source = toml::from_str(text).map_err(|error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        let hint = "docs/presets.md has every key of a preset".to_owned();
        vec![PresetError { name: name.to_owned(), line, column, message: error.message().to_owned(), hint }]
    })?;
    let mut compiler = Compiler { name, text, numbers, source: &source, errors: Vec::new() };
    let preset = compiler.preset();
    match preset {
        Some(preset) if compiler.errors.is_empty() => Ok(preset),
        _ => Err(compiler.errors),
    }
}

struct Compiler<'a> {
    name: &'a str,
    text: &'a str,
    numbers: &'a Arc<dyn Numbers>,
    source: &'a Source,
    errors: Vec<PresetError>,
}

impl Compiler<'_> {
    fn preset(&mut self) -> Option<Preset> {
        let source = self.source;
        let calls = self.expression(&source.calls);
        let call_id = self.template(&source.call_id);
        let user = self.template(&source.user);
        let answers = self.tests(&source.answers);
        let sign = source.sign.as_ref().map(|sign| self.signer(sign));
        let messages: Vec<Option<Message>> = source.message.iter().map(|one| self.message(one)).collect();
        self.tables();
        let gather = Duration::from_millis(source.gather_ms);
        if gather > MAX_GATHER {
            self.error(
                0,
                "gather_ms is more than 2000",
                "agents that ring together ring within some milliseconds",
            );
        }
        let words = serde_json::to_value(&source.words).unwrap_or_default();
        Some(Preset {
            name: self.name.to_owned(),
            title: source.title.clone(),
            calls: calls?,
            call_id: call_id?,
            user: user?,
            gather,
            answers: answers?,
            always_2xx: source.answers.always_2xx,
            messages: messages.into_iter().collect::<Option<_>>()?,
            values: source.values.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect(),
            words,
            sign: sign.map_or(Some(None), |sign| sign.map(Some))?,
            token_scheme: source.token_scheme.clone().unwrap_or_else(|| "Bearer".to_owned()),
            pop: PopSource {
                one: source.pop.one.clone(),
                many: source.pop.many.clone(),
                none: source.pop.none.clone(),
            },
            numbers: Arc::clone(self.numbers),
        })
    }

    fn message(&mut self, message: &source::Message) -> Option<Message> {
        let shape = &self.source.request;
        let (name, at) = (message.name.get_ref(), message.name.span().start);
        for event in message.on.iter().filter(|event| !event.starts_with(FAMILY)) {
            let text = format!("message {:?}: {event:?} is no event of a call", name);
            self.error(
                at,
                text,
                "call.started, call.offered, call.answered, call.transferred, call.ended, …",
            );
        }
        if message.phase == Some(Phase::End) && message.per != Per::Call {
            let text = format!("message {:?}: an end is told once a call", name);
            self.error(at, text, "leave `per` out");
        }
        let method = message.method.as_ref().or(shape.method.as_ref()).map_or("POST", String::as_str);
        let method = Method::from_bytes(method.as_bytes()).ok().or_else(|| {
            self.error(at, format!("{method:?} is no method of HTTP"), "POST, GET, PUT, PATCH or DELETE");
            None
        });
        let url = message.url.as_ref().or(shape.url.as_ref()).map(|url| self.template(url));
        let own = |name: &&String| message.headers.contains_key(*name);
        let headers = shape.headers.iter().filter(|(name, _)| !own(name)).chain(&message.headers);
        let headers: Vec<_> = headers.map(|(name, value)| self.header(name, value)).collect();
        let own = |name: &str| message.fields.0.iter().any(|(own, _)| own == name);
        let fields = shape.fields.0.iter().filter(|(name, _)| !own(name)).chain(&message.fields.0);
        let fields: Vec<_> = fields.map(|(name, field)| Some((name.clone(), self.field(field)?))).collect();
        let when = message.when.as_ref().map(|when| self.expression(when));
        let answers = self.tests(&message.answers);
        for pointer in message.capture.values().filter(|pointer| !pointer.starts_with('/')) {
            let text = format!("message {:?}: {pointer:?} is no place in JSON", name);
            self.error(at, text, "a JSON pointer, as in /result/CALL_ID (RFC 6901)");
        }
        Some(Message {
            name: name.clone(),
            on: message.on.clone(),
            when: when.map_or(Some(None), |when| when.map(Some))?,
            phase: message.phase,
            per: message.per,
            method: method?,
            url: url.map_or(Some(None), |url| url.map(Some))?,
            body: message.body.or(shape.body).unwrap_or(BodyKind::Json),
            headers: headers.into_iter().collect::<Option<_>>()?,
            fields: fields.into_iter().collect::<Option<_>>()?,
            keep_empty: shape.keep_empty,
            answers: answers?,
            capture: message.capture.clone(),
        })
    }

    fn header(&mut self, name: &str, value: &Text) -> Option<(HeaderName, Template)> {
        let header = HeaderName::from_bytes(name.as_bytes()).ok();
        if header.is_none() {
            self.error(value.span().start, format!("{name:?} is no header of HTTP"), "as in X-Api-Key");
        }
        let template = self.template(value);
        Some((header?, template?))
    }

    fn field(&mut self, field: &toml::Spanned<Value>) -> Option<Field> {
        let at = field.span();
        match field.get_ref() {
            Value::String(text) => self.template(&Text::new(at, text.clone())).map(Field::Text),
            Value::Table(table) => match Typed::deserialize(table.clone()) {
                Ok(typed) => self.typed(at, typed),
                Err(_) => {
                    self.error(at.start, "the keys of a field are none of the forms there are", FORMS);
                    None
                }
            },
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => {
                let text = Text::new(at, field.get_ref().to_string());
                self.expression(&text).map(Field::Json)
            }
            Value::Datetime(_) | Value::Array(_) => {
                self.error(
                    at.start,
                    "a field is a text, a number, true or false, or one of the forms",
                    FORMS,
                );
                None
            }
        }
    }

    fn typed(&mut self, at: std::ops::Range<usize>, typed: Typed) -> Option<Field> {
        let text = |text: String| Text::new(at.clone(), text);
        match typed {
            Typed::Number { number, form, last, withheld } => {
                let defaults = &self.source.numbers;
                let withheld = withheld.or_else(|| defaults.withheld.clone()).unwrap_or_default();
                let form = form.or(defaults.form).unwrap_or(NumberForm::E164);
                Some(Field::Number { of: self.expression(&text(number))?, form, last, withheld })
            }
            Typed::List { list, item } => {
                let (of, item) = (self.expression(&text(list)), self.template(&text(item)));
                Some(Field::List { of: of?, item: item? })
            }
            Typed::Json { json } => self.expression(&text(json)).map(Field::Json),
            Typed::Word { word: table, of } => {
                if !self.source.words.contains_key(&table) {
                    let hint = "a table [words.NAME] of this file";
                    self.error(at.start, format!("there is no table of words {table:?}"), hint);
                }
                let of = of.unwrap_or_else(|| "{{ outcome }}".to_owned());
                Some(Field::Word { table, of: self.template(&text(of))? })
            }
        }
    }

    /// Tables that are asked for outcomes have a word for each.
    fn tables(&mut self) {
        for (name, table) in &self.source.words {
            let known = |word: &&str| table.contains_key(*word);
            let speaks_of_outcomes = OUTCOMES.iter().any(known);
            if speaks_of_outcomes && !table.contains_key("else") {
                for missing in OUTCOMES.iter().filter(|outcome| !known(outcome)) {
                    let text = format!("words.{name} has no word for {missing:?}");
                    self.error(0, text, "give one, or `else` for all others");
                }
            }
        }
    }

    fn tests(&mut self, answers: &source::Answers) -> Option<Tests> {
        let mut test = |text: &Option<Text>| match text {
            None => Some(None),
            Some(text) => self.test(text).map(Some),
        };
        let (ok_if, taken_if) = (test(&answers.ok_if), test(&answers.taken_if));
        let refused_if = test(&answers.refused_if);
        Some(Tests { ok_if: ok_if?, taken_if: taken_if?, refused_if: refused_if? })
    }

    fn test(&mut self, text: &Text) -> Option<SuccessTest> {
        match SuccessTest::parse(text.get_ref()) {
            Ok(test) => Some(test),
            Err(error) => {
                // One quote stands before the text.
                let at = text.span().start + error.column.unwrap_or(0);
                self.error(at, error.message, error.hint);
                None
            }
        }
    }

    fn signer(&mut self, sign: &source::Sign) -> Option<Signer> {
        let over = self.template(&sign.over);
        let header = HeaderName::from_bytes(sign.header.as_bytes()).ok();
        if header.is_none() || HeaderValue::from_str(&sign.prefix).is_err() {
            self.error(
                sign.over.span().start,
                "sign.header or sign.prefix is no header's",
                "as in X-Signature",
            );
        }
        Some(Signer {
            algorithm: sign.hmac,
            encoding: sign.encoding,
            over: over?,
            header: header?,
            prefix: sign.prefix.clone(),
        })
    }

    fn template(&mut self, text: &Text) -> Option<Template> {
        self.jinja(text, text.get_ref(), 0)
    }

    fn expression(&mut self, text: &Text) -> Option<Expression> {
        let source = Expression::source(text.get_ref());
        self.jinja(text, &source, Expression::BEFORE.len()).map(Expression::of)
    }

    /// A template whose source has that much more in front of it than the file.
    fn jinja(&mut self, text: &Text, source: &str, before: usize) -> Option<Template> {
        let compiled = Template::new(self.name, source, self.numbers);
        let compiled = compiled.and_then(|template| {
            template.try_names(View::example().context())?;
            Ok(template)
        });
        match compiled {
            Ok(template) => {
                for unknown in template.names().iter().filter(|name| !NAMES.contains(&name.as_str())) {
                    let at = text.get_ref().find(unknown).unwrap_or(0);
                    let hint = "docs/presets.md has the names a template may use".to_owned();
                    self.error(
                        text.span().start + 1 + at,
                        format!("there is nothing named {unknown:?}"),
                        hint,
                    );
                }
                Some(template)
            }
            Err(TemplateError { range, message, hint, .. }) => {
                let at = range.map_or(0, |range| range.start.saturating_sub(before) + 1);
                let hint = hint.unwrap_or_else(|| "values stand in {{ … }}".to_owned());
                self.error(text.span().start + at, message, hint);
                None
            }
        }
    }

    fn error(&mut self, at: usize, message: impl Into<String>, hint: impl Into<String>) {
        let (line, column) = place(self.text, at);
        let (message, hint) = (message.into(), hint.into());
        self.errors.push(PresetError { name: self.name.to_owned(), line, column, message, hint });
    }
}

const FORMS: &str = "\"a template\", { number = \"from\", as = \"digits\" }, { list = \"ringing\", item = \"{{ item.user }}\" }, \
    { json = \"talk_s\" } or { word = \"cause\" }";

/// A field that is no text.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Typed {
    Number {
        number: String,
        #[serde(rename = "as")]
        form: Option<NumberForm>,
        last: Option<usize>,
        withheld: Option<String>,
    },
    List {
        list: String,
        item: String,
    },
    Json {
        json: String,
    },
    Word {
        word: String,
        of: Option<String>,
    },
}

/// Line and column, from 1, of a byte of a text.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

impl From<source::Given> for super::Given {
    fn from(given: source::Given) -> Self {
        Self { about: given.about, default: given.default }
    }
}

/// Values a configuration gives, with the defaults of those it does not; the names of those it must and does not.
pub(super) fn complete(
    given: &BTreeMap<String, super::Given>,
    values: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Vec<(String, String)>> {
    let missing = |(name, one): (&String, &super::Given)| {
        (one.default.is_none() && !values.contains_key(name)).then(|| (name.clone(), one.about.clone()))
    };
    let missing: Vec<_> = given.iter().filter_map(missing).collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let defaults = given.iter().filter_map(|(name, one)| Some((name.clone(), one.default.clone()?)));
    let mut all: BTreeMap<String, String> = defaults.collect();
    all.extend(values.clone());
    Ok(all)
}
