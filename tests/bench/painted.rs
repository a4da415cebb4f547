//! From a caller's arrival at the PBX, and from the ringing of the agent's phone, to the caller's card painted on the
//! agent's screen, 200 agents signed in.

use std::time::Duration;

use hookswitch_tests::desktops::{self, Plan, Pop};

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
    print(&format!("painted, {pages} pages in Chromium"), &took.painted);
    print(&format!("arrived, {clients} clients"), &took.arrived);
    Ok(())
}

fn print(what: &str, took: &[Pop]) {
    println!("  {what}: {} pops", took.len());
    line("since the phone rings", took.iter().map(|pop| pop.since_ring));
    line("since the call came in", took.iter().map(|pop| pop.since_arrival));
}

fn line(since: &str, took: impl Iterator<Item = Duration>) {
    let mut took: Vec<f64> = took.map(|took| took.as_secs_f64() * 1_000.0).collect();
    took.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(at);
    println!("    {since:<24} p50 {p50:.1}   p90 {p90:.1}   p99 {p99:.1}   max {max:.1}");
}
