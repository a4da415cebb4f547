//! Thousands of calls of each kind at one daemon: each ends once, and as it should; afterwards nothing is left.
//!
//! `CALLS` sets how many of each kind, `HASTE` how many times faster they come; `make soak-sip` plays 10,000.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::daemon::Daemon;
use hookswitch_tests::ports::{free_port, free_ports};
use hookswitch_tests::sipp::Crowd;
use libtest_mimic::Trial;
use tokio::time;

use crate::block_on;

/// Of each kind, where nobody says how many.
const CALLS: u32 = 100;
/// Agents of a kind whose calls ring long, or are refused: by turns, so that none is called while another call is
/// with them.
const AGENTS: usize = 900;
/// Agents of a kind with a queue.
const SERVERS: usize = 40;
/// Calls whose voice is ours, at once.
const VOICES: u16 = 100;
/// The longest a transaction lives on is 32 s (RFC 3261 section 17.1.1.2, timer D).
const DRAINED: Duration = Duration::from_secs(120);
/// How much the second half may add to what the daemon holds, in KiB: it still fills the journal's cache and its allocator's
/// arenas. In the soak, 1.5 KiB a call kept would show.
const GROWTH: u64 = 64 * 1_024;

/// How calls of one kind go.
struct Kind {
    name: &'static str,
    /// A second; each kind has its own.
    rate: u32,
    caller: &'static str,
    /// What the agents' phones do; none: nobody is rung.
    phone: Option<&'static str>,
    reached: Reached,
    disposition: &'static str,
}

/// Whom callers reach.
enum Reached {
    /// A queue with agents.
    Queue,
    /// A queue whose agents are logged out, with music or without.
    Nobody { music: bool },
    /// One agent each, directly.
    Agents,
    /// A number outside.
    Outside,
}

const TALKS: &str = "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 50\nBYE\n< 200";
const IS_HUNG_UP_ON: &str = "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\n< BYE\n200";
const ANSWERS: &str = "< INVITE\n180\n200\n< ACK\n< BYE\n200";

const KINDS: &[Kind] = &[
    Kind {
        name: "answered",
        rate: 60,
        caller: TALKS,
        phone: Some(ANSWERS),
        reached: Reached::Queue,
        disposition: "answered",
    },
    Kind {
        name: "abandoned",
        rate: 60,
        caller: "INVITE\n< 100?\n< 182\npause 50\nCANCEL\n< 182?\n< 200\n< 487\nACK | refused",
        phone: None,
        reached: Reached::Nobody { music: false },
        disposition: "abandoned",
    },
    Kind {
        name: "music",
        rate: 30,
        caller: "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\npause 200\nBYE\n< 200",
        phone: None,
        reached: Reached::Nobody { music: true },
        disposition: "abandoned",
    },
    Kind {
        name: "busy",
        rate: 60,
        caller: "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 486\nACK | refused",
        phone: Some("< INVITE\n486\n< ACK"),
        reached: Reached::Agents,
        disposition: "busy",
    },
    Kind {
        // Each is rung for 30 s.
        name: "missed",
        rate: 9,
        caller: "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 480\nACK | refused",
        phone: Some("< INVITE\n180\n< CANCEL\n200\n487 INVITE\n< ACK"),
        reached: Reached::Agents,
        disposition: "missed",
    },
    Kind {
        name: "held",
        rate: 50,
        caller: "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\n< INVITE\n200 | body: voice\n< ACK\n\
                 < INVITE\n200 | body: voice\n< ACK\n< BYE\n200",
        phone: Some(
            "< INVITE\n180\n200\n< ACK\npause 20\nINVITE | body: sendonly\n< 100?\n< 200\nACK\npause 50\n\
             INVITE | body: back\n< 100?\n< 200\nACK\npause 20\nBYE\n< 200",
        ),
        reached: Reached::Queue,
        disposition: "answered",
    },
    Kind {
        name: "transferred",
        rate: 40,
        // The first re-INVITE is from nobody, while the other queue is waited in; the second from who answers there.
        caller: "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 200\nACK\n< INVITE\n200 | body: voice\n< ACK\n\
                 < INVITE\n200 | body: voice\n< ACK\npause 20\nBYE\n< 200",
        phone: Some(
            "< INVITE\n180\n200\n< ACK\npause 20\nREFER | Refer-To: <sip:10000@hookswitch>\n< 202\n< NOTIFY\n200\n\
             < NOTIFY\n200\n< BYE\n200",
        ),
        reached: Reached::Queue,
        disposition: "answered",
    },
    Kind {
        name: "hung_up_on",
        rate: 60,
        caller: IS_HUNG_UP_ON,
        phone: Some("< INVITE\n180\n200\n< ACK\npause 50\nBYE\n< 200"),
        reached: Reached::Queue,
        disposition: "answered",
    },
    Kind {
        name: "failed",
        rate: 60,
        caller: "INVITE\n< 100?\n< 182?\n< 180?\n< 183?\n< 480\nACK | refused",
        phone: Some("< INVITE\n500\n< ACK"),
        reached: Reached::Outside,
        disposition: "failed",
    },
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("many::calls_of_each_kind_end_once_and_leave_nothing", || block_on(all_kinds()))]
}

