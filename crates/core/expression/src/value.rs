//! Values behind names, and what they are to the interpreter.

use std::{borrow::Cow, collections::BTreeMap};

use cel::{
    common::{
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString},
        value::{CowVal, Val},
    },
    context::VariableResolver,
};

use crate::{Ask, Variable};

/// The values of the names of an expression, for one call, one answer, one whatever is tried. Ask before you convert:
/// only what the expression comes to is asked for.
pub trait Facts: Send + Sync {
    /// The value of the name of this number; [`Value::Null`] when it is missing.
    fn value(&self, number: usize) -> Value<'_>;
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// A map from text to text.
    Fields(&'a BTreeMap<String, String>),
    /// A list or a map of JSON. Made by [`Value::from`]: what is neither is a value of its own.
    Json(&'a serde_json::Value),
}

impl Value<'_> {
    /// What it is, for people.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::Json(serde_json::Value::Array(_)) => "a list",
            Self::Fields(_) | Self::Json(_) => "a map",
        }
    }
}

impl<'a> From<&'a serde_json::Value> for Value<'a> {
    /// Whole numbers are [`Value::Int`], so that they compare with what is written in an expression.
    fn from(value: &'a serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(is) => Self::Bool(*is),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(number) => Self::Int(number),
                None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Self::Text(text.into()),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => Self::Json(value),
        }
    }
}

/// Facts as the interpreter asks for them.
pub(crate) struct Behind<'a>(pub(crate) &'a dyn Facts);

impl VariableResolver for Behind<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let Variable { number, ask } = Variable::of(name)?;
        let value = self.0.value(number);
        Some(CowVal::Owned(match ask {
            Ask::Value => cel(value),
            Ask::Presence => Box::new(CelBool::from(value != Value::Null)),
            Ask::Elements => elements(value),
        }))
    }
}

/// A value as CEL has it.
fn cel(value: Value<'_>) -> Box<dyn Val + '_> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(is) => Box::new(CelBool::from(is)),
        Value::Int(number) => Box::new(CelInt::from(number)),
        Value::Float(number) => Box::new(CelDouble::from(number)),
        Value::Text(text) => Box::new(CelString::from(text)),
        Value::Fields(fields) => {
            map(fields.iter().map(|(name, value)| (name, Value::Text(value.as_str().into()))))
        }
        Value::Json(serde_json::Value::Object(fields)) => {
            map(fields.iter().map(|(name, value)| (name, value.into())))
        }
        Value::Json(serde_json::Value::Array(values)) => {
            let values: Vec<_> = values.iter().map(|value| cel(value.into())).collect();
            Box::new(CelList::from(values))
        }
        Value::Json(scalar) => cel(scalar.into()),
    }
}

/// What a loop goes over: a map's keys, in order, or else the value itself.
fn elements(value: Value<'_>) -> Box<dyn Val + '_> {
    match value {
        Value::Fields(fields) => keys(fields.keys()),
        Value::Json(serde_json::Value::Object(fields)) => keys(fields.keys()),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::Json(_) => {
            cel(value)
        }
    }
}

fn keys<'a>(keys: impl Iterator<Item = &'a String>) -> Box<dyn Val + 'a> {
    let keys = keys.map(|key| Box::new(CelString::from(key.as_str())) as Box<dyn Val + 'a>);
    Box::new(CelList::from(keys.collect::<Vec<_>>()))
}

#[allow(clippy::disallowed_types, reason = "CEL's own map; the order of its keys is never seen")]
fn map<'a>(fields: impl Iterator<Item = (&'a String, Value<'a>)>) -> Box<dyn Val + 'a> {
    let fields = fields.map(|(name, value)| (CelMapKey::from(name.as_str()), cel(value)));
    Box::new(CelMap::from(fields.collect::<std::collections::HashMap<_, _>>()))
}
