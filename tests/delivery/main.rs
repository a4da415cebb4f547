//! Events reach whoever is to be told: the real daemon, over real sockets, to receivers and readers that fail.
//!
//! Two of the peers are other people's: the npm packages `standardwebhooks` and `eventsource`, which `tests/run.sh`
//! installs (`tests/delivery/peers.sh`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alerts;
mod inside;
mod peers;
mod readers;
mod receiver;
mod restart;
mod signatures;
mod trouble;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::{Mode, WEBHOOK_SECRET};
use hookswitch_tests::events::{kind, text};
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use serde_json::Value;

/// A call from its first sight to its end.
const ONE_CALL: &str = "C dials Q; A rings; A answers; see answered A; C hangs up; see ended";
/// Two at once, whose events alternate.
const TWO_CALLS: &str = "C dials Q; A rings; C2 dials Q; B rings; A answers; see answered A; B answers; \
                         see answered B; C2 hangs up; see ended; C hangs up; see ended";

/// A daemon beside a simulated PBX, with more webhooks than the stories have.
async fn stage(webhooks: &str) -> Result<Stage> {
    Stage::set(Place::Simulator, Mode::Route, webhooks).await
}

/// A `[[webhook]]` table.
fn webhook(name: &str, url: &str, more: &str) -> String {
    format!(
        "[[webhook]]\nname = \"{name}\"\nurl = \"{url}\"\nevents = [\"call.*\"]\nsecret = \"{WEBHOOK_SECRET}\"\n\
         allow_private = true\n{more}\n\n"
    )
}

/// What every webhook of these tests is to tell, in order.
fn call_events(stage: &Stage) -> Vec<Value> {
    stage.events().into_iter().filter(|event| kind(event).starts_with("call.")).collect()
}

/// Checks that what arrived is, call by call, what was told, each event first told in its place.
fn check_order(told: &[Value], arrived: &[Value]) -> Result<()> {
    let by_call = |events: &[Value]| {
        let mut calls: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in events {
            let call = calls.entry(text(event, "/data/call/id").unwrap_or_default().to_owned()).or_default();
            let id = text(event, "/id").unwrap_or_default().to_owned();
            if !call.contains(&id) {
                call.push(id);
            }
        }
        calls
    };
    let (told, arrived) = (by_call(told), by_call(arrived));
    ensure!(told == arrived, "told by call:\n{told:#?}\narrived by call:\n{arrived:#?}");
    Ok(())
}

/// The delivery of an event as the daemon lists it.
async fn delivery(stage: &Stage, webhook: &str, event: &str) -> Result<Value> {
    let list = stage.daemon.api().get(&format!("/v1/webhooks/{webhook}/deliveries")).await?;
    let items = list["items"].as_array().context("no list")?;
    let found = items.iter().find(|item| item["event"] == event);
    found.cloned().with_context(|| format!("{event} is not among {items:#?}"))
}
