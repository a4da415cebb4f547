//! Django-CRM takes what the preset `zadarma` sends, by its signature, and nothing that was changed on the way.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::{process::Command, time::timeout};

use crate::{PATIENCE, peers, root};

#[tokio::test]
async fn receiver_of_django_crm_takes_every_end_of_a_call_and_no_forged_one() -> Result<()> {
    let mut command = Command::new(peers().join("django-crm/bin/python"));
    command.arg(root().join("presets/django_crm.py")).arg(root().join("presets/golden/zadarma.txt"));
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(PATIENCE, output).await?.context("tests/presets/peers.sh installs it")?;
    let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    ensure!(output.status.success(), "{err}");
    let told: Vec<Value> = out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(told.len() >= 20 && told.len().is_multiple_of(2), "each delivery, and each forged: {out}");
    for pair in told.chunks_exact(2) {
        assert_eq!((&pair[0]["status"], &pair[0]["taken"]), (&200.into(), &true.into()), "{}", pair[0]);
        ensure!(pair[0]["number"].as_str().is_some_and(|number| !number.is_empty()), "{}", pair[0]);
        // It answers 200 also then, which is why the delivery counts as unconfirmed.
        assert_eq!((&pair[1]["status"], &pair[1]["taken"]), (&200.into(), &false.into()), "{}", pair[1]);
    }
    Ok(())
}
