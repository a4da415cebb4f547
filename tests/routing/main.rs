//! The configuration of a running daemon: explained, planned, applied, taken back, and tried on yesterday's traffic.

mod apply;
mod explain;
mod load;
mod what_if;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::{cast, daemon::ADMIN, stage::Stage};
use serde_json::Value;

/// The configuration of the stage, changed, in a file beside it.
fn changed(stage: &Stage, change: impl FnOnce(String) -> String) -> Result<String> {
    let text = std::fs::read_to_string(stage.daemon.config())?;
    let path = stage.daemon.config().with_file_name("new.toml");
    std::fs::write(&path, change(text))?;
    path.to_str().map(str::to_owned).context("a path in UTF-8")
}

/// The report of a command that must succeed.
async fn report(stage: &Stage, arguments: &[&str]) -> Result<Value> {
    let output = stage.daemon.command(&[arguments, &["--token", ADMIN, "--json"]].concat()).await?;
    let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    ensure!(output.status.success(), "{arguments:?}: {}\n{out}\n{err}", output.status);
    serde_json::from_str(&out).with_context(|| format!("{arguments:?}: {out}"))
}

/// What a command prints for people; it must succeed.
async fn printed(stage: &Stage, arguments: &[&str]) -> Result<String> {
    let output = stage.daemon.command(&[arguments, &["--token", ADMIN]].concat()).await?;
    let err = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "{arguments:?}: {}\n{err}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// The number of an outside caller of the stories.
fn caller() -> String {
    cast::customer_number("C")
}
