//! Size and wording of sources.

use crate::tree::{none, texts};

const LONGEST_FILE: usize = 600;

/// A word put together here, so that this file does not trip over itself.
fn word(parts: [&str; 2]) -> String {
    parts.concat()
}

#[test]
fn source_files_are_short() {
    let long = texts(".rs").into_iter().filter(|(_, text)| text.lines().count() > LONGEST_FILE);
    let found: Vec<_> =
        long.map(|(path, text)| format!("{} has {}", path.display(), text.lines().count())).collect();
    none(&format!("files of more than {LONGEST_FILE} lines"), &found);
}

#[test]
fn length_of_functions_is_watched_by_clippy_everywhere() {
    let settings = texts("clippy.toml");
    assert!(!settings.is_empty(), "clippy.toml sets the threshold");
    let lax = settings.iter().filter(|(_, text)| !text.contains("too-many-lines-threshold = 70"));
    let mut found: Vec<_> = lax.map(|(path, _)| format!("{} does not set it", path.display())).collect();
    let silenced = word(["clippy::too_many", "_lines"]);
    let silent = texts(".rs").into_iter().filter(|(_, text)| text.contains(&silenced));
    found.extend(silent.map(|(path, _)| format!("{} silences it", path.display())));
    let (_, manifest) = texts("Cargo.toml")
        .into_iter()
        .find(|(path, _)| path.ends_with("Cargo.toml") && path.components().count() == 1)
        .expect("the workspace has a manifest");
    if !manifest.contains("too_many_lines = \"warn\"") {
        found.push("Cargo.toml does not turn it on".to_owned());
    }
    none("functions may be longer than 70 lines", &found);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [
        word(["#[ign", "ore"]),
        word(["todo", "!("]),
        word(["unimplemented", "!("]),
        word(["dbg", "!("]),
        word(["// TO", "DO"]),
        word(["FIX", "ME"]),
        word(["should_pan", "ic]"]),
    ];
    let mut found = Vec::new();
    for (path, text) in texts(".rs") {
        for (number, line) in text.lines().enumerate() {
            found.extend(
                marks
                    .iter()
                    .filter(|mark| line.contains(mark.as_str()))
                    .map(|mark| format!("{}:{}: {mark}", path.display(), number + 1)),
            );
        }
    }
    none("unfinished or switched off", &found);
}

#[test]
fn exceptions_from_lints_give_their_reason() {
    let openings =
        [word(["#[all", "ow("]), word(["#![all", "ow("]), word(["#[exp", "ect("]), word(["#![exp", "ect("])];
    let mut found = Vec::new();
    for (path, text) in texts(".rs") {
        for opening in &openings {
            for (at, _) in text.match_indices(opening.as_str()) {
                let attribute = text[at..].split_once(")]").map_or("", |(attribute, _)| attribute);
                if !attribute.contains("reason") {
                    let line = text[..at].lines().count() + 1;
                    found.push(format!("{}:{line}", path.display()));
                }
            }
        }
    }
    none("a lint is silenced without a reason", &found);
}

#[test]
fn no_package_registry_is_named() {
    // Machines take packages from wherever they are set up to; the project names no host.
    let hosts = [
        word(["crates", ".io"]),
        word(["debian", ".org"]),
        word(["npmjs", ".org"]),
        word(["pypi", ".org"]),
        word(["ubuntu", ".com"]),
        word(["docker", ".io"]),
        word(["ghcr", ".io"]),
    ];
    let mut found = Vec::new();
    for ending in [
        ".rs", ".toml", ".md", ".sh", ".conf", ".yml", ".yaml", "Makefile", ".js", ".html", ".service",
        ".json",
    ] {
        for (path, text) in texts(ending) {
            found.extend(
                hosts
                    .iter()
                    .filter(|host| text.contains(host.as_str()))
                    .map(|host| format!("{}: {host}", path.display())),
            );
        }
    }
    none("hosts of package registries", &found);
}
