//! Packets that the network mixed up, in order again.

use std::{collections::BTreeMap, time::Duration};

use crate::rtp::Packet;

/// How far a packet may be ahead of a missing one before it is no longer waited for.
const WINDOW: usize = 4;
/// A sequence number that jumped so far is a new stream: a sender started again (RFC 3550 appendix A.1).
const JUMP: i64 = 500;

/// A packet that owns its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// When.
    pub at: Duration,
    /// Begins a talk spurt, or an event.
    pub marker: bool,
    /// What the payload is.
    pub payload_type: u8,
    /// Counts samples.
    pub timestamp: u32,
    /// The payload.
    pub payload: Vec<u8>,
}

/// Hands packets on in order: a missing one is waited for until four later ones are there. Twins and what comes too
/// late are dropped and counted.
#[derive(Debug, Default)]
pub struct Reorder {
    source: Option<Source>,
    dropped: u64,
    missing: u64,
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    /// The number that comes next, as a count that does not wrap.
    next: i64,
    waiting: BTreeMap<i64, Arrived>,
}

impl Reorder {
    /// A packet arrived; what can be handed on is appended to `ready`.
    pub fn push(&mut self, now: Duration, packet: &Packet<'_>, ready: &mut Vec<Arrived>) {
        let arrived = Arrived {
            at: now,
            marker: packet.marker,
            payload_type: packet.payload_type,
            timestamp: packet.timestamp,
            payload: packet.payload.to_vec(),
        };
        let known = self.source.take().filter(|source| source.ssrc == packet.ssrc);
        let distance =
            known.as_ref().map(|source| i64::from(packet.sequence.wrapping_sub(source.next as u16) as i16));
        let (mut source, at) = match (known, distance) {
            (Some(source), Some(distance)) if distance.abs() < JUMP => {
                let at = source.next + distance;
                (source, at)
            }
            (Some(_) | None, _) => {
                let next = i64::from(packet.sequence);
                (Source { ssrc: packet.ssrc, next, waiting: BTreeMap::new() }, next)
            }
        };
        if at < source.next || source.waiting.contains_key(&at) {
            self.dropped += 1;
        } else {
            source.waiting.insert(at, arrived);
        }
        self.hand_on(&mut source, ready);
        self.source = Some(source);
    }

    fn hand_on(&mut self, source: &mut Source, ready: &mut Vec<Arrived>) {
        loop {
            if source.waiting.len() > WINDOW
                && let Some((first, _)) = source.waiting.first_key_value()
            {
                self.missing += first.abs_diff(source.next);
                source.next = *first;
            }
            let Some(packet) = source.waiting.remove(&source.next) else { return };
            source.next += 1;
            ready.push(packet);
        }
    }

    /// Twins, and what came after it had been given up.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Given up.
    pub fn missing(&self) -> u64 {
        self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(reorder: &mut Reorder, sequences: &[u16]) -> Vec<u32> {
        let mut ready = Vec::new();
        for sequence in sequences {
            let timestamp = u32::from(*sequence);
            let packet = Packet {
                marker: false,
                payload_type: 0,
                sequence: *sequence,
                timestamp,
                ssrc: 1,
                payload: &[],
            };
            reorder.push(Duration::ZERO, &packet, &mut ready);
        }
        ready.iter().map(|packet| packet.timestamp).collect()
    }

    #[test]
    fn two_that_overtook_each_other_are_in_order_again() {
        assert_eq!(pushed(&mut Reorder::default(), &[1, 3, 2, 4]), [1, 2, 3, 4]);
    }

    #[test]
    fn numbers_may_wrap() {
        assert_eq!(pushed(&mut Reorder::default(), &[65_534, 0, 65_535, 1]), [65_534, 65_535, 0, 1]);
    }

    #[test]
    fn a_lost_packet_is_given_up_when_four_are_behind_it() {
        let mut reorder = Reorder::default();
        assert_eq!(pushed(&mut reorder, &[1, 3, 4, 5, 6]), [1]);
        assert_eq!(pushed(&mut reorder, &[7]), [3, 4, 5, 6, 7]);
        assert_eq!(reorder.missing(), 1);
    }

    #[test]
    fn twins_and_what_is_too_late_are_dropped() {
        let mut reorder = Reorder::default();
        assert_eq!(pushed(&mut reorder, &[10, 10, 11, 9, 12]), [10, 11, 12]);
        assert_eq!(reorder.dropped(), 2);
    }

    #[test]
    fn a_sender_that_starts_again_is_followed() {
        let mut reorder = Reorder::default();
        assert_eq!(pushed(&mut reorder, &[10, 11, 30_000, 30_001]), [10, 11, 30_000, 30_001]);
    }
}
