//! The disk is full. Calls are routed on, readers are told, and nothing is missing when there is room again.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_sim::Sim;
use hookswitch_tests::events::{Reader, kind};
use serde_json::Value;
use tokio::time::timeout;

use crate::office::{self, Office};

/// A small disk: enough for the journal and what it sets aside.
const DISK: &str = "size=64m";
const PATIENCE: Duration = Duration::from_secs(30);

/// A file system in memory of its own, until it is dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Result<Self> {
        std::fs::create_dir_all(at)?;
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(at).status()?;
        ensure!(status.success(), "cannot mount at {}: {status}; hint: run the tests as root", at.display());
        Ok(Self(at.to_owned()))
    }

    /// Takes all the room there is.
    fn fill(&self) -> Result<()> {
        let mut file = File::create(self.0.join("filler"))?;
        let block = vec![0; 64 * 1024];
        while file.write_all(&block).is_ok() {}
        Ok(())
    }

    /// Gives it back.
    fn empty(&self) -> Result<()> {
        std::fs::remove_file(self.0.join("filler")).context("the filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the daemon may have files open there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// One caller who is answered and leaves.
async fn call(sim: &Sim) -> Result<()> {
    let leg = office::caller(sim);
    timeout(PATIENCE, sim.talking(leg)).await.context("the caller talks to nobody")?;
    timeout(PATIENCE, sim.ended(leg)).await.context("the call does not end")
}

#[tokio::test]
async fn callers_are_routed_on_a_full_disk_and_readers_get_everything_afterwards() -> Result<()> {
    let Office { mut daemon, sim, .. } = Office::furnish("").await?;
    let disk = Disk::mount(&daemon.journal())?;
    daemon.launch().await?;
    daemon.wait_links_up().await?;
    let reader = Reader::websocket(&daemon.api(), "after=0").await?;
    call(&sim).await?;
    reader.wait("the first call's end", |event| kind(event) == "call.ended").await?;
    let pid = daemon.pid();

    disk.fill()?;
    let mut calls = 1;
    let told = |reader: &Reader, wanted: &str| reader.all().iter().any(|event| kind(event) == wanted);
    while !told(&reader, "stream.degraded") {
        ensure!(calls < 300, "the disk is not full\n{}", daemon.log());
        call(&sim).await.with_context(|| daemon.log())?;
        calls += 1;
    }
    let ready = daemon.api().request(reqwest::Method::GET, "/readyz", None).await?;
    ensure!(ready.status.is_success(), "callers are routed, and it says that they are not: {ready:?}");
    assert_eq!(ready.body["journal"], "degraded", "it says that it is well: {ready:?}");
    let strictly = daemon.api().request(reqwest::Method::GET, "/readyz?journal=open", None).await?;
    assert_eq!(strictly.status, 503, "{strictly:?}");
    for _ in 0..3 {
        call(&sim).await.with_context(|| daemon.log())?;
        calls += 1;
    }

    disk.empty()?;
    reader.wait("the good news", |event| kind(event) == "stream.restored").await?;
    call(&sim).await?;
    calls += 1;
    daemon.wait_links_up().await?;
    assert_eq!(daemon.pid(), pid, "without a restart");
    let is_end = |event: &Value| kind(event) == "call.ended";
    let mut mark = 0;
    for _ in 0..calls {
        let end = reader.find_after(mark, "the end of each call", is_end).await;
        (mark, _) = end.with_context(|| daemon.log())?;
    }
    let ended = reader.events().iter().filter(|event| is_end(event)).count();
    assert_eq!(ended, calls, "every call is told once\n{}", daemon.log());
    reader.check_chain()?;
    let wrong = hookswitch_tests::invariants::violations(&reader.events());
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    daemon.stop().await.map(drop)
}
