//! Programs of other people, on Node.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::process::{Child, Command};

/// A script of this folder, run where the packages are.
pub(crate) fn node(script: &str, arguments: &[&str]) -> Result<Child> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let packages = here.join("../target/test-peers");
    ensure!(
        packages.join("node_modules/eventsource").is_dir()
            && packages.join("node_modules/standardwebhooks").is_dir(),
        "the npm packages are not installed: run tests/delivery/peers.sh (make test does)"
    );
    // Modules are looked for beside the script.
    let copy = packages.join(script);
    std::fs::copy(here.join("delivery").join(script), &copy).context("the script")?;
    Command::new("node")
        .arg(&copy)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .context("node cannot be run: is it installed?")
}
