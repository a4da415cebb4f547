//! `hookswitch check`: the configuration, as the daemon would take it.

use std::{path::Path, sync::Arc};

use hookswitch_acd::{Engine, routing::RuleError};
use hookswitch_config::{
    Checks, Config, Finding, Pbx, PbxKind, Problem, RuleFinding, Severity, Webhook, load_with, render,
};
use hookswitch_model::setup::Setup;
use hookswitch_publish::SuccessTest;
use hookswitch_wire::template::{Numbers, PlainNumbers, Template};
use serde_json::json;

use super::{Arguments, Failure, Outcome};
use crate::daemon::settings;

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let config = arguments.load()?;
    let counts = [
        (config.pbxs.len(), "PBX"),
        (config.agents.len(), "agents"),
        (config.queues.len(), "queues"),
        (config.routes.len(), "routes"),
        (config.webhooks.len(), "webhooks"),
        (config.tokens.len(), "tokens"),
    ];
    if arguments.json {
        println!("{}", json!({"ok": true, "problems": config.warnings}));
    } else {
        let counts: Vec<String> = counts.iter().map(|(count, what)| format!("{count} {what}")).collect();
        println!("{} is fine: {}", arguments.config.display(), counts.join(", "));
    }
    Ok(())
}

/// Loads a configuration with every check there is, and tells every problem.
pub(crate) fn load(path: &Path, json: bool) -> Result<Config, Failure> {
    let loaded = load_with(path, &Languages).and_then(|config| {
        let mut problems = dialplan_problems(&config);
        problems.extend(tls_problems(&config));
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    });
    match loaded {
        Ok(mut config) => {
            let ignored = not_acted_on(&config);
            config.warnings.extend(ignored);
            if !config.warnings.is_empty() && !json {
                eprint!("{}", render(&config.warnings));
            }
            Ok(config)
        }
        Err(problems) => {
            if json {
                println!("{}", json!({"ok": false, "problems": problems}));
            } else {
                eprint!("{}", render(&problems));
            }
            Err(Failure::Configuration)
        }
    }
}

/// The languages a configuration holds, checked by those who run them.
struct Languages;

impl Checks for Languages {
    fn rules(&self, setup: &Setup) -> Vec<RuleFinding> {
        let errors = Engine::new(Arc::new(setup.clone()), 0).err().unwrap_or_default();
        let finding = |error: RuleError| RuleFinding {
            rule: error.rule,
            finding: Finding { column: error.column, message: error.message, hint: error.hint },
        };
        errors.into_iter().map(finding).collect()
    }

    fn expression(&self, text: &str) -> Result<(), Finding> {
        SuccessTest::parse(text).map(drop).map_err(|error| Finding {
            column: error.column,
            message: error.message,
            hint: error.hint,
        })
    }

    fn template(&self, text: &str) -> Result<(), Finding> {
        let numbers: Arc<dyn Numbers> = Arc::new(PlainNumbers);
        Template::new("template", text, &numbers).map(drop).map_err(|error| Finding {
            column: error
                .range
                .map(|range| text.get(..range.start).map_or(1, |before| before.chars().count() + 1)),
            message: error.message,
            hint: error.hint.unwrap_or_else(|| "templates are Jinja: {{ ani.e164 | urlencode }}".to_owned()),
        })
    }
}

/// Keys of the contract that this version reads and checks but does not act on: said, so that nobody relies on them.
fn not_acted_on(config: &Config) -> Vec<Problem> {
    let webhook = |webhook: &Webhook| (!settings::is_postable(webhook)).then(|| webhook.key.clone());
    let sip = |pbx: &Pbx| matches!(pbx.kind, PbxKind::Sip(_)).then(|| pbx.key.clone());
    let single =
        [(config.journal.cluster.is_some(), "journal.cluster"), (config.crm.lookup.is_some(), "crm.lookup")];
    let single = single.into_iter().filter(|(set, _)| *set).map(|(_, key)| key.to_owned());
    let keys =
        single.chain(config.pbxs.iter().filter_map(sip)).chain(config.webhooks.iter().filter_map(webhook));
    let hint = "it is checked and otherwise left alone; docs/status.md says what works";
    keys.map(|key| {
        config.problem(Severity::Warning, &key, &format!("{key} has no effect in this version"), hint)
    })
    .collect()
}

/// A certificate and a key that do not serve.
fn tls_problems(config: &Config) -> Option<Problem> {
    let error = settings::tls(config).err()?;
    let text = format!("{error:#}");
    let (message, hint) = text.split_once("; hint: ").unwrap_or((&text, "both are files in PEM"));
    Some(config.problem(Severity::Error, "server.tls", message, hint))
}

/// What a dialplan would read as syntax.
fn dialplan_problems(config: &Config) -> Vec<Problem> {
    match settings::dialplans(config) {
        Ok(_) => Vec::new(),
        Err(error) => vec![config.problem(
            Severity::Error,
            "pbx[0]",
            &format!("{error:#}"),
            "contexts, extensions and devices are letters, digits and - _ / @ . only",
        )],
    }
}
