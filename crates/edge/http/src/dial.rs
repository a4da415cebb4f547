//! Where to dial: what a page holds, read by those who know the country's numbers.

use std::{fmt, sync::Arc};

use crate::{
    model::{call::AttachedData, command::Destination},
    problem::Problem,
};

/// Where an extension behind a number is kept in the call's data: it is asked for, not dialled.
pub(crate) const EXTENSION: &str = "extension";

/// What a text means as a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialled {
    /// Where to.
    pub destination: Destination,
    /// The extension to ask for, once somebody answers: `;ext=12`, `x12`.
    pub extension: Option<String>,
}

/// Why a text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}; {hint}")]
pub struct Undialled {
    /// Why, for people.
    pub why: String,
    /// What would do.
    pub hint: String,
}

type Reading = dyn Fn(&str) -> Result<Dialled, Undialled> + Send + Sync;

/// How texts are read. By default only what needs no reading: names, extensions, and numbers with their plus sign.
#[derive(Clone)]
pub struct Dialling(Arc<Reading>);

impl Dialling {
    /// Reads by this function. What it lets through must hold nothing that a PBX reads as syntax.
    pub fn new(read: impl Fn(&str) -> Result<Dialled, Undialled> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Where this text leads. The extension to ask for goes into `data`, where the page has not said otherwise.
    pub(crate) fn read(&self, text: &str, data: &mut AttachedData) -> Result<Destination, Problem> {
        let dialled = (self.0)(text).map_err(|Undialled { why, hint }| Problem::invalid(why, hint))?;
        if let Some(extension) = dialled.extension {
            data.entry(EXTENSION.to_owned()).or_insert(extension);
        }
        Ok(dialled.destination)
    }
}

impl Default for Dialling {
    fn default() -> Self {
        Self::new(|text| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
            if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
                return Err(Undialled {
                    why: "the destination is no name and no number".to_owned(),
                    hint: "an agent, a queue, or a number as in +49301234567".to_owned(),
                });
            }
            let is_e164 =
                |digits: &str| (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            let e164 = text.strip_prefix('+').filter(|digits| is_e164(digits)).map(|_| text.to_owned());
            Ok(Dialled { destination: Destination { text: text.to_owned(), e164 }, extension: None })
        })
    }
}

impl fmt::Debug for Dialling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialling(…)")
    }
}
