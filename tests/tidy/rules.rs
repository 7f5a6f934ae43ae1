//! Rules about what stands in a file.

use std::{collections::BTreeMap, fmt};

use crate::files::{File, Files};

const LINES_MAX: usize = 500;
/// The files that may read the clock or let real time pass: the system's clock that everything is given, and the net of stories,
/// which must hold when the clock of a test stands still.
const REAL_TIME: [&str; 2] = ["crates/cli/src/clock.rs", "crates/sim/src/slack/story/wait.rs"];

#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    pub file: String,
    pub line: usize,
    pub what: String,
    pub fix: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    {}", self.file, self.line, self.what, self.fix)
    }
}

pub(crate) fn long_files(files: &Files) -> Vec<Finding> {
    let code = files.ending("rs").chain(files.ending("py")).chain(files.ending("sql"));
    let long = code.filter(|file| file.text.lines().count() > LINES_MAX);
    let finding = |file: &File| Finding {
        file: file.path.clone(),
        line: LINES_MAX + 1,
        what: format!("{} lines", file.text.lines().count()),
        fix: "split it where there are two things in one; files of 60 to 200 lines are easy to read",
    };
    long.map(finding).collect()
}

/// Benches may write the same statements without our code, to measure what our code costs; the databases of tests are made and
/// looked into beside it.
pub(crate) fn sql_elsewhere(files: &Files) -> Vec<Finding> {
    let fix = "only crates/store knows SQL: give its SessionStore a method that is a whole step in our words";
    let sql = [
        &["SELECT ", " FROM "][..],
        &["INSERT INTO "],
        &["INSERT OR "],
        &["UPDATE ", " SET "],
        &["DELETE FROM "],
        &["CREATE TABLE "],
        &["PRAGMA "],
        &["rusqlite::"],
        &["use rusqlite"],
    ];
    let code = files
        .ending("rs")
        .filter(|file| !starts_with_any(&file.path, &["crates/store/", "tests/database/", "benches/"]));
    let mut found = lines_with(code, |line| sql.iter().any(|words| words.iter().all(|word| line.contains(word))), fix);
    let manifests =
        files.ending("toml").filter(|file| file.path.starts_with("crates/") && !file.path.starts_with("crates/store/"));
    found.extend(lines_with(manifests, |line| starts_with_any(line, &["rusqlite", "tokio-postgres", "sqlx"]), fix));
    found
}

pub(crate) fn clocks(files: &Files) -> Vec<Finding> {
    let reads = ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "Local::now", "Utc::now"];
    let elsewhere =
        files.ending("rs").filter(|file| !starts_with_any(&file.path, &["crates/cli/src/clock.rs", "benches/"]));
    let code = elsewhere.filter(|file| !file.path.contains("/benches/"));
    lines_with(
        code,
        |line| contains_any(line, &reads),
        "take a `now` as an argument, or the `Clock` that whoever runs is given",
    )
}

/// Each name of the list stands in the code at one place, and each place is in the list: what is in the list has its test.
pub(crate) fn fault_points(files: &Files) -> Vec<Finding> {
    const LIST: &str = "crates/session/src/fault.rs";
    let fix = "name each place once: in `fault_point!`, and in a list of crates/session/src/fault.rs";
    let (mut listed, mut named) = (Vec::new(), BTreeMap::<&str, Vec<(&File, usize)>>::new());
    for file in files.ending("rs").filter(|file| file.path.contains("/src/")) {
        for (line, text) in (1..).zip(file.text.lines().map(str::trim)) {
            if file.path == LIST {
                listed.extend(
                    text.strip_prefix('"').and_then(|rest| rest.strip_suffix("\",")).map(|name| (name, file, line)),
                );
            } else if let Some(rest) = text.strip_prefix("fault_point!(\"") {
                named.entry(rest.trim_end_matches("\");")).or_default().push((file, line));
            }
        }
    }
    let finding = |file: &File, line, what| Finding { file: file.path.clone(), line, what, fix };
    let unmet = listed.iter().filter(|(name, ..)| !named.contains_key(name));
    let mut found: Vec<_> =
        unmet.map(|(name, file, line)| finding(file, *line, format!("no code comes to {name}"))).collect();
    for (name, places) in &named {
        let is_listed = listed.iter().any(|(listed, ..)| listed == name);
        for (file, line) in places.iter().skip(usize::from(is_listed)) {
            let what = if is_listed { "stands elsewhere too" } else { "is in no list" };
            found.push(finding(file, *line, format!("{name} {what}")));
        }
    }
    found
}

