//! `hookswitch`: the daemon and its command line.
//!
//! Exit codes: 0 fine, 1 failed while running, 2 usage or configuration error.

mod cli;
mod daemon;
mod links;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // One TLS provider for links and webhooks; a second installation is impossible this early.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::Arguments::parse().run()
}
