//! Parameters of an alias: from the query, a form, or the top level of a JSON object.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use serde_json::Value;

use crate::{input, problem::Problem, state::AppState};

/// Parameters at most.
const MOST: usize = 128;

/// What came, each value with whether it stood in the address.
pub(super) struct Parameters(BTreeMap<String, Vec<(String, bool)>>);

impl Parameters {
    /// The value of a name; none: missing or empty.
    ///
    /// # Errors
    /// When it is there twice with two values: which one another program on the way looked at is not known.
    pub(super) fn one(&self, name: &str) -> Result<Option<(&str, bool)>, Problem> {
        let mut values = self.0.get(name).into_iter().flatten().filter(|(text, _)| !text.is_empty());
        let Some((text, in_address)) = values.next() else { return Ok(None) };
        let mut in_address = *in_address;
        for (other, also) in values {
            if other != text {
                return Err(Problem::invalid(format!("{name:?} has two values"), "send one"));
            }
            in_address |= also;
        }
        Ok(Some((text, in_address)))
    }

    fn add(&mut self, name: String, value: String, in_address: bool) -> Result<(), Problem> {
        self.0.entry(name).or_default().push((value, in_address));
        if self.0.values().map(Vec::len).sum::<usize>() > MOST {
            return Err(Problem::request(format!("more than {MOST} parameters")));
        }
        Ok(())
    }

    fn add_form(&mut self, text: &[u8], in_address: bool) -> Result<(), Problem> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(text)
            .map_err(|_| Problem::request("the parameters are no form: name=value&name=value"))?;
        pairs.into_iter().try_for_each(|(name, value)| self.add(name, value, in_address))
    }

    fn add_json(&mut self, text: &[u8]) -> Result<(), Problem> {
        let members: serde_json::Map<String, Value> = serde_json::from_slice(text)
            .map_err(|error| Problem::request(format!("the body is no JSON object: {error}")))?;
        members.into_iter().try_for_each(|(name, value)| match value {
            Value::String(text) => self.add(name, text, false),
            Value::Number(number) => self.add(name, number.to_string(), false),
            // A member that says nothing here may be for others.
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Ok(()),
        })
    }
}

impl FromRequest<AppState> for Parameters {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let mut parameters = Self(BTreeMap::new());
        parameters.add_form(request.uri().query().unwrap_or_default().as_bytes(), true)?;
        let media = input::media(request.headers());
        let body = input::read(request, state).await?;
        match media.as_deref() {
            _ if body.is_empty() => {}
            Some("application/json") => parameters.add_json(&body)?,
            Some("application/x-www-form-urlencoded") | None => parameters.add_form(&body, false)?,
            Some(_) => {
                return Err(Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "media-type",
                    "The body is neither a form nor JSON",
                    format!("the {} is neither of a form nor of JSON", header::CONTENT_TYPE),
                ));
            }
        }
        Ok(parameters)
    }
}
