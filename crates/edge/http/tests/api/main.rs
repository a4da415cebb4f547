//! The router on a loopback port, in front of a daemon made of fixed answers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod aliases;
mod callbacks;
mod config;
mod contacts;
mod control;
mod cors;
mod description;
mod health;
mod log;
mod pages;
mod reader;
mod repetition;
mod reports;
mod requests;
mod roles;
mod softphone;
mod sso;
mod streams;
mod streams_end;
mod tls;
mod world;