pub(crate) fn sleeps(files: &Files) -> Vec<Finding> {
    let sleeps = ["thread::sleep", "time::sleep", "time.sleep(", "asyncio.sleep("];
    let code = files.ending("rs").chain(files.ending("py")).filter(|file| !REAL_TIME.contains(&&*file.path));
    lines_with(
        code,
        |line| contains_any(line, &sleeps),
        "wait for the event itself, or on the injected `Clock` (`ManualClock` in tests)",
    )
}

/// How long a comparison takes must not tell how much of a secret was right. `ct_eq` is the library's.
pub(crate) fn secrets_compared(files: &Files) -> Vec<Finding> {
    let code = files.ending("rs").filter(|file| file.path.starts_with("crates/slack/src/"));
    let secret = ["expose_secret(", "signature", "digest(", "claimed"];
    let compares = |line: &str| line.contains(" == ") || line.contains(" != ") || line.contains(".eq(");
    lines_with(
        code,
        |line| compares(line) && contains_any(line, &secret) && !line.contains("assert"),
        "compare secrets and signatures by `subtle::ConstantTimeEq::ct_eq`",
    )
}

pub(crate) fn ignored_tests(files: &Files) -> Vec<Finding> {
    let code = files.ending("rs").chain(files.ending("py"));
    lines_with(
        code,
        |line| contains_any(line, &["#[ignore", "unittest.skip("]),
        "make it pass or take it away; a skipped check looks green",
    )
}

fn lines_with<'a>(
    files: impl Iterator<Item = &'a File>,
    bad: impl Fn(&str) -> bool,
    fix: &'static str,
) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            if !is_comment && bad(line) {
                found.push(Finding { file: file.path.clone(), line: number + 1, what: line.trim().to_owned(), fix });
            }
        }
    }
    found
}

fn contains_any(line: &str, words: &[&str]) -> bool {
    words.iter().any(|word| line.contains(word))
}

fn starts_with_any(text: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| text.starts_with(beginning))
}

#[cfg(test)]
#[track_caller]
pub(crate) fn places(found: &[Finding], expected: &[(&str, usize)]) {
    let found: Vec<_> = found.iter().map(|finding| (finding.file.as_str(), finding.line)).collect();
    assert_eq!(found, expected);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_what_it_forbids_where_it_is_forbidden() {
        let long = "fn a() {}\n".repeat(501);
        places(
            &long_files(&Files::of(&[("crates/a/a.rs", &long), ("crates/a/b.rs", &long[10..])])),
            &[("crates/a/a.rs", 501)],
        );

        let sql = "// DELETE FROM x\n\"SELECT a FROM b\"\n";
        let files = Files::of(&[("crates/store/a.rs", sql), ("crates/bot/a.rs", sql), ("benches/a.rs", sql)]);
        places(&sql_elsewhere(&files), &[("crates/bot/a.rs", 2)]);

        let clock = "let a = 1;\nlet b = std::time::Instant::now();\n";
        let files =
            Files::of(&[("crates/cli/src/clock.rs", clock), ("crates/bot/a.rs", clock), ("benches/x/a.rs", clock)]);
        places(&clocks(&files), &[("crates/bot/a.rs", 2)]);

        let list = "\"a.stored\",\n\"b.stored\",\n";
        let code = "fault_point!(\"a.stored\");\nfault_point!(\"a.stored\");\nfault_point!(\"c.stored\");\n";
        let files = Files::of(&[("crates/session/src/fault.rs", list), ("crates/bot/src/a.rs", code)]);
        places(
            &fault_points(&files),
            &[("crates/session/src/fault.rs", 2), ("crates/bot/src/a.rs", 2), ("crates/bot/src/a.rs", 3)],
        );

        let sleep = "std::thread::sleep(x);\ntime.sleep(1)\n";
        let files =
            Files::of(&[("crates/cli/src/clock.rs", sleep), ("crates/bot/tests/a.rs", sleep), ("tests/a.py", sleep)]);
        places(
            &sleeps(&files),
            &[("crates/bot/tests/a.rs", 1), ("crates/bot/tests/a.rs", 2), ("tests/a.py", 1), ("tests/a.py", 2)],
        );

        let compares = "a.ct_eq(&b)\nif digest(a) == claimed {\n";
        let files = Files::of(&[("crates/slack/src/a.rs", compares), ("crates/bot/src/a.rs", compares)]);
        places(&secrets_compared(&files), &[("crates/slack/src/a.rs", 2)]);

        places(&ignored_tests(&Files::of(&[("a.rs", "#[test]\n#[ignore]\n")])), &[("a.rs", 2)]);
    }

    #[test]
    fn a_finding_says_where_it_is_and_what_to_do() {
        let found = ignored_tests(&Files::of(&[("a.rs", "#[ignore]")]));
        assert_eq!(
            found[0].to_string(),
            "a.rs:1: #[ignore]\n    make it pass or take it away; a skipped check looks green"
        );
    }
}
