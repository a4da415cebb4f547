//! `hookswitch journal erase`: one customer's personal data, out of everything the journal keeps.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use clap::Args;
use hookswitch_journal::{Entry, Error, Journal, Kind, Limit, Record, SledJournal};
use hookswitch_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    super::Outcome,
    hinted,
    mask::{Masks, Numbers, digits},
};
use crate::daemon::records;

/// Whose.
#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("who").required(true)),
    after_help = "Masked are numbers, names, records of the CRM, attached data, notes, keys pressed and the pages that \
    were opened: the same value by the same mask in inputs, events, actions and snapshots, so that a replay still \
    compares. It may differ where a routing rule looked at what is masked now. A record of kind audit says what was \
    done, without saying whose it was.\n\n\
    The daemon must not run on this journal. It is written anew, with room for a second store; a crash leaves the old \
    one or the new one, whole. What \
    was told to others (webhooks, exports, backups, logs) is theirs to erase.\n\n\
    Example: hookswitch journal erase --number +49305550001"
)]
pub(super) struct Options {
    /// Of whoever has this number, in all their calls
    #[arg(long, group = "who", value_name = "NUMBER")]
    number: Option<String>,
    /// Of the customer in this call, in this call only
    #[arg(long, group = "who", value_name = "ID")]
    call: Option<String>,
    /// Of this record of the CRM, in all calls of its numbers
    #[arg(long, group = "who", value_name = "ID")]
    customer: Option<String>,
    /// Tell what would be masked, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// What the audit record says.
#[derive(Debug, Serialize)]
struct Audit<'a> {
    done: &'static str,
    by: &'static str,
    calls: &'a BTreeSet<String>,
    records: &'a BTreeMap<&'static str, u64>,
    snapshots: u64,
}

pub(super) fn run(journal: SledJournal, options: &Options, json: bool) -> Outcome {
    let subject = Subject::find(&journal, options)?;
    if subject.calls.is_empty() && options.number.is_none() {
        return Err(anyhow!("no record tells of that call or customer").into());
    }
    let mark = journal.reader().last() + 1;
    let mut eraser = Eraser {
        numbers: if options.call.is_some() { Numbers::InCalls } else { Numbers::Everywhere },
        masks: Masks::new(subject.numbers.iter().map(String::as_str), mark),
        subject,
    };
    // Once without writing: the audit record says what the rewrite is going to do, and goes with it.
    let (counted, snapshots) = eraser.count(&journal)?;
    if !options.dry_run && (!counted.is_empty() || snapshots > 0) {
        let audit = Audit {
            done: "erased personal data",
            by: options.who(),
            calls: &eraser.subject.calls,
            records: &counted,
            snapshots,
        };
        let audit = Record { kind: Kind::Audit, at: now(), meta: None, payload: records::encode(&audit) };
        let path = journal.path().to_owned();
        let no_json = |seq| Error::Corrupt { path: path.clone(), seq, why: "it is no JSON" };
        let shared = RefCell::new(&mut eraser);
        journal
            .rewrite(
                |entry| shared.borrow_mut().entry(entry).map_err(|_| no_json(entry.seq)),
                |snapshot| shared.borrow_mut().snapshot(&snapshot.payload).map_err(|_| no_json(snapshot.seq)),
                &mut vec![audit],
            )
            .map_err(hinted)?;
    }
    let calls = &eraser.subject.calls;
    if json {
        println!(
            "{}",
            json!({"dry_run": options.dry_run, "calls": calls, "records": counted, "snapshots": snapshots})
        );
    } else {
        let masked: Vec<String> =
            counted.iter().map(|(kind, count)| format!("{count} of kind {kind}")).collect();
        let verb = if options.dry_run { "would be masked" } else { "masked" };
        let masked = if masked.is_empty() { "no record".to_owned() } else { masked.join(", ") };
        println!("{verb}: {masked}, {snapshots} snapshots; {} calls", calls.len());
    }
    Ok(())
}

impl Options {
    const fn who(&self) -> &'static str {
        match (&self.number, &self.call) {
            (Some(_), _) => "number",
            (None, Some(_)) => "call",
            (None, None) => "customer",
        }
    }
}

