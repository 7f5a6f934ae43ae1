//! From Slack's text to words.

use chathakase_session::{ChannelId, UserId};

use super::{
    one_line_name,
    pieces::{Mark, Piece, pieces},
};

/// Who and what the ids in a text are, as far as it is known without asking anybody.
pub trait Names {
    /// How a person is called.
    fn person(&self, id: &UserId) -> Option<String>;
    /// A channel's name, without `#`. Asked only where the text does not bring it.
    fn channel(&self, _id: &ChannelId) -> Option<String> {
        None
    }
    /// A user group's handle, without `@`. `id` begins with `S`. Asked only where the text does not bring it.
    fn group(&self, _id: &str) -> Option<String> {
        None
    }
}

/// Knows nobody: ids stay ids.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNames;

impl Names for NoNames {
    fn person(&self, _id: &UserId) -> Option<String> {
        None
    }
}

/// The text as a reader sees it: names for ids, links written out, `&amp;`, `&lt;` and `&gt;` undone once.
///
/// A person whom `names` does not know keeps the label that Slack sent, else the id (`@U1`).
pub fn plain(text: &str, names: &dyn Names) -> String {
    let mut words = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(escaped) => unescape(escaped, &mut words),
            Piece::Mark { mark, .. } => say(mark, names, &mut words),
        }
    }
    words
}

fn say(mark: Mark<'_>, names: &dyn Names, words: &mut String) {
    match mark {
        Mark::Person { id, label } => {
            let known = UserId::parse(id).ok().and_then(|id| names.person(&id));
            called('@', known, label, id, words);
        }
        Mark::Channel { id, label } => {
            let known =
                if label.is_none() { ChannelId::parse(id).ok().and_then(|id| names.channel(&id)) } else { None };
            called('#', known, label, id, words);
        }
        Mark::Group { id, label } => {
            let known = if label.is_none() { names.group(id) } else { None };
            called('@', known, label.map(|label| label.trim_start_matches('@')), id, words);
        }
        Mark::Shout(whom) => {
            words.push('@');
            words.push_str(whom);
        }
        Mark::Special { label } => unescape(label, words),
        Mark::Link { url, label } => link(url, label, words),
    }
}

fn called(sigil: char, known: Option<String>, label: Option<&str>, id: &str, words: &mut String) {
    words.push(sigil);
    let known = known.map(|name| one_line_name(&name)).filter(|name| !name.is_empty());
    match (known, label) {
        (Some(name), _) => words.push_str(&name),
        (None, Some(label)) => unescape(label, words),
        (None, None) => words.push_str(id),
    }
}

/// A label that says no more than the address is not said twice.
fn link(url: &str, label: Option<&str>, words: &mut String) {
    let address = url.strip_prefix("mailto:").or_else(|| url.strip_prefix("tel:")).unwrap_or(url);
    let Some(label) = label.filter(|label| *label != address && *label != url) else {
        return unescape(address, words);
    };
    unescape(label, words);
    let bare = address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/');
    if label.trim_end_matches('/') != bare {
        words.push_str(" (");
        unescape(address, words);
        words.push(')');
    }
}

fn unescape(escaped: &str, words: &mut String) {
    let mut rest = escaped;
    while let Some(at) = rest.find('&') {
        words.push_str(&rest[..at]);
        rest = &rest[at..];
        let (c, len) = match rest {
            _ if rest.starts_with("&amp;") => ('&', 5),
            _ if rest.starts_with("&lt;") => ('<', 4),
            _ if rest.starts_with("&gt;") => ('>', 4),
            _ => ('&', 1),
        };
        words.push(c);
        rest = &rest[len..];
    }
    words.push_str(rest);
}