/// A kind's place in the table gives it its numbers, from 10000 on by thousands: its queue, or its agents.
const fn base(at: usize) -> usize {
    10_000 + 1_000 * at
}

fn numbers(at: usize, kind: &Kind) -> Vec<String> {
    let base = base(at);
    match kind.reached {
        Reached::Agents => (0..AGENTS).map(|agent| format!("{}", base + agent)).collect(),
        Reached::Queue | Reached::Nobody { .. } | Reached::Outside => vec![base.to_string()],
    }
}

fn configuration(here: SocketAddr, phones: &[SocketAddr], music: &str) -> String {
    let rtp = free_ports(VOICES);
    let mut trunks =
        "{ name = \"carrier\", from = [\"127.0.0.2/32\"], address = \"sip:127.0.0.2:9\", outside = false }"
            .to_owned();
    let mut text = String::new();
    for (at, (kind, phone)) in KINDS.iter().zip(phones).enumerate() {
        let Kind { name, reached, .. } = kind;
        let outside = matches!(reached, Reached::Outside);
        // Writing to a String cannot fail.
        let _ = write!(
            trunks,
            ", {{ name = \"{name}\", from = [\"127.0.0.3/32\"], address = \"sip:{phone}\", outside = {outside} }}"
        );
        add_kind(&mut text, at, kind);
    }
    format!(
        "[numbers]\ncountry = \"DE\"\noutbound_allow = [\"+49\"]\nextensions = [\"xxxxx\"]\n\n\
         [[pbx]]\nname = \"hq\"\nkind = \"sip\"\nlisten = [\"udp:{here}\"]\nring_timeout = \"1s\"\n\
         rtp_ports = \"{rtp}-{}\"\nmusic = {{ jazz = \"{music}\" }}\ntrunks = [{trunks}]\n\n{text}",
        rtp + VOICES - 1,
    )
}

fn add_kind(text: &mut String, at: usize, kind: &Kind) {
    let Kind { name, reached, .. } = kind;
    let numbers = numbers(at, kind);
    let mut agent = |id: &str, device: &str, start: &str| {
        let _ = write!(
            text,
            "[[agent]]\nid = \"{id}\"\npbx = \"hq\"\ndevices = [\"sip:{device}@{name}\"]\nteams = [\"{name}\"]\n{start}\n\n"
        );
    };
    match reached {
        Reached::Queue => {
            for server in 1..=SERVERS {
                let number = base(at) + server;
                agent(&format!("{name}{number}"), &number.to_string(), "start = \"ready\"");
            }
        }
        Reached::Nobody { .. } => agent(name, &(base(at) + 1).to_string(), ""),
        Reached::Agents => {
            for number in &numbers {
                agent(&format!("{name}{number}"), number, "start = \"ready\"");
            }
        }
        Reached::Outside => {}
    }
    if let Reached::Queue | Reached::Nobody { .. } = reached {
        let music =
            if matches!(reached, Reached::Nobody { music: true }) { "music = \"jazz\"\n" } else { "" };
        let _ = write!(
            text,
            "[[queue]]\nid = \"{name}\"\nmembers = {{ teams = [\"{name}\"] }}\nwrap_up = \"0s\"\n{music}\n"
        );
    }
    for number in numbers {
        let to = match reached {
            Reached::Queue | Reached::Nobody { .. } => format!("queue = \"{name}\""),
            Reached::Agents => format!("agent = \"{name}{number}\""),
            Reached::Outside => "transfer = \"+493012345\"".to_owned(),
        };
        let _ = write!(text, "[[route]]\nname = \"{name}{number}\"\nwhen = 'dnis == \"{number}\"'\n{to}\n\n");
    }
}

