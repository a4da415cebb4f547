//! One contact.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{answer::Record, bounds};

/// Somebody who is known by numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Its id, unique: 1 to 128 characters, none of them a control character.
    #[serde(default)]
    pub id: String,
    /// What to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The company. Several of one company on one number are a company line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Its numbers, as they are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<String>,
    /// Further fields, for rules and templates: `customer.tier`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The agent it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The page to open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A contact that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ContactProblem {
    /// What is wrong.
    pub message: String,
    /// What would do.
    pub hint: &'static str,
}

/// Names that a candidate has of its own, or that the other members fill.
const RESERVED: [&str; 6] = ["id", "name", "score", "company", "agent", "url"];

impl Contact {
    /// Whether it can be taken.
    ///
    /// # Errors
    /// [`ContactProblem`], the first found.
    pub fn check(&self) -> Result<(), ContactProblem> {
        let problem = |message: String, hint| Err(ContactProblem { message, hint });
        if self.id.is_empty() || self.id.chars().count() > 128 || self.id.chars().any(char::is_control) {
            return problem(
                "the contact has no id that can be used".to_owned(),
                "1 to 128 characters, no control characters",
            );
        }
        if self.name.is_none() && self.company.is_none() {
            return problem("the contact has neither a name nor a company".to_owned(), "give one of them");
        }
        for (what, text) in [("name", &self.name), ("company", &self.company), ("agent", &self.agent)] {
            if text.as_ref().is_some_and(|text| is_bad_line(text, bounds::NAME_BYTES)) {
                return problem(
                    format!("the {what} is empty, too long or has several lines"),
                    "one line of at most 256 bytes",
                );
            }
        }
        if self.numbers.len() > bounds::NUMBERS {
            return problem(format!("{} numbers", self.numbers.len()), "at most 32");
        }
        for number in &self.numbers {
            if is_bad_line(number, bounds::NUMBER_BYTES) || !number.bytes().any(|b| b.is_ascii_digit()) {
                return problem(
                    "one of the numbers is no number".to_owned(),
                    "digits, with or without separators: \"+49 30 5550001\"",
                );
            }
        }
        if self.fields.len() > bounds::FIELDS {
            return problem(format!("{} fields", self.fields.len()), "at most 32");
        }
        for (name, value) in &self.fields {
            if is_bad_line(name, 64) || value.len() > bounds::FIELD_BYTES {
                return problem(
                    format!("the field {name:.64?} is too long"),
                    "a name of at most 64 bytes, a text of at most 1024",
                );
            }
            if RESERVED.contains(&name.as_str()) {
                return problem(
                    format!("no field may be called {name}"),
                    "it is a member of the contact itself",
                );
            }
        }
        if self.url.as_ref().is_some_and(|url| !is_page(url)) {
            return problem(
                "the url is no address of a web page".to_owned(),
                "http:// or https://, as it is opened on an agent's screen",
            );
        }
        Ok(())
    }
}

fn is_bad_line(text: &str, most: usize) -> bool {
    text.trim().is_empty() || text.len() > most || text.chars().any(char::is_control)
}

fn is_page(text: &str) -> bool {
    let url: Option<hookswitch_egress::Url> = text.parse().ok();
    text.len() <= bounds::FIELD_BYTES
        && !text.contains(|c: char| c.is_control() || c.is_whitespace())
        && url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

impl From<Contact> for Record {
    fn from(contact: Contact) -> Self {
        let Contact { id, name, company, numbers, mut fields, agent, url } = contact;
        let own = [("company", company.clone()), ("agent", agent.clone()), ("url", url)];
        fields.extend(own.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))));
        Self { id, name: name.or(company), score: None, numbers, agent, fields }
    }
}

/// The same number written twice is one; the order stays.
pub(crate) fn without_doubles(numbers: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    numbers.into_iter().filter(|number| seen.insert(number.clone())).collect()
}
