//! `hookswitch record`: a PBX stream on disk, for `trace`.
//!
//! What is written is what came behind the log-in: neither the secret nor its proof is in it. A conversation that is
//! under way when the recording begins is in it, too: the PBX is listed first, which changes nothing there.

mod mask;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, anyhow};
use bytes::BytesMut;
use clap::Args;
use hookswitch_ami::{Action, AmiCodec, Decoded, EventClass, EventMask};
use hookswitch_config::Config;
use hookswitch_normalize::number::Plan;
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tokio_util::codec::Decoder as _;

use self::mask::Masks;
use super::{
    Arguments, Outcome, block_on,
    discover::{
        find,
        visit::{Host, Visit},
    },
};

/// What is recorded, and where to.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: hookswitch record hq --for 10m --mask --out monday && hookswitch trace monday\n\n\
    A recording holds the numbers and names of callers. With --mask numbers keep their length and their beginning,\n\
    and the same number has the same stand-in all through the recording; extensions and devices of the configuration\n\
    and numbers of up to four digits stay as they are."
)]
pub(crate) struct Options {
    /// The PBX's name in the configuration
    #[arg(default_value = "pbx")]
    pbx: String,

    /// How long: 30s, 10m, 1h; Ctrl-C ends it earlier
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    length: Duration,

    /// The folder that is made; by default recording-PBX-TIME
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,

    /// Replace what is personal: numbers, names, addresses, attached data
    #[arg(long)]
    mask: bool,
}

pub(super) fn run(arguments: &Arguments, options: &Options) -> Outcome {
    let config = arguments.load()?;
    let (pbx, asterisk) = find(&config, &options.pbx)?;
    let host = Host::of(asterisk)?;
    let folder =
        options.out.clone().unwrap_or_else(|| PathBuf::from(format!("recording-{}-{:.0}", pbx.name, now())));
    let masks = options.mask.then(|| masks(&config)).transpose()?;
    let tape = Tape::create(&folder, masks)?;
    let (tape, ended) = block_on(record(&host, tape, options.length))??;
    if arguments.json {
        println!(
            "{}",
            json!({"path": folder, "bytes": tape.written, "masked": options.mask, "ended": ended})
        );
    } else {
        println!("{} bytes in {}; hookswitch trace {}", tape.written, folder.display(), folder.display());
    }
    match ended {
        None => Ok(()),
        Some(why) => Err(anyhow!("the recording ends early: {why}").into()),
    }
}

/// Records until time is up or the PBX goes away, which is told beside the recording so far.
async fn record(host: &Host, mut tape: Tape, length: Duration) -> anyhow::Result<(Tape, Option<String>)> {
    let classes = [EventClass::System, EventClass::Call, EventClass::Agent, EventClass::User];
    let mut visit = Visit::open(host, EventMask::Classes(classes.to_vec()))
        .await
        .map_err(|error| anyhow!("{error}\nhint: {}", error.hint()))?;
    tape.take(format!("Asterisk Call Manager/{}\r\n", visit.protocol).as_bytes())?;
    visit.send(&lists()).await?;
    let until = Instant::now() + length;
    let ended = loop {
        tokio::select! {
            biased;
            () = sleep_until(until) => break None,
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                break None;
            }
            bytes = visit.bytes() => match bytes {
                Ok(bytes) if bytes.is_empty() => break Some("the PBX closed the connection".to_owned()),
                Ok(bytes) => tape.take(&bytes)?,
                Err(error) => break Some(error.to_string()),
            },
        }
    };
    visit.leave().await;
    Ok((tape, ended))
}

/// What is there already.
fn lists() -> Vec<Action> {
    let names = ["BridgeList", "CoreShowChannels", "QueueStatus", "PJSIPShowContacts", "PJSIPShowEndpoints"];
    names.into_iter().map(|name| Action::new(name).action_id(format_args!("record-{name}"))).collect()
}

/// `ami.raw`, and `ami.idx` with a line for each piece: when it came, where it begins, how long it is. Each piece is
/// written as it comes: a recording that is cut off is one up to there.
struct Tape {
    raw: fs::File,
    index: fs::File,
    written: usize,
    masking: Option<Masking>,
}

/// Masks need whole messages.
struct Masking {
    masks: Masks,
    codec: AmiCodec,
    buffer: BytesMut,
}

impl Tape {
    /// Only whoever records can read it.
    fn create(folder: &Path, masks: Option<Masks>) -> anyhow::Result<Self> {
        let made = fs::DirBuilder::new().mode(0o700).create(folder);
        made.with_context(|| format!("{} cannot be made", folder.display()))?;
        let file = |name: &str| {
            let path = folder.join(name);
            let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            made.with_context(|| format!("{} cannot be written", path.display()))
        };
        let masking =
            masks.map(|masks| Masking { masks, codec: AmiCodec::default(), buffer: BytesMut::new() });
        Ok(Self { raw: file("ami.raw")?, index: file("ami.idx")?, written: 0, masking })
    }

    /// What came just now.
    fn take(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let Some(masking) = &mut self.masking else { return self.write(bytes) };
        masking.buffer.extend_from_slice(bytes);
        let mut masked = String::new();
        // The codec ends on nothing but an error it documents as impossible for a decoder.
        while let Ok(Some(decoded)) = masking.codec.decode(&mut masking.buffer) {
            // What is too large to be decoded cannot be masked, and is left out.
            let Decoded::Frame(frame) = decoded else { continue };
            masking.masks.message(&String::from_utf8_lossy(frame.as_bytes()), &mut masked);
        }
        self.write(masked.as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.raw.write_all(bytes)?;
        let piece = json!({"t": now(), "dir": "in", "off": self.written, "len": bytes.len()});
        self.index.write_all(format!("{piece}\n").as_bytes())?;
        self.written += bytes.len();
        Ok(())
    }
}

/// What stays: extensions and devices, so that a masked recording is read with the same configuration.
fn masks(config: &Config) -> anyhow::Result<Masks> {
    let agents = config.agents.iter();
    let known = agents.flat_map(|agent| {
        let devices = agent.setup.devices.iter().map(|device| device.as_str().to_owned());
        agent.setup.extension.clone().into_iter().chain(devices)
    });
    let plan = config.numbers.country.as_deref().map(Plan::new).unwrap_or_default();
    Masks::new(plan, known)
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// `30s`, `10m`, `1h`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let hint = "a number with s, m or h behind it, as in 10m";
    let unit = text.chars().last().ok_or(hint)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(hint.to_owned()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| hint)?;
    let length = count.checked_mul(seconds).filter(|length| (1..=7 * 86_400).contains(length));
    length.map(Duration::from_secs).ok_or_else(|| "between one second and a week".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_bounds() {
        assert_eq!(time("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(time("1h"), Ok(Duration::from_secs(3_600)));
        for wrong in ["", "10", "m", "0s", "99999h", "-1s", "1.5h", "10µ", "18446744073709551615h"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
