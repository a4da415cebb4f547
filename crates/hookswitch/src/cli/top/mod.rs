//! `hookswitch top`: the wallboard in a terminal, for the administrator on ssh.
//!
//! [`board`] is what is known, [`screen`] what one looks at, [`view`] how it is drawn: all three pure. [`feed`] reads the
//! daemon, [`terminal`] is the loop between them and the keys.

mod board;
mod feed;
mod screen;
mod terminal;
mod view;

use std::io::IsTerminal as _;

use anyhow::bail;
use clap::Args;

use super::{Arguments, Outcome, block_on, client};

/// What to show.
#[derive(Debug, Args)]
#[command(
    after_help = "Keys:\n  1-4, Tab   queues, agents, calls, links\n  arrows     move   PgUp PgDn Home End\n  \
    q          leave; the terminal is as it was\n\n\
    Examples:\n  hookswitch top --url https://cti.example.com\n  hookswitch --json top | jq '.queues[] | {id, waiting}'"
)]
pub(crate) struct Options {
    #[command(flatten)]
    daemon: client::Target,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let base = options.daemon.base(arguments)?;
    let target = &options.daemon;
    block_on(async {
        if arguments.json {
            println!("{}", target.get(&base, "/v1/snapshot").await?);
            return Ok(());
        }
        if !std::io::stdout().is_terminal() {
            bail!(
                "`top` draws on a terminal, and standard output is none\nhint: `hookswitch --json top` prints one snapshot"
            );
        }
        terminal::run(target, &base).await
    })??;
    Ok(())
}
