//! The line that somebody types at a terminal, from bytes. Decides only.
//!
//! The terminal does not show what is typed by itself: it would stand in the middle of an answer that grows.

use std::mem;

/// Longest line in bytes; Slack's longest message has 40,000 characters.
const BYTES_MAX: usize = 1 << 17;

/// What the typing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// The line looks different.
    Changed,
    /// A line was ended.
    Line(String),
    /// No more will be typed.
    End,
}

/// A line under way.
#[derive(Debug, Default)]
pub(crate) struct Line {
    text: String,
    /// Bytes of a character that is not whole yet.
    part: Vec<u8>,
    /// Within a sequence that an arrow or a function key sends: how far.
    escape: Option<usize>,
}

impl Line {
    /// As far as it was typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Takes what was typed.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<Got> {
        let mut got = Vec::new();
        for byte in bytes {
            match self.byte(*byte) {
                Some(Got::Changed) if got.last() == Some(&Got::Changed) => {}
                more => got.extend(more),
            }
        }
        got
    }

    fn byte(&mut self, byte: u8) -> Option<Got> {
        if let Some(length) = self.escape {
            // `ESC [` and parameters up to a letter, or `ESC` and one letter.
            let goes_on =
                (length == 0 && matches!(byte, b'[' | b'O')) || (length > 0 && !(0x40..=0x7e).contains(&byte));
            self.escape = goes_on.then_some(length + 1);
            return None;
        }
        match byte {
            0x1b => self.escape = Some(0),
            b'\r' | b'\n' => return Some(Got::Line(mem::take(&mut self.text))),
            0x04 => return self.text.is_empty().then_some(Got::End),
            0x7f | 0x08 => return self.text.pop().map(|_| Got::Changed),
            // Ctrl-U and Ctrl-W, as a terminal has them.
            0x15 => self.text.clear(),
            0x17 => self.text.truncate(self.text.trim_end().rfind(' ').map_or(0, |at| at + 1)),
            b'\t' => self.push(' '),
            byte if byte < 0x20 => return None,
            byte => {
                self.part.push(byte);
                match std::str::from_utf8(&self.part).map(str::to_owned) {
                    Ok(whole) => {
                        self.part.clear();
                        whole.chars().for_each(|c| self.push(c));
                    }
                    Err(error) if error.error_len().is_some() => self.part.clear(),
                    Err(_) => return None,
                }
            }
        }
        Some(Got::Changed)
    }

    fn push(&mut self, c: char) {
        if self.text.len() < BYTES_MAX && !c.is_control() {
            self.text.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, left: &str) {
        let mut line = Line::default();
        line.take(typed.as_bytes());
        assert_eq!(line.text(), left, "{typed:?}");
    }

    #[test]
    fn what_is_typed_can_be_taken_back() {
        check("héllo", "héllo");
        check("ab\x7fc", "ac");
        check("日本\x7f", "日");
        check("one two \x17three", "one three");
        check("one\x17", "");
        check("one\x15two", "two");
        check("a\x1b[Ab\x1b[1;5Cc\x1bOPd\x1bxe", "abcde");
        check("a\tb\x01", "a b");
    }

    #[test]
    fn lines_come_one_by_one_and_the_rest_stays() {
        let mut line = Line::default();
        let text = |text: &str| Got::Line(text.to_owned());
        assert_eq!(line.take(b"one\rtwo\nthr"), [Got::Changed, text("one"), Got::Changed, text("two"), Got::Changed]);
        assert_eq!(line.take(b"\x04"), [], "an end in the middle of a line is none");
        assert_eq!(line.take("\u{e9}".as_bytes().split_at(1).0), []);
        assert_eq!(line.take("\u{e9}".as_bytes().split_at(1).1), [Got::Changed]);
        assert_eq!(line.take(b"\r\x04"), [text("thr\u{e9}"), Got::End]);
    }

    proptest::proptest! {
        #[test]
        fn no_typing_breaks_it(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let mut line = Line::default();
            line.take(&bytes);
            proptest::prop_assert!(!line.text().chars().any(char::is_control));
        }
    }
}
