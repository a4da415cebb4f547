//! Plans that change nothing, and configurations that change while callers wait.

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::{cast::Mode, events::Reader, stage::Stage, world::Place};
use serde_json::{Value, json};

use crate::{changed, printed, report};

const GOLD: &str =
    "[[route]]\nname = \"gold\"\nwhen = 'dnis == \"5003\" && data.tier == \"gold\"'\nqueue = \"billing\"\n\n";

async fn stage() -> Result<Stage> {
    Stage::set(Place::Simulator, Mode::Route, "").await
}

async fn version(stage: &Stage) -> Result<u64> {
    stage.daemon.api().get("/v1/config").await?["version"].as_u64().context("a version")
}

#[tokio::test]
async fn a_plan_tells_what_changes_and_whom_it_touches_and_changes_nothing() -> Result<()> {
    let mut stage = stage().await?;
    // Nobody can take the call: it waits.
    stage.play_script("A goes not_ready; B goes not_ready; C dials Q; see queued").await?;
    let new = changed(&stage, |text| {
        text.replace("skills = { support = 9 }", "skills = { support = 2 }")
            .replace("when = 'dnis == \"5003\" ||", "when = 'dnis == \"4003\" ||")
    })?;
    let before = version(&stage).await?;
    let told = printed(&stage, &["plan", &new]).await?;
    ensure!(told.contains("~ agent alice: skills.support 9 → 2"), "{told}");
    ensure!(told.contains("~ route support: when "), "{told}");
    ensure!(told.contains("in support: stays; a caller who comes now would be sent elsewhere"), "{told}");
    let plan = report(&stage, &["plan", &new]).await?;
    assert_eq!(plan["waiting"].as_array().map(Vec::len), Some(1), "{plan}");
    assert_eq!((&plan["waiting"][0]["leaves"], &plan["version"]), (&json!(false), &json!(before)));
    assert_eq!(version(&stage).await?, before, "a plan changes nothing");
    Ok(())
}

#[tokio::test]
async fn without_a_daemon_a_plan_compares_with_the_file() -> Result<()> {
    let mut stage = stage().await?;
    stage.daemon.stop().await?;
    let new =
        changed(&stage, |text| text + "[[agent]]\nid = \"zoe\"\npbx = \"hq\"\ndevices = [\"PJSIP/1009\"]\n")?;
    let told = printed(&stage, &["plan", &new]).await?;
    assert_eq!(
        told,
        "+ agent zoe\n! agent erin serves no queue (as before)\n! agent zoe serves no queue\n\
        ! queue brief has no agent with the skills it asks for (as before)\n"
    );
    Ok(())
}

#[tokio::test]
async fn callers_who_wait_keep_their_place_when_a_configuration_is_applied() -> Result<()> {
    let mut stage = stage().await?;
    stage.play_script("A goes not_ready; B goes not_ready; C dials Q; see queued").await?;
    let new = changed(&stage, |text| {
        text.replace("[[queue]]\nid = \"support\"", &format!("{GOLD}[[queue]]\nid = \"support\""))
    })?;
    let before = version(&stage).await?;
    let applied = report(&stage, &["apply", &new]).await?;
    assert_eq!(
        (&applied["version"], &applied["previous"]),
        (&json!(before + 1), &json!(before)),
        "{applied}"
    );
    let reader = Reader::websocket(&stage.daemon.api(), "after=0&types=config.applied").await?;
    reader.wait("config.applied", |event| event["data"]["version"] == before + 1).await?;
    let calls = stage.daemon.api().get("/v1/calls").await?;
    assert_eq!(calls["items"][0]["state"], "queued", "{calls}");
    stage
        .play_script("A goes ready; A rings; A answers; see answered A; C hangs up; A is cut off; see ended")
        .await?;
    let queued = |event: &&Value| event["type"] == "call.queued";
    assert_eq!(stage.events().iter().filter(queued).count(), 1, "it was queued once");

    // And back: the rule that was added is gone.
    let explain = |tier: &str| ["explain", "--url", "", "--dnis", "5003", "--data", tier].map(str::to_owned);
    let url = format!("http://{}", stage.daemon.api().address());
    let ask = async |stage: &Stage| {
        let mut arguments = explain("tier=gold");
        arguments[2].clone_from(&url);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        anyhow::Ok(report(stage, &arguments).await?["routed"]["rule"].clone())
    };
    assert_eq!(ask(&stage).await?, "gold");
    let back = report(&stage, &["rollback"]).await?;
    assert_eq!(back["version"], before + 2);
    assert_eq!(ask(&stage).await?, "support");
    let versions = stage.daemon.api().get("/v1/config").await?;
    assert_eq!(versions["versions"][0]["restores"], before, "{versions}");
    assert_eq!(versions["versions"][1]["by"], "tests-admin");
    Ok(())
}

#[tokio::test]
async fn what_was_applied_outlives_a_restart_until_the_file_is_edited() -> Result<()> {
    let mut stage = stage().await?;
    let names_gold = async |stage: &Stage| {
        let explained = json!({"dnis": "5003", "data": {"tier": "gold"}});
        let explained = stage.daemon.api().post("/v1/explain", &explained).await?;
        anyhow::Ok(explained["routed"]["rule"] == "gold")
    };
    let new = changed(&stage, |text| {
        text.replace("[[queue]]\nid = \"support\"", &format!("{GOLD}[[queue]]\nid = \"support\""))
    })?;
    report(&stage, &["apply", &new]).await?;
    stage.daemon.kill().await?;
    stage.daemon.launch().await?;
    ensure!(names_gold(&stage).await?, "it is in force after a crash: {}", stage.daemon.log());
    stage.daemon.stop().await?;
    let file = std::fs::read_to_string(stage.daemon.config())?;
    std::fs::write(stage.daemon.config(), format!("{file}\n# edited by hand\n"))?;
    stage.daemon.launch().await?;
    ensure!(!names_gold(&stage).await?, "an edited file wins");
    Ok(())
}

#[tokio::test]
async fn a_configuration_with_problems_is_refused_whole() -> Result<()> {
    let stage = stage().await?;
    let before = version(&stage).await?;
    let new = changed(&stage, |text| text.replace("strategy = \"best-skill\"", "strategy = \"best\""))?;
    for command in ["plan", "apply"] {
        let output = stage.daemon.command(&[command, &new, "--token", "tests-admin"]).await?;
        assert_eq!(output.status.code(), Some(2), "{command}");
        let told = String::from_utf8(output.stderr)?;
        ensure!(told.contains("queue[0].strategy") && told.contains("new.toml:"), "{told}");
    }
    let sent = json!({"config": std::fs::read_to_string(&new)?});
    let reply = stage.daemon.api().request("POST".parse()?, "/v1/config/apply", Some(&sent)).await?;
    assert_eq!(reply.status.as_u16(), 422);
    assert_eq!(reply.body["problems"][0]["key"], "queue[0].strategy", "{}", reply.body);
    assert_eq!(version(&stage).await?, before);
    Ok(())
}
