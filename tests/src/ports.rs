//! Ports on loopback that nobody else takes between asking and binding.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the kernel's ephemeral ports and Asterisk's RTP, so that neither a connection nor a call takes one
/// before its owner has bound it.
const FIRST: u16 = 10_000;
const COUNT: u16 = 9_000;

/// A port free for TCP and UDP on 127.0.0.1 and 127.0.0.2, given out once in this process.
///
/// # Panics
/// When thousands of ports in a row are taken.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes that run side by side start at different places.
    let start = (std::process::id() % 900) * 10;
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = (start + step) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).unwrap_or(0);
        let free = ["127.0.0.1", "127.0.0.2"]
            .iter()
            .all(|ip| UdpSocket::bind((*ip, port)).is_ok() && TcpListener::bind((*ip, port)).is_ok());
        if free {
            return port;
        }
    }
    unreachable!("no free port between {FIRST} and {}", FIRST + COUNT)
}
