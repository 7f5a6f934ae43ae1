//! An answer as it comes in: bytes go in, text and an ending come out. Does no I/O and knows no time.

use crate::{
    Finish, FinishReason, ModelError, Usage,
    chunk::Chunk,
    fault::Fault,
    sse::{EVENT_BYTES_MAX, Event, EventTooLong, Parser},
    veil::Veil,
};

/// Largest answer, in bytes of text (1 MiB): far more than any model gives, so only a server gone mad meets it.
pub(crate) const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Longest content type that is repeated in an error, in characters.
const CONTENT_TYPE_CHARS_MAX: usize = 60;

/// Reads the body of an HTTP 200, whatever it turns out to be.
pub(crate) struct Answer {
    body: Body,
    is_event_stream: bool,
    content_type: String,
    heard: Heard,
}

/// What the body is. The first byte tells, for not all servers send the right content type.
enum Body {
    /// Only white space or a byte-order mark so far.
    Undecided(Parser),
    Events(Parser),
    /// One JSON text: an error, or the whole answer of a server that does not stream.
    Document(Vec<u8>),
}

/// What the model has said so far.
#[derive(Default)]
struct Heard {
    /// Text that nobody has taken yet.
    text: String,
    text_bytes_total: usize,
    tokens: u64,
    events: u64,
    finish: Option<FinishReason>,
    /// `[DONE]` came.
    done: bool,
    usage: Option<Usage>,
    model: Option<String>,
}

impl Answer {
    pub(crate) fn new(content_type: &str) -> Self {
        Self {
            body: Body::Undecided(Parser::default()),
            is_event_stream: content_type.trim_start().starts_with("text/event-stream"),
            content_type: content_type.chars().filter(|c| !c.is_control()).take(CONTENT_TYPE_CHARS_MAX).collect(),
            heard: Heard::default(),
        }
    }

