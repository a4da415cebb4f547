//! The engine as a fold over the journal: the same inputs give the same outputs, bit for bit.

use std::sync::Arc;

use bytes::Bytes;
use hookswitch_acd::{Engine, Snapshot};
use hookswitch_journal::{Entry, Kind, Limit, Reader};
use hookswitch_model::{
    Timestamp,
    input::{Input, Output},
    setup::Setup,
};
use serde::{Deserialize, Serialize};

/// A record of the daemon's own.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    body: T,
}

#[derive(Serialize, Deserialize)]
struct Given {
    now: Timestamp,
    input: Input,
}

#[derive(Deserialize)]
struct Begun {
    seed: Option<u64>,
    setup: Option<Arc<Setup>>,
    state: Option<Box<Snapshot>>,
}

/// Where a replay of the whole journal says otherwise than the journal, or ends in another state than this engine.
pub(crate) fn differences(journal: &Reader, engine: &Engine) -> Vec<String> {
    let mut replay = Replay { engine: None, twin: None, due: Vec::new(), wrong: Vec::new(), inputs: 0 };
    let mut after = 0;
    loop {
        let page = journal.read(after, Limit::default()).expect("memory reads");
        if page.is_empty() {
            break;
        }
        for entry in page.iter() {
            replay.entry(entry);
        }
        after = page.through();
    }
    if let Some(replayed) = &replay.engine {
        let state = |engine: &Engine| serde_json::to_string(&engine.snapshot()).expect("a state is JSON");
        if state(replayed) != state(engine) {
            replay.wrong.push(format!("after {} inputs the state is another", replay.inputs));
        }
        if replay.twin.as_ref().is_some_and(|twin| state(twin) != state(engine)) {
            replay.wrong.push("a snapshot and the inputs behind it give another state".to_owned());
        }
    }
    replay.wrong.truncate(5);
    replay.wrong
}

struct Replay {
    engine: Option<Engine>,
    /// Restored from a snapshot on the way: it must not differ.
    twin: Option<Engine>,
    /// What the engine said and the journal has not shown yet.
    due: Vec<Said>,
    wrong: Vec<String>,
    inputs: u64,
}

enum Said {
    Event(hookswitch_model::event::Event),
    Action(Bytes),
}

impl Replay {
    fn entry(&mut self, entry: &Entry) {
        let payload = &entry.record.payload;
        match entry.record.kind {
            Kind::Setup => {
                let begun: Versioned<Begun> = serde_json::from_slice(payload).expect("a beginning");
                self.engine = Some(begun.body.engine());
                (self.twin, self.due) = (None, Vec::new());
            }
            Kind::Input => {
                if !self.due.is_empty() {
                    self.wrong.push(format!("{} outputs are missing before {}", self.due.len(), entry.seq));
                    self.due.clear();
                }
                let given: Versioned<Given> = serde_json::from_slice(payload).expect("an input");
                self.input(given.body);
            }
            Kind::Event | Kind::Action => self.output(entry),
            Kind::Answer | Kind::Audit => {}
        }
    }

    fn input(&mut self, given: Given) {
        self.inputs += 1;
        let Some(engine) = &mut self.engine else { return };
        if self.inputs % 128 == 37 {
            let state = serde_json::to_vec(&engine.snapshot()).expect("a state is JSON");
            let state = serde_json::from_slice(&state).expect("a state comes back");
            self.twin = Some(Engine::restore(state).expect("its own state"));
        }
        if let Some(twin) = &mut self.twin {
            twin.handle(given.now, given.input.clone());
            while twin.poll_output().is_some() {}
        }
        engine.handle(given.now, given.input);
        while let Some(output) = engine.poll_output() {
            match output {
                Output::Event(event) => self.due.push(Said::Event(event)),
                Output::Action(action) => {
                    let json =
                        serde_json::to_vec(&Versioned { v: 1, body: action }).expect("an action is JSON");
                    self.due.push(Said::Action(json.into()));
                }
                Output::Answer(_) | Output::LookUp(_) => {}
            }
        }
    }

    fn output(&mut self, entry: &Entry) {
        if self.due.is_empty() {
            // A gap that the daemon tells itself is no output of the engine.
            if !entry.record.payload.starts_with(b"{\"specversion\"") || !tells_a_gap(&entry.record.payload) {
                self.wrong.push(format!("the entry at {} comes of no input", entry.seq));
            }
            return;
        }
        let same = match self.due.remove(0) {
            Said::Event(event) => {
                entry.record.payload == hookswitch_wire::encode(&event, entry.seq, None).json
            }
            Said::Action(json) => entry.record.payload == json,
        };
        if !same {
            self.wrong.push(format!("the entry at {} is another when it is replayed", entry.seq));
        }
    }
}

fn tells_a_gap(json: &[u8]) -> bool {
    let event: serde_json::Value = serde_json::from_slice(json).unwrap_or_default();
    event["type"] == "invariant.violated"
}

impl Begun {
    fn engine(self) -> Engine {
        match (self.state, self.setup, self.seed) {
            (Some(state), _, _) => Engine::restore(*state).expect("its own state"),
            (None, Some(setup), Some(seed)) => Engine::new(setup, seed).expect("the rules compile"),
            (None, _, _) => panic!("neither a state nor a seed with its configuration"),
        }
    }
}
