//! Recorded traffic under another configuration: the journal read, both runs compared.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use hookswitch_acd::Snapshot as EngineState;
use hookswitch_config::Config;
use hookswitch_http::Unusable;
use hookswitch_journal::{Kind, Limit, Reader, Snapshots};
use hookswitch_model::setup::Setup;
use hookswitch_whatif::{Figures, Recorded, Recording, Run};
use hookswitch_wire::Time;
use serde::Serialize;
use tokio::sync::Semaphore;
use tracing::warn;

use super::{
    records::{self, InputRecord},
    recovery::{Beginning, Fold},
};

/// So many records are run again for a request at most: a run holds them in memory.
const MOST: u64 = 200_000;

/// Both runs.
#[derive(Debug, Serialize)]
pub(crate) struct Compared<'a, Side> {
    /// The first moment of the record.
    pub(crate) from: Time,
    /// The last.
    pub(crate) to: Time,
    /// Every decision is the recorded one.
    pub(crate) identical: bool,
    /// Callers of whom something else was decided, and who were simulated from there on.
    pub(crate) simulated: u64,
    /// Calls handled by somebody else.
    pub(crate) handled_otherwise: Vec<Otherwise<'a>>,
    pub(crate) recorded: Side,
    pub(crate) changed: Side,
}

/// A call that somebody else handled.
#[derive(Debug, Serialize)]
pub(crate) struct Otherwise<'a> {
    call: &'a str,
    recorded: Vec<&'a str>,
    changed: Vec<&'a str>,
}

/// A run without its single decisions.
#[derive(Debug, Serialize)]
struct InFigures<'a> {
    figures: &'a Figures,
}

/// Runs the record again under this configuration. What the daemon knows of customers by itself, it knows there, too.
pub(crate) fn run(recorded: &Recorded, config: &Config) -> anyhow::Result<Run> {
    let setup = config.setup(recorded.setup().version);
    let setup = Setup { lookup: setup.lookup.or(recorded.setup().lookup), ..setup };
    recorded.under(&setup).map_err(|error| anyhow!("{error}"))
}

/// Both side by side, each as `side` shows it.
pub(crate) fn compare<'a, Side>(
    recorded: &'a Recorded,
    changed: &'a Run,
    side: impl Fn(&'a Run) -> Side,
) -> Compared<'a, Side> {
    let ((from, to), was) = (recorded.span(), recorded.run());
    let calls: BTreeSet<_> = was.handled_by.keys().chain(changed.handled_by.keys()).collect();
    let names = |run: &'a Run, call| -> Vec<&'a str> {
        run.handled_by.get(call).into_iter().flatten().map(|agent| agent.as_str()).collect()
    };
    let otherwise = calls.into_iter().map(|call| Otherwise {
        call: call.as_str(),
        recorded: names(was, call),
        changed: names(changed, call),
    });
    Compared {
        from: Time(from),
        to: Time(to),
        identical: was.decisions == changed.decisions,
        simulated: changed.simulated,
        handled_otherwise: otherwise.filter(|call| call.recorded != call.changed).collect(),
        recorded: side(was),
        changed: side(changed),
    }
}

/// The journal from its oldest state on that leaves no more than `most` records to read. Behind a gap in it the record
/// begins anew.
///
/// # Errors
/// A journal that does not read, or in which there is nothing to begin from.
pub(crate) fn read(reader: &Reader, snapshots: &Snapshots, most: u64) -> anyhow::Result<Recorded> {
    let (mut recording, mut after) = (None, 0);
    let (oldest, last) = (reader.oldest(), reader.last());
    if oldest > 1 || last > most {
        let mut kept = snapshots.sequences().into_iter().filter(|seq| seq + 1 >= oldest);
        let first = kept.find(|seq| last - seq.min(&last) <= most);
        let first = first.context("there is no state to begin from that is not too long ago")?;
        let fold = Fold::from_snapshot(&snapshots.load(first).context("a snapshot does not read")?)?;
        let engine = fold.engine().context("a snapshot without an engine")?;
        recording = Some(begin(engine.snapshot())?);
        after = first;
    }
    while after < last {
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

/// Answers requests, one at a time: a run takes a processor and memory that calls need, too.
#[derive(Debug)]
pub(super) struct WhatIf {
    reader: Reader,
    snapshots: Snapshots,
    turn: Arc<Semaphore>,
}

impl WhatIf {
    pub(super) fn new(reader: Reader, snapshots: Snapshots) -> Self {
        Self { reader, snapshots, turn: Arc::new(Semaphore::new(1)) }
    }

    /// The figures of both runs, as JSON.
    pub(super) async fn answer(&self, config: Config) -> Result<Bytes, Unusable> {
        let turn = Arc::clone(&self.turn).try_acquire_owned().map_err(|_| Unusable::Busy)?;
        let (reader, snapshots) = (self.reader.clone(), self.snapshots.clone());
        let running = tokio::task::spawn_blocking(move || {
            // Kept although nobody may wait for the answer any more: the run goes on all the same.
            let _turn = turn;
            let recorded = read(&reader, &snapshots, MOST)?;
            let changed = run(&recorded, &config)?;
            let compared = compare(&recorded, &changed, |run| InFigures { figures: &run.figures });
            Ok(serde_json::to_vec(&compared)?.into())
        });
        let answer = running.await.unwrap_or_else(|error| Err(error.into()));
        answer.map_err(|error: anyhow::Error| {
            warn!(error = format!("{error:#}"), "no what-if was made");
            let hint = "`hookswitch what-if` on a copy of the journal's folder has no bounds".to_owned();
            Unusable::Asked { why: format!("{error:#}"), hint }
        })
    }
}
