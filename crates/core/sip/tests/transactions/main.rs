//! Transactions: what RFC 3261 section 17 and RFC 6026 promise, told as claims, and kept on a network that loses,
//! repeats and reorders.

#![expect(clippy::panic, reason = "a test that goes wrong says so")]

mod client;
mod network;
mod server;
mod stage;
