//! Writing the settings down.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

use anyhow::Context;

/// A setting that was chosen, by its full name.
pub(super) type Chosen = (&'static str, String);

/// The text of `chathakase.toml`. Settings of one section stand together.
pub(super) fn text(chosen: &[Chosen]) -> String {
    let mut text = String::from("# Written by `chathakase init`. `chathakase config` prints every setting.\n");
    let mut section = "";
    for (name, value) in chosen {
        let (of, key) = name.split_once('.').unwrap_or(("", name));
        if of != section {
            section = of;
            text.push_str(&format!("\n[{section}]\n"));
        }
        text.push_str(&format!("{key} = {}\n", toml::Value::String(value.clone())));
    }
    text
}

/// Writes the whole file or nothing, readable by its owner alone.
pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = path.with_extension("toml.new");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // One that was killed while it wrote may have left half a file, whose mode could be another.
    let _ = fs::remove_file(&beside);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        let _ = fs::remove_file(&beside);
    }
    moved.with_context(|| format!("could not write {}; check who may write in that folder", path.display()))
}
