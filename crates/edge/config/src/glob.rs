//! `queues/*.toml`: paths with `*` and `?`, which stand for anything and any one character within a name.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Whether the path has wildcards.
pub(crate) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?'])
}

/// The files that match, sorted by path. Names that begin with a dot match only a pattern that does.
pub(crate) fn files(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![match pattern.starts_with('/') {
        true => PathBuf::from("/"),
        false => folder.to_owned(),
    }];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = match is_pattern(part) {
            true => found.iter().flat_map(|folder| entries(folder, part)).collect(),
            false => found.into_iter().map(|folder| folder.join(part)).collect(),
        };
    }
    found.retain(|path| path.is_file());
    found.sort();
    found
}

/// Whether this path would be among [`files`], if it were there.
pub(crate) fn names(folder: &Path, pattern: &str, path: &Path) -> bool {
    let from = if pattern.starts_with('/') { Path::new("/") } else { folder };
    let Ok(rest) = path.strip_prefix(from) else { return false };
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let names: Vec<_> = rest.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.len() == names.len() && parts.iter().zip(&names).all(|(part, name)| stands_for(part, name))
}

/// Whether a part of a pattern stands for this name.
fn stands_for(pattern: &str, name: &str) -> bool {
    match is_pattern(pattern) {
        true => matches(pattern, name) && (!name.starts_with('.') || pattern.starts_with('.')),
        false => pattern == name,
    }
}

fn entries(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    // A folder that cannot be listed has no files that match; the caller tells when nothing does.
    let Ok(listed) = fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }) else {
        return Vec::new();
    };
    listed
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| stands_for(pattern, name))
        .map(|name| folder.join(name))
        .collect()
}

/// Compares from the left; on a mismatch the last star takes one character more.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_within_a_name() {
        for (pattern, name, expected) in [
            ("*.toml", "queues.toml", true),
            ("*.toml", "queues.toml.bak", false),
            ("q*s.t?ml", "queues.toml", true),
            ("*", "", true),
            ("a*b*c", "axxbyybc", true),
            ("a*b*c", "axxbyyb", false),
            ("?", "", false),
            ("*é?", "caféx", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn files_come_sorted_and_without_hidden_ones() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["b/2.toml", "a/1.toml", "a/.hidden.toml", "a/1.txt"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = files(folder.path(), "*/*.toml");
        assert_eq!(found, [folder.path().join("a/1.toml"), folder.path().join("b/2.toml")]);
    }
}
