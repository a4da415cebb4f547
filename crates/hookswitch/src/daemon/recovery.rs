//! From the journal back to the engine: the last snapshot and the inputs behind it.
//!
//! The engine is a fold over its inputs, so nothing else has to be kept; and what it said then is thrown away now,
//! because it stands in the journal already.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use hookswitch_acd::{Engine, routing::RuleError};
use hookswitch_journal::{Journal, Kind, Record};
use hookswitch_model::{
    Timestamp,
    input::Input,
    pbx::{Fact, PbxEvent},
    setup::{PbxSetup, Setup},
};
use tracing::{info, warn};

use super::records::{self, InputRecord};

/// The engine as it was, and the time of its last input.
pub(super) struct Recovered {
    pub(super) engine: Engine,
    pub(super) last_input: Timestamp,
    /// Since when nothing was seen of any PBX; none for a new engine.
    pub(super) away_since: Option<Timestamp>,
    /// What the engine must know before it decides anything: that no link is up, and the configuration.
    pub(super) first: Vec<Input>,
}

/// Rebuilds the engine, or makes a new one and writes its seed.
pub(super) fn recover(journal: &mut dyn Journal, config: impl Fn(u64) -> Setup) -> anyhow::Result<Recovered> {
    let recovery = journal.recover().context("the journal cannot be read back")?;
    let mut last_input = Timestamp::default();
    for error in &recovery.passed_over {
        warn!(%error, hint = error.hint(), "a snapshot was passed over");
    }
    let from = recovery.snapshot.as_ref().map(|snapshot| snapshot.seq);
    let mut engine = match recovery.snapshot {
        Some(snapshot) => {
            last_input = snapshot.at;
            let state = records::decode(&snapshot.payload)
                .with_context(|| format!("the snapshot at {} is unreadable", snapshot.seq))?;
            Some(
                Engine::restore(state)
                    .map_err(|error| anyhow!("the snapshot at {}: {error}", snapshot.seq))?,
            )
        }
        None => None,
    };
    let mut inputs = 0_u64;
    for entry in recovery.entries {
        let entry = entry.context("the journal cannot be read back")?;
        match entry.record.kind {
            Kind::Setup => {
                let born: Born = records::decode(&entry.record.payload)
                    .with_context(|| format!("the record at {} is unreadable", entry.seq))?;
                engine = Some(new_engine(born.setup, born.seed)?);
            }
            Kind::Input => {
                let record: InputRecord = records::decode(&entry.record.payload)
                    .with_context(|| format!("the input at {} is unreadable", entry.seq))?;
                let engine = engine
                    .as_mut()
                    .with_context(|| format!("an input at {} before any engine", entry.seq))?;
                engine.handle(record.now, record.input);
                while engine.poll_output().is_some() {}
                last_input = record.now;
                inputs += 1;
            }
            Kind::Event | Kind::Action | Kind::Answer => {}
        }
    }
    let Some(engine) = engine else { return begin(journal, config(1)) };
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
    Ok(Recovered { engine, last_input, away_since: Some(last_input), first })
}

/// What a new engine starts from.
#[derive(serde::Serialize, serde::Deserialize)]
struct Born {
    seed: u64,
    setup: Arc<Setup>,
}

fn begin(journal: &mut dyn Journal, setup: Setup) -> anyhow::Result<Recovered> {
    let born = Born { seed: RandomState::new().hash_one("hookswitch"), setup: Arc::new(setup) };
    let engine = new_engine(Arc::clone(&born.setup), born.seed)?;
    let payload = records::encode(&born);
    journal.append(vec![Record { kind: Kind::Setup, at: Timestamp::default(), meta: None, payload }])?;
    let first = vec![Input::Setup(born.setup)];
    Ok(Recovered { engine, last_input: Timestamp::default(), away_since: None, first })
}

fn new_engine(setup: Arc<Setup>, seed: u64) -> anyhow::Result<Engine> {
    Engine::new(setup, seed).map_err(|errors| anyhow!(rules(&errors)))
}

/// Rule errors for people.
pub(crate) fn rules(errors: &[RuleError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
