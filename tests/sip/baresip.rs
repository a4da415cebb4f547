//! baresip, a softphone that nobody here wrote: a person at it presses its keys over its control port.
//!
//! What it says is a tone of its own; what it hears is written to a file, so that one can tell whose voice it was.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use hookswitch_tests::ports::free_ports;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::{self, Instant};

/// How long any wait lasts before it fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// RTP begins so many ports after SIP, SIP over TLS (which it binds unasked) and control.
const RTP: u16 = 4;

/// Whose phone it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    /// The user it registers as, or calls as.
    pub(crate) user: &'a str,
    /// Registers with this password; a phone without one only calls and is called at its address.
    pub(crate) password: Option<&'a str>,
    /// What its owner says, in Hz.
    pub(crate) voice: u32,
}

/// A running baresip.
#[derive(Debug)]
pub(crate) struct Baresip {
    child: Child,
    folder: TempDir,
    control: OwnedWriteHalf,
    frames: mpsc::UnboundedReceiver<Value>,
    /// Events that came while something else was waited for.
    waiting: VecDeque<Value>,
    server: SocketAddr,
}

impl Baresip {
    /// How many ports a phone has.
    pub(crate) const PORTS: u16 = 20;

    /// Starts it at any port of an address and waits until it is registered, if it is to be.
    pub(crate) async fn start(owner: Owner<'_>, ip: [u8; 4], server: SocketAddr) -> Result<Self> {
        let ports = free_ports(Self::PORTS);
        let phone = Self::start_at(owner, (ip, ports).into(), ports, server).await?;
        if owner.password.is_some() {
            // Its first registration may be over before anybody listens to its events: the log keeps it.
            phone.logged(" binding").await?;
        }
        Ok(phone)
    }

    /// The same, at a port for SIP that is given; nothing is waited for.
    pub(crate) async fn start_at(
        owner: Owner<'_>,
        address: SocketAddr,
        ports: u16,
        server: SocketAddr,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let control = SocketAddr::from(([127, 0, 0, 1], ports + 2));
        write_settings(folder.path(), owner, address, (control, ports), server)?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "baresip", "-s", "-f"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let stream = connect(&mut child, control).await;
        let stream = stream.with_context(|| format!("baresip:\n{}", log_in(folder.path())))?;
        let (read, control) = stream.into_split();
        let (sender, frames) = mpsc::unbounded_channel();
        tokio::spawn(read_frames(read, sender));
        Ok(Self { child, folder, control, frames, waiting: VecDeque::new(), server })
    }

    /// Everything it wrote, messages included: for failures.
    pub(crate) fn log(&self) -> String {
        log_in(self.folder.path())
    }

