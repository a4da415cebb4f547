//! What those find who know the languages of rules and templates.

use crate::{Checks, Config, Finding, read::Reader};

pub(crate) fn check(reader: &mut Reader, config: &Config, checks: &dyn Checks) {
    for found in checks.rules(&config.setup(0)) {
        let route = config.routes.iter().find(|route| route.setup.name == found.rule);
        let key = route.map_or_else(String::new, |route| format!("{}.when", route.key));
        let when = route.and_then(|route| route.setup.when.as_deref()).unwrap_or_default();
        reader.finding_at(&key, when, &found.finding);
    }
    for (key, text) in reader.templates().to_vec() {
        if let Err(finding) = checks.template(&text) {
            reader.finding_at(&key, &text, &finding);
        }
    }
    for (key, text) in reader.expressions().to_vec() {
        if let Err(finding) = checks.expression(&text) {
            reader.finding_at(&key, &text, &finding);
        }
    }
}

/// How many bytes into a text a finding points.
pub(crate) fn offset_of(finding: &Finding, text: &str) -> Option<usize> {
    let column = finding.column?;
    text.char_indices().map(|(at, _)| at).nth(column.checked_sub(1)?)
}
