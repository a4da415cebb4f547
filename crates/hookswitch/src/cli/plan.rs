//! `hookswitch plan`, `apply` and `rollback`: another configuration for a running daemon.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hookswitch_config::{Config, plan};
use serde_json::Value;

use super::{Arguments, Failure, Outcome, block_on, check, client::Target};

/// The configuration that is meant.
#[derive(Debug, Args)]
#[command(
    after_help = "The running daemon is asked, with a token of the role admin. Where none answers, plan compares with \
    the configuration of --config; callers who wait are then not known.\n\n\
    Lines begin with + (new), - (gone), ~ (changed) and ! (whom it would touch).\n\n\
    Example: hookswitch plan new.toml && hookswitch apply new.toml"
)]
pub(crate) struct Options {
    /// The new configuration; what it includes goes with it
    #[arg(value_name = "NEW.toml")]
    file: PathBuf,

    #[command(flatten)]
    target: Target,
}

pub(super) fn plan_of(arguments: &Arguments, options: &Options) -> Outcome {
    let new = check::load(&options.file, arguments.json)?;
    let base = options.target.base(arguments)?;
    match block_on(options.target.reaches(&base))? {
        true => {
            let planned = block_on(options.target.post(&base, "/v1/config/plan", &sent(&new)?))??;
            show(arguments, &planned, &planned);
        }
        false => offline(arguments, &base, &new)?,
    }
    Ok(())
}

/// Compares with the file.
fn offline(arguments: &Arguments, base: &str, new: &Config) -> Result<(), Failure> {
    let old = arguments.load()?;
    let planned = plan(&old, new);
    if arguments.json {
        println!("{}", serde_json::to_string(&planned)?);
    } else {
        let file = arguments.config.display();
        eprintln!("no daemon answers at {base}: compared with {file}; callers who wait are not known");
        print!("{planned}");
    }
    Ok(())
}

pub(super) fn apply(arguments: &Arguments, options: &Options) -> Outcome {
    let new = check::load(&options.file, arguments.json)?;
    let base = options.target.base(arguments)?;
    let applied = block_on(options.target.post(&base, "/v1/config/apply", &sent(&new)?))??;
    show(arguments, &applied, &applied["plan"]);
    in_force(arguments, &applied);
    Ok(())
}

pub(super) fn roll_back(arguments: &Arguments, target: &Target) -> Outcome {
    let base = target.base(arguments)?;
    let applied = block_on(target.post(&base, "/v1/config/rollback", &Value::Null))??;
    show(arguments, &applied, &applied["plan"]);
    in_force(arguments, &applied);
    Ok(())
}

/// What goes to the daemon: all files of it.
fn sent(config: &Config) -> Result<Value, Failure> {
    let bundle = config.bundle().ok_or_else(|| anyhow!("the configuration was read from no file"))?;
    Ok(serde_json::to_value(bundle)?)
}

fn in_force(arguments: &Arguments, applied: &Value) {
    if !arguments.json {
        println!("version {} is in force; before it was {}", applied["version"], applied["previous"]);
    }
}

fn show(arguments: &Arguments, whole: &Value, plan: &Value) {
    if arguments.json {
        println!("{whole}");
    } else {
        print!("{}", text(plan));
    }
}

/// A plan that came as JSON, as [`hookswitch_config::Plan`] prints one of its own.
fn text(plan: &Value) -> String {
    let mut lines = plan["text"].as_str().unwrap_or_default().to_owned();
    for waiting in plan["waiting"].as_array().into_iter().flatten() {
        let (call, queue) = (&waiting["call"], waiting["queue"].as_str().unwrap_or_default());
        let what = match waiting["leaves"].as_bool() {
            Some(true) => "its queue is gone: the caller leaves it at once",
            Some(false) | None => "stays; a caller who comes now would be sent elsewhere",
        };
        lines += &format!("! call {} in {queue}: {what}\n", call.as_str().unwrap_or_default());
    }
    lines
}
