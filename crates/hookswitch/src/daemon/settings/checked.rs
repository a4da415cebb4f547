//! A configuration with every check there is: of its own crate, and of those who run the languages it holds.

use std::{path::Path, sync::Arc};

use hookswitch_acd::{Engine, routing::RuleError};
use hookswitch_config::{
    Bundle, Checks, Config, Finding, Problem, RuleFinding, Severity, load_bundle, load_with,
};
use hookswitch_model::setup::Setup;
use hookswitch_publish::{SuccessTest, WebhookSettings};
use hookswitch_wire::template::{Numbers, PlainNumbers, Template};

/// Loads a configuration from its file.
///
/// # Errors
/// Every problem.
pub(crate) fn load(path: &Path) -> Result<Config, Vec<Problem>> {
    load_with(path, &Languages).and_then(all)
}

/// Loads a configuration that came as a bundle, as if it stood in `folder`.
///
/// # Errors
/// Every problem.
pub(crate) fn load_sent(bundle: &Bundle, folder: &Path) -> Result<Config, Vec<Problem>> {
    load_bundle(bundle, folder, &Languages).and_then(all)
}

fn all(mut config: Config) -> Result<Config, Vec<Problem>> {
    let mut problems = dialplan_problems(&config);
    problems.extend(tls_problems(&config));
    problems.extend(sip_problems(&config));
    problems.extend(super::lookup::problem(&config));
    problems.extend(super::webhooks::problems(&config));
    if !problems.is_empty() {
        return Err(problems);
    }
    let ignored = not_acted_on(&config);
    config.warnings.extend(ignored);
    Ok(config)
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

    fn header(&self, name: &str) -> Result<(), Finding> {
        if !WebhookSettings::is_reserved(name) {
            return Ok(());
        }
        Err(Finding {
            column: None,
            message: format!("{name} is set by Hookswitch"),
            hint: "leave it out; signatures come from `secret`, the host from `url`".to_owned(),
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
    let cluster = config.journal.cluster.is_some().then(|| "journal.cluster".to_owned());
    let hint = "docs/status.md says what works";
    let warn = |key: String| {
        let message = format!("{key} has no effect in this version");
        config.problem(Severity::Warning, &key, &message, hint)
    };
    cluster.into_iter().map(warn).collect()
}

/// A certificate and a key that do not serve.
fn tls_problems(config: &Config) -> Option<Problem> {
    let error = super::tls(config).err()?;
    let text = format!("{error:#}");
    let (message, hint) = text.split_once("; hint: ").unwrap_or((&text, "both are files in PEM"));
    Some(config.problem(Severity::Error, "server.tls", message, hint))
}

/// Certificates, music and addresses of a SIP queue server that do not serve.
fn sip_problems(config: &Config) -> Vec<Problem> {
    let problem = |(key, error): (String, anyhow::Error)| {
        let text = format!("{error:#}");
        let (message, hint) =
            text.split_once("; hint: ").unwrap_or((&text, "docs/sip.md shows what may stand here"));
        config.problem(Severity::Error, &key, message, hint)
    };
    let silent = |(key, name): (String, String)| {
        let hint =
            format!("{name}.wav (8 kHz, one channel), .ulaw or .alaw in the folder `sounds` of the PBX");
        config.problem(
            Severity::Warning,
            &key,
            &format!("no sound is called {name:?}: nothing is said"),
            &hint,
        )
    };
    let silent = super::spoken::missing(config).into_iter().map(silent);
    super::sip::problems(config).into_iter().map(problem).chain(silent).collect()
}

/// What a dialplan would read as syntax.
fn dialplan_problems(config: &Config) -> Vec<Problem> {
    match super::dialplans(config) {
        Ok(_) => Vec::new(),
        Err(error) => vec![config.problem(
            Severity::Error,
            "pbx[0]",
            &format!("{error:#}"),
            "contexts, extensions and devices are letters, digits and - _ / @ . only",
        )],
    }
}
