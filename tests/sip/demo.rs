//! The demonstration without a simulator, as docs/sip.md has it: the very files, commands and ports.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::daemon::program;
use libtest_mimic::Trial;
use tokio::process::Command;
use tokio::time::timeout;

use crate::block_on;

const SCRIPT: &str = "config/examples/sip-phones/demo.sh";
const PATIENCE: Duration = Duration::from_secs(240);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("demo::two_softphones_and_one_call", || block_on(played())),
        Trial::test("demo::the_manual_has_the_commands_of_the_script", || block_on(documented())),
    ]
}

fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests stand in a folder")
}

async fn played() -> Result<()> {
    // A network of its own: the demonstration's ports are those of the manual. It ends with all its processes.
    let within = format!("ip link set lo up && exec {SCRIPT}");
    let output = Command::new("setpriv")
        .args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            &within,
        ])
        .env("HOOKSWITCH_BIN", program().await?)
        .current_dir(root()?)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, output).await.context("it does not end")??;
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    let told: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("\"type\":")).collect();
    let course =
        ["call.started", "call.queued", "call.offered", "call.offer_ended", "call.answered", "call.ended"];
    let mut expected = course.iter().map(|kind| format!("\"{kind}\"")).peekable();
    for kind in &told {
        expected.next_if(|next| next == kind);
    }
    ensure!(expected.peek().is_none(), "{said}");
    // `packets:  SENT  HEARD` of alice's phone.
    let packets = said.lines().find_map(|line| line.strip_prefix("packets:")).context("no voice")?;
    let packets: Vec<u32> = packets.split_whitespace().filter_map(|count| count.parse().ok()).collect();
    ensure!(packets.len() == 2 && packets.iter().all(|count| *count > 50), "{said}");
    Ok(())
}

async fn documented() -> Result<()> {
    let script = std::fs::read_to_string(root()?.join(SCRIPT))?;
    let manual = std::fs::read_to_string(root()?.join("docs/sip.md"))?;
    let (_, chapter) = manual.split_once("## Two phones and one call").context("its chapter")?;
    let (chapter, _) = chapter.split_once("\n## ").context("the next chapter")?;
    let commands: Vec<&str> = chapter
        .split("```sh")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .flat_map(str::lines)
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    ensure!(commands.len() == 4, "{commands:?}");
    let strange: Vec<&&str> =
        commands.iter().filter(|command| !script.lines().any(|line| line.starts_with(**command))).collect();
    ensure!(strange.is_empty(), "not in the script: {strange:?}");
    Ok(())
}
