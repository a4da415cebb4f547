//! A disk that really is full: a tmpfs of a few megabytes, in a mount namespace of its own, so that nothing is left
//! behind. As another user than root a user namespace makes it possible; where neither is permitted the test fails and
//! says so.
//!
//! The test runs itself inside the namespace, hence without the usual harness.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    env,
    fs::{self, File},
    io::Write,
    path::Path,
    process::{Command, exit},
};

use hookswitch_journal::{
    Cursor, Error, Journal, Kind, Limit, Options, Recent, Record, SledJournal, Snapshot,
};
use hookswitch_model::Timestamp;

const DISK: &str = "24m";
const OPTIONS: Options = Options {
    // So little that readers go to the disk.
    recent: Recent { entries: 8, bytes: 4096 },
    reserve_bytes: 3 * 1024 * 1024,
};

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("inside") => inside(Path::new(&arguments[2])),
        // `cargo test -- --list` and filters are for the harness.
        Some("--list") => {}
        Some(_) | None => outside(),
    }
}

fn outside() {
    let folder = tempfile::tempdir().unwrap();
    let user: &[&str] = if is_root() { &[] } else { &["--user", "--map-root-user"] };
    let status = Command::new("unshare")
        .arg("--mount")
        .args(user)
        .args(["sh", "-c", "mount -t tmpfs -o size=$1 tmpfs \"$2\" && exec \"$3\" inside \"$2\"", "sh", DISK])
        .args([folder.path(), &env::current_exe().unwrap()])
        .status()
        .expect("unshare (util-linux) is needed to make a small disk");
    if !status.success() {
        eprintln!("failed: {status}");
        exit(1);
    }
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

fn inside(disk: &Path) {
    let mut full = 0;
    for batch in [1, 37, 400] {
        let path = disk.join("journal");
        full += others_fill_the_disk(&path, disk, batch);
        fs::remove_dir_all(&path).unwrap();
        full += the_journal_fills_the_disk(&path, batch);
        fs::remove_dir_all(&path).unwrap();
    }
    println!("full {full} times, nothing lost");
}

/// The disk fills up under load, again and again: what was acknowledged stays, what was refused is the caller's, and the
/// same journal goes on when there is room.
fn others_fill_the_disk(path: &Path, disk: &Path, batch: u64) -> u64 {
    let mut journal = open(path);
    let rounds = 4;
    for round in 0..rounds {
        for _ in 0..1 + 400 / batch {
            journal.append(&mut next(&journal, batch)).unwrap();
        }
        fill(disk);
        let mut refused = append_until_full(&mut journal, batch);
        while_it_is_full(&mut journal, &mut refused);
        if round % 2 == 1 {
            // A start on a full disk: everything is there, nothing is taken.
            drop(journal);
            journal = open(path);
            assert!(journal.opened().full);
            while_it_is_full(&mut journal, &mut refused);
        }
        fs::remove_file(disk.join("others")).unwrap();
        journal.append(&mut refused).unwrap();
        assert!(refused.is_empty());
        check(&journal);
    }
    let last = journal.reader().last();
    drop(journal);
    let journal = open(path);
    assert_eq!(journal.reader().last(), last);
    check(&journal);
    rounds
}

/// Nobody else is to blame: the journal has filled the disk by itself, and retention makes the room.
fn the_journal_fills_the_disk(path: &Path, batch: u64) -> u64 {
    let mut journal = open(path);
    let mut refused = append_until_full(&mut journal, batch);
    while_it_is_full(&mut journal, &mut refused);
    drop(journal);
    let journal = open(path);
    check(&journal);
    1
}

fn append_until_full(journal: &mut SledJournal, batch: u64) -> Vec<Record> {
    loop {
        let last = journal.reader().last();
        let mut records = next(journal, batch);
        match journal.append(&mut records) {
            Ok(range) => assert_eq!((range, records.len()), (last + 1..last + 1 + batch, 0)),
            Err(Error::Full { .. }) => {
                assert_eq!(journal.reader().last(), last);
                assert_eq!(records, next(journal, batch), "what was refused is the caller's");
                return records;
            }
            Err(error) => panic!("batches of {batch}, after {last}: {error:?}"),
        }
    }
}

/// Appends are refused without harm, everything can be read, cursors and snapshots have room.
fn while_it_is_full(journal: &mut SledJournal, refused: &mut Vec<Record>) {
    let (last, count) = (journal.reader().last(), refused.len());
    for _ in 0..3 {
        let error = journal.append(refused).unwrap_err();
        assert!(matches!(error, Error::Full { .. }), "{error:?}");
        assert!(error.hint().is_some());
    }
    assert_eq!((journal.reader().last(), refused.len()), (last, count));
    check(journal);
    journal.cursors().set("crm", &Cursor { seq: last, state: vec![7; 10_000].into() }).unwrap();
    let snapshot = Snapshot { seq: last, at: Timestamp::from_millis(1), payload: vec![7; 50_000].into() };
    journal.snapshots().save(&snapshot).unwrap();
}

/// All that was ever appended is there, once.
fn check(journal: &SledJournal) {
    let (reader, mut seq) = (journal.reader(), 0);
    while seq < reader.last() {
        for entry in reader.read(seq, Limit::default()).unwrap().iter() {
            seq += 1;
            assert_eq!((entry.seq, &entry.record), (seq, &sized(seq)));
        }
    }
    assert_eq!(seq, journal.reader().last());
    assert!(journal.verify().unwrap().problems.is_empty());
}

fn next(journal: &SledJournal, batch: u64) -> Vec<Record> {
    let last = journal.reader().last();
    (last + 1..=last + batch).map(sized).collect()
}

/// Of all sizes, some larger than a value of the store.
fn sized(number: u64) -> Record {
    let size = if number.is_multiple_of(97) { 9_000 } else { 100 + number as usize * 13 % 900 };
    let at = Timestamp::from_millis(number);
    Record { kind: Kind::Event, at, meta: None, payload: vec![number as u8; size].into() }
}

fn open(path: &Path) -> SledJournal {
    SledJournal::open_with(path, OPTIONS).unwrap()
}

/// Leaves nothing of a disk.
fn fill(disk: &Path) {
    let mut others = File::create(disk.join("others")).unwrap();
    for piece in [64 * 1024, 4096, 1] {
        while others.write_all(&vec![1; piece]).is_ok() {}
    }
}
