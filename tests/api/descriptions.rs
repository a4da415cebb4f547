//! `/openapi.json` and `/asyncapi.json`, read by tools of other people.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::daemon::ADMIN;
use tokio::process::Command;
use tokio::time::timeout;

use crate::busy_stage;

/// For a run of schemathesis, which bounds itself.
const PATIENCE: Duration = Duration::from_secs(240);

fn peers() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/test-peers")
}

/// Runs a program of the peers' and gives what it printed; its failure is ours. `settings` is schemathesis' file.
async fn peer(program: &str, arguments: &[&str], settings: &str) -> Result<String> {
    let path = peers().join("venv/bin").join(program);
    ensure!(path.exists(), "{program} is not installed: run tests/api/peers.sh, which needs python3 and pip");
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    // It keeps what it learned between runs: each of ours is the same.
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("schemathesis.toml"), settings)?;
    command.current_dir(folder.path());
    let output =
        timeout(PATIENCE, command.output()).await.with_context(|| format!("{program} does not end"))??;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{program}: {}\n{printed}\n{errors}", output.status);
    Ok(printed)
}

#[tokio::test]
async fn both_descriptions_are_valid_and_every_event_told_is_as_described() {
    let mut stage = busy_stage().await.unwrap();
    stage.play_script("C hangs up; see ended").await.unwrap();
    let url = format!("http://{}", stage.daemon.api().address());
    let script = format!("{}/api/peers/described.py", env!("CARGO_MANIFEST_DIR"));
    let schema = peers().join("asyncapi/node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json");
    let printed = peer("python", &[&script, &url, ADMIN, &schema.to_string_lossy()], "").await.unwrap();
    assert!(printed.contains("types of events seen"), "{printed}");
}

#[tokio::test]
async fn whatever_schemathesis_makes_of_the_description_is_answered_as_described() {
    let stage = busy_stage().await.unwrap();
    let url = format!("http://{}/openapi.json", stage.daemon.api().address());
    let header = format!("Authorization: Bearer {ADMIN}");
    let calls = stage.daemon.api().get("/v1/calls").await.unwrap();
    // Things that exist, so that it gets further than to 404.
    let settings = format!(
        "[[operations]]\ninclude-path-regex = \"/v1/calls/\"\nparameters = {{ \"path.id\" = {} }}\n\n\
         [[operations]]\ninclude-path-regex = \"/v1/agents/\"\nparameters = {{ \"path.id\" = \"bob\" }}\n\n\
         [[operations]]\ninclude-path-regex = \"/v1/queues/\"\nparameters = {{ \"path.id\" = \"support\" }}\n\n\
         [[operations]]\ninclude-path-regex = \"/v1/webhooks/\"\nparameters = {{ \"path.name\" = \"crm\" }}\n",
        calls["items"][0]["id"]
    );
    let arguments = [
        "run",
        &url,
        "--header",
        &header,
        "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance",
        "--phases",
        "examples,coverage,fuzzing",
        "--max-examples",
        "20",
        "--seed",
        "1",
        "--max-time",
        "75",
        "--request-timeout",
        "20",
        "--no-color",
        "--suppress-health-check",
        "all",
    ];
    let printed = peer("schemathesis", &arguments, &settings).await.unwrap();
    println!("{printed}");
    assert_eq!(stage.daemon.api().get("/healthz").await.unwrap(), "ok\n", "it lives");
}
