//! `hookswitch what-if`: recorded traffic under another configuration, side by side.

use std::{collections::BTreeSet, path::PathBuf};

use clap::Args;
use hookswitch_journal::Journal as _;
use hookswitch_whatif::{CallbackFigures, QueueFigures, Run};

use super::{Arguments, Outcome, check, journal};
use crate::daemon::what_if::{self, Compared};

/// The traffic and the configuration.
#[derive(Debug, Args)]
#[command(
    after_help = "Every caller follows the record for as long as the engine asks for the same; from then on the call is \
    simulated with its own length and a patience estimated from the record. With the unchanged configuration every \
    decision is the recorded one. The daemon must not run on this journal: stop it, or copy the folder.\n\n\
    Example: hookswitch what-if --journal /var/lib/hookswitch --config new.toml"
)]
pub(crate) struct Options {
    /// The journal's folder
    #[arg(long, value_name = "DIR")]
    journal: PathBuf,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let config = check::load(&arguments.config, arguments.json)?;
    let journal = journal::open(arguments, Some(&options.journal))?;
    let recorded = what_if::read(&journal.reader(), &journal.snapshots(), u64::MAX)?;
    let changed = what_if::run(&recorded, &config)?;
    let compared = what_if::compare(&recorded, &changed, |run| run);
    if arguments.json {
        println!("{}", serde_json::to_string(&compared)?);
    } else {
        print!("{}", text(&compared));
    }
    Ok(())
}

/// Both side by side, for people.
fn text(compared: &Compared<'_, &Run>) -> String {
    let Compared { identical, simulated, handled_otherwise, recorded, changed, .. } = compared;
    let mut text = match identical {
        true => "every decision is the recorded one\n\n".to_owned(),
        false => format!(
            "{simulated} callers left the record; {} calls were handled by somebody else\n\n",
            handled_otherwise.len()
        ),
    };
    let queues: BTreeSet<_> = recorded.figures.queues.keys().chain(changed.figures.queues.keys()).collect();
    let unseen = QueueFigures::default();
    text += &format!("{:<40}{:>14}{:>14}\n", "", "recorded", "changed");
    for queue in queues {
        let both = [recorded, changed].map(|run| run.figures.queues.get(queue).unwrap_or(&unseen));
        text += &table(queue.as_str(), both);
    }
    text += &table("all queues", [&recorded.figures.total, &changed.figures.total]);
    text += &callbacks([&recorded.figures.callbacks, &changed.figures.callbacks]);
    let agents: BTreeSet<_> = recorded.figures.agents.keys().chain(changed.figures.agents.keys()).collect();
    for agent in agents {
        let both = [recorded, changed].map(|run| {
            let figures = run.figures.agents.get(agent);
            (
                figures.map_or(0, |figures| figures.calls),
                percent(figures.and_then(|figures| figures.occupancy)),
            )
        });
        let [(calls, busy), (calls_then, busy_then)] = both;
        text += &row(&format!("agent {agent}, calls"), calls, calls_then);
        text += &row(&format!("agent {agent}, occupancy"), busy, busy_then);
    }
    text
}

/// Nothing, where nobody was to be called back in either run.
fn callbacks([before, after]: [&CallbackFigures; 2]) -> String {
    if [before, after].into_iter().all(|figures| *figures == CallbackFigures::default()) {
        return String::new();
    }
    [
        row("call-backs, promised", before.promised, after.promised),
        row("call-backs, customers dialled", before.dialled, after.dialled),
        row("call-backs, reached", before.reached, after.reached),
        row("call-backs, failed or expired", before.failed, after.failed),
        row("call-backs, taken back", before.cancelled, after.cancelled),
        row("call-backs, mean wait", seconds(before.mean_wait_ms), seconds(after.mean_wait_ms)),
    ]
    .concat()
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

fn table(name: &str, [before, after]: [&QueueFigures; 2]) -> String {
    [
        row(&format!("{name}, offered"), before.offered, after.offered),
        row(&format!("{name}, answered"), before.answered, after.answered),
        row(&format!("{name}, abandoned"), before.abandoned, after.abandoned),
        row(&format!("{name}, left otherwise"), before.left, after.left),
        row(&format!("{name}, mean wait"), seconds(before.mean_wait_ms), seconds(after.mean_wait_ms)),
        row(&format!("{name}, nine in ten within"), seconds(before.p90_wait_ms), seconds(after.p90_wait_ms)),
        row(
            &format!("{name}, longest wait"),
            seconds(before.longest_wait_ms),
            seconds(after.longest_wait_ms),
        ),
        row(&format!("{name}, service level"), percent(before.service_level), percent(after.service_level)),
    ]
    .concat()
}

fn row(name: &str, before: impl std::fmt::Display, after: impl std::fmt::Display) -> String {
    format!("{name:<40}{before:>14}{after:>14}\n")
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}
