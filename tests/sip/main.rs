//! Hookswitch as the PBX: what other people's SIP sees of it.
//!
//! The stories of `tests/stories` are played on it as on any other PBX. Here is what only SIP can get wrong.

mod baresip;
mod demo;
mod direct;
mod faults;
mod life;
mod many;
mod office;
mod peers;
mod phones;
mod proxy;
mod raw;
mod restart;
mod scans;
mod watch;
mod wire;

use libtest_mimic::{Arguments, Failed, Trial};

/// Played side by side, unless the command line says otherwise: each mostly waits.
const AT_A_TIME: usize = 6;

fn main() {
    let mut arguments = Arguments::from_args();
    install();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let mut trials = raw::trials();
    trials.extend(life::trials());
    trials.extend(restart::trials());
    trials.extend(direct::trials());
    trials.extend(peers::trials());
    trials.extend(watch::trials());
    trials.extend(wire::trials());
    trials.extend(phones::trials());
    trials.extend(proxy::trials());
    trials.extend(scans::trials());
    trials.extend(demo::trials());
    trials.extend(many::trials());
    let faults = faults::FAULTS
        .iter()
        .map(|fault| Trial::test(format!("faults::{}", fault.name), || block_on(faults::play(fault))));
    trials.extend(faults);
    libtest_mimic::run(&arguments, trials).exit();
}

/// Installs other people's software that is missing. Where it cannot be had, the tests that need it say so.
fn install() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/sip/peers.sh");
    // The script has said what is missing.
    let _ = std::process::Command::new(script).status();
}

/// Plays one test.
pub(crate) fn block_on(test: impl Future<Output = anyhow::Result<()>>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(test).map_err(|error| Failed::from(format!("{error:?}")))
}
