//! What every implementation of the journal does: each test runs on both.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{append, assert_entries, read_all, record, second};
use hookswitch_journal::{
    Cursor, Error, Journal, Limit, MemoryJournal, Options, Recent, Record, Retention, SledJournal, Snapshot,
};

/// So little in memory that most reads go to the archive.
const LITTLE: Recent = Recent { entries: 4, bytes: 1024 };

/// Runs a test on both implementations, with little and with much in memory.
fn check(test: impl Fn(&mut dyn Journal)) {
    for recent in [LITTLE, Recent::default()] {
        test(&mut MemoryJournal::with_recent(recent));
        let folder = tempfile::tempdir().unwrap();
        test(&mut SledJournal::open_with(folder.path(), Options { recent, ..Options::default() }).unwrap());
    }
}

#[test]
fn sequences_are_dense_from_one_over_batches() {
    check(|journal| {
        assert_eq!(journal.append(&mut Vec::new()).unwrap(), 1..1);
        for count in [1, 5, 1, 30] {
            append(journal, count);
        }
        assert_eq!((journal.reader().oldest(), journal.reader().last()), (1, 37));
        assert_entries(&read_all(&journal.reader(), 0, Limit::default()).unwrap(), 1, 37);
    });
}

#[test]
fn a_reader_goes_on_from_any_cursor_in_pages_of_any_size() {
    check(|journal| {
        for count in [3, 1, 7, 2] {
            append(journal, count);
        }
        for after in 0..=13 {
            for limit in [Limit { entries: 1, bytes: 1 }, Limit { entries: 5, bytes: 30 }, Limit::default()] {
                assert_entries(&read_all(&journal.reader(), after, limit).unwrap(), after + 1, 13);
            }
        }
        assert!(journal.reader().read(99, Limit::default()).unwrap().is_empty());
    });
}

#[test]
fn a_record_larger_than_a_value_of_the_store_comes_back_whole() {
    check(|journal| {
        let large = Record { payload: vec![0xab; 700_000].into(), ..record(2) };
        journal.append(&mut vec![record(1), large.clone(), record(3)]).unwrap();
        append(journal, 5);
        let entries = read_all(&journal.reader(), 0, Limit::default()).unwrap();
        assert_eq!(entries[1].record, large);
        assert_entries(&entries[2..], 3, 8);
    });
}

#[test]
fn a_record_too_large_is_refused_and_nothing_of_its_batch_is_written() {
    check(|journal| {
        let large = Record { payload: vec![0; 40 * 1024 * 1024].into(), ..record(2) };
        let mut batch = vec![record(1), large];
        assert!(matches!(journal.append(&mut batch), Err(Error::TooLarge { .. })));
        assert_eq!(batch.len(), 2, "what was refused is the caller's still");
        append(journal, 1);
        assert_eq!(journal.reader().last(), 1);
    });
}

#[test]
fn a_batch_is_one_step_for_who_watches() {
    check(|journal| {
        let mut watch = journal.reader().watch();
        append(journal, 500);
        assert!(watch.has_changed().unwrap());
        assert_eq!(watch.borrow_and_update().seq, 500);
        assert!(!watch.has_changed().unwrap());
        let payload: usize = (1..=500).map(|number| record(number).payload.len()).sum();
        assert_eq!(journal.reader().head().bytes, payload as u64);
    });
}

#[test]
fn what_is_not_in_memory_is_said_so_and_read_from_the_archive() {
    check(|journal| {
        for _ in 0..40 {
            append(journal, 1);
        }
        let in_memory = journal.reader().recent(0, Limit::default()).is_some();
        assert_eq!(in_memory, journal.reader().recent(10, Limit::default()).is_some());
        assert!(journal.reader().recent(39, Limit::default()).is_some());
        assert!(journal.reader().recent(40, Limit::default()).unwrap().is_empty());
        assert_entries(&read_all(&journal.reader(), 0, Limit::default()).unwrap(), 1, 40);
    });
}

#[test]
fn cursors_are_kept_by_name_with_their_notes() {
    check(|journal| {
        let cursors = journal.cursors();
        assert_eq!(cursors.get("webhook crm"), None);
        let cursor = Cursor { seq: 7, state: "notes".into() };
        cursors.set("webhook crm", &cursor).unwrap();
        cursors.set("Webhook/CRM", &Cursor { seq: 8, ..Cursor::default() }).unwrap();
        assert_eq!(cursors.get("webhook crm"), Some(cursor));
        cursors.forget("Webhook/CRM").unwrap();
        assert_eq!(cursors.all(), [("webhook crm".to_owned(), 7)]);
    });
}

#[test]
fn a_start_begins_at_the_newest_snapshot() {
    check(|journal| {
        append(journal, 10);
        let recovery = journal.recover().unwrap();
        assert_eq!(recovery.snapshot, None);
        assert_entries(&recovery.entries.collect::<Result<Vec<_>, _>>().unwrap(), 1, 10);

        for seq in [3, 6, 8] {
            let snapshot = Snapshot { seq, at: second(seq), payload: format!("state {seq}").into() };
            journal.snapshots().save(&snapshot).unwrap();
        }
        assert_eq!(journal.snapshots().sequences(), [6, 8]);
        let recovery = journal.recover().unwrap();
        assert_eq!(recovery.snapshot.unwrap().payload, "state 8");
        assert!(recovery.passed_over.is_empty());
        assert_entries(&recovery.entries.collect::<Result<Vec<_>, _>>().unwrap(), 9, 10);
    });
}