/// Whose data it is: calls, their references at the PBX, and numbers.
#[derive(Debug, Default)]
struct Subject {
    calls: BTreeSet<String>,
    refs: BTreeSet<String>,
    numbers: BTreeSet<String>,
}

/// What is read of a call in an event.
#[derive(Debug, Deserialize)]
struct Told {
    data: ToldData,
}

#[derive(Debug, Deserialize)]
struct ToldData {
    call: Option<ToldCall>,
    callback: Option<ToldCallback>,
    ledger: Option<ToldLedger>,
}

/// Who is called back may never have been called.
#[derive(Debug, Deserialize)]
struct ToldCallback {
    id: String,
    number: ToldNumber,
}

/// Attached data travels: a consultation about a call has it, too.
#[derive(Debug, Deserialize)]
struct ToldLedger {
    consult_of: Option<String>,
    merged_into: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ToldCall {
    id: String,
    pbx_ref: String,
    direction: String,
    ani: ToldNumber,
    dnis: ToldNumber,
    via: Option<ToldNumber>,
    customer: ToldCustomer,
}

#[derive(Debug, Default, Deserialize)]
struct ToldNumber {
    raw: String,
    e164: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ToldCustomer {
    candidates: Vec<ToldCandidate>,
}

#[derive(Debug, Deserialize)]
struct ToldCandidate {
    id: String,
}

impl ToldCall {
    /// The customer's: of an outbound call what was dialled, else who called and who was called before.
    fn numbers(&self) -> impl Iterator<Item = &str> {
        let numbers = if self.direction == "outbound" {
            vec![&self.dnis]
        } else {
            std::iter::once(&self.ani).chain(&self.via).collect()
        };
        numbers
            .into_iter()
            .flat_map(|number| std::iter::once(&number.raw).chain(&number.e164))
            .map(String::as_str)
    }
}

impl Subject {
    fn find(journal: &SledJournal, options: &Options) -> anyhow::Result<Self> {
        let mut found = Self::default();
        if let Some(number) = &options.number {
            anyhow::ensure!(digits(number).len() >= 3, "{number:?} is no number");
            found.numbers.insert(number.clone());
        }
        if let Some(id) = &options.customer {
            each_call(journal, |call, _| {
                if call.customer.candidates.iter().any(|candidate| candidate.id == *id) {
                    found.take(call);
                }
            })?;
        }
        // A number has several spellings, and each may be that of further calls.
        loop {
            let known: BTreeSet<String> = found.numbers.iter().map(|number| digits(number)).collect();
            let before = (found.numbers.len(), found.calls.len());
            each_call(journal, |call, ledger| {
                let is_it = match &options.call {
                    Some(id) => call.id == *id,
                    None => call.numbers().any(|number| known.contains(&digits(number))),
                };
                if is_it {
                    found.take(call);
                } else if ledger.is_some_and(|ledger| ledger.belongs_to(&found.calls)) {
                    found.take_consultation(call);
                }
            })?;
            each_callback(journal, |callback| {
                let ToldNumber { raw, e164 } = &callback.number;
                if std::iter::once(raw).chain(e164).any(|number| known.contains(&digits(number))) {
                    found.calls.insert(callback.id.clone());
                }
            })?;
            if before == (found.numbers.len(), found.calls.len()) {
                return Ok(found);
            }
        }
    }

    fn take(&mut self, call: &ToldCall) {
        self.numbers.extend(call.numbers().filter(|number| !digits(number).is_empty()).map(str::to_owned));
        self.take_consultation(call);
    }

