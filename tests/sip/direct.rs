//! A number that is one agent: who calls it hears what that agent's phone says, and what a page may offer there works.

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::events::kind;
use hookswitch_tests::phone::{Ending, Manner};
use libtest_mimic::Trial;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::block_on;
use crate::office::Office;

pub(crate) fn trials() -> Vec<Trial> {
    let refused = [486, 603, 480].map(|status| {
        let name = format!("direct::an_agent_who_answers_{status}_is_heard_so");
        Trial::test(name, move || block_on(refused(status)))
    });
    let mut trials = Vec::from(refused);
    trials.push(Trial::test("direct::an_agent_rings_as_long_as_the_pbx_is_told_to", || block_on(silent())));
    trials.push(Trial::test("direct::what_cannot_be_recorded_is_not_offered", || block_on(unrecorded())));
    trials
}

async fn refused(status: u16) -> Result<()> {
    let office = Office::open("").await?;
    let (alice, trunk) = (office.telephone_of("A").await?, office.trunk().await?);
    alice.set_manner(Manner::Refuse(status));
    let ending = trunk.call("5001").await?.wait_ended().await?;
    ensure!(ending == Ending::Refused(status), "{ending:?}");
    let (outcome, disposition) = match status {
        486 => ("declined", "busy"),
        603 => ("declined", "rejected"),
        _ => ("unreachable", "missed"),
    };
    let course = format!("started inbound, offered A, offer_ended {outcome}, ended");
    office.told(&[(&course, &format!("{disposition}, by system, handled, resolved"))]).await
}

/// `ring_timeout` of the office's PBX is 4 s; a phone of the tests waits 25 s for an end.
async fn silent() -> Result<()> {
    let office = Office::open("").await?;
    let (alice, trunk) = (office.telephone_of("A").await?, office.trunk().await?);
    let call = trunk.call("5001").await?;
    alice.next_call().await?;
    let ending = call.wait_ended().await?;
    ensure!(ending == Ending::Refused(480), "{ending:?}");
    let course = "started inbound, offered A, offer_ended no_answer, ended";
    office.told(&[(course, "missed, by system, handled, resolved")]).await
}

async fn unrecorded() -> Result<()> {
    let office = Office::open("").await?;
    let (alice, trunk) = (office.telephone_of("A").await?, office.trunk().await?);
    let call = trunk.call("5003").await?;
    alice.next_call().await?.answer().await?;
    let answered = office.see("call.answered", |event| kind(event) == "call.answered").await?;
    let legs = answered.pointer("/data/call/legs").and_then(Value::as_array).context("its legs")?;
    let own = legs.iter().find(|leg| leg["agent"] == "alice").context("alice's leg")?;
    let expected = json!(["hold", "transfer", "consult", "conference", "dtmf", "hangup"]);
    ensure!(own["actions"] == expected, "{own}");
    let path = format!("/v1/calls/{}/record", answered["data"]["call"]["id"].as_str().context("its id")?);
    let body = json!({"agent": "alice", "on": true});
    let reply = office.daemon.api().request(Method::POST, &path, Some(&body)).await?;
    ensure!(reply.status == StatusCode::UNPROCESSABLE_ENTITY, "{} {}", reply.status, reply.body);
    ensure!(reply.body.to_string().contains("does not record"), "{}", reply.body);
    call.hang_up().await?;
    ensure!(office.ends(1).await? == ["answered"]);
    office.is_idle().await
}
