//! The public JSON, version 1: what subscribers, webhooks and lists show, and what the journal keeps of an event.
//!
//! It stands apart from `model` so that renaming inside breaks nobody outside: every name and every word of an enum is
//! written here once more, and expected JSON in this crate's tests holds them. It refuses to know who reads (that is
//! `publish` and `http`), how bytes are kept (that is `journal`) and what a number means ([`template::Numbers`] is
//! handed in).
//!
//! - [`encode`] makes the bytes of an event, once; [`splice_prev`] adds a subscription's `prev` in one copy.
//! - [`object`] holds the objects of events and lists, [`data`] what each type of event carries, [`stream`] the frames
//!   about the stream itself.
//! - [`template`] renders the URLs of screen pops and the bodies of webhooks.
//!
//! Invariants:
//! - The same event is the same bytes, whoever reads it and however often, but for `prev`.
//! - What is written here is read back equal by the same types ([`read`]).
//! - Positions are 20 digits and moments 27 characters: texts sort as what they mean.

mod event;
mod list;
mod sequence;
mod time;

pub mod data;
pub mod object;
pub mod stream;
pub mod template;
pub mod words;

pub use event::{Encoded, Event, encode, prev_at, read, splice_prev, without_withheld_number};
pub use hookswitch_model as model;
pub use hookswitch_model::Meta;
pub use list::{List, Snapshot};
pub use sequence::{NotASequence, Sequence};
pub use time::Time;
