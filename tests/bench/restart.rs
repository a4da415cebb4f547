//! A start after a million records, killed without a farewell.

use std::{
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::ensure;
use hookswitch_tests::daemon::Daemon;

use crate::{pbx, stream::Stream};

const RECORDS: u64 = 1_000_000;

/// Fills a journal, kills the daemon, and takes the time until it is ready again.
pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(restart())
}

async fn restart() -> anyhow::Result<()> {
    let stream = Stream::load()?;
    let told = AtomicBool::new(false);
    let port = pbx::serve(move |mut socket| {
        if !told.swap(true, Ordering::Relaxed) {
            // Until the daemon is killed.
            (0..).try_for_each(|round| socket.write_all(&stream.round(round)))?;
        }
        // Open until the daemon goes.
        std::io::Read::read(&mut socket, &mut [0]).map(drop)
    })?;
    let mut daemon = Daemon::start(&pbx::configuration(port)).await?;
    let begun = Instant::now();
    let records = loop {
        let calls = daemon.api().get("/v1/calls").await?;
        let records: u64 = calls["sequence"].as_str().unwrap_or_default().parse()?;
        if records >= RECORDS {
            break records;
        }
        ensure!(begun.elapsed() < Duration::from_secs(600), "only {records} records");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    daemon.kill().await?;
    let begun = Instant::now();
    daemon.launch().await?;
    let took = begun.elapsed();
    println!(
        "\nStart after a kill, {records} records in the journal\n  ready in {:.2} s",
        took.as_secs_f64()
    );
    ensure!(took < Duration::from_secs(5), "more than 5 s");
    daemon.stop().await?;
    Ok(())
}
