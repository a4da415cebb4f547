//! The real `hookswitch` program, with a configuration of the test's, on loopback.

use std::fs::Permissions;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{OnceCell, watch};
use tokio::time::{self, Instant};

use crate::http::Api;
use crate::ports::free_port;

const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(20);

/// The token with the `admin` role that every configuration of a test has.
pub const ADMIN: &str = "tests-admin";

/// A daemon and what it keeps on disk.
#[derive(Debug)]
pub struct Daemon {
    folder: TempDir,
    listen: SocketAddr,
    child: Option<Child>,
    log: watch::Sender<String>,
}

/// A `[[token]]` table; `agent` for the role of that name.
#[must_use]
pub fn token(text: &str, role: &str, agent: Option<&str>) -> String {
    let hash: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let agent = agent.map_or(String::new(), |agent| format!("agent = \"{agent}\"\n"));
    format!("[[token]]\nname = \"{text}\"\nrole = \"{role}\"\n{agent}hash = \"sha256:{hash}\"\n\n")
}

impl Daemon {
    /// Writes a configuration and starts the daemon on it. `[server]`, `[journal]` and the admin's token are added:
    /// the test gives the rest.
    ///
    /// # Errors
    /// When it does not become ready: the error holds its log.
    pub async fn start(configuration: &str) -> Result<Self> {
        let mut daemon = Self::prepare(configuration)?;
        daemon.launch().await?;
        Ok(daemon)
    }

    /// The configuration on disk, nothing started.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn prepare(configuration: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let daemon = Self { folder, listen, child: None, log: watch::Sender::default() };
        daemon.write(configuration)?;
        Ok(daemon)
    }

    /// Replaces the configuration on disk; the daemon is not told.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, configuration: &str) -> Result<()> {
        let journal = self.folder.path().join("journal");
        let mut file = std::fs::File::create(self.config())?;
        // It holds secrets.
        file.set_permissions(Permissions::from_mode(0o600))?;
        write!(
            file,
            "[server]\nlisten = \"{}\"\n\n[journal]\npath = \"{}\"\n\n{}{configuration}",
            self.listen,
            journal.display(),
            token(ADMIN, "admin", None),
        )?;
        Ok(())
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("hookswitch.toml")
    }

    /// Its journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// A client with the admin's token.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(self.listen, Some(ADMIN))
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Everything it wrote to standard output and standard error, over all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// The first line of its log that fits, also one that came before.
    ///
    /// # Errors
    /// When none comes in time: the error holds its log.
    pub async fn logged(&self, what: &str, fits: impl Fn(&str) -> bool) -> Result<String> {
        let mut log = self.log.subscribe();
        let found = time::timeout(START, log.wait_for(|log| log.lines().any(&fits))).await;
        let found = found
            .ok()
            .and_then(Result::ok)
            .and_then(|log| log.lines().find(|line| fits(line)).map(str::to_owned));
        found.with_context(|| format!("no {what} in the log:\n{}", self.log()))
    }

    /// Starts it (again, after [`Daemon::kill`] or [`Daemon::stop`]) and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready: the error holds its log.
    pub async fn launch(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "it runs already");
        // Dies with the test, also when the test is killed.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(program().await?)
            .args(["serve", "--config"])
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(stdout) = child.stdout.take() {
            self.keep(stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            self.keep(stderr);
        }
        self.child = Some(child);
        self.wait_ready("/readyz").await
    }

    /// Waits until every link to a PBX is up.
    ///
    /// # Errors
    /// When one is not in time: the error holds the daemon's log.
    pub async fn wait_links_up(&mut self) -> Result<()> {
        self.wait_ready("/readyz?links=up").await
    }

    async fn wait_ready(&mut self, path: &str) -> Result<()> {
        let api = self.api();
        let deadline = Instant::now() + START;
        loop {
            if api.get(path).await.is_ok() {
                return Ok(());
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                self.child = None;
                bail!("the daemon ended ({status}) before it was ready:\n{}", self.log());
            }
            ensure!(Instant::now() < deadline, "{path} is not 200 after {START:?}:\n{}", self.log());
            // Before it listens there is nothing to wait on: ask again.
            time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn keep(&self, stream: impl AsyncRead + Unpin + Send + 'static) {
        let log = self.log.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                log.send_modify(|log| {
                    log.push_str(&line);
                    log.push('\n');
                });
            }
        });
    }

    /// Ends it at once (SIGKILL).
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        child.kill().await.context("kill")
    }

    /// Asks it to end (SIGTERM) and waits.
    ///
    /// # Errors
    /// When it does not run, or does not end in time.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.signal("TERM").await?;
        let mut child = self.child.take().context("it does not run")?;
        let status = time::timeout(STOP, child.wait()).await;
        status.with_context(|| format!("it does not end after SIGTERM:\n{}", self.log()))?.context("wait")
    }

    /// Sends a signal, by its short name.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn signal(&self, name: &str) -> Result<()> {
        let pid = self.pid().context("it does not run")?;
        let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status().await?;
        ensure!(status.success(), "kill -s {name} {pid}: {status}");
        Ok(())
    }

    /// Runs another command of the program on this configuration.
    ///
    /// # Errors
    /// When the program cannot be run; its failure is in the output.
    pub async fn command(&self, arguments: &[&str]) -> Result<Output> {
        run(arguments, Some(&self.config())).await
    }
}

/// Runs a command of the program.
///
/// # Errors
/// When the program cannot be run; its failure is in the output.
pub async fn run(arguments: &[&str], config: Option<&Path>) -> Result<Output> {
    let mut command = Command::new(program().await?);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    if let Some(config) = config {
        command.env("HOOKSWITCH_CONFIG", config);
    }
    let output = time::timeout(Duration::from_secs(60), command.output()).await;
    output.with_context(|| format!("hookswitch {arguments:?} does not end"))?.context("hookswitch")
}

/// The program under test: `$HOOKSWITCH_BIN`, or what cargo builds now, in the profile of the tests.
///
/// # Errors
/// When it cannot be built.
pub async fn program() -> Result<PathBuf> {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    PROGRAM.get_or_try_init(build).await.cloned()
}

async fn build() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("HOOKSWITCH_BIN") {
        return Ok(path.into());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // All packages are selected, as in `cargo test --workspace`, so that features and artefacts are the same.
    command.args(["build", "--workspace", "--bin", "hookswitch", "--message-format", "json"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit()).output().await?;
    ensure!(output.status.success(), "cargo cannot build hookswitch");
    let messages = String::from_utf8(output.stdout)?;
    let artefacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program =
        artefacts.filter_map(|message| Some(message.get("executable")?.as_str()?.to_owned())).next_back();
    program.map(PathBuf::from).context("cargo names no executable")
}
