//! A seeded world: a PBX that speaks real AMI over TCP as Asterisk 22 does, with callers, phones and faults.
//!
//! [`Pbx`] is the world without a clock or a socket: time comes in, bytes and notices come out, and the same seed
//! gives the same run. [`serve`] puts it on a listener and lets it live in real time; [`Sim`] is its remote control
//! for demos and tests. The dialplan is text as in `extensions.conf`, so what runs here is what is installed on a
//! real PBX.
//!
//! It refuses to know Hookswitch: to the simulator the daemon is a manager client like any other.
//!
//! ```
//! use hookswitch_sim::{CallIn, Pbx, PbxConfig, SECOND};
//!
//! let mut pbx = Pbx::new(PbxConfig::lab(1)?, 1_795_288_712 * SECOND);
//! let caller = pbx.call_in(pbx.now(), CallIn::new("+49305550001", "5001"));
//! pbx.advance(pbx.now() + SECOND);
//! let phone = pbx.ringing_leg("1001").ok_or("1001 rings")?;
//! pbx.answer_leg(pbx.now(), phone);
//! assert!(pbx.is_talking(caller));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants:
//! - Every channel that says Newchannel says Hangup once, unless a fault was asked for.
//! - Who enters a bridge leaves it, and a bridge is destroyed after the last has left.
//! - What the simulator cannot do as Asterisk does is in [`Pbx::warnings`], never silently skipped.

mod config;
mod dialplan;
mod message;
mod pbx;
mod random;
mod server;

pub use config::{AmiUser, MILLISECOND, Micros, PbxConfig, PhoneConfig, QueueConfig, QueueStrategy, SECOND};
pub use dialplan::{Dialplan, DialplanError};
pub use pbx::{
    Asked, CallIn, Crowd, CrowdReport, DeviceState, Fate, FateEnd, LegId, Mood, News, Notice, Output, Pbx,
    Reached, SessionId,
};
pub use random::Random;
pub use server::{Sim, serve};
