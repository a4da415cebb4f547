//! What those find who know the languages of rules and templates, and the headers of deliveries.

use crate::{Checks, Config, Finding, read::Reader};

pub(crate) fn check(reader: &mut Reader, config: &Config, checks: &dyn Checks) {
    conditions(reader, config, checks);
    preferences(reader, config, checks);
    for webhook in &config.webhooks {
        for name in webhook.headers.keys() {
            if let Err(finding) = checks.header(name) {
                reader.finding_at(&format!("{}.headers.{name}", webhook.key), "", &finding);
            }
        }
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

/// `when` of the routes, and the calendars.
fn conditions(reader: &mut Reader, config: &Config, checks: &dyn Checks) {
    let mut setup = config.setup(0);
    for route in &mut setup.routes {
        route.prefer = None;
    }
    // A zone that is none was told where it stands.
    setup.calendars.retain(|_, calendar| !calendar.timezone.is_empty());
    for found in checks.rules(&setup) {
        let route = config.routes.iter().find(|route| route.setup.name == found.rule);
        let key = match route {
            Some(route) => format!("{}.when", route.key),
            // `calendar.office`, or nothing that stands in a file.
            None if reader.has(&found.rule) => found.rule.clone(),
            None => String::new(),
        };
        let when = route.and_then(|route| route.setup.when.as_deref()).unwrap_or_default();
        reader.finding_at(&key, when, &found.finding);
    }
}

/// `prefer` of the routes that have it.
fn preferences(reader: &mut Reader, config: &Config, checks: &dyn Checks) {
    let mut setup = config.setup(0);
    setup.calendars.clear();
    setup.routes.retain(|route| route.prefer.is_some());
    if setup.routes.is_empty() {
        return;
    }
    for route in &mut setup.routes {
        route.when = None;
    }
    for found in checks.rules(&setup) {
        let Some(route) = config.routes.iter().find(|route| route.setup.name == found.rule) else { continue };
        let key = format!("{}.prefer", route.key);
        let table = format!("{key}.agent");
        let key = if reader.has(&table) { table } else { key };
        let agent = route.setup.prefer.as_ref().map_or("", |prefer| prefer.agent.as_str());
        reader.finding_at(&key, agent, &found.finding);
    }
}

/// How many bytes into a text a finding points.
pub(crate) fn offset_of(finding: &Finding, text: &str) -> Option<usize> {
    let column = finding.column?;
    text.char_indices().map(|(at, _)| at).nth(column.checked_sub(1)?)
}
