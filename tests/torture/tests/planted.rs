//! The judge is judged: each planted fault turns the table red, and without one it is green.

use std::process::Command;

use test_database::TestDatabase;

/// Few messages, and nothing goes wrong on purpose but `kills` unless `arguments` say otherwise: the output, and whether the run
/// was found right.
fn run(kills: &str, arguments: &[&str]) -> (String, bool) {
    let mut torture = Command::new(env!("CARGO_BIN_EXE_torture"));
    torture.args(["--seed", "20", "--calm", "--kills", kills]).args(arguments);
    // Who reads a thread back notices more than these are meant to.
    if !arguments.contains(&"--expires-after") {
        torture.args(["--expires-after", "0"]);
    }
    if !arguments.contains(&"--messages") {
        torture.args(["--messages", "30"]);
    }
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
    let (table, right) = run("0", &["--plant", plant]);
    assert!(!right, "{plant} was not found:\n{table}");
    assert_ne!(value(&table, line), "0", "{plant}:\n{table}");
    assert!(table.contains("seed 20"), "who reads it can play it again:\n{table}");
}

/// Kills alone, over Socket Mode, where nobody waits minutes for the next try: people lose patience soon, because what is
/// lost does not come.
const KILLS: [&str; 4] = ["--transport", "socket", "--patience", "4"];

/// Two processes on PostgreSQL, which stand still until the other one has taken over.
const PAUSES: [&str; 12] = [
    "--store",
    "postgres",
    "--replicas",
    "2",
    "--transport",
    "socket",
    "--messages",
    "120",
    "--pauses",
    "6",
    "--patience",
    "8",
];

#[track_caller]
fn is_found_out(sabotage: &str, lines: &[&str]) {
    comes_to_light("20", &[&KILLS[..], &["--sabotage", sabotage]].concat(), lines);
}

#[track_caller]
fn comes_to_light(kills: &str, arguments: &[&str], lines: &[&str]) {
    let (table, right) = run(kills, arguments);
    assert!(!right, "{arguments:?} was not found:\n{table}");
    assert!(lines.iter().any(|line| value(&table, line) != "0"), "{arguments:?}:\n{table}");
}

#[test]
fn a_run_in_which_nothing_is_wrong_is_green() {
    let (table, right) = run("0", &[]);
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

/// So many messages that all is in them that people do about one: they stop, edit and delete.
const DEEDS: [&str; 4] = ["--messages", "200", "--patience", "4"];

#[test]
fn an_answer_to_what_was_deleted_while_it_waited_is_unwanted() {
    comes_to_light("0", &[&DEEDS[..], &["--plant", "unwanted"]].concat(), &["unwanted words"]);
}

#[test]
fn an_answer_that_goes_on_after_a_stop_is_unwanted() {
    comes_to_light("0", &[&DEEDS[..], &["--plant", "goes-on"]].concat(), &["unwanted words"]);
}

#[test]
fn an_assistant_that_keeps_what_was_deleted_is_found_out() {
    comes_to_light("0", &[&DEEDS[..], &["--sabotage", "no-erase"]].concat(), &["unwanted words", "wrong windows"]);
}

#[test]
fn kills_alone_are_no_fault() {
    let (table, right) = run("20", &KILLS);
    assert!(right, "{table}");
    assert_eq!(value(&table, "kills"), "20", "{table}");
}

#[test]
fn an_acknowledgement_before_the_write_is_found_out() {
    is_found_out("early-ack", &["lost"]);
}

#[test]
fn an_assistant_that_takes_a_post_twice_is_found_out() {
    is_found_out("no-dedupe", &["twice"]);
}

/// Sessions expire, and what was missed is read before it comes.
const REVERSALS: [&str; 10] =
    ["--reversals", "12", "--expires-after", "2", "--transport", "socket", "--messages", "60", "--patience", "4"];

#[test]
fn what_is_read_before_it_comes_is_answered_once() {
    let (table, right) = run("0", &REVERSALS);
    assert!(right, "{table}");
    assert_eq!(value(&table, "events delayed and reversed"), "12", "{table}");
}

#[test]
fn an_assistant_that_forgets_what_it_read_as_a_question_is_found_out() {
    let lines = ["twice", "wrong windows"];
    comes_to_light("0", &[&REVERSALS[..], &["--sabotage", "forgets-asked"]].concat(), &lines);
}

#[test]
fn a_store_that_does_not_sync_is_found_out() {
    is_found_out("no-sync", &["lost", "wrong windows"]);
}

#[test]
fn pauses_alone_are_no_fault() {
    if TestDatabase::is_there() {
        let (table, right) = run("0", &PAUSES);
        assert!(right, "{table}");
        assert_eq!(value(&table, "pause (SIGSTOP)"), "6", "{table}");
    }
}

#[test]
fn a_store_that_checks_no_fence_is_found_out() {
    if TestDatabase::is_there() {
        let arguments = [&PAUSES[..], &["--sabotage", "no-fence"]].concat();
        comes_to_light("0", &arguments, &["twice", "text differences", "interleaved", "stuck statuses"]);
    }
}
