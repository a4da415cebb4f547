//! One field of a message: what it writes.

use hookswitch_wire::template::{Template, TemplateError};
use serde_json::Value;

use super::{
    source::NumberForm,
    view::{Number, View},
};

/// A field, compiled.
#[derive(Debug, Clone)]
pub(super) enum Field {
    /// `"{{ call.id }}"`
    Text(Template),
    /// `{ number = "from", as = "digits" }`
    Number { of: Expression, form: NumberForm, last: Option<usize>, withheld: String },
    /// `{ list = "ringing", item = "{{ item.user }}" }`
    List { of: Expression, item: Template },
    /// `{ json = "talk_s" }`
    Json(Expression),
    /// `{ word = "cause", of = "{{ outcome }}" }`
    Word { table: String, of: Template },
}

/// An expression of Jinja, compiled.
#[derive(Debug, Clone)]
pub(super) struct Expression(Template);

impl Expression {
    /// What stands around it, for the places of errors: as many characters.
    pub(super) const BEFORE: &'static str = "{{ (";

    /// The template that writes its value as JSON.
    pub(super) fn source(expression: &str) -> String {
        format!("{}{expression}) | tojson }}}}", Self::BEFORE)
    }

    pub(super) const fn of(template: Template) -> Self {
        Self(template)
    }

    /// Its value; null for what is not there.
    pub(super) fn value(&self, view: &View) -> Result<Value, TemplateError> {
        let text = self.0.render(view.context())?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Whether it holds, as `if` of Jinja has it.
    pub(super) fn holds(&self, view: &View) -> Result<bool, TemplateError> {
        Ok(match self.value(view)? {
            Value::Null => false,
            Value::Bool(holds) => holds,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
        })
    }
}

impl Field {
    /// What it writes.
    pub(super) fn value(&self, view: &View) -> Result<Value, TemplateError> {
        Ok(match self {
            Self::Text(template) => template.render(view.context())?.into(),
            Self::Number { of, form, last, withheld } => {
                let number = Number::of(&of.value(view)?);
                let written = number.filter(|number| !number.withheld).map(|number| match form {
                    NumberForm::E164 => number.e164.unwrap_or(number.raw),
                    NumberForm::Digits => digits(number.e164.as_deref().unwrap_or(&number.raw)),
                    NumberForm::National => {
                        view.numbers().national(number.e164.as_deref().unwrap_or(&number.raw))
                    }
                    NumberForm::Dialled => number.raw,
                });
                let written =
                    written.map(|written| last.map_or(written.clone(), |last| tail(&written, last)));
                written.filter(|written| !written.is_empty()).unwrap_or_else(|| withheld.clone()).into()
            }
            Self::List { of, item } => {
                let items = of.value(view)?;
                let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
                let write = |one| item.render(&view.with_item(one)).map(Value::from);
                Value::Array(items.iter().map(write).collect::<Result<_, _>>()?)
            }
            Self::Json(expression) => expression.value(view)?,
            Self::Word { table, of } => {
                let of = of.render(view.context())?;
                let table = view.context().get("words").and_then(|words| words.get(table));
                let word = |of: &str| table.and_then(|table| table.get(of)).cloned();
                word(&of).or_else(|| word("else")).unwrap_or_default()
            }
        })
    }
}

/// Nothing, or a text or list without anything.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn tail(text: &str, count: usize) -> String {
    let digits = digits(text);
    digits[digits.len().saturating_sub(count)..].to_owned()
}
