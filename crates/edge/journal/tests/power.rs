//! A power cut, modelled: what was synced is on the disk; of what was written since, any page may be there or not.
//!
//! The folder after an acknowledged append is what is certain. The folder after the next appends shows which pages are
//! written on the way. A disk after a power cut is any mixture of the two, page by page, and so is the length of a
//! file. `acknowledged` is written last, after a sync: its pages are new only when all others are.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeSet, fs, path::Path};

use common::{append, assert_entries, copy, options, read_all};
use hookswitch_journal::{Journal, Limit, SledJournal};
use tempfile::TempDir;

const PAGE: usize = 4096;
/// xorshift64: the same mixtures each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn yes(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }
}

/// A file of which each page is that of before or that of after.
fn mixture(before: &[u8], after: &[u8], chance: &mut Chance) -> Vec<u8> {
    let length = if chance.yes() { after.len() } else { before.len() };
    let pages = (0..length.div_ceil(PAGE)).flat_map(|page| {
        let from = if chance.yes() { before } else { after };
        let start = (page * PAGE).min(from.len());
        let mut bytes = from[start..(start + PAGE).min(from.len())].to_vec();
        bytes.resize(PAGE, 0);
        bytes
    });
    let mut mixed: Vec<u8> = pages.collect();
    mixed.truncate(length);
    mixed
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[test]
fn after_a_power_cut_everything_acknowledged_is_there_whatever_pages_were_written() {
    let mut mixed = 0;
    for seed in 1..=12 {
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ seed);
        let folder = tempfile::tempdir().unwrap();
        let mut journal = SledJournal::open_with(folder.path(), options()).unwrap();
        for _ in 0..chance.next() % 60 {
            append(&mut journal, 1 + chance.next() % 40);
        }
        let acknowledged = journal.reader().last();
        let before = TempDir::new().unwrap();
        copy(folder.path(), before.path());
        let written = chance.next() % 700;
        if written > 0 {
            append(&mut journal, written);
        }
        let after = TempDir::new().unwrap();
        copy(folder.path(), after.path());

        let (old, new) = (read(&before.path().join("store/db")), read(&after.path().join("store/db")));
        for _ in 0..8 {
            let cut = TempDir::new().unwrap();
            copy(before.path(), cut.path());
            fs::write(cut.path().join("store/db"), mixture(&old, &new, &mut chance)).unwrap();
            let mut journal = SledJournal::open_with(cut.path(), options()).unwrap();
            let last = journal.reader().last();
            assert!(last == acknowledged || last == acknowledged + written, "seed {seed}: {last}");
            mixed += 1;
            append(&mut journal, 5);
            assert_entries(&read_all(&journal.reader(), 0, Limit::default()).unwrap(), 1, last + 5);
            assert!(journal.verify().unwrap().problems.is_empty());
        }
    }
    assert_eq!(mixed, 96);
}

/// The bytes of a store that matter, cut off or flipped one by one at many places: it is said, or nothing is missing.
#[test]
fn a_cut_or_a_flipped_bit_at_any_place_is_found_or_harmless() {
    let entries = 120;
    let whole = tempfile::tempdir().unwrap();
    let mut journal = SledJournal::open_with(whole.path(), options()).unwrap();
    for _ in 0..entries / 4 {
        append(&mut journal, 4);
    }
    drop(journal);
    let files = ["store/db", "acknowledged"];
    let mut outcomes = BTreeSet::new();
    let mut chance = Chance(7);
    for round in 0..160 {
        let hurt = tempfile::tempdir().unwrap();
        copy(whole.path(), hurt.path());
        let path = hurt.path().join(files[usize::from(round % 8 == 0)]);
        let mut bytes = read(&path);
        // Where something stands; the rest of sled's segment is empty.
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let at = (chance.next() % used as u64) as usize;
        if round % 3 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << (chance.next() % 8);
        }
        fs::write(&path, bytes).unwrap();
        let outcome = SledJournal::open_with(hurt.path(), options())
            .and_then(|journal| read_all(&journal.reader(), 0, Limit::default()));
        match outcome {
            Ok(read) => {
                assert_entries(&read, 1, entries);
                outcomes.insert("nothing is missing");
            }
            Err(error) => {
                assert!(error.hint().is_some(), "{error}");
                outcomes.insert("it is said");
            }
        }
    }
    assert_eq!(outcomes.len(), 2, "the places did not matter: {outcomes:?}");
}
