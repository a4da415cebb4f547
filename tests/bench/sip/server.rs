//! The two servers that are compared, and what they use.

use std::{fmt::Write as _, net::SocketAddr, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use hookswitch_tests::daemon::Daemon;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::sipp;

/// Dialled to be put through at once.
pub(super) const DIRECT: &str = "5100";
/// Dialled to wait for an agent.
pub(super) const QUEUED: &str = "5200";
/// Dialled to wait where nobody serves.
pub(super) const WAITING: &str = "5300";
/// Where [`DIRECT`] leads.
const OUTSIDE: &str = "+4930555999";
/// Agents of the queue, behind the phones' trunk.
const AGENTS: u32 = 200;

/// Who calls, what stands between, who is called.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub(super) callers: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) phones: SocketAddr,
}

/// Kamailio as a stateful proxy.
pub(super) struct Kamailio {
    child: Child,
    _folder: TempDir,
}

impl Kamailio {
    pub(super) async fn start(places: &Places) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let text = std::fs::read_to_string(sipp::file("kamailio.cfg"))?;
        let text =
            text.replace("LISTEN", &places.server.to_string()).replace("PHONES", &places.phones.to_string());
        let path = folder.path().join("proxy.cfg");
        std::fs::write(&path, text)?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        // It ends its own processes when it is told to, and is told to when the bench ends.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "kamailio", "-DD", "-m", "512", "-M", "16", "-f"])
            .arg(&path)
            .arg("-Y")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("no Kamailio; hint: apt-get install kamailio")?;
        let mut kamailio = Self { child, _folder: folder };
        let bound = format!(":{:04X}", places.server.port());
        while !std::fs::read_to_string("/proc/net/udp")?.contains(&bound) {
            ensure!(kamailio.child.try_wait()?.is_none(), "Kamailio does not listen at {}", places.server);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(kamailio)
    }

    pub(super) fn used(&self) -> Result<Duration> {
        used(self.child.id().context("Kamailio has ended")?)
    }

    pub(super) async fn stop(mut self) -> Result<()> {
        let pid = self.child.id().context("Kamailio has ended")?;
        Command::new("kill").arg(pid.to_string()).status().await?;
        self.child.wait().await?;
        Ok(())
    }
}

/// Hookswitch: the same calls put through, and a queue. Journal and events as in production.
pub(super) async fn hookswitch(places: &Places) -> Result<Daemon> {
    let mut daemon = Daemon::start(&configuration(places)).await?;
    daemon.wait_links_up().await?;
    Ok(daemon)
}

fn configuration(places: &Places) -> String {
    let Places { callers, server, phones } = places;
    let mut text = format!(
        "[numbers]\ncountry = \"DE\"\n\n\
         [[pbx]]\nname = \"edge\"\nkind = \"sip\"\nlisten = [\"udp:{server}\"]\nmax_calls = 30000\ntrunks = [\n\
         {{ name = \"carrier\", from = [\"{}/32\"], address = \"sip:{callers}\", outside = false }},\n\
         {{ name = \"phones\", from = [\"{}/32\"], address = \"sip:{phones}\" }},\n]\n\n\
         [[queue]]\nid = \"served\"\nmembers = {{ teams = [\"all\"] }}\n\n\
         [[queue]]\nid = \"nobody\"\nmembers = {{ teams = [\"away\"] }}\n\n\
         [[route]]\nname = \"direct\"\nwhen = 'dnis == \"{DIRECT}\"'\ntransfer = \"{OUTSIDE}\"\n\n\
         [[route]]\nname = \"queued\"\nwhen = 'dnis == \"{QUEUED}\"'\nqueue = \"served\"\n\n\
         [[route]]\nname = \"waiting\"\nwhen = 'dnis == \"{WAITING}\"'\nqueue = \"nobody\"\n\n",
        callers.ip(),
        phones.ip(),
    );
    for agent in 0..AGENTS {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "[[agent]]\nid = \"agent{agent}\"\nname = \"Agent {agent}\"\npbx = \"edge\"\n\
             devices = [\"sip:{}@phones\"]\nteams = [\"all\"]\nstart = \"ready\"\n\n",
            1_000 + agent
        );
    }
    // Not logged in.
    text + "[[agent]]\nid = \"away\"\npbx = \"edge\"\ndevices = [\"sip:999@phones\"]\nteams = [\"away\"]\n\n"
}

/// What a process and its children have computed, in the kernel and outside.
pub(super) fn used(pid: u32) -> Result<Duration> {
    /// Of the fields of proc(5) behind the name: user and system time, in ticks of 10 ms.
    const TIMES: [usize; 2] = [11, 12];
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("/proc/PID/stat has a name")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let mut ticks = 0;
    for time in TIMES {
        ticks += fields.get(time).context("/proc/PID/stat has times")?.parse::<u64>()?;
    }
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let children = children.split_whitespace().map(|child| used(child.parse()?));
    Ok(Duration::from_millis(ticks * 10) + children.sum::<Result<Duration>>()?)
}
