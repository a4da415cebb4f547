//! What is wrong with a configuration, and where: for people, editors and scripts.

use std::fmt::Write as _;

use serde::Serialize;

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration is not used.
    Error,
    /// It is used; somebody should look.
    Warning,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether the configuration can be used in spite of it.
    pub severity: Severity,
    /// The file, as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The key: `queue[2].offer_timeout`, tables of a list counted from 0. Empty for the file as a whole.
    pub key: String,
    /// What is wrong, with the culprit's name.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The line and how much of it is meant, secrets masked.
    #[serde(skip)]
    pub(crate) excerpt: Excerpt,
}

/// The line a problem is in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Excerpt {
    pub(crate) text: String,
    /// In characters.
    pub(crate) width: usize,
}

impl Problem {
    /// Whether the configuration cannot be used because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The problems as text for a terminal: each with its line, a caret under what is meant, and the hint; then a count.
///
/// ```text
/// error: no [[queue]] is called "suport"
///   --> hookswitch.toml:41:9 (route[0].queue)
///    |
/// 41 | queue = "suport"
///    |         ^^^^^^^^
///    = hint: did you mean "support"?
/// ```
#[must_use]
pub fn render(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        // Writing to a String cannot fail.
        let _ = render_one(&mut text, problem);
    }
    if !problems.is_empty() {
        let errors = problems.iter().filter(|problem| problem.is_error()).count();
        text.push_str(&counted(errors, problems.len() - errors));
    }
    text
}

fn render_one(text: &mut String, problem: &Problem) -> std::fmt::Result {
    let Problem { severity, file, line, column, key, message, hint, excerpt } = problem;
    let word = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    writeln!(text, "{word}: {message}")?;
    write!(text, "{margin}--> {file}:{line}:{column}")?;
    writeln!(text, "{}", if key.is_empty() { String::new() } else { format!(" ({key})") })?;
    if !excerpt.text.trim().is_empty() {
        // Tabs stay, so that the caret stands where the terminal puts the text.
        let before: String =
            excerpt.text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        writeln!(text, "{margin} |")?;
        writeln!(text, "{number} | {}", excerpt.text)?;
        writeln!(text, "{margin} | {before}{}", "^".repeat(excerpt.width.max(1)))?;
    }
    writeln!(text, "{margin} = hint: {hint}\n")
}

fn counted(errors: usize, warnings: usize) -> String {
    let count = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{number} {word}s")),
    };
    let counts: Vec<String> =
        [count(errors, "error"), count(warnings, "warning")].into_iter().flatten().collect();
    format!("{}\n", counts.join(", "))
}
