//! Counting tokens, which models are limited by and paid for.

/// Counts the tokens of a text, for one model or family of models.
///
/// The one rule: the count is never greater than `text.len()`, its length in bytes. Every tokenizer in use keeps it, because
/// no token stands for less than a byte. Windows rely on it: they ask for a count only where the bytes do not decide, so
/// that a tokenizer's tables need not be loaded before a conversation is long.
pub trait TokenCounter: Send + Sync {
    /// How many tokens `text` has: at most `text.len()`. Text is only text: what looks like a special token is not one.
    fn count(&self, text: &str) -> usize;
}

impl<C: TokenCounter + ?Sized> TokenCounter for &C {
    fn count(&self, text: &str) -> usize {
        (**self).count(text)
    }
}

impl<C: TokenCounter + ?Sized> TokenCounter for std::sync::Arc<C> {
    fn count(&self, text: &str) -> usize {
        (**self).count(text)
    }
}

/// Takes each byte for a token: an upper bound that no tokenizer exceeds. English text has about a quarter of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct BytesAsTokens;

impl TokenCounter for BytesAsTokens {
    fn count(&self, text: &str) -> usize {
        text.len()
    }
}
