//! The daemon, put together: journal → engine → dispatcher → followers, links and HTTP around it.

mod backend;
mod clock;
pub(crate) mod configuration;
mod core;
mod customers;
mod dispatcher;
mod links;
pub(crate) mod machine;
pub(crate) mod pops;
pub(crate) mod records;
pub(crate) mod recovery;
mod report;
pub(crate) mod reports;
mod service;
pub(crate) mod settings;
mod together;
pub(crate) mod what_if;
mod wiring;

pub(crate) use self::{
    clock::Clock,
    core::Core,
    recovery::rules,
    wiring::{serve, start},
};
