//! `hookswitch journal`: what an administrator does with the journal while the daemon does not run.

mod erase;
mod mask;

use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use hookswitch_journal::{self as journal, Entry, Error, Journal, Kind, Limit, Opened, SledJournal};
use hookswitch_wire::Time;
use serde::Serialize;
use serde_json::{json, value::RawValue};

use super::{Arguments, Failure, Outcome};

/// The journal, while the daemon does not run.
#[derive(Debug, Args)]
#[command(
    after_help = "The daemon must not run on this journal: stop it, or copy the folder. docs/journal.md says what is \
    in the folder.\n\n\
    Exit codes: 0 fine, 1 it failed or something is damaged, 2 usage or configuration error."
)]
pub(crate) struct Options {
    /// The journal's folder; otherwise that of the configuration
    #[arg(long, global = true, value_name = "DIR")]
    journal: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read everything and tell all that is damaged
    Verify,
    /// Print records as JSON lines
    Export(Export),
    /// Write the journal anew, so that the disk gets back the room of removed records
    #[command(
        after_help = "The daemon must not run on this journal. Needs room for a second store while it works; a crash \
        leaves the old one or the new one, whole."
    )]
    Compact,
    /// Mask one customer's personal data in records and snapshots; sequences, times, ledgers and totals stay
    Erase(erase::Options),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: hookswitch journal export --kind event --from 1200 | jq -c 'select(.payload.type == \"call.ended\")'"
)]
struct Export {
    /// The first sequence
    #[arg(long, value_name = "SEQ", default_value_t = 1)]
    from: u64,
    /// The last sequence
    #[arg(long, value_name = "SEQ", default_value_t = u64::MAX, hide_default_value = true)]
    to: u64,
    /// Records of this kind only; may be given several times
    #[arg(long, value_enum)]
    kind: Vec<KindName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindName {
    /// What the engine was given
    Input,
    /// What subscribers were told
    Event,
    /// What PBXs were asked to do
    Action,
    /// What an engine began from
    Setup,
    /// Answers to commands
    Answer,
    /// What was done to the journal by hand
    Audit,
}

impl KindName {
    const fn kind(self) -> Kind {
        match self {
            Self::Input => Kind::Input,
            Self::Event => Kind::Event,
            Self::Action => Kind::Action,
            Self::Setup => Kind::Setup,
            Self::Answer => Kind::Answer,
            Self::Audit => Kind::Audit,
        }
    }
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let journal = open(arguments, options.journal.as_deref())?;
    match &options.command {
        Command::Verify => verify(&journal, arguments.json),
        Command::Export(options) => {
            Ok(export(&journal, options, &mut BufWriter::new(std::io::stdout().lock()))?)
        }
        Command::Compact => compact(journal, arguments.json),
        Command::Erase(options) => erase::run(journal, options, arguments.json),
    }
}

/// Opens the journal in this folder, or that of the configuration; it has to be there.
pub(super) fn open(arguments: &Arguments, folder: Option<&Path>) -> Result<SledJournal, Failure> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => arguments.load()?.journal.path,
    };
    if !folder.join("store").exists() {
        return Err(anyhow!("{} holds no journal; hint: --journal names the folder", folder.display()).into());
    }
    // Nothing is set aside: nothing is going to be appended under load.
    let options = journal::Options { reserve_bytes: 0, ..journal::Options::default() };
    let journal = SledJournal::open_with(&folder, options).map_err(hinted)?;
    for line in found(journal.opened()) {
        eprintln!("{line}");
    }
    Ok(journal)
}

/// What opening found, for people.
fn found(opened: &Opened) -> Vec<String> {
    let kept = (!opened.kept.is_empty()).then(|| {
        format!(
            "records {} to {} had not been acknowledged; they are whole",
            opened.kept.start,
            opened.kept.end - 1
        )
    });
    let cut = opened.cut.as_ref().map(|cut| {
        format!("a torn end was cut from {} on, nothing of it had been acknowledged: {}", cut.from, cut.why)
    });
    let full = opened.full.then(|| "there is no room on the disk".to_owned());
    let finished = opened.finished_rewrite.then(|| "an interrupted rewrite was finished".to_owned());
    [kept, cut, full, finished].into_iter().flatten().collect()
}

fn hinted(error: Error) -> anyhow::Error {
    match error.hint() {
        Some(hint) => anyhow!("{error}; hint: {hint}"),
        None => error.into(),
    }
}

fn verify(journal: &SledJournal, json: bool) -> Outcome {
    let found = journal.verify().map_err(hinted)?;
    let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    let entries: u64 = found.entries.values().sum();
    if json {
        let kinds: serde_json::Map<_, _> =
            found.entries.iter().map(|(kind, count)| (kind.name().to_owned(), json!(count))).collect();
        let report = json!({
            "ok": problems.is_empty(), "oldest": found.oldest, "last": found.last, "entries": entries,
            "kinds": kinds, "payload_bytes": found.payload_bytes, "disk_bytes": found.disk_bytes,
            "snapshots": found.snapshots, "followers": found.followers.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "problems": problems,
        });
        println!("{report}");
    } else {
        let kinds: Vec<String> =
            found.entries.iter().map(|(kind, count)| format!("{count} of kind {}", kind.name())).collect();
        println!("{} to {}: {entries} records ({})", found.oldest, found.last, kinds.join(", "));
        println!("{} bytes of payload, {} on the disk", found.payload_bytes, found.disk_bytes);
        println!("snapshots at {:?}", found.snapshots);
        for (follower, done) in &found.followers {
            println!("follower {follower} has done {done}");
        }
        problems.iter().for_each(|problem| println!("damaged: {problem}"));
    }
    match found.problems.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(hinted(first).context("the journal is damaged").into()),
    }
}

/// A line of an export.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    kind: &'static str,
    at: Time,
    payload: &'a RawValue,
}

fn export(journal: &SledJournal, options: &Export, out: &mut impl Write) -> anyhow::Result<()> {
    let kinds: Vec<Kind> = options.kind.iter().map(|kind| kind.kind()).collect();
    let wanted =
        |entry: &&Entry| entry.seq <= options.to && (kinds.is_empty() || kinds.contains(&entry.record.kind));
    let reader = journal.reader();
    let mut after = options.from.max(reader.oldest()).saturating_sub(1);
    while after < reader.last().min(options.to) {
        let page = reader.read(after, Limit::default()).map_err(hinted)?;
        for entry in page.iter().filter(wanted) {
            let payload: &RawValue = serde_json::from_slice(&entry.record.payload)
                .with_context(|| format!("the record at {} is no JSON", entry.seq))?;
            let line =
                Line { seq: entry.seq, kind: entry.record.kind.name(), at: Time(entry.record.at), payload };
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
        }
        after = page.through();
    }
    Ok(out.flush()?)
}

fn compact(journal: SledJournal, json: bool) -> Outcome {
    let done = journal.rewrite(|_| Ok(None), |_| Ok(None), &mut Vec::new()).map_err(hinted)?;
    if json {
        println!(
            "{}",
            json!({"entries": done.entries, "bytes_before": done.bytes_before, "bytes_after": done.bytes_after})
        );
    } else {
        println!(
            "{} records written anew: {} bytes, before {}",
            done.entries, done.bytes_after, done.bytes_before
        );
    }
    Ok(())
}
