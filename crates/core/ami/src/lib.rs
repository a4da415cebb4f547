//! The Asterisk Manager Interface as bytes and frames: codec, login exchange, actions.
//!
//! It refuses to know what an event *means* (that is `normalize`), and holds no socket, clock or task: bytes and
//! time come in, frames and actions go out, so a recorded stream and a live one are the same thing to it.
//!
//! ```
//! use bytes::BytesMut;
//! use hookswitch_ami::{AmiCodec, Decoded, EventName};
//! use tokio_util::codec::Decoder;
//!
//! let mut stream = BytesMut::from("Asterisk Call Manager/11.0.0\r\nEvent: Newchannel\r\nUniqueid: 1.2\r\n\r\n");
//! let mut codec = AmiCodec::default();
//! let mut channels = Vec::new();
//! while let Ok(Some(decoded)) = codec.decode(&mut stream) {
//!     if let Decoded::Frame(frame) = decoded
//!         && frame.event() == EventName::Newchannel
//!     {
//!         channels.extend(frame.get("Uniqueid").map(str::to_owned));
//!     }
//! }
//! assert_eq!(channels, ["1.2"]);
//! ```
//!
//! Invariants:
//! - The same bytes give the same frames however they are cut into pieces.
//! - No input panics, ends the stream or grows memory beyond [`Limits`]; what is skipped or replaced is counted.
//! - A frame is split into headers only when a header is asked for: the name alone decides on most events.
//! - No key or value of an [`Action`] can carry a line end to the wire.

mod action;
mod codec;
mod event_name;
mod frame;
mod keep_alive;
mod login;

pub use action::{Action, ActionError, ActionProblem};
pub use codec::{AmiCodec, CodecStats, Decoded, EncodeError, Limits, Refused, RefusedReason};
pub use event_name::EventName;
pub use frame::{Frame, FrameKind};
pub use keep_alive::{KeepAlive, KeepAliveStep};
pub use login::{
    Credentials, EventClass, EventMask, Login, LoginMethod, LoginRefused, LoginStep, Secret, challenge_key,
};
