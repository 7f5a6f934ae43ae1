//! What a person wrote in Slack, as a model reads it, and the small questions that routing asks of a text.
//!
//! Slack: Formatting message text. Incoming text has `&`, `<` and `>` escaped, so a bare `<…>` is always Slack's own markup;
//! what we do not understand of it stays as it came.

mod pieces;
mod plain;
#[cfg(test)]
mod tests;

use chathakase_session::UserId;
use pieces::{Mark, Piece, pieces};
use unicode_segmentation::UnicodeSegmentation;

pub use plain::{Names, NoNames, plain};

/// Longest name that [`one_line_name`] gives, in visible characters.
pub const NAME_CHARS_MAX: usize = 40;
/// Longest such name in bytes: a visible character may be made of any number of code points.
pub const NAME_BYTES_MAX: usize = 240;

/// Whether the text mentions this user: `<@U1>` or `<@U1|name>`, and not merely something that looks like it.
pub fn mentions(text: &str, user: &UserId) -> bool {
    pieces(text).any(|piece| piece.person().is_some_and(|id| id == user.as_str()))
}

/// The text without the mentions of this user, trimmed; what set a leading mention off (`<@U1>, help`) goes with it.
///
/// Still Slack's text: give it to [`plain`] next.
pub fn without_mention(text: &str, user: &UserId) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut removed = false;
    for piece in pieces(text) {
        if piece.person().is_some_and(|id| id == user.as_str()) {
            removed = true;
            continue;
        }
        let mut raw = piece.raw();
        if std::mem::take(&mut removed) {
            if rest.trim().is_empty() {
                raw = raw.trim_start().trim_start_matches([',', ':', ';']);
            }
            if rest.is_empty() || rest.ends_with(char::is_whitespace) {
                raw = raw.trim_start_matches(' ');
            }
        }
        rest.push_str(raw);
    }
    rest.trim().to_owned()
}

/// Whether the text begins by addressing people, and `bot` is not among them: `<@U2> what do you think?`, `<@U2>, <@U3>: look`.
pub fn addresses_another(text: &str, bot: &UserId) -> bool {
    let mut others = false;
    for piece in pieces(text) {
        match piece {
            Piece::Mark { mark: Mark::Person { id, .. }, .. } if id == bot.as_str() => return false,
            Piece::Mark { mark: Mark::Person { .. }, .. } => others = true,
            Piece::Text(between) if between.chars().all(|c| c.is_whitespace() || ",;:&".contains(c)) => {}
            _ => break,
        }
    }
    others
}

/// Escapes text that we put into Slack's `mrkdwn` ourselves, so that it cannot ping or link.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A name that fits before what its owner says: one line, at most [`NAME_CHARS_MAX`] visible characters, nothing invisible that
/// could reorder or hide text. Empty when nothing is left.
pub fn one_line_name(name: &str) -> String {
    let shown = |c: char| !c.is_whitespace() && crate::render::is_unsafe(c);
    let spaced: String = name.chars().filter(|c| !shown(*c)).map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let mut line = String::new();
    for word in spaced.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let end = line.grapheme_indices(true).map(|(at, cluster)| at + cluster.len()).take(NAME_CHARS_MAX);
    let end = end.take_while(|end| *end <= NAME_BYTES_MAX).last().unwrap_or(0);
    line.truncate(end);
    line.truncate(line.trim_end().len());
    line
}
