//! The journal written anew: room is given back, payloads change, everything else stays, and a crash in the middle
//! leaves the old one or the new one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, fs};

use bytes::Bytes;
use common::{append, assert_entries, copy, options, read_all, record, second};
use hookswitch_journal::{
    Cursor, Entry, Error, Journal, Kind, Limit, Record, Retention, SledJournal, Snapshot,
};
use tempfile::TempDir;

fn journal(entries: u64) -> (TempDir, SledJournal) {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = SledJournal::open_with(folder.path(), options()).unwrap();
    for _ in 0..entries {
        append(&mut journal, 1);
    }
    (folder, journal)
}

fn all(journal: &SledJournal) -> Vec<Entry> {
    read_all(&journal.reader(), journal.reader().oldest() - 1, Limit::default()).unwrap()
}

fn audit() -> Record {
    Record { kind: Kind::Audit, payload: "erased".into(), ..record(1) }
}

/// What is to be said instead by every third entry.
fn change(entry: &Entry) -> Result<Option<Bytes>, Error> {
    Ok(entry.seq.is_multiple_of(3).then(|| format!("other {}", entry.seq).into()))
}

fn change_snapshot(snapshot: &Snapshot) -> Result<Option<Bytes>, Error> {
    Ok((snapshot.seq == 4).then(|| "other state".into()))
}

fn assert_changed(journal: &SledJournal) {
    let entries = all(journal);
    assert_eq!(entries.len(), 13);
    for entry in &entries[..12] {
        let mut expected = record(entry.seq);
        if entry.seq.is_multiple_of(3) {
            expected.payload = format!("other {}", entry.seq).into();
        }
        assert_eq!(entry.record, expected);
    }
    assert_eq!((entries[12].seq, &entries[12].record), (13, &audit()));
    assert_eq!(journal.snapshots().load(4).unwrap().payload, "other state");
    assert_eq!(journal.snapshots().load(8).unwrap().payload, "state 8");
    assert_eq!(journal.cursors().get("crm"), Some(Cursor { seq: 7, state: "notes".into() }));
    assert!(journal.verify().unwrap().problems.is_empty());
}

fn prepared() -> (TempDir, SledJournal) {
    let (folder, journal) = journal(12);
    for seq in [4, 8] {
        let payload = format!("state {seq}").into();
        journal.snapshots().save(&Snapshot { seq, at: second(seq), payload }).unwrap();
    }
    journal.cursors().set("crm", &Cursor { seq: 7, state: "notes".into() }).unwrap();
    (folder, journal)
}

#[test]
fn payloads_change_and_everything_else_stays() {
    let (folder, journal) = prepared();
    let mut then = vec![audit()];
    let done = journal.rewrite(change, change_snapshot, &mut then).unwrap();
    assert!(then.is_empty());
    assert_eq!((done.entries, done.changed_snapshots), (12, 1));
    assert_eq!(done.changed, BTreeMap::from([(Kind::Event, 4)]));
    let mut journal = SledJournal::open_with(folder.path(), options()).unwrap();
    assert!(journal.opened().kept.is_empty() && !journal.opened().finished_rewrite);
    assert_changed(&journal);
    append(&mut journal, 1);
    assert_entries(&all(&journal)[13..], 14, 14);
}

#[test]
fn a_refusal_half_way_leaves_the_old_journal() {
    let (folder, journal) = prepared();
    let before = all(&journal);
    let refuse = |entry: &Entry| match entry.seq {
        9 => Err(Error::Corrupt { path: "here".into(), seq: 9, why: "no" }),
        _ => change(entry),
    };
    let mut then = vec![audit()];
    journal.rewrite(refuse, change_snapshot, &mut then).unwrap_err();
    assert_eq!(then.len(), 1);
    assert!(!folder.path().join("store.new").exists());
    let journal = SledJournal::open_with(folder.path(), options()).unwrap();
    assert_eq!(all(&journal), before);
    assert_eq!(journal.snapshots().load(4).unwrap().payload, "state 4");
}

/// The folder at each step of the exchange, as a crash would leave it.
#[test]
fn a_crash_during_the_exchange_leaves_the_old_journal_or_the_new_one() {
    let (folder, journal) = prepared();
    let old = TempDir::new().unwrap();
    copy(folder.path(), old.path());
    journal.rewrite(change, change_snapshot, &mut vec![audit()]).unwrap();

    for step in 0..6 {
        let crashed = TempDir::new().unwrap();
        let at = |name: &str| crashed.path().join(name);
        copy(old.path(), crashed.path());
        for name in ["store", "snapshots"] {
            fs::create_dir(at(&format!("{name}.new"))).unwrap();
            copy(&folder.path().join(name), &at(&format!("{name}.new")));
        }
        // An empty body: magic and its checksum.
        let marker = || fs::write(at("rewrite"), b"HSr1\0\0\0\0").unwrap();
        let exchange = |name: &str| {
            fs::remove_dir_all(at(name)).unwrap();
            fs::rename(at(&format!("{name}.new")), at(name)).unwrap();
        };
        match step {
            0 => {}
            1 => marker(),
            2 => {
                marker();
                fs::remove_file(at("store/db")).unwrap();
            }
            3 => {
                marker();
                fs::remove_dir_all(at("store")).unwrap();
            }
            4 => {
                marker();
                exchange("store");
            }
            5 => {
                marker();
                exchange("store");
                exchange("snapshots");
            }
            other => unreachable!("step {other}"),
        }
        let journal = SledJournal::open_with(crashed.path(), options()).unwrap();
        assert_eq!(journal.opened().finished_rewrite, step > 0);
        if step == 0 {
            assert_entries(&all(&journal), 1, 12);
        } else {
            assert_changed(&journal);
        }
        assert!(!at("rewrite").exists() && !at("store.new").exists() && !at("snapshots.new").exists());
    }
}

#[test]
fn the_room_of_removed_entries_is_given_back() {
    let (folder, mut journal) = journal(1);
    let large = |number| Record { payload: vec![number as u8; 3_000].into(), ..record(number) };
    for first in (2..2_000).step_by(100) {
        journal.append(&mut (first..first + 100).map(large).collect()).unwrap();
    }
    let last = journal.reader().last();
    journal.snapshots().save(&Snapshot { seq: last, at: second(last), payload: "state".into() }).unwrap();
    let keep = Retention { keep_from: second(last - 100), hold_from: second(0), max_bytes: None };
    while journal.retain(&keep).unwrap().more {}
    let oldest = journal.reader().oldest();
    let entries = all(&journal);
    let done = journal.rewrite(|_| Ok(None), |_| Ok(None), &mut Vec::new()).unwrap();
    assert!(done.bytes_after * 4 < done.bytes_before, "{done:?}");
    let journal = SledJournal::open_with(folder.path(), options()).unwrap();
    assert_eq!((journal.reader().oldest(), journal.reader().last()), (oldest, last));
    assert_eq!(all(&journal), entries);
}
