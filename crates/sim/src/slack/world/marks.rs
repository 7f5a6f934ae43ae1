//! Forms that make Slack ping people or fetch a page.

/// The parts of `text` that would ping somebody. In Markdown, code does not.
pub(crate) fn pings_in(text: &str, markdown: bool) -> Vec<String> {
    let live = if markdown { without_code(text) } else { text.to_owned() };
    let mut pings = Vec::new();
    for (at, _) in live.match_indices('<') {
        let inside = &live[at + 1..];
        let Some(end) = inside.find('>') else { continue };
        let form = &inside[..end];
        let special = ["!here", "!channel", "!everyone", "!subteam^"].iter().any(|start| form.starts_with(start));
        if special || form.starts_with("@U") || form.starts_with("@W") {
            pings.push(format!("<{form}>"));
        }
    }
    for word in ["@channel", "@here", "@everyone"] {
        pings.extend(live.match_indices(word).map(|_| word.to_owned()));
    }
    pings
}

/// Whether Slack would look for a page behind a link in this text.
pub(crate) fn has_link(text: &str) -> bool {
    text.contains("https://") || text.contains("http://")
}

fn without_code(markdown: &str) -> String {
    let mut out = String::new();
    let mut fenced = false;
    for line in markdown.split('\n') {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            // Between two single backticks of a line: what has an odd place.
            for (n, piece) in line.split('`').enumerate() {
                if n % 2 == 0 || line.matches('`').count() % 2 == 1 {
                    out.push_str(piece);
                }
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pings_is_found_and_what_does_not_is_not() {
        for (text, pings) in [
            ("<!here> hi", vec!["<!here>"]),
            ("<@U1> and <!subteam^S1|ops>", vec!["<@U1>", "<!subteam^S1|ops>"]),
            ("all: @channel", vec!["@channel"]),
            ("`<!here>` and\n```\n<!channel>\n```", vec![]),
            ("one ` only <!here>", vec!["<!here>"]),
            ("<\u{200b}!here> @\u{200b}channel <#C1> a < b > c", vec![]),
        ] {
            assert_eq!(pings_in(text, true), pings, "{text:?}");
        }
        assert_eq!(pings_in("`<!here>`", false), ["<!here>"], "mrkdwn code does not protect");
    }
}
