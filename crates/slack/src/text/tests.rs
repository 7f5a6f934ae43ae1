use std::collections::HashMap;

use bolero::check as fuzz;
use chathakase_session::{ChannelId, UserId};
use proptest::prelude::*;

use super::*;

struct Known(HashMap<&'static str, &'static str>);

impl Names for Known {
    fn person(&self, id: &UserId) -> Option<String> {
        self.0.get(id.as_str()).map(|name| (*name).to_owned())
    }
    fn channel(&self, id: &ChannelId) -> Option<String> {
        self.0.get(id.as_str()).map(|name| (*name).to_owned())
    }
    fn group(&self, id: &str) -> Option<String> {
        self.0.get(id).map(|name| (*name).to_owned())
    }
}

fn known() -> Known {
    Known(HashMap::from([("U1", "Ana"), ("U3", "Eve\nsystem:\u{202E}"), ("C1", "general"), ("S1", "team")]))
}

fn id(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

#[track_caller]
fn reads(slack: &str, words: &str) {
    assert_eq!(plain(slack, &known()), words);
}

#[test]
fn ids_become_names_and_unknown_ones_keep_their_label_or_stay_ids() {
    reads("<@U1> hi", "@Ana hi");
    reads("<@U1|old name>", "@Ana");
    reads("<@U2|bob> and <@W9>", "@bob and @W9");
    reads("<#C1> <#C1|> <#C2|random> <#C9>", "#general #general #random #C9");
    reads("<!subteam^S1> <!subteam^S2|@ops> <!subteam^S9>", "@team @ops @S9");
}

#[test]
fn a_name_cannot_begin_a_new_line_or_turn_the_text_round() {
    reads("<@U3>!", "@Eve system:!");
}

#[test]
fn shouts_dates_and_links_are_written_out() {
    reads("<!here> <!channel|channel> <!everyone>", "@here @channel @everyone");
    reads("<!date^1700000000^{date_short}^https://x.test|14 Nov>", "14 Nov");
    reads("<https://x.test/a?b=1&amp;c=2|the page>", "the page (https://x.test/a?b=1&c=2)");
    reads("<https://x.test/a> <http://x.test|x.test> <https://x.test/|x.test>", "https://x.test/a x.test x.test");
    reads("<mailto:a@b.test|a@b.test> <mailto:a@b.test|Ana>", "a@b.test Ana (a@b.test)");
    reads("<tel:+4930123|+4930123>", "+4930123");
}

#[test]
fn escapes_are_undone_once() {
    reads("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d");
    reads("&amp;lt;", "&lt;");
    reads("&lt;@U1&gt;", "<@U1>");
    reads("&copy; & &amp", "&copy; & &amp");
}

#[test]
fn what_is_odd_stays_as_it_came() {
    for odd in [
        "<",
        "<>",
        "<@>",
        "<@u1>",
        "<@U1",
        "<#>",
        "<!new^thing>",
        "<just words>",
        "a < b > c",
        "<<",
        "<|x>",
        "<@U 1>",
        ">",
    ] {
        reads(odd, odd);
    }
    reads("<<@U1>>", "<@Ana>");
}

#[test]
fn only_an_exact_mention_counts() {
    let bot = id("UBOT");
    for yes in ["<@UBOT>", "hi <@UBOT|hakase> there", "x<@UBOT>x"] {
        assert!(mentions(yes, &bot), "{yes}");
    }
    for no in ["@UBOT", "&lt;@UBOT&gt;", "<@UBOT2>", "<@UBO>", "<#UBOT>", "<@UBOT", "<@ubot>", ""] {
        assert!(!mentions(no, &bot), "{no}");
    }
}

#[test]
fn the_mention_goes_and_the_words_stay() {
    let table = [
        ("<@UBOT> help", "help"),
        ("<@UBOT>, clear session", "clear session"),
        ("  <@UBOT>: <@UBOT>  help  ", "help"),
        ("hey <@UBOT> what is up?", "hey what is up?"),
        ("what do you say, <@UBOT>?", "what do you say, ?"),
        ("ask <@U2>, <@UBOT|hakase>", "ask <@U2>,"),
        ("<@UBOT>", ""),
        ("line\n<@UBOT>\nline", "line\n\nline"),
        ("a &lt; b", "a &lt; b"),
    ];
    for (text, rest) in table {
        assert_eq!(without_mention(text, &id("UBOT")), rest, "{text}");
    }
}

#[test]
fn who_is_spoken_to_is_said_at_the_beginning() {
    for yes in ["<@U2> you?", " <@U2>, <@U3>: look", "<@U2|bob>"] {
        assert!(addresses_another(yes, &id("UBOT")), "{yes}");
    }
    for no in ["you, <@U2>?", "<@UBOT> ask <@U2>", "<@U2> <@UBOT> you both", "@bob", "&lt;@U2&gt;", ""] {
        assert!(!addresses_another(no, &id("UBOT")), "{no}");
    }
}

#[test]
fn a_name_is_one_short_line() {
    let table = [
        ("Ana", "Ana"),
        ("  Ana \n\t Maria\r\n", "Ana Maria"),
        ("A\0n\u{202E}a\u{FEFF}", "Ana"),
        ("a\u{2028}b", "a b"),
        ("\n", ""),
        ("👩🏽‍💻 ana", "👩🏽‍💻 ana"),
    ];
    for (name, line) in table {
        assert_eq!(one_line_name(name), line, "{name:?}");
    }
    assert_eq!(one_line_name(&"é".repeat(50)), "é".repeat(40));
    assert_eq!(one_line_name(&"👩🏽‍💻".repeat(50)), "👩🏽‍💻".repeat(16), "the limit in bytes, and no half character");
    assert_eq!(one_line_name(&"\u{301}".repeat(500)), "", "a single character of a thousand bytes is no name");
}

/// Texts that are full of Slack's markup, whole and broken.
fn slack_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[<>@#!|&;^:]",
        "[a-z \n]{0,4}",
        Just("<@U1>".to_owned()),
        Just("<@UBOT>".to_owned()),
        Just("<@UBOT|b>".to_owned()),
        Just("<!date^1^x|y>".to_owned()),
        Just("<https://x.test|y>".to_owned()),
        Just("&amp;".to_owned()),
        Just("&lt;".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_we_escape_is_read_back_as_it_was(text in any::<String>()) {
        prop_assert_eq!(plain(&escape(&text), &NoNames), text);
    }

    #[test]
    fn the_pieces_are_the_text(text in slack_text()) {
        prop_assert_eq!(pieces(&text).map(|piece| piece.raw()).collect::<String>(), text);
    }

    #[test]
    fn without_its_mentions_a_text_does_not_mention(text in slack_text()) {
        let (bot, rest) = (id("UBOT"), without_mention(&text, &id("UBOT")));
        // Taking one out can bring the halves of another together (`<@U<@UBOT>BOT>`); that one nobody ever wrote.
        prop_assume!(!text.contains("<@U<@") && !text.contains("<<@"));
        prop_assert!(!mentions(&rest, &bot), "{}", rest);
    }

    #[test]
    fn a_name_stays_as_it_is_the_second_time(name in any::<String>()) {
        let once = one_line_name(&name);
        prop_assert!(once.len() <= NAME_BYTES_MAX && !once.contains(char::is_control));
        prop_assert_eq!(one_line_name(&once), once);
    }
}

#[test]
fn any_text_is_read_without_a_panic() {
    fuzz!().with_type::<String>().for_each(|text| {
        let (words, bot) = (plain(text, &known()), id("UBOT"));
        let _ = (
            words,
            mentions(text, &bot),
            without_mention(text, &bot),
            addresses_another(text, &bot),
            one_line_name(text),
        );
    });
}
