use super::*;

#[test]
fn a_short_answer_is_one_part_and_an_empty_one_none() {
    assert_eq!(render("Hello *Ana*.\n", &PartLimits::default()).parts, ["Hello *Ana*.\n"]);
    assert!(render("", &PartLimits::default()).parts.is_empty());
    assert!(render("\0\u{202E}", &PartLimits::default()).parts.is_empty());
}

#[test]
fn what_is_safe_is_shown_at_once() {
    let mut renderer = Renderer::new(PartLimits::default());
    let mut shown = |delta: &str| match renderer.push(delta).as_slice() {
        [] => String::new(),
        [Out::Text(text)] => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(shown("Hel"), "Hel");
    assert_eq!(shown("lo <"), "lo ");
    assert_eq!(shown("3 @h"), "<3 ");
    assert_eq!(shown("ere"), "");
    assert_eq!(shown("!\n``"), "@\u{200B}here!\n");
    assert_eq!(shown("`rust\n"), "```rust\n");
}

#[test]
fn a_part_ends_before_a_paragraph_sooner_than_at_a_line_end() {
    let text = format!("{}\n\n{}\n{}", "word ".repeat(155), "word ".repeat(20), "word ".repeat(100));
    assert_eq!(render(&text, &SMALL).parts[0].len(), 155 * 5 + 2);
    let text = format!("{}\n{}\n{}", "word ".repeat(155), "word ".repeat(20), "word ".repeat(100));
    assert_eq!(render(&text, &SMALL).parts[0].len(), 175 * 5 + 2);
}

#[test]
fn a_long_line_is_cut_behind_a_word_and_a_long_word_anywhere() {
    let parts = render(&"words ".repeat(900), &SMALL).parts;
    assert!(
        parts.len() > 5 && parts.iter().all(|part| part.starts_with("words ") && part.ends_with("words ")),
        "{parts:?}"
    );
    let parts = render(&"好".repeat(5_000), &SMALL).parts;
    assert!(parts[..5].iter().all(|part| part.chars().count() == 952), "{}", parts.len());
    let parts = render(&"这是一句话。".repeat(600), &SMALL).parts;
    assert!(parts.len() > 3 && parts.iter().all(|part| part.ends_with('。')), "{parts:?}");
}

#[test]
fn a_visible_character_is_not_cut_in_two() {
    for cluster in ["👩🏽‍💻", "e\u{301}\u{302}", "🇩🇪", "❤\u{FE0F}"] {
        for before in ["", "x", "x\n\nyy", "🇫🇷"] {
            let rest = render(&format!("{before}{}", cluster.repeat(2_000)), &SMALL).parts.split_off(1);
            assert!(rest.len() > 1 && rest.iter().all(|part| part.len() % cluster.len() == 0), "{before}{cluster}");
        }
    }
}

#[test]
fn an_address_is_not_cut_before_its_at_sign() {
    for words in 0..60 {
        let text = format!("{}{}{}", "y".repeat(words), "x@here.com".repeat(5), "z@here.com".repeat(300));
        let rendered = render(&text, &SMALL);
        assert!(rendered.parts.iter().all(|part| !part.starts_with('@')));
        assert_eq!(rendered.without_seams(), harmless(&text));
    }
}

#[test]
fn an_answer_of_twelve_thousand_words_comes_in_full_parts() {
    let text = "Thirteen words stand here so that a line is about as long as usual.\n".repeat(924);
    let rendered = render(&text, &PartLimits::default());
    assert_eq!(rendered.parts.len(), 9);
    assert_eq!(rendered.without_seams(), text);
}

#[test]
fn asked_to_end_a_part_ends_at_the_next_line_or_word() {
    let roll = |before: &str, after: &str| {
        let mut renderer = Renderer::new(PartLimits::default());
        let mut outs = renderer.push(before);
        renderer.roll();
        outs.extend(renderer.push(after));
        outs.extend(renderer.finish());
        let rendered = Rendered::collect(outs, renderer.seams());
        assert_eq!(rendered.without_seams(), format!("{before}{after}"));
        rendered.parts
    };
    assert_eq!(roll("one\n", "two\nthree\n"), ["one\n", "two\nthree\n"]);
    assert_eq!(roll("on", "e\ntwo\nthree"), ["one\n", "two\nthree"]);
    assert_eq!(roll("one", "\n\n\ntwo"), ["one\n\n\n", "two"]);
    assert_eq!(roll("one", "\n"), ["one\n"], "no part without text");
    assert_eq!(roll("", "one\ntwo"), ["one\ntwo"], "nothing to end yet");
    assert_eq!(roll("```sh\nls\n", "pwd\n```\nend\n"), ["```sh\nls\n```", "```sh\npwd\n```\nend\n"]);
    assert_eq!(roll("```sh\nls\n", "```\nend\n"), ["```sh\nls\n```\n", "end\n"], "the model's own end is near");
    let words = roll("one", &" two".repeat(400));
    assert_eq!((words.len(), words[0].len()), (2, 3 + 4 * 30 + 1));
    assert_eq!(roll("one", &"o".repeat(1_000))[0].len(), 403);
}

proptest! {
    #[test]
    fn the_outcome_does_not_depend_on_the_deltas((text, at) in split(), limits in limits()) {
        let whole = render(&text, &limits);
        prop_assert_eq!(&streamed(deltas(&text, &at), limits), &whole);
        let one_by_one = text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]);
        prop_assert_eq!(&streamed(one_by_one, limits), &whole);
    }

    #[test]
    fn parts_keep_their_limits_and_lose_nothing(text in hostile(), limits in limits()) {
        let rendered = render(&text, &limits);
        prop_assert_eq!(rendered.without_seams(), harmless(&text));
        for part in &rendered.parts {
            prop_assert!(part.chars().count() <= limits.chars_max && part.len() <= limits.bytes_max, "{}", part);
            prop_assert!(!part.is_empty());
        }
    }

    #[test]
    fn rolling_at_any_time_moves_the_seams_and_loses_nothing((text, at) in split(), limits in limits()) {
        let mut renderer = Renderer::new(limits);
        let mut outs = Vec::new();
        for delta in deltas(&text, &at) {
            outs.extend(renderer.push(delta));
            renderer.roll();
        }
        outs.extend(renderer.finish());
        prop_assert_ne!(outs.first(), Some(&Out::NewPart));
        prop_assert_ne!(outs.last(), Some(&Out::NewPart));
        let rendered = Rendered::collect(outs, renderer.seams());
        prop_assert_eq!(rendered.without_seams(), harmless(&text));
        for part in &rendered.parts {
            prop_assert!(part.chars().count() <= limits.chars_max && part.len() <= limits.bytes_max && !part.is_empty());
        }
    }

    #[test]
    fn little_is_held_back(text in hostile()) {
        let mut renderer = Renderer::new(PartLimits { chars_max: usize::MAX / 200, bytes_max: usize::MAX / 200 });
        let shown: usize = renderer.push(&text).iter().map(|out| if let Out::Text(text) = out { text.len() } else { 0 }).sum();
        prop_assert!(harmless(&text).len() - shown <= 200);
    }
}

#[test]
fn any_bytes_in_any_pieces_are_rendered() {
    bolero::check!().with_type::<(Vec<u8>, u8, u16)>().for_each(|(bytes, step, chars_max)| {
        let text = String::from_utf8_lossy(bytes).repeat(usize::from(*step % 9) + 1);
        let limits = PartLimits { chars_max: usize::from(*chars_max), bytes_max: 700 };
        let rendered = render(&text, &limits);
        assert_eq!(rendered.without_seams(), harmless(&text));
        let mut rest = text.as_str();
        let pieces = std::iter::from_fn(|| {
            let (piece, after) = rest.split_at(rest.ceil_char_boundary(usize::from(*step).max(1)));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        });
        assert_eq!(streamed(pieces, limits), rendered);
    });
}
