//! The recordings, their expectations, and the program that reads them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::expectation::{self, Run};

/// Where recordings are: `fixtures/captures` of an earlier lab, `fixtures/captures-own` of `tests/asterisk`.
const SETS: [&str; 2] = ["captures", "captures-own"];
const VERSIONS: [&str; 2] = ["ast22", "ast16"];

/// A recorded stream.
#[derive(Debug)]
pub(crate) struct Recording {
    set: &'static str,
    version: &'static str,
    title: String,
    folder: PathBuf,
    /// Second 0 of its notes, as seconds since the epoch.
    pub(crate) start: f64,
}

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every recording.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn all() -> Result<Vec<Recording>> {
    let mut found = Vec::new();
    for set in SETS {
        for version in VERSIONS {
            let folder = home().join("fixtures").join(set).join(version);
            for title in names(&folder)? {
                let folder = folder.join(&title);
                let start = second_zero(&folder)?;
                found.push(Recording { set, version, title, folder, start });
            }
        }
    }
    Ok(found)
}

/// Names in a folder, in order.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// The notes tell it; a recording without a timeline starts with its first byte.
fn second_zero(folder: &Path) -> Result<f64> {
    let notes = fs::read_to_string(folder.join("notes.md")).with_context(|| folder.display().to_string())?;
    if let Some(epoch) = notes.lines().find_map(|line| line.strip_prefix("Epoch of t=0: ")) {
        return Ok(epoch.trim().parse()?);
    }
    let index = fs::read_to_string(folder.join("ami.idx"))?;
    let first: Value = serde_json::from_str(index.lines().next().context("an empty index")?)?;
    first["t"].as_f64().context("no time in the index")
}

/// Expectations that nobody recorded.
///
/// # Errors
/// When a folder cannot be read.
pub(crate) fn expectations_without_recording() -> Result<Vec<String>> {
    let mut without = Vec::new();
    for set in SETS {
        let mut recorded = BTreeSet::new();
        for version in VERSIONS {
            recorded.extend(names(&home().join("fixtures").join(set).join(version))?);
        }
        let expected = names(&home().join("replay/expected").join(set))?;
        without.extend(
            expected
                .into_iter()
                .filter(|name| name.strip_suffix(".txt").is_none_or(|title| !recorded.contains(title))),
        );
    }
    Ok(without)
}

impl Recording {
    /// `captures-own::ast22::hold-unhold`.
    pub(crate) fn name(&self) -> String {
        format!("{}::{}::{}", self.set, self.version, self.title)
    }

    /// What the recording is called.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// What is expected of it.
    ///
    /// # Errors
    /// When nobody wrote it, or in words that nobody knows.
    pub(crate) fn runs(&self) -> Result<Vec<Run>> {
        let path = home().join("replay/expected").join(self.set).join(format!("{}.txt", self.title));
        let written = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let runs = expectation::parse(&written, self.version).with_context(|| path.display().to_string())?;
        ensure!(!runs.is_empty(), "{} expects nothing of {}", path.display(), self.version);
        Ok(runs)
    }

    /// The events that `hookswitch trace` makes of it.
    ///
    /// # Errors
    /// When the program fails or prints what is no JSON.
    pub(crate) fn trace(&self, config: Option<&str>) -> Result<Vec<Value>> {
        let mut command = Command::new(program()?);
        if let Some(config) = config {
            command.arg("--config").arg(home().join("replay/config").join(config));
        }
        let output = command.arg("trace").arg(&self.folder).env_remove("HOOKSWITCH_CONFIG").output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "trace failed: {complaint}");
        let lines = String::from_utf8(output.stdout)?;
        lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

/// The program under test: `HOOKSWITCH_BIN`, else built now.
fn program() -> Result<PathBuf> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM.get_or_init(|| build().map_err(|error| format!("{error:#}"))).clone().map_err(anyhow::Error::msg)
}

fn build() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("HOOKSWITCH_BIN") {
        return Ok(path.into());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // All packages are selected, as in `cargo test --workspace`, so that features and artefacts are the same.
    command.args(["build", "--workspace", "--bin", "hookswitch", "--message-format", "json"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.current_dir(home()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "cargo cannot build hookswitch");
    let messages = String::from_utf8(output.stdout)?;
    let artefacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program =
        artefacts.filter_map(|message| Some(message.get("executable")?.as_str()?.to_owned())).next_back();
    program.map(PathBuf::from).context("cargo names no executable")
}
