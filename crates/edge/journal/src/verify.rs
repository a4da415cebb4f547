//! All of it read, and every problem told.

use std::collections::BTreeMap;

use crate::{
    Error, Journal, Kind, SledJournal,
    ring::{Archive, first, last},
};

/// What was read, and what was wrong with it.
#[derive(Debug, Default)]
pub struct Verified {
    /// The oldest sequence; one more than the last when there is none.
    pub oldest: u64,
    /// The last sequence.
    pub last: u64,
    /// How many entries read, by kind.
    pub entries: BTreeMap<Kind, u64>,
    /// How many bytes their payloads have.
    pub payload_bytes: u64,
    /// How many bytes the store has on the disk.
    pub disk_bytes: u64,
    /// The snapshots that read.
    pub snapshots: Vec<u64>,
    /// The followers, with the last sequence each has done.
    pub followers: Vec<(String, u64)>,
    /// What is wrong, in order.
    pub problems: Vec<Error>,
}

impl SledJournal {
    /// Reads every entry and every snapshot. Damage is no error here: it is what this is for, and reading goes on behind
    /// it.
    ///
    /// # Errors
    /// As the disk has it.
    pub fn verify(&self) -> Result<Verified, Error> {
        let mut found = Verified {
            oldest: self.publisher.shared.oldest(),
            last: self.publisher.shared.head().seq,
            disk_bytes: self.store.bytes_on_disk()?,
            followers: self.cursors().all(),
            ..Verified::default()
        };
        let (mut next, mut at) = (found.oldest, Some(found.oldest));
        while let Some(from) = at {
            let mut damaged = None;
            self.store.frames(from, |frame| {
                match frame {
                    Ok(frame) => {
                        if first(&frame.entries) != next {
                            found.problems.push(self.store.missing(next));
                        }
                        next = last(&frame.entries) + 1;
                        for entry in frame.entries.iter() {
                            *found.entries.entry(entry.record.kind).or_default() += 1;
                            found.payload_bytes += entry.record.payload.len() as u64;
                        }
                    }
                    Err(error) => {
                        damaged = Some(next);
                        found.problems.push(error);
                    }
                }
                true
            })?;
            at = damaged.map(|seq| self.store.frame_after(seq)).transpose()?.flatten();
            // What is missing up to there was told with the damage.
            next = at.unwrap_or(next);
        }
        if found.problems.is_empty() && next <= found.last {
            found.problems.push(self.store.missing(next));
        }
        for seq in self.snapshots.sequences() {
            match self.snapshots.load(seq) {
                Ok(snapshot) => found.snapshots.push(snapshot.seq),
                Err(error) => found.problems.push(error),
            }
        }
        Ok(found)
    }
}
