//! The only part of the demo that writes to the terminal.

use std::{
    io::{self, Write},
    time::Duration,
};

use chathakase_session::time::SharedClock;

use super::{look::Look, view::Stroke};

/// The pause after each word on a terminal: a quick reader's pace.
const WORD_PAUSE: Duration = Duration::from_millis(28);
/// The longest that one drawing takes: less than passes between two steps of a stream, so that what is seen here is never behind,
/// and nobody who presses a button of the page waits for it.
const DRAWN_WITHIN: Duration = Duration::from_millis(800);

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
        let pause = pause_of(strokes.iter().filter(|stroke| matches!(stroke, Stroke::Word(_))).count());
        for stroke in strokes {
            match stroke {
                Stroke::Quick(text) => write(&text)?,
                Stroke::Word(word) => {
                    write(&word)?;
                    if self.look.live {
                        self.clock.sleep(pause).await;
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

/// The pause after each of so many words.
fn pause_of(words: usize) -> Duration {
    let words = u32::try_from(words).unwrap_or(u32::MAX);
    WORD_PAUSE.min(DRAWN_WITHIN / words.max(1))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_drawn_within_a_second_and_a_short_one_at_a_readers_pace() {
        for words in [0, 1, 10, 28] {
            assert_eq!(pause_of(words), WORD_PAUSE, "{words} words");
        }
        for words in [29, 100, 3_000, 1_000_000] {
            assert!(pause_of(words) * u32::try_from(words).unwrap() <= DRAWN_WITHIN, "{words} words");
        }
    }
}
