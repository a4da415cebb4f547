//! `hookswitch what-if` on the journal of a real daemon.

use anyhow::{Context as _, Result};
use hookswitch_tests::{cast::Mode, stage::Stage, world::Place};
use serde_json::{Value, json};

use crate::changed;

async fn what_if(stage: &Stage, config: &str) -> Result<Value> {
    let journal = stage.daemon.journal();
    let journal = journal.to_str().context("a path in UTF-8")?;
    let output =
        stage.daemon.command(&["what-if", "--journal", journal, "--config", config, "--json"]).await?;
    let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    serde_json::from_str(&out).with_context(|| format!("{}: {out}\n{err}", output.status))
}

#[tokio::test]
async fn a_day_with_a_crash_is_decided_again_as_recorded_and_otherwise_without_an_agent() -> Result<()> {
    let mut stage = Stage::set(Place::Simulator, Mode::Route, "").await?;
    let day = [
        "C dials Q; A rings; see offered A; A declines 603; B rings; B answers; see answered B; B holds; see held; \
         B retrieves; see retrieved; C hangs up; B is cut off; see ended",
        "C2 dials Q; B rings; see offered B; the daemon dies; B answers; the daemon returns; C2 hangs up; \
         B is cut off; see ended",
        "A goes ready; C dials Q; B rings; B answers; see answered B; C hangs up; B is cut off; see ended",
    ];
    for script in day {
        stage.play_script(script).await.with_context(|| stage.daemon.log())?;
    }
    let text = std::fs::read_to_string(stage.daemon.config())?;
    let asked = stage.daemon.api().post("/v1/what-if", &json!({ "config": text })).await?;
    assert_eq!((&asked["identical"], &asked["simulated"]), (&json!(true), &json!(0)), "{asked:#}");
    stage.daemon.stop().await?;
    let same = stage.daemon.config();
    let same = what_if(&stage, same.to_str().context("a path in UTF-8")?).await?;
    assert_eq!(same["identical"], true, "{same:#}");
    assert_eq!((&same["simulated"], &same["handled_otherwise"]), (&json!(0), &json!([])));
    assert_eq!(same["recorded"], same["changed"]);
    let queues = |run: &Value| run["recorded"]["figures"]["queues"].clone();
    assert_eq!(queues(&asked), queues(&same), "the daemon said the same of itself");
    assert_eq!(same["recorded"]["figures"]["queues"]["support"]["answered"], 3, "{same:#}");

    let without_bob = changed(&stage, |text| {
        text.replace("id = \"bob\"", "id = \"ben\"")
            .replace("devices = [\"PJSIP/1002\"]", "devices = [\"PJSIP/1009\"]")
    })?;
    let other = what_if(&stage, &without_bob).await?;
    assert_eq!(other["identical"], false);
    let handled: Vec<&Value> = other["handled_otherwise"].as_array().into_iter().flatten().collect();
    assert_eq!(handled.len(), 3, "{other:#}");
    assert!(handled.iter().all(|call| call["recorded"] == json!(["bob"])), "{handled:?}");
    Ok(())
}