    /// Its numbers are those of agents.
    fn take_consultation(&mut self, call: &ToldCall) {
        self.calls.insert(call.id.clone());
        self.refs.insert(call.pbx_ref.clone());
    }
}

impl ToldLedger {
    fn belongs_to(&self, calls: &BTreeSet<String>) -> bool {
        [&self.consult_of, &self.merged_into].into_iter().flatten().any(|call| calls.contains(call))
    }
}

fn each_call(
    journal: &SledJournal,
    mut each: impl FnMut(&ToldCall, Option<&ToldLedger>),
) -> anyhow::Result<()> {
    each_entry(journal, |entry| {
        let of_call = entry.record.meta.as_ref().is_some_and(|meta| meta.call.is_some());
        if entry.record.kind == Kind::Event && of_call {
            let told: Told = serde_json::from_slice(&entry.record.payload)
                .with_context(|| format!("the event at {} is unreadable", entry.seq))?;
            if let Some(call) = &told.data.call {
                each(call, told.data.ledger.as_ref());
            }
        }
        Ok(())
    })
}

/// A call-back's id is that of its data, in events and snapshots, as that of a call is.
fn each_callback(journal: &SledJournal, mut each: impl FnMut(&ToldCallback)) -> anyhow::Result<()> {
    each_entry(journal, |entry| {
        let meta = entry.record.meta.as_ref();
        if entry.record.kind == Kind::Event && meta.is_some_and(|meta| meta.type_name == "callback.created") {
            let told: Told = serde_json::from_slice(&entry.record.payload)
                .with_context(|| format!("the event at {} is unreadable", entry.seq))?;
            told.data.callback.iter().for_each(&mut each);
        }
        Ok(())
    })
}

fn each_entry(
    journal: &SledJournal,
    mut each: impl FnMut(&Entry) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let reader = journal.reader();
    let mut after = reader.oldest() - 1;
    while after < reader.last() {
        let page = reader.read(after, Limit::default()).map_err(hinted)?;
        page.iter().try_for_each(&mut each)?;
        after = page.through();
    }
    Ok(())
}

/// Masks record by record.
struct Eraser {
    subject: Subject,
    masks: Masks,
    numbers: Numbers,
}

impl Eraser {
    /// How many records, by kind, and snapshots are masked.
    fn count(&mut self, journal: &SledJournal) -> anyhow::Result<(BTreeMap<&'static str, u64>, u64)> {
        let mut records = BTreeMap::new();
        each_entry(journal, |entry| {
            let masked =
                self.entry(entry).with_context(|| format!("the record at {} is no JSON", entry.seq))?;
            if masked.is_some() {
                *records.entry(entry.record.kind.name()).or_default() += 1;
            }
            Ok(())
        })?;
        let mut snapshots = 0;
        for seq in journal.snapshots().sequences() {
            let snapshot = journal.snapshots().load(seq).map_err(hinted)?;
            snapshots += u64::from(self.snapshot(&snapshot.payload)?.is_some());
        }
        Ok((records, snapshots))
    }

    fn entry(&mut self, entry: &Entry) -> Result<Option<Bytes>, serde_json::Error> {
        let payload = &entry.record.payload;
        let concerned = match entry.record.kind {
            Kind::Event => {
                let call = entry.record.meta.as_ref().and_then(|meta| meta.call);
                call.is_some_and(|call| self.subject.calls.contains(&call.to_string()))
            }
            Kind::Input | Kind::Action | Kind::Answer => self.names_a_call(payload),
            // A configuration holds no customers, but it may hold the state of an engine, with its calls.
            Kind::Setup => return self.snapshot(payload),
            Kind::Audit => return Ok(None),
        };
        let calls = if concerned { &BTreeSet::new() } else { &self.subject.calls };
        Ok(self.masks.json(payload, calls, concerned, self.numbers)?.map(Bytes::from))
    }

    fn snapshot(&mut self, payload: &[u8]) -> Result<Option<Bytes>, serde_json::Error> {
        Ok(self.masks.json(payload, &self.subject.calls, false, self.numbers)?.map(Bytes::from))
    }

