//! `sipgateio` decodes what the preset `sipgate` sends.

use anyhow::Result;
use hookswitch_tests::cast::Mode;
use hookswitch_tests::ports::free_port;
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use serde_json::{Value, json};

use crate::Script;

#[tokio::test]
async fn package_of_the_vendor_decodes_every_message_of_a_call() -> Result<()> {
    let port = free_port().to_string();
    let mut script = Script::run("sipgate.mjs", &[("PORT", &port)])?;
    assert_eq!(script.line().await?, "ready");
    let webhook = format!(
        "[[webhook]]\nname = \"sipgate\"\nurl = \"http://127.0.0.1:{port}/\"\npreset = \"sipgate\"\nallow_private = true\n\
         users = {{ alice = \"Alice\" }}\n\n"
    );
    let mut stage = Stage::set(Place::Simulator, Mode::Route, &webhook).await?;
    stage.play_script("C dials Q; A rings; A answers; see answered A; C hangs up; see ended").await?;
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(serde_json::from_str::<Value>(&script.line().await?)?);
    }
    script.done().await?;

    let call = &told[0]["callId"];
    assert!(told.iter().all(|event| event["callId"] == *call && event["xcid"] == *call), "{told:#?}");
    let seen: Vec<Value> = told
        .iter()
        .map(|event| {
            json!([event["handler"], event["event"], event["direction"], event["from"], event["to"]])
        })
        .collect();
    assert_eq!(
        seen,
        [
            json!(["onNewCall", "newCall", "in", "+49305550001", "+5003"]),
            json!(["onAnswer", "answer", "in", "+49305550001", "+5003"]),
            json!(["onHangUp", "hangup", "in", "+49305550001", "+5003"]),
        ]
    );
    assert_eq!(told[0]["users"], json!(["Alice"]));
    assert_eq!((&told[1]["user"], &told[1]["answeringNumber"]), (&json!("Alice"), &json!("+1001")));
    assert_eq!(told[2]["cause"], "normalClearing");
    Ok(())
}
