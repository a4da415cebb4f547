//! SIP: bytes to messages and back, transactions, digest authentication, a registrar.

pub mod auth;
pub mod flow;
pub mod framing;
pub mod message;
pub mod random;
pub mod registrar;
pub mod time;
pub mod transaction;

pub use flow::{Flow, Transmit, Transport};
pub use framing::{Framed, Framer};
pub use message::{
    CSeq, Headers, Host, Limits, Malformed, Message, Method, Name, NameAddr, Params, Request, Response,
    Scheme, Uri, Via, parse,
};
pub use random::Random;
pub use time::Instant;
pub use transaction::{ClientId, Event, Layer, ServerId};
