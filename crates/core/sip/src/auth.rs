//! Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760): who asks, and who is asked.
//!
//! ```
//! use std::net::{IpAddr, Ipv4Addr};
//!
//! use hookswitch_sip::auth::{Client, Server, Settings, Verdict};
//! use hookswitch_sip::{Instant, Method, Request};
//!
//! let mut server = Server::new(Settings::new("example.com"), [7; 32], 1);
//! let mut phone = Client::new("alice", "secret", 2);
//! let (now, source) = (Instant::EPOCH, IpAddr::from(Ipv4Addr::LOCALHOST));
//! let users = |user: &str| (user == "alice").then_some("secret");
//!
//! let mut request = Request::new(Method::Register, "sip:example.com".parse()?);
//! let verdict = server.verify(now, source, &request, users);
//! let asked = server.answer(now, &request, &verdict).ok_or("it asks")?;
//! phone.answer(&mut request, &asked)?;
//! assert!(matches!(server.verify(now, source, &request, users), Verdict::Accepted { .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod digest;
mod fields;
mod lockout;
mod nonce;
mod server;

pub use client::{Client, Unanswerable};
pub use digest::Algorithm;
pub use lockout::Lockout;
pub use server::{Server, Settings, Verdict};
