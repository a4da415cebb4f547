//! The command line: one file a subcommand.

mod callbacks;
mod check;
mod client;
mod completions;
mod contacts;
mod demo;
mod dialplan;
mod discover;
mod doctor;
mod explain;
mod journal;
mod lists;
mod plan;
mod record;
mod replay;
mod report;
mod serve;
mod simulate;
mod tail;
mod token;
mod top;
mod trace;
mod what_if;

use std::{fmt::Display, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use hookswitch_config::Config;

const DEFAULT_CONFIG: &str = "/etc/hookswitch/hookswitch.toml";

/// Hookswitch bridges any PBX to any CRM: calls come in, are routed to the right agent, and the customer's record is
/// on the screen while it rings.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    propagate_version = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
#[command(after_help = "First steps:\n  \
    hookswitch demo                     see it work, with nothing installed\n  \
    hookswitch check                    is my configuration right?\n  \
    hookswitch dialplan                 what goes into the PBX\n  \
    hookswitch serve                    the daemon\n\n\
    Exit codes: 0 fine, 1 failed while running, 2 usage or configuration error.")]
pub(crate) struct Arguments {
    /// The configuration file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "HOOKSWITCH_CONFIG",
        default_value = DEFAULT_CONFIG
    )]
    config: PathBuf,

    /// Print reports as JSON
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Serve(serve::Options),
    /// Run the daemon on a simulated PBX with sample agents, queues and callers; prints the URL to open
    Demo(demo::Options),
    /// Check the configuration: every problem at once, with file, line, key and a hint
    Check,
    /// What another configuration would change, and whom it would touch; changes nothing
    Plan(plan::Options),
    /// Apply another configuration to a running daemon: atomic, versioned, every waiting call is kept
    Apply(plan::Options),
    /// Go back to the configuration before the one in force
    Rollback(client::Target),
    /// Route one imaginary call: rules tried, queue, agents in rank order, and why the others are left out
    Explain(explain::Options),
    /// Run recorded traffic under another configuration, side by side with what happened
    WhatIf(what_if::Options),
    /// Print the Asterisk dialplan to include, made from the configuration
    Dialplan(dialplan::Options),
    /// Read a PBX without changing it and propose a configuration, with reasons
    Discover(discover::Options),
    /// Check every PBX, CRM, webhook and clock; say what is missing and which line mends it
    Doctor(doctor::Options),
    /// Record a PBX stream for `trace`, with personal data masked on wish
    Record(record::Options),
    /// Turn a recorded AMI stream into call events, one JSON object a line
    Trace(trace::Options),
    /// Follow the live events
    Tail(tail::Options),
    /// The wallboard in a terminal: queues, agents, calls and links as they change
    Top(top::Options),
    /// List the live calls
    Calls(client::Target),
    /// List the agents and their states
    Agents(client::Target),
    /// List the queues and their figures
    Queues(client::Target),
    /// Call-backs: callers who hung up and keep their place in line, and those to be called at a time
    #[command(subcommand)]
    Callbacks(callbacks::Command),
    /// The contacts that calls are matched with, for those without a CRM
    #[command(subcommand)]
    Contacts(contacts::Command),
    /// Print figures of queues, agents or teams, interval by interval
    Report(report::Options),
    /// Verify, export, compact the journal, or erase personal data from it
    Journal(journal::Options),
    /// Run the journal through the engine again; fails unless every decision is identical
    Replay(replay::Options),
    /// Load: a simulated PBX, callers and agents, for a daemon in this process or one that runs
    Simulate(simulate::Options),
    /// API tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Print a completion script for your shell
    Completions(completions::Options),
}

/// Why a subcommand failed, and with which exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Usage or configuration: 2. Already told.
    Configuration,
    /// While running: 1.
    Running(anyhow::Error),
}

impl Failure {
    /// What was asked for cannot be, as far as the command line and the configuration go: told here.
    fn usage(why: impl Display) -> Self {
        eprintln!("hookswitch: {why}");
        Self::Configuration
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Running(error.into())
    }
}

type Outcome = Result<(), Failure>;

impl Arguments {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> ExitCode {
        let outcome = match &self.command {
            Command::Serve(options) => serve::run(&self, options),
            Command::Demo(options) => demo::run(&self, options),
            Command::Check => check::run(&self),
            Command::Plan(options) => plan::plan_of(&self, options),
            Command::Apply(options) => plan::apply(&self, options),
            Command::Rollback(target) => plan::roll_back(&self, target),
            Command::Explain(options) => explain::run(&self, options),
            Command::WhatIf(options) => what_if::run(&self, options),
            Command::Dialplan(options) => dialplan::run(&self, options),
            Command::Discover(options) => discover::run(&self, options),
            Command::Doctor(options) => doctor::run(&self, options),
            Command::Record(options) => record::run(&self, options),
            Command::Trace(options) => trace::run(&self, options),
            Command::Tail(options) => tail::run(&self, options),
            Command::Top(options) => top::run(&self, options),
            Command::Calls(options) => lists::calls(&self, options),
            Command::Agents(options) => lists::agents(&self, options),
            Command::Queues(options) => lists::queues(&self, options),
            Command::Callbacks(command) => callbacks::run(&self, command),
            Command::Contacts(command) => contacts::run(&self, command),
            Command::Report(options) => report::run(&self, options),
            Command::Journal(options) => journal::run(&self, options),
            Command::Replay(options) => replay::run(&self, options),
            Command::Simulate(options) => simulate::run(&self, options),
            Command::Token(command) => token::run(&self, command),
            Command::Completions(options) => completions::run(options),
        };
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure::Configuration) => ExitCode::from(2),
            Err(Failure::Running(error)) => {
                eprintln!("hookswitch: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    /// Whether a configuration was asked for, by option or environment.
    fn names_config(&self) -> bool {
        self.config.as_os_str() != DEFAULT_CONFIG
    }

    /// Loads the configuration, or tells every problem of it.
    fn load(&self) -> Result<Config, Failure> {
        check::load(&self.config, self.json)
    }
}

/// Runs a future on a runtime of its own.
fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_pbx_that_is_not_configured_is_a_mistake_of_usage() {
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/hookswitch.toml");
        for asked in [&["dialplan", "zz"][..], &["discover", "zz"], &["record", "zz", "--for", "1s"]] {
            let arguments = Arguments::parse_from([&["hookswitch", "--config", config], asked].concat());
            assert_eq!(format!("{:?}", arguments.run()), format!("{:?}", ExitCode::from(2)), "{asked:?}");
        }
    }
}
