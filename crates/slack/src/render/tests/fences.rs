use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::*;

#[test]
fn a_fence_is_closed_at_the_seam_and_reopened_with_its_language() {
    for (open, close) in [("```rust\n", "```"), ("~~~~ python title=\"x\"\n", "~~~~"), ("  `````\n", "  `````")] {
        let text = format!("{open}{}{close}\nend", "let a = 1;\n".repeat(300));
        let rendered = render(&text, &SMALL);
        assert!(rendered.parts.len() > 2);
        let (last, parts) = rendered.parts.split_last().unwrap();
        assert!(last.ends_with("end"));
        for part in parts {
            let (begins, ends) =
                (part.trim_start().starts_with(open.trim_start()), part.trim_end().ends_with(&format!("1;\n{close}")));
            assert!(begins && ends, "{part}");
        }
        assert_eq!(rendered.without_seams(), text);
    }
}

#[test]
fn a_fence_that_the_model_leaves_open_is_closed_at_the_end() {
    assert_eq!(render("```sh\nls", &SMALL).parts, ["```sh\nls\n```"]);
    assert_eq!(render("```sh\nls\n", &SMALL).parts, ["```sh\nls\n```"]);
    assert_eq!(render("~~~", &SMALL).parts, ["~~~\n~~~"]);
    assert_eq!(render("```sh\nls\n```", &SMALL).parts, ["```sh\nls\n```"]);
    assert_eq!(render("```sh\nls\n```", &SMALL).without_seams(), "```sh\nls\n```");
    assert_eq!(render("```sh\nls", &SMALL).without_seams(), "```sh\nls");
}

#[test]
fn what_is_no_fence_opens_none() {
    for text in ["```not a fence```", "``", "a ```", "text ~~~\nmore", "`` `\nx"] {
        assert_eq!(render(text, &SMALL).parts, [text]);
    }
    for inside in ["~~~", "``", "```x", "text ```", "``` ```"] {
        let text = format!("```\n{inside}\n");
        assert_eq!(render(&text, &SMALL).parts, [format!("{text}```")], "{inside} does not end it");
    }
    for end in ["```", "````", "  ```", "```  "] {
        let text = format!("```\nx\n{end}\ny");
        assert_eq!(render(&text, &SMALL).parts, [text], "{end} ends it");
    }
}

#[test]
fn a_fence_in_a_list_is_closed_and_reopened_at_its_depth() {
    let table = [
        ("1. x\n   ```sh\n", "   ls\n", "   ```\n", "   ```sh\n"),
        ("10. x\n    ```sh\n", "    ls\n", "    ```\n", "-   ```sh\n"),
        ("- a\n  - b\n    ```sh\n", "    ls\n", "    ```\n", "-   ```sh\n"),
        ("1. a\n   1. b\n      - ```sh\n", "        ls\n", "        ```\n", "   -    ```sh\n"),
        (
            "- a\n    - b\n        - c\n            ```sh\n",
            "            ls\n",
            "            ```\n",
            "  -    -    ```sh\n",
        ),
        ("* ~~~sh\n", "  ls\n", "  ~~~\n", "  ~~~sh\n"),
    ];
    for (before, code, close, reopened) in table {
        let text = format!("{before}{}{close}end\n", code.repeat(400));
        let rendered = render(&text, &SMALL);
        let (last, parts) = rendered.parts.split_last().unwrap();
        assert!(last.ends_with("end\n"));
        for (at, part) in parts.iter().enumerate() {
            assert!(part.starts_with(if at == 0 { before } else { reopened }), "{part}");
            assert!(part.trim_end().ends_with(close.trim_end()), "{part}");
        }
        let seen: Vec<_> =
            rendered.parts.iter().flat_map(|part| words(part)).filter(|(word, _)| word == "ls").collect();
        assert_eq!(seen, vec![("ls".to_owned(), true); 400], "{before}");
        assert_eq!(words(last).last(), Some(&("end".to_owned(), false)), "{last}");
    }
}

#[test]
fn a_fence_ends_with_the_list_item_that_it_is_in() {
    let text = format!("- ```sh\n{}out\n{}", "  ls\n".repeat(120), "word ".repeat(300));
    let rendered = render(&text, &SMALL);
    assert_eq!(rendered.parts.iter().flat_map(|part| words(part)).filter(|(_, code)| *code).count(), 120);
    assert!(!rendered.parts.last().unwrap().contains("```"));
}

#[test]
fn what_is_indented_too_far_is_no_fence() {
    for text in ["    ```\nx", "- x\n      ```\ny", "-x\n    ```\ny"] {
        assert_eq!(render(text, &SMALL).parts, [text]);
    }
}

