//! `hookswitch trace`: a recorded PBX stream as call events.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow, bail};
use bytes::BytesMut;
use clap::Args;
use hookswitch_acd::Engine;
use hookswitch_ami::{AmiCodec, Decoded, Frame, FrameKind};
use hookswitch_model::{
    AgentId, Millis, PbxId, Timestamp,
    agent::AgentState,
    call::{Address, Direction},
    input::{Input, Output},
    pbx::{Fact, PbxEvent},
    setup::{AgentSetup, Mode, PbxSetup, Setup},
};
use hookswitch_normalize::{from_ami::Normalizer, settings::Settings};
use hookswitch_wire::template::PopTemplates;
use serde::Deserialize;
use tokio_util::codec::Decoder;

use super::{Arguments, Failure, Outcome};
use crate::daemon::{pops, rules, settings};

/// The recording.
#[derive(Debug, Args)]
#[command(
    after_help = "Without a configuration every extension that rings or dials counts as an agent of that name.\n\
    Example: hookswitch trace recordings/monday | jq -c 'select(.type == \"call.ended\") | .data.ledger'"
)]
pub(crate) struct Options {
    /// A file of AMI bytes, or a folder with `ami.raw` and `ami.idx` (the times)
    path: PathBuf,

    /// Use the agents and queues of the configuration
    #[arg(long)]
    with_config: bool,
}

/// What the events are made with.
struct Tracing {
    pbx: PbxId,
    setup: Setup,
    pops: PopTemplates,
    dialect: Settings,
    /// Agents are those of the recording.
    infer: bool,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let tracing = if options.with_config || arguments.names_config() {
        configured(arguments)?
    } else {
        Tracing::bare()?
    };
    let recording = Recording::open(&options.path)?;
    let facts = tracing.facts(&recording);
    let mut out = BufWriter::new(std::io::stdout().lock());
    tracing.print(facts, &mut out)?;
    Ok(())
}

fn configured(arguments: &Arguments) -> Result<Tracing, Failure> {
    let config = arguments.load()?;
    let link = settings::dialects(&config)
        .into_iter()
        .next()
        .ok_or_else(|| anyhow!("the configuration names no PBX"))?;
    let (pbx, dialect) = link;
    Ok(Tracing { pbx, setup: config.setup(1), pops: settings::pops(&config)?, dialect, infer: false })
}

impl Tracing {
    fn bare() -> anyhow::Result<Self> {
        let pbx = PbxId::new("pbx")?;
        let setup = Setup {
            version: 1,
            pbxs: vec![PbxSetup { name: pbx.clone(), mode: Mode::Observe, records: true }],
            ..Setup::default()
        };
        let dialect = Settings::new(pbx.clone());
        Ok(Self { pbx, setup, pops: PopTemplates::default(), dialect, infer: true })
    }

    fn facts(&self, recording: &Recording) -> Vec<PbxEvent> {
        let mut normalizer = Normalizer::new(self.dialect.clone());
        let (mut facts, mut end) = (Vec::new(), Timestamp::default());
        recording.frames(|at, frame| {
            normalizer.frame(at, frame, &mut facts);
            drop(normalizer.take_requests()); // a recording answers nothing
            end = at;
        });
        // What only waits for time to pass is told, too.
        normalizer.tick(end + Millis::from_secs(1), &mut facts);
        facts
    }

    fn print(mut self, facts: Vec<PbxEvent>, out: &mut impl Write) -> anyhow::Result<()> {
        if self.infer {
            self.setup.agents = extensions(&facts, &self.pbx);
        }
        let mut engine =
            Engine::new(Arc::new(self.setup), 0).map_err(|errors| anyhow!(rules(&errors)))?.offline();
        let mut printer = Printer { pops: self.pops, sequence: 0, out };
        for event in facts {
            let at = event.at;
            while let Some(due) = engine.next_deadline().filter(|due| *due <= at) {
                engine.handle(due, Input::Tick);
                printer.drain(&mut engine)?;
            }
            engine.handle(at, Input::Pbx(Box::new(event)));
            printer.drain(&mut engine)?;
        }
        printer.out.flush()?;
        Ok(())
    }
}

struct Printer<'a, W> {
    pops: PopTemplates,
    sequence: u64,
    out: &'a mut W,
}

