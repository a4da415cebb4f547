//! The package `eventsource` of npm resumes our stream over a wire that is cut, without gap or duplicate.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use hookswitch_tests::daemon::ADMIN;
use hookswitch_tests::events::{kind, text};
use hookswitch_tests::proxy::Wire;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::time;

use crate::peers::node;
use crate::{ONE_CALL, stage};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the page has seen.
struct Page {
    lines: Lines<BufReader<ChildStdout>>,
    opened: u64,
    events: Vec<Value>,
}

impl Page {
    /// Reads on until this holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<()> {
        while !holds(self) {
            let line = time::timeout(PATIENCE, self.lines.next_line()).await;
            let line = line.with_context(|| format!("{what}: not in time"))??;
            let Some(line) = line else { bail!("the page is gone") };
            let line: Value = serde_json::from_str(&line)?;
            match line.get("opened") {
                Some(opened) => self.opened = opened.as_u64().context("a number")?,
                None if kind(&line["event"]).starts_with("stream.") => {}
                None => {
                    assert_eq!(line["id"], line["event"]["sequence"]);
                    self.events.push(line["event"].clone());
                }
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_page_sees_every_event_once_over_a_wire_that_is_cut_again_and_again() -> Result<()> {
    let mut stage = stage("").await?;
    let api = stage.daemon.api();
    let wire = Wire::to(api.address()).await?;
    let url = format!("http://{}/v1/events?after=0", wire.address());
    let mut child = node("resume.mjs", &[&url, ADMIN])?;
    let lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
    let mut page = Page { lines, opened: 0, events: Vec::new() };
    page.until("the page connects", |page| page.opened == 1).await?;
    for cut in 1..=3 {
        // Cut while events are on their way.
        let read = page.events.len();
        stage.play_script("C dials Q; A rings").await?;
        page.until("the call", |page| page.events.len() > read).await?;
        wire.cut();
        stage.play_script("A answers; see answered A; C hangs up; see ended").await?;
        wire.mend();
        page.until("the page comes back", |page| page.opened == cut + 1).await?;
    }
    stage.play_script(ONE_CALL).await?;
    let ends = |page: &Page| page.events.iter().filter(|event| kind(event) == "call.ended").count();
    page.until("all calls", |page| ends(page) == 4).await?;

    let last = text(page.events.last().unwrap(), "/sequence").unwrap_or_default();
    let told: Vec<Value> = stage.events();
    let told: Vec<&str> =
        told.iter().filter_map(|event| text(event, "/sequence")).filter(|seq| *seq <= last).collect();
    let seen: Vec<&str> = page.events.iter().filter_map(|event| text(event, "/sequence")).collect();
    assert_eq!(seen, told);
    // And by itself the page can prove it.
    for pair in page.events.windows(2) {
        assert_eq!(pair[1]["prev"], pair[0]["sequence"]);
    }
    Ok(())
}
