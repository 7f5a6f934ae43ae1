use super::*;

#[track_caller]
fn check(text: &str, safe: &str) {
    assert_eq!(harmless(text).replace('\u{200B}', "·"), safe);
}

#[track_caller]
fn untouched(text: &str) {
    assert_eq!(harmless(text), text);
}

#[test]
fn what_pings_is_broken_behind_its_first_character() {
    check("<!here> <!channel|channel> <!everyone>", "<·!here> <·!channel|channel> <·!everyone>");
    check("<!subteam^S123> <!date^1^{date}|x>", "<·!subteam^S123> <·!date^1^{date}|x>");
    check("<@U123> <@W9|ana> <#C1> <#C1|general>", "<·@U123> <·@W9|ana> <·#C1> <·#C1|general>");
    check("@here, @channel! (@everyone) @group", "@·here, @·channel! (@·everyone) @·group");
    check("<!HERE> @Channel @EveryOne", "<·!HERE> @·Channel @·EveryOne");
    check("_@here_ 大家@here大家 x@here", "_@·here_ 大家@·here大家 x@·here");
    check("<@here> <<!here>> @@here", "<@·here> <<·!here>> @@·here");
}

#[test]
fn code_is_no_hiding_place() {
    check("`<!here>` ```\n@channel\n```", "`<·!here>` ```\n@·channel\n```");
}

#[test]
fn what_is_written_as_references_or_escaped_is_broken_too() {
    check(
        "&lt;!here&gt; &LT;!channel> &#60;!here> &#x3C;@U1>",
        "&lt;·!here&gt; &LT;·!channel> &#60;·!here> &#x3C;·@U1>",
    );
    check(
        "<&#33;here> <&excl;here> <&commat;U1> <!&#104;ere>",
        "<·&#33;here> <·&excl;here> <·&commat;U1> <·!&#104;ere>",
    );
    check("&#64;here &commat;channel @&#x68;ere", "&#64;·here &commat;·channel @·&#x68;ere");
    check("<\\!here> \\<!here> <\\@U1> \\@here @\\here", "<·\\!here> \\<·!here> <·\\@U1> \\@·here @·\\here");
    check("<!subteam\\^S1>", "<·!subteam\\^S1>");
}

#[test]
fn a_reference_to_what_is_taken_out_shows_as_it_is_written() {
    check("a&#x202E;b&#0;c&#13;d&#xE0041;", "a&·#x202E;b&·#0;c&·#13;d&·#xE0041;");
    check("@he&#0;re", "@he&·#0;re");
}

#[test]
fn what_only_looks_alike_is_left_alone() {
    untouched("<!DOCTYPE html> <!-- here --> <!ELEMENT a> <![CDATA[x]]>");
    untouched("a < b && c > d, #include <here>, vec<u8>, <html>, x<!y");
    untouched("@Override @property @hereafter @channels @grouping @group2");
    untouched("List<@NonNull String> List<@Unmodifiable T> <#fff> <#cafe>");
    untouched("ana@here.com, sales@channel-one.io; &amp; &lt; &copy; &#8364; &; &#; &#x; &#99999999999;");
    untouched("here channel everyone <https://example.com|x> :here: #channel");
    untouched("tab\tline\n👩🏽‍💻 e\u{301} ❤\u{FE0F} אבג \u{200F}");
}

#[test]
fn an_unfinished_token_at_the_end_is_only_text() {
    for text in ["<", "&", "@", "<!", "<!her", "<@", "<@U", "&lt", "&lt;!her", "@her", "a@", "<\\", "&#", "\u{1F3F4}"] {
        untouched(text);
    }
}

