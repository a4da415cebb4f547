//! The office that is killed: two queues, twelve agents, a simulated PBX on a real socket, a CRM's webhook.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hookswitch_sim::{MILLISECOND, Mood, Pbx, PbxConfig, Sim, serve};
use hookswitch_tests::{
    daemon::Daemon,
    events::{Reader, kind},
};
use serde_json::Value;
use tokio::net::TcpListener;

const FIRST_AGENT: u32 = 2_001;
const AGENTS: u32 = 12;
/// How long the daemon may take to find out what became of the calls it did not see end.
const REST: Duration = Duration::from_secs(150);

/// Opens the office: PBX and daemon run, nobody calls yet.
pub(crate) async fn open(webhook: &str) -> Result<(Sim, Daemon)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut daemon = Daemon::prepare(&configuration(&listener.local_addr()?.to_string(), webhook))?;
    let dialplan = String::from_utf8(daemon.command(&["dialplan"]).await?.stdout)?;
    let config = PbxConfig::lab_with_generated(5, &dialplan)?.with_phones(FIRST_AGENT, AGENTS);
    let sim = serve(listener, |now| Pbx::new(config, now))?;
    sim.with(|pbx, _| pbx.keep_fates());
    for phone in FIRST_AGENT..FIRST_AGENT + AGENTS {
        let mood =
            Mood::Human { after: 50 * MILLISECOND, at_most: 400 * MILLISECOND, declines: 30, ignores: 10 };
        sim.set_mood(&phone.to_string(), mood);
    }
    // Who is called back.
    let outside =
        Mood::Human { after: 50 * MILLISECOND, at_most: 300 * MILLISECOND, declines: 100, ignores: 50 };
    sim.set_mood("trunk", outside);
    sim.with(|pbx, _| pbx.set_talk_outside(Some((100 * MILLISECOND, 600 * MILLISECOND))));
    sim.set_mood("1008", Mood::Answer { after: 50 * MILLISECOND, at_most: 100 * MILLISECOND });
    daemon.launch().await?;
    Ok((sim, daemon))
}

fn configuration(pbx: &str, webhook: &str) -> String {
    let mut text = format!(
        "[numbers]\ncountry = \"DE\"\noutbound_allow = [\"+49\"]\n\n[[pbx]]\nname = \"hq\"\nkind = \"asterisk\"\naddress = \"{pbx}\"\nusername = \"hookswitch\"\n\
         secret = \"hookswitch\"\nmode = \"route\"\nfallback = {{ dial = \"PJSIP/1008\" }}\n\n\
         [[webhook]]\nname = \"crm\"\nurl = \"{webhook}\"\nevents = [\"call.*\"]\n\
         secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\nallow_private = true\n\n"
    );
    for number in FIRST_AGENT..FIRST_AGENT + AGENTS {
        let team = if number % 2 == 0 { "support" } else { "billing" };
        text.push_str(&format!(
            "[[agent]]\nid = \"a{number}\"\nname = \"Agent {number}\"\npbx = \"hq\"\n\
             devices = [\"PJSIP/{number}\"]\nteams = [\"{team}\"]\nstart = \"ready\"\n\n"
        ));
    }
    for (queue, number) in [("support", "5003"), ("billing", "5013")] {
        text.push_str(&format!(
            "[[queue]]\nid = \"{queue}\"\nstrategy = \"longest-idle\"\nmembers = {{ teams = [\"{queue}\"] }}\n\
             offer_timeout = \"3s\"\nwrap_up = \"100ms\"\n\
             callback = {{ key = \"1\", attempts = 2, retry_after = \"5s\", expires = \"1m\", prompt = \"vm-goodbye\" }}\n\
             announce = {{ after = \"1s\", every = \"15s\", position = true, wait = true }}\n\n\
             [[route]]\nname = \"{queue}\"\nwhen = 'dnis == \"{number}\"'\nqueue = \"{queue}\"\n\n"
        ));
    }
    text
}

/// Waits until the daemon knows that everybody is gone. What it did not see end, it asks for after half a minute.
pub(crate) async fn wait_for_rest(daemon: &Daemon, reader: &Reader) -> Result<()> {
    let deadline = Instant::now() + REST;
    loop {
        let mark = reader.mark();
        let snapshot = daemon.api().get("/v1/snapshot").await?;
        let busy = |agent: &&Value| !agent["evidence"].is_null();
        let live = snapshot["calls"].as_array().map_or(0, Vec::len);
        let agents = snapshot["agents"].as_array().into_iter().flatten().filter(busy).count();
        let promised = promised(daemon).await?;
        if live == 0 && agents == 0 && promised == 0 {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{live} calls are live, {promised} call-backs are not over: {snapshot:#}\n{}",
            daemon.log()
        );
        // Something is told of each end; at the latest of the link's figures.
        let ended = |event: &Value| {
            matches!(kind(event), "call.ended" | "callback.ended" | "agent.state" | "queue.stats")
        };
        // A wait without a word is no failure: the state is asked again.
        drop(reader.wait_after(mark, "an end", ended).await);
    }
}

/// How many call-backs are not over.
async fn promised(daemon: &Daemon) -> Result<usize> {
    let mut live = 0;
    for state in ["waiting", "offered", "dialling", "connected"] {
        let page = daemon.api().get(&format!("/v1/callbacks?state={state}")).await?;
        live += page["items"].as_array().map_or(0, Vec::len);
    }
    Ok(live)
}

/// All events of the journal, page by page.
pub(crate) async fn journal(daemon: &Daemon) -> Result<Vec<Value>> {
    let mut events = Vec::new();
    let mut after = "0".to_owned();
    loop {
        let page = daemon.api().get(&format!("/v1/events?after={after}")).await?;
        let next = page["next"].as_str().context("a page has a next")?.to_owned();
        events.extend(page["events"].as_array().into_iter().flatten().cloned());
        if next == after {
            return Ok(events);
        }
        after = next;
    }
}

/// Waits until nothing is left to be delivered.
pub(crate) async fn wait_for_deliveries(daemon: &Daemon) -> Result<()> {
    let deadline = Instant::now() + REST;
    loop {
        let webhooks = daemon.api().get("/v1/webhooks").await?;
        let crm = &webhooks["items"][0];
        if crm["pending"] == 0 {
            ensure!(crm["dead"] == 0, "deliveries were given up: {crm}");
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "deliveries are left: {crm}");
        tokio::task::yield_now().await;
    }
}
