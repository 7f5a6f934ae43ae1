//! Where settings come from: the file, then the environment over it, then flags over both.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use super::{
    ConfigError,
    keys::{KEYS, Key, Kind},
};

/// A setting as it was written, and where.
#[derive(Clone, PartialEq)]
pub(super) struct Written {
    pub(super) value: toml::Value,
    pub(super) place: Place,
}

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file, on this line.
    File(PathBuf, usize),
    /// In this variable of the environment.
    Env(String),
    /// In a file named by this variable.
    EnvFile(String),
    /// On the command line.
    Flag,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}, line {line}", path.display()),
            Self::Env(name) => write!(f, "the environment, {name}"),
            Self::EnvFile(name) => write!(f, "the file named by {name}"),
            Self::Flag => f.write_str("the command line"),
        }
    }
}

pub(super) type Settings = BTreeMap<&'static str, Written>;

/// The settings in the text of a file. An unknown one is an error that names the nearest known one.
pub(super) fn from_file(
    path: &std::path::Path,
    text: &str,
    problems: &mut Vec<ConfigError>,
) -> Result<Settings, ConfigError> {
    let table: toml::Table =
        toml::from_str(text).map_err(|cause| ConfigError::Syntax { path: path.to_owned(), cause: Box::new(cause) })?;
    let mut settings = Settings::new();
    for (section, inner) in table {
        let toml::Value::Table(inner) = inner else {
            problems.push(unknown(&section, Place::File(path.to_owned(), line_of(text, "", &section))));
            continue;
        };
        for (name, value) in inner {
            let place = Place::File(path.to_owned(), line_of(text, &section, &name));
            let full = format!("{section}.{name}");
            match Key::find(&full) {
                Some(key) => drop(settings.insert(key.name, Written { value, place })),
                None => problems.push(unknown(&full, place)),
            }
        }
    }
    Ok(settings)
}

/// The settings in the environment. The long name wins over the usual one, and a value over a file.
pub(super) fn from_env(env: &dyn Fn(&str) -> Option<String>, problems: &mut Vec<ConfigError>) -> Settings {
    let mut settings = Settings::new();
    if let Some(port) = env("PORT").filter(|port| !port.is_empty()) {
        let value = toml::Value::String(format!("0.0.0.0:{port}"));
        settings.insert("http.listen", Written { value, place: Place::Env("PORT".into()) });
    }
    for key in KEYS {
        for name in key.usual_env.map(str::to_owned).into_iter().chain([key.env()]) {
            if key.kind == Kind::Secret
                && let Some(path) = env(&format!("{name}_FILE"))
            {
                let place = Place::EnvFile(format!("{name}_FILE"));
                match std::fs::read_to_string(&path) {
                    Ok(text) => {
                        let value = toml::Value::String(text.trim_end().to_owned());
                        settings.insert(key.name, Written { value, place });
                    }
                    Err(cause) => problems.push(ConfigError::SecretFile { key: key.name, place, path, cause }),
                }
            }
            // An empty variable is how shells and compose files say "not set".
            if let Some(text) = env(&name).filter(|text| !text.is_empty()) {
                settings.insert(key.name, Written { value: from_text(key, &text), place: Place::Env(name) });
            }
        }
    }
    settings
}

/// One setting from the command line: `section.key` and its value.
pub(super) fn from_flag(name: &str, text: &str) -> Result<(&'static str, Written), ConfigError> {
    let key = Key::find(name).ok_or_else(|| unknown(name, Place::Flag))?;
    Ok((key.name, Written { value: from_text(key, text), place: Place::Flag }))
}

/// Text outside the file has no type of its own; it is never guessed: `0123` stays `0123` where a text is wanted.
fn from_text(key: &Key, text: &str) -> toml::Value {
    let string = || toml::Value::String(text.to_owned());
    match key.kind {
        Kind::Count => text.trim().parse().map_or_else(|_| string(), toml::Value::Integer),
        Kind::Number => text.trim().parse().map_or_else(|_| string(), toml::Value::Float),
        Kind::Flag => text.trim().parse().map_or_else(|_| string(), toml::Value::Boolean),
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            toml::Value::Array(items.map(|item| toml::Value::String(item.to_owned())).collect())
        }
        Kind::Text | Kind::Secret | Kind::Duration => string(),
    }
}

/// Names in the environment that look like settings and are none: a slip of the pen must not go unnoticed.
pub(super) fn unknown_names(names: impl Iterator<Item = String>) -> Vec<ConfigError> {
    let mut unknown_ones = Vec::new();
    for name in names.filter(|name| name.starts_with("CHATHAKASE_")) {
        let plain = name.strip_suffix("_FILE").unwrap_or(&name);
        let known = |key: &Key| key.env() == name || (key.kind == Kind::Secret && key.env() == plain);
        if !KEYS.iter().any(known) {
            let written = name["CHATHAKASE_".len()..].to_lowercase().replacen("__", ".", 1);
            unknown_ones.push(unknown(&written, Place::Env(name)));
        }
    }
    unknown_ones
}

fn unknown(name: &str, place: Place) -> ConfigError {
    let near = KEYS.iter().map(|key| key.name).min_by_key(|known| distance(known, name));
    ConfigError::Unknown {
        name: name.to_owned(),
        place,
        near: near.filter(|known| distance(known, name) <= 4).map(str::to_owned),
    }
}

/// How many letters must change to make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn line_of(text: &str, section: &str, name: &str) -> usize {
    let mut current = String::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            current = header.trim().to_owned();
        }
        let key = line.split('=').next().unwrap_or_default().trim().trim_matches('"');
        let here = (current == section && key == name)
            || (section.is_empty() && current == name)
            || key == format!("{section}.{name}");
        if here {
            return number + 1;
        }
    }
    1
}
