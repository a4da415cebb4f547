//! Secrets: kept as where they are, read when they are needed, never printed.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
};

/// A secret of the configuration: `{ env = "NAME" }`, `{ file = "PATH" }`, or (for trials) the text itself.
///
/// It is looked up by [`Secret::reveal`] each time, so that a rotated file is seen without a reload. Prints masked.
///
/// ```
/// use hookswitch_config::Secret;
/// let secret = Secret::plain("hunter2");
/// assert_eq!(secret.reveal().unwrap(), "hunter2");
/// assert!(!format!("{secret:?}").contains("hunter2"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Env(String),
    File { path: PathBuf, folder: PathBuf },
    Plain(String),
}

/// Why a secret could not be revealed.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or not text.
    #[error(
        "the environment variable {0} is not set; hint: set it where hookswitch is started, as in hookswitch.env"
    )]
    NotSet(String),
    /// The file cannot be read.
    #[error("the secret's file {}: {error}; hint: may the user of the daemon read it, is LoadCredential= in the unit?", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is nothing in it.
    #[error("{0} holds an empty secret")]
    Empty(String),
}

impl Secret {
    /// A secret that stands in the open: for trials and tests.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self(Kind::Plain(text.to_owned()))
    }

    /// The secret in this environment variable.
    #[must_use]
    pub fn env(name: &str) -> Self {
        Self(Kind::Env(name.to_owned()))
    }

    /// The secret in this file. A relative path means a credential of systemd (`$CREDENTIALS_DIRECTORY`), else a
    /// file beside the configuration.
    #[must_use]
    pub fn file(path: &Path, folder: &Path) -> Self {
        Self(Kind::File { path: path.to_owned(), folder: folder.to_owned() })
    }

    /// The secret itself, without a line end after it.
    ///
    /// # Errors
    /// [`SecretError`] when the variable or the file is not there, or empty.
    pub fn reveal(&self) -> Result<String, SecretError> {
        let (text, place) = match &self.0 {
            Kind::Plain(text) => (text.clone(), "the configuration".to_owned()),
            Kind::Env(name) => (env::var(name).map_err(|_| SecretError::NotSet(name.clone()))?, name.clone()),
            Kind::File { path, folder } => {
                let path = resolved(path, folder);
                let text = fs::read_to_string(&path);
                let place = path.display().to_string();
                (text.map_err(|error| SecretError::File { path, error })?, place)
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() { Err(SecretError::Empty(place)) } else { Ok(text.to_owned()) }
    }

    /// Whether the text stands in the configuration itself.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.0, Kind::Plain(_))
    }

    /// Stands where the configuration names none; that was told already.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(&self.0, Kind::Plain(text) if text.is_empty())
    }

    /// The file it is in, if it is in one.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match &self.0 {
            Kind::File { path, folder } => Some(resolved(path, folder)),
            Kind::Env(_) | Kind::Plain(_) => None,
        }
    }
}

fn resolved(path: &Path, folder: &Path) -> PathBuf {
    if path.is_relative()
        && let Some(credentials) = env::var_os("CREDENTIALS_DIRECTORY")
    {
        let credential = Path::new(&credentials).join(path);
        if credential.exists() {
            return credential;
        }
    }
    folder.join(path)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Env(name) => write!(f, "Secret(env {name})"),
            Kind::File { path, .. } => write!(f, "Secret(file {})", path.display()),
            Kind::Plain(_) => f.write_str("Secret(***)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_its_text_without_the_line_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ami"), "s3cret\n").unwrap();
        fs::write(folder.path().join("empty"), "\n").unwrap();
        let secret = |name: &str| Secret::file(Path::new(name), folder.path());
        assert_eq!(secret("ami").reveal().unwrap(), "s3cret");
        assert!(matches!(secret("empty").reveal(), Err(SecretError::Empty(_))));
        let missing = secret("missing").reveal().unwrap_err();
        assert!(
            missing.to_string().contains("missing") && missing.to_string().contains("hint:"),
            "{missing}"
        );
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let error = Secret::env("HOOKSWITCH_NOT_SET_ANYWHERE").reveal().unwrap_err();
        assert!(error.to_string().contains("HOOKSWITCH_NOT_SET_ANYWHERE"), "{error}");
    }

    #[test]
    fn no_secret_shows_in_debug() {
        assert_eq!(format!("{:?}", Secret::plain("s3cret")), "Secret(***)");
        assert_eq!(format!("{:?}", Secret::env("AMI")), "Secret(env AMI)");
    }
}
