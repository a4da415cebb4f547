//! Receivers that fail: afterwards everything is there in the order of each call, or a dead letter says why not.

use anyhow::{Result, ensure};
use hookswitch_tests::events::{kind, text};
use hookswitch_tests::stage::Stage;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::receiver::{Receiver, Reply};
use crate::{TWO_CALLS, call_events, check_order, delivery, stage, webhook};

/// The same trouble for the first requests, and then none.
fn at_first(count: usize, trouble: Reply) -> impl Fn(usize, &Value) -> Reply {
    move |number, _| if number < count { trouble.clone() } else { Reply::OK }
}

#[tokio::test]
async fn whatever_a_receiver_does_at_first_all_events_arrive_in_order() -> Result<()> {
    let troubles = [
        ("slow", at_first(2, Reply::Silence)),
        ("resets", at_first(3, Reply::Reset)),
        ("broken", at_first(4, Reply::Answer(500, "", ""))),
        ("busy", at_first(2, Reply::Answer(429, "retry-after: 1\r\n", ""))),
        ("away", at_first(1, Reply::Answer(503, "retry-after: Sat, 01 Jan 2000 00:00:00 GMT\r\n", ""))),
        ("moved", at_first(2, Reply::Answer(307, "location: http://127.0.0.1:1/elsewhere\r\n", ""))),
        ("picky", at_first(2, Reply::Answer(422, "", ""))),
        ("refuses", at_first(3, Reply::REFUSED)),
    ];
    let mut receivers = Vec::new();
    let mut settings = String::new();
    for (name, policy) in troubles {
        let receiver = Receiver::start(policy).await?;
        let more = "timeout = \"500ms\"\nok_if = 'status == 200 && body.success == true'";
        settings.push_str(&webhook(name, &receiver.url(), more));
        receivers.push((name, receiver));
    }
    // Down: nobody listens there until the calls are over.
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    settings.push_str(&webhook("down", &format!("http://{closed}/hook"), ""));

    let mut stage = stage(&settings).await?;
    stage.play_script(TWO_CALLS).await?;
    let told = call_events(&stage);
    receivers.push(("down", Receiver::on(TcpListener::bind(closed).await?, |_, _| Reply::OK)?));

    for (name, receiver) in &receivers {
        let checked = async {
            receiver.wait_for_all(&told).await?;
            check_order(&told, &receiver.taken())?;
            receiver.check_one_at_a_time()
        };
        checked.await.map_err(|error| error.context(*name))?;
    }
    for webhook in stage.daemon.api().get("/v1/webhooks").await?["items"].as_array().unwrap() {
        assert_eq!((&webhook["dead"], &webhook["lost"]), (&json!(0), &json!(0)), "{webhook:#}");
    }
    Ok(())
}

#[tokio::test]
async fn gone_disables_until_it_is_replayed() -> Result<()> {
    let receiver = Receiver::start(|_, _| Reply::Answer(410, "", "")).await?;
    let mut stage = stage(&webhook("gone", &receiver.url(), "")).await?;
    stage.play_script(TWO_CALLS).await?;
    let told = call_events(&stage);
    let refused = receiver.requests().len();
    let first = text(&told[0], "/id").unwrap();
    assert_eq!(delivery(&stage, "gone", first).await?["state"], "disabled");
    let listed = state(&stage, "gone").await?;
    assert_eq!(listed["state"], "disabled", "{listed:#}");

    receiver.behave(|_, _| Reply::OK);
    stage.daemon.api().post("/v1/webhooks/gone/replay", &json!({"after": "0"})).await?;
    receiver.wait_for_all(&told).await?;
    check_order(&told, &receiver.taken())?;
    receiver.check_one_at_a_time()?;
    // Nothing was tried between the 410 and the replay but what was under way when it came.
    ensure!(refused <= 2, "{refused} requests to a receiver that is gone");
    assert_eq!(state(&stage, "gone").await?["state"], "active");
    Ok(())
}

/// How a webhook is listed.
async fn state(stage: &Stage, name: &str) -> Result<Value> {
    let list = stage.daemon.api().get("/v1/webhooks").await?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    Ok(items.into_iter().find(|webhook| webhook["name"] == name).unwrap_or_default())
}

#[tokio::test]
async fn what_is_refused_with_200_for_good_is_a_dead_letter_and_can_be_replayed() -> Result<()> {
    let refuses_answers = |_: usize, event: &Value| {
        if kind(event) == "call.answered" { Reply::REFUSED } else { Reply::OK }
    };
    let receiver = Receiver::start(refuses_answers).await?;
    let settings = webhook("crm2", &receiver.url(), "ok_if = 'body.success == true'");
    let mut stage = stage(&settings).await?;
    stage.play_script(TWO_CALLS).await?;
    let told = call_events(&stage);
    let (answers, rest): (Vec<Value>, Vec<Value>) =
        told.iter().cloned().partition(|event| kind(event) == "call.answered");
    receiver.wait_for_all(&rest).await?;
    check_order(&rest, &receiver.taken())?;
    for answer in &answers {
        let letter = delivery(&stage, "crm2", text(answer, "/id").unwrap()).await?;
        assert_eq!(letter["state"], "refused", "{letter:#}");
        let attempts = letter["attempts"].as_array().unwrap();
        assert!(attempts.len() > 1 && attempts.iter().all(|attempt| attempt["status"] == 200), "{letter:#}");
        assert!(attempts[0]["error"].as_str().unwrap().contains("unknown call"), "{letter:#}");
    }
    assert_eq!(state(&stage, "crm2").await?["dead"], 2);

    receiver.behave(|_, _| Reply::OK);
    let before = receiver.requests().len();
    stage.daemon.api().post("/v1/webhooks/crm2/replay", &json!({"after": "0"})).await?;
    receiver.wait_for_all(&told).await?;
    receiver.wait("everything once more", |requests| requests.len() >= before + told.len()).await?;
    let again: Vec<Value> = receiver.taken().split_off(receiver.taken().len() - told.len());
    check_order(&told, &again)?;
    assert_eq!(state(&stage, "crm2").await?["dead"], 0);
    Ok(())
}

#[tokio::test]
async fn a_template_makes_the_body_and_headers_are_added() -> Result<()> {
    let receiver = Receiver::start(|_, _| Reply::OK).await?;
    let folder = tempfile::tempdir()?;
    let template = folder.path().join("crm.json");
    std::fs::write(
        &template,
        r#"{"event": {{ type | tojson }}, "call": {{ data.call.id | tojson }}, "from": {{ data.call.ani | e164 | tojson }}, "id": {{ id | tojson }}, "data": {"call": {"id": {{ data.call.id | tojson }}}}}"#,
    )?;
    let more = format!(
        "template = \"{}\"\nheaders = {{ Authorization = \"Bearer of-the-crm\", Content-Type = \"application/vnd.crm+json\" }}",
        template.display()
    );
    let mut stage = stage(&webhook("crm2", &receiver.url(), &more)).await?;
    stage.play_script(TWO_CALLS).await?;
    let told = call_events(&stage);
    receiver.wait_for_all(&told).await?;
    check_order(&told, &receiver.taken())?;
    for request in receiver.requests() {
        assert_eq!(request.header("authorization"), "Bearer of-the-crm");
        assert_eq!(request.header("content-type"), "application/vnd.crm+json");
        assert!(
            request.event()["from"].as_str().unwrap().starts_with("+4930555000"),
            "{:?}",
            request.event()
        );
    }
    Ok(())
}
