//! What a server says may be shown only after it was cut short and cleared of what must stay hidden.

use secrecy::{ExposeSecret, SecretString};

use crate::ChatMessage;

/// Longest excerpt of a server's words in an error, in characters.
pub(crate) const EXCERPT_CHARS_MAX: usize = 300;

/// Shortest message text that is looked for in a server's words, in bytes. Shorter ones ("hi") occur in any sentence.
const VEILED_BYTES_MIN: usize = 8;

/// Shortest part of a message that is hidden where a server's words repeat it, in bytes. Shorter ones are said by chance.
const QUOTE_BYTES_MIN: usize = 16;

/// How much of a server's words is looked through for quotes, in bytes: more than is ever shown.
const LOOKED_THROUGH_MAX: usize = 4 * EXCERPT_CHARS_MAX;

/// What must never get from a server's words into an error: our key, and what people said.
#[derive(Clone, Copy, Default)]
pub(crate) struct Veil<'a> {
    pub(crate) key: Option<&'a SecretString>,
    pub(crate) messages: &'a [ChatMessage],
}

impl Veil<'_> {
    /// `text` on one line, without what must not be seen, at most [`EXCERPT_CHARS_MAX`] characters.
    pub(crate) fn excerpt(self, text: &str) -> String {
        let mut text = unescaped(text);
        let key = self.key.map(|key| key.expose_secret().trim()).filter(|key| !key.is_empty());
        if let Some(key) = key {
            text = text.replace(key, "[key]");
        }
        for message in self.messages.iter().filter(|message| message.content.len() >= VEILED_BYTES_MIN) {
            text = text.replace(&message.content, "[message]");
        }
        // Servers that validate with pydantic repeat the whole input behind the reason.
        for echo in ["input_value=", "'input':", "\"input\":"] {
            text.truncate(text.find(echo).unwrap_or(text.len()));
        }
        let mut line = String::new();
        for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
            if !line.is_empty() {
                line.push(' ');
            }
            // OpenAI repeats a wrong key with its middle starred out.
            let is_key = word.trim_start_matches(|c: char| !c.is_alphanumeric()).starts_with("sk-");
            line.push_str(if is_key { "[key]" } else { word });
        }
        let mut line = self.without_quotes(&line);
        line.truncate(line.trim_end_matches('.').len());
        match line.char_indices().nth(EXCERPT_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None if line.is_empty() => "no reason given".to_owned(),
            None => line,
        }
    }

    /// `line` with every run of [`QUOTE_BYTES_MIN`] bytes and more that stands in a message hidden: servers quote parts, too.
    fn without_quotes(self, line: &str) -> String {
        // What is behind is cut off anyway; looking through all of a long page would take long.
        let line = &line[..line.floor_char_boundary(LOOKED_THROUGH_MAX)];
        let messages: Vec<String> = self.messages.iter().map(|message| on_one_line(&message.content)).collect();
        let is_quoted = |part: &str| messages.iter().any(|message| message.contains(part));
        let (mut shown, mut at) = (String::new(), 0);
        while at < line.len() {
            let mut end = line.ceil_char_boundary(at + QUOTE_BYTES_MIN);
            if end - at >= QUOTE_BYTES_MIN && is_quoted(&line[at..end]) {
                let longer = |end: usize| line.ceil_char_boundary(end + 1);
                while end < line.len() && is_quoted(&line[at..longer(end)]) {
                    end = longer(end);
                }
                shown.push_str("[message]");
            } else {
                end = line.ceil_char_boundary(at + 1);
                shown.push_str(&line[at..end]);
            }
            at = end;
        }
        shown
    }
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` with the escapes of a JSON string read, as far as they can be: a quote may be one of JSON.
fn unescaped(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut pieces = text.split('\\');
    let mut units: Vec<u16> = pieces.next().unwrap_or_default().encode_utf16().collect();
    for piece in pieces {
        let code = piece.strip_prefix('u').and_then(|hex| u16::from_str_radix(hex.get(..4)?, 16).ok());
        match (code, piece.chars().next()) {
            (Some(unit), _) => {
                units.push(unit);
                units.extend(piece[5..].encode_utf16());
            }
            (None, Some('n' | 'r' | 't')) => units.extend(format!(" {}", &piece[1..]).encode_utf16()),
            (None, _) => units.extend(piece.encode_utf16()),
        }
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use chathakase_session::Role;

    use super::*;

    #[track_caller]
    fn check(said: &str, server: &str, shown: &str) {
        let messages = [ChatMessage { role: Role::User, content: said.to_owned() }];
        assert_eq!(Veil { key: None, messages: &messages }.excerpt(server), shown);
    }

    #[test]
    fn a_part_of_a_message_is_hidden_as_the_whole_is() {
        let said = "My password is heron-42, and\nnobody knows it but Ana";
        check(said, "bad input: 'password is heron-42, and nobody'", "bad input: '[message]'");
        check(said, r#"bad input: "heron-42, and\nnobody knows it""#, r#"bad input: "[message]""#);
        check(said, "the model is overloaded", "the model is overloaded");
    }

    #[test]
    fn quotes_in_other_scripts_and_in_escapes_are_found() {
        check("秘密の合言葉は青鷺です", "無効: 合言葉は青鷺です!", "無効: [message]!");
        check("秘密の合言葉は青鷺です", r"bad: \u5408\u8a00\u8449\u306f\u9752\u9dfa", "bad: [message]");
        check("it is a 🦢 that nobody saw", r"bad=a \ud83e\udda2 that nobody", "bad=[message]");
        check("x", r"broken \u12 and \ and \ud83e alone", "broken u12 and and \u{fffd} alone");
    }
}
