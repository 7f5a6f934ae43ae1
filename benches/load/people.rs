//! Those who ask, each in a thread of their own, and look at what they are answered.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chathakase_sim::slack::{SmallSlack, Thread};

use crate::{
    ear::{Ear, Listener},
    said,
};

/// Longest wait for an answer. One that takes longer counts as lost.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(60);
const CHANNEL: &str = "#general";

/// A person and the thread they talk in.
pub(crate) struct Talk {
    number: usize,
    who: String,
    turns: usize,
    place: Option<(Thread, Listener)>,
}

/// One turn as it was felt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// From the moment the event was due to its acknowledgement.
    pub(crate) ack: Duration,
    /// From the moment the event was due to the first words in the thread.
    pub(crate) first_text: Duration,
    pub(crate) streamed: bool,
    pub(crate) announced: bool,
}

impl Talk {
    /// The `number`th thread, of one of `people` people.
    pub(crate) fn new(number: usize, people: usize) -> Self {
        Self { number, who: format!("person {}", number % people), turns: 0, place: None }
    }

    /// Asks the next question, which was due at `due`, and checks the answer.
    pub(crate) async fn turn(&mut self, slack: &SmallSlack, ear: &Ear, due: Instant) -> anyhow::Result<Turn> {
        self.turns += 1;
        let turn = tokio::time::timeout(ANSWER_WAIT_MAX, self.ask(slack, ear, due)).await;
        turn.context("no answer came")
            .flatten()
            .with_context(|| format!("in turn {} of thread {}", self.turns, self.number))
    }

    async fn ask(&mut self, slack: &SmallSlack, ear: &Ear, due: Instant) -> anyhow::Result<Turn> {
        let question = said::question(self.number, self.turns);
        let (thread, mut listener) = match self.place.take() {
            Some((thread, listener)) => {
                thread.reply(&self.who, question).await;
                (thread, listener)
            }
            None => {
                let thread = slack.mention(&self.who, CHANNEL, question).await;
                let listener = ear.to(thread.root())?;
                (thread, listener)
            }
        };
        let ack = due.elapsed();
        let shown = listener.answer().await?;
        self.place = Some((thread, listener));
        let right = said::answer(self.number, self.turns);
        ensure!(shown.text == right, "the answer is {:?} and not {right:?}", shown.text);
        let first_text = shown.first.saturating_duration_since(due);
        Ok(Turn { ack, first_text, streamed: shown.streamed, announced: shown.announced })
    }
}
