//! Recorded and handmade inputs of tests: each is used.

use std::collections::BTreeSet;

use crate::tree::{files, none, texts};

#[test]
fn every_folder_of_fixtures_is_named_by_a_test() {
    let folders: BTreeSet<String> = files()
        .iter()
        .filter_map(|path| {
            path.strip_prefix("tests/fixtures")
                .ok()?
                .components()
                .next()?
                .as_os_str()
                .to_str()
                .map(str::to_owned)
        })
        .collect();
    assert!(!folders.is_empty(), "tests/fixtures holds the recorded streams");
    let sources: Vec<_> =
        texts(".rs").into_iter().filter(|(path, _)| !path.ends_with("tidy/fixtures.rs")).collect();
    let used = |folder: &str| {
        let plain = format!("fixtures/{folder}");
        let joined = format!("\"{folder}\"");
        sources
            .iter()
            .any(|(_, text)| names(text, &plain) || (text.contains("fixtures") && text.contains(&joined)))
    };
    let unused: Vec<_> = folders.into_iter().filter(|folder| !used(folder)).collect();
    none("fixtures that no test names", &unused);
}

/// Whether a path stands in a text as a whole: `fixtures/captures` is not named by `fixtures/captures-own`.
fn names(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        let next = text[at + path.len()..].chars().next();
        next.is_none_or(|c| !c.is_alphanumeric() && c != '-' && c != '_')
    })
}

#[test]
fn every_recorded_stream_has_its_index_and_its_truth() {
    let files: BTreeSet<_> = files().into_iter().collect();
    let streams = files.iter().filter(|path| path.starts_with("tests/fixtures") && path.ends_with("ami.raw"));
    let lacking: Vec<_> = streams
        .flat_map(|stream| ["ami.idx", "notes.md"].map(|name| stream.with_file_name(name)))
        .filter(|companion| !files.contains(companion))
        .map(|companion| companion.display().to_string())
        .collect();
    none("recorded streams without", &lacking);
}
