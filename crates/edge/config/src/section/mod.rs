//! One file a section of the configuration: its type, its defaults, its reading.

pub(crate) mod agent;
pub(crate) mod alias;
pub(crate) mod auth;
pub(crate) mod calendar;
pub(crate) mod crm;
pub(crate) mod journal;
pub(crate) mod numbers;
pub(crate) mod pbx;
pub(crate) mod queue;
pub(crate) mod route;
pub(crate) mod server;
pub(crate) mod token;
pub(crate) mod webhook;
