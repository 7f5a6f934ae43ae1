//! What can be wrong with the settings, and how to mend it. Never shows a value that may be a secret.

use std::{error::Error, fmt, path::PathBuf};

use super::source::Place;

/// A setting that cannot be used, or one that is missing.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("could not read {}; check the path and who may read it", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{} is not valid TOML", .path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where, and what was expected.
        #[source]
        cause: Box<toml::de::Error>,
    },
    /// A setting that does not exist.
    #[error("{place}: there is no setting `{name}`{}", .near.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// As it was written.
        name: String,
        /// Where.
        place: Place,
        /// The known one that is most like it.
        near: Option<String>,
    },
    /// A value that the setting cannot have.
    #[error("{place}: `{key}` must be {wanted}")]
    Bad {
        /// The setting.
        key: &'static str,
        /// Where it was written.
        place: Place,
        /// What it may be.
        wanted: String,
    },
    /// A secret's file cannot be read.
    #[error("{place}: could not read {path} for `{key}`; check the path and who may read it")]
    SecretFile {
        /// The setting.
        key: &'static str,
        /// The variable that names the file.
        place: Place,
        /// The file.
        path: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// A setting that is needed is not there.
    #[error("`{key}` is not set: {next}")]
    Missing {
        /// The setting.
        key: &'static str,
        /// Where to get it and where to put it.
        next: &'static str,
    },
}

/// Everything that is wrong with the settings, so that it can be mended in one go. Never empty.
#[derive(Debug)]
pub struct ConfigErrors(pub(super) Vec<ConfigError>);

impl ConfigErrors {
    /// Each of them.
    pub fn each(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl ConfigErrors {
    /// What helps with all of them, where something is missing.
    pub(crate) fn next_step(&self) -> Option<&'static str> {
        let missing = self.0.iter().any(|problem| matches!(problem, ConfigError::Missing { .. }));
        missing.then_some("`chathakase init` asks for what is needed; `chathakase demo` needs none of it")
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(only: ConfigError) -> Self {
        Self(vec![only])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [only] => only.fmt(f)?,
            all => {
                write!(f, "{} settings are missing or wrong:", all.len())?;
                for problem in all {
                    write!(f, "\n  - {problem}")?;
                    if let Some(cause) = problem.source() {
                        write!(f, ": {cause}")?;
                    }
                }
            }
        }
        match self.next_step() {
            Some(next) => write!(f, "\n{next}"),
            None => Ok(()),
        }
    }
}

impl Error for ConfigErrors {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0[..] {
            [only] => only.source(),
            _ => None,
        }
    }
}
