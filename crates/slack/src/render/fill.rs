//! How good a place has to be, the fuller a part is, to end it there.

use super::PartLimits;

/// Room for the last pieces that must not be cut off from what stands before them; each kind of place is given at least as much.
const RESERVE_CHARS: usize = 24;
const RESERVE_BYTES: usize = 48;

/// How good a place must be to end the part there; each accepts those above it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// No place will do yet.
    Never,
    /// Before a paragraph or a code block.
    Paragraph,
    Line,
    Word,
    Anywhere,
    /// Also inside what belongs together: there is no more room.
    Forced,
}

/// From how full a part on each kind of place will do, in characters or in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill {
    paragraph: usize,
    line: usize,
    word: usize,
    anywhere: usize,
    forced: usize,
    /// The limit.
    pub full: usize,
}

impl Fill {
    pub(super) fn of_chars(limits: PartLimits) -> Self {
        Self::new(limits.chars_max.max(PartLimits::CHARS_LEAST), RESERVE_CHARS)
    }

    pub(super) fn of_bytes(limits: PartLimits) -> Self {
        Self::new(limits.bytes_max.max(PartLimits::BYTES_LEAST), RESERVE_BYTES)
    }

    fn new(full: usize, reserve: usize) -> Self {
        let percent = |share: usize| full / 100 * share;
        let forced = full - reserve;
        let anywhere = percent(98).min(forced - reserve);
        let word = percent(94).min(anywhere - reserve);
        let line = percent(85).min(word - reserve);
        let paragraph = percent(75).min(line - reserve);
        Self { paragraph, line, word, anywhere, forced, full }
    }

    pub(super) fn needs(&self, used: usize) -> Place {
        match used {
            used if used >= self.forced => Place::Forced,
            used if used >= self.anywhere => Place::Anywhere,
            used if used >= self.word => Place::Word,
            used if used >= self.line => Place::Line,
            used if used >= self.paragraph => Place::Paragraph,
            _ => Place::Never,
        }
    }
}
