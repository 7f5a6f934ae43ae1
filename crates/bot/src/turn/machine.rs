//! What a turn of the model does next: decides, and does nothing itself. No I/O, no clock, no await.

use chathakase_model::{ErrorKind, Finish, FinishReason, ModelError};
use chathakase_session::{
    message::Ending,
    store::{Closing, Usage},
    turn::Outcome,
};

use crate::texts;

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// The model said this.
    Text(String),
    /// The model is done.
    Finished(Finish),
    /// The model, or the way to it, failed; whatever could be tried again was.
    Failed(ModelError),
    /// A person stopped the answer.
    Stopped,
    /// Slack lets nothing be said there.
    NoPlace,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Bring this into the thread, after what is there.
    Show(String),
    /// Ask the model once more, with a smaller window.
    AskWithLess,
    /// Store this and bring the thread to show it. Nothing follows.
    Close(Closing),
}

/// The state of one turn.
#[derive(Debug)]
pub(crate) struct Machine {
    said: String,
    asked_with_less: bool,
    max_tokens: Option<u32>,
}

impl Machine {
    /// A turn whose model was just asked. `max_tokens` is the limit that people are told of.
    pub(crate) fn new(max_tokens: Option<u32>) -> Self {
        Self { said: String::new(), asked_with_less: false, max_tokens }
    }

    /// Decides.
    pub(crate) fn on(&mut self, event: Event) -> Effect {
        match event {
            Event::Text(text) => {
                self.said += &text;
                Effect::Show(text)
            }
            Event::Finished(finish) => self.finished(finish),
            Event::Failed(error) => self.failed(&error),
            Event::NoPlace => Effect::Close(self.closing(Outcome::Failed, Ending::Cut, None)),
            Event::Stopped => Effect::Close(self.closing(Outcome::Stopped, Ending::Stopped, None)),
        }
    }

    fn finished(&mut self, finish: Finish) -> Effect {
        let (ending, note) = match finish.reason {
            FinishReason::Length => (Ending::Length, Some(texts::answer_too_long(self.max_tokens))),
            FinishReason::ContentFilter => (Ending::ContentFilter, Some(texts::answer_filtered())),
            FinishReason::Stop | FinishReason::Other(_) => (Ending::Complete, None),
        };
        let usage = finish.usage.map(|u| Usage { prompt: u.prompt, completion: u.completion }).unwrap_or_default();
        Effect::Close(Closing { model: finish.model, usage, ..self.closing(Outcome::Answered, ending, note) })
    }

    fn failed(&mut self, error: &ModelError) -> Effect {
        let shown = !self.said.is_empty();
        if error.kind() == ErrorKind::TooLong && !shown && !self.asked_with_less {
            self.asked_with_less = true;
            return Effect::AskWithLess;
        }
        // What the thread has shown cannot be unsaid: it is kept, with its end marked, and the model is never asked again.
        let note = if shown { texts::answer_cut_off(error.kind()) } else { texts::model_failed(error.kind()) };
        Effect::Close(self.closing(Outcome::Failed, Ending::Cut, Some(note)))
    }

    fn closing(&mut self, outcome: Outcome, ending: Ending, note: Option<String>) -> Closing {
        Closing { outcome, text: std::mem::take(&mut self.said), ending, note, model: None, usage: Usage::default() }
    }
}
