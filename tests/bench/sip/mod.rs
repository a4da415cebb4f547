//! Hookswitch as the PBX: what a call costs beside Kamailio, queued calls, memory of those who wait.
//!
//! What is measured is the processor time of the servers, which a machine busy with SIPp and others does not change much.

mod server;
mod sipp;

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use hookswitch_tests::{daemon::Daemon, ports::free_port};

use self::{
    server::{DIRECT, Kamailio, Places, QUEUED, WAITING},
    sipp::{Called, Load},
};

/// Calls a second that both servers carry easily.
const EASY: u32 = 400;
/// And at which calls share more of what a server does for several at once.
const BUSY: u32 = 800;
/// How long a load lasts.
const SECONDS: u32 = 8;
/// Rounds, after one that is not counted: what a server does later for the calls of one round falls into the next.
const ROUNDS: u32 = 4;
/// Rates that are tried, calls a second, until one is too much.
const RATES: [u32; 8] = [250, 500, 750, 1_000, 1_250, 1_500, 2_000, 2_500];
/// Callers who wait at once.
const WAITERS: u32 = 10_000;

/// Once the servers are compared, then only Hookswitch can do it.
pub(crate) fn run() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        equal().await?;
        queued().await?;
        waiting().await
    })
}

fn places() -> Places {
    let at = |last| SocketAddr::from(([127, 0, 0, last], free_port()));
    Places { callers: at(2), server: at(1), phones: at(3) }
}

fn used(daemon: &Daemon) -> Result<Duration> {
    server::used(daemon.pid().context("the daemon does not run")?)
}

/// Microseconds of processor a call.
fn each(used: Duration, calls: u32) -> f64 {
    used.as_secs_f64() * 1e6 / f64::from(calls)
}

/// INVITE, 180, 200, ACK, BYE put through without a queue, by turns.
async fn equal() -> Result<()> {
    let (theirs, ours) = (places(), places());
    let (kamailio, mut daemon) = (Kamailio::start(&theirs).await?, server::hookswitch(&ours).await?);
    let _phones = (sipp::answer(theirs.phones).await?, sipp::answer(ours.phones).await?);
    for rate in [EASY, BUSY] {
        println!("\nA call put through, INVITE to BYE over UDP, {rate} calls/s, CPU of the server");
        let load = Load { number: DIRECT, rate, calls: rate * SECONDS };
        let begun = async || -> Result<_> {
            all_completed(&sipp::call(theirs.callers, theirs.server, load).await?, "Kamailio")?;
            all_completed(&sipp::call(ours.callers, ours.server, load).await?, "Hookswitch")?;
            Ok((kamailio.used()?, used(&daemon)?))
        };
        let first = begun().await?;
        let mut last = first;
        for _ in 0..ROUNDS {
            let now = begun().await?;
            println!(
                "  Kamailio {:>4.0} µs   Hookswitch {:>4.0} µs",
                each(now.0 - last.0, load.calls),
                each(now.1 - last.1, load.calls)
            );
            last = now;
        }
        let calls = load.calls * ROUNDS;
        let (theirs, ours) = (each(last.0 - first.0, calls), each(last.1 - first.1, calls));
        println!("  all      {theirs:>4.0} µs   all        {ours:>4.0} µs   ratio {:.2}", ours / theirs);
    }
    kamailio.stop().await?;
    daemon.stop().await?;
    Ok(())
}

/// A machine busy with others loses one or the other datagram too often.
fn all_completed(called: &Called, by: &str) -> Result<()> {
    let Called { completed, failed, repeated, .. } = called;
    ensure!(*failed <= completed / 100, "{by}: {completed} calls completed, {failed} not");
    if failed + repeated > 0 {
        println!("  ({by}: {failed} calls not completed, {repeated} messages repeated)");
    }
    Ok(())
}

/// INVITE, queue, offer to an agent who answers at once, BYE: faster and faster.
async fn queued() -> Result<()> {
    let places = places();
    let mut daemon = server::hookswitch(&places).await?;
    let _phones = sipp::answer(places.phones).await?;
    println!("\nA call queued and connected to an agent, INVITE to BYE, durable, CPU of the server");
    for rate in RATES {
        let before = used(&daemon)?;
        let load = Load { number: QUEUED, rate, calls: rate * SECONDS };
        let called = sipp::call(places.callers, places.server, load).await?;
        let cost = each(used(&daemon)? - before, called.completed);
        println!(
            "  {rate:>4} calls/s: {:>4.0}/s completed, {} failed, {} messages repeated, {cost:.0} µs a call, {:.0} calls/s a core",
            called.rate(),
            called.failed,
            called.repeated,
            1e6 / cost
        );
        if called.failed > 0 || called.repeated > called.completed / 100 {
            break;
        }
    }
    daemon.stop().await?;
    Ok(())
}

/// Callers who wait, and nobody serves them.
async fn waiting() -> Result<()> {
    let places = places();
    let mut daemon = server::hookswitch(&places).await?;
    let idle = memory(&daemon)?;
    let load = Load { number: WAITING, rate: EASY, calls: WAITERS };
    let callers = sipp::wait(places.callers, places.server, load).await?;
    let begun = std::time::Instant::now();
    while waits(&daemon).await? < WAITERS {
        ensure!(begun.elapsed() < Duration::from_secs(180), "not all callers wait");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let grown = memory(&daemon)?.saturating_sub(idle);
    println!("\n{WAITERS} callers wait: {:.1} KiB each", grown as f64 / f64::from(WAITERS));
    drop(callers);
    daemon.kill().await
}

async fn waits(daemon: &Daemon) -> Result<u32> {
    let queue = daemon.api().get("/v1/queues/nobody").await?;
    let waiting = queue["waiting"].as_u64().context("a queue says how many wait")?;
    Ok(u32::try_from(waiting)?)
}

/// KiB that are resident.
fn memory(daemon: &Daemon) -> Result<u64> {
    let pid = daemon.pid().context("the daemon does not run")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).context("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("no figure")?.parse()?)
}
