//! No word of Slack's without a test.

use std::{collections::BTreeSet, fs, path::Path};

/// Error codes, warnings, arguments and fields: what code writes in quotes, in lower case and with an underscore.
fn written(code: &str) -> BTreeSet<&str> {
    let is_word = |text: &&str| text.contains('_') && text.bytes().all(of_word) && !text.starts_with('_');
    code.split('"').filter(is_word).collect()
}

fn of_word(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// The code of a folder, without comments and without tests inside its files.
fn code_of(folder: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/slack").join(folder);
    let files = fs::read_dir(&path).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let code = |text: String| text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
    let lines: Vec<String> = files.flat_map(|text| code(text).lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines
        .into_iter()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |all, line| all + &line + "\n")
}

#[test]
fn every_word_that_is_said_or_understood_is_in_a_test() {
    let tests = code_of("tests");
    let tested: BTreeSet<&str> = tests.split(|c: char| !c.is_ascii() || !of_word(c as u8)).collect();
    for folder in ["api", "events"] {
        let code = code_of(folder);
        let untested: Vec<&str> = written(&code).into_iter().filter(|word| !tested.contains(word)).collect();
        assert_eq!(untested, [""; 0], "{folder} enforces or says what no test of `slack/tests` meets");
    }
}

#[test]
fn words_are_found_in_any_kind_of_string() {
    let code = "code(\"one_word\"), r#\"{\"another_1\":1}\"#, \"A_B\", \"text\", [\"_x\"], \"an_error it is\"";
    assert_eq!(written(code).into_iter().collect::<Vec<_>>(), ["another_1", "one_word"]);
}
