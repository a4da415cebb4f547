//! `hookswitch check`: the configuration, as the daemon would take it.

use std::path::Path;

use hookswitch_config::{Config, Problem, render};
use serde_json::json;

use super::{Arguments, Failure, Outcome};
use crate::daemon::settings::checked;

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
    match checked::load(path) {
        Ok(config) => {
            if !config.warnings.is_empty() && !json {
                eprint!("{}", render(&config.warnings));
            }
            Ok(config)
        }
        Err(problems) => Err(refuse(&problems, json)),
    }
}

/// Tells why a configuration cannot be used.
pub(super) fn refuse(problems: &[Problem], json: bool) -> Failure {
    if json {
        println!("{}", json!({"ok": false, "problems": problems}));
    } else {
        eprint!("{}", render(problems));
    }
    Failure::Configuration
}
