//! Rules about what documents say of the code.

use std::collections::BTreeSet;

use crate::{files::Files, rules::Finding};

/// Shorter words in backticks may be anything; a test's name is a sentence.
const TEST_NAME_LEAST: usize = 20;

/// Links of the form `](path)`, relative to the document.
pub(crate) fn dead_links(files: &Files) -> Vec<Finding> {
    let mut found = Vec::new();
    for document in files.ending("md") {
        let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (number, line) in document.text.lines().enumerate() {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()) {
                let path = link.split('#').next().unwrap_or_default();
                if path.is_empty()
                    || link.contains("://")
                    || link.starts_with("mailto:")
                    || files.has(&joined(folder, path))
                {
                    continue;
                }
                let fix = "correct the path, or write the document";
                found.push(Finding {
                    file: document.path.clone(),
                    line: number + 1,
                    what: format!("nothing at `{link}`"),
                    fix,
                });
            }
        }
    }
    found
}

/// Names of tests that a document gives in backticks, and that no test has. `ours` is code that `files` leaves out.
pub(crate) fn unknown_tests(files: &Files, ours: &str) -> Vec<Finding> {
    let is_name = |word: &&str| {
        word.len() >= TEST_NAME_LEAST && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let known = |name: &str| ours.contains(name) || files.ending("rs").any(|file| file.text.contains(name));
    let unknown = in_backticks(files).filter(|(.., word)| is_name(word) && !known(word));
    let finding = |(file, line, name)| Finding {
        file,
        line,
        what: format!("no test is called `{name}`"),
        fix: "name the test that keeps it now",
    };
    unknown.map(finding).collect()
}

/// Code that a document names in backticks (`Type`, `a::path`, `call()`, `macro!`, `file.rs`) and that is not there.
pub(crate) fn unknown_code(files: &Files) -> Vec<Finding> {
    let words: BTreeSet<&str> = files.ending("rs").flat_map(|file| file.text.split(|c| !is_of_name(c))).collect();
    let is_there = |name: &str| match name.strip_suffix(".rs") {
        Some(_) => files.ending("rs").any(|file| format!("/{}", file.path).ends_with(&format!("/{name}"))),
        None => name.split("::").all(|word| words.contains(word)),
    };
    let named = in_backticks(files).filter_map(|(file, line, word)| Some((file, line, name_of_code(word)?)));
    let finding = |(file, line, name)| Finding {
        file,
        line,
        what: format!("nothing is called `{name}`"),
        fix: "name it as the code does now",
    };
    named.filter(|(.., name)| !is_there(name)).map(finding).collect()
}

/// What stands in backticks in our documents, with its place.
fn in_backticks(files: &Files) -> impl Iterator<Item = (String, usize, &str)> {
    files.ending("md").flat_map(|document| {
        document.text.lines().enumerate().flat_map(move |(number, line)| {
            line.split('`').skip(1).step_by(2).map(move |word| (document.path.clone(), number + 1, word))
        })
    })
}

/// The name in `quoted`, if only code can be meant by it.
fn name_of_code(quoted: &str) -> Option<&str> {
    let name = quoted.trim_end_matches("()").trim_end_matches('!');
    let is_path =
        name.contains("::") || name.len() < quoted.len() || name.starts_with(|c: char| c.is_ascii_uppercase());
    let is_name = name.chars().all(|c| is_of_name(c) || c == ':');
    (name.ends_with(".rs") && !name.contains('*') || is_path && is_name).then_some(name)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn joined(folder: &str, path: &str) -> String {
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::places;

    #[test]
    fn what_is_not_there_is_found() {
        let text = "[x](b.md) [y](../a.md#z)\n[w](https://x.test) [z](none.md)\n";
        places(&dead_links(&Files::of(&[("a.md", ""), ("docs/a.md", text), ("docs/b.md", "")])), &[("docs/a.md", 2)]);

        let text =
            "`a_test_that_is_there_now`, `cargo`\n`a_test_that_was_renamed_since`, `A long Thing of another kind`\n";
        let files = Files::of(&[("a.md", text), ("crates/a/a.rs", "fn a_test_that_is_there_now() {}")]);
        places(&unknown_tests(&files, ""), &[("a.md", 2)]);
        places(&unknown_tests(&files, "fn a_test_that_was_renamed_since() {}"), &[]);

        let text = "`Thing`, `Things`, `Thing::does()`, `Thing::did`, `look!`, `NULL`, `any words`, `a.rs`, `b.rs`\n";
        let files = Files::of(&[("a.md", text), ("crates/a/a.rs", "struct Thing; fn does() { look!() } // NULL")]);
        let found: Vec<_> = unknown_code(&files).into_iter().map(|finding| finding.what).collect();
        assert_eq!(found, ["`Things`", "`Thing::did`", "`b.rs`"].map(|name| format!("nothing is called {name}")));
    }
}
