use std::sync::Arc;

use serde_json::json;

use super::Requests;
use crate::{
    ManualClock,
    model::{ScriptedModel, TurnScript},
    relay::Relay,
    slack::{Options, SmallSlack, Thread},
};

/// People who ask, and an assistant's requests, without the assistant.
struct Stage {
    slack: SmallSlack,
    model: ScriptedModel,
    requests: Requests,
}

impl Stage {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(ManualClock::new());
        let slack = SmallSlack::start(Options { clock: clock.clone(), ..Options::default() }).await;
        let model = ScriptedModel::start(clock.clone()).await;
        let relay = Relay::start(&model.base_url(), clock).await.unwrap();
        Self { requests: Requests::new(relay, slack.clone()), slack, model }
    }

    /// The model is asked with these messages, and does not answer yet.
    async fn asked(&self, messages: &[(&str, &str)]) -> TurnScript {
        let turn = self.model.turn().gate("slow").text("Answer.");
        let messages: Vec<_> = messages.iter().map(|(role, text)| json!({"role": role, "content": text})).collect();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(format!("{}/chat/completions", self.requests.relay.base_url()));
        let request = request.json(&json!({"model": "m", "stream": true, "messages": messages}));
        // Whoever does not read on has gone away.
        tokio::spawn(async move { request.send().await?.bytes().await });
        turn.reached("slow").await;
        turn
    }

    /// The number of the newest request of a thread, and how many threads it may be about.
    fn last(&self, thread: &Thread) -> Option<(u64, usize)> {
        let about = self.requests.last(thread.channel(), Some(thread.root()))?;
        Some((about.exchange.number, about.threads))
    }
}

#[tokio::test]
async fn two_threads_that_ask_in_the_same_words_are_told_apart_by_what_is_being_answered() {
    let stage = Stage::new().await;
    let one = stage.slack.mention("ana", "#general", "hello").await;
    let _first = stage.asked(&[("user", "hello")]).await;
    assert_eq!(stage.last(&one), Some((1, 1)));
    let two = stage.slack.dm("ben", "hello").await;
    let _second = stage.asked(&[("user", "hello")]).await;
    assert_eq!((stage.last(&one), stage.last(&two)), (Some((1, 1)), Some((2, 1))));
}

#[tokio::test]
async fn two_threads_that_ask_in_the_same_words_are_told_apart_by_their_length() {
    let stage = Stage::new().await;
    let long = stage.slack.dm("ben", "good morning").await;
    long.reply("ben", "hello").await;
    let short = stage.slack.mention("ana", "#general", "hello").await;
    let _one = stage.asked(&[("user", "hello")]).await;
    let _other = stage.asked(&[("user", "good morning"), ("user", "hello")]).await;
    assert_eq!((stage.last(&short), stage.last(&long)), (Some((1, 1)), Some((2, 1))));
}

#[tokio::test]
async fn where_nothing_tells_two_threads_apart_both_are_shown_that_it_may_be_the_other() {
    let stage = Stage::new().await;
    let one = stage.slack.mention("ana", "#general", "hello").await;
    let two = stage.slack.dm("ben", "hello").await;
    let _first = stage.asked(&[("user", "hello")]).await;
    assert_eq!((stage.last(&one), stage.last(&two)), (Some((1, 2)), Some((1, 2))));
}
