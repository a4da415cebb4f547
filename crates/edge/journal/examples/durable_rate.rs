//! Prints how many events a second become durable, and how long a commit takes, by batch size and, for the last, while a
//! reader reads from the disk: `cargo run --release --example durable_rate [DIR [SECONDS]]`.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use hookswitch_journal::{Error, Journal, Kind, Limit, Meta, Reader, Record, SledJournal};
use hookswitch_model::{CallId, Timestamp};

const PAYLOAD: usize = 600;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let seconds = arguments.next().map_or(Ok(3), |seconds| seconds.parse())?;
    println!("{PAYLOAD} bytes an event, in {}", folder.display());
    println!("{:>16} {:>12} {:>10} {:>10} {:>10}", "batch", "events/s", "p50 us", "p99 us", "max us");
    for (batch, read) in [(1, false), (8, false), (64, false), (512, false), (512, true)] {
        let path = folder.join(format!("durable-rate-{}-{batch}", std::process::id()));
        let outcome = measure(&path, batch, read, Duration::from_secs(seconds));
        std::fs::remove_dir_all(&path)?;
        let (events, mut took) = outcome?;
        took.sort_unstable();
        let total: Duration = took.iter().sum();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_micros();
        let rate = f64::from(events) / total.as_secs_f64();
        let name = if read { format!("{batch} and a reader") } else { batch.to_string() };
        println!("{name:>16} {rate:>12.0} {:>10} {:>10} {:>10}", at(0.5), at(0.99), at(1.0));
    }
    Ok(())
}

fn measure(path: &Path, batch: u32, read: bool, time: Duration) -> Result<(u32, Vec<Duration>), Error> {
    let mut journal = SledJournal::open(path)?;
    let reader = read.then(|| {
        let reader = journal.reader();
        thread::spawn(move || read_again_and_again(&reader))
    });
    let begun = Instant::now();
    let (mut events, mut took, mut records) = (0, Vec::new(), Vec::new());
    while begun.elapsed() < time {
        records.extend((0..batch).map(|place| record(events + place)));
        let start = Instant::now();
        journal.append(&mut records)?;
        took.push(start.elapsed());
        events += batch;
    }
    drop(journal);
    if let Some(Err(panic)) = reader.map(thread::JoinHandle::join) {
        std::panic::resume_unwind(panic);
    }
    Ok((events, took))
}

/// Reads from the oldest on until the journal is closed: mostly what is not in memory any more.
fn read_again_and_again(reader: &Reader) {
    let mut after = 0;
    while reader.watch().has_changed().is_ok() {
        match reader.read(after, Limit::default()) {
            Ok(page) if page.is_empty() => after = 0,
            Ok(page) => after = page.through(),
            Err(_) => return,
        }
    }
}

fn record(number: u32) -> Record {
    let meta = Meta {
        type_name: "call.offered".into(),
        call: Some(CallId::from_bits(u128::from(number))),
        agents: Vec::new(),
        queue: None,
    };
    let at = Timestamp::from_millis(u64::from(number));
    Record { kind: Kind::Event, at, meta: Some(meta), payload: vec![b'x'; PAYLOAD].into() }
}
