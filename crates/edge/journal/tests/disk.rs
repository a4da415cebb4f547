//! What only the journal on disk can show: it is opened again, and it is damaged.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs::{self, OpenOptions};

use common::{append, assert_entries, copy, options, read_all, record, second, tamper};
use hookswitch_journal::{Cursor, Error, Journal, Kind, Limit, Record, SledJournal, Snapshot};
use tempfile::TempDir;

/// A closed journal of so many entries, one a batch.
fn closed(entries: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = SledJournal::open_with(folder.path(), options()).unwrap();
    for _ in 0..entries {
        append(&mut journal, 1);
    }
    folder
}

fn open(folder: &TempDir) -> Result<SledJournal, Error> {
    SledJournal::open_with(folder.path(), options())
}

/// The store's key of a batch.
fn key(first_seq: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&first_seq.to_be_bytes());
    key
}

#[test]
fn what_was_appended_is_there_when_it_is_opened_again() {
    let folder = closed(30);
    for round in 0..3 {
        let mut journal = open(&folder).unwrap();
        assert_entries(&read_all(&journal.reader(), 0, Limit::default()).unwrap(), 1, 30 + round * 7);
        append(&mut journal, 7);
        assert_entries(&read_all(&journal.reader(), 0, Limit::default()).unwrap(), 1, 37 + round * 7);
        assert!(journal.verify().unwrap().problems.is_empty());
    }
}

#[test]
fn nothing_is_put_into_files_of_the_store_that_nobody_syncs() {
    let folder = closed(1);
    let mut journal = open(&folder).unwrap();
    for size in [100, 1_000, 4_000, 5_000, 100_000, 1_000_000] {
        for _ in 0..20 {
            let next = journal.reader().last() + 1;
            let batch =
                (next..next + 10).map(|number| Record { payload: vec![7; size].into(), ..record(number) });
            journal.append(&mut batch.collect()).unwrap();
        }
    }
    assert!(journal.verify().unwrap().problems.is_empty());
    let blobs = fs::read_dir(folder.path().join("store/blobs")).unwrap().count();
    assert_eq!(blobs, 0, "sled keeps large leaves in files of their own and syncs none of them");
}

#[test]
fn cursors_snapshots_and_retention_last_over_a_restart() {
    let folder = closed(20);
    {
        let mut journal = open(&folder).unwrap();
        journal.cursors().set("crm: main", &Cursor { seq: 18, state: "notes".into() }).unwrap();
        journal.snapshots().save(&Snapshot { seq: 17, at: second(17), payload: "state".into() }).unwrap();
        let retention =
            hookswitch_journal::Retention { keep_from: second(10), hold_from: second(0), max_bytes: None };
        assert_eq!(journal.retain(&retention).unwrap().removed, 9);
    }
    let journal = open(&folder).unwrap();
    assert_eq!(journal.cursors().get("crm: main"), Some(Cursor { seq: 18, state: "notes".into() }));
    assert_eq!(journal.reader().oldest(), 10);
    let recovery = journal.recover().unwrap();
    assert_eq!(
        recovery.snapshot.map(|snapshot| (snapshot.seq, snapshot.payload)),
        Some((17, "state".into()))
    );
    assert_entries(&recovery.entries.collect::<Result<Vec<_>, _>>().unwrap(), 18, 20);
}

#[test]
fn a_second_process_is_told_who_has_it() {
    let folder = closed(1);
    let journal = open(&folder).unwrap();
    let reader = journal.reader();
    let error = open(&folder).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    assert!(error.hint().unwrap().contains("[journal] path"));
    drop(journal);
    assert!(matches!(open(&folder), Err(Error::InUse { .. })), "a reader still holds it");
    drop(reader);
    open(&folder).unwrap();
}

