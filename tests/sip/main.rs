//! Hookswitch as the PBX: what other people's SIP sees of it.
//!
//! The stories of `tests/stories` are played on it as on any other PBX. Here is what only SIP can get wrong.

mod faults;
mod life;
mod office;
mod peers;
mod raw;

use libtest_mimic::{Arguments, Failed, Trial};

/// Played side by side, unless the command line says otherwise: each mostly waits.
const AT_A_TIME: usize = 6;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let mut trials = raw::trials();
    trials.extend(life::trials());
    trials.extend(peers::trials());
    let faults = faults::FAULTS
        .iter()
        .map(|fault| Trial::test(format!("faults::{}", fault.name), || block_on(faults::play(fault))));
    trials.extend(faults);
    libtest_mimic::run(&arguments, trials).exit();
}

/// Plays one test.
pub(crate) fn block_on(test: impl Future<Output = anyhow::Result<()>>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(test).map_err(|error| Failed::from(format!("{error:?}")))
}