    /// Waits for a line of its log that holds this.
    pub(crate) async fn logged(&self, what: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(what) {
            ensure!(Instant::now() < deadline, "no `{what}` in the log of baresip:\n{}", self.log());
            // A file tells nobody that it has grown: ask again.
            time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits for an event of this type; those before it are passed over.
    pub(crate) async fn sees(&mut self, kind: &str) -> Result<Value> {
        let search = async {
            loop {
                let event = match self.waiting.pop_front() {
                    Some(event) => event,
                    None => self.frames.recv().await.context("baresip is gone")?,
                };
                if event["type"] == kind {
                    return Ok(event);
                }
            }
        };
        let seen = time::timeout(PATIENCE, search).await.unwrap_or_else(|_| bail!("not seen in time"));
        seen.with_context(|| format!("waiting for {kind} of baresip:\n{}", self.log()))
    }

    /// It rings: who calls, as it shows it.
    pub(crate) async fn rings(&mut self) -> Result<String> {
        let event = self.sees("CALL_INCOMING").await?;
        Ok(event["peeruri"].as_str().unwrap_or_default().to_owned())
    }

    /// Picks up, and talks.
    pub(crate) async fn answers(&mut self) -> Result<()> {
        self.press("accept", "").await?;
        self.sees("CALL_ESTABLISHED").await.map(drop)
    }

    /// Dials a number.
    pub(crate) async fn dials(&mut self, number: &str) -> Result<()> {
        self.press("dial", &format!("sip:{number}@{}", self.server)).await
    }

    /// Transfers its call to a number, blind: by REFER.
    pub(crate) async fn transfers(&mut self, number: &str) -> Result<()> {
        self.press("transfer", &format!("sip:{number}@{}", self.server)).await
    }

    /// Puts its call on hold.
    pub(crate) async fn holds(&mut self) -> Result<()> {
        self.press("hold", "").await
    }

    /// Takes its call back.
    pub(crate) async fn retrieves(&mut self) -> Result<()> {
        self.press("resume", "").await
    }

    /// Hangs up, or declines.
    pub(crate) async fn hangs_up(&mut self) -> Result<()> {
        self.press("hangup", "").await
    }

    /// Its call is over; how, as it shows it.
    pub(crate) async fn is_free(&mut self) -> Result<String> {
        let event = self.sees("CALL_CLOSED").await?;
        Ok(event["param"].as_str().unwrap_or_default().to_owned())
    }

    /// Quits as a person quits a program: it takes its registration back and ends.
    pub(crate) async fn quits(mut self) -> Result<()> {
        self.press("quit", "").await?;
        let status = time::timeout(PATIENCE, self.child.wait()).await;
        let status = status.with_context(|| format!("baresip does not end:\n{}", self.log()))??;
        ensure!(status.success(), "baresip: {status}:\n{}", self.log());
        Ok(())
    }

    /// Waits until it has heard three tenths of a second of a voice, in all its calls together.
    pub(crate) async fn hears(&self, voice: u32) -> Result<()> {
        const TENTHS: usize = 3;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = tones(self.folder.path())?;
            if heard.get(&voice).is_some_and(|tenths| *tenths >= TENTHS) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{voice} Hz is not heard, but {heard:?}\n{}", self.log());
            // A file tells nobody that it has grown: ask again.
            time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until RTP has come in since the call began.
    pub(crate) async fn hears_something(&mut self) -> Result<()> {
        self.sees("CALL_RTPESTAB").await.map(drop)
    }

    /// Presses a key or types a command; a command that is refused is a failure.
    async fn press(&mut self, command: &str, parameter: &str) -> Result<()> {
        let text = json!({"command": command, "params": parameter}).to_string();
        self.control.write_all(format!("{}:{text},", text.len()).as_bytes()).await?;
        let answer = async {
            loop {
                let frame = self.frames.recv().await.context("baresip is gone")?;
                if frame["response"] == true {
                    return Ok(frame);
                }
                self.waiting.push_back(frame);
            }
        };
        let answer = time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| bail!("no answer"));
        let answer = answer.with_context(|| format!("{command} at baresip:\n{}", self.log()))?;
        ensure!(answer["ok"] == true, "{command} {parameter}: {answer}\n{}", self.log());
        Ok(())
    }
}

/// Its files, as its manual has them.
fn write_settings(
    folder: &Path,
    owner: Owner<'_>,
    address: SocketAddr,
    (control, ports): (SocketAddr, u16),
    server: SocketAddr,
) -> Result<()> {
    let Owner { user, password, voice } = owner;
    let config = format!(
        "poll_method epoll
sip_listen {address}
net_interface {ip}
rtp_ports {first}-{last}
audio_source ausine,{voice}
ausrc_srate 48000
ausrc_channels 2
audio_player aubridge,ear
auplay_srate 8000
audio_alert aubridge,bell
snd_path {folder}
module_path /usr/lib/baresip/modules
module g711.so
module ausine.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {control}
",
        ip = address.ip(),
        first = ports + RTP,
        last = ports + Baresip::PORTS - 1,
        folder = folder.display(),
    );
    let account = match password {
        Some(password) => format!("<sip:{user}@{server}>;auth_user={user};auth_pass={password};regint=600\n"),
        None => format!("<sip:{user}@{}>;regint=0\n", address.ip()),
    };
    fs::write(folder.join("config"), config)?;
    fs::write(folder.join("accounts"), account)?;
    fs::write(folder.join("contacts"), "")?;
    Ok(())
}

fn log_in(folder: &Path) -> String {
    // Messages may hold any bytes.
    String::from_utf8_lossy(&fs::read(folder.join("log")).unwrap_or_default()).into_owned()
}

async fn connect(child: &mut Child, control: SocketAddr) -> Result<TcpStream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(stream) = TcpStream::connect(control).await {
            return Ok(stream);
        }
        if let Some(status) = child.try_wait()? {
            bail!("it ended: {status}");
        }
        ensure!(Instant::now() < deadline, "no control port at {control}");
        // Before it listens there is nothing to wait on: ask again.
        time::sleep(Duration::from_millis(20)).await;
    }
}

/// Netstrings of JSON, until the end.
async fn read_frames(read: OwnedReadHalf, frames: mpsc::UnboundedSender<Value>) {
    let mut read = BufReader::new(read);
    loop {
        let mut length = Vec::new();
        if !matches!(read.read_until(b':', &mut length).await, Ok(1..)) {
            return;
        }
        let length = String::from_utf8_lossy(&length).trim_matches([':', ',']).parse();
        let Ok(length) = length else { return };
        let mut text: Vec<u8> = vec![0; length];
        if read.read_exact(&mut text).await.is_err() || read.read_u8().await.is_err() {
            return;
        }
        if frames.send(serde_json::from_slice(&text).unwrap_or_default()).is_err() {
            return;
        }
    }
}

/// What was heard: how many tenths of a second of each tone (Hz, to the nearest twenty).
fn tones(folder: &Path) -> Result<BTreeMap<u32, usize>> {
    /// 16 bits each, 8,000 a second.
    const TENTH: usize = 800;
    const WAV_HEADER: usize = 44;
    const LOUD: i16 = 2_000;
    let mut heard = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.to_string_lossy().ends_with("-dec.wav") {
            continue;
        }
        let bytes = fs::read(path)?;
        let samples: Vec<i16> = bytes
            .get(WAV_HEADER..)
            .unwrap_or_default()
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        for tenth in samples.chunks_exact(TENTH) {
            if tenth.iter().all(|sample| sample.saturating_abs() < LOUD) {
                continue;
            }
            let rises = tenth.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
            // A tenth may cut one of them off.
            *heard.entry(u32::try_from(rises)?.div_ceil(2) * 20).or_default() += 1;
        }
    }
    Ok(heard)
}
