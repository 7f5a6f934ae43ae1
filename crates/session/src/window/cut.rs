//! A text that is too long loses its middle.

use unicode_segmentation::GraphemeCursor;

use crate::TokenCounter;

/// Longest mark that stands in place of a middle, in bytes.
pub(super) const CUT_MARK_BYTES_MAX: usize = 64;
/// Least that must be left of a text, in bytes or tokens; less than this tells nobody anything.
const KEEP_MIN: usize = 8;
/// How often a better guess is made at how much fits.
const GUESSES_MAX: usize = 4;

/// What is left of a text, and how many tokens it has at most.
#[derive(Debug)]
pub(super) struct Shortened {
    pub(super) text: String,
    pub(super) tokens: usize,
}

/// Takes the middle out of `text`, so that what is left has at most `tokens_max` tokens and `bytes_max` bytes, a mark of
/// what is missing included. `None` if next to nothing would be left.
pub(super) fn shorten(
    text: &str,
    tokens_max: usize,
    bytes_max: usize,
    counter: &dyn TokenCounter,
) -> Option<Shortened> {
    let tokens_max = tokens_max.checked_sub(CUT_MARK_BYTES_MAX)?;
    let bytes_max = bytes_max.checked_sub(CUT_MARK_BYTES_MAX)?.min(text.len().saturating_sub(1));
    if tokens_max.min(bytes_max) < KEEP_MIN {
        return None;
    }
    let mut keep = bytes_max;
    // Where the bytes fit, the tokens do, and nothing need be counted.
    let guesses = if bytes_max <= tokens_max { 0 } else { GUESSES_MAX };
    for _ in 0..guesses {
        let (head, tail) = ends(text, keep);
        let tokens = counter.count(head) + counter.count(tail);
        if tokens <= tokens_max {
            return Some(joined(text, head, tail, tokens));
        }
        keep = scale(keep, tokens_max, tokens);
    }
    let (head, tail) = ends(text, keep.min(tokens_max));
    Some(joined(text, head, tail, head.len() + tail.len()))
}

fn joined(text: &str, head: &str, tail: &str, tokens: usize) -> Shortened {
    let mark = mark(&text[head.len()..text.len() - tail.len()]);
    Shortened { text: format!("{head}{mark}{tail}"), tokens: tokens + mark.len() }
}

/// A little less than `keep * part / whole`.
fn scale(keep: usize, part: usize, whole: usize) -> usize {
    let scaled = keep as u128 * part as u128 * 15 / (whole.max(1) as u128 * 16);
    usize::try_from(scaled).unwrap_or(keep)
}

/// The beginning and the end of `text`, together at most `keep` bytes; no character, and nothing that is read as one (an
/// emoji of several, a letter with its accents), is torn.
fn ends(text: &str, keep: usize) -> (&str, &str) {
    let head = boundary(text, keep.div_ceil(2), Side::Before);
    let tail = boundary(text, text.len() - keep / 2, Side::Behind);
    (&text[..head], &text[tail.max(head)..])
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    Behind,
}

/// The place between two readable characters that is nearest to `at` on one side.
fn boundary(text: &str, at: usize, side: Side) -> usize {
    let at = match side {
        Side::Before => text.floor_char_boundary(at),
        Side::Behind => text.ceil_char_boundary(at),
    };
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    if matches!(cursor.is_boundary(text, 0), Ok(true)) {
        return at;
    }
    match side {
        Side::Before => cursor.prev_boundary(text, 0).ok().flatten().unwrap_or(0),
        Side::Behind => cursor.next_boundary(text, 0).ok().flatten().unwrap_or(text.len()),
    }
}

fn mark(middle: &str) -> String {
    format!("\n[… {} characters are left out here …]\n", middle.chars().count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tokens::BytesAsTokens;

    fn cut(text: &str, max: usize) -> Option<String> {
        shorten(text, max, usize::MAX, &BytesAsTokens).map(|shortened| shortened.text)
    }

    #[test]
    fn the_ends_stay_and_the_middle_is_named() {
        let text = format!("start{}end", "-".repeat(1000));
        assert_eq!(
            cut(&text, CUT_MARK_BYTES_MAX + 20).unwrap(),
            "start----\n[… 990 characters are left out here …]\n------end"
        );
    }

    #[test]
    fn what_is_read_as_one_character_is_not_torn() {
        let family = "👨\u{200D}👩\u{200D}👧";
        let text = family.repeat(100);
        let left = cut(&text, CUT_MARK_BYTES_MAX + 50).unwrap();
        let (head, rest) = left.split_once('\n').unwrap();
        let (_, tail) = rest.split_once('\n').unwrap();
        assert_eq!((head, tail), (family, family));
    }

    #[test]
    fn the_ends_have_no_more_bytes_than_asked_for() {
        for text in ["aé👩\u{200D}🚀".repeat(20), "שלום ".repeat(30), "e\u{301}".repeat(50), "x".repeat(100)] {
            for keep in 0..text.len() {
                let (head, tail) = ends(&text, keep);
                assert!(head.len() + tail.len() <= keep && text.starts_with(head) && text.ends_with(tail));
            }
        }
    }

    #[test]
    fn a_count_that_no_guess_predicts_is_kept_to_all_the_same() {
        struct Capped;
        impl TokenCounter for Capped {
            fn count(&self, text: &str) -> usize {
                text.len().min(50)
            }
        }
        let left = shorten(&"x".repeat(1_000_000), CUT_MARK_BYTES_MAX + 20, usize::MAX, &Capped).unwrap();
        assert!(left.tokens <= CUT_MARK_BYTES_MAX + 20, "{}", left.tokens);
    }

    #[test]
    fn next_to_nothing_is_not_worth_a_mark() {
        assert_eq!(cut(&"x".repeat(1000), CUT_MARK_BYTES_MAX + KEEP_MIN - 1), None);
        assert!(cut(&"x".repeat(1000), CUT_MARK_BYTES_MAX + KEEP_MIN).is_some());
    }

    #[test]
    fn the_mark_never_exceeds_what_is_set_aside_for_it() {
        assert!(format!("\n[… {} characters are left out here …]\n", usize::MAX).len() <= CUT_MARK_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn what_is_left_keeps_to_both_limits(text in "(\\PC|[a-z]{9}|\n|👩\u{200D}🚀|e\u{301}){60,400}", tokens in 0..900_usize, bytes in 0..900_usize) {
            struct Quarter;
            impl TokenCounter for Quarter {
                fn count(&self, text: &str) -> usize {
                    text.len().div_ceil(4)
                }
            }
            if let Some(left) = shorten(&text, tokens, bytes, &Quarter) {
                prop_assert!(left.text.len() <= bytes && Quarter.count(&left.text) <= left.tokens && left.tokens <= tokens);
            }
        }
    }
}
