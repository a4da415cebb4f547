//! PBX dialects to call events, and PBX actions to dialects.
//!
//! [`from_ami`] reads the stream of an Asterisk and tells [facts](hookswitch_model::pbx::Fact): calls, legs, who
//! talks with whom, transfers, queues. [`to_ami`] and [`dialplan`] are the way back. [`from_sip`] and [`to_sip`] are the
//! same for the SIP switch; [`from_watch`] reads what lines of another PBX do that are only watched. The crate refuses to know agents, offers and ledgers (that is `acd`), sockets and clocks:
//! frames and times come in.
//!
//! Invariants:
//! - A conversation is who shares a bridge, with Local pairs seen through; names of channels, the queue log and
//!   transfer events decide nothing about it.
//! - A call begins before anything else is told of it, and ends or is merged at most once. Each of its legs leaves
//!   once, at the latest just before.
//! - A call outlives every transfer of its customer; one call ends where several events end.
//! - Nothing in a stream panics or grows memory beyond the channels that the PBX says are alive.

pub mod settings;

pub mod from_ami;
pub mod from_sip;
pub mod from_watch;

pub mod dialplan;
pub mod number;
pub mod survey;
pub mod to_ami;
pub mod to_sip;

mod switchboard;
