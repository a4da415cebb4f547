//! From the journal back to the engine: the last snapshot and the inputs behind it.
//!
//! The engine is a fold over its inputs, so nothing else has to be kept; and what it said then is thrown away now,
//! because it stands in the journal already.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use hookswitch_acd::{Engine, Snapshot as EngineState, routing::RuleError};
use hookswitch_journal::{Entry, Journal, Kind, Record, Snapshot};
use hookswitch_model::{
    Timestamp,
    input::{Input, Output},
    pbx::{Fact, PbxAction, PbxEvent},
    setup::{PbxSetup, Setup},
};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::records::{self, InputRecord};

/// The engine as it was, and what was on its way.
pub(super) struct Recovered {
    pub(super) engine: Engine,
    /// Actions whose result is not known, in the order they were asked for.
    pub(super) open: Vec<PbxAction>,
    pub(super) last_input: Timestamp,
    /// Since when nothing was seen of any PBX; none for a new engine.
    pub(super) away_since: Option<Timestamp>,
    /// What the engine must know before it decides anything: that no link is up, and the configuration.
    pub(super) first: Vec<Input>,
}

/// What an engine begins from, as a record of kind `Setup`: a seed and a configuration, or the state of an engine
/// whose inputs were given up because the journal had no room.
#[derive(Serialize, Deserialize)]
pub(crate) struct Beginning {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    setup: Option<Arc<Setup>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Box<EngineState>>,
}

impl Beginning {
    /// A new engine.
    pub(crate) const fn new(setup: Arc<Setup>, seed: u64) -> Self {
        Self { seed: Some(seed), setup: Some(setup), state: None }
    }

    /// The same engine, on the other side of a hole in the journal.
    pub(crate) fn again(engine: &Engine) -> Self {
        Self { seed: None, setup: None, state: Some(Box::new(engine.snapshot())) }
    }

    /// The engine that begins here.
    pub(crate) fn engine(self) -> anyhow::Result<Engine> {
        match self {
            Self { state: Some(state), .. } => Engine::restore(*state).map_err(|error| anyhow!("{error}")),
            Self { setup: Some(setup), seed: Some(seed), state: None } => {
                Engine::new(setup, seed).map_err(|errors| anyhow!(rules(&errors)))
            }
            Self { .. } => Err(anyhow!("neither a state nor a seed with its configuration")),
        }
    }
}

/// What a snapshot holds beside the engine: actions of which the PBX had not said what became of them.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    engine: EngineState,
    open: Vec<PbxAction>,
}

impl Kept {
    pub(crate) fn of(engine: &Engine, open: &[PbxAction]) -> Self {
        Self { engine: engine.snapshot(), open: open.to_vec() }
    }

    /// Reads it, also as it was written before actions were kept: the engine alone.
    fn read(payload: &[u8]) -> Result<Self, records::RecordError> {
        records::decode(payload).or_else(|_| Ok(Self { engine: records::decode(payload)?, open: Vec::new() }))
    }
}

/// The engine as a fold over the journal: a snapshot or nothing, then entry after entry.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    engine: Option<Engine>,
    open: Vec<PbxAction>,
    last_input: Timestamp,
    inputs: u64,
}

impl Fold {
    /// From a snapshot of the journal.
    pub(crate) fn from_snapshot(snapshot: &Snapshot) -> anyhow::Result<Self> {
        let of = || format!("the snapshot at {} is unreadable", snapshot.seq);
        let kept = Kept::read(&snapshot.payload).with_context(of)?;
        let engine = Engine::restore(kept.engine).map_err(|error| anyhow!("{error}")).with_context(of)?;
        Ok(Self { engine: Some(engine), open: kept.open, last_input: snapshot.at, inputs: 0 })
    }

    /// The next entry. What the engine says to an input goes to `said`.
    pub(crate) fn entry(&mut self, entry: &Entry, mut said: impl FnMut(Output)) -> anyhow::Result<()> {
        let unreadable = || format!("the record at {} is unreadable", entry.seq);
        let payload = &entry.record.payload;
        match entry.record.kind {
            Kind::Setup => {
                let beginning: Beginning = records::decode(payload).with_context(unreadable)?;
                self.engine = Some(beginning.engine().with_context(unreadable)?);
                // What was open before is unknown now as well.
                self.open.clear();
            }
            Kind::Input => {
                let record: InputRecord = records::decode(payload).with_context(unreadable)?;
                if let Input::Pbx(event) = &record.input
                    && let Fact::ActionResult { action, .. } = &event.fact
                {
                    self.open.retain(|open| open.id != *action);
                }
                let engine = self
                    .engine
                    .as_mut()
                    .with_context(|| format!("an input at {} before any engine", entry.seq))?;
                engine.handle(record.now, record.input);
                while let Some(output) = engine.poll_output() {
                    if let Output::Action(action) = &output {
                        self.open.push(action.clone());
                    }
                    said(output);
                }
                self.last_input = record.now;
                self.inputs += 1;
                if self.inputs.is_multiple_of(1_024) {
                    let now = record.now;
                    self.open.retain(|action| action.expires_at >= now);
                }
            }
            Kind::Event | Kind::Action | Kind::Answer | Kind::Audit => {}
        }
        Ok(())
    }

    /// The engine so far; none before the first entry.
    pub(crate) const fn engine(&self) -> Option<&Engine> {
        self.engine.as_ref()
    }
}

/// Rebuilds the engine, or makes a new one with this seed and writes what it begins from.
pub(super) fn recover(
    journal: &mut dyn Journal,
    config: impl Fn(u64) -> Setup,
    seed: u64,
) -> anyhow::Result<Recovered> {
    let recovery = journal.recover().context("the journal cannot be read back")?;
    for error in &recovery.passed_over {
        warn!(%error, hint = error.hint(), "a snapshot was passed over");
    }
    let from = recovery.snapshot.as_ref().map(|snapshot| snapshot.seq);
    let mut fold = recovery.snapshot.as_ref().map(Fold::from_snapshot).transpose()?.unwrap_or_default();
    for entry in recovery.entries {
        fold.entry(&entry.context("the journal cannot be read back")?, drop)?;
    }
    let Fold { engine: Some(engine), open, last_input, inputs } = fold else {
        return begin(journal, config(1), seed);
    };
    info!(inputs, snapshot = from, "state rebuilt from the journal");
    let setup = engine.setup();
    let down = |pbx: &PbxSetup| {
        let fact = Fact::LinkDown { reason: "the daemon was not running".to_owned() };
        Input::Pbx(Box::new(PbxEvent { pbx: pbx.name.clone(), at: last_input, recovered: false, fact }))
    };
    let mut first: Vec<Input> = setup.pbxs.iter().map(down).collect();
    if *setup != config(setup.version) {
        first.push(Input::Setup(Arc::new(config(setup.version + 1))));
    }
    Ok(Recovered { engine, open, last_input, away_since: Some(last_input), first })
}

fn begin(journal: &mut dyn Journal, setup: Setup, seed: u64) -> anyhow::Result<Recovered> {
    let setup = Arc::new(setup);
    let beginning = Beginning::new(Arc::clone(&setup), seed);
    let payload = records::encode(&beginning);
    let engine = beginning.engine()?;
    journal.append(&mut vec![Record { kind: Kind::Setup, at: Timestamp::default(), meta: None, payload }])?;
    let first = vec![Input::Setup(setup)];
    let last_input = Timestamp::default();
    Ok(Recovered { engine, open: Vec::new(), last_input, away_since: None, first })
}

/// Rule errors for people.
pub(crate) fn rules(errors: &[RuleError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
