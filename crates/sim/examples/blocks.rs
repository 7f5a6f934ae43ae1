//! A page with a message of every kind of block, to look at. Prints its link, and ends with its input:
//! `cargo run -p chathakase-sim --example blocks`

use std::{
    error::Error,
    io::{self, Write},
    sync::Arc,
};

use chathakase_sim::{
    ManualClock,
    page::{self, Notes, Page},
    slack::{self, SmallSlack},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Arc::new(ManualClock::new());
    let slack = SmallSlack::start(slack::Options { clock: clock.clone(), ..slack::Options::default() }).await;
    slack.person("ana");
    let (thread, (presses, _pressed)) = (slack.post("ana", "#general", "Ship it?").await, mpsc::channel(1));
    let message =
        json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": "Ship it?", "blocks": blocks()});
    let client = reqwest::Client::builder().no_proxy().build()?;
    let post = client.post(format!("{}chat.postMessage", slack.api_url())).bearer_auth(slack.bot_token());
    let answer: Value = post.json(&message).send().await?.json().await?;
    if answer["ok"] != true {
        return Err(format!("the small Slack did not take the blocks: {answer}").into());
    }
    let page = Page::start(page::Options {
        port: 0,
        slack: slack.clone(),
        relay: None,
        model: "none".to_owned(),
        ideas: Vec::new(),
        faults: Vec::new(),
        presses,
        notes: Notes::new(clock),
        local_time: Arc::new(|_| "12:34".to_owned()),
    })
    .await?;
    writeln!(io::stdout(), "{}", page.link())?;
    tokio::task::spawn_blocking(|| io::read_to_string(io::stdin())).await??;
    Ok(())
}

fn blocks() -> Value {
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    let marks = |text: &str| json!({"type": "mrkdwn", "text": text});
    let button = |text: &str, style: &str| {
        let mut button = json!({"type": "button", "action_id": text, "text": plain(text)});
        if !style.is_empty() {
            button["style"] = style.into();
        }
        button
    };
    json!([
        {"type": "header", "text": plain("Release 0.4 waits for you")},
        {"type": "section", "text": marks("*12 changes*, all checks passed. See `CHANGELOG.md`."), "accessory": button("Details", "")},
        {"type": "section", "fields": [marks("*Who*\nana"), marks("*When*\ntoday"), marks("*Risk*\nlow"), marks("*Size*\n18 MB")]},
        {"type": "divider"},
        {"type": "actions", "elements": [button("Ship it", "primary"), button("Not yet", ""), button("Throw away", "danger")]},
        {"type": "image", "image_url": "https://example.com/chart.png", "alt_text": "a chart of the last week"},
        {"type": "context", "elements": [marks("Asked by the release bot"), plain("in #general")]},
        {"type": "context_actions", "elements": [{"type": "feedback_buttons", "action_id": "feedback",
            "positive_button": {"text": plain("Good"), "value": "good"}, "negative_button": {"text": plain("Bad"), "value": "bad"}}]},
    ])
}