impl<W: Write> Printer<'_, W> {
    fn drain(&mut self, engine: &mut Engine) -> anyhow::Result<()> {
        while let Some(output) = engine.poll_output() {
            let Output::Event(event) = output else { continue };
            self.sequence += 1;
            let url = pops::url(&self.pops, &event);
            let encoded = hookswitch_wire::encode(&event, self.sequence, url.as_deref());
            self.out.write_all(&encoded.json)?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }
}

/// Every extension that rang, dialled or was paused, as an agent of that name.
fn extensions(facts: &[PbxEvent], pbx: &PbxId) -> Vec<AgentSetup> {
    let addresses: BTreeSet<&Address> = facts
        .iter()
        .filter_map(|event| {
            if let Fact::LegRinging { leg, .. } = &event.fact {
                return Some(&leg.address);
            }
            if let Fact::MemberPaused { address, .. } = &event.fact {
                return Some(address);
            }
            let Fact::CallStarted { originator, direction, .. } = &event.fact else { return None };
            (*direction != Direction::Inbound).then_some(&originator.address)
        })
        .collect();
    let agent = |address: &Address| {
        let extension = address.extension()?;
        Some(AgentSetup {
            id: AgentId::new(extension).ok()?,
            name: extension.to_owned(),
            pbx: pbx.clone(),
            extension: Some(extension.to_owned()),
            devices: vec![address.clone()],
            skills: std::collections::BTreeMap::new(),
            teams: Vec::new(),
            start: AgentState::Ready,
            caller_id: None,
            remote_answer: false,
        })
    };
    let mut agents: Vec<AgentSetup> = addresses.into_iter().filter_map(agent).collect();
    agents.dedup_by(|b, a| {
        let same = a.id == b.id;
        if same {
            a.devices.append(&mut b.devices);
        }
        same
    });
    agents
}

/// Recorded bytes, in the pieces and at the times they came.
struct Recording {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
}

/// A line of `ami.idx`.
#[derive(Deserialize)]
struct Piece {
    t: f64,
    dir: String,
    off: usize,
    len: usize,
}

impl Recording {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let (raw, index) = if path.is_dir() {
            (path.join("ami.raw"), Some(path.join("ami.idx")))
        } else {
            (path.to_owned(), None)
        };
        let bytes = fs::read(&raw).with_context(|| format!("{} cannot be read", raw.display()))?;
        let mut pieces = Vec::new();
        if let Some(index) = index.filter(|index| index.exists()) {
            let text =
                fs::read_to_string(&index).with_context(|| format!("{} cannot be read", index.display()))?;
            for (number, line) in text.lines().enumerate() {
                let piece: Piece = serde_json::from_str(line)
                    .with_context(|| format!("{}:{}: not a line of an index", index.display(), number + 1))?;
                if piece.dir == "in" {
                    if piece.off.checked_add(piece.len).is_none_or(|end| end > bytes.len()) {
                        bail!(
                            "{}:{}: points behind the end of {}",
                            index.display(),
                            number + 1,
                            raw.display()
                        );
                    }
                    pieces.push(piece);
                }
            }
        }
        Ok(Self { bytes, pieces })
    }

    /// Every frame with its time: of the index, else of its own `Timestamp` header, else of the one before.
    fn frames(&self, mut each: impl FnMut(Timestamp, &Frame)) {
        let mut codec = AmiCodec::default();
        let mut buffer = BytesMut::new();
        let whole = [Piece { t: 0.0, dir: "in".to_owned(), off: 0, len: self.bytes.len() }];
        let pieces = if self.pieces.is_empty() { &whole[..] } else { &self.pieces };
        let mut at = Timestamp::default();
        for piece in pieces {
            at = at.max(seconds(piece.t));
            buffer.extend_from_slice(&self.bytes[piece.off..piece.off + piece.len]);
            // The codec ends on nothing but an error it documents as impossible for a decoder.
            while let Ok(Some(decoded)) = codec.decode(&mut buffer) {
                let Decoded::Frame(frame) = decoded else { continue };
                if self.pieces.is_empty()
                    && let Some(stamp) = frame.get("Timestamp").and_then(|stamp| stamp.parse().ok())
                {
                    at = at.max(seconds(stamp));
                }
                if frame.kind() != FrameKind::Banner {
                    each(at, &frame);
                }
            }
        }
    }
}

/// Epoch seconds with a fraction; microseconds fit a double until the year 2255.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time before 1970 becomes 1970")]
fn seconds(t: f64) -> Timestamp {
    Timestamp::from_micros((t * 1_000_000.0) as u64)
}
