//! `hookswitch replay`: the journal's inputs through the engine again, and every decision compared with the recorded.

use std::{collections::VecDeque, path::PathBuf};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use clap::Args;
use hookswitch_acd::Engine;
use hookswitch_journal::{Entry, Journal, Kind, Limit, Meta, Snapshot};
use hookswitch_model::{
    event::{Event, EventKind},
    input::Output,
};
use serde::{Deserialize, Serialize};

use super::{Arguments, Failure, Outcome, journal};
use crate::daemon::{records, recovery::Fold};

/// What to replay.
#[derive(Debug, Args)]
#[command(
    after_help = "The engine begins from the journal's first record, or from the oldest snapshot when older records \
    were removed; and once more from each snapshot, which must come to the same end. The daemon must not run on this \
    journal: stop it, or copy the folder.\n\n\
    Exit codes: 0 every decision is identical, 1 one is not (told with its input) or the journal does not read.\n\n\
    Example: hookswitch replay --journal /var/lib/hookswitch"
)]
pub(crate) struct Options {
    /// The journal's folder; otherwise that of the configuration
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let journal = journal::open(arguments, options.journal.as_deref())?;
    let outcome = replay(&journal)?;
    match (&outcome, arguments.json) {
        (_, true) => println!("{}", serde_json::to_string(&outcome)?),
        (Replayed::Identical(counts), false) => println!("{}", counts.text()),
        (Replayed::Different(difference), false) => println!("{}", difference.text()),
    }
    match outcome {
        Replayed::Identical(_) => Ok(()),
        Replayed::Different(difference) => {
            Err(Failure::Running(anyhow!("the replay differs from the journal at {}", difference.seq)))
        }
    }
}

/// How a replay came out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Replayed {
    /// Every decision is the recorded one.
    Identical(Counts),
    /// The first that is not.
    Different(Box<Difference>),
}

/// What was compared.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    /// The first sequence replayed.
    from: u64,
    /// The last.
    to: u64,
    inputs: u64,
    events: u64,
    actions: u64,
    /// Events the daemon told by itself: gaps in the journal.
    gaps: u64,
    /// Snapshots of which the state, and the replay from there on, agree with the whole.
    snapshots: Vec<u64>,
}

impl Counts {
    fn text(&self) -> String {
        let Self { from, to, inputs, events, actions, gaps, snapshots } = self;
        let told = if *gaps == 0 { String::new() } else { format!("; {gaps} gaps were told") };
        format!(
            "{from} to {to}: {inputs} inputs, {events} events and {actions} actions, all identical; {} snapshots agree{told}",
            snapshots.len()
        )
    }
}

/// Where replay and journal part.
#[derive(Debug, Serialize)]
struct Difference {
    /// The sequence of the record that differs, or of the input when there is none.
    seq: u64,
    /// The replay began from this snapshot; none: from the beginning, or the oldest.
    snapshot: Option<u64>,
    /// The sequence of the input that led to it.
    input_seq: u64,
    /// That input.
    input: String,
    /// What stands in the journal; none: the engine says more now.
    recorded: Option<String>,
    /// What the engine says now; none: it says less.
    replayed: Option<String>,
}

impl Difference {
    fn text(&self) -> String {
        let or_nothing = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
        let from =
            self.snapshot.map_or_else(String::new, |seq| format!(", replayed from the snapshot at {seq}"));
        format!(
            "the decision at {} differs{from}\ninput {}: {}\nrecorded: {}\nreplayed: {}",
            self.seq,
            self.input_seq,
            self.input,
            or_nothing(&self.recorded),
            or_nothing(&self.replayed)
        )
    }
}

