//! A configuration that changes a hundred times while callers keep coming: nobody is lost, and nobody is moved whose queue
//! stays.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use hookswitch_sim::{Crowd, MILLISECOND, Mood, Pbx, PbxConfig, SECOND, Sim};
use hookswitch_tests::{
    cast::{self, Mode},
    daemon::Daemon,
    events::{Reader, kind, text},
    invariants::violations,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Applied and taken back so many times.
const ROUNDS: u64 = 50;

/// So many callers are served between two changes, at least.
const SERVED: usize = 3;

/// So many come in all: more than are served while the configuration changes.
const CALLERS: u64 = 400;

/// Who calls support from such a number gets a queue of their own, while there is one; the rest of it concerns nobody
/// who waits.
const VIP: &str = r#"[[queue]]
id = "vip"
strategy = "longest-idle"
members = { teams = ["tier1"] }
offer_timeout = "3s"

[[route]]
name = "vip"
when = 'dnis == "5003" && ani.e164.endsWith("7")'
queue = "vip"
priority = 5

"#;

fn is_vip(ani: &str) -> bool {
    ani.ends_with('7')
}

struct Office {
    daemon: Daemon,
    sim: Sim,
    /// What is applied and taken back.
    changed: String,
}

impl Office {
    /// Agents answer at once and need no time after a call.
    async fn open() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let credentials = ("hookswitch", "hookswitch");
        let pbx = cast::Pbx { address, credentials, mode: Mode::Route, websocket: None };
        let configuration = |more| {
            let text = cast::configuration(&pbx, "http://127.0.0.1:9/", more);
            text.replace("wrap_up = \"1s\"", "wrap_up = \"0s\"")
        };
        let mut daemon = Daemon::prepare(&configuration(""))?;
        let dialplan = daemon.command(&["dialplan"]).await?;
        let world = PbxConfig::lab_with_generated(7, &String::from_utf8(dialplan.stdout)?)?;
        let sim = hookswitch_sim::serve(listener, |now| Pbx::new(world, now))?;
        for phone in ["1001", "1002", "1003"] {
            sim.set_mood(phone, Mood::Answer { after: 20 * MILLISECOND, at_most: 60 * MILLISECOND });
        }
        daemon.launch().await?;
        daemon.wait_links_up().await?;
        // The server and journal sections are the daemon's own.
        let file = std::fs::read_to_string(daemon.config())?;
        let start = file.find("[[queue]]").context("a queue in the configuration")?;
        let changed = format!("{}{VIP}{}", &file[..start], &file[start..])
            .replace("skills = { support = 7 }", "skills = { support = 8 }")
            .replace("strategy = \"best-skill\"", "strategy = \"longest-idle\"");
        Ok(Self { daemon, sim, changed })
    }

    /// 20 callers a second, two of three for support.
    fn callers_come(&self) {
        let numbers = ["5003", "5003", "5013"].map(str::to_owned).to_vec();
        let crowd = Crowd {
            every: 50 * MILLISECOND,
            numbers,
            patience: (300 * SECOND, 300 * SECOND),
            talk: (20 * MILLISECOND, 60 * MILLISECOND),
            withheld: 0,
            total: Some(CALLERS),
            ..Crowd::default()
        };
        self.sim.with(|pbx, now| pbx.start_crowd(now, crowd));
    }
}

/// So many more calls are over; the mark behind the last of them.
async fn served(reader: &Reader, mut mark: usize, calls: usize) -> Result<usize> {
    for _ in 0..calls {
        (mark, _) = reader.find_after(mark, "call.ended", |event| kind(event) == "call.ended").await?;
    }
    Ok(mark)
}

