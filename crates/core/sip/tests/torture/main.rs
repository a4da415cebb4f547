//! The torture messages of RFC 4475 and RFC 5118, each with what must come of it.

#![expect(clippy::panic, reason = "a test that goes wrong says so")]

mod outcome;
mod rfc4475;
mod rfc5118;
