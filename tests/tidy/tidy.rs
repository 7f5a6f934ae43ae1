//! The rules of the house that a compiler does not check. A broken one prints file, line and what to do instead.

mod arrows;
mod documents;
mod files;
mod rules;

use files::Files;
use rules::Finding;

/// Prints every finding, and fails when there is one.
#[track_caller]
fn nothing_found(findings: Vec<Finding>) {
    let list: String = findings.iter().map(|finding| format!("\n{finding}")).collect();
    assert!(findings.is_empty(), "{} broken:{list}", findings.len());
}

#[test]
fn no_file_is_longer_than_500_lines() {
    nothing_found(rules::long_files(&Files::read()));
}

#[test]
fn sql_lives_in_the_store() {
    nothing_found(rules::sql_elsewhere(&Files::read()));
}

#[test]
fn the_clock_is_read_in_one_place() {
    nothing_found(rules::clocks(&Files::read()));
}

#[test]
fn secrets_and_signatures_are_compared_in_constant_time() {
    nothing_found(rules::secrets_compared(&Files::read()));
}

#[test]
fn no_code_and_no_test_sleeps() {
    nothing_found(rules::sleeps(&Files::read()));
}

#[test]
fn every_place_to_die_at_is_in_the_list_and_stands_in_the_code_once() {
    nothing_found(rules::fault_points(&Files::read()));
}

#[test]
fn no_test_is_switched_off() {
    nothing_found(rules::ignored_tests(&Files::read()));
}

#[test]
fn links_between_our_documents_lead_somewhere() {
    nothing_found(documents::dead_links(&Files::read()));
}

#[test]
fn tests_that_our_documents_name_exist() {
    nothing_found(documents::unknown_tests(&Files::read(), include_str!("tidy.rs")));
}

#[test]
fn code_that_our_documents_name_exists() {
    nothing_found(documents::unknown_code(&Files::read()));
}

#[test]
fn the_image_is_built_with_our_compiler() {
    let toolchain = include_str!("../../rust-toolchain.toml");
    let version = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).map(|it| it.trim_matches('"'));
    let minor = version.and_then(|it| it.rsplit_once('.')).map(|(minor, _patch)| minor).expect("a channel like 1.95.0");
    let image = include_str!("../../Dockerfile");
    assert!(image.contains(&format!("/rust:{minor}-")), "the Dockerfile builds with another compiler than {minor}");
}

#[test]
fn arrows_between_crates_point_down_only() {
    nothing_found(arrows::wrong(&Files::read()));
}

#[test]
fn crates_that_only_test_each_other_make_no_circle() {
    nothing_found(arrows::circles(&Files::read()));
}
