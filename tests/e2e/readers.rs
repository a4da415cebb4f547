//! Everybody who reads is told the same.

use anyhow::{Result, ensure};
use hookswitch_tests::asterisk::{Version, skipped};
use hookswitch_tests::cast::Mode;
use hookswitch_tests::events::{Reader, kind, text};
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use serde_json::Value;

const ONE_CALL: &str = "C dials Q; A rings; A answers; see answered A; C hangs up; see ended";

async fn stage_after_a_call() -> Result<Stage> {
    let mut stage = Stage::set(Place::Asterisk(Version::V22), Mode::Route, "").await?;
    stage.play_script(ONE_CALL).await?;
    Ok(stage)
}

async fn read_to_the_end(reader: &Reader) -> Result<Vec<Value>> {
    reader.wait("call.ended", |event| kind(event) == "call.ended").await?;
    reader.check_chain()?;
    let events = reader.events();
    let end = events.iter().position(|event| kind(event) == "call.ended").map_or(0, |at| at + 1);
    Ok(events.into_iter().take(end).collect())
}

#[tokio::test]
async fn websocket_sse_and_pages_tell_the_same() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = stage_after_a_call().await?;
    let api = stage.daemon.api();
    let socket = read_to_the_end(&Reader::websocket(&api, "after=0").await?).await?;
    let sent = read_to_the_end(&Reader::server_sent(&api, "after=0").await?).await?;
    assert_eq!(socket, sent);

    let page = api.get("/v1/events?after=0").await?;
    let paged = page["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure!(paged.starts_with(&socket), "the page differs: {page:#}");
    Ok(())
}

#[tokio::test]
async fn reader_resumes_anywhere_and_proves_that_nothing_is_missing() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = stage_after_a_call().await?;
    let api = stage.daemon.api();
    let all = read_to_the_end(&Reader::websocket(&api, "after=0").await?).await?;
    for (read, event) in all.iter().enumerate().take(all.len() - 1) {
        let cursor = text(event, "/sequence").unwrap_or("");
        let rest = read_to_the_end(&Reader::websocket(&api, &format!("after={cursor}")).await?).await?;
        assert_eq!(rest[..], all[read + 1..], "after {cursor}");
    }
    Ok(())
}

#[tokio::test]
async fn filtered_reader_has_a_whole_chain_of_its_own() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = stage_after_a_call().await?;
    let reader = Reader::websocket(&stage.daemon.api(), "after=0&types=call.queued,call.ended").await?;
    let kinds: Vec<_> = read_to_the_end(&reader).await?.iter().map(|event| kind(event).to_owned()).collect();
    assert_eq!(kinds, ["call.queued", "call.ended"]);
    Ok(())
}

#[tokio::test]
async fn agent_reads_own_calls_only() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let tokens =
        ["alice", "bob"].map(|agent| hookswitch_tests::daemon::token(agent, "agent", Some(agent))).concat();
    let mut stage = Stage::set(Place::Asterisk(Version::V22), Mode::Route, &tokens).await?;
    stage.play_script(ONE_CALL).await?;
    let api = stage.daemon.api();
    let alice = Reader::websocket(&api.with_token(Some("alice")), "after=0").await?;
    let hers = read_to_the_end(&alice).await?;
    ensure!(hers.iter().any(|event| kind(event) == "screen.pop"), "no pop for alice:\n{}", alice.story());

    // Bob sees that Alice talks, but nothing of her call.
    let bob = Reader::websocket(&api.with_token(Some("bob")), "after=0").await?;
    let talks = |event: &Value| kind(event) == "agent.state" && text(event, "/data/to") == Some("talking");
    bob.wait("alice's state", talks).await?;
    let foreign: Vec<_> =
        bob.events().into_iter().filter(|event| text(event, "/data/call/id").is_some()).collect();
    assert_eq!(foreign, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn nobody_reads_without_a_token() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::set(Place::Asterisk(Version::V22), Mode::Observe, "").await?;
    let api = stage.daemon.api();
    for token in [None, Some("guessed")] {
        let stranger = api.with_token(token);
        for path in ["/v1/events", "/v1/snapshot", "/v1/calls", "/v1/agents", "/v1/queues"] {
            let reply = stranger.request(reqwest::Method::GET, path, None).await?;
            assert_eq!(
                (reply.status.as_u16(), reply.content_type.as_str()),
                (401, "application/problem+json"),
                "{path}"
            );
        }
        ensure!(Reader::websocket(&stranger, "after=0").await.is_err(), "a WebSocket was opened");
        assert!(stranger.get("/healthz").await.is_ok());
    }
    Ok(())
}
