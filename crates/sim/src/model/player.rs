//! Plays one turn to one client: turns its steps into the bytes of the body.

use std::{collections::VecDeque, io};

use bytes::Bytes;
use chathakase_session::time::SharedClock;
use futures_util::{Stream, stream};

use super::{
    script::{Progress, Step, TurnScript},
    wire::{DONE, Writer},
};

pub(crate) struct Player {
    steps: VecDeque<Step>,
    /// Bytes that are written but not yet sent, when they are sent in pieces.
    unsent: Bytes,
    piece_bytes_max: usize,
    writer: Writer,
    clock: SharedClock,
    /// Told how it ended. Turns that are computed have none.
    turn: Option<Ending>,
}

/// Marks the turn as abandoned when it is dropped before it was played.
pub(crate) struct Ending(pub(crate) TurnScript);

impl Drop for Ending {
    fn drop(&mut self) {
        if self.0.progress() == Progress::Playing {
            self.0.progress_to(Progress::Abandoned);
        }
    }
}

impl Player {
    pub(crate) fn new(steps: Vec<Step>, writer: Writer, clock: SharedClock) -> Self {
        Self { steps: steps.into(), unsent: Bytes::new(), piece_bytes_max: usize::MAX, writer, clock, turn: None }
    }

    /// Reports to `turn`, and sends no more than `piece_bytes_max` at once.
    pub(crate) fn for_turn(self, turn: TurnScript, piece_bytes_max: usize) -> Self {
        Self { turn: Some(Ending(turn)), piece_bytes_max, ..self }
    }

    /// The body.
    pub(crate) fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        stream::unfold(self, async |mut player| player.next().await.map(|bytes| (bytes, player)))
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        while self.unsent.is_empty() {
            let Some(step) = self.steps.pop_front() else {
                self.played();
                return None;
            };
            match self.play(step).await {
                Ok(bytes) => self.unsent = bytes,
                Err(cut) => return Some(Err(cut)),
            }
        }
        let piece = self.unsent.split_to(self.unsent.len().min(self.piece_bytes_max));
        if self.unsent.is_empty() && self.steps.is_empty() {
            // The client may close as soon as it has the last event; that is no giving up.
            self.played();
        }
        Some(Ok(piece))
    }

    async fn play(&mut self, step: Step) -> io::Result<Bytes> {
        let mut out = Vec::new();
        match step {
            Step::Text(text) => self.writer.delta(&mut out, &text),
            Step::Raw(bytes) => return Ok(bytes),
            Step::Finish(reason) => self.writer.finish(&mut out, &reason),
            Step::Done => out.extend_from_slice(DONE.as_bytes()),
            Step::Pause(wait) => self.clock.sleep(wait).await,
            Step::Silent => std::future::pending().await,
            Step::Gate(name) => {
                if let Some(Ending(turn)) = &self.turn {
                    turn.pass_gate(&name).await;
                }
            }
            Step::Cut => {
                // What was written before goes out while we wait; then the connection closes in the middle of the body.
                tokio::task::yield_now().await;
                self.played();
                return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the script cuts the stream here"));
            }
        }
        Ok(out.into())
    }

    fn played(&self) {
        if let Some(Ending(turn)) = &self.turn {
            turn.progress_to(Progress::Played);
        }
    }
}
