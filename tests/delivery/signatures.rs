//! The package `standardwebhooks` of npm takes our signatures, and nothing else.

use anyhow::{Context as _, Result};
use hookswitch_tests::cast::WEBHOOK_SECRET;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::peers::node;
use crate::receiver::{Receiver, Reply, Request};
use crate::{ONE_CALL, call_events, stage, webhook};

const NEW: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// What the package says to each.
async fn verify(questions: &[Value]) -> Result<Vec<String>> {
    let mut child = node("verify.mjs", &[])?;
    let mut input = child.stdin.take().context("stdin")?;
    for question in questions {
        input.write_all(format!("{question}\n").as_bytes()).await?;
    }
    drop(input);
    let output = child.wait_with_output().await?;
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

fn question(secret: &str, request: &Request, body: &str) -> Value {
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<String, Value> =
        headers.iter().map(|name| ((*name).to_owned(), request.header(name).into())).collect();
    json!({"secret": secret, "headers": headers, "body": body})
}

#[tokio::test]
async fn each_of_two_secrets_verifies_every_delivery_and_no_other_does() -> Result<()> {
    // One refusal: the attempt after it is signed anew.
    let receiver =
        Receiver::start(|number, _| if number == 1 { Reply::Answer(500, "", "") } else { Reply::OK }).await?;
    let both = webhook("crm2", &receiver.url(), &format!("secrets = [\"{NEW}\", \"{WEBHOOK_SECRET}\"]"))
        .replace(&format!("secret = \"{WEBHOOK_SECRET}\"\n"), "");
    let mut stage = stage(&both).await?;
    stage.play_script(ONE_CALL).await?;
    receiver.wait_for_all(&call_events(&stage)).await?;

    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let (mut questions, mut expected) = (Vec::new(), Vec::new());
    for request in receiver.requests() {
        let body = String::from_utf8(request.body.clone())?;
        let changed = body.replacen("call.", "cull.", 1);
        for (secret, body, good) in
            [(NEW, &body, true), (WEBHOOK_SECRET, &body, true), (other, &body, false), (NEW, &changed, false)]
        {
            questions.push(question(secret, &request, body));
            expected.push(good);
        }
    }
    let said = verify(&questions).await?;
    let found: Vec<bool> = said.iter().map(|word| word == "ok").collect();
    assert_eq!(found, expected, "{said:#?}");
    Ok(())
}
