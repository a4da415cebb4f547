//! `hookswitch serve`.

use std::sync::Arc;

use clap::Args;

use super::{Arguments, Outcome, block_on, check};
use crate::{daemon, telemetry};

/// How to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to log when RUST_LOG does not say: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let config = arguments.load()?;
    telemetry::logs(&options.log);
    let metrics = telemetry::metrics()?;
    let path = arguments.config.clone();
    let reload = Arc::new(move || check::load(&path, false).ok());
    block_on(daemon::serve(config, metrics, reload))??;
    Ok(())
}
