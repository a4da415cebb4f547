//! An AMI stream of any length, made of twenty recorded calls of a real Asterisk 22 with fresh ids in each round.

use std::{
    borrow::Cow,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
};

use anyhow::Context;

/// Classes of events a link asks for; the rest of the recording is what it asks the PBX to keep to itself.
const CLASSES: [&str; 5] = ["call", "agent", "user", "system", "cdr"];

/// One round of the stream: whole events, and which values name a channel, call or bridge.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    events: Vec<String>,
    /// Calls in one round.
    pub(crate) calls: usize,
}

impl Stream {
    /// Reads the recording.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures/ast22/load-20-calls/ami.raw");
        let raw = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let text = String::from_utf8_lossy(&raw).replace("\r\n", "\n");
        let wanted = |event: &&str| {
            let class = event.lines().find_map(|line| line.strip_prefix("Privilege: ")).unwrap_or_default();
            event.starts_with("Event: ")
                && !event.starts_with("Event: FullyBooted")
                && class.split(',').next().is_some_and(|class| CLASSES.contains(&class))
        };
        let events: Vec<String> = text.split("\n\n").filter(wanted).map(str::to_owned).collect();
        let calls = events.iter().filter(|event| event.starts_with("Event: DialBegin")).count();
        Ok(Self { events, calls })
    }

    /// Events of one round.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The events of this round, as bytes of the wire.
    pub(crate) fn round(&self, round: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.events.iter().map(|event| event.len() + 64).sum());
        for event in &self.events {
            for line in event.lines() {
                let (key, value) = line.split_once(": ").unwrap_or((line, ""));
                out.extend_from_slice(key.as_bytes());
                out.extend_from_slice(b": ");
                out.extend_from_slice(fresh(key, value, round).as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"\r\n");
        }
        out
    }
}

/// The value in this round: ids of channels, calls and bridges are others in each.
fn fresh<'a>(key: &str, value: &'a str, round: usize) -> Cow<'a, str> {
    match key {
        "Uniqueid" | "Linkedid" | "DestUniqueid" | "DestLinkedid" | "BridgeUniqueid" | "UniqueID" => {
            format!("{value}9{round:05}").into()
        }
        "Channel" | "DestChannel" | "DestinationChannel" => match value.rsplit_once('-') {
            Some((name, number)) => match usize::from_str_radix(number, 16) {
                Ok(number) => format!("{name}-{:08x}", number + round * 0x1000).into(),
                Err(_) => value.into(),
            },
            None => value.into(),
        },
        _ => value.into(),
    }
}

/// What the last event tells: how many there were.
pub(crate) fn replay_done(events: usize) -> Vec<u8> {
    format!("Event: ReplayDone\r\nPrivilege: call,all\r\nEvents: {events}\r\n\r\n").into_bytes()
}

/// An AMI server that takes any login and then sends `rounds` of the stream as fast as the socket takes it.
pub(crate) fn replay(stream: Stream, rounds: usize) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let bytes: Vec<Vec<u8>> = (0..rounds).map(|round| stream.round(round)).collect();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            // A client that hangs up in the middle has its own report.
            let _ = serve(socket, &bytes, stream.len() * rounds);
        }
    });
    Ok(port)
}

fn serve(socket: TcpStream, rounds: &[Vec<u8>], events: usize) -> std::io::Result<()> {
    log_in(&socket)?;
    let mut out = &socket;
    for round in rounds {
        out.write_all(round)?;
    }
    out.write_all(&replay_done(events))?;
    // Open until the client has read everything and goes.
    let mut rest = String::new();
    while BufReader::new(&socket).read_line(&mut rest)? > 0 {}
    Ok(())
}

/// Banner, then Success to every action until the Login.
pub(crate) fn log_in(socket: &TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut out = socket;
    out.write_all(b"Asterisk Call Manager/11.0.0\r\n")?;
    let mut lines = BufReader::new(socket).lines();
    let (mut action, mut id) = (String::new(), String::new());
    loop {
        let line = lines.next().ok_or(std::io::ErrorKind::UnexpectedEof)??;
        match line.split_once(':') {
            Some((key, value)) if key.eq_ignore_ascii_case("action") => {
                action = value.trim().to_ascii_lowercase()
            }
            Some((key, value)) if key.eq_ignore_ascii_case("actionid") => id = value.trim().to_owned(),
            Some(_) => {}
            None => {
                let echo = if id.is_empty() { String::new() } else { format!("ActionID: {id}\r\n") };
                if action == "challenge" {
                    write!(out, "Response: Success\r\n{echo}Challenge: 123456789\r\n\r\n")?;
                } else if action == "login" {
                    write!(out, "Response: Success\r\n{echo}Message: Authentication accepted\r\n\r\n")?;
                    return out.write_all(b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 9\r\nLastReload: 9\r\nStatus: Fully Booted\r\n\r\n");
                }
                (action, id) = Default::default();
            }
        }
    }
}
