//! The words of a session, in one buffer.

use std::ops::Range;

/// Below this many dead bytes nothing is moved together.
const DEAD_MIN: usize = 4096;

/// The least that a buffer grows by: a first question and its answer.
const FIRST_BYTES: usize = 512;

/// Holds texts one behind the other: one allocation for a whole session makes it small, and quick to drop.
///
/// A text that is let go leaves a hole. When half is holes, the rest is moved together, so that the cost of that
/// is borne by as many bytes of changes before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    buffer: String,
    dead: usize,
}

impl Texts {
    pub(super) fn push(&mut self, text: &str) -> Range<usize> {
        reserve(&mut self.buffer, text.len());
        let start = self.buffer.len();
        self.buffer.push_str(text);
        start..self.buffer.len()
    }

    pub(super) fn get(&self, at: &Range<usize>) -> &str {
        &self.buffer[at.clone()]
    }

    /// Lets the text at `at` go. [`Texts::tidy`] must follow.
    pub(super) fn let_go(&mut self, at: &Range<usize>) {
        self.dead += at.len();
    }

    /// Moves what still lives together if it is worth it. `living` are the places of all texts that were not let go.
    pub(super) fn tidy<'r>(&mut self, living: impl Iterator<Item = &'r mut Range<usize>>) {
        if self.dead == self.buffer.len() {
            *self = Self::default();
            living.for_each(|at| *at = 0..0);
            return;
        }
        if self.dead < DEAD_MIN || self.dead * 2 < self.buffer.len() {
            return;
        }
        let mut together = String::with_capacity(self.buffer.len() - self.dead);
        for at in living {
            let start = together.len();
            together.push_str(&self.buffer[at.clone()]);
            *at = start..together.len();
        }
        *self = Self { buffer: together, dead: 0 };
    }
}

/// Makes room for `more` bytes, growing by half: doubling would leave a third of the memory unused on average, and growing
/// by less would copy more often.
fn reserve(buffer: &mut String, more: usize) {
    if buffer.capacity() - buffer.len() < more {
        buffer.reserve_exact(more.max(buffer.len() / 2).max(FIRST_BYTES));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_closed_once_they_are_half_and_the_rest_stays_readable() {
        let mut texts = Texts::default();
        let word = |n: usize| format!("{n}").repeat(1000);
        let mut places: Vec<_> = (0..10).map(|n| texts.push(&word(n))).collect();
        for (left, held) in [(9, 10_000), (8, 10_000), (7, 10_000), (6, 10_000), (5, 5000), (4, 5000), (3, 5000)] {
            texts.let_go(&places.remove(0));
            texts.tidy(places.iter_mut());
            assert_eq!((texts.buffer.len(), places.len()), (held, left));
            assert!(places.iter().rev().zip((0..10).rev()).all(|(place, n)| texts.get(place) == word(n)));
        }
        places.drain(..).for_each(|place| texts.let_go(&place));
        texts.tidy([].into_iter());
        assert_eq!(texts.buffer.capacity(), 0, "nothing left holds no memory");
    }
}