/// The whole journal, then from each snapshot on.
fn replay(journal: &dyn Journal) -> anyhow::Result<Replayed> {
    let (reader, kept) = (journal.reader(), journal.snapshots());
    let load =
        |seq| kept.load(seq).context("a snapshot does not read; `hookswitch journal verify` tells more");
    let snapshots = kept.sequences().into_iter().map(load).collect::<anyhow::Result<Vec<Snapshot>>>()?;
    let first = if reader.oldest() == 1 {
        None
    } else {
        let first = snapshots.iter().find(|snapshot| snapshot.seq + 1 >= reader.oldest());
        Some(first.context("neither the first record nor a snapshot to begin from is there")?)
    };
    let mut whole = Replay::begin(first)?;
    if let Some(difference) = whole.run(journal, &snapshots)? {
        return Ok(Replayed::Different(Box::new(difference)));
    }
    let mut counts = std::mem::take(&mut whole.counts);
    let end = whole.state();
    for snapshot in snapshots.iter().filter(|snapshot| snapshot.seq + 1 >= counts.from) {
        let mut tail = Replay::begin(Some(snapshot))?;
        if let Some(mut difference) = tail.run(journal, &[])? {
            difference.snapshot = Some(snapshot.seq);
            return Ok(Replayed::Different(Box::new(difference)));
        }
        if tail.state() != end {
            let state = |state: &Option<Bytes>| state.as_deref().map(text);
            let difference = Difference {
                snapshot: Some(snapshot.seq),
                recorded: state(&end),
                replayed: state(&tail.state()),
                ..tail.difference(reader.last())
            };
            return Ok(Replayed::Different(Box::new(difference)));
        }
        counts.snapshots.push(snapshot.seq);
    }
    Ok(Replayed::Identical(counts))
}

/// The engine, and what it said that was not compared yet.
struct Replay {
    fold: Fold,
    said: VecDeque<Output>,
    /// The last input, for people.
    input: (u64, Bytes),
    /// A record of kind `Setup` came last: what the daemon tells of a gap stands behind it.
    begun_anew: bool,
    counts: Counts,
}

impl Replay {
    fn begin(snapshot: Option<&Snapshot>) -> anyhow::Result<Self> {
        let fold = snapshot.map(Fold::from_snapshot).transpose()?.unwrap_or_default();
        let after = snapshot.map_or(0, |snapshot| snapshot.seq);
        let counts = Counts { from: after + 1, to: after, ..Counts::default() };
        Ok(Self { fold, said: VecDeque::new(), input: (0, Bytes::new()), begun_anew: false, counts })
    }

    /// Everything to the end of the journal; the state at each of these snapshots must be theirs.
    fn run(&mut self, journal: &dyn Journal, snapshots: &[Snapshot]) -> anyhow::Result<Option<Difference>> {
        let reader = journal.reader();
        let (from, mut after) = (self.counts.from, self.counts.to);
        let mut snapshots = snapshots.iter().filter(|snapshot| snapshot.seq >= from).peekable();
        while after < reader.last() {
            let page = reader.read(after, Limit::default())?;
            for entry in page.iter() {
                if let Some(difference) = self.entry(entry)? {
                    return Ok(Some(difference));
                }
                if let Some(snapshot) = snapshots.next_if(|snapshot| snapshot.seq == entry.seq)
                    && let Some(difference) = self.compare_state(snapshot)?
                {
                    return Ok(Some(difference));
                }
            }
            after = page.through();
        }
        Ok(self.says_more())
    }

    fn entry(&mut self, entry: &Entry) -> anyhow::Result<Option<Difference>> {
        self.counts.to = entry.seq;
        match entry.record.kind {
            Kind::Input => {
                if let Some(more) = self.says_more() {
                    return Ok(Some(more));
                }
                self.begun_anew = false;
                self.input = (entry.seq, entry.record.payload.clone());
                let said = &mut self.said;
                self.fold.entry(entry, |output| {
                    // An answer goes to whom asked, a question to who knows: neither is journalled.
                    if !matches!(output, Output::Answer(_) | Output::LookUp(_)) {
                        said.push_back(output);
                    }
                })?;
                self.counts.inputs += 1;
            }
            Kind::Setup => {
                if let Some(more) = self.says_more() {
                    return Ok(Some(more));
                }
                self.begun_anew = true;
                self.fold.entry(entry, drop)?;
            }
            Kind::Event if self.begun_anew => self.counts.gaps += 1,
            Kind::Event | Kind::Action => return Ok(self.compare(entry)),
            Kind::Answer | Kind::Audit => {}
        }
        Ok(None)
    }

    /// The next thing the engine said against the next that was recorded.
    fn compare(&mut self, entry: &Entry) -> Option<Difference> {
        let said = self.said.pop_front();
        let replayed = said.as_ref().map(|output| encoded(output, entry));
        let recorded = (entry.record.kind, &entry.record.meta, &entry.record.payload);
        if replayed.as_ref().is_some_and(|(kind, meta, payload)| (*kind, meta, payload) == recorded) {
            match entry.record.kind {
                Kind::Action => self.counts.actions += 1,
                Kind::Event | Kind::Input | Kind::Setup | Kind::Answer | Kind::Audit => {
                    self.counts.events += 1;
                }
            }
            return None;
        }
        Some(Difference {
            recorded: Some(text(&entry.record.payload)),
            replayed: replayed.map(|(_, _, payload)| text(&payload)),
            ..self.difference(entry.seq)
        })
    }

