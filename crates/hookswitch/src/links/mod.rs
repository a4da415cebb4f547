//! Links to PBXs: sockets, log-in, reconnection. What the bytes mean is `normalize`'s.

mod asterisk;
mod backoff;
mod open;
mod pin;
pub(crate) mod session;
pub(crate) mod sip;
mod transport;

pub(crate) use asterisk::{AsteriskLink, LinkSettings};
pub(crate) use transport::Tls;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// What readiness needs to know of a link.
#[derive(Debug, Clone, Default)]
pub(crate) struct LinkStatus(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    tried: AtomicBool,
    up: AtomicBool,
}

impl LinkStatus {
    /// A first attempt has come to an end, whichever.
    pub(crate) fn tried(&self) -> bool {
        self.0.tried.load(Ordering::Acquire)
    }

    /// Logged in and listed.
    pub(crate) fn up(&self) -> bool {
        self.0.up.load(Ordering::Acquire)
    }

    fn set(&self, up: bool) {
        self.0.up.store(up, Ordering::Release);
        self.0.tried.store(true, Ordering::Release);
    }
}
