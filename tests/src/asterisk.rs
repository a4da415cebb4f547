//! A real Asterisk, started for a test: its own ports, folders and configuration, gone when dropped.
//!
//! `tests/asterisk/lab.sh` builds one chroot a version, once, and runs instances from it; see there for the
//! requirements (root, Debian). `tests/asterisk/conf` is the PBX's configuration with its numbers.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::time::{self, Instant};

use crate::ami::Ami;
use crate::ports::free_port;

/// The environment variable that leaves real PBXs out, by choice.
pub const SKIP: &str = "HOOKSWITCH_SKIP_ASTERISK";

/// User and secret of the AMI account Hookswitch is given in the lab.
pub const HOOKSWITCH_USER: (&str, &str) = ("hookswitch", "hookswitch-lab");

/// User and secret of the tests' own AMI account, which may do and see everything.
pub const LAB_USER: (&str, &str) = ("lab", "hookswitch-lab");

/// What the agreed dialplan and normaliser need on every channel event.
pub const CHANNELVARS: &str =
    "HS_CALL,HS_OFFER,HS_CONSULT,CALLERID(pres),REDIRECTING(from-num),REDIRECTING(reason)";

const BOOT: Duration = Duration::from_secs(60);

/// The versions the project promises to work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Asterisk 16.28, from Debian bullseye.
    V16,
    /// Asterisk 22, from Debian sid.
    V22,
}

impl Version {
    fn as_str(self) -> &'static str {
        match self {
            Self::V16 => "16",
            Self::V22 => "22",
        }
    }
}

/// What differs between instances.
#[derive(Debug, Clone)]
pub struct Options {
    /// The text of `hookswitch.conf`, as `hookswitch dialplan` prints it.
    pub dialplan: String,
    /// `channelvars` of `manager.conf`.
    pub channelvars: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { dialplan: String::new(), channelvars: CHANNELVARS.to_owned() }
    }
}

/// A running Asterisk.
#[derive(Debug)]
pub struct Asterisk {
    version: Version,
    name: String,
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
    ami: SocketAddr,
    ami_tls: SocketAddr,
    sip: SocketAddr,
    trunk: SocketAddr,
    load: SocketAddr,
    http: SocketAddr,
    https: SocketAddr,
    guard: Option<Running>,
}

#[derive(Debug)]
struct Running {
    /// The shell that watches over Asterisk: it ends it when this pipe closes.
    shell: Child,
    pid: u32,
}

/// Whether real PBXs are left out by choice; says so on standard error.
#[must_use]
pub fn skipped() -> bool {
    let skip = std::env::var(SKIP).is_ok_and(|value| value == "1");
    if skip {
        eprintln!("skipped by choice: {SKIP}=1, this needs a real Asterisk");
    }
    skip
}

