//! The source tree, as files.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the workspace")
}

/// Every file of the project, by its path from the root, sorted; what is built or fetched is left out.
pub(crate) fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(root(), &mut files);
    let mut files: Vec<_> =
        files.iter().filter_map(|path| path.strip_prefix(root()).ok()).map(Path::to_owned).collect();
    files.sort();
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project can be read") {
        let entry = entry.expect("an entry can be read");
        let name = entry.file_name();
        if ["target", ".git", ".cache", "node_modules"].iter().any(|skip| name == *skip) {
            continue;
        }
        let path = entry.path();
        if entry.file_type().expect("a type is known").is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Files with this ending, with their text.
pub(crate) fn texts(ending: &str) -> Vec<(PathBuf, String)> {
    let wanted = files().into_iter().filter(|path| path.to_string_lossy().ends_with(ending));
    wanted.filter_map(|path| Some((path.clone(), fs::read_to_string(root().join(path)).ok()?))).collect()
}

/// Fails with a list, unless it is empty.
#[track_caller]
pub(crate) fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}