#[test]
fn a_long_line_of_code_goes_on_as_code() {
    let rendered = render(&format!("```c\n{}\n```\n", "word ".repeat(1_000)), &SMALL);
    for part in &rendered.parts {
        assert!(part.starts_with("```c\nword") && part.trim_end().ends_with("\n```"), "{part}");
    }
}

#[test]
fn a_line_that_is_broken_off_before_a_fence_marker_does_not_become_a_fence() {
    for marker in ["`", "~"] {
        for text in [format!("x{}", marker.repeat(5_000)), format!("```\nx{}\ny", marker.repeat(5_000))] {
            let rendered = render(&text, &SMALL);
            assert_eq!(rendered.without_seams(), text);
            assert!(rendered.parts.iter().all(|part| !is_open_at_the_end(part)), "{:?}", rendered.parts);
        }
    }
}

#[test]
fn a_long_info_string_is_not_repeated() {
    let rendered = render(&format!("```rust {}\n{}```", "x".repeat(150), "code\n".repeat(900)), &SMALL);
    assert!(rendered.parts[1..].iter().all(|part| part.starts_with("```\ncode")), "{:?}", rendered.parts);
    for len in [900, 980, 1_000, 5_000] {
        let text = format!("```{}\ncode\n```\n", "i".repeat(len));
        let rendered = render(&text, &SMALL);
        assert_eq!(rendered.without_seams(), text);
        assert!(rendered.parts.iter().all(|part| !is_open_at_the_end(part) && part.len() <= 1_000));
    }
}

fn is_open_at_the_end(part: &str) -> bool {
    words(&format!("{part}\n\nlastword\n")).last().is_some_and(|(word, code)| !word.ends_with("lastword") || *code)
}

/// The words of a text, and whether each is in a fence, as another Markdown parser sees it.
fn words(markdown: &str) -> Vec<(String, bool)> {
    let (mut code, mut words) = (false, Vec::new());
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => code = true,
            Event::End(TagEnd::CodeBlock) => code = false,
            Event::Text(text) | Event::Code(text) => {
                words.extend(text.split_whitespace().map(|word| (word.to_owned(), code)))
            }
            _ => {}
        }
    }
    words
}

/// Paragraphs and code blocks with every kind of fence, some in list items. No two words are equal.
fn document() -> impl Strategy<Value = String> {
    let info = proptest::sample::select(vec!["", "rust", "python title=\"x\"", " js "]);
    let block = (0..4usize, 3..7usize, 0..3usize, info, proptest::collection::vec(0..60usize, 0..12));
    proptest::collection::vec(block, 0..14).prop_map(|blocks| {
        let (mut text, mut count) = (String::new(), 0);
        for (kind, len, longer, info, lines) in blocks {
            let marker = if kind < 2 { "`" } else { "~" };
            let fence = marker.repeat(len);
            let in_item = kind > 0 && lines.len() % 2 == 0;
            let inside = if in_item { "   " } else { "" };
            if in_item {
                text += if longer == 0 { "1. " } else { "7. item\n   " };
            }
            if kind > 0 {
                text += &format!("{}{fence}{info}\n", " ".repeat(if in_item { 0 } else { longer }));
            }
            for words in lines {
                text += inside;
                for _ in 0..words % 17 {
                    count += 1;
                    text += &format!("w{count} ");
                }
                text += if kind > 0 && words % 5 == 0 { "``\n" } else { "\n" };
            }
            text += &if kind > 0 { format!("{inside}{fence}{}\n", marker.repeat(longer)) } else { "\n".to_owned() };
        }
        text
    })
}

proptest! {
    #[test]
    fn every_word_is_code_in_its_part_exactly_when_it_was_in_the_answer(text in document(), limits in limits()) {
        let rendered = render(&text, &limits);
        let in_parts: Vec<_> = rendered.parts.iter().flat_map(|part| words(part)).filter(|(word, _)| word.starts_with('w')).collect();
        let before: Vec<_> = words(&text).into_iter().filter(|(word, _)| word.starts_with('w')).collect();
        prop_assert_eq!(in_parts, before, "{:#?}", rendered.parts);
    }

    #[test]
    fn no_part_leaves_a_fence_open(text in hostile(), limits in limits()) {
        // What lies in a list or a quote ends with it, and HTML hides Markdown: other rules than a fence's.
        let mut text = harmless(&text).replace(['<', '>', '-', '+', '*', '.', ')', '='], "");
        // A longer run is no fence to us.
        while let Some(at) = [&"`".repeat(33), &"~".repeat(33)].into_iter().find_map(|run| text.find(run)) {
            text.remove(at);
        }
        for part in render(&text, &limits).parts {
            prop_assert!(!is_open_at_the_end(&part), "{:?}", part);
        }
    }
}
