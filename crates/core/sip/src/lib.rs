//! SIP: bytes to messages and back, transactions, digest authentication, a registrar, watching lines of another PBX.
//!
//! It refuses to know what a call is: dialogs, queues and agents are the switch's. It holds no socket, clock, task or
//! source of randomness: bytes, time, seeds and keys come in, messages, bytes and events go out, so a lost ACK and a
//! crossing CANCEL are plain unit tests.
//!
//! ```
//! use hookswitch_sip::transaction::{Event, Settings};
//! use hookswitch_sip::{Flow, Instant, Layer, Limits, parse};
//!
//! let bytes = b"INVITE sip:support@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;rport;branch=z9hG4bK1\r\n\
//!     From: <tel:+431234>;tag=1\r\nTo: <sip:support@example.com>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";
//! let flow = Flow::udp("192.0.2.1:5060".parse()?, "192.0.2.9:5060".parse()?);
//!
//! let mut layer = Layer::new(Settings::default(), 42);
//! let now = Instant::EPOCH;
//! layer.receive(now, flow, parse(bytes, &Limits::default())?);
//! while let Some(event) = layer.poll_event() {
//!     if let Event::Request { id, request, .. } = event {
//!         layer.respond(now, id, request.reply(182, "Queued, 3 callers ahead").with_to_tag("77"));
//!     }
//! }
//! let sent = layer.poll_transmit().ok_or("an answer")?;
//! assert!(sent.bytes.starts_with(b"SIP/2.0 182 Queued, 3 callers ahead\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # rsip, and the layer around it
//!
//! [rsip] gives the typed vocabulary: methods, transports and their default ports, parameters of URIs and headers,
//! kinds of statuses. It does not read what comes over the wire; that is done here, because rsip 0.4.0
//!
//! | does | here |
//! | --- | --- |
//! | not know compact names, nor fold | [`message::Name::read`] knows them; lines are unfolded first |
//! | refuse `tel:`, IPv6 references and headers in URIs | [`Uri`] reads them |
//! | refuse unknown methods, and take `invite` for INVITE | [`Method::Other`] keeps them, in their case |
//! | replace the reason phrase by a name (`428 UseIdentityHeader`) | [`Response::reason`] is kept as sent |
//! | end a parameter at the first character that is no token | [`Params`] takes quoted values, addresses, white space |
//! | refuse an unknown `transport`, and anything unknown in a Via | it is kept as sent |
//! | take a negative, too large or repeated Content-Length | refused: 400, and the end of a stream |
//! | take a CSeq of another method | refused: 400 |
//! | end a quoted value at an escaped quote, read `nc` as a decimal below 256, know one `qop` | [`auth`] reads Digest itself |
//! | call SHA-256 `SHA256` | [`auth::Algorithm`] names them as RFC 8760 does |
//! | make tags and branches from the system's randomness | [`Random`], from a seed |
//!
//! # Invariants
//!
//! - No input panics, and none costs more than [`Limits`] allow.
//! - A message that [`parse`] lets through has the headers every message needs, and they can be read; written out and
//!   read again it is the same message.
//! - The answer to a message that cannot be read is little longer than the message. A stranger's request that is
//!   answered with [`Layer::dismiss`] is answered once for each time it comes: nobody is flooded in another's name.
//! - Each request of ours ends once: with a final answer, [`Event::TimedOut`] or [`Event::Unreachable`]. No transaction
//!   outlives its timers.
//! - No value can carry a line end into a message.
//! - The same inputs give the same outputs.

pub mod auth;
pub mod dialog_info;
pub mod flow;
pub mod framing;
pub mod message;
pub mod random;
pub mod registrar;
pub mod time;
pub mod transaction;
pub mod watch;

pub use flow::{Flow, Transmit, Transport};
pub use framing::{Framed, Framer};
pub use message::{
    CSeq, Headers, Host, Limits, Malformed, Message, Method, Name, NameAddr, Params, Request, Response,
    Scheme, Uri, Via, parse,
};
pub use random::Random;
pub use time::Instant;
pub use transaction::{ClientId, Event, Layer, ServerId};