#[test]
fn characters_that_show_nothing_are_taken_out() {
    check("a\0b\x07c\x1b[31md\x7fe\u{85}f", "abc[31mdef");
    check("a\u{202A}b\u{202E}c\u{2066}d\u{2069}e\u{FEFF}f\u{FFF9}g\u{206A}h", "abcdefgh");
    check("@he\0re <\u{FEFF}!here> &l\u{202E}t;!here", "@·here <·!here> &lt;·!here");
    check("a\r\nb\rc\r\r\nd\r\0\ne", "a\nb\nc\n\nd\ne");
    check("hidden\u{E0068}\u{E0069}\u{E007F} ❤\u{FE0F}\u{FE0F}\u{E0100}", "hidden ❤\u{FE0F}");
}

#[test]
fn the_flags_that_are_made_of_tags_stay() {
    let tags =
        |letters: &str| letters.chars().map(|c| char::from_u32(u32::from(c) + 0xE0000).unwrap()).collect::<String>();
    for flag in ["gbeng", "gbsct", "gbwls"] {
        untouched(&format!("a\u{1F3F4}{}\u{E007F}b", tags(flag)));
    }
    for no_flag in ["gbenx", "gb", "", "secret", "gbengg"] {
        check(&format!("a\u{1F3F4}{}\u{E007F}b", tags(no_flag)), "a\u{1F3F4}b");
    }
    check(&format!("\u{1F3F4}{}", tags("gbeng")), "\u{1F3F4}");
}

/// Looks for live tokens as a careless reader would: references undone, backslashes dropped, then the plain words.
fn live_token(text: &str) -> Option<String> {
    let mut decoded = text.to_owned();
    for code in 0x21..0x7Fu32 {
        let c = char::from_u32(code).unwrap().to_string();
        for form in [format!("&#{code};"), format!("&#x{code:x};"), format!("&#X{code:X};")] {
            decoded = decoded.replace(&form, &c);
        }
    }
    for (name, c) in [("lt", "<"), ("LT", "<"), ("excl", "!"), ("commat", "@"), ("num", "#"), ("Hat", "^")] {
        decoded = decoded.replace(&format!("&{name};"), c);
    }
    let decoded = decoded.replace('\\', "");
    let small = decoded.to_ascii_lowercase();
    let marks = ["<!here", "<!channel", "<!everyone", "<!group", "<!subteam^", "<!date^"];
    let ids = ["<@U", "<@W", "<#C", "<#G"].into_iter().filter(|mark| {
        let live = |(at, _)| decoded[at + 3..].starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit());
        decoded.match_indices(mark).any(live)
    });
    let handles = ["@here", "@channel", "@everyone", "@group"].into_iter().filter(|handle| {
        small.match_indices(handle).any(|(at, _)| {
            let (before, after) = (&small[..at], &small[at + handle.len()..]);
            let address = before.ends_with(|c: char| c.is_ascii_alphanumeric()) && after.starts_with(['.', '-']);
            !address && !after.starts_with(|c: char| c.is_ascii_alphanumeric())
        })
    });
    marks.into_iter().filter(|mark| small.contains(mark)).chain(ids).chain(handles).next().map(String::from)
}

#[test]
fn the_careless_reader_finds_what_is_live() {
    for live in ["a <!here>", "&#60;!Here", "<\\@U1>", "x @channel.", "(@group)"] {
        assert!(live_token(live).is_some(), "{live}");
        assert_eq!(live_token(&harmless(live)), None);
    }
}

proptest! {
    #[test]
    fn nothing_live_is_left_in_the_text_or_in_any_part(text in hostile(), limits in limits()) {
        prop_assert_eq!(live_token(&harmless(&text)), None);
        for part in render(&text, &limits).parts {
            prop_assert_eq!(live_token(&part), None, "{}", part);
            prop_assert!(!part.contains(|c: char| c != '\n' && c != '\t' && c.is_control()));
        }
    }

    #[test]
    fn made_harmless_twice_is_made_harmless_once(text in hostile()) {
        let once = harmless(&text);
        prop_assert_eq!(harmless(&once), once);
    }

    #[test]
    fn plain_words_are_not_touched(text in "[a-zA-Z0-9 .,;:!?#*_\\[\\]()\n`~|-]{0,200}") {
        prop_assert_eq!(harmless(&text), text);
    }
}