    /// A string of it is a call's id or its reference at the PBX.
    fn names_a_call(&self, payload: &[u8]) -> bool {
        let strings = payload.split(|byte| *byte == b'"').filter_map(|text| std::str::from_utf8(text).ok());
        let (calls, refs) = (&self.subject.calls, &self.subject.refs);
        strings.into_iter().any(|text| calls.contains(text) || refs.contains(text))
    }
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(u64::try_from(now.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use hookswitch_journal::Meta;
    use hookswitch_model::CallId;
    use serde_json::Value;

    use super::*;

    fn told(id: u128, number: &str, candidate: Option<&str>, ledger: Value) -> Record {
        let id = CallId::from_bits(id);
        let candidates: Vec<Value> =
            candidate.into_iter().map(|id| json!({"id": id, "name": "Ann", "score": 1.0})).collect();
        let call = json!({
            "id": id, "pbx_ref": format!("ref.{id}"), "direction": "inbound",
            "ani": {"raw": number, "e164": null}, "dnis": {"raw": "5003", "e164": null}, "via": null,
            "customer": {"match": "none", "candidates": candidates}, "data": {"k": "v"},
        });
        let meta = Meta { type_name: "call.ended".into(), call: Some(id), agents: Vec::new(), queue: None };
        let payload = json!({"type": "call.ended", "data": {"call": call, "ledger": ledger}}).to_string();
        Record { kind: Kind::Event, at: Timestamp::default(), meta: Some(meta), payload: payload.into() }
    }

    fn options(customer: Option<&str>, call: Option<String>) -> Options {
        Options { number: None, call, customer: customer.map(str::to_owned), dry_run: false }
    }

    #[test]
    fn who_is_to_be_called_back_and_never_called_is_found_by_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = SledJournal::open(folder.path()).unwrap();
        // As it is told: the id stands first.
        let number = r#"{"raw":"+4930111111","e164":"+4930111111","withheld":false,"name":"Ann"}"#;
        let callback = format!(r#"{{"id":"CB","number":{number},"data":{{"k":"v"}}}}"#);
        let payload =
            format!(r#"{{"type":"callback.created","data":{{"callback":{callback},"call":null}}}}"#).into();
        let meta = Meta { type_name: "callback.created".into(), call: None, agents: Vec::new(), queue: None };
        let record = Record { kind: Kind::Event, at: Timestamp::default(), meta: Some(meta), payload };
        journal.append(&mut vec![record]).unwrap();
        let options = Options { number: Some("+4930111111".into()), ..options(None, None) };
        run(journal, &options, true).unwrap();
        let journal = SledJournal::open(folder.path()).unwrap();
        let page = journal.reader().read(0, Limit::default()).unwrap();
        let said = page.iter().map(|entry| String::from_utf8(entry.record.payload.to_vec()).unwrap()).next();
        let said = said.unwrap();
        for personal in ["4930111111", "Ann", "\"v\""] {
            assert!(!said.contains(personal), "{personal}: {said}");
        }
    }

    #[test]
    fn a_customer_is_found_in_all_calls_of_the_number_and_in_consultations_about_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = SledJournal::open(folder.path()).unwrap();
        let id = |bits| CallId::from_bits(bits).to_string();
        let mut records = vec![
            told(1, "+4930111111", Some("42"), Value::Null),
            told(2, "004930111111", None, Value::Null),
            told(3, "+4930111111", None, Value::Null),
            told(4, "1001", None, json!({"consult_of": id(3), "merged_into": null})),
            told(5, "+4930222222", Some("43"), Value::Null),
        ];
        journal.append(&mut records).unwrap();

        let found = Subject::find(&journal, &options(Some("42"), None)).unwrap();
        assert_eq!(found.calls, BTreeSet::from([id(1), id(3), id(4)]));
        assert_eq!(
            found.numbers,
            BTreeSet::from(["+4930111111".to_owned()]),
            "an agent's is not the customer's"
        );
        let found = Subject::find(&journal, &options(None, Some(id(3)))).unwrap();
        assert_eq!(found.calls, BTreeSet::from([id(3), id(4)]));

        run(journal, &options(None, Some(id(3))), true).unwrap();
        let journal = SledJournal::open(folder.path()).unwrap();
        let page = journal.reader().read(0, Limit::default()).unwrap();
        let said: Vec<_> =
            page.iter().map(|entry| String::from_utf8(entry.record.payload.to_vec()).unwrap()).collect();
        let has_number = |text: &String| text.contains("4930111111");
        let has_data = |text: &String| text.contains("\"k\":\"v\"");
        assert_eq!(said[..5].iter().map(has_number).collect::<Vec<_>>(), [true, true, false, false, false]);
        assert_eq!(said[..5].iter().map(has_data).collect::<Vec<_>>(), [true, true, false, false, true]);
        assert!(said[5].contains(&id(3)) && !has_number(&said[5]), "{}", said[5]);
    }
}
