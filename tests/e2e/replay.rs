//! What the daemon left behind is taken up by `hookswitch replay` and `hookswitch journal`.

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::{Mode, customer_number};
use hookswitch_tests::events::{Reader, kind, text};
use hookswitch_tests::stage::Stage;
use hookswitch_tests::world::Place;
use serde_json::Value;

/// The daemon played stories, was killed in the middle of one, was stopped and came back twice: two snapshots are kept,
/// and no process runs.
async fn after_a_working_day() -> Result<Stage> {
    let mut stage = Stage::set(Place::Simulator, Mode::Route, "").await?;
    let day = [
        "C dials Q; A rings; see offered A; A declines 603; B rings; B answers; see answered B; B holds; see held; \
         B retrieves; see retrieved; B refers to D; D rings; D answers; see answered D; C hangs up; D is cut off; \
         see ended",
        "C2 dials A; A rings; see offered A; the daemon dies; A answers; the daemon returns; C2 hangs up; \
         A is cut off; see ended",
        "C dials Q; A rings; A answers; see answered A; A consults B; B rings; B answers; see answered B; \
         A completes; see transferred attended A>B; C hangs up; B is cut off; see ended",
    ];
    for script in day {
        stage.play_script(script).await.with_context(|| stage.daemon.log())?;
        let status = stage.daemon.stop().await?;
        ensure!(status.success(), "{status}\n{}", stage.daemon.log());
        stage.direct("the daemon returns").await?;
    }
    stage.daemon.stop().await?;
    Ok(stage)
}

/// The report of a command of the program on this daemon's journal.
async fn report(stage: &Stage, arguments: &[&str]) -> Result<Value> {
    let folder = stage.daemon.journal();
    let folder = folder.to_str().context("a path in UTF-8")?;
    let output = stage.daemon.command(&[arguments, &["--journal", folder, "--json"]].concat()).await?;
    let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    ensure!(output.status.success(), "{arguments:?}: {}\n{out}\n{err}", output.status);
    serde_json::from_str(&out).with_context(|| format!("{arguments:?}: {out}"))
}

/// Every record, as the program exports it.
async fn export(stage: &Stage) -> Result<Vec<Value>> {
    let folder = stage.daemon.journal();
    let folder = folder.to_str().context("a path in UTF-8")?;
    let output = stage.daemon.command(&["journal", "export", "--journal", folder]).await?;
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

async fn replayed(stage: &Stage) -> Result<Value> {
    Ok(report(stage, &["replay"]).await?["identical"].clone())
}

#[tokio::test]
async fn every_decision_of_a_working_day_is_made_again_bit_for_bit() -> Result<()> {
    let stage = after_a_working_day().await?;
    let records = export(&stage).await?;
    let of_kind = |kind: &str| records.iter().filter(|record| record["kind"] == kind).count();
    let counts = replayed(&stage).await?;
    assert_eq!(counts["from"], 1);
    assert_eq!(counts["to"], records.len());
    assert_eq!(counts["inputs"], of_kind("input"));
    assert_eq!(counts["events"], of_kind("event"));
    assert_eq!(counts["actions"], of_kind("action"));
    assert_eq!(counts["snapshots"].as_array().map(Vec::len), Some(2), "{counts}");
    ensure!(of_kind("event") > 40 && of_kind("action") > 3, "that was no working day: {counts}");

    let verified = report(&stage, &["journal", "verify"]).await?;
    assert_eq!(verified["ok"], true);
    assert_eq!(verified["entries"], records.len());

    // Written anew it is the same.
    report(&stage, &["journal", "compact"]).await?;
    assert_eq!(export(&stage).await?, records);
    assert_eq!(replayed(&stage).await?, counts);
    Ok(())
}

#[tokio::test]
async fn one_customer_is_erased_and_everything_else_stays() -> Result<()> {
    let mut stage = after_a_working_day().await?;
    let before = export(&stage).await?;
    let number = customer_number("C");
    let digits = &number[1..];

    let options = ["journal", "erase", "--number", &number];
    let promised = report(&stage, &[&options[..], &["--dry-run"]].concat()).await?;
    assert_eq!(export(&stage).await?, before, "a dry run changes nothing");
    let erased = report(&stage, &options).await?;
    assert_eq!(erased["calls"].as_array().map(Vec::len), Some(3), "two and a consultation: {erased}");
    assert_eq!((&erased["records"], &erased["snapshots"]), (&promised["records"], &promised["snapshots"]));

    let after = export(&stage).await?;
    let (audit, after) = after.split_last().context("nothing is left")?;
    assert_eq!(audit["kind"], "audit");
    assert_eq!(audit["payload"]["body"]["calls"], erased["calls"]);
    assert_eq!(after.len(), before.len());
    for (old, new) in before.iter().zip(after) {
        ensure!(!new.to_string().contains(digits), "still there: {new}");
        for key in ["seq", "kind", "at"] {
            assert_eq!(new[key], old[key]);
        }
        for key in ["id", "type", "sequence", "time", "subject"] {
            assert_eq!(new["payload"][key], old["payload"][key]);
        }
        assert_eq!(new["payload"]["data"]["ledger"], old["payload"]["data"]["ledger"], "ledgers stay");
        let other = format!("\"{}\"", customer_number("C2"));
        assert_eq!(new.to_string().contains(&other), old.to_string().contains(&other), "others stay");
    }
    let kept = std::fs::read_dir(stage.daemon.journal().join("snapshots"))?;
    for file in kept {
        let bytes = std::fs::read(file?.path())?;
        ensure!(!String::from_utf8_lossy(&bytes).contains(digits), "a snapshot still has the number");
    }
    assert_eq!(report(&stage, &["journal", "verify"]).await?["ok"], true);

    // Equal values have equal masks, so that every decision is still the same.
    let counts = replayed(&stage).await?;
    assert_eq!(counts["to"], before.len() + 1);

    // And the daemon goes on from it; readers pass over the audit record.
    stage.direct("the daemon returns").await?;
    let reader = Reader::websocket(&stage.daemon.api(), "after=0").await?;
    stage.play_script("C dials Q; A rings; A answers; see answered A; C hangs up; see ended").await?;
    let last = format!("{:020}", before.len() + 1);
    let new_end = |event: &Value| kind(event) == "call.ended" && text(event, "/sequence") > Some(&*last);
    reader.wait("the end of a call after the erasure", new_end).await?;
    reader.check_chain()?;
    ensure!(!reader.events().iter().any(|event| kind(event).is_empty()), "{}", reader.story());
    Ok(())
}

#[tokio::test]
async fn a_journal_that_is_not_there_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path().to_str().context("a path in UTF-8")?;
    for command in [&["replay"][..], &["journal", "verify"], &["journal", "export"], &["journal", "compact"]]
    {
        let output = hookswitch_tests::daemon::run(&[command, &["--journal", folder]].concat(), None).await?;
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let told = String::from_utf8(output.stderr)?;
        ensure!(told.contains(folder) && told.contains("hint"), "{told}");
    }
    Ok(())
}
