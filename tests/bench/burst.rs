//! A burst of 200,000 events into the daemon with its journal: nothing lost, memory bounded.

use std::{
    io::Write,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use hookswitch_tests::{daemon::Daemon, events::Reader};

use crate::{pbx, stream::Stream};

const EVENTS: usize = 200_000;

/// Sends the burst once the daemon is idle, and waits for the last call's end.
pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(burst())
}

async fn burst() -> anyhow::Result<()> {
    let stream = Stream::load()?;
    let rounds = EVENTS.div_ceil(stream.len());
    let calls = rounds * stream.calls;
    let bytes: Vec<Vec<u8>> = (0..rounds).map(|round| stream.round(round)).collect();
    let go = Arc::new((Mutex::new(false), Condvar::new()));
    let gate = Arc::clone(&go);
    let port = pbx::serve(move |mut socket| {
        let (open, opened) = &*gate;
        let mut ready = open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while !*ready {
            ready = opened.wait(ready).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        bytes.iter().try_for_each(|round| socket.write_all(round))
    })?;
    let mut daemon = Daemon::start(&pbx::configuration(port)).await?;
    daemon.wait_links_up().await?;
    let reader = Reader::websocket(&daemon.api(), "types=call.ended").await?;
    let idle = memory(&daemon, "VmRSS")?;
    let begun = Instant::now();
    *go.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = true;
    go.1.notify_all();
    let mut seen = 0;
    while seen < calls && begun.elapsed() < Duration::from_secs(120) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        seen = reader.events().len();
    }
    let took = begun.elapsed();
    let peak = memory(&daemon, "VmHWM")?;
    println!("\nBurst of {} AMI events, durable", rounds * stream.len());
    println!(
        "  calls {seen} of {calls}, lost {}, {:.2} s, {:.0} events/s",
        calls - seen,
        took.as_secs_f64(),
        (rounds * stream.len()) as f64 / took.as_secs_f64()
    );
    println!("  memory: idle {idle} MiB, peak {peak} MiB, {} MiB above idle", peak - idle);
    ensure!(seen == calls, "calls were lost");
    reader.check_chain()?;
    daemon.stop().await?;
    Ok(())
}

/// A line of `/proc/<pid>/status`, in MiB.
fn memory(daemon: &Daemon, key: &str) -> anyhow::Result<u64> {
    let pid = daemon.pid().context("the daemon does not run")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(key)).context("no such line")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
    Ok(kib / 1_024)
}
