//! What older programs wrote is read and gone on with; what newer ones wrote is refused by name.
//!
//! `fixtures/format-1.frames` was written by the last program of format 1: keys and values of the store, in hexadecimal.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{append, assert_entries, options, read_all, record, second};
use hookswitch_journal::{Error, Journal, Limit, Record, Retention, SledJournal, Snapshot};
use tempfile::TempDir;

const FORMAT_1: &str = include_str!("fixtures/format-1.frames");

/// A store of these keys and values, as a closed journal.
fn store(frames: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    drop(SledJournal::open_with(folder.path(), options()).unwrap());
    common::tamper(&folder, |db| {
        for (key, value) in frames {
            db.insert(key, value).unwrap();
        }
    });
    folder
}

fn format_1() -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let bytes = |hex: &str| {
        let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    };
    FORMAT_1.lines().map(move |line| {
        let (key, value) = line.split_once(' ').unwrap();
        (bytes(key), bytes(value))
    })
}

/// What the older program had appended: `record(1)` to `record(6)`, but for the fifth.
fn assert_old(entries: &[hookswitch_journal::Entry]) {
    let large = Record { payload: vec![b'x'; 5_000].into(), ..record(5) };
    assert_eq!(entries[4].record, large);
    assert_entries(&entries[..4], 1, 4);
    assert_entries(&entries[5..], 6, 5 + entries[5..].len() as u64);
}

#[test]
fn a_journal_of_format_1_is_read_and_gone_on_with() {
    let folder = store(format_1());
    let mut journal = SledJournal::open_with(folder.path(), options()).unwrap();
    assert_eq!(journal.opened().cut, None);
    let read = |journal: &SledJournal| read_all(&journal.reader(), 0, Limit::default()).unwrap();
    assert_eq!(read(&journal).len(), 6);
    assert_old(&read(&journal));
    append(&mut journal, 3);
    drop(journal);

    let mut journal = SledJournal::open_with(folder.path(), options()).unwrap();
    assert_eq!(journal.reader().last(), 9);
    assert_old(&read(&journal));
    assert!(journal.verify().unwrap().problems.is_empty());

    // Sizes are known of both formats: 5 entries of about 170 bytes fit beside the newest, the large one does not.
    journal.snapshots().save(&Snapshot { seq: 9, at: second(9), payload: "state".into() }).unwrap();
    let keep = Retention { keep_from: second(0), hold_from: second(0), max_bytes: Some(5 * 175) };
    assert_eq!(journal.retain(&keep).unwrap().oldest, 6);
    drop(journal);
    assert_eq!(SledJournal::open_with(folder.path(), options()).unwrap().reader().oldest(), 6);
}

#[test]
fn a_rewritten_journal_of_format_1_says_the_same_in_the_new_format() {
    let folder = store(format_1());
    let journal = SledJournal::open_with(folder.path(), options()).unwrap();
    let done = journal.rewrite(|_| Ok(None), |_| Ok(None), &mut Vec::new()).unwrap();
    assert_eq!((done.entries, done.changed.len()), (6, 0));
    common::tamper(&folder, |db| {
        assert!(db.iter().values().all(|value| value.unwrap()[0] == 2));
    });
    let journal = SledJournal::open_with(folder.path(), options()).unwrap();
    assert_old(&read_all(&journal.reader(), 0, Limit::default()).unwrap());
}

#[test]
fn a_newer_format_is_refused_by_name_wherever_it_stands() {
    for (place, (key, _)) in format_1().enumerate() {
        let newer = format_1().map(|(other, mut value)| {
            if other == key {
                value[0] = 3;
            }
            (other, value)
        });
        let folder = store(newer);
        let error = SledJournal::open_with(folder.path(), options())
            .and_then(|journal| read_all(&journal.reader(), 0, Limit::default()))
            .unwrap_err();
        assert!(matches!(error, Error::Version { found: 3, known: 2, .. }), "{place}: {error}");
        assert!(error.hint().unwrap().contains("newer hookswitch"));
    }
}
