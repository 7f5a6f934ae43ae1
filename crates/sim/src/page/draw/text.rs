//! Text on its way into a page: escaped, links only where they are harmless.

use std::collections::HashMap;

/// What a mention's id stands for.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: HashMap<String, String>,
    /// Who looks: a mention of them stands out.
    viewer: String,
}

impl Names {
    pub(crate) fn new(known: HashMap<String, String>, viewer: &str) -> Self {
        Self { known, viewer: viewer.to_owned() }
    }

    pub(crate) fn of(&self, id: &str) -> Option<&str> {
        self.known.get(id).map(String::as_str)
    }

    fn is_viewer(&self, name: &str) -> bool {
        self.viewer == name
    }
}

/// Adds text as text.
pub(crate) fn push_text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

/// Whether a link to here may be followed: what runs code or opens a program is no link.
pub(crate) fn is_safe_link(url: &str) -> bool {
    let lower = url.trim_start().to_ascii_lowercase();
    ["https://", "http://", "mailto:"].iter().any(|start| lower.starts_with(start))
        && !url.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Begins a link; the caller has asked whether it is safe.
pub(crate) fn open_link(out: &mut String, url: &str) {
    out.push_str("<a href=\"");
    push_text(out, url);
    out.push_str("\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
}

/// Adds text; addresses in it become links.
pub(crate) fn push_linked(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = ["https://", "http://"].iter().filter_map(|start| rest.find(start)).min() {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| c.is_whitespace() || "<>\"`|".contains(c)).unwrap_or(from.len());
        let url = from[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'', '*', '_', ']']);
        let host = url.split_once("://").map_or("", |(_, host)| host);
        push_text(out, before);
        if host.is_empty() || !is_safe_link(url) {
            push_text(out, &from[..url.len().max(1)]);
            rest = &from[url.len().max(1)..];
            continue;
        }
        open_link(out, url);
        push_text(out, url);
        out.push_str("</a>");
        rest = &from[url.len()..];
    }
    push_text(out, rest);
}

/// Adds the name of somebody who is mentioned.
pub(crate) fn push_mention(out: &mut String, name: &str, names: &Names) {
    out.push_str(if names.is_viewer(name) { "<span class=\"mention you\">@" } else { "<span class=\"mention\">@" });
    push_text(out, name);
    out.push_str("</span>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_and_of_mail_are_links() {
        for (url, safe) in [
            ("https://x.example/a?b=c", true),
            ("HTTP://x.example", true),
            ("mailto:ana@x.example", true),
            ("javascript:alert(1)", false),
            (" JavaScript:alert(1)", false),
            ("java\nscript:alert(1)", false),
            ("data:text/html,<script>alert(1)</script>", false),
            ("vbscript:x", false),
            ("file:///etc/passwd", false),
            ("//x.example", false),
            ("https://x.example/\u{0}", false),
        ] {
            assert_eq!(is_safe_link(url), safe, "{url:?}");
        }
    }

    #[test]
    fn addresses_in_text_become_links_and_nothing_else_does() {
        let link =
            |url: &str| format!("<a href=\"{url}\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">{url}</a>");
        for (text, html) in [
            ("see https://x.example/a, or not", format!("see {}, or not", link("https://x.example/a"))),
            ("(http://x.example)", format!("({})", link("http://x.example"))),
            ("https://", "https://".to_owned()),
            ("javascript:alert(1) & <b>", "javascript:alert(1) &amp; &lt;b&gt;".to_owned()),
            ("https://x/\"onx=1", format!("{}&quot;onx=1", link("https://x/"))),
        ] {
            let mut out = String::new();
            push_linked(&mut out, text);
            assert_eq!(out, html, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_becomes_a_tag(text in "(https?://|<|\"|'|&|\\PC){0,40}") {
            let mut out = String::new();
            push_linked(&mut out, &text);
            for (at, _) in out.match_indices('<') {
                proptest::prop_assert!(out[at..].starts_with("<a href=\"http") || out[at..].starts_with("</a>"));
            }
        }
    }
}
