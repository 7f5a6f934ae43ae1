//! An answer on its way.

use std::{fmt, sync::Arc, time::Duration};

use chathakase_session::time;
use reqwest::header::CONTENT_TYPE;

use crate::{
    ChatMessage, Finish, ModelError, Piece, Waiting,
    answer::Answer,
    client::Shared,
    deadline::{Deadline, Passed},
    veil::Veil,
};

/// Longest wait for the usage and the end of the stream after the model has finished.
const END_WAIT_MAX: Duration = Duration::from_secs(2);

/// An answer on its way. Its first text is already here: whatever could be tried again lies behind.
///
/// Dropping it closes the connection, and with it ends the work of the model's server.
pub struct Stream {
    shared: Arc<Shared>,
    /// `None` once nothing more is to be read.
    response: Option<reqwest::Response>,
    answer: Answer,
    deadline: Deadline,
    turn_at: Duration,
    /// How it ended, until it has been told.
    end: Option<Result<Finish, ModelError>>,
    /// What was asked: a server that fails in the middle may quote it.
    asked: Arc<[ChatMessage]>,
}

impl Stream {
    pub(crate) fn new(shared: Arc<Shared>, response: reqwest::Response, deadline: Deadline, turn_at: Duration) -> Self {
        let content_type =
            response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let answer = Answer::new(content_type);
        Self { shared, response: Some(response), answer, deadline, turn_at, end: None, asked: Arc::default() }
    }

    /// What came next: all text that has arrived, or the end. `None` after [`Piece::Finished`] or an error.
    ///
    /// An error does not undo the text before it. The call may be cancelled at any time without losing anything.
    pub async fn next(&mut self) -> Option<Result<Piece, ModelError>> {
        self.deadline.excuse();
        loop {
            if let Some(text) = self.answer.take_text() {
                return Some(Ok(Piece::Text(text)));
            }
            if let Some(end) = self.end.take() {
                return Some(end.map(Piece::Finished));
            }
            self.response.as_ref()?;
            let (shared, asked) = (self.shared.clone(), self.asked.clone());
            self.read_on(Veil { key: shared.config.api_key.as_ref(), messages: &asked }).await;
        }
    }

    /// Waits for the first text. An error that comes before it is given back here.
    pub(crate) async fn begun(mut self, veil: Veil<'_>) -> Result<Self, ModelError> {
        while !self.answer.has_text() {
            match self.end.take() {
                Some(Err(error)) => return Err(error),
                Some(Ok(finish)) => {
                    self.end = Some(Ok(finish));
                    break;
                }
                None => self.read_on(veil).await,
            }
        }
        self.asked = veil.messages.into();
        Ok(self)
    }

    async fn read_on(&mut self, veil: Veil<'_>) {
        let Some(response) = self.response.as_mut() else { return };
        let tokens_before = self.answer.tokens();
        let was_complete = self.answer.is_complete();
        if !was_complete && self.deadline.now() >= self.turn_at {
            return self.end_with(Err(self.timed_out()));
        }
        match self.deadline.guard(response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                if let Err(error) = self.answer.push(&bytes, veil) {
                    return self.end_with(Err(error));
                }
            }
            Ok(Ok(None)) => {
                let end = self.answer.close(veil);
                return self.end_with(end);
            }
            Ok(Err(cause)) => {
                let end = self.answer.conclude().map_err(|error| cut_off_by(error, cause));
                return self.end_with(end);
            }
            Err(Passed) => {
                let end = if was_complete { self.answer.conclude() } else { Err(self.timed_out()) };
                return self.end_with(end);
            }
        }
        if self.answer.is_done() {
            self.release();
            let end = self.answer.conclude();
            return self.end_with(end);
        }
        self.move_deadline(tokens_before, was_complete);
    }

    fn move_deadline(&mut self, tokens_before: u64, was_complete: bool) {
        let wait = if self.answer.is_complete() {
            (!was_complete).then_some(END_WAIT_MAX)
        } else {
            (self.answer.tokens() > tokens_before).then_some(self.shared.config.between_tokens_max)
        };
        if let Some(wait) = wait {
            self.deadline.set(self.turn_at.min(self.deadline.now() + wait));
        }
    }

    /// Reads the end of the body beside the work that goes on, so that the connection can serve the next request: a new
    /// one costs that request several round trips.
    fn release(&mut self) {
        let Some(mut response) = self.response.take() else { return };
        let clock = self.shared.clock.clone();
        tokio::spawn(async move {
            let end = async { while let Ok(Some(_)) = response.chunk().await {} };
            let _ = time::timeout(&*clock, END_WAIT_MAX, end).await;
        });
    }

    fn end_with(&mut self, end: Result<Finish, ModelError>) {
        self.shared.note(end.as_ref().map(|_| ()));
        self.response = None;
        self.end = Some(end);
    }

    fn timed_out(&self) -> ModelError {
        let config = &self.shared.config;
        let (waiting, limit) = if self.deadline.now() >= self.turn_at {
            (Waiting::WholeAnswer, config.turn_max)
        } else if self.answer.tokens() > 0 {
            (Waiting::NextToken, config.between_tokens_max)
        } else {
            (Waiting::FirstToken, config.first_token_max)
        };
        ModelError::TimedOut { waiting, limit }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.response.is_some() {
            self.shared.note_stopped();
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("tokens", &self.answer.tokens()).field("open", &self.response.is_some()).finish()
    }
}

/// The network's error is why the answer is not complete.
fn cut_off_by(error: ModelError, cause: reqwest::Error) -> ModelError {
    match error {
        ModelError::CutOff { .. } => ModelError::CutOff { cause: Some(cause.without_url()) },
        other => other,
    }
}
