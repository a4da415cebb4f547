//! What a CRM answered, read: records, or why it says nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    bounds::{self, cut},
    settings::{CrmSource, Format},
};

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    /// As the CRM said it.
    pub(crate) score: Option<f64>,
    /// Its numbers, as far as it shows them.
    pub(crate) numbers: Vec<String>,
    /// The agent it belongs to.
    pub(crate) agent: Option<String>,
    pub(crate) fields: BTreeMap<String, String>,
}

/// An answer that says nothing; the text is for an administrator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unclear(pub(crate) String);

/// How an answer is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reads {
    format: Format,
    items: String,
    id: Vec<String>,
    name: Vec<String>,
    /// The first of the names that is there, else all of them together.
    first_name_only: bool,
    score: Option<String>,
    numbers: Vec<String>,
    agent: Option<String>,
    fields: Option<BTreeMap<String, String>>,
    none_status: Vec<u16>,
    none_text: Vec<String>,
}

const IDS: [&str; 5] = ["/id", "/Id", "/ID", "/_id", "/uuid"];
const NAMES: [&str; 4] = ["/name", "/full_name", "/display_name", "/Name"];
/// Members of a record that hold its numbers in most CRMs; else every text that is one.
const DEPTH: usize = 4;

impl Reads {
    pub(crate) fn new(source: CrmSource) -> Self {
        let first_name_only = source.name.is_empty();
        let usual = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            format: source.format,
            items: source.items,
            id: source.id.map_or_else(|| usual(&IDS), |id| vec![id]),
            name: if first_name_only { usual(&NAMES) } else { source.name },
            first_name_only,
            score: source.score,
            numbers: source.numbers,
            agent: source.agent,
            fields: source.fields,
            none_status: source.none_status,
            none_text: source.none_text.iter().map(|text| text.to_lowercase()).collect(),
        }
    }

    pub(crate) const fn accepts(&self) -> &'static str {
        match self.format {
            Format::Json => "application/json",
            Format::Text => "text/plain",
        }
    }

    /// Whether this status means that nobody is known.
    pub(crate) fn means_nobody(&self, status: u16) -> bool {
        status == 204 || self.none_status.contains(&status)
    }

    /// The records of a body that came with a status of success; none of them: nobody is known. In text there is one, by
    /// the id of the number that was asked.
    pub(crate) fn read(&self, text: &str, media: &str, asked: &str) -> Result<Vec<Record>, Unclear> {
        match self.format {
            Format::Json => self.json(text, media),
            Format::Text => self.text(text, media, asked),
        }
    }

    fn text(&self, text: &str, media: &str, asked: &str) -> Result<Vec<Record>, Unclear> {
        let text = text.trim_start_matches('\u{feff}').trim();
        // A page of a login or an error would become the customer's name.
        if media.contains("html") || text.starts_with(['<', '{', '[']) {
            return Err(Unclear(format!("the answer is no name but {}", shown(media))));
        }
        if text.is_empty() || self.none_text.contains(&text.to_lowercase()) {
            return Ok(Vec::new());
        }
        if text.len() > bounds::NAME_BYTES || text.chars().any(char::is_control) {
            return Err(Unclear("the answer is no name: it is too long, or has several lines".to_owned()));
        }
        Ok(vec![Record { id: asked.to_owned(), name: Some(text.to_owned()), ..Record::default() }])
    }

    fn json(&self, text: &str, media: &str) -> Result<Vec<Record>, Unclear> {
        // Some CRMs say text/html of their JSON: the text itself decides.
        let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| Unclear(format!("the answer is {}, not JSON: {error}", shown(media))))?;
        let Some(found) = value.pointer(&self.items) else {
            let members = value.as_object().map(|members| members.keys().take(8).map(|key| cut(key, 32)));
            let members =
                members.map(|keys| keys.collect::<Vec<_>>().join(", ")).filter(|keys| !keys.is_empty());
            let has = members.map_or_else(String::new, |members| format!("; it has {members}"));
            return Err(Unclear(format!("there is nothing at {} in the answer{has}", self.items)));
        };
        let items = match found {
            Value::Array(items) => items.as_slice(),
            Value::Null | Value::Bool(false) => &[],
            Value::String(text) if text.is_empty() => &[],
            Value::Object(members) if members.is_empty() => &[],
            Value::Object(_) | Value::String(_) | Value::Number(_) | Value::Bool(true) => {
                std::slice::from_ref(found)
            }
        };
        let records: Vec<Record> =
            items.iter().take(bounds::RECORDS).filter_map(|item| self.record(item)).collect();
        if records.is_empty() && !items.is_empty() {
            let place = self.id.join(" or ");
            return Err(Unclear(format!("no record of the answer has an id at {place}")));
        }
        Ok(records)
    }

    /// None: it has no id, so nobody could open it.
    fn record(&self, item: &Value) -> Option<Record> {
        let id = self.id.iter().find_map(|pointer| scalar(item.pointer(pointer)?))?;
        let id = cut(id.trim(), bounds::NAME_BYTES).to_owned();
        if id.is_empty() || id.chars().any(char::is_control) {
            return None;
        }
        let at = |pointer: &String| scalar(item.pointer(pointer)?);
        let score = self.score.as_ref().and_then(at).and_then(|text| text.parse::<f64>().ok());
        Some(Record {
            id,
            name: self.name_of(item),
            score: score.filter(|score| score.is_finite()),
            numbers: self.numbers_of(item),
            agent: self.agent.as_ref().and_then(at).map(|agent| cut(&agent, bounds::NAME_BYTES).to_owned()),
            fields: self.fields_of(item),
        })
    }

    fn name_of(&self, item: &Value) -> Option<String> {
        let parts = self.name.iter().filter_map(|pointer| scalar(item.pointer(pointer)?));
        let parts =
            parts.map(|part| part.trim().replace(char::is_control, " ")).filter(|part| !part.is_empty());
        let parts: Vec<String> = parts.take(if self.first_name_only { 1 } else { usize::MAX }).collect();
        (!parts.is_empty()).then(|| cut(&parts.join(" "), bounds::NAME_BYTES).to_owned())
    }

    fn numbers_of(&self, item: &Value) -> Vec<String> {
        let mut numbers = Vec::new();
        if self.numbers.is_empty() {
            likely_numbers(item, DEPTH, &mut numbers);
        }
        for pointer in &self.numbers {
            let found = item.pointer(pointer);
            let several = found
                .and_then(Value::as_array)
                .map_or_else(|| found.into_iter().collect(), |a| a.iter().collect::<Vec<_>>());
            numbers.extend(several.into_iter().filter_map(scalar));
        }
        numbers.retain(|number| number.len() <= bounds::NUMBER_BYTES);
        numbers.truncate(bounds::NUMBERS);
        numbers
    }

    fn fields_of(&self, item: &Value) -> BTreeMap<String, String> {
        let field = |name: &str, value: &Value| {
            let text = flat(value)?;
            Some((name.to_owned(), cut(&text, bounds::FIELD_BYTES).to_owned()))
        };
        match &self.fields {
            Some(wanted) => {
                wanted.iter().filter_map(|(name, pointer)| field(name, item.pointer(pointer)?)).collect()
            }
            None => {
                let members = item.as_object().into_iter().flatten();
                // What the candidate has under its own name anyway.
                let further = members.filter(|(name, value)| {
                    !matches!(name.as_str(), "id" | "name" | "score") && !value.is_array() && name.len() <= 64
                });
                further.filter_map(|(name, value)| field(name, value)).take(bounds::FIELDS).collect()
            }
        }
    }
}

