//! The only part of the demo that writes to the terminal.

use std::{
    io::{self, Write},
    time::Duration,
};

use chathakase_session::time::SharedClock;

use super::{look::Look, view::Stroke};

/// The pause after each word on a terminal: a quick reader's pace.
const WORD_PAUSE: Duration = Duration::from_millis(28);

/// Standard output.
pub(crate) struct Screen {
    look: Look,
    clock: SharedClock,
}

impl Screen {
    pub(crate) fn new(look: Look, clock: SharedClock) -> Self {
        Self { look, clock }
    }

    pub(crate) fn look(&self) -> Look {
        self.look
    }

    /// Writes strokes, words with pauses where somebody watches.
    pub(crate) async fn draw(&self, strokes: Vec<Stroke>) -> io::Result<()> {
        for stroke in strokes {
            match stroke {
                Stroke::Quick(text) => write(&text)?,
                Stroke::Word(word) => {
                    write(&word)?;
                    if self.look.live {
                        self.clock.sleep(WORD_PAUSE).await;
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives whoever watches the time to read.
    pub(crate) async fn pause(&self, time: Duration) {
        if self.look.live {
            self.clock.sleep(time).await;
        }
    }
}

/// Ends whatever line was begun.
pub(crate) fn end_line() -> io::Result<()> {
    write("\n")
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