#[test]
fn a_snapshot_of_what_is_not_durable_is_refused() {
    check(|journal| {
        append(journal, 2);
        let ahead = Snapshot { seq: 3, at: second(3), payload: "state".into() };
        assert!(matches!(journal.snapshots().save(&ahead), Err(Error::SnapshotAhead { seq: 3, last: 2 })));
    });
}

fn snapshot(journal: &dyn Journal, seq: u64) {
    journal.snapshots().save(&Snapshot { seq, at: second(seq), payload: "state".into() }).unwrap();
}

fn keep(keep_from: u64, hold_from: u64) -> Retention {
    Retention { keep_from: second(keep_from), hold_from: second(hold_from), max_bytes: None }
}

#[test]
fn retention_deletes_what_is_old_and_tells_a_late_reader() {
    check(|journal| {
        for _ in 0..600 {
            append(journal, 1);
        }
        let nothing = journal.retain(&keep(500, 0)).unwrap();
        assert_eq!((nothing.removed, nothing.oldest), (0, 1), "without a snapshot a start needs all");

        snapshot(journal, 580);
        snapshot(journal, 590);
        let retained = journal.retain(&keep(551, 0)).unwrap();
        assert_eq!((retained.removed, retained.oldest, retained.more), (550, 551, false));
        assert_eq!(journal.reader().oldest(), 551);
        let page = journal.reader().read(100, Limit { entries: 3, bytes: 9999 }).unwrap();
        assert_eq!(page.skipped(), 101..551);
        assert_entries(&page.iter().cloned().collect::<Vec<_>>(), 551, 553);
        assert_entries(&read_all(&journal.reader(), 550, Limit::default()).unwrap(), 551, 600);
    });
}

#[test]
fn retention_keeps_what_the_older_snapshot_needs() {
    check(|journal| {
        for _ in 0..20 {
            append(journal, 1);
        }
        snapshot(journal, 5);
        snapshot(journal, 19);
        let retained = journal.retain(&keep(100, 100)).unwrap();
        assert_eq!(retained.oldest, 6);
        assert!(journal.recover().is_ok());
    });
}

#[test]
fn retention_waits_for_a_follower_and_says_when_it_no_longer_does() {
    check(|journal| {
        for _ in 0..20 {
            append(journal, 1);
        }
        snapshot(journal, 20);
        journal.cursors().set("crm", &Cursor { seq: 4, ..Cursor::default() }).unwrap();
        let held = journal.retain(&keep(16, 3)).unwrap();
        assert_eq!(held.oldest, 5);
        assert_eq!((held.held_back_by, held.lost_by), (vec![("crm".to_owned(), 4)], vec![]));

        let lost = journal.retain(&keep(16, 8)).unwrap();
        assert_eq!(lost.oldest, 8);
        assert_eq!(lost.lost_by, [("crm".to_owned(), 4)]);

        journal.cursors().forget("crm").unwrap();
        assert_eq!(journal.retain(&keep(16, 8)).unwrap().oldest, 16);
    });
}

#[test]
fn retention_keeps_to_a_size_whoever_needs_it_and_says_so() {
    check(|journal| {
        for _ in 0..100 {
            append(journal, 1);
        }
        snapshot(journal, 90);
        journal.cursors().set("crm", &Cursor { seq: 30, ..Cursor::default() }).unwrap();
        let most = |entries: u64| Retention { max_bytes: Some(entries * 170), ..keep(0, 0) };
        let retained = journal.retain(&most(90)).unwrap();
        assert_eq!((retained.oldest, &retained.lost_by[..]), (12, &[][..]));
        let retained = journal.retain(&most(50)).unwrap();
        assert_eq!((retained.oldest, retained.removed), (52, 40));
        assert_eq!(retained.lost_by, [("crm".to_owned(), 30)]);
        // What a start needs stays, however much it is.
        snapshot(journal, 95);
        assert_eq!(journal.retain(&most(1)).unwrap().oldest, 91);
        assert!(journal.recover().is_ok());
    });
}

#[test]
fn a_start_with_neither_snapshot_nor_first_entry_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = SledJournal::open(folder.path()).unwrap();
    for _ in 0..10 {
        append(&mut journal, 1);
    }
    snapshot(&journal, 9);
    journal.retain(&keep(6, 0)).unwrap();
    drop(journal);
    std::fs::remove_dir_all(folder.path().join("snapshots")).unwrap();
    let journal = SledJournal::open(folder.path()).unwrap();
    let error = journal.recover().unwrap_err();
    assert!(matches!(error, Error::NoStart { oldest: 6, .. }), "{error}");
    assert!(error.hint().is_some());
}
