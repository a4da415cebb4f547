//! What was not delivered when the daemon went is delivered by its successor.

use std::collections::BTreeMap;

use anyhow::Result;
use hookswitch_tests::events::text;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::receiver::{Receiver, Reply};
use crate::{ONE_CALL, TWO_CALLS, call_events, check_order, stage, webhook};

#[tokio::test]
async fn what_was_open_when_the_daemon_was_killed_is_delivered_after_its_return() -> Result<()> {
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let mut stage = stage(&webhook("down", &format!("http://{closed}/hook"), "")).await?;
    stage.play_script(TWO_CALLS).await?;
    stage.play_script("the daemon dies; the daemon returns").await?;
    stage.play_script(ONE_CALL).await?;
    let told = call_events(&stage);
    let receiver = Receiver::on(TcpListener::bind(closed).await?, |_, _| Reply::OK)?;
    receiver.wait_for_all(&told).await?;
    check_order(&told, &receiver.taken())?;
    receiver.check_one_at_a_time()
}

#[tokio::test]
async fn after_an_orderly_stop_nothing_that_was_taken_is_told_twice() -> Result<()> {
    // The first call is stuck at its answer; all that overtook it is behind the cursor and delivered.
    let receiver = Receiver::start(|_, event| match text(event, "/data/call/ani/raw") {
        Some(raw) if raw.ends_with('1') && event["type"] != "call.started" => Reply::Answer(422, "", ""),
        _ => Reply::OK,
    })
    .await?;
    let mut stage = stage(&webhook("crm2", &receiver.url(), "")).await?;
    stage.play_script(TWO_CALLS).await?;
    let told = call_events(&stage);
    let overtook: Vec<Value> = told
        .iter()
        .filter(|event| text(event, "/data/call/ani/raw").is_some_and(|raw| raw.ends_with('2')))
        .cloned()
        .collect();
    assert!(!overtook.is_empty());
    receiver.wait_for_all(&overtook).await?;
    assert!(stage.daemon.stop().await?.success());
    receiver.behave(|_, _| Reply::OK);
    stage.play_script("the daemon returns").await?;
    receiver.wait_for_all(&told).await?;
    check_order(&told, &receiver.taken())?;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for event in receiver.taken() {
        *times.entry(event["id"].to_string()).or_default() += 1;
    }
    assert!(times.values().all(|count| *count == 1), "{times:#?}");
    Ok(())
}
