//! Standard Markdown, as a model writes it, drawn as HTML. Raw HTML is shown as text, pictures as links.

use pulldown_cmark::{Alignment, CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::text::{Names, is_safe_link, open_link, push_linked, push_mention, push_text};

/// Quotes and lists within each other; what is deeper is drawn at this depth.
const DEPTH_MAX: usize = 8;
/// Rows of a table that are drawn; the others are counted.
const ROWS_MAX: usize = 200;
/// Longest name of a code block's language that is shown, in characters.
const LANGUAGE_CHARS_MAX: usize = 24;

/// Draws a text.
pub(crate) fn draw(text: &str, names: &Names) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut pen = Pen::new(names);
    for event in Parser::new_ext(text, options) {
        pen.draw(event);
    }
    pen.out
}

struct Pen<'a> {
    out: String,
    names: &'a Names,
    /// Quotes and lists that are open, drawn or not.
    depth: usize,
    /// Whether each open link is one that may be followed.
    links: Vec<bool>,
    /// Within a picture: where it leads. Its text is the picture's.
    pictures: Vec<String>,
    columns: Vec<Alignment>,
    column: usize,
    rows: usize,
    in_head: bool,
    in_code: bool,
}

impl<'a> Pen<'a> {
    fn new(names: &'a Names) -> Self {
        Self {
            out: String::new(),
            names,
            depth: 0,
            links: Vec::new(),
            pictures: Vec::new(),
            columns: Vec::new(),
            column: 0,
            rows: 0,
            in_head: false,
            in_code: false,
        }
    }

    fn draw(&mut self, event: Event<'_>) {
        if self.rows > ROWS_MAX && !matches!(event, Event::Start(Tag::TableRow) | Event::End(TagEnd::Table)) {
            return;
        }
        match event {
            Event::Start(tag) => self.open(tag),
            Event::End(tag) => self.close(tag),
            Event::Text(text) => self.text(&text),
            // What a model writes as HTML is what it says, and not how it is shown.
            Event::Html(text) | Event::InlineHtml(text) => push_text(&mut self.out, &text),
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.out.push_str("<code>");
                push_text(&mut self.out, &text);
                self.out.push_str("</code>");
            }
            // A chat keeps the line ends that were written.
            Event::SoftBreak | Event::HardBreak => self.out.push_str("<br>"),
            Event::Rule => self.out.push_str("<hr>"),
            Event::TaskListMarker(done) => self.out.push_str(if done { "☑ " } else { "☐ " }),
            Event::FootnoteReference(name) => push_text(&mut self.out, &format!("[{name}]")),
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_code || !self.links.is_empty() {
            return push_text(&mut self.out, text);
        }
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("<@") {
            let named = after.split_once('>').and_then(|(id, after)| Some((self.names.of(id)?, after)));
            push_linked(&mut self.out, before);
            match named {
                Some((name, after)) => {
                    push_mention(&mut self.out, name, self.names);
                    rest = after;
                }
                None => {
                    push_text(&mut self.out, "<@");
                    rest = after;
                }
            }
        }
        push_linked(&mut self.out, rest);
    }

