//! What text looks like on a terminal.

use proptest::prelude::*;

use super::*;

const PLAIN: Look = Look { live: false, colour: false, width: None };
const WRAPPED: Look = Look { live: true, colour: false, width: Some(20) };
const COLOURED: Look = Look { live: true, colour: true, width: Some(80) };

fn write<'a>(look: Look, indent: usize, pieces: impl IntoIterator<Item = &'a str>) -> String {
    let mut ink = Ink::new(look, indent);
    let mut out: Vec<String> = pieces.into_iter().flat_map(|piece| ink.push(piece)).collect();
    out.extend(ink.flush());
    out.concat() + ink.reset()
}

#[track_caller]
fn check(look: Look, text: &str, shown: &str) {
    let styles = [
        ("\x1b[0m", "<0>"),
        ("\x1b[1m", "<b>"),
        ("\x1b[22m", "</b>"),
        ("\x1b[2m", "<dim>"),
        ("\x1b[3m", "<i>"),
        ("\x1b[23m", "</i>"),
        ("\x1b[36m", "<code>"),
        ("\x1b[39m", "</code>"),
    ];
    let out = styles.iter().fold(write(look, 2, [text]), |out, (code, name)| out.replace(code, name));
    assert_eq!(out, shown, "{text:?}");
}

#[test]
fn markdown_is_shown_in_styles() {
    check(COLOURED, "You are **Ana**, hi", "You are <b>Ana</b>, hi");
    check(COLOURED, "**two words** `some code`", "<b>two words</b> <code>some code</code>");
    check(COLOURED, "`a **b** _c_`", "<code>a **b** _c_</code>");
    check(COLOURED, "_it stops here._ a_b _", "<i>it stops here.</i> a_b _");
    check(COLOURED, "# A title\ntext", "<dim>#<0><b> A title<0>\n  text");
    check(COLOURED, "so:\n\n- one\n  - **two**", "so:\n  • one\n    • <b>two</b>");
    check(COLOURED, "**open\nnot", "<b>open<0>\n  not");
    check(
        COLOURED,
        "x\n```rust\nlet  a = b**c;\n```\ny",
        "x\n  <dim>```rust<0><code>\n  let  a = b**c;\n  <dim>```<0>\n  y",
    );
}

#[test]
fn without_colours_markdown_is_left_as_it_is() {
    check(PLAIN, "You are **Ana**, `x` _y_", "You are **Ana**, `x` _y_");
    check(PLAIN, "so:\n\n- one\n\n\nend\n\n", "so:\n  - one\n\n\n  end");
    check(PLAIN, "no \x1b[31mred\x07", "no [31mred");
}

#[test]
fn lines_are_wrapped_under_each_other() {
    check(WRAPPED, "123456789 1234567 1 2", "123456789 1234567\n  1 2");
    check(WRAPPED, "- 123456789 1234567 1", "- 123456789\n    1234567 1");
    check(WRAPPED, "10. 123456789 12345 1", "10. 123456789\n      12345 1");
    check(WRAPPED, "12345678901234567890123 1", "12345678901234567890123\n  1");
    check(WRAPPED, "```\n123456789 1234567 1 2\n```", "```\n  123456789 1234567\n  1 2\n  ```");
}

#[test]
fn a_post_goes_on_under_its_name_after_somebody_else_wrote() {
    let mut ink = Ink::new(PLAIN, 2);
    let mut out = ink.push("one two ");
    ink.interrupted();
    out.push("|\n".to_owned());
    out.extend(ink.push("three "));
    assert_eq!(out.concat(), "one two|\n  three");
}

proptest! {
    #[test]
    fn any_split_is_shown_as_the_whole(pieces in prop::collection::vec("[a*_`#\\- \\n]{0,6}|\\PC{0,4}", 0..8)) {
        for look in [PLAIN, WRAPPED, COLOURED] {
            let whole = pieces.concat();
            prop_assert_eq!(write(look, 3, pieces.iter().map(String::as_str)), write(look, 3, [whole.as_str()]));
        }
    }

    #[test]
    fn without_colours_every_word_is_shown(text in "\\PC{0,40}|[a*_`#\\- \\n]{0,40}") {
        for look in [PLAIN, WRAPPED] {
            let out = write(look, 3, [text.as_str()]);
            let shown: Vec<&str> = out.split([' ', '\n']).filter(|word| !word.is_empty()).collect();
            let words: Vec<&str> = text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()).collect();
            prop_assert_eq!(shown, words);
        }
    }

    #[test]
    fn no_line_is_too_long_that_could_be_broken(text in "([a-z*_]{1,12}[ \\n]{1,2}){0,20}") {
        for line in write(WRAPPED, 3, [text.as_str()]).lines().skip(1) {
            prop_assert!(line.chars().count() <= 20 || line.split_whitespace().count() == 1, "{line:?}");
        }
    }
}
