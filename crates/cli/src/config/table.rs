//! The example file and the table of the README, made from the list of settings.

use std::fmt::Write;

use super::keys::{KEYS, Kind};

/// `chathakase.example.toml`: every setting with what it does, commented out, at its default.
pub fn example_file() -> String {
    let mut text = String::from(
        "# Every setting of ChatHakase, at its default. Copy this file to chathakase.toml and change what you need.\n\
         # Each can also be set in the environment: section.key is CHATHAKASE_SECTION__KEY, and some have a usual name too.\n\
         # A secret can come from a file: NAME_FILE holds its path. Flags (--set section.key=value) win over both.\n",
    );
    let mut section = "";
    for key in KEYS {
        let (of, name) = key.name.split_once('.').unwrap_or((key.name, ""));
        if of != section {
            section = of;
            let _ = write!(text, "\n[{section}]\n");
        }
        text.push('\n');
        for line in wrap(key.about, 110) {
            let _ = writeln!(text, "# {line}");
        }
        if let Some(env) = key.usual_env {
            let _ = writeln!(text, "# In the environment also {env}.");
        }
        let _ = writeln!(text, "# {name} = {}", key.default.unwrap_or(sample(key.name, key.kind)));
    }
    text
}

/// The configuration table of the README.
pub fn markdown_table() -> String {
    let mut text = String::from("| setting | default | in the environment also | what it does |\n|---|---|---|---|\n");
    for key in KEYS {
        let default = key.default.map_or_else(|| "–".to_owned(), |d| format!("`{}`", d.trim_matches('"')));
        let env = key.usual_env.map_or_else(String::new, |env| format!("`{env}`"));
        let _ = writeln!(text, "| `{}` | {default} | {env} | {} |", key.name, key.about.replace('|', "\\|"));
    }
    text
}

fn sample(name: &str, kind: Kind) -> &'static str {
    match (name, kind) {
        ("slack.transport", _) => "\"socket\"",
        ("slack.bot_token", _) => "\"xoxb-…\"",
        ("slack.app_token", _) => "\"xapp-…\"",
        ("store.url", _) => "\"sqlite:chathakase.db\"",
        ("model.system_prompt", _) => "\"You are …\"",
        _ => "\"…\"",
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
