//! Parse and normalise, in CPU per event, beside two peers on the same stream.

use std::{io::Read, net::TcpStream, path::Path, process::Command};

use anyhow::{Context, ensure};
use bytes::BytesMut;
use hookswitch_ami::{AmiCodec, Decoded};
use hookswitch_model::{PbxId, Timestamp};
use hookswitch_normalize::{from_ami::Normalizer, settings::Settings};
use tokio_util::codec::Decoder;

use crate::stream::{Stream, replay};

const EVENTS: usize = 200_000;
const RUNS: usize = 3;

/// Runs every client on the same replay and prints a line each.
pub(crate) fn run() -> anyhow::Result<()> {
    let stream = Stream::load()?;
    let rounds = EVENTS.div_ceil(stream.len());
    let events = rounds * stream.len();
    let port = replay(stream, rounds)?;
    println!("\nAMI parse, CPU µs per event, {events} events of recorded calls, best of {RUNS} runs");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/clients");
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-peers");
    let port = port.to_string();
    let ours = best(events, || {
        Command::new(std::env::current_exe().unwrap_or_default()).args(["client", &port]).output()
    })?;
    println!("  hookswitch (parse + normalise)  {ours:6.2}");
    let python = best(events, || {
        Command::new(peers.join("venv/bin/python")).arg(here.join("asterisk_ami.py")).arg(&port).output()
    })?;
    println!("  Python asterisk-ami (parse)     {python:6.2}   {:.1} × ours", python / ours);
    let node = best(events, || {
        Command::new("node")
            .env("NODE_PATH", peers.join("node_modules"))
            .arg(here.join("yana.js"))
            .arg(&port)
            .output()
    })?;
    println!("  Node yana (parse)               {node:6.2}   {:.1} × ours", node / ours);
    Ok(())
}

/// CPU per event of the best run. Every run must have seen every event.
fn best(events: usize, run: impl Fn() -> std::io::Result<std::process::Output>) -> anyhow::Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let output = run().context("the client cannot be started; see tests/bench/run.sh")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut words = text.split_whitespace();
        let cpu: f64 = words.next().and_then(|word| word.parse().ok()).with_context(|| {
            format!("the client said {text:?} and {:?}", String::from_utf8_lossy(&output.stderr))
        })?;
        let seen: usize = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
        ensure!(seen == events, "{seen} of {events} events were seen");
        best = best.min(cpu * 1e6 / events as f64);
    }
    Ok(best)
}

/// Our own client, in a process of its own like the peers: reads, parses, normalises; prints CPU seconds and events.
pub(crate) fn client(port: u16) -> anyhow::Result<()> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    std::io::Write::write_all(&mut socket, b"Action: Login\r\nUsername: u\r\nSecret: s\r\n\r\n")?;
    let mut normalizer = Normalizer::new(Settings::new(PbxId::new("bench")?));
    let mut codec = AmiCodec::default();
    let (mut buffer, mut chunk) = (BytesMut::with_capacity(1 << 20), vec![0; 1 << 18]);
    let (mut count, mut facts, mut begun) = (0_usize, Vec::new(), None);
    loop {
        let read = socket.read(&mut chunk)?;
        ensure!(read > 0, "the stream ended early");
        buffer.extend_from_slice(&chunk[..read]);
        while let Some(decoded) = codec.decode(&mut buffer)? {
            let Decoded::Frame(frame) = decoded else { continue };
            match frame.name() {
                "ReplayDone" => {
                    let used = cpu()? - begun.unwrap_or_default();
                    let left = normalizer.counters();
                    ensure!(
                        left.channels == 0 && left.calls == 0,
                        "{left:?}: calls were not seen to the end"
                    );
                    println!("{used} {count}");
                    return Ok(());
                }
                "FullyBooted" => begun = Some(cpu()?),
                _ if begun.is_some() => {
                    count += 1;
                    // As on a busy PBX: 20,000 events a second.
                    normalizer.frame(Timestamp::from_micros(count as u64 * 50), &frame, &mut facts);
                    facts.clear();
                }
                _ => {}
            }
        }
    }
}

/// CPU seconds of this thread so far, from the scheduler's own account (nanoseconds).
fn cpu() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().context("no schedstat")?.parse::<f64>()? / 1e9)
}
