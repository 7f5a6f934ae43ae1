//! One chunk of a streamed answer, read leniently: of what servers send, only what we use has to be right.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, de::SeqAccess};
use serde_json::value::RawValue;

use crate::{
    Usage,
    lenient::{FromAny, Lenient, Number, Present, Text},
};

/// The parts of a chunk that matter. A whole (not streamed) completion fits too: its `message` is read like a `delta`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Chunk<'a> {
    /// `None` when the key is missing: then this may be no chunk at all.
    #[serde(borrow, default)]
    pub(crate) choices: Option<First<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) model: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) error: Option<&'a RawValue>,
}

impl<'a> Chunk<'a> {
    pub(crate) fn read(data: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(data)
    }

    /// Nothing of a chunk is in it.
    pub(crate) fn is_bare(&self) -> bool {
        self.choices.is_none() && self.usage.is_none()
    }

    /// The server's count of tokens; one that cannot be read is none.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let counts: Counts = serde_json::from_str(self.usage?.get()).ok()?;
        let [prompt, completion, total] =
            [counts.prompt_tokens, counts.completion_tokens, counts.total_tokens].map(|n| n.0);
        prompt.or(completion).or(total)?;
        let (prompt, completion) = (prompt.unwrap_or(0), completion.unwrap_or(0));
        Some(Usage { prompt, completion, total: total.unwrap_or_else(|| prompt.saturating_add(completion)) })
    }
}

/// The choice with index 0, or without an index. We ask for one answer, so there are no others to miss.
#[derive(Debug, Default)]
pub(crate) struct First<'a>(pub(crate) Option<Choice<'a>>);

/// One choice of a chunk.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Choice<'a> {
    #[serde(default)]
    index: Number,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    message: Option<Delta<'a>>,
    #[serde(borrow, default)]
    pub(crate) finish_reason: Text<'a>,
}

impl<'a> Choice<'a> {
    pub(crate) fn delta(&self) -> Option<&Delta<'a>> {
        self.delta.as_ref().or(self.message.as_ref())
    }
}

/// What a choice adds to the answer.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Delta<'a> {
    #[serde(borrow, default)]
    pub(crate) content: Text<'a>,
    /// Words of the model too: it says why it will not answer.
    #[serde(borrow, default)]
    pub(crate) refusal: Text<'a>,
    #[serde(default)]
    reasoning_content: Present,
    #[serde(default)]
    reasoning: Present,
    #[serde(default)]
    tool_calls: Present,
}

impl Delta<'_> {
    /// Whether the model produced something, though it may be nothing that we show.
    pub(crate) fn is_token(&self) -> bool {
        let shown = !self.content.0.is_empty() || !self.refusal.0.is_empty();
        shown || self.reasoning_content.0 || self.reasoning.0 || self.tool_calls.0
    }
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    prompt_tokens: Number,
    #[serde(default)]
    completion_tokens: Number,
    #[serde(default)]
    total_tokens: Number,
}

impl<'de: 'a, 'a> Deserialize<'de> for First<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(PhantomData))
    }
}
impl<'de: 'a, 'a> FromAny<'de> for First<'a> {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut first = None;
        while let Some(choice) = seq.next_element::<Option<Choice<'a>>>()? {
            let ours = choice.filter(|choice| choice.index.0.unwrap_or(0) == 0);
            first = first.or(ours);
        }
        Ok(Self(first))
    }
}

#[cfg(test)]
mod tests;