    /// What the engine said that is not in the journal.
    fn says_more(&mut self) -> Option<Difference> {
        let output = self.said.pop_front()?;
        let replayed = match &output {
            Output::Event(event) => hookswitch_wire::encode(event, 0, None).json,
            Output::Action(action) => records::encode(action),
            Output::Answer(_) | Output::LookUp(_) => Bytes::new(),
        };
        Some(Difference { replayed: Some(text(&replayed)), ..self.difference(self.input.0) })
    }

    fn compare_state(&self, snapshot: &Snapshot) -> anyhow::Result<Option<Difference>> {
        let (kept, here) = (Fold::from_snapshot(snapshot)?.engine().map(state), self.state());
        Ok((kept != here).then(|| Difference {
            recorded: kept.as_deref().map(text),
            replayed: here.as_deref().map(text),
            ..self.difference(snapshot.seq)
        }))
    }

    fn difference(&self, seq: u64) -> Difference {
        let (input_seq, input) = (self.input.0, text(&self.input.1));
        Difference { seq, snapshot: None, input_seq, input, recorded: None, replayed: None }
    }

    fn state(&self) -> Option<Bytes> {
        self.fold.engine().map(state)
    }
}

/// An engine's whole state, the same bytes for the same state.
fn state(engine: &Engine) -> Bytes {
    records::encode(&engine.snapshot())
}

/// An output as the daemon writes it at this place of the journal.
fn encoded(output: &Output, entry: &Entry) -> (Kind, Option<Meta>, Bytes) {
    match output {
        Output::Event(event) => {
            let url = opened_url(event, &entry.record.payload);
            let encoded = hookswitch_wire::encode(event, entry.seq, url.as_deref());
            (Kind::Event, Some(encoded.meta), encoded.json)
        }
        Output::Action(action) => (Kind::Action, None, records::encode(action)),
        Output::Answer(_) | Output::LookUp(_) => (Kind::Answer, None, Bytes::new()),
    }
}