    fn open(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.out.push_str("<p>"),
            // A chat has no chapters: all headings look the same.
            Tag::Heading { .. } => self.out.push_str("<p class=\"heading\"><strong>"),
            Tag::BlockQuote(_) => self.nest("<blockquote>"),
            Tag::List(Some(1)) => self.nest("<ol>"),
            Tag::List(Some(first)) => self.nest(&format!("<ol start=\"{first}\">")),
            Tag::List(None) => self.nest("<ul>"),
            Tag::Item if self.depth <= DEPTH_MAX => self.out.push_str("<li>"),
            Tag::CodeBlock(kind) => self.open_code(&kind),
            Tag::Table(columns) => {
                (self.columns, self.rows) = (columns, 0);
                self.out.push_str("<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table>");
            }
            Tag::TableHead => {
                (self.in_head, self.column) = (true, 0);
                self.out.push_str("<thead><tr>");
            }
            Tag::TableRow => {
                (self.column, self.rows) = (0, self.rows + 1);
                if self.rows <= ROWS_MAX {
                    self.out.push_str("<tr>");
                }
            }
            Tag::TableCell => {
                let align = match self.columns.get(self.column) {
                    Some(Alignment::Right) => " class=\"right\"",
                    Some(Alignment::Center) => " class=\"center\"",
                    _ => "",
                };
                self.out.push_str(if self.in_head { "<th" } else { "<td" });
                self.out.push_str(align);
                self.out.push('>');
            }
            Tag::Emphasis => self.out.push_str("<em>"),
            Tag::Strong => self.out.push_str("<strong>"),
            Tag::Strikethrough => self.out.push_str("<del>"),
            Tag::Link { dest_url, .. } => self.open_link(&dest_url),
            Tag::Image { dest_url, .. } => {
                self.open_link(&dest_url);
                self.pictures.push(dest_url.into_string());
                self.out.push_str("<span class=\"picture\">picture: ");
            }
            _ => {}
        }
    }

    fn close(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.out.push_str("</p>"),
            TagEnd::Heading(_) => self.out.push_str("</strong></p>"),
            TagEnd::BlockQuote(_) => self.unnest("</blockquote>"),
            TagEnd::List(true) => self.unnest("</ol>"),
            TagEnd::List(false) => self.unnest("</ul>"),
            TagEnd::Item if self.depth <= DEPTH_MAX => self.out.push_str("</li>"),
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.out.push_str("</code></pre>");
            }
            TagEnd::Table => self.close_table(),
            TagEnd::TableHead => {
                self.in_head = false;
                self.out.push_str("</tr></thead><tbody>");
            }
            TagEnd::TableRow => self.out.push_str("</tr>"),
            TagEnd::TableCell => {
                self.column += 1;
                self.out.push_str(if self.in_head { "</th>" } else { "</td>" });
            }
            TagEnd::Emphasis => self.out.push_str("</em>"),
            TagEnd::Strong => self.out.push_str("</strong>"),
            TagEnd::Strikethrough => self.out.push_str("</del>"),
            TagEnd::Link => self.close_link(),
            TagEnd::Image => {
                self.pictures.pop();
                self.out.push_str("</span>");
                self.close_link();
            }
            _ => {}
        }
    }

    fn nest(&mut self, tag: &str) {
        self.depth += 1;
        if self.depth <= DEPTH_MAX {
            self.out.push_str(tag);
        }
    }

    fn unnest(&mut self, tag: &str) {
        if self.depth <= DEPTH_MAX {
            self.out.push_str(tag);
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn open_code(&mut self, kind: &CodeBlockKind<'_>) {
        self.in_code = true;
        let info = match kind {
            CodeBlockKind::Fenced(info) => info.split_whitespace().next().unwrap_or_default(),
            CodeBlockKind::Indented => "",
        };
        let language: String = info.chars().take(LANGUAGE_CHARS_MAX).collect();
        self.out.push_str("<pre tabindex=\"0\"");
        if !language.is_empty() {
            self.out.push_str(" data-language=\"");
            push_text(&mut self.out, &language);
            self.out.push('"');
        }
        self.out.push_str("><code>");
    }

    fn close_table(&mut self) {
        let more = self.rows.saturating_sub(ROWS_MAX);
        self.out.push_str("</tbody></table></div>");
        if more > 0 {
            self.out.push_str(&format!("<p class=\"note\">{more} more rows are not shown.</p>"));
        }
        self.rows = 0;
    }

    /// Within another link, or where it may not lead, a link is its text.
    fn open_link(&mut self, url: &str) {
        let follows = is_safe_link(url) && !self.links.contains(&true);
        if follows {
            open_link(&mut self.out, url);
        }
        self.links.push(follows);
    }

    fn close_link(&mut self) {
        if self.links.pop() == Some(true) {
            self.out.push_str("</a>");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(markdown: &str, html: &str) {
        assert_eq!(draw(markdown, &Names::default()), html);
    }

    #[test]
    fn markdown_is_drawn() {
        check("**a** _b_ ~~c~~ `d<`", "<p><strong>a</strong> <em>b</em> <del>c</del> <code>d&lt;</code></p>");
        check("# Hi\none\ntwo", "<p class=\"heading\"><strong>Hi</strong></p><p>one<br>two</p>");
        check("- a\n- b", "<ul><li>a</li><li>b</li></ul>");
        check("3. a\n4. b", "<ol start=\"3\"><li>a</li><li>b</li></ol>");
        check("> a", "<blockquote><p>a</p></blockquote>");
        check("- [x] a", "<ul><li>☑ a</li></ul>");
        check(
            "```rust\nlet a = \"<\";\n```",
            "<pre tabindex=\"0\" data-language=\"rust\"><code>let a = &quot;&lt;&quot;;\n</code></pre>",
        );
        check(
            "|a|b|\n|---|--:|\n|1|2|",
            "<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><thead><tr><th>a</th><th class=\"right\">b</th></tr></thead>\
             <tbody><tr><td>1</td><td class=\"right\">2</td></tr></tbody></table></div>",
        );
    }

    #[test]
    fn raw_html_is_text() {
        check("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>");
        check("a <img src=x onerror=alert(1)> b", "<p>a &lt;img src=x onerror=alert(1)&gt; b</p>");
        check("```<script>\nx\n```", "<pre tabindex=\"0\" data-language=\"&lt;script&gt;\"><code>x\n</code></pre>");
    }

    #[test]
    fn links_lead_to_the_web_only_and_pictures_are_not_loaded() {
        let link = |url: &str, text: &str| {
            format!("<p><a href=\"{url}\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">{text}</a></p>")
        };
        check("[a](https://x.example/?a=1&b=2)", &link("https://x.example/?a=1&amp;b=2", "a"));
        check("https://x.example", &link("https://x.example", "https://x.example"));
        check("[a](javascript:alert(1))", "<p>a</p>");
        check("[a](JaVaScRiPt:alert(1))", "<p>a</p>");
        check("[a](data:text/html;base64,x)", "<p>a</p>");
        check("<javascript:alert(1)>", "<p>javascript:alert(1)</p>");
        check(
            "![cat](https://x.example/c.png)",
            &link("https://x.example/c.png", "<span class=\"picture\">picture: cat</span>"),
        );
        check("![cat](javascript:alert(1))", "<p><span class=\"picture\">picture: cat</span></p>");
        let nested = draw("[![cat](https://x.example/c.png)](https://y.example)", &Names::default());
        assert_eq!(nested.matches("<a ").count(), 1, "{nested}");
        assert!(!nested.contains("<img"));
    }

    #[test]
    fn mentions_have_names() {
        let names = Names::new([("U1".to_owned(), "ana".to_owned())].into(), "ben");
        assert_eq!(draw("hi \\<@U1>", &names), "<p>hi <span class=\"mention\">@ana</span></p>");
    }

    #[test]
    fn huge_tables_and_deep_quotes_are_bounded() {
        let rows = "|1|2|\n".repeat(5_000);
        let table = draw(&format!("|a|b|\n|---|---|\n{rows}\nafter"), &Names::default());
        assert_eq!(table.matches("<tr>").count(), 1 + ROWS_MAX);
        assert!(table.ends_with("4800 more rows are not shown.</p><p>after</p>"), "{}", &table[table.len() - 200..]);
        let deep = draw(&format!("{} deep", ">".repeat(5_000)), &Names::default());
        assert_eq!(deep.matches("<blockquote>").count(), DEPTH_MAX);
        assert_eq!(deep.matches("</blockquote>").count(), DEPTH_MAX);
        assert!(deep.contains("deep"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_brings_in_a_tag_or_a_link_of_its_own(text in "(<|>|script|img |javascript:|https://x|\\[|\\]|\\(|\\)|!|`|\\||\\n|\"|'|&|#| |\\PC){0,60}") {
            let html = draw(&text, &Names::default());
            let ours = ["p", "strong", "em", "del", "ul", "ol", "li", "blockquote", "pre", "code", "a", "br", "hr", "div", "table", "thead", "tbody", "tr", "th", "td", "span"];
            for tag in html.split('<').skip(1) {
                let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
                proptest::prop_assert!(ours.contains(&name.as_str()), "{name} in {html}");
            }
            for link in html.split("href=\"").skip(1) {
                proptest::prop_assert!(link.starts_with("http") || link.starts_with("mailto:"), "{html}");
            }
        }
    }
}