#[tokio::test]
async fn a_configuration_that_changes_a_hundred_times_loses_no_caller_and_moves_none_whose_queue_stays()
-> Result<()> {
    let office = Office::open().await?;
    let api = office.daemon.api();
    let reader = Reader::websocket(&api, "after=0").await?;
    office.callers_come();
    let mut mark = 0;
    for round in 0..ROUNDS {
        let applied = api.post("/v1/config/apply", &json!({ "config": office.changed })).await?;
        ensure!(applied["version"] == 2 * round + 2, "round {round}: {applied}");
        mark = served(&reader, mark, SERVED).await?;
        let back = api.post("/v1/config/rollback", &json!({})).await?;
        ensure!(back["version"] == 2 * round + 3, "round {round}: {back}");
        mark = served(&reader, mark, SERVED).await?;
    }
    let ended = reader.all()[..mark].iter().filter(|event| kind(event) == "call.ended").count();
    served(&reader, mark, usize::try_from(CALLERS)? - ended).await?;

    let lived = office.sim.with(|pbx, _| pbx.crowd_report());
    assert_eq!((lived.talked, lived.gave_up, lived.turned_away), (CALLERS, 0, 0), "every caller talked");
    reader.check_chain()?;
    let events = reader.events();
    let wrong = violations(&events);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    check_versions(&events)?;
    check_queues(&events)?;
    check_ledger(&office, &events).await
}

/// Each version follows the one before it, and what is decided names the one in force.
fn check_versions(events: &[Value]) -> Result<()> {
    let mut version = 1;
    for event in events {
        match kind(event) {
            "config.applied" if event["data"]["previous"].is_null() => {}
            "config.applied" => {
                ensure!(event["data"]["previous"] == version, "{event}");
                version += 1;
                ensure!(event["data"]["version"] == version, "{event}");
            }
            "call.queued" => {
                ensure!(
                    event["data"]["call"]["config_version"] == version,
                    "version {version} is in force: {event}"
                );
            }
            _ if event["data"]["call"].is_object() => {
                let named = event["data"]["call"]["config_version"].as_u64();
                ensure!(named.is_some_and(|named| named <= version), "{event}");
            }
            _ => {}
        }
    }
    ensure!(version == 1 + 2 * ROUNDS, "the last is {version}");
    Ok(())
}

/// Nobody leaves a queue that both configurations have; who waits in the one that goes waits on for support.
fn check_queues(events: &[Value]) -> Result<()> {
    let mut visits = BTreeMap::<&str, (String, Vec<&str>)>::new();
    for event in events.iter().filter(|event| kind(event) == "call.queued") {
        let field = |pointer: &str| text(event, pointer).with_context(|| format!("{pointer} in {event}"));
        let who = format!("{} {}", field("/data/call/dnis/raw")?, field("/data/call/ani/raw")?);
        let (_, queues) = visits.entry(field("/data/call/id")?).or_insert_with(|| (who, Vec::new()));
        queues.push(field("/data/queue")?);
    }
    let mut moved = 0;
    for (who, queues) in visits.values() {
        let fits: &[&[&str]] = match who.split_once(' ') {
            Some(("5013", _)) => &[&["billing"]],
            Some((_, ani)) if is_vip(ani) => &[&["support"], &["vip"], &["vip", "support"]],
            _ => &[&["support"]],
        };
        ensure!(fits.contains(&queues.as_slice()), "{who} waited in {queues:?}");
        moved += usize::from(queues.len() > 1);
    }
    let in_vip = visits.values().filter(|(_, queues)| queues.contains(&"vip")).count();
    ensure!(in_vip > 0, "nobody came to the queue that comes and goes");
    println!(
        "{} calls, {in_vip} of them to the queue that comes and goes, {moved} moved from it",
        visits.len()
    );
    Ok(())
}

/// What the queues count is what the ledgers say.
async fn check_ledger(office: &Office, events: &[Value]) -> Result<()> {
    let mut answered = BTreeMap::<&str, u64>::new();
    for end in events.iter().filter(|event| kind(event) == "call.ended") {
        ensure!(text(end, "/data/ledger/disposition") == Some("answered"), "{end}");
        *answered.entry(text(end, "/data/call/queue").context("a queue")?).or_default() += 1;
    }
    ensure!(answered.values().sum::<u64>() == CALLERS, "{answered:?}");
    let counted = office.daemon.api().get("/v1/queues").await?;
    for queue in counted["items"].as_array().context("queues")? {
        let id = text(queue, "/id").context("an id")?;
        let ledgers = answered.get(id).copied().unwrap_or_default();
        ensure!(
            queue["answered"] == ledgers && queue["abandoned"] == 0,
            "the ledgers say {ledgers}: {queue}"
        );
    }
    Ok(())
}
