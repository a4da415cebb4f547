//! Alerts of queues, told to whoever is paged.

use anyhow::Result;
use serde_json::{Value, json};

use crate::receiver::{Receiver, Reply};
use crate::{stage, webhook};

#[tokio::test]
async fn an_alert_pages_somebody_when_it_is_raised_and_when_it_is_over_across_a_crash() -> Result<()> {
    let pager = Receiver::start(|_, _| Reply::OK).await?;
    let hook = webhook("pager", &pager.url(), "").replace("call.*", "queue.alert");
    let mut stage = stage(&hook).await?;
    let support = "[[queue]]\nid = \"support\"\n";
    let watched = format!("{support}alerts = {{ waiting = {{ raise = 1, hold = \"1s\" }} }}\n");
    let config = std::fs::read_to_string(stage.daemon.config())?.replacen(support, &watched, 1);
    stage.daemon.api().post("/v1/config/apply", &json!({ "config": config })).await?;

    stage.play_script("A goes not_ready; B goes not_ready; C dials Q; see queued").await?;
    pager.wait("a page", |requests| !requests.is_empty()).await?;
    let queue = stage.daemon.api().get("/v1/queues/support").await?;
    assert_eq!(queue["alerts"][0]["figure"], "waiting", "{queue}");
    stage.play_script("the daemon dies; the daemon returns; C hangs up; see ended").await?;
    let is_over = |event: &Value| event["data"]["state"] == "cleared";
    pager
        .wait("that it is over", |requests| requests.iter().any(|request| is_over(&request.event())))
        .await?;

    // What was taken as the daemon died may come again, as the same event.
    let mut told = pager.taken();
    told.dedup_by(|event, before| event["id"] == before["id"]);
    let states: Vec<&Value> = told.iter().map(|event| &event["data"]["state"]).collect();
    assert_eq!(states, ["raised", "cleared"], "{told:#?}");
    let [raised, cleared] = [&told[0]["data"], &told[1]["data"]];
    assert_eq!(raised["alert"]["id"], cleared["alert"]["id"]);
    assert_eq!((&raised["alert"]["value"], &raised["queue"]["waiting"]), (&json!(1.0), &json!(1)));
    assert_eq!(
        (&cleared["alert"]["since"], &cleared["queue"]["alerts"]),
        (&raised["alert"]["since"], &json!([]))
    );
    assert_eq!(told[0]["subject"], "queues/support");
    Ok(())
}
