//! From a caller's arrival at the PBX to the caller's card painted on the agent's screen, 200 agents signed in.

use std::time::Duration;

use hookswitch_tests::desktops::{self, Plan};

/// Ten pages, which a machine of two cores can draw beside the daemon, the PBX and 190 clients. So many callers that no
/// agent would have more than 40 seconds for each.
const PLAN: Plan = Plan { pages: 10, clients: 190, calls_to_page: 15, calls_to_client: 1, per_second: 5 };

/// Pages are called more often than clients, so that there is something to take a percentile of.
pub(crate) fn run() -> anyhow::Result<()> {
    let took = tokio::runtime::Runtime::new()?.block_on(desktops::run(PLAN))?;
    let Plan { pages, clients, per_second, .. } = PLAN;
    println!(
        "\nCaller at the PBX to the agent's screen, {} desktops signed in, {per_second} callers/s, ms",
        pages + clients
    );
    print(&format!("painted, {pages} pages in Chromium"), took.painted);
    print(&format!("arrived, {clients} clients"), took.arrived);
    Ok(())
}

fn print(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    println!(
        "  {what:<32} {} pops   p50 {:.1}   p90 {:.1}   p99 {:.1}   max {:.1}",
        took.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}
