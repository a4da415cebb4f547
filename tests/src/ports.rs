//! Ports on loopback that nobody else takes between asking and binding.
//!
//! All test processes of the machine share one table of blocks: a block is locked by the process that gives its ports
//! out, until that ends. Nothing else is found there: the kernel's ephemeral ports begin at 32768, Asterisk's RTP at
//! 20000, and every daemon of a test is told to take its own RTP ports from [`free_ports`].

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::sync::{Mutex, PoisonError};

const FIRST: u16 = 10_000;
const BLOCKS: u16 = 100;
/// Ports of a block.
const BLOCK: u16 = 100;
/// The one of them that no browser and no `fetch` speaks to: a "bad port" of the Fetch standard.
const BARRED: u16 = 10_080;
/// Where a phone and a PBX of a test may be.
const ADDRESSES: [&str; 3] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/// The blocks that are ours, and what is left of them.
#[derive(Debug)]
struct Ours {
    locks: Vec<File>,
    /// First port of every block of ours.
    blocks: Vec<u16>,
    /// Which block, and how far into it.
    at: (usize, u16),
}

static OURS: Mutex<Ours> = Mutex::new(Ours { locks: Vec::new(), blocks: Vec::new(), at: (0, 0) });

/// A port free for TCP and UDP on 127.0.0.1 to 127.0.0.3, given to nobody else.
///
/// # Panics
/// When the machine has none left.
#[must_use]
pub fn free_port() -> u16 {
    free_ports(1)
}

/// The first of so many ports in a row, all free and given to nobody else: for RTP.
///
/// # Panics
/// When the machine has none left, or more are asked for than a block has.
#[must_use]
pub fn free_ports(count: u16) -> u16 {
    assert!(count <= BLOCK, "{count} ports in a row are more than a block has");
    let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut again = false;
    loop {
        let (block, offset) = ours.at;
        match ours.blocks.get(block).copied() {
            Some(first) if offset + count <= BLOCK => {
                ours.at.1 += count;
                let port = first + offset;
                if (port..port + count).all(is_free) {
                    return port;
                }
            }
            Some(_) => ours.at = (block + 1, 0),
            None if ours.lock_another() => {}
            // A long run has had them all: what its earlier tests had is free again.
            None => {
                assert!(!again, "no {count} free ports in {} blocks", ours.blocks.len());
                (ours.at, again) = ((0, 0), true);
            }
        }
    }
}

fn is_free(port: u16) -> bool {
    let at = |ip| UdpSocket::bind((ip, port)).is_ok() && TcpListener::bind((ip, port)).is_ok();
    port != BARRED && ADDRESSES.into_iter().all(at)
}

impl Ours {
    /// Takes a block that no process has; the kernel gives it back when we end, however that happens.
    fn lock_another(&mut self) -> bool {
        let folder = std::env::temp_dir().join("hookswitch-test-ports");
        let _ = std::fs::create_dir_all(&folder);
        for block in 0..BLOCKS {
            let Ok(file) = File::create(folder.join(block.to_string())) else { continue };
            if file.try_lock().is_ok() {
                self.locks.push(file);
                self.blocks.push(FIRST + block * BLOCK);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_port_is_given_twice() {
        let rtp = free_ports(40);
        let ports: BTreeSet<u16> = (0..300).map(|_| free_port()).chain(rtp..rtp + 40).collect();
        assert_eq!(ports.len(), 340);
    }
}
