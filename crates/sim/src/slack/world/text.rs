//! Text as Slack rewrites it.

/// The `text` that Slack generates for a message written in Markdown: escaped, with its own marks for bold, headings and
/// links. Close to the real one, and different from the source where the real one is: an app that compares the two must fail here too.
pub(crate) fn as_slack_shows(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut fenced = false;
    for (n, line) in markdown.split('\n').enumerate() {
        if n > 0 {
            out.push('\n');
        }
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        let escaped = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        if fence {
            out.push_str("```");
        } else if fenced {
            out.push_str(&escaped);
        } else if let Some(heading) = escaped.strip_prefix('#') {
            out.push('*');
            out.push_str(heading.trim_start_matches('#').trim());
            out.push('*');
        } else {
            out.push_str(&escaped.replace("**", "*"));
        }
    }
    out
}

/// What Slack makes of the text that a person types: the three characters escaped, its own `<..>` forms left alone.
pub(crate) fn as_typed(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>']) {
        out.push_str(&rest[..at]);
        let special = &rest[at..];
        let form = special.strip_prefix('<').and_then(|inside| {
            let live =
                inside.starts_with(['@', '#', '!']) || inside.starts_with("http") || inside.starts_with("mailto:");
            inside.find('>').filter(|_| live)
        });
        if let Some(end) = form {
            out.push_str(&special[..end + 2]);
            rest = &special[end + 2..];
            continue;
        }
        out.push_str(match special.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            _ => "&gt;",
        });
        rest = &special[1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_text_is_escaped_except_for_slacks_own_forms() {
        for (typed, sent) in [
            ("a & b", "a &amp; b"),
            ("1 < 2 > 0", "1 &lt; 2 &gt; 0"),
            ("<@U1> hi", "<@U1> hi"),
            ("see <https://x.example/?a=1&b=2|it>", "see <https://x.example/?a=1&b=2|it>"),
            ("<b>é</b>", "&lt;b&gt;é&lt;/b&gt;"),
            ("<@U1", "&lt;@U1"),
        ] {
            assert_eq!(as_typed(typed), sent);
        }
    }

    #[test]
    fn markdown_is_not_given_back_as_it_was_written() {
        assert_eq!(as_slack_shows("# Hi\n**a** & b\n```rust\n**x** <\n```"), "*Hi*\n*a* &amp; b\n```\n**x** &lt;\n```");
    }

    proptest::proptest! {
        #[test]
        fn any_typed_text_can_be_read_back(text in "[^<]*|\\PC*") {
            let sent = as_typed(&text);
            if !text.contains('<') {
                let read = sent.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
                proptest::prop_assert_eq!(read, text.clone());
            }
            as_slack_shows(&text);
            crate::slack::world::pings_in(&text, true);
        }
    }
}
