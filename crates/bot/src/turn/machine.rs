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
    /// Say no more, and store what the thread shows. Nothing follows.
    Stop,
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
            Event::Stopped => Effect::Stop,
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

#[cfg(test)]
mod tests {
    use chathakase_model::Usage as ModelUsage;

    use super::*;

    fn text(text: &str) -> Event {
        Event::Text(text.into())
    }
    fn finished(reason: FinishReason) -> Event {
        let usage = Some(ModelUsage { prompt: 7, completion: 3, total: 10 });
        Event::Finished(Finish { reason, usage, model: Some("gpt-test".into()) })
    }
    fn too_long() -> Event {
        Event::Failed(ModelError::ContextTooLong { message: "long".into() })
    }
    fn cut_off() -> Event {
        Event::Failed(ModelError::CutOff { cause: None })
    }

    /// What the turn closes with after these events.
    #[track_caller]
    fn closes(events: impl IntoIterator<Item = Event>) -> Closing {
        let mut machine = Machine::new(Some(2000));
        for event in events {
            if let Effect::Close(closing) = machine.on(event) {
                return closing;
            }
        }
        panic!("nothing closed the turn");
    }

    #[test]
    fn an_answer_is_shown_as_it_comes_and_closed_whole_with_its_cost() {
        let mut machine = Machine::new(None);
        assert_eq!(machine.on(text("Hel")), Effect::Show("Hel".into()));
        assert_eq!(machine.on(text("lo.")), Effect::Show("lo.".into()));
        let Effect::Close(closing) = machine.on(finished(FinishReason::Stop)) else { panic!("not closed") };
        assert_eq!(
            (closing.text.as_str(), closing.outcome, closing.ending, closing.note),
            ("Hello.", Outcome::Answered, Ending::Complete, None)
        );
        assert_eq!((closing.usage, closing.model.as_deref()), (Usage { prompt: 7, completion: 3 }, Some("gpt-test")));
    }

    #[test]
    fn an_answer_that_a_limit_or_a_filter_ended_says_so() {
        let closing = closes([text("Once"), finished(FinishReason::Length)]);
        assert_eq!((closing.ending, closing.note), (Ending::Length, Some(texts::answer_too_long(Some(2000)))));
        let closing = closes([text("Once"), finished(FinishReason::ContentFilter)]);
        assert_eq!((closing.ending, closing.note), (Ending::ContentFilter, Some(texts::answer_filtered())));
    }

    #[test]
    fn what_was_shown_before_a_failure_is_kept_with_its_end_marked() {
        let closing = closes([text("Half"), cut_off()]);
        assert_eq!((closing.outcome, closing.ending, closing.text.as_str()), (Outcome::Failed, Ending::Cut, "Half"));
        assert_eq!(closing.note, Some(texts::answer_cut_off(ErrorKind::Broken)));
    }

    #[test]
    fn a_failure_before_any_text_leaves_only_our_notice() {
        let closing = closes([cut_off()]);
        assert_eq!((closing.text.as_str(), closing.note), ("", Some(texts::model_failed(ErrorKind::Broken))));
    }

    #[test]
    fn a_thread_too_long_is_asked_with_less_once_and_never_after_text() {
        let mut machine = Machine::new(None);
        assert_eq!(machine.on(too_long()), Effect::AskWithLess);
        assert!(matches!(machine.on(too_long()), Effect::Close(_)));
        assert_eq!(closes([text("Half"), too_long()]).text, "Half");
    }

    #[test]
    fn a_stopped_answer_ends_with_what_its_thread_shows() {
        let mut machine = Machine::new(None);
        assert_eq!(machine.on(text("Half")), Effect::Show("Half".into()));
        assert_eq!(machine.on(Event::Stopped), Effect::Stop);
    }
}
