//! What a chat-completions server writes: streamed chunks, error bodies, and the cutting of an answer into deltas.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::request::RequestSeen;

/// The line that ends a stream.
pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// Writes the events of one answer. The parts that are the same in each chunk are written once.
#[derive(Debug)]
pub(crate) struct Writer {
    /// Everything before the delta of a chunk.
    head: String,
    /// What follows the choices of each chunk: with usage asked for, chunks say `null` there.
    tail: &'static str,
    usage: bool,
    begun: bool,
    prompt_tokens: usize,
    completion_tokens: usize,
}

impl Writer {
    /// For the `number`th answer of the server, in reply to `request`, at `created` (seconds since the epoch).
    pub(crate) fn new(number: u64, request: &RequestSeen, created: i64) -> Self {
        let model = serde_json::Value::from(request.model.as_str());
        let head = format!(
            r#"data: {{"id":"chatcmpl-sim{number}","object":"chat.completion.chunk","created":{created},"model":{model},"service_tier":"default","system_fingerprint":"fp_sim","choices":["#
        );
        let usage = request.wants_usage;
        let tail = if usage { "],\"usage\":null}\n\n" } else { "]}\n\n" };
        let prompt_tokens = request.messages.iter().map(|m| m.content.split_whitespace().count() + 4).sum();
        Self { head, tail, usage, begun: false, prompt_tokens, completion_tokens: 0 }
    }

    /// About how many bytes a whole answer of `text` takes.
    pub(crate) fn bytes_for(&self, text: &str) -> usize {
        const CHUNK_BYTES: usize = 120;
        (text.len() / 5 + 4) * (self.head.len() + CHUNK_BYTES) + text.len()
    }

    /// Appends one delta with `text` to `out`; before the first one the chunk that names the role, as OpenAI sends it.
    pub(crate) fn delta(&mut self, out: &mut Vec<u8>, text: &str) {
        self.begin(out);
        self.completion_tokens += 1;
        self.chunk(out, |out| {
            out.extend_from_slice(br#"{"content":"#);
            write_json(out, text);
            out.push(b'}');
        });
    }

    /// Appends the chunk with the finish reason and, if it was asked for, the one with the usage.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, reason: &str) {
        self.begin(out);
        out.extend_from_slice(self.head.as_bytes());
        out.extend_from_slice(br#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"#);
        write_json(out, reason);
        out.push(b'}');
        out.extend_from_slice(self.tail.as_bytes());
        if self.usage {
            let (prompt, completion) = (self.prompt_tokens, self.completion_tokens);
            out.extend_from_slice(self.head.as_bytes());
            let usage =
                json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion});
            out.extend_from_slice(format!("],\"usage\":{usage}}}\n\n").as_bytes());
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            self.chunk(out, |out| out.extend_from_slice(br#"{"role":"assistant","content":"","refusal":null}"#));
        }
    }

    fn chunk(&self, out: &mut Vec<u8>, delta: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(self.head.as_bytes());
        out.extend_from_slice(br#"{"index":0,"delta":"#);
        delta(out);
        out.extend_from_slice(br#","logprobs":null,"finish_reason":null}"#);
        out.extend_from_slice(self.tail.as_bytes());
    }
}

fn write_json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("text is always writable as JSON");
}

/// Cuts `text` into deltas as a model streams them: each word with the white space before it.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word_from = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let word = &rest[word_from..];
        let end = word_from + word.find(char::is_whitespace).unwrap_or(word.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

/// The body OpenAI answers with at this HTTP status.
pub(crate) fn error_body(status: u16, message: &str) -> Arc<str> {
    let (kind, code) = match status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("requests", Some("rate_limit_exceeded")),
        400..=499 => ("invalid_request_error", None),
        _ => ("server_error", None),
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}}).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_cut_before_the_white_space_and_nothing_is_lost() {
        for (text, expected) in [
            ("", &[][..]),
            ("Hello", &["Hello"]),
            ("Hello Ana.", &["Hello", " Ana."]),
            ("  a\n\n- b ", &["  a", "\n\n-", " b", " "]),
            ("é 漢字\u{a0}🙂", &["é", " 漢字", "\u{a0}🙂"]),
        ] {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }
}
