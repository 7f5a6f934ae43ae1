//! The model of `chathakase demo`: rules instead of a language model, and nothing to know but what a request holds.
//!
//! It says so when asked. What it recalls was in the messages it was sent for this very answer, so a person can see with it
//! what the assistant remembers of a thread, and that it remembers nothing of the others.

mod facts;
mod history;
mod pages;
mod rules;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chathakase_session::time::SharedClock;

use self::history::History;
use super::{MessageSeen, ScriptedModel};

/// The pause after each word, unless [`ScriptedModel::paced`] says otherwise: about as fast as a quick model.
pub const WORD_PAUSE: Duration = Duration::from_millis(15);

/// Requests the demo's model keeps: it runs for as long as somebody plays with it.
const REQUESTS_KEPT_MAX: usize = 20;

/// Messages that came since our last answer and are answered together, newest last.
const ANSWERED_TOGETHER_MAX: usize = 3;

/// Starts a server on a free port of 127.0.0.1 that answers by [`answer`], word by word. Panics if there is no port.
pub async fn start(clock: SharedClock) -> ScriptedModel {
    let model = ScriptedModel::start(clock).await;
    model.answers_by(|request| answer(&request.messages)).paced(WORD_PAUSE).keeps_requests(REQUESTS_KEPT_MAX);
    model
}

/// Answers the newest messages of a request, in Markdown. Never empty.
pub fn answer(messages: &[MessageSeen]) -> String {
    let history = History::new(messages);
    let waiting = history.waiting();
    let Some((newest, before)) = waiting.split_last() else {
        return rules::nothing_asked();
    };
    let before = &before[before.len().saturating_sub(ANSWERED_TOGETHER_MAX - 1)..];
    let mut answers: Vec<String> = before.iter().filter_map(|said| rules::find(&history, said)).collect();
    answers.push(rules::find(&history, newest).unwrap_or_else(|| rules::otherwise(&history, newest)));
    answers.join("\n\n")
}