impl Asterisk {
    /// Builds the chroot when it is not there yet, starts an instance and waits until it is fully booted.
    ///
    /// # Errors
    /// When this machine cannot have an Asterisk: the message says what is missing.
    pub async fn start(version: Version, options: Options) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let root = chroot(version).await?;
        let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = root.join("lab").join(&name);
        let ours = |ip: [u8; 4]| SocketAddr::from((Ipv4Addr::from(ip), free_port()));
        let (ami, ami_tls, sip) = (ours([127, 0, 0, 1]), ours([127, 0, 0, 1]), ours([127, 0, 0, 1]));
        let (trunk, load) = (ours([127, 0, 0, 2]), ours([127, 0, 0, 2]));
        let (http, https) = (ours([127, 0, 0, 1]), ours([127, 0, 0, 1]));
        std::fs::create_dir_all(&folder)?;
        let dialplan = folder.join("dialplan");
        std::fs::write(&dialplan, &options.dialplan)?;
        let environment = vec![
            ("AMI_PORT", ami.port().to_string()),
            ("AMI_TLS_PORT", ami_tls.port().to_string()),
            ("SIP_PORT", sip.port().to_string()),
            ("TRUNK_PORT", trunk.port().to_string()),
            ("LOAD_PORT", load.port().to_string()),
            ("HTTP_PORT", http.port().to_string()),
            ("HTTPS_PORT", https.port().to_string()),
            ("CHANNELVARS", options.channelvars),
            ("DIALPLAN", dialplan.display().to_string()),
        ];
        let mut asterisk = Self {
            version,
            name,
            folder,
            environment,
            ami,
            ami_tls,
            sip,
            trunk,
            load,
            http,
            https,
            guard: None,
        };
        asterisk.boot().await?;
        Ok(asterisk)
    }

    /// Where AMI is.
    #[must_use]
    pub fn ami(&self) -> SocketAddr {
        self.ami
    }

    /// Where AMI over TLS is.
    #[must_use]
    pub fn ami_tls(&self) -> SocketAddr {
        self.ami_tls
    }

    /// The CA that vouches for AMI over TLS, for `ca`.
    #[must_use]
    pub fn ami_ca(&self) -> PathBuf {
        self.folder.join("etc/ca.pem")
    }

    /// Where phones and the trunk send their requests.
    #[must_use]
    pub fn sip(&self) -> SocketAddr {
        self.sip
    }

    /// Where the PBX expects its carrier.
    #[must_use]
    pub fn trunk(&self) -> SocketAddr {
        self.trunk
    }

    /// Where the PBX expects the SIPp agents of a load test.
    #[must_use]
    pub fn load_agent(&self) -> SocketAddr {
        self.load
    }

    /// Where browsers register: by `wss`, and at the older PBX by `ws`.
    #[must_use]
    pub fn websocket(&self) -> (&'static str, SocketAddr) {
        match self.version {
            Version::V22 => ("wss", self.https),
            Version::V16 => ("ws", self.http),
        }
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.guard.as_ref().map(|running| running.pid)
    }

    /// An AMI connection of the tests' own.
    ///
    /// # Errors
    /// When the PBX is down.
    pub async fn lab_ami(&self) -> Result<Ami> {
        Ami::login(self.ami, LAB_USER.0, LAB_USER.1).await
    }

    /// A console command; its output.
    ///
    /// # Errors
    /// When the PBX is down.
    pub async fn cli(&self, command: &str) -> Result<String> {
        let output = lab().args(["cli", self.version.as_str(), &self.name, command]).output().await?;
        if !output.status.success() {
            bail!(
                "console of Asterisk {}: {}",
                self.version.as_str(),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Replaces `hookswitch.conf` and reloads the dialplan.
    ///
    /// # Errors
    /// When the PBX is down or does not take the dialplan.
    pub async fn set_dialplan(&self, text: &str) -> Result<()> {
        std::fs::write(self.folder.join("dialplan"), text)?; // what a restart takes
        std::fs::write(self.folder.join("etc/hookswitch.conf"), text)?;
        let said = self.cli("dialplan reload").await?;
        if !said.contains("reloaded") {
            bail!("dialplan reload: {said}");
        }
        Ok(())
    }

    /// What Asterisk logged: for failures.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log/messages")).unwrap_or_default()
    }

    /// Ends the process at once, as a power cut does, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn kill(&mut self) -> Result<()> {
        let Some(mut running) = self.guard.take() else { return Ok(()) };
        Command::new("kill").args(["-KILL", &running.pid.to_string()]).status().await?;
        running.shell.wait().await?;
        Ok(())
    }

    /// Starts it again on the same ports.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill().await?;
        self.boot().await
    }

    async fn boot(&mut self) -> Result<()> {
        let mut shell = lab()
            .args(["run", self.version.as_str(), &self.name])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let stdout = shell.stdout.take().context("stdout is piped")?;
        let first = BufReader::new(stdout).lines().next_line().await?;
        let pid = first.and_then(|line| line.parse().ok()).context("lab.sh run did not name a process")?;
        self.guard = Some(Running { shell, pid });
        self.wait_fully_booted().await.with_context(|| {
            format!("Asterisk {} in {}: {}", self.version.as_str(), self.folder.display(), self.log())
        })
    }

    async fn wait_fully_booted(&mut self) -> Result<()> {
        let deadline = Instant::now() + BOOT;
        loop {
            if let Ok(ami) = self.lab_ami().await {
                return ami.wait_event("FullyBooted", &[]).await.map(drop);
            }
            if let Some(status) =
                self.guard.as_mut().and_then(|running| running.shell.try_wait().ok().flatten())
            {
                bail!("it ended while booting: {status}");
            }
            if Instant::now() > deadline {
                bail!("not booted in {BOOT:?}");
            }
            // There is no event for "the port is open now": ask again.
            time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Installs what the tests need from Debian, once in a process.
///
/// # Errors
/// When it cannot be installed: the message says what is missing.
pub async fn install_tools() -> Result<()> {
    static TOOLS: OnceCell<()> = OnceCell::const_new();
    let install = || async {
        let output = lab().arg("tools").output().await?;
        check(output.status, &output.stderr)
    };
    TOOLS.get_or_try_init(install).await.copied()
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("asterisk/lab.sh")
}

fn lab() -> Command {
    Command::new(script())
}

/// The folder of a version's chroot; built once in a process, and once on a machine.
async fn chroot(version: Version) -> Result<PathBuf> {
    static V16: OnceCell<PathBuf> = OnceCell::const_new();
    static V22: OnceCell<PathBuf> = OnceCell::const_new();
    let cell = match version {
        Version::V16 => &V16,
        Version::V22 => &V22,
    };
    cell.get_or_try_init(|| build(version)).await.cloned()
}

async fn build(version: Version) -> Result<PathBuf> {
    let advice = format!("set {SKIP}=1 to leave real PBXs out");
    let output = lab().args(["build", version.as_str()]).output().await;
    let output = output.with_context(|| format!("cannot run {}; {advice}", script().display()))?;
    check(output.status, &output.stderr)
        .with_context(|| format!("cannot have Asterisk {}; {advice}", version.as_str()))?;
    // Leftovers of runs that were killed; failing to tidy up is no failure of the test.
    let _ = lab().args(["sweep", version.as_str()]).output().await;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn check(status: ExitStatus, stderr: &[u8]) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("{status}: {}", String::from_utf8_lossy(stderr).trim())
}
