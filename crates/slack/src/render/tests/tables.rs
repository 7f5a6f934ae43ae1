use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::*;

/// The rows of all tables in a text, as another Markdown parser sees them, the heads first.
fn rows(markdown: &str) -> Vec<String> {
    let (mut rows, mut row) = (Vec::new(), None);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => row = Some(String::new()),
            Event::End(TagEnd::TableHead | TagEnd::TableRow) => rows.extend(row.take()),
            Event::Text(text) => row.iter_mut().for_each(|row| *row += &text),
            _ => {}
        }
    }
    rows
}

#[test]
fn a_table_gets_its_head_again_in_every_part() {
    let table = "| n | what |\n|---|:---:|\n";
    let text = format!("Look:\n\n{table}{}", (100..300).map(|n| format!("| {n} | x |\n")).collect::<String>());
    let rendered = render(&text, &SMALL);
    assert!(rendered.parts.len() > 2);
    assert_eq!(rendered.without_seams(), text);
    assert!(rendered.parts[1..].iter().all(|part| part.starts_with(table)), "{:?}", rendered.parts);
    let seen = rendered.parts.iter().flat_map(|part| rows(part)).filter(|row| !row.contains("what"));
    assert_eq!(seen.collect::<Vec<_>>(), (100..300).map(|n| format!("{n}x")).collect::<Vec<_>>());
}

#[test]
fn a_head_is_not_cut_off_from_its_first_row() {
    for lines in 140..170 {
        let text = format!("{}| n | what |\n|---|---|\n| 1 | x |\n| 2 | x |\n", "line\n".repeat(lines));
        let (text, rendered) = (text.clone(), render(&text, &PartLimits { chars_max: 800, bytes_max: 3_000 }));
        assert_eq!(rendered.without_seams(), text);
        let seen: Vec<_> =
            rendered.parts.iter().flat_map(|part| rows(part)).filter(|row| !row.contains("what")).collect();
        assert_eq!(seen, ["1x", "2x"], "{:?}", rendered.parts);
    }
}

#[test]
fn what_is_no_table_gets_no_head() {
    let bars = "a | b\n".repeat(400);
    let over = format!("| n |\n|---|\n| 1 |\n\n{}", "| no row of it |\n".repeat(200));
    let code = format!("```\n| n |\n|---|\n{}```\n", "| 1 |\n".repeat(400));
    let uneven = format!("| n | m |\n|---|\n{}", "| 1 |\n".repeat(400));
    let long = format!("| {} |\n|---|\n{}", "n".repeat(450), "| 1 |\n".repeat(400));
    for text in [bars, over, code, uneven, long] {
        let rendered = render(&text, &SMALL);
        assert_eq!(rendered.without_seams(), text);
        assert!(rendered.parts[1..].iter().all(|part| !part.contains("---")), "{:?}", rendered.parts);
    }
}
