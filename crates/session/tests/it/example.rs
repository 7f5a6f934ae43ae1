//! The example tells what it is meant to tell.

#[path = "../../examples/sessions/story.rs"]
mod story;

#[test]
fn the_example_tells_its_story() {
    let mut told = Vec::new();
    story::tell(&mut told).unwrap();
    insta::assert_snapshot!("sessions", String::from_utf8(told).unwrap());
}