    /// Reads on. Text that came before an error is kept: take it first.
    pub(crate) fn push(&mut self, mut bytes: &[u8], veil: Veil<'_>) -> Result<(), ModelError> {
        if let Body::Undecided(parser) = &mut self.body {
            let blank = |b: &u8| b.is_ascii_whitespace() || "\u{feff}".as_bytes().contains(b);
            let begin = bytes.iter().position(|b| !blank(b)).unwrap_or(bytes.len());
            match bytes.get(begin) {
                None => {}
                Some(b'{' | b'[') => {
                    bytes = &bytes[begin..];
                    self.body = Body::Document(Vec::new());
                }
                Some(b'<') => return Err(malformed("it sent a web page")),
                Some(_) => self.body = Body::Events(std::mem::take(parser)),
            }
        }
        let heard = &mut self.heard;
        match &mut self.body {
            Body::Undecided(parser) | Body::Events(parser) => {
                parser.push(bytes, |event| heard.note_event(&event, veil))
            }
            Body::Document(json) if json.len() + bytes.len() > EVENT_BYTES_MAX => Err(EventTooLong.into()),
            Body::Document(json) => {
                json.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// The server closed its stream in good order. Says whether the answer is complete.
    pub(crate) fn close(&mut self, veil: Veil<'_>) -> Result<Finish, ModelError> {
        let heard = &mut self.heard;
        match &mut self.body {
            Body::Document(json) => heard.note_document(json, veil)?,
            Body::Undecided(parser) | Body::Events(parser) => {
                match parser.finish(|event| heard.note_event(&event, veil)) {
                    // Half an event at the very end: cut off, not malformed.
                    Ok(()) | Err(ModelError::Malformed { .. }) => {}
                    Err(error) => return Err(error),
                }
                let no_stream = matches!(self.body, Body::Events(_)) && self.heard.events == 0 && !self.is_event_stream;
                if no_stream {
                    return Err(malformed(format!("it sent `{}` without any event", self.content_type)));
                }
            }
        }
        self.conclude()
    }

    /// The ending as far as it is known. Only a `finish_reason` or `[DONE]` proves that the answer is complete.
    pub(crate) fn conclude(&mut self) -> Result<Finish, ModelError> {
        let heard = &mut self.heard;
        if !heard.is_complete() {
            return Err(ModelError::CutOff { cause: None });
        }
        let reason = heard.finish.clone().unwrap_or(FinishReason::Stop);
        match (heard.text_bytes_total, reason) {
            (0, FinishReason::ContentFilter) => {
                Err(ModelError::Refused { message: "the content filter held the whole answer back".to_owned() })
            }
            (0, reason) => Err(ModelError::Empty { reason }),
            (_, reason) => Ok(Finish { reason, usage: heard.usage, model: heard.model.take() }),
        }
    }

    /// The text that came since the last call.
    pub(crate) fn take_text(&mut self) -> Option<String> {
        (!self.heard.text.is_empty()).then(|| std::mem::take(&mut self.heard.text))
    }

    pub(crate) fn has_text(&self) -> bool {
        !self.heard.text.is_empty()
    }

    /// How many chunks carried something that the model produced, shown or not.
    pub(crate) fn tokens(&self) -> u64 {
        self.heard.tokens
    }

    /// The model has finished; at most the usage may still come.
    pub(crate) fn is_complete(&self) -> bool {
        self.heard.is_complete()
    }

    /// Nothing may follow.
    pub(crate) fn is_done(&self) -> bool {
        self.heard.done
    }
}

impl Heard {
    fn is_complete(&self) -> bool {
        self.done || self.finish.is_some()
    }

    fn note_event(&mut self, event: &Event<'_>, veil: Veil<'_>) -> Result<(), ModelError> {
        let data = event.data.trim_ascii();
        if self.done || data.is_empty() {
            return Ok(());
        }
        self.events += 1;
        if data == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let noted = if event.is_error {
            Err(Fault::read(data).into_stream_error(veil))
        } else {
            Chunk::read(data).map_err(not_json).and_then(|chunk| self.note_chunk(&chunk, data, veil))
        };
        // Once the answer is complete nothing can spoil it.
        if self.is_complete() { Ok(()) } else { noted }
    }

    fn note_document(&mut self, json: &[u8], veil: Veil<'_>) -> Result<(), ModelError> {
        let chunk = match Chunk::read(json) {
            Ok(chunk) => chunk,
            Err(error) if error.is_eof() => return Err(ModelError::CutOff { cause: None }),
            Err(error) => return Err(not_json(error)),
        };
        if chunk.choices.is_none() && chunk.error.is_none() && Fault::from_json(json).is_none() {
            return Err(malformed("it sent JSON without `choices`"));
        }
        self.note_chunk(&chunk, json, veil)?;
        // A whole JSON text needs no other proof of being whole.
        self.done = true;
        Ok(())
    }

    fn note_chunk(&mut self, chunk: &Chunk<'_>, data: &[u8], veil: Veil<'_>) -> Result<(), ModelError> {
        // An error has no choices beside it; some servers send it bare, without the `error` around it.
        if (chunk.error.is_some() || chunk.is_bare())
            && let Some(fault) = Fault::from_json(data)
        {
            return Err(fault.into_stream_error(veil));
        }
        if let Some(usage) = chunk.usage() {
            self.usage = Some(usage);
        }
        if self.model.is_none() && !chunk.model.0.is_empty() {
            self.model = Some(chunk.model.0.to_string());
        }
        let Some(choice) = chunk.choices.as_ref().and_then(|choices| choices.0.as_ref()) else { return Ok(()) };
        if let Some(delta) = choice.delta() {
            self.tokens += u64::from(delta.is_token());
            self.add_text(&delta.content.0)?;
            self.add_text(&delta.refusal.0)?;
        }
        match &*choice.finish_reason.0 {
            "" => {}
            "error" => return Err(ModelError::StreamError { message: "finish_reason is `error`".to_owned() }),
            word => self.finish = Some(FinishReason::parse(word)),
        }
        Ok(())
    }

    fn add_text(&mut self, text: &str) -> Result<(), ModelError> {
        self.text_bytes_total += text.len();
        if self.text_bytes_total > ANSWER_BYTES_MAX {
            return Err(ModelError::TooLarge { what: "answer", limit_bytes: ANSWER_BYTES_MAX });
        }
        self.text.push_str(text);
        Ok(())
    }
}

impl From<EventTooLong> for ModelError {
    fn from(_: EventTooLong) -> Self {
        Self::TooLarge { what: "event", limit_bytes: EVENT_BYTES_MAX }
    }
}

fn malformed(what: impl Into<String>) -> ModelError {
    ModelError::Malformed { what: what.into() }
}

/// Says where, not what: serde's own words may repeat the text of the answer.
fn not_json(error: serde_json::Error) -> ModelError {
    malformed(format!("a chunk is not the JSON it should be (line {}, column {})", error.line(), error.column()))
}

#[cfg(test)]
mod tests;
