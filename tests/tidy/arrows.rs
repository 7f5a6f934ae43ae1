//! Which crate may know which.

use std::collections::{BTreeMap, BTreeSet};

use crate::{files::Files, rules::Finding};

/// What each crate may depend on; a crate that is not named here may not be depended on at all.
const MAY_KNOW: [(&str, &[&str]); 8] = [
    ("session", &[]),
    ("metrics", &["session"]),
    ("store", &["session", "metrics"]),
    ("slack", &["session", "metrics"]),
    ("model", &["session", "metrics"]),
    ("sim", &["session"]),
    ("bot", &["session", "metrics", "slack", "model"]),
    ("cli", &["session", "metrics", "store", "slack", "model", "bot", "sim"]),
];

struct Arrow {
    file: String,
    line: usize,
    from: String,
    to: String,
    for_tests: bool,
}

/// Dependencies that `MAY_KNOW` does not allow. Those of tests are another matter: see [`circles`].
pub(crate) fn wrong(files: &Files) -> Vec<Finding> {
    let allowed =
        |arrow: &Arrow| MAY_KNOW.iter().any(|(from, to)| arrow.from == *from && to.contains(&arrow.to.as_str()));
    let wrong = arrows(files).into_iter().filter(|arrow| !arrow.for_tests && !allowed(arrow));
    wrong
        .map(|arrow| finding(&arrow, "arrows point down only: move what is shared down, or hand it in from above"))
        .collect()
}

/// Dependencies that lead back to where they began when those of tests are counted too.
pub(crate) fn circles(files: &Files) -> Vec<Finding> {
    let arrows = arrows(files);
    let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for arrow in &arrows {
        known.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let leads = |from: &str, to: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            if seen.insert(at) {
                open.extend(known.get(at).into_iter().flatten());
            }
        }
        seen.contains(to)
    };
    let back = arrows.iter().filter(|arrow| arrow.for_tests && leads(&arrow.to, &arrow.from));
    back.map(|arrow| finding(arrow, "a test that needs both belongs to the upper crate, or to a package under tests/"))
        .collect()
}

fn finding(arrow: &Arrow, fix: &'static str) -> Finding {
    Finding { file: arrow.file.clone(), line: arrow.line, what: format!("`{}` knows `{}`", arrow.from, arrow.to), fix }
}

fn arrows(files: &Files) -> Vec<Arrow> {
    let mut arrows = Vec::new();
    for manifest in files.ending("toml") {
        let Some(from) = manifest.path.strip_prefix("crates/").and_then(|path| path.strip_suffix("/Cargo.toml")) else {
            continue;
        };
        let parsed: toml::Table = manifest.text.parse().unwrap_or_else(|error| panic!("{}: {error}", manifest.path));
        let targets = parsed.get("target").and_then(toml::Value::as_table);
        let targets = targets.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table);
        for table in std::iter::once(&parsed).chain(targets) {
            for (kind, for_tests) in
                [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)]
            {
                for name in table.get(kind).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys) {
                    let Some(to) = name.strip_prefix("chathakase-") else { continue };
                    let line = 1 + manifest.text.lines().position(|line| line.starts_with(name.as_str())).unwrap_or(0);
                    let (file, from, to) = (manifest.path.clone(), from.to_owned(), to.to_owned());
                    arrows.push(Arrow { file, line, from, to, for_tests });
                }
            }
        }
    }
    arrows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_that_points_up_is_found() {
        let files = Files::of(&[
            ("crates/session/Cargo.toml", "[dependencies]\nchathakase-store.workspace = true\n"),
            ("crates/store/Cargo.toml", "[dependencies]\nchathakase-session.workspace = true\n"),
            ("crates/new/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nchathakase-session = { path = \"x\" }\n"),
        ]);
        let found: Vec<_> = wrong(&files).into_iter().map(|finding| (finding.what, finding.line)).collect();
        assert_eq!(found, [("`session` knows `store`".to_owned(), 2), ("`new` knows `session`".to_owned(), 2)]);
    }

    #[test]
    fn tests_may_reach_sideways_but_not_in_a_circle() {
        let sim = ("crates/sim/Cargo.toml", "[dependencies]\nchathakase-session.workspace = true\n");
        let slack = "[dependencies]\nchathakase-session.workspace = true\n[dev-dependencies]\nchathakase-sim.workspace = true\n";
        assert_eq!(circles(&Files::of(&[sim, ("crates/slack/Cargo.toml", slack)])), []);
        let session = "[dev-dependencies]\nchathakase-sim.workspace = true\n";
        let found = circles(&Files::of(&[sim, ("crates/session/Cargo.toml", session)]));
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
