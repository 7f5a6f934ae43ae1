//! One chunk of a streamed answer, read leniently: of what servers send, only what we use has to be right.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::Usage;

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

/// A text, or the texts of a list of parts (`[{"type":"text","text":"…"}]`). Anything else is no text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

/// Whether something other than `null`, `""`, `[]` or `{}` is there.
#[derive(Clone, Copy, Debug, Default)]
struct Present(bool);

/// A whole number, also written `3.0`. Anything else is none.
#[derive(Clone, Copy, Debug, Default)]
struct Number(Option<u64>);

#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    prompt_tokens: Number,
    #[serde(default)]
    completion_tokens: Number,
    #[serde(default)]
    total_tokens: Number,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Text<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for First<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(PhantomData))
    }
}
impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(PhantomData))
    }
}
impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(PhantomData))
    }
}
impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(PhantomData))
    }
}

/// Reads a value of any type as `T`: what `T` has no use for is its default, not an error.
struct Lenient<T>(PhantomData<T>);

trait FromAny<'de>: Default {
    fn from_text(_text: Cow<'de, str>) -> Self {
        Self::default()
    }
    fn from_number(_number: f64) -> Self {
        Self::default()
    }
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl<'de, T: FromAny<'de>> Visitor<'de> for Lenient<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<T, E> {
        Ok(T::from_text(Cow::Borrowed(text)))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        Ok(T::from_text(Cow::Owned(text.to_owned())))
    }
    fn visit_bool<E: de::Error>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        Ok(T::from_number(number as f64))
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        Ok(T::from_number(number as f64))
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        Ok(T::from_number(number))
    }
    fn visit_unit<E: de::Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::from_seq(seq)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
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

impl<'de: 'a, 'a> FromAny<'de> for Text<'a> {
    fn from_text(text: Cow<'de, str>) -> Self {
        Self(text)
    }
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut text = String::new();
        while let Some(part) = seq.next_element::<Option<Part<'a>>>()? {
            text.push_str(part.as_ref().map_or("", |part| &part.text.0));
        }
        Ok(Self(Cow::Owned(text)))
    }
}

impl<'de> FromAny<'de> for Present {
    fn from_text(text: Cow<'de, str>) -> Self {
        Self(!text.is_empty())
    }
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut any = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            any = true;
        }
        Ok(Self(any))
    }
    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut any = false;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            any = true;
        }
        Ok(Self(any))
    }
}

impl<'de> FromAny<'de> for Number {
    fn from_number(number: f64) -> Self {
        // Counts of tokens and indexes stay far below 2^53, where a float is still exact.
        Self((0.0..9e15).contains(&number).then_some(number as u64))
    }
}

#[cfg(test)]
mod tests;