#[test]
fn a_damaged_value_is_an_error_that_names_its_sequence() {
    let folder = closed(20);
    tamper(&folder, |db| {
        let mut value = db.get(key(7)).unwrap().unwrap().to_vec();
        let middle = value.len() / 2;
        value[middle] ^= 0x10;
        db.insert(key(7), value).unwrap();
    });
    let journal = open(&folder).unwrap();
    let error = read_all(&journal.reader(), 0, Limit::default()).unwrap_err();
    assert!(matches!(error, Error::Corrupt { seq: 7, .. }), "{error}");
    let verified = journal.verify().unwrap();
    assert!(matches!(verified.problems[..], [Error::Corrupt { seq: 7, .. }]), "{verified:?}");
    assert_eq!(verified.entries[&Kind::Event], 19, "what is whole behind the damage was read");
    let found: Vec<_> = journal.recover().unwrap().entries.collect();
    assert!(found.last().unwrap().is_err(), "a start does not take damage for the end");
    assert_entries(&read_all(&journal.reader(), 7, Limit::default()).unwrap(), 8, 20);
}

#[test]
fn a_missing_value_is_an_error_and_no_shorter_answer() {
    for missing in [1, 2, 7, 19] {
        let folder = closed(20);
        tamper(&folder, |db| drop(db.remove(key(missing)).unwrap()));
        let journal = open(&folder).unwrap();
        assert_eq!(journal.reader().last(), 20);
        let problems = journal.verify().unwrap().problems;
        if missing == 1 {
            assert_eq!(journal.reader().oldest(), 2);
            assert!(matches!(journal.recover(), Err(Error::NoStart { .. })));
        } else {
            assert!(
                matches!(problems[..], [Error::Corrupt { seq, .. }] if seq == missing),
                "{missing}: {problems:?}"
            );
            assert!(read_all(&journal.reader(), 0, Limit { entries: 1, bytes: 1 }).is_err(), "{missing}");
            assert!(read_all(&journal.reader(), 0, Limit::default()).is_err(), "{missing}");
        }
    }
}