async fn all_kinds() -> Result<()> {
    let calls = std::env::var("CALLS").ok().and_then(|calls| calls.parse().ok()).unwrap_or(CALLS);
    let haste = std::env::var("HASTE").ok().and_then(|haste| haste.parse().ok()).unwrap_or(1);
    let folder = tempfile::tempdir()?;
    let music = folder.path().join("music.ul");
    std::fs::write(&music, [0x2a; 8_000])?;
    let here = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let addresses: Vec<SocketAddr> =
        KINDS.iter().map(|_| SocketAddr::from(([127, 0, 0, 3], free_port()))).collect();
    let mut daemon = Daemon::start(&configuration(here, &addresses, &music.display().to_string())).await?;
    daemon.wait_links_up().await?;
    let mut phones = Vec::new();
    for (kind, address) in KINDS.iter().zip(&addresses) {
        if let Some(script) = kind.phone {
            phones.push((kind.name, Crowd::phones(script, *address).await?));
        }
    }
    let errors = |phones: &[(&str, Crowd)]| {
        let all = phones.iter().map(|(name, crowd)| format!("{name}: {}", crowd.errors()));
        all.collect::<Vec<_>>().join("\n")
    };
    // In a soak the first half shows what a daemon keeps for good; the second must not add to it.
    let parts = if calls > CALLS { vec![calls / 2, calls - calls / 2] } else { vec![calls] };
    let mut kept = Vec::new();
    let mut expected = BTreeMap::<String, u64>::new();
    for part in parts {
        for (at, kind) in KINDS.iter().enumerate() {
            let (begun, rate) = (Instant::now(), kind.rate * haste);
            let crowd = Crowd::callers(kind.caller, &numbers(at, kind), here, (part, rate)).await?;
            let limit = Duration::from_secs(u64::from(part / rate) * 4 + 120);
            let ended = crowd.end(limit).await;
            ended
                .with_context(|| format!("{}\nphones:\n{}\n{}", kind.name, errors(&phones), daemon.log()))?;
            *expected.entry(kind.disposition.to_owned()).or_default() += u64::from(part);
            println!("{part:6} {:12} {:6.1} s", kind.name, begun.elapsed().as_secs_f64());
        }
        let left = drained(&daemon, &expected).await?;
        println!("after {part} of each: {left}");
        kept.push(left.resident);
    }
    ensure!(!daemon.log().contains("panicked"), "{}", daemon.log());
    let snapshot = daemon.api().get("/v1/snapshot").await?;
    ensure!(snapshot["calls"].as_array().is_some_and(Vec::is_empty), "{}", snapshot["calls"]);
    let idle = |agent: &&serde_json::Value| !matches!(agent["state"].as_str(), Some("ready" | "logged_out"));
    let stuck: Vec<_> = snapshot["agents"].as_array().context("agents")?.iter().filter(idle).collect();
    ensure!(stuck.is_empty(), "{} stuck: {:?}", stuck.len(), stuck.first());
    for pair in kept.windows(2) {
        let growth = pair[1].saturating_sub(pair[0]);
        ensure!(growth <= GROWTH, "it grew by {growth} KiB: {kept:?}");
    }
    Ok(())
}

/// What is left of calls that are over.
#[derive(Debug)]
struct Left {
    /// Of the SIP side, by the metric's name.
    sip: BTreeMap<String, f64>,
    /// How many ended how.
    ended: BTreeMap<String, u64>,
    /// KiB.
    resident: u64,
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} KiB resident; ended {:?}; left {:?}", self.resident, self.ended, self.sip)
    }
}

/// Waits until every call has been told as ended, as it should, and nothing of it is left.
async fn drained(daemon: &Daemon, expected: &BTreeMap<String, u64>) -> Result<Left> {
    let deadline = time::Instant::now() + DRAINED;
    loop {
        let left = left(daemon).await?;
        if left.sip.len() == KEPT.len()
            && left.sip.values().all(|count| *count == 0.0)
            && left.ended == *expected
        {
            return Ok(left);
        }
        ensure!(time::Instant::now() < deadline, "{left}; expected {expected:?}\n{}", daemon.log());
        // The figures are those of the last second.
        time::sleep(Duration::from_secs(1)).await;
    }
}

/// What must be none.
const KEPT: [&str; 6] = [
    "hookswitch_sip_calls",
    "hookswitch_sip_dialogs",
    "hookswitch_sip_attempts",
    "hookswitch_sip_requests",
    "hookswitch_sip_transactions",
    "hookswitch_sip_voice_ports",
];

async fn left(daemon: &Daemon) -> Result<Left> {
    let text = daemon.api().get("/metrics").await?;
    let text = text.as_str().context("metrics are text")?;
    let mut left = Left { sip: BTreeMap::new(), ended: BTreeMap::new(), resident: 0 };
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let (name, labels) = name.split_once('{').unwrap_or((name, ""));
        if KEPT.contains(&name) {
            left.sip.insert(name.to_owned(), value.parse()?);
        } else if name == "hookswitch_calls_ended_total" {
            let disposition = labels.split('"').nth(1).context("a disposition")?;
            *left.ended.entry(disposition.to_owned()).or_default() += value.parse::<u64>()?;
        }
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid().context("it runs")?))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    left.resident = resident.trim().trim_end_matches(" kB").parse()?;
    Ok(left)
}
