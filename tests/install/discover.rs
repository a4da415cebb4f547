//! What is proposed can be used.

use hookswitch_tests::daemon::{Daemon, run};
use hookswitch_tests::events::{Reader, kind, text};
use serde_json::Value;

use super::*;

/// The proposal for a PBX, as text and as JSON; the secret travels in a variable.
async fn proposed(world: &World) -> Result<(String, Value)> {
    let (user, secret) = world.credentials();
    let address = world.ami().to_string();
    let asked = Daemon::prepare(&pbx(world.ami(), (user, secret), Mode::Observe))?;
    let toml = success(&asked.command(&["discover", "hq"]).await?)?;
    let report = success(&asked.command(&["discover", "hq", "--json"]).await?)?;
    assert!(!toml.contains(&format!("secret = \"{secret}\"")), "a proposal holds no secret");
    assert!(toml.contains(&address));
    Ok((toml, serde_json::from_str(&report)?))
}

/// The value and confidence of a statement.
fn stated<'v>(report: &'v Value, topic: &str) -> Option<(&'v str, &'v str)> {
    let statements = report["statements"].as_array()?;
    let one = statements.iter().find(|one| one["topic"] == topic)?;
    Some((one["value"].as_str()?, one["confidence"].as_str()?))
}

/// `check` accepts it, and a daemon on it comes up and sees a call of the PBX's own queue.
async fn works(mut world: World, toml: &str) -> Result<()> {
    let (_, secret) = world.credentials();
    let toml = toml.replace("{ env = \"HOOKSWITCH_AMI_SECRET\" }", &format!("\"{secret}\""));
    let mut daemon = Daemon::prepare(&toml)?;
    success(&daemon.command(&["check"]).await?)?;
    daemon.launch().await?;
    daemon.wait_links_up().await?;
    let reader = Reader::websocket(&daemon.api(), "after=0").await?;
    play(&mut world, &["C dials Q", "A rings", "A answers", "C hangs up"]).await?;
    let answered = reader.wait("the answer", |event| kind(event) == "call.answered").await?;
    assert_eq!(text(&answered, "/data/call/ani/raw"), Some("+49305550001"));
    assert_eq!(text(&answered, "/data/agent/id"), Some("1001"), "{answered}");
    let ended = reader.wait("the end", |event| kind(event) == "call.ended").await?;
    assert_eq!(text(&ended, "/data/ledger/disposition"), Some("answered"));
    Ok(())
}

async fn on_asterisk(version: Version) -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let world = observed(Place::Asterisk(version)).await?;
    let (toml, report) = proposed(&world).await?;
    assert_eq!(stated(&report, "trunk PJSIP/trunk"), Some(("outside", "certain")));
    assert_eq!(stated(&report, "agent 1001"), Some(("Agent 1001", "certain")));
    assert_eq!(stated(&report, "route 5004"), Some(("support", "certain")));
    // A fixed order has no like: said, not hidden.
    assert_eq!(stated(&report, "queue support"), Some(("longest-idle", "guess")));
    assert_eq!(stated(&report, "numbers.country"), None, "nothing on this PBX says which country it is in");
    let codes = stated(&report, "feature codes").map(|(codes, _)| codes);
    assert_eq!(codes, Some("blindxfer ##, atxfer *2, pickup *8, parking default 701-720"));
    let unknown = report["unknown"].to_string();
    assert!(unknown.contains("numbers.country") && unknown.contains("skills"), "{unknown}");
    works(world, &toml).await
}

#[tokio::test]
async fn proposal_for_asterisk_22_can_be_used() -> Result<()> {
    on_asterisk(Version::V22).await
}

#[tokio::test]
async fn proposal_for_asterisk_16_can_be_used() -> Result<()> {
    on_asterisk(Version::V16).await
}

#[tokio::test]
async fn proposal_for_a_pbx_that_tells_less_can_be_used_and_says_what_is_missing() -> Result<()> {
    let world = observed(Place::Simulator).await?;
    let (toml, report) = proposed(&world).await?;
    let unknown = report["unknown"].to_string();
    assert!(unknown.contains("ShowDialPlan: the PBX said"), "{unknown}");
    assert!(stated(&report, "agent 1001").is_some(), "{report}");
    works(world, &toml).await
}

#[tokio::test]
async fn nothing_on_the_pbx_changes() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let world = observed(Place::Asterisk(Version::V22)).await?;
    let asterisk = &world.real()?.asterisk;
    let state = async || -> Result<Vec<String>> {
        let mut said = Vec::new();
        for command in
            ["dialplan show", "dialplan show globals", "queue show", "database show", "pjsip show endpoints"]
        {
            // How long ago a member was added is the only thing that changes by itself.
            let text = asterisk.cli(command).await?;
            said.extend(text.lines().map(|line| line.split(" (login was").next().unwrap_or(line).to_owned()));
        }
        Ok(said)
    };
    let before = state().await?;
    proposed(&world).await?;
    let after = state().await?;
    let changed: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
    assert!(before.len() == after.len() && changed.is_empty(), "{changed:#?}");
    assert!(before.len() > 100, "the PBX told what it is");
    Ok(())
}

#[tokio::test]
async fn a_wrong_address_and_a_wrong_secret_are_told_with_a_hint() -> Result<()> {
    let world = observed(Place::Simulator).await?;
    let closed = Daemon::prepare(&pbx(([127, 0, 0, 1], 9).into(), ("hookswitch", "x"), Mode::Observe))?;
    let wrong = Daemon::prepare(&pbx(world.ami(), ("hookswitch", "x"), Mode::Observe))?;
    for (daemon, culprit) in [(closed, "cannot be reached"), (wrong, "let nobody in: Authentication failed")]
    {
        let output = daemon.command(&["discover", "hq"]).await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(culprit) && said.contains("hint: ") && said.contains("manager.conf"), "{said}");
    }
    let output = run(&["discover", "hq", "--address", "127.0.0.1:9"], None).await?;
    assert_eq!(output.status.code(), Some(2), "an address alone is no way in");
    Ok(())
}
