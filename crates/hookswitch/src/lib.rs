//! The daemon and its command line: wiring, dispatcher, links to the PBXs, one file a subcommand.
//!
//! The program is [`run`]. Three parts of it stand here for tests that drive the whole daemon in virtual time, without
//! its threads and sockets:
//!
//! - [`Machine`], the engine and its journal: inputs go in, and what a commit made durable comes out. The program runs
//!   it on the dispatcher's thread.
//! - [`Reports`], which makes figures of the journal.
//! - [`Session`], the link to one Asterisk: bytes and time go in; bytes, facts and the wish to know whether the engine
//!   lives come out. The program runs it over TCP.
//!
//! ```text
//! PBX bytes → Session → facts → Machine::handle … commit → journal
//!       ↑─────────── Session::act ← actions ←──────┘
//! ```
//!
//! It decides nothing itself: what a call means is `acd`'s, what a frame means is `normalize`'s.

mod cli;
mod daemon;
mod links;
mod telemetry;

use std::{
    panic,
    process::{self, ExitCode},
};

use clap::Parser;

pub use daemon::machine::{Awake, Committed, Degraded, Machine, Options, Turned};
pub use daemon::reports::{Known, Reports};
pub use links::session::{Session, SessionSettings};

/// The program: reads its arguments and runs the subcommand. Exit codes: 0 fine, 1 failed while running, 2 usage or
/// configuration error.
#[must_use]
pub fn run() -> ExitCode {
    end_without_a_reader();
    // One TLS provider for links and webhooks; a second installation is impossible this early.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::Arguments::parse().run()
}

/// Who reads our output may stop before we do, as `head` does: that is no failure. A print that nobody reads panics; then
/// there is nothing left to do.
fn end_without_a_reader() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        let why = panicked.payload_as_str().unwrap_or_default();
        let prints = ["failed printing to stdout", "failed to write completion file"];
        if prints.iter().any(|print| why.starts_with(print)) && why.contains("Broken pipe") {
            process::exit(0);
        }
        usual(panicked);
    }));
}
