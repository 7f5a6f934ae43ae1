//! Slack's own marks, as people type them and apps post them, drawn as HTML.

use super::text::{Names, is_safe_link, open_link, push_linked, push_mention, push_text};

/// Draws a text with Slack's escapes (`&lt;`, `<@U1>`, `<https://x|label>`).
pub(crate) fn draw(text: &str, names: &Names) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for (n, piece) in text.split("```").enumerate() {
        // What stands between two fences is code; a last one without an end is text.
        let fenced = n % 2 == 1 && text.matches("```").count() > n;
        if fenced {
            out.push_str("<pre tabindex=\"0\"><code>");
            push_text(&mut out, &unescaped(piece.trim_matches('\n')));
            out.push_str("</code></pre>");
        } else {
            let piece = if n % 2 == 1 { format!("```{piece}") } else { piece.to_owned() };
            lines(&mut out, &piece, names);
        }
    }
    out
}

/// The text as it was typed: names instead of ids, no escapes. What an editor is filled with.
pub(crate) fn as_typed(text: &str, names: &Names) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<@") {
        out.push_str(before);
        match after.split_once('>').and_then(|(id, after)| Some((names.of(id)?, after))) {
            Some((name, after)) => {
                out.push('@');
                out.push_str(name);
                rest = after;
            }
            None => {
                out.push_str("<@");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    unescaped(&out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Quote,
    List,
}

fn lines(out: &mut String, text: &str, names: &Names) {
    let text = text.trim_matches('\n');
    if text.is_empty() {
        return;
    }
    let mut kind = None;
    for line in text.split('\n') {
        let (next, inside) = kind_of(line);
        if kind == Some(next) && next != Kind::List {
            out.push_str("<br>");
        } else if kind != Some(next) {
            close(out, kind);
            out.push_str(match next {
                Kind::Text => "<p>",
                Kind::Quote => "<blockquote>",
                Kind::List => "<ul>",
            });
            kind = Some(next);
        }
        if next == Kind::List {
            out.push_str("<li>");
        }
        inline(out, inside, names);
        if next == Kind::List {
            out.push_str("</li>");
        }
    }
    close(out, kind);
}

fn kind_of(line: &str) -> (Kind, &str) {
    if let Some(quoted) = line.strip_prefix("&gt;") {
        return (Kind::Quote, quoted.trim_start());
    }
    let item = ["• ", "- ", "* "].iter().find_map(|mark| line.trim_start().strip_prefix(mark));
    item.map_or((Kind::Text, line), |item| (Kind::List, item))
}

fn close(out: &mut String, kind: Option<Kind>) {
    out.push_str(match kind {
        Some(Kind::Text) => "</p>",
        Some(Kind::Quote) => "</blockquote>",
        Some(Kind::List) => "</ul>",
        None => "",
    });
}

const MARKS: [(char, &str); 3] = [('*', "strong"), ('_', "em"), ('~', "del")];

/// One line: code, mentions, links, bold, italic, struck.
fn inline(out: &mut String, line: &str, names: &Names) {
    let mut rest = line;
    let mut plain = String::new();
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let taken = match c {
            '`' => after.split_once('`').filter(|(code, _)| !code.is_empty()).map(|(code, after)| {
                flush(out, &mut plain);
                out.push_str("<code>");
                push_text(out, &unescaped(code));
                out.push_str("</code>");
                after
            }),
            '<' => after.split_once('>').and_then(|(form, after)| {
                let mut drawn = String::new();
                special(&mut drawn, form, names).then(|| {
                    flush(out, &mut plain);
                    out.push_str(&drawn);
                    after
                })
            }),
            mark => MARKS.iter().find(|(sign, _)| *sign == mark).filter(|_| !before.is_alphanumeric()).and_then(
                |(sign, tag)| {
                    let (inner, after) = marked(after, *sign)?;
                    flush(out, &mut plain);
                    out.push_str(&format!("<{tag}>"));
                    inline(out, inner, names);
                    out.push_str(&format!("</{tag}>"));
                    Some(after)
                },
            ),
        };
        match taken {
            Some(after) => {
                (rest, before) = (after, ' ');
            }
            None => {
                plain.push(c);
                (rest, before) = (after, c);
            }
        }
    }
    flush(out, &mut plain);
}

/// What stands between here and the sign that ends it: not empty, no space at its edges, no letter behind it.
fn marked(text: &str, sign: char) -> Option<(&str, &str)> {
    let end = text.match_indices(sign).map(|(at, _)| at).find(|at| {
        let behind = text[at + sign.len_utf8()..].chars().next();
        !text[..*at].ends_with(char::is_whitespace) && behind.is_none_or(|c| !c.is_alphanumeric())
    })?;
    let inner = &text[..end];
    // Deep nesting of the same sign does not happen: what is inside holds none of it.
    let fits = !inner.is_empty() && !inner.starts_with(char::is_whitespace) && !inner.contains(sign);
    fits.then(|| (inner, &text[end + sign.len_utf8()..]))
}

/// `@U1`, `#C1|general`, `!here`, `https://x|label`; whether it was one of them.
fn special(out: &mut String, form: &str, names: &Names) -> bool {
    let (head, label) = form.split_once('|').map_or((form, None), |(head, label)| (head, Some(label)));
    if let Some(id) = head.strip_prefix('@') {
        let Some(name) = names.of(id).or(label) else { return false };
        push_mention(out, name, names);
        return true;
    }
    if let Some(word) = head.strip_prefix(['!', '#']) {
        let sign = if head.starts_with('!') { "@" } else { "#" };
        out.push_str("<span class=\"mention\">");
        push_text(out, &format!("{sign}{}", label.unwrap_or(word)));
        out.push_str("</span>");
        return true;
    }
    let url = unescaped(head);
    if !is_safe_link(&url) {
        return false;
    }
    open_link(out, &url);
    push_text(out, &unescaped(label.unwrap_or(head)));
    out.push_str("</a>");
    true
}

fn flush(out: &mut String, plain: &mut String) {
    push_linked(out, &unescaped(plain));
    plain.clear();
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new([("U1".to_owned(), "ana".to_owned())].into(), "ana")
    }

    #[track_caller]
    fn check(text: &str, html: &str) {
        assert_eq!(draw(text, &names()), html);
    }

    #[test]
    fn slacks_marks_are_drawn() {
        check("*a* _b_ ~c~ `d *e*`", "<p><strong>a</strong> <em>b</em> <del>c</del> <code>d *e*</code></p>");
        check("2*3*4 snake_case_name * a *", "<p>2*3*4 snake_case_name * a *</p>");
        check("*a _b_*", "<p><strong>a <em>b</em></strong></p>");
        check(
            "one\ntwo\n&gt; three\n- four\n- five",
            "<p>one<br>two</p><blockquote>three</blockquote><ul><li>four</li><li>five</li></ul>",
        );
        check("a\n```\n*b* &lt;\n```\nc", "<p>a</p><pre tabindex=\"0\"><code>*b* &lt;</code></pre><p>c</p>");
        check("a ``` b", "<p>a </p><p>``` b</p>");
        check(
            "<@U1> hi <#C1|general> <!here>",
            "<p><span class=\"mention you\">@ana</span> hi <span class=\"mention\">#general</span> <span class=\"mention\">@here</span></p>",
        );
        check(
            "<https://x.example/?a=1&amp;b=2|it>",
            "<p><a href=\"https://x.example/?a=1&amp;b=2\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">it</a></p>",
        );
    }

    #[test]
    fn nothing_typed_is_html() {
        check("&lt;script&gt;alert(1)&lt;/script&gt;", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>");
        check("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>");
        check("<javascript:alert(1)|it>", "<p>&lt;javascript:alert(1)|it&gt;</p>");
        check("<@U9> <@U1|<b>>", "<p>&lt;@U9&gt; <span class=\"mention you\">@ana</span>&gt;</p>");
    }

    #[test]
    fn an_editor_gets_what_was_typed() {
        assert_eq!(as_typed("<@U1> 1 &lt; 2 &amp; <@U9>", &names()), "@ana 1 < 2 & <@U9>");
    }

    proptest::proptest! {
        #[test]
        fn no_text_brings_in_a_tag_or_a_link_of_its_own(text in "(<|>|&lt;|&gt;|&amp;|\\||@U1|!|#|javascript:|https://x|`|\\*|_|~|\\n|\"|'| |\\PC){0,60}") {
            let html = draw(&text, &names());
            for tag in html.split('<').skip(1) {
                let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
                proptest::prop_assert!(["p", "strong", "em", "del", "ul", "li", "blockquote", "pre", "code", "a", "br", "span"].contains(&name.as_str()), "{html}");
            }
            for link in html.split("href=\"").skip(1) {
                proptest::prop_assert!(link.starts_with("http") || link.starts_with("mailto:"), "{html}");
            }
        }
    }
}
