//! A PBX is asked what it is, without being changed: answers → [`Findings`] → [`Proposal`].
//!
//! A [`Survey`] says which actions to send and takes what comes back, in any order; it holds no socket and no clock.
//! Every action only lists. What is refused or not there is kept as such, with the PBX's own words: a finding that is
//! missing is never taken for a "no".
//!
//! ```text
//! Survey::next_request … frame … is_done → Findings ─┬→ propose: a configuration, with evidence and confidence
//!                                                    ├→ rights: privilege classes of the AMI user
//!                                                    └→ Dialplan::differs: what is loaded and what is printed
//! ```
//!
//! Invariants:
//! - No secret is kept: of `manager.conf` and of SIP authentication only what is named in [`Findings`].
//! - What a PBX says is bounded, and stands in a proposal only where the form of the place allows it.

mod country;
mod devices;
mod dialplan;
mod findings;
mod proposal;
mod questions;
mod rights;
mod toml;

pub use country::{Country, country};
pub use devices::{Device, Role, devices};
pub use dialplan::{Dialplan, Difference, Step};
pub use findings::{
    ConfigFile, Contact, Endpoint, Findings, Member, Parking, PbxQueue, Registration, Reply, User,
};
pub use proposal::{Access, Confidence, Proposal, Statement, propose};
pub use questions::{Question, Scope, Survey};
pub use rights::{NEEDED_READ, NEEDED_WRITE, Rights, rights};

#[cfg(test)]
mod tests;
