//! `kill -9` of a process that imports contacts, ten times over the same directory: nothing it confirmed is missing, no
//! batch is there in part, and each contact is found by its numbers.
//!
//! The test runs itself as the writer, hence without the usual harness.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio, exit},
    sync::Arc,
};

use hookswitch_customers::{Contact, Directory, Search};
use hookswitch_wire::template::PlainNumbers;

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

fn open(path: &Path) -> Directory {
    Directory::open(path, Arc::new(PlainNumbers), "none").unwrap()
}

/// Whose batches follow each other without a gap; each replaces the first contact, too, and removes what the one before
/// left for that.
fn batch(number: u64) -> Vec<Contact> {
    let contact = |id: String, number: String, name: String| Contact {
        id,
        name: Some(name),
        numbers: vec![number],
        ..Contact::default()
    };
    let own = (0..1 + number % 7).map(|part| {
        contact(format!("b{number}-{part}"), format!("{}", 100_000 + number * 10 + part), "x".repeat(200))
    });
    let newest = contact("newest".into(), format!("{}", 900_000 + number), number.to_string());
    own.chain([newest]).collect()
}

/// Writes for ever and says each time how far it is.
fn write(path: &Path) {
    let directory = open(path);
    let mut out = std::io::stdout();
    let newest = directory.get("newest").unwrap().and_then(|contact| contact.name?.parse::<u64>().ok());
    for number in newest.map_or(1, |newest| newest + 1).. {
        directory.put_all(&batch(number)).unwrap();
        writeln!(out, "{number}").unwrap();
    }
}

fn survive_kills() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=ROUNDS {
        let confirmed = write_and_kill(folder.path(), 20 + 37 * round);
        let directory = open(folder.path());
        let newest: u64 = directory.get("newest").unwrap().unwrap().name.unwrap().parse().unwrap();
        if newest < confirmed {
            eprintln!("round {round}: {confirmed} was confirmed, the directory ends at {newest}");
            exit(1);
        }
        let mut expected = 1;
        for number in 1..=newest {
            for contact in batch(number).iter().filter(|contact| contact.id != "newest") {
                assert_eq!(directory.get(&contact.id).unwrap().as_ref(), Some(contact), "round {round}");
                assert_eq!(
                    by_number(&directory, &contact.numbers[0]),
                    std::slice::from_ref(&contact.id),
                    "round {round}"
                );
                expected += 1;
            }
        }
        assert_eq!(*directory.count().borrow(), expected, "round {round}: half a batch");
        assert_eq!(by_number(&directory, &(900_000 + newest).to_string()), ["newest"], "round {round}");
        let before = by_number(&directory, &(900_000 + newest - 1).to_string());
        assert!(before.is_empty(), "round {round}: an old number still finds it");
        println!("round {round}: killed at {confirmed}, nothing lost");
    }
}

fn by_number(directory: &Directory, number: &str) -> Vec<String> {
    let search = Search { number: Some(number.to_owned()), ..Search::default() };
    directory.page(&search).unwrap().items.into_iter().map(|contact| contact.id).collect()
}

/// Kills the writer once it has confirmed so many batches; the last it confirmed.
fn write_and_kill(path: &Path, batches: u64) -> u64 {
    let mut writer = Command::new(env::current_exe().unwrap())
        .args([Path::new("write"), path])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap());
    let mut confirmed = 0;
    for _ in 0..batches {
        confirmed = next(&mut lines).unwrap_or_else(|| died(&mut writer));
    }
    writer.kill().unwrap();
    // What it said before it died counts too; a line cut off does not.
    while let Some(number) = next(&mut lines) {
        confirmed = number;
    }
    writer.wait().unwrap();
    confirmed
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
