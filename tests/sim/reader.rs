//! Readers of the stream, outside the daemon: they outlive it, resume by their cursor and check the chain of `prev`.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use hookswitch_journal::Reader as Journal;
use hookswitch_publish::{Filter, Frame, Hub, Subscription};
use hookswitch_sim::Random;
use serde_json::Value;

/// One reader.
pub(crate) struct Reader {
    name: &'static str,
    filter: Filter,
    subscription: Option<Subscription>,
    /// The last sequence read; none: it has never connected.
    cursor: Option<u64>,
    /// Where it resumes after it was gone: older than the cursor for one that notes it only now and then.
    noted: Option<u64>,
    /// Events between two notes.
    note_every: u64,
    /// Turns in a thousand that it reads at all.
    diligence: u64,
    unnoted: u64,
    /// By sequence: the id.
    pub(crate) seen: BTreeMap<u64, String>,
    /// By id: the sequence.
    ids: BTreeMap<String, u64>,
    /// Events that came once more, with an id that was known.
    pub(crate) repeated: u64,
    /// Breaks that were admitted.
    pub(crate) gaps: u64,
    pub(crate) wrong: Vec<String>,
    chance: Random,
}

impl Reader {
    /// A reader that notes its cursor after every `note_every` events and looks in `diligence` turns of a thousand.
    pub(crate) fn new(
        name: &'static str,
        filter: Filter,
        note_every: u64,
        diligence: u64,
        seed: u64,
    ) -> Self {
        Self {
            name,
            filter,
            subscription: None,
            cursor: None,
            noted: None,
            note_every,
            diligence,
            unnoted: 0,
            seen: BTreeMap::new(),
            ids: BTreeMap::new(),
            repeated: 0,
            gaps: 0,
            wrong: Vec::new(),
            chance: Random::new(seed),
        }
    }

    /// The daemon is there (again): resumes. The first time it begins with the oldest event.
    pub(crate) fn connect(&mut self, journal: &Journal) {
        let after = self.noted.unwrap_or(0);
        self.cursor = Some(after);
        self.subscription = Some(Hub::new(journal.clone()).subscribe(Some(after), self.filter.clone()));
    }

    /// Whether its filter lets events of this type through.
    pub(crate) fn wants(&self, kind: &str) -> bool {
        self.name != "filtered" || kind.starts_with("call.")
    }

    /// The connection is gone.
    pub(crate) fn disconnect(&mut self) {
        self.subscription = None;
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.subscription.is_some()
    }

    /// Reads what is there, if it looks at all.
    pub(crate) fn turn(&mut self) {
        if self.chance.chance(self.diligence) {
            self.catch_up();
        }
    }

    /// Reads all there is.
    pub(crate) fn catch_up(&mut self) {
        while let Some(subscription) = &mut self.subscription {
            match subscription.next_batch().now_or_never() {
                None => return,
                Some(Ok(frames)) => frames.iter().for_each(|frame| self.frame(frame)),
                Some(Err(closed)) => {
                    self.wrong.push(format!("{}: closed: {closed}", self.name));
                    self.subscription = None;
                }
            }
        }
    }

    fn frame(&mut self, frame: &Frame) {
        let event: Value = serde_json::from_slice(&frame.json).expect("frames are JSON");
        let text = |key: &str| event[key].as_str().unwrap_or_default();
        if frame.type_name == "stream.hello" {
            return;
        }
        if frame.is_gap() {
            self.gaps += 1;
            self.cursor = frame.sequence;
            return;
        }
        // What has no place in the stream is a word beside it.
        let Some(sequence) = frame.sequence else { return };
        let prev = text("prev").parse::<u64>().ok();
        if prev != self.cursor {
            self.wrong.push(format!(
                "{}: silent gap: the event at {sequence} follows {prev:?}, {:?} was read before",
                self.name, self.cursor
            ));
        }
        self.cursor = Some(sequence);
        self.unnoted += 1;
        if self.unnoted >= self.note_every {
            self.unnoted = 0;
            self.noted = self.cursor;
        }
        let id = text("id").to_owned();
        match self.ids.insert(id.clone(), sequence) {
            Some(before) if before == sequence => {
                self.repeated += 1;
                if self.seen.get(&sequence) != Some(&id) {
                    self.wrong.push(format!("{}: another event at {sequence} than before", self.name));
                }
                return;
            }
            Some(before) => {
                self.wrong.push(format!("{}: event {id} stands at {before} and {sequence}", self.name));
            }
            None => {}
        }
        if let Some(other) = self.seen.insert(sequence, id.clone()) {
            self.wrong.push(format!("{}: at {sequence} stood {other}, now {id}", self.name));
        }
    }
}
