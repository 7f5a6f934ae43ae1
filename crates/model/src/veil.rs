//! What a server says may be shown only after it was cut short and cleared of what must stay hidden.

use secrecy::{ExposeSecret, SecretString};

use crate::ChatMessage;

/// Longest excerpt of a server's words in an error, in characters.
pub(crate) const EXCERPT_CHARS_MAX: usize = 300;

/// Shortest message text that is looked for in a server's words, in bytes. Shorter ones ("hi") occur in any sentence.
const VEILED_BYTES_MIN: usize = 8;

/// What must never get from a server's words into an error: our key, and what people said.
#[derive(Clone, Copy, Default)]
pub(crate) struct Veil<'a> {
    pub(crate) key: Option<&'a SecretString>,
    pub(crate) messages: &'a [ChatMessage],
}

impl Veil<'_> {
    /// `text` on one line, without what must not be seen, at most [`EXCERPT_CHARS_MAX`] characters.
    pub(crate) fn excerpt(self, text: &str) -> String {
        let mut text = text.to_owned();
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
        line.truncate(line.trim_end_matches('.').len());
        match line.char_indices().nth(EXCERPT_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None if line.is_empty() => "no reason given".to_owned(),
            None => line,
        }
    }
}
