//! The judge is judged: each planted fault turns the table red, and without one it is green.

use std::process::Command;

/// Few messages, nothing goes wrong on purpose: the output, and whether the run was found right.
fn run(arguments: &[&str]) -> (String, bool) {
    let mut torture = Command::new(env!("CARGO_BIN_EXE_torture"));
    torture.args(["--seed", "20", "--messages", "30", "--kills", "0", "--calm"]).args(arguments);
    let output = torture.output().expect("it can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (said, output.status.success())
}

/// The value of a line of the table.
#[track_caller]
fn value<'a>(table: &'a str, line: &str) -> &'a str {
    let found = table.lines().find_map(|row| row.trim_start().strip_prefix(line)?.split_whitespace().next());
    found.unwrap_or_else(|| panic!("no line {line:?} in:\n{table}"))
}

#[track_caller]
fn turns_red(plant: &str, line: &str) {
    let (table, right) = run(&["--plant", plant]);
    assert!(!right, "{plant} was not found:\n{table}");
    assert_ne!(value(&table, line), "0", "{plant}:\n{table}");
    assert!(table.contains("seed 20"), "who reads it can play it again:\n{table}");
}

#[test]
fn a_run_in_which_nothing_is_wrong_is_green() {
    let (table, right) = run(&[]);
    assert!(right, "{table}");
    assert_eq!((value(&table, "sent"), value(&table, "lost"), value(&table, "twice")), ("30", "0", "0"), "{table}");
}

#[test]
fn an_answer_that_is_missing_is_lost() {
    turns_red("drop", "lost");
}

#[test]
fn an_answer_that_stands_twice_is_doubled() {
    turns_red("double", "twice");
}

#[test]
fn answers_in_each_others_threads_are_a_leak() {
    turns_red("swap", "leaks");
}

#[test]
fn an_answer_without_its_end_is_a_text_difference() {
    turns_red("truncate", "text differences");
}

#[test]
fn parts_that_stand_apart_are_interleaved() {
    turns_red("interleave", "interleaved");
}

#[test]
fn a_status_line_that_stays_is_stuck() {
    turns_red("stuck", "stuck statuses");
}
