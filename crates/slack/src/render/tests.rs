use super::*;

#[track_caller]
fn check(text: &str, safe: &str) {
    assert_eq!(harmless(text), safe);
}

#[test]
fn what_pings_is_broken() {
    check("<!here> hi", "<\u{200B}!here> hi");
    check("@channel", "@\u{200B}channel");
    check("&lt;!here&gt;", "&lt;\u{200B}!here&gt;");
    check("@he\0re", "@\u{200B}here");
}

#[test]
fn a_fence_is_closed_and_reopened() {
    let text = format!("```rust\n{}```\nend", "let a = 1;\n".repeat(60));
    let rendered = render(&text, &PartLimits { chars_max: 300, bytes_max: 1_000 });
    assert!(rendered.parts.len() > 1);
    for part in &rendered.parts {
        assert!(part.starts_with("```rust\n"), "{part}");
    }
    assert_eq!(rendered.without_seams(), text);
}
