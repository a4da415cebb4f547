//! What the parser did not understand, with the slip that most likely made it.

use cel::ParseErrors;

use crate::Error;

/// Signs of a slip, and what would do.
const SLIPS: [(&str, &str); 5] = [
    (" and ", "write && for and"),
    (" or ", "write || for or"),
    (" not ", "write ! for not"),
    ("'", "a text starts and ends with the same quote"),
    ("\"", "a text starts and ends with the same quote"),
];

pub(crate) fn unreadable(text: &str, errors: &ParseErrors, example: &str) -> Error {
    let first = errors.errors.first();
    let said = first.and_then(|error| error.msg.lines().next()).unwrap_or_default();
    Error {
        column: first.map(|error| column(text, error.pos)),
        message: format!("cannot be read: {said}"),
        hint: hint(text).map_or_else(|| format!("for example: {example}"), str::to_owned),
    }
}

fn hint(text: &str) -> Option<&'static str> {
    let comparisons = ["==", "!=", "<=", ">="];
    if comparisons.iter().fold(text.to_owned(), |text, sign| text.replace(sign, "")).contains('=') {
        return Some("write == to compare");
    }
    let closed = |sign: &str| sign.len() == 1 && text.matches(sign).count().is_multiple_of(2);
    SLIPS.into_iter().find(|(sign, _)| text.contains(sign) && !closed(sign)).map(|(_, hint)| hint)
}

/// The parser tells line and column, from 1 both; a condition has columns only.
fn column(text: &str, (line, column): (isize, isize)) -> usize {
    let lines = usize::try_from(line).unwrap_or(1).saturating_sub(1);
    let before: usize = text.split_inclusive('\n').take(lines).map(|line| line.chars().count()).sum();
    before + usize::try_from(column).unwrap_or(1).max(1)
}
