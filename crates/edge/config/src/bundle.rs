//! A configuration on its way: all its files, so that another machine can check and apply it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Config, glob};

/// The files of a configuration: the one that was named and those it includes, by their paths from its folder. Files
/// of secrets are not among them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    main: PathBuf,
    files: BTreeMap<PathBuf, String>,
}

/// Prints no text: there may be a secret in it.
impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle").field("main", &self.main).field("files", &self.files.keys()).finish()
    }
}

impl Bundle {
    /// A configuration of one file.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let main = PathBuf::from("hookswitch.toml");
        Self { files: BTreeMap::from([(main.clone(), text.to_owned())]), main }
    }

    /// The file that includes the others.
    #[must_use]
    pub fn main(&self) -> &Path {
        &self.main
    }

    /// The files with their texts, by path.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().map(|(path, text)| (path.as_path(), text.as_str()))
    }

    pub(crate) fn in_folder(&self, folder: &Path) -> BTreeMap<PathBuf, String> {
        self.files.iter().map(|(path, text)| (folder.join(path), text.clone())).collect()
    }
}

impl Config {
    /// The files it was read from; none when it was not read from any.
    #[must_use]
    pub fn bundle(&self) -> Option<Bundle> {
        let mut sources = self.origin.sources.iter().map(|(_, source)| source);
        let main = sources.next()?;
        let folder = main.path.parent().unwrap_or(Path::new(""));
        let relative = |path: &Path| path.strip_prefix(folder).unwrap_or(path).to_owned();
        let files = sources.chain([main]).map(|source| (relative(&source.path), source.text.clone()));
        Some(Bundle { main: relative(&main.path), files: files.collect() })
    }

    /// The folder of the file that was named: what its relative paths are relative to.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let main = self.files().next().and_then(Path::parent);
        main.map(Path::to_owned).unwrap_or_default()
    }
}

/// Where files are read from.
#[derive(Default)]
pub(crate) enum Shelf {
    #[default]
    Disk,
    Held(BTreeMap<PathBuf, String>),
}

impl Shelf {
    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self {
            Self::Disk => fs::read(path),
            Self::Held(files) => {
                let text = files.get(path).ok_or(io::ErrorKind::NotFound)?;
                Ok(text.clone().into_bytes())
            }
        }
    }

    pub(crate) fn canonical(&self, path: &Path) -> PathBuf {
        match self {
            Self::Disk => fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
            Self::Held(_) => path.to_owned(),
        }
    }

    pub(crate) fn matching(&self, folder: &Path, pattern: &str) -> Vec<PathBuf> {
        match self {
            Self::Disk => glob::files(folder, pattern),
            Self::Held(files) => {
                files.keys().filter(|path| glob::names(folder, pattern, path)).cloned().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{load, load_bundle};

    const MAIN: &str =
        "include = ['queues/*.toml', 'agents.toml']\n[[route]]\nname = 'all'\nqueue = 'support'\n";
    const QUEUE: &str = "[[queue]]\nid = 'support'\nmembers = { agents = ['alice'] }\n";
    const AGENT: &str = "[[pbx]]\nname = 'hq'\naddress = '127.0.0.1:5038'\nusername = 'h'\nsecret = { file = 'ami' }\n\
         fallback = { dial = 'PJSIP/1008' }\n[[agent]]\nid = 'alice'\ndevices = ['PJSIP/1001']\n";

    fn written() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("queues")).unwrap();
        for (name, text) in
            [("main.toml", MAIN), ("queues/support.toml", QUEUE), ("agents.toml", AGENT), ("ami", "s3cret")]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn a_bundle_is_read_like_the_files_it_was_made_of() {
        let folder = written();
        let config = load(&folder.path().join("main.toml")).unwrap();
        let bundle = config.bundle().unwrap();
        let paths: Vec<_> = bundle.files().map(|(path, _)| path.display().to_string()).collect();
        assert_eq!(paths, ["agents.toml", "main.toml", "queues/support.toml"], "and not the secret");
        let travelled: Bundle = serde_json::from_str(&serde_json::to_string(&bundle).unwrap()).unwrap();
        let read = load_bundle(&travelled, folder.path(), &()).unwrap();
        assert_eq!(read.setup(1), config.setup(1));
        assert_eq!(read.bundle().unwrap(), bundle);
    }

    #[test]
    fn a_problem_in_a_bundle_is_told_at_its_place() {
        let folder = written();
        let mut bundle = load(&folder.path().join("main.toml")).unwrap().bundle().unwrap();
        *bundle.files.get_mut(Path::new("queues/support.toml")).unwrap() += "wrapup = '3s'\n";
        let problems = load_bundle(&bundle, folder.path(), &()).unwrap_err();
        assert!(problems[0].file.ends_with("queues/support.toml"), "{problems:?}");
        assert_eq!((problems[0].line, problems[0].key.as_str()), (4, "queue[0].wrapup"));
        bundle.files.remove(Path::new("agents.toml"));
        let problems = load_bundle(&bundle, folder.path(), &()).unwrap_err();
        assert!(problems.iter().any(|problem| problem.message.contains("agents.toml cannot be read")));
    }
}