#[test]
fn a_missing_tail_is_noticed_by_what_was_acknowledged() {
    let folder = closed(20);
    tamper(&folder, |db| {
        db.remove(key(20)).unwrap();
        db.remove(key(19)).unwrap();
    });
    let error = open(&folder).unwrap_err();
    assert!(matches!(error, Error::Behind { found: 18, acknowledged: 20, .. }), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn what_was_not_acknowledged_and_is_whole_is_kept_and_told() {
    let folder = closed(20);
    let acknowledged = fs::read(folder.path().join("acknowledged")).unwrap();
    append(&mut open(&folder).unwrap(), 7);
    // The last process died between the sync of the store and that of the acknowledgement.
    fs::write(folder.path().join("acknowledged"), &acknowledged).unwrap();
    let journal = open(&folder).unwrap();
    assert_eq!((journal.opened().kept.clone(), journal.opened().cut.clone()), (21..28, None));
    assert_entries(&read_all(&journal.reader(), 0, Limit::default()).unwrap(), 1, 27);
    drop(journal);
    assert!(open(&folder).unwrap().opened().kept.is_empty(), "it is acknowledged now");
}

#[test]
fn a_torn_tail_that_was_not_acknowledged_is_cut_and_told() {
    // A batch of several frames, one of them of several parts, and one more batch behind it.
    let records = || (21..=24).map(|number| Record { payload: vec![7; 9_000].into(), ..record(number) });
    let folder = closed(20);
    let acknowledged = fs::read(folder.path().join("acknowledged")).unwrap();
    let mut journal = open(&folder).unwrap();
    journal.append(&mut records().collect()).unwrap();
    append(&mut journal, 1);
    drop(journal);

    let parts = [(21, 0), (21, 2), (22, 1), (23, 0), (24, 0), (24, 2)];
    for (seq, part) in parts {
        for torn in [true, false] {
            let copied = tempfile::tempdir().unwrap();
            copy(folder.path(), copied.path());
            fs::write(copied.path().join("acknowledged"), &acknowledged).unwrap();
            let mut key = key(seq);
            key[11] = part;
            tamper(&copied, |db| {
                let mut value = db.remove(key).unwrap().unwrap().to_vec();
                if torn {
                    value.truncate(value.len() / 2);
                    db.insert(key, value).unwrap();
                }
            });
            let mut journal = open(&copied).unwrap();
            let cut = journal.opened().cut.clone().unwrap_or_else(|| panic!("{seq}.{part} was not noticed"));
            assert_eq!(cut.from, 21, "of a batch all or nothing is kept: {cut:?}");
            assert_eq!(cut.values, if torn { 13 } else { 12 }, "{cut:?}");
            assert_entries(&read_all(&journal.reader(), 0, Limit::default()).unwrap(), 1, 20);
            // And it goes on there.
            append(&mut journal, 3);
            drop(journal);
            let journal = open(&copied).unwrap();
            assert_eq!(journal.opened().cut, None);
            assert_entries(&read_all(&journal.reader(), 0, Limit::default()).unwrap(), 1, 23);
            assert!(journal.verify().unwrap().problems.is_empty());
        }
    }
}

#[test]
fn a_damaged_entry_that_was_acknowledged_last_keeps_the_journal_closed() {
    let folder = closed(20);
    tamper(&folder, |db| {
        let mut value = db.get(key(20)).unwrap().unwrap().to_vec();
        *value.last_mut().unwrap() ^= 1;
        db.insert(key(20), value).unwrap();
    });
    let error = open(&folder).unwrap_err();
    assert!(matches!(error, Error::Corrupt { seq: 20, .. }), "{error}");
    assert!(error.hint().unwrap().contains("hookswitch journal verify"));
}

#[test]
fn without_its_acknowledgement_a_journal_is_read_whole_or_not_at_all() {
    let folder = closed(20);
    fs::remove_file(folder.path().join("acknowledged")).unwrap();
    assert_eq!(open(&folder).unwrap().reader().last(), 20);
    fs::remove_file(folder.path().join("acknowledged")).unwrap();
    tamper(&folder, |db| drop(db.remove(key(9)).unwrap()));
    assert!(matches!(open(&folder), Err(Error::Corrupt { .. })));
}

#[test]
fn a_summary_that_sled_did_not_finish_is_no_obstacle() {
    let folder = closed(5);
    fs::write(folder.path().join("store/snap.00FFFFFFFFFFFFFF.generating"), b"half").unwrap();
    assert_eq!(open(&folder).unwrap().reader().last(), 5);
}

#[test]
fn a_store_that_was_emptied_does_not_begin_anew() {
    let folder = closed(5);
    fs::remove_dir_all(folder.path().join("store")).unwrap();
    assert!(matches!(open(&folder), Err(Error::Behind { found: 0, acknowledged: 5, .. })));
}

#[test]
fn a_torn_store_file_is_found_and_never_panics() {
    let entries = 300;
    let whole = closed(entries);
    let length = fs::metadata(whole.path().join("store/db")).unwrap().len();
    for share in 0..10 {
        let torn = tempfile::tempdir().unwrap();
        copy(whole.path(), torn.path());
        let file = OpenOptions::new().write(true).open(torn.path().join("store/db")).unwrap();
        file.set_len(length * share / 10).unwrap();
        // Either it says what is wrong, or nothing that was acknowledged is missing.
        if let Ok(journal) = SledJournal::open_with(torn.path(), options()) {
            assert_entries(&read_all(&journal.reader(), 0, Limit::default()).unwrap(), 1, entries);
        }
    }
}

#[test]
fn garbage_anywhere_in_the_store_file_is_found_and_never_panics() {
    let entries = 300;
    let whole = closed(entries);
    let length = fs::metadata(whole.path().join("store/db")).unwrap().len();
    let mut found = 0;
    for place in 0..20 {
        let torn = tempfile::tempdir().unwrap();
        copy(whole.path(), torn.path());
        let path = torn.path().join("store/db");
        let mut bytes = fs::read(&path).unwrap();
        let at = (length * place / 20) as usize;
        for (place, byte) in bytes[at..].iter_mut().take(64).enumerate() {
            *byte = byte.wrapping_mul(31).wrapping_add(place as u8 + 1);
        }
        fs::write(&path, bytes).unwrap();
        match SledJournal::open_with(torn.path(), options())
            .and_then(|journal| read_all(&journal.reader(), 0, Limit::default()))
        {
            Ok(entries_read) => assert_entries(&entries_read, 1, entries),
            Err(_) => found += 1,
        }
    }
    assert!(found > 0, "none of the places mattered");
}

#[test]
fn a_damaged_newest_snapshot_is_passed_over_and_told() {
    let folder = closed(10);
    let journal = open(&folder).unwrap();
    for seq in [4, 8] {
        journal.snapshots().save(&Snapshot { seq, at: second(seq), payload: vec![1; 50].into() }).unwrap();
    }
    let newest = folder.path().join("snapshots").join(format!("{:020}.snapshot", 8));
    let mut bytes = fs::read(&newest).unwrap();
    bytes[30] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let recovery = journal.recover().unwrap();
    assert_eq!(recovery.snapshot.unwrap().seq, 4);
    assert!(matches!(&recovery.passed_over[..], [Error::DamagedFile { path, .. }] if *path == newest));
    assert_entries(&recovery.entries.collect::<Result<Vec<_>, _>>().unwrap(), 5, 10);
}

#[test]
fn a_damaged_cursor_file_is_named() {
    let folder = closed(3);
    open(&folder).unwrap().cursors().set("crm", &Cursor { seq: 2, state: "notes".into() }).unwrap();
    fs::write(folder.path().join("cursors/crm.cursor"), b"HSc1 torn").unwrap();
    let error = open(&folder).unwrap_err();
    assert!(error.to_string().contains("crm.cursor"), "{error}");
}

#[test]
fn the_room_of_removed_entries_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder).unwrap();
    let mut sizes = Vec::new();
    for _ in 0..30 {
        let next = journal.reader().last() + 1;
        let large = |number| Record { payload: vec![number as u8; 1_000].into(), ..record(number) };
        for first in (next..next + 500).step_by(50) {
            journal.append(&mut (first..first + 50).map(large).collect()).unwrap();
        }
        let last = journal.reader().last();
        let snapshot = |seq| Snapshot { seq, at: second(seq), payload: "state".into() };
        journal.snapshots().save(&snapshot(last - 1)).unwrap();
        journal.snapshots().save(&snapshot(last)).unwrap();
        let retention = hookswitch_journal::Retention {
            keep_from: second(0),
            hold_from: second(0),
            max_bytes: Some(500_000),
        };
        while journal.retain(&retention).unwrap().more {}
        sizes.push(fs::metadata(folder.path().join("store/db")).unwrap().len());
    }
    // The store moves what is alive when it finds the time, so that a size goes up and down; what it comes down to grows
    // when room is lost.
    let least = |sizes: &[u64]| sizes.iter().copied().min().unwrap();
    assert!(least(&sizes[20..]) * 2 <= least(&sizes[5..15]) * 3, "it grows and grows: {sizes:?}");
}

#[test]
fn retention_goes_in_steps_that_nobody_waits_long_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder).unwrap();
    let large = |number| Record { payload: vec![1; 4_000].into(), ..record(number) };
    journal.append(&mut (1..=3_000).map(large).collect()).unwrap();
    journal.snapshots().save(&Snapshot { seq: 2_500, at: second(1), payload: "state".into() }).unwrap();
    let retention =
        hookswitch_journal::Retention { keep_from: second(9_999), hold_from: second(0), max_bytes: None };
    let steps = [(1_024, true), (1_024, true), (452, false), (0, false)];
    for (removed, more) in steps {
        let retained = journal.retain(&retention).unwrap();
        assert_eq!((retained.removed, retained.more), (removed, more));
        assert_eq!(journal.reader().oldest(), retained.oldest);
    }
    assert_eq!(journal.reader().oldest(), 2_501);
}
