//! The one way out over HTTP: to webhooks, to a CRM that is asked who is calling.
//!
//! Where a request goes is written by an administrator, but what stands in it comes from callers and from CRMs. So
//! nothing leads anywhere else than written: redirects are not followed, proxies of the environment are not used, and
//! addresses inside are refused at the moment of connecting (see [`Guard`]). This crate refuses to know what is asked
//! and what an answer means.
//!
//! ```
//! use std::time::Duration;
//! use hookswitch_egress::{Client, Egress};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let _ = rustls::crypto::ring::default_provider().install_default();
//! let client = Client::new(&Egress { timeout: Duration::from_secs(2), ..Egress::default() })?;
//! let refused = client.check(&"http://169.254.169.254/latest/meta-data/".parse()?).unwrap_err();
//! assert!(refused.to_string().contains("metadata service"));
//! # Ok(())
//! # }
//! ```
//!
//! Invariants:
//! - A connection goes to an address that was checked, whatever a name resolves to a moment later.
//! - No more of an answer is read than is allowed, and nothing takes longer than the time allowed.
//! - An error tells no URL: there may be a secret in it.

mod client;
mod guard;
mod oauth2;

pub use client::{Answer, Broken, Client, Egress, Reply, Request};
pub use guard::{Found, Guard, Inside, Lookup};
pub use oauth2::{NoToken, OAuth2, OAuth2Settings, bearer};
pub use reqwest::{
    Method, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
