//! A real Asterisk beside Hookswitch: it hands calls over by its trunk, and an agent's phone stays with it.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::asterisk::{Asterisk, Options, Version, skipped};
use hookswitch_tests::cast;
use hookswitch_tests::daemon::Daemon;
use hookswitch_tests::events::{Reader, kind, text};
use hookswitch_tests::phone::Phone;
use libtest_mimic::Trial;

use crate::block_on;

pub(crate) fn trials() -> Vec<Trial> {
    [("22", Version::V22), ("16", Version::V16)]
        .map(|(name, version)| {
            let name = format!("peers::asterisk_{name}_hands_calls_over_and_keeps_the_agents_phones");
            Trial::test(name, move || if skipped() { Ok(()) } else { block_on(handed_over(version)) })
        })
        .into()
}

/// Hookswitch stands where the PBX expects its carrier; the agent's phone is a number of the PBX.
fn configuration(here: SocketAddr, pbx: SocketAddr) -> String {
    format!(
        r#"[numbers]
country = "DE"

[[pbx]]
name = "edge"
kind = "sip"
listen = ["udp:{here}"]
trunks = [{{ name = "office", from = ["{ip}"], address = "sip:{pbx}", keep_alive = "5s", outside = false }}]

[[agent]]
id = "alice"
devices = ["sip:5001@office"]
teams = ["tier1"]
start = "ready"

[[queue]]
id = "support"
members = {{ teams = ["tier1"] }}

[[route]]
name = "support"
when = 'dnis == "{number}" && trunk == "office"'
queue = "support"
"#,
        ip = pbx.ip(),
        number = cast::OUTSIDE,
    )
}

async fn handed_over(version: Version) -> Result<()> {
    let asterisk = Asterisk::start(version, Options::default()).await?;
    asterisk.cli("core waitfullybooted").await?;
    let mut daemon = Daemon::start(&configuration(asterisk.trunk(), asterisk.sip())).await?;
    daemon.wait_links_up().await?;
    let reader = Reader::websocket(&daemon.api(), "after=0").await?;
    let agent = Phone::registered("1001", asterisk.sip()).await?;
    let caller = Phone::registered("1002", asterisk.sip()).await?;
    let story = || format!("events:\n{}\ndaemon:\n{}", reader.story(), daemon.log());

    let call = caller.call(cast::OUTSIDE).await?;
    let rings = agent.next_call().await.with_context(story)?;
    rings.answer().await.with_context(story)?;
    call.wait_up().await.with_context(story)?;
    let answered =
        reader.wait("call.answered", |event| kind(event) == "call.answered").await.with_context(story)?;
    ensure!(text(&answered, "/data/agent/id") == Some("alice"), "{answered:#}");
    let ani = text(&answered, "/data/call/ani/raw").unwrap_or_default();
    ensure!(!ani.is_empty() && ani != "office", "who calls is not told: {answered:#}");
    rings.hold().await.with_context(story)?;
    rings.retrieve().await.with_context(story)?;
    rings.hang_up().await?;
    call.wait_ended().await.with_context(story)?;
    let ended = reader.wait("call.ended", |event| kind(event) == "call.ended").await.with_context(story)?;
    let ledger = &ended["data"]["ledger"];
    ensure!(ledger["disposition"] == "answered" && ledger["ended_by"] == "agent", "{ledger:#}");
    ensure!(ledger["handled_by"] == serde_json::json!(["alice"]), "{ledger:#}");
    Ok(())
}
