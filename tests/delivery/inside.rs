//! A webhook is no way into the network.

use anyhow::{Result, ensure};
use hookswitch_tests::cast::WEBHOOK_SECRET;
use hookswitch_tests::daemon::Daemon;
use hookswitch_tests::events::text;

use crate::receiver::{Receiver, Reply};
use crate::{ONE_CALL, call_events, delivery, stage, webhook};

#[tokio::test]
async fn a_name_that_leads_inside_is_not_reached_and_the_listing_says_why() -> Result<()> {
    let secret = Receiver::start(|_, _| Reply::OK).await?;
    let url = format!("http://localhost:{}/hook", secret.address().port());
    let settings = webhook("sly", &url, "").replace("allow_private = true\n", "");
    let mut stage = stage(&settings).await?;
    stage.play_script(ONE_CALL).await?;
    let told = call_events(&stage);
    // The webhook of the stories is told everything: the sly one had its turn.
    let last = text(told.last().unwrap(), "/id").unwrap().to_owned();
    stage.sink.wait("the end", |event| text(event, "/id") == Some(&*last)).await?;
    let first = delivery(&stage, "sly", text(&told[0], "/id").unwrap()).await?;
    let error = first["attempts"][0]["error"].as_str().unwrap_or_default();
    ensure!(error.contains("localhost is a private address") && error.contains("allow_private"), "{first:#}");
    ensure!(secret.requests().is_empty(), "it was reached");
    Ok(())
}

#[tokio::test]
async fn a_redirect_inside_is_not_followed() -> Result<()> {
    let secret = Receiver::start(|_, _| Reply::OK).await?;
    let location = format!("location: {}\r\n", secret.url()).leak();
    let front =
        Receiver::start(
            |number, _| {
                if number < 2 { Reply::Answer([302, 308][number], location, "") } else { Reply::OK }
            },
        )
        .await?;
    let mut stage = stage(&webhook("front", &front.url(), "")).await?;
    stage.play_script(ONE_CALL).await?;
    front.wait_for_all(&call_events(&stage)).await?;
    ensure!(secret.requests().is_empty(), "it was followed");
    Ok(())
}

#[tokio::test]
async fn an_address_inside_is_refused_before_anything_starts() -> Result<()> {
    for url in
        ["http://127.0.0.1:9/", "http://2130706433/", "http://[::ffff:10.0.0.1]/", "http://169.254.169.254/"]
    {
        let table = format!("[[webhook]]\nname = \"sly\"\nurl = \"{url}\"\nsecret = \"{WEBHOOK_SECRET}\"\n");
        let Err(error) = Daemon::start(&table).await else { panic!("started with {url}") };
        let told = format!("{error:#}");
        // With its place in the file, as `hookswitch check` tells it, too.
        ensure!(told.contains("webhook sly") && told.contains("(webhook[0].url)"), "{told}");
    }
    Ok(())
}
