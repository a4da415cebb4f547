//! `hookswitch what-if`: recorded traffic under another configuration, side by side.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use hookswitch_acd::Snapshot as EngineState;
use hookswitch_journal::{Journal, Kind, Limit};
use hookswitch_whatif::{CallbackFigures, QueueFigures, Recorded, Recording, Run};
use serde::Serialize;

use super::{Arguments, Outcome, check, journal};
use crate::daemon::{
    records::{self, InputRecord},
    recovery::{Beginning, Fold},
};

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

/// Both runs.
#[derive(Debug, Serialize)]
struct Compared<'a> {
    /// Every decision is the recorded one.
    identical: bool,
    /// Callers of whom something else was decided, and who were simulated from there on.
    simulated: u64,
    /// Calls handled by somebody else.
    handled_otherwise: Vec<Otherwise<'a>>,
    recorded: &'a Run,
    changed: &'a Run,
}

#[derive(Debug, Serialize)]
struct Otherwise<'a> {
    call: &'a str,
    recorded: Vec<&'a str>,
    changed: Vec<&'a str>,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let config = check::load(&arguments.config, arguments.json)?;
    let recorded = read(&journal::open(arguments, Some(&options.journal))?)?;
    let changed =
        recorded.under(&config.setup(recorded.setup().version)).map_err(|error| anyhow!("{error}"))?;
    let compared = compare(recorded.run(), &changed);
    if arguments.json {
        println!("{}", serde_json::to_string(&compared)?);
    } else {
        print!("{}", text(&compared));
    }
    Ok(())
}

/// The journal from its oldest state on. Behind a gap in it the record begins anew.
fn read(journal: &dyn Journal) -> anyhow::Result<Recorded> {
    let (reader, snapshots) = (journal.reader(), journal.snapshots());
    let mut recording = None;
    let mut after = 0;
    if reader.oldest() > 1 {
        let oldest = reader.oldest();
        let first = snapshots.sequences().into_iter().find(|seq| seq + 1 >= oldest);
        let first = first.context("neither the first record nor a snapshot to begin from is there")?;
        let snapshot = snapshots.load(first).context("a snapshot does not read")?;
        let fold = Fold::from_snapshot(&snapshot)?;
        let engine = fold.engine().context("a snapshot without an engine")?;
        recording = Some(begin(engine.snapshot())?);
        after = first;
    }
    while after < reader.last() {
        let page = reader.read(after, Limit::default())?;
        for entry in page.iter() {
            let payload = &entry.record.payload;
            match entry.record.kind {
                Kind::Setup => {
                    let beginning: Beginning = records::decode(payload)?;
                    recording = Some(begin(beginning.engine()?.snapshot())?);
                }
                Kind::Input => {
                    let InputRecord { now, input } = records::decode(payload)?;
                    recording.as_mut().context("an input before any engine")?.input(now, input);
                }
                Kind::Event | Kind::Action | Kind::Answer | Kind::Audit => {}
            }
        }
        after = page.through();
    }
    Ok(recording.context("the journal is empty")?.finish())
}

fn begin(state: EngineState) -> anyhow::Result<Recording> {
    Recording::begin(state).map_err(|error| anyhow!("{error}"))
}

fn compare<'a>(recorded: &'a Run, changed: &'a Run) -> Compared<'a> {
    let calls: BTreeSet<_> = recorded.handled_by.keys().chain(changed.handled_by.keys()).collect();
    let names = |run: &'a Run, call| -> Vec<&'a str> {
        run.handled_by.get(call).into_iter().flatten().map(|agent| agent.as_str()).collect()
    };
    let otherwise = calls.into_iter().map(|call| Otherwise {
        call: call.as_str(),
        recorded: names(recorded, call),
        changed: names(changed, call),
    });
    Compared {
        identical: recorded.decisions == changed.decisions,
        simulated: changed.simulated,
        handled_otherwise: otherwise.filter(|call| call.recorded != call.changed).collect(),
        recorded,
        changed,
    }
}

/// Both side by side, for people.
fn text(compared: &Compared<'_>) -> String {
    let Compared { identical, simulated, handled_otherwise, recorded, changed } = compared;
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
