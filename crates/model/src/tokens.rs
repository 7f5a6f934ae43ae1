//! Counting tokens as the model's own tokenizer does, or estimating them where we do not have it.

use std::sync::Arc;

use chathakase_session::TokenCounter;
use tiktoken_rs::{
    CoreBPE, cl100k_base_singleton, o200k_base_singleton,
    tokenizer::{Tokenizer, get_tokenizer},
};

/// Longest text that is tokenized in one go, in bytes. A longer one is counted in pieces, which adds at most a few
/// tokens per piece and keeps the work linear, whatever the text.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// Counts as OpenAI's models do. The tables (46 MB, about 0.1 s) are loaded at the first count and shared by the
/// process: where that pause matters, count once on a blocking thread first.
#[derive(Clone, Copy, Debug)]
pub struct TiktokenCounter {
    vocabulary: Vocabulary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vocabulary {
    O200k,
    Cl100k,
}

impl TiktokenCounter {
    /// The vocabulary of gpt-4o and whatever came after it.
    pub const fn o200k() -> Self {
        Self { vocabulary: Vocabulary::O200k }
    }
    /// The vocabulary of gpt-4 and gpt-3.5.
    pub const fn cl100k() -> Self {
        Self { vocabulary: Vocabulary::Cl100k }
    }

    /// The counter of an OpenAI model, also as `openai/NAME`, `azure/NAME` and `ft:NAME:…`; `None` for models of
    /// others.
    pub fn for_model(name: &str) -> Option<Self> {
        let name = name.strip_prefix("openai/").or_else(|| name.strip_prefix("azure/")).unwrap_or(name);
        match get_tokenizer(name) {
            // The two differ in special tokens only, and text never has any.
            Some(Tokenizer::O200kBase | Tokenizer::O200kHarmony) => Some(Self::o200k()),
            Some(Tokenizer::Cl100kBase) => Some(Self::cl100k()),
            // No chat model has these.
            Some(Tokenizer::P50kBase | Tokenizer::P50kEdit | Tokenizer::R50kBase | Tokenizer::Gpt2) => None,
            // A model newer than the table.
            None => (name.starts_with("gpt-") || name.starts_with("chatgpt-")).then_some(Self::o200k()),
        }
    }

    fn table(self) -> &'static CoreBPE {
        match self.vocabulary {
            Vocabulary::O200k => o200k_base_singleton(),
            Vocabulary::Cl100k => cl100k_base_singleton(),
        }
    }
}

impl TokenCounter for TiktokenCounter {
    fn count(&self, mut text: &str) -> usize {
        let mut tokens = 0;
        while !text.is_empty() {
            let (piece, rest) = text.split_at(text.floor_char_boundary(PIECE_BYTES_MAX));
            tokens += self.table().count_ordinary(piece);
            text = rest;
        }
        tokens
    }
}

/// Estimates the tokens of a model whose tokenizer we do not have, rather too many than too few: three letters or
/// spaces to a token, three bytes of anything else (digits, signs, other scripts) to two.
#[derive(Clone, Copy, Debug, Default)]
pub struct BytesEstimate;

impl TokenCounter for BytesEstimate {
    fn count(&self, text: &str) -> usize {
        let thirds: usize = text.bytes().map(|b| if b.is_ascii_alphabetic() || b == b' ' { 1 } else { 2 }).sum();
        thirds.div_ceil(3)
    }
}

/// The counter that fits a model best, by its name.
pub fn counter_for(model: &str) -> Arc<dyn TokenCounter> {
    match TiktokenCounter::for_model(model) {
        Some(counter) => Arc::new(counter),
        None => Arc::new(BytesEstimate),
    }
}

#[cfg(test)]
mod tests;
