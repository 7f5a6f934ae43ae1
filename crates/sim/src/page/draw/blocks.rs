//! Block Kit, as far as people see it. What is unknown is named, not hidden.

use maud::{Markup, PreEscaped, html};
use serde_json::Value;

use super::{markdown, mrkdwn, text::Names};

/// Blocks of one message that are drawn (Slack takes no more).
const BLOCKS_MAX: usize = 50;
/// Elements of one block that are drawn.
const ELEMENTS_MAX: usize = 25;

/// Draws a message's blocks.
pub(crate) fn draw(blocks: &Value, names: &Names) -> Markup {
    html! {
        @for block in each(blocks, BLOCKS_MAX) { (one(block, names)) }
    }
}

fn one(block: &Value, names: &Names) -> Markup {
    match kind(block) {
        "section" => html! {
            div.section {
                div.words {
                    (words(&block["text"], names))
                    @if let Some(fields) = block.get("fields") {
                        div.fields { @for field in each(fields, ELEMENTS_MAX) { div { (words(field, names)) } } }
                    }
                }
                @if let Some(element) = block.get("accessory") { (self::element(element, names)) }
            }
        },
        "header" => html! { p.heading { strong { (plain(&block["text"])) } } },
        "divider" => html! { hr; },
        "markdown" => PreEscaped(markdown::draw(block["text"].as_str().unwrap_or_default(), names)),
        "context" => html! {
            div.context { @for element in each(&block["elements"], ELEMENTS_MAX) { (self::element(element, names)) } }
        },
        "actions" | "context_actions" => html! {
            div.actions { @for element in each(&block["elements"], ELEMENTS_MAX) { (self::element(element, names)) } }
        },
        "rich_text" => html! {
            @for part in each(&block["elements"], ELEMENTS_MAX) {
                p { @for run in each(&part["elements"], ELEMENTS_MAX) { (plain(run)) } }
            }
        },
        "image" => html! { p.picture { "picture: " (block["alt_text"].as_str().unwrap_or("without a description")) } },
        other => html! { p.picture { "(a block of the kind “" (other) "”)" } },
    }
}

/// A button does nothing here: this Slack sends no presses.
fn element(element: &Value, names: &Names) -> Markup {
    let button = |label: Markup, style: &str| {
        html! { button.block-button.(style) type="button" aria-disabled="true" title="Presses are not sent by the demo's Slack" { (label) } }
    };
    match kind(element) {
        "mrkdwn" | "plain_text" => html! { span { (words(element, names)) } },
        "button" => {
            let style = match element["style"].as_str() {
                Some("primary") => "primary",
                Some("danger") => "danger",
                _ => "usual",
            };
            button(plain(&element["text"]), style)
        }
        "feedback_buttons" => html! {
            (button(html! { "👍 " (plain(&element["positive_button"]["text"])) }, "usual"))
            (button(html! { "👎 " (plain(&element["negative_button"]["text"])) }, "usual"))
        },
        "icon_button" => button(plain(&element["text"]), "usual"),
        "image" => {
            html! { span.picture { "picture: " (element["alt_text"].as_str().unwrap_or("without a description")) } }
        }
        other => html! { span.picture { "(" (other) ")" } },
    }
}

/// A text object, in the marks that it says it has.
fn words(text: &Value, names: &Names) -> Markup {
    match kind(text) {
        "mrkdwn" => PreEscaped(mrkdwn::draw(text["text"].as_str().unwrap_or_default(), names)),
        _ => plain(text),
    }
}

fn plain(text: &Value) -> Markup {
    html! { (text["text"].as_str().or(text.as_str()).unwrap_or_default()) }
}

fn kind(value: &Value) -> &str {
    value["type"].as_str().unwrap_or_default()
}

fn each(list: &Value, most: usize) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten().take(most)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_are_drawn_and_nothing_in_them_is_html() {
        let blocks = json!([
            {"type": "header", "text": {"type": "plain_text", "text": "<b>Hi</b>"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "*a* <javascript:x|y>"},
             "fields": [{"type": "plain_text", "text": "f"}],
             "accessory": {"type": "button", "style": "danger", "text": {"type": "plain_text", "text": "Press"}}},
            {"type": "divider"},
            {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Go"}}]},
            {"type": "context_actions", "elements": [{"type": "feedback_buttons",
                "positive_button": {"text": {"type": "plain_text", "text": "Good"}},
                "negative_button": {"text": {"type": "plain_text", "text": "Bad"}}}]},
            {"type": "markdown", "text": "**m**"},
            {"type": "image", "image_url": "https://x.example/a.png", "alt_text": "a cat"},
            {"type": "hologram"},
            7,
        ]);
        let html = draw(&blocks, &Names::default()).into_string();
        for part in [
            "&lt;b&gt;Hi&lt;/b&gt;",
            "<strong>a</strong>",
            "&lt;javascript:x|y&gt;",
            "<div>f</div>",
            "block-button danger",
            ">Press</button>",
            "<hr>",
            ">Go</button>",
            "👍 Good",
            "👎 Bad",
            "<strong>m</strong>",
            "picture: a cat",
            "“hologram”",
        ] {
            assert!(html.contains(part), "no {part} in {html}");
        }
        assert!(!html.contains("<img") && !html.contains("x.example"), "{html}");
        assert_eq!(draw(&json!("no list"), &Names::default()).into_string(), "");
    }
}