/// What to call an answer of this media type.
fn shown(media: &str) -> &str {
    if media.is_empty() { "of no type" } else { cut(media, 64) }
}

/// A text, number or truth value, as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The same, and a list of them with commas between.
fn flat(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().filter_map(scalar).collect();
            (!texts.is_empty()).then(|| texts.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            scalar(value)
        }
    }
}

/// Texts that look like telephone numbers, wherever they stand in a record.
fn likely_numbers(value: &Value, depth: usize, numbers: &mut Vec<String>) {
    if numbers.len() >= bounds::NUMBERS {
        return;
    }
    match value {
        Value::String(text) if is_likely_number(text) => numbers.push(text.clone()),
        Value::Array(items) if depth > 0 => {
            items.iter().for_each(|one| likely_numbers(one, depth - 1, numbers))
        }
        Value::Object(members) if depth > 0 => {
            members.values().for_each(|one| likely_numbers(one, depth - 1, numbers));
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {}
    }
}

fn is_likely_number(text: &str) -> bool {
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (6..=20).contains(&digits)
        && text.starts_with(|c: char| c.is_ascii_digit() || "+( ".contains(c))
        && text.chars().all(|c| c.is_ascii_digit() || "+()-./ \u{a0}".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(change: impl FnOnce(&mut CrmSource)) -> Reads {
        let mut source = CrmSource::default();
        change(&mut source);
        Reads::new(source)
    }

    fn check_json(change: impl FnOnce(&mut CrmSource), text: &str, expected: Result<&str, &str>) {
        let told = reads(change).read(text, "application/json", "+1");
        let told = told.map(|records| {
            records
                .iter()
                .map(|r| format!("{}:{}", r.id, r.name.as_deref().unwrap_or("-")))
                .collect::<Vec<_>>()
                .join(" ")
        });
        match (told, expected) {
            (Ok(told), Ok(expected)) => assert_eq!(told, expected, "{text}"),
            (Err(error), Err(expected)) => assert!(error.0.contains(expected), "{text}: {error}"),
            (told, expected) => panic!("{text}: {told:?} and not {expected:?}"),
        }
    }

    #[test]
    fn a_list_an_object_and_nothing_are_read() {
        let results = |source: &mut CrmSource| source.items = "/results".to_owned();
        check_json(results, r#"{"results":[{"id":42,"name":"Erika"},{"id":"43"}]}"#, Ok("42:Erika 43:-"));
        check_json(results, r#"{"results":{"id":"42","full_name":"Erika M"}}"#, Ok("42:Erika M"));
        for nobody in ["[]", "null", "false", "{}", "\"\""] {
            check_json(results, &format!("{{\"results\":{nobody}}}"), Ok(""));
        }
        check_json(|_| {}, r#"[{"_id":"a"}]"#, Ok("a:-"));
        check_json(|_| {}, "\u{feff}[]", Ok(""));
    }

    #[test]
    fn what_says_nothing_is_an_error_that_names_the_place() {
        let results = |source: &mut CrmSource| source.items = "/results".to_owned();
        check_json(
            results,
            r#"{"error":"bad key","code":7}"#,
            Err("nothing at /results in the answer; it has "),
        );
        check_json(results, r#"{"results":[{"key":1}]}"#, Err("no record of the answer has an id at /id"));
        check_json(results, "<html>", Err("not JSON"));
        check_json(results, "", Err("not JSON"));
        check_json(results, &"[".repeat(10_000), Err("not JSON"));
        check_json(|source| source.id = Some("/key".into()), r#"[{"id":1}]"#, Err("/key"));
    }

    #[test]
    fn pointers_lead_to_what_a_record_has() {
        let reads = reads(|source| {
            source.id = Some("/contact/uid".into());
            source.name = vec!["/contact/first".into(), "/contact/last".into()];
            source.score = Some("/rank".into());
            source.numbers = vec!["/phones".into(), "/mobile".into()];
            source.agent = Some("/owner/login".into());
            source.fields = Some(
                [("tier".to_owned(), "/level".to_owned()), ("tags".to_owned(), "/tags".to_owned())].into(),
            );
        });
        let text = r#"[{"contact":{"uid":7,"first":"Erika","last":"Muster"},"rank":"0.5","phones":["030 1","030 2"],
            "mobile":"0171","owner":{"login":"alice"},"level":3,"tags":["a","b"],"secret":"x"}]"#;
        let record = reads.read(text, "", "").unwrap().remove(0);
        let fields = [("tier".to_owned(), "3".to_owned()), ("tags".to_owned(), "a, b".to_owned())].into();
        assert_eq!(
            record,
            Record {
                id: "7".into(),
                name: Some("Erika Muster".into()),
                score: Some(0.5),
                numbers: vec!["030 1".into(), "030 2".into(), "0171".into()],
                agent: Some("alice".into()),
                fields,
            }
        );
    }

    #[test]
    fn without_pointers_texts_are_fields_and_numbers_are_found() {
        let text = r#"[{"id":1,"name":"E","tier":"gold","vip":true,"phones":[{"value":"+49 30 5550001"}],"born":"1990","note":null}]"#;
        let record = reads(|_| {}).read(text, "", "").unwrap().remove(0);
        let fields: Vec<_> = record.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(fields, ["born=1990", "tier=gold", "vip=true"]);
        assert_eq!(record.numbers, ["+49 30 5550001"]);
    }

    #[test]
    fn a_name_is_one_line_of_text_and_no_page() {
        let reads = reads(|source| source.format = Format::Text);
        let name = |text: &str, media: &str| {
            reads
                .read(text, media, "+49305550001")
                .map(|records| records.into_iter().next().and_then(|r| r.name))
        };
        assert_eq!(name(" Erika Muster\r\n", "text/plain").unwrap().as_deref(), Some("Erika Muster"));
        assert_eq!(name("Unknown", "text/plain").unwrap(), None);
        assert_eq!(name("\n", "text/plain").unwrap(), None);
        for (text, media) in [("<html>Login", "text/plain"), ("Login", "text/html"), ("{}", ""), ("a\nb", "")]
        {
            assert!(name(text, media).is_err(), "{text} {media}");
        }
    }

    #[test]
    fn nothing_a_record_holds_is_larger_than_the_bounds() {
        let long = "ä".repeat(10_000);
        let many: String =
            (0..100).map(|n| format!(",\"f{n}\":\"{long}\",\"n{n}\":\"030 555 {n:04}\"")).collect();
        let text = format!("[{{\"id\":\"{long}\",\"name\":\"{long}\"{many}}}]");
        let record = reads(|_| {}).read(&text, "", "").unwrap().remove(0);
        assert!(record.id.len() <= bounds::NAME_BYTES && record.name.unwrap().len() <= bounds::NAME_BYTES);
        assert_eq!((record.fields.len(), record.numbers.len()), (bounds::FIELDS, bounds::NUMBERS));
        assert!(record.fields.values().all(|value| value.len() <= bounds::FIELD_BYTES));
    }
}
