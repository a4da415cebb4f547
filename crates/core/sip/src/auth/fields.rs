//! `Digest name="value", name=value`: challenges and credentials.

use crate::message::{quote, split_outside, trim, unquote};

/// How many fields one header may have.
const MAX_FIELDS: usize = 32;

/// The fields of a Digest header.
///
/// rsip reads these headers too, but ends a quoted value at the first quote, escaped or not, takes `nc` for a decimal
/// number below 256, and knows one `qop` where a list may stand. So they are read here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fields(Vec<(Box<str>, Box<str>)>);

impl Fields {
    /// Reads a header value; none when it is another scheme, or malformed.
    pub(crate) fn read(value: &str) -> Option<Self> {
        let (scheme, rest) = trim(value).split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut fields = Vec::new();
        for part in split_outside(rest, b',').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            if fields.len() >= MAX_FIELDS {
                return None;
            }
            fields.push((trim(name).into(), unquote(trim(value)).into()));
        }
        Some(Self(fields))
    }

    /// The value of a field, without quotes.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Whether a field that is a list holds a word.
    pub(crate) fn lists(&self, name: &str, word: &str) -> bool {
        self.get(name)
            .is_some_and(|list| list.split(',').any(|member| member.trim().eq_ignore_ascii_case(word)))
    }
}

/// Writes a Digest header: values of `quoted` in quotes, those of `plain` without.
pub(crate) fn write(quoted: &[(&str, &str)], plain: &[(&str, &str)]) -> String {
    let quoted = quoted.iter().map(|(name, value)| format!("{name}={}", quote(value)));
    let plain = plain.iter().map(|(name, value)| format!("{name}={value}"));
    format!("Digest {}", quoted.chain(plain).collect::<Vec<_>>().join(", "))
}
