//! What the tests share.

#![allow(dead_code, reason = "each test uses some of it")]

use hookswitch_journal::{Entry, Error, Journal, Kind, Limit, Meta, Options, Reader, Record};
use hookswitch_model::Timestamp;

/// A record that says its number, made at that second.
pub(crate) fn record(number: u64) -> Record {
    let meta = number.is_multiple_of(2).then(|| Meta {
        type_name: "call.queued".into(),
        call: Some(hookswitch_model::CallId::from_bits(u128::from(number))),
        agents: vec![hookswitch_model::AgentId::new("alice").unwrap()],
        queue: Some(hookswitch_model::QueueId::new("support").unwrap()),
    });
    Record { kind: Kind::Event, at: second(number), meta, payload: format!("payload {number}").into() }
}

pub(crate) fn second(number: u64) -> Timestamp {
    Timestamp::from_millis(number * 1_000)
}

/// Appends one batch of records that say their sequences.
pub(crate) fn append(journal: &mut dyn Journal, count: u64) {
    let next = journal.reader().last() + 1;
    let range = journal.append(&mut (next..next + count).map(record).collect()).unwrap();
    assert_eq!(range, next..next + count);
}

/// All entries after a cursor, page by page.
pub(crate) fn read_all(reader: &Reader, mut after: u64, limit: Limit) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    loop {
        let page = reader.read(after, limit)?;
        if page.is_empty() {
            return Ok(entries);
        }
        assert!(page.iter().count() <= limit.entries);
        entries.extend(page.iter().cloned());
        after = page.through();
    }
}

/// The entries are those of [`append`], from `first` to `last`, each once.
pub(crate) fn assert_entries(entries: &[Entry], first: u64, last: u64) {
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), (first..=last).collect::<Vec<_>>());
    for entry in entries {
        assert_eq!(entry.record, record(entry.seq));
    }
}

/// As usual, but without a reserve: tests copy folders.
pub(crate) fn options() -> Options {
    Options { reserve_bytes: 0, ..Options::default() }
}

/// Writes to the store behind the journal's back.
pub(crate) fn tamper(folder: &tempfile::TempDir, with: impl FnOnce(&hookswitch_disk::Db)) {
    let store = hookswitch_disk::Store::open(&folder.path().join("store"), 1024 * 1024).unwrap();
    let tampered = store.with(|db| {
        with(db);
        db.flush()
    });
    tampered.unwrap();
}

/// Copies what is in a folder.
pub(crate) fn copy(from: &std::path::Path, to: &std::path::Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&file.path(), &target);
        } else {
            std::fs::copy(file.path(), target).unwrap();
        }
    }
}
