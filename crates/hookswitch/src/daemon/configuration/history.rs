//! The configurations that were applied, kept so that one can go back, and so that a restart goes on with the last.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use hookswitch_config::Bundle;
use hookswitch_model::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;

/// Versions that are kept.
const KEPT: usize = 50;
/// The folder beside the journal.
const FOLDER: &str = "config";
/// Who applied what was read from the file.
pub(super) const FROM_FILE: &str = "file";

/// One version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Applied {
    pub(super) version: u64,
    pub(super) previous: Option<u64>,
    /// It goes back to this one.
    pub(super) restores: Option<u64>,
    pub(super) at: Timestamp,
    pub(super) by: String,
    pub(super) bundle: Bundle,
    /// What the file said then: while it says the same, what was applied over it stays in force.
    pub(super) over: Bundle,
}

/// The versions, oldest first. In memory alone where the journal is, too.
#[derive(Debug, Default)]
pub(crate) struct History {
    folder: Option<PathBuf>,
    versions: Vec<Applied>,
}

impl History {
    /// What is kept beside the journal of this path. What cannot be read is told and left out.
    pub(crate) fn open(journal: &Path) -> Self {
        let folder = journal.join(FOLDER);
        let mut versions = Vec::new();
        // Without a folder nothing was applied yet.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let read = fs::read(&path).and_then(|bytes| Ok(serde_json::from_slice::<Applied>(&bytes)?));
            match read {
                Ok(applied) => versions.push(applied),
                Err(error) => warn!(path = %path.display(), %error, "a kept configuration is unreadable"),
            }
        }
        versions.sort_by_key(|applied| applied.version);
        Self { folder: Some(folder), versions }
    }

    /// What is in force by command, if the file still says what it said then.
    pub(crate) fn over(&self, file: &Bundle) -> Option<&Bundle> {
        let last = self.versions.last()?;
        (last.over == *file && last.bundle != *file).then_some(&last.bundle)
    }

    /// Newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Applied> {
        self.versions.iter().rev()
    }

    pub(super) fn last(&self) -> Option<&Applied> {
        self.versions.last()
    }

    /// The version that was in force before the last: what it goes back to when it is taken back. What was restored
    /// goes further back than to what it replaced.
    pub(super) fn before_last(&self) -> Option<&Applied> {
        let by_version = |version| self.versions.iter().find(|applied| applied.version == version);
        let mut last = self.versions.last()?;
        while let Some(restored) = last.restores {
            last = by_version(restored)?;
        }
        by_version(last.previous?)
    }

    /// Keeps one more.
    ///
    /// # Errors
    /// When it cannot be written; it is remembered all the same.
    pub(super) fn push(&mut self, applied: Applied) -> io::Result<()> {
        let written = self.folder.as_ref().map_or(Ok(()), |folder| write(folder, &applied));
        self.versions.push(applied);
        while self.versions.len() > KEPT {
            let old = self.versions.remove(0);
            if let Some(folder) = &self.folder {
                // One that stays is only found once more.
                let _ = fs::remove_file(path_of(folder, old.version));
            }
        }
        written
    }
}

fn path_of(folder: &Path, version: u64) -> PathBuf {
    folder.join(format!("{version:010}.json"))
}

/// Whole or not at all; for nobody else to read, because there may be a secret in it.
fn write(folder: &Path, applied: &Applied) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let (path, draft) = (path_of(folder, applied.version), folder.join("draft"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&serde_json::to_vec(applied)?)?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(version: u64, restores: Option<u64>) -> Applied {
        Applied {
            version,
            previous: version.checked_sub(1).filter(|previous| *previous > 0),
            restores,
            at: Timestamp::from_millis(version),
            by: "admin".to_owned(),
            bundle: Bundle::of_text(&format!("# {version}")),
            over: Bundle::of_text("# file"),
        }
    }

    #[test]
    fn what_was_applied_outlives_the_daemon_while_the_file_is_the_same() {
        let journal = tempfile::tempdir().unwrap();
        let mut history = History::open(journal.path());
        history.push(applied(1, None)).unwrap();
        history.push(applied(2, None)).unwrap();
        fs::write(journal.path().join("config/0000000009.json"), "torn").unwrap();
        let history = History::open(journal.path());
        let versions: Vec<u64> = history.newest_first().map(|applied| applied.version).collect();
        assert_eq!(versions, [2, 1]);
        assert_eq!(history.over(&Bundle::of_text("# file")), Some(&Bundle::of_text("# 2")));
        assert_eq!(history.over(&Bundle::of_text("# edited since")), None);
    }

    #[test]
    fn going_back_twice_goes_back_two_steps() {
        let mut history = History::default();
        for version in 1..=3 {
            history.push(applied(version, None)).unwrap();
        }
        assert_eq!(history.before_last().map(|applied| applied.version), Some(2));
        history.push(applied(4, Some(2))).unwrap();
        assert_eq!(history.before_last().map(|applied| applied.version), Some(1));
        history.push(applied(5, Some(1))).unwrap();
        assert!(history.before_last().is_none());
    }

    #[test]
    fn old_versions_go() {
        let journal = tempfile::tempdir().unwrap();
        let mut history = History::open(journal.path());
        for version in 1..=KEPT as u64 + 5 {
            history.push(applied(version, None)).unwrap();
        }
        assert_eq!(History::open(journal.path()).versions.len(), KEPT);
        assert_eq!(history.last().map(|applied| applied.version), Some(KEPT as u64 + 5));
    }
}
