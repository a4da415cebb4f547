//! Prints how many events a second become durable, by batch size: `cargo run --release --example durable_rate [DIR]`.

use std::time::{Duration, Instant};

use hookswitch_journal::{Journal, Kind, Meta, Record, SledJournal};
use hookswitch_model::{CallId, Timestamp};

const PAYLOAD: usize = 600;
const PER_RUN: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    println!("{PAYLOAD} bytes an event, in {}", folder.display());
    println!("{:>10} {:>12} {:>10} {:>10} {:>10}", "batch", "events/s", "p50 us", "p99 us", "max us");
    for batch in [1, 8, 64, 512] {
        let path = folder.join(format!("durable-rate-{}-{batch}", std::process::id()));
        let mut journal = SledJournal::open(&path)?;
        let (events, mut took) = run(&mut journal, batch)?;
        drop(journal);
        std::fs::remove_dir_all(&path)?;
        took.sort_unstable();
        let total: Duration = took.iter().sum();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_micros();
        let rate = f64::from(events) / total.as_secs_f64();
        println!("{batch:>10} {rate:>12.0} {:>10} {:>10} {:>10}", at(0.5), at(0.99), at(1.0));
    }
    Ok(())
}

fn run(journal: &mut SledJournal, batch: u32) -> Result<(u32, Vec<Duration>), hookswitch_journal::Error> {
    let (begun, mut events, mut took) = (Instant::now(), 0, Vec::new());
    while begun.elapsed() < PER_RUN {
        let mut records = (0..batch).map(|place| record(events + place)).collect();
        let start = Instant::now();
        journal.append(&mut records)?;
        took.push(start.elapsed());
        events += batch;
    }
    Ok((events, took))
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
