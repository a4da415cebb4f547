//! The call stories, one file a group, told to the engine as facts; and random histories with oracles.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail where it stands"
)]

mod lines;
mod stage;

mod agents;
mod alerts;
mod callbacks;
mod callbacks_end;
mod control;
mod control_dial;
mod control_moves;
mod control_people;
mod customers;
mod direct;
mod explained;
mod figures;
mod menus;
mod observe;
mod pops;
mod queues;
mod recovery;
mod routing;
mod transfers;
