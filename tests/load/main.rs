//! Load on a real PBX: SIPp plays customers and agents, the books must add up.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::asterisk::{Asterisk, HOOKSWITCH_USER, Options, Version, skipped};
use hookswitch_tests::daemon::Daemon;
use hookswitch_tests::events::{Reader, kind, text};
use hookswitch_tests::invariants::violations;
use hookswitch_tests::sipp::{Agents, Load, customers_call};
use serde_json::Value;

/// Phones 2001 to 2020 of the lab, all played by SIPp.
const AGENTS: std::ops::RangeInclusive<u16> = 2001..=2020;

#[tokio::test]
async fn pbx_carries_the_load_by_itself() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let asterisk = Asterisk::start(Version::V22, Options::default()).await?;
    let mut agents = Agents::at(asterisk.load_agent()).await?;
    customers_call(asterisk.sip(), Load { number: "5008", rate: 20, calls: 100 }).await?;
    ensure!(agents.runs() && agents.errors().is_empty(), "{}", agents.errors());
    Ok(())
}

#[tokio::test]
async fn every_caller_of_a_busy_hour_is_routed_and_booked_once_on_asterisk_22() -> Result<()> {
    busy_hour(Version::V22).await
}

#[tokio::test]
async fn every_caller_of_a_busy_hour_is_routed_and_booked_once_on_asterisk_16() -> Result<()> {
    busy_hour(Version::V16).await
}

/// 400 callers at 20 a second for 20 agents who talk 0.4 s each: some wait, all are answered.
async fn busy_hour(version: Version) -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let load = Load { number: "5003", rate: 20, calls: 400 };
    let asterisk = Asterisk::start(version, Options::default()).await?;
    let mut agents = Agents::at(asterisk.load_agent()).await?;
    let mut daemon = Daemon::prepare(&configuration(&asterisk))?;
    let dialplan = daemon.command(&["dialplan"]).await?;
    asterisk.set_dialplan(&String::from_utf8(dialplan.stdout)?).await?;
    daemon.launch().await?;
    daemon.wait_links_up().await?;
    let reader = Reader::websocket(&daemon.api(), "after=0").await?;

    let called = customers_call(asterisk.sip(), load).await;
    called.with_context(|| format!("agents' phones: {}\ndaemon:\n{}", agents.errors(), daemon.log()))?;
    ensure!(agents.runs() && agents.errors().is_empty(), "{}", agents.errors());

    wait_for_ends(&reader, load.calls).await?;
    reader.check_chain()?;
    let events = reader.events();
    let ends: Vec<&Value> = events.iter().filter(|event| kind(event) == "call.ended").collect();
    let answered =
        ends.iter().filter(|end| text(end, "/data/ledger/disposition") == Some("answered")).count();
    assert_eq!((ends.len(), answered), (400, 400));
    let wrong = violations(&events);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    check_shares(&ends)
}

async fn wait_for_ends(reader: &Reader, calls: u32) -> Result<()> {
    let mut mark = 0;
    for _ in 0..calls {
        (mark, _) = reader.find_after(mark, "call.ended", |event| kind(event) == "call.ended").await?;
    }
    Ok(())
}

/// Longest-idle gives agents of the same skill fair shares.
fn check_shares(ends: &[&Value]) -> Result<()> {
    let mut shares = BTreeMap::<&str, u32>::new();
    for agent in ends.iter().filter_map(|end| text(end, "/data/ledger/resolved_by")) {
        *shares.entry(agent).or_default() += 1;
    }
    let (least, most) = (shares.values().min().copied(), shares.values().max().copied());
    ensure!(shares.len() == AGENTS.count() && most < least.map(|least| 2 * least + 2), "unfair: {shares:?}");
    Ok(())
}

fn configuration(asterisk: &Asterisk) -> String {
    let (username, secret) = HOOKSWITCH_USER;
    let mut text = format!(
        "[[pbx]]\nname = \"hq\"\nkind = \"asterisk\"\naddress = \"{}\"\nusername = \"{username}\"\n\
         secret = \"{secret}\"\nmode = \"route\"\ndial_context = \"from-internal\"\n\
         fallback = {{ goto = \"from-internal,600,1\" }}\n\n\
         [[queue]]\nid = \"support\"\nstrategy = \"longest-idle\"\nmembers = {{ teams = [\"all\"] }}\n\
         offer_timeout = \"10s\"\nwrap_up = \"0s\"\n\n\
         [[route]]\nname = \"all\"\nwhen = 'dnis == \"5003\"'\nqueue = \"support\"\n\n",
        asterisk.ami()
    );
    for number in AGENTS {
        text.push_str(&format!(
            "[[agent]]\nid = \"agent-{number}\"\nname = \"Agent {number}\"\npbx = \"hq\"\n\
             devices = [\"PJSIP/{number}\"]\nteams = [\"all\"]\nstart = \"ready\"\n\n"
        ));
    }
    text
}
