//! `kill -9` of a writing process, ten times over the same journal: nothing it acknowledged is ever missing.
//!
//! The test runs itself as the writer, hence without the usual harness.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio, exit},
};

use hookswitch_journal::{Journal, Kind, Record, SledJournal};
use hookswitch_model::Timestamp;

const ROUNDS: u64 = 10;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("write") => write(Path::new(&arguments[2])),
        // `cargo test -- --list` and filters are for the harness.
        Some("--list") => {}
        Some(_) | None => survive_kills(),
    }
}

/// Appends for ever and says each time how far it is.
fn write(path: &Path) {
    let mut journal = SledJournal::open(path).unwrap();
    let mut out = std::io::stdout();
    loop {
        let next = journal.reader().last() + 1;
        let mut batch = (next..next + 1 + next % 40).map(record).collect();
        let range = journal.append(&mut batch).unwrap();
        writeln!(out, "{}", range.end - 1).unwrap();
    }
}

fn record(number: u64) -> Record {
    let payload = number.to_string().repeat(1 + (number % 400) as usize);
    Record { kind: Kind::Event, at: Timestamp::from_millis(number), meta: None, payload: payload.into() }
}

fn survive_kills() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=ROUNDS {
        let acknowledged = write_and_kill(folder.path(), 20 + 37 * round);
        let journal = SledJournal::open(folder.path()).unwrap();
        let last = journal.reader().last();
        if last < acknowledged {
            eprintln!("round {round}: {acknowledged} was acknowledged, the journal ends at {last}");
            exit(1);
        }
        let mut expected = 1;
        for entry in journal.recover().unwrap().entries {
            let entry = entry.unwrap();
            assert_eq!((entry.seq, &entry.record), (expected, &record(expected)), "round {round}");
            expected += 1;
        }
        assert_eq!(expected, last + 1, "round {round}");
        println!("round {round}: killed at {acknowledged}, nothing lost");
    }
}

/// Kills the writer once it has acknowledged so many batches; the last sequence it acknowledged.
fn write_and_kill(path: &Path, batches: u64) -> u64 {
    let mut writer = Command::new(env::current_exe().unwrap())
        .args([Path::new("write"), path])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap());
    let mut acknowledged = 0;
    for _ in 0..batches {
        acknowledged = next(&mut lines).unwrap_or_else(|| died(&mut writer));
    }
    writer.kill().unwrap();
    // What it said before it died counts too; a line cut off does not.
    while let Some(seq) = next(&mut lines) {
        acknowledged = seq;
    }
    writer.wait().unwrap();
    acknowledged
}

fn next(lines: &mut BufReader<ChildStdout>) -> Option<u64> {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    line.strip_suffix('\n')?.parse().ok()
}

fn died(writer: &mut Child) -> u64 {
    eprintln!("the writer died by itself: {}", writer.wait().unwrap());
    exit(1)
}
