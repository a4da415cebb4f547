//! A small AMI client of the tests' own: it stirs the PBX, reads along, and records streams.
//!
//! Deliberately apart from the crate under test: what it reads is held against what Hookswitch says.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;

const PATIENCE: Duration = Duration::from_secs(15);

/// An event or response: header to value; of repeated headers the last.
pub type Frame = BTreeMap<String, String>;

/// A connection, logged in.
#[derive(Debug)]
pub struct Ami {
    writer: tokio::sync::Mutex<(OwnedWriteHalf, u64)>,
    shared: Arc<Shared>,
    reader: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    frames: Mutex<Vec<Frame>>,
    /// Number of frames so far; wakes those who wait.
    count: watch::Sender<usize>,
    recording: Mutex<Option<Recording>>,
}

/// The files of a recorded stream: bytes of each direction, and an index with a line for each read or write.
#[derive(Debug)]
struct Recording {
    raw: File,
    actions: File,
    index: File,
    read: u64,
    written: u64,
}

impl Ami {
    /// Connects, logs in and asks for all events the user may see.
    ///
    /// # Errors
    /// When there is no PBX or the login is refused.
    pub async fn login(address: SocketAddr, user: &str, secret: &str) -> Result<Self> {
        Self::open(address, user, secret, None).await
    }

    /// The same, with everything recorded into a folder.
    ///
    /// # Errors
    /// When there is no PBX, the login is refused, or the folder cannot be written.
    pub async fn recorded(address: SocketAddr, user: &str, secret: &str, folder: &Path) -> Result<Self> {
        let recording = Recording::create(folder)?;
        Self::open(address, user, secret, Some(recording)).await
    }

    async fn open(
        address: SocketAddr,
        user: &str,
        secret: &str,
        recording: Option<Recording>,
    ) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("AMI at {address}"))?;
        let (reader, writer) = stream.into_split();
        let shared = Arc::new(Shared {
            frames: Mutex::default(),
            count: watch::Sender::new(0),
            recording: Mutex::new(recording),
        });
        let reader = tokio::spawn(Arc::clone(&shared).read(reader));
        let ami = Self { writer: tokio::sync::Mutex::new((writer, 0)), shared, reader };
        let login = ami.act("Login", &[("Username", user), ("Secret", secret), ("Events", "on")]).await?;
        if login.get("Response").map(String::as_str) != Some("Success") {
            bail!("AMI login of {user}: {login:?}");
        }
        Ok(ami)
    }

    /// How many frames have come so far: a mark for [`Ami::wait_event_after`].
    #[must_use]
    pub fn mark(&self) -> usize {
        self.shared.frames().len()
    }

    /// All frames so far.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        self.shared.frames().clone()
    }

    /// Sends an action and waits for its response.
    ///
    /// # Errors
    /// When the connection closes, or no response comes in time.
    pub async fn act(&self, action: &str, fields: &[(&str, &str)]) -> Result<Frame> {
        let mark = self.mark();
        let id = {
            let mut writer = self.writer.lock().await;
            writer.1 += 1;
            let id = format!("tests-{}", writer.1);
            let mut text = format!("Action: {action}\r\nActionID: {id}\r\n");
            for (name, value) in fields {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            text.push_str("\r\n");
            self.shared.record(|recording| recording.wrote(text.as_bytes()));
            writer.0.write_all(text.as_bytes()).await?;
            id
        };
        let response = self
            .wait_after(mark, |frame| frame.contains_key("Response") && frame.get("ActionID") == Some(&id));
        response.await.with_context(|| format!("response to {action}"))
    }

    /// Waits for an event, also one that came before.
    ///
    /// # Errors
    /// When it does not come in time.
    pub async fn wait_event(&self, event: &str, fields: &[(&str, &str)]) -> Result<Frame> {
        self.wait_event_after(0, event, fields).await
    }

    /// Waits for an event that came after a mark.
    ///
    /// # Errors
    /// When it does not come in time.
    pub async fn wait_event_after(&self, mark: usize, event: &str, fields: &[(&str, &str)]) -> Result<Frame> {
        let wanted = |frame: &Frame| {
            let has = |name: &str, value: &str| frame.get(name).is_some_and(|v| v == value);
            has("Event", event) && fields.iter().all(|(name, value)| has(name, value))
        };
        self.wait_after(mark, wanted).await.with_context(|| format!("event {event} {fields:?}"))
    }

    async fn wait_after(&self, mark: usize, wanted: impl Fn(&Frame) -> bool) -> Result<Frame> {
        let mut count = self.shared.count.subscribe();
        let search = async {
            let mut seen = mark;
            loop {
                {
                    let frames = self.shared.frames();
                    if let Some(frame) = frames.iter().skip(seen).find(|frame| wanted(frame)) {
                        return Ok(frame.clone());
                    }
                    seen = frames.len().max(mark);
                }
                count.wait_for(|n| *n > seen).await.context("the connection is closed")?;
            }
        };
        time::timeout(PATIENCE, search).await.context("not seen in time")?
    }
}

impl Drop for Ami {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Shared {
    fn frames(&self) -> MutexGuard<'_, Vec<Frame>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, write: impl FnOnce(&mut Recording) -> std::io::Result<()>) {
        if let Some(recording) = self.recording.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // A recording that cannot be written is found by the one who reads it.
            let _ = write(recording);
        }
    }

    async fn read(self: Arc<Self>, mut socket: OwnedReadHalf) {
        let mut pending = Vec::new();
        let mut chunk = vec![0; 65536];
        while let Ok(length @ 1..) = socket.read(&mut chunk).await {
            self.record(|recording| recording.read(&chunk[..length]));
            pending.extend_from_slice(&chunk[..length]);
            while let Some(end) = find(&pending, b"\r\n\r\n") {
                let frame = parse(&String::from_utf8_lossy(&pending[..end]));
                pending.drain(..end + 4);
                self.frames().push(frame);
                self.count.send_modify(|n| *n += 1);
            }
        }
    }
}

/// The banner stands before the first frame and has no colon: it falls out by itself.
fn parse(text: &str) -> Frame {
    let headers = text.split("\r\n").filter_map(|line| line.split_once(':'));
    headers.map(|(name, value)| (name.to_owned(), value.trim_start().to_owned())).collect()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

impl Recording {
    fn create(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = |name| File::create(folder.join(name)).with_context(|| format!("{name} in {folder:?}"));
        Ok(Self {
            raw: file("ami.raw")?,
            actions: file("actions.txt")?,
            index: file("ami.idx")?,
            read: 0,
            written: 0,
        })
    }

    fn read(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.raw.write_all(bytes)?;
        let line = json!({"t": epoch(), "dir": "in", "off": self.read, "len": bytes.len()});
        self.read += bytes.len() as u64;
        writeln!(self.index, "{line}")
    }

    fn wrote(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.actions.write_all(bytes)?;
        let line =
            json!({"t": epoch(), "dir": "out", "off": self.written, "len": bytes.len(), "in_off": self.read});
        self.written += bytes.len() as u64;
        writeln!(self.index, "{line}")
    }
}

fn epoch() -> f64 {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
    // Exact for centuries: microseconds since 1970 need 51 bits.
    micros as f64 / 1e6
}
