//! `hookswitch completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, Outcome};

/// Which shell.
#[derive(Debug, Args)]
#[command(after_help = "Example: hookswitch completions bash > /etc/bash_completion.d/hookswitch")]
pub(crate) struct Options {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

pub(super) fn run(options: &Options) -> Outcome {
    clap_complete::generate(options.shell, &mut Arguments::command(), "hookswitch", &mut std::io::stdout());
    Ok(())
}