/// What a screen pop opened then: it comes from the templates of the configuration, which the journal does not hold.
fn opened_url(event: &Event, recorded: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Recorded {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        pop: Pop,
    }
    #[derive(Deserialize)]
    struct Pop {
        url: Option<String>,
    }
    if !matches!(event.kind, EventKind::ScreenPop { .. } | EventKind::ScreenPopped { .. }) {
        return None;
    }
    serde_json::from_slice::<Recorded>(recorded).ok()?.data.pop.url
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hookswitch_journal::{MemoryJournal, Record};
    use hookswitch_model::{
        CallRef, LegRef, PbxId, Timestamp,
        call::{Address, Direction, PartyNumber},
        input::Input,
        pbx::{Fact, LegSeen, PbxEvent},
        setup::{Mode, PbxSetup, Setup},
    };
    use hookswitch_wire::template::PopTemplates;

    use super::*;
    use crate::daemon::machine::{Machine, Options as MachineOptions};

    /// The records of three calls, with the snapshots taken on the way.
    fn recorded() -> (Vec<Record>, Vec<Snapshot>) {
        let pbx = PbxId::new("hq").unwrap();
        let pbxs = vec![PbxSetup { name: pbx.clone(), mode: Mode::Observe, records: true }];
        let setup = move |version| Setup { version, pbxs: pbxs.clone(), ..Setup::default() };
        let options = MachineOptions::new(
            hookswitch_model::Millis::from_secs(86_400),
            Arc::new(PopTemplates::default()),
            7,
        );
        let machine = Machine::recover(Box::new(MemoryJournal::new()), setup, options).unwrap();
        let (mut machine, _) = machine.start(Timestamp::from_millis(1)).unwrap();
        let mut snapshots = Vec::new();
        for number in 1..=3 {
            let at = Timestamp::from_millis(number * 1_000);
            for fact in call(number) {
                let event = PbxEvent { pbx: pbx.clone(), at, recovered: false, fact };
                machine.handle(at, Input::Pbx(Box::new(event)));
            }
            machine.commit(at).unwrap();
            machine.snapshot(at);
            let kept = machine.journal().snapshots();
            snapshots.push(kept.load(machine.last()).unwrap());
        }
        let page = machine.journal().reader().read(0, Limit { entries: 10_000, bytes: 1 << 30 }).unwrap();
        (page.iter().map(|entry| entry.record.clone()).collect(), snapshots)
    }

    fn call(number: u64) -> Vec<Fact> {
        let call = CallRef::new(&format!("call.{number}"));
        let leg = LegRef::new(&format!("leg.{number}"));
        let party = PartyNumber { raw: format!("+4930{number}"), ..PartyNumber::default() };
        let originator = LegSeen { leg: leg.clone(), address: Address::new("PJSIP/trunk"), number: None };
        vec![
            Fact::CallStarted {
                call: call.clone(),
                originator,
                direction: Direction::Inbound,
                ani: party.clone(),
                dnis: party,
                via: None,
                trunk: None,
                data: [("k".to_owned(), "v".to_owned())].into(),
                watched: false,
            },
            Fact::CallEnded { call, by: Some(leg), cause: None },
        ]
    }

    fn journal(records: &[Record], snapshots: &[Snapshot]) -> MemoryJournal {
        let mut journal = MemoryJournal::new();
        journal.append(&mut records.to_vec()).unwrap();
        for snapshot in snapshots {
            journal.snapshots().save(snapshot).unwrap();
        }
        journal
    }

    fn differs(records: &[Record], snapshots: &[Snapshot]) -> Difference {
        match replay(&journal(records, snapshots)).unwrap() {
            Replayed::Different(difference) => *difference,
            Replayed::Identical(counts) => panic!("it was taken for identical: {counts:?}"),
        }
    }

    #[test]
    fn the_same_inputs_make_the_same_decisions() {
        let (records, snapshots) = recorded();
        let Replayed::Identical(counts) = replay(&journal(&records, &snapshots[1..])).unwrap() else {
            panic!("it differs")
        };
        assert_eq!(counts.to, records.len() as u64);
        assert_eq!(counts.snapshots, [snapshots[1].seq, snapshots[2].seq]);
        let of_kind = |kind| records.iter().filter(|record| record.kind == kind).count() as u64;
        assert_eq!((counts.inputs, counts.events), (of_kind(Kind::Input), of_kind(Kind::Event)));
        assert!(counts.events >= 6, "{counts:?}");
    }

    #[test]
    fn a_changed_event_is_found_where_it_stands() {
        let (records, snapshots) = recorded();
        for at in (0..records.len()).filter(|at| records[*at].kind == Kind::Event) {
            let mut changed = records.clone();
            let text = String::from_utf8(records[at].payload.to_vec()).unwrap();
            changed[at].payload = text.replacen("\"time\":\"1", "\"time\":\"2", 1).into();
            assert_ne!(changed[at].payload, records[at].payload);
            let difference = differs(&changed, &snapshots[1..]);
            assert_eq!(difference.seq, at as u64 + 1);
            assert_eq!(records[difference.input_seq as usize - 1].kind, Kind::Input);
            assert_eq!(difference.replayed, Some(text));
        }
    }

    #[test]
    fn a_changed_input_a_missing_and_a_further_event_are_found() {
        let (records, snapshots) = recorded();
        let input = records.iter().rposition(|record| record.kind == Kind::Input).unwrap();
        let mut changed = records.clone();
        let text = String::from_utf8(records[input].payload.to_vec()).unwrap();
        changed[input].payload = text.replace("leg.3", "leg.9").into();
        assert_eq!(differs(&changed, &[]).input_seq, input as u64 + 1);

        let event = records.iter().rposition(|record| record.kind == Kind::Event).unwrap();
        let mut missing = records.clone();
        missing.remove(event);
        let difference = differs(&missing, &[]);
        assert!(difference.replayed.is_some());

        let mut further = records.clone();
        further.push(records[event].clone());
        let difference = differs(&further, &[]);
        assert_eq!((difference.seq, difference.replayed), (records.len() as u64 + 1, None));
        drop(snapshots);
    }

    #[test]
    fn a_snapshot_of_another_state_is_found() {
        let (records, snapshots) = recorded();
        let other = Snapshot { payload: snapshots[0].payload.clone(), ..snapshots[1].clone() };
        let difference = differs(&records, &[other, snapshots[2].clone()]);
        assert_eq!(difference.seq, snapshots[1].seq);
    }
}
