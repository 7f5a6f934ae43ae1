//! The list as the README shows it.

use std::fmt::Write;

use crate::{ALL, Label};

/// The table of metrics for the README.
pub fn markdown_table() -> String {
    let mut text = String::from("| metric | kind | labels | what it says |\n|---|---|---|---|\n");
    for metric in ALL {
        let labels: Vec<String> = metric.labels.iter().map(label).collect();
        let _ =
            writeln!(text, "| `{}` | {} | {} | {} |", metric.name, metric.kind.name(), labels.join("; "), metric.help);
    }
    text
}

fn label(label: &Label) -> String {
    let values: Vec<String> = label.values.iter().map(|value| format!("`{value}`")).collect();
    match values.is_empty() {
        true => format!("`{}`", label.name),
        false => format!("`{}`: {}", label.name, values.join(", ")),
    }
}
